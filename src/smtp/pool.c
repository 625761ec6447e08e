/* pool.c - commands in flight.
 *
 * One array taken at the start; given back entries form a list, the others are handed out in order,
 * so that a pool sized for the worst day costs only the memory that was ever in use.
 */
#include "smtp/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_COUNT_MAX = 1 << 24 };

struct smtp_pool {
	uint32_t count, used;
	uint32_t fresh;  /* entries never handed out yet begin here */
	uint32_t unused; /* list of those given back */
	struct smtp_command commands[];
};

struct smtp_pool *smtp_pool_new(uint32_t count)
{
	struct smtp_pool *pool;

	if (count < 1 || count > POOL_COUNT_MAX) {
		errno = EINVAL;
		return NULL;
	}
	pool = calloc(1, sizeof(*pool) + (size_t)count * sizeof(pool->commands[0]));
	if (pool)
		pool->count = count;
	return pool;
}

void smtp_pool_free(struct smtp_pool *pool)
{
	free(pool);
}

uint32_t smtp_pool_used(const struct smtp_pool *pool)
{
	return pool->used;
}

struct smtp_command *pool_get(struct smtp_pool *pool, uint32_t id)
{
	assert(id >= 1 && id <= pool->fresh);
	return &pool->commands[id - 1];
}

uint32_t pool_take(struct smtp_pool *pool)
{
	uint32_t id = pool->unused;

	if (id != 0)
		pool->unused = pool_get(pool, id)->next;
	else if (pool->fresh < pool->count)
		id = ++pool->fresh;
	else
		return 0;
	memset(pool_get(pool, id), 0, sizeof(struct smtp_command));
	pool->used++;
	return id;
}

void pool_give(struct smtp_pool *pool, uint32_t id)
{
	assert(pool->used > 0);
	pool_get(pool, id)->next = pool->unused;
	pool->unused = id;
	pool->used--;
}

void fifo_append(struct fifo *f, struct smtp_pool *pool, uint32_t id)
{
	pool_get(pool, id)->next = 0;
	if (f->last)
		pool_get(pool, f->last)->next = id;
	else
		f->first = id;
	f->last = id;
	f->count++;
}

uint32_t fifo_pop(struct fifo *f, struct smtp_pool *pool)
{
	uint32_t id = f->first;

	if (id == 0)
		return 0;
	f->first = pool_get(pool, id)->next;
	if (f->first == 0)
		f->last = 0;
	f->count--;
	return id;
}

uint32_t fifo_pop_second(struct fifo *f, struct smtp_pool *pool)
{
	struct fifo rest = *f;
	uint32_t first = fifo_pop(&rest, pool), id = fifo_pop(&rest, pool);

	if (id == 0)
		return 0;
	pool_get(pool, first)->next = rest.first;
	f->last = rest.first ? rest.last : first;
	f->count--;
	return id;
}

void fifo_move(struct fifo *to, struct fifo *from, struct smtp_pool *pool)
{
	if (from->first == 0)
		return;
	if (to->last)
		pool_get(pool, to->last)->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	to->count += from->count;
	*from = (struct fifo) { 0 };
}

void fifo_drop(struct fifo *f, struct smtp_pool *pool)
{
	uint32_t id;

	while ((id = fifo_pop(f, pool)) != 0)
		pool_give(pool, id);
}
