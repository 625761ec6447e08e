/* store_read.c - see store_read.h. The file may be anybody's work, as far as its rows go: each value is checked. */
#include "report/store_read.h"

#include <stdio.h>
#include <string.h>

#include "postern/kind.h"
#include "report/words.h"

static void get_text(sqlite3_stmt *s, int column, char *out, unsigned out_bytes)
{
	const unsigned char *text = sqlite3_column_text(s, column);

	snprintf(out, out_bytes, "%s", text ? (const char *)text : "");
}

int store_read_clock(sqlite3 *db, struct store_clock *out)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(
	        db, "SELECT wall_us, monotonic_us, boot FROM clock WHERE id = 1", -1, &s, NULL);

	memset(out, 0, sizeof(*out));
	if (r == SQLITE_OK)
		r = sqlite3_step(s);
	if (r == SQLITE_ROW) {
		out->wall_us = (uint64_t)sqlite3_column_int64(s, 0);
		out->monotonic_us = (uint64_t)sqlite3_column_int64(s, 1);
		get_text(s, 2, out->boot, sizeof(out->boot));
	}
	sqlite3_finalize(s);
	return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

static bool read_block(sqlite3_stmt *s, struct store_block *b)
{
	char prefix[PREFIX_TEXT_MAX], action[32];
	int word;
	int64_t until_us = sqlite3_column_int64(s, 2);

	memset(b, 0, sizeof(*b));
	get_text(s, 0, prefix, sizeof(prefix));
	b->set_us = (uint64_t)sqlite3_column_int64(s, 1);
	b->until_us = (uint64_t)until_us;
	b->uid = sqlite3_column_int64(s, 3);
	b->rule = (uint32_t)sqlite3_column_int64(s, 4);
	get_text(s, 5, b->reason, sizeof(b->reason));
	get_text(s, 6, action, sizeof(action));
	word = words_find(WORDS_ACTION, action);
	b->action = (uint8_t)word;
	return word >= 0 && prefix_parse(prefix, &b->prefix) == 0 && until_us >= 0;
}

/* Of a statement that gives what read_block() reads, finalized. r: of preparing it. */
static int read_all_blocks(sqlite3_stmt *s, int r, store_each_block *each, void *arg, unsigned *strange)
{
	struct store_block b;

	while (r == SQLITE_OK && (r = sqlite3_step(s)) == SQLITE_ROW) {
		r = SQLITE_OK;
		if (read_block(s, &b))
			each(arg, &b);
		else
			++*strange;
	}
	sqlite3_finalize(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

int store_read_in_force(sqlite3 *db, store_each_block *each, void *arg, unsigned *strange)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT prefix, set_us, until_us, uid, rule, reason, action FROM blocks WHERE ended_us IS "
	        "NULL "
	        "ORDER BY id",
	        -1, &s, NULL);

	return read_all_blocks(s, r, each, arg, strange);
}

int store_read_over(sqlite3 *db, uint64_t since_us, store_each_block *each, void *arg, unsigned *strange)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT prefix, set_us, ended_us, uid, rule, reason, action FROM blocks WHERE ended_us >= ?1 "
	        "AND ended_by = 'expired' AND uid < 0 ORDER BY ended_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, (int64_t)since_us);
	return read_all_blocks(s, r, each, arg, strange);
}

uint64_t store_read_made(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	uint64_t made_us = 0;

	if (sqlite3_prepare_v2(db, "SELECT made_us FROM clock", -1, &s, NULL) == SQLITE_OK &&
	        sqlite3_step(s) == SQLITE_ROW)
		made_us = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return made_us;
}

/* ---- incidents -------------------------------------------------------------------------------- */

#define STORY_COLUMNS                                                                                        \
	"SELECT id, rule, severity, state, count, first_us, last_us, pooled, source, source_port, server, "  \
	"server_port, direction, flow, self, blocked, verified, action, would, outcome, form, value, "       \
	"value_limit, baseline, window_s, target, bits, measure, block, acked_us, acked_by, acked_reason, "  \
	"before "                                                                                            \
	"FROM incidents "

