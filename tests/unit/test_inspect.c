/* test_inspect.c - the packet engine: packets of a conversation in, verdicts and events out. */
#include "inspect_talk.h"

/* ---- refusing ------------------------------------------------------------------------------ */

static void foreign_recipient_is_refused_alone(void)
{
	const struct event *e;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	CU_ASSERT_STRING_EQUAL(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	CU_ASSERT(T.checksum_ok);
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, no_verb), masked);
	CU_ASSERT(T.checksum_ok);
	pass(&T, CLIENT, "RCPT TO:<good@example.org>\r\n");
	pass(&T, SERVER, "250 2.1.5 Ok\r\n");
	pass(&T, CLIENT, "DATA\r\n");
	pass(&T, SERVER, "354 go on\r\n");
	pass(&T, CLIENT, "Message-ID: <1@isp>\r\n\r\nhello\r\n.\r\n");
	pass(&T, SERVER, "250 2.0.0 Ok: queued as ABC\r\n");
	pass(&T, CLIENT, "QUIT\r\n");
	pass(&T, SERVER, "221 Bye\r\n");
	close_both(&T);

	e = event_nth(&T, EVENT_RCPT, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.outcome, OUTCOME_REFUSED_BY_US);
	CU_ASSERT_EQUAL(e->u.rcpt.reply.code, 550);
	CU_ASSERT(e->u.rcpt.judged && !e->u.rcpt.ours && !e->u.rcpt.client_ours);
	CU_ASSERT_NSTRING_EQUAL(e->u.rcpt.final_domain.bytes, "foreign.test", e->u.rcpt.final_domain.len);
	e = event_nth(&T, EVENT_RCPT, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.outcome, OUTCOME_ACCEPTED);
	CU_ASSERT(e->u.rcpt.ours);
	e = event_nth(&T, EVENT_DATA, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT(e->u.data.final && e->u.data.rcpt_foreign_accepted == 0);
	CU_ASSERT_EQUAL(e->u.data.message_id.len, strlen("<1@isp>"));
	e = event_nth(&T, EVENT_TX_END, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.tx_end.end, END_COMPLETED);
	e = event_nth(&T, EVENT_CLOSE, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.close.state, STATE_CLOSED);
	CU_ASSERT_EQUAL(e->u.close.greeted, 1);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 0);
	talk_fini(&T);
}

static void pipelined_and_v6(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	T.client = "2001:db8::7";
	T.server = "fd00::10";
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250 PIPELINING\r\n");
	CU_ASSERT_STRING_EQUAL(
	        say(&T, CLIENT,
	                "MAIL FROM:<a@i>\r\nRCPT TO:<g@example.org>\r\nRCPT TO:<b@foreign.test>\r\nDATA\r\n"),
	        "MAIL FROM:<a@i>\r\nRCPT TO:<g@example.org>\r\nXXXX TO:<b@foreign.test>\r\nDATA\r\n");
	CU_ASSERT(T.checksum_ok);
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, "250 ok\r\n250 ok\r\n500-what\r\n500 is that\r\n354 go\r\n"),
	        "250 ok\r\n250 ok\r\n550-    \r\n550 5.7.1  \r\n354 go\r\n");
	CU_ASSERT(T.checksum_ok);
	talk_fini(&T);
}

static void typed_byte_by_byte(void)
{
	char got[sizeof(bad_rcpt)] = "";
	size_t i;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	for (i = 0; bad_rcpt[i]; i++) {
		const char one[2] = { bad_rcpt[i], '\0' };

		strcat(got, say(&T, CLIENT, one));
		CU_ASSERT(T.checksum_ok);
	}
	CU_ASSERT_STRING_EQUAL(got, "RCPT TO:<x@foreign.test<\r\n");
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, "501 "), "550 ");
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, "5.1.3 Bad recipient"), "5.7.1 Relaying     ");
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, " address syntax\r\n"), "               \r\n");
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_RCPT, 0)->u.rcpt.reply.text.len, strlen("5.7.1 Relaying"));
	talk_fini(&T);
}

static void verb_already_left(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	pass(&T, CLIENT, "RCPT TO:<x@fore");
	CU_ASSERT_STRING_EQUAL(say(&T, CLIENT, "ign.test>\r\n"), "ign.tes<>\r\n");
	talk_fini(&T);
}

