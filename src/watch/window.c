/* window.c - see window.h.
 *
 *   oldest ── entry ── entry ── entry ── entry ── youngest       in the order of time
 *                        ▲                 ▲
 *                   first[1 h]         first[1 min]              a sum for each: entries from there on
 *
 * A window of W that ends at t holds what is younger than t - W. As time goes on, each `first` moves over each entry once,
 * so an entry costs the same however long the window is. Sums can be made again from the log at any time.
 *
 * What comes late is looked for from the young end, and windows that end before the newest entry are made by moving the
 * newest one back: so it costs what was done since, not what the window holds.
 *
 * Different things: an entry holds the hash of its thing, and moves to the young end when that is seen again; so a log has
 * one entry for each thing. Buckets over all logs of the pool find it; where the log lies is part of the hash.
 */
#include "watch/window.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"

enum { SECOND_US = 1000000 };

struct entry {
	uint64_t time_us;
	uint64_t what; /* an amount, or a hash */
	uint32_t older, younger;
	uint32_t next; /* in its bucket */
	uint32_t pad;
};

struct window_pool {
	struct slab *entries, *states;
	uint32_t *buckets, bucket_mask;
	uint64_t thinned;
	uint8_t hash_key[HASH_KEY_BYTES];
};

struct window_pool *window_pool_new(uint32_t entries, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct window_pool *p = calloc(1, sizeof(*p));
	uint32_t buckets = 1;

	if (!p)
		return NULL;
	while (buckets < entries / 2)
		buckets <<= 1;
	p->bucket_mask = buckets - 1;
	memcpy(p->hash_key, hash_key, HASH_KEY_BYTES);
	p->entries = slab_new(entries, sizeof(struct entry));
	p->states = slab_new(entries, sizeof(struct window_state));
	p->buckets = calloc(buckets, sizeof(*p->buckets));
	if (p->entries && p->states && p->buckets)
		return p;
	window_pool_free(p);
	errno = ENOMEM;
	return NULL;
}

void window_pool_free(struct window_pool *p)
{
	if (!p)
		return;
	slab_free(p->entries);
	slab_free(p->states);
	free(p->buckets);
	free(p);
}

/* ---- entries --------------------------------------------------------------------------------- */

static struct entry *entry_at(const struct window_pool *p, uint32_t position)
{
	return slab_at(p->entries, position);
}

static uint64_t amount_of(const struct window_log *l, const struct entry *e)
{
	return l->things ? 1 : e->what;
}

static uint32_t *bucket_of(const struct window_pool *p, uint64_t hash)
{
	return &p->buckets[hash & p->bucket_mask];
}

/* Between `older` and the one behind it. */
static void link_entry(struct window_pool *p, struct window_log *l, uint32_t position, uint32_t older)
{
	struct entry *e = entry_at(p, position);

	e->older = older;
	e->younger = older ? entry_at(p, older)->younger : l->oldest;
	*(e->older ? &entry_at(p, e->older)->younger : &l->oldest) = position;
	*(e->younger ? &entry_at(p, e->younger)->older : &l->youngest) = position;
	l->length++;
	l->total += amount_of(l, e);
}

static void unlink_entry(struct window_pool *p, struct window_log *l, const struct entry *e)
{
	*(e->older ? &entry_at(p, e->older)->younger : &l->oldest) = e->younger;
	*(e->younger ? &entry_at(p, e->younger)->older : &l->youngest) = e->older;
	l->length--;
	l->total -= amount_of(l, e);
}

static void drop_entry(struct window_pool *p, struct window_log *l, uint32_t position)
{
	const struct entry *e = entry_at(p, position);

	unlink_entry(p, l, e);
	if (l->things) {
		uint32_t *link = bucket_of(p, e->what);

		while (*link != position)
			link = &entry_at(p, *link)->next;
		*link = e->next;
	}
	slab_give(p->entries, position);
}

