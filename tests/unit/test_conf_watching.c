/* test_conf_watching.c - volume blocks and behaviours: what they become, and what is told of mistakes in them.
 *
 * The messages are compared whole, as in test_conf_errors.c.
 */
#include "conf_files.h"
#include "conf_watching.h"
#include "policy/watching.h"
#include "postern/action.h"
#include "suite.h"

static const char around[] = "home = { 10.0.0.0/8 }\n"
                             "upstream isp { addresses = { 198.51.100.10 } }\n"
                             "network customers { addresses = { 100.64.0.0/12 } }\n"
                             "servers mail { addresses = { 10.0.0.25 } }\n"
                             "rule all { from = { any } to = { any } }\n";

static struct conf *load(const char *text)
{
	char whole[4096];
	struct conf *c = NULL;

	snprintf(whole, sizeof(whole), "%s%s", around, text);
	conf_read_text(whole, &c);
	CU_ASSERT_STRING_EQUAL(conf_errors, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

static int block_of(const struct conf *c, const char *text, enum volume_key key)
{
	struct addr a = { 0 };
	struct policy_groups groups;

	CU_ASSERT_EQUAL(addr_parse(text, &a), 0);
	groups = policy_lookup(c->policy, &a);
	return watching_find_volume(policy_watching(c->policy), &groups, key);
}

/* The key table and watching_settings() say the same. */
static void nothing_written_is_the_default(void)
{
	const struct watching *w;
	struct watching usual;
	struct conf *c;

	CU_ASSERT_EQUAL_FATAL(conf_read_text("", &c), 0);
	watching_default(&usual);
	w = policy_watching(c->policy);
	CU_ASSERT_EQUAL(w->volume_count, 0);
	CU_ASSERT_EQUAL(memcmp(&w->ladder, &usual.ladder, sizeof(w->ladder)), 0);
	CU_ASSERT_EQUAL(memcmp(&w->shared, &usual.shared, sizeof(w->shared)), 0);
	for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++) {
		const struct behaviour_rule *got = &w->behaviours[i], *wanted = &usual.behaviours[i];

		CU_ASSERT_EQUAL(got->on, wanted->on);
		CU_ASSERT_EQUAL(got->action, wanted->action);
		CU_ASSERT_EQUAL(got->limit.most, wanted->limit.most);
		CU_ASSERT_EQUAL(got->limit.window_s, wanted->limit.window_s);
		CU_ASSERT_EQUAL(got->other.most, wanted->other.most);
		CU_ASSERT_EQUAL(got->other.window_s, wanted->other.window_s);
		CU_ASSERT_EQUAL(got->third.most, wanted->third.most);
		CU_ASSERT_EQUAL(got->third.window_s, wanted->third.window_s);
		CU_ASSERT_EQUAL(got->share_permille, wanted->share_permille);
		CU_ASSERT_EQUAL(got->block_for_s, wanted->block_for_s);
	}
	CU_ASSERT_EQUAL(memcmp(&w->rejects, &usual.rejects, sizeof(usual.rejects)), 0);
	CU_ASSERT_EQUAL(memcmp(&w->ladder, &usual.ladder, sizeof(usual.ladder)), 0);
	CU_ASSERT_EQUAL(w->sources, usual.sources);
	CU_ASSERT_EQUAL(w->quiet_s, usual.quiet_s);
	conf_free(c);
}

static void a_bare_block_has_the_defaults(void)
{
	struct conf *c = load("volume x { match = { home } }\n");
	const struct watching *w = policy_watching(c->policy);
	const struct volume_block *v = &w->volumes[0];

	CU_ASSERT_EQUAL_FATAL(w->volume_count, 1);
	CU_ASSERT_STRING_EQUAL(v->name, "x");
	CU_ASSERT_EQUAL(v->bits_v4, 32);
	CU_ASSERT_EQUAL(v->bits_v6, 64);
	CU_ASSERT_EQUAL(v->key, VOLUME_BY_SOURCE);
	CU_ASSERT_EQUAL(v->action, ACTION_ALERT);
	CU_ASSERT_EQUAL(v->max_rcpt, 0);
	CU_ASSERT_EQUAL(v->spike_tenths, 50);
	CU_ASSERT_EQUAL(v->spike_floor, 20);
	CU_ASSERT_EQUAL(v->block_for_s, 3600);
	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++)
		CU_ASSERT_EQUAL(v->limit_count[m], 0);
	CU_ASSERT_STRING_EQUAL(conf_warnings, "");
	conf_free(c);
}

