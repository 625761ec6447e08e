/* The addresses of an upstream over time: make before break, grace, holding, and when names are asked again. */
#include <stdio.h>
#include <string.h>

#include "dns/upstream.h"
#include "dns_table.h"
#include "suite.h"

enum { T0 = 1000000, GRACE = 3600, REFRESH = 30, DAY = 86400 };

static void begin(struct upstream *u)
{
	*u = (struct upstream) { .title = "isp", .grace_s = GRACE, .refresh_s = REFRESH };
	CU_ASSERT_EQUAL(upstream_add_root(u, DNS_MX_OF, "example.org"), 0);
}

static struct upstream_change take_ttl(
        struct upstream *u, unsigned root, const char *lines, uint32_t ttl_s, uint64_t now_s)
{
	struct table_dns dns = { lines, DNS_SECURE, ttl_s };
	struct walk *w = walk_new(
	        &(struct walk_settings) { u->roots[root].source, u->roots[root].name, false, NULL, 0 });
	struct upstream_change change;

	(void)table_walk(w, &dns, 0);
	upstream_take(u, root, w, now_s, &change);
	walk_free(w);
	return change;
}

static struct upstream_change take(struct upstream *u, unsigned root, const char *lines, uint64_t now_s)
{
	return take_ttl(u, root, lines, 300, now_s);
}

static unsigned count(const struct upstream *u, enum upstream_standing standing, uint64_t now_s)
{
	unsigned n = 0;

	for (size_t i = 0; i < u->entry_count; i++)
		n += upstream_standing(u, &u->entries[i], now_s) == standing;
	return n;
}

#define MX1 "example.org MX mx1.example.org\nmx1.example.org A 192.0.2.1\n"
#define MX2 "example.org MX mx2.example.org\nmx2.example.org A 192.0.2.2\n"
#define BOTH MX1 MX2

static void makes_before_it_breaks(void)
{
	struct upstream_change c;
	struct upstream u;

	begin(&u);
	CU_ASSERT_FALSE(upstream_is_resolved(&u));
	c = take(&u, 0, MX1, T0);
	CU_ASSERT(c.resolved && c.added == 1 && !c.shrank && !c.held);
	CU_ASSERT(upstream_is_resolved(&u));
	c = take(&u, 0, MX2, T0 + 10); /* moved: both count */
	CU_ASSERT(c.added == 1 && c.left == 1 && !c.shrank && !c.resolved);
	CU_ASSERT_EQUAL(count(&u, UPSTREAM_NOW, T0 + 10), 2);
	CU_ASSERT_EQUAL(upstream_count(&u), 1);
	c = take(&u, 0, BOTH, T0 + 20); /* back within its grace: as if it had never left */
	CU_ASSERT(c.back == 1 && c.added == 0 && c.left == 0);
	CU_ASSERT_EQUAL(u.entries[0].since_s, T0);
	c = take(&u, 0, MX2, T0 + 30);
	CU_ASSERT(c.left == 1 && c.shrank);
	upstream_fini(&u);
}

static void grace_ends_for_new_connections_first(void)
{
	struct upstream_change c;
	struct upstream u;

	begin(&u);
	(void)take(&u, 0, BOTH, T0);
	(void)take(&u, 0, MX2, T0 + 10);
	upstream_tick(&u, T0 + 9 + GRACE, &c);
	CU_ASSERT_EQUAL(c.expired, 0);
	CU_ASSERT_EQUAL(count(&u, UPSTREAM_NOW, T0 + 9 + GRACE), 2);
	upstream_tick(&u, T0 + 500 + GRACE, &c); /* late, and once only */
	CU_ASSERT_EQUAL(c.expired, 1);
	upstream_tick(&u, T0 + 501 + GRACE, &c);
	CU_ASSERT_EQUAL(c.expired, 0);
	CU_ASSERT_EQUAL(count(&u, UPSTREAM_NOW, T0 + 500 + GRACE), 1);
	CU_ASSERT_EQUAL(count(&u, UPSTREAM_FORMER, T0 + 500 + GRACE), 1);
	c = take(&u, 0, BOTH, T0 + 600 + GRACE); /* back after it: new */
	CU_ASSERT(c.added == 1 && c.back == 0);
	(void)take(&u, 0, MX2, T0 + 700 + GRACE);
	upstream_tick(&u, T0 + 800 + 2 * GRACE + DAY, &c);
	CU_ASSERT(c.expired == 1 && u.entry_count == 1);
	upstream_fini(&u);
}

