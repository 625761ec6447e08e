/* test_pool.c - commands in flight: taking, giving back, order. */
#include "smtp/pool.h"

#include <errno.h>

#include "suite.h"

static void takes_and_gives(void)
{
	struct slab *pool = smtp_pool_new(3);
	uint32_t a = pool_take(pool), b = pool_take(pool), c = pool_take(pool);

	CU_ASSERT(a && b && c && a != b && b != c && a != c);
	CU_ASSERT(pool_take(pool) == 0);
	CU_ASSERT(slab_used(pool) == 3);
	pool_get(pool, b)->tx_id = 7;
	slab_give(pool, b);
	CU_ASSERT(slab_used(pool) == 2);
	CU_ASSERT(pool_take(pool) == b);
	CU_ASSERT(pool_get(pool, b)->tx_id == 0);
	slab_free(pool);
	errno = 0;
	CU_ASSERT(smtp_pool_new(0) == NULL && errno == EINVAL);
	CU_ASSERT(smtp_pool_new((1u << 24) + 1) == NULL);
	slab_free(NULL);
}

/* The entries of f, popped, as a number: 123 = entries 1, 2, 3. */
static unsigned pop_all(struct fifo *f, struct slab *pool)
{
	unsigned digits = 0;
	uint32_t id;

	while ((id = fifo_pop(f, pool)) != 0)
		digits = digits * 10 + id;
	CU_ASSERT(f->first == 0 && f->last == 0 && f->count == 0);
	return digits;
}

static void keeps_order(void)
{
	struct slab *pool = smtp_pool_new(9);
	struct fifo f = { 0 }, g = { 0 };
	uint32_t i;

	for (i = 0; i < 5; i++)
		fifo_append(i < 3 ? &f : &g, pool, pool_take(pool));
	fifo_move(&f, &g, pool);
	CU_ASSERT(f.count == 5 && g.count == 0 && g.first == 0);
	CU_ASSERT(fifo_pop_second(&f, pool) == 2);
	CU_ASSERT(pop_all(&f, pool) == 1345);
	CU_ASSERT(fifo_pop_second(&f, pool) == 0);

	fifo_append(&f, pool, 1);
	CU_ASSERT(fifo_pop_second(&f, pool) == 0);
	fifo_append(&f, pool, 2);
	CU_ASSERT(fifo_pop_second(&f, pool) == 2);
	fifo_append(&f, pool, 3);
	fifo_move(&g, &f, pool);
	fifo_move(&g, &f, pool);
	CU_ASSERT(pop_all(&g, pool) == 13);
	fifo_append(&f, pool, 4);
	fifo_append(&f, pool, 5);
	fifo_drop(&f, pool);
	CU_ASSERT(f.count == 0);
	CU_ASSERT(slab_used(pool) == 3);
	slab_free(pool);
}

SUITE("pool", { "takes and gives", takes_and_gives }, { "keeps order", keeps_order })
