/* test_places.c - which line of a configuration says something, also in includes and list files. */
#include <unistd.h>

#include "conf/places.h"
#include "conf_files.h"
#include "suite.h"

static const char text[] = "include(\"more.conf\")\n"
                           "home = { 10.0.0.0/8,\n"
                           "  10.1.0.0/16 }\n"
                           "servers \"a\" { addresses = { 192.0.2.1 }  domains = { a.example } }\n"
                           "servers \"b\" {\n"
                           "  addresses = { 192.0.2.2 }\n"
                           "  domains = { example.org, .example.org, .lists.example.org }\n"
                           "  domains-file = more.domains\n"
                           "}\n"
                           "network \"n\" { addresses = { 192.0.2.3 }  file = more.nets }\n";

static struct conf *load(void)
{
	static const struct conf_options options = { .keep_places = true };
	struct conf *c = NULL;

	conf_write("t.conf", text);
	conf_write("more.conf", "mode = enforce\nrule \"in\" { from = { any }\n  to = { any } }\n");
	conf_write("more.domains", "# x\nB\xc3\x9c"
	                           "CHER.example\n");
	conf_write("more.nets", "\n192.168.7.0/24\n");
	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", &options, &c), 0);
	return c;
}

/* FILE:LINE of what was found, without the folder; "" = nothing. */
static const char *shown(bool found, const struct conf_place *p)
{
	static char out[128];
	const char *slash = found ? strrchr(p->file, '/') : NULL;

	snprintf(out, sizeof(out), found ? "%s:%u" : "", slash ? slash + 1 : "", found ? p->line : 0);
	return out;
}

static void values_have_lines(void)
{
	struct conf *c = load();
	struct conf_place p;

	CU_ASSERT_STRING_EQUAL(shown(places_find(c, "", NULL, "mode", 0, &p), &p), "more.conf:1");
	CU_ASSERT_STRING_EQUAL(shown(places_find(c, "", NULL, "home", 1, &p), &p), "t.conf:3");
	CU_ASSERT_STRING_EQUAL(p.text, "10.1.0.0/16");
	CU_ASSERT_FALSE(places_find(c, "", NULL, "home", 2, &p));
	CU_ASSERT_FALSE(places_find(c, "relay", NULL, "action", 0, &p)); /* a default has none */
	CU_ASSERT_EQUAL(places_count(c, "servers", "b", "domains"), 4);
	CU_ASSERT_EQUAL(places_count(c, "servers", "a", "domains"), 1);
	CU_ASSERT_EQUAL(places_count(c, "network", "n", "addresses"), 2);
	CU_ASSERT_EQUAL(places_count(c, "servers", "b", "domains-file"), 1);
	conf_free(c);
}

static void blocks_have_lines(void)
{
	struct conf *c = load();
	struct conf_place p;

	CU_ASSERT_STRING_EQUAL(shown(places_find_block(c, "rule", "in", &p), &p), "more.conf:2");
	CU_ASSERT_STRING_EQUAL(shown(places_find_block(c, "servers", "b", &p), &p), "t.conf:5");
	CU_ASSERT_FALSE(places_find_block(c, "servers", "n", &p));
	conf_free(c);
}

static void the_narrowest_prefix_answers(void)
{
	static const struct {
		const char *block, *title, *key, *address, *line;
	} cases[] = {
		{ "", NULL, "home", "10.1.2.3", "t.conf:3" },
		{ "", NULL, "home", "10.2.2.3", "t.conf:2" },
		{ "", NULL, "home", "11.2.2.3", "" },
		{ "servers", "b", "addresses", "192.0.2.2", "t.conf:6" },
		{ "servers", "b", "addresses", "192.0.2.1", "" },
		{ "network", "n", "addresses", "192.168.7.9", "more.nets:2" },
	};
	struct conf *c = load();
	struct conf_place p;
	struct addr a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(addr_parse(cases[i].address, &a), 0);
		CU_ASSERT_STRING_EQUAL(
		        shown(places_find_address(c, cases[i].block, cases[i].title, cases[i].key, &a, &p),
		                &p),
		        cases[i].line);
	}
	conf_free(c);
}

static void the_longest_name_answers(void)
{
	static const struct {
		const char *name, *entry;
	} cases[] = {
		{ "example.org", "example.org" },
		{ "x.example.org", ".example.org" },
		{ "y.lists.example.org", ".lists.example.org" },
		{ "lists.example.org", ".example.org" },
		{ "notexample.org", NULL },
		{ "a.example", NULL },
		{ "xn--bcher-kva.example", "B\xc3\x9c"
		                           "CHER.example" },
		{ "b\xc3\xbc"
		  "cher.example",
		        "B\xc3\x9c"
		        "CHER.example" },
	};
	struct conf *c = load();
	struct conf_place p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = places_find_name(c, "servers", "b", "domains", cases[i].name, &p);

		CU_ASSERT_EQUAL(found, cases[i].entry != NULL);
		if (found)
			CU_ASSERT_STRING_EQUAL(p.text, cases[i].entry);
	}
	conf_free(c);
}

static void without_places_nothing_is_found(void)
{
	struct conf *c;
	struct conf_place p;

	CU_ASSERT_EQUAL_FATAL(conf_read_text(text, &c), 0);
	CU_ASSERT_FALSE(places_find(c, "", NULL, "mode", 0, &p));
	CU_ASSERT_FALSE(places_find_block(c, "rule", "in", &p));
	conf_free(c);
}

static void remove_files(void)
{
	static const char *const names[] = { "t.conf", "more.conf", "more.domains", "more.nets", NULL };

	conf_clean(names);
	CU_ASSERT_EQUAL(access(conf_folder, F_OK), -1);
}

SUITE("places", { "values have lines", values_have_lines }, { "blocks have lines", blocks_have_lines },
        { "the narrowest prefix answers", the_narrowest_prefix_answers },
        { "the longest name answers", the_longest_name_answers },
        { "without places nothing is found", without_places_nothing_is_found },
        { "nothing is left behind", remove_files })
