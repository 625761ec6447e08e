/* memory.c - see memory.h.
 *
 * Incidents, rows of who delivered and of the ledger change with each packet, so they are not told when they change but marked, and a
 * walk over the tables tells the marked ones: TICK_STORIES of the first, TICK_ROWS looked at of who delivered, and of the ledger
 * as many told, with TICK_SOURCES looked at, in a second. What is usual for a source is told once in an hour in which it has
 * sent, and at the end. A kill loses what was counted since the walk came by, a second or two in most houses, and nothing of
 * what was told in the records: the beginning and the end of an incident go to the store at once (desk.c).
 */
#include "posternd/memory.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/policy.h"
#include "policy/watching.h"
#include "posternd/loop.h"
#include "posternd/silence.h"
#include "posternd/witness.h"
#include "report/store.h"
#include "watch/baseline.h"
#include "watch/incident.h"
#include "watch/part.h"
#include "watch/sources.h"

/* A clock that was just set may be wrong: whatever seems old then is left alone. */
enum { CALM_S = 3600 };
static const uint64_t QUOTES_LEAST_US = UINT64_C(3600000000);
enum {
	TICK_STORIES = 512,
	TICK_ROWS = 2048,
	TICK_SOURCES = 32768,
	TICK_USUAL = 256,
	ROOM_MIN = 256,
	CLOSED_STORIES = 4096,
	QUOTES_EACH_S = 60
};
static const uint64_t before_us = INCIDENT_BEFORE_S * UINT64_C(1000000);

bool memory_open(struct daemon *d)
{
	const struct store_settings s = {
		.path = d->conf->store.path,
		.keep_s = d->conf->store.keep_s,
		.envelope_s = d->conf->store.envelope_s,
		.calm_s = CALM_S,
	};

	d->seen_since_us = d->started_us;
	if (!*s.path) {
		log_info("store.path is empty: blocks, incidents, who delivers and what sources did are not "
		         "kept");
		return true;
	}
	d->store = store_open(&s);
	if (!d->store)
		log_error("no memory for the store: %s", strerror(errno));
	return d->store;
}

/* ---- from the daemon before ------------------------------------------------------------------- */

struct restored {
	struct daemon *daemon;
	uint64_t now_us;
	unsigned stories, rows, sources, usual;
};

/* The file says it; what is none is neither end. */
static enum policy_self self_of(uint8_t kept)
{
	return kept == SELF_CLIENT || kept == SELF_SERVER ? (enum policy_self)kept : SELF_NEITHER;
}

/* Whose server it is, and by which rule, is said by the policy of today. */
static void restore_story(void *arg, const struct finding *story)
{
	struct restored *r = arg;
	const struct daemon *d = r->daemon;
	struct finding f = *story;
	struct policy_connection c;

	f.conn.self = self_of(story->conn.self);
	c = policy_judge_connection(d->conf->policy, &f.conn.src, &f.conn.dst, self_of(story->conn.self));
	f.conn.server = (int16_t)c.server;
	f.conn.rule = (int16_t)c.rule;
	if (watch_restore(desk_own_watch(d->desk), &f, r->now_us)) {
		r->stories++;
		return;
	}
	f.incident.state = INCIDENT_CLOSED; /* it has no place, or ended with its daemon */
	store_story(d->store, &f);
}

static void restore_closed(void *arg, const struct finding *story)
{
	const struct daemon *d = arg;

	watch_remember(desk_own_watch(d->desk), story);
}

static void restore_row(void *arg, const struct store_seen *row)
{
	struct restored *r = arg;
	const struct seen_row seen = {
		.client = row->client,
		.server = row->server,
		.self = self_of(row->self),
		.is_there = row->verified,
		.first_us = row->first_us,
		.last_us = row->last_us,
		.connections = row->connections,
		.mails = row->mails,
		.recipients = row->recipients,
		.tls = row->tls,
		.refused = row->refused,
	};

	seen_restore(witness_own_seen(desk_own_witness(r->daemon->desk)), &seen);
	r->rows++;
}

static_assert(
        (int)STORE_SOURCE_COUNTS == (int)SOURCE_COUNT_COUNT, "the store has all that the ledger counts");

