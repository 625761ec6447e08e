/* streams.h - one stream with its pool and all it delivers, for the tests of wire/stream.
 *
 *   rig_start(pages, first_seq, keep_beyond, history_bytes);
 *   push(offset, len);     the bytes of `text` there, as a segment
 *   check_got(bytes);      so many have been delivered, and they are those of `text`
 *   rig_end();             every page must be back in the pool
 */
#ifndef UNIT_STREAMS_H
#define UNIT_STREAMS_H

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "guard.h"
#include "wire/stream.h"

enum { PAGE = STREAM_PAGE_BYTES, TEXT_MAX = 1 << 21, PLENTY = 4096, HISTORY = 1 << 22 };

/* One stream, its pool, and all it has delivered. */
static struct rig {
	struct stream_pages *pool;
	struct stream s;
	uint32_t first_seq;
	bool keep;
	uint32_t history;
	uint8_t got[TEXT_MAX]; /* by stream offset */
	uint64_t got_bytes;
} rig;

static uint8_t text[TEXT_MAX];
static uint32_t noise = 2463534242u;

static inline uint32_t random_below(uint32_t n)
{
	noise ^= noise << 13;
	noise ^= noise >> 17;
	noise ^= noise << 5;
	return noise % n;
}

static inline void rig_start(uint32_t pages, uint32_t first_seq, bool keep, uint32_t history)
{
	uint32_t i;

	memset(&rig, 0, sizeof(rig));
	rig.pool = stream_pages_new(pages);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig.pool);
	rig.first_seq = first_seq;
	rig.keep = keep;
	rig.history = history;
	stream_init(&rig.s);
	stream_start(&rig.s, first_seq);
	for (i = 0; i < TEXT_MAX; i++)
		text[i] = (uint8_t)(i * 7 + i / 256 * 13 + i / 65536);
}

static inline void rig_end(void)
{
	stream_fini(&rig.s, rig.pool);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 0);
	CU_ASSERT_FALSE(rig.s.started);
	stream_pages_free(rig.pool);
}

static inline void collect(const uint8_t *bytes, uint32_t len)
{
	memcpy(rig.got + rig.got_bytes, bytes, len);
	rig.got_bytes += len;
}

static inline void drain(void)
{
	const uint8_t *bytes;
	uint32_t len;

	while ((bytes = stream_next_kept(&rig.s, rig.pool, &len)))
		collect(bytes, len);
	CU_ASSERT_EQUAL(rig.s.next, rig.got_bytes);
}

/* Pushes bytes that end at an unreadable page, as the payload of offset `at`. */
static inline struct stream_out push_bytes(uint64_t at, const uint8_t *bytes, uint32_t len)
{
	uint8_t *copy = guard_copy(bytes, len);
	struct stream_out out =
	        stream_push(&rig.s, rig.pool, rig.first_seq + (uint32_t)at, copy, len, rig.keep, rig.history);

	if (out.result == STREAM_NEW) {
		CU_ASSERT_EQUAL(out.fresh_offset, rig.got_bytes);
		CU_ASSERT_EQUAL(out.fresh_at + out.fresh_bytes, len);
		CU_ASSERT(out.fresh_bytes > 0);
		collect(copy + out.fresh_at, out.fresh_bytes);
	}
	CU_ASSERT_EQUAL(rig.s.next, rig.got_bytes);
	guard_free(copy, len);
	if (out.more)
		drain();
	return out;
}

static inline struct stream_out push(uint32_t at, uint32_t len)
{
	return push_bytes(at, text + at, len);
}

static inline void check_got(uint64_t bytes)
{
	CU_ASSERT_EQUAL(rig.got_bytes, bytes);
	CU_ASSERT(memcmp(rig.got, text, bytes) == 0);
}

#endif
