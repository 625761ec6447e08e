/* blockbook.c - see blockbook.h.
 *
 * A table by prefix, and two heaps by end: blocks of rules, which may have to give way, and those of people. What has no
 * end is in neither. How many blocks there are of each length says where to look for those that hold an address.
 *
 * Ranges. Of one family, two prefixes are apart, or one lies in the other. In the order of their first addresses, wider ones first,
 * a stack holds those that are open at a place; the top has the latest end of all of them, because one that ends
 * earlier than what it lies in changes nothing and never gets there.
 *
 * Rejected: one heap (whom to sacrifice would have to be searched for); giving the operator's blocks up, too (whoever can
 * use many addresses would push them out).
 */
#include "policy/blockbook.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

enum { ADDR_BITS = 128, NESTING_MAX = ADDR_BITS + 1 };
enum heap_kind { HEAP_RULES, HEAP_PEOPLE, HEAPS };

struct entry {
	struct block block; /* first: callers get a pointer to it */
	uint32_t place;     /* in its heap */
};

struct heap {
	struct entry **at;
	uint32_t count;
};

struct blockbook {
	struct table *table; /* struct prefix -> struct entry */
	struct heap heaps[HEAPS];
	uint32_t of_length[ADDR_BITS + 1];
	uint32_t doing[ACTION_COUNT];
};

struct blockbook *blockbook_new(uint32_t places, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct blockbook *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->table = table_new(places, sizeof(struct prefix), sizeof(struct entry), hash_key);
	for (unsigned i = 0; i < HEAPS; i++)
		b->heaps[i].at = calloc(places, sizeof(*b->heaps[i].at));
	if (b->table && b->heaps[HEAP_RULES].at && b->heaps[HEAP_PEOPLE].at)
		return b;
	blockbook_free(b);
	errno = ENOMEM;
	return NULL;
}

void blockbook_free(struct blockbook *b)
{
	if (!b)
		return;
	table_free(b->table);
	for (unsigned i = 0; i < HEAPS; i++)
		free(b->heaps[i].at);
	free(b);
}

/* ---- heaps -------------------------------------------------------------------------------------- */

/* NULL: it has no end. */
static struct heap *heap_of(struct blockbook *b, const struct entry *e)
{
	if (e->block.until_us == BLOCK_FOR_EVER)
		return NULL;
	return &b->heaps[e->block.uid == BLOCK_BY_RULE ? HEAP_RULES : HEAP_PEOPLE];
}

static bool is_sooner(const struct entry *a, const struct entry *b)
{
	return a->block.until_us < b->block.until_us;
}

static void place(struct heap *h, uint32_t at, struct entry *e)
{
	h->at[at] = e;
	e->place = at;
}

static void sift_up(struct heap *h, struct entry *e)
{
	uint32_t at = e->place;

	for (; at > 0 && is_sooner(e, h->at[(at - 1) / 2]); at = (at - 1) / 2)
		place(h, at, h->at[(at - 1) / 2]);
	place(h, at, e);
}

static void sift_down(struct heap *h, struct entry *e)
{
	uint32_t at = e->place, child;

	while ((child = 2 * at + 1) < h->count) {
		child += child + 1 < h->count && is_sooner(h->at[child + 1], h->at[child]);
		if (!is_sooner(h->at[child], e))
			break;
		place(h, at, h->at[child]);
		at = child;
	}
	place(h, at, e);
}

static void heap_add(struct heap *h, struct entry *e)
{
	place(h, h->count++, e);
	sift_up(h, e);
}

static void heap_drop(struct heap *h, const struct entry *e)
{
	struct entry *last = h->at[--h->count];

	if (last == e)
		return;
	place(h, e->place, last);
	sift_up(h, last);
	sift_down(h, last);
}

/* ---- one block ---------------------------------------------------------------------------------- */

static void unlink_entry(struct blockbook *b, struct entry *e)
{
	struct heap *h = heap_of(b, e);

	if (h)
		heap_drop(h, e);
}

static void drop_entry(struct blockbook *b, struct entry *e)
{
	unlink_entry(b, e);
	b->doing[e->block.action]--;
	b->of_length[e->block.prefix.bits]--;
	table_drop(b->table, e);
}

