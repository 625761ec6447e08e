/* The ledger: what counts, under which prefix, and who leaves when it is full. */
#include "events.h"
#include "suite.h"
#include "watch/sources.h"
#include "watch/standing.h"

static const uint8_t key[HASH_KEY_BYTES] = { 7 };

static struct sources *ledger;

static void begin(uint32_t rows)
{
	ledger = sources_new(rows, key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ledger);
}

static void end(void)
{
	sources_free(ledger);
}

static struct event greeting(uint64_t after_us)
{
	struct event e = events_make(EVENT_GREETING, after_us);

	e.u.reply.code = 220;
	return e;
}

static struct event from(struct event e, uint32_t client)
{
	const uint8_t b[] = { (uint8_t)(client >> 24), (uint8_t)(client >> 16), (uint8_t)(client >> 8),
		(uint8_t)client };

	e.conn.src = addr_from_v4(b);
	return e;
}

static struct event to(struct event e, uint32_t server)
{
	const uint8_t b[] = { 198, (uint8_t)(server >> 16), (uint8_t)(server >> 8), (uint8_t)server };

	e.conn.dst = addr_from_v4(b);
	return e;
}

static struct source *see(struct event e)
{
	uint32_t place = 0;

	return sources_event(ledger, &e, 32, 64, &place);
}

static const struct source *find(const char *text)
{
	struct prefix p;

	CU_ASSERT_EQUAL_FATAL(prefix_parse(text, &p), 0);
	return sources_find(ledger, &p);
}

static void each_fact_counts_once(void)
{
	struct event auth = events_make(EVENT_AUTH, 600),
	             refused = events_rcpt(500, 1, "<b@x>", 0, 550, "no");
	struct event mail = events_mail(700, 2, "<>"), no_mail = events_mail(710, 3, "<>");
	struct event silent = events_rcpt(720, 2, "<c@x>", 1, 0, ""), chunk = events_data(730, 2, 250, "ok");
	struct event last = events_close(1000, 2);
	const struct source *s;

	begin(16);
	auth.u.auth.reply.code = 535;
	no_mail.u.mail.reply.code = 550;
	chunk.u.data.final = 0;
	last.u.close.greeted = 1;
	refused.u.rcpt.outcome = OUTCOME_REFUSED_BY_US;
	see(greeting(100));
	see(events_helo(200, "x"));
	see(events_mail(300, 1, "<a@x>"));
	see(events_rcpt(400, 1, "<a@ours>", 1, 250, "ok"));
	see(events_rcpt(410, 1, "<b@ours>", 1, 250, "ok"));
	see(refused);
	see(events_rcpt(510, 1, "<d@x>", 1, 450, "later"));
	see(events_data(550, 1, 250, "ok"));
	see(auth);
	auth.u.auth.reply.code = 454;
	see(auth);
	auth.u.auth.reply.code = 235;
	see(auth);
	see(mail);
	see(no_mail);
	see(silent);
	see(chunk);
	see(events_data(740, 2, 554, "no"));
	see(events_make(EVENT_TLS, 800));
	see(last);
	s = find("203.0.113.9");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->n[SOURCE_CONNECTIONS], 1);
	CU_ASSERT_EQUAL(s->n[SOURCE_TRANSACTIONS], 2);
	CU_ASSERT_EQUAL(s->n[SOURCE_MESSAGES], 1);
	CU_ASSERT_EQUAL(s->n[SOURCE_ACCEPTED], 2);
	CU_ASSERT_EQUAL(s->n[SOURCE_REFUSED], 2);
	CU_ASSERT_EQUAL(s->n[SOURCE_NULL_SENDERS], 1);
	CU_ASSERT_EQUAL(s->n[SOURCE_AUTH_FAILURES], 2);
	CU_ASSERT_EQUAL(s->n[SOURCE_TLS], 1);
	CU_ASSERT_EQUAL(s->n[SOURCE_BYTES], 500);
	CU_ASSERT_EQUAL(s->n[SOURCE_DESTINATIONS], 1);
	CU_ASSERT_EQUAL(s->first_us, EVENTS_START_US + 100);
	CU_ASSERT_EQUAL(s->last_us, EVENTS_START_US + 1000);
	CU_ASSERT(s->verified && s->changed);
	end();
}

