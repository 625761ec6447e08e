/* test_inspect_defer.c - transactions that are deferred: after too many refusals, after a refusal that the
 * server did not make, and by the actions between alert and reset. */
#include "inspect_talk.h"

#define CHECK_TEXT(got, wanted)                                                                              \
	do {                                                                                                 \
		const char *got_ = (got);                                                                    \
		CU_ASSERT(got_ &&strcmp(got_, wanted) == 0);                                                 \
	} while (0)

static const char decoy[] = "RCPT TO:<postmaster>    \r\n";
static const char spoiled[] = "XXXX TO:<x@foreign.test>\r\n";
static const char good[] = "RCPT TO:<g@example.org>\r\n";
static const char later[] = "451 4.7.1   \r\n"; /* in the room of the server's "250 2.0.0 Ok" */

static void begin(enum action action)
{
	talk_init(&T, MODE_ENFORCE, action);
	greet(&T);
	pass(&T, CLIENT, good);
	pass(&T, SERVER, "250 2.1.5 Ok\r\n");
}

static void refuse_three(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		CHECK_TEXT(say(&T, CLIENT, bad_rcpt), spoiled);
		CHECK_TEXT(say(&T, SERVER, no_verb), masked);
	}
}

static void is_deferred_at_data(void)
{
	const struct event *e;

	CHECK_TEXT(say(&T, CLIENT, "DATA\r\n"), "RSET\r\n");
	CHECK_TEXT(say(&T, SERVER, "250 2.0.0 Ok\r\n"), later);
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT);
	CU_ASSERT_EQUAL(count(&T, COUNTER_TX_DEFERRED_BY_US), 1);
	e = event_nth(&T, EVENT_DATA, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.data.reply.code, 451);
	CU_ASSERT_EQUAL(e->u.data.final, 0);
	e = event_nth(&T, EVENT_TX_END, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.tx_end.end, END_REFUSED);
}

