/* test_inspect_sentence.c - what is said of a source (policy/sentence.h) while its sessions go on: refuse-session. */
#include <stdlib.h>

#include "inspect_talk.h"
#include "policy/sentence.h"

enum { LIST = 2, HOUR = 3600 };

static struct sentences *S;

/* The stranger's session has come as far as its handshake. */
static void begin_as(enum policy_mode mode, const char *client)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 1 };
	struct policy_settings ps;
	struct inspect_settings s;

	talk_init(&T, mode, ACTION_ALERT);
	ps = *policy_settings(T.policy);
	strcpy(ps.lists[LIST - 1], "b.test");
	policy_set(T.policy, &ps);
	inspect_free(T.inspect);
	S = sentences_new(16, key);
	inspect_settings_default(&s, 0);
	s.flows = 64;
	s.pages = 256;
	s.commands = 1024;
	s.edits = 1024;
	s.sentences = S;
	T.inspect = inspect_new(&s, T.ring, T.policy);
	CU_ASSERT_PTR_NOT_NULL_FATAL(T.inspect);
	T.client = client;
	handshake(&T);
}

static void begin(void)
{
	begin_as(MODE_ENFORCE, "198.51.100.7");
}

static void end(void)
{
	talk_fini(&T);
	sentences_free(S);
}

static void sentence(enum action action, uint8_t list)
{
	struct prefix p;

	prefix_parse(T.client, &p);
	CU_ASSERT_EQUAL(sentences_set_listed(S, &p, action, list, T.now_us + HOUR * (uint64_t)SECOND), 0);
}

/* Likewise, by the watch. */
static void begin_ordered(const char *client)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 1 };
	struct prefix p;

	S = sentences_new(16, key);
	talk_orders = S;
	talk_init(&T, MODE_ENFORCE, ACTION_ALERT);
	talk_orders = NULL;
	T.client = client;
	prefix_parse(client, &p);
	CU_ASSERT_EQUAL(sentences_set(S, &p, ACTION_REFUSE_SESSION, UINT64_MAX), 0);
}

static void is_reset(const char *got)
{
	CU_ASSERT_PTR_NULL(got);
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
}

static void gets(enum side side, const char *said, const char *got)
{
	const char *really = say(&T, side, said);

	CU_ASSERT_PTR_NOT_NULL_FATAL(really);
	CU_ASSERT_STRING_EQUAL(really, got);
}

static void at_the_greeting(void)
{
	const struct event *e;

	begin();
	sentence(ACTION_REFUSE_SESSION, LIST);
	gets(SERVER, "220 mx.example.org ESMTP\r\n", "554 5.7.1 Listed: b.test\r\n");
	is_reset(say(&T, CLIENT, "EHLO i\r\n"));
	e = event_nth(&T, EVENT_REFUSED, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.refused.sentence, 1 + LIST);
	CU_ASSERT_EQUAL(e->u.refused.action, ACTION_REFUSE_SESSION);
	end();
	begin();
	sentence(ACTION_REFUSE_SESSION, 0);
	gets(SERVER, "220 mx.example.org ESMTP\r\n", "554 5.7.1 Access denied \r\n");
	pass(&T, CLIENT, "QUIT\r\n");
	end();
}

static void not_everybody(void)
{
	static const char *const clients[] = { "192.168.3.4", "192.168.0.10" };

	for (unsigned i = 0; i < 2; i++) {
		begin_as(MODE_ENFORCE, clients[i]);
		sentence(ACTION_REFUSE_SESSION, LIST);
		pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
		pass(&T, CLIENT, "EHLO isp.example\r\n");
		pass(&T, SERVER, "250 mx\r\n");
		pass(&T, CLIENT, "MAIL FROM:<a@i>\r\n");
		pass(&T, SERVER, "250 ok\r\n");
		pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
		end();
	}
	begin();
	sentence(ACTION_ALERT, LIST);
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	end();
}

static void one_that_is_over(void)
{
	begin();
	sentence(ACTION_REFUSE_SESSION, LIST);
	T.now_us += HOUR * (uint64_t)SECOND;
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	end();
}

static void monitor_only_tells(void)
{
	const struct event *e;

	begin_as(MODE_MONITOR, "198.51.100.7");
	sentence(ACTION_REFUSE_SESSION, LIST);
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250 mx\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@i>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	e = event_nth(&T, EVENT_REFUSED, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.refused.action, ACTION_ALERT);
	CU_ASSERT_EQUAL(e->u.refused.would, ACTION_REFUSE_SESSION);
	e = event_nth(&T, EVENT_RCPT, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.action, ACTION_ALERT);
	CU_ASSERT_EQUAL(e->u.rcpt.would, ACTION_REFUSE_SESSION);
	CU_ASSERT_EQUAL(e->u.rcpt.sentence, 1 + LIST);
	end();
}

