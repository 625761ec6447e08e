/* standing.h - who leaves first when a table is full: whoever has done least, and long ago.
 *
 * Weights are acts counted. What has done 2^n of them and was silent for a time stands as high as what has done one and
 * was silent for a 4^n-th of that time. So a crowd of sources that each come once push out one another, however many
 * they are, and who is heavy stays for weeks of silence; but nobody for ever.
 *
 * It keeps one list for each power of two, in the order of last touch, so that all it does takes the same time whatever
 * the size. Entries are named by their positions, 1..count, as those of base/slab.h.
 */
#ifndef WATCH_STANDING_H
#define WATCH_STANDING_H

#include <stdint.h>

struct standing;

/* NULL with errno. */
struct standing *standing_new(uint32_t count);
void standing_free(struct standing *s); /* NULL is fine */
/* It has done something just now, `weight` acts in all. Adds it, if it is not there. */
void standing_touch(struct standing *s, uint32_t position, uint64_t weight, uint64_t now_us);
void standing_drop(struct standing *s, uint32_t position); /* it is there */
/* 0 = there is none. */
uint32_t standing_least(const struct standing *s, uint64_t now_us);

#endif