static void the_next_mail_passes(void)
{
	pass(&T, CLIENT, "MAIL FROM:<b@isp.example>\r\n");
	pass(&T, SERVER, "250 2.1.0 Ok\r\n");
	pass(&T, CLIENT, good);
	pass(&T, SERVER, "250 2.1.5 Ok\r\n");
	pass(&T, CLIENT, "DATA\r\n");
	pass(&T, SERVER, "354 go\r\n");
	pass(&T, CLIENT, "x\r\n.\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	talk_fini(&T);
}

static void beyond_max_refusals(void)
{
	const struct event *e;
	int i;

	begin(ACTION_REFUSE_RECIPIENT);
	refuse_three();
	for (i = 0; i < 22; i++) {
		CHECK_TEXT(say(&T, CLIENT, bad_rcpt), decoy);
		CHECK_TEXT(say(&T, SERVER, "250 2.1.5 Ok\r\n"), "450 4.7.1   \r\n");
	}
	CU_ASSERT_EQUAL(count(&T, COUNTER_RCPT_REFUSED_BY_US), 25);
	e = event_nth(&T, EVENT_RCPT, 4);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(e->u.rcpt.reply.code, 450);
	CU_ASSERT_EQUAL(e->u.rcpt.outcome, OUTCOME_REFUSED_BY_US);
	CU_ASSERT_EQUAL(e->u.rcpt.action, ACTION_DEFER_RECIPIENT);
	CU_ASSERT_EQUAL(e->u.rcpt.would, ACTION_REFUSE_RECIPIENT);
	is_deferred_at_data();
	the_next_mail_passes();
}

static void all_of_it_pipelined(void)
{
	char commands[2048] = "", wanted[2048] = "", replies[2048] = "", got[2048] = "";
	int i;

	begin(ACTION_REFUSE_RECIPIENT);
	for (i = 0; i < 25; i++) {
		strcat(commands, bad_rcpt);
		strcat(wanted, i < 3 ? spoiled : decoy);
		strcat(replies, i < 3 ? no_verb : "250 2.1.5 Ok\r\n");
		strcat(got, i < 3 ? masked : "450 4.7.1   \r\n");
	}
	strcat(commands, "data\r\n");
	strcat(wanted, "RSET\r\n");
	strcat(replies, "250 2.0.0 Ok\r\n");
	strcat(got, later);
	CHECK_TEXT(say(&T, CLIENT, commands), wanted);
	CHECK_TEXT(send_at(&T, CLIENT, T.seq[CLIENT] - (uint32_t)strlen(commands), TCP_ACK, commands,
	                   (uint32_t)strlen(commands)),
	        wanted); /* sent again */
	CHECK_TEXT(say(&T, SERVER, replies), got);
	the_next_mail_passes();
}

static void data_in_any_pieces(void)
{
	static const char line[] = "DATA\r\n", sent[] = "RSET\r\n";
	unsigned cut, i;

	for (cut = 1; cut < sizeof(line) - 1; cut++) {
		begin(ACTION_REFUSE_RECIPIENT);
		refuse_three();
		CHECK_TEXT(say(&T, CLIENT, bad_rcpt), decoy);
		say(&T, SERVER, "250 2.1.5 Ok\r\n");
		for (i = 0; i < sizeof(line) - 1; i += cut) {
			unsigned n = i + cut < sizeof(line) ? cut : (unsigned)sizeof(line) - 1 - i;
			const char *got = say_bytes(&T, CLIENT, line + i, n);

			CU_ASSERT(got && memcmp(got, sent + i, n) == 0);
		}
		CHECK_TEXT(say(&T, SERVER, "250 2.0.0 Ok\r\n"), later);
		the_next_mail_passes();
	}
}

static void a_path_with_parameters_or_without_room(void)
{
	begin(ACTION_REFUSE_RECIPIENT);
	refuse_three();
	CHECK_TEXT(say(&T, CLIENT, "rcpt to:<someone@foreign.test> NOTIFY=NEVER\r\n"),
	        "RCPT TO:<postmaster>           NOTIFY=NEVER\r\n");
	CHECK_TEXT(say(&T, CLIENT, "RCPT TO:someone@foreign.test\r\n"), "RCPT TO:<postmaster>        \r\n");
	CHECK_TEXT(say(&T, CLIENT, "RCPT TO:someone@foreign.test>\r\n"), "RCPT TO:<postmaster>         \r\n");
	CHECK_TEXT(say(&T, CLIENT, "RCPT TO:<a@b.de>\r\n"), "NOOP TO:<a@b.de>\r\n");
	CHECK_TEXT(say(&T, SERVER, "250 Ok\r\n250 Ok\r\n250 Ok\r\n250 Ok\r\n"),
	        "450   \r\n450   \r\n450   \r\n450   \r\n");
	is_deferred_at_data();
	the_next_mail_passes();
}

/* Once the verb has left, each would be an error, and the server would hang up. */
static void typed_beyond_max_refusals(void)
{
	const char *c;
	int i;

	begin(ACTION_REFUSE_RECIPIENT);
	refuse_three();
	for (i = 0; i < 22; i++) {
		for (c = bad_rcpt; *c; c++) {
			const char *got = say_bytes(&T, CLIENT, c, 1);

			CU_ASSERT(got && *got == *c);
		}
		CHECK_TEXT(say(&T, SERVER, "250 2.1.5 Ok to relay to anybody\r\n"),
		        "450 4.7.1 Try again later       \r\n");
		CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT);
	}
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_RCPT, 4)->u.rcpt.outcome, OUTCOME_REFUSED_BY_US);
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_RCPT, 4)->u.rcpt.reply.code, 450);
	is_deferred_at_data();
	the_next_mail_passes();
}

