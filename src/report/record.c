/* record.c - see record.h.
 *
 * A transaction starts with EVENT_MAIL and is written at its EVENT_TX_END. Events may be missing (a full
 * ring loses some): whatever names another transaction than the running one ends that as lost and opens
 * its own. Recipients outside of any transaction (tx_id 0) are gathered in the same way and are part of the
 * record of the connection.
 *
 * A connection without any transaction gets one `smtp` record at its end. So does one where something
 * worth counting (VRFY, EXPN, failed AUTH, STARTTLS, oddities) came after its last transaction: each count is told
 * once, in the first record behind it, and none is lost for a later replay.
 */
#include "report/record.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "report/field.h"
#include "report/session.h"
#include "report/words.h"
#include "report/transaction.h"

/* What is told once, in the next `smtp` record of the connection. */
struct tally {
	uint32_t vrfy, expn, auth_failures;
	uint16_t starttls_code; /* the answer to STARTTLS, 0 = none */
	uint32_t odd;           /* bit for each enum event_odd */
};
static_assert(ODD_COUNT <= 32, "a bit for each oddity");

enum { LISTS_MAX = 3 /* told of a connection */, LIST_ZONE_MAX = 64, CODE_TEXT_BYTES = 16 };

struct list {
	char zone[LIST_ZONE_MAX]; /* cut */
	unsigned code_count;
	uint32_t codes[EVENT_CODES_MAX];
};

struct connection {
	struct event_connection conn;
	uint32_t transactions; /* opened by MAIL so far */
	uint64_t last_us;      /* of its last event */
	bool tls, is_told;     /* told: a record of it was written */
	struct event_path helo;
	struct event_reply welcome; /* to the greeting or the last HELO */
	uint16_t auth_code;
	char auth_mech[EVENT_NAME_MAX];
	struct tally tally;
	unsigned list_count;
	struct list lists[LISTS_MAX]; /* of the client, as far as the answers came in time */
	struct session session;
	struct transaction tx;
};

struct record_book {
	struct table *connections; /* flow_id -> struct connection */
	record_sink *sink;
	record_may *may; /* NULL = all are made */
	void *context;
	struct transaction_memory memory;
	uint64_t evicted;
};

struct record_book *record_new(
        uint32_t connections, const uint8_t hash_key[HASH_KEY_BYTES], record_sink *sink, void *context)
{
	struct record_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->connections = table_new(connections, sizeof(uint64_t), sizeof(struct connection), hash_key);
	if (!b->connections) {
		free(b);
		return NULL;
	}
	b->sink = sink;
	b->context = context;
	return b;
}

void record_free(struct record_book *b)
{
	struct connection *c;
	uint64_t seen_us;

	if (!b)
		return;
	while ((c = table_oldest(b->connections, &seen_us)) != NULL) {
		transaction_fini(&c->tx, &b->memory);
		session_fini(&c->session, &b->memory);
		table_drop(b->connections, c);
	}
	table_free(b->connections);
	free(b);
}

void record_set_may(struct record_book *b, record_may *may)
{
	b->may = may;
}

struct record_counts record_counts(const struct record_book *b)
{
	return (struct record_counts) { .connections_evicted = b->evicted, .cut = b->memory.cut };
}

static const char *auth_result(uint16_t code)
{
	if (code == 0)
		return "unanswered";
	return code / 100 == 2 ? "accepted" : "refused";
}

static void write_auth(const struct connection *c, json_t *smtp)
{
	json_t *auth;

	if (c->auth_mech[0] == '\0')
		return;
	auth = json_object();
	field_set(auth, "mech", field_bytes(c->auth_mech, (unsigned)strnlen(c->auth_mech, EVENT_NAME_MAX)));
	field_set_text(auth, "result", auth_result(c->auth_code));
	field_set_nonzero(auth, "code", c->auth_code);
	field_set(smtp, "auth", auth);
}

static void write_tally(const struct tally *tally, json_t *smtp)
{
	json_t *list;
	unsigned i;

	field_set_nonzero(smtp, "starttls", tally->starttls_code);
	field_set_nonzero(smtp, "vrfy", tally->vrfy);
	field_set_nonzero(smtp, "expn", tally->expn);
	field_set_nonzero(smtp, "auth_failures", tally->auth_failures);
	if (tally->odd == 0)
		return;
	list = json_array();
	for (i = 0; i < ODD_COUNT; i++)
		if (tally->odd & 1u << i)
			(void)json_array_append_new(list, json_string(words_get(WORDS_ODDITY, i)));
	field_set(smtp, "oddities", list);
}

/* What only a later judgement of the same traffic needs (recorded.c): the connection's beginning, in its first record. */
static void write_beginning(struct connection *c, json_t *smtp)
{
	if (!c->is_told)
		field_set_time(smtp, "opened", c->conn.open_us);
	c->is_told = true;
	field_set_true(smtp, "midstream", c->conn.midstream);
}

