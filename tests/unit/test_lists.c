/* test_lists.c - when a list file counts as changed: in looks, not in seconds. */
#include <unistd.h>

#include "conf_files.h"
#include "posternd/lists.h"
#include "suite.h"

static struct conf *load(void)
{
	struct conf *c;

	conf_write("doms", "example.org\n");
	CU_ASSERT_EQUAL_FATAL(
	        conf_read_text("servers m { addresses = { 192.0.2.1 } domains-file = doms }\n", &c), 0);
	return c;
}

static void a_change_has_to_settle(void)
{
	struct conf *c = load();
	struct lists *l = lists_new();

	CU_ASSERT_FALSE(lists_look(l, c));
	CU_ASSERT_FALSE(lists_look(l, c));
	conf_write("doms", "example.org\nexample.net\n");
	CU_ASSERT_FALSE(lists_look(l, c));
	conf_write("doms", "example.org\nexample.net\nexample.com\n"); /* still being written */
	CU_ASSERT_FALSE(lists_look(l, c));
	CU_ASSERT_TRUE(lists_look(l, c));
	lists_free(l);
	conf_free(c);
}

static void a_bad_one_is_tried_once(void)
{
	struct conf *c = load();
	struct lists *l = lists_new();

	conf_write("doms", "bad..name\n");
	CU_ASSERT_FALSE(lists_look(l, c));
	CU_ASSERT_TRUE(lists_look(l, c)); /* the reload fails: the same configuration stays */
	CU_ASSERT_FALSE(lists_look(l, c));
	CU_ASSERT_FALSE(lists_look(l, c));
	conf_write("doms", "better.example\n");
	CU_ASSERT_FALSE(lists_look(l, c));
	CU_ASSERT_TRUE(lists_look(l, c));
	lists_free(l);
	conf_free(c);
}

static void a_lost_one_is_a_change(void)
{
	char path[256];
	struct conf *c = load();
	struct lists *l = lists_new();

	snprintf(path, sizeof(path), "%s/doms", conf_folder);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_FALSE(lists_look(l, c));
	CU_ASSERT_TRUE(lists_look(l, c));
	CU_ASSERT_FALSE(lists_look(l, c));
	lists_free(l);
	conf_free(c);
}

static void a_new_configuration_begins_anew(void)
{
	struct conf *c = load(), *next;
	struct lists *l = lists_new();

	CU_ASSERT_FALSE(lists_look(l, c));
	conf_write("doms", "example.net\n");
	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", NULL, &next), 0);
	CU_ASSERT_FALSE(lists_look(l, next)); /* it has read just this */
	CU_ASSERT_FALSE(lists_look(l, next));
	lists_free(l);
	conf_free(next);
	conf_free(c);
}

static void remove_files(void)
{
	static const char *const names[] = { "t.conf", "doms", NULL };

	conf_clean(names);
	CU_ASSERT_EQUAL(access(conf_folder, F_OK), -1);
}

SUITE("lists", { "a change has to settle", a_change_has_to_settle },
        { "a bad one is tried once", a_bad_one_is_tried_once },
        { "a lost one is a change", a_lost_one_is_a_change },
        { "a new configuration begins anew", a_new_configuration_begins_anew },
        { "nothing is left behind", remove_files })
