/* Ranges of addresses: as few as possible, ascending, exact at their borders. */
#include <stdio.h>
#include <string.h>

#include "policy/ranges.h"
#include "suite.h"

enum { GROUPS = 3 };

static void add(struct prefixes *list, const char *text)
{
	struct prefix p = { .bits = 0 };

	CU_ASSERT_EQUAL(prefix_parse(text, &p), 0);
	CU_ASSERT_EQUAL(prefixes_add(list, &p), 0);
}

static void free_lists(struct prefixes *lists)
{
	unsigned i;

	for (i = 0; i < GROUPS; i++)
		prefixes_fini(&lists[i]);
}

static void ranges_begin_where_the_set_changes(void)
{
	static const struct {
		const char *first;
		uint64_t groups;
	} expected[] = {
		{ "10.0.0.0", 1 }, /* the example in ranges.c */
		{ "10.0.0.8", 1 | 2 }, { "10.0.0.16", 2 }, { "10.0.0.24", 0 },
		{ "192.0.2.0", 4 },                           /* the gap between 2.0/24 and 3.0/24 is none */
		{ "192.0.4.0", 0 }, { "255.255.255.255", 2 }, /* open to the end */
	};
	struct prefixes lists[GROUPS] = { { 0 } };
	struct ranges r = { 0 };
	char text[ADDR_TEXT_MAX];
	size_t i;

	add(&lists[0], "10.0.0.0/28");
	add(&lists[1], "10.0.0.8/29");
	add(&lists[1], "10.0.0.16/29");
	add(&lists[1], "255.255.255.255");
	add(&lists[1], "2001:db8::/32"); /* the other family */
	add(&lists[2], "192.0.2.0/24");
	add(&lists[2], "192.0.3.0/24");
	CU_ASSERT_EQUAL(ranges_build(&r, lists, GROUPS, true), 0);
	CU_ASSERT_EQUAL_FATAL(r.count, sizeof(expected) / sizeof(expected[0]));
	for (i = 0; i < r.count; i++) {
		CU_ASSERT_STRING_EQUAL(addr_print(&r.at[i].first, text), expected[i].first);
		CU_ASSERT_EQUAL(r.at[i].groups.w[0], expected[i].groups);
		CU_ASSERT_EQUAL(ranges_find(&r, &r.at[i].first).w[0], expected[i].groups);
	}
	ranges_fini(&r);
	free_lists(lists);
}

static void nothing_begins_before_the_first_range(void)
{
	struct prefixes lists[GROUPS] = { { 0 } };
	struct ranges r = { 0 };
	struct addr a;

	CU_ASSERT_EQUAL(addr_parse("2001:db7:ffff::", &a), 0);
	CU_ASSERT_EQUAL(ranges_build(&r, lists, GROUPS, false), 0);
	CU_ASSERT_EQUAL(r.count, 0);
	CU_ASSERT_EQUAL(ranges_find(&r, &a).w[0], 0);
	ranges_fini(&r);
	add(&lists[0], "2001:db8::/32");
	CU_ASSERT_EQUAL(ranges_build(&r, lists, GROUPS, false), 0);
	CU_ASSERT_EQUAL(r.count, 2);
	CU_ASSERT_EQUAL(ranges_find(&r, &a).w[0], 0);
	ranges_fini(&r);
	free_lists(lists);
}

SUITE("ranges", { "ranges begin where the set changes", ranges_begin_where_the_set_changes },
        { "nothing begins before the first range", nothing_begins_before_the_first_range })