int blockbook_put(struct blockbook *b, const struct block *block, struct block *out)
{
	struct entry *e = table_find(b->table, &block->prefix), *victim;
	struct heap *h;
	int r = 0;

	assert(block->prefix.bits <= ADDR_BITS && block->action < ACTION_COUNT);
	if (e) {
		unlink_entry(b, e);
		b->doing[e->block.action]--;
	} else if (!(e = table_add(b->table, &block->prefix, 0))) {
		if (b->heaps[HEAP_RULES].count == 0)
			return -ENOSPC;
		victim = b->heaps[HEAP_RULES].at[0];
		if (out)
			*out = victim->block;
		drop_entry(b, victim);
		e = table_add(b->table, &block->prefix, 0);
		b->of_length[block->prefix.bits]++;
		r = 1;
	} else {
		b->of_length[block->prefix.bits]++;
	}
	e->block = *block;
	b->doing[block->action]++;
	h = heap_of(b, e);
	if (h)
		heap_add(h, e);
	return r;
}

const struct block *blockbook_find(const struct blockbook *b, const struct prefix *prefix)
{
	const struct entry *e = table_find(b->table, prefix);

	return e ? &e->block : NULL;
}

bool blockbook_drop(struct blockbook *b, const struct prefix *prefix)
{
	struct entry *e = table_find(b->table, prefix);

	if (e)
		drop_entry(b, e);
	return e;
}

const struct block *blockbook_ended(const struct blockbook *b, uint64_t now_us)
{
	for (unsigned i = 0; i < HEAPS; i++)
		if (b->heaps[i].count > 0 && b->heaps[i].at[0]->block.until_us <= now_us)
			return &b->heaps[i].at[0]->block;
	return NULL;
}

const struct block_way block_ways[ACTION_COUNT] = {
	[ACTION_SLOW] = { BLOCK_BY_WORKERS, 1, "tar pit", "slowed" },
	[ACTION_LIMIT] = { BLOCK_BY_KERNEL, 2, "limit", "limited" },
	[ACTION_REFUSE_SESSION] = { BLOCK_BY_WORKERS, 3, "refusal", "refused sessions" },
	[ACTION_BLOCK] = { BLOCK_BY_KERNEL, 4, "block", "blocked" },
};

bool block_is_harder(enum action a, enum action b)
{
	return block_ways[a].hardness > block_ways[b].hardness;
}

static bool holds_better(const struct block *a, const struct block *b)
{
	if (a->action != b->action)
		return block_is_harder((enum action)a->action, (enum action)b->action);
	return a->until_us > b->until_us;
}

const struct block *blockbook_holding(const struct blockbook *b, const struct addr *a, uint64_t now_us)
{
	const struct block *best = NULL, *found;

	for (unsigned bits = 0; bits <= ADDR_BITS; bits++) {
		struct prefix p = { addr_mask(a, bits), (uint8_t)bits };

		if (b->of_length[bits] == 0 || !prefix_contains(&p, a))
			continue;
		found = blockbook_find(b, &p);
		if (found && found->until_us > now_us && (!best || holds_better(found, best)))
			best = found;
	}
	return best;
}

const struct block *blockbook_scan(const struct blockbook *b, uint32_t *cursor)
{
	const struct entry *e = table_scan(b->table, cursor);

	return e ? &e->block : NULL;
}

uint32_t blockbook_places(const struct blockbook *b)
{
	return table_capacity(b->table);
}

uint32_t blockbook_count(const struct blockbook *b)
{
	return table_count(b->table);
}

uint32_t blockbook_rules(const struct blockbook *b)
{
	return b->heaps[HEAP_RULES].count;
}

uint32_t blockbook_prefixes(const struct blockbook *b)
{
	return table_count(b->table) - b->of_length[ADDR_BITS];
}

uint32_t blockbook_doing(const struct blockbook *b, enum action action)
{
	return b->doing[action];
}

/* ---- ranges ------------------------------------------------------------------------------------- */

struct sweep {
	struct block_range *out;
	size_t count;
	const struct block *open[NESTING_MAX]; /* the top ends last of all */
	unsigned depth;
	struct addr at; /* up to here all is told */
	bool is_at_end; /* of all addresses */
};