/* What an `smtp` record would tell. */
static bool may_tell_smtp(struct record_book *b, const struct connection *c, enum event_end end)
{
	const struct transaction *tx = &c->tx;
	const struct budget_sums sums = { .n = {
		                                  [BUDGET_SMTP] = 1,
		                                  [BUDGET_TRANSACTIONS] = tx->tx_id > 0,
		                                  [BUDGET_COMPLETED] = end == END_COMPLETED,
		                                  [BUDGET_RCPT] = tx->rcpt_count,
		                                  [BUDGET_RCPT_ACCEPTED] = tx->rcpt_accepted,
		                                  [BUDGET_RCPT_REFUSED] = tx->rcpt_refused,
		                                  [BUDGET_RCPT_FOREIGN] = tx->rcpt_foreign,
		                                  [BUDGET_SIZE] = tx->size_bytes,
		                                  [BUDGET_VRFY] = c->tally.vrfy,
		                                  [BUDGET_EXPN] = c->tally.expn,
		                                  [BUDGET_AUTH_FAILURES] = c->tally.auth_failures,
		                          } };

	return !b->may || b->may(b->context, &c->conn, &sums);
}

static bool may_tell_flow(struct record_book *b, const struct event *e)
{
	const struct event_close *close = &e->u.close;
	const struct budget_sums sums = { .n = {
		                                  [BUDGET_FLOW] = 1,
		                                  [BUDGET_BYTES_TOSERVER] = close->bytes_toserver,
		                                  [BUDGET_BYTES_TOCLIENT] = close->bytes_toclient,
		                          } };

	return !b->may || b->may(b->context, &e->conn, &sums);
}

/* The `smtp` object of the running transaction, or of a connection that has none. */
static json_t *smtp_object(struct record_book *b, struct connection *c, uint64_t start_us, enum event_end end)
{
	json_t *smtp = json_object();

	if (c->helo.len > 0)
		field_set_cut(smtp, "helo", FIELD_OF(c->helo), c->helo.cut, &b->memory.cut);
	transaction_write(&c->tx, &b->memory, smtp);
	field_set(smtp, "tls", json_boolean(c->tls));
	write_auth(c, smtp);
	field_set(smtp, "pipelined", json_boolean(c->tx.pipelined));
	field_set(smtp, "bdat", json_boolean(c->tx.bdat));
	if (c->tx.gap)
		field_set(smtp, "gap", json_true());
	write_tally(&c->tally, smtp);
	write_beginning(c, smtp);
	session_write(&c->session, &b->memory, smtp, start_us);
	if (c->last_us > start_us)
		field_set_uint(smtp, "end_ms", (c->last_us - start_us) / 1000);
	field_set_text(smtp, "end", words_get(WORDS_END, end));
	field_set_text(smtp, "source", words_get(WORDS_SOURCE, c->conn.source));
	return smtp;
}

/* What is told, or left out, is told once. */
static void tell_smtp(struct record_book *b, struct frame *frame, struct connection *c, uint64_t start_us,
        enum event_end end)
{
	json_t *record;

	if (may_tell_smtp(b, c, end)) {
		record = frame_record(frame, "smtp", start_us, &c->conn);
		if (c->tx.tx_id > 0)
			field_set_uint(record, "tx_id", c->tx.tx_id);
		field_set(record, "smtp", smtp_object(b, c, start_us, end));
		b->sink(b->context, record);
	}
	memset(&c->tally, 0, sizeof(c->tally));
	session_fini(&c->session, &b->memory);
	transaction_fini(&c->tx, &b->memory);
}

static void end_transaction(
        struct record_book *b, struct frame *frame, struct connection *c, enum event_end end)
{
	if (c->tx.open)
		tell_smtp(b, frame, c, c->tx.start_us, end);
}

static bool is_empty(const struct tally *tally)
{
	return tally->starttls_code == 0 && tally->vrfy == 0 && tally->expn == 0 &&
	       tally->auth_failures == 0 && tally->odd == 0;
}

/* Forgets a connection whose end was not seen; what it has to tell is told. */
static void give_up(struct record_book *b, struct frame *frame, struct connection *c)
{
	if (c->tx.open)
		end_transaction(b, frame, c, END_LOST);
	else if (!is_empty(&c->tally))
		tell_smtp(b, frame, c, c->conn.open_us, END_LOST);
	session_fini(&c->session, &b->memory);
	table_drop(b->connections, c);
}

/* The connection of e, made if need be. */
static struct connection *connection_of(struct record_book *b, struct frame *frame, const struct event *e)
{
	struct connection *c = table_find(b->connections, &e->conn.flow_id);
	uint64_t seen_us;

