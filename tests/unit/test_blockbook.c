/* test_blockbook.c - who gives way, who holds an address, and ranges against a naive model: each address by itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/blockbook.h"
#include "suite.h"

enum { CELLS = 64, ROUNDS = 2000 };
static const uint8_t key[HASH_KEY_BYTES] = { 1 };

static struct block make(const char *prefix, uint64_t until_us, int64_t uid)
{
	struct block b = { .until_us = until_us, .uid = uid, .action = ACTION_BLOCK };

	CU_ASSERT_EQUAL(prefix_parse(prefix, &b.prefix), 0);
	return b;
}

static int put(struct blockbook *book, const char *prefix, uint64_t until_us, int64_t uid, struct block *out)
{
	struct block b = make(prefix, until_us, uid);

	return blockbook_put(book, &b, out);
}

static const struct block *find(const struct blockbook *book, const char *prefix)
{
	struct block b = make(prefix, 0, 0);

	return blockbook_find(book, &b.prefix);
}

static bool drop(struct blockbook *book, const char *prefix)
{
	struct block b = make(prefix, 0, 0);

	return blockbook_drop(book, &b.prefix);
}

static void one_for_each_prefix(void)
{
	struct blockbook *book = blockbook_new(4, key);

	CU_ASSERT_PTR_NOT_NULL_FATAL(book);
	CU_ASSERT_EQUAL(put(book, "192.0.2.1", 10, 0, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "192.0.2.0/24", 20, 7, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "192.0.2.1", BLOCK_FOR_EVER, 3, NULL), 0);
	CU_ASSERT(blockbook_count(book) == 2 && blockbook_prefixes(book) == 1 && blockbook_rules(book) == 0);
	CU_ASSERT(find(book, "192.0.2.1")->until_us == BLOCK_FOR_EVER && find(book, "192.0.2.1")->uid == 3);
	CU_ASSERT_PTR_NULL(find(book, "192.0.2.0/25"));
	CU_ASSERT(drop(book, "192.0.2.1") && !drop(book, "192.0.2.1"));
	CU_ASSERT(blockbook_count(book) == 1 && blockbook_prefixes(book) == 1);
	blockbook_free(book);
}

static void ends_in_order(void)
{
	struct blockbook *book = blockbook_new(300, key);
	uint64_t last = 0;
	char text[32];

	for (unsigned i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 200, i % 200);
		CU_ASSERT_EQUAL(put(book, text, 1 + i * 7919 % 307, i % 3 ? 0 : BLOCK_BY_RULE, NULL), 0);
		if (i % 5 == 0) /* another end, or another master */
			CU_ASSERT_EQUAL(
			        put(book, text, 1 + i * 31 % 307, i % 2 ? 0 : BLOCK_BY_RULE, NULL), 0);
	}
	for (uint64_t now = 0; now <= 310; now++)
		for (const struct block *b; (b = blockbook_ended(book, now));) {
			CU_ASSERT(b->until_us == now && b->until_us >= last);
			last = b->until_us;
			CU_ASSERT(blockbook_drop(book, &b->prefix));
		}
	CU_ASSERT_EQUAL(blockbook_count(book), 0);
	blockbook_free(book);
}

/* Of those that rules have made, the one that ends soonest; never one of a person. */
static void gives_way(void)
{
	struct blockbook *book = blockbook_new(3, key);
	struct block out;

	CU_ASSERT_EQUAL(put(book, "10.0.0.1", 5, 0, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "10.0.0.2", 9, BLOCK_BY_RULE, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "10.0.0.3", 8, BLOCK_BY_RULE, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "10.0.0.4", 7, BLOCK_BY_RULE, &out), 1);
	CU_ASSERT_EQUAL(out.until_us, 8);
	CU_ASSERT_EQUAL(put(book, "10.0.0.2", 99, BLOCK_BY_RULE, NULL), 0); /* it has its place */
	CU_ASSERT_EQUAL(put(book, "10.0.0.0/8", BLOCK_FOR_EVER, 0, &out), 1);
	CU_ASSERT_EQUAL(out.until_us, 7);
	CU_ASSERT_EQUAL(put(book, "10.0.0.5", 1000, 0, &out), 1);
	CU_ASSERT_EQUAL(out.until_us, 99);
	CU_ASSERT_EQUAL(put(book, "10.0.0.6", 1000, 0, NULL), -ENOSPC);
	CU_ASSERT_EQUAL(put(book, "10.0.0.6", 1000, BLOCK_BY_RULE, NULL), -ENOSPC);
	CU_ASSERT(blockbook_count(book) == 3 && find(book, "10.0.0.1") && find(book, "10.0.0.5"));
	blockbook_free(book);
}

