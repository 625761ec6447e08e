/* test_auth.c - passwords tried. */
#include "behaving.h"

static const char stranger[] = "203.0.113.9", server[] = "192.168.0.10";

static const char *tried = ""; /* user */

static void try_as(const char *src, uint16_t code)
{
	struct event e = events_make(EVENT_AUTH, 0);

	e.u.auth.reply.code = code;
	strcpy(e.u.auth.mech, "LOGIN");
	EVENTS_TEXT(e.u.auth.user, tried);
	EVENTS_TEXT(e.u.auth.reply.text, code == 535 ? "5.7.8 no" : "x");
	push(between(e, src, server));
}

static void guesses(const char *src, unsigned count, uint16_t code)
{
	while (count-- > 0)
		try_as(src, code);
}

static void ten_are_a_memory_eleven_a_guess(void)
{
	begin(&auth_part);
	tried = "joe";
	pipelined = true;
	guesses(stranger, 10, 535);
	CU_ASSERT_EQUAL(found_count, 0);
	try_as(stranger, 535);
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT_EQUAL(found[0].id, FINDING_AUTH_GUESS);
	CU_ASSERT(found[0].value == 11 && found[0].limit == 10 && found[0].window_s == 600);
	CU_ASSERT(says(&found[0], "AUTH LOGIN -> 535 5.7.8 no"));
	CU_ASSERT(says(&found[0], "counted are failures"));
	CU_ASSERT(!says(&found[0], "joe"));
	behaving_s += 600;
	guesses(stranger, 10, 535);
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

static void other_answers(void)
{
	begin(&auth_part);
	tried = "";
	guesses(stranger, 50, 504);
	guesses(stranger, 50, 501);
	guesses(stranger, 50, 0);
	guesses("203.0.113.10", 50, 454); /* the server's users are away: everybody gets this */
	CU_ASSERT_EQUAL(found_count, 0);
	try_as("203.0.113.10", 535); /* but that was the last of many */
	CU_ASSERT_EQUAL(found_count, 1);
	guesses("203.0.113.11", 11, 503); /* AUTH where there is none */
	CU_ASSERT_EQUAL(found_count, 2);
	guesses("198.51.100.1", 50, 535);
	CU_ASSERT_EQUAL(found_count, 2);
	end();
}

static void success_forgives(void)
{
	begin(&auth_part);
	tried = "joe";
	for (unsigned i = 0; i < 20; i++)
		try_as(stranger, 235); /* nothing to forgive: costs nothing */
	for (unsigned i = 0; i < 3; i++) {
		guesses(stranger, 9, 535);
		try_as(stranger, 235);
	}
	guesses(stranger, 9, 535);
	CU_ASSERT_EQUAL(found_count, 0);
	try_as(stranger, 235); /* the fourth in an hour: a habit */
	guesses(stranger, 2, 535);
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

static void one_password_many_users(void)
{
	char name[16];

	begin(&auth_part);
	tried = "";
	rules.behaviours[BEHAVIOUR_AUTH].action = ACTION_BLOCK;
	for (unsigned i = 0; i < 11; i++) {
		CU_ASSERT_EQUAL(found_count, 0);
		snprintf(name, sizeof(name), "user%u", i);
		tried = name;
		try_as(stranger, 535);
		behaving_s += 300;
	}
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(found[0].value == 11 && found[0].window_s == 3600 && found[0].would == ACTION_BLOCK);
	CU_ASSERT(says(&found[0], "counted are users"));
	end();
}

static void a_network_sprays(void)
{
	begin(&auth_part);
	tried = "";
	rules.behaviours[BEHAVIOUR_AUTH].action = ACTION_BLOCK;
	for (unsigned i = 1; i <= 11; i++) {
		char src[32], name[16];

		CU_ASSERT_EQUAL(found_count, 0);
		snprintf(src, sizeof(src), "203.0.113.%u", i);
		snprintf(name, sizeof(name), i % 2 ? "u%u" : "", i);
		tried = name; /* some not to be read */
		try_as(src, 535);
	}
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(says(&found[0], "counted are users, or sources of all of 203.0.113.0/24"));
	CU_ASSERT_EQUAL(found[0].would, ACTION_ALERT); /* neighbours are not to blame */
	for (unsigned i = 1; i <= 30; i++) {           /* all passwords have been changed */
		char src[32], name[16];

		snprintf(src, sizeof(src), "192.168.7.%u", i);
		snprintf(name, sizeof(name), "u%u", i);
		tried = name;
		try_as(src, 535);
	}
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

static void try_from(unsigned source, const char *user, uint16_t code)
{
	char src[32];

	snprintf(src, sizeof(src), "203.%u.113.9", source); /* each in a network of its own */
	tried = user;
	try_as(src, code);
}

static void many_sources_one_user(void)
{
	begin(&auth_part);
	rules.behaviours[BEHAVIOUR_AUTH].action = ACTION_BLOCK;
	for (unsigned i = 0; i < 10; i++)
		try_from(i, i % 2 ? "joe@ours.example" : "JOE@Ours.example", 535);
	try_from(9, "joe@ours.example", 535); /* again, from one of them */
	try_from(10, "sue@ours.example", 535);
	try_from(11, "", 535);
	try_from(12, "joe@ours.example", 454); /* counts, and raises nothing */
	CU_ASSERT_EQUAL(found_count, 0);
	try_from(13, "joe@ours.example", 535);
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(found[0].id == FINDING_AUTH_GUESS && found[0].at_target && finding_is_of_user(&found[0]));
	CU_ASSERT(found[0].value == 12 && found[0].limit == 10 && found[0].window_s == 3600);
	CU_ASSERT_EQUAL(found[0].would, ACTION_ALERT); /* none of them has done much */
	CU_ASSERT(found[0].rcpt_to.len == 16 && memcmp(found[0].rcpt_to.bytes, "joe@ours.example", 16) == 0);
	CU_ASSERT(says(&found[0], "sources that try the user joe@ours.example; one more: 203.13.113.9"));
	behaving_s += 3600;
	try_from(14, "joe@ours.example", 535);
	CU_ASSERT_EQUAL(found_count, 1);
	rules.behaviours[BEHAVIOUR_AUTH].third.most = 0;
	for (unsigned i = 20; i < 60; i++)
		try_from(i, "joe@ours.example", 535);
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

/* Many users, each tried from somewhere else: memory has an end, and one that is tried often is told all the same. */
static void a_flood_of_users(void)
{
	char user[32], src[32];

	begin(&auth_part);
	ledger_is_full = true;
	rules.behaviours[BEHAVIOUR_AUTH].other.most = 0;
	for (unsigned i = 0; i < 2; i++) /* who is known for one thing alone makes room for others like him */
		try_from(i, "root", 535);
	for (unsigned i = 0; i < 40000; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		snprintf(src, sizeof(src), "11.0.%u.%u", i / 256, i % 256);
		tried = user;
		try_as(src, 535);
		if (i % 2000 == 0)
			try_from(2 + i / 2000, "root", 535);
	}
	CU_ASSERT_EQUAL_FATAL(found_count, 12);
	CU_ASSERT(finding_is_of_user(&found[11]) && found[11].value == 22);
	CU_ASSERT(says(&found[11], "the user root; one more: 203.21.113.9"));
	end();
}

SUITE("auth", { "ten are a memory, eleven a guess", ten_are_a_memory_eleven_a_guess },
        { "other answers", other_answers }, { "success forgives", success_forgives },
        { "one password, many users", one_password_many_users }, { "a network sprays", a_network_sprays },
        { "many sources, one user", many_sources_one_user }, { "a flood of users", a_flood_of_users })
