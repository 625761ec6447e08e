/* volume.c - limits over windows: volume.limit (1025200).
 *
 * The first volume block of each key that a client matches counts it: by its prefix, by the sender of its mail, or by the user
 * it has logged in as. Each of these has a log of each measure that has limits (window.h). Of a sender there are messages,
 * recipients and destinations, from his MAIL on; of a user all, from the AUTH on. Bytes come at the end of each connection,
 * so they hold what went under TLS or on the fast path, too.
 *
 * A limit passed is one finding, and one more each time that as much again has come while it is passed. Below three quarters
 * of it the next passing is a new one. So a source that hangs at its limit is told once, and one that does not care is told
 * in step with what it does, which is what actions of several steps go by.
 *
 * Upstreams are never counted. Servers of ours only by a block that names them: by their group or by address.
 *
 * Limits: an eighth of all sources that are tracked may be counted at once, 65,536 at the least, with half as many entries
 * as there are sources, 524,288 at the least; what is not used costs nothing. Without room, of the others the one that has done
 * least and longest ago is forgotten, as in the ledger, and counted if that was before its time. Rejected: counters in buckets of time (a limit is passed a bucket late, or an honest source is
 * told), a leaky bucket (nobody can check what it says against a log).
 */
#include "watch/volume.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "watch/evidence.h"
#include "watch/finding.h"
#include "watch/part.h"
#include "watch/sources.h"
#include "watch/standing.h"
#include "watch/window.h"

enum {
	KEPT_MIN = 65536, /* at the least, of few sources */
	KEPT_SHARE = 8,   /* sources to one that is counted in some window at a time */
	ENTRY_SHARE = 2,
	ENTRIES_MIN = 524288,
	SWEEP = 1024, /* looked at in one tick, whether there is something to be forgotten */
	TRIES = 64    /* others that leave for one */
};

static_assert((int)VOLUME_DESTINATIONS_MAX < ENTRIES_MIN / WINDOW_LOG_SHARE, "a limit of them can be passed");

/* Whom a block counts. */
struct counted_key {
	uint64_t block; /* hash of title and key */
	uint64_t who[2];
};

struct counted {
	struct window_log logs[VOLUME_MEASURE_COUNT];
	uint32_t longest_s; /* of all windows of its block */
	uint32_t round;     /* of the rules that its sums are made by */
	struct standing_link standing;
};

struct volume {
	struct table *table;      /* struct counted_key -> struct counted */
	struct standing standing; /* of them, by their places */
	struct window_pool *pool;
	uint32_t sweep; /* cursor */
	uint32_t round;
	uint32_t longest_s[VOLUME_BLOCKS_MAX];
	uint64_t ids[VOLUME_BLOCKS_MAX];
	struct volume_block blocks[VOLUME_BLOCKS_MAX]; /* as they were at the last change */
	unsigned block_count;
	bool has_key[VOLUME_KEY_COUNT]; /* some block counts by it */
	uint64_t lost;                  /* see volume.h */
	uint8_t hash_key[HASH_KEY_BYTES];
};

static void volume_end(void *part)
{
	struct volume *v = part;

	if (!v)
		return;
	table_free(v->table);
	window_pool_free(v->pool);
	free(v);
}

static uint32_t at_least(uint32_t n, uint32_t least)
{
	return n > least ? n : least;
}

static struct standing_link *link_at(const void *volume, uint32_t place)
{
	const struct volume *v = volume;
	struct counted *c = table_at(v->table, place);

	return &c->standing;
}

static void *volume_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	uint32_t kept = at_least(sources / KEPT_SHARE, KEPT_MIN);
	struct volume *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	memcpy(v->hash_key, hash_key, HASH_KEY_BYTES);
	v->table = table_new(kept, sizeof(struct counted_key), sizeof(struct counted), hash_key);
	v->pool = window_pool_new(at_least(sources / ENTRY_SHARE, ENTRIES_MIN), hash_key);
	standing_init(&v->standing, link_at, v);
	if (v->table && v->pool)
		return v;
	volume_end(v);
	errno = ENOMEM;
	return NULL;
}