static void has_limits(const struct volume_block *v, enum volume_measure m, const struct volume_limit *wanted,
        unsigned count)
{
	CU_ASSERT_EQUAL_FATAL(v->limit_count[m], count);
	for (unsigned i = 0; i < count; i++) {
		CU_ASSERT_EQUAL(v->limits[m][i].most, wanted[i].most);
		CU_ASSERT_EQUAL(v->limits[m][i].window_s, wanted[i].window_s);
	}
}

static void volumes_arrive(void)
{
	struct conf *c = load(CONF_WATCHING_TEXT);
	const struct watching *w = policy_watching(c->policy);
	const struct volume_block *v = &w->volumes[1];

	CU_ASSERT_EQUAL_FATAL(w->volume_count, 3);
	CU_ASSERT_STRING_EQUAL(w->volumes[0].name, "newsletter");
	CU_ASSERT_EQUAL(w->volumes[0].spike_tenths, 0);
	CU_ASSERT_STRING_EQUAL(v->name, "hosts");
	CU_ASSERT_EQUAL(v->bits_v4, 24);
	CU_ASSERT_EQUAL(v->bits_v6, 56);
	has_limits(v, VOLUME_MESSAGES, (struct volume_limit[]) { { 600, 3600 } }, 1);
	has_limits(v, VOLUME_RECIPIENTS,
	        (struct volume_limit[]) { { 100, 60 }, { 1000, 3600 }, { 5000, 7 * 86400 } }, 3);
	has_limits(v, VOLUME_CONNECTIONS, (struct volume_limit[]) { { 60, 90 } }, 1);
	has_limits(v, VOLUME_BYTES,
	        (struct volume_limit[]) {
	                { UINT64_C(500) << 20, 3600 }, { UINT64_C(2) << 30, 86400 }, { 10240, 5 }, { 7, 1 } },
	        4);
	has_limits(v, VOLUME_DESTINATIONS, (struct volume_limit[]) { { 30, 600 } }, 1);
	CU_ASSERT_EQUAL(v->max_rcpt, 50);
	CU_ASSERT_EQUAL(v->spike_tenths, 25);
	CU_ASSERT_EQUAL(v->spike_floor, 33);
	CU_ASSERT_EQUAL(v->action, ACTION_CLIMB);
	CU_ASSERT_EQUAL(v->block_for_s, 7200);
	CU_ASSERT_EQUAL(w->volumes[2].key, VOLUME_BY_AUTH_USER);
	CU_ASSERT_EQUAL(w->volumes[2].action, ACTION_REFUSE_SESSION);
	CU_ASSERT_EQUAL(w->volumes[2].spike_tenths, 0); /* is of sources */
	CU_ASSERT_EQUAL(w->sources, 100000);
	CU_ASSERT_EQUAL(w->quiet_s, 1800);
	conf_free(c);
}

static void the_first_block_counts(void)
{
	struct conf *c = load(CONF_WATCHING_TEXT);

	CU_ASSERT_EQUAL(block_of(c, "10.0.3.3", VOLUME_BY_SOURCE), 0);
	CU_ASSERT_EQUAL(block_of(c, "10.0.3.4", VOLUME_BY_SOURCE), 1);
	CU_ASSERT_EQUAL(block_of(c, "100.65.1.1", VOLUME_BY_SOURCE), 1);
	CU_ASSERT_EQUAL(block_of(c, "10.0.0.25", VOLUME_BY_SOURCE), -1);
	CU_ASSERT_EQUAL(block_of(c, "10.0.0.25", VOLUME_BY_AUTH_USER), -1); /* `any` means no server */
	CU_ASSERT_EQUAL(block_of(c, "10.0.4.1", VOLUME_BY_SOURCE), -1);
	CU_ASSERT_EQUAL(block_of(c, "10.0.3.3", VOLUME_BY_AUTH_USER), 2);
	CU_ASSERT_EQUAL(block_of(c, "10.0.3.3", VOLUME_BY_MAIL_FROM), -1);
	conf_free(c);
}

