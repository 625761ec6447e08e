/* recorded.c - see recorded.h.
 *
 * A record is read into facts: a time, a kind, some numbers, two texts. They are sorted by time (stably: what the record
 * says first comes first) and copied into one piece of memory with their texts, so that many records may wait for their
 * time. An event is made of a fact when it is its turn.
 *
 * Recipients that the record has cut from its list are known by number only: they come without a path, at the time of the
 * last one. So do VRFY, EXPN and refused logins that `commands` has no room for, at the end of the record.
 *
 * Limits: FACTS_MAX facts of a record, REST_MAX recipients without a path; times of a record lie within SPAN_US of its own.
 * Rejected: to keep the JSON objects until their events are due: ten times the memory.
 */
#include "report/recorded.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "policy/policy.h"
#include "report/escape.h"
#include "report/session.h"
#include "report/words.h"

enum { FACTS_MAX = 512, REST_MAX = 10000, TEXTS_MAX = 256 * 1024, WHY_MAX = JSON_ERROR_TEXT_LENGTH + 32 };
static const uint64_t SPAN_US = 7 * UINT64_C(86400000000);

/* Bytes of the record's texts. */
struct span {
	uint32_t at;
	uint16_t len;
	bool cut;
};

struct fact {
	uint64_t time_us;
	struct span name, text, user; /* name: path, HELO name, mechanism, verb, SNI; text: of the reply */
	uint32_t number;              /* index of a recipient; hold_ms */
	uint32_t repeat;              /* further events like this one */
	uint16_t code;
	uint8_t kind;  /* enum event_kind */
	uint8_t flags; /* enum fact_flag */
	uint8_t more;  /* HELO: its verb; TX_END: enum event_end; RCPT: enum event_outcome */
};

enum fact_flag {
	FACT_OFFERED = 1,
	FACT_MASKED = 2,
	FACT_IN_CLEAR = 4,
	FACT_IMPLICIT = 8,
	FACT_UNCERTAIN = 16
};

/* What all events of a record share. */
struct head {
	struct event_connection conn;
	struct event_close close; /* of a `flow` record */
	struct recorded_notes notes;
	uint64_t size_bytes;
	struct span message_id;
	uint32_t tx_id;
	bool pipelined, bdat, gap, final;
};

struct recorded {
	struct head head;
	uint64_t end_us;
	unsigned fact_count, next;
	const char *texts; /* behind the facts */
	struct fact facts[];
};

struct recorded_book {
	struct table *connections; /* flow_id -> its beginning */
	struct head head;          /* of the record that is read */
	struct fact facts[FACTS_MAX];
	unsigned fact_count;
	char texts[TEXTS_MAX];
	size_t text_bytes;
	uint64_t base_us; /* `timestamp` */
	char why[WHY_MAX];
};

struct recorded_book *recorded_book_new(uint32_t connections, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct recorded_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->connections = table_new(connections, sizeof(uint64_t), sizeof(uint64_t), hash_key);
	if (b->connections)
		return b;
	free(b);
	errno = ENOMEM;
	return NULL;
}

void recorded_book_free(struct recorded_book *b)
{
	if (b)
		table_free(b->connections);
	free(b);
}

void recorded_free(struct recorded *r)
{
	free(r);
}

/* ---- fields ------------------------------------------------------------------------------------ */

/* "" when there is none. */
static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Within [0, most]; 0 when there is none. */
static uint64_t number_of(const json_t *object, const char *key, uint64_t most)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	if (n <= 0)
		return 0;
	return (uint64_t)n < most ? (uint64_t)n : most;
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static uint16_t code_of(const json_t *object, const char *key)
{
	uint64_t code = number_of(object, key, UINT16_MAX);

	return code >= 200 && code <= 599 ? (uint16_t)code : 0;
}

/* A text as bytes again, at most `most` of them. */
static struct span span_of(struct recorded_book *b, const json_t *object, const char *key, size_t most)
{
	const json_t *value = json_object_get(object, key);
	size_t len = json_string_length(value);
	struct span s = { .at = (uint32_t)b->text_bytes };
	char cut_key[32];