static void a_clock_that_is_set_ends_no_grace(void)
{
	static const int jumps_d[] = { 400, -3 };
	struct upstream_change c;
	struct upstream u;
	uint64_t now_s;

	for (size_t i = 0; i < sizeof(jumps_d) / sizeof(jumps_d[0]); i++) {
		begin(&u);
		(void)take(&u, 0, BOTH, T0);
		(void)take(&u, 0, MX2, T0 + 10);
		upstream_set_clock(&u, jumps_d[i] * DAY);
		now_s = (uint64_t)((int64_t)T0 + 10 + jumps_d[i] * DAY);
		upstream_tick(&u, now_s + GRACE - 1, &c);
		CU_ASSERT(c.expired == 0 && count(&u, UPSTREAM_NOW, now_s + GRACE - 1) == 2);
		CU_ASSERT_EQUAL(u.entries[1].left_s, 0);
		upstream_tick(&u, now_s + GRACE, &c);
		CU_ASSERT_EQUAL(c.expired, 1);
		upstream_fini(&u);
	}
}

static void without_room_nothing_leaves(void)
{
	struct upstream_entry e = { .since_s = T0, .left_s = T0, .root = 0 };
	struct upstream_change c;
	struct upstream u;

	begin(&u);
	(void)take(&u, 0, MX1, T0);
	CU_ASSERT_EQUAL(prefix_parse("198.51.100.0/24", &e.prefix), 0);
	while (u.entry_count < UPSTREAM_ENTRIES_MAX)
		CU_ASSERT_EQUAL_FATAL(upstream_put(&u, &e), 0);
	c = take(&u, 0, MX2, T0 + 10); /* it has moved, and cannot be followed */
	CU_ASSERT(c.no_memory && c.added == 0 && c.left == 0);
	CU_ASSERT_EQUAL(upstream_count(&u), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(u.roots[0].trouble, "SOME ARE NOT LET THROUGH"));
	CU_ASSERT(u.roots[0].held_s == T0 + 10 && c.held);
	upstream_fini(&u);
}

static void dns_trouble_takes_nothing_away(void)
{
	static const char *const troubles[] = { "\n", "example.org MX .\n", "example.org TXT x\n",
		"example.org MX !timeout\n", "example.org MX !servfail\n", "example.org MX !bogus\n",
		"example.org MX mx1.example.org\n",
		"example.org MX mx1.example.org\nmx1.example.org A 10.0.0.1\n" };
	struct upstream_change c;
	struct upstream u;

	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
		begin(&u);
		(void)take(&u, 0, BOTH, T0);
		c = take(&u, 0, troubles[i], T0 + 300);
		CU_ASSERT(c.held && !c.shrank && c.left == 0);
		CU_ASSERT(u.roots[0].trouble[0] != '\0');
		CU_ASSERT_EQUAL(upstream_count(&u), 2);
		c = take(&u, 0, troubles[i], T0 + 400 * DAY); /* for ever, and told once */
		CU_ASSERT(!c.held && upstream_count(&u) == 2);
		CU_ASSERT_EQUAL(u.roots[0].held_s, T0 + 300);
		c = take(&u, 0, BOTH, T0 + 401 * DAY);
		CU_ASSERT(c.released && u.roots[0].held_s == 0);
		upstream_fini(&u);
	}
}

static void part_of_an_answer_adds_only(void)
{
	struct upstream_change c;
	struct upstream u;

	begin(&u);
	(void)take(&u, 0, MX1, T0);
	c = take(&u, 0, "example.org MX mx1.example.org\nmx1.example.org A !timeout\n" MX2, T0 + 10);
	CU_ASSERT(c.added == 1 && c.left == 0 && c.held);
	CU_ASSERT_EQUAL(upstream_count(&u), 2);
	upstream_fini(&u);
	begin(&u);
	c = take(&u, 0, "example.org MX !bogus\n", T0);
	CU_ASSERT(!c.held && !c.resolved && !upstream_is_resolved(&u)); /* there is nothing to hold */
	upstream_fini(&u);
}

