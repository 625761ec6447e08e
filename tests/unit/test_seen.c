/* test_seen.c - who delivers to each server; and the two ranks below it: forged tries push out nobody who talks. */
#include "watch/seen.h"

#include "events.h"
#include "postern/action.h"
#include "suite.h"
#include "watch/ranks.h"

static const uint8_t key[HASH_KEY_BYTES] = { 1, 2, 3 };

static struct event from(enum event_kind kind, unsigned client, uint64_t after_us)
{
	struct event e = events_make(kind, after_us);
	uint8_t *b = e.conn.src.b;

	b[13] = (uint8_t)(client >> 16);
	b[14] = (uint8_t)(client >> 8);
	b[15] = (uint8_t)client;
	return e;
}

static unsigned count_rows(const struct seen *s, struct seen_row *last)
{
	uint64_t cursor = 0;
	unsigned n = 0;

	while (seen_next(s, &cursor, last))
		n++;
	return n;
}

static void counts_what_a_client_does(void)
{
	struct seen *s = seen_new(16, key);
	struct event e = from(EVENT_OPEN, 7, 0);
	struct seen_row row;

	seen_event(s, &e); /* a first packet proves nothing */
	CU_ASSERT_EQUAL(count_rows(s, &row), 0);
	e = from(EVENT_GREETING, 7, 10);
	seen_event(s, &e);
	e = events_rcpt(20, 1, "<a@example.org>", 1, 250, "ok");
	e.conn.src = from(EVENT_RCPT, 7, 0).conn.src;
	seen_event(s, &e);
	e.u.rcpt.outcome = OUTCOME_REFUSED_BY_SERVER;
	seen_event(s, &e);
	e = events_data(30, 1, 250, "queued");
	e.conn.src = from(EVENT_DATA, 7, 0).conn.src;
	seen_event(s, &e);
	e.u.data.reply.code = 550;
	seen_event(s, &e);
	e = from(EVENT_TLS, 7, 40);
	seen_event(s, &e);
	CU_ASSERT_EQUAL(count_rows(s, &row), 1);
	CU_ASSERT_EQUAL(row.connections, 1);
	CU_ASSERT_EQUAL(row.recipients, 1);
	CU_ASSERT_EQUAL(row.mails, 1);
	CU_ASSERT_EQUAL(row.tls, 1);
	CU_ASSERT_EQUAL(row.refused, 0);
	CU_ASSERT_EQUAL(row.first_us, EVENTS_START_US + 10);
	CU_ASSERT_EQUAL(row.last_us, EVENTS_START_US + 40);
	CU_ASSERT_TRUE(row.is_there);
	seen_free(s);
}

static void leaves_other_servers_alone(void)
{
	struct seen *s = seen_new(16, key);
	struct event e = from(EVENT_GREETING, 7, 0);
	struct seen_row row;

	e.conn.server = -1;
	seen_event(s, &e);
	CU_ASSERT_EQUAL(count_rows(s, &row), 0);
	e.conn.server = 4;
	seen_event(s, &e);
	e.conn.dst.b[15] = 99;
	seen_event(s, &e);
	CU_ASSERT_EQUAL(count_rows(s, &row), 2);
	seen_free(s);
}

/* A million forged tries, and those who talk are all still there. */
static void forged_tries_push_out_tries_only(void)
{
	struct seen *s = seen_new(64, key);
	struct seen_row row;
	unsigned i, talkers = 0;
	uint64_t cursor = 0;

	for (i = 0; i < 64; i++) {
		struct event e = from(EVENT_GREETING, i, i);

		seen_event(s, &e);
	}
	for (i = 0; i < 1000000; i++) {
		struct event e = from(EVENT_REFUSED, 1000 + i, 100 + i);

		e.u.refused.would = ACTION_REFUSE;
		seen_event(s, &e);
	}
	while (seen_next(s, &cursor, &row))
		talkers += row.is_there;
	CU_ASSERT_EQUAL(talkers, 64);
	CU_ASSERT_EQUAL(count_rows(s, &row), 64 + 17);
	CU_ASSERT_EQUAL(seen_evicted(s), 1000000 - 17);
	seen_free(s);
}