	if (len == 0 || b->text_bytes + len > sizeof(b->texts))
		return s;
	len = escape_undo(b->texts + b->text_bytes, json_string_value(value), len);
	s.len = (uint16_t)(len < most ? len : most);
	b->text_bytes += s.len;
	(void)snprintf(cut_key, sizeof(cut_key), "%s_cut", key);
	s.cut = len > most || is_true(object, cut_key);
	return s;
}

/* base_us and so many milliseconds, which may be negative. */
static uint64_t time_at(const struct recorded_book *b, const json_t *object, const char *key)
{
	json_int_t most = (json_int_t)(SPAN_US / 1000);
	json_int_t ms = json_integer_value(json_object_get(object, key));

	ms = ms < -most ? -most : ms > most ? most : ms;
	if (ms < 0 && b->base_us < (uint64_t)-ms * 1000)
		return 0;
	return ms < 0 ? b->base_us - (uint64_t)-ms * 1000 : b->base_us + (uint64_t)ms * 1000;
}

/* ---- facts ------------------------------------------------------------------------------------- */

/* A fact that finds no room is put into one that nobody reads. */
static struct fact *add_fact(struct recorded_book *b, enum event_kind kind, uint64_t time_us)
{
	static struct fact none;
	struct fact *f = b->fact_count < FACTS_MAX ? &b->facts[b->fact_count++] : &none;

	*f = (struct fact) { .kind = (uint8_t)kind, .time_us = time_us };
	return f;
}

static uint64_t last_time(const struct recorded_book *b)
{
	uint64_t last = b->base_us;

	for (unsigned i = 0; i < b->fact_count; i++)
		if (b->facts[i].time_us > last)
			last = b->facts[i].time_us;
	return last;
}

static bool add_connection(struct recorded_book *b, const json_t *record, const char **why)
{
	struct event_connection *c = &b->head.conn;
	const char *source = text_of(json_object_get(record, "smtp"), "source");
	const char *self = text_of(json_object_get(record, "postern"), "self");

	if (addr_parse(text_of(record, "src_ip"), &c->src) != 0 ||
	        addr_parse(text_of(record, "dest_ip"), &c->dst) != 0) {
		*why = "src_ip or dest_ip is no address";
		return false;
	}
	c->flow_id = number_of(record, "flow_id", INT64_MAX);
	if (c->flow_id == 0) {
		*why = "it has no flow_id";
		return false;
	}
	c->sport = (uint16_t)number_of(record, "src_port", UINT16_MAX);
	c->dport = (uint16_t)number_of(record, "dest_port", UINT16_MAX);
	c->source = words_find(WORDS_SOURCE, source) > 0 ? (uint8_t)words_find(WORDS_SOURCE, source)
	                                                 : SOURCE_WIRE;
	c->rule = c->server = -1;
	if (strcmp(self, "client") == 0)
		c->self = SELF_CLIENT;
	else if (strcmp(self, "server") == 0)
		c->self = SELF_SERVER;
	return true;
}

static struct span constant(struct recorded_book *b, const char *text)
{
	size_t len = strlen(text);
	struct span s = { .at = (uint32_t)b->text_bytes };

	if (b->text_bytes + len > sizeof(b->texts))
		return s;
	memcpy(b->texts + b->text_bytes, text, len);
	b->text_bytes += len;
	s.len = (uint16_t)len;
	return s;
}

static void add_helo(struct recorded_book *b, const json_t *entry, unsigned verb, uint64_t time_us)
{
	struct fact *f = add_fact(b, EVENT_HELO, time_us);
	const char *offer = text_of(entry, "starttls");

	f->more = (uint8_t)verb;
	f->name = span_of(b, entry, "name", EVENT_PATH_MAX);
	f->flags = strcmp(offer, "offered") == 0  ? FACT_OFFERED
	           : strcmp(offer, "masked") == 0 ? FACT_MASKED
	                                          : 0;
}

