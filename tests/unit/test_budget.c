/* How many records may be written: floods of one source, of a million, and what is told of them. Every sum is exact. */
#include "report/budget.h"

#include <string.h>

#include "events.h"
#include "suite.h"

enum { SOURCES = 64, RECORD_BYTES = 1000, NOTICE_BYTES = 300 };
static const uint64_t MINUTE_US = 60000000;

static const uint8_t key[HASH_KEY_BYTES];
static struct budget *budget;
static uint64_t now_us, allowed, told, told_total;
static struct budget_notice last;
static struct budget_sums told_sums; /* of all notices */

static uint64_t on_notice(void *arg, const struct budget_notice *n)
{
	(void)arg;
	told += n->of == BUDGET_OF_SOURCE;
	told_total += n->of != BUDGET_OF_SOURCE;
	last = *n;
	for (unsigned i = 0; i < BUDGET_SUM_COUNT; i++)
		told_sums.n[i] += n->sums.n[i];
	return NOTICE_BYTES;
}

static void begin(uint32_t records, uint64_t bytes)
{
	const struct budget_limits limits = {
		.source_records = records, .source_s = 60, .total_bytes = bytes, .total_s = 60
	};

	now_us = EVENTS_START_US;
	allowed = told = told_total = 0;
	memset(&told_sums, 0, sizeof(told_sums));
	budget = budget_new(&limits, SOURCES, key, on_notice, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(budget);
}

static void end(void)
{
	budget_finish(budget);
	budget_free(budget);
}

static struct event_connection client(uint32_t number)
{
	struct event e = events_make(EVENT_CLOSE, 0);
	uint8_t v4[4] = { 10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };

	e.conn.src = addr_from_v4(v4);
	return e.conn;
}

/* A mail of three recipients, two of them accepted. */
static bool mail_of(const struct event_connection *conn)
{
	static const struct budget_sums mail = { .n = { [BUDGET_SMTP] = 1,
		                                         [BUDGET_TRANSACTIONS] = 1,
		                                         [BUDGET_RCPT] = 3,
		                                         [BUDGET_RCPT_ACCEPTED] = 2 } };

	if (!budget_may(budget, conn, now_us, &mail))
		return false;
	budget_spend(budget, RECORD_BYTES);
	allowed++;
	return true;
}

static void one_source_has_its_share(void)
{
	struct event_connection a = client(1), b = client(2);

	begin(600, 0);
	for (unsigned i = 0; i < 100000; i++) {
		now_us += 100;
		(void)mail_of(&a);
		if (i % 1000 == 0)
			CU_ASSERT_TRUE(mail_of(&b));
	}
	CU_ASSERT_EQUAL(allowed, 600 + 100);
	CU_ASSERT_EQUAL(told, 0); /* its minute is not over */
	budget_tick(budget, now_us);
	CU_ASSERT_EQUAL(told, 0);
	budget_tick(budget, EVENTS_START_US + 2 * MINUTE_US);
	CU_ASSERT_EQUAL(told, 1);
	CU_ASSERT_EQUAL(addr_compare(&last.source.addr, &a.src), 0);
	CU_ASSERT_EQUAL(last.sums.n[BUDGET_SMTP], 99400);
	CU_ASSERT_EQUAL(last.sums.n[BUDGET_RCPT], 3 * 99400);
	CU_ASSERT_EQUAL(last.sums.n[BUDGET_RCPT_ACCEPTED], 2 * 99400);
	CU_ASSERT_EQUAL(last.sums.n[BUDGET_FLOW], 0);
	CU_ASSERT_EQUAL(last.limit, 600);
	CU_ASSERT_EQUAL(last.from_us, EVENTS_START_US + 601 * 100);
	CU_ASSERT_EQUAL(last.to_us, now_us);
	CU_ASSERT_EQUAL(budget_left_out(budget), 99400);
	now_us = EVENTS_START_US + 2 * MINUTE_US;
	CU_ASSERT_TRUE(mail_of(&a)); /* a new minute */
	end();
	CU_ASSERT_EQUAL(told, 1);
}

/* A source that goes on in the next minute is told then, without a tick. */
static void windows_follow_one_another(void)
{
	struct event_connection a = client(1);

	begin(10, 0);
	for (unsigned minute = 0; minute < 5; minute++)
		for (unsigned i = 0; i < 25; i++) {
			now_us = EVENTS_START_US + minute * MINUTE_US + i * 1000;
			(void)mail_of(&a);
		}
	CU_ASSERT_EQUAL(allowed, 50);
	CU_ASSERT_EQUAL(told, 4);
	now_us -= 10 *
	          MINUTE_US; /* the clock is set back: a new window, and nobody is shut out for ten minutes */
	CU_ASSERT_TRUE(mail_of(&a));
	end();
	CU_ASSERT_EQUAL(told, 5);
	CU_ASSERT_EQUAL(told_sums.n[BUDGET_SMTP], 75);
}

/* Who comes once does not push out who is being counted, nor is anything lost by it. */
static void a_million_sources(void)
{
	struct event_connection heavy = client(0xffffff), other;

	begin(2, 0);
	for (uint32_t i = 0; i < 1000000; i++) {
		other = client(i);
		CU_ASSERT_TRUE(mail_of(&other));
		if (i % 10 == 0)
			(void)mail_of(&heavy);
	}
	CU_ASSERT_EQUAL(allowed, 1000000 + 2);
	CU_ASSERT_EQUAL(told, 0);
	end();
	CU_ASSERT_EQUAL(told_sums.n[BUDGET_SMTP], 100000 - 2);
}

/* Sources that are over and leave the table are told as they leave. */
static void all_sums_are_told(void)
{
	struct event_connection c;

	begin(2, 0);
	for (uint32_t i = 0; i < 1000; i++)
		for (unsigned k = 0; k < 5; k++) {
			c = client(i);
			(void)mail_of(&c);
		}
	end();
	CU_ASSERT_EQUAL(allowed, 2000);
	CU_ASSERT_EQUAL(told, 1000);
	CU_ASSERT_EQUAL(told_sums.n[BUDGET_SMTP], 3000);
}

/* Of a flood from everywhere: so many bytes, a record more, and one notice for all of them, the sources' included. */
static void all_together_have_a_bound(void)
{
	struct event_connection c;

	begin(3, 100 * RECORD_BYTES);
	for (uint32_t i = 0; i < 200000; i++) {
		c = client(i / 5); /* each goes over its own share, too */
		(void)mail_of(&c);
	}
	CU_ASSERT(allowed <= 101);
	CU_ASSERT(told <= 40);
	budget_finish(budget);
	CU_ASSERT_EQUAL(told_total, 1);
	CU_ASSERT_EQUAL(allowed + told_sums.n[BUDGET_SMTP], 200000);
	CU_ASSERT_EQUAL(told_sums.n[BUDGET_RCPT], 3 * (200000 - allowed));
	CU_ASSERT_EQUAL(told + told_sums.n[BUDGET_NOTICES], 40000);
	CU_ASSERT_EQUAL(budget_left_out(budget), 200000 - allowed);
	end();
	CU_ASSERT_EQUAL(told_total, 1);
}

static void upstreams_and_servers_have_no_share(void)
{
	struct event_connection upstream = client(1), server = client(2), home = client(3);

	upstream.from_upstream = server.from_server = home.from_home = 1;
	begin(1, 0);
	for (unsigned i = 0; i < 10; i++) {
		CU_ASSERT_TRUE(mail_of(&upstream));
		CU_ASSERT_TRUE(mail_of(&server));
		CU_ASSERT_EQUAL(mail_of(&home), i == 0);
	}
	end();
}

static void a_64_of_ipv6_is_one_source(void)
{
	uint8_t bytes[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct event_connection c = client(0);

	begin(5, 0);
	for (unsigned i = 0; i < 100; i++) {
		bytes[15] = (uint8_t)i;
		c.src = addr_from_v6(bytes);
		(void)mail_of(&c);
	}
	CU_ASSERT_EQUAL(allowed, 5);
	bytes[7] = 1;
	c.src = addr_from_v6(bytes);
	CU_ASSERT_TRUE(mail_of(&c));
	end();
	CU_ASSERT_EQUAL(last.source.bits, 64);
	CU_ASSERT_EQUAL(told, 1);
}

static void limits_change(void)
{
	const struct budget_limits none = { 0, 0, 0, 0, 0 }, tight = { .source_records = 1, .source_s = 60 };
	struct event_connection a = client(1);

	begin(0, 0);
	for (unsigned i = 0; i < 1000; i++)
		CU_ASSERT_TRUE(mail_of(&a));
	budget_set(budget, &tight);
	CU_ASSERT_TRUE(mail_of(&a));
	CU_ASSERT_FALSE(mail_of(&a));
	budget_set(budget, &tight); /* the same: its window goes on */
	CU_ASSERT_FALSE(mail_of(&a));
	budget_set(budget, &none);
	CU_ASSERT_EQUAL(told, 1);
	CU_ASSERT_TRUE(mail_of(&a));
	end();
}

/* Nothing is written onto a disk that is nearly full, until there is clearly room again; the sums are told all the same. */
static void a_full_disk_is_left_alone(void)
{
	const struct budget_limits limits = { .free_bytes = 8000 };
	struct event_connection upstream = client(1);

	upstream.from_upstream = 1;
	begin(0, 0);
	budget_set(budget, &limits);
	CU_ASSERT_FALSE(budget_set_free(budget, 8000));
	CU_ASSERT_TRUE(mail_of(&upstream));
	CU_ASSERT_TRUE(budget_set_free(budget, 7999));
	CU_ASSERT_TRUE(budget_is_full(budget));
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT_FALSE(mail_of(&upstream));
	CU_ASSERT_FALSE(budget_set_free(budget, 8999));
	CU_ASSERT_FALSE(mail_of(&upstream));
	CU_ASSERT_TRUE(budget_set_free(budget, 9000));
	CU_ASSERT_TRUE(mail_of(&upstream));
	now_us += UINT64_C(60000000);
	budget_tick(budget, now_us);
	CU_ASSERT_EQUAL(told_total, 1);
	CU_ASSERT_EQUAL(last.of, BUDGET_OF_DISK);
	CU_ASSERT_EQUAL(last.limit, 8000);
	CU_ASSERT_EQUAL(told_sums.n[BUDGET_SMTP], 6);
	CU_ASSERT_EQUAL(budget_left_out(budget), 6);
	end();
	CU_ASSERT_EQUAL(told_total, 1);
}

SUITE("budget", { "one source has its share", one_source_has_its_share },
        { "windows follow one another", windows_follow_one_another },
        { "a million sources", a_million_sources }, { "all sums are told", all_sums_are_told },
        { "all together have a bound", all_together_have_a_bound },
        { "upstreams and servers have no share", upstreams_and_servers_have_no_share },
        { "a /64 of IPv6 is one source", a_64_of_ipv6_is_one_source }, { "limits change", limits_change },
        { "a full disk is left alone", a_full_disk_is_left_alone })
