/* test_fanout.c - different mail hosts of one source, within each of two windows. */
#include "behaving.h"

static const char host[] = "192.168.0.77";

static struct event greeting(unsigned code)
{
	struct event e = events_make(EVENT_GREETING, 0);

	e.u.reply.code = (uint16_t)code;
	return e;
}

static void meets(const char *src, unsigned mx)
{
	char dst[32];

	snprintf(dst, sizeof(dst), "192.0.2.%u", mx);
	push(between(greeting(220), src, dst));
}

static void one_too_many(void)
{
	begin(&fanout_part);
	for (unsigned i = 1; i <= 20; i++) {
		meets(host, i);
		meets(host, i);
	}
	CU_ASSERT_EQUAL(found_count, 0);
	meets(host, 21);
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT_EQUAL(found[0].id, FINDING_VOLUME_FANOUT);
	CU_ASSERT(found[0].value == 21 && found[0].limit == 20 && found[0].window_s == 600);
	CU_ASSERT(says(&found[0], "one more mail host: 192.0.2.21 port 25"));
	meets(host, 21);
	meets(host, 20);
	CU_ASSERT_EQUAL(found_count, 1); /* nothing new */
	meets(host, 22);
	CU_ASSERT_EQUAL_FATAL(found_count, 2);
	CU_ASSERT_EQUAL(found[1].value, 22);
	end();
}

static void both_windows_slide(void)
{
	begin(&fanout_part);
	rules.behaviours[BEHAVIOUR_FANOUT].other = (struct volume_limit) { 30, 86400 };
	for (unsigned i = 1; i <= 30; i++) {
		meets(host, i);
		behaving_s += 60; /* ten within ten minutes */
	}
	CU_ASSERT_EQUAL(found_count, 0);
	meets(host, 31);
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(found[0].value == 31 && found[0].limit == 30 && found[0].window_s == 86400);
	behaving_s += 86400;
	meets(host, 32);
	CU_ASSERT_EQUAL(found_count, 1);
	for (unsigned i = 50; i < 70; i++)
		meets(host, i);
	CU_ASSERT_EQUAL(found_count, 2); /* told once, by the first limit that it passes */
	end();
}

static void who_does_not_count(void)
{
	struct event e;

	begin(&fanout_part);
	for (unsigned i = 1; i <= 40; i++) {
		char dst[32];

		meets("192.168.0.10", i); /* a server of ours */
		meets("203.0.113.9", i);  /* transit */
		meets("198.51.100.1", i); /* an upstream */
		snprintf(dst, sizeof(dst), "192.0.2.%u", i);
		push(between(greeting(0), host, dst)); /* nobody there */
		e = events_make(EVENT_OPEN, 0);
		e.conn.dst.b[15] = (uint8_t)i;
		push(e);
	}
	CU_ASSERT_EQUAL(found_count, 0);
	for (unsigned i = 1; i <= 21; i++) { /* picked up in the middle: no greeting */
		char dst[32];

		snprintf(dst, sizeof(dst), "192.0.2.%u", i);
		e = between(events_mail(0, 1, "<a@b>"), "192.168.0.80", dst);
		e.conn.midstream = 1;
		push(e);
	}
	CU_ASSERT_EQUAL(found_count, 1);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_FANOUT].match, GROUP_ID_SERVERS);
	for (unsigned i = 1; i <= 21; i++)
		meets("192.168.0.10", i);
	CU_ASSERT_EQUAL(found_count, 2); /* named */
	end();
}

/* The first one of a source is counted from the second one on, and only if it was met within the window. */
static void the_first_host_counts_when_others_come(void)
{
	begin(&fanout_part);
	for (unsigned i = 0; i < 100; i++)
		meets(host, 1);
	for (unsigned i = 2; i <= 20; i++)
		meets(host, i);
	CU_ASSERT_EQUAL(found_count, 0);
	meets(host, 21);
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT_EQUAL(found[0].value, 21);
	end();

	begin(&fanout_part);
	rules.behaviours[BEHAVIOUR_FANOUT].other.most = 0;
	meets(host, 1);
	behaving_s += 600;
	for (unsigned i = 2; i <= 21; i++)
		meets(host, i);
	CU_ASSERT_EQUAL(found_count, 0);
	meets(host, 22);
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

/* A worm: many hosts at once, each found at its 21st. */
static void an_outbreak(void)
{
	begin(&fanout_part);
	for (unsigned i = 1; i <= 21; i++)
		for (unsigned k = 0; k < 80; k++) {
			char src[32];

			snprintf(src, sizeof(src), "192.168.%u.%u", 1 + k / 200, 1 + k % 200);
			CU_ASSERT_EQUAL(found_count, i <= 20 ? 0 : k);
			meets(src, i);
		}
	CU_ASSERT_EQUAL(found_count, 80);
	end();
}

SUITE("fanout", { "one too many", one_too_many }, { "both windows slide", both_windows_slide },
        { "the first host counts when others come", the_first_host_counts_when_others_come },
        { "who does not count", who_does_not_count }, { "an outbreak", an_outbreak })