/* Forged packets open connections that no server greets; tries outside the rules are no connections. */
static void who_was_not_answered_is_no_source(void)
{
	struct event unanswered = greeting(0), close = events_close(1, 0);

	begin(16);
	unanswered.u.reply.code = 0;
	close.u.close.bytes_toclient = 0;
	see(events_make(EVENT_OPEN, 0));
	see(unanswered);
	see(close);
	see(events_make(EVENT_REFUSED, 2));
	see(events_make(EVENT_LISTED, 2));
	CU_ASSERT_EQUAL(sources_count(ledger), 0);
	end();
}

static void a_connection_without_greeting_counts_at_its_end(void)
{
	const struct source *s;

	begin(16);
	see(events_close(0, 0));
	s = find("203.0.113.9");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->n[SOURCE_CONNECTIONS], 1);
	CU_ASSERT_EQUAL(s->n[SOURCE_BYTES], 500);
	CU_ASSERT_EQUAL(s->n[SOURCE_DESTINATIONS], 1);
	end();
}

static void neighbours_are_one_source(void)
{
	struct event six = greeting(0), e = from(greeting(0), 0x0a000105);
	const struct source *s;

	begin(16);
	CU_ASSERT_EQUAL(addr_parse("2001:db8::1", &six.conn.src), 0);
	see(six);
	CU_ASSERT_EQUAL(addr_parse("2001:db8::2", &six.conn.src), 0);
	see(six);
	s = find("2001:db8::/64");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->n[SOURCE_CONNECTIONS], 2);
	sources_event(ledger, &e, 24, 64, &(uint32_t) { 0 });
	e = from(e, 0x0a0001fe);
	sources_event(ledger, &e, 24, 64, &(uint32_t) { 0 });
	s = find("10.0.1.0/24");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->n[SOURCE_CONNECTIONS], 2);
	CU_ASSERT_EQUAL(sources_count(ledger), 2);
	end();
}

static void servers_are_counted_once_each(void)
{
	const struct source *s;

	begin(16);
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t server = 0; server < 300; server++)
			see(to(greeting(server), server));
	s = find("203.0.113.9");
	CU_ASSERT_EQUAL_FATAL(s->n[SOURCE_DESTINATIONS], 300);
	for (uint32_t server = 300; server < 5000; server++)
		see(to(greeting(server), server));
	CU_ASSERT_EQUAL(s->n[SOURCE_DESTINATIONS], 1024);
	end();
}

static void changes_are_given_once(void)
{
	const struct source *s;
	unsigned most = 100, given = 0;
	uint32_t cursor = 0;

	begin(16);
	for (uint32_t i = 0; i < 3; i++)
		see(from(greeting(i), 0x0a000000 + i));
	while ((s = sources_next_changed(ledger, &cursor, &most)))
		given++;
	CU_ASSERT_EQUAL(given, 3);
	CU_ASSERT_EQUAL(cursor, 0);
	see(from(greeting(9), 0x0a000001));
	most = 1;
	CU_ASSERT_PTR_NULL(sources_next_changed(ledger, &cursor, &most)); /* the first one has not */
	CU_ASSERT_EQUAL(cursor, 1);
	most = 1;
	s = sources_next_changed(ledger, &cursor, &most);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(s->n[SOURCE_CONNECTIONS], 2);
	CU_ASSERT_EQUAL(sources_room(ledger), 16);
	end();
}

