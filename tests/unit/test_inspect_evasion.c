/* test_inspect_evasion.c - ways of a stranger to have a foreign recipient pass unread.
 *
 * In each, the client does something no honest one does, so that the engine should lose a connection
 * which really goes on. None may bring RCPT to the server.
 */
#include "inspect_talk.h"

#define CHECK_TEXT(got, wanted)                                                                              \
	do {                                                                                                 \
		const char *got_ = (got);                                                                    \
		CU_ASSERT(got_ &&strcmp(got_, wanted) == 0);                                                 \
	} while (0)

static void begin(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
}

static void still_refused(void)
{
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	CU_ASSERT_EQUAL(count(&T, COUNTER_FLOWS), 1);
	talk_fini(&T);
}

static void acknowledging_what_was_never_sent(void)
{
	int i;

	begin();
	greet(&T);
	T.seq[SERVER] += 1000;
	for (i = 0; i < 20; i++) {
		CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, T.seq[CLIENT], TCP_ACK, "NOOP\r\n", 6));
		CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, T.seq[CLIENT], TCP_ACK | TCP_FIN, NULL, 0));
	}
	T.seq[SERVER] -= 1000;
	still_refused();
}

static void another_syn(void)
{
	static const uint32_t away[] = { 1, 777, (uint32_t)-777, 1u << 31, 100000 };
	unsigned i;

	for (i = 0; i < sizeof(away) / sizeof(away[0]); i++) {
		begin();
		greet(&T);
		send_at(&T, CLIENT, T.seq[CLIENT] + away[i], TCP_SYN, NULL, 0);
		send_at(&T, SERVER, T.seq[SERVER] + away[i], TCP_SYN, NULL, 0);
		CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT); /* it is the server's to answer */
		still_refused();
	}
}

static void two_syns_before_the_server_answers(void)
{
	begin();
	send_at(&T, CLIENT, T.seq[CLIENT], TCP_SYN, NULL, 0);
	send_at(&T, CLIENT, T.seq[CLIENT] + 100000, TCP_SYN, NULL, 0);
	T.seq[CLIENT]++;
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_SYN | TCP_ACK, NULL, 0);
	pass(&T, SERVER, "220 x\r\n");
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "MAIL FROM:<a@i>\r\n"));
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, bad_rcpt));
	talk_fini(&T);
}

static void a_syn_ack_does_not_turn_the_roles(void)
{
	begin();
	send_at(&T, CLIENT, 99, TCP_SYN | TCP_ACK, NULL, 0);
	T.now_us += SECOND;
	greet(&T);
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	talk_fini(&T);
}

static void a_cookie_made_anew_is_no_evasion(void)
{
	begin();
	send_at(&T, CLIENT, T.seq[CLIENT]++, TCP_SYN, NULL, 0);
	send_at(&T, SERVER, 77, TCP_SYN | TCP_ACK, NULL, 0);
	send_at(&T, SERVER, T.seq[SERVER]++, TCP_SYN | TCP_ACK, NULL, 0);
	pass(&T, SERVER, "220 x\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250 x\r\n");
	still_refused();
}

static void a_reset_that_the_server_does_not_believe(void)
{
	unsigned i;

	begin();
	greet(&T);
	for (i = 0; i < 290; i++) {
		if (i % 50 == 0)
			send_at(&T, CLIENT, T.seq[CLIENT] + i, TCP_RST, NULL, 0);
		T.now_us += SECOND;
		inspect_tick(T.inspect, T.now_us);
	}
	still_refused();
}

