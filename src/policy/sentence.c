/* sentence.c - what is done about a source for a time: prefix to action.
 *
 *   bucket: version, first -> node -> node        by keyed hash of (address, length)
 *   heap of nodes by until_us                     the writer's own: who ends soonest
 *   lengths                                       the prefix lengths in use, longest first, in one word
 *
 * A reader asks once for each length in use, so an empty table costs one load, and a table of hosts one look-up.
 * Each bucket is guarded by its version (a sequence lock): odd while the writer is in it. The reader's loads of
 * what lies between are acquiring and the writer's stores releasing, so that neither passes the version; nothing
 * is read that is not atomic. A node that leaves one bucket and enters another while a reader walks may lead him
 * astray: he takes no more than WALK_MAX steps, and the version of the bucket that he began in has changed.
 *
 * Limits: the capacity; SENTENCE_LENGTHS_MAX lengths; readers look READ_TRIES times.
 *
 * Rejected: a lock (a worker would wait for the main thread, which may write thousands); one version for the
 * whole table (a burst of writes would blind all readers); copies that are swapped (the policy's way: too large
 * to copy for each source); sets of a few places for each hash (they overflow long before the table is full).
 *
 * Sources: H. Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012.
 */
#include "policy/sentence.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { READ_TRIES = 8, WALK_MAX = 1024, LENGTH_BITS = 8, BITS_MAX = 128, V4_BITS = 96 };

/* Positions of nodes begin at 1; 0 = none. */
struct node {
	_Atomic uint64_t address[2];
	_Atomic uint64_t until_us;
	_Atomic uint32_t what; /* list << 16 | action << 8 | bits */
	_Atomic uint32_t next;
	uint32_t bucket, heap_at; /* the writer's */
};

struct bucket {
	_Atomic uint32_t version, first;
};

struct sentences {
	uint8_t key[HASH_KEY_BYTES];
	uint32_t capacity, mask;
	struct node *nodes;       /* capacity + 1 */
	struct bucket *buckets;   /* mask + 1 */
	_Atomic uint64_t lengths; /* a byte each, the longest lowest */
	_Atomic uint32_t count;
	_Atomic uint64_t evicted;
	/* the writer's */
	uint32_t *heap; /* [1..count], heap_at of each node is its place */
	uint32_t spare; /* list of free nodes, by next */
	uint32_t fresh; /* nodes behind it were never used, and take no memory */
	uint32_t of_length[BITS_MAX + 1];
};

/* A prefix as it is compared. */
struct place {
	uint64_t address[2];
	uint8_t bits;
};

static struct place place_of(const struct addr *a, unsigned bits)
{
	struct addr masked = addr_mask(a, bits);
	struct place p = { .bits = (uint8_t)bits };

	memcpy(p.address, masked.b, sizeof(p.address));
	return p;
}

static uint32_t bucket_of(const struct sentences *s, const struct place *p)
{
	uint8_t bytes[sizeof(p->address) + 1];

	memcpy(bytes, p->address, sizeof(p->address));
	bytes[sizeof(p->address)] = p->bits;
	return (uint32_t)hash_bytes(s->key, bytes, sizeof(bytes)) & s->mask;
}