/* What belongs to an incident, beside its row. */
enum detail { DETAIL_FACETS, DETAIL_EVIDENCE, DETAIL_ENVELOPES, DETAIL_COUNT };
struct details {
	sqlite3_stmt *of[DETAIL_COUNT];
};

static int open_details(sqlite3 *db, struct details *d)
{
	static const char *const text[DETAIL_COUNT] = {
		[DETAIL_FACETS] = "SELECT rule, severity, blocked, count, first_us, last_us FROM facets "
		                  "WHERE incident = ?1 ORDER BY first_us, rule",
		[DETAIL_EVIDENCE] = "SELECT rule, cut, bytes FROM evidence WHERE incident = ?1 ORDER BY n",
		[DETAIL_ENVELOPES] = "SELECT rule, time_us, cut, helo, mail_from, rcpt_to FROM envelopes "
		                     "WHERE incident = ?1 ORDER BY n",
	};
	int r = SQLITE_OK;

	for (unsigned i = 0; i < DETAIL_COUNT && r == SQLITE_OK; i++)
		r = sqlite3_prepare_v2(db, text[i], -1, &d->of[i], NULL);
	return r;
}

static void close_details(struct details *d)
{
	for (unsigned i = 0; i < DETAIL_COUNT; i++)
		sqlite3_finalize(d->of[i]);
}

/* What fits; the length that came out. */
static uint16_t get_bytes(sqlite3_stmt *s, int column, char *out, unsigned room)
{
	const void *bytes = sqlite3_column_blob(s, column);
	int len = sqlite3_column_bytes(s, column);

	if (!bytes || len <= 0)
		return 0;
	if ((unsigned)len > room)
		len = (int)room;
	memcpy(out, bytes, (size_t)len);
	return (uint16_t)len;
}

static uint64_t get_number(sqlite3_stmt *s, int column)
{
	return (uint64_t)sqlite3_column_int64(s, column);
}

/* The place of a rule's facet; 0 where it has none. */
static uint8_t facet_place(const struct incident_brief *in, uint32_t rule)
{
	for (unsigned i = 0; i < in->facet_count; i++)
		if (in->facets[i].id == rule)
			return (uint8_t)i;
	return 0;
}

static void read_facet(sqlite3_stmt *s, struct finding *f)
{
	struct incident_brief *in = &f->incident;
	struct incident_facet *facet = &in->facets[in->facet_count];

	*facet = (struct incident_facet) {
		.id = (uint32_t)get_number(s, 0),
		.severity = (uint8_t)get_number(s, 1),
		.blocked = get_number(s, 2) != 0,
		.count = get_number(s, 3),
		.first_us = get_number(s, 4),
		.last_us = get_number(s, 5),
	};
	if (finding_kind(facet->id) && facet->severity >= 1 && facet->severity <= 4 && facet->count > 0)
		in->facet_count++;
}

static void read_line(sqlite3_stmt *s, struct finding *f)
{
	struct event_text *line = &f->evidence[f->evidence_count];

	f->incident.evidence_facet[f->evidence_count++] =
	        facet_place(&f->incident, (uint32_t)get_number(s, 0));
	line->cut = sqlite3_column_int(s, 1) != 0;
	line->len = get_bytes(s, 2, line->bytes, sizeof(line->bytes));
}

static void read_envelope(sqlite3_stmt *s, struct finding *f)
{
	struct incident_brief *in = &f->incident;
	struct incident_envelope *e = &in->envelopes[in->envelope_count++];
	const uint64_t cut = get_number(s, 2);

	memset(e, 0, sizeof(*e));
	e->facet = facet_place(in, (uint32_t)get_number(s, 0));
	e->time_us = get_number(s, 1);
	for (unsigned i = 0; i < ENVELOPE_FIELD_COUNT; i++) {
		e->len[i] = (uint8_t)get_bytes(s, 3 + (int)i, e->bytes[i], INCIDENT_FIELD_MAX);
		e->cut[i] = (cut >> i & 1) != 0 || sqlite3_column_bytes(s, 3 + (int)i) > INCIDENT_FIELD_MAX;
	}
}