static void fins_out_of_place(void)
{
	begin();
	greet(&T);
	send_at(&T, CLIENT, T.seq[CLIENT] - 5, TCP_FIN | TCP_ACK, NULL, 0);
	send_at(&T, SERVER, T.seq[SERVER] - 5, TCP_FIN | TCP_ACK, NULL, 0);
	send_at(&T, CLIENT, T.seq[CLIENT] + 5, TCP_FIN | TCP_ACK, NULL, 0);
	send_at(&T, SERVER, T.seq[SERVER] + 5, TCP_FIN | TCP_ACK, NULL, 0);
	pass(&T, CLIENT, "NOOP\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	still_refused();
}

/* ---- in bodies ----------------------------------------------------------------------------- */

static void body(void)
{
	pass(&T, CLIENT, "RCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n");
	pass(&T, CLIENT, "DATA\r\n");
	pass(&T, SERVER, "354 ok\r\n");
}

static const char next_mail[] =
        "\r\n.\r\nMAIL FROM:<a@i>\r\nRCPT TO:<x@foreign.test>\r\nDATA\r\nspam\r\n.\r\n";

static void behind_a_hole_in_a_body(void)
{
	begin();
	greet(&T);
	body();
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, CLIENT, T.seq[CLIENT] + 5, TCP_ACK, next_mail, strlen(next_mail)));
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "hello"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET); /* the server never saw the end of data */
	talk_fini(&T);
}

static void behind_two_holes_in_a_body(void)
{
	static const char ends[] = "\r\n.\r\n", foreign[] = "\nRCPT TO:<x@foreign.test>\r\n";
	uint32_t at, between;

	begin();
	greet(&T);
	body();
	at = T.seq[CLIENT];
	between = at + 5 + (uint32_t)strlen(ends);
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, CLIENT, at + 5, TCP_ACK, ends, strlen(ends)));
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, CLIENT, between + 16, TCP_ACK, foreign, strlen(foreign)));
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, CLIENT, at, TCP_ACK, "hello", 5));
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, between, TCP_ACK, "MAIL FROM:<a@i>\r", 16));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_DROP); /* the end of data waits for its reply */
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, between, TCP_ACK, "MAIL FROM:<a@i>\r", 16));
	pass(&T, SERVER, "250 queued\r\n");
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, between, TCP_ACK, "MAIL FROM:<a@i>\r", 16));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

static void resends_that_can_no_longer_be_compared(void)
{
	static char piece[1001];
	uint32_t start;
	int i;

	begin();
	greet(&T);
	body();
	start = T.seq[CLIENT];
	memset(piece, 'x', 1000);
	for (i = 0; i < 400; i++)
		pass(&T, CLIENT, piece);
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, CLIENT, start, TCP_ACK, piece, 1000));
	memset(piece, 'y', 1000);
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, CLIENT, start, TCP_ACK, piece, 1000));
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, start, TCP_ACK, next_mail, strlen(next_mail)));
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, start, TCP_ACK, ".", 1));
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, start, TCP_ACK, "x\n.", 3));
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, start, TCP_ACK, ".\rx", 3));
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, start, TCP_ACK, "x\r\n.\0y", 6)); /* ends it at OpenSMTPD */
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, start, TCP_ACK, "\n\0.\n", 4));
	CU_ASSERT_PTR_NOT_NULL(send_at(&T, CLIENT, start, TCP_ACK, "a.b..c\r\n..d", 11));
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, start - 3, TCP_ACK, piece, 1000)); /* began before */
	pass(&T, CLIENT, "\r\n.\r\n");
	CU_ASSERT_PTR_NULL(send_at(&T, CLIENT, start, TCP_ACK, piece, 1000)); /* no body now */
	talk_fini(&T);
}

/* ---- what can't be edited ------------------------------------------------------------------ */

static void typed_without_brackets(void)
{
	static const char bare[] = "RCPT TO:x@foreign.test\r\n";
	size_t i;

	begin();
	greet(&T);
	for (i = 0; bare[i] != '\r'; i++) {
		const char one[2] = { bare[i], '\0' };

		pass(&T, CLIENT, one);
	}
	CHECK_TEXT(say(&T, CLIENT, "\r"), "<");
	pass(&T, CLIENT, "\n");
	CHECK_TEXT(say(&T, SERVER, no_verb), masked);
	talk_fini(&T);

	begin();
	greet(&T);
	pass(&T, CLIENT, "RCPT TO:x@example.org\r");
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, ".foreign.test\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);

	begin();
	greet(&T);
	pass(&T, CLIENT, "RCPT TO:x@foreign.test");
	CHECK_TEXT(say(&T, CLIENT, "\r\n"), "<\n");
	talk_fini(&T);
}

