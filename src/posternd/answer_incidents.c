/* answer_incidents.c - `incidents`: the stories that are open, as watch keeps them; or those of the past, too, as the
 * store does. Either may be narrowed to a source, a rule, a time.
 *
 * `id`: that one alone, whole. `suppressed`: those of what the configuration suppresses, since the start.
 *
 * A page of the past is asked of the store's thread and fetched when it is there; the next one begins behind its last row.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/kind.h"
#include "posternd/answer_block.h"
#include "posternd/answers.h"
#include "posternd/blocks.h"
#include "posternd/daemon.h"
#include "posternd/protocol.h"
#include "report/alert.h"
#include "report/field.h"
#include "report/store.h"
#include "report/words.h"
#include "watch/story.h"

enum { EXIT_USAGE = 2, LIMIT_DEFAULT = 1000, LIMIT_MAX = 100000 };
static_assert((int)STORE_PAGE <= (int)ANSWER_ROWS, "a page is a line");

/* ---- one as a row ------------------------------------------------------------------------------- */

static void set_ends(json_t *row, const struct finding *f)
{
	char text[ADDR_TEXT_MAX];

	if (!finding_has_connection(f->id))
		return;
	alert_set_whose(row, f);
	field_set_text(row, "server", addr_print(&f->conn.dst, text));
	field_set_text(row, "direction", words_get(WORDS_DIRECTION, f->conn.direction));
}

static json_t *facet_rows(const struct incident_brief *in)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < in->facet_count; i++)
		(void)json_array_append_new(rows, alert_facet(&in->facets[i]));
	return rows;
}

/* The first line of the rule that the story stands for. */
static unsigned best_line(const struct finding *f)
{
	const struct incident_brief *in = &f->incident;

	for (unsigned i = 0; i < f->evidence_count; i++)
		if (in->evidence_facet[i] < in->facet_count && in->facets[in->evidence_facet[i]].id == f->id)
			return i;
	return 0;
}

static json_t *make_row(const struct finding *f)
{
	json_t *row = json_object();

	field_set_uint(row, "id", f->incident.id);
	field_set_nonzero(row, "before", f->incident.before);
	field_set_text(row, "rule", finding_rule(f->id));
	field_set_uint(row, "signature_id", f->id);
	field_set_uint(row, "severity", f->severity);
	field_set_text(row, "state", words_get(WORDS_INCIDENT_STATE, f->incident.state));
	field_set_uint(row, "count", f->incident.count);
	field_set_time(row, "first_seen", f->incident.first_us);
	field_set_time(row, "last_seen", f->incident.last_us);
	set_ends(row, f);
	field_set(row, "blocked", json_boolean(f->blocked));
	field_set(row, "facets", facet_rows(&f->incident));
	if (f->incident.ack.time_us > 0)
		field_set(row, "acked", alert_ack(&f->incident.ack));
	if (f->evidence_count > 0)
		field_set(row, "evidence", FIELD_OF(f->evidence[best_line(f)]));
	return row;
}

/* ---- one, whole --------------------------------------------------------------------------------- */

static const char *facet_rule(const struct incident_brief *in, unsigned place)
{
	return place < in->facet_count ? finding_rule(in->facets[place].id) : "unknown";
}

