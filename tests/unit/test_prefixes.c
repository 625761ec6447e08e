/* Lists of prefixes: merged, cut and searched; against a naive loop over random small spaces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/prefixes.h"
#include "suite.h"

static void add(struct prefixes *list, const char *texts)
{
	char copy[512], *rest = copy, *text;
	struct prefix p;

	snprintf(copy, sizeof(copy), "%s", texts);
	while ((text = strsep(&rest, " "))) {
		if (*text == '\0')
			continue;
		CU_ASSERT_EQUAL(prefix_parse(text, &p), 0);
		CU_ASSERT_EQUAL(prefixes_add(list, &p), 0);
	}
}

static const char *show(const struct prefixes *list)
{
	static char text[8192];
	char one[PREFIX_TEXT_MAX];
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; i < list->count; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
		        prefix_print(&list->at[i], one));
	return text;
}

static void merges_to_the_shortest_list(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "10.0.0.1 10.0.0.1", "10.0.0.1" },
		{ "10.0.0.1 10.0.0.0/8 10.255.0.0/16", "10.0.0.0/8" },
		{ "10.0.0.1 10.0.0.0", "10.0.0.0/31" },
		{ "10.0.0.2 10.0.0.1", "10.0.0.1 10.0.0.2" }, /* neighbours, but no halves */
		{ "10.0.0.3 10.0.0.2 10.0.0.1 10.0.0.0 10.0.0.4", "10.0.0.0/30 10.0.0.4" },
		{ "0.0.0.0/1 128.0.0.0/1", "0.0.0.0/0" },
		{ "128.0.0.0/1 ::fffe:0:0/96 0.0.0.0/1", "0.0.0.0/0 ::fffe:0:0/96" },
		{ "::/0 10.0.0.0/8 2001:db8::1", "10.0.0.0/8 ::/0" },
		{ "::/1 8000::/1", "::/0" },
		{ "8000::/2 c000::/2 ::/1 0.0.0.0/0", "0.0.0.0/0 ::/0" },
		{ "2001:db8::/33 2001:db8:8000::/33 2001:db8::5", "2001:db8::/32" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefixes list = { 0 };

		add(&list, cases[i].in);
		prefixes_merge(&list);
		CU_ASSERT_STRING_EQUAL(show(&list), cases[i].out);
		prefixes_fini(&list);
	}
}