/* What has left stays; of the rest the path becomes postmaster's, if all of it is there and has room. */
static void cut_beyond_max_refusals(void)
{
	static const struct {
		const char *line, *sent;
		unsigned first, last; /* where it is cut */
	} cuts[] = {
		{ "RCPT TO:<x@foreign.test>\r\n", "RCPT TO:<x@foreign.test>\r\n", 9, 23 },
		{ "RCPT TO:<x@foreign.test>\r\n", "RCPT TO:<postmaster>    \r\n", 1, 8 },
		{ "RCPT TO:x@foreign.test\r\n", "RCPT TO:<postmaster>  \r\n", 1, 8 },
		{ "RCPT TO:x@foreign.test\r\n", "RCPT TO:x@foreign.test\r\n", 9, 22 },
		{ "RCPT TO:<a@b.de>\r\n", "RCPT TO:<a@b.de>\r\n", 1, 15 },
	};
	unsigned i, cut;

	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		for (cut = cuts[i].first; cut <= cuts[i].last; cut++) {
			const char *got;

			begin(ACTION_REFUSE_RECIPIENT);
			refuse_three();
			got = say_bytes(&T, CLIENT, cuts[i].line, cut);
			CU_ASSERT(got && memcmp(got, cuts[i].line, cut) == 0);
			CHECK_TEXT(say(&T, CLIENT, cuts[i].line + cut), cuts[i].sent + cut);
			CHECK_TEXT(say(&T, SERVER, "250 2.1.5 Ok\r\n"), "450 4.7.1   \r\n");
			is_deferred_at_data();
			the_next_mail_passes();
		}
}

static void greet_with_chunking(void)
{
	talk_init(&T, MODE_ENFORCE, ACTION_REFUSE_RECIPIENT);
	handshake(&T);
	pass(&T, SERVER, "220 mx\r\n");
	pass(&T, CLIENT, "EHLO i\r\n");
	pass(&T, SERVER, "250-mx\r\n250 CHUNKING\r\n");
	pass(&T, CLIENT, "MAIL FROM:<a@i>\r\nRCPT TO:<g@example.org>\r\n");
	pass(&T, SERVER, "250 ok\r\n250 ok\r\n");
}

static void chunks_lose_their_last(void)
{
	static const char chunk[] = "BDAT 11 LAST\r\nDATA LAST\r\n", sent[] = "BDAT 11     \r\nDATA LAST\r\n";
	unsigned cut, i;

	for (cut = 1; cut < sizeof(chunk); cut++) {
		greet_with_chunking();
		refuse_three();
		CHECK_TEXT(say(&T, CLIENT, bad_rcpt), decoy);
		say(&T, SERVER, "250 2.1.5 Ok\r\n");
		for (i = 0; i < sizeof(chunk) - 1; i += cut) {
			unsigned n = i + cut < sizeof(chunk) ? cut : (unsigned)sizeof(chunk) - 1 - i;
			const char *got = say_bytes(&T, CLIENT, chunk + i, n);

			CU_ASSERT(got && memcmp(got, sent + i, n) == 0);
		}
		CHECK_TEXT(say(&T, SERVER, "250 2.0.0 Ok\r\n"), later);
		CU_ASSERT_EQUAL(event_nth(&T, EVENT_DATA, 0)->u.data.reply.code, 451);
		CU_ASSERT_EQUAL(event_nth(&T, EVENT_TX_END, 0)->u.tx_end.end, END_REFUSED);
		pass(&T, CLIENT, "RSET\r\n");
		pass(&T, SERVER, "250 ok\r\n");
		the_next_mail_passes();
	}
}

/* To the server the mail before goes on: the next MAIL ends it. */
static void mail_behind_a_deferred_chunk(void)
{
	static const char line[] = "mail FROM:<b@isp.example> SIZE=10\r\n";
	char sent[sizeof(line)];
	unsigned cut, i;

	snprintf(sent, sizeof(sent), "%-*s\r\n", (int)sizeof(line) - 3, "RSET");
	for (cut = 1; cut < sizeof(line); cut++) {
		greet_with_chunking();
		refuse_three();
		CHECK_TEXT(say(&T, CLIENT, bad_rcpt), decoy);
		say(&T, SERVER, "250 2.1.5 Ok\r\n");
		CHECK_TEXT(say(&T, CLIENT, "BDAT 3 LAST\r\nabc"), "BDAT 3     \r\nabc");
		CHECK_TEXT(say(&T, SERVER, "250 2.0.0 Ok\r\n"), later);
		for (i = 0; i < sizeof(line) - 1; i += cut) {
			unsigned n = i + cut < sizeof(line) ? cut : (unsigned)sizeof(line) - 1 - i;
			const char *got = say_bytes(&T, CLIENT, line + i, n);

			CU_ASSERT(got && memcmp(got, sent + i, n) == 0);
		}
		CHECK_TEXT(say(&T, SERVER, "250 2.0.0 Ok\r\n"), later);
		CU_ASSERT_EQUAL(event_nth(&T, EVENT_MAIL, 1)->u.mail.reply.code, 451);
		CU_ASSERT_EQUAL(event_nth(&T, EVENT_TX_END, 1)->u.tx_end.end, END_REFUSED);
		the_next_mail_passes();
	}
}