static json_t *line_rows(const struct finding *f)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < f->evidence_count; i++) {
		json_t *row = json_object();

		field_set_text(row, "rule", facet_rule(&f->incident, f->incident.evidence_facet[i]));
		field_set(row, "text", FIELD_OF(f->evidence[i]));
		field_set_true(row, "cut", f->evidence[i].cut);
		(void)json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *envelope_rows(const struct incident_brief *in)
{
	static const char *const names[ENVELOPE_FIELD_COUNT] = { "helo", "mail_from", "rcpt_to" };
	json_t *rows = json_array();
	uint64_t cuts = 0;

	for (unsigned i = 0; i < in->envelope_count; i++) {
		const struct incident_envelope *e = &in->envelopes[i];
		json_t *row = json_object();

		field_set_time(row, "time", e->time_us);
		field_set_text(row, "rule", facet_rule(in, e->facet));
		for (unsigned n = 0; n < ENVELOPE_FIELD_COUNT; n++)
			if (e->len[n] > 0)
				field_set_cut(
				        row, names[n], field_bytes(e->bytes[n], e->len[n]), e->cut[n], &cuts);
		(void)json_array_append_new(rows, row);
	}
	return rows;
}

/* What was done in its worst finding, and what is in force about its source. */
static json_t *done_row(const struct daemon *d, const struct finding *f)
{
	json_t *row = json_object();
	const struct block *block = NULL;

	field_set_text(row, "action", words_get(WORDS_ACTION, f->action));
	if (f->would != f->action)
		field_set_text(row, "would", words_get(WORDS_ACTION, f->would));
	if (f->outcome != OUTCOME_NONE)
		field_set_text(row, "outcome", words_get(WORDS_OUTCOME, f->outcome));
	if (finding_has_connection(f->id) && !f->pooled && !f->at_target)
		block = blockbook_holding(blocks_book(d->blocks), &f->conn.src, blocks_now_us());
	if (block)
		field_set(row, "block", answer_block_row(block, blocks_rate(d->blocks)));
	return row;
}

static json_t *make_whole(const struct daemon *d, const struct finding *f)
{
	json_t *row = make_row(f);

	field_set_nonzero(row, "value", f->value);
	field_set_nonzero(row, "limit", f->limit);
	field_set_nonzero(row, "baseline", f->baseline);
	field_set_nonzero(row, "window_s", f->window_s);
	field_set(row, "verified", json_boolean(f->verified));
	field_set(row, "done", done_row(d, f));
	field_set(row, "lines", line_rows(f));
	field_set(row, "envelopes", envelope_rows(&f->incident));
	return row;
}

static void add_row(const struct ask *ask, json_t *rows, const struct finding *f, bool whole)
{
	static struct finding story;

	story = *f;
	story_complete(&story);
	(void)json_array_append_new(rows, whole ? make_whole(ask->daemon, &story) : make_row(&story));
}

/* ---- what is asked for -------------------------------------------------------------------------- */

/* False: said in the line. */
static bool read_question(const json_t *request, struct store_question *q, json_t *line)
{
	const char *source = protocol_text(request, "source");
	long long since_us = protocol_number(request, "since_us", 0);

	memset(q, 0, sizeof(*q));
	q->since_us = since_us > 0 ? (uint64_t)since_us : 0;
	q->id = (uint64_t)protocol_number(request, "id", 0);
	q->has_source = source != NULL;
	if (source && prefix_parse(source, &q->source) < 0) {
		protocol_set_error(line, EXIT_USAGE, "\"%.64s\" is no address or prefix", source);
		return false;
	}
	return answer_read_rule(request, &q->rule, line);
}

/* ---- those that are open ---------------------------------------------------------------------- */

static bool is_asked_for(const struct finding *f, const struct store_question *q)
{
	struct prefix source = finding_source(f);

	if (q->rule && !story_facet(f, q->rule))
		return false;
	if (q->has_source && (f->pooled || f->at_target || !finding_has_connection(f->id) ||
	                             !prefix_overlaps(&q->source, &source)))
		return false;
	return f->incident.last_us >= q->since_us;
}

static enum answer_state answer_open(struct ask *ask, const struct store_question *q, json_t *line)
{
	const struct watch *watch = desk_watch(ask->daemon->desk);
	const bool suppressed = json_is_true(json_object_get(ask->request, "suppressed"));
	uint32_t cursor = (uint32_t)ask->cursor;
	const struct finding *f = NULL;
	json_t *rows = json_array();

	for (unsigned n = 0; n < ANSWER_ROWS && (f = suppressed ? watch_scan_suppressed(watch, &cursor)
	                                                        : watch_scan_incidents(watch, &cursor));
	        n++)
		if (is_asked_for(f, q))
			add_row(ask, rows, f, false);
	ask->cursor = cursor;
	field_set(line, "rows", rows);
	return f ? ANSWER_MORE : ANSWER_DONE;
}

/* ---- those of the past ------------------------------------------------------------------------- */

static enum answer_state ask_page(struct ask *ask, struct store_question *q, json_t *line)
{
	q->before_us = ask->page.before_us;
	q->before_id = ask->page.before_id;
	ask->page.number = store_ask(ask->daemon->store, q);
	if (ask->page.number > 0 || ++ask->page.tries < 30)
		return ANSWER_LATER;
	protocol_set_error(line, EXIT_FAILURE, "too many ask for the past at once; try again");
	return ANSWER_DONE;
}

static enum answer_state refuse_past(const struct daemon *d, json_t *line)
{
	struct store_status status;

	if (d->store)
		store_read_status(d->store, &status);
	protocol_set_error(line, EXIT_FAILURE, "the past is not known: %s; --open shows what is open",
	        !d->store       ? "store.path is empty"
	        : *status.words ? status.words
	                        : "the store does not answer");
	return ANSWER_DONE;
}

static enum answer_state answer_past(struct ask *ask, struct store_question *q, json_t *line)
{
	static struct finding found[STORE_PAGE];
	long long limit = protocol_number(ask->request, "limit", LIMIT_DEFAULT);
	int count, shown = 0;
	json_t *rows;
	bool is_full;

	if (!ask->daemon->store)
		return refuse_past(ask->daemon, line);
	if (ask->page.number == 0)
		return ask_page(ask, q, line);
	count = store_fetch(ask->daemon->store, ask->page.number, found);
	if (count == -EAGAIN)
		return ANSWER_LATER;
	ask->page.number = 0;
	if (count < 0)
		return refuse_past(ask->daemon, line);
	if (limit < 1 || limit > LIMIT_MAX)
		limit = LIMIT_MAX;
	rows = json_array();
	for (; shown < count && ask->page.rows < (uint64_t)limit; shown++, ask->page.rows++)
		add_row(ask, rows, &found[shown], q->id > 0);
	field_set(line, "rows", rows);
	is_full = ask->page.rows == (uint64_t)limit;
	field_set_true(line, "cut", is_full && (shown < count || count == STORE_PAGE));
	if (count < STORE_PAGE || is_full)
		return ANSWER_DONE;
	ask->page.before_us = found[count - 1].incident.last_us;
	ask->page.before_id = found[count - 1].incident.id;
	return ANSWER_MORE;
}

/* ---- all ----------------------------------------------------------------------------------------- */

/* One that is open, or suppressed, is as watch has it; others are the store's. */
static enum answer_state answer_one(struct ask *ask, struct store_question *q, json_t *line)
{
	const struct finding *f =
	        ask->page.number == 0 ? watch_find_incident(desk_watch(ask->daemon->desk), q->id) : NULL;
	enum answer_state state;
	json_t *rows;

	if (!f && ask->page.number == 0)
		f = watch_find_suppressed(desk_watch(ask->daemon->desk), q->id);
	if (!f) {
		state = answer_past(ask, q, line);
		rows = json_object_get(line, "rows");
		if (state == ANSWER_DONE && rows && json_array_size(rows) == 0)
			protocol_set_error(line, EXIT_FAILURE,
			        "there is no incident %" PRIu64
			        "; postern incidents --since 30d lists those of the past",
			        q->id);
		return state;
	}
	rows = json_array();
	add_row(ask, rows, f, true);
	field_set(line, "rows", rows);
	return ANSWER_DONE;
}

enum answer_state answer_incidents(struct ask *ask, json_t *line)
{
	struct store_question q;

	if (!read_question(ask->request, &q, line))
		return ANSWER_DONE;
	if (q.id > 0)
		return answer_one(ask, &q, line);
	if (json_is_true(json_object_get(ask->request, "past")))
		return answer_past(ask, &q, line);
	return answer_open(ask, &q, line);
}