static int compare_places(const void *left, const void *right)
{
	const struct prefix *a = &(*(const struct block *const *)left)->prefix,
	                    *b = &(*(const struct block *const *)right)->prefix;
	int order = (int)prefix_is_v4(b) - (int)prefix_is_v4(a);

	if (order == 0)
		order = addr_compare(&a->addr, &b->addr);
	return order ? order : (int)a->bits - (int)b->bits;
}

static const struct block *top(const struct sweep *s)
{
	return s->depth > 0 ? s->open[s->depth - 1] : NULL;
}

static void tell(struct sweep *s, const struct block *block, const struct addr *last)
{
	if (s->is_at_end || addr_compare(&s->at, last) > 0)
		return;
	s->out[s->count++] = (struct block_range) { s->at, *last, block->until_us, block->prefix };
	s->at = *last;
	s->is_at_end = !addr_increment(&s->at);
}

static void close_until(struct sweep *s, const struct prefix *next)
{
	const struct block *b;

	while ((b = top(s)) && !(next && prefix_contains(&b->prefix, &next->addr))) {
		struct addr last = prefix_last(&b->prefix);

		tell(s, b, &last);
		s->depth--;
	}
}

static void open_one(struct sweep *s, const struct block *b)
{
	const struct block *outer;
	struct addr before = b->prefix.addr;

	close_until(s, &b->prefix);
	outer = top(s);
	if (outer && outer->until_us >= b->until_us)
		return;
	if (outer && addr_decrement(&before))
		tell(s, outer, &before);
	s->at = b->prefix.addr;
	s->is_at_end = false;
	s->open[s->depth++] = b;
}

static const struct block **list_prefixes(
        const struct blockbook *b, enum action action, uint64_t now_us, size_t *count)
{
	size_t most = blockbook_prefixes(b);
	const struct block **list = calloc(most + 1, sizeof(*list)), *block;
	uint32_t cursor = 0;

	*count = 0;
	while (list && (block = blockbook_scan(b, &cursor)))
		if (block->prefix.bits < ADDR_BITS && block->action == action && block->until_us > now_us)
			list[(*count)++] = block;
	return list;
}

int blockbook_ranges(const struct blockbook *b, enum action action, uint64_t now_us, struct block_range **out,
        size_t *count)
{
	struct sweep s = { .count = 0 };
	size_t n = 0;
	const struct block **list = list_prefixes(b, action, now_us, &n);

	s.out = calloc(2 * n + 1, sizeof(*s.out));
	if (!list || !s.out) {
		free(list);
		free(s.out);
		return -ENOMEM;
	}
	if (n > 0)
		qsort(list, n, sizeof(*list), compare_places);
	for (size_t i = 0; i < n; i++)
		open_one(&s, list[i]);
	close_until(&s, NULL);
	free(list);
	*out = s.out;
	*count = s.count;
	return 0;
}

bool block_range_same(const struct block_range *a, const struct block_range *b)
{
	return addr_compare(&a->first, &b->first) == 0 && addr_compare(&a->last, &b->last) == 0 &&
	       a->until_us == b->until_us;
}

int block_range_compare(const struct block_range *a, const struct block_range *b)
{
	int order = (int)addr_is_v4(&b->first) - (int)addr_is_v4(&a->first);

	return order ? order : addr_compare(&a->first, &b->first);
}

void blockbook_split(const struct addr *first, const struct addr *last, blockbook_part *each, void *arg)
{
	const unsigned least = addr_is_v4(first) ? 96 : 0; /* bits of the whole family */
	struct addr at = *first, end;

	do {
		struct prefix p = { at, ADDR_BITS };

		while (p.bits > least) { /* the widest that begins here and does not go too far */
			struct prefix wider = { addr_mask(&at, p.bits - 1U), (uint8_t)(p.bits - 1) };

			end = prefix_last(&wider);
			if (addr_compare(&wider.addr, &at) != 0 || addr_compare(&end, last) > 0)
				break;
			p = wider;
		}
		each(arg, &p);
		at = prefix_last(&p);
	} while (addr_increment(&at) && addr_compare(&at, last) <= 0);
}