static void behaviours_arrive(void)
{
	struct conf *c = load(CONF_WATCHING_TEXT);
	const struct watching *w = policy_watching(c->policy);
	const struct behaviour_rule *b = w->behaviours;

	CU_ASSERT_EQUAL(w->rejects.honest_permille, 55);
	CU_ASSERT_EQUAL(w->rejects.bad_permille, 600);
	CU_ASSERT_EQUAL(w->rejects.false_alarm_ppm, 100);
	CU_ASSERT_EQUAL(w->rejects.miss_ppm, 25000);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_REJECTS].action, ACTION_SLOW);
	CU_ASSERT(policy_groups_have(
	        &b[BEHAVIOUR_REJECTS].except, (unsigned)policy_group_find(c->policy, "isp")));
	CU_ASSERT_EQUAL(b[BEHAVIOUR_REJECTS].block_for_s, 3 * 3600);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_FANOUT].limit.most, 50);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_FANOUT].limit.window_s, 300);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_FANOUT].action, ACTION_LIMIT);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_FANOUT].other.most, 0);
	CU_ASSERT(policy_groups_have(
	        &b[BEHAVIOUR_FANOUT].match, (unsigned)policy_group_find(c->policy, "customers")));
	CU_ASSERT_EQUAL(b[BEHAVIOUR_TARGET].other.most, 7777);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_BACKSCATTER].share_permille, 125);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_BACKSCATTER].other.most, 9);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_BACKSCATTER].other.window_s, 540);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_AUTH].other.most, 4);
	CU_ASSERT(b[BEHAVIOUR_AUTH].third.most == 6 && b[BEHAVIOUR_AUTH].third.window_s == 7200);
	CU_ASSERT(!b[BEHAVIOUR_TARGET].on && b[BEHAVIOUR_FANOUT].on);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_HARVEST].limit.most, 7);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_HARVEST].limit.window_s, 60);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_HARVEST].share_permille, 333);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_HARVEST].other.most, 70);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_HARVEST].action, ACTION_BLOCK);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_HARVEST].block_for_s, 600);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_BACKSCATTER].limit.most, 1000);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_AUTH].limit.most, 3);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_AUTH].action, ACTION_REFUSE_SESSION);
	CU_ASSERT_EQUAL(b[BEHAVIOUR_REPUTATION].limit.window_s, 86400);
	conf_free(c);
}

struct mistake {
	const char *text;
	const char *messages; /* in order, one a line; the text begins in line 6 */
};

