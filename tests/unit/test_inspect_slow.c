/* test_inspect_slow.c - which of the server's packets are held back, whose, and when they are let go. */
#include "inspect_talk.h"

#include "policy/sentence.h"

static const char denied[] = "554 5.7.1 Relay access denied\r\n";
static const char unknown[] = "550 5.1.1 User unknown\r\n";
static const char bare_user[] = "RCPT TO:<nobody@example.org>\r\n";
static const char good[] = "RCPT TO:<g@example.org>\r\n";
static const char ok[] = "250 2.1.5 Ok\r\n";

static struct sentences *sentences;

static void sentence(const char *source, enum action action)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 1 };
	struct prefix p;

	if (!sentences)
		sentences = sentences_new(8, key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(sentences);
	sentences_lift_all(sentences);
	CU_ASSERT_EQUAL_FATAL(prefix_parse(source, &p), 0);
	CU_ASSERT_EQUAL_FATAL(sentences_set(sentences, &p, action, UINT64_MAX), 0);
	talk_sentences = sentences;
}

static void over(void)
{
	talk_fini(&T);
	talk_sentences = talk_orders = NULL;
}

/* What the watch has ordered about a source, in place of what lists say. */
static void order(const char *source, enum action action)
{
	sentence(source, action);
	talk_orders = talk_sentences;
	talk_sentences = NULL;
}

/* The server's next words are held so long; 0 = they pass at once. Unchanged either way. */
static void replies(const char *text, unsigned hold_ms)
{
	pass(&T, SERVER, text);
	CU_ASSERT_EQUAL(T.verdict.hold_ms, hold_ms);
	CU_ASSERT_EQUAL(T.verdict.let_go, 0);
}

/* What tap does when the time of the packet held last has come. */
static void goes(unsigned held_ms)
{
	inspect_let_go(T.inspect, T.verdict.hold_ref, held_ms);
}

static void begin(enum action action)
{
	talk_init(&T, MODE_ENFORCE, action);
	greet(&T);
}

static void a_foreign_recipient(void)
{
	const struct event *e;

	begin(ACTION_SLOW);
	pass(&T, CLIENT, good);
	replies(ok, 0);
	pass(&T, CLIENT, bad_rcpt);
	replies(denied, SLOW_HOLD_MS);
	e = event_nth(&T, EVENT_RCPT, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.action, ACTION_SLOW);
	CU_ASSERT_EQUAL(e->u.rcpt.would, ACTION_SLOW);
	CU_ASSERT_EQUAL(e->u.rcpt.hold_ms, SLOW_HOLD_MS);
	CU_ASSERT_EQUAL(e->u.rcpt.sentence, 0);
	CU_ASSERT_EQUAL(e->u.rcpt.outcome, OUTCOME_REFUSED_BY_SERVER);
	CU_ASSERT_EQUAL(count(&T, COUNTER_RCPT_REFUSED_BY_US), 0);
	goes(SLOW_HOLD_MS);
	/* from then on, whatever is refused; and the mail to the good one goes through */
	pass(&T, CLIENT, bare_user);
	replies(unknown, SLOW_HOLD_MS);
	goes(3000);
	pass(&T, CLIENT, "DATA\r\n");
	replies("354 go\r\n", 0);
	pass(&T, CLIENT, "x\r\n.\r\n");
	replies("250 queued\r\n", 0);
	close_both(&T);
	e = event_nth(&T, EVENT_CLOSE, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.close.held, 2);
	CU_ASSERT_EQUAL(e->u.close.held_ms, SLOW_HOLD_MS + 3000);
	over();
}

static void an_accepted_one_is_only_told(void)
{
	const struct event *e;

	begin(ACTION_SLOW);
	pass(&T, CLIENT, bad_rcpt);
	replies(ok, 0);
	e = event_nth(&T, EVENT_RCPT, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.action, ACTION_ALERT);
	CU_ASSERT_EQUAL(e->u.rcpt.would, ACTION_ALERT);
	CU_ASSERT_EQUAL(e->u.rcpt.outcome, OUTCOME_ACCEPTED);
	over();
}