static void who_talks_at_last_keeps_its_tries(void)
{
	struct seen *s = seen_new(16, key);
	struct event e = from(EVENT_REFUSED, 7, 0);
	struct seen_row row;

	e.u.refused.would = ACTION_REFUSE;
	seen_event(s, &e);
	count_rows(s, &row);
	CU_ASSERT_FALSE(row.is_there);
	e = from(EVENT_GREETING, 7, 50);
	seen_event(s, &e);
	e = from(EVENT_REFUSED, 7, 60);
	e.u.refused.would = ACTION_REFUSE;
	seen_event(s, &e);
	CU_ASSERT_EQUAL(count_rows(s, &row), 1);
	CU_ASSERT_TRUE(row.is_there);
	CU_ASSERT_EQUAL(row.refused, 2);
	CU_ASSERT_EQUAL(row.connections, 1);
	CU_ASSERT_EQUAL(row.first_us, EVENTS_START_US);
	seen_free(s);
}

/* Rows that change between two pages are told once. */
static void a_scan_survives_changes(void)
{
	struct ranks *r = ranks_new(32, 32, sizeof(uint32_t), sizeof(uint32_t), key);
	uint64_t cursor = 0;
	unsigned told[40] = { 0 };
	bool proven;
	uint32_t k;

	for (k = 0; k < 20; k++)
		*(uint32_t *)ranks_take(r, &k, k < 10, k) = k;
	for (unsigned n = 0;; n++) {
		const uint32_t *v = ranks_scan(r, &cursor, &proven);

		if (!v)
			break;
		told[*v]++;
		CU_ASSERT_EQUAL(proven, *v < 10);
		k = n % 10;
		(void)ranks_take(r, &k, true, 1000 + n); /* the order of touch turns round */
	}
	for (k = 0; k < 20; k++)
		CU_ASSERT_EQUAL(told[k], 1);
	CU_ASSERT_EQUAL(told[20], 0);
	ranks_free(r);
}

static void goes_on_after_a_restart(void)
{
	struct seen *s = seen_new(16, key), *next = seen_new(16, key);
	struct event e = from(EVENT_GREETING, 7, 0);
	struct seen_row row, kept;
	uint64_t cursor = 0;
	unsigned most = 100;

	seen_event(s, &e);
	CU_ASSERT_TRUE(seen_next_changed(s, &cursor, &most, &kept));
	CU_ASSERT_FALSE(seen_next_changed(s, &cursor, &most, &row));
	CU_ASSERT_EQUAL(cursor, 0);
	CU_ASSERT_FALSE(seen_next_changed(s, &cursor, &most, &row)); /* it was given */
	seen_change_all(s);
	CU_ASSERT_TRUE(seen_next_changed(s, &cursor, &most, &row));
	kept.connections = 41;
	seen_restore(next, &kept);
	e.time_us += 1000;
	seen_event(next, &e);
	kept.connections = 1;
	seen_restore(next, &kept); /* changes nothing */
	CU_ASSERT_EQUAL(count_rows(next, &row), 1);
	CU_ASSERT_EQUAL(row.connections, 42);
	CU_ASSERT_EQUAL(row.first_us, EVENTS_START_US);
	CU_ASSERT_EQUAL(row.last_us, EVENTS_START_US + 1000);
	most = 0;
	CU_ASSERT_FALSE(seen_next_changed(next, &cursor, &most, &row)); /* bounded */
	seen_free(s);
	seen_free(next);
}

SUITE("seen", { "counts what a client does", counts_what_a_client_does },
        { "leaves other servers alone", leaves_other_servers_alone },
        { "forged tries push out tries only", forged_tries_push_out_tries_only },
        { "who talks at last keeps its tries", who_talks_at_last_keeps_its_tries },
        { "a scan survives changes", a_scan_survives_changes },
        { "goes on after a restart", goes_on_after_a_restart })