static void holds_an_address(void)
{
	struct blockbook *book = blockbook_new(8, key);
	struct addr inside, outside;

	CU_ASSERT(addr_parse("10.1.2.3", &inside) == 0 && addr_parse("2001:db8::1", &outside) == 0);
	CU_ASSERT_PTR_NULL(blockbook_holding(book, &inside, 0));
	CU_ASSERT_EQUAL(put(book, "10.1.2.3", 5, 0, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "10.1.0.0/16", 9, 0, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "10.0.0.0/8", 7, 0, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "::/0", 100, 0, NULL), 0);
	CU_ASSERT_EQUAL(blockbook_holding(book, &inside, 0)->until_us, 9);
	CU_ASSERT_EQUAL(blockbook_holding(book, &outside, 0)->until_us, 100);
	CU_ASSERT_PTR_NULL(blockbook_holding(book, &inside, 9));
	blockbook_free(book);
}

/* What holds an address is the hardest of all, and how many do what is counted over changes and ends. */
static void knows_what_is_done(void)
{
	static const enum action order[] = { ACTION_SLOW, ACTION_LIMIT, ACTION_REFUSE_SESSION, ACTION_BLOCK };
	static const char *const prefixes[] = { "10.1.2.3", "10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8" };
	struct blockbook *book = blockbook_new(8, key);
	struct block b;
	struct addr a;

	CU_ASSERT_EQUAL(addr_parse("10.1.2.3", &a), 0);
	for (unsigned i = 0; i < 4; i++) {
		b = make(prefixes[i], 99 - i, BLOCK_BY_RULE);
		b.action = (uint8_t)order[i];
		CU_ASSERT_EQUAL(blockbook_put(book, &b, NULL), 0);
		CU_ASSERT_EQUAL(blockbook_holding(book, &a, 0)->action, order[i]);
		CU_ASSERT_EQUAL(blockbook_doing(book, order[i]), 1);
		for (unsigned k = 0; k < 4; k++)
			CU_ASSERT_EQUAL(block_is_harder(order[i], order[k]), i > k);
	}
	b = make("10.1.2.3", 99, BLOCK_BY_RULE);
	CU_ASSERT_EQUAL(blockbook_put(book, &b, NULL), 0);
	CU_ASSERT(blockbook_doing(book, ACTION_SLOW) == 0 && blockbook_doing(book, ACTION_BLOCK) == 2);
	CU_ASSERT(drop(book, "10.0.0.0/8") && drop(book, "10.1.0.0/16"));
	CU_ASSERT(blockbook_doing(book, ACTION_BLOCK) == 1);
	CU_ASSERT(blockbook_doing(book, ACTION_REFUSE_SESSION) == 0);
	CU_ASSERT_EQUAL(blockbook_holding(book, &a, 0)->action, ACTION_BLOCK);
	CU_ASSERT_EQUAL(blockbook_holding(book, &a, 99), NULL);
	blockbook_free(book);
}

/* ---- ranges --------------------------------------------------------------------------------------- */

static uint32_t random_state = 1;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 8) % below;
}

/* One of the last addresses of a family, so that ranges come to its end. */
static struct addr cell(bool v6, unsigned i)
{
	struct addr a;

	memset(a.b, 0xff, sizeof(a.b));
	if (!v6)
		a = addr_from_v4(a.b);
	a.b[15] = (uint8_t)(256 - CELLS + i);
	return a;
}

static void random_block(struct blockbook *book, bool v6)
{
	unsigned bits = 128 - draw(7);
	struct addr a = cell(v6, draw(CELLS));
	struct block b = { .prefix = { addr_mask(&a, bits), (uint8_t)bits },
		.until_us = draw(4) ? 1 + draw(8) : BLOCK_FOR_EVER,
		.uid = 0,
		.action = draw(3) ? ACTION_BLOCK : ACTION_LIMIT };

	CU_ASSERT_EQUAL(blockbook_put(book, &b, NULL), 0);
}

