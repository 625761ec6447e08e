/* pool.c - commands in flight: a slab of them, and FIFOs by position. */
#include "smtp/pool.h"

#include <string.h>

struct slab *smtp_pool_new(uint32_t count)
{
	return slab_new(count, sizeof(struct smtp_command));
}

struct smtp_command *pool_get(const struct slab *pool, uint32_t id)
{
	return slab_at(pool, id);
}

uint32_t pool_take(struct slab *pool)
{
	uint32_t id = slab_take(pool);

	if (id != 0)
		memset(pool_get(pool, id), 0, sizeof(struct smtp_command));
	return id;
}

void fifo_append(struct fifo *f, struct slab *pool, uint32_t id)
{
	pool_get(pool, id)->next = 0;
	if (f->last)
		pool_get(pool, f->last)->next = id;
	else
		f->first = id;
	f->last = id;
	f->count++;
}

uint32_t fifo_pop(struct fifo *f, struct slab *pool)
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

uint32_t fifo_pop_second(struct fifo *f, struct slab *pool)
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

void fifo_move(struct fifo *to, struct fifo *from, struct slab *pool)
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

void fifo_drop(struct fifo *f, struct slab *pool)
{
	uint32_t id;

	while ((id = fifo_pop(f, pool)) != 0)
		slab_give(pool, id);
}