static void add_tls(struct recorded_book *b, const json_t *entry, uint64_t time_us)
{
	struct fact *f = add_fact(b, EVENT_TLS, time_us);

	f->number = session_tls_version(text_of(entry, "version"));
	f->name = span_of(b, entry, "sni", EVENT_DOMAIN_MAX);
	f->flags = is_true(entry, "implicit") ? FACT_IMPLICIT : 0;
}

static void add_auth(struct recorded_book *b, const json_t *entry, uint64_t time_us)
{
	struct fact *f = add_fact(b, EVENT_AUTH, time_us);

	f->name = span_of(b, entry, "mech", EVENT_NAME_MAX - 1);
	f->user = span_of(b, entry, "user", EVENT_PATH_MAX);
	f->flags = is_true(entry, "in_clear") ? FACT_IN_CLEAR : 0;
}

static void add_command(struct recorded_book *b, const json_t *entry)
{
	static const char *const helos[] = { "HELO", "EHLO", "LHLO" };
	const char *verb = text_of(entry, "verb");
	uint64_t time_us = time_at(b, entry, "ms");
	unsigned before = b->fact_count;

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(verb, helos[i]) == 0)
			add_helo(b, entry, i, time_us);
	if (strcmp(verb, "GREETING") == 0)
		add_fact(b, EVENT_GREETING, time_us);
	else if (strcmp(verb, "TLS") == 0)
		add_tls(b, entry, time_us);
	else if (strcmp(verb, "AUTH") == 0)
		add_auth(b, entry, time_us);
	else if (b->fact_count == before)
		add_fact(b, EVENT_COMMAND, time_us)->name = span_of(b, entry, "verb", EVENT_NAME_MAX - 1);
	if (b->fact_count == before)
		return;
	b->facts[before].code = code_of(entry, "code");
	b->facts[before].text = span_of(b, entry, "text", EVENT_TEXT_MAX);
}

/* Those that the list has no room for are known by number. */
static void add_rest_of_commands(struct recorded_book *b, const json_t *smtp)
{
	static const struct {
		const char *key, *verb;
		enum event_kind kind;
		uint16_t code;
	} counts[] = { { "vrfy", "VRFY", EVENT_COMMAND, 0 }, { "expn", "EXPN", EVENT_COMMAND, 0 },
		{ "auth_failures", "", EVENT_AUTH, 535 } };
	uint64_t end_us = last_time(b);

	for (unsigned k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
		uint64_t left = number_of(smtp, counts[k].key, REST_MAX);
		struct fact *f;

		for (unsigned i = 0; i < b->fact_count && left > 0; i++) {
			const struct fact *have = &b->facts[i];

			if (have->kind == counts[k].kind &&
			        (counts[k].code ? have->code >= 400
			                        : have->name.len == 4 && memcmp(b->texts + have->name.at,
			                                                         counts[k].verb, 4) == 0))
				left--;
		}
		if (left == 0)
			continue;
		f = add_fact(b, counts[k].kind, end_us);
		f->name = constant(b, counts[k].verb);
		f->code = counts[k].code;
		f->repeat = (uint32_t)left - 1;
	}
}

/* How the connection began: by this record, by one before it, or before the first of them. */
static void add_beginning(struct recorded_book *b, const json_t *smtp)
{
	struct event_connection *c = &b->head.conn;
	const uint64_t *known = table_find(b->connections, &c->flow_id);
	const json_t *opened = json_object_get(smtp, "opened");
	bool is_first = json_is_string(opened) || !known;
	uint64_t *open_us;

	c->midstream = is_true(smtp, "midstream");
	c->open_us = known ? *known : b->base_us;
	if (json_is_string(opened) && clock_parse(json_string_value(opened), &c->open_us) != 0)
		c->open_us = b->base_us;
	if (c->open_us > b->base_us || b->base_us - c->open_us > SPAN_US)
		c->open_us = b->base_us;
	open_us = table_take(b->connections, &c->flow_id, b->base_us, NULL);
	*open_us = c->open_us;
	if (!is_first)
		return;
	add_fact(b, EVENT_OPEN, c->open_us);
	if (json_object_get(smtp, "opened") || json_object_get(smtp, "commands") || c->midstream)
		return;
	add_fact(b, EVENT_GREETING, c->open_us)->code = 220;
	if (!json_is_string(json_object_get(smtp, "helo")))
		return;
	add_helo(b, smtp, 1, c->open_us);
	b->facts[b->fact_count - 1].name = span_of(b, smtp, "helo", EVENT_PATH_MAX);
	b->facts[b->fact_count - 1].code = 250;
}

