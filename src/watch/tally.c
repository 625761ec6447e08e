/* tally.c - see tally.h.
 *
 *   subjects  name -> places of its oldest and newest thing, count     at least two things
 *   waiting   name -> one thing and when
 *   things    a slab; each is in the list of its subject, by time, and in a bucket by its id, which is subject and thing
 *
 * A thing seen again moves to the new end of the list, so what has left the window is always at the old end, and each event
 * costs the same whatever the limit is. Names are 64 bits of a keyed hash: two that are the same by chance, among a million,
 * are less likely than a fault of the memory, and nobody can aim at it.
 *
 * Rejected: sketches (HyperLogLog) are smaller for a million things, but a limit of twenty would not be exact; an array of
 * things for each subject wastes what most of them never use.
 */
#include "watch/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"
#include "base/table.h"

enum { SPARED_MAX = 8, HEAVY = 4 };

struct thing {
	uint64_t id, time_us;
	uint32_t next;         /* in its bucket; places in the slab, 0 = none */
	uint32_t older, newer; /* of its subject */
	uint32_t pad;
};

struct subject {
	uint32_t oldest, newest;
	uint32_t count;
	uint32_t pad;
	uint64_t beyond; /* dropped within the window, since it had more than its limit */
};

struct waiting {
	uint64_t id, time_us;
};

struct tally {
	struct table *subjects, *waiting;
	struct slab *things;
	uint32_t *buckets;
	uint32_t bucket_mask;
	uint64_t evicted, next;
	uint8_t hash_key[HASH_KEY_BYTES];
};

struct tally *tally_new(uint32_t things, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct tally *t = calloc(1, sizeof(*t));
	uint32_t buckets = 1;

	if (!t)
		return NULL;
	while (buckets < things)
		buckets <<= 1;
	memcpy(t->hash_key, hash_key, HASH_KEY_BYTES);
	t->bucket_mask = buckets - 1;
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	t->things = slab_new(things, sizeof(struct thing));
	t->subjects = table_new(things / 2, sizeof(uint64_t), sizeof(struct subject), hash_key);
	t->waiting = table_new(things / 4, sizeof(uint64_t), sizeof(struct waiting), hash_key);
	if (t->buckets && t->things && t->subjects && t->waiting)
		return t;
	tally_free(t);
	errno = ENOMEM;
	return NULL;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	free(t->buckets);
	slab_free(t->things);
	table_free(t->subjects);
	table_free(t->waiting);
	free(t);
}

uint64_t tally_name(const struct tally *t, uint64_t kind, const void *bytes, size_t len)
{
	return hash_bytes(t->hash_key, bytes, len) +
	       kind * UINT64_C(0x9e3779b97f4a7c15); /* odd: kinds stay apart */
}

uint64_t tally_next(struct tally *t)
{
	return ++t->next;
}

static uint64_t id_of(const struct tally *t, uint64_t subject, uint64_t thing)
{
	uint64_t names[2] = { subject, thing };

	return hash_bytes(t->hash_key, names, sizeof(names));
}

/* ---- things of a subject ------------------------------------------------------------------------ */

static struct thing *thing_at(const struct tally *t, uint32_t place)
{
	return slab_at(t->things, place);
}

static uint32_t *bucket_of(struct tally *t, uint64_t id)
{
	return &t->buckets[id & t->bucket_mask];
}

/* Its place, or 0. */
static uint32_t thing_find(struct tally *t, uint64_t id)
{
	uint32_t place = *bucket_of(t, id);

	while (place != 0 && thing_at(t, place)->id != id)
		place = thing_at(t, place)->next;
	return place;
}

static void list_append(struct tally *t, struct subject *s, uint32_t place, uint64_t now_us)
{
	struct thing *thing = thing_at(t, place);

	thing->time_us = now_us;
	thing->newer = 0;
	thing->older = s->newest;
	if (s->newest != 0)
		thing_at(t, s->newest)->newer = place;
	else
		s->oldest = place;
	s->newest = place;
	s->count++;
}

static void list_remove(struct tally *t, struct subject *s, uint32_t place)
{
	const struct thing *thing = thing_at(t, place);

	if (thing->older != 0)
		thing_at(t, thing->older)->newer = thing->newer;
	else
		s->oldest = thing->newer;
	if (thing->newer != 0)
		thing_at(t, thing->newer)->older = thing->older;
	else
		s->newest = thing->older;
	s->count--;
}

static void thing_drop(struct tally *t, struct subject *s, uint32_t place)
{
	const struct thing *thing = thing_at(t, place);
	uint32_t *link = bucket_of(t, thing->id);

	while (*link != place)
		link = &thing_at(t, *link)->next;
	*link = thing->next;
	list_remove(t, s, place);
	slab_give(t->things, place);
}

static void subject_drop(struct tally *t, struct subject *s)
{
	while (s->count > 0)
		thing_drop(t, s, s->oldest);
	table_drop(t->subjects, s);
}

