/* stream_pages.h - the page pool below stream.c: one pool per worker, one sparse list per stream.
 *
 * A list holds pages by number: page n covers the stream's bytes [n, n + 1) * STREAM_PAGE_BYTES.
 * Which of these bytes mean anything is the stream's knowledge.
 */
#ifndef WIRE_STREAM_PAGES_H
#define WIRE_STREAM_PAGES_H

#include <stdbool.h>
#include <stdint.h>

enum { STREAM_PAGE_BYTES = 4096 };

struct stream_pages; /* the pool */
/* count pages of STREAM_PAGE_BYTES, 1..2^24; NULL with errno. */
struct stream_pages *stream_pages_new(uint32_t count);
void stream_pages_free(struct stream_pages *pool); /* NULL is fine */
uint32_t stream_pages_used(const struct stream_pages *pool);
/* Pages nobody uses. */
uint32_t stream_pages_spare(const struct stream_pages *pool);
uint32_t stream_pages_count(const struct stream_pages *pool);

/* Pages of one stream in order of their numbers; zero-initialised is empty. */
struct stream_page_list {
	uint32_t first; /* pool index + 1, 0 = none */
	uint32_t hint;  /* the page used last: the next one is near */
};

/* The bytes of page `number`, or NULL if the list does not hold it. */
uint8_t *stream_pages_find(struct stream_pages *pool, struct stream_page_list *list, uint64_t number);
/* Adds page `number`, which must not be there; its bytes are undefined. NULL = the pool is empty. */
uint8_t *stream_pages_add(struct stream_pages *pool, struct stream_page_list *list, uint64_t number);
/* The lowest number held; false if there is none. */
bool stream_pages_first(
        const struct stream_pages *pool, const struct stream_page_list *list, uint64_t *number);
/* Gives the page of the lowest number back to the pool. */
void stream_pages_drop_first(struct stream_pages *pool, struct stream_page_list *list);

#endif
