/* Records to events again: what record.c was told comes back, in time and in order; whatever a line holds. */
#include "report/recorded.h"

#include <stdio.h>
#include <stdlib.h>

#include "events.h"
#include "guard.h"
#include "report/frame.h"
#include "report/budget.h"
#include "report/record.h"
#include "report/recorded_order.h"
#include "suite.h"

enum { LINES_MAX = 64, EVENTS_MAX = 3000, WINDOW_S = 900 };

static const uint8_t hash_key[HASH_KEY_BYTES] = { 1 };
static char *lines[LINES_MAX];
static unsigned line_count;
static struct event told[EVENTS_MAX], back[EVENTS_MAX];
static unsigned told_count, back_count;
static uint64_t late, most_late_us;

static void keep_line(void *context, json_t *record)
{
	(void)context;
	CU_ASSERT_FATAL(line_count < LINES_MAX);
	lines[line_count++] = json_dumps(record, JSON_COMPACT);
	json_decref(record);
}

static void begin(void)
{
	while (line_count > 0)
		free(lines[--line_count]);
	told_count = back_count = 0;
}

static void tell(struct event e)
{
	CU_ASSERT_FATAL(told_count < EVENTS_MAX);
	told[told_count++] = e;
}

/* What was told, as lines. */
static void record_all(void)
{
	struct frame *frame = frame_new("gw", "monitor", "", NULL);
	struct record_book *book = record_new(16, hash_key, keep_line, NULL);

	for (unsigned i = 0; i < told_count; i++)
		record_event(book, frame, &told[i]);
	record_finish(book, frame);
	record_free(book);
	frame_free(frame);
}

/* The lines, as events. */
static void read_all(uint32_t room)
{
	struct recorded_book *book = recorded_book_new(16, hash_key);
	struct recorded_order *order = recorded_order_new(room, WINDOW_S * UINT64_C(1000000));
	struct recorded_notes *notes;
	struct recorded *record;
	const char *why;

	for (unsigned i = 0; i < line_count; i++) {
		CU_ASSERT_EQUAL_FATAL(
		        recorded_read(book, lines[i], strlen(lines[i]), &record, &why), RECORDED_OK);
		recorded_order_add(order, record);
		while (recorded_order_next(order, false, &back[back_count], &notes))
			CU_ASSERT_FATAL(++back_count < EVENTS_MAX);
	}
	while (recorded_order_next(order, true, &back[back_count], &notes))
		CU_ASSERT_FATAL(++back_count < EVENTS_MAX);
	late = recorded_order_late(order, &most_late_us);
	recorded_order_free(order);
	recorded_book_free(book);
}

/* A field of text, as far as it was written. */
#define SAME_TEXT(a, b)                                                                                      \
	do {                                                                                                 \
		CU_ASSERT_EQUAL_FATAL((a).len, (b).len);                                                     \
		CU_ASSERT_EQUAL((a).cut, (b).cut);                                                           \
		CU_ASSERT_EQUAL(memcmp((a).bytes, (b).bytes, (a).len), 0);                                   \
	} while (0)

static void same_reply(const struct event_reply *a, const struct event_reply *b)
{
	CU_ASSERT_EQUAL(a->code, b->code);
	SAME_TEXT(a->text, b->text);
}