static void restore_source(void *arg, const struct store_source *row)
{
	struct restored *r = arg;
	struct source source = {
		.prefix = row->prefix,
		.verified = row->verified,
		.direction = row->direction,
		.first_us = row->first_us,
		.last_us = row->last_us,
	};

	memcpy(source.n, row->n, sizeof(source.n));
	sources_restore(watch_sources(desk_own_watch(r->daemon->desk)), &source);
	r->sources++;
}

static void *baseline_of(const struct daemon *d)
{
	return watch_part(desk_own_watch(d->desk), &baseline_part);
}

static void restore_usual(void *arg, const struct store_usual *row)
{
	struct restored *r = arg;
	struct baseline_row usual = { .prefix = row->source, .last_us = row->last_us };

	if (row->len != sizeof(usual.bytes))
		return;
	memcpy(usual.bytes, row->bytes, sizeof(usual.bytes));
	r->usual += baseline_restore(baseline_of(r->daemon), &usual);
}

void memory_restore(struct daemon *d)
{
	struct restored r = { .daemon = d, .now_us = clock_now_us() };
	uint64_t since_us;

	since_us = r.now_us > before_us ? r.now_us - before_us : 0;
	if (store_read_closed(d->store, since_us, CLOSED_STORIES, restore_closed, d) == 0 &&
	        store_read_stories(d->store, restore_story, &r) == 0 &&
	        store_read_sources(d->store, policy_watching(d->conf->policy)->sources, restore_source, &r) ==
	                0 &&
	        store_read_seen(d->store, WITNESS_SEEN_ROWS, restore_row, &r) == 0) {
		since_us = store_read_since(d->store);
		if (since_us > 0 && since_us < d->seen_since_us)
			d->seen_since_us = since_us;
	}
	silence_restore(d);
	(void)store_read_usual(d->store, baseline_capacity(baseline_of(d)), restore_usual, &r);
	if (r.stories + r.rows + r.sources + r.usual > 0)
		log_info("from before: %u open incidents go on, %u who delivered and %u sources are known, "
		         "what is "
		         "usual of %u",
		        r.stories, r.rows, r.sources, r.usual);
	desk_set_store(d->desk, d->store);
}

void memory_start(struct daemon *d)
{
	int r = store_start(d->store, loop_wake, d->loop);

	if (r)
		log_error("the thread of the store cannot be started, nothing is kept: %s", strerror(-r));
}

void memory_set_conf(struct daemon *d, const struct conf *conf)
{
	store_set_keep(d->store, conf->store.keep_s, conf->store.envelope_s);
}

/* ---- for the daemon behind -------------------------------------------------------------------- */

/* False at the end of a round. */
static bool keep_stories(struct daemon *d, unsigned most)
{
	struct watch *watch = desk_own_watch(d->desk);
	const struct finding *f = NULL;

	while (most-- > 0 && store_room(d->store) > ROOM_MIN) {
		f = watch_next_changed(watch, &d->keeping.stories);
		if (!f)
			return false;
		store_story(d->store, f);
	}
	return true;
}

static void keep_row(struct daemon *d, const struct seen_row *row)
{
	const struct store_seen kept = {
		.client = row->client,
		.server = row->server,
		.self = row->self,
		.verified = row->is_there,
		.first_us = row->first_us,
		.last_us = row->last_us,
		.connections = row->connections,
		.mails = row->mails,
		.recipients = row->recipients,
		.tls = row->tls,
		.refused = row->refused,
	};

	store_seen(d->store, &kept);
}

static void keep_source(struct daemon *d, const struct source *source)
{
	struct store_source kept = {
		.prefix = source->prefix,
		.verified = source->verified,
		.direction = source->direction,
		.first_us = source->first_us,
		.last_us = source->last_us,
	};

	memcpy(kept.n, source->n, sizeof(kept.n));
	store_source(d->store, &kept);
}

/* False at the end of a round. */
static bool keep_rows(struct daemon *d, unsigned most)
{
	struct seen *seen = witness_own_seen(desk_own_witness(d->desk));
	struct seen_row row;

	while (most > 0 && store_room(d->store) > ROOM_MIN)
		if (seen_next_changed(seen, &d->keeping.seen, &most, &row))
			keep_row(d, &row);
		else if (d->keeping.seen == 0)
			return false;
	return true;
}

