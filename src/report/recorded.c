/* recorded.c - see recorded.h.
 *
 * A record is read into facts: a time, a kind, some numbers, two texts. They are sorted by time (stably: what the record
 * says first comes first) and copied into one piece of memory with their texts, so that many records may wait for their
 * time. An event is made of a fact when it is its turn (recorded_event.c).
 *
 * Limits: FACTS_MAX facts of a record; times of a record lie within a week of its own.
 * Rejected: to keep the JSON objects until their events are due: ten times the memory.
 */
#include "report/recorded.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "policy/policy.h"
#include "report/escape.h"
#include "report/frame.h"
#include "report/notice.h"
#include "report/recorded_inner.h"
#include "report/session.h"
#include "report/words.h"

struct recorded_book *recorded_book_new(uint32_t connections, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct recorded_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->connections = table_new(connections, sizeof(uint64_t), sizeof(struct known), hash_key);
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

uint16_t recorded_code(const json_t *object, const char *key)
{
	uint64_t code = number_of(object, key, UINT16_MAX);

	return code >= 200 && code <= 599 ? (uint16_t)code : 0;
}

struct span recorded_span(struct recorded_book *b, const json_t *object, const char *key, size_t most)
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

/* ---- facts ------------------------------------------------------------------------------------- */

/* A fact that finds no room is put into one that nobody reads. */
struct fact *recorded_add(struct recorded_book *b, enum event_kind kind, uint64_t time_us)
{
	static struct fact none;
	struct fact *f = b->fact_count < FACTS_MAX ? &b->facts[b->fact_count++] : &none;

	*f = (struct fact) { .kind = (uint8_t)kind, .time_us = time_us };
	return f;
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

static void read_flow(struct recorded_book *b, const json_t *flow)
{
	struct event_connection *c = &b->head.conn;
	struct event_close *close = &b->head.close;
	const json_t *tls = json_object_get(flow, "tls");
	struct known *known = table_find(b->connections, &c->flow_id);
	int state = words_find(WORDS_FLOW_STATE, text_of(flow, "state"));
	struct span sni;

	if (clock_parse(text_of(flow, "start"), &c->open_us) != 0 || c->open_us > b->head.base_us ||
	        b->head.base_us - c->open_us > RECORDED_SPAN_US)
		c->open_us = b->head.base_us;
	c->midstream = is_true(flow, "midstream");
	if (known) {
		c->source = known->source;
		table_drop(b->connections, known);
	} else {
		recorded_add(b, EVENT_OPEN, c->open_us);
	}
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
		sni = recorded_span(b, tls, "sni", EVENT_DOMAIN_MAX);
		close->sni.len = sni.len;
		memcpy(close->sni.bytes, b->texts + sni.at, sni.len);
	}
	recorded_add(b, EVENT_CLOSE, b->head.base_us);
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

/* Why it is no record of ours that could be read: files with others are given by mistake. */
static const char *no_record(const json_t *record)
{
	if (json_is_object(json_object_get(record, "ecs")))
		return "it is an ECS record; the records that log.eve writes can be read";
	return "it is no record: it has no event_type";
}

/* Whether it is told by Postern, in a form that is known. */
static bool is_ours(const json_t *record, const char **why)
{
	const json_t *postern = json_object_get(record, "postern");

	*why = NULL;
	if (number_of(postern, "schema", UINT16_MAX) > FRAME_SCHEMA)
		*why = "a newer Postern has written it (postern.schema)";
	return json_is_object(postern) && !*why;
}

static enum recorded_result read_mail(struct recorded_book *b, const json_t *record, const char *type,
        struct recorded **out, const char **why)
{
	const json_t *own = json_object_get(record, type);

	memset(&b->head, 0, sizeof(b->head));
	b->fact_count = 0;
	b->text_bytes = 0;
	if (!json_is_object(own) || clock_parse(text_of(record, "timestamp"), &b->head.base_us) != 0) {
		*why = "it has no timestamp, or nothing of its own";
		return RECORDED_BAD;
	}
	if (!add_connection(b, record, why))
		return RECORDED_BAD;
	if (strcmp(type, "smtp") == 0)
		recorded_read_smtp(b, record, own);
	else
		read_flow(b, own);
	*out = copy(b);
	*why = "there is no memory for it";
	return *out ? RECORDED_OK : RECORDED_BAD;
}

static uint64_t grown(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now; /* less: another daemon */
}

/* What was lost before the first of these records, nobody knows. */
static void take_losses(struct recorded_book *b, const json_t *stats)
{
	uint64_t ring = number_of(json_object_get(stats, "ring"), "lost", INT64_MAX);
	uint64_t own = number_of(json_object_get(stats, "event"), "lost", INT64_MAX); /* the same ones */
	const struct losses now = {
		.known = true,
		.events = ring > own ? ring : own,
		.records = number_of(json_object_get(stats, "report"), "lost", INT64_MAX),
	};

	if (b->losses.known)
		b->cuts.lost += grown(b->losses.events, now.events) + grown(b->losses.records, now.records);
	b->losses = now;
}

static enum recorded_result read_object(
        struct recorded_book *b, const json_t *record, struct recorded **out, const char **why)
{
	const char *type = text_of(record, "event_type");
	bool is_mail = strcmp(type, "smtp") == 0 ||
	               (strcmp(type, "flow") == 0 && strcmp(text_of(record, "app_proto"), "smtp") == 0);

	if (!json_is_object(record) || *type == '\0') {
		*why = no_record(record);
		return RECORDED_BAD;
	}
	if (strcmp(type, "stats") == 0 && is_ours(record, why))
		take_losses(b, json_object_get(record, type));
	if (!is_mail && strcmp(type, "budget") != 0)
		return RECORDED_OTHER;
	if (!is_ours(record, why))
		return *why ? RECORDED_BAD : RECORDED_FOREIGN;
	if (is_mail)
		return read_mail(b, record, type, out, why);
	*why = "it does not say what was left out";
	return notice_read(record, &b->notice) ? RECORDED_LEFT_OUT : RECORDED_BAD;
}

const struct recorded_cuts *recorded_cuts(const struct recorded_book *b)
{
	return &b->cuts;
}

const struct budget_notice *recorded_left_out(const struct recorded_book *b)
{
	return &b->notice;
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