/* All but what a policy says of it. */
static void same_event(const struct event *a, const struct event *b)
{
	CU_ASSERT_EQUAL_FATAL(a->kind, b->kind);
	CU_ASSERT_EQUAL(a->time_us, b->time_us);
	CU_ASSERT_EQUAL(a->conn.flow_id, b->conn.flow_id);
	CU_ASSERT_EQUAL(a->conn.open_us, b->conn.open_us);
	CU_ASSERT_EQUAL(addr_compare(&a->conn.src, &b->conn.src), 0);
	CU_ASSERT_EQUAL(addr_compare(&a->conn.dst, &b->conn.dst), 0);
	CU_ASSERT_EQUAL(a->conn.sport, b->conn.sport);
	CU_ASSERT_EQUAL(a->conn.dport, b->conn.dport);
	CU_ASSERT_EQUAL(a->conn.midstream, b->conn.midstream);
	CU_ASSERT_EQUAL(a->conn.self, b->conn.self);
	switch (a->kind) {
	case EVENT_GREETING:
		same_reply(&a->u.reply, &b->u.reply);
		break;
	case EVENT_HELO:
		same_reply(&a->u.helo.reply, &b->u.helo.reply);
		CU_ASSERT_EQUAL(a->u.helo.esmtp, b->u.helo.esmtp);
		CU_ASSERT_EQUAL(a->u.helo.offers_starttls, b->u.helo.offers_starttls);
		CU_ASSERT_EQUAL(a->u.helo.masks_starttls, b->u.helo.masks_starttls);
		SAME_TEXT(a->u.helo.name, b->u.helo.name);
		break;
	case EVENT_AUTH:
		same_reply(&a->u.auth.reply, &b->u.auth.reply);
		CU_ASSERT_EQUAL(a->u.auth.in_clear, b->u.auth.in_clear);
		CU_ASSERT_STRING_EQUAL(a->u.auth.mech, b->u.auth.mech);
		SAME_TEXT(a->u.auth.user, b->u.auth.user);
		break;
	case EVENT_MAIL:
		same_reply(&a->u.mail.reply, &b->u.mail.reply);
		CU_ASSERT_EQUAL(a->u.mail.tx_id, b->u.mail.tx_id);
		SAME_TEXT(a->u.mail.path, b->u.mail.path);
		break;
	case EVENT_RCPT:
		same_reply(&a->u.rcpt.reply, &b->u.rcpt.reply);
		CU_ASSERT_EQUAL(a->u.rcpt.tx_id, b->u.rcpt.tx_id);
		CU_ASSERT_EQUAL(a->u.rcpt.index, b->u.rcpt.index);
		CU_ASSERT_EQUAL(a->u.rcpt.outcome, b->u.rcpt.outcome);
		CU_ASSERT_EQUAL(a->u.rcpt.uncertain, b->u.rcpt.uncertain);
		CU_ASSERT_EQUAL(a->u.rcpt.hold_ms, b->u.rcpt.hold_ms);
		SAME_TEXT(a->u.rcpt.path, b->u.rcpt.path);
		break;
	case EVENT_DATA:
		same_reply(&a->u.data.reply, &b->u.data.reply);
		CU_ASSERT_EQUAL(a->u.data.tx_id, b->u.data.tx_id);
		CU_ASSERT_EQUAL(a->u.data.size_bytes, b->u.data.size_bytes);
		CU_ASSERT_EQUAL(a->u.data.final, b->u.data.final);
		CU_ASSERT_EQUAL(a->u.data.bdat, b->u.data.bdat);
		SAME_TEXT(a->u.data.message_id, b->u.data.message_id);
		break;
	case EVENT_TX_END:
		CU_ASSERT_EQUAL(memcmp(&a->u.tx_end, &b->u.tx_end, sizeof(a->u.tx_end)), 0);
		break;
	case EVENT_COMMAND:
		same_reply(&a->u.command.reply, &b->u.command.reply);
		CU_ASSERT_STRING_EQUAL(a->u.command.verb, b->u.command.verb);
		break;
	case EVENT_TLS:
		CU_ASSERT_EQUAL(a->u.tls.version, b->u.tls.version);
		CU_ASSERT_EQUAL(a->u.tls.implicit, b->u.tls.implicit);
		SAME_TEXT(a->u.tls.sni, b->u.tls.sni);
		break;
	case EVENT_CLOSE:
		CU_ASSERT_EQUAL(memcmp(&a->u.close, &b->u.close, sizeof(a->u.close)), 0);
		break;
	default:
		break;
	}
}

static void same_events(void)
{
	record_all();
	read_all(1024);
	CU_ASSERT_EQUAL_FATAL(back_count, told_count);
	for (unsigned i = 0; i < told_count; i++)
		same_event(&told[i], &back[i]);
	CU_ASSERT_EQUAL(late, 0);
}

/* ---- events of a connection; times in milliseconds ------------------------------------------------ */

static uint64_t flow = 4711;
static uint16_t number;

