/* slab.h - a fixed number of equal entries, handed out and taken back.
 *
 * Entries are named by their position (1..count, 0 = none), never by a pointer that would dangle.
 * Those given back are handed out again first (warm in the cache), then those never used yet: a slab sized
 * for the worst day costs only the memory that was ever in use.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stdint.h>

enum { SLAB_COUNT_MAX = 1 << 24 };

struct slab;

/* count 1..SLAB_COUNT_MAX entries of entry_bytes >= 1, 16-byte aligned if their size is a multiple of 16.
 * NULL with errno EINVAL or ENOMEM. */
struct slab *slab_new(uint32_t count, uint32_t entry_bytes);
void slab_free(struct slab *s); /* NULL is fine */

/* Position of an entry, or 0 when all are in use. Zero at its first use, later as it was given back. */
uint32_t slab_take(struct slab *s);
/* Not twice (the count of entries in use is asserted, not each entry). */
void slab_give(struct slab *s, uint32_t position);
/* position: one that was handed out (asserted). Valid until slab_free(). */
void *slab_at(const struct slab *s, uint32_t position);

/* Entries behind this position were never handed out. */
uint32_t slab_touched(const struct slab *s);
uint32_t slab_used(const struct slab *s);
uint32_t slab_count(const struct slab *s);

#endif
