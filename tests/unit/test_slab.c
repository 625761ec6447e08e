/* test_slab.c - entries handed out and taken back. */
#include "suite.h"

#include <errno.h>
#include <string.h>

#include "base/slab.h"

static void hands_out_each_entry_once(void)
{
	enum { COUNT = 100 };
	struct slab *s = slab_new(COUNT, 24);
	unsigned char seen[COUNT + 1] = { 0 };
	uint32_t i, position;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(slab_count(s), COUNT);
	for (i = 1; i <= COUNT; i++) {
		static const unsigned char zero[24];

		position = slab_take(s);
		CU_ASSERT_FATAL(position >= 1 && position <= COUNT);
		CU_ASSERT_EQUAL(seen[position]++, 0);
		CU_ASSERT_EQUAL(memcmp(slab_at(s, position), zero, sizeof(zero)), 0);
		memset(slab_at(s, position), (int)position, 24);
		CU_ASSERT_EQUAL(slab_used(s), i);
	}
	CU_ASSERT_EQUAL(slab_take(s), 0);
	for (i = 1; i <= COUNT; i++) {
		const unsigned char *bytes = slab_at(s, i);

		CU_ASSERT(bytes[0] == i && bytes[23] == i);
	}
	slab_free(s);
}

static void takes_back_and_hands_out_again(void)
{
	struct slab *s = slab_new(3, 16);
	uint32_t a, b, c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	a = slab_take(s);
	b = slab_take(s);
	slab_give(s, a);
	slab_give(s, b);
	CU_ASSERT_EQUAL(slab_used(s), 0);
	CU_ASSERT_EQUAL(slab_take(s), b);
	CU_ASSERT_EQUAL(slab_take(s), a);
	c = slab_take(s);
	CU_ASSERT(c != 0 && c != a && c != b);
	CU_ASSERT_EQUAL(slab_take(s), 0);
	CU_ASSERT_EQUAL(slab_used(s), 3);
	slab_free(s);
}

static void refuses_odd_sizes(void)
{
	errno = 0;
	CU_ASSERT_PTR_NULL(slab_new(0, 16));
	CU_ASSERT_EQUAL(errno, EINVAL);
	CU_ASSERT_PTR_NULL(slab_new(SLAB_COUNT_MAX + 1, 16));
	CU_ASSERT_PTR_NULL(slab_new(1, 0));
	slab_free(NULL);
}

SUITE("slab", { "hands out each entry once", hands_out_each_entry_once },
        { "takes back and hands out again", takes_back_and_hands_out_again },
        { "refuses odd sizes", refuses_odd_sizes })