static void a_whole_mail_behind_a_deferred_chunk(void)
{
	greet_with_chunking();
	refuse_three();
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), decoy);
	say(&T, SERVER, "250 2.1.5 Ok\r\n");
	CHECK_TEXT(
	        say(&T, CLIENT, "BDAT 3 LAST\r\nabcMAIL FROM:<b@i>\r\nRCPT TO:<g@example.org>\r\nDATA\r\n"),
	        "BDAT 3     \r\nabcRSET           \r\nRCPT TO:<g@example.org>\r\nRSET\r\n");
	CHECK_TEXT(say(&T, SERVER, "250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n503 need MAIL\r\n250 2.0.0 Ok\r\n"),
	        "451 4.7.1   \r\n451 4.7.1   \r\n503 need MAIL\r\n451 4.7.1   \r\n");
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT);
	the_next_mail_passes();
}

/* That mail never ends, so nobody sends it again for a reset: who is cut off meanwhile reads no reply any more. */
static void a_deferred_chunk_keeps_no_reset_waiting(void)
{
	greet_with_chunking();
	refuse_three();
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), decoy);
	CHECK_TEXT(say(&T, CLIENT, "BDAT 3 LAST\r\nabc"), "BDAT 3     \r\nabc");
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "BDAT x\r\n")); /* nobody knows how much that is */
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

static void a_last_that_has_left_in_part(void)
{
	greet_with_chunking();
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), spoiled);
	pass(&T, CLIENT, "BDAT 3 LA");
	say(&T, SERVER, "250 2.0.0 whatever you say\r\n");
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "ST\r\nabc"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

/* The deferral ends while a word of it is being replaced: half of it has left as something else. */
static void a_word_goes_on_as_it_began(void)
{
	static const struct {
		const char *first, *sent, *rest, *rest_sent;
	} words[] = {
		{ "RSET\r\nDA", "RSET\r\nRS", "TA\r\n", "ET\r\n" },
		{ "RSET\r\nBDAT 3 LA", "RSET\r\nBDAT 3   ", "ST\r\nabc", "  \r\nabc" },
	};
	unsigned i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		greet_with_chunking();
		refuse_three();
		CHECK_TEXT(say(&T, CLIENT, bad_rcpt), decoy);
		say(&T, SERVER, "250 2.1.5 Ok\r\n");
		CHECK_TEXT(say(&T, CLIENT, words[i].first), words[i].sent);
		pass(&T, SERVER, "250 2.0.0 Ok\r\n");
		CHECK_TEXT(say(&T, CLIENT, words[i].rest), words[i].rest_sent);
		CHECK_TEXT(say(&T, SERVER, "250 2.0.0 Ok\r\n"), later);
		CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT);
		pass(&T, CLIENT, "RSET\r\n");
		pass(&T, SERVER, "250 2.0.0 Ok\r\n");
		the_next_mail_passes();
	}
}

/* Servers that read such lines as one command where we read two, or the other way round, or not at all, answer
 * something else than we think with their 250: the recipient that they have accepted stays where it is. */
