/* test_inspect_fast.c - bytes that pass unread: which path each verdict says, how the dialogue goes on behind what has
 * passed, and what is found of things hidden in it. */
#include "inspect_talk.h"

enum { MEG = 1 << 20 };

static struct policy *trusting(enum policy_mode mode, enum policy_watch watch, bool trusts)
{
	struct policy_settings s = { .mode = mode,
		.otherwise = DO_INSPECT,
		.relay_action = ACTION_REFUSE_RECIPIENT,
		.max_refusals = 3,
		.watch = watch,
		.ports = { 25 },
		.port_count = 1 };
	struct policy *p = policy_new();
	struct prefix prefix;
	int group;

	group = policy_add_group(p, GROUP_SERVER, "mail");
	prefix_parse("192.168.0.10", &prefix);
	policy_add_prefix(p, group, &prefix);
	policy_server_add_domain(p, group, "example.org");
	group = policy_add_group(p, GROUP_UPSTREAM, "isp");
	prefix_parse("198.51.100.0/24", &prefix);
	policy_add_prefix(p, group, &prefix);
	if (trusts)
		policy_groups_add(&s.trusted, (unsigned)group);
	policy_set(p, &s);
	policy_seal(p);
	return p;
}

static void take_policy(struct policy *p)
{
	inspect_set_policy(T.inspect, p);
	policy_free(T.policy);
	T.policy = p;
}

static void begin(enum policy_mode mode, enum policy_watch watch)
{
	talk_init(&T, mode, ACTION_ALERT);
	take_policy(trusting(mode, watch, true));
}

static void path_is(enum verdict_path path)
{
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT);
	CU_ASSERT_EQUAL(T.verdict.path, path);
}

/* Bytes of the client that do not come to the queue. */
static void unseen(uint32_t len)
{
	T.seq[CLIENT] += len;
}

static void envelope(void)
{
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 2.1.5 Ok\r\n");
	pass(&T, CLIENT, "DATA\r\n");
	path_is(PATH_QUEUE);
}

static void open_body(void)
{
	greet(&T);
	envelope();
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_BODY);
}

/* A recipient in another domain is refused in flight: nothing of certainty was lost. */
static void still_refuses(void)
{
	pass(&T, CLIENT, "MAIL FROM:<b@isp.example>\r\n");
	pass(&T, SERVER, "250 2.1.0 Ok\r\n");
	CU_ASSERT_STRING_EQUAL(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	CU_ASSERT_STRING_EQUAL(say(&T, SERVER, no_verb), masked);
}

static const struct event *nth(enum event_kind kind, unsigned n)
{
	const struct event *e = event_nth(&T, kind, n);

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	return e;
}

static void odd_is(unsigned n, unsigned unexplained, enum action action)
{
	const struct event_odd_what *odd = &nth(EVENT_ODD, n)->u.odd;

	CU_ASSERT_EQUAL(odd->what, ODD_UNEXPECTED_REPLY);
	CU_ASSERT_EQUAL(odd->unexplained, unexplained);
	CU_ASSERT_EQUAL(odd->unread, 1);
	CU_ASSERT_EQUAL(odd->action, action);
	CU_ASSERT_EQUAL(odd->would, ACTION_RESET);
}

static void nothing_is_odd(void)
{
	CU_ASSERT_PTR_NULL(event_nth(&T, EVENT_ODD, 0));
	CU_ASSERT_EQUAL(count(&T, COUNTER_RESET), 0);
	CU_ASSERT_EQUAL(count(&T, COUNTER_DROPPED), 0);
}

/* ---- bodies -------------------------------------------------------------------------------- */

static void goes_on_behind_a_body(void)
{
	const struct event *e;

	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(5 * MEG + 3);
	pass(&T, SERVER, "250 2.0.0 queued\r\n");
	path_is(PATH_QUEUE);
	nothing_is_odd();
	still_refuses();
	envelope();
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_BODY);
	unseen(1003);
	pass(&T, SERVER, "550 no\r\n");
	path_is(PATH_QUEUE);
	pass(&T, CLIENT, "QUIT\r\n");
	pass(&T, SERVER, "221 Bye\r\n");
	close_both(&T);

	e = nth(EVENT_DATA, 0);
	CU_ASSERT(e->u.data.final && e->u.data.reply.code == 250 && e->u.data.size_bytes == 5 * MEG);
	CU_ASSERT_EQUAL(nth(EVENT_TX_END, 0)->u.tx_end.end, END_COMPLETED);
	CU_ASSERT_EQUAL(nth(EVENT_TX_END, 0)->u.tx_end.gap, 1);
	CU_ASSERT_EQUAL(nth(EVENT_TX_END, 1)->u.tx_end.end, END_REFUSED);
	e = nth(EVENT_CLOSE, 0);
	CU_ASSERT_EQUAL(e->u.close.skipped_bytes, 5 * MEG + 3 + 1003);
	CU_ASSERT(e->u.close.bytes_toserver > 5 * MEG + 1100 && e->u.close.bytes_toserver < 5 * MEG + 1300);
	CU_ASSERT_EQUAL(e->u.close.state, STATE_CLOSED);
	CU_ASSERT_EQUAL(e->conn.midstream, 0);
	CU_ASSERT_EQUAL(count(&T, COUNTER_FAST_BODIES), 2);
	CU_ASSERT_EQUAL(count(&T, COUNTER_FAST_BYTES), 5 * MEG + 3 + 1003);
	nothing_is_odd();
	talk_fini(&T);
}

