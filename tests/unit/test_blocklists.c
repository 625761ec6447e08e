/* test_blocklists.c - DNS lists: tests of them, what is asked, remembered, told and forgotten. */
#include <stdio.h>
#include <string.h>

#include "dns/blocklists.h"
#include "dns_table.h"
#include "suite.h"

enum { NOW = 1000, LEAST_S = 60, MOST_S = 3600, TEST_S = 1800 };

#define SIX2 "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
#define SIX1 "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
#define GOOD4 "2.0.0.127.bl.test A 127.0.0.2\n"
#define GOOD GOOD4 SIX2 "bl.test A 127.0.0.2\n"

/* What was told, as words: "listed 192.0.2.1@0 127.0.0.2", "state 0 in use". */
struct desk {
	struct blocklists *b;
	struct table_dns dns;
	uint64_t now_s;
	unsigned asked;
	char last[256];
	char told[2048];
};

static void on_news(void *arg, const struct blocklists_news *n)
{
	static const char *const states[] = { BLOCKLIST_STATE_NAMES };
	struct desk *d = arg;
	char text[ADDR_TEXT_MAX], line[512];

	switch (n->what) {
	case BLOCKLISTS_STATE:
		snprintf(line, sizeof(line), "%s;", states[blocklists_view(d->b, n->list).state]);
		break;
	case BLOCKLISTS_LISTED:
		snprintf(line, sizeof(line), "listed %s@%u %x until %u;", addr_print(&n->source, text),
		        n->list, n->listing->codes[0], (unsigned)n->until_s);
		break;
	case BLOCKLISTS_KNOWN:
		snprintf(line, sizeof(line), "known flow %u \"%.*s\";", (unsigned)n->conn->flow_id,
		        (int)n->reason_len, n->reason);
		break;
	case BLOCKLISTS_LIFTED:
		snprintf(line, sizeof(line), "lifted %s@%u;", addr_print(&n->source, text), n->list);
		break;
	}
	strncat(d->told, line, sizeof(d->told) - strlen(d->told) - 1);
}

static void begin(struct desk *d, const char *lines, unsigned lists, uint32_t answers)
{
	struct blocklists_settings s = {
		.count = lists,
		.answers = answers,
		.ttl_least_s = LEAST_S,
		.ttl_most_s = MOST_S,
		.test_s = TEST_S,
	};

	s.lists[0].zone = "bl.test";
	s.lists[1].zone = "other.test";
	memset(d, 0, sizeof(*d));
	d->b = blocklists_new(&s, on_news, d);
	d->dns = (struct table_dns) { .lines = lines, .ttl_s = 300 };
	d->now_s = NOW;
	CU_ASSERT_PTR_NOT_NULL_FATAL(d->b);
}

/* Asks what there is to ask, one after another. */
static void pump(struct desk *d)
{
	static struct table_answer a;
	struct walk_question q;
	unsigned id;

	while (blocklists_next(d->b, &q, &id)) {
		d->asked++;
		snprintf(d->last, sizeof(d->last), "%s", q.name);
		table_ask(&d->dns, q.name, q.type, &a);
		blocklists_answer(d->b, id, &a.answer, d->now_s);
	}
}

static void tick(struct desk *d)
{
	blocklists_tick(d->b, d->now_s);
	pump(d);
}

static void see(struct desk *d, const char *source, unsigned flow_id)
{
	struct event_connection c = { .flow_id = flow_id };

	CU_ASSERT_EQUAL(addr_parse(source, &c.src), 0);
	blocklists_see(d->b, &c, d->now_s);
}

static uint64_t counted(const struct desk *d, enum blocklist_count what)
{
	return blocklists_view(d->b, 0).counts[what];
}

static void is_told(struct desk *d, const char *expected)
{
	if (strcmp(d->told, expected) != 0)
		printf("\n    told \"%s\", expected \"%s\"", d->told, expected);
	CU_ASSERT_STRING_EQUAL(d->told, expected);
	d->told[0] = '\0';
}

