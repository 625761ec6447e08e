/* stream_pages.c - pages and the lists of them.
 *
 * Links stand apart from the bytes, so that a search walks 16 bytes a page and not 4096. It starts at
 * the page used last: appending, comparing and draining all go on where they stopped, so the walk is
 * one step in honest traffic. A hostile peer that jumps to and fro pays for at most as many steps as
 * its stream holds pages, and stream.c bounds these.
 *
 * Rejected: a table of pages per stream (a second page for each idle connection), a hash over all
 * streams (a lookup for each page where a step along a link is enough).
 */
#include "wire/stream_pages.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/slab.h"

struct page_link {
	uint64_t number;
	uint32_t prev, next; /* positions in the stream's list, 0 = none */
};

struct stream_pages {
	struct slab *links;
	uint8_t (*bytes)[STREAM_PAGE_BYTES]; /* of the link at position 1, 2, ... */
};

struct stream_pages *stream_pages_new(uint32_t count)
{
	struct stream_pages *pool = calloc(1, sizeof(*pool));
	int error;

	if (!pool)
		return NULL;
	pool->links = slab_new(count, sizeof(struct page_link));
	if (pool->links)
		pool->bytes = calloc(count, sizeof(*pool->bytes));
	if (pool->bytes)
		return pool;
	error = errno;
	stream_pages_free(pool);
	errno = error;
	return NULL;
}

void stream_pages_free(struct stream_pages *pool)
{
	if (!pool)
		return;
	slab_free(pool->links);
	free(pool->bytes);
	free(pool);
}

uint32_t stream_pages_used(const struct stream_pages *pool)
{
	return slab_used(pool->links);
}

uint32_t stream_pages_spare(const struct stream_pages *pool)
{
	return slab_count(pool->links) - slab_used(pool->links);
}

uint32_t stream_pages_count(const struct stream_pages *pool)
{
	return slab_count(pool->links);
}

static struct page_link *link_at(const struct stream_pages *pool, uint32_t position)
{
	return slab_at(pool->links, position);
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
	at = slab_take(pool->links);
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
	slab_give(pool->links, at);
}
