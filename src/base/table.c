/* table.c - hash table of fixed capacity, chained, with its entries in the order of last touch.
 *
 * One mapping holds the head, the buckets and the entries:
 *
 *   struct table | buckets: uint32_t each | entries: struct entry, key, pad, value, pad
 *
 * Links are entry numbers plus one, 0 = none, so that fresh zero pages are a valid empty table and
 * nothing has to be initialised: capacity that was never used costs no memory. For the same reason
 * entries are taken from the free list first and from the untouched end (`fresh`) only then.
 *
 * A slot's generation is counted up when its entry is dropped, and never is 0: an old reference
 * finds another number there. It would fit again after 2^32 - 1 drops of one slot.
 *
 * Chains were preferred to open addressing because entries must not move (callers hold pointers to
 * values) and because dropping is as frequent as adding: no tombstones to clean up.
 */
#include "base/table.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 16, CAPACITY_MAX = 1 << 28, KEY_BYTES_MAX = 256 };

struct entry {
	uint64_t touched_us;
	uint32_t hash;
	uint32_t next; /* in its bucket, or in the free list */
	uint32_t older, younger;
	uint32_t generation;
	uint32_t live;
	/* the key follows, then the value at value_offset */
};

struct table {
	uint64_t mapped_bytes;
	uint64_t stride; /* from one entry to the next */
	uint64_t entries_offset;
	uint32_t value_offset; /* in an entry */
	uint32_t key_bytes, value_bytes;
	uint32_t capacity, count;
	uint32_t bucket_mask;
	uint32_t fresh; /* entries behind this one were never used */
	uint32_t free;  /* dropped entries */
	uint32_t oldest, youngest;
	uint8_t hash_key[HASH_KEY_BYTES];
	uint32_t buckets[];
};

static_assert(sizeof(struct entry) % ALIGNMENT == 0, "keys stay aligned");