static void in_monitor_mode_it_is_told(void)
{
	const struct event *e;

	sentence("198.51.100.7", ACTION_SLOW);
	talk_init(&T, MODE_MONITOR, ACTION_SLOW);
	greet(&T);
	pass(&T, CLIENT, bad_rcpt);
	replies(denied, 0);
	e = event_nth(&T, EVENT_RCPT, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.action, ACTION_ALERT);
	CU_ASSERT_EQUAL(e->u.rcpt.would, ACTION_SLOW);
	CU_ASSERT_EQUAL(e->u.rcpt.hold_ms, 0);
	over();
}

static void the_list_is_named(void)
{
	const struct event *e;
	struct prefix p;

	sentence("198.51.100.7", ACTION_SLOW);
	CU_ASSERT_EQUAL_FATAL(prefix_parse("198.51.100.7", &p), 0);
	CU_ASSERT_EQUAL(sentences_set_listed(sentences, &p, ACTION_SLOW, 3, UINT64_MAX), 0);
	begin(ACTION_ALERT);
	pass(&T, CLIENT, good);
	replies(ok, 0);
	pass(&T, CLIENT, bare_user);
	replies(unknown, SLOW_HOLD_MS);
	e = event_nth(&T, EVENT_RCPT, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.sentence, 0);
	e = event_nth(&T, EVENT_RCPT, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.action, ACTION_SLOW);
	CU_ASSERT_EQUAL(e->u.rcpt.sentence, 1 + 3);
	over();
}

static void a_sentenced_source(void)
{
	sentence("198.51.100.0/24", ACTION_SLOW);
	begin(ACTION_ALERT);
	pass(&T, CLIENT, bare_user);
	replies(unknown, SLOW_HOLD_MS);
	goes(SLOW_HOLD_MS);
	pass(&T, CLIENT, "VRFY root\r\n");
	replies("502 no\r\n", SLOW_HOLD_MS);
	goes(SLOW_HOLD_MS);
	pass(&T, CLIENT, "AUTH PLAIN AHgAeA==\r\n");
	replies("535 5.7.8 Error\r\n",
	        SLOW_SESSION_MS - 2 * SLOW_HOLD_MS); /* what is left for a connection */
	goes(SLOW_SESSION_MS - 2 * SLOW_HOLD_MS);
	pass(&T, CLIENT, bare_user);
	replies(unknown, 0);
	over();
	sentence("198.51.100.8", ACTION_SLOW); /* somebody else */
	begin(ACTION_ALERT);
	pass(&T, CLIENT, bare_user);
	replies(unknown, 0);
	over();
	sentence("198.51.100.7", ACTION_DROP); /* something else */
	begin(ACTION_ALERT);
	pass(&T, CLIENT, bare_user);
	replies(unknown, 0);
	over();
}

/* Of clients of ours, too; of servers, and whom somebody shields, nobody. */
static void an_order_of_the_watch(void)
{
	static const struct {
		const char *client;
		unsigned hold_ms;
	} cases[] = { { "198.51.100.7", SLOW_HOLD_MS }, { "192.168.7.7", SLOW_HOLD_MS },
		{ POLICY_SERVER6, 0 } };

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		order(i == 2 ? "fd00::/16" : cases[i].client, ACTION_SLOW);
		talk_init(&T, MODE_ENFORCE, ACTION_ALERT);
		T.client = cases[i].client;
		if (i == 2)
			T.server = "fd00::20";
		greet(&T);
		pass(&T, CLIENT, bare_user);
		replies(unknown, cases[i].hold_ms);
		over();
	}
}

static void our_refusals_as_well(void)
{
	const char *got;

	sentence("198.51.100.7", ACTION_SLOW);
	begin(ACTION_REFUSE_RECIPIENT);
	say(&T, CLIENT, bad_rcpt);
	got = say(&T, SERVER, no_verb);
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, masked);
	CU_ASSERT_EQUAL(T.verdict.hold_ms, SLOW_HOLD_MS);
	CU_ASSERT(T.verdict.edit_count > 0);
	over();
	sentence("198.51.100.7", ACTION_SLOW);
	begin(ACTION_DEFER_RECIPIENT); /* the client reads 450, which it is to come back for */
	say(&T, CLIENT, bad_rcpt);
	say(&T, SERVER, no_verb);
	CU_ASSERT_EQUAL(T.verdict.hold_ms, 0);
	over();
}