static void resends_carry_the_same_edits(void)
{
	uint32_t at;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	at = T.seq[CLIENT];
	say(&T, CLIENT, bad_rcpt);
	CU_ASSERT_STRING_EQUAL(
	        send_at(&T, CLIENT, at, TCP_ACK, bad_rcpt, strlen(bad_rcpt)), "XXXX TO:<x@foreign.test>\r\n");
	CU_ASSERT(T.checksum_ok);
	CU_ASSERT_STRING_EQUAL(send_at(&T, CLIENT, at + 2, TCP_ACK, bad_rcpt + 2, 6), "XX TO:");
	at = T.seq[SERVER];
	say(&T, SERVER, no_verb);
	CU_ASSERT_STRING_EQUAL(send_at(&T, SERVER, at, TCP_ACK, no_verb, strlen(no_verb)), masked);
	CU_ASSERT_EQUAL(count(&T, COUNTER_RESEND), 3);
	CU_ASSERT_EQUAL(count(&T, COUNTER_RCPT), 1);
	talk_fini(&T);
}

static void unfinished_checksums_are_finished(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	T.meta_flags = PACKET_CSUM_PARTIAL;
	greet(&T);
	CU_ASSERT_STRING_EQUAL(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	CU_ASSERT(T.checksum_ok);
	talk_fini(&T);
}

static void temporary_replies_pass_as_they_are(void)
{
	const struct event *e;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	say(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "421 4.7.0 too many errors\r\n");
	e = event_nth(&T, EVENT_RCPT, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.reply.code, 421);
	CU_ASSERT_EQUAL(e->u.rcpt.outcome, OUTCOME_REFUSED_BY_US);
	talk_fini(&T);
}

/* ---- not refusing -------------------------------------------------------------------------- */

/* A connection that is open when the policy changes is judged by the new one from its next packet on. */
static void a_new_policy_counts_at_once(void)
{
	struct policy *monitor = policy_make(MODE_MONITOR, ACTION_REFUSE_RECIPIENT);

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	inspect_set_policy(T.inspect, monitor);
	pass(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "554 5.7.1 Relay access denied\r\n");
	inspect_set_policy(T.inspect, T.policy);
	policy_free(monitor);
	CU_ASSERT_STRING_EQUAL(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	talk_fini(&T);
}

static void has_message_id(unsigned nth, const char *wanted)
{
	const struct event *e = event_nth(&T, EVENT_DATA, nth);

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.data.message_id.len, strlen(wanted));
	CU_ASSERT_EQUAL(memcmp(e->u.data.message_id.bytes, wanted, strlen(wanted)), 0);
}

/* Neither of the one before, where DATA is refused, nor of one behind it in the pipeline. */
static void a_message_id_is_of_its_own_mail(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250-x\r\n250 CHUNKING\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@i>\r\nRCPT TO:<g@example.org>\r\nDATA\r\n");
	pass(&T, SERVER, "250 ok\r\n250 ok\r\n354 go\r\n");
	pass(&T, CLIENT, "Message-ID: <1>\r\n\r\nx\r\n.\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@i>\r\nRCPT TO:<g@example.org>\r\nDATA\r\n");
	pass(&T, SERVER, "250 ok\r\n250 ok\r\n451 later\r\n");
	pass(&T, CLIENT,
	        "RSET\r\nMAIL FROM:<a@i>\r\nRCPT TO:<g@example.org>\r\nBDAT 17\r\nMessage-ID: <2>\r\n");
	pass(&T, CLIENT, "BDAT 3 LAST\r\n\r\nx");
	pass(&T, CLIENT, "MAIL FROM:<a@i>\r\nRCPT TO:<g@example.org>\r\nBDAT 17 LAST\r\nMessage-ID: <3>\r\n");
	pass(&T, SERVER, "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
	has_message_id(0, "<1>");
	has_message_id(1, "");
	has_message_id(2, ""); /* not known any more */
	has_message_id(3, "<3>");
	talk_fini(&T);
}

static void pass_body(void)
{
	pass(&T, CLIENT, "DATA\r\n");
	pass(&T, SERVER, "354 ok\r\n");
	pass(&T, CLIENT, "x\r\n.\r\n");
	pass(&T, SERVER, "250 ok\r\n");
}

static void monitor_mode_touches_nothing(void)
{
	const struct event *e;

	talk_init(&T, MODE_MONITOR, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	pass(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "250 ok\r\n");
	pass_body();
	e = event_nth(&T, EVENT_RCPT, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.outcome, OUTCOME_ACCEPTED);
	CU_ASSERT_EQUAL(e->u.rcpt.action, ACTION_ALERT);
	CU_ASSERT_EQUAL(e->u.rcpt.would, ACTION_REFUSE_RECIPIENT);
	e = event_nth(&T, EVENT_DATA, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.data.rcpt_foreign_accepted, 1);
	talk_fini(&T);
}

/* Within a transaction a MAIL is refused, and the transaction goes on: who asks again does not hide what it has reached. */
static void a_refused_mail_ends_no_other(void)
{
	const struct event *e;

	talk_init(&T, MODE_MONITOR, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	pass(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "MAIL FROM:<again@i>\r\n");
	pass(&T, SERVER, "503 nested MAIL\r\n");
	pass_body();
	e = event_nth(&T, EVENT_TX_END, 0);
	CU_ASSERT(e && e->u.tx_end.tx_id == 2 && e->u.tx_end.end == END_REFUSED);
	e = event_nth(&T, EVENT_DATA, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.data.tx_id, 1);
	CU_ASSERT_EQUAL(e->u.data.rcpt_foreign_accepted, 1);
	pass(&T, CLIENT, "MAIL FROM:<next@i>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass_body();
	e = event_nth(&T, EVENT_DATA, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.data.rcpt_foreign_accepted, 0);
	talk_fini(&T);
}

/* A daemon that starts sees the resend of a lost segment, behind which others had passed unseen: what comes
 * behind those must pass, because they are never sent again. */
static void midstream_does_not_wait_for_what_passed_unseen(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	pass(&T, CLIENT, "first lines of a body\r\n");
	T.seq[CLIENT] += 3000;
	pass(&T, CLIENT, "last lines of a body\r\n.\r\n");
	pass(&T, SERVER, "250 2.0.0 Ok: queued as ABC\r\n");
	pass(&T, CLIENT, "QUIT\r\n");
	pass(&T, SERVER, "221 Bye\r\n");
	close_both(&T);
	CU_ASSERT_EQUAL(count(&T, COUNTER_GAP), 1);
	talk_fini(&T);
}

static void midstream_is_never_refused(void)
{
	const struct event *e;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	pass(&T, SERVER, "250 2.1.0 Ok\r\n");
	pass(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "250 ok\r\n");
	e = event_nth(&T, EVENT_RCPT, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT(e->conn.midstream);
	CU_ASSERT_EQUAL(e->u.rcpt.action, ACTION_ALERT);
	CU_ASSERT_STRING_EQUAL(T.client, "198.51.100.7");
	CU_ASSERT_EQUAL(e->conn.dport, 25);
	talk_fini(&T);
}

static void home_and_authenticated_clients_may_relay(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	T.client = "192.168.7.7";
	greet(&T);
	pass(&T, CLIENT, bad_rcpt);
	talk_fini(&T);

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250 AUTH PLAIN\r\n");
	pass(&T, CLIENT, "AUTH PLAIN AGEAYg==\r\n");
	pass(&T, SERVER, "235 welcome\r\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(event_nth(&T, EVENT_AUTH, 0));
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_AUTH, 0)->u.auth.user.len, 1);
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_AUTH, 0)->u.auth.user.bytes[0], 'a');
	pass(&T, CLIENT, "MAIL FROM:<a@i>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, bad_rcpt);
	talk_fini(&T);
}

/* Whose names a client claims is marked with the policy at hand. */
static void claimed_names_are_marked(void)
{
	static const struct {
		const char *client, *helo, *from;
		bool name_ours, client_ours, sender_ours, sender_foreign;
	} cases[] = {
		{ "198.51.100.7", "EHLO example.org\r\n", "MAIL FROM:<boss@example.org>\r\n", 1, 0, 1, 0 },
		{ "198.51.100.7", "EHLO [192.168.0.10]\r\n", "MAIL FROM:<>\r\n", 1, 0, 0, 0 },
		{ "198.51.100.7", "HELO there.example\r\n", "MAIL FROM:<a@there.example>\r\n", 0, 0, 0, 1 },
		{ "198.51.100.7", "HELO a!b@example.org\r\n", "MAIL FROM:<a@b> SIZE=1\r\n", 0, 0, 0, 1 },
		{ "198.51.100.7", "EHLO localhost\r\n", "MAIL FROM:<root@localhost>\r\n", 0, 0, 0, 0 },
		{ "192.168.7.7", "EHLO example.org\r\n", "MAIL FROM:<a@example.org>\r\n", 0, 1, 1, 0 },
	};
	const struct event *e;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_init(&T, MODE_MONITOR, ACTION_ALERT);
		T.client = cases[i].client;
		handshake(&T);
		pass(&T, SERVER, "220 x\r\n");
		pass(&T, CLIENT, cases[i].helo);
		pass(&T, SERVER, "250 ok\r\n");
		pass(&T, CLIENT, cases[i].from);
		pass(&T, SERVER, "250 ok\r\n");
		e = event_nth(&T, EVENT_HELO, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT_EQUAL(e->u.helo.name_ours, cases[i].name_ours);
		e = event_nth(&T, EVENT_MAIL, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(e);
		CU_ASSERT_EQUAL(e->u.mail.client_ours, cases[i].client_ours);
		CU_ASSERT_EQUAL(e->u.mail.sender_ours, cases[i].sender_ours);
		CU_ASSERT_EQUAL(e->u.mail.sender_foreign, cases[i].sender_foreign);
		talk_fini(&T);
	}
}

/* Outbound mail that shows what is ours; inbound, or of others, it is their affair. */
static void leaks_are_told(void)
{
	static const struct {
		const char *client, *server, *received, *leak;
	} cases[] = {
		{ "192.168.7.7", "198.51.100.7", "from pc ([192.168.20.7])", "192.168.20.7" },
		{ "192.168.7.7", "198.51.100.7", "from pc.lan (x [203.0.113.7])", "pc.lan" },
		{ "192.168.7.7", "198.51.100.7", "from x ([10.1.2.3]) by y", NULL },
		{ "198.51.100.7", "192.168.0.10", "from pc.lan ([192.168.20.7])", NULL },
	};
	const struct event *e;
	char body[256];
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_init(&T, MODE_MONITOR, ACTION_ALERT);
		T.client = cases[i].client;
		T.server = cases[i].server;
		greet(&T);
		pass(&T, CLIENT, "RCPT TO:<b@example.org>\r\n");
		pass(&T, SERVER, "250 ok\r\n");
		pass(&T, CLIENT, "DATA\r\n");
		pass(&T, SERVER, "354 go\r\n");
		snprintf(body, sizeof(body), "Received: %s\r\nSubject: x\r\n\r\nx\r\n.\r\n",
		        cases[i].received);
		pass(&T, CLIENT, body);
		pass(&T, SERVER, "250 done\r\n");
		e = event_nth(&T, EVENT_LEAK, 0);
		CU_ASSERT_EQUAL(e != NULL, cases[i].leak != NULL);
		if (e && cases[i].leak) {
			CU_ASSERT_EQUAL(e->u.leak.bytes.len, strlen(cases[i].leak));
			CU_ASSERT_NSTRING_EQUAL(e->u.leak.bytes.bytes, cases[i].leak, strlen(cases[i].leak));
			CU_ASSERT_EQUAL(e->u.leak.tx_id, 1);
		}
		talk_fini(&T);
	}
}

/* ---- reset --------------------------------------------------------------------------------- */

static void reset_action(void)
{
	const struct event *e;

	talk_init(&T, MODE_ENFORCE, ACTION_RESET);
	greet(&T);
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, bad_rcpt));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
	e = event_nth(&T, EVENT_CLOSE, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.close.state, STATE_RESET_BY_US);
}

static void no_reset_while_the_end_of_data_is_unanswered(void)
{
	const char *got;

	talk_init(&T, MODE_ENFORCE, ACTION_RESET);
	greet(&T);
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "DATA\r\n");
	pass(&T, SERVER, "354 ok\r\n");
	got = say(&T, CLIENT, "x\r\n.\r\nMAIL FROM:<a@i>\r\nRCPT TO:<x@foreign.test>\r\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, "x\r\n.\r\nMAIL FROM:<a@i>\r\nXXXX TO:<x@foreign.test>\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	CU_ASSERT_PTR_NULL(say(&T, SERVER, "250 ok\r\n500 what\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

/* ---- streams ------------------------------------------------------------------------------- */

static void a_segment_beyond_a_hole_waits_for_its_resend(void)
{
	static const char mail[] = "MAIL FROM:<a@i>\r\n";

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250 PIPELINING\r\n");
	CU_ASSERT_PTR_NULL(send_at(
	        &T, CLIENT, T.seq[CLIENT] + (uint32_t)strlen(mail), TCP_ACK, bad_rcpt, strlen(bad_rcpt)));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_DROP);
	pass(&T, CLIENT, mail);
	CU_ASSERT_STRING_EQUAL(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	CU_ASSERT_EQUAL(count(&T, COUNTER_HOLE), 1);
	talk_fini(&T);
}

static void monitor_mode_reads_what_comes_out_of_order(void)
{
	static const char mail[] = "MAIL FROM:<a@i>\r\n";

	talk_init(&T, MODE_MONITOR, ACTION_REFUSE_RECIPIENT);
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250 PIPELINING\r\n");
	CU_ASSERT_PTR_NOT_NULL(send_at(
	        &T, CLIENT, T.seq[CLIENT] + (uint32_t)strlen(mail), TCP_ACK, bad_rcpt, strlen(bad_rcpt)));
	pass(&T, CLIENT, mail);
	T.seq[CLIENT] += (uint32_t)strlen(bad_rcpt);
	pass(&T, SERVER, "250 ok\r\n550 no\r\n");
	CU_ASSERT_PTR_NOT_NULL_FATAL(event_nth(&T, EVENT_RCPT, 0));
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_RCPT, 0)->u.rcpt.outcome, OUTCOME_REFUSED_BY_SERVER);
	talk_fini(&T);
}

static void a_resend_with_other_bytes_is_dropped(void)
{
	static const char good[] = "RCPT TO:<g@example.org>\r\n", evil[] = "RCPT TO:<x@foreign.net>\r\n";
	uint32_t at;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	at = T.seq[CLIENT];
	pass(&T, CLIENT, good);
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, at, TCP_ACK, evil, strlen(evil)));
	CU_ASSERT_EQUAL(count(&T, COUNTER_RESEND_DIFFERS), 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(event_nth(&T, EVENT_ODD, 0));
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_ODD, 0)->u.odd.what, ODD_RESEND_DIFFERS);
	talk_fini(&T);
}