/* The answer came when the greeting had passed. */
static void at_the_next_recipient(void)
{
	const struct event *e;

	begin();
	T.seq[CLIENT] = 0xfffffff1;
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	pass(&T, CLIENT, "EHLO isp.example\r\n");
	pass(&T, SERVER, "250-mx.example.org\r\n250 PIPELINING\r\n");
	sentence(ACTION_REFUSE_SESSION, LIST);
	pass(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	pass(&T, SERVER, "250 2.1.0 Ok\r\n");
	gets(CLIENT, "RCPT TO:<g@example.org>\r\n", "XXXX TO:<g@example.org>\r\n");
	gets(SERVER, no_verb, "554 5.7.1 Listed: b.test               \r\n");
	is_reset(say(&T, CLIENT, "RCPT TO:<h@example.org>\r\n"));
	e = event_nth(&T, EVENT_RCPT, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.action, ACTION_REFUSE_SESSION);
	CU_ASSERT_EQUAL(e->u.rcpt.outcome, OUTCOME_REFUSED_BY_US);
	CU_ASSERT_EQUAL(e->u.rcpt.ours, 1);
	CU_ASSERT_EQUAL(e->u.rcpt.sentence, 1 + LIST);
	CU_ASSERT_EQUAL(count(&T, COUNTER_RCPT_FOREIGN), 0);
	CU_ASSERT_PTR_NULL(event_nth(&T, EVENT_REFUSED, 0));
	end();
}

/* A mail whose recipients were taken goes through; the session ends with the next one's. */
static void no_mail_is_cut(void)
{
	begin();
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	pass(&T, CLIENT, "EHLO isp.example\r\n");
	pass(&T, SERVER, "250-mx.example.org\r\n250 PIPELINING\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	pass(&T, SERVER, "250 2.1.0 Ok\r\n");
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "DATA\r\n");
	sentence(ACTION_REFUSE_SESSION, LIST);
	pass(&T, SERVER, "354 go\r\n");
	pass(&T, CLIENT, "x\r\n");
	/* the end of data, and, before its reply, the next mail */
	gets(CLIENT, ".\r\nMAIL FROM:<b@i>\r\nRCPT TO:<g@example.org>\r\nDATA\r\n",
	        ".\r\nMAIL FROM:<b@i>\r\nXXXX TO:<g@example.org>\r\nRSET\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	gets(SERVER, no_verb, "554 5.7.1 Listed: b.test               \r\n");
	is_reset(say(&T, SERVER, "250 reset\r\n"));
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_DATA, 0)->u.data.reply.code, 250);
	end();
}

static void who_has_logged_in(void)
{
	begin();
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	pass(&T, CLIENT, "EHLO isp.example\r\n");
	pass(&T, SERVER, "250-mx.example.org\r\n250 AUTH PLAIN\r\n");
	sentence(ACTION_REFUSE_SESSION, LIST);
	pass(&T, CLIENT, "AUTH PLAIN AGEAYg==\r\n");
	pass(&T, SERVER, "235 ok\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	pass(&T, SERVER, "250 2.1.0 Ok\r\n");
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_RCPT, 0)->u.rcpt.would, ACTION_ALERT);
	end();
}

static void picked_up_in_the_middle(void)
{
	begin();
	sentence(ACTION_REFUSE_SESSION, LIST);
	T.sport++;
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	pass(&T, SERVER, "250 2.1.0 Ok\r\n");
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	end();
}

/* Of a client of ours, at whatever server. */
static void the_watch_orders_it(void)
{
	static const char *const servers[] = { POLICY_SERVER, "203.0.113.9" };
	const struct event *e;

	for (unsigned i = 0; i < 2; i++) {
		begin_ordered("192.168.7.7");
		T.server = servers[i];
		handshake(&T);
		gets(SERVER, "220 mx.example.org ESMTP\r\n", "554 5.7.1 Access denied \r\n");
		is_reset(say(&T, CLIENT, "EHLO i\r\n"));
		e = event_nth(&T, EVENT_REFUSED, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT(e->u.refused.sentence == 1 && e->u.refused.action == ACTION_REFUSE_SESSION);
		end();
	}
	begin_ordered(POLICY_SERVER6);
	T.server = "fd00::20";
	handshake(&T);
	gets(SERVER, "220 mx.example.org ESMTP\r\n", "220 mx.example.org ESMTP\r\n");
	end();
}

SUITE("inspect_sentence", { "at the greeting", at_the_greeting }, { "not everybody", not_everybody },
        { "one that is over", one_that_is_over }, { "monitor mode only tells", monitor_only_tells },
        { "the watch orders it", the_watch_orders_it }, { "at the next recipient", at_the_next_recipient },
        { "no mail is cut", no_mail_is_cut }, { "who has logged in", who_has_logged_in },
        { "picked up in the middle", picked_up_in_the_middle })