static bool is_at(const struct node *n, const struct place *p)
{
	return atomic_load_explicit(&n->address[0], memory_order_acquire) == p->address[0] &&
	       atomic_load_explicit(&n->address[1], memory_order_acquire) == p->address[1] &&
	       (uint8_t)atomic_load_explicit(&n->what, memory_order_acquire) == p->bits;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* One walk along the bucket. False if the writer was there. */
static bool walk(const struct sentences *s, const struct place *p, struct sentence *out)
{
	struct bucket *b = &s->buckets[bucket_of(s, p)];
	uint32_t steps, version = atomic_load_explicit(&b->version, memory_order_acquire);
	uint32_t at = atomic_load_explicit(&b->first, memory_order_acquire);
	const struct node *n;

	*out = (struct sentence) { .until_us = 0 };
	for (steps = 0; at && steps < WALK_MAX; steps++) {
		n = &s->nodes[at];
		if (is_at(n, p)) {
			uint32_t what = atomic_load_explicit(&n->what, memory_order_acquire);

			out->action = (enum action)(what >> LENGTH_BITS & UINT8_MAX);
			out->list = (uint8_t)(what >> 2 * LENGTH_BITS);
			out->bits = p->bits;
			out->until_us = atomic_load_explicit(&n->until_us, memory_order_acquire);
			break;
		}
		at = atomic_load_explicit(&n->next, memory_order_acquire);
	}
	return !(version & 1) && atomic_load_explicit(&b->version, memory_order_relaxed) == version;
}

struct sentence sentences_find(const struct sentences *s, const struct addr *source, uint64_t now_us)
{
	const struct sentence none = { .until_us = 0 };
	uint64_t lengths = atomic_load_explicit(&s->lengths, memory_order_acquire);
	const bool v4 = addr_is_v4(source);
	struct sentence found = none;

	for (; lengths; lengths >>= LENGTH_BITS) {
		unsigned tries = 0, bits = (uint8_t)lengths;
		struct place p;

		if (v4 && bits < V4_BITS) /* the families stay apart */
			break;
		p = place_of(source, bits);
		while (!walk(s, &p, &found) && ++tries < READ_TRIES)
			;
		if (tries < READ_TRIES && found.until_us > now_us)
			return found;
	}
	return none;
}

uint32_t sentences_count(const struct sentences *s)
{
	return atomic_load_explicit(&s->count, memory_order_relaxed);
}

uint64_t sentences_evicted(const struct sentences *s)
{
	return atomic_load_explicit(&s->evicted, memory_order_relaxed);
}

/* ---- the writer's heap ---------------------------------------------------------------------- */

static uint64_t until_at(const struct sentences *s, uint32_t heap_at)
{
	return atomic_load_explicit(&s->nodes[s->heap[heap_at]].until_us, memory_order_relaxed);
}

static void heap_put(struct sentences *s, uint32_t heap_at, uint32_t node)
{
	s->heap[heap_at] = node;
	s->nodes[node].heap_at = heap_at;
}

static void heap_swap(struct sentences *s, uint32_t a, uint32_t b)
{
	uint32_t node = s->heap[a];

	heap_put(s, a, s->heap[b]);
	heap_put(s, b, node);
}

/* The entry's time has changed: up or down it goes. */
static void heap_settle(struct sentences *s, uint32_t at)
{
	uint32_t count = sentences_count(s), least;

	for (; at > 1 && until_at(s, at) < until_at(s, at / 2); at /= 2)
		heap_swap(s, at, at / 2);
	for (;; at = least) {
		least = at;
		if (2 * at <= count && until_at(s, 2 * at) < until_at(s, least))
			least = 2 * at;
		if (2 * at + 1 <= count && until_at(s, 2 * at + 1) < until_at(s, least))
			least = 2 * at + 1;
		if (least == at)
			return;
		heap_swap(s, at, least);
	}
}

/* ---- writing -------------------------------------------------------------------------------- */

static void enter(struct bucket *b)
{
	uint32_t version = atomic_load_explicit(&b->version, memory_order_relaxed);

	atomic_store_explicit(&b->version, version + 1, memory_order_relaxed);
}

static void leave(struct bucket *b)
{
	uint32_t version = atomic_load_explicit(&b->version, memory_order_relaxed);

	atomic_store_explicit(&b->version, version + 1, memory_order_release);
}

/* Publishes the lengths in use, longest first. */
static void tell_lengths(struct sentences *s)
{
	uint64_t lengths = 0;
	unsigned bits, shift = 0;

	for (bits = BITS_MAX; bits > 0; bits--)
		if (s->of_length[bits]) {
			lengths |= (uint64_t)bits << shift;
			shift += LENGTH_BITS;
		}
	atomic_store_explicit(&s->lengths, lengths, memory_order_release);
}

/* A length may be new. */
static bool has_room_for_length(const struct sentences *s, uint8_t bits)
{
	uint64_t lengths = atomic_load_explicit(&s->lengths, memory_order_relaxed);

	static_assert(SENTENCE_LENGTHS_MAX * LENGTH_BITS == 64, "the lengths fill the word");
	return s->of_length[bits] || lengths >> (64 - LENGTH_BITS) == 0;
}

static void drop(struct sentences *s, uint32_t node)
{
	struct node *n = &s->nodes[node];
	struct bucket *b = &s->buckets[n->bucket];
	_Atomic uint32_t *link = &b->first;
	uint32_t at, heap_at = n->heap_at, count = sentences_count(s);
	uint8_t bits = (uint8_t)atomic_load_explicit(&n->what, memory_order_relaxed);

	while ((at = atomic_load_explicit(link, memory_order_relaxed)) != node)
		link = &s->nodes[at].next;
	enter(b);
	atomic_store_explicit(
	        link, atomic_load_explicit(&n->next, memory_order_relaxed), memory_order_release);
	leave(b);
	if (--s->of_length[bits] == 0)
		tell_lengths(s);
	heap_put(s, heap_at, s->heap[count]);
	atomic_store_explicit(&s->count, count - 1, memory_order_relaxed);
	if (heap_at < count)
		heap_settle(s, heap_at);
	atomic_store_explicit(&n->next, s->spare, memory_order_release);
	s->spare = node;
}

static uint32_t find_node(const struct sentences *s, const struct place *p)
{
	uint32_t at = atomic_load_explicit(&s->buckets[bucket_of(s, p)].first, memory_order_relaxed);

	while (at && !is_at(&s->nodes[at], p))
		at = atomic_load_explicit(&s->nodes[at].next, memory_order_relaxed);
	return at;
}

/* list << 8 | action */
static uint32_t what_of(enum action action, uint8_t list)
{
	return (uint32_t)list << LENGTH_BITS | (uint32_t)action;
}

static void write_node(struct node *n, const struct place *p, uint32_t what, uint64_t until_us)
{
	atomic_store_explicit(&n->address[0], p->address[0], memory_order_release);
	atomic_store_explicit(&n->address[1], p->address[1], memory_order_release);
	atomic_store_explicit(&n->what, what << LENGTH_BITS | p->bits, memory_order_release);
	atomic_store_explicit(&n->until_us, until_us, memory_order_release);
}

/* A node that nobody uses, at the cost of the one that ends soonest; 0: that would be the new one. */
static uint32_t take_node(struct sentences *s, uint64_t until_us)
{
	uint32_t node;

	if (!s->spare && s->fresh < s->capacity)
		return ++s->fresh;
	if (!s->spare) {
		atomic_store_explicit(&s->evicted, sentences_evicted(s) + 1, memory_order_relaxed);
		if (until_at(s, 1) >= until_us)
			return 0;
		drop(s, s->heap[1]);
	}
	node = s->spare;
	s->spare = atomic_load_explicit(&s->nodes[node].next, memory_order_relaxed);
	return node;
}

static int add(struct sentences *s, const struct place *p, uint32_t what, uint64_t until_us)
{
	uint32_t node = take_node(s, until_us), count = sentences_count(s) + 1;
	struct node *n = &s->nodes[node];
	struct bucket *b;

	if (!node)
		return -ENOSPC;
	n->bucket = bucket_of(s, p);
	b = &s->buckets[n->bucket];
	if (s->of_length[p->bits]++ == 0)
		tell_lengths(s);
	enter(b);
	write_node(n, p, what, until_us);
	atomic_store_explicit(
	        &n->next, atomic_load_explicit(&b->first, memory_order_relaxed), memory_order_release);
	atomic_store_explicit(&b->first, node, memory_order_release);
	leave(b);
	atomic_store_explicit(&s->count, count, memory_order_relaxed);
	heap_put(s, count, node);
	heap_settle(s, count);
	return 0;
}

int sentences_set(struct sentences *s, const struct prefix *prefix, enum action action, uint64_t until_us)
{
	return sentences_set_listed(s, prefix, action, 0, until_us);
}

int sentences_set_listed(
        struct sentences *s, const struct prefix *prefix, enum action action, uint8_t list, uint64_t until_us)
{
	uint32_t what = what_of(action, list);
	struct place p;
	uint32_t node;
	struct bucket *b;

	if (until_us == 0 || prefix->bits == 0 || prefix->bits > BITS_MAX)
		return -EINVAL;
	p = place_of(&prefix->addr, prefix->bits);
	if (memcmp(p.address, prefix->addr.b, sizeof(p.address)) != 0)
		return -EINVAL;
	node = find_node(s, &p);
	if (!node)
		return has_room_for_length(s, p.bits) ? add(s, &p, what, until_us) : -EDOM;
	b = &s->buckets[s->nodes[node].bucket];
	enter(b);
	write_node(&s->nodes[node], &p, what, until_us);
	leave(b);
	heap_settle(s, s->nodes[node].heap_at);
	return 0;
}

bool sentences_lift(struct sentences *s, const struct prefix *prefix)
{
	struct place p = place_of(&prefix->addr, prefix->bits);
	uint32_t node = find_node(s, &p);

	if (node)
		drop(s, node);
	return node != 0;
}

void sentences_lift_all(struct sentences *s)
{
	while (sentences_count(s) > 0)
		drop(s, s->heap[sentences_count(s)]);
}

uint32_t sentences_expire(struct sentences *s, uint64_t now_us)
{
	uint32_t before = sentences_count(s);

	while (sentences_count(s) > 0 && until_at(s, 1) <= now_us)
		drop(s, s->heap[1]);
	return before - sentences_count(s);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct sentences *sentences_new(uint32_t capacity, const uint8_t key[HASH_KEY_BYTES])
{
	struct sentences *s = calloc(1, sizeof(*s));
	uint32_t buckets = 1;

	assert(capacity >= 1 && capacity <= SENTENCES_MAX);
	if (!s)
		return NULL;
	while (buckets < capacity)
		buckets *= 2;
	memcpy(s->key, key, sizeof(s->key));
	s->capacity = capacity;
	s->mask = buckets - 1;
	s->nodes = calloc((size_t)capacity + 1, sizeof(*s->nodes));
	s->buckets = calloc(buckets, sizeof(*s->buckets));
	s->heap = calloc((size_t)capacity + 1, sizeof(*s->heap));
	if (!s->nodes || !s->buckets || !s->heap) {
		sentences_free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

void sentences_free(struct sentences *s)
{
	if (!s)
		return;
	free(s->nodes);
	free(s->buckets);
	free(s->heap);
	free(s);
}