static void get_path(struct event_path *path, const struct incident_envelope *e, enum envelope_field which)
{
	path->len = e->len[which];
	path->cut = e->cut[which];
	memcpy(path->bytes, e->bytes[which], e->len[which]);
}

/* The lists of f's incident. */
static void read_details(const struct details *d, struct finding *f)
{
	static const struct {
		void (*read)(sqlite3_stmt *s, struct finding *f);
		unsigned most;
	} lists[DETAIL_COUNT] = {
		[DETAIL_FACETS] = { read_facet, FINDING_KIND_COUNT },
		[DETAIL_EVIDENCE] = { read_line, FINDING_EVIDENCE_MAX },
		[DETAIL_ENVELOPES] = { read_envelope, INCIDENT_ENVELOPES_MAX },
	};

	for (unsigned i = 0; i < DETAIL_COUNT; i++) {
		(void)sqlite3_bind_int64(d->of[i], 1, (int64_t)f->incident.id);
		for (unsigned n = 0; n < lists[i].most && sqlite3_step(d->of[i]) == SQLITE_ROW; n++)
			lists[i].read(d->of[i], f);
		(void)sqlite3_reset(d->of[i]);
	}
	if (f->incident.envelope_count == 0)
		return;
	get_path(&f->helo, &f->incident.envelopes[0], ENVELOPE_HELO);
	get_path(&f->mail_from, &f->incident.envelopes[0], ENVELOPE_MAIL_FROM);
	get_path(&f->rcpt_to, &f->incident.envelopes[0], ENVELOPE_RCPT_TO);
}

/* The number of a word of the records; -1 = none that this posternd knows. */
static int get_word(sqlite3_stmt *s, int column, enum words_table table)
{
	char word[64];

	get_text(s, column, word, sizeof(word));
	return words_find(table, word);
}

/* An address, or none where none is known; false if it is neither. */
static bool get_address(sqlite3_stmt *s, int column, struct addr *out)
{
	char text[ADDR_TEXT_MAX];

	get_text(s, column, text, sizeof(text));
	return !*text || addr_parse(text, out) == 0;
}

/* An enum's value out of a word; what is not known any more is none. */
static uint8_t or_none(int value)
{
	return value < 0 ? 0 : (uint8_t)value;
}

static bool read_ends(sqlite3_stmt *s, struct event_connection *conn)
{
	int direction = get_word(s, 12, WORDS_DIRECTION);

	conn->rule = conn->server = -1;
	conn->sport = (uint16_t)get_number(s, 9);
	conn->dport = (uint16_t)get_number(s, 11);
	conn->direction = or_none(direction);
	conn->flow_id = get_number(s, 13);
	conn->self = (uint8_t)get_number(s, 14);
	return direction >= 0 && get_address(s, 8, &conn->src) && get_address(s, 10, &conn->dst);
}

static uint8_t get_bits(sqlite3_stmt *s)
{
	return get_number(s, 26) <= 128 ? (uint8_t)get_number(s, 26) : 0;
}