static void replies_that_were_counted_otherwise(void)
{
	static const char *const lines[] = { "NOOP\nRSET\r\nNOOP\r\n", "NOOP\rNOOP\r\nRSET x\r\n",
		"\r\nRSET x\r\n" };
	unsigned i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *got;

		begin(ACTION_REFUSE_RECIPIENT);
		refuse_three();
		pass(&T, CLIENT, "RCPT TO:<x@");
		pass(&T, CLIENT, "foreign.test>\r\n");
		CHECK_TEXT(say(&T, SERVER, "250 2.1.5 Ok\r\n"), "450 4.7.1   \r\n");
		say(&T, CLIENT, lines[i]);
		say(&T, SERVER, "250 2.0.0 Ok\r\n");
		say(&T, SERVER, "250 2.0.0 Ok\r\n");
		got = say(&T, CLIENT, "DATA\r\n");
		CU_ASSERT(!got || strcmp(got, "RSET\r\n") == 0);
		talk_fini(&T);
	}
}

/* The byte that spoils a path may be the CR of its line: to a server whose lines end at CRLF alone it goes on. */
static void a_line_whose_end_was_spoiled(void)
{
	const char *got;

	begin(ACTION_REFUSE_RECIPIENT);
	pass(&T, CLIENT, "RCPT TO:x@foreign.test");
	CHECK_TEXT(say(&T, CLIENT, "\r\n"), "<\n");
	pass(&T, CLIENT, "NOOP\r\n");
	pass(&T, SERVER, "450 one\r\n");
	say(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "450 two\r\n");
	say(&T, CLIENT, bad_rcpt);
	pass(&T, SERVER, "450 three\r\n");
	pass(&T, CLIENT, "RCPT TO:<x@");
	pass(&T, CLIENT, "foreign.test>\r\n");
	say(&T, SERVER, "450 four, and the fifth was taken\r\n");
	pass(&T, CLIENT, "RSET x\r\n");
	pass(&T, SERVER, "450 five\r\n");
	pass(&T, CLIENT, "NOOP\r\n");
	pass(&T, SERVER, "250 2.0.0 Ok\r\n");
	got = say(&T, CLIENT, "DATA\r\n");
	CU_ASSERT(got && strcmp(got, "RSET\r\n") == 0);
	talk_fini(&T);
}

static void the_server_accepts_a_spoiled_command(void)
{
	begin(ACTION_REFUSE_RECIPIENT);
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), spoiled);
	CHECK_TEXT(say(&T, SERVER, "250 2.0.0 whatever you say\r\n"), "550 5.7.1 Relaying denied \r\n");
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT);
	is_deferred_at_data();
	the_next_mail_passes();
}

static void the_server_accepts_it_when_data_has_left(void)
{
	static const char *const begun[] = { "DATA\r\n", "D", "DAT" };
	unsigned i;

	for (i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		begin(ACTION_REFUSE_RECIPIENT);
		CHECK_TEXT(say(&T, CLIENT, bad_rcpt), spoiled);
		pass(&T, CLIENT, begun[i]);
		say(&T, SERVER, "250 2.0.0 whatever you say\r\n");
		if (i > 0) {
			CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT);
			CU_ASSERT_PTR_NULL(say(&T, CLIENT, "DATA\r\n" + strlen(begun[i])));
		}
		CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
		talk_fini(&T);
	}
}