/* ---- the rules ------------------------------------------------------------------------------- */

static uint32_t longest_of(const struct volume_block *b)
{
	uint32_t window_s = 0;

	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++)
		for (unsigned i = 0; i < b->limit_count[m]; i++)
			if (b->limits[m][i].window_s > window_s)
				window_s = b->limits[m][i].window_s;
	return window_s;
}

static bool same_block(const struct volume_block *a, const struct volume_block *b)
{
	bool same = strcmp(a->name, b->name) == 0;

	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++) {
		same = same && a->limit_count[m] == b->limit_count[m];
		for (unsigned i = 0; same && i < a->limit_count[m]; i++)
			same = a->limits[m][i].most == b->limits[m][i].most &&
			       a->limits[m][i].window_s == b->limits[m][i].window_s;
	}
	return same;
}

static bool same_limits(const struct volume *v, const struct watching *rules)
{
	bool same = v->block_count == rules->volume_count;

	for (unsigned i = 0; same && i < rules->volume_count; i++)
		same = same_block(&v->blocks[i], &rules->volumes[i]);
	return same;
}

/* Other limits: what was counted stays, sums and what was told of them are made again. */
static void volume_change(void *part, const struct part_view *view)
{
	const struct watching *rules = view->rules;
	struct volume *v = part;

	v->round += !same_limits(v, rules);
	v->block_count = rules->volume_count;
	memcpy(v->blocks, rules->volumes, sizeof(v->blocks));
	memset(v->has_key, 0, sizeof(v->has_key));
	for (unsigned i = 0; i < rules->volume_count; i++) {
		const struct volume_block *b = &rules->volumes[i];
		uint8_t name[sizeof(b->name) + 1] = { 0 };

		memcpy(name, b->name, strlen(b->name));
		name[sizeof(b->name)] = b->key;
		v->ids[i] = hash_bytes(v->hash_key, name, sizeof(name));
		v->longest_s[i] = longest_of(b);
		v->has_key[b->key] = true;
	}
}

/* The block that counts this client by `key`; -1 = none. */
static int block_for(const struct part_view *view, const struct event *e, enum volume_key key)
{
	return e->conn.from_upstream ? -1 : watching_find_volume(view->rules, &view->groups, key);
}

/* ---- who is counted -------------------------------------------------------------------------- */

static uint64_t weight_of(const struct counted *c)
{
	uint64_t weight = 0;

	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++)
		weight += window_length(&c->logs[m]);
	return weight;
}

static void drop_counted(struct volume *v, struct counted *c)
{
	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++)
		window_drop(v->pool, &c->logs[m]);
	standing_drop(&v->standing, table_place(v->table, c));
	table_drop(v->table, c);
}

/* What it has is older than any of its windows. */
static bool expire(struct volume *v, struct counted *c, uint64_t now_us)
{
	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++)
		window_expire(v->pool, &c->logs[m], c->longest_s, now_us);
	return weight_of(c) == 0;
}

/* False: there is nobody. */
static bool drop_least(struct volume *v, uint64_t now_us)
{
	struct counted *c = table_at(v->table, standing_least(&v->standing, now_us));

	if (!c)
		return false;
	v->lost += !expire(v, c, now_us);
	drop_counted(v, c);
	return true;
}

/* *place: a guess where, as table_find_at(). */
static struct counted *take_counted(
        struct volume *v, const struct counted_key *key, uint64_t now_us, uint32_t *place)
{
	struct counted *c = table_find_at(v->table, key, place);

	if (c)
		return c;
	if (table_count(v->table) == table_capacity(v->table))
		(void)drop_least(v, now_us);
	c = table_add(v->table, key, now_us);
	*place = table_place(v->table, c);
	c->round = v->round;
	standing_touch(&v->standing, *place, 1, now_us);
	return c;
}

static void follow_rules(struct volume *v, struct counted *c, int block)
{
	c->longest_s = v->longest_s[block];
	if (c->round == v->round)
		return;
	c->round = v->round;
	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++)
		window_forget_sums(v->pool, &c->logs[m]);
}

/* ---- telling --------------------------------------------------------------------------------- */