static void reads_bodies_that_were_not_to_be_skipped(
        enum policy_mode mode, enum policy_watch watch, bool trusts)
{
	talk_init(&T, mode, ACTION_ALERT);
	take_policy(trusting(mode, watch, trusts));
	greet(&T);
	envelope();
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_QUEUE);
	pass(&T, CLIENT, "Subject: x\r\n\r\n");
	path_is(PATH_QUEUE);
	talk_fini(&T);
}

static void only_of_trusted_ones(void)
{
	reads_bodies_that_were_not_to_be_skipped(MODE_ENFORCE, WATCH_ALL, true);
	reads_bodies_that_were_not_to_be_skipped(MODE_ENFORCE, WATCH_NONE, false);
	reads_bodies_that_were_not_to_be_skipped(MODE_MONITOR, WATCH_64K, false);
}

static void only_where_the_start_was_seen(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_QUEUE);
	talk_fini(&T);
}

static void reads_mail_that_relays(void)
{
	begin(MODE_MONITOR, WATCH_NONE);
	greet(&T);
	pass(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "250 sure\r\n");
	pass(&T, CLIENT, "DATA\r\n");
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_QUEUE);
	talk_fini(&T);
}

static void reads_the_first_64k(void)
{
	static char kilo[1025];
	unsigned i;

	memset(kilo, 'x', sizeof(kilo) - 1);
	begin(MODE_ENFORCE, WATCH_64K);
	greet(&T);
	envelope();
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_QUEUE);
	pass(&T, CLIENT, "Message-ID: <1@isp>\r\n\r\n");
	for (i = 0; i < 64; i++) {
		path_is(PATH_QUEUE);
		pass(&T, CLIENT, kilo);
	}
	path_is(PATH_BODY);
	pass(&T, CLIENT, kilo); /* was in the queue before */
	unseen(3 * MEG);
	pass(&T, SERVER, "250 2.0.0 queued\r\n");
	path_is(PATH_QUEUE);
	CU_ASSERT_EQUAL(nth(EVENT_DATA, 0)->u.data.message_id.len, strlen("<1@isp>"));
	still_refuses();
	nothing_is_odd();
	talk_fini(&T);
}

/* All of a small body, its end and what comes behind it may be in the queue before the mark is there. */
static void a_body_that_was_queued_is_read(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	pass(&T, CLIENT, "a\r\n");
	path_is(PATH_BODY);
	pass(&T, CLIENT, ".\r\n");
	path_is(PATH_QUEUE);
	pass(&T, SERVER, "250 2.0.0 queued\r\n");
	CU_ASSERT_EQUAL(nth(EVENT_DATA, 0)->u.data.size_bytes, 3);
	still_refuses();
	nothing_is_odd();
	talk_fini(&T);
}