/* False at the end of a round. */
static bool keep_sources(struct daemon *d, unsigned looks, unsigned most)
{
	struct sources *sources = watch_sources(desk_own_watch(d->desk));
	const struct source *source;

	while (looks > 0 && most > 0 && store_room(d->store) > ROOM_MIN) {
		source = sources_next_changed(sources, &d->keeping.sources, &looks);
		if (source) {
			keep_source(d, source);
			most--;
		} else if (d->keeping.sources == 0) {
			return false;
		}
	}
	return true;
}

static void keep_history(struct daemon *d, const struct baseline_row *row)
{
	struct store_usual kept = {
		.source = row->prefix, .last_us = row->last_us, .len = sizeof(row->bytes)
	};

	memcpy(kept.bytes, row->bytes, sizeof(row->bytes));
	store_usual(d->store, &kept);
}

/* False at the end of a round. */
static bool keep_usual(struct daemon *d, unsigned most)
{
	struct baseline_row row;

	while (most > 0 && store_room(d->store) > ROOM_MIN)
		if (baseline_next_changed(baseline_of(d), &d->keeping.usual, &most, &row))
			keep_history(d, &row);
		else if (d->keeping.usual == 0)
			return false;
	return true;
}

/* What the store keeps for a time alone, open incidents do, too; for an hour at least, or they would say nothing. */
static void expire_quotes(struct daemon *d)
{
	uint64_t keep_us = d->conf->store.envelope_s * UINT64_C(1000000), now_us = clock_now_us();

	if (keep_us < QUOTES_LEAST_US)
		keep_us = QUOTES_LEAST_US;
	if (d->keeping.quotes_s++ % QUOTES_EACH_S == 0 && now_us > keep_us)
		watch_expire_quotes(desk_own_watch(d->desk), now_us - keep_us);
}

void memory_tick(struct daemon *d)
{
	char text[STORE_NOTICE_MAX];

	expire_quotes(d);
	if (!d->store)
		return;
	store_tick(d->store);
	while (store_take_notice(d->store, text))
		desk_audit(d->desk, clock_now_us(), "%s", text);
	if (store_wants_all(d->store)) {
		watch_change_all(desk_own_watch(d->desk));
		seen_change_all(witness_own_seen(desk_own_witness(d->desk)));
		sources_change_all(watch_sources(desk_own_watch(d->desk)));
		baseline_change_all(baseline_of(d));
		silence_keep_all(d);
	}
	(void)keep_stories(d, TICK_STORIES);
	(void)keep_rows(d, TICK_ROWS);
	(void)keep_sources(d, TICK_SOURCES, TICK_ROWS);
	(void)keep_usual(d, TICK_USUAL);
}

bool memory_keeps(const struct daemon *d)
{
	struct store_status status;

	if (!d->store)
		return false;
	store_read_status(d->store, &status);
	return status.works;
}

/* All that has changed, as fast as the store takes it. */
static void keep_everything(struct daemon *d)
{
	static const struct timespec pause = { .tv_nsec = 10000000 };
	uint64_t until_ns = clock_monotonic_ns() + STORE_LEAVE_S * UINT64_C(1000000000);
	bool stories = true, rows = true, sources = true, usual = true;

	d->keeping.stories = 0;
	d->keeping.seen = 0;
	d->keeping.sources = 0;
	d->keeping.usual = 0;
	baseline_change_all(baseline_of(d));
	while ((stories || rows || sources || usual) && clock_monotonic_ns() < until_ns) {
		if (store_room(d->store) <= ROOM_MIN)
			nanosleep(&pause, NULL);
		stories = stories && keep_stories(d, UINT32_MAX);
		rows = rows && keep_rows(d, UINT32_MAX);
		sources = sources && keep_sources(d, UINT32_MAX, UINT32_MAX);
		usual = usual && keep_usual(d, UINT32_MAX);
	}
}

void memory_leave(struct daemon *d)
{
	if (memory_keeps(d))
		keep_everything(d);
	memory_close(d);
}

void memory_close(struct daemon *d)
{
	store_close(d->store);
	d->store = NULL;
}