static struct event at(struct event e, uint64_t ms)
{
	e.time_us = EVENTS_START_US + ms * 1000;
	e.conn.flow_id = flow;
	e.conn.sport = (uint16_t)(40000 + number);
	return e;
}

static struct event greeting(const char *text)
{
	struct event e = events_make(EVENT_GREETING, 0);

	e.u.reply.code = 220;
	EVENTS_TEXT(e.u.reply.text, text);
	return e;
}

static struct event helo(const char *name, int offers)
{
	struct event e = events_helo(0, name);

	e.u.helo.offers_starttls = offers == 1;
	e.u.helo.masks_starttls = offers == 2;
	EVENTS_TEXT(e.u.helo.reply.text, "mx.example.org at your service");
	return e;
}

static struct event auth(const char *mech, uint16_t code)
{
	struct event e = events_make(EVENT_AUTH, 0);

	e.u.auth.in_clear = 1;
	e.u.auth.reply.code = code;
	EVENTS_TEXT(e.u.auth.reply.text, code == 235 ? "2.7.0 Welcome" : "5.7.8 No");
	snprintf(e.u.auth.mech, sizeof(e.u.auth.mech), "%s", mech);
	EVENTS_TEXT(e.u.auth.user, "user@example.org");
	return e;
}

static struct event command(const char *verb, uint16_t code)
{
	struct event e = events_make(EVENT_COMMAND, 0);

	e.u.command.reply.code = code;
	snprintf(e.u.command.verb, sizeof(e.u.command.verb), "%s", verb);
	return e;
}

static struct event mail(uint32_t tx_id, const char *path, uint64_t sent_ms)
{
	struct event e = events_mail(0, tx_id, path);

	e.u.mail.reply.sent_us = EVENTS_START_US + sent_ms * 1000;
	EVENTS_TEXT(e.u.mail.reply.text, "2.1.0 Ok");
	return e;
}

static struct event rcpt(uint32_t tx_id, uint32_t index, const char *path, uint16_t code)
{
	struct event e = events_rcpt(0, tx_id, path, 1, code, code ? "said" : "");

	e.u.rcpt.index = index;
	return e;
}

static void a_whole_connection(void)
{
	struct event e;

	begin();
	tell(at(events_make(EVENT_OPEN, 0), 0));
	tell(at(greeting("mx.example.org ESMTP \xff\\x41"), 20));
	tell(at(helo("client.example", 1), 30));
	tell(at(auth("PLAIN", 535), 40));
	tell(at(auth("CRAM-MD5", 235), 50));
	tell(at(command("VRFY", 252), 55));
	tell(at(mail(1, "<a@b.example>", 60), 61));
	tell(at(rcpt(1, 0, "<x@example.org>", 250), 70));
	tell(at(command("EXPN", 502), 71));
	e = rcpt(1, 1, "<y@example.org>", 550);
	e.u.rcpt.outcome = OUTCOME_REFUSED_BY_US;
	e.u.rcpt.hold_ms = 8000;
	e.u.rcpt.uncertain = 1;
	tell(at(e, 80));
	tell(at(rcpt(1, 2, "<z@example.org>", 0), 81));
	e = events_data(0, 1, 250, "2.0.0 queued as 4bYx3k1Zz5z9");
	EVENTS_TEXT(e.u.data.message_id, "<id@b.example>");
	e.u.data.bdat = 1;
	tell(at(e, 100));
	e = events_tx_end(0, 1, END_COMPLETED);
	e.u.tx_end.bdat = e.u.tx_end.gap = 1;
	tell(at(e, 100));
	tell(at(mail(2, "<>", 200), 200)); /* answered, and nothing more */
	tell(at(events_tx_end(0, 2, END_RESET), 210));
	tell(at(mail(3, "<a@b.example>", 220), 230));
	tell(at(rcpt(3, 0, "<x@example.org>", 250), 240));
	e = events_data(0, 3, 554, "5.7.1 listed at bl.example");
	e.u.data.final = 0;
	e.u.data.size_bytes = 0;
	tell(at(e, 250));
	tell(at(events_tx_end(0, 3, END_REFUSED), 250));
	tell(at(command("VRFY", 252), 300));
	tell(at(events_close(0, 3), 400));
	same_events();
	CU_ASSERT_EQUAL(line_count, 5); /* three transactions, VRFY behind them, flow */
}