static void is_why(const struct desk *d, const char *part)
{
	if (!strstr(blocklists_view(d->b, 0).why, part))
		printf("\n    why \"%s\"", blocklists_view(d->b, 0).why);
	CU_ASSERT_PTR_NOT_NULL(strstr(blocklists_view(d->b, 0).why, part));
}

/* ---- tests of lists ---------------------------------------------------------------------------- */

static void tested_first(void)
{
	struct desk d;

	begin(&d, GOOD4 "1.2.0.192.bl.test A 127.0.0.4\n", 1, 16);
	see(&d, "192.0.2.1", 1);
	pump(&d);
	CU_ASSERT_EQUAL(d.asked, 0); /* not before it was tested */
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_NOT_ASKED), 1);
	tick(&d);
	CU_ASSERT_EQUAL(d.asked, BLOCKLISTS_TESTS);
	is_told(&d, "in use;");
	is_why(&d, "");
	CU_ASSERT_STRING_EQUAL(blocklists_view(d.b, 0).why, "");
	CU_ASSERT_FALSE(blocklists_view(d.b, 0).families[1]);
	see(&d, "2001:db8::1", 2); /* it has no IPv6 */
	pump(&d);
	CU_ASSERT_EQUAL(d.asked, BLOCKLISTS_TESTS);
	d.now_s += TEST_S - 1;
	tick(&d);
	CU_ASSERT_EQUAL(d.asked, BLOCKLISTS_TESTS);
	d.now_s++;
	tick(&d);
	CU_ASSERT_EQUAL(d.asked, 2 * BLOCKLISTS_TESTS); /* again, and nothing is new */
	is_told(&d, "");
	blocklists_free(d.b);
}

static void bad_lists(void)
{
	static const struct {
		const char *lines, *state, *why;
	} rows[] = {
		{ "x A 127.0.0.2\n", "BROKEN, not used;", "its test entry 127.0.0.2 is not on it" },
		{ GOOD4 "1.0.0.127.bl.test A 127.0.0.2\n", "BROKEN, not used;", "LISTS THE WORLD" },
		{ GOOD SIX1 "bl.test A 127.0.0.2\n", "BROKEN, not used;", "::ffff:127.0.0.1 is on it" },
		{ "2.0.0.127.bl.test A 127.255.255.254\n", "BROKEN, not used;",
		        "REFUSES TO ANSWER (127.255.255.254): it does not answer public DNS servers" },
		{ "2.0.0.127.bl.test A 203.0.113.80\n1.0.0.127.bl.test A 203.0.113.80\n", "BROKEN, not used;",
		        "203.0.113.80" },
		{ "2.0.0.127.bl.test A !timeout\n", "DEAD, not used;",
		        "no answer (timeout) about 127.0.0.2" },
		{ GOOD4 "1.0.0.127.bl.test A !servfail\n", "DEAD, not used;", "server failure" },
	};
	struct desk d;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&d, rows[i].lines, 1, 16);
		tick(&d);
		is_told(&d, rows[i].state);
		is_why(&d, rows[i].why);
		see(&d, "192.0.2.1", 1);
		pump(&d);
		CU_ASSERT_EQUAL(d.asked, BLOCKLISTS_TESTS);
		d.dns.lines = GOOD;
		d.now_s += 9;
		tick(&d);
		CU_ASSERT_EQUAL(d.asked, BLOCKLISTS_TESTS);
		d.now_s++;
		tick(&d);
		is_told(&d, "in use;");
		CU_ASSERT_STRING_EQUAL(blocklists_view(d.b, 0).why, "");
		blocklists_free(d.b);
	}
}

