/* incident.c - see incident.h.
 *
 * The table keeps stories in the order of their last finding, so both ticking and evicting look at its
 * old end only. A story keeps a whole struct finding (2.5 KB): its summary then needs no second format.
 *
 * The id is a keyed hash of the story's key and its first time: it cannot be guessed or collide on
 * purpose, and needs no counter that would have to survive a restart.
 */
#include "watch/incident.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "watch/evidence.h"

enum { SOURCE_BITS_V4 = 96 + 32, SOURCE_BITS_V6 = 64, ID_BITS = 53 };

struct incident_key {
	struct addr source; /* masked */
	uint32_t rule;
	uint16_t direction;
	uint16_t pool; /* 0 = one source; else the server group, from 1 for none of ours */
};

struct incident {
	struct finding
	        story; /* the first finding; its brief, severity, value and evidence follow the others */
	uint64_t next_told_count; /* the next finding to be told in full */
	uint64_t told_count;      /* findings, when it was told last */
	bool changed;             /* since somebody took it for keeping */
};

struct incident_book {
	struct table *table;
	struct ring *findings;
	struct watch_counts *counts;
	uint64_t quiet_us;
	uint8_t hash_key[HASH_KEY_BYTES];
};

struct incident_book *incident_new(uint32_t capacity, uint32_t quiet_s,
        const uint8_t hash_key[HASH_KEY_BYTES], struct ring *findings, struct watch_counts *counts)
{
	struct incident_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->table = table_new(capacity, sizeof(struct incident_key), sizeof(struct incident), hash_key);
	if (!b->table) {
		free(b);
		errno = ENOMEM;
		return NULL;
	}
	b->findings = findings;
	b->counts = counts;
	b->quiet_us = (uint64_t)quiet_s * 1000000;
	memcpy(b->hash_key, hash_key, HASH_KEY_BYTES);
	return b;
}

void incident_free(struct incident_book *b)
{
	if (!b)
		return;
	table_free(b->table);
	free(b);
}

static struct incident_key incident_key(const struct finding *f)
{
	struct incident_key key;

	memset(&key, 0, sizeof(key));
	if (f->pooled)
		key.pool = (uint16_t)(f->conn.server + 2);
	else
		key.source =
		        addr_mask(&f->conn.src, addr_is_v4(&f->conn.src) ? SOURCE_BITS_V4 : SOURCE_BITS_V6);
	key.rule = f->id;
	key.direction = f->conn.direction;
	return key;
}

static uint64_t incident_id(const struct incident_book *b, const struct incident_key *key, uint64_t first_us)
{
	uint8_t bytes[sizeof(*key) + sizeof(first_us)];
	uint64_t id;

	memcpy(bytes, key, sizeof(*key));
	memcpy(bytes + sizeof(*key), &first_us, sizeof(first_us));
	id = hash_bytes(b->hash_key, bytes, sizeof(bytes)) & ((UINT64_C(1) << ID_BITS) - 1);
	return id ? id : 1;
}

/* False when the ring has no room. */
static bool incident_tell(struct incident_book *b, const struct finding *f)
{
	struct finding *slot = ring_reserve(b->findings);

	if (!slot)
		return false;
	*slot = *f;
	ring_commit(b->findings);
	b->counts->findings_told++;
	return true;
}

/* Tells the summary. False when the ring has no room: the story then stays open. */
static bool incident_close(struct incident_book *b, struct incident *in, uint64_t now_us)
{
	struct finding *summary = &in->story;

	summary->incident.state = INCIDENT_CLOSED;
	summary->time_us = now_us;
	if (!incident_tell(b, summary))
		return false;
	table_drop(b->table, in);
	b->counts->incidents_open--;
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
	table_drop(b->table, oldest);
	b->counts->incidents_open--;
}

static struct incident *incident_open(
        struct incident_book *b, const struct incident_key *key, const struct finding *f)
{
	struct incident *in = table_add(b->table, key, f->time_us);

	if (!in) {
		incident_evict_oldest(b, f->time_us);
		in = table_add(b->table, key, f->time_us);
	}
	in->story = *f;
	in->story.incident = (struct incident_brief) {
		.id = incident_id(b, key, f->time_us),
		.first_us = f->time_us,
	};
	in->next_told_count = 1;
	b->counts->incidents_opened++;
	b->counts->incidents_open++;
	return in;
}