static const char *const measures[] = { VOLUME_MEASURE_NAMES };

static void print_who(struct event_text *line, const struct volume_block *b, const struct event *e,
        const struct event_path *name)
{
	struct prefix source = sources_prefix(&e->conn.src, b->bits_v4, b->bits_v6);
	char text[PREFIX_TEXT_MAX];

	if (b->key == VOLUME_BY_SOURCE) {
		evidence_print(line, "%s", prefix_print(&source, text));
		return;
	}
	evidence_print(line, b->key == VOLUME_BY_MAIL_FROM ? "the sender " : "the user ");
	evidence_path(line, name);
}

static void start_finding(struct finding *f, const struct volume_block *b, const struct event *e,
        enum volume_measure measure, uint64_t value, const struct volume_limit *limit)
{
	finding_init(f, FINDING_VOLUME_LIMIT, e);
	f->would = b->action;
	f->value = value;
	f->limit = limit->most;
	f->window_s = limit->window_s;
	f->measure = (uint8_t)(1 + measure);
	memcpy(f->block, b->name, sizeof(f->block));
	if (e->kind == EVENT_RCPT) {
		f->tx_id = e->u.rcpt.tx_id;
		f->rcpt_to = e->u.rcpt.path;
		f->outcome = e->u.rcpt.outcome;
	} else if (e->kind == EVENT_DATA) {
		f->tx_id = e->u.data.tx_id;
	}
}

static void raise_limit(const struct part_view *view, const struct volume_block *b, const struct event *e,
        enum volume_measure measure, uint64_t value, const struct volume_limit *limit,
        const struct event_path *name)
{
	struct event_text *line;
	struct finding f;

	start_finding(&f, b, e, measure, value, limit);
	line = evidence_line(&f);
	print_who(line, b, e, name);
	evidence_print(line, ": %" PRIu64 " %s within %" PRIu32 " s; volume \"%s\" allows %" PRIu64, value,
	        measures[measure], limit->window_s, b->name, limit->most);
	view->raise(view->watch, &f);
}

/* ---- counting -------------------------------------------------------------------------------- */

/* Whether this passing is told: see the top of this file. */
static bool is_told(
        struct window_state *s, unsigned i, const struct volume_limit *limit, uint64_t sum, uint64_t amount)
{
	if (s->over[i] && s->sum[i] <= window_calm(limit->most))
		s->over[i] = false;
	if (sum == 0)
		return false;
	s->since[i] = s->over[i] ? s->since[i] + amount : 0;
	if (s->over[i] && s->since[i] < limit->most)
		return false;
	s->over[i] = true;
	s->since[i] = 0;
	return true;
}

struct act {
	enum volume_measure measure;
	uint64_t amount;
	uint64_t thing; /* destinations: which one */
};

/* What came of it, for each limit. */
struct outcome {
	uint64_t sums[VOLUME_LIMITS_MAX];
	unsigned known; /* destinations: its window had this one already */
};

static bool put(struct volume *v, struct counted *c, const struct volume_block *b, const struct event *e,
        const struct act *a, struct outcome *out)
{
	const struct volume_limit *limits = b->limits[a->measure];
	unsigned count = b->limit_count[a->measure];
	struct window_log *log = &c->logs[a->measure];

	out->known = 0;
	if (a->measure == VOLUME_DESTINATIONS)
		return window_see(v->pool, log, limits, count, e->time_us, a->thing, out->sums, &out->known);
	return window_add(v->pool, log, limits, count, e->time_us, a->amount, out->sums);
}

/* Others leave for it, if need be; it stands beside them meanwhile. */
static bool put_with_room(struct volume *v, struct counted *c, const struct volume_block *b,
        const struct event *e, const struct act *a, struct outcome *out)
{
	uint32_t place = table_place(v->table, c);
	bool counted = put(v, c, b, e, a, out);

	if (!counted) {
		standing_drop(&v->standing, place);
		for (unsigned tries = 0; !counted && tries < TRIES && drop_least(v, e->time_us); tries++)
			counted = put(v, c, b, e, a, out);
	}
	v->lost += !counted;
	standing_touch(&v->standing, place, weight_of(c), e->time_us);
	return counted;
}