static void more_recipients_than_a_verdict_holds(void)
{
	static char many[300 * sizeof(bad_rcpt)];
	const char *got;
	unsigned i;

	for (i = 0; i < 200; i++)
		strcat(many, bad_rcpt);
	begin();
	greet(&T);
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, many));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);

	begin();
	greet(&T);
	body();
	pass(&T, CLIENT, "hello\r\n.\r\nMAIL FROM:<a@i>\r\n");
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, many));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_DROP); /* the end of data waits for its reply */
	pass(&T, SERVER, "250 queued\r\n");
	got = send_at(&T, CLIENT, T.seq[CLIENT], TCP_ACK, "x", 1);
	CU_ASSERT(got == NULL && T.verdict.kind == VERDICT_RESET);
	talk_fini(&T);
}

/* ---- what is not read as commands ---------------------------------------------------------- */

#define FOREIGN_MAIL "MAIL FROM:<a@i>\r\nRCPT TO:<x@foreign.test>\r\nDATA\r\n"

static const struct {
	const char *text;
	uint32_t len;
} blinders[] = {
#define B(text)                                                                                              \
	{                                                                                                    \
		text, sizeof(text) - 1                                                                       \
	}
	B("BDAT 12x\r\nRSET\r\n" FOREIGN_MAIL),
	B("BDAT 60\r\nRSET\r\n" FOREIGN_MAIL), /* never offered: the server reads on */
	B("STARTTLS\r\n\x16\x03\x01\x01\x00\r\nRSET\r\n" FOREIGN_MAIL),
	B("STARTTLS\r\n\x17\x03\x03\x40\x00\r\nRSET\r\n" FOREIGN_MAIL),
	B("STARTTLS\r\nRSET\r\n" FOREIGN_MAIL),
	B("DATA\r\nRSET\r\n" FOREIGN_MAIL), /* refused: there is no recipient */
#undef B
};

static void commands_behind_a_blind(void)
{
	unsigned i;
	const char *got;

	for (i = 0; i < sizeof(blinders) / sizeof(blinders[0]); i++) {
		begin();
		greet(&T);
		CU_ASSERT_PTR_NULL(say_bytes(&T, CLIENT, blinders[i].text, blinders[i].len));
		CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
		talk_fini(&T);

		talk_init(&T, MODE_ENFORCE, ACTION_ALERT); /* nothing to be refused */
		greet(&T);
		got = say_bytes(&T, CLIENT, blinders[i].text, blinders[i].len);
		CU_ASSERT(got && memcmp(got, blinders[i].text, blinders[i].len) == 0);
		talk_fini(&T);
	}
}

/* Bytes behind STARTTLS make it uncertain which reply is whose, so none is rewritten any more; and this server says
 * yes to a command that it does not know. */
static void a_yes_that_nobody_rewrites(void)
{
	unsigned rcpts, i;

	for (rcpts = 1; rcpts <= 4;
	        rcpts += 3) { /* spoiled; behind max-refusals, another command in its place */
		begin();
		greet(&T);
		for (i = 0; i < rcpts; i++)
			CU_ASSERT_PTR_NOT_NULL(say(&T, CLIENT, bad_rcpt));
		pass(&T, CLIENT, "STARTTLS\r\nNOOP\r\n");
		for (i = 1; i < rcpts; i++)
			pass(&T, SERVER, "500 what?\r\n");
		pass(&T, SERVER, "250 fi");
		CU_ASSERT_PTR_NULL(say(&T, SERVER, "ne\r\n"));
		CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
		talk_fini(&T);
	}
}

static void tls_that_nobody_agreed_on(void)
{
	static const char text[] = "\x16\x03\x01\x40\x00\r\nHELO i\r\n" FOREIGN_MAIL;

	begin();
	handshake(&T);
	CU_ASSERT_PTR_NULL(say_bytes(&T, CLIENT, text, sizeof(text) - 1)); /* before the greeting */
	talk_fini(&T);

	begin();
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	CU_ASSERT_PTR_NULL(say_bytes(&T, CLIENT, text, sizeof(text) - 1));
	talk_fini(&T);
}

static void more_commands_than_can_be_kept(void)
{
	static char noops[6 * 1100 + 1];
	unsigned i;

	for (i = 0; i < 1100; i++)
		memcpy(noops + i * 6, "NOOP\r\n", 7);
	begin();
	greet(&T);
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, noops));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