static void a_row_of_before_goes_on(void)
{
	struct source old = { .first_us = 5, .last_us = 9, .verified = 1 };
	const struct source *s;

	begin(16);
	CU_ASSERT_EQUAL(prefix_parse("203.0.113.9", &old.prefix), 0);
	old.n[SOURCE_CONNECTIONS] = 41;
	old.n[SOURCE_DESTINATIONS] = 2;
	sources_restore(ledger, &old);
	see(to(greeting(0), 1));
	s = find("203.0.113.9");
	CU_ASSERT_EQUAL(s->n[SOURCE_DESTINATIONS], 2);
	see(to(greeting(0), 2));
	CU_ASSERT_EQUAL(s->n[SOURCE_CONNECTIONS], 43);
	CU_ASSERT_EQUAL(s->n[SOURCE_DESTINATIONS], 2);
	CU_ASSERT_EQUAL(s->first_us, 5);
	see(to(greeting(0), 3));
	CU_ASSERT_EQUAL(s->n[SOURCE_DESTINATIONS], 3);
	sources_restore(ledger, &old);
	CU_ASSERT_EQUAL(s->n[SOURCE_CONNECTIONS], 44);
	end();
}

/* Of 1000 rows 50 are heavy and have then been silent for an hour; a million others come once each, within minutes. */
static void a_flood_does_not_push_out_the_heavy(void)
{
	enum { ROWS = 1000, HEAVY = 50, MAILS = 200, FLOOD = 1000000 };
	const uint64_t hour_us = UINT64_C(3600) * 1000000;
	uint32_t cursor = 0, kept = 0, rows = 0;
	const struct source *s;

	begin(ROWS);
	for (uint32_t i = 0; i < HEAVY; i++)
		for (uint32_t mail = 0; mail < MAILS; mail++)
			see(from(events_rcpt(mail, 1, "<a@ours>", 1, 250, "ok"), 0x0a000000 + i));
	for (uint32_t i = 0; i < FLOOD; i++)
		see(from(greeting(hour_us + i * UINT64_C(300)), 0x64000000 + i));
	while ((s = sources_scan(ledger, &cursor))) {
		rows++;
		kept += s->n[SOURCE_ACCEPTED] == MAILS;
	}
	CU_ASSERT_EQUAL(kept, HEAVY);
	CU_ASSERT_EQUAL(rows, ROWS);
	CU_ASSERT_EQUAL(sources_count(ledger), ROWS);
	CU_ASSERT_EQUAL(sources_evicted(ledger), FLOOD + HEAVY - ROWS);
	end();
}

static struct standing_link *link_at(const void *links, uint32_t position)
{
	return (struct standing_link *)(uintptr_t)links + position - 1;
}

static void nobody_stays_for_ever(void)
{
	static struct standing_link links[3];
	struct standing standing, *s = &standing;

	standing_init(s, link_at, links);
	standing_touch(s, 1, 1000, 0);
	standing_touch(s, 2, 1, UINT64_C(100000) * 1000000); /* a day later */
	CU_ASSERT_EQUAL(standing_least(s, UINT64_C(100000) * 1000000), 2);
	standing_touch(s, 2, 1, UINT64_C(1000000) * 1000000); /* eleven */
	CU_ASSERT_EQUAL(standing_least(s, UINT64_C(1000000) * 1000000), 1);
	standing_drop(s, 2);
	CU_ASSERT_EQUAL(standing_least(s, 0), 1);
	standing_drop(s, 1);
	CU_ASSERT_EQUAL(standing_least(s, 0), 0);
}

SUITE("sources", { "each fact counts once", each_fact_counts_once },
        { "who was not answered is no source", who_was_not_answered_is_no_source },
        { "a connection without greeting counts at its end",
                a_connection_without_greeting_counts_at_its_end },
        { "neighbours are one source", neighbours_are_one_source },
        { "servers are counted once each", servers_are_counted_once_each },
        { "changes are given once", changes_are_given_once },
        { "a row of before goes on", a_row_of_before_goes_on },
        { "a flood does not push out the heavy", a_flood_does_not_push_out_the_heavy },
        { "nobody stays for ever", nobody_stays_for_ever })
