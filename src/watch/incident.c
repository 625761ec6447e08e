/* incident.c - see incident.h.
 *
 * The table keeps stories in the order of their last finding, so both ticking and evicting look at its
 * old end only. A story keeps a whole struct finding (5 KB): its summary then needs no second format. Pages of places that
 * were never used cost nothing.
 *
 * The id is a keyed hash of the story's key and its first time: it cannot be guessed or collide on
 * purpose, and needs no counter that would have to survive a restart.
 *
 * Rejected: steps of the whole story instead of each facet's. A thousand refused tries would hide the second mail that a
 * server has taken.
 */
#include "watch/incident.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "watch/incident_inner.h"
#include "watch/story.h"

enum { ID_BITS = 53 };
static const uint64_t BEFORE_US = INCIDENT_BEFORE_S * UINT64_C(1000000);

struct incident_book *incident_new(
        const struct incident_settings *s, struct ring *findings, struct watch_counts *counts)
{
	struct incident_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->table = table_new(s->capacity, sizeof(struct incident_key), sizeof(struct incident), s->hash_key);
	b->ended = table_new(s->capacity, sizeof(struct incident_key), sizeof(struct ended), s->hash_key);
	if (!b->table || !b->ended) {
		incident_free(b);
		errno = ENOMEM;
		return NULL;
	}
	b->findings = findings;
	b->counts = counts;
	b->settings = *s;
	incident_set_quiet(b, s->quiet_s);
	b->budget_us = b->quiet_us;
	return b;
}

void incident_set_quiet(struct incident_book *b, uint32_t quiet_s)
{
	b->quiet_us = (uint64_t)quiet_s * 1000000;
}

void incident_free(struct incident_book *b)
{
	if (!b)
		return;
	table_free(b->table);
	table_free(b->ended);
	free(b);
}

/* ---- whose story it is -------------------------------------------------------------------------- */

/* A mailbox as its address of 16 bytes: two hashes, letters folded, since servers fold them, too. */
static struct addr target_of(const struct incident_book *b, const struct event_path *path)
{
	const unsigned len = path->len < EVENT_PATH_MAX ? path->len : EVENT_PATH_MAX;
	char folded[1 + EVENT_PATH_MAX] = { 0 };
	uint64_t half;
	struct addr a;

