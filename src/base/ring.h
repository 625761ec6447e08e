/* ring.h - a ring of fixed-size records for one writer and one reader, in memory that can be
 * shared between processes (it holds no pointer). The writer never waits: a full ring loses the
 * record and counts it. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdint.h>

struct ring;

/* slots: a power of two, 2..2^20; slot_bytes >= 1 (slots are 64-byte aligned). Memory is
 * MAP_SHARED|MAP_ANONYMOUS, so it survives fork() shared. NULL with errno on failure. */
struct ring *ring_new(uint32_t slots, uint32_t slot_bytes);
void ring_free(struct ring *r); /* NULL is fine */

/* Writer: a slot to fill in place, or NULL when full (counted). Nothing is visible to the reader
 * before ring_commit(), which publishes the slot reserved last. */
void *ring_reserve(struct ring *r);
void ring_commit(struct ring *r);
/* Reader: the oldest record or NULL; it stays valid until ring_pop(). */
const void *ring_front(struct ring *r);
void ring_pop(struct ring *r);
/* Records lost so far, and records waiting; from either side. */
uint64_t ring_lost(const struct ring *r);
uint32_t ring_waiting(const struct ring *r);

#endif