/* The end of the action about this address by prefixes alone; 0: none. */
static uint64_t naive(const struct blockbook *book, enum action action, const struct addr *a, uint64_t now)
{
	const struct block *b;
	uint32_t cursor = 0;
	uint64_t until = 0;

	while ((b = blockbook_scan(book, &cursor)))
		if (b->action == action && b->prefix.bits < 128 && prefix_contains(&b->prefix, a) &&
		        b->until_us > now && b->until_us > until)
			until = b->until_us;
	return until;
}

static void must_fit(const struct blockbook *book, enum action action, bool v6, uint64_t now)
{
	struct block_range *list;
	size_t count;

	CU_ASSERT_EQUAL_FATAL(blockbook_ranges(book, action, now, &list, &count), 0);
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT(addr_compare(&list[i].first, &list[i].last) <= 0);
		CU_ASSERT(i == 0 || addr_compare(&list[i - 1].last, &list[i].first) < 0);
		CU_ASSERT(prefix_contains(&list[i].by, &list[i].first) &&
		          prefix_contains(&list[i].by, &list[i].last));
		CU_ASSERT(blockbook_find(book, &list[i].by)->until_us == list[i].until_us);
		CU_ASSERT_EQUAL(blockbook_find(book, &list[i].by)->action, action);
	}
	for (unsigned c = 0; c < CELLS; c++) {
		struct addr a = cell(v6, c);
		uint64_t until = 0;

		for (size_t i = 0; i < count; i++)
			if (addr_compare(&list[i].first, &a) <= 0 && addr_compare(&a, &list[i].last) <= 0)
				until = list[i].until_us;
		CU_ASSERT_EQUAL(until, naive(book, action, &a, now));
	}
	free(list);
}

static void ranges_are_the_same_without_overlaps(void)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct blockbook *book = blockbook_new(16, key);
		bool v6 = round % 2;

		for (unsigned n = draw(14); n > 0; n--)
			random_block(book, v6);
		must_fit(book, ACTION_BLOCK, v6, draw(6));
		must_fit(book, ACTION_LIMIT, v6, draw(6));
		blockbook_free(book);
	}
}

static void ranges_of_families_stay_apart(void)
{
	struct blockbook *book = blockbook_new(8, key);
	struct block_range *list;
	size_t count;

	CU_ASSERT_EQUAL(put(book, "::/0", 9, 0, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "2001:db8::/32", BLOCK_FOR_EVER, 0, NULL), 0);
	CU_ASSERT_EQUAL(put(book, "10.0.0.0/8", 8, 0, NULL), 0);
	CU_ASSERT_EQUAL(blockbook_ranges(book, ACTION_BLOCK, 0, &list, &count), 0);
	CU_ASSERT_EQUAL(count, 4);
	CU_ASSERT_EQUAL(list[0].until_us, 8);
	CU_ASSERT_EQUAL(list[2].until_us, BLOCK_FOR_EVER);
	free(list);
	blockbook_free(book);
}

/* ---- and back to prefixes --------------------------------------------------------------------------- */

static void put_part(void *arg, const struct prefix *part)
{
	struct block b = { .prefix = *part, .until_us = 7, .uid = 0, .action = ACTION_BLOCK };

	CU_ASSERT_EQUAL(blockbook_put(arg, &b, NULL), 0);
}

/* The prefixes of a range cover it, and nothing else. */
static void ranges_are_split_into_prefixes(void)
{
	for (unsigned first = 0; first < CELLS; first++)
		for (unsigned last = first; last < CELLS; last++) {
			struct blockbook *book = blockbook_new(16, key);
			struct addr from = cell(first % 2, first), to = cell(first % 2, last), a;

			blockbook_split(&from, &to, put_part, book);
			CU_ASSERT(blockbook_count(book) <= 12);
			for (unsigned c = 0; c < CELLS; c++) {
				a = cell(first % 2, c);
				CU_ASSERT_EQUAL(
				        blockbook_holding(book, &a, 0) != NULL, c >= first && c <= last);
			}
			blockbook_free(book);
		}
}

SUITE("blockbook", { "one for each prefix", one_for_each_prefix }, { "they end in order", ends_in_order },
        { "who gives way", gives_way }, { "who holds an address", holds_an_address },
        { "what is done is known", knows_what_is_done },
        { "ranges say the same without overlaps", ranges_are_the_same_without_overlaps },
        { "ranges of a whole family", ranges_of_families_stay_apart },
        { "ranges are split into prefixes", ranges_are_split_into_prefixes })