static void the_end_of_trust_counts_at_once(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(4 * MEG);
	take_policy(trusting(MODE_ENFORCE, WATCH_NONE, false));
	pass(&T, CLIENT, "more\r\n");
	path_is(PATH_QUEUE);
	pass(&T, CLIENT, ".\r\n");
	pass(&T, SERVER, "250 2.0.0 queued\r\n");
	CU_ASSERT_EQUAL(nth(EVENT_DATA, 0)->u.data.size_bytes, 4 * MEG + 6);
	still_refuses();
	envelope();
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_QUEUE);
	nothing_is_odd();
	talk_fini(&T);
}

/* A server that did not see the client's acknowledgement says 354 again, and acknowledges what has come since. */
static void a_resend_of_the_server_passes(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(MEG);
	T.seq[SERVER] -= 8;
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_BODY);
	unseen(MEG);
	pass(&T, SERVER, "250 2.0.0 queued\r\n");
	path_is(PATH_QUEUE);
	CU_ASSERT_EQUAL(nth(EVENT_DATA, 0)->u.data.size_bytes, 2 * MEG - 3);
	nothing_is_odd();
	talk_fini(&T);
}

/* Numbers go round once; a FIN has one, too. */
static void counts_up_to_4_gib(void)
{
	const struct event *e;

	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(4000u * MEG);
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_FIN | TCP_ACK, NULL, 0);
	pass(&T, SERVER, "451 and now?\r\n");
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_FIN | TCP_ACK, NULL, 0);
	e = nth(EVENT_CLOSE, 0);
	CU_ASSERT_EQUAL(e->u.close.state, STATE_CLOSED);
	CU_ASSERT_EQUAL(e->u.close.skipped_bytes, 4000ull * MEG);
	nothing_is_odd();
	talk_fini(&T);
}

static void counts_at_the_end_of_the_server(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(7 * MEG);
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_FIN | TCP_ACK, NULL, 0);
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_FIN | TCP_ACK, NULL, 0);
	CU_ASSERT_EQUAL(nth(EVENT_CLOSE, 0)->u.close.skipped_bytes, 7 * MEG);
	CU_ASSERT_EQUAL(nth(EVENT_CLOSE, 0)->u.close.state, STATE_CLOSED);
	talk_fini(&T);
}

/* Who does not see the connection can't make us believe that bytes have passed. */
static void numbers_of_others_mean_nothing(void)
{
	uint32_t right;

	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	right = T.seq[SERVER];
	T.seq[SERVER] += 77;
	send_at(&T, CLIENT, T.seq[CLIENT] + 9 * MEG, TCP_FIN | TCP_ACK, NULL, 0);
	send_at(&T, CLIENT, T.seq[CLIENT] + 9 * MEG, TCP_RST, NULL, 0);
	T.seq[SERVER] = right;
	T.seq[CLIENT] += 9 * MEG;
	send_at(&T, SERVER, right + 99, TCP_FIN | TCP_ACK, NULL, 0);
	T.seq[CLIENT] -= 9 * MEG;
	unseen(MEG);
	pass(&T, SERVER, "250 2.0.0 queued\r\n");
	still_refuses();
	talk_fini(&T);
}

/* ---- behind the body ------------------------------------------------------------------------- */

static void quit_behind_the_end(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(MEG + 9);
	pass(&T, SERVER, "250 2.0.0 queued\r\n221 Bye\r\n");
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_FIN | TCP_ACK, NULL, 0);
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_FIN | TCP_ACK, NULL, 0);
	CU_ASSERT_EQUAL(nth(EVENT_TX_END, 0)->u.tx_end.end, END_COMPLETED);
	CU_ASSERT_EQUAL(nth(EVENT_CLOSE, 0)->u.close.state, STATE_CLOSED);
	CU_ASSERT_EQUAL(nth(EVENT_CLOSE, 0)->conn.midstream, 0);
	nothing_is_odd();
	talk_fini(&T);
}

