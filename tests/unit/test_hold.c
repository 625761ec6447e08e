/* test_hold.c - the book of packets that wait for their verdicts. */
#include "suite.h"

#include <string.h>

#include "tap/hold.h"

static struct held *add(struct hold *h, uint32_t ticket, uint64_t until_us)
{
	struct held *held = hold_add(h, ticket, 1000 + ticket, 5, until_us);

	if (held) {
		held->message_bytes = 8;
		memset(held->message, (int)ticket, HOLD_MESSAGE_MAX);
	}
	return held;
}

/* Takes the soonest one out; 0 = the book is empty. */
static uint32_t take(struct hold *h)
{
	struct held *held = hold_soonest(h);
	uint32_t ticket;

	if (!held)
		return 0;
	ticket = held->ticket;
	CU_ASSERT_EQUAL(held->ref, 1000 + ticket);
	CU_ASSERT_EQUAL(held->since_us, 5);
	CU_ASSERT_EQUAL(held->message_bytes, 8);
	CU_ASSERT_EQUAL(held->message[0], (uint8_t)ticket);
	CU_ASSERT_EQUAL(held->message[HOLD_MESSAGE_MAX - 1], (uint8_t)ticket);
	CU_ASSERT_EQUAL((uintptr_t)held->message % 8, 0);
	hold_drop(h, held);
	return ticket;
}

static void by_their_end(void)
{
	struct hold *h = hold_new(10);

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	CU_ASSERT_PTR_NULL(hold_soonest(h));
	add(h, 1, 300);
	add(h, 2, 100);
	add(h, 3, 200);
	add(h, 4, 100);
	CU_ASSERT_EQUAL(hold_count(h), 4);
	CU_ASSERT_EQUAL(hold_soonest(h)->until_us, 100);
	CU_ASSERT_EQUAL(take(h), 2);
	CU_ASSERT_EQUAL(take(h), 4); /* of equals, who came first */
	add(h, 5, 250);
	CU_ASSERT_EQUAL(take(h), 3);
	CU_ASSERT_EQUAL(take(h), 5);
	CU_ASSERT_EQUAL(take(h), 1);
	CU_ASSERT_EQUAL(take(h), 0);
	hold_free(h);
	hold_free(NULL);
}

static void one_of_them(void)
{
	struct hold *h = hold_new(10);
	struct held *held;

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	add(h, 1, 300);
	add(h, 2, 100);
	add(h, 3, 200);
	CU_ASSERT_PTR_NULL(hold_find(h, 4));
	held = hold_find(h, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(held);
	CU_ASSERT_EQUAL(held->ticket, 3);
	hold_drop(h, held);
	CU_ASSERT_PTR_NULL(hold_find(h, 3));
	CU_ASSERT_EQUAL(take(h), 2);
	CU_ASSERT_EQUAL(take(h), 1);
	CU_ASSERT_EQUAL(take(h), 0);
	hold_free(h);
}

static void no_more_than_it_may(void)
{
	struct hold *h = hold_new(2);

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	CU_ASSERT_PTR_NOT_NULL(add(h, 1, 300));
	CU_ASSERT_FALSE(hold_is_full(h));
	CU_ASSERT_PTR_NOT_NULL(add(h, 2, 100));
	CU_ASSERT_TRUE(hold_is_full(h));
	CU_ASSERT_PTR_NULL(add(h, 3, 200));
	CU_ASSERT_EQUAL(hold_count(h), 2);
	hold_set_most(h, 1);
	CU_ASSERT_EQUAL(take(h), 2);
	CU_ASSERT_TRUE(hold_is_full(h));
	CU_ASSERT_EQUAL(take(h), 1);
	hold_set_most(h, 0);
	CU_ASSERT_PTR_NULL(add(h, 3, 200));
	hold_free(h);
}

/* In and out in no order, against a plain list. */
static void any_order(void)
{
	enum { ROUNDS = 20000 };
	static uint64_t ends[ROUNDS];
	struct hold *h = hold_new(UINT32_MAX);
	uint32_t i, ticket, held = 0, random = 1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(h);
	for (i = 1; i < ROUNDS; i++) {
		random = random * 1664525u + 1013904223u;
		if (random >> 30 && held < HOLD_PACKETS_MAX) {
			ends[i] = 1 + (random >> 8) % 5000;
			CU_ASSERT_PTR_NOT_NULL_FATAL(add(h, i, ends[i]));
			held++;
		} else if (held > 0) {
			uint64_t until_us = hold_soonest(h)->until_us;
			uint32_t j;

			ticket = take(h);
			CU_ASSERT_EQUAL_FATAL(ends[ticket], until_us);
			for (j = 1; j < i; j++)
				if (ends[j] && (ends[j] < until_us || (ends[j] == until_us && j < ticket)))
					CU_FAIL_FATAL("not the soonest one");
			ends[ticket] = 0;
			held--;
		}
		CU_ASSERT_EQUAL_FATAL(hold_count(h), held);
	}
	CU_ASSERT_EQUAL(held, HOLD_PACKETS_MAX);
	hold_free(h);
}

SUITE("hold", { "by their end", by_their_end }, { "one of them", one_of_them },
        { "no more than it may", no_more_than_it_may }, { "in any order", any_order })