static bool read_story(sqlite3_stmt *s, const struct details *d, struct finding *f)
{
	int state = get_word(s, 3, WORDS_INCIDENT_STATE);

	memset(f, 0, sizeof(*f));
	f->incident.id = get_number(s, 0);
	f->id = (uint32_t)get_number(s, 1);
	f->severity = (uint8_t)get_number(s, 2);
	f->incident.state = or_none(state);
	f->incident.count = get_number(s, 4);
	f->time_us = f->incident.first_us = get_number(s, 5);
	f->incident.last_us = get_number(s, 6);
	f->pooled = get_number(s, 7) != 0;
	f->blocked = get_number(s, 15) != 0;
	f->verified = get_number(s, 16) != 0;
	f->action = or_none(get_word(s, 17, WORDS_ACTION));
	f->would = or_none(get_word(s, 18, WORDS_ACTION));
	f->outcome = or_none(get_word(s, 19, WORDS_OUTCOME));
	f->form = or_none(get_word(s, 20, WORDS_FORM));
	f->value = get_number(s, 21);
	f->limit = get_number(s, 22);
	f->baseline = get_number(s, 23);
	f->window_s = (uint32_t)get_number(s, 24);
	f->at_target = get_number(s, 25) != STORE_TARGET_NONE;
	f->source_bits = get_bits(s);
	f->measure = (uint8_t)get_number(s, 27);
	get_text(s, 28, f->block, sizeof(f->block));
	f->incident.ack.time_us = get_number(s, 29);
	f->incident.ack.uid = sqlite3_column_int64(s, 30);
	get_text(s, 31, f->incident.ack.reason, sizeof(f->incident.ack.reason));
	f->incident.before = get_number(s, 32) >> 53 ? 0 : get_number(s, 32);
	if (!read_ends(s, &f->conn) || state < 0 || f->incident.id == 0 || f->incident.id >> 53 != 0 ||
	        f->incident.count == 0 || f->severity < 1 || f->severity > 4)
		return false;
	read_details(d, f);
	if (get_number(s, 25) == STORE_TARGET_MAILBOX && (f->rcpt_to.len == 0 || f->rcpt_to.cut))
		f->at_target = 2;
	return true;
}

/* Of a statement that gives STORY_COLUMNS, finalized. r: of preparing it. */
static int read_all_stories(
        sqlite3 *db, sqlite3_stmt *s, int r, store_each_story *each, void *arg, unsigned *strange)
{
	struct details d = { { NULL } };
	struct finding f;

	if (r == SQLITE_OK)
		r = open_details(db, &d);
	while (r == SQLITE_OK && (r = sqlite3_step(s)) == SQLITE_ROW) {
		r = SQLITE_OK;
		if (read_story(s, &d, &f))
			each(arg, &f);
		else
			++*strange;
	}
	sqlite3_finalize(s);
	close_details(&d);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

int store_read_open_stories(sqlite3 *db, store_each_story *each, void *arg, unsigned *strange)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(
	        db, STORY_COLUMNS "WHERE state <> 'closed' ORDER BY last_us", -1, &s, NULL);

	return read_all_stories(db, s, r, each, arg, strange);
}

int store_read_closed_stories(
        sqlite3 *db, uint64_t since_us, unsigned most, store_each_story *each, void *arg, unsigned *strange)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        STORY_COLUMNS
	        "WHERE id IN (SELECT id FROM incidents WHERE state = 'closed' AND last_us >= ?1 "
	        "ORDER BY last_us DESC LIMIT ?2) ORDER BY last_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK) {
		(void)sqlite3_bind_int64(s, 1, (int64_t)since_us);
		(void)sqlite3_bind_int64(s, 2, most);
	}
	return read_all_stories(db, s, r, each, arg, strange);
}

/* Of many sources, none is the story's. The families stay apart: IPv4 lies within the numbers of ::/0. */
static const char *source_condition(const struct store_question *q)
{
	if (!q->has_source)
		return "";
	return prefix_is_v4(&q->source) ? " AND pooled = 0 AND target = 0 AND source_key BETWEEN ?4 AND ?5"
	                                : " AND pooled = 0 AND target = 0 AND source_key BETWEEN ?4 AND ?5 "
	                                  "AND NOT (source_key BETWEEN "
	                                  "x'00000000000000000000ffff00000000' AND "
	                                  "x'00000000000000000000ffffffffffff')";
}

/* In which lie all networks that may count as one source and hold some of q's: the rows tell which do. */
static struct prefix widest(const struct prefix *q)
{
	enum { WIDEST_V4 = 96 + 8, WIDEST_V6 = 16 };
	const uint8_t most = prefix_is_v4(q) ? WIDEST_V4 : WIDEST_V6;
	struct prefix wide = { .bits = q->bits < most ? q->bits : most };

	wide.addr = addr_mask(&q->addr, wide.bits);
	return wide;
}

