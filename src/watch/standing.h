/* standing.h - who leaves first when a table is full: whoever has done least, and long ago.
 *
 * Weights are acts counted. What has done 2^n of them and was silent for a time stands as high as what has done one and
 * was silent for a 4^n-th of that time. So a crowd of sources that each come once push out one another, however many
 * they are, and who is heavy stays for weeks of silence; but nobody for ever.
 *
 * It keeps one list for each power of two, in the order of last touch, so that all it does takes the same time whatever
 * the size. Entries are named by their positions, from 1, as those of base/slab.h. The links of the lists lie in the entries
 * themselves, which are at hand when they are touched: beside them they would be one more place in a large memory to wait for.
 */
#ifndef WATCH_STANDING_H
#define WATCH_STANDING_H

#include <stdint.h>

enum { STANDING_LEVELS = 16, STANDING_SECONDS_BITS = 27 };

/* In each entry. All zero: it is in no list. */
struct standing_link {
	uint32_t older, younger;
	uint32_t touched_s : STANDING_SECONDS_BITS; /* comes round in four years */
	uint32_t level : 5;                         /* from 1 */
};

struct standing {
	struct standing_link *(*link_at)(const void *owner, uint32_t position);
	const void *owner;
	uint32_t oldest[STANDING_LEVELS], youngest[STANDING_LEVELS];
};

/* link_at: the link of an entry that is in a list, or is to be. */
void standing_init(struct standing *s, struct standing_link *(*link_at)(const void *owner, uint32_t position),
        const void *owner);
/* It has done something just now, `weight` acts in all. Adds it, if it is not there. */
void standing_touch(struct standing *s, uint32_t position, uint64_t weight, uint64_t now_us);
void standing_drop(struct standing *s, uint32_t position); /* it is there */
/* 0 = there is none. */
uint32_t standing_least(const struct standing *s, uint64_t now_us);

#endif