/* What a further finding changes in the story. */
static void incident_grow(struct incident *in, const struct finding *f)
{
	struct finding *story = &in->story;

	in->changed = true;
	story->incident.count++;
	if (f->time_us > story->incident.last_us)
		story->incident.last_us = f->time_us;
	if (f->severity < story->severity)
		story->severity = f->severity;
	if (f->value > story->value)
		story->value = f->value;
	story->blocked &= f->blocked; /* one that got through, and the story is not blocked */
	story->verified |= f->verified;
	evidence_merge(story, f);
}

bool incident_is_open(const struct incident_book *b, const struct finding *f)
{
	struct incident_key key = incident_key(f);

	return table_find(b->table, &key) != NULL;
}

/* The power of two behind it. */
static uint64_t next_step(uint64_t count)
{
	uint64_t step = 1;

	while (step <= count && step < UINT64_C(1) << 63)
		step *= 2;
	return step;
}

bool incident_restore(struct incident_book *b, const struct finding *story, uint64_t now_us)
{
	struct incident_key key = incident_key(story);
	uint64_t last_us = story->incident.last_us;
	struct incident *in;

	if (!finding_has_connection(story->id) || table_find(b->table, &key) ||
	        table_count(b->table) == table_capacity(b->table))
		return false;
	in = table_add(b->table, &key, last_us < now_us ? last_us : now_us);
	in->story = *story;
	in->told_count = story->incident.count;
	in->next_told_count = next_step(story->incident.count);
	b->counts->incidents_open++;
	return true;
}

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

/* An act is no story: it is told alone, each time. */
static void incident_pass(struct incident_book *b, struct finding *f, const struct incident_key *key)
{
	f->incident = (struct incident_brief) {
		.id = incident_id(b, key, f->time_us),
		.count = 1,
		.first_us = f->time_us,
		.last_us = f->time_us,
		.state = INCIDENT_CLOSED,
	};
	if (!incident_tell(b, f))
		b->counts->findings_lost++;
}

/* More severe than all before it, or the first that was not stopped. */
static bool is_worse(const struct finding *story, const struct finding *f)
{
	return f->severity < story->severity || (story->blocked && !f->blocked);
}

void incident_add(struct incident_book *b, struct finding *f)
{
	struct incident_key key = incident_key(f);
	struct incident *in = table_find(b->table, &key);
	bool worse = in && is_worse(&in->story, f);

	b->counts->findings++;
	if (f->alone) {
		incident_pass(b, f, &key);
		return;
	}
	if (in)
		table_touch(b->table, in, f->time_us);
	else
		in = incident_open(b, &key, f);
	incident_grow(in, f);
	f->incident = in->story.incident;
	if (f->incident.count < in->next_told_count && !worse)
		return;
	f->incident.state = f->incident.count == 1 ? INCIDENT_OPEN : INCIDENT_GROWN;
	if (!incident_tell(b, f)) {
		b->counts->findings_lost++;
		return;
	}
	in->told_count = f->incident.count;
	in->next_told_count = f->incident.count * 2;
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

/* False: the ring has no room. */
static bool leave_story(struct incident_book *b, struct incident *in, uint64_t now_us)
{
	struct finding f = in->story;

	if (!finding_has_connection(f.id)) /* of this daemon's own doing */
		return incident_close(b, in, now_us);
	if (in->told_count == f.incident.count)
		return true;
	f.incident.state = INCIDENT_GROWN;
	f.time_us = now_us;
	if (!incident_tell(b, &f))
		return false;
	in->told_count = f.incident.count;
	return true;
}

uint32_t incident_leave(struct incident_book *b, uint64_t now_us)
{
	struct incident *in;
	uint32_t cursor = 0, left = 0;

	while ((in = table_scan(b->table, &cursor)) != NULL)
		left += !leave_story(b, in, now_us);
	return left;
}

void incident_change_all(struct incident_book *b)
{
	struct incident *in;
	uint32_t cursor = 0;

	while ((in = table_scan(b->table, &cursor)) != NULL)
		in->changed = true;
}