static void a_connection_under_tls(void)
{
	struct event e;

	begin();
	e = at(events_make(EVENT_OPEN, 0), 0);
	e.conn.self = 1; /* the gateway is the client */
	tell(e);
	tell(at(greeting("mx"), 20));
	tell(at(helo("client", 2), 30));
	tell(at(command("STARTTLS", 220), 40));
	e = at(events_make(EVENT_TLS, 0), 50);
	e.u.tls.version = 0x0302;
	EVENTS_TEXT(e.u.tls.sni, "mx.example.org");
	tell(e);
	e = at(events_close(0, 0), 9000);
	e.u.close.tls = 1;
	e.u.close.tls_version = 0x0302;
	e.u.close.state = STATE_RESET;
	e.u.close.greeted = 1;
	EVENTS_TEXT(e.u.close.sni, "mx.example.org");
	tell(e);
	for (unsigned i = 0; i < told_count; i++)
		told[i].conn.self = 1;
	same_events();
}

static void picked_up_in_the_middle(void)
{
	begin();
	tell(at(events_make(EVENT_OPEN, 0), 0));
	tell(at(mail(1, "<a@b>", 10), 11));
	tell(at(rcpt(1, 0, "<x@example.org>", 250), 20));
	tell(at(events_data(0, 1, 250, "ok"), 30));
	tell(at(events_tx_end(0, 1, END_COMPLETED), 30));
	tell(at(events_close(0, 1), 40));
	for (unsigned i = 0; i < told_count; i++)
		told[i].conn.midstream = 1;
	same_events();
}

/* Two connections: the long one is written last, and its events belong before and between those of the other. */
static void events_are_in_the_order_of_time(void)
{
	begin();
	flow = 1;
	tell(at(events_make(EVENT_OPEN, 0), 0));
	tell(at(mail(1, "<a@b>", 10), 11));
	flow = 2;
	number = 1;
	tell(at(events_make(EVENT_OPEN, 0), 100));
	told[told_count - 1].conn.open_us = EVENTS_START_US + 100000;
	tell(at(mail(1, "<c@d>", 110), 111));
	tell(at(rcpt(1, 0, "<x@example.org>", 250), 120));
	flow = 1;
	number = 0;
	tell(at(rcpt(1, 0, "<x@example.org>", 250), 130));
	flow = 2;
	number = 1;
	tell(at(events_tx_end(0, 1, END_CLOSED), 140));
	tell(at(events_close(0, 1), 150));
	flow = 1;
	number = 0;
	tell(at(events_tx_end(0, 1, END_CLOSED), 800000));
	tell(at(events_close(0, 1), 800001));
	for (unsigned i = 0; i < told_count; i++)
		if (told[i].conn.flow_id == 2)
			told[i].conn.open_us = EVENTS_START_US + 100000;
	flow = 4711;
	same_events();
}

static void what_comes_too_late_is_counted(void)
{
	begin();
	flow = 1;
	tell(at(events_make(EVENT_OPEN, 0), 0));
	tell(at(mail(1, "<a@b>", 10), 11));
	flow = 2;
	tell(at(mail(1, "<c@d>", 1000), 1000));
	tell(at(events_tx_end(0, 1, END_CLOSED), 1000));
	tell(at(mail(2, "<c@d>", 2000000), 2000000));
	tell(at(events_tx_end(0, 2, END_CLOSED), 2000000));
	tell(at(events_close(0, 2), 2000000));
	flow = 1;
	tell(at(events_tx_end(0, 1, END_CLOSED), 2000001));
	tell(at(events_close(0, 1), 2000001));
	flow = 4711;
	record_all();
	read_all(1024);
	CU_ASSERT_EQUAL(back_count, told_count + 1); /* the other connection was opened, too */
	CU_ASSERT_EQUAL(late, 2);                    /* OPEN and MAIL of the first */
	CU_ASSERT_EQUAL(most_late_us, 1000000);
	for (unsigned i = 1; i < back_count; i++)
		CU_ASSERT(back[i].time_us >= back[i - 1].time_us);
}