static uint8_t outcome_of(const json_t *entry, uint16_t code)
{
	int outcome = words_find(WORDS_OUTCOME, text_of(entry, "outcome"));

	if (outcome == OUTCOME_REFUSED_BY_US)
		return OUTCOME_REFUSED_BY_US;
	if (code == 0)
		return OUTCOME_UNANSWERED;
	return code < 300 ? OUTCOME_ACCEPTED : OUTCOME_REFUSED_BY_SERVER;
}

static void add_rest_of_recipients(
        struct recorded_book *b, const json_t *smtp, uint64_t accepted, uint64_t refused)
{
	const struct {
		uint64_t left;
		uint16_t code;
		uint8_t outcome;
	} rest[] = {
		{ number_of(smtp, "rcpt_accepted", REST_MAX) - accepted, 250, OUTCOME_ACCEPTED },
		{ number_of(smtp, "rcpt_refused", REST_MAX) - refused, 550, OUTCOME_REFUSED_BY_SERVER },
	};
	uint64_t time_us = json_object_get(smtp, "rcpt_ms") ? time_at(b, smtp, "rcpt_ms") : last_time(b);

	for (unsigned i = 0; i < 2; i++) {
		struct fact *f;

		if (rest[i].left == 0 || rest[i].left > REST_MAX) /* below 0: more are listed than counted */
			continue;
		f = add_fact(b, EVENT_RCPT, time_us);
		f->code = rest[i].code;
		f->more = rest[i].outcome;
		f->repeat = (uint32_t)rest[i].left - 1;
	}
}

static void add_recipients(struct recorded_book *b, const json_t *smtp)
{
	const json_t *entry;
	uint64_t accepted = 0, refused = 0;
	size_t i;

	json_array_foreach (json_object_get(smtp, "rcpt"), i, entry) {
		struct fact *f;

		if (i >= TRANSACTION_RCPT_MAX)
			break;
		f = add_fact(b, EVENT_RCPT, time_at(b, entry, "ms"));
		f->name = span_of(b, entry, "path", EVENT_PATH_MAX);
		f->code = code_of(entry, "code");
		f->text = span_of(b, entry, "text", EVENT_TEXT_MAX);
		f->number = (uint32_t)number_of(entry, "hold_ms", UINT32_MAX);
		f->more = outcome_of(entry, f->code);
		f->flags = is_true(entry, "uncertain") ? FACT_UNCERTAIN : 0;
		accepted += f->code / 100 == 2;
		refused += f->code >= 400;
	}
	add_rest_of_recipients(b, smtp, accepted, refused);
}

static void add_data(struct recorded_book *b, const json_t *smtp)
{
	bool completed = strcmp(text_of(smtp, "end"), "completed") == 0;
	bool timed = json_object_get(smtp, "data_ms") != NULL;
	struct fact *f;

	if (!timed && !completed)
		return;
	b->head.final = timed ? is_true(smtp, "final") : completed;
	f = add_fact(b, EVENT_DATA, timed ? time_at(b, smtp, "data_ms") : last_time(b));
	f->code = code_of(smtp, "reply");
	f->text = span_of(b, smtp, "reply_text", EVENT_TEXT_MAX);
	b->head.message_id = span_of(b, smtp, "message_id", EVENT_PATH_MAX);
	b->head.size_bytes = number_of(smtp, "size", INT64_MAX);
}