static void more_behind_data_than_can_be_kept(void)
{
	static char noops[6 * 1000 + 1];
	unsigned i;

	for (i = 0; i < 1000; i++)
		memcpy(noops + i * 6, "NOOP\r\n", 7);
	begin();
	greet(&T);
	pass(&T, CLIENT, "DATA\r\n");
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, noops));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

static void honest_chunks_and_early_bodies_pass(void)
{
	begin();
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250-x\r\n250 CHUNKING\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@i>\r\nRCPT TO:<g@example.org>\r\nBDAT 8 LAST\r\nRCPT TO\n");
	pass(&T, SERVER, "250 ok\r\n250 ok\r\n250 ok\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@i>\r\nRCPT TO:<g@example.org>\r\nDATA\r\nhello\r\n.\r\n");
	pass(&T, SERVER, "250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n");
	CU_ASSERT_EQUAL(count(&T, COUNTER_RESET), 0);
	talk_fini(&T);
}

/* To a server whose lines end at CRLF alone the BDAT is the rest of a NOOP, and what follows is commands. */
static void chunks_behind_a_bare_lf(void)
{
	static const char *const texts[] = { "NOOP x\nBDAT 60\r\n" FOREIGN_MAIL,
		"BDAT 60\nNOOP\r\n" FOREIGN_MAIL };
	unsigned i;

	for (i = 0; i < 2; i++) {
		begin();
		handshake(&T);
		pass(&T, SERVER, "220 x\r\n");
		pass(&T, CLIENT, "EHLO i\r\n");
		pass(&T, SERVER, "250-x\r\n250 CHUNKING\r\n");
		CU_ASSERT_PTR_NULL(say(&T, CLIENT, texts[i]));
		CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
		talk_fini(&T);
	}
}

/* Servers differ in what counts as a number, or read it and no further (Exim, as 32 bits): then the chunk is longer
 * or shorter to them than to us. */
static void chunks_of_a_size_in_doubt(void)
{
	static const char *const texts[] = { "BDAT 13 foo\r\n", "BDAT 13LAST\r\n", "BDAT +13\r\n",
		"BDAT 0xd\r\n", "BDAT 4294967309\r\n", "BDAT 2147483648\r\n",
		"BDAT 0000000000000000000013\r\n" };
	unsigned i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		begin();
		handshake(&T);
		pass(&T, SERVER, "220 x\r\n");
		pass(&T, CLIENT, "EHLO i\r\n");
		pass(&T, SERVER, "250-x\r\n250 CHUNKING\r\n");
		say(&T, CLIENT, texts[i]);
		CU_ASSERT_PTR_NULL(say(&T, CLIENT, "BDAT 60\r\nab" FOREIGN_MAIL));
		CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
		talk_fini(&T);
	}
}

/* Some header of a proxy, as long as the text behind it, which a server that knows none reads on. */
static void commands_inside_a_proxy_header(void)
{
	static const char text[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x33\r\n" FOREIGN_MAIL;
	static const char end[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x15\r\nMAIL FROM:<a@i>\r\nRC";

	begin();
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	CU_ASSERT_PTR_NULL(say_bytes(&T, CLIENT, text, sizeof(text) - 1));
	talk_fini(&T);

	begin(); /* the same letters in the fixed part are no verb, however it is cut */
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	CU_ASSERT_PTR_NOT_NULL(say_bytes(&T, CLIENT, "\r\n\r\n\0\r\nQUIT\nRCPT", 16));
	CU_ASSERT_PTR_NOT_NULL(say(&T, CLIENT, "NOOP\r\n"));
	talk_fini(&T);

	begin(); /* its verb ends behind the header */
	handshake(&T);
	pass(&T, SERVER, "220 x\r\n");
	CU_ASSERT_PTR_NOT_NULL(say_bytes(&T, CLIENT, end, sizeof(end) - 1));
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "PT TO:<x@foreign.test>\r\n"));
	talk_fini(&T);
}