/* With little room nothing is lost, it comes earlier. */
static void little_room(void)
{
	begin();
	for (number = 0; number < 20; number++) {
		flow = 1 + number;
		tell(at(events_make(EVENT_OPEN, 0), number));
		told[told_count - 1].conn.open_us = told[told_count - 1].time_us;
		tell(at(events_close(0, 0), number));
		told[told_count - 1].conn.open_us = told[told_count - 1].time_us;
	}
	number = 0;
	flow = 4711;
	record_all();
	read_all(2);
	CU_ASSERT_EQUAL(back_count, 40);
	CU_ASSERT_EQUAL(late, 0);
}

static unsigned count_rcpt(unsigned outcome)
{
	unsigned n = 0;

	for (unsigned i = 0; i < back_count; i++)
		n += back[i].kind == EVENT_RCPT && back[i].u.rcpt.outcome == outcome;
	return n;
}

/* A list that is cut: the numbers hold. */
static void many_recipients(void)
{
	begin();
	tell(at(mail(1, "<a@b>", 0), 1));
	for (uint32_t i = 0; i < 1000; i++)
		tell(at(rcpt(1, i, "<x@example.org>", i % 10 ? 250 : 550), 10 + i));
	for (unsigned i = 0; i < 40; i++)
		tell(at(command("VRFY", 252), 1100 + i));
	tell(at(events_tx_end(0, 1, END_CLOSED), 2000));
	record_all();
	CU_ASSERT_EQUAL(line_count, 1);
	read_all(16);
	CU_ASSERT_EQUAL(count_rcpt(OUTCOME_ACCEPTED), 900);
	CU_ASSERT_EQUAL(count_rcpt(OUTCOME_REFUSED_BY_SERVER), 100);
	unsigned vrfy = 0;

	for (unsigned i = 0; i < back_count; i++)
		vrfy += back[i].kind == EVENT_COMMAND;
	CU_ASSERT_EQUAL(vrfy, 40);
	CU_ASSERT_EQUAL(back[back_count - 1].kind, EVENT_TX_END);
	CU_ASSERT_EQUAL(back[back_count - 1].time_us, EVENTS_START_US + 2000000);
}

/* ---- lines of others ------------------------------------------------------------------------------ */

#define OURS "\"postern\":{\"schema\":1},"
#define ENDS ENDS_AT("07")
#define ENDS_AT(second)                                                                                      \
	"\"timestamp\":\"2026-11-21T18:36:" second                                                           \
	"Z\",\"flow_id\":7,\"src_ip\":\"192.0.2.1\",\"src_port\":1,"                                         \
	"\"dest_ip\":\"2001:db8::1\",\"dest_port\":25,\"app_proto\":\"smtp\"," OURS

/* The line lies at the end of memory. */
static enum recorded_result result_of(const char *line, struct recorded **record, const char **why)
{
	static struct recorded_book *book;
	size_t len = strlen(line);
	char *copy = (char *)guard_copy((const uint8_t *)line, len);
	enum recorded_result result;

	if (!book)
		book = recorded_book_new(16, hash_key);
	if (!line[0]) {
		recorded_book_free(book);
		book = NULL;
		*record = NULL;
		return RECORDED_OTHER;
	}
	result = recorded_read(book, copy, len, record, why);
	guard_free((uint8_t *)copy, len);
	return result;
}