/* In a segment of its own, which the reply to the body does not acknowledge yet. */
static void quit_on_its_own(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(MEG);
	pass(&T, SERVER, "250 2.0.0 queued\r\n");
	unseen(6);
	pass(&T, SERVER, "221 Bye\r\n");
	close_both(&T);
	CU_ASSERT_EQUAL(nth(EVENT_CLOSE, 0)->u.close.state, STATE_CLOSED);
	CU_ASSERT_EQUAL(nth(EVENT_CLOSE, 0)->u.close.skipped_bytes, MEG + 6);
	CU_ASSERT_EQUAL(nth(EVENT_CLOSE, 0)->conn.midstream, 1);
	nothing_is_odd();
	talk_fini(&T);
}

/* The reply to the body arrives, and nothing behind it. */
static void hidden_mail_is_reset(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(MEG);
	pass(&T, SERVER, "250 queued\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	path_is(PATH_QUEUE);
	odd_is(0, 1, ACTION_RESET);
	odd_is(1, 2, ACTION_RESET);
	odd_is(2, 3, ACTION_RESET);
	CU_ASSERT_EQUAL(nth(EVENT_TX_END, 0)->u.tx_end.end, END_COMPLETED);
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "hidden\r\n.\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	CU_ASSERT_EQUAL(count(&T, COUNTER_FAST_REVOKED), 1);
	talk_fini(&T);
}

static void hidden_mail_answered_in_turn(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(MEG);
	pass(&T, SERVER, "250 queued\r\n");
	CU_ASSERT_PTR_NULL(say(&T, SERVER, "250 ok\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	odd_is(0, 1, ACTION_RESET);
	talk_fini(&T);
}

/* In segments of their own: the reply to the body does not acknowledge them. */
static void hidden_behind_the_reply(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(MEG);
	pass(&T, SERVER, "250 queued\r\n");
	unseen(60);
	CU_ASSERT_PTR_NULL(say(&T, SERVER, "250 ok\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	odd_is(0, 1, ACTION_RESET);
	talk_fini(&T);
}

/* Lines that the hidden mail has for its body look like commands. */
static void hidden_behind_visible_ones(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(MEG);
	pass(&T, SERVER, "250 queued\r\n");
	pass(&T, CLIENT, "NOOP\r\nNOOP\r\nNOOP\r\n");
	CU_ASSERT_PTR_NULL(say(&T, SERVER, "250 ok\r\n250 ok\r\n354 go\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	odd_is(0, 1, ACTION_RESET);
	talk_fini(&T);
}

static void monitor_mode_tells_and_reads_on(void)
{
	begin(MODE_MONITOR, WATCH_NONE);
	open_body();
	unseen(MEG);
	pass(&T, SERVER, "250 queued\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	path_is(PATH_QUEUE);
	odd_is(0, 1, ACTION_ALERT);
	pass(&T, CLIENT, "hidden\r\n.\r\n");
	path_is(PATH_QUEUE);
	pass(&T, SERVER, "250 queued\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	envelope();
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_QUEUE);
	talk_fini(&T);
}

/* What was to fill the hole has passed; or was lost, and is sent again. */
static void commands_beyond_a_hole(void)
{
	uint32_t hole;
	int i;

	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(MEG);
	pass(&T, SERVER, "250 queued\r\n");
	hole = T.seq[CLIENT];
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, hole + 6, TCP_ACK, "RSET\r\n", 6));
	pass(&T, CLIENT, "NOOP\r\n");
	pass(&T, CLIENT, "RSET\r\n");
	pass(&T, SERVER, "250 ok\r\n250 ok\r\n");
	still_refuses();
	CU_ASSERT_EQUAL(nth(EVENT_MAIL, 1)->conn.midstream, 0);
	talk_fini(&T);

	begin(MODE_ENFORCE, WATCH_NONE);
	open_body();
	unseen(MEG);
	pass(&T, SERVER, "250 queued\r\n");
	unseen(6);
	for (i = 0; i < 3; i++)
		CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, T.seq[CLIENT], TCP_ACK, "QUIT\r\n", 6));
	pass(&T, CLIENT, "QUIT\r\n");
	CU_ASSERT_EQUAL(count(&T, COUNTER_RESET), 0);
	close_both(&T);
	CU_ASSERT_EQUAL(nth(EVENT_CLOSE, 0)->conn.midstream, 1);
	talk_fini(&T);
}

/* ---- chunks ------------------------------------------------------------------------------------ */

static void open_chunk(const char *command)
{
	greet(&T);
	pass(&T, CLIENT, "RSET\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "EHLO isp.example\r\n");
	pass(&T, SERVER, "250-mx.example.org\r\n250 CHUNKING\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, command);
}

static void the_last_chunk(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_chunk("BDAT 1000000 LAST\r\n");
	path_is(PATH_BODY);
	unseen(1000000);
	pass(&T, SERVER, "250 queued\r\n");
	path_is(PATH_QUEUE);
	CU_ASSERT(nth(EVENT_DATA, 0)->u.data.final && nth(EVENT_DATA, 0)->u.data.size_bytes == 1000000);
	CU_ASSERT_EQUAL(nth(EVENT_TX_END, 0)->u.tx_end.end, END_RESET); /* the one before it */
	CU_ASSERT_EQUAL(nth(EVENT_TX_END, 1)->u.tx_end.end, END_COMPLETED);
	still_refuses();
	nothing_is_odd();
	talk_fini(&T);
}

static void other_chunks_are_read(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_chunk("BDAT 1000000\r\n");
	path_is(PATH_QUEUE);
	talk_fini(&T);
	begin(MODE_ENFORCE, WATCH_NONE);
	open_chunk("BDAT 1000 LAST\r\n");
	path_is(PATH_QUEUE);
	talk_fini(&T);
}

static void behind_the_last_chunk(void)
{
	begin(MODE_ENFORCE, WATCH_NONE);
	open_chunk("BDAT 1000000 LAST\r\n");
	unseen(1000006);
	pass(&T, SERVER, "250 queued\r\n221 Bye\r\n");
	CU_ASSERT_EQUAL(nth(EVENT_TX_END, 1)->u.tx_end.end, END_COMPLETED);
	nothing_is_odd();
	talk_fini(&T);

	begin(MODE_ENFORCE, WATCH_NONE);
	open_chunk("BDAT 1000000 LAST\r\n");
	unseen(1000060);
	pass(&T, SERVER, "250 queued\r\n250 ok\r\n");
	odd_is(0, 1, ACTION_RESET);
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "RCPT TO:<g@example.org>\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

/* ---- TLS ----------------------------------------------------------------------------------------- */

static const char client_record[] = "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03";
static const char server_record[] = "\x16\x03\x03\x00\x05\x02\x00\x00\x01\x03";

static uint32_t left_s;
static int kernel_closes(void *arg, const struct event_connection *conn);

/* Up to the client's hello. */
static void begin_tls_with(bool can_ask)
{
	struct inspect_settings s;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	if (can_ask) {
		inspect_free(T.inspect);
		inspect_settings_default(&s, 0);
		s.flows = 64;
		s.pages = s.commands = s.edits = 64;
		s.kernel_closes = kernel_closes;
		s.kernel_arg = &left_s;
		T.inspect = inspect_new(&s, T.ring, T.policy);
	}
	greet(&T);
	pass(&T, CLIENT, "STARTTLS\r\n");
	pass(&T, SERVER, "220 go\r\n");
	path_is(PATH_QUEUE);
	say_bytes(&T, CLIENT, client_record, sizeof(client_record) - 1);
	path_is(PATH_QUEUE);
}

static void begin_tls(void)
{
	begin_tls_with(false);
}

static void tls_leaves_when_both_speak_it(void)
{
	const struct event *e;

	begin_tls();
	say_bytes(&T, SERVER, server_record, sizeof(server_record) - 1);
	path_is(PATH_SEALED);
	T.seq[CLIENT] += 3 * MEG;
	T.seq[SERVER] += 2 * MEG;
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_FIN | TCP_ACK, NULL, 0);
	path_is(PATH_SEALED);
	T.seq[SERVER] += 100;
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_FIN | TCP_ACK, NULL, 0);
	e = nth(EVENT_CLOSE, 0);
	CU_ASSERT_EQUAL(e->u.close.state, STATE_CLOSED);
	CU_ASSERT(e->u.close.tls);
	CU_ASSERT_EQUAL(e->u.close.skipped_bytes, 0);
	CU_ASSERT(e->u.close.bytes_toserver > 3 * MEG && e->u.close.bytes_toserver < 3 * MEG + 200);
	CU_ASSERT(e->u.close.bytes_toclient > 2 * MEG + 100 && e->u.close.bytes_toclient < 2 * MEG + 400);
	CU_ASSERT_EQUAL(count(&T, COUNTER_FAST_TLS), 1);
	talk_fini(&T);
}

/* What is resent, and what waits for a resend before it, is sent once. */
static void resends_are_no_more_bytes(void)
{
	const struct event *e;
	uint32_t from;

	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	greet(&T);
	from = T.seq[CLIENT];
	pass(&T, CLIENT, "NOOP one\r\n");
	for (unsigned i = 0; i < 3; i++)
		send_at(&T, CLIENT, from, TCP_ACK, "NOOP one\r\n", 10);
	send_at(&T, CLIENT, from + 20, TCP_ACK, "NOOP two\r\n", 10); /* is dropped: it lies behind a hole */
	pass(&T, CLIENT, "NOOP now\r\n");
	pass(&T, CLIENT, "NOOP two\r\n");
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_FIN | TCP_ACK, NULL, 0);
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_FIN | TCP_ACK, NULL, 0);
	e = nth(EVENT_CLOSE, 0);
	CU_ASSERT_EQUAL(e->u.close.bytes_toserver, T.seq[CLIENT] - 1 - 0xfffffff1);
	talk_fini(&T);
}

/* Some servers go on in clear when TLS has failed; what the client has said meanwhile, nobody knows. */
static void an_alert_is_no_tls(void)
{
	static const char alert[] = "\x15\x03\x03\x00\x02\x02\x32";

	begin_tls();
	say_bytes(&T, SERVER, alert, sizeof(alert) - 1);
	path_is(PATH_QUEUE);
	pass(&T, SERVER, "454 TLS connection failed\r\n");
	path_is(PATH_QUEUE);
	CU_ASSERT_PTR_NULL(event_nth(&T, EVENT_TLS, 0));
	nothing_is_odd();
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, bad_rcpt));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

/* The ports of a connection under TLS, used again: the kernel may go on with its mark. */
static void ports_used_again_are_read(void)
{
	begin_tls();
	say_bytes(&T, SERVER, server_record, sizeof(server_record) - 1);
	path_is(PATH_SEALED);
	send_at(&T, CLIENT, T.seq[CLIENT], TCP_RST, NULL, 0);
	T.seq[CLIENT] += 70000;
	T.seq[SERVER] += 90000;
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_SYN, NULL, 0);
	path_is(PATH_QUEUE);
	send_at(&T, CLIENT, T.seq[CLIENT] - 70001, TCP_RST, NULL, 0); /* late, of the old one */
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_SYN | TCP_ACK, NULL, 0);
	path_is(PATH_QUEUE);
	pass(&T, SERVER, "220 mx.example.org ESMTP\r\n");
	path_is(PATH_QUEUE);
	pass(&T, CLIENT, "EHLO isp.example\r\n");
	pass(&T, SERVER, "250 mx.example.org\r\n");
	still_refuses();
	CU_ASSERT_EQUAL(count(&T, COUNTER_FLOWS_MIDSTREAM), 0);
	talk_fini(&T);
}

