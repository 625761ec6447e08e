/* test_inspect_paths.c - connections of which one side takes another way, and clients that pretend it. */
#include "inspect_talk.h"

static void begin(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
}

/* What acknowledges a SYN-ACK that is yet to come, no server takes; sent again, it would be a resend. */
static void pretending_a_path_with_one_side(void)
{
	begin();
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_SYN, NULL, 0);
	send_at(&T, CLIENT, T.seq[CLIENT], TCP_ACK, bad_rcpt, (uint32_t)strlen(bad_rcpt));
	send_at(&T, SERVER, 0, TCP_RST, NULL, 0);
	send_at(&T, CLIENT, T.seq[CLIENT], TCP_ACK, bad_rcpt, (uint32_t)strlen(bad_rcpt));
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_SYN | TCP_ACK, NULL, 0);
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, bad_rcpt));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

static void a_path_with_one_side(void)
{
	static const enum side sides[] = { CLIENT, SERVER };
	unsigned i, n;

	for (i = 0; i < 2; i++) {
		begin();
		send_at(&T, sides[i], T.seq[sides[i]]++, sides[i] == CLIENT ? TCP_SYN : TCP_SYN | TCP_ACK,
		        NULL, 0);
		for (n = 0; n < 2000; n++)
			pass(&T, sides[i], sides[i] == CLIENT ? bad_rcpt : "250 2.1.5 Ok\r\n");
		CU_ASSERT_PTR_NULL(event_nth(&T, EVENT_ODD, 0));
		CU_ASSERT(!event_nth(&T, EVENT_RCPT, 0) == (sides[i] == SERVER));
		T.event_count = 0;
		talk_fini(&T);
		CU_ASSERT_PTR_NOT_NULL_FATAL(event_nth(&T, EVENT_CLOSE, 0));
		CU_ASSERT_FALSE(event_nth(&T, EVENT_CLOSE, 0)->conn.midstream);
	}
}

static void a_path_that_changes_is_midstream(void)
{
	begin();
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_SYN, NULL, 0);
	T.seq[SERVER]++;
	pass(&T, CLIENT, "EHLO isp.example\r\n");
	pass(&T, SERVER, "250 x\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	pass(&T, SERVER, "250 x\r\n");
	pass(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "250 2.1.5 Ok\r\n");
	pass(&T, CLIENT, "RSET\r\n");
	pass(&T, SERVER, "250 x\r\n");
	pass(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "250 2.1.5 Ok\r\n");
	talk_fini(&T);
	CU_ASSERT_PTR_NOT_NULL_FATAL(event_nth(&T, EVENT_CLOSE, 0));
	CU_ASSERT(event_nth(&T, EVENT_CLOSE, 0)->conn.midstream);
}

/* Ends with a reset, and begins anew from the same port while the old flow lingers. Pure ACKs do not come here:
 * what the client says first is its EHLO, and by then the server may have sent its greeting twice. */
static void a_port_used_again_is_seen_from_its_start(void)
{
	const char *got;

	begin();
	greet(&T);
	send_at(&T, CLIENT, T.seq[CLIENT], TCP_RST, NULL, 0);
	T.now_us += SECOND;
	T.seq[CLIENT] += 70000;
	T.seq[SERVER] += 90000;
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_SYN, NULL, 0);
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_SYN | TCP_ACK, NULL, 0);
	pass(&T, SERVER, "220-mx.example.org ESMTP\r\n");
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	pass(&T, CLIENT, "EHLO isp.example\r\n");
	pass(&T, SERVER, "250 mx.example.org\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	pass(&T, SERVER, "250 2.1.0 Ok\r\n");
	got = say(&T, CLIENT, bad_rcpt);
	CU_ASSERT(got && strcmp(got, "XXXX TO:<x@foreign.test>\r\n") == 0);
	T.event_count = 0;
	talk_fini(&T);
	CU_ASSERT_FALSE(event_nth(&T, EVENT_CLOSE, 0)->conn.midstream);
}

SUITE("inspect_paths", { "pretending a path with one side", pretending_a_path_with_one_side },
        { "a path with one side", a_path_with_one_side },
        { "a path that changes is midstream", a_path_that_changes_is_midstream },
        { "a port used again is seen from its start", a_port_used_again_is_seen_from_its_start })
