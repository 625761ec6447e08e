/* test_backscatter.c - floods of the null sender, inward and outward. */
#include "behaving.h"

static const char server[] = "192.168.0.10";

static const char *source(unsigned i)
{
	static char text[32];

	snprintf(text, sizeof(text), "11.0.%u.%u", i / 250, 1 + i % 250);
	return text;
}

static void bounces_flood_a_server(void)
{
	begin(&backscatter_part);
	for (unsigned i = 0; i < 100; i++) {
		sender("<a@b.example>");
		rcpt(source(i), server, i, 250, "ok");
		sender("");
		for (unsigned k = 0; k < 9; k++)
			rcpt(source(i), server, i, 250, "ok"); /* nobody knows of these */
		sender("<>");
		rcpt(source(i), server, i, i % 2 ? 250 : 550, "5.1.1 unknown");
		behaving_s++;
	}
	CU_ASSERT_EQUAL(found_count, 0);
	rcpt(source(100), server, 100, 550, "5.1.1 unknown");
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT_EQUAL(found[0].id, FINDING_BACKSCATTER);
	CU_ASSERT(found[0].at_target && found[0].rcpt_to.len == 0 && found[0].value == 101);
	CU_ASSERT(says(&found[0], "MAIL FROM:<> RCPT TO:<u100@ours.example> -> 550 5.1.1 unknown"));
	CU_ASSERT(says(&found[0], "50 % of what this server gets has the null sender"));
	behaving_s += 3600;
	rcpt(source(101), server, 101, 250, "ok");
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

static void a_name_is_misused(void)
{
	begin(&backscatter_part);
	sender("<>");
	pipelined = true;
	for (unsigned i = 0; i <= 50; i++)
		rcpt("198.51.100.1", server, 7, 250, "ok"); /* an upstream brings them */
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(found[0].at_target && found[0].value == 51 && found[0].limit == 50);
	CU_ASSERT_EQUAL(memcmp(found[0].rcpt_to.bytes, "<u7@ours.example>", 17), 0);
	end();
}

/* A large server gets hundreds in an hour, one in twenty of its mails. */
static void bounces_are_normal(void)
{
	begin(&backscatter_part);
	for (unsigned i = 0; i < 6000; i++) {
		sender(i % 20 ? "<a@b.example>" : "<>");
		rcpt(source(i), server, i, 250, "ok");
		behaving_s += i % 2;
	}
	CU_ASSERT_EQUAL(found_count, 0);
	sender("");
	for (unsigned i = 0; i < 200; i++) /* the sender is not known: picked up in the middle */
		rcpt(source(i), server, i, 250, "ok");
	CU_ASSERT_EQUAL(found_count, 0);
	end();
}

static void a_server_bounces_spam(void)
{
	begin(&backscatter_part);
	sender("<>");
	for (unsigned i = 0; i <= 100; i++)
		rcpt(server, "192.0.2.25", i, 250, "ok");
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(!found[0].at_target && found[0].conn.from_server);
	CU_ASSERT(says(&found[0], "100 % of what this host sends has the null sender"));
	end();
}

static void what_is_not_counted(void)
{
	begin(&backscatter_part);
	sender("<>");
	policy_groups_add(&rules.behaviours[BEHAVIOUR_BACKSCATTER].except, (unsigned)group_friends);
	for (unsigned i = 0; i <= 200; i++) {
		rcpt("203.0.113.200", server, i, 250, "ok");     /* excepted */
		rcpt("192.168.0.77", server, i, 250, "ok");      /* within the house */
		rcpt("203.0.113.9", "192.0.2.25", i, 250, "ok"); /* transit */
	}
	CU_ASSERT_EQUAL(found_count, 0);
	end();
}

static void only_those_named(void)
{
	begin(&backscatter_part);
	sender("<>");
	policy_groups_add(&rules.behaviours[BEHAVIOUR_BACKSCATTER].match, (unsigned)group_friends);
	for (unsigned i = 0; i <= 200; i++) {
		rcpt(source(i), server, i, 250, "ok");
		rcpt(server, "192.0.2.25", i, 250, "ok");
	}
	CU_ASSERT_EQUAL(found_count, 0);
	for (unsigned i = 0; i <= 100; i++)
		rcpt("203.0.113.200", server, i, 250, "ok");
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

SUITE("backscatter", { "bounces flood a server", bounces_flood_a_server },
        { "a name is misused", a_name_is_misused }, { "bounces are normal", bounces_are_normal },
        { "a server bounces spam", a_server_bounces_spam }, { "what is not counted", what_is_not_counted },
        { "only those named", only_those_named })