static int prepare_page(sqlite3 *db, const struct store_question *q, sqlite3_stmt **s)
{
	char sql[1280];
	struct prefix wide = widest(&q->source);
	struct addr first = prefix_first(&wide), last = prefix_last(&wide);
	int r;

	snprintf(sql, sizeof(sql),
	        STORY_COLUMNS "WHERE last_us >= ?1 AND (?2 = 0 OR (last_us, id) < (?2, ?3))%s%s%s%s "
	                      "ORDER BY last_us DESC, id DESC",
	        source_condition(q),
	        q->rule ? " AND (rule = ?6 OR EXISTS (SELECT 1 FROM facets WHERE "
	                  "incident = incidents.id AND facets.rule = ?6))"
	                : "",
	        q->id ? " AND id = ?7" : "", q->open ? " AND state <> 'closed'" : "");
	r = sqlite3_prepare_v2(db, sql, -1, s, NULL);
	if (r != SQLITE_OK)
		return r;
	(void)sqlite3_bind_int64(*s, 1, (int64_t)q->since_us);
	(void)sqlite3_bind_int64(*s, 2, (int64_t)q->before_us);
	(void)sqlite3_bind_int64(*s, 3, (int64_t)q->before_id);
	if (q->has_source) {
		(void)sqlite3_bind_blob(*s, 4, first.b, sizeof(first.b), SQLITE_TRANSIENT);
		(void)sqlite3_bind_blob(*s, 5, last.b, sizeof(last.b), SQLITE_TRANSIENT);
	}
	if (q->rule)
		(void)sqlite3_bind_int64(*s, 6, q->rule);
	if (q->id)
		(void)sqlite3_bind_int64(*s, 7, (int64_t)q->id);
	return r;
}

/* An address of q's is one of the row's. */
static bool is_of_source(sqlite3_stmt *s, const struct store_question *q)
{
	struct prefix source;
	struct addr src;

	if (!q->has_source)
		return true;
	if (!get_address(s, 8, &src))
		return false;
	source = finding_prefix(&src, get_bits(s));
	return prefix_overlaps(&q->source, &source);
}