static uint64_t round_up(uint64_t n)
{
	return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint32_t buckets_for(uint32_t capacity)
{
	uint32_t buckets = 1;

	while (buckets < capacity)
		buckets <<= 1;
	return buckets;
}

/* link: entry number plus one, not 0. The table's own memory is always writable. */
static struct entry *entry_at(const struct table *t, uint32_t link)
{
	uintptr_t start = (uintptr_t)t + t->entries_offset;

	return (struct entry *)(start + (link - 1) * t->stride);
}

static uint32_t link_of(const struct table *t, const struct entry *e)
{
	return (uint32_t)(((uintptr_t)e - (uintptr_t)t - t->entries_offset) / t->stride) + 1;
}

static uint8_t *key_of(struct entry *e)
{
	return (uint8_t *)(e + 1);
}

static void *value_of(const struct table *t, struct entry *e)
{
	return (uint8_t *)e + t->value_offset;
}

/* The live entry a value belongs to; anything else is a bug of the caller. */
static struct entry *entry_of(const struct table *t, const void *value)
{
	struct entry *e = (struct entry *)((uintptr_t)value - t->value_offset);

	assert(e->live);
	return e;
}

static uint32_t hash_of(const struct table *t, const void *key)
{
	return (uint32_t)hash_bytes(t->hash_key, key, t->key_bytes);
}

struct table *table_new(
        uint32_t capacity, uint32_t key_bytes, uint32_t value_bytes, const uint8_t hash_key[HASH_KEY_BYTES])
{
	uint32_t buckets, value_offset;
	uint64_t entries_offset, stride, total;
	struct table *t;

	assert(capacity >= 1 && capacity <= CAPACITY_MAX);
	assert(key_bytes >= 1 && key_bytes <= KEY_BYTES_MAX && value_bytes >= 1);
	buckets = buckets_for(capacity);
	value_offset = (uint32_t)round_up(sizeof(struct entry) + key_bytes);
	stride = round_up((uint64_t)value_offset + value_bytes);
	entries_offset = round_up(sizeof(struct table) + (uint64_t)buckets * sizeof(uint32_t));
	total = entries_offset + capacity * stride;
	if (total > SIZE_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	t = mmap(NULL, (size_t)total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
	        0);
	if (t == MAP_FAILED)
		return NULL;
	t->mapped_bytes = total;
	t->stride = stride;
	t->entries_offset = entries_offset;
	t->value_offset = value_offset;
	t->key_bytes = key_bytes;
	t->value_bytes = value_bytes;
	t->capacity = capacity;
	t->bucket_mask = buckets - 1;
	memcpy(t->hash_key, hash_key, sizeof(t->hash_key));
	return t;
}

void table_free(struct table *t)
{
	if (t)
		munmap(t, (size_t)t->mapped_bytes);
}

/* ---- order of touch ---------------------------------------------------------------------------- */

static void unlink_order(struct table *t, struct entry *e)
{
	*(e->older ? &entry_at(t, e->older)->younger : &t->oldest) = e->younger;
	*(e->younger ? &entry_at(t, e->younger)->older : &t->youngest) = e->older;
}

static void link_youngest(struct table *t, struct entry *e)
{
	uint32_t link = link_of(t, e);

	e->older = t->youngest;
	e->younger = 0;
	*(t->youngest ? &entry_at(t, t->youngest)->younger : &t->oldest) = link;
	t->youngest = link;
}

void table_touch(struct table *t, void *value, uint64_t now_us)
{
	struct entry *e = entry_of(t, value);

	e->touched_us = now_us;
	if (!e->younger)
		return;
	unlink_order(t, e);
	link_youngest(t, e);
}

void *table_oldest(const struct table *t, uint64_t *touched_us)
{
	struct entry *e;

	if (!t->oldest)
		return NULL;
	e = entry_at(t, t->oldest);
	if (touched_us)
		*touched_us = e->touched_us;
	return value_of(t, e);
}

void *table_scan(const struct table *t, uint32_t *cursor)
{
	while (*cursor < t->fresh) {
		struct entry *e = entry_at(t, ++*cursor);

		if (e->live)
			return value_of(t, e);
	}
	return NULL;
}

/* ---- keys ---------------------------------------------------------------------------------------- */

static struct entry *find_hashed(const struct table *t, const void *key, uint32_t hash)
{
	uint32_t link = t->buckets[hash & t->bucket_mask];

	while (link) {
		struct entry *e = entry_at(t, link);

		if (e->hash == hash && memcmp(key_of(e), key, t->key_bytes) == 0)
			return e;
		link = e->next;
	}
	return NULL;
}

void *table_find(const struct table *t, const void *key)
{
	struct entry *e = find_hashed(t, key, hash_of(t, key));

	return e ? value_of(t, e) : NULL;
}

void *table_find_at(const struct table *t, const void *key, uint32_t *place)
{
	struct entry *e = *place > 0 && *place <= t->fresh ? entry_at(t, *place) : NULL;

	if (!e || !e->live || memcmp(key_of(e), key, t->key_bytes) != 0)
		e = find_hashed(t, key, hash_of(t, key));
	*place = e ? link_of(t, e) : 0;
	return e ? value_of(t, e) : NULL;
}

uint32_t table_place(const struct table *t, const void *value)
{
	return link_of(t, entry_of(t, value));
}

void *table_at(const struct table *t, uint32_t place)
{
	struct entry *e = place > 0 && place <= t->fresh ? entry_at(t, place) : NULL;

	return e && e->live ? value_of(t, e) : NULL;
}

/* An unused entry with a zeroed value, or NULL if there is none. */
static struct entry *take_entry(struct table *t)
{
	struct entry *e;

	if (t->free) {
		e = entry_at(t, t->free);
		t->free = e->next;
		memset(value_of(t, e), 0, t->value_bytes);
		return e;
	}
	if (t->fresh == t->capacity)
		return NULL;
	e = entry_at(t, ++t->fresh);
	e->generation = 1;
	return e;
}

void *table_add(struct table *t, const void *key, uint64_t now_us)
{
	uint32_t hash = hash_of(t, key);
	uint32_t *bucket = &t->buckets[hash & t->bucket_mask];
	struct entry *e;

	assert(!find_hashed(t, key, hash));
	e = take_entry(t);
	if (!e)
		return NULL;
	memcpy(key_of(e), key, t->key_bytes);
	e->touched_us = now_us;
	e->hash = hash;
	e->live = 1;
	e->next = *bucket;
	*bucket = link_of(t, e);
	link_youngest(t, e);
	t->count++;
	return value_of(t, e);
}

void table_drop(struct table *t, void *value)
{
	struct entry *e = entry_of(t, value);
	uint32_t link = link_of(t, e);
	uint32_t *at = &t->buckets[e->hash & t->bucket_mask];

	while (*at != link)
		at = &entry_at(t, *at)->next;
	*at = e->next;
	unlink_order(t, e);
	e->live = 0;
	if (++e->generation == 0)
		e->generation = 1;
	e->next = t->free;
	t->free = link;
	t->count--;
}

void *table_take(struct table *t, const void *key, uint64_t now_us, bool *evicted)
{
	void *value = table_find(t, key);
	bool full = !value && t->count == t->capacity;

	if (evicted)
		*evicted = full;
	if (value) {
		table_touch(t, value, now_us);
		return value;
	}
	if (full)
		table_drop(t, table_oldest(t, NULL));
	value = table_add(t, key, now_us);
	assert(value);
	return value;
}

/* ---- questions ----------------------------------------------------------------------------------- */

const void *table_key(const struct table *t, const void *value)
{
	return key_of(entry_of(t, value));
}

uint32_t table_count(const struct table *t)
{
	return t->count;
}

uint32_t table_capacity(const struct table *t)
{
	return t->capacity;
}

struct table_ref table_ref(const struct table *t, const void *value)
{
	const struct entry *e = entry_of(t, value);

	return (struct table_ref) { .index = link_of(t, e) - 1, .generation = e->generation };
}

void *table_get(const struct table *t, struct table_ref ref)
{
	struct entry *e;

	if (ref.generation == 0 || ref.index >= t->fresh)
		return NULL;
	e = entry_at(t, ref.index + 1);
	return e->live && e->generation == ref.generation ? value_of(t, e) : NULL;
}
