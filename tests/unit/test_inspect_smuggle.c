/* test_inspect_smuggle.c - what is done about commands hidden in a body: by mode, by place of the cut, in time or late. */
#include "inspect_talk.h"

static void begin(enum policy_mode mode, enum action action)
{
	struct policy_settings s;

	talk_init(&T, mode, ACTION_ALERT);
	s = *policy_settings(T.policy);
	s.smuggling_action = action;
	policy_set(T.policy, &s);
	inspect_set_policy(T.inspect, T.policy);
}

static void begin_body(enum policy_mode mode, enum action action)
{
	begin(mode, action);
	greet(&T);
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 2.1.5 Ok\r\n");
	pass(&T, CLIENT, "DATA\r\n");
	pass(&T, SERVER, "354 go\r\n");
}

static const struct event *nth(enum event_kind kind, unsigned n)
{
	const struct event *e = event_nth(&T, kind, n);

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	return e;
}

static void is_cut(const char *text)
{
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, text));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
}

static void told(int hides, enum action action, enum action would)
{
	const struct event *e = nth(EVENT_EOD, 0);

	CU_ASSERT_EQUAL(e->u.eod.hides, hides);
	CU_ASSERT_EQUAL(e->u.eod.action, action);
	CU_ASSERT_EQUAL(e->u.eod.would, would);
	CU_ASSERT_EQUAL(e->u.eod.tx_id, 1);
	CU_ASSERT_EQUAL(count(&T, COUNTER_EOD), 1);
	talk_fini(&T);
}

/* The end of data in the same segment never arrives either, so nothing is between it and its reply. */
static void cuts_before_the_command(void)
{
	begin_body(MODE_ENFORCE, ACTION_RESET);
	is_cut("a\r\n\n.\nMAIL FROM:<x@y>\r\nRCPT TO:<g@example.org>\r\n\r\n.\r\n");
	told(1, ACTION_RESET, ACTION_RESET);

	begin_body(MODE_ENFORCE, ACTION_RESET);
	pass(&T, CLIENT, "a\r\n\n.\nFOO\r\nMAIL");
	is_cut(" FROM:<x@y>\r\n");
	told(1, ACTION_RESET, ACTION_RESET);

	begin_body(MODE_ENFORCE, ACTION_RESET);
	pass(&T, CLIENT, "a\r");
	pass(&T, CLIENT, ".");
	pass(&T, CLIENT, "\r");
	pass(&T, CLIENT, "E");
	pass(&T, CLIENT, "HLO x");
	is_cut("\r");
	CU_ASSERT_PTR_NULL(say(&T, SERVER, "250 queued\r\n"));
	told(1, ACTION_RESET, ACTION_RESET);
}

static void cuts_behind_a_hole(void)
{
	static const char hole[] = "a\r\n.\r", behind[] = "MAIL FROM:<x@y>\r\n";

	begin_body(MODE_ENFORCE, ACTION_RESET);
	CU_ASSERT_PTR_NOT_NULL(
	        send_at(&T, CLIENT, T.seq[CLIENT] + sizeof(hole) - 1, TCP_ACK, behind, sizeof(behind) - 1));
	is_cut(hole);
	told(1, ACTION_RESET, ACTION_RESET);
}

static void passes_what_hides_nothing(void)
{
	begin_body(MODE_ENFORCE, ACTION_RESET);
	pass(&T, CLIENT, "a\n.\nb\r\n.\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	pass(&T, CLIENT, "QUIT\r\n");
	told(0, ACTION_ALERT, ACTION_ALERT);
}

static void tells_and_passes(enum policy_mode mode, enum action action)
{
	begin_body(mode, action);
	pass(&T, CLIENT, "a\n.\nMAIL FROM:<x@y>\r\n.\r\n");
	pass(&T, SERVER, "250 queued\r\n250 ok\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	pass(&T, CLIENT, "QUIT\r\n");
	CU_ASSERT_EQUAL(nth(EVENT_ODD, 0)->u.odd.unexplained, 1);
	CU_ASSERT_EQUAL(nth(EVENT_ODD, 1)->u.odd.unexplained, 2);
	CU_ASSERT_EQUAL(nth(EVENT_ODD, 1)->u.odd.action, ACTION_ALERT);
	CU_ASSERT_EQUAL(nth(EVENT_ODD, 1)->u.odd.would, action);
	told(1, ACTION_ALERT, action);
}

static void does_what_is_configured(void)
{
	tells_and_passes(MODE_ENFORCE, ACTION_ALERT);
	tells_and_passes(MODE_MONITOR, ACTION_RESET);
}

static void leaves_connections_picked_up_in_the_middle(void)
{
	begin(MODE_ENFORCE, ACTION_RESET);
	pass(&T, SERVER, "354 go\r\n");
	pass(&T, CLIENT, "a\n.\nMAIL FROM:<x@y>\r\n");
	CU_ASSERT_EQUAL(nth(EVENT_EOD, 0)->u.eod.action, ACTION_ALERT);
	CU_ASSERT_EQUAL(nth(EVENT_EOD, 0)->u.eod.would, ACTION_RESET);
	talk_fini(&T);
}

/* A body sent before the 354 has left when it is read: the reply to its end comes first. */
static void waits_for_the_reply(void)
{
	begin(MODE_ENFORCE, ACTION_RESET);
	greet(&T);
	pass(&T, CLIENT, "DATA\r\na\n.\nMAIL FROM:<x@y>\r\n.\r\n");
	pass(&T, SERVER, "354 go\r\n");
	pass(&T, CLIENT, "NOOP\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	is_cut("QUIT\r\n");
	told(1, ACTION_RESET, ACTION_RESET);
}

/* One yes too many: its body was cut short. Two: it has read commands, though we have not. */
static void cuts_what_took_effect(void)
{
	begin_body(MODE_ENFORCE, ACTION_RESET);
	pass(&T, CLIENT, "a\n.\nM\vAIL FROM:<x@y>\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	CU_ASSERT_PTR_NULL(say(&T, SERVER, "250 sender ok\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	CU_ASSERT_EQUAL(nth(EVENT_ODD, 1)->u.odd.action, ACTION_RESET);
	is_cut("RCPT TO:<g@example.org>\r\n");
	told(0, ACTION_ALERT, ACTION_ALERT);
}

static void guards_both_directions(void)
{
	begin(MODE_ENFORCE, ACTION_RESET);
	T.client = "192.168.0.10";
	T.server = "198.51.100.7";
	greet(&T);
	pass(&T, CLIENT, "DATA\r\n");
	pass(&T, SERVER, "354 go\r\n");
	is_cut("a\r\n.\rMAIL FROM:<x@y>\r\n");
	CU_ASSERT_EQUAL(nth(EVENT_EOD, 0)->conn.direction, DIRECTION_OUTBOUND);
	told(1, ACTION_RESET, ACTION_RESET);
}

SUITE("inspect smuggle", { "before the command", cuts_before_the_command },
        { "behind a hole", cuts_behind_a_hole }, { "lone", passes_what_hides_nothing },
        { "by configuration", does_what_is_configured },
        { "midstream", leaves_connections_picked_up_in_the_middle }, { "late", waits_for_the_reply },
        { "effective", cuts_what_took_effect }, { "outbound", guards_both_directions })