static const struct mistake errors[] = {
	{ "volume x { recipients = { 5/1m } }",
	        "t.conf:6: volume \"x\" has no match; add match = { home }, or whose mail it is to count" },
	{ "volume x { match = { hme } recipients = { 1/1m } }",
	        "t.conf:6: nothing is named \"hme\"; did you mean \"home\"?" },
	{ "volume x { match = { home } }\nvolume x { match = { any } }",
	        "t.conf:7: title \"x\" is taken by volume in t.conf:6; choose another one" },
	{ "volume x { match = { home } per = 33/64 }\nvolume y { match = { home } per = 24 }\n"
	  "volume z { match = { home } per = 7/129 }",
	        "t.conf:6: volume.per = \"33/64\" is no pair of prefix lengths; write IPv4/IPv6, from 8 to "
	        "32 "
	        "and from 16 to 128, like 32/64\n"
	        "t.conf:7: volume.per = \"24\" is no pair of prefix lengths; write IPv4/IPv6, from 8 to 32 "
	        "and from 16 to 128, like 32/64\n"
	        "t.conf:8: volume.per = \"7/129\" is no pair of prefix lengths; write IPv4/IPv6, from 8 to "
	        "32 "
	        "and from 16 to 128, like 32/64" },
	{ "volume x { match = { home }\n recipients = { 100, 0/1m, 100/0s, 5M/1m, 100/8d, \"-1/1m\" }\n}",
	        "t.conf:7: volume.recipients: \"100\" is no limit; write a number from 1 to 1000000, a "
	        "slash, "
	        "and a time from 1s to 7d, like 100/1m\n"
	        "t.conf:7: volume.recipients: \"0/1m\" is no limit; write a number from 1 to 1000000, a "
	        "slash, and a time from 1s to 7d, like 100/1m\n"
	        "t.conf:7: volume.recipients: \"100/0s\" is no limit; write a number from 1 to 1000000, a "
	        "slash, and a time from 1s to 7d, like 100/1m\n"
	        "t.conf:7: volume.recipients: \"5M/1m\" is no limit; write a number from 1 to 1000000, a "
	        "slash, and a time from 1s to 7d, like 100/1m\n"
	        "t.conf:7: volume.recipients: \"100/8d\" is no limit; write a number from 1 to 1000000, a "
	        "slash, and a time from 1s to 7d, like 100/1m\n"
	        "t.conf:7: volume.recipients: \"-1/1m\" is no limit; write a number from 1 to 1000000, a "
	        "slash, and a time from 1s to 7d, like 100/1m" },
	{ "volume x { match = { home } bytes = { 5T/1h, 99999999999G/1h } }",
	        "t.conf:6: volume.bytes: \"5T/1h\" is no limit; write a number from 1 to 1125899906842624 "
	        "(also with k, M or G), a slash, and a time from 1s to 7d, like 500M/1h\n"
	        "t.conf:6: volume.bytes: \"99999999999G/1h\" is no limit; write a number from 1 to "
	        "1125899906842624 (also with k, M or G), a slash, and a time from 1s to 7d, like 500M/1h" },
	{ "volume x { match = { home } destinations = { 50001/1d } }",
	        "t.conf:6: volume.destinations: \"50001/1d\" is no limit; write a number from 1 to 50000, a "
	        "slash, and a time from 1s to 7d, like 100/1m" },
	{ "volume x { match = { home } messages = { 1/1s, 2/2m, 3/3h, 4/4h, 5/5h } }",
	        "t.conf:6: volume.messages has more than 4 limits; leave some out" },
	{ "volume x { match = { home } spike = 2.55 spike-floor = x max-rcpt = -1 }",
	        "t.conf:6: volume.spike = \"2.55\" is no number in its range; write one from 0 to 100 times, "
	        "with up to 1 digit behind the point\n"
	        "t.conf:6: volume.spike-floor = \"x\" is no number in its range; write one from 0 to 1000000 "
	        "recipients an hour\n"
	        "t.conf:6: volume.max-rcpt = \"-1\" is no number in its range; write one from 0 to 1000000 "
	        "recipients" },
	{ "volume x { match = { home } key = user action = reset }",
	        "t.conf:6: volume.key = \"user\" is unknown; write one of: source, mail-from, auth-user\n"
	        "t.conf:6: volume.action = \"reset\" is unknown; write one of: alert, slow, limit, "
	        "refuse-session, block, climb" },
	{ "harvest { enabled = maybe\n limit = 20 }\nauth-guess { action = blok }",
	        "t.conf:6: harvest.enabled is yes or no, not \"maybe\"\n"
	        "t.conf:7: harvest.limit: \"20\" is no limit; write a number from 1 to 1000000, a slash, and "
	        "a time from 1s to 7d, like 100/1m\n"
	        "t.conf:8: auth-guess.action = \"blok\" is unknown; did you mean block? (one of: alert, "
	        "slow, "
	        "limit, refuse-session, block, climb)" },
	{ "rejects {\n honest = 60\n}",
	        "t.conf:7: rejects.bad = 50 is not above rejects.honest = 60: nothing would tell machines "
	        "from people; write a higher one, or a lower honest" },
	{ "rejects { bad = 100 false-alarm = 0.00001 miss = 60 }",
	        "t.conf:6: rejects.bad = \"100\" is no number in its range; write one from 0.2 to 99.9 "
	        "percent, with up to 1 digit behind the point\n"
	        "t.conf:6: rejects.false-alarm = \"0.00001\" is no number in its range; write one from "
	        "0.0001 "
	        "to 10 percent, with up to 4 digits behind the point\n"
	        "t.conf:6: rejects.miss = \"60\" is no number in its range; write one from 0.0001 to 50 "
	        "percent, with up to 4 digits behind the point" },
	{ "rejects { limit = 5/1m }", "t.conf:6: unknown key \"limit\" in rejects; it belongs into a block: "
	                              "fanout, target, harvest or another { limit ... }" },
	{ "watch { sources = 10 }",
	        "t.conf:6: watch.sources = \"10\" is no number in its range; write one from 1000 to 4194304 "
	        "sources" },
};