static void count_act(struct volume *v, const struct part_view *view, int block,
        const struct counted_key *key, const struct event *e, const struct act *a,
        const struct event_path *name)
{
	const struct volume_block *b = &view->rules->volumes[block];
	uint32_t unknown = 0;
	uint32_t *place = b->key == VOLUME_BY_SOURCE && view->source ? &view->source->part.volume : &unknown;
	struct counted *c = take_counted(v, key, e->time_us, place);
	struct window_state *s;
	struct outcome out;

	follow_rules(v, c, block);
	s = put_with_room(v, c, b, e, a, &out) ? window_state(v->pool, &c->logs[a->measure]) : NULL;
	for (unsigned i = 0; s && i < b->limit_count[a->measure]; i++) {
		const struct volume_limit *limit = &b->limits[a->measure][i];
		uint64_t more = out.known & 1U << i ? 0 : a->amount;

		if (is_told(s, i, limit, out.sums[i], more))
			raise_limit(view, b, e, a->measure, out.sums[i], limit, name);
	}
}

/* What e is, in each measure, for somebody whom a block knows by this key. Returns how many. */
static unsigned acts_of(const struct event *e, enum volume_key key, struct act acts[VOLUME_MEASURE_COUNT])
{
	static const enum event_kind begins[VOLUME_KEY_COUNT] = {
		[VOLUME_BY_MAIL_FROM] = EVENT_MAIL, [VOLUME_BY_AUTH_USER] = EVENT_AUTH
	};
	unsigned code = e->kind == EVENT_MAIL   ? e->u.mail.reply.code
	                : e->kind == EVENT_AUTH ? e->u.auth.reply.code
	                                        : 0;
	bool connects =
	        key == VOLUME_BY_SOURCE ? sources_connects(e) : e->kind == begins[key] && code / 100 == 2;
	unsigned n = 0;

	if (e->kind == EVENT_RCPT && e->u.rcpt.outcome == OUTCOME_ACCEPTED)
		acts[n++] = (struct act) { .measure = VOLUME_RECIPIENTS, .amount = 1 };
	if (e->kind == EVENT_DATA && e->u.data.final && e->u.data.reply.code / 100 == 2)
		acts[n++] = (struct act) { .measure = VOLUME_MESSAGES, .amount = 1 };
	if (connects && key != VOLUME_BY_MAIL_FROM)
		acts[n++] = (struct act) { .measure = VOLUME_CONNECTIONS, .amount = 1 };
	if (connects)
		acts[n++] = (struct act) { .measure = VOLUME_DESTINATIONS, .amount = 1 };
	if (e->kind == EVENT_CLOSE && key != VOLUME_BY_MAIL_FROM && e->u.close.bytes_toserver > 0 &&
	        (e->u.close.greeted || e->u.close.bytes_toclient > 0))
		acts[n++] = (struct act) { .measure = VOLUME_BYTES, .amount = e->u.close.bytes_toserver };
	return n;
}

