/* test_why.c - the last decisions about a source, and the words of the configuration for them. */
#include "watch/why.h"

#include "conf_files.h"
#include "events.h"
#include "postern/action.h"
#include "posternd/reasons.h"
#include "suite.h"

static const uint8_t key[HASH_KEY_BYTES] = { 1, 2, 3 };

static void add(struct why *w, const struct event *e)
{
	struct why_decision d;

	if (why_read(e, &d))
		why_add(w, &d);
}

static void equal_ones_are_one(void)
{
	struct why *w = why_new(16, key);
	struct event greeting = events_make(EVENT_GREETING, 0);
	struct event rcpt = events_rcpt(0, 1, "<a@example.org>", 1, 250, "ok");
	struct why_decision d;

	for (unsigned i = 0; i < 100; i++) { /* they take turns */
		greeting.time_us = rcpt.time_us = EVENTS_START_US + i;
		EVENTS_TEXT(rcpt.u.rcpt.path, i % 2 ? "<a@example.org>" : "<b@example.org>");
		add(w, &greeting);
		add(w, &rcpt);
	}
	CU_ASSERT_TRUE(why_find(w, &rcpt.conn.src, 0, &d));
	CU_ASSERT_EQUAL(d.what, WHY_RECIPIENT);
	CU_ASSERT_EQUAL(d.because, BECAUSE_OURS);
	CU_ASSERT_EQUAL(d.count, 100);
	CU_ASSERT_EQUAL(d.path_len, 0); /* nobody's business */
	CU_ASSERT_EQUAL(d.first_us, EVENTS_START_US);
	CU_ASSERT_EQUAL(d.last_us, EVENTS_START_US + 99);
	CU_ASSERT_TRUE(why_find(w, &rcpt.conn.src, 1, &d));
	CU_ASSERT_EQUAL(d.what, WHY_CONNECTION);
	CU_ASSERT_FALSE(why_find(w, &rcpt.conn.src, 2, &d));
	why_free(w);
}

static void keeps_the_youngest(void)
{
	struct why *w = why_new(16, key);
	struct why_decision d;
	char path[32];
	unsigned i;

	for (i = 0; i < 100; i++) {
		struct event e;

		snprintf(path, sizeof(path), "<u%u@foreign.test>", i);
		e = events_rcpt(i, 1, path, 0, 550, "no");
		add(w, &e);
	}
	for (i = 0; i < WHY_DECISIONS; i++) {
		struct event e = events_make(EVENT_OPEN, 0);

		snprintf(path, sizeof(path), "<u%u@foreign.test>", 99 - i);
		CU_ASSERT_TRUE(why_find(w, &e.conn.src, i, &d));
		CU_ASSERT_EQUAL(d.path_len, strlen(path));
		CU_ASSERT_EQUAL(memcmp(d.path, path, d.path_len), 0);
	}
	CU_ASSERT_FALSE(why_find(w, &d.source, WHY_DECISIONS, &d));
	why_free(w);
}

static void forged_tries_push_out_tries_only(void)
{
	struct why *w = why_new(16, key);
	struct event talker = events_make(EVENT_GREETING, 0), e;
	struct why_decision d;

	add(w, &talker);
	for (unsigned i = 0; i < 10000; i++) {
		e = events_make(EVENT_REFUSED, i);
		e.conn.src.b[14] = (uint8_t)(i >> 8);
		e.conn.src.b[15] = (uint8_t)i;
		e.conn.src.b[13] = 200;
		add(w, &e);
	}
	CU_ASSERT_TRUE(why_find(w, &talker.conn.src, 0, &d));
	CU_ASSERT_TRUE(why_find(w, &e.conn.src, 0, &d));
	why_free(w);
}

static void a_source_of_ipv6_is_its_net(void)
{
	static const uint8_t one[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, [15] = 1 };
	static const uint8_t two[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, [15] = 2 };
	struct why *w = why_new(16, key);
	struct event e = events_make(EVENT_GREETING, 0);
	struct addr other = addr_from_v6(two);
	struct why_decision d;

	e.conn.src = addr_from_v6(one);
	add(w, &e);
	CU_ASSERT_TRUE(why_find(w, &other, 0, &d));
	CU_ASSERT_EQUAL(addr_compare(&d.source, &e.conn.src), 0);
	other.b[7] = 2;
	CU_ASSERT_FALSE(why_find(w, &other, 0, &d));
	why_free(w);
}

