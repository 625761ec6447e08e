/* test_baseline.c - the baseline as a part of the watch: who gets a history, what a finding says, what outlives the daemon.
 * What is usual at all is test_usual.c's. */
#include "watch/baseline.h"

#include <string.h>

#include "events.h"
#include "suite.h"
#include "watch/part.h"
#include "watch/sources.h"

enum { HOUR = 3600, DAY = 86400 };

static const uint8_t key[HASH_KEY_BYTES] = { 4 };

static struct watching rules;
static struct sources *ledger;
static void *part;
static struct finding last;
static unsigned raised;

static void note(void *watch, struct finding *f)
{
	CU_ASSERT_PTR_EQUAL(watch, &raised);
	last = *f;
	raised++;
}

static void begin(void)
{
	struct volume_block *block = &rules.volumes[0];

	memset(&rules, 0, sizeof(rules));
	rules.volume_count = 1;
	strcpy(block->name, "hosts");
	policy_groups_add(&block->match, GROUP_ID_HOME);
	block->bits_v4 = 32;
	block->bits_v6 = 64;
	block->action = ACTION_BLOCK;
	block->spike_tenths = 50;
	block->spike_floor = 20;
	ledger = sources_new(4096, key);
	part = baseline_part.make(32768, key);
	CU_ASSERT_TRUE_FATAL(ledger && part);
	raised = 0;
}

static void end(void)
{
	baseline_part.end(part);
	sources_free(ledger);
}

static struct event from(struct event e, unsigned client)
{
	e.conn.src = addr_from_v4(
	        (const uint8_t[]) { 10, (uint8_t)(client >> 16), (uint8_t)(client >> 8), (uint8_t)client });
	return e;
}

static void push(struct event e)
{
	static const struct event_path unknown;
	struct part_view view = {
		.rules = &rules, .mail_from = &unknown, .auth_user = &unknown, .raise = note, .watch = &raised
	};

	policy_groups_add(&view.groups, GROUP_ID_HOME);
	view.source = sources_event(ledger, &e, 32, 64, &(uint32_t) { 0 });
	baseline_part.event(part, &view, &e);
}

/* One message at this second, with so many recipients. */
static void mail(unsigned client, uint64_t at_s, unsigned recipients)
{
	for (unsigned i = 0; i < recipients; i++) {
		struct event e =
		        from(events_rcpt(at_s * 1000000, 1, "<a@example.com>", 0, 250, "ok"), client);

		e.u.rcpt.index = i;
		push(e);
	}
	push(from(events_data(at_s * 1000000, 1, 250, "ok"), client));
}

/* Time passes, somebody speaks each hour, two mails at a time. */
static void quiet_days(unsigned client, unsigned days)
{
	for (unsigned hour = 0; hour < days * 24; hour++)
		for (unsigned i = 0; i < 2; i++)
			mail(client, (uint64_t)hour * HOUR + i, 1);
}

static void quiet_source_needs_no_history(void)
{
	begin();
	quiet_days(1, 8);
	CU_ASSERT_EQUAL(baseline_count(part), 0);
	CU_ASSERT_EQUAL(raised, 0);
	end();
}

static void burst_of_a_quiet_source_is_told(void)
{
	unsigned mails = 0;

	begin();
	quiet_days(1, 8);
	while (raised == 0 && mails < 100)
		mail(1, 8 * DAY + 5 * mails++, 1);
	CU_ASSERT_EQUAL(baseline_count(part), 1);
	CU_ASSERT_TRUE(mails >= 20 && mails < 50);
	CU_ASSERT_EQUAL(last.id, FINDING_VOLUME_SPIKE);
	CU_ASSERT_EQUAL(last.would, ACTION_BLOCK);
	CU_ASSERT_EQUAL(last.value, mails);
	CU_ASSERT_EQUAL(last.limit, mails - 1);
	CU_ASSERT_EQUAL(last.baseline, 0);
	CU_ASSERT_EQUAL(last.measure, 1 + VOLUME_RECIPIENTS);
	CU_ASSERT_TRUE(last.window_s > 0 && last.window_s <= HOUR);
	CU_ASSERT_STRING_EQUAL(last.block, "hosts");
	CU_ASSERT_EQUAL_FATAL(last.evidence_count, 1);
	CU_ASSERT_PTR_NOT_NULL(memmem(last.evidence[0].bytes, last.evidence[0].len,
	        "; usual at this hour: 0 an hour, at most ", 41));
	end();
}

/* Those of its first hour are one, too. */
static void complaints_of_a_quiet_source_are_none(void)
{
	begin();
	quiet_days(1, 8);
	for (unsigned i = 0; i < 28; i++)
		mail(1, 8 * DAY + 20 * i, 1);
	CU_ASSERT_EQUAL(baseline_count(part), 1);
	CU_ASSERT_EQUAL(raised, 0);
	end();
}

static void one_letter_to_many_is_no_burst(void)
{
	begin();
	quiet_days(1, 8);
	mail(1, 8 * DAY, 100);
	CU_ASSERT_EQUAL(raised, 0);
	mail(1, 8 * DAY + 60, 100);
	mail(1, 8 * DAY + 120, 100);
	CU_ASSERT_TRUE(raised > 0);
	CU_ASSERT_EQUAL(last.measure, 1 + VOLUME_RECIPIENTS);
	end();
}