static const struct mistake warnings[] = {
	/* who is counted: by an earlier block, whatever it leaves out elsewhere */
	{ "mode = enforce\nvolume a { match = { home } except = { servers, 10.1.0.0/16 } }\n"
	  "volume b { match = { 10.2.0.0/16 } }\nvolume c { match = { 10.1.2.3 } }\n"
	  "volume d { match = { 10.0.0.0/8 } except = { mail, 10.1.0.0/16, 10.7.7.7 } }\n"
	  "volume e { match = { 10.2.0.0/16 } key = mail-from messages = { 1/1m } }",
	        "t.conf:8: warning: volume \"b\" counts nobody: volume \"a\" (t.conf:7) takes all of its "
	        "clients before; move it up, or take them out there with except\n"
	        "t.conf:10: warning: volume \"d\" counts nobody: volume \"a\" (t.conf:7) takes all of its "
	        "clients before; move it up, or take them out there with except" },
	/* servers are not meant by any and home */
	{ "volume a { match = { any } }\nvolume b { match = { mail } }\nvolume c { match = { 10.0.0.25 } }\n"
	  "volume d { match = { home, customers } }\nvolume e { match = { self } }",
	        "t.conf:8: warning: volume \"c\" counts nobody: volume \"b\" (t.conf:7) takes all of its "
	        "clients before; move it up, or take them out there with except\n"
	        "t.conf:9: warning: volume \"d\" counts nobody: volume \"a\" (t.conf:6) takes all of its "
	        "clients before; move it up, or take them out there with except" },
	{ "volume a {\n match = { 10.1.0.0/16 }\n except = { home }\n}\nvolume b { match = { isp } }\n"
	  "volume c { match = { isp, 10.0.0.25 } except = { servers } }",
	        "t.conf:8: warning: volume \"a\" counts nobody: except takes out all that match names; name "
	        "fewer there\n"
	        "t.conf:10: warning: volume \"b\" counts nobody: it names upstreams alone, and they are "
	        "never "
	        "counted, since they pass on what others wrote; remove it\n"
	        "t.conf:11: warning: volume \"c\" counts nobody: except takes out all that match names; name "
	        "fewer there" },
	{ "not-home = { 10.0.0.0/8 }\nvolume a { match = { home } }",
	        "t.conf:7: warning: volume \"a\" names home, which has no address and matches nothing; write "
	        "home = { ... }" },
	/* limits that others make useless: in a longer window, in a shorter one, the same twice */
	{ "volume a {\n match = { home }\n recipients = { 100/1m, 6000/1h }\n messages = { 100/1m,\n 50/1h "
	  "}\n"
	  " connections = { 5/1m,\n 5/1m }\n}\n"
	  "volume b { match = { any } recipients = { 100/1m, 5999/1h, 20000/1d } bytes = { 1M/1m, 61M/61m } "
	  "}",
	        "t.conf:8: warning: volume \"a\": recipients \"6000/1h\" has no effect: \"100/1m\" is passed "
	        "before; leave one out\n"
	        "t.conf:9: warning: volume \"a\": messages \"100/1m\" has no effect: \"50/1h\" is passed "
	        "before; leave one out\n"
	        "t.conf:12: warning: volume \"a\": connections \"5/1m\" has no effect: \"5/1m\" is passed "
	        "before; leave one out\n"
	        "t.conf:14: warning: volume \"b\": bytes \"61M/61m\" has no effect: \"1M/1m\" is passed "
	        "before; leave one out" },
	{ "volume a {\n match = { home }\n spike = 0\n}\n"
	  "volume b {\n match = { home }\n key = auth-user\n}\n"
	  "volume c { match = { any } spike = 0\n spike-floor = 5\n max-rcpt = 5 }\n"
	  "volume d { match = { any } key = mail-from messages = { 5/1m } spike = 7 }",
	        "t.conf:6: warning: volume \"a\" has no limit and no spike, so nothing ever comes of it; add "
	        "one, such as recipients = { 100/1m }\n"
	        "t.conf:10: warning: volume \"b\" has no limit, so nothing ever comes of it; add one, such "
	        "as "
	        "recipients = { 100/1m }\n"
	        "t.conf:15: warning: volume \"c\": spike-floor has no effect: spike is 0; remove it\n"
	        "t.conf:17: warning: volume \"d\": spike has no effect: what is usual is learned of sources "
	        "alone; remove it, or the key" },
	{ "volume a { match = { any } key = mail-from\n connections = { 5/1m }\n bytes = { 1M/1h } messages "
	  "= { 1/1m } }",
	        "t.conf:7: warning: volume \"a\": connections counts nothing: a connection has no sender; "
	        "remove it, or the key\n"
	        "t.conf:8: warning: volume \"a\": bytes counts nothing: a connection has no sender; remove "
	        "it, or the key" },
	/* what is done */
	{ "mode = enforce\nvolume a { match = { home } action = slow block-for = 2h }\n"
	  "volume b { match = { isp, servers }\n action = block }\nharvest { block-for = 1h }\n"
	  "fanout { enabled = no action = block }",
	        "t.conf:7: warning: volume \"a\": block-for has no effect: its action is slow; write action "
	        "= "
	        "block, or remove it\n"
	        "t.conf:10: warning: harvest: block-for has no effect: its action is alert; write action = "
	        "block, or remove it\n"
	        "t.conf:11: warning: fanout.action has no effect: fanout.enabled is no" },
	{ "mode = enforce\nnever-block = { 10.9.0.0/16 }\n"
	  "volume b { match = { servers, 10.9.9.9 }\n action = block }",
	        "t.conf:9: warning: volume \"b\": action = block does no more than alert: servers, and whom "
	        "never-block names, are not punished; write alert" },
	{ "mode = enforce\ntarget {\n action = block\n block-for = 2h }",
	        "t.conf:8: warning: target: action = block does no more than alert: nobody is punished for "
	        "being one of many; write alert" },
	{ "harvest { limit = 20/10m\n long-limit = 5000/1d }\nfanout {\n limit = 100/10m\n long-limit = "
	  "50/1d }\n"
	  "auth-guess { limit = 10/10m user-limit = 5/1d }",
	        "t.conf:7: warning: harvest.long-limit has no effect: limit is passed before; write a lower "
	        "one, or 0\n"
	        "t.conf:9: warning: fanout.limit has no effect: long-limit is passed before; write a lower "
	        "one" },
	{ "harvest { action = slow }\nvolume a { match = { home } action = block }",
	        "t.conf:6: warning: harvest: action = slow, volume \"a\": action = block are told and not "
	        "done: "
	        "mode is monitor; write mode = enforce when they are to act" },
	{ "harvest { action = slow }\nauth-guess { action = block }",
	        "t.conf:6: warning: harvest: action = slow, auth-guess: action = block are told and not "
	        "done: mode is "
	        "monitor; write mode = enforce when they are to act" },
	{ "mode = enforce\nvolume a { match = { home, isp } except = { servers } recipients = { 100/1m, "
	  "1000/1h } "
	  "action = climb }\nharvest { action = block block-for = 5h }\nreputation { action = refuse-session "
	  "block-for = 5h }",
	        "" },
	/* the ladder, and shared addresses */
	{ "mode = enforce\nvolume a { match = { home } recipients = { 1/1m } action = climb block-for = 5h "
	  "}\n"
	  "ladder { slow-for = 1m limit-for = 1m block-for = 1m calm = 1m rate = 5 }\nshared = { customers }",
	        "t.conf:7: warning: volume \"a\": block-for has no effect: its action is climb; write ladder "
	        "{ "
	        "block-for = 5h } for all that climbs" },
	{ "mode = enforce\nharvest { action = block }\nladder {\n slow-for = 1m\n limit-for = 1m\n block-for "
	  "= 1m\n "
	  "calm = 1m\n rate = 5 }\nshared = { customers }",
	        "t.conf:9: warning: ladder.slow-for has no effect: no volume block and no behaviour has "
	        "action = "
	        "slow or climb; write that, or remove it\n"
	        "t.conf:11: warning: ladder.block-for has no effect: no volume block and no behaviour has "
	        "action = "
	        "climb; write that, or remove it\n"
	        "t.conf:12: warning: ladder.calm has no effect: no volume block and no behaviour has action "
	        "= "
	        "climb; write that, or remove it" },
	{ "mode = enforce\nshared = { customers }",
	        "t.conf:7: warning: shared has no effect: no action is block or climb, so nobody is blocked; "
	        "remove it, or choose such an action" },
	{ "mode = enforce\nnever-block = { 10.9.0.0/16 }\nshared = { 10.9.9.9, isp, servers }\nharvest { "
	  "action = climb }",
	        "t.conf:8: warning: shared has no effect: it names none but upstreams, servers and "
	        "never-block, "
	        "and nothing is done about them; remove it" },
};