static void odd_lines(void)
{
	static const struct {
		const char *line;
		enum recorded_result result;
		const char *why;
	} cases[] = {
		{ "{", RECORDED_BAD, "it is no JSON" },
		{ "[]", RECORDED_BAD, "it is no record" },
		{ "7", RECORDED_BAD, "it is no JSON" },
		{ "{}", RECORDED_BAD, "it is no record" },
		{ "{\"event_type\":7}", RECORDED_BAD, "it is no record" },
		{ "{\"event_type\":\"alert\"}", RECORDED_OTHER, NULL },
		{ "{\"event_type\":\"flow\",\"app_proto\":\"http\"}", RECORDED_OTHER, NULL },
		{ "{\"ecs\":{\"version\":\"8.11.0\"}}", RECORDED_BAD, "an ECS record" },
		{ "{\"event_type\":\"smtp\"}", RECORDED_FOREIGN, NULL },
		{ "{\"event_type\":\"smtp\",\"postern\":{\"schema\":2}}", RECORDED_BAD, "a newer Postern" },
		{ "{\"event_type\":\"stats\",\"stats\":{\"event\":{\"lost\":1}}}", RECORDED_OTHER, NULL },
		{ "{" OURS "\"event_type\":\"budget\"}", RECORDED_BAD, "what was left out" },
		{ "{" OURS
		  "\"event_type\":\"budget\",\"budget\":{\"source\":\"x\",\"left_out\":{\"smtp\":1}}}",
		        RECORDED_BAD, "what was left out" },
		{ "{" OURS "\"event_type\":\"smtp\"}", RECORDED_BAD, "timestamp" },
		{ "{" OURS "\"event_type\":\"smtp\",\"timestamp\":\"now\",\"smtp\":{}}", RECORDED_BAD,
		        "timestamp" },
		{ "{" OURS "\"event_type\":\"smtp\",\"timestamp\":\"2026-11-21T18:36:07Z\",\"smtp\":{}}",
		        RECORDED_BAD, "no address" },
		{ "{" OURS
		  "\"event_type\":\"smtp\",\"timestamp\":\"2026-11-21T18:36:07Z\",\"src_ip\":\"192.0.2.1\","
		  "\"dest_ip\":\"::1\",\"smtp\":{}}",
		        RECORDED_BAD, "flow_id" },
		{ "{" ENDS "\"event_type\":\"smtp\",\"smtp\":[]}", RECORDED_BAD, "nothing of its own" },
		{ "{" ENDS "\"event_type\":\"smtp\",\"smtp\":{}}", RECORDED_OK, NULL },
		{ "{" ENDS "\"event_type\":\"flow\",\"flow\":{\"start\":-1,\"tls\":{\"sni\":[]}}}",
		        RECORDED_OK, NULL },
		{ "{" ENDS
		  "\"event_type\":\"smtp\",\"tx_id\":-5,\"smtp\":{\"rcpt_accepted\":9223372036854775807,"
		  "\"rcpt\":[{},7,{\"ms\":-9223372036854775807,\"code\":99999}],\"commands\":[{},{\"verb\":"
		  "\"\"}],"
		  "\"vrfy\":1e9,\"mail_from\":\"\",\"opened\":\"x\",\"auth\":[],\"data_ms\":\"x\"}}",
		        RECORDED_OK, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct recorded *record;
		const char *why = "";
		uint64_t last_us = 0;
		struct event e;

		CU_ASSERT_EQUAL(result_of(cases[i].line, &record, &why), cases[i].result);
		if (cases[i].why)
			CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
		CU_ASSERT_EQUAL(record != NULL, cases[i].result == RECORDED_OK);
		while (record && recorded_next(record, &e)) {
			CU_ASSERT(e.time_us >= last_us);
			last_us = e.time_us;
		}
		CU_ASSERT(!record || recorded_time(record) == UINT64_MAX);
		recorded_free(record);
	}
	(void)result_of("", &(struct recorded *) { NULL }, &(const char *) { NULL });
}

/* What records say that they lack. */
static void what_is_not_there(void)
{
	struct recorded_book *book = recorded_book_new(16, hash_key);
	static const char *const stats[] = {
		"{" OURS
		"\"event_type\":\"stats\",\"stats\":{\"event\":{\"lost\":9},\"report\":{\"lost\":1}}}",
		"{" OURS
		"\"event_type\":\"stats\",\"stats\":{\"event\":{\"lost\":12},\"report\":{\"lost\":1}}}",
		"{" OURS
		"\"event_type\":\"stats\",\"stats\":{\"event\":{\"lost\":2},\"report\":{\"lost\":0}}}"
	};
	static const char budget[] =
	        "{" OURS
	        "\"event_type\":\"budget\",\"budget\":{\"source\":\"192.0.2.0/24\",\"limit_records\":600,"
	        "\"window_s\":60,\"first\":\"2026-11-21T18:36:07Z\",\"left_out\":{\"smtp\":3,\"flow\":2,"
	        "\"rcpt_refused\":7}}}";
	static const char cut[] =
	        "{" ENDS
	        "\"event_type\":\"smtp\",\"tx_id\":1,\"smtp\":{\"mail_from\":\"<>\",\"rcpt_accepted\":5,"
	        "\"rcpt_refused\":2,\"vrfy\":4}}";
	const struct budget_notice *notice = recorded_left_out(book);
	struct recorded *record;
	const char *why;

	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(
		        recorded_read(book, stats[i], strlen(stats[i]), &record, &why), RECORDED_OTHER);
	CU_ASSERT_EQUAL(recorded_cuts(book)->lost, 3 + 2);
	CU_ASSERT_EQUAL(recorded_read(book, budget, strlen(budget), &record, &why), RECORDED_LEFT_OUT);
	CU_ASSERT_PTR_NULL(record);
	CU_ASSERT(notice->of == BUDGET_OF_SOURCE && notice->source.bits == 96 + 24 && notice->limit == 600 &&
	          notice->window_s == 60);
	CU_ASSERT(notice->sums.n[BUDGET_SMTP] == 3 && notice->sums.n[BUDGET_FLOW] == 2 &&
	          notice->sums.n[BUDGET_RCPT_REFUSED] == 7);
	CU_ASSERT(notice->sums.n[BUDGET_SIZE] == 0 && notice->from_us > 0 && notice->to_us == 0);
	CU_ASSERT_EQUAL(recorded_read(book, cut, strlen(cut), &record, &why), RECORDED_OK);
	CU_ASSERT_EQUAL(recorded_cuts(book)->recipients, 7);
	CU_ASSERT_EQUAL(recorded_cuts(book)->commands, 4);
	recorded_free(record);
	recorded_book_free(book);
}

/* As an older Postern writes them: greeted and greeted back when it is first seen. */
static void records_without_times(void)
{
	static const enum event_kind kinds[] = { EVENT_OPEN, EVENT_GREETING, EVENT_HELO, EVENT_MAIL,
		EVENT_RCPT, EVENT_DATA, EVENT_TX_END, EVENT_MAIL, EVENT_TX_END, EVENT_CLOSE };

	begin();
	lines[line_count++] = strdup("{" ENDS "\"event_type\":\"smtp\",\"tx_id\":1,\"smtp\":{\"helo\":\"h\","
	                             "\"mail_from\":\"<a@b>\",\"rcpt\":[{\"path\":\"<c@d>\",\"code\":250,"
	                             "\"ms\":5}],\"rcpt_accepted\":1,\"reply\":250,\"end\":\"completed\"}}");
	lines[line_count++] =
	        strdup("{" ENDS_AT("08") "\"event_type\":\"smtp\",\"tx_id\":2,\"smtp\":{\"helo\":\"h\","
	                                 "\"mail_from\":\"<a@b>\",\"end\":\"reset\"}}");
	lines[line_count++] =
	        strdup("{" ENDS_AT("09") "\"event_type\":\"flow\",\"flow\":{\"state\":\"closed\"}}");
	read_all(16);
	CU_ASSERT_EQUAL_FATAL(back_count, sizeof(kinds) / sizeof(kinds[0]));
	for (unsigned i = 0; i < back_count; i++)
		CU_ASSERT_EQUAL(back[i].kind, kinds[i]);
	CU_ASSERT_EQUAL(back[5].u.data.final, 1);
	begin();
}

SUITE("recorded", { "a whole connection", a_whole_connection }, { "under TLS", a_connection_under_tls },
        { "in the middle", picked_up_in_the_middle },
        { "in the order of time", events_are_in_the_order_of_time },
        { "too late", what_comes_too_late_is_counted }, { "little room", little_room },
        { "many recipients", many_recipients }, { "odd lines", odd_lines },
        { "what is not there", what_is_not_there }, { "records without times", records_without_times })