static void captures_have_no_path(void)
{
	talk_init_sized(&T, MODE_ENFORCE, ACTION_ALERT, 1, 64, 1024);
	take_policy(trusting(MODE_ENFORCE, WATCH_NONE, true));
	greet(&T);
	envelope();
	pass(&T, SERVER, "354 go\r\n");
	path_is(PATH_QUEUE);
	talk_fini(&T);
}

/* ---- how long ------------------------------------------------------------------------------------- */

static unsigned asked;

static uint32_t kernel_left(void *arg, const struct event_connection *conn)
{
	CU_ASSERT_PTR_EQUAL(arg, &left_s);
	CU_ASSERT_EQUAL(conn->dport, 25);
	asked++;
	return left_s;
}

static void wait_s(uint32_t seconds)
{
	T.now_us += (uint64_t)seconds * SECOND;
	inspect_tick(T.inspect, T.now_us);
	take_events(&T);
}

static void begin_asking(void)
{
	struct inspect_settings s;

	talk_init(&T, MODE_ENFORCE, ACTION_ALERT);
	inspect_free(T.inspect);
	inspect_settings_default(&s, 0);
	s.flows = 64;
	s.pages = s.commands = s.edits = 64;
	s.kernel_left_s = kernel_left;
	s.kernel_arg = &left_s;
	T.inspect = inspect_new(&s, T.ring, T.policy);
	take_policy(trusting(MODE_ENFORCE, WATCH_NONE, true));
	asked = 0;
}