static void new_source_has_limits_only(void)
{
	begin();
	for (unsigned i = 0; i < 500; i++)
		mail(1, i, 1);
	CU_ASSERT_EQUAL(baseline_count(part), 1);
	CU_ASSERT_EQUAL(raised, 0);
	end();
}

static void sends_much(unsigned client)
{
	for (unsigned i = 0; i < 100; i++)
		mail(client, 8 * DAY + i, 1);
}

static void who_is_meant(void)
{
	struct event e;

	begin();
	quiet_days(1, 8);
	rules.volumes[0].spike_tenths = 0;
	sends_much(1);
	rules.volumes[0].spike_tenths = 50;
	policy_groups_add(&rules.volumes[0].except, GROUP_ID_HOME);
	sends_much(1);
	memset(&rules.volumes[0].except, 0, sizeof(rules.volumes[0].except));
	for (unsigned i = 0; i < 100; i++) {
		e = from(events_rcpt(UINT64_C(8) * DAY * 1000000, 1, "<a@example.com>", 0, 250, "ok"), 1);
		e.conn.from_upstream = 1;
		push(e);
		e = from(events_rcpt(UINT64_C(8) * DAY * 1000000, 1, "<a@example.com>", 0, 550, "no"), 1);
		push(e);
	}
	CU_ASSERT_EQUAL(raised, 0);
	CU_ASSERT_EQUAL(baseline_count(part), 0);
	sends_much(1);
	CU_ASSERT_TRUE(raised > 0);
	end();
}

static void tls_counts_as_one(void)
{
	struct event e = from(events_make(EVENT_TLS, 0), 1);

	begin();
	quiet_days(1, 8);
	for (unsigned i = 0; i < 100; i++) {
		e.time_us = EVENTS_START_US + (UINT64_C(8) * DAY + i) * 1000000;
		push(e);
	}
	CU_ASSERT_TRUE(raised > 0);
	CU_ASSERT_PTR_NOT_NULL(memmem(last.evidence[0].bytes, last.evidence[0].len, "under TLS", 9));
	end();
}

/* 1,024 histories: a crowd that sends for the first time leaves the one of a busy host alone. */
static void crowd_pushes_out_itself(void)
{
	struct baseline_row row;
	uint32_t cursor = 0;
	unsigned most = 10000;
	bool is_there = false;

	begin();
	for (unsigned hour = 0; hour < 48; hour++)
		for (unsigned i = 0; i < 20; i++)
			mail(1, (uint64_t)hour * HOUR + i, 1);
	for (unsigned client = 2; client < 3002; client++)
		for (unsigned i = 0; i < 10; i++)
			mail(client, 2 * DAY + client, 1);
	CU_ASSERT_EQUAL(baseline_count(part), 1024);
	CU_ASSERT_EQUAL(baseline_evicted(part), 3001 - 1024);
	while (baseline_next_changed(part, &cursor, &most, &row))
		is_there |= row.prefix.addr.b[15] == 1 && row.prefix.addr.b[14] == 0 &&
		            row.prefix.addr.b[13] == 0;
	CU_ASSERT_TRUE(is_there);
	end();
}

static void goes_on_in_another_daemon(void)
{
	struct baseline_row row;
	uint32_t cursor = 0;
	unsigned most = 10000, mails = 0;

	begin();
	for (unsigned hour = 0; hour < 10 * 24; hour++)
		for (unsigned i = 0; i < 30; i++)
			mail(1, (uint64_t)hour * HOUR + i, 1);
	CU_ASSERT_TRUE_FATAL(baseline_next_changed(part, &cursor, &most, &row));
	CU_ASSERT_FALSE(baseline_next_changed(part, &cursor, &most, &row));
	CU_ASSERT_EQUAL(cursor, 0);
	CU_ASSERT_FALSE(baseline_next_changed(part, &cursor, &most, &row)); /* not again */
	baseline_change_all(part);
	CU_ASSERT_TRUE(baseline_next_changed(part, &cursor, &most, &row));
	CU_ASSERT_FALSE(baseline_restore(part, &row)); /* it is there */
	end();
	begin();
	CU_ASSERT_TRUE(baseline_restore(part, &row));
	row.prefix.bits = 24;
	row.bytes[0] = 99;
	CU_ASSERT_FALSE(baseline_restore(part, &row));
	while (raised == 0 && mails < 300)
		mail(1, 10 * DAY + HOUR + mails++, 1);
	CU_ASSERT_TRUE(mails > 40 && mails < 150);
	CU_ASSERT_TRUE(last.baseline >= 28 && last.baseline <= 36);
	end();
}

SUITE("baseline", { "a quiet source needs no history", quiet_source_needs_no_history },
        { "a burst of a quiet source is told", burst_of_a_quiet_source_is_told },
        { "complaints of a quiet source are none", complaints_of_a_quiet_source_are_none },
        { "one letter to many is no burst", one_letter_to_many_is_no_burst },
        { "for a new source there are limits only", new_source_has_limits_only },
        { "who is meant", who_is_meant }, { "a connection under TLS counts as one", tls_counts_as_one },
        { "a crowd pushes out itself", crowd_pushes_out_itself },
        { "what was learned goes on in another daemon", goes_on_in_another_daemon });
