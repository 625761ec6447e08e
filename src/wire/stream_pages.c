/* stream_pages.c - pages and the lists of them.
 *
 * Links stand apart from the bytes, so that a search walks 16 bytes a page and not 4096. It starts at
 * the page used last: appending, comparing and draining all go on where they stopped, so the walk is
 * one step in honest traffic. A hostile peer that jumps to and fro pays for at most as many steps as
 * its stream holds pages, and stream.c bounds these.
 *
 * Pages come from a stack of returned ones (warm in the cache) and then from the part of the pool
 * never used yet: untouched pages cost no memory.
 *
 * Rejected: a table of pages per stream (a second page for each idle connection), a hash over all
 * streams (a lookup for each page where a step along a link is enough).
 */
#include "wire/stream_pages.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

enum { PAGES_MAX = 1 << 24 };

/* Positions are index + 1 everywhere; 0 = none. */
struct page_link {
	uint64_t number;
	uint32_t prev, next; /* in the stream's list; next also chains returned pages */
};

struct stream_pages {
	uint32_t count;
	uint32_t used;
	uint32_t touched;  /* pages below this index have been used at least once */
	uint32_t returned; /* stack of free pages */
	struct page_link *links;
	uint8_t (*bytes)[STREAM_PAGE_BYTES];
};

struct stream_pages *stream_pages_new(uint32_t count)
{
	struct stream_pages *pool;

	if (count < 1 || count > PAGES_MAX) {
		errno = EINVAL;
		return NULL;
	}
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return NULL;
	pool->count = count;
	pool->links = calloc(count, sizeof(*pool->links));
	pool->bytes = calloc(count, sizeof(*pool->bytes));
	if (!pool->links || !pool->bytes) {
		stream_pages_free(pool);
		errno = ENOMEM;
		return NULL;
	}
	return pool;
}

void stream_pages_free(struct stream_pages *pool)
{
	if (!pool)
		return;
	free(pool->links);
	free(pool->bytes);
	free(pool);
}

uint32_t stream_pages_used(const struct stream_pages *pool)
{
	return pool->used;
}

uint32_t stream_pages_spare(const struct stream_pages *pool)
{
	return pool->count - pool->used;
}

uint32_t stream_pages_count(const struct stream_pages *pool)
{
	return pool->count;
}

static struct page_link *link_at(const struct stream_pages *pool, uint32_t position)
{
	return &pool->links[position - 1];
}

static uint32_t take(struct stream_pages *pool)
{
	uint32_t position = pool->returned;

	if (position)
		pool->returned = link_at(pool, position)->next;
	else if (pool->touched < pool->count)
		position = ++pool->touched;
	else
		return 0;
	pool->used++;
	return position;
}

static void give_back(struct stream_pages *pool, uint32_t position)
{
	link_at(pool, position)->next = pool->returned;
	pool->returned = position;
	pool->used--;
}

/* Position of the last page whose number is at most `number`, or 0. */
static uint32_t seek(const struct stream_pages *pool, struct stream_page_list *list, uint64_t number)
{
	uint32_t at = list->hint, next;

	while (at && link_at(pool, at)->number > number)
		at = link_at(pool, at)->prev;
	if (!at)
		return 0;
	while ((next = link_at(pool, at)->next) && link_at(pool, next)->number <= number)
		at = next;
	list->hint = at;
	return at;
}

uint8_t *stream_pages_find(struct stream_pages *pool, struct stream_page_list *list, uint64_t number)
{
	uint32_t at = seek(pool, list, number);

	return at && link_at(pool, at)->number == number ? pool->bytes[at - 1] : NULL;
}

uint8_t *stream_pages_add(struct stream_pages *pool, struct stream_page_list *list, uint64_t number)
{
	uint32_t before = seek(pool, list, number);
	uint32_t behind = before ? link_at(pool, before)->next : list->first;
	uint32_t at;

	assert(!before || link_at(pool, before)->number < number);
	at = take(pool);
	if (!at)
		return NULL;
	*link_at(pool, at) = (struct page_link) { .number = number, .prev = before, .next = behind };
	if (before)
		link_at(pool, before)->next = at;
	else
		list->first = at;
	if (behind)
		link_at(pool, behind)->prev = at;
	list->hint = at;
	return pool->bytes[at - 1];
}

bool stream_pages_first(
        const struct stream_pages *pool, const struct stream_page_list *list, uint64_t *number)
{
	if (!list->first)
		return false;
	*number = link_at(pool, list->first)->number;
	return true;
}

void stream_pages_drop_first(struct stream_pages *pool, struct stream_page_list *list)
{
	uint32_t at = list->first, next;

	assert(at);
	next = link_at(pool, at)->next;
	list->first = next;
	if (next)
		link_at(pool, next)->prev = 0;
	if (list->hint == at)
		list->hint = next;
	give_back(pool, at);
}