static void never_ours(void)
{
	sentence("192.168.0.0/16", ACTION_SLOW);
	talk_init(&T, MODE_ENFORCE, ACTION_SLOW);
	T.client = "192.168.7.7";
	greet(&T);
	pass(&T, CLIENT, bad_rcpt);
	replies(denied, 0);
	over();
	sentence("198.51.100.7", ACTION_SLOW);
	begin(ACTION_SLOW);
	pass(&T, CLIENT, "AUTH PLAIN AHgAeA==\r\n");
	replies("235 2.7.0 Ok\r\n", 0);
	pass(&T, CLIENT, bare_user);
	replies(unknown, 0);
	over();
}

static void never_the_end_of_data(void)
{
	const struct event *e;

	sentence("198.51.100.7", ACTION_SLOW);
	begin(ACTION_ALERT);
	pass(&T, CLIENT, good);
	replies(ok, 0);
	pass(&T, CLIENT, "DATA\r\n");
	replies("354 go\r\n", 0);
	pass(&T, CLIENT, "x\r\n.\r\n");
	replies("550 5.7.1 spam\r\n", 0);
	/* in one packet with it, before and behind */
	pass(&T, CLIENT, "MAIL FROM:<b@isp.example>\r\nRCPT TO:<g@example.org>\r\n");
	replies("250 ok\r\n250 ok\r\n", 0);
	pass(&T, CLIENT, "RCPT TO:<nobody@example.org>\r\nBDAT 3 LAST\r\nx\r\nVRFY root\r\n");
	replies("550 unknown\r\n250 queued\r\n502 no\r\n", 0);
	e = event_nth(&T, EVENT_RCPT, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.reply.code, 550);
	CU_ASSERT_EQUAL(e->u.rcpt.hold_ms, 0);
	pass(&T, CLIENT, "VRFY root\r\n");
	replies("502 no\r\n", SLOW_HOLD_MS);
	over();
}

static void nor_what_is_no_refusal(void)
{
	sentence("198.51.100.7", ACTION_SLOW);
	talk_init(&T, MODE_ENFORCE, ACTION_ALERT);
	handshake(&T);
	replies("554 no mail here\r\n", 0); /* the greeting */
	over();
	sentence("198.51.100.7", ACTION_SLOW);
	begin(ACTION_ALERT);
	pass(&T, CLIENT, bare_user);
	replies("450 4.2.0 greylisted\r\n", 0);
	pass(&T, CLIENT, bare_user);
	replies("550-unknown\r\n", 0); /* its first half passes */
	replies("550 indeed\r\n", SLOW_HOLD_MS);
	goes(1);
	pass(&T, CLIENT, "QUIT\r\n");
	replies("221 bye\r\n", 0);
	over();
}

/* ---- while something is held --------------------------------------------------------------------- */

static void begin_holding(void)
{
	sentence("198.51.100.7", ACTION_SLOW);
	begin(ACTION_ALERT);
	pass(&T, CLIENT, bare_user);
	replies(unknown, SLOW_HOLD_MS);
}

static void copies_and_later_ones_wait(void)
{
	uint32_t held = T.ticket, seq;
	uint64_t ref;

	begin_holding();
	held = T.ticket;
	ref = T.verdict.hold_ref;
	seq = T.seq[SERVER];
	/* sent again, alone and with what comes behind */
	CU_ASSERT_PTR_NULL(send_at(
	        &T, SERVER, seq - (uint32_t)strlen(unknown), TCP_ACK, unknown, (uint32_t)strlen(unknown)));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_DROP);
	pass(&T, CLIENT, "NOOP\r\n");
	CU_ASSERT_PTR_NULL(say(&T, SERVER, "250 ok\r\n"));
	CU_ASSERT_PTR_NULL(send_at(&T, SERVER, T.seq[SERVER], TCP_ACK | TCP_FIN, NULL, 0));
	/* an acknowledgement, and what was lost before */
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, SERVER, seq, TCP_ACK, NULL, 0));
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, SERVER,
	        seq - (uint32_t)(strlen(unknown) + strlen("250 2.1.0 Ok\r\n")), TCP_ACK, "250 2", 5));
	CU_ASSERT_EQUAL(T.verdict.let_go, 0);
	inspect_let_go(T.inspect, ref, SLOW_HOLD_MS);
	/* now they pass, and are read */
	T.seq[SERVER] = seq;
	CU_ASSERT_PTR_NOT_NULL(send_at(
	        &T, SERVER, seq - (uint32_t)strlen(unknown), TCP_ACK, unknown, (uint32_t)strlen(unknown)));
	replies("250 ok\r\n", 0);
	pass(&T, CLIENT, bare_user);
	replies(unknown, SLOW_HOLD_MS);
	CU_ASSERT_NOT_EQUAL(held, T.ticket);
	over();
}