static void is_told(const char *text, const char *got, const char *wanted)
{
	if (strcmp(got, wanted) != 0)
		fprintf(stderr, "in:\n%s\ngot:\n%s\nwanted:\n%s\n\n", text, got, wanted);
	CU_ASSERT_STRING_EQUAL(got, wanted);
}

static void the_ladder_arrives(void)
{
	static const struct ladder_rule wanted = {
		.slow_for_s = 20, .limit_for_s = 1800, .block_for_s = 86400, .rate_per_min = 3, .calm_s = 7200
	};
	const struct watching *w;
	struct policy_groups groups;
	struct addr a = { 0 };
	struct conf *c = load("shared = { customers, 203.0.113.4 }\nharvest { action = climb }\n"
	                      "ladder { slow-for = 20s limit-for = 30m block-for = 1d rate = 3 calm = 2h }");

	w = policy_watching(c->policy);
	CU_ASSERT_EQUAL(memcmp(&w->ladder, &wanted, sizeof(wanted)), 0);
	CU_ASSERT_EQUAL(addr_parse("100.64.7.7", &a), 0);
	groups = policy_lookup(c->policy, &a);
	CU_ASSERT(policy_groups_meet(&w->shared, &groups));
	CU_ASSERT_EQUAL(addr_parse("203.0.113.4", &a), 0);
	groups = policy_lookup(c->policy, &a);
	CU_ASSERT(policy_groups_meet(&w->shared, &groups));
	CU_ASSERT_EQUAL(addr_parse("203.0.113.5", &a), 0);
	groups = policy_lookup(c->policy, &a);
	CU_ASSERT_FALSE(policy_groups_meet(&w->shared, &groups));
	conf_free(c);
}

