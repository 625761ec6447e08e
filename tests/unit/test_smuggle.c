/* Bodies that servers end differently: what weighs how much, and what is told of a server that took the bait. */
#include "watching.h"

static struct event eod(const char *verb, uint32_t count)
{
	struct event e = events_make(EVENT_EOD, 0);

	e.u.eod.tx_id = 2;
	e.u.eod.what = EOD_NUL;
	e.u.eod.count = count;
	e.u.eod.offset = 345;
	e.u.eod.bytes.len = 6;
	memcpy(e.u.eod.bytes.bytes, "\r\n\0.\r\n", 6);
	e.u.eod.hides = verb != NULL;
	e.u.eod.verb_offset = 351;
	if (verb)
		strcpy(e.u.eod.verb, verb);
	return e;
}

static void hidden_commands_are_an_attempt(void)
{
	struct event e = eod("MAIL", 1);
	struct finding f;

	begin();
	e.u.eod.action = e.u.eod.would = ACTION_RESET;
	push(events_mail(0, 2, "<a@b>"));
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_SMUGGLING_ATTEMPT);
	CU_ASSERT_EQUAL(f.severity, 2);
	CU_ASSERT_EQUAL(f.action, ACTION_RESET);
	CU_ASSERT_EQUAL(f.blocked, 1);
	CU_ASSERT_EQUAL(f.tx_id, 2);
	CU_ASSERT_EQUAL(f.value, 1);
	CU_ASSERT_EQUAL(f.mail_from.len, 5);
	CU_ASSERT_EQUAL(f.evidence_count, 2);
	ASSERT_TEXT(f.evidence[0],
	        "end of data \"\\r\\n\\0.\\r\\n\" (crlf.nul-crlf) at byte 345 of the client's");
	ASSERT_TEXT(f.evidence[1], "MAIL behind it, at byte 351");
	e.conn.src.b[15]++;
	e.conn.direction = DIRECTION_OUTBOUND;
	e.u.eod.action = ACTION_ALERT;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.blocked, 0);
	CU_ASSERT_EQUAL(f.would, ACTION_RESET);
	ASSERT_TEXT(f.evidence[2], "the client is ours: who can send through it can send in its name");
	end();
}

/* A lone one weighs little, and a story of those does not hush up what is worse. */
static void a_lone_one_is_not(void)
{
	struct finding f;
	int i;

	begin();
	push(eod(NULL, 7));
	f = take();
	CU_ASSERT_EQUAL(f.severity, 4);
	CU_ASSERT_EQUAL(f.value, 7);
	ASSERT_TEXT(f.evidence[1], "the last of 7 in this body");
	ASSERT_TEXT(f.evidence[2], "nothing behind it reads as a command");
	for (i = 0; i < 4; i++)
		push(eod(NULL, 1));
	CU_ASSERT_EQUAL(take().incident.count, 2);
	CU_ASSERT_EQUAL(take().incident.count, 4);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	push(eod("RSET", 1));
	f = take();
	CU_ASSERT_EQUAL(f.severity, 2);
	CU_ASSERT_EQUAL(f.incident.count, 6);
	push(eod("RSET", 1));
	end();
}

static struct event answer(uint8_t unexplained, const char *text)
{
	struct event e = events_make(EVENT_ODD, 5000);

	e.u.odd.what = ODD_UNEXPECTED_REPLY;
	e.u.odd.side = 1;
	e.u.odd.unexplained = unexplained;
	EVENTS_TEXT(e.u.odd.bytes, text);
	return e;
}

static void answers_show_the_effect(void)
{
	struct event e = answer(2, "250 2.1.0 Ok");
	struct finding f;

	begin();
	push(eod("MAIL", 1));
	take();
	push(answer(1, "250 2.0.0 Ok: queued"));
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_SMUGGLING_EFFECTIVE);
	CU_ASSERT_EQUAL(f.severity, 1);
	CU_ASSERT_EQUAL(f.outcome, OUTCOME_ACCEPTED);
	CU_ASSERT_EQUAL(f.blocked, 0);
	CU_ASSERT_EQUAL(f.tx_id, 2);
	CU_ASSERT_EQUAL(f.value, 1);
	ASSERT_TEXT(f.evidence[0],
	        "end of data \"\\r\\n\\0.\\r\\n\" (crlf.nul-crlf) at byte 345 of the client's");
	ASSERT_TEXT(f.evidence[1], "answer 1 to nothing that was asked: 250 2.0.0 Ok: queued");
	e.u.odd.would = ACTION_RESET;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.would, ACTION_RESET);
	CU_ASSERT_EQUAL(f.incident.rule_count, 2);
	ASSERT_TEXT(f.evidence[1], "answer 2 to nothing that was asked: 250 2.1.0 Ok");
	end();
}

static void so_does_the_first_behind_an_unread_body(void)
{
	struct event e = answer(1, "250 2.1.0 Ok");
	struct finding f;

	begin();
	e.u.odd.unread = 1;
	e.u.odd.action = e.u.odd.would = ACTION_RESET;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_SMUGGLING_EFFECTIVE);
	CU_ASSERT_EQUAL(f.action, ACTION_RESET);
	ASSERT_TEXT(f.evidence[0],
	        "behind a body that was not read (data.watch, data.trusted): commands came with it");
	ASSERT_TEXT(f.evidence[1], "answer 1 to nothing that was asked: 250 2.1.0 Ok");
	end();
}

static void other_replies_do_not(void)
{
	begin();
	push(answer(0, "250 what?"));
	CU_ASSERT_EQUAL(take().id, FINDING_EVASION);
	end();
}

SUITE("smuggle", { "hidden commands", hidden_commands_are_an_attempt }, { "lone", a_lone_one_is_not },
        { "effective", answers_show_the_effect }, { "unread", so_does_the_first_behind_an_unread_body },
        { "other replies", other_replies_do_not })