static void long_paths_are_cut(void)
{
	struct event e = events_rcpt(0, 1, "<a@foreign.test>", 0, 550, "no");
	struct why_decision d;

	memset(e.u.rcpt.path.bytes, 'x', sizeof(e.u.rcpt.path.bytes));
	e.u.rcpt.path.len = UINT16_MAX; /* lengths of events are not trusted */
	CU_ASSERT_TRUE(why_read(&e, &d));
	CU_ASSERT_EQUAL(d.path_len, WHY_TEXT_MAX);
	CU_ASSERT_TRUE(d.path_cut);
}

static void passes_over_the_rest(void)
{
	static const enum event_kind none[] = { EVENT_OPEN, EVENT_HELO, EVENT_MAIL, EVENT_DATA, EVENT_CLOSE,
		EVENT_AUDIT, EVENT_EOD, EVENT_ODD };
	struct why_decision d;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct event e = events_make(none[i], 0);

		CU_ASSERT_FALSE(why_read(&e, &d));
	}
}

/* ---- words ---------------------------------------------------------------------------------------- */

static const char written[] = "mode = enforce\n"
                              "servers \"mail\" { addresses = { 192.168.0.10 } domains = { example.org } }\n"
                              "rule \"in\" { from = { any } to = { mail } }\n"
                              "otherwise = drop\n"
                              "relay { action = refuse-recipient\n"
                              "        tricks = alert }\n";

static void names_the_line(void)
{
	static const struct {
		struct why_decision d;
		const char *reason;
	} cases[] = {
		{ { .because = BECAUSE_RULE, .rule = 0 }, "rule \"in\" (t.conf:3)" },
		{ { .because = BECAUSE_RULE, .rule = -1 }, "otherwise = drop (t.conf:4)" },
		{ { .because = BECAUSE_RULE, .rule = 9 }, "a rule of another configuration" },
		{ { .because = BECAUSE_OURS }, "the recipient is ours" },
		{ { .because = BECAUSE_FOREIGN,
		          .action = ACTION_REFUSE_RECIPIENT,
		          .would = ACTION_REFUSE_RECIPIENT },
		        "relay.action = refuse-recipient (t.conf:5)" },
		{ { .because = BECAUSE_FOREIGN, .action = ACTION_ALERT, .would = ACTION_ALERT },
		        "relay.tricks = alert (t.conf:6)" },
		{ { .because = BECAUSE_FOREIGN,
		          .action = ACTION_DEFER_RECIPIENT,
		          .would = ACTION_REFUSE_RECIPIENT },
		        "relay.max-refusals = 3 (the default)" },
		{ { .because = BECAUSE_OURS, .action = ACTION_SLOW, .would = ACTION_SLOW },
		        "the source is slowed for a while (postern blocks)" },
		{ { .because = BECAUSE_FOREIGN, .action = ACTION_SLOW, .would = ACTION_SLOW },
		        "the source is slowed for a while (postern blocks)" },
		{ { .because = BECAUSE_LISTED }, "an order of the watch (postern blocks)" },
		{ { .because = BECAUSE_LIMITED }, "a limit" },
		{ { .because = BECAUSE_SMUGGLING }, "smuggling.action = alert (the default)" },
	};
	const struct conf_options options = { .keep_places = true };
	struct reasons *r;
	struct conf *c = NULL;

	conf_write("t.conf", written);
	CU_ASSERT_EQUAL_FATAL(conf_read("t.conf", &options, &c), 0);
	r = reasons_new(c);
	conf_free(c); /* nothing of it is needed any more */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct why_decision d = cases[i].d;

		reasons_write(r, &d);
		CU_ASSERT_STRING_EQUAL(d.reason, cases[i].reason);
	}
	reasons_free(r);
	conf_clean((const char *const[]) { "t.conf", NULL });
}

SUITE("why", { "equal ones are one", equal_ones_are_one }, { "keeps the youngest", keeps_the_youngest },
        { "forged tries push out tries only", forged_tries_push_out_tries_only },
        { "a source of IPv6 is its net", a_source_of_ipv6_is_its_net },
        { "long paths are cut", long_paths_are_cut }, { "passes over the rest", passes_over_the_rest },
        { "names the line", names_the_line })