static void errors_are_told(void)
{
	char whole[4096];
	struct conf *c;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		snprintf(whole, sizeof(whole), "%s%s\n", around, errors[i].text);
		CU_ASSERT(conf_read_text(whole, &c) < 0);
		is_told(errors[i].text, conf_errors, errors[i].messages);
	}
}

static void warnings_do_not_fail(void)
{
	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
		struct conf *c = load(warnings[i].text);

		is_told(warnings[i].text, conf_warnings, warnings[i].messages);
		conf_free(c);
	}
}

/* With -n the mode is no fault of the file. */
static void forced_monitor_is_not_told(void)
{
	const struct conf_options force = { .force_monitor = true };
	char whole[4096];
	struct conf *c;

	snprintf(whole, sizeof(whole), "%smode = enforce\nharvest { action = block }\n", around);
	conf_write("t.conf", whole);
	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", &force, &c), 0);
	CU_ASSERT_STRING_EQUAL(conf_warnings, "");
	conf_free(c);
}

static void too_many_blocks_are_told(void)
{
	char text[8192] = "home = { 10.0.0.0/8 }\n";
	struct conf *c;

	for (int i = 0; i <= VOLUME_BLOCKS_MAX; i++)
		sprintf(text + strlen(text), "volume v%d { match = { home } }\n", i);
	CU_ASSERT(conf_read_text(text, &c) < 0);
	CU_ASSERT_STRING_EQUAL(conf_errors,
	        "t.conf:34: more than 32 volume blocks; put clients with the same limits into one");
}

static void remove_files(void)
{
	static const char *const names[] = { "t.conf", NULL };

	conf_clean(names);
}

SUITE("conf watching", { "nothing written is the default", nothing_written_is_the_default },
        { "a bare block has the defaults", a_bare_block_has_the_defaults },
        { "volumes arrive", volumes_arrive }, { "the first block counts", the_first_block_counts },
        { "behaviours arrive", behaviours_arrive }, { "the ladder arrives", the_ladder_arrives },
        { "errors are told", errors_are_told }, { "warnings do not fail", warnings_do_not_fail },
        { "forced monitor is not told", forced_monitor_is_not_told },
        { "too many blocks are told", too_many_blocks_are_told }, { "nothing is left behind", remove_files })