static void bytes_never_seen_are_a_gap(void)
{
	const struct event *e;
	int i;

	talk_init_sized(&T, MODE_MONITOR, ACTION_ALERT, 1, 64, 1024);
	greet(&T);
	T.seq[CLIENT] += 30; /* a RCPT that the capture does not hold */
	for (i = 0; i < 12; i++)
		pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "QUIT\r\n");
	CU_ASSERT_EQUAL(count(&T, COUNTER_GAP), 1);
	talk_fini(&T);
	e = event_nth(&T, EVENT_CLOSE, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.close.skipped_bytes, 30);
	CU_ASSERT_PTR_NULL(event_nth(&T, EVENT_RCPT, 0));
}

static void undecodable_packets(void)
{
	static const uint8_t noise[] = { 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0 };
	struct packet meta = { .captured_bytes = sizeof(noise), .length_bytes = sizeof(noise), .time_us = 1 };
	static const enum policy_mode modes[] = { MODE_ENFORCE, MODE_MONITOR };
	static const uint8_t wanted[] = { VERDICT_DROP, VERDICT_ACCEPT };
	unsigned i;

	for (i = 0; i < 2; i++) {
		talk_init(&T, modes[i], ACTION_ALERT);
		inspect_packet(T.inspect, &meta, noise, &T.verdict);
		CU_ASSERT_EQUAL(T.verdict.kind, wanted[i]);
		CU_ASSERT_EQUAL(count(&T, COUNTER_TRUNCATED) + count(&T, COUNTER_MALFORMED), 1);
		talk_fini(&T);
	}
}