	if (c) {
		table_touch(b->connections, c, e->time_us);
	} else {
		if (table_count(b->connections) == table_capacity(b->connections)) {
			give_up(b, frame, table_oldest(b->connections, &seen_us));
			b->evicted++;
		}
		c = table_add(b->connections, &e->conn.flow_id, e->time_us);
		assert(c);
	}
	c->conn = e->conn;
	c->last_us = e->time_us;
	return c;
}

/* Makes tx_id the running transaction. */
static struct transaction *transaction_of(struct record_book *b, struct frame *frame, struct connection *c,
        uint32_t tx_id, const struct event *e, const struct event_reply *reply)
{
	if (c->tx.open && c->tx.tx_id == tx_id)
		return &c->tx;
	end_transaction(b, frame, c, transaction_end(&c->tx, END_LOST));
	transaction_open(&c->tx, tx_id, reply->sent_us ? reply->sent_us : e->time_us);
	c->transactions += tx_id > 0;
	return &c->tx;
}

static void add_command(struct tally *tally, const struct event_command *command)
{
	if (strncmp(command->verb, "STARTTLS", EVENT_NAME_MAX) == 0)
		tally->starttls_code = command->reply.code;
	tally->vrfy += strncmp(command->verb, "VRFY", EVENT_NAME_MAX) == 0;
	tally->expn += strncmp(command->verb, "EXPN", EVENT_NAME_MAX) == 0;
}

static void add_auth(struct connection *c, const struct event_auth *auth)
{
	memcpy(c->auth_mech, auth->mech, EVENT_NAME_MAX);
	c->auth_code = auth->reply.code;
	c->tally.auth_failures += event_auth_is_refused(auth);
}

/* How a connection without a transaction ended, in the words for transactions. */
static enum event_end connection_end(const struct connection *c, const struct event_close *close)
{
	if (c->tls)
		return END_STARTTLS;
	if (c->welcome.code >= 400 || c->tx.rcpt_refused > 0)
		return END_REFUSED;
	switch ((enum event_state)close->state) {
	case STATE_RESET:
	case STATE_RESET_BY_US:
		return END_RESET;
	case STATE_TIMEOUT:
	case STATE_EVICTED:
		return END_LOST;
	case STATE_CLOSED:
	case STATE_COUNT:
		break;
	}
	return END_CLOSED;
}

/* What is left to tell in an `smtp` record when the connection ends. */
static void tell_rest(struct record_book *b, struct frame *frame, struct connection *c, const struct event *e)
{
	const struct event_close *close = &e->u.close;

	c->tls |= close->tls;
	if (c->tx.open && c->tx.tx_id > 0)
		end_transaction(b, frame, c,
		        transaction_end(&c->tx, close->state == STATE_CLOSED ? END_CLOSED : END_LOST));
	else if (c->tx.open || !is_empty(&c->tally) || (c->transactions == 0 && close->transactions == 0)) {
		if (c->welcome.code >= 400)
			c->tx.reply = c->welcome;
		tell_smtp(b, frame, c, c->conn.open_us, connection_end(c, close));
	}
}

static json_t *list_row(const struct list *l)
{
	json_t *row = json_object(), *codes = json_array();
	char text[CODE_TEXT_BYTES];

	field_set_text(row, "zone", l->zone);
	for (unsigned i = 0; i < l->code_count; i++) {
		snprintf(text, sizeof(text), "%u.%u.%u.%u", l->codes[i] >> 24, l->codes[i] >> 16 & 0xff,
		        l->codes[i] >> 8 & 0xff, l->codes[i] & 0xff);
		(void)json_array_append_new(codes, json_string(text));
	}
	field_set(row, "codes", codes);
	return row;
}

static void write_lists(const struct connection *c, json_t *flow)
{
	json_t *lists;

	if (c->list_count == 0)
		return;
	lists = json_array();
	for (unsigned i = 0; i < c->list_count; i++)
		(void)json_array_append_new(lists, list_row(&c->lists[i]));
	field_set(flow, "dnsbl", lists);
}

static void tell_flow(
        struct record_book *b, struct frame *frame, const struct connection *c, const struct event *e)
{
	const struct event_close *close = &e->u.close;
	json_t *record, *flow, *tls;