/* Neither sends the server something that it would take for a body, nor lets 250 stand as answer to DATA. */
static void a_server_that_does_not_obey_rset(void)
{
	begin(ACTION_REFUSE_RECIPIENT);
	refuse_three();
	say(&T, CLIENT, bad_rcpt);
	say(&T, SERVER, "250 2.1.5 Ok\r\n");
	CHECK_TEXT(say(&T, CLIENT, "DATA now\r\n"), "RSET now\r\n");
	CHECK_TEXT(say(&T, SERVER, "501 5.5.4 Syntax: RSET\r\n"), "451 4.7.1 Try again   \r\n");
	CHECK_TEXT(say(&T, CLIENT, "DATA\r\n"), "RSET\r\n");
	CU_ASSERT_PTR_NULL(say(&T, SERVER, "354 go\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

static void commands_behind_a_deferred_data_are_read(void)
{
	begin(ACTION_REFUSE_RECIPIENT);
	refuse_three();
	CHECK_TEXT(say(&T, CLIENT,
	                   "RCPT TO:<x@foreign.test>\r\nDATA\r\nMAIL FROM:<a@i>\r\nRCPT "
	                   "TO:<x@foreign.test>\r\n"),
	        "RCPT TO:<postmaster>    \r\nRSET\r\nMAIL FROM:<a@i>\r\nRCPT TO:<postmaster>    \r\n");
	CHECK_TEXT(say(&T, SERVER, "250 2.1.5 Ok\r\n250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"),
	        "450 4.7.1   \r\n451 4.7.1   \r\n250 2.1.0 Ok\r\n450 4.7.1   \r\n");
	CHECK_TEXT(say(&T, CLIENT, "DATA\r\n"), "RSET\r\n");
	talk_fini(&T);
}

static void defer_recipient(void)
{
	begin(ACTION_DEFER_RECIPIENT);
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), spoiled);
	CHECK_TEXT(say(&T, SERVER, no_verb), "450 4.7.1 Try again later              \r\n");
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_RCPT, 1)->u.rcpt.reply.code, 450);
	pass(&T, CLIENT, "DATA\r\n");
	pass(&T, SERVER, "354 go\r\n");
	pass(&T, CLIENT, "x\r\n.\r\n");
	pass(&T, SERVER, "250 queued\r\n");
	talk_fini(&T);
}

static void refuse_session(void)
{
	begin(ACTION_REFUSE_SESSION);
	CHECK_TEXT(say(&T, CLIENT, bad_rcpt), spoiled);
	CHECK_TEXT(say(&T, SERVER, no_verb), "554 5.7.1 Relaying denied              \r\n");
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_ACCEPT);
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "DATA\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
	CU_ASSERT_EQUAL(event_nth(&T, EVENT_CLOSE, 0)->u.close.state, STATE_RESET_BY_US);
}

static void refuse_session_pipelined(void)
{
	begin(ACTION_REFUSE_SESSION);
	CHECK_TEXT(say(&T, CLIENT, "RCPT TO:<x@foreign.test>\r\nDATA\r\n"),
	        "XXXX TO:<x@foreign.test>\r\nRSET\r\n");
	CHECK_TEXT(say(&T, SERVER, "500 no such command\r\n250 2.0.0 Ok\r\n"),
	        "554 5.7.1 Relaying \r\n451 4.7.1   \r\n");
	CU_ASSERT_PTR_NULL(say(&T, CLIENT, "MAIL FROM:<a@i>\r\n"));
	CU_ASSERT_EQUAL(T.verdict.kind, VERDICT_RESET);
	talk_fini(&T);
}

SUITE("inspect_defer", { "beyond max refusals", beyond_max_refusals },
        { "all of it pipelined", all_of_it_pipelined }, { "DATA in any pieces", data_in_any_pieces },
        { "a path with parameters or without room", a_path_with_parameters_or_without_room },
        { "typed beyond max refusals", typed_beyond_max_refusals },
        { "cut beyond max refusals", cut_beyond_max_refusals },
        { "chunks lose their LAST", chunks_lose_their_last },
        { "MAIL behind a deferred chunk", mail_behind_a_deferred_chunk },
        { "a whole mail behind a deferred chunk", a_whole_mail_behind_a_deferred_chunk },
        { "a deferred chunk keeps no reset waiting", a_deferred_chunk_keeps_no_reset_waiting },
        { "a LAST that has left in part", a_last_that_has_left_in_part },
        { "a word goes on as it began", a_word_goes_on_as_it_began },
        { "replies that were counted otherwise", replies_that_were_counted_otherwise },
        { "a line whose end was spoiled", a_line_whose_end_was_spoiled },
        { "the server accepts a spoiled command", the_server_accepts_a_spoiled_command },
        { "the server accepts it when DATA has left", the_server_accepts_it_when_data_has_left },
        { "a server that does not obey RSET", a_server_that_does_not_obey_rset },
        { "commands behind a deferred DATA are read", commands_behind_a_deferred_data_are_read },
        { "defer recipient", defer_recipient }, { "refuse session", refuse_session },
        { "refuse session pipelined", refuse_session_pipelined })