/* ---- flows --------------------------------------------------------------------------------- */

static void a_full_table_evicts_the_oldest(void)
{
	unsigned i;

	talk_init_sized(&T, MODE_ENFORCE, ACTION_ALERT, 0, 16, 1024);
	for (i = 0; i < 40; i++) {
		T.sport = (uint16_t)(30000 + i);
		T.now_us += SECOND;
		send_at(&T, CLIENT, 1, TCP_SYN, NULL, 0);
	}
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 16);
	CU_ASSERT_EQUAL(count(&T, COUNTER_FLOWS_EVICTED), 24);
	CU_ASSERT_PTR_NOT_NULL_FATAL(event_nth(&T, EVENT_CLOSE, 23));
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_CLOSE, 0)->u.close.state, STATE_EVICTED);
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_CLOSE, 0)->conn.sport, 30000);
	talk_fini(&T);
}

static void idle_flows_end(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_ALERT);
	greet(&T);
	inspect_tick(T.inspect, T.now_us + 3599ull * SECOND);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 1);
	inspect_tick(T.inspect, T.now_us + 3600ull * SECOND);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 0);
	take_events(&T);
	CU_ASSERT_PTR_NOT_NULL_FATAL(event_nth(&T, EVENT_CLOSE, 0));
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_CLOSE, 0)->u.close.state, STATE_TIMEOUT);
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_TX_END, 0)->u.tx_end.end, END_LOST);
	talk_fini(&T);
}

