/* What is known of upstreams, written and read again: whole, damaged, and for another configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/state.h"
#include "suite.h"

static void begin(struct upstream *u, const char *title)
{
	*u = (struct upstream) { .grace_s = 60, .refresh_s = 30 };
	strcpy(u->title, title);
	CU_ASSERT_EQUAL(upstream_add_root(u, DNS_MX_OF, "example.org"), 0);
	CU_ASSERT_EQUAL(upstream_add_root(u, DNS_SPF_OF, "example.org"), 0);
}

static void add(struct upstream *u, unsigned root, const char *prefix, uint64_t left_s)
{
	struct upstream_entry e = { .since_s = 1000,
		.left_s = left_s,
		.ttl_end_s = 1300,
		.root = (uint16_t)root,
		.validation = DNS_SECURE };

	strcpy(e.host, "mx1.example.org");
	CU_ASSERT_EQUAL(prefix_parse(prefix, &e.prefix), 0);
	CU_ASSERT_EQUAL(upstream_put(u, &e), 0);
}

static char *written(const struct upstream *list, size_t count)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	CU_ASSERT_EQUAL(state_print(list, count, to), 0);
	fclose(to);
	return text;
}

static char *example(void)
{
	struct upstream u;
	char *text;

	begin(&u, "isp");
	u.roots[0].resolved_s = 900;
	u.roots[0].good_s = 1000;
	u.roots[0].held_s = 1100;
	add(&u, 0, "192.0.2.1", 0);
	add(&u, 0, "2001:db8::/48", 1050);
	text = written(&u, 1);
	upstream_fini(&u);
	return text;
}

static void comes_back_whole(void)
{
	struct upstream u;
	char *text = example(), *again;

	begin(&u, "isp");
	CU_ASSERT_EQUAL(state_read(&u, 1, text), 0);
	CU_ASSERT_EQUAL(u.entry_count, 2);
	CU_ASSERT_EQUAL(u.roots[0].held_s, 1100);
	CU_ASSERT_EQUAL(u.roots[1].resolved_s, 0);
	free(text);
	text = example();
	again = written(&u, 1);
	CU_ASSERT_STRING_EQUAL(again, text);
	CU_ASSERT_EQUAL(state_read(&u, 1, again), 0); /* what is known already stays */
	CU_ASSERT_EQUAL(u.entry_count, 2);
	free(again);
	free(text);
	upstream_fini(&u);
}

static void is_for_its_own_names_only(void)
{
	struct upstream list[2];
	char *text = example();

	begin(&list[0], "other");
	begin(&list[1], "isp");
	strcpy(list[1].roots[0].name, "example.net");
	CU_ASSERT_EQUAL(state_read(list, 2, text), 0);
	CU_ASSERT_EQUAL(list[0].entry_count + list[1].entry_count, 0);
	CU_ASSERT_EQUAL(list[0].roots[0].resolved_s, 0);
	upstream_fini(&list[0]);
	upstream_fini(&list[1]);
	free(text);
}

static void damage_is_noticed(void)
{
	char *good = example(), *text;
	size_t len = strlen(good);
	struct upstream u;

	for (size_t at = 0; at + 1 < len; at++) {
		text = strdup(good);
		text[at] ^= 1;
		begin(&u, "isp");
		CU_ASSERT_NOT_EQUAL(state_read(&u, 1, text), 0);
		CU_ASSERT_EQUAL(u.entry_count, 0);
		upstream_fini(&u);
		free(text);
		text = strndup(good, at);
		begin(&u, "isp");
		CU_ASSERT(state_read(&u, 1, text) != 0 || at + 1 == len);
		upstream_fini(&u);
		free(text);
	}
	free(good);
}

SUITE("state", { "comes back whole", comes_back_whole },
        { "is for its own names only", is_for_its_own_names_only },
        { "damage is noticed", damage_is_noticed })