	for (unsigned i = 0; i < len; i++) {
		char c = path->bytes[i];

		folded[1 + i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	for (unsigned i = 0; i < 2; i++) {
		folded[0] = (char)i;
		half = hash_bytes(b->settings.hash_key, folded, 1U + len);
		memcpy(a.b + 8 * i, &half, sizeof(half));
	}
	return a;
}

static struct incident_key incident_key(const struct incident_book *b, const struct finding *f)
{
	struct incident_key key;
	struct prefix source;

	memset(&key, 0, sizeof(key));
	if (!finding_has_connection(f->id)) {
		key.kind = STORY_OF_GATE;
		key.rule = f->id;
		return key;
	}
	if (f->at_target && !f->pooled) {
		key.kind = STORY_OF_TARGET;
		key.who = f->rcpt_to.len > 0 ? target_of(b, &f->rcpt_to) : f->conn.dst;
		key.bits = f->rcpt_to.len > 0; /* the two never meet */
		return key;
	}
	key.direction = f->conn.direction;
	if (f->pooled) {
		key.kind = STORY_OF_MANY;
		key.pool = (uint16_t)(f->conn.server + 2);
		return key;
	}
	key.kind = STORY_OF_SOURCE;
	source = finding_source(f);
	key.bits = source.bits;
	key.who = source.addr;
	return key;
}

static uint64_t incident_id(const struct incident_book *b, const struct incident_key *key, uint64_t first_us)
{
	uint8_t bytes[sizeof(*key) + sizeof(first_us)];
	uint64_t id;

	memcpy(bytes, key, sizeof(*key));
	memcpy(bytes + sizeof(*key), &first_us, sizeof(first_us));
	id = hash_bytes(b->settings.hash_key, bytes, sizeof(bytes)) & ((UINT64_C(1) << ID_BITS) - 1);
	return id ? id : 1;
}

static enum incident_budget budget_of(const struct finding *f)
{
	if (f->silent)
		return BUDGET_MUTED;
	if (f->id == FINDING_GATE_REFUSED)
		return BUDGET_TRIES;
	return f->severity == 1 ? BUDGET_SEVERE : BUDGET_OTHERS;
}

/* True when f would open the story of one source too many. */
static bool is_over_budget(struct incident_book *b, const struct finding *f)
{
	enum incident_budget budget = budget_of(f);

	/* events may be late; the clock was set, if they are far behind */
	if (f->time_us >= b->window_end_us || f->time_us + 2 * b->budget_us < b->window_end_us) {
		b->window_end_us = f->time_us + b->budget_us;
		memset(b->opened, 0, sizeof(b->opened));
	}
	if (b->opened[budget] == b->settings.budget[budget])
		return true;
	b->opened[budget]++;
	return false;
}

/* ---- telling ------------------------------------------------------------------------------------ */

/* False when the ring has no room. */
static bool incident_tell(struct incident_book *b, const struct finding *f)
{
	struct finding *slot;

	if (!b->findings)
		return true;
	slot = ring_reserve(b->findings);
	if (!slot)
		return false;
	*slot = *f;
	ring_commit(b->findings);
	b->counts->findings_told += !f->silent;
	return true;
}

static bool is_muted(const struct incident_book *b, const struct finding *f, uint32_t rule, uint64_t now_us)
{
	return b->settings.mutes && mutes_find(b->settings.mutes, f, rule, now_us);
}

/* Of a whole story: each of its facets is; of many sources, all that came was. */
static bool is_story_muted(const struct incident_book *b, const struct incident *in, uint64_t now_us)
{
	const struct finding *story = &in->story;

	if (story->pooled)
		return !in->heard;
	for (unsigned i = 0; i < story->incident.facet_count; i++)
		if (!is_muted(b, story, story->incident.facets[i].id, now_us))
			return false;
	return story->incident.facet_count > 0;
}

/* The story as it is, in this state. */
static bool tell_story(
        struct incident_book *b, struct incident *in, enum incident_state state, uint64_t now_us)
{
	struct finding *story = &in->story;
	const uint8_t before = story->incident.state;

	story->incident.state = (uint8_t)state;
	story->time_us = now_us;
	story->silent = is_story_muted(b, in, now_us);
	if (!incident_tell(b, story)) {
		story->incident.state = before;
		return false;
	}
	in->told_count = story->incident.count;
	return true;
}

void incident_remember(struct incident_book *b, const struct finding *story)
{
	struct incident_key key = incident_key(b, story);

	if ((key.kind == STORY_OF_SOURCE || key.kind == STORY_OF_TARGET) && story->at_target <= 1)
		*(struct ended *)table_take(b->ended, &key, story->incident.last_us, NULL) =
		        (struct ended) { story->incident.id, story->incident.last_us };
}

/* 0 = none is known. */
static uint64_t find_before(const struct incident_book *b, const struct incident_key *key, uint64_t now_us)
{
	const struct ended *e = table_find(b->ended, key);

	return e && now_us < e->last_us + BEFORE_US ? e->id : 0;
}

static void drop_story(struct incident_book *b, struct incident *in)
{
	incident_remember(b, &in->story);
	table_drop(b->table, in);
	b->counts->incidents_open--;
}

/* Tells the summary. False when the ring has no room: the story then stays open. */
static bool incident_close(struct incident_book *b, struct incident *in, uint64_t now_us)
{
	if (!tell_story(b, in, INCIDENT_CLOSED, now_us))
		return false;
	drop_story(b, in);
	return true;
}

static void incident_evict_oldest(struct incident_book *b, uint64_t now_us)
{
	uint64_t touched_us;
	struct incident *oldest = table_oldest(b->table, &touched_us);

	b->counts->incidents_evicted++;
	if (incident_close(b, oldest, now_us))
		return;
	b->counts->findings_lost++;
	b->counts->findings_dropped += oldest->story.incident.count;
	drop_story(b, oldest);
}

static struct incident *incident_open(
        struct incident_book *b, const struct incident_key *key, const struct finding *f)
{
	struct incident *in = table_add(b->table, key, f->time_us);

	if (!in) {
		incident_evict_oldest(b, f->time_us);
		in = table_add(b->table, key, f->time_us);
	}
	story_begin(&in->story, f, incident_id(b, key, f->time_us));
	in->story.incident.before = find_before(b, key, f->time_us);
	b->counts->incidents_opened++;
	b->counts->incidents_open++;
	return in;
}

/* The power of two behind it. */
static uint64_t next_step(uint64_t count)
{
	uint64_t step = 1;

	while (step <= count && step < UINT64_C(1) << 63)
		step *= 2;
	return step;
}

/* The first of its facet, more severe than all of them before, or their first that was not stopped. */
static bool is_news(const struct telling *told, const struct finding *f)
{
	return told->next_count == 0 || f->severity < told->severity || (!told->passed && !f->blocked);
}

static bool is_due(const struct incident *in, unsigned facet, const struct finding *f)
{
	const struct telling *told = &in->told[facet];

	if (is_news(told, f))
		return true;
	return in->story.incident.state != INCIDENT_ACKED &&
	       in->story.incident.facets[facet].count >= told->next_count;
}

static void note_told(struct incident *in, unsigned facet, const struct finding *f)
{
	struct telling *told = &in->told[facet];

	if (told->next_count == 0 || f->severity < told->severity)
		told->severity = f->severity;
	told->passed = told->passed || !f->blocked;
	told->next_count = in->story.incident.facets[facet].count * 2;
	in->told_count = in->story.incident.count;
}

/* How the story stands. */
static void set_brief(struct finding *f, const struct finding *story, unsigned facet)
{
	const struct incident_brief *in = &story->incident;

	memset(&f->incident, 0, sizeof(f->incident));
	f->incident.id = in->id;
	f->incident.before = in->before;
	f->incident.count = in->count;
	f->incident.rule_count = in->facets[facet].count;
	f->incident.first_us = in->first_us;
	f->incident.last_us = in->last_us;
	f->incident.state = in->state;
}

static void tell_if_due(struct incident_book *b, struct incident *in, unsigned facet, struct finding *f)
{
	struct incident_brief *story = &in->story.incident;

	set_brief(f, &in->story, facet);
	if (!is_due(in, facet, f))
		return;
	if (f->silent) {
		b->counts->findings_muted++;
		return;
	}
	if (in->told_count == 0)
		f->incident = *story;
	f->incident.state = in->told_count == 0 ? INCIDENT_OPEN : INCIDENT_GROWN;
	if (!incident_tell(b, f)) {
		b->counts->findings_lost++;
		return;
	}
	story->state = f->incident.state;
	note_told(in, facet, f);
}

/* An act is no story: it is told alone, each time. */
static void incident_pass(struct incident_book *b, struct finding *f)
{
	struct incident_key key = incident_key(b, f);

	memset(&f->incident, 0, sizeof(f->incident));
	f->incident.id = incident_id(b, &key, f->time_us);
	f->incident.count = f->incident.rule_count = 1;
	f->incident.first_us = f->incident.last_us = f->time_us;
	f->incident.state = INCIDENT_CLOSED;
	if (!incident_tell(b, f))
		b->counts->findings_lost++;
}

void incident_add(struct incident_book *b, struct finding *f)
{
	struct incident_key key;
	struct incident *in;

	b->counts->findings++;
	f->silent = is_muted(b, f, f->id, f->time_us);
	if (f->alone) {
		incident_pass(b, f);
		return;
	}
	key = incident_key(b, f);
	in = table_find(b->table, &key);
	if (!in && finding_has_connection(f->id) && is_over_budget(b, f)) {
		f->pooled = 1;
		key = incident_key(b, f);
		in = table_find(b->table, &key);
	}
	b->counts->findings_pooled += f->pooled;
	if (in)
		table_touch(b->table, in, f->time_us);
	else
		in = incident_open(b, &key, f);
	in->changed = true;
	in->heard = in->heard || !f->silent;
	tell_if_due(b, in, story_add(&in->story, f), f);
}

/* ---- what people and time do -------------------------------------------------------------------- */

static struct incident *find_by_id(const struct incident_book *b, uint64_t id)
{
	struct incident *in;
	uint32_t cursor = 0;

	while ((in = table_scan(b->table, &cursor)) != NULL)
		if (in->story.incident.id == id)
			return in;
	return NULL;
}

const struct finding *incident_find(const struct incident_book *b, uint64_t id)
{
	const struct incident *in = find_by_id(b, id);

	return in ? &in->story : NULL;
}

bool incident_ack(struct incident_book *b, uint64_t id, const struct incident_ack *ack)
{
	struct incident *in = find_by_id(b, id);

	if (!in)
		return false;
	in->changed = true;
	in->story.incident.ack = *ack;
	if (!tell_story(b, in, INCIDENT_ACKED, ack->time_us))
		b->counts->findings_lost++;
	in->story.incident.state = INCIDENT_ACKED;
	return true;
}

void incident_tick(struct incident_book *b, uint64_t now_us)
{
	struct incident *oldest;
	uint64_t touched_us;

	while ((oldest = table_oldest(b->table, &touched_us)) != NULL && touched_us + b->quiet_us <= now_us)
		if (!incident_close(b, oldest, now_us))
			return;
}

uint32_t incident_finish(struct incident_book *b, uint64_t now_us)
{
	struct incident *oldest;
	uint64_t touched_us;

	while ((oldest = table_oldest(b->table, &touched_us)) != NULL)
		if (!incident_close(b, oldest, now_us))
			break;
	return table_count(b->table);
}

/* ---- over a restart ----------------------------------------------------------------------------- */

const struct finding *incident_next_changed(struct incident_book *b, uint32_t *cursor)
{
	struct incident *in;

	while ((in = table_scan(b->table, cursor)) != NULL)
		if (in->changed) {
			in->changed = false;
			return &in->story;
		}
	return NULL;
}

const struct finding *incident_scan(const struct incident_book *b, uint32_t *cursor)
{
	const struct incident *in = table_scan(b->table, cursor);

	return in ? &in->story : NULL;
}

void incident_change_all(struct incident_book *b)
{
	struct incident *in;
	uint32_t cursor = 0;

	while ((in = table_scan(b->table, &cursor)) != NULL)
		in->changed = true;
}

bool incident_restore(struct incident_book *b, const struct finding *story, uint64_t now_us)
{
	struct incident_key key = incident_key(b, story);
	uint64_t last_us = story->incident.last_us;
	struct incident *in;

	if (!finding_has_connection(story->id) || story->at_target > 1 || table_find(b->table, &key) ||
	        table_count(b->table) == table_capacity(b->table))
		return false;
	in = table_add(b->table, &key, last_us < now_us ? last_us : now_us);
	in->story = *story;
	story_complete(&in->story);
	for (unsigned i = 0; i < in->story.incident.facet_count; i++) {
		const struct incident_facet *facet = &in->story.incident.facets[i];

		in->told[i] = (struct telling) { next_step(facet->count), facet->severity, !facet->blocked };
	}
	in->told_count = story->incident.count;
	in->heard = true;
	b->counts->incidents_open++;
	return true;
}

/* False: the ring has no room. */
static bool leave_story(struct incident_book *b, struct incident *in, uint64_t now_us)
{
	struct incident_brief *story = &in->story.incident;

	if (!finding_has_connection(in->story.id)) /* of this daemon's own doing */
		return incident_close(b, in, now_us);
	if (in->told_count == story->count || story->state == INCIDENT_ACKED)
		return true;
	return tell_story(b, in, INCIDENT_GROWN, now_us);
}

uint32_t incident_leave(struct incident_book *b, uint64_t now_us)
{
	struct incident *in;
	uint32_t cursor = 0, left = 0;

	while ((in = table_scan(b->table, &cursor)) != NULL)
		left += !leave_story(b, in, now_us);
	return left;
}