/* The youngest entry that is not younger than time_us; 0 = all are. */
static uint32_t find_place(const struct window_pool *p, const struct window_log *l, uint64_t time_us)
{
	uint32_t at = l->youngest;

	while (at && entry_at(p, at)->time_us > time_us)
		at = entry_at(p, at)->older;
	return at;
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* A window of so many seconds that ends at end_us does not hold it any more. */
static bool is_out(uint64_t time_us, uint64_t end_us, uint32_t window_s)
{
	return time_us + (uint64_t)window_s * SECOND_US <= end_us;
}

/* Moves `first` and its sum on to a window that ends at end_us. */
static void slide(const struct window_pool *p, const struct window_log *l, uint32_t *first, uint64_t *sum,
        uint64_t end_us, uint32_t window_s)
{
	const struct entry *e;

	while (*first && is_out((e = entry_at(p, *first))->time_us, end_us, window_s)) {
		*sum -= amount_of(l, e);
		*first = e->younger;
	}
}

static void know_sums(const struct window_pool *p, const struct window_log *l,
        const struct volume_limit *limits, unsigned count)
{
	struct window_state *s = slab_at(p->states, l->state);
	uint64_t end_us = entry_at(p, l->youngest)->time_us;

	for (unsigned i = 0; i < count; i++) {
		if (!s->known) {
			s->first[i] = l->oldest;
			s->sum[i] = l->total;
		}
		slide(p, l, &s->first[i], &s->sum[i], end_us, limits[i].window_s);
	}
	s->known = true;
}

/* The most that a window with this entry in it holds: the newest window is moved back to the one that ends with it. */
static uint64_t most_with(const struct window_pool *p, const struct window_log *l, uint32_t position,
        uint32_t first, uint64_t sum, uint32_t window_s)
{
	uint64_t time_us = entry_at(p, position)->time_us, most = 0;
	uint32_t last = l->youngest, older;

	for (;;) {
		const struct entry *end = entry_at(p, last);

		while ((older = entry_at(p, first)->older) &&
		        !is_out(entry_at(p, older)->time_us, end->time_us, window_s)) {
			first = older;
			sum += amount_of(l, entry_at(p, first));
		}
		if (sum > most && !is_out(time_us, end->time_us, window_s))
			most = sum;
		if (last == position)
			return most;
		sum -= amount_of(l, end);
		last = end->older;
	}
}

static uint32_t longest(const struct volume_limit *limits, unsigned count)
{
	uint32_t window_s = 0;

	for (unsigned i = 0; i < count; i++)
		if (limits[i].window_s > window_s)
			window_s = limits[i].window_s;
	return window_s;
}

static uint64_t least(const struct volume_limit *limits, unsigned count)
{
	uint64_t most = UINT64_MAX;

	for (unsigned i = 0; i < count; i++)
		if (limits[i].most < most)
			most = limits[i].most;
	return most;
}

/* What no window can hold any more, however late something comes. The youngest stays. */
static void drop_old(struct window_pool *p, struct window_log *l, uint32_t window_s)
{
	uint64_t end_us = entry_at(p, l->youngest)->time_us;

	end_us = end_us > WINDOW_LATE_US ? end_us - WINDOW_LATE_US : 0;
	while (l->oldest != l->youngest && is_out(entry_at(p, l->oldest)->time_us, end_us, window_s))
		drop_entry(p, l, l->oldest);
}

static void forget_state(struct window_pool *p, struct window_log *l)
{
	if (l->state)
		slab_give(p->states, l->state);
	l->state = 0;
}

/* With a state when some limit may be passed, and without when none can be for long. There is one for each entry, so for each log. */
static void keep_state(struct window_pool *p, struct window_log *l, uint64_t least_most)
{
	if (l->state && l->total <= window_calm(least_most))
		forget_state(p, l);
	if (l->state || l->total <= least_most)
		return;
	l->state = slab_take(p->states);
	memset(slab_at(p->states, l->state), 0, sizeof(struct window_state));
}

/* Entries that lie close together become one, so that about half of them is left, spread evenly. */
static void thin(struct window_pool *p, struct window_log *l)
{
	uint64_t start_us = entry_at(p, l->oldest)->time_us;
	uint64_t step_us = (entry_at(p, l->youngest)->time_us - start_us) / (l->length / 2) + 1;
	uint32_t at = l->oldest;

	while (entry_at(p, at)->younger) {
		struct entry *later = entry_at(p, entry_at(p, at)->younger);
		uint64_t amount = entry_at(p, at)->what;
		uint32_t next = entry_at(p, at)->younger;

		if (later->time_us - start_us < step_us) {
			drop_entry(p, l, at);
			later->what += amount;
			l->total += amount;
		} else {
			start_us = later->time_us;
		}
		at = next;
	}
	if (l->state)
		((struct window_state *)slab_at(p->states, l->state))->known = false;
}

/* Takes one of different things out of the log and its sums. */
static void forget_thing(struct window_pool *p, struct window_log *l, uint32_t position,
        const struct volume_limit *limits, unsigned count)
{
	struct window_state *s = l->state ? slab_at(p->states, l->state) : NULL;
	const struct entry *e = entry_at(p, position);
	uint64_t end_us = entry_at(p, l->youngest)->time_us;

	for (unsigned i = 0; s && s->known && i < count; i++) {
		if (is_out(e->time_us, end_us, limits[i].window_s))
			continue;
		s->sum[i]--;
		if (s->first[i] == position)
			s->first[i] = e->younger;
	}
	drop_entry(p, l, position);
}

static void make_room(
        struct window_pool *p, struct window_log *l, const struct volume_limit *limits, unsigned count)
{
	if (l->length <= slab_count(p->entries) / WINDOW_LOG_SHARE || l->length < 4)
		return;
	p->thinned++;
	if (l->things)
		forget_thing(p, l, l->oldest, limits, count);
	else
		thin(p, l);
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* The sums with the entry at this place, which has just come. */
static void move_sums(struct window_pool *p, struct window_log *l, uint32_t position,
        const struct volume_limit *limits, unsigned count)
{
	struct window_state *s = slab_at(p->states, l->state);
	uint64_t end_us = entry_at(p, l->youngest)->time_us;
	const struct entry *e = entry_at(p, position);

	for (unsigned i = 0; s->known && i < count; i++) {
		if (is_out(e->time_us, end_us, limits[i].window_s))
			continue;
		s->sum[i] += amount_of(l, e);
		if (!s->first[i] || e->younger == s->first[i])
			s->first[i] = position;
	}
	know_sums(p, l, limits, count);
}

static void read_sums(const struct window_pool *p, const struct window_log *l, uint32_t position,
        const struct volume_limit *limits, unsigned count, bool late, uint64_t *sums)
{
	const struct window_state *s = slab_at(p->states, l->state);

	know_sums(p, l, limits, count);
	for (unsigned i = 0; i < count; i++) {
		uint64_t sum = late ? most_with(p, l, position, s->first[i], s->sum[i], limits[i].window_s)
		                    : s->sum[i];

		sums[i] = sum > limits[i].most ? sum : 0;
	}
}

/* The entry at this place has come: sums follow, then what is too old goes. */
static void settle(struct window_pool *p, struct window_log *l, uint32_t position,
        const struct volume_limit *limits, unsigned count, uint64_t *sums)
{
	bool late = position != l->youngest && !l->things;

	if (l->state)
		move_sums(p, l, position, limits, count);
	drop_old(p, l, longest(limits, count));
	keep_state(p, l, least(limits, count));
	if (l->state)
		read_sums(p, l, position, limits, count, late, sums);
	make_room(p, l, limits, count);
}

/* Nothing comes so late: somebody has set the clock back. What was before goes with it, so that its distance to what comes is
 * right again, up to the time since the last entry. */
static void follow_clock(struct window_pool *p, const struct window_log *l, uint64_t time_us)
{
	uint64_t newest_us = l->youngest ? entry_at(p, l->youngest)->time_us : 0;
	uint64_t back_us = newest_us > time_us ? newest_us - time_us : 0;

	if (back_us <= WINDOW_LATE_US)
		return;
	for (uint32_t at = l->youngest; at; at = entry_at(p, at)->older) {
		struct entry *e = entry_at(p, at);

		e->time_us = e->time_us > back_us ? e->time_us - back_us : 0;
	}
}

/* Of different things, `what` is the hash. */
bool window_add(struct window_pool *p, struct window_log *l, const struct volume_limit *limits,
        unsigned count, uint64_t time_us, uint64_t what, uint64_t *sums)
{
	uint32_t position = slab_take(p->entries);
	struct entry *e;

	memset(sums, 0, count * sizeof(*sums));
	if (!position)
		return false;
	e = entry_at(p, position);
	*e = (struct entry) { .time_us = time_us, .what = what };
	if (l->things) {
		e->next = *bucket_of(p, what);
		*bucket_of(p, what) = position;
	}
	follow_clock(p, l, time_us);
	link_entry(p, l, position, find_place(p, l, time_us));
	settle(p, l, position, limits, count, sums);
	return true;
}

/* Of this log; 0 = it is new. */
static uint32_t find_thing(const struct window_pool *p, uint64_t hash)
{
	uint32_t at = *bucket_of(p, hash);

	while (at && entry_at(p, at)->what != hash)
		at = entry_at(p, at)->next;
	return at;
}

/* Which windows hold it already, the newest ending at time_us; a bit for each. */
static unsigned windows_with(const struct window_pool *p, uint32_t there, const struct volume_limit *limits,
        unsigned count, uint64_t time_us)
{
	unsigned known = 0;

	for (unsigned i = 0; there && i < count; i++)
		if (!is_out(entry_at(p, there)->time_us, time_us, limits[i].window_s))
			known |= 1U << i;
	return known;
}

bool window_see(struct window_pool *p, struct window_log *log, const struct volume_limit *limits,
        unsigned count, uint64_t time_us, uint64_t thing, uint64_t *sums, unsigned *known)
{
	uint64_t own[2] = { (uintptr_t)log, thing };
	uint64_t hash = hash_bytes(p->hash_key, own, sizeof(own));
	uint32_t there;

	log->things = 1;
	follow_clock(p, log, time_us);
	there = find_thing(p, hash);
	if (there && entry_at(p, there)->time_us > time_us)
		time_us = entry_at(p, there)->time_us;
	*known = windows_with(p, there, limits, count, time_us);
	if (there)
		forget_thing(p, log, there, limits, count);
	return window_add(p, log, limits, count, time_us, hash, sums);
}

/* ---- the rest -------------------------------------------------------------------------------- */

struct window_state *window_state(const struct window_pool *p, const struct window_log *log)
{
	return log->state ? slab_at(p->states, log->state) : NULL;
}

void window_forget_sums(struct window_pool *p, struct window_log *log)
{
	forget_state(p, log);
}

void window_expire(struct window_pool *p, struct window_log *log, uint32_t window_s, uint64_t now_us)
{
	now_us = now_us > WINDOW_LATE_US ? now_us - WINDOW_LATE_US : 0;
	if (log->youngest && is_out(entry_at(p, log->youngest)->time_us, now_us, window_s))
		window_drop(p, log);
}

void window_drop(struct window_pool *p, struct window_log *log)
{
	while (log->oldest)
		drop_entry(p, log, log->oldest);
	forget_state(p, log);
}

uint64_t window_thinned(const struct window_pool *p)
{
	return p->thinned;
}