static void a_reset_ends_the_flow_unless_it_goes_on(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	send_at(&T, CLIENT, 12345, TCP_RST, NULL, 0); /* forged: the connection goes on */
	CU_ASSERT_STRING_EQUAL(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	inspect_tick(T.inspect, T.now_us + 3 * SECOND);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 1);
	T.now_us += 4 * SECOND;
	send_at(&T, CLIENT, T.seq[CLIENT], TCP_RST, NULL, 0);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 1);
	inspect_tick(T.inspect, T.now_us + 599ull * SECOND);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 1);
	inspect_tick(T.inspect, T.now_us + 600ull * SECOND);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 0);
	take_events(&T);
	CU_ASSERT_PTR_NOT_NULL_FATAL(event_nth(&T, EVENT_CLOSE, 0));
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_CLOSE, 0)->u.close.state, STATE_RESET);
	talk_fini(&T);
}

/* Its acknowledgement was late. */
static void last_bytes_that_come_twice_are_no_new_connection(void)
{
	static const char bye[] = "221 bye\r\n";
	uint32_t at;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	say(&T, CLIENT, "QUIT\r\n");
	at = T.seq[SERVER];
	say(&T, SERVER, bye);
	close_both(&T);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 0);
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, SERVER, at, TCP_ACK, bye, sizeof(bye) - 1));
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, SERVER, at, TCP_FIN | TCP_ACK, bye, sizeof(bye) - 1));
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 0);
	say(&T, CLIENT, "NOOP\r\n"); /* never sent before */
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 1);
	talk_fini(&T);
}

