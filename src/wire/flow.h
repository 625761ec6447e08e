/* flow.h - the five-tuple as a key: both directions of a connection have one.
 *
 * The two ends stand in order of (address, port); who sent is told apart. The key has no padding, so
 * that it can be hashed and compared as bytes (base/table.h).
 */
#ifndef WIRE_FLOW_H
#define WIRE_FLOW_H

#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "wire/packet.h"

struct flow_key {
	struct addr addr[2];
	uint16_t port[2];
};

/* Fills *key; answers which end of it (0 or 1) sent this segment. Where both ends are the same
 * address and port the answer is always 0. */
uint8_t flow_key_make(struct flow_key *key, const struct segment *seg);

/* A number for a connection, the same in both directions: 53 bits (exact in a JSON number), never 0. */
uint64_t flow_id(const uint8_t hash_key[HASH_KEY_BYTES], const struct flow_key *key, uint64_t open_us);

#endif