static void packets_cut_short(void)
{
	struct packet_spec spec = { .src = "198.51.100.7",
		.dst = "192.168.0.10",
		.dport = 25,
		.flags = TCP_ACK,
		.payload = "NOOP\r\n" };
	static uint8_t bytes[PACKET_ROOM];
	struct packet meta;

	begin();
	greet(&T);
	spec.sport = T.sport;
	spec.seq = T.seq[CLIENT];
	spec.ack = T.seq[SERVER];
	packet_build(&spec, bytes, &meta);
	meta.captured_bytes -= 3;
	inspect_packet(T.inspect, &meta, bytes, &T.verdict);
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_DROP);
	still_refused();
}

/* The server's system takes the byte before the urgent pointer out: RCXPT is RCPT to it. */
static void urgent_data(void)
{
	begin();
	greet(&T);
	send_at(&T, CLIENT, T.seq[CLIENT], TCP_ACK | TCP_URG, NULL, 0); /* announced before it comes */
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "RCXPT TO:<x@foreign.test>\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	CU_ASSERT_PTR_NOT_NULL(event_nth(&T, EVENT_ODD, 0));
	talk_fini(&T);

	begin();
	greet(&T);
	CU_ASSERT_PTR_NULL(
	        send_at(&T, CLIENT, T.seq[CLIENT], TCP_ACK | TCP_URG, "RCXPT TO:<x@foreign.test>\r\n", 27));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

static void a_flood_of_syns_evicts_itself(void)
{
	unsigned i;

	begin(); /* 64 flows */
	greet(&T);
	for (i = 0; i < 1000; i++) {
		T.sport = (uint16_t)(50000 + i);
		T.now_us++;
		send_at(&T, CLIENT, 1, TCP_SYN, NULL, 0);
		send_at(&T, SERVER, 1, TCP_SYN | TCP_ACK, NULL, 0);
	}
	T.sport = 40000;
	CU_ASSERT_EQUAL(count(&T, COUNTER_FLOWS_EVICTED), 1000 - 63);
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	talk_fini(&T);
}

static void another_policy_judges_open_connections(void)
{
	struct policy *other = policy_make(MODE_ENFORCE, ACTION_REFUSE_RECIPIENT), *empty = policy_new();

	policy_seal(empty);
	begin();
	greet(&T);
	inspect_set_policy(T.inspect, empty); /* no server of ours, monitor mode */
	pass(&T, CLIENT, bad_rcpt);
	inspect_set_policy(T.inspect, other);
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), "XXXX TO:<x@foreign.test>\r\n");
	talk_fini(&T);
	policy_free(other);
	policy_free(empty);
}

SUITE("inspect_evasion", { "acknowledging what was never sent", acknowledging_what_was_never_sent },
        { "another SYN", another_syn },
        { "two SYNs before the server answers", two_syns_before_the_server_answers },
        { "a SYN-ACK does not turn the roles", a_syn_ack_does_not_turn_the_roles },
        { "a cookie made anew is no evasion", a_cookie_made_anew_is_no_evasion },
        { "a reset that the server does not believe", a_reset_that_the_server_does_not_believe },
        { "FINs out of place", fins_out_of_place }, { "behind a hole in a body", behind_a_hole_in_a_body },
        { "behind two holes in a body", behind_two_holes_in_a_body },
        { "resends that can no longer be compared", resends_that_can_no_longer_be_compared },
        { "typed without brackets", typed_without_brackets },
        { "more recipients than a verdict holds", more_recipients_than_a_verdict_holds },
        { "commands behind a blind", commands_behind_a_blind },
        { "a yes that nobody rewrites", a_yes_that_nobody_rewrites },
        { "TLS that nobody agreed on", tls_that_nobody_agreed_on },
        { "more commands than can be kept", more_commands_than_can_be_kept },
        { "more behind DATA than can be kept", more_behind_data_than_can_be_kept },
        { "honest chunks and early bodies pass", honest_chunks_and_early_bodies_pass },
        { "chunks behind a bare LF", chunks_behind_a_bare_lf },
        { "chunks of a size in doubt", chunks_of_a_size_in_doubt },
        { "commands inside a PROXY header", commands_inside_a_proxy_header },
        { "packets cut short", packets_cut_short }, { "urgent data", urgent_data },
        { "a flood of SYNs evicts itself", a_flood_of_syns_evicts_itself },
        { "another policy judges open connections", another_policy_judges_open_connections })