static void cuts_holes(void)
{
	static const struct {
		const char *from, *minus, *out;
	} cases[] = {
		{ "10.0.0.0/8", "", "10.0.0.0/8" },
		{ "10.0.0.0/8", "10.0.0.0/8", "" },
		{ "10.1.0.0/16 10.2.0.0/16", "10.0.0.0/8", "" },
		{ "10.0.0.0/8", "192.0.2.0/24", "10.0.0.0/8" },
		{ "10.0.0.0/30", "10.0.0.0", "10.0.0.1 10.0.0.2/31" },
		{ "10.0.0.0/30", "10.0.0.3", "10.0.0.0/31 10.0.0.2" },
		{ "10.0.0.0/30", "10.0.0.1 10.0.0.2", "10.0.0.0 10.0.0.3" },
		{ "10.0.0.7", "10.0.0.7", "" },
		{ "0.0.0.0/0", "128.0.0.0/1 64.0.0.0/2", "0.0.0.0/2" },
		{ "::/0", "0.0.0.0/0", "::/0" }, /* the families stay apart */
		{ "0.0.0.0/0", "::/0", "0.0.0.0/0" },
		{ "::/0", "::/1", "8000::/1" },
		{ "2001:db8::/126", "2001:db8::2", "2001:db8::/127 2001:db8::3" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefixes from = { 0 }, minus = { 0 }, out = { 0 };

		add(&from, cases[i].from);
		add(&minus, cases[i].minus);
		prefixes_merge(&minus);
		CU_ASSERT_EQUAL(prefixes_subtract(&from, &minus, &out), 0);
		prefixes_merge(&out);
		CU_ASSERT_STRING_EQUAL(show(&out), cases[i].out);
		prefixes_fini(&from);
		prefixes_fini(&minus);
		prefixes_fini(&out);
	}
}

/* Cutting ::/0 beside the mapped space comes to the very prefix that is IPv4. */
static void no_piece_of_v6_becomes_v4(void)
{
	struct prefixes from = { 0 }, minus = { 0 }, out = { 0 };
	size_t i;

	add(&from, "::/0");
	add(&minus, "::fffe:0:1");
	CU_ASSERT_EQUAL(prefixes_subtract(&from, &minus, &out), 0);
	CU_ASSERT(out.count > 100);
	for (i = 0; i < out.count; i++)
		CU_ASSERT_FALSE(prefix_is_v4(&out.at[i]));
	prefixes_fini(&from);
	prefixes_fini(&minus);
	prefixes_fini(&out);
}

/* ---- against a naive loop ------------------------------------------------------------------------ */

/* A space of 256 addresses in each family, so that everything can be asked. */
static struct addr small_addr(bool v4, unsigned number)
{
	static const uint8_t v4_base[4] = { 192, 0, 2, 0 };
	static const uint8_t v6_base[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct addr a = v4 ? addr_from_v4(v4_base) : addr_from_v6(v6_base);

	a.b[15] = (uint8_t)number;
	return a;
}

static void add_random(struct prefixes *list, unsigned count)
{
	while (count-- > 0) {
		struct addr a = small_addr(random() % 2, (unsigned)random());
		struct prefix p = { .bits = (uint8_t)(120 + random() % 9) };

		p.addr = addr_mask(&a, p.bits);
		CU_ASSERT_EQUAL(prefixes_add(list, &p), 0);
	}
}

static bool naive_have(const struct prefixes *list, const struct addr *a)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (prefix_contains(&list->at[i], a))
			return true;
	return false;
}

static void check_disjoint(const struct prefixes *list)
{
	size_t i;

	for (i = 1; i < list->count; i++) {
		CU_ASSERT_FALSE(prefix_contains(&list->at[i - 1], &list->at[i].addr));
		CU_ASSERT_FALSE(prefix_contains(&list->at[i], &list->at[i - 1].addr));
	}
}

static void agrees_with_a_naive_loop(void)
{
	unsigned round, i;

	srandom(2525);
	for (round = 0; round < 300; round++) {
		struct prefixes raw = { 0 }, merged = { 0 }, minus = { 0 }, rest = { 0 };

		add_random(&raw, (unsigned)random() % 40);
		add_random(&minus, (unsigned)random() % 10);
		CU_ASSERT_EQUAL(prefixes_add_all(&merged, &raw), 0);
		prefixes_merge(&merged);
		prefixes_merge(&minus);
		CU_ASSERT_EQUAL(prefixes_subtract(&raw, &minus, &rest), 0);
		prefixes_merge(&rest);
		check_disjoint(&merged);
		check_disjoint(&rest);
		for (i = 0; i < 512; i++) {
			struct addr a = small_addr(i % 2, i / 2);
			bool in_raw = naive_have(&raw, &a), in_minus = naive_have(&minus, &a);

			CU_ASSERT_EQUAL(prefixes_have(&merged, &a), in_raw);
			CU_ASSERT_EQUAL(prefixes_have(&rest, &a), in_raw && !in_minus);
		}
		prefixes_fini(&raw);
		prefixes_fini(&merged);
		prefixes_fini(&minus);
		prefixes_fini(&rest);
	}
}

SUITE("prefixes", { "merges to the shortest list", merges_to_the_shortest_list },
        { "cuts holes", cuts_holes }, { "no piece of v6 becomes v4", no_piece_of_v6_becomes_v4 },
        { "agrees with a naive loop", agrees_with_a_naive_loop })
