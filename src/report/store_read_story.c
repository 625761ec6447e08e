/* store_read_story.c - incidents, each with its facets, evidence and envelopes: at the start, and page by page for those who
 * ask. See store_read.h.
 */
#include <stdio.h>
#include <string.h>

#include "postern/kind.h"
#include "report/store_read.h"
#include "report/store_row.h"

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
		.id = (uint32_t)row_number(s, 0),
		.severity = (uint8_t)row_number(s, 1),
		.blocked = row_number(s, 2) != 0,
		.count = row_number(s, 3),
		.first_us = row_number(s, 4),
		.last_us = row_number(s, 5),
	};
	if (finding_kind(facet->id) && facet->severity >= 1 && facet->severity <= 4 && facet->count > 0)
		in->facet_count++;
}

static void read_line(sqlite3_stmt *s, struct finding *f)
{
	struct event_text *line = &f->evidence[f->evidence_count];

	f->incident.evidence_facet[f->evidence_count++] =
	        facet_place(&f->incident, (uint32_t)row_number(s, 0));
	line->cut = sqlite3_column_int(s, 1) != 0;
	line->len = row_bytes(s, 2, line->bytes, sizeof(line->bytes));
}

static void read_envelope(sqlite3_stmt *s, struct finding *f)
{
	struct incident_brief *in = &f->incident;
	struct incident_envelope *e = &in->envelopes[in->envelope_count++];
	const uint64_t cut = row_number(s, 2);

	memset(e, 0, sizeof(*e));
	e->facet = facet_place(in, (uint32_t)row_number(s, 0));
	e->time_us = row_number(s, 1);
	for (unsigned i = 0; i < ENVELOPE_FIELD_COUNT; i++) {
		e->len[i] = (uint8_t)row_bytes(s, 3 + (int)i, e->bytes[i], INCIDENT_FIELD_MAX);
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

static bool read_ends(sqlite3_stmt *s, struct event_connection *conn)
{
	int direction = row_word(s, 12, WORDS_DIRECTION);

	conn->rule = conn->server = -1;
	conn->sport = (uint16_t)row_number(s, 9);
	conn->dport = (uint16_t)row_number(s, 11);
	conn->direction = row_or_none(direction);
	conn->flow_id = row_number(s, 13);
	conn->self = (uint8_t)row_number(s, 14);
	return direction >= 0 && row_address(s, 8, &conn->src) && row_address(s, 10, &conn->dst);
}

static uint8_t get_bits(sqlite3_stmt *s)
{
	return row_number(s, 26) <= 128 ? (uint8_t)row_number(s, 26) : 0;
}

static bool read_story(sqlite3_stmt *s, const struct details *d, struct finding *f)
{
	int state = row_word(s, 3, WORDS_INCIDENT_STATE);

	memset(f, 0, sizeof(*f));
	f->incident.id = row_number(s, 0);
	f->id = (uint32_t)row_number(s, 1);
	f->severity = (uint8_t)row_number(s, 2);
	f->incident.state = row_or_none(state);
	f->incident.count = row_number(s, 4);
	f->time_us = f->incident.first_us = row_number(s, 5);
	f->incident.last_us = row_number(s, 6);
	f->pooled = row_number(s, 7) != 0;
	f->blocked = row_number(s, 15) != 0;
	f->verified = row_number(s, 16) != 0;
	f->action = row_or_none(row_word(s, 17, WORDS_ACTION));
	f->would = row_or_none(row_word(s, 18, WORDS_ACTION));
	f->outcome = row_or_none(row_word(s, 19, WORDS_OUTCOME));
	f->form = row_or_none(row_word(s, 20, WORDS_FORM));
	f->value = row_number(s, 21);
	f->limit = row_number(s, 22);
	f->baseline = row_number(s, 23);
	f->window_s = (uint32_t)row_number(s, 24);
	f->at_target = row_number(s, 25) != STORE_TARGET_NONE;
	f->source_bits = get_bits(s);
	f->measure = (uint8_t)row_number(s, 27);
	row_text(s, 28, f->block, sizeof(f->block));
	f->incident.ack.time_us = row_number(s, 29);
	f->incident.ack.uid = sqlite3_column_int64(s, 30);
	row_text(s, 31, f->incident.ack.reason, sizeof(f->incident.ack.reason));
	f->incident.before = row_number(s, 32) >> 53 ? 0 : row_number(s, 32);
	if (!read_ends(s, &f->conn) || state < 0 || f->incident.id == 0 || f->incident.id >> 53 != 0 ||
	        f->incident.count == 0 || f->severity < 1 || f->severity > 4)
		return false;
	read_details(d, f);
	if (row_number(s, 25) == STORE_TARGET_MAILBOX && (f->rcpt_to.len == 0 || f->rcpt_to.cut))
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
	while (row_next(s, &r))
		if (read_story(s, &d, &f))
			each(arg, &f);
		else
			++*strange;
	close_details(&d);
	return row_end(s, r);
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
	if (!row_address(s, 8, &src))
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
	while (*count < STORE_PAGE && row_next(s, &r)) {
		if (is_of_source(s, q)) /* as far as it can be read: people may look at it */
			(void)read_story(s, &d, &rows[(*count)++]);
	}
	close_details(&d);
	return row_end(s, r);
}
