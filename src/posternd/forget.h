/* forget.h - somebody is forgotten: in what the daemon holds in memory at once, in the store behind what is told already.
 *
 * One at a time. It is told as an act, in numbers and without the name, also when nobody waits for the answer any more.
 */
#ifndef POSTERND_FORGET_H
#define POSTERND_FORGET_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/forgotten.h"
#include "posternd/forgotten.h"

struct block;
struct daemon;

struct daemon_forget {
	bool runs;
	uint32_t number; /* of the last one */
	uint32_t uid;
	bool is_mailbox;
	struct forgotten memory, store;
	bool has_store;
	int store_result; /* 0 or -errno; of no account without a store */
	bool is_clean;
};

/* look: only counts. The number of the answer; 0: another one is being forgotten. */
uint32_t forget_start(struct daemon *d, const struct mention *who, bool look, uint32_t uid);
/* The answer of that number is there: in d->forget. */
bool forget_is_done(const struct daemon *d, uint32_t number);
/* A block of him, or whose reason names him: it stays in force. */
bool forget_is_about(const struct mention *who, const struct block *b);
/* Often. */
void forget_tick(struct daemon *d);

#endif