static void the_end_of_a_connection_is_forgotten(void)
{
	static const char bye[] = "221 bye\r\n";
	uint32_t at;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	at = T.seq[SERVER];
	say(&T, SERVER, bye);
	close_both(&T);
	T.now_us += 60 * SECOND;
	send_at(&T, SERVER, at, TCP_ACK, bye, sizeof(bye) - 1);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 1);
	talk_fini(&T);
}

/* Its numbers lie before those of the one that had the ports. */
static void a_new_connection_is_not_taken_for_the_end_of_another(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	close_both(&T);
	T.seq[CLIENT] -= 100000;
	T.seq[SERVER] -= 100000;
	greet(&T);
	while (inspect_finish(T.inspect, T.now_us) > 0) /* as when packets have passed unseen */
		take_events(&T);
	say(&T, CLIENT, bad_rcpt);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 1);
	talk_fini(&T);
}

static void those_who_reset_much_linger_little(void)
{
	unsigned i;

	talk_init_sized(&T, MODE_ENFORCE, ACTION_ALERT, 0, 64, 1024);
	for (i = 0; i < 10; i++) {
		T.sport = (uint16_t)(30000 + i);
		handshake(&T);
		send_at(&T, CLIENT, T.seq[CLIENT], TCP_RST, NULL, 0);
	}
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(event_nth(&T, EVENT_CLOSE, 5));
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_CLOSE, 5)->u.close.state, STATE_RESET);
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_CLOSE, 5)->conn.sport, 30005);
	talk_fini(&T);
}

