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

/* A zeroed entry, or 0 when all are in use. */
uint32_t pool_take(struct smtp_pool *pool);
void pool_give(struct smtp_pool *pool, uint32_t id);
struct smtp_command *pool_get(struct smtp_pool *pool, uint32_t id);

void fifo_append(struct fifo *f, struct smtp_pool *pool, uint32_t id);
/* The first entry, taken out; 0 if there is none. */
uint32_t fifo_pop(struct fifo *f, struct smtp_pool *pool);
/* The one behind the first, taken out; 0 if there is none. */
uint32_t fifo_pop_second(struct fifo *f, struct smtp_pool *pool);
/* Moves all of `from` behind the entries of `to`. */
void fifo_move(struct fifo *to, struct fifo *from, struct smtp_pool *pool);
/* Gives all entries back. */
void fifo_drop(struct fifo *f, struct smtp_pool *pool);

#endif
