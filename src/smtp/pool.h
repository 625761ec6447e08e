/* pool.h - commands in flight: entries shared by all dialogues of a worker, and FIFOs of them.
 *
 * Entries are named by a number (1..count, 0 = none), so that nothing in a dialogue dangles.
 */
#ifndef SMTP_POOL_H
#define SMTP_POOL_H

#include "smtp/dialogue.h"

struct fifo {
	uint32_t first, last, count;
};

/* A zeroed entry, or 0 when all are in use; slab_give() takes it back. */
uint32_t pool_take(struct slab *pool);
struct smtp_command *pool_get(const struct slab *pool, uint32_t id);

void fifo_append(struct fifo *f, struct slab *pool, uint32_t id);
/* The first entry, taken out; 0 if there is none. */
uint32_t fifo_pop(struct fifo *f, struct slab *pool);
/* The one behind the first, taken out; 0 if there is none. */
uint32_t fifo_pop_second(struct fifo *f, struct slab *pool);
/* Moves all of `from` behind the entries of `to`. */
void fifo_move(struct fifo *to, struct fifo *from, struct slab *pool);
/* Gives all entries back. */
void fifo_drop(struct fifo *f, struct slab *pool);

#endif