	if (!may_tell_flow(b, e))
		return;
	record = frame_record(frame, "flow", e->time_us, &e->conn);
	flow = json_object();
	field_set_time(flow, "start", e->conn.open_us);
	field_set_time(flow, "end", e->time_us);
	field_set_text(flow, "state", words_get(WORDS_FLOW_STATE, close->state));
	field_set_text(flow, "reason", words_get(WORDS_FLOW_REASON, close->state));
	field_set_uint(flow, "pkts_toserver", close->packets_toserver);
	field_set_uint(flow, "pkts_toclient", close->packets_toclient);
	field_set_uint(flow, "bytes_toserver", close->bytes_toserver);
	field_set_uint(flow, "bytes_toclient", close->bytes_toclient);
	field_set_uint(flow, "transactions", close->transactions);
	field_set_nonzero(flow, "held", close->held);
	field_set_nonzero(flow, "held_ms", close->held_ms);
	if (close->tls) {
		tls = json_object();
		field_set_text(tls, "version", session_tls_name(close->tls_version));
		if (close->sni.len > 0)
			field_set_cut(tls, "sni", FIELD_OF(close->sni), close->sni.cut, &b->memory.cut);
		field_set(flow, "tls", tls);
	}
	field_set_uint(flow, "skipped_bytes", close->skipped_bytes);
	field_set(flow, "midstream", json_boolean(e->conn.midstream));
	field_set(flow, "greeted", json_boolean(close->greeted));
	if ((close->bytes_toserver > 0 && close->packets_toclient == 0) ||
	        (close->bytes_toclient > 0 && close->packets_toserver == 0))
		field_set(flow, "one_sided", json_true());
	write_lists(c, flow);
	field_set(record, "flow", flow);
	b->sink(b->context, record);
}

/* Nothing is remembered of a connection that is over. */
static void note_listed(struct record_book *b, const struct event *e)
{
	struct connection *c = table_find(b->connections, &e->conn.flow_id);

	const struct event_listed *l = &e->u.listed;
	struct list *to;

	if (!c || c->list_count == LISTS_MAX)
		return;
	to = &c->lists[c->list_count++];
	snprintf(to->zone, sizeof(to->zone), "%.*s", LIST_ZONE_MAX - 1, l->zone);
	to->code_count = l->code_count < EVENT_CODES_MAX ? l->code_count : EVENT_CODES_MAX;
	memcpy(to->codes, l->codes, sizeof(to->codes));
}

void record_event(struct record_book *b, struct frame *frame, const struct event *e)
{
	struct connection *c;

	if (e->kind == EVENT_LISTED)
		note_listed(b, e);
	if (!event_kind_is_followed((enum event_kind)e->kind)) /* watch tells it */
		return;
	c = connection_of(b, frame, e);
	session_add(&c->session, &b->memory, e);
	switch ((enum event_kind)e->kind) {
	case EVENT_GREETING:
		c->welcome = e->u.reply;
		break;
	case EVENT_HELO:
		if (e->u.helo.reply.code < 400 || c->helo.len == 0) /* refused: the one before stands */
			c->helo = e->u.helo.name;
		c->welcome = e->u.helo.reply;
		break;
	case EVENT_AUTH:
		add_auth(c, &e->u.auth);
		break;
	case EVENT_MAIL:
		transaction_add_mail(transaction_of(b, frame, c, e->u.mail.tx_id, e, &e->u.mail.reply), e);
		break;
	case EVENT_RCPT:
		transaction_add_rcpt(
		        transaction_of(b, frame, c, e->u.rcpt.tx_id, e, &e->u.rcpt.reply), &b->memory, e);
		break;
	case EVENT_DATA:
		transaction_add_data(transaction_of(b, frame, c, e->u.data.tx_id, e, &e->u.data.reply), e);
		break;
	case EVENT_TX_END:
		if (c->tx.tx_id != e->u.tx_end.tx_id)
			break;
		c->tx.bdat |= e->u.tx_end.bdat;
		c->tx.gap |= e->u.tx_end.gap;
		end_transaction(b, frame, c, e->u.tx_end.end);
		break;
	case EVENT_COMMAND:
		add_command(&c->tally, &e->u.command);
		break;
	case EVENT_TLS:
		c->tls = true;
		break;
	case EVENT_ODD:
		c->tally.odd |= e->u.odd.what < ODD_COUNT ? 1u << e->u.odd.what : 0;
		break;
	case EVENT_CLOSE:
		tell_rest(b, frame, c, e);
		tell_flow(b, frame, c, e);
		session_fini(&c->session, &b->memory);
		table_drop(b->connections, c);
		break;
	case EVENT_OPEN:
	case EVENT_REFUSED:
	case EVENT_EOD: /* watch tells them */
	case EVENT_LEAK:
	case EVENT_BLIND:
	case EVENT_AUDIT:
	case EVENT_UPSTREAM:
	case EVENT_GUARD:
	case EVENT_LISTED:
	case EVENT_KIND_COUNT:
		break;
	}
}

void record_finish(struct record_book *b, struct frame *frame)
{
	struct connection *c;
	uint64_t seen_us;

	while ((c = table_oldest(b->connections, &seen_us)) != NULL)
		give_up(b, frame, c);
}