static void six_alone(void)
{
	struct desk d;

	begin(&d, SIX2 "bl.test A 127.0.0.2\n", 1, 16);
	tick(&d);
	is_told(&d, "in use;");
	CU_ASSERT_FALSE(blocklists_view(d.b, 0).families[0]);
	CU_ASSERT_TRUE(blocklists_view(d.b, 0).families[1]);
	blocklists_free(d.b);
}

static void ever_more_seldom(void)
{
	struct desk d;
	unsigned tests = 0;

	begin(&d, "2.0.0.127.bl.test A !timeout\n", 1, 16);
	for (; d.now_s < NOW + 86400; d.now_s++)
		tick(&d);
	tests = d.asked / BLOCKLISTS_TESTS; /* 10, 20, 40, ... 640 s, and then each 640 */
	CU_ASSERT(tests > 130 && tests < 150);
	blocklists_free(d.b);
}

/* ---- sources ----------------------------------------------------------------------------------- */

static void listed(void)
{
	struct desk d;

	begin(&d, GOOD "1.2.0.192.bl.test A 127.0.0.4\n1.2.0.192.bl.test TXT spam source\n", 1, 16);
	tick(&d);
	d.told[0] = '\0';
	see(&d, "192.0.2.1", 7);
	see(&d, "192.0.2.1", 8); /* waits for the same answer */
	pump(&d);
	is_told(&d, "listed 192.0.2.1@0 7f000004 until 1300;known flow 7 \"spam source\";");
	CU_ASSERT_EQUAL(d.asked, BLOCKLISTS_TESTS + 2);
	d.now_s += 299;
	see(&d, "192.0.2.1", 9);
	is_told(&d, "listed 192.0.2.1@0 7f000004 until 1300;known flow 9 \"spam source\";");
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_ASKED), 1);
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_HITS), 2);
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_LISTED), 1);
	d.now_s++; /* its time is over */
	d.dns.lines = GOOD;
	see(&d, "192.0.2.1", 10);
	pump(&d);
	is_told(&d, "lifted 192.0.2.1@0;");
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_ASKED), 2);
	blocklists_free(d.b);
}

static void listed_six(void)
{
	struct desk d;

	begin(&d,
	        GOOD "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test A 127.0.0.2\n",
	        1, 16);
	tick(&d);
	d.told[0] = '\0';
	see(&d, "2001:db8::1", 7);
	see(&d, "2001:db8::2", 8);
	pump(&d);
	is_told(&d, "listed 2001:db8::1@0 7f000002 until 1300;known flow 7 \"\";");
	blocklists_free(d.b);
}

static void remembered_within(void)
{
	static const struct {
		uint32_t ttl_s;
		uint64_t until_s;
	} rows[] = { { 0, NOW + LEAST_S }, { 61, NOW + 61 }, { UINT32_MAX, NOW + MOST_S } };
	struct addr a;
	struct desk d;

	CU_ASSERT_EQUAL(addr_parse("192.0.2.1", &a), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&d, GOOD "1.2.0.192.bl.test A 127.0.0.4\n", 1, 16);
		tick(&d);
		d.dns.ttl_s = rows[i].ttl_s;
		see(&d, "192.0.2.1", 7);
		pump(&d);
		CU_ASSERT_EQUAL(blocklists_find(d.b, 0, &a, NOW, NULL), rows[i].until_s);
		CU_ASSERT_EQUAL(blocklists_find(d.b, 0, &a, rows[i].until_s, NULL), 0);
		see(&d, "192.0.2.2", 8); /* and "not listed" likewise */
		pump(&d);
		d.now_s = rows[i].until_s - 1;
		see(&d, "192.0.2.2", 8);
		CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_ASKED), 2);
		d.now_s++;
		see(&d, "192.0.2.2", 8);
		CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_ASKED), 3);
		d.told[0] = '\0';
		see(&d, "192.0.2.1", 7); /* what was done about it may go by another clock */
		is_told(&d, "lifted 192.0.2.1@0;");
		blocklists_free(d.b);
	}
}

