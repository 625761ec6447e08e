/* store_write.c - see store_write.h. A value that cannot be bound (no memory) is NULL, and its column refuses that. */
#include "report/store_write.h"

#include <assert.h>
#include <string.h>

#include "report/words.h"

static const char *const sql[STATEMENT_COUNT] = {
#define X(name, text) text,
	STORE_STATEMENTS(X)
#undef X
};

static const char *const end_names[STORE_END_COUNT] = { STORE_END_NAMES };

int store_write_prepare(struct store_writer *w, sqlite3 *db)
{
	int r = SQLITE_OK;

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < STATEMENT_COUNT && r == SQLITE_OK; i++)
		r = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &w->of[i], NULL);
	if (r != SQLITE_OK)
		store_write_finalize(w);
	return r;
}

void store_write_finalize(struct store_writer *w)
{
	for (unsigned i = 0; i < STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(w->of[i]);
	memset(w, 0, sizeof(*w));
}

/* ---- one statement ---------------------------------------------------------------------------- */

static void bind_number(sqlite3_stmt *s, int place, int64_t value)
{
	(void)sqlite3_bind_int64(s, place, value);
}

/* The text lives until the statement is run. */
static void bind_text(sqlite3_stmt *s, int place, const char *text)
{
	(void)sqlite3_bind_text(s, place, text, -1, SQLITE_STATIC);
}

static int run(sqlite3_stmt *s)
{
	int r = sqlite3_step(s);

	assert(r != SQLITE_ROW);
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

int store_write_plain(struct store_writer *w, enum store_statement which)
{
	return run(w->of[which]);
}

int store_write_finish(struct store_writer *w, int r)
{
	if (r == SQLITE_OK)
		r = run(w->of[STATEMENT_COMMIT]);
	if (r != SQLITE_OK)
		(void)run(w->of[STATEMENT_ROLLBACK]);
	return r;
}

int store_write_numbers(struct store_writer *w, enum store_statement which, int64_t first, int64_t second)
{
	bind_number(w->of[which], 1, first);
	bind_number(w->of[which], 2, second);
	return run(w->of[which]);
}

/* ---- what is written -------------------------------------------------------------------------- */

static int write_block(sqlite3_stmt *s, const struct store_block *b)
{
	char prefix[PREFIX_TEXT_MAX];

	bind_text(s, 1, prefix_print(&b->prefix, prefix));
	bind_number(s, 2, (int64_t)b->set_us);
	bind_number(s, 3, (int64_t)b->until_us);
	bind_number(s, 4, b->uid);
	bind_number(s, 5, b->rule);
	bind_text(s, 6, b->reason);
	bind_text(s, 7, words_get(WORDS_ACTION, b->action));
	return run(s);
}

static int write_end(sqlite3_stmt *s, const struct store_act *act)
{
	char prefix[PREFIX_TEXT_MAX];

	bind_text(s, 1, prefix_print(&act->u.ended.prefix, prefix));
	bind_number(s, 2, (int64_t)act->u.ended.time_us);
	bind_text(s, 3, end_names[act->u.ended.why]);
	return run(s);
}

static int write_number(sqlite3_stmt *s, int64_t value)
{
	bind_number(s, 1, value);
	return run(s);
}

int store_write_act(struct store_writer *w, const struct store_act *act, uint64_t now_us)
{
	switch (act->kind) {
	case ACT_BLOCK_SET:
		return write_block(w->of[STATEMENT_BLOCK_SET], &act->u.block);
	case ACT_BLOCK_ENDED:
		return write_end(w->of[STATEMENT_BLOCK_ENDED], act);
	case ACT_BLOCKS_ANEW:
		return write_number(w->of[STATEMENT_BLOCKS_ANEW], (int64_t)now_us);
	case ACT_CLOCK:
		return write_number(w->of[STATEMENT_CLOCK_SET], act->u.jump_us);
	}
	return SQLITE_MISUSE;
}

static void bind_bytes(sqlite3_stmt *s, int place, const char *bytes, unsigned len)
{
	(void)sqlite3_bind_blob(s, place, bytes, (int)len, SQLITE_STATIC);
}

/* Of an event_path or event_text; its length is another room's word. */
#define BIND_FIELD(s, place, field)                                                                          \
	bind_bytes(s, place, (field).bytes,                                                                  \
	        (field).len < sizeof((field).bytes) ? (field).len : (unsigned)sizeof((field).bytes))

/* The rule of a facet's place. */
static uint32_t rule_at(const struct incident_brief *in, unsigned place)
{
	return place < in->facet_count && place < FINDING_KIND_COUNT ? in->facets[place].id : 0;
}

static int write_evidence(struct store_writer *w, const struct finding *f)
{
	sqlite3_stmt *s = w->of[STATEMENT_EVIDENCE];
	int r = SQLITE_OK;

	for (unsigned n = 0; n < f->evidence_count && n < FINDING_EVIDENCE_MAX && r == SQLITE_OK; n++) {
		bind_number(s, 1, (int64_t)f->incident.id);
		bind_number(s, 2, n);
		bind_number(s, 3, f->evidence[n].cut);
		BIND_FIELD(s, 4, f->evidence[n]);
		bind_number(s, 5, (int64_t)f->incident.last_us);
		bind_number(s, 6, rule_at(&f->incident, f->incident.evidence_facet[n]));
		r = run(s);
	}
	return r;
}

static int write_envelope(sqlite3_stmt *s, const struct incident_brief *in, unsigned n)
{
	const struct incident_envelope *e = &in->envelopes[n];
	unsigned cut = 0;

	bind_number(s, 1, (int64_t)in->id);
	bind_number(s, 2, n);
	bind_number(s, 3, (int64_t)e->time_us);
	bind_number(s, 4, rule_at(in, e->facet));
	for (unsigned i = 0; i < ENVELOPE_FIELD_COUNT; i++) {
		cut |= (unsigned)(e->cut[i] != 0) << i;
		bind_bytes(s, 6 + (int)i, e->bytes[i],
		        e->len[i] < INCIDENT_FIELD_MAX ? e->len[i] : INCIDENT_FIELD_MAX);
	}
	bind_number(s, 5, cut);
	return run(s);
}

static int write_envelopes(struct store_writer *w, const struct finding *f, uint64_t envelopes_us)
{
	const struct incident_brief *in = &f->incident;
	int r = SQLITE_OK;

	for (unsigned n = 0; n < in->envelope_count && n < INCIDENT_ENVELOPES_MAX && r == SQLITE_OK; n++)
		if (in->envelopes[n].time_us >= envelopes_us)
			r = write_envelope(w->of[STATEMENT_ENVELOPE], in, n);
	return r;
}

static int write_facets(struct store_writer *w, const struct incident_brief *in)
{
	sqlite3_stmt *s = w->of[STATEMENT_FACET];
	int r = SQLITE_OK;

	for (unsigned i = 0; i < in->facet_count && i < FINDING_KIND_COUNT && r == SQLITE_OK; i++) {
		const struct incident_facet *facet = &in->facets[i];

		bind_number(s, 1, (int64_t)in->id);
		bind_number(s, 2, facet->id);
		bind_number(s, 3, facet->severity);
		bind_number(s, 4, facet->blocked);
		bind_number(s, 5, (int64_t)facet->count);
		bind_number(s, 6, (int64_t)facet->first_us);
		bind_number(s, 7, (int64_t)facet->last_us);
		r = run(s);
	}
	return r;
}

/* It had more of them before: some were too old. */
static int drop_behind(struct store_writer *w, const struct finding *f)
{
	int64_t id = (int64_t)f->incident.id;
	int r = store_write_numbers(w, STATEMENT_EVIDENCE_BEHIND, id, f->evidence_count);

	return r == SQLITE_OK
	               ? store_write_numbers(w, STATEMENT_ENVELOPES_BEHIND, id, f->incident.envelope_count)
	               : r;
}

static void bind_ends(
        sqlite3_stmt *s, const struct finding *f, char source[ADDR_TEXT_MAX], char server[ADDR_TEXT_MAX])
{
	bool known = finding_has_connection(f->id) && !f->pooled && !f->at_target;

	bind_text(s, 9, known ? addr_print(&f->conn.src, source) : "");
	bind_bytes(s, 10, (const char *)f->conn.src.b, known ? sizeof(f->conn.src.b) : 0);
	bind_number(s, 11, f->conn.sport);
	bind_text(s, 12, finding_has_connection(f->id) ? addr_print(&f->conn.dst, server) : "");
	bind_number(s, 13, f->conn.dport);
	bind_text(s, 14, words_get(WORDS_DIRECTION, f->conn.direction));
	bind_number(s, 15, (int64_t)f->conn.flow_id);
	bind_number(s, 16, f->conn.self);
}

static int write_story(struct store_writer *w, const struct finding *f, uint64_t envelopes_us)
{
	sqlite3_stmt *s = w->of[STATEMENT_STORY];
	char source[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];
	int r;

	bind_number(s, 1, (int64_t)f->incident.id);
	bind_number(s, 2, f->id);
	bind_number(s, 3, f->severity);
	bind_text(s, 4, words_get(WORDS_INCIDENT_STATE, f->incident.state));
	bind_number(s, 5, (int64_t)f->incident.count);
	bind_number(s, 6, (int64_t)f->incident.first_us);
	bind_number(s, 7, (int64_t)f->incident.last_us);
	bind_number(s, 8, f->pooled);
	bind_ends(s, f, source, server);
	bind_number(s, 17, f->blocked);
	bind_number(s, 18, f->verified);
	bind_text(s, 19, words_get(WORDS_ACTION, f->action));
	bind_text(s, 20, words_get(WORDS_ACTION, f->would));
	bind_text(s, 21, words_get(WORDS_OUTCOME, f->outcome));
	bind_text(s, 22, words_get(WORDS_FORM, f->form));
	bind_number(s, 23, (int64_t)f->value);
	bind_number(s, 24, (int64_t)f->limit);
	bind_number(s, 25, (int64_t)f->baseline);
	bind_number(s, 26, f->window_s);
	bind_number(s, 27,
	        !f->at_target        ? STORE_TARGET_NONE
	        : f->rcpt_to.len > 0 ? STORE_TARGET_MAILBOX
	                             : STORE_TARGET_SERVER);
	bind_number(s, 28, f->source_bits);
	bind_number(s, 29, f->measure);
	bind_text(s, 30, f->block);
	bind_number(s, 31, (int64_t)f->incident.ack.time_us);
	bind_number(s, 32, f->incident.ack.uid);
	bind_text(s, 33, f->incident.ack.reason);
	bind_number(s, 34, (int64_t)f->incident.before);
	r = run(s);
	if (r == SQLITE_OK)
		r = write_facets(w, &f->incident);
	if (r == SQLITE_OK && f->incident.first_us >= envelopes_us)
		r = write_evidence(w, f);
	if (r == SQLITE_OK)
		r = write_envelopes(w, f, envelopes_us);
	return r == SQLITE_OK ? drop_behind(w, f) : r;
}

static int write_act_of(sqlite3_stmt *s, const struct finding *f)
{
	const struct event_text *text = &f->evidence[0];
	unsigned len = text->len < sizeof(text->bytes) ? text->len : sizeof(text->bytes);

	bind_number(s, 1, (int64_t)f->time_us);
	bind_number(s, 2, f->id);
	(void)sqlite3_bind_text(s, 3, text->bytes, f->evidence_count > 0 ? (int)len : 0, SQLITE_STATIC);
	return run(s);
}

static int write_mute(sqlite3_stmt *s, const struct store_mute *m)
{
	char prefix[PREFIX_TEXT_MAX];

	bind_text(s, 1, prefix_print(&m->prefix, prefix));
	bind_number(s, 2, m->rule);
	bind_number(s, 3, (int64_t)m->set_us);
	bind_number(s, 4, (int64_t)m->until_us);
	bind_number(s, 5, m->uid);
	bind_text(s, 6, m->reason);
	return run(s);
}

static int write_unmute(sqlite3_stmt *s, const struct store_mute *m)
{
	char prefix[PREFIX_TEXT_MAX];

	bind_text(s, 1, prefix_print(&m->prefix, prefix));
	bind_number(s, 2, m->rule);
	return run(s);
}

static int write_seen(sqlite3_stmt *s, const struct store_seen *row)
{
	char client[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];
	const uint64_t numbers[] = { row->first_us, row->last_us, row->connections, row->mails,
		row->recipients, row->tls, row->refused };

	bind_text(s, 1, addr_print(&row->client, client));
	bind_text(s, 2, addr_print(&row->server, server));
	bind_number(s, 3, row->self);
	bind_number(s, 4, row->verified);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		bind_number(s, 5 + (int)i, (int64_t)numbers[i]);
	return run(s);
}

static int write_source(sqlite3_stmt *s, const struct store_source *row)
{
	char prefix[PREFIX_TEXT_MAX];

	bind_text(s, 1, prefix_print(&row->prefix, prefix));
	bind_number(s, 2, row->verified);
	bind_text(s, 3, words_get(WORDS_DIRECTION, row->direction));
	bind_number(s, 4, (int64_t)row->first_us);
	bind_number(s, 5, (int64_t)row->last_us);
	for (unsigned i = 0; i < STORE_SOURCE_COUNTS; i++)
		bind_number(s, 6 + (int)i, (int64_t)row->n[i]);
	return run(s);
}

static int write_usual(sqlite3_stmt *s, const struct store_usual *row)
{
	char source[PREFIX_TEXT_MAX];

	bind_text(s, 1, prefix_print(&row->source, source));
	bind_number(s, 2, (int64_t)row->last_us);
	bind_bytes(s, 3, (const char *)row->bytes, row->len);
	return run(s);
}

int store_write_tale(struct store_writer *w, const struct store_tale *tale, uint64_t envelopes_us)
{
	switch (tale->kind) {
	case TALE_STORY:
		return write_story(w, &tale->u.finding, envelopes_us);
	case TALE_ACT:
		return write_act_of(w->of[STATEMENT_ACT], &tale->u.finding);
	case TALE_SEEN:
		return write_seen(w->of[STATEMENT_SEEN], &tale->u.seen);
	case TALE_SOURCE:
		return write_source(w->of[STATEMENT_SOURCE], &tale->u.source);
	case TALE_USUAL:
		return write_usual(w->of[STATEMENT_USUAL], &tale->u.usual);
	case TALE_MUTE:
		return write_mute(w->of[STATEMENT_MUTE], &tale->u.mute);
	case TALE_UNMUTE:
		return write_unmute(w->of[STATEMENT_UNMUTE], &tale->u.mute);
	}
	return SQLITE_MISUSE;
}

int store_write_clock(struct store_writer *w, const struct store_clock *now)
{
	sqlite3_stmt *s = w->of[STATEMENT_CLOCK];

	bind_number(s, 1, (int64_t)now->wall_us);
	bind_number(s, 2, (int64_t)now->monotonic_us);
	bind_text(s, 3, now->boot);
	return run(s);
}

int store_write_expired(struct store_writer *w, uint64_t now_us)
{
	return write_number(w->of[STATEMENT_BLOCKS_EXPIRED], (int64_t)now_us);
}