int store_read_page(sqlite3 *db, const struct store_question *q, struct finding *rows, int *count)
{
	struct details d = { { NULL } };
	sqlite3_stmt *s = NULL;
	int r = open_details(db, &d);

	*count = 0;
	if (r == SQLITE_OK)
		r = prepare_page(db, q, &s);
	while (r == SQLITE_OK && *count < STORE_PAGE && (r = sqlite3_step(s)) == SQLITE_ROW) {
		r = SQLITE_OK;
		if (is_of_source(s, q)) /* as far as it can be read: people may look at it */
			(void)read_story(s, &d, &rows[(*count)++]);
	}
	sqlite3_finalize(s);
	close_details(&d);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* ---- mutes -------------------------------------------------------------------------------------- */

int store_read_muted(sqlite3 *db, uint64_t now_us, store_each_mute *each, void *arg, unsigned *strange)
{
	char prefix[PREFIX_TEXT_MAX];
	struct store_mute m;
	uint64_t rule;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT prefix, rule, set_us, until_us, uid, reason FROM mutes WHERE until_us > ?1 "
	        "ORDER BY set_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, (int64_t)now_us);
	while (r == SQLITE_OK && (r = sqlite3_step(s)) == SQLITE_ROW) {
		r = SQLITE_OK;
		memset(&m, 0, sizeof(m));
		get_text(s, 0, prefix, sizeof(prefix));
		rule = get_number(s, 1);
		m.rule = (uint32_t)rule;
		m.set_us = get_number(s, 2);
		m.until_us = get_number(s, 3);
		m.uid = sqlite3_column_int64(s, 4);
		get_text(s, 5, m.reason, sizeof(m.reason));
		if (prefix_parse(prefix, &m.prefix) == 0 && m.until_us > now_us &&
		        (rule == 0 || (rule == m.rule && finding_kind(m.rule))))
			each(arg, &m);
		else
			++*strange;
	}
	sqlite3_finalize(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* ---- who delivers ----------------------------------------------------------------------------- */

static bool read_seen(sqlite3_stmt *s, struct store_seen *row)
{
	uint64_t *const numbers[] = { &row->first_us, &row->last_us, &row->connections, &row->mails,
		&row->recipients, &row->tls, &row->refused };
	char client[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];

	memset(row, 0, sizeof(*row));
	get_text(s, 0, client, sizeof(client));
	get_text(s, 1, server, sizeof(server));
	row->self = (uint8_t)get_number(s, 2);
	row->verified = get_number(s, 3) != 0;
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = get_number(s, 4 + (int)i);
	return row->first_us > 0 && addr_parse(client, &row->client) == 0 &&
	       addr_parse(server, &row->server) == 0;
}

int store_read_last_seen(sqlite3 *db, unsigned most, store_each_seen *each, void *arg, unsigned *strange)
{
	struct store_seen row;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT * FROM (SELECT client, server, self, verified, first_us, last_us, connections, "
	        "mails, "
	        "recipients, tls, refused FROM seen ORDER BY last_us DESC LIMIT ?1) ORDER BY last_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, most);
	while (r == SQLITE_OK && (r = sqlite3_step(s)) == SQLITE_ROW) {
		r = SQLITE_OK;
		if (read_seen(s, &row))
			each(arg, &row);
		else
			++*strange;
	}
	sqlite3_finalize(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* ---- what sources have done ------------------------------------------------------------------- */

static bool read_source(sqlite3_stmt *s, struct store_source *row)
{
	int direction = get_word(s, 2, WORDS_DIRECTION);
	char prefix[PREFIX_TEXT_MAX];

	memset(row, 0, sizeof(*row));
	get_text(s, 0, prefix, sizeof(prefix));
	row->verified = get_number(s, 1) != 0;
	row->direction = or_none(direction);
	row->first_us = get_number(s, 3);
	row->last_us = get_number(s, 4);
	for (unsigned i = 0; i < STORE_SOURCE_COUNTS; i++)
		row->n[i] = get_number(s, 5 + (int)i);
	return row->first_us > 0 && direction >= 0 && prefix_parse(prefix, &row->prefix) == 0 &&
	       row->prefix.bits > 0;
}

int store_read_last_sources(sqlite3 *db, unsigned most, store_each_source *each, void *arg, unsigned *strange)
{
	struct store_source row;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT * FROM (SELECT prefix, verified, direction, first_us, last_us, connections, "
	        "transactions, messages, accepted, refused, null_senders, auth_failures, tls, bytes, "
	        "destinations FROM sources ORDER BY last_us DESC LIMIT ?1) ORDER BY last_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, most);
	while (r == SQLITE_OK && (r = sqlite3_step(s)) == SQLITE_ROW) {
		r = SQLITE_OK;
		if (read_source(s, &row))
			each(arg, &row);
		else
			++*strange;
	}
	sqlite3_finalize(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

/* ---- what is usual for sources ---------------------------------------------------------------- */

static bool read_usual(sqlite3_stmt *s, struct store_usual *row)
{
	char source[PREFIX_TEXT_MAX];

	memset(row, 0, sizeof(*row));
	get_text(s, 0, source, sizeof(source));
	row->last_us = get_number(s, 1);
	row->len = get_bytes(s, 2, (char *)row->bytes, sizeof(row->bytes));
	return row->len > 0 && prefix_parse(source, &row->source) == 0;
}

int store_read_last_usual(sqlite3 *db, unsigned most, store_each_usual *each, void *arg, unsigned *strange)
{
	struct store_usual row;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT * FROM (SELECT source, last_us, bytes FROM usual ORDER BY last_us DESC LIMIT ?1) "
	        "ORDER BY last_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, most);
	while (r == SQLITE_OK && (r = sqlite3_step(s)) == SQLITE_ROW) {
		r = SQLITE_OK;
		if (read_usual(s, &row))
			each(arg, &row);
		else
			++*strange;
	}
	sqlite3_finalize(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}