static void who_leaves_lets_it_go(void)
{
	static const struct {
		enum side side;
		uint8_t flags;
	} ends[] = { { CLIENT, TCP_FIN | TCP_ACK }, { CLIENT, TCP_RST }, { SERVER, TCP_RST | TCP_ACK } };
	unsigned i;

	for (i = 0; i < 3; i++) {
		uint32_t held;

		begin_holding();
		held = T.ticket;
		CU_ASSERT_PTR_NOT_NULL(
		        send_at(&T, ends[i].side, T.seq[ends[i].side], ends[i].flags, NULL, 0));
		CU_ASSERT_EQUAL(T.verdict.let_go, 1);
		CU_ASSERT_EQUAL(T.verdict.let_go_ticket, held);
		over();
	}
}

static void an_end_of_data_lets_it_go(void)
{
	uint32_t held;
	uint64_t ref;

	sentence("198.51.100.7", ACTION_SLOW);
	begin(ACTION_ALERT);
	pass(&T, CLIENT, good);
	replies(ok, 0);
	pass(&T, CLIENT, bare_user);
	replies(unknown, SLOW_HOLD_MS);
	held = T.ticket;
	ref = T.verdict.hold_ref;
	pass(&T, CLIENT, "BDAT 3 LAST\r\nx\r\n"); /* without waiting for it */
	pass(&T, SERVER, "250 queued\r\n");
	CU_ASSERT_EQUAL(T.verdict.let_go, 1);
	CU_ASSERT_EQUAL(T.verdict.let_go_ticket, held);
	CU_ASSERT_EQUAL(T.verdict.hold_ms, 0);
	inspect_let_go(T.inspect, ref, 100);
	over();
}

static void our_reset_lets_it_go(void)
{
	uint32_t held;

	sentence("198.51.100.7", ACTION_SLOW);
	begin(ACTION_RESET);
	pass(&T, CLIENT, bare_user);
	replies(unknown, SLOW_HOLD_MS);
	held = T.ticket;
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, bad_rcpt));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	CU_ASSERT_EQUAL(T.verdict.let_go, 1);
	CU_ASSERT_EQUAL(T.verdict.let_go_ticket, held);
	over();
}

/* Told about a connection that is over, or was never there. */
static void too_late(void)
{
	begin_holding();
	while (inspect_finish(T.inspect, T.now_us) > 0)
		;
	goes(5);
	inspect_let_go(T.inspect, 12345, 5);
	over();
	sentences_free(sentences);
	sentences = NULL;
}

SUITE("inspect_slow", { "a foreign recipient", a_foreign_recipient },
        { "an accepted one is only told", an_accepted_one_is_only_told },
        { "in monitor mode it is told", in_monitor_mode_it_is_told },
        { "a sentenced source", a_sentenced_source }, { "an order of the watch", an_order_of_the_watch },
        { "the list is named", the_list_is_named }, { "our refusals as well", our_refusals_as_well },
        { "never ours", never_ours }, { "never the end of data", never_the_end_of_data },
        { "nor what is no refusal", nor_what_is_no_refusal },
        { "copies and later ones wait", copies_and_later_ones_wait },
        { "who leaves lets it go", who_leaves_lets_it_go },
        { "an end of data lets it go", an_end_of_data_lets_it_go },
        { "our reset lets it go", our_reset_lets_it_go }, { "too late", too_late })