static void add_transaction(struct recorded_book *b, const json_t *smtp)
{
	int end = words_find(WORDS_END, text_of(smtp, "end"));
	struct fact *f;

	if (json_is_string(json_object_get(smtp, "mail_from"))) {
		f = add_fact(b, EVENT_MAIL, time_at(b, smtp, "mail_ms"));
		f->name = span_of(b, smtp, "mail_from", EVENT_PATH_MAX);
		f->code = json_object_get(smtp, "mail_ms") ? code_of(smtp, "mail_code") : 250;
		f->text = span_of(b, smtp, "mail_text", EVENT_TEXT_MAX);
	}
	add_recipients(b, smtp);
	add_data(b, smtp);
	add_rest_of_commands(b, smtp);
	if (b->head.tx_id == 0)
		return;
	f = add_fact(
	        b, EVENT_TX_END, json_object_get(smtp, "end_ms") ? time_at(b, smtp, "end_ms") : last_time(b));
	f->more = end < 0 ? END_LOST : (uint8_t)end;
}

static void read_smtp(struct recorded_book *b, const json_t *record, const json_t *smtp)
{
	const json_t *entry;
	size_t i;

	b->head.tx_id = (uint32_t)number_of(record, "tx_id", UINT32_MAX);
	b->head.pipelined = is_true(smtp, "pipelined");
	b->head.bdat = is_true(smtp, "bdat");
	b->head.gap = is_true(smtp, "gap");
	b->head.notes.authenticated =
	        strcmp(text_of(json_object_get(smtp, "auth"), "result"), "accepted") == 0;
	add_beginning(b, smtp);
	json_array_foreach (json_object_get(smtp, "commands"), i, entry)
		if (i < SESSION_COMMANDS_MAX)
			add_command(b, entry);
	add_transaction(b, smtp);
}

static void read_flow(struct recorded_book *b, const json_t *flow)
{
	struct event_connection *c = &b->head.conn;
	struct event_close *close = &b->head.close;
	const json_t *tls = json_object_get(flow, "tls");
	uint64_t *known = table_find(b->connections, &c->flow_id);
	int state = words_find(WORDS_FLOW_STATE, text_of(flow, "state"));
	struct span sni;

	if (clock_parse(text_of(flow, "start"), &c->open_us) != 0 || c->open_us > b->base_us ||
	        b->base_us - c->open_us > SPAN_US)
		c->open_us = b->base_us;
	c->midstream = is_true(flow, "midstream");
	if (known)
		table_drop(b->connections, known);
	else
		add_fact(b, EVENT_OPEN, c->open_us);
	close->state = state < 0 ? STATE_CLOSED : (uint8_t)state;
	close->bytes_toserver = number_of(flow, "bytes_toserver", INT64_MAX);
	close->bytes_toclient = number_of(flow, "bytes_toclient", INT64_MAX);
	close->packets_toserver = number_of(flow, "pkts_toserver", INT64_MAX);
	close->packets_toclient = number_of(flow, "pkts_toclient", INT64_MAX);
	close->skipped_bytes = number_of(flow, "skipped_bytes", INT64_MAX);
	close->transactions = (uint32_t)number_of(flow, "transactions", UINT32_MAX);
	close->greeted =
	        json_object_get(flow, "greeted") ? is_true(flow, "greeted") : close->bytes_toclient > 0;
	close->held = (uint32_t)number_of(flow, "held", UINT32_MAX);
	close->held_ms = (uint32_t)number_of(flow, "held_ms", UINT32_MAX);
	if (json_is_object(tls)) {
		close->tls = 1;
		close->tls_version = session_tls_version(text_of(tls, "version"));
		sni = span_of(b, tls, "sni", EVENT_DOMAIN_MAX);
		close->sni.len = sni.len;
		memcpy(close->sni.bytes, b->texts + sni.at, sni.len);
	}
	add_fact(b, EVENT_CLOSE, b->base_us);
}

/* ---- records ----------------------------------------------------------------------------------- */

/* Insertion: they are almost in order. */
static void sort_facts(struct fact *facts, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		struct fact f = facts[i];
		unsigned at = i;

		for (; at > 0 && facts[at - 1].time_us > f.time_us; at--)
			facts[at] = facts[at - 1];
		facts[at] = f;
	}
}

