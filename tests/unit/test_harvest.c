/* test_harvest.c - dictionaries of recipients. */
#include "behaving.h"

static const char stranger[] = "203.0.113.9", server[] = "192.168.0.10";
static const char unknown[] = "5.1.1 user unknown";

static struct event question(const char *verb, uint16_t code)
{
	struct event e = events_make(EVENT_COMMAND, 0);

	strcpy(e.u.command.verb, verb);
	e.u.command.reply.code = code;
	EVENTS_TEXT(e.u.command.reply.text, "x");
	return e;
}

static void a_dictionary(void)
{
	begin(&harvest_part);
	for (unsigned i = 1; i <= 20; i++) {
		rcpt(stranger, server, i, 550, unknown);
		rcpt(stranger, server, 1, 550, unknown); /* tried again */
	}
	CU_ASSERT_EQUAL(found_count, 0);
	rcpt(stranger, server, 21, 550, unknown);
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT_EQUAL(found[0].id, FINDING_HARVEST);
	CU_ASSERT(found[0].value == 21 && found[0].limit == 20 && found[0].window_s == 600);
	CU_ASSERT(says(&found[0], "RCPT TO:<u21@ours.example> -> 550 5.1.1 user unknown"));
	CU_ASSERT(says(&found[0], "100 % are in vain"));
	CU_ASSERT(!found[0].at_target);
	end();
}

static void questions_count(void)
{
	begin(&harvest_part);
	pipelined = true;
	for (unsigned i = 1; i <= 10; i++) {
		push(between(question("VRFY", 252), stranger, server));
		push(between(question("EXPN", 502), stranger, server));
		push(between(question("ETRN", 250), stranger, server));
		push(between(question("VRFY", 0), stranger, server)); /* never answered */
	}
	CU_ASSERT_EQUAL(found_count, 0);
	push(between(question("VRFY", 250), stranger, server));
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(says(&found[0], "VRFY -> 250 x"));
	end();
}

/* Four an hour, each in a connection of its own, for a day and more. */
static void the_patient_one(void)
{
	begin(&harvest_part);
	rules.behaviours[BEHAVIOUR_HARVEST].other.most = 20;
	for (unsigned i = 1; i <= 21; i++)
		rcpt(stranger, server, i, 550, unknown);
	CU_ASSERT_EQUAL(found_count, 1); /* told once, whichever limits it passes */
	end();
	begin(&harvest_part);
	for (unsigned i = 1; i <= 110 && found_count == 0; i++) {
		behaving_s += 800;
		rcpt(stranger, server, i, 550, unknown);
	}
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(found[0].limit == 100 && found[0].value == 101 && found[0].window_s == 86400);
	end();
}

/* A list of a thousand of which some are gone: no limit alone may tell of it. */
static void a_list_with_dead_members(void)
{
	begin(&harvest_part);
	for (unsigned i = 0; i < 2000; i++)
		rcpt(stranger, server, i, i % 12 == 0 ? 550 : 250, unknown);
	CU_ASSERT_EQUAL(found_count, 0);
	rules.behaviours[BEHAVIOUR_HARVEST].share_permille = 0;
	for (unsigned i = 2000; i < 2013; i++)
		rcpt(stranger, server, i, i % 12 == 0 ? 550 : 250, unknown);
	CU_ASSERT(found_count > 0);
	end();
}

/* What many hosts of a network do together is told, and nothing is done about it. */
static void a_network(void)
{
	begin(&harvest_part);
	rules.behaviours[BEHAVIOUR_HARVEST].action = ACTION_BLOCK;
	for (unsigned i = 0; i < 61; i++) {
		char src[32];

		snprintf(src, sizeof(src), "203.0.113.%u", 1 + i % 30);
		CU_ASSERT_EQUAL(found_count, 0);
		rcpt(src, server, i, 550, unknown);
	}
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(found[0].value == 61 && found[0].limit == 60 && found[0].would == ACTION_ALERT);
	CU_ASSERT(says(&found[0], "counted for all of 203.0.113.0/24 together"));
	for (unsigned i = 100; i < 121; i++)
		rcpt("198.18.0.1", server, i, 550, unknown);
	CU_ASSERT_EQUAL_FATAL(found_count, 2);
	CU_ASSERT(found[1].would == ACTION_BLOCK && found[1].action == ACTION_ALERT);
	rcpt("203.0.113.99", server, 150, 550, unknown); /* a neighbour's typing error */
	CU_ASSERT_EQUAL(found_count, 2);
	for (unsigned i = 200; i < 300; i++) { /* clients of home answer each for itself */
		char src[32];

		snprintf(src, sizeof(src), "192.168.7.%u", 1 + i % 30);
		rcpt(src, "192.0.2.25", i, 550, unknown);
	}
	CU_ASSERT_EQUAL(found_count, 2);
	end();
}

/* It passes on what others try: told of the server, and people's typing errors among their mails are not. */
static void by_an_upstream(void)
{
	begin(&harvest_part);
	for (unsigned i = 0; i < 400; i++)
		rcpt(i % 2 ? "198.51.100.1" : "198.51.100.2", server, i, i % 10 ? 250 : 550, unknown);
	CU_ASSERT_EQUAL(found_count, 0);
	for (unsigned i = 1000; i < 1400; i++)
		rcpt(i % 2 ? "198.51.100.1" : "198.51.100.2", server, i, 550, unknown);
	CU_ASSERT_FATAL(found_count > 0);
	CU_ASSERT(found[0].at_target && found[0].rcpt_to.len == 0 && found[0].conn.from_upstream);
	CU_ASSERT(says(&found[0], "of what upstreams bring to this server, "));
	found_count = 0;
	policy_groups_add(&rules.behaviours[BEHAVIOUR_HARVEST].except, (unsigned)group_isp);
	rcpt("198.51.100.1", server, 2000, 550, unknown);
	CU_ASSERT_EQUAL(found_count, 0);
	rules.behaviours[BEHAVIOUR_HARVEST].except = (struct policy_groups) { 0 };
	policy_groups_add(&rules.behaviours[BEHAVIOUR_HARVEST].match, (unsigned)group_friends);
	rcpt("198.51.100.1", server, 2001, 550, unknown); /* others are meant */
	CU_ASSERT_EQUAL(found_count, 0);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_HARVEST].match, (unsigned)group_isp);
	rcpt("198.51.100.1", server, 2002, 550, unknown);
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

static void who_does_not_count(void)
{
	begin(&harvest_part);
	for (unsigned i = 0; i < 40; i++) {
		rcpt(server, "192.0.2.25", i, 550, unknown);
		rcpt(stranger, server, i, 450, "4.2.0 greylisted");
	}
	sender("<>");
	for (unsigned i = 0; i < 40; i++)
		rcpt(stranger, server, i, 550, unknown);
	CU_ASSERT_EQUAL(found_count, 0);
	end();
}

SUITE("harvest", { "a dictionary", a_dictionary }, { "questions count", questions_count },
        { "the patient one", the_patient_one }, { "a list with dead members", a_list_with_dead_members },
        { "a network", a_network }, { "by an upstream", by_an_upstream },
        { "who does not count", who_does_not_count })
