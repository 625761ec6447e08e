/* blocked.h - the sets of clients that are cut off, and of those that are limited: written, and read back.
 *
 * Hosts lie in hash sets, what is wider in interval sets, one of each for a family. An element lives for a time of its
 * own, or for ever; the kernel ends it. One that is limited has a token bucket of its own.
 */
#ifndef GATE_BLOCKED_H
#define GATE_BLOCKED_H

#include <stddef.h>
#include <stdint.h>

#include "gate/gate.h"
#include "gate/model.h"

struct batch;
struct mnl_socket;

enum blocked_set {
	BLOCKED_HOSTS_V4,
	BLOCKED_HOSTS_V6,
	BLOCKED_NETS_V4,
	BLOCKED_NETS_V6,
	LIMITED_HOSTS_V4,
	LIMITED_HOSTS_V6,
	LIMITED_NETS_V4,
	LIMITED_NETS_V6,
	BLOCKED_SETS
};
extern const struct blocked_set_info {
	const char *name;
	enum model_key key;
	enum model_family family;
	bool limits; /* else it cuts off */
} blocked_sets[BLOCKED_SETS];

/* How many elements the set must hold for so many blocks. */
uint32_t blocked_places(enum blocked_set set, uint32_t blocks);

/* Messages for gate_block(). */
void blocked_encode(struct batch *b, const char *table, const struct gate_blocks_change *change);
/* Calls each for what the sets hold, in any order. 0 or -errno; EINTR: again, from the start. */
int blocked_read(struct mnl_socket *nl, uint32_t *seq, const char *table, gate_each_block *each, void *arg);
/* Does the kernel have all of these? 0; -ESTALE: not all; -errno. Asks by their first addresses. */
int blocked_check(
        struct mnl_socket *nl, uint32_t *seq, const char *table, const struct gate_block *list, size_t count);

#endif