static void lives_while_the_kernel_sees_packets(void)
{
	begin_asking();
	open_body();
	left_s = 432000;
	wait_s(3600); /* nobody knows yet */
	CU_ASSERT(asked == 1 && inspect_flow_count(T.inspect) == 1);
	wait_s(1800);
	CU_ASSERT_EQUAL(asked, 1);
	left_s = 432000 - 3000; /* 3000 s ago */
	wait_s(1800);
	CU_ASSERT(asked == 2 && inspect_flow_count(T.inspect) == 1);
	left_s -= 3600; /* no more */
	wait_s(3600);
	CU_ASSERT(asked == 3 && inspect_flow_count(T.inspect) == 0);
	CU_ASSERT_EQUAL(nth(EVENT_CLOSE, 0)->u.close.state, STATE_TIMEOUT);
	talk_fini(&T);

	begin_asking();
	open_body();
	left_s = 0; /* it has forgotten the connection */
	wait_s(3600);
	CU_ASSERT(asked == 1 && inspect_flow_count(T.inspect) == 0);
	talk_fini(&T);

	begin_asking(); /* not on the fast path */
	greet(&T);
	wait_s(3600);
	CU_ASSERT(asked == 0 && inspect_flow_count(T.inspect) == 0);
	talk_fini(&T);
}

