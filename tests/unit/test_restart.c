/* test_restart.c - which keys need a restart: each of them when it differs, no other one, and none by a misspelt name. */
#include "conf/restart.h"

#include <string.h>

#include "conf/keys.h"
#include "conf_files.h"
#include "suite.h"

enum { TOLD_BYTES = 1024 };

static char told[TOLD_BYTES];

static void collect(void *arg, const char *key, const char *remedy)
{
	(void)arg;
	CU_ASSERT_PTR_NOT_NULL(strstr(remedy, "start it"));
	strncat(told, key, TOLD_BYTES - strlen(told) - 1);
	strncat(told, " ", TOLD_BYTES - strlen(told) - 1);
}

/* What a change from one to the other asks for. */
static const char *between(const char *from_text, const char *to_text)
{
	struct conf *from, *to;

	CU_ASSERT_EQUAL_FATAL(conf_read_text(from_text, &from), 0);
	CU_ASSERT_EQUAL_FATAL(conf_read_text(to_text, &to), 0);
	told[0] = '\0';
	restart_each(from, to, collect, NULL);
	conf_free(from);
	conf_free(to);
	return told;
}

static const char all[] = "queue { number = 7  workers = 3  length = 128 }\n"
                          "nft { table = gate  priority = -20  mark-mask = 0xf0  own = no }\n"
                          "store { path = \"/var/lib/postern/other.db\" }\n"
                          "block { size = 99 }\n"
                          "watch { sources = 2000 }\n"
                          "control { path = \"/run/postern/other.sock\"  group = mail }\n";

static void each_is_told(void)
{
	CU_ASSERT_STRING_EQUAL(between("queue { workers = 2 }", all),
	        "queue.number queue.workers queue.length nft.table nft.priority nft.mark-mask nft.own "
	        "store.path block.size watch.sources control.path control.group ");
	CU_ASSERT_STRING_EQUAL(
	        between("queue { workers = 2 }", "queue { workers = 2 length = 99 }"), "queue.length ");
}

/* Everything else is taken by a reload. */
static void no_other_one_is(void)
{
	static const char other[] =
	        "mode = enforce\n"
	        "home = { \"192.168.0.0/16\" }\n"
	        "shared = { \"192.168.7.0/24\" }\n"
	        "queue { number = 7  workers = 3  length = 128  fail = closed }\n"
	        "nft { table = gate  priority = -20  mark-mask = 0xf0  own = no  hooks = { forward } }\n"
	        "store { path = \"/var/lib/postern/other.db\"  keep = 30d  keep-envelopes = 0s }\n"
	        "block { size = 99 }\n"
	        "watch { sources = 2000  quiet = 1m }\n"
	        "control { path = \"/run/postern/other.sock\"  group = mail }\n"
	        "volume \"hosts\" { match = { home }  recipients = { \"10/1m\" }  action = climb }\n"
	        "harvest { limit = \"5/1m\" }\n"
	        "ladder { rate = 20 }\n"
	        "suppress \"x\" { rule = { harvest }  reason = \"known\" }\n"
	        "log { eve = \"/var/log/postern/other.json\"  ecs = \"/var/log/postern/ecs.json\"\n"
	        "      cef = \"/var/log/postern/cef.log\"  syslog = \"udp://192.0.2.1:514\"\n"
	        "      syslog-format = cef  syslog-facility = mail  alerts-only = yes\n"
	        "      per-source = 5/1m  total = 1M/1m  stats = 0s }\n"
	        "privacy { local-parts = hash  alerts = hash }\n";

	CU_ASSERT_STRING_EQUAL(between(all, all), "");
	CU_ASSERT_STRING_EQUAL(between(all, other), "");
}

/* The table of keys knows them by these names, so the manual page says it of them. */
static void their_names_are_keys(void)
{
	char label[KEY_LABEL_MAX];
	unsigned found = 0;

	for (size_t i = 0; i < key_count; i++)
		found += restart_needs(key_label(&keys[i], label));
	CU_ASSERT_EQUAL(found, 12);
	CU_ASSERT(restart_needs("queue.length"));
	CU_ASSERT_FALSE(restart_needs("queue.fail"));
}

static void leaves_nothing(void)
{
	static const char *const names[] = { "t.conf", NULL };

	conf_clean(names);
}

SUITE("restart", { "each is told", each_is_told }, { "no other one is", no_other_one_is },
        { "their names are keys", their_names_are_keys }, { "leaves nothing", leaves_nothing })