/* The end of the transaction is the end of it, whatever clocks were rounded. */
static void end_last(struct recorded_book *b)
{
	struct fact *last = b->fact_count > 0 ? &b->facts[b->fact_count - 1] : NULL;

	if (last && last->kind == EVENT_TX_END)
		for (unsigned i = 0; i + 1 < b->fact_count; i++)
			if (b->facts[i].time_us > last->time_us)
				last->time_us = b->facts[i].time_us;
}

static struct recorded *copy(struct recorded_book *b)
{
	size_t facts = b->fact_count * sizeof(b->facts[0]);
	struct recorded *r;

	end_last(b);
	sort_facts(b->facts, b->fact_count);
	r = malloc(sizeof(*r) + facts + b->text_bytes);
	if (!r)
		return NULL;
	*r = (struct recorded) { .head = b->head };
	r->fact_count = b->fact_count;
	r->end_us = b->fact_count > 0 ? b->facts[b->fact_count - 1].time_us : 0;
	memcpy(r->facts, b->facts, facts);
	r->texts = (const char *)r->facts + facts;
	memcpy((char *)r->facts + facts, b->texts, b->text_bytes);
	return r;
}

static enum recorded_result read_object(
        struct recorded_book *b, const json_t *record, struct recorded **out, const char **why)
{
	const char *type = text_of(record, "event_type");
	const json_t *own = json_object_get(record, type);
	bool is_smtp = strcmp(type, "smtp") == 0;

	if (!json_is_object(record) || *type == '\0') {
		*why = "it is no record: it has no event_type";
		return RECORDED_BAD;
	}
	if ((!is_smtp && strcmp(type, "flow") != 0) ||
	        (!is_smtp && strcmp(text_of(record, "app_proto"), "smtp") != 0))
		return RECORDED_OTHER;
	memset(&b->head, 0, sizeof(b->head));
	b->fact_count = 0;
	b->text_bytes = 0;
	if (!json_is_object(own) || clock_parse(text_of(record, "timestamp"), &b->base_us) != 0) {
		*why = "it has no timestamp, or nothing of its own";
		return RECORDED_BAD;
	}
	if (!add_connection(b, record, why))
		return RECORDED_BAD;
	if (is_smtp)
		read_smtp(b, record, own);
	else
		read_flow(b, own);
	*out = copy(b);
	*why = "there is no memory for it";
	return *out ? RECORDED_OK : RECORDED_BAD;
}

enum recorded_result recorded_read(
        struct recorded_book *b, const char *line, size_t len, struct recorded **out, const char **why)
{
	json_error_t error;
	json_t *record = json_loadb(line, len, 0, &error);
	enum recorded_result result = RECORDED_BAD;

	*out = NULL;
	if (record) {
		result = read_object(b, record, out, why);
	} else {
		(void)snprintf(b->why, sizeof(b->why), "it is no JSON: %s", error.text);
		*why = b->why;
	}
	json_decref(record);
	return result;
}

/* ---- events ------------------------------------------------------------------------------------ */

uint64_t recorded_time(const struct recorded *r)
{
	return r->next < r->fact_count ? r->facts[r->next].time_us : UINT64_MAX;
}

uint64_t recorded_end(const struct recorded *r)
{
	return r->end_us;
}

struct recorded_notes *recorded_notes(struct recorded *r)
{
	return &r->head.notes;
}

/* Any of the text fields of an event, which the span fits. */
#define PUT(field, r, span) put((field).bytes, &(field).len, &(field).cut, (r), (span))

static void put(char *bytes, uint16_t *len, uint8_t *cut, const struct recorded *r, const struct span *s)
{
	memcpy(bytes, r->texts + s->at, s->len);
	*len = s->len;
	*cut = s->cut;
}

static void put_name(char name[EVENT_NAME_MAX], const struct recorded *r, const struct span *s)
{
	memcpy(name, r->texts + s->at, s->len);
	name[s->len] = '\0';
}