static char folded(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* Of a name: its case means nothing. False: there is no name, or the null sender. */
static bool key_of_name(const struct volume *v, const struct event_path *name, struct counted_key *key)
{
	char text[EVENT_PATH_MAX];
	unsigned len = name->len < sizeof(text) ? name->len : sizeof(text);

	if (len == 0 || (len == 2 && memcmp(name->bytes, "<>", 2) == 0))
		return false;
	for (unsigned i = 0; i < len; i++)
		text[i] = folded(name->bytes[i]);
	key->who[0] = hash_bytes(v->hash_key, text, len);
	return true;
}

static void key_of_source(const struct addr *a, const struct volume_block *b, struct counted_key *key)
{
	struct prefix source = sources_prefix(a, b->bits_v4, b->bits_v6);

	static_assert(sizeof(source.addr) == sizeof(key->who), "an address fits");
	memcpy(key->who, &source.addr, sizeof(source.addr));
}

static bool key_of(const struct volume *v, const struct volume_block *b, int block, const struct event *e,
        const struct event_path *name, struct counted_key *key)
{
	*key = (struct counted_key) { .block = v->ids[block] };
	if (b->key != VOLUME_BY_SOURCE)
		return key_of_name(v, name, key);
	key_of_source(&e->conn.src, b, key);
	return true;
}

/* A recipient too many in one mail: told at the first one, and at each doubling. */
static void count_rcpt(const struct part_view *view, const struct volume_block *b, const struct event *e,
        const struct event_path *name)
{
	const struct volume_limit limit = { .most = b->max_rcpt };
	uint64_t told = limit.most + 1;
	struct event_text *line;
	struct finding f;

	if (limit.most == 0 || e->kind != EVENT_RCPT || e->u.rcpt.outcome != OUTCOME_ACCEPTED)
		return;
	while (told < view->accepted)
		told *= 2;
	if (told != view->accepted)
		return;
	start_finding(&f, b, e, VOLUME_RECIPIENTS, told, &limit);
	line = evidence_line(&f);
	print_who(line, b, e, name);
	evidence_print(line, ": %" PRIu64 " recipients in one message; volume \"%s\" allows %" PRIu64, told,
	        b->name, limit.most);
	view->raise(view->watch, &f);
}

static void volume_event(void *part, const struct part_view *view, const struct event *e)
{
	struct act acts[VOLUME_MEASURE_COUNT];
	struct volume *v = part;

	if (!event_kind_is_followed((enum event_kind)e->kind))
		return;
	for (unsigned k = 0; k < VOLUME_KEY_COUNT; k++) {
		const struct event_path *name = k == VOLUME_BY_MAIL_FROM ? view->mail_from : view->auth_user;
		unsigned count = v->has_key[k] ? acts_of(e, (enum volume_key)k, acts) : 0;
		int block = count > 0 ? block_for(view, e, (enum volume_key)k) : -1;
		const struct volume_block *b = block >= 0 ? &view->rules->volumes[block] : NULL;
		struct counted_key key;

		if (!b || !key_of(v, b, block, e, name, &key))
			continue;
		count_rcpt(view, b, e, name);
		for (unsigned i = 0; i < count; i++) {
			if (b->limit_count[acts[i].measure] == 0)
				continue;
			if (acts[i].measure == VOLUME_DESTINATIONS)
				acts[i].thing = hash_bytes(v->hash_key, &e->conn.dst, sizeof(e->conn.dst));
			count_act(v, view, block, &key, e, &acts[i], name);
		}
	}
}

/* Who has been silent for longer than any of its windows is forgotten, a part of them at a time. */
static void volume_tick(void *part, const struct part_view *view, uint64_t now_us)
{
	struct volume *v = part;

	(void)view;
	for (unsigned i = 0; i < SWEEP; i++) {
		struct counted *c = table_scan(v->table, &v->sweep);

		if (!c) {
			v->sweep = 0;
			return;
		}
		if (expire(v, c, now_us))
			drop_counted(v, c);
	}
}

uint64_t volume_windows_lost(const void *part)
{
	return ((const struct volume *)part)->lost;
}

uint64_t volume_windows_thinned(const void *part)
{
	return window_thinned(((const struct volume *)part)->pool);
}

static void forget_counted(struct volume *v, const struct counted_key *key, struct forgotten *out)
{
	struct counted *c = table_find(v->table, key);

	out->n[FORGOTTEN_WINDOWS] += c != NULL;
	if (c && !out->look)
		drop_counted(v, c);
}

static void volume_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	struct volume *v = part;

	for (unsigned i = 0; i < v->block_count; i++) {
		const struct volume_block *b = &v->blocks[i];
		struct counted_key key = { .block = v->ids[i] };

		if (who->source && b->key == VOLUME_BY_SOURCE) {
			key_of_source(&who->source->addr, b, &key);
			forget_counted(v, &key, out);
		} else if (who->name && b->key != VOLUME_BY_SOURCE && key_of_name(v, who->name, &key)) {
			forget_counted(v, &key, out);
		}
	}
}

const struct part volume_part = {
	.name = "volume",
	.make = volume_make,
	.end = volume_end,
	.event = volume_event,
	.tick = volume_tick,
	.change = volume_change,
	.forget = volume_forget,
};