static void used_longest_ago_leaves(void)
{
	char source[ADDR_TEXT_MAX];
	struct desk d;

	begin(&d, GOOD "1.2.0.192.bl.test A 127.0.0.4\n2.2.0.192.bl.test A 127.0.0.4\n", 1, 16);
	tick(&d);
	see(&d, "192.0.2.1", 1);
	pump(&d);
	see(&d, "192.0.2.2", 2);
	pump(&d);
	see(&d, "192.0.2.1", 3);
	d.told[0] = '\0';
	for (unsigned i = 0; i < 15; i++) {
		snprintf(source, sizeof(source), "198.51.100.%u", i);
		see(&d, source, 4);
		pump(&d);
	}
	is_told(&d, "lifted 192.0.2.2@0;");
	CU_ASSERT_EQUAL(blocklists_remembered(d.b), 16);
	blocklists_free(d.b);
}

static void forgotten_while_asked(void)
{
	static struct table_answer answer;
	struct walk_question q;
	char source[ADDR_TEXT_MAX];
	struct desk d;
	unsigned id;

	begin(&d, GOOD "1.2.0.192.bl.test A 127.0.0.4\n", 1, 16);
	tick(&d);
	d.told[0] = '\0';
	see(&d, "192.0.2.1", 1);
	CU_ASSERT_TRUE_FATAL(blocklists_next(d.b, &q, &id));
	for (unsigned i = 0; i < 16; i++) {
		snprintf(source, sizeof(source), "198.51.100.%u", i);
		see(&d, source, 4);
	}
	table_ask(&d.dns, q.name, q.type, &answer);
	blocklists_answer(d.b, id, &answer.answer, d.now_s);
	pump(&d);
	is_told(&d, ""); /* counted, and nobody is there whom it is about */
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_ASKED), 17);
	blocklists_free(d.b);
}

static void bounded(void)
{
	char source[ADDR_TEXT_MAX];
	struct desk d;

	begin(&d, GOOD "2.0.0.127.other.test A 127.0.0.2\n", 2, 1024);
	tick(&d);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(source, sizeof(source), "198.51.100.%u", i);
		see(&d, source, 4);
	}
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_ASKED), BLOCKLISTS_OPEN_MAX);
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_NOT_ASKED), 200 - BLOCKLISTS_OPEN_MAX);
	d.asked = 0;
	pump(&d);
	CU_ASSERT_EQUAL(d.asked, 2 * BLOCKLISTS_OPEN_MAX);
	blocklists_free(d.b);
}

/* ---- while in use ------------------------------------------------------------------------------ */

static void dies(void)
{
	char lines[2048] = GOOD "1.2.0.192.bl.test A 127.0.0.4\n", source[ADDR_TEXT_MAX];
	struct desk d;
	struct addr a;

	for (unsigned i = 0; i < 10; i++)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
		        "%u.100.51.198.bl.test A !timeout\n", i);
	begin(&d, lines, 1, 64);
	tick(&d);
	see(&d, "192.0.2.1", 1);
	pump(&d);
	d.told[0] = '\0';
	for (unsigned i = 0; i < 10; i++) {
		snprintf(source, sizeof(source), "198.51.100.%u", i);
		see(&d, source, 4);
		pump(&d);
	}
	is_told(&d, "DEAD, not used;");
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_TIMEOUTS), 8);
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_NOT_ASKED), 2);
	CU_ASSERT_EQUAL(addr_parse("192.0.2.1", &a), 0);
	CU_ASSERT(blocklists_find(d.b, 0, &a, d.now_s, NULL) > 0); /* what it has said stays */
	d.now_s += 10;
	tick(&d);
	is_told(&d, "in use;");
	blocklists_free(d.b);
}