/* ---- what is believed of bytes that nobody has seen ------------------------------------------------ */

static int kernel_says;

static int kernel_closes(void *arg, const struct event_connection *conn)
{
	(void)conn;
	CU_ASSERT_PTR_EQUAL(arg, &left_s);
	asked++;
	return kernel_says;
}

static void begin_sealed(bool can_ask)
{
	begin_tls_with(can_ask);
	say_bytes(&T, SERVER, server_record, sizeof(server_record) - 1);
	path_is(PATH_SEALED);
	asked = 0;
}

static void end_as(uint64_t least, uint64_t most)
{
	const struct event *e;

	wait_s(7200);
	e = nth(EVENT_CLOSE, 0);
	CU_ASSERT(e->u.close.bytes_toserver >= least && e->u.close.bytes_toserver <= most);
	talk_fini(&T);
}

/* Who ends TLS with a reset has sent as much as who ends it with a FIN, if the kernel has believed it. */
static void a_reset_tells_what_was_sent(void)
{
	begin_sealed(true);
	kernel_says = 1;
	send_at(&T, CLIENT, T.seq[CLIENT] + 3 * MEG, TCP_RST, NULL, 0);
	CU_ASSERT_EQUAL(asked, 1);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 0);
	end_as(3 * MEG, 3 * MEG + 200);

	begin_sealed(true);
	kernel_says = 0; /* nobody knows who has written it */
	send_at(&T, CLIENT, T.seq[CLIENT] + 3 * MEG, TCP_RST, NULL, 0);
	send_at(&T, CLIENT, T.seq[CLIENT] + 9 * MEG, TCP_FIN | TCP_ACK, NULL, 0);
	CU_ASSERT_EQUAL(asked, 2);
	kernel_says = 1; /* nor is it asked about what comes within a connection */
	send_at(&T, CLIENT, T.seq[CLIENT] + 9 * MEG, TCP_ACK, "x", 1);
	CU_ASSERT_EQUAL(asked, 2);
	end_as(1, 200);

	begin_sealed(false); /* a kernel that cannot be asked */
	send_at(&T, CLIENT, T.seq[CLIENT] + 3 * MEG, TCP_RST, NULL, 0);
	end_as(1, 200);
	begin_sealed(true); /* or does not know */
	kernel_says = -1;
	send_at(&T, CLIENT, T.seq[CLIENT] + 3 * MEG, TCP_FIN | TCP_ACK, NULL, 0);
	end_as(3 * MEG, 3 * MEG + 200);
}

