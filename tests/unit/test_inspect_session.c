/* test_inspect_session.c - sessions that a rule refuses: the greeting becomes 554, and only QUIT reaches the server. */
#include <stdlib.h>

#include "inspect_talk.h"

/* `do = refuse-session` for everybody. */
static struct policy *refusing(enum policy_mode mode, enum policy_do what)
{
	struct policy *p = policy_make(mode, ACTION_ALERT);
	struct policy_settings s = *policy_settings(p);

	s.otherwise = what;
	policy_set(p, &s);
	return p;
}

static void begin_with(struct policy *p)
{
	talk_init(&T, MODE_ENFORCE, ACTION_ALERT);
	inspect_set_policy(T.inspect, p);
	policy_free(T.policy);
	T.policy = p;
	handshake(&T);
}

static void begin(void)
{
	begin_with(refusing(MODE_ENFORCE, DO_REFUSE_SESSION));
}

static void is_reset(const char *got)
{
	CU_ASSERT_PTR_NULL(got);
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
}

static void is_told(enum action action)
{
	const struct event *e = event_nth(&T, EVENT_REFUSED, 0);

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.refused.action, action);
	CU_ASSERT_EQUAL(e->u.refused.would, ACTION_REFUSE_SESSION);
	CU_ASSERT_PTR_NULL(event_nth(&T, EVENT_REFUSED, 1));
}

static void greetings(void)
{
	static const struct {
		const char *server, *client, *text;
	} cases[] = {
		{ "220 mx.example.org ESMTP\r\n", "554 5.7.1 Access denied \r\n", "5.7.1 Access denied" },
		{ "220-mx.example.org ESMTP\r\n220-be nice\r\n220 now\r\n",
		        "554-5.7.1 Access denied \r\n554-5.7.1  \r\n554    \r\n", "5.7.1 Access denied" },
		{ "220 x\r\n", "554  \r\n", "" },
		{ "220\r\n", "554\r\n", "" },
		{ "220 mail.one\r\n", "554 5.7.1   \r\n", "5.7.1" },
		{ "421 too many\r\n", "421 too many\r\n", "too many" },
	};
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct event *e;

		begin();
		CU_ASSERT_STRING_EQUAL(say(&T, SERVER, cases[i].server), cases[i].client);
		CU_ASSERT(T.checksum_ok);
		e = event_nth(&T, EVENT_GREETING, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT_EQUAL(e->u.reply.code, atoi(cases[i].client));
		CU_ASSERT_EQUAL(e->u.reply.text.len, strlen(cases[i].text));
		CU_ASSERT(memcmp(e->u.reply.text.bytes, cases[i].text, strlen(cases[i].text)) == 0);
		is_told(ACTION_REFUSE_SESSION);
		is_reset(say(&T, CLIENT, "EHLO i\r\n"));
		is_reset(say(&T, SERVER, "250 mx\r\n"));
		talk_fini(&T);
		CU_ASSERT_PTR_NULL(event_nth(&T, EVENT_HELO, 0));
		CU_ASSERT_EQUAL(event_nth(&T, EVENT_CLOSE, 0)->u.close.state, STATE_RESET_BY_US);
	}
}

static void a_greeting_in_pieces(void)
{
	begin();
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, "2"), "5");
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, "20-mx."), "54-   ");
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, "example.org\r\n22"), "   Access  \r\n55");
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, "0 mx.example.org\r\n"), "4 5.7.1 Access  \r\n");
	is_told(ACTION_REFUSE_SESSION);
	talk_fini(&T);
}

static void quit_passes(void)
{
	static const char *const ways[] = { "QUIT\r\n", "quit\r\n", "Quit\r\n" };
	unsigned i, at;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		begin();
		say(&T, SERVER, "220 mx.example.org ESMTP\r\n");
		pass(&T, CLIENT, ways[i]);
		pass(&T, SERVER, "221 bye\r\n");
		talk_fini(&T);
		begin();
		say(&T, SERVER, "220 mx.example.org ESMTP\r\n");
		for (at = 0; ways[i][at]; at++)
			CU_ASSERT_PTR_NOT_NULL(say_bytes(&T, CLIENT, ways[i] + at, 1));
		pass(&T, SERVER, "221 bye\r\n");
		is_reset(say(&T, CLIENT, "EHLO i\r\n"));
		talk_fini(&T);
	}
}

static void anything_else_resets(void)
{
	static const char *const words[] = { "MAIL FROM:<a@i>\r\n", "\r\n", "QUIT\r\nMAIL FROM:<a@i>\r\n",
		"QUIT x\r\n", "NOOP\r\n", "Q\r\n", "\1QUIT\r\n" };
	unsigned i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		begin();
		say(&T, SERVER, "220 mx.example.org ESMTP\r\n");
		is_reset(say(&T, CLIENT, words[i]));
		talk_fini(&T);
		begin();
		is_reset(say(&T, CLIENT, words[i])); /* not even before the greeting */
		talk_fini(&T);
	}
	begin();
	say(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	pass(&T, CLIENT, "QU");
	is_reset(say(&T, CLIENT, "EHLO i\r\n"));
	talk_fini(&T);
}

static void monitor_only_tells(void)
{
	begin_with(refusing(MODE_MONITOR, DO_REFUSE_SESSION));
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250 mx\r\n");
	is_told(ACTION_ALERT);
	talk_fini(&T);
}

/* The configuration has changed: a session that was greeted ends when no mail is on its way. */
static void a_session_that_was_greeted(void)
{
	struct policy *p = refusing(MODE_ENFORCE, DO_REFUSE_SESSION);

	talk_init(&T, MODE_ENFORCE, ACTION_ALERT);
	greet(&T);
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "DATA\r\n");
	inspect_set_policy(T.inspect, p);
	policy_free(T.policy);
	T.policy = p;
	pass(&T, SERVER, "354 go\r\n");
	pass(&T, CLIENT, "x\r\n");
	pass(&T, CLIENT, ".\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	is_reset(say(&T, CLIENT, "MAIL FROM:<a@i>\r\n"));
	is_told(ACTION_REFUSE_SESSION);
	talk_fini(&T);
}

static void picked_up_in_the_middle(void)
{
	begin();
	T.sport++;
	pass(&T, CLIENT, "of a body\r\n.\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	is_reset(say(&T, CLIENT, "MAIL FROM:<a@i>\r\n"));
	talk_fini(&T);
	begin();
	T.sport++;
	pass(&T, SERVER, "354 go\r\n");
	pass(&T, CLIENT, "x\r\n.\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	is_reset(say(&T, CLIENT, "MAIL FROM:<a@i>\r\n"));
	talk_fini(&T);
}

/* Refused when it began, allowed before its greeting. */
static void allowed_in_time(void)
{
	struct policy *p = refusing(MODE_ENFORCE, DO_INSPECT);

	begin();
	inspect_set_policy(T.inspect, p);
	policy_free(T.policy);
	T.policy = p;
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	CU_ASSERT_PTR_NULL(event_nth(&T, EVENT_REFUSED, 0));
	talk_fini(&T);
}

SUITE("inspect_session", { "greetings", greetings }, { "a greeting in pieces", a_greeting_in_pieces },
        { "QUIT passes", quit_passes }, { "anything else resets", anything_else_resets },
        { "monitor mode only tells", monitor_only_tells },
        { "a session that was greeted", a_session_that_was_greeted },
        { "picked up in the middle", picked_up_in_the_middle }, { "allowed in time", allowed_in_time })