static void each_name_has_its_own(void)
{
	struct upstream_change c;
	struct upstream u;

	begin(&u);
	CU_ASSERT_EQUAL(upstream_add_root(&u, DNS_HOSTS, "mx2.example.org"), 0);
	c = take(&u, 0, BOTH, T0);
	CU_ASSERT(!c.resolved && !upstream_is_resolved(&u)); /* one name is missing */
	c = take(&u, 1, BOTH, T0);
	CU_ASSERT(c.resolved && u.entry_count == 3);
	c = take(&u, 0, MX1, T0 + 10);
	CU_ASSERT_EQUAL(c.left, 1);
	CU_ASSERT_EQUAL(u.entries[2].left_s, 0); /* the other name still has it */
	upstream_fini(&u);
}

static void asks_again_by_ttl_with_a_floor(void)
{
	static const struct {
		uint32_t ttl_s;
		unsigned least_s, most_s;
	} cases[] = { { 0, 30, 33 }, { 5, 30, 33 }, { 300, 300, 330 }, { 10 * DAY, DAY, DAY + DAY / 10 } };
	struct upstream u;
	unsigned i, wait;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&u);
		CU_ASSERT(upstream_is_due(&u, 0, T0));
		(void)take_ttl(&u, 0, MX1, cases[i].ttl_s, T0);
		wait = (unsigned)(u.roots[0].due_s - T0);
		CU_ASSERT(wait >= cases[i].least_s && wait <= cases[i].most_s);
		CU_ASSERT_FALSE(upstream_is_due(&u, 0, T0 + wait - 1));
		CU_ASSERT(upstream_is_due(&u, 0, T0 + wait));
		CU_ASSERT(upstream_is_due(&u, 0, T0 - 300 * DAY)); /* the clock was set back */
		upstream_fini(&u);
	}
	begin(&u);
	for (i = 0, wait = 30; i < 12; i++, wait = wait < 480 ? 2 * wait : 480) {
		(void)take(&u, 0, "example.org MX !timeout\n", T0);
		CU_ASSERT(u.roots[0].due_s - T0 >= wait && u.roots[0].due_s - T0 <= wait + wait / 10);
	}
	upstream_fini(&u);
}

static void tells_lost_validation(void)
{
	struct table_dns dns = { MX1, DNS_UNCHECKED, 300 };
	struct walk *w = walk_new(&(struct walk_settings) { DNS_MX_OF, "example.org", false, NULL, 0 });
	struct upstream_change c;
	struct upstream u;

	begin(&u);
	(void)take(&u, 0, MX1, T0);
	CU_ASSERT_EQUAL(u.entries[0].validation, DNS_SECURE);
	(void)table_walk(w, &dns, 0);
	upstream_take(&u, 0, w, T0 + 10, &c);
	CU_ASSERT(c.weaker);
	upstream_take(&u, 0, w, T0 + 20, &c);
	CU_ASSERT_FALSE(c.weaker);
	walk_free(w);
	upstream_fini(&u);
}

static void entries_are_bounded(void)
{
	struct upstream_entry e = { .since_s = T0 };
	struct upstream u;
	unsigned i;

	begin(&u);
	for (i = 0; i < UPSTREAM_ENTRIES_MAX; i++)
		CU_ASSERT_EQUAL_FATAL(upstream_put(&u, &e), 0);
	CU_ASSERT_NOT_EQUAL(upstream_put(&u, &e), 0);
	upstream_fini(&u);
}

SUITE("upstream", { "makes before it breaks", makes_before_it_breaks },
        { "grace ends for new connections first", grace_ends_for_new_connections_first },
        { "a clock that is set ends no grace", a_clock_that_is_set_ends_no_grace },
        { "without room nothing leaves", without_room_nothing_leaves },
        { "DNS trouble takes nothing away", dns_trouble_takes_nothing_away },
        { "part of an answer adds only", part_of_an_answer_adds_only },
        { "each name has its own", each_name_has_its_own },
        { "asks again by TTL with a floor", asks_again_by_ttl_with_a_floor },
        { "tells lost validation", tells_lost_validation }, { "entries are bounded", entries_are_bounded })