/* What the server sent before it knew of the reset is no new connection; what begins with a SYN is one. */
static void a_reset_and_what_is_on_its_way(void)
{
	begin_sealed(true);
	kernel_says = 1;
	send_at(&T, CLIENT, T.seq[CLIENT], TCP_RST, NULL, 0);
	send_at(&T, SERVER, T.seq[SERVER] + 500, TCP_FIN | TCP_ACK, server_record, sizeof(server_record) - 1);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 0);
	CU_ASSERT_EQUAL(count(&T, COUNTER_FLOWS_MIDSTREAM), 0);
	send_at(&T, CLIENT, T.seq[CLIENT] + 70000, TCP_SYN, NULL, 0);
	CU_ASSERT_EQUAL(inspect_flow_count(T.inspect), 1);
	talk_fini(&T);
}

/* A little is believed without asking. */
static void a_short_session_asks_nobody(void)
{
	begin_sealed(true);
	send_at(&T, CLIENT, T.seq[CLIENT] + 10000, TCP_FIN | TCP_ACK, NULL, 0);
	CU_ASSERT_EQUAL(asked, 0);
	end_as(10000, 10200);
}

SUITE("inspect fast", { "resends", resends_are_no_more_bytes },
        { "reset under TLS", a_reset_tells_what_was_sent },
        { "behind a reset", a_reset_and_what_is_on_its_way },
        { "short under TLS", a_short_session_asks_nobody },
        { "goes on behind a body", goes_on_behind_a_body }, { "trust", only_of_trusted_ones },
        { "midstream", only_where_the_start_was_seen }, { "relaying", reads_mail_that_relays },
        { "64k", reads_the_first_64k }, { "queued before", a_body_that_was_queued_is_read },
        { "end of trust", the_end_of_trust_counts_at_once }, { "354 again", a_resend_of_the_server_passes },
        { "4 GiB", counts_up_to_4_gib }, { "server ends", counts_at_the_end_of_the_server },
        { "forged numbers", numbers_of_others_mean_nothing }, { "QUIT", quit_behind_the_end },
        { "QUIT on its own", quit_on_its_own }, { "hidden", hidden_mail_is_reset },
        { "hidden, in turn", hidden_mail_answered_in_turn }, { "hidden, later", hidden_behind_the_reply },
        { "hidden, and visible", hidden_behind_visible_ones }, { "monitor", monitor_mode_tells_and_reads_on },
        { "holes", commands_beyond_a_hole }, { "last chunk", the_last_chunk },
        { "other chunks", other_chunks_are_read }, { "behind chunks", behind_the_last_chunk },
        { "TLS", tls_leaves_when_both_speak_it }, { "alert", an_alert_is_no_tls },
        { "ports again", ports_used_again_are_read }, { "offline", captures_have_no_path },
        { "idle", lives_while_the_kernel_sees_packets })