static void goes_mad(const char *answer, const char *why)
{
	char lines[1024];
	struct desk d;

	snprintf(lines, sizeof(lines), "%s1.2.0.192.bl.test A 127.0.0.4\n2.2.0.192.bl.test A %s\n", GOOD,
	        answer);
	begin(&d, lines, 1, 64);
	tick(&d);
	see(&d, "192.0.2.1", 1);
	pump(&d);
	d.told[0] = '\0';
	see(&d, "192.0.2.2", 2);
	pump(&d);
	is_told(&d, "lifted 192.0.2.1@0;BROKEN, not used;"); /* nothing of it is believed any more */
	is_why(&d, why);
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_FAILED), 1);
	CU_ASSERT_EQUAL(counted(&d, BLOCKLIST_COUNT_LISTED), 1);
	blocklists_free(d.b);
}

static void refuses(void)
{
	goes_mad("127.255.255.255", "too many questions");
}

static void is_sold(void)
{
	goes_mad("203.0.113.80", "answers 203.0.113.80 about a source");
}

static void asked_again(void)
{
	struct walk_question q;
	struct desk d;
	unsigned id;

	begin(&d, GOOD "1.2.0.192.bl.test A 127.0.0.4\n", 1, 16);
	tick(&d);
	d.told[0] = '\0';
	see(&d, "192.0.2.1", 1);
	CU_ASSERT_TRUE(blocklists_next(d.b, &q, &id));
	CU_ASSERT_FALSE(blocklists_next(d.b, &q, &id));
	blocklists_ask_again(d.b); /* whoever was asked is not there any more */
	pump(&d);
	is_told(&d, "listed 192.0.2.1@0 7f000004 until 1300;known flow 1 \"\";");
	blocklists_free(d.b);
}

/* Who is on a list stays there; that somebody is on none is nobody's business any more. */
static void one_is_forgotten(void)
{
	struct forgotten out = { .look = true };
	struct mention who;
	struct desk d;

	begin(&d, GOOD "1.2.0.192.bl.test A 127.0.0.4\n", 1, 16);
	tick(&d);
	for (unsigned i = 1; i <= 3; i++) {
		char source[32];

		snprintf(source, sizeof(source), "192.0.2.%u", i);
		see(&d, source, i);
		pump(&d);
	}
	CU_ASSERT_EQUAL(blocklists_remembered(d.b), 3);
	CU_ASSERT_EQUAL(mention_parse("192.0.2.2", &who), 0);
	blocklists_forget_source(d.b, &who, d.now_s, &out);
	CU_ASSERT_EQUAL(blocklists_remembered(d.b), 3);
	out.look = false;
	blocklists_forget_source(d.b, &who, d.now_s, &out);
	CU_ASSERT_EQUAL(blocklists_remembered(d.b), 2);
	CU_ASSERT_EQUAL(out.n[FORGOTTEN_ANSWERS], 2);
	CU_ASSERT_EQUAL(out.in_force, 0);
	CU_ASSERT_EQUAL(mention_parse("192.0.2.1", &who), 0);
	blocklists_forget_source(d.b, &who, d.now_s, &out);
	CU_ASSERT_EQUAL(blocklists_remembered(d.b), 2);
	CU_ASSERT_EQUAL(out.in_force, 1);
	blocklists_forget_source(d.b, &who, d.now_s + 86400, &out); /* it was, yesterday */
	CU_ASSERT_EQUAL(blocklists_remembered(d.b), 1);
	blocklists_free(d.b);
}

SUITE("blocklists", { "tested before it is used, and again", tested_first }, { "bad lists", bad_lists },
        { "a list of IPv6 alone", six_alone }, { "ever more seldom", ever_more_seldom }, { "listed", listed },
        { "listed, IPv6", listed_six }, { "remembered within bounds", remembered_within },
        { "used longest ago leaves", used_longest_ago_leaves },
        { "forgotten while asked", forgotten_while_asked }, { "questions are bounded", bounded },
        { "a list dies", dies }, { "a list refuses", refuses }, { "a list is sold", is_sold },
        { "asked again", asked_again }, { "one is forgotten", one_is_forgotten })