static void a_new_syn_on_the_same_ports_is_a_new_connection(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	T.seq[CLIENT] += 100000;
	T.seq[SERVER] += 100000;
	T.now_us += SECOND;
	greet(&T);
	CU_ASSERT_STRING_EQUAL(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 1);
	CU_ASSERT_EQUAL(count(&T, COUNTER_FLOWS), 2);
	CU_ASSERT_NOT_EQUAL(
	        event_nth(&T, EVENT_OPEN, 0)->conn.flow_id, event_nth(&T, EVENT_OPEN, 1)->conn.flow_id);
	talk_fini(&T);
}

static void a_full_ring_loses_events_with_a_count(void)
{
	unsigned i;

	talk_init_sized(&T, MODE_ENFORCE, ACTION_ALERT, 0, 64, 2);
	for (i = 0; i < 10; i++) {
		struct packet_spec spec = { .src = T.client,
			.dst = T.server,
			.sport = (uint16_t)(1000 + i),
			.dport = 25,
			.flags = TCP_SYN,
			.time_us = T.now_us };
		uint8_t bytes[256];
		struct packet meta;

		packet_build(&spec, bytes, &meta);
		inspect_packet(T.inspect, &meta, bytes, &T.verdict);
		CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT);
	}
	CU_ASSERT_EQUAL(count(&T, COUNTER_EVENTS), 2);
	CU_ASSERT_EQUAL(count(&T, COUNTER_EVENTS_LOST), 8);
	CU_ASSERT_EQUAL(ring_lost(T.ring), 8);
	talk_fini(&T);
}

SUITE("inspect", { "a refused MAIL ends no other", a_refused_mail_ends_no_other },
        { "leaks are told", leaks_are_told }, { "claimed names are marked", claimed_names_are_marked },
        { "a foreign recipient is refused alone", foreign_recipient_is_refused_alone },
        { "pipelined, over IPv6", pipelined_and_v6 }, { "typed byte by byte", typed_byte_by_byte },
        { "the verb has already left", verb_already_left },
        { "resends carry the same edits", resends_carry_the_same_edits },
        { "unfinished checksums are finished", unfinished_checksums_are_finished },
        { "temporary replies pass as they are", temporary_replies_pass_as_they_are },
        { "a new policy counts at once", a_new_policy_counts_at_once },
        { "a Message-ID is of its own mail", a_message_id_is_of_its_own_mail },
        { "monitor mode touches nothing", monitor_mode_touches_nothing },
        { "midstream does not wait for what passed unseen", midstream_does_not_wait_for_what_passed_unseen },
        { "midstream is never refused", midstream_is_never_refused },
        { "home and authenticated clients may relay", home_and_authenticated_clients_may_relay },
        { "action reset", reset_action },
        { "no reset while the end of data is unanswered", no_reset_while_the_end_of_data_is_unanswered },
        { "a segment beyond a hole waits for its resend", a_segment_beyond_a_hole_waits_for_its_resend },
        { "monitor mode reads what comes out of order", monitor_mode_reads_what_comes_out_of_order },
        { "a resend with other bytes is dropped", a_resend_with_other_bytes_is_dropped },
        { "bytes never seen are a gap", bytes_never_seen_are_a_gap },
        { "undecodable packets", undecodable_packets },
        { "a full table evicts the oldest", a_full_table_evicts_the_oldest },
        { "idle flows end", idle_flows_end },
        { "a reset ends the flow unless it goes on", a_reset_ends_the_flow_unless_it_goes_on },
        { "those who reset much linger little", those_who_reset_much_linger_little },
        { "last bytes that come twice are no new connection",
                last_bytes_that_come_twice_are_no_new_connection },
        { "the end of a connection is forgotten", the_end_of_a_connection_is_forgotten },
        { "a new connection is not taken for the end of another",
                a_new_connection_is_not_taken_for_the_end_of_another },
        { "a new SYN on the same ports is a new connection",
                a_new_syn_on_the_same_ports_is_a_new_connection },
        { "a full ring loses events with a count", a_full_ring_loses_events_with_a_count })