/* Somebody other than `spare` gives way; false: there is nobody else. */
static bool make_room(struct tally *t, const struct subject *spare, uint64_t now_us)
{
	struct subject *s = table_oldest(t->subjects, NULL);
	unsigned i;

	for (i = 0; i < SPARED_MAX && s && (s == spare || s->count >= HEAVY); i++) {
		table_touch(t->subjects, s, now_us);
		s = table_oldest(t->subjects, NULL);
	}
	if (s && s == spare) {
		table_touch(t->subjects, s, now_us);
		s = table_oldest(t->subjects, NULL);
	}
	if (!s || s == spare)
		return false;
	subject_drop(t, s);
	t->evicted++;
	return true;
}

static void thing_add(struct tally *t, struct subject *s, uint64_t id, uint64_t now_us)
{
	uint32_t place = slab_take(t->things), *bucket = bucket_of(t, id);
	struct thing *thing;

	while (place == 0) {
		if (!make_room(t, s, now_us)) { /* all of them are its own */
			thing_drop(t, s, s->oldest);
			s->beyond++;
		}
		place = slab_take(t->things);
	}
	thing = thing_at(t, place);
	thing->id = id;
	thing->next = *bucket;
	*bucket = place;
	list_append(t, s, place, now_us);
}

/* ---- subjects ----------------------------------------------------------------------------------- */

static bool is_within(uint64_t time_us, const struct volume_limit *limit, uint64_t now_us)
{
	return now_us < time_us + (uint64_t)limit->window_s * 1000000;
}

/* A second thing has come: both go where more than one have room. */
static struct subject *promote(struct tally *t, uint64_t name, struct waiting *w, uint64_t now_us)
{
	struct subject *s;

	if (table_count(t->subjects) == table_capacity(t->subjects))
		make_room(t, NULL, now_us);
	s = table_add(t->subjects, &name, now_us);
	thing_add(t, s, w->id, w->time_us);
	table_drop(t->waiting, w);
	return s;
}

static struct tally_count first_thing(
        struct tally *t, uint64_t name, uint64_t id, const struct volume_limit *limit, uint64_t now_us)
{
	struct waiting *w = table_take(t->waiting, &name, now_us, NULL);
	struct tally_count count = { 1, w->id != id || !is_within(w->time_us, limit, now_us) };

	*w = (struct waiting) { id, now_us };
	return count;
}

/* What has left the window, and what is too many since the limit was lowered. When the oldest that was kept has left, all
 * that were dropped for its sake have. */
static void expire(struct tally *t, struct subject *s, const struct volume_limit *limit, uint64_t now_us)
{
	while (s->count > 0 && !is_within(thing_at(t, s->oldest)->time_us, limit, now_us)) {
		thing_drop(t, s, s->oldest);
		s->beyond = 0;
	}
	while (s->count > limit->most + 1)
		thing_drop(t, s, s->oldest);
}

struct tally_count tally_add(
        struct tally *t, uint64_t subject, uint64_t thing, const struct volume_limit *limit, uint64_t now_us)
{
	uint64_t id = id_of(t, subject, thing);
	struct subject *s = table_find(t->subjects, &subject);
	struct waiting *w = s ? NULL : table_find(t->waiting, &subject);
	uint32_t place;

	if (!s && (!w || w->id == id || !is_within(w->time_us, limit, now_us)))
		return first_thing(t, subject, id, limit, now_us);
	s = s ? s : promote(t, subject, w, now_us);
	table_touch(t->subjects, s, now_us);
	expire(t, s, limit, now_us);
	place = thing_find(t, id);
	if (place != 0) {
		list_remove(t, s, place);
		list_append(t, s, place, now_us);
	} else {
		if (s->count > limit->most) {
			thing_drop(t, s, s->oldest);
			s->beyond++;
		}
		thing_add(t, s, id, now_us);
	}
	return (struct tally_count) { s->count + s->beyond, place == 0 };
}

bool tally_knows(const struct tally *t, uint64_t subject)
{
	return table_find(t->subjects, &subject) || table_find(t->waiting, &subject);
}

void tally_forget(struct tally *t, uint64_t subject)
{
	struct subject *s = table_find(t->subjects, &subject);
	struct waiting *w = table_find(t->waiting, &subject);

	if (s)
		subject_drop(t, s);
	if (w)
		table_drop(t->waiting, w);
}

static void subject_forget_thing(struct tally *t, struct subject *s, uint32_t place)
{
	thing_drop(t, s, place);
	if (s->count == 0)
		subject_drop(t, s);
}

uint64_t tally_forget_thing(struct tally *t, uint64_t thing, bool look)
{
	uint32_t cursor = 0, place;
	uint64_t subject, count = 0;
	struct waiting *w;
	struct subject *s;

	while ((s = table_scan(t->subjects, &cursor))) {
		memcpy(&subject, table_key(t->subjects, s), sizeof(subject));
		place = thing_find(t, id_of(t, subject, thing));
		count += place != 0;
		if (place != 0 && !look)
			subject_forget_thing(t, s, place);
	}
	cursor = 0;
	while ((w = table_scan(t->waiting, &cursor))) {
		memcpy(&subject, table_key(t->waiting, w), sizeof(subject));
		if (w->id != id_of(t, subject, thing))
			continue;
		count++;
		if (!look)
			table_drop(t->waiting, w);
	}
	return count;
}

uint64_t tally_evicted(const struct tally *t)
{
	return t->evicted;
}