/* No two commands of a record were complete at the same time. */
static void put_reply(struct event_reply *reply, const struct recorded *r, const struct fact *f)
{
	reply->code = f->code;
	reply->lines = f->code > 0;
	reply->sent_us = f->time_us + r->head.notes.said;
	PUT(reply->text, r, &f->text);
}

static void fill_helo(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.helo.reply, r, f);
	e->u.helo.esmtp = f->more;
	e->u.helo.offers_starttls = (f->flags & FACT_OFFERED) != 0;
	e->u.helo.masks_starttls = (f->flags & FACT_MASKED) != 0;
	PUT(e->u.helo.name, r, &f->name);
}

static void fill_auth(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.auth.reply, r, f);
	e->u.auth.in_clear = (f->flags & FACT_IN_CLEAR) != 0;
	put_name(e->u.auth.mech, r, &f->name);
	PUT(e->u.auth.user, r, &f->user);
}

static void fill_mail(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.mail.reply, r, f);
	e->u.mail.tx_id = r->head.tx_id;
	e->u.mail.pipelined = r->head.pipelined;
	PUT(e->u.mail.path, r, &f->name);
}

static void fill_rcpt(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.rcpt.reply, r, f);
	e->u.rcpt.tx_id = r->head.tx_id;
	e->u.rcpt.outcome = f->more;
	e->u.rcpt.uncertain = (f->flags & FACT_UNCERTAIN) != 0;
	e->u.rcpt.pipelined = r->head.pipelined;
	e->u.rcpt.hold_ms = f->number;
	PUT(e->u.rcpt.path, r, &f->name);
}

static void fill_data(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.data.reply, r, f);
	e->u.data.tx_id = r->head.tx_id;
	e->u.data.size_bytes = r->head.size_bytes;
	e->u.data.bdat = r->head.bdat;
	e->u.data.final = r->head.final;
	PUT(e->u.data.message_id, r, &r->head.message_id);
}

static void fill(struct event *e, const struct recorded *r, const struct fact *f)
{
	switch ((enum event_kind)f->kind) {
	case EVENT_GREETING:
		put_reply(&e->u.reply, r, f);
		break;
	case EVENT_HELO:
		fill_helo(e, r, f);
		break;
	case EVENT_AUTH:
		fill_auth(e, r, f);
		break;
	case EVENT_MAIL:
		fill_mail(e, r, f);
		break;
	case EVENT_RCPT:
		fill_rcpt(e, r, f);
		break;
	case EVENT_DATA:
		fill_data(e, r, f);
		break;
	case EVENT_TX_END:
		e->u.tx_end = (struct event_tx_end) {
			.tx_id = r->head.tx_id, .end = f->more, .bdat = r->head.bdat, .gap = r->head.gap
		};
		break;
	case EVENT_COMMAND:
		put_reply(&e->u.command.reply, r, f);
		put_name(e->u.command.verb, r, &f->name);
		break;
	case EVENT_TLS:
		e->u.tls.version = (uint16_t)f->number;
		e->u.tls.implicit = (f->flags & FACT_IMPLICIT) != 0;
		PUT(e->u.tls.sni, r, &f->name);
		break;
	case EVENT_CLOSE:
		e->u.close = r->head.close;
		break;
	case EVENT_OPEN:
	case EVENT_ODD: /* these are not recorded as events */
	case EVENT_REFUSED:
	case EVENT_EOD:
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

bool recorded_next(struct recorded *r, struct event *e)
{
	struct fact *f = &r->facts[r->next];

	if (r->next >= r->fact_count)
		return false;
	memset(e, 0, sizeof(*e));
	e->kind = f->kind;
	e->time_us = f->time_us;
	e->conn = r->head.conn;
	fill(e, r, f);
	r->head.notes.said++;
	if (f->kind == EVENT_RCPT)
		e->u.rcpt.index = r->head.notes.next_rcpt++;
	if (f->repeat > 0)
		f->repeat--;
	else
		r->next++;
	return true;
}
