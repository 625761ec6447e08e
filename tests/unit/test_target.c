/* test_target.c - many sources at one recipient or server of ours. */
#include "behaving.h"

static const char server[] = "192.168.0.10";

/* Source number i, out of three /8s. */
static const char *source(unsigned i)
{
	static char text[32];

	snprintf(text, sizeof(text), "%u.%u.%u.7", 11 + i % 3, i / 250, i % 250);
	return text;
}

static void mail_for(const char *src, const char *path, uint16_t code)
{
	push(between(events_rcpt(0, 1, path, 1, code, "x"), src, server));
}

static void a_mailbox_is_bombed(void)
{
	begin(&target_part);
	for (unsigned i = 0; i < 50; i++) {
		mail_for(source(i), "<victim@ours.example>", i % 4 ? 250 : 450);
		mail_for(source(i), "<Victim@OURS.example>", i % 4 ? 250 : 450);
		mail_for(source(i), "<other@ours.example>", 250);
		mail_for(source(1), "<other@ours.example>", 250);
		behaving_s++;
	}
	CU_ASSERT_EQUAL(found_count, 0);
	mail_for(source(50), "<victim@ours.example>", 250);
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT_EQUAL(found[0].id, FINDING_VOLUME_TARGET);
	CU_ASSERT(found[0].at_target && found[0].value == 51 && found[0].limit == 50);
	CU_ASSERT_EQUAL(memcmp(found[0].rcpt_to.bytes, "<victim@ours.example>", found[0].rcpt_to.len), 0);
	CU_ASSERT_EQUAL(found[0].rcpt_to.len, 21);
	CU_ASSERT(says(&found[0], "one more source: "));
	behaving_s += 600;
	mail_for(source(60), "<victim@ours.example>", 250);
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

static void a_server_is_bombed(void)
{
	const struct addr at = behaving_addr(server);

	begin(&target_part);
	rules.behaviours[BEHAVIOUR_TARGET].other.most = 300;
	for (unsigned i = 0; i < 300; i++) {
		push(between(events_helo(0, "x.example"), source(i), server));
		push(between(events_helo(0, "x.example"), source(i), server));
	}
	CU_ASSERT_EQUAL(found_count, 0);
	push(between(events_helo(0, "x.example"), source(300), server));
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(found[0].at_target && found[0].value == 301 && found[0].rcpt_to.len == 0);
	CU_ASSERT_EQUAL(addr_compare(&found[0].conn.dst, &at), 0);
	end();
}

/* It passes on what others wrote: their domains stand for them. */
static void behind_an_upstream(void)
{
	char from[64];

	begin(&target_part);
	sender("<root>");
	mail_for("198.51.100.1", "<victim@ours.example>", 250); /* no domain: nobody */
	for (unsigned i = 0; i < 200; i++) {
		snprintf(from, sizeof(from), "<bounce-%u@list.example>", i);
		sender(from);
		mail_for("198.51.100.1", "<victim@ours.example>", 250);
	}
	CU_ASSERT_EQUAL(found_count, 0); /* one domain */
	for (unsigned i = 0; i < 50; i++) {
		snprintf(from, sizeof(from), "<noreply@shop%u.example>", i);
		sender(from);
		mail_for("198.51.100.1", "<victim@ours.example>", 250);
	}
	CU_ASSERT_EQUAL_FATAL(found_count, 1);
	CU_ASSERT(found[0].value == 51 && found[0].conn.from_upstream);
	CU_ASSERT(says(
	        &found[0], "one more source: <noreply@shop49.example> by way of the upstream 198.51.100.1"));
	end();
}

static void who_does_not_count(void)
{
	struct event e;

	begin(&target_part);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_TARGET].except, (unsigned)group_friends);
	for (unsigned i = 1; i <= 100; i++) {
		char src[32];

		snprintf(src, sizeof(src), "192.168.7.%u", i);
		mail_for(src, "<root@ours.example>", 250); /* cron */
		snprintf(src, sizeof(src), "203.0.113.%u", 128 + i);
		mail_for(src, "<root@ours.example>", 250); /* excepted */
		mail_for(source(i), "<root@ours.example>", 550);
		e = between(events_rcpt(0, 1, "<x@foreign>", 0, 250, "x"), source(i), server);
		push(e);
		e = between(events_helo(0, "x"), source(i), server);
		e.u.helo.reply.code = 0; /* never answered: it may be forged */
		push(e);
	}
	sender("<>");
	for (unsigned i = 1; i <= 100; i++)
		mail_for(source(i), "<root@ours.example>", 250);
	CU_ASSERT_EQUAL(found_count, 0);
	rules.behaviours[BEHAVIOUR_TARGET].on = false;
	sender("<a@b>");
	for (unsigned i = 1; i <= 100; i++)
		mail_for(source(i), "<root@ours.example>", 250);
	CU_ASSERT_EQUAL(found_count, 0);
	end();
}

/* Who is named counts, an upstream among them; nobody else does. */
static void only_those_named(void)
{
	char from[64];

	begin(&target_part);
	policy_groups_add(&rules.behaviours[BEHAVIOUR_TARGET].match, (unsigned)group_isp);
	for (unsigned i = 0; i < 100; i++)
		mail_for(source(i), "<victim@ours.example>", 250);
	CU_ASSERT_EQUAL(found_count, 0);
	for (unsigned i = 0; i <= 50; i++) {
		snprintf(from, sizeof(from), "<noreply@shop%u.example>", i);
		sender(from);
		mail_for("198.51.100.1", "<victim@ours.example>", 250);
	}
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

/* A flood of recipients that each get one mail takes no room from those that are bombed. */
static void a_flood_of_recipients(void)
{
	char path[64];
	unsigned flood = 0;

	begin(&target_part);
	for (unsigned i = 0; i <= 50; i++) {
		for (unsigned k = 0; k < 1000; k++) {
			snprintf(path, sizeof(path), "<r%u@ours.example>", flood++);
			mail_for(source(1000), path, 250);
		}
		mail_for(source(i), "<victim@ours.example>", 250);
		behaving_s += 2;
	}
	CU_ASSERT_EQUAL(found_count, 1);
	end();
}

SUITE("target", { "a mailbox is bombed", a_mailbox_is_bombed }, { "a server is bombed", a_server_is_bombed },
        { "behind an upstream", behind_an_upstream }, { "who does not count", who_does_not_count },
        { "only those named", only_those_named }, { "a flood of recipients", a_flood_of_recipients })
