/* stream.h - TCP segments of one direction to ordered bytes.
 *
 * One sparse window per direction, made of pages from a pool shared by all streams of a worker: it
 * holds bytes already delivered but not yet acknowledged (resends are compared with them) and bytes
 * received beyond a hole (delivered once the hole fills). The window is bounded; what does not fit
 * is told, never forgotten silently.
 *
 * Sequence numbers are TCP's (mod 2^32); offsets count from the first payload byte, 64 bits.
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

enum { STREAM_PAGE_BYTES = 4096 };

struct stream_pages; /* the pool */
/* count pages of STREAM_PAGE_BYTES, 1..2^24; NULL with errno. */
struct stream_pages *stream_pages_new(uint32_t count);
void stream_pages_free(struct stream_pages *pool);
uint32_t stream_pages_used(const struct stream_pages *pool);

enum stream_result {
	STREAM_NEW,     /* some bytes are next in order: fresh_at, fresh_bytes */
	STREAM_HOLE,    /* lies beyond a hole: kept for later if keep_beyond, else untouched */
	STREAM_RESEND,  /* nothing new; equal to what was received as far as that is still known */
	STREAM_DIFFERS, /* a resend (or overlap) whose bytes differ from what was received: nothing of the
	                    segment was taken */
	STREAM_OUTSIDE, /* far outside the window: not of this connection's present */
	STREAM_FULL,    /* beyond a hole and no room to keep it: untouched */
};

struct stream {
	uint64_t next;     /* offset of the next byte in order */
	uint32_t base_seq; /* sequence number of offset 0 */
	bool started;      /* base_seq is known */
	/* the rest belongs to stream.c */
	uint64_t acked;
	uint64_t kept_from; /* lowest offset still held for comparison */
	uint32_t first_page, last_page;
	uint32_t page_count;
	uint32_t range_count;
	struct stream_range {
		uint64_t from, to;
	} ranges[8]; /* received beyond next, sorted, disjoint, never touching */
};

struct stream_out {
	enum stream_result result;
	uint32_t fresh_at;     /* payload position of the first byte in order */
	uint32_t fresh_bytes;  /* up to the payload's end */
	uint64_t fresh_offset; /* stream offset of it */
	bool more;             /* behind them, kept bytes have become next in order: stream_next_kept() */
	bool unverified;       /* a resend of bytes no longer held: could not be compared */
};

void stream_init(struct stream *s);
/* Gives all pages back. */
void stream_fini(struct stream *s, struct stream_pages *pool);
/* The sequence number of the first payload byte (SYN's plus one). */
void stream_start(struct stream *s, uint32_t first_seq);

/* A segment's payload (bytes may be 0). keep_beyond: keep bytes behind a hole (bodies, offline)
 * instead of leaving them. history_bytes: how much delivered but unacknowledged data to hold for
 * comparison at most (rounded up to pages). */
struct stream_out stream_push(struct stream *s, struct stream_pages *pool, uint32_t seq,
        const uint8_t *payload, uint32_t len, bool keep_beyond, uint32_t history_bytes);
/* Next piece of kept bytes that became in order: pointer valid until the next call on this stream,
 * *len its length, or NULL when there is none (any more). */
const uint8_t *stream_next_kept(struct stream *s, struct stream_pages *pool, uint32_t *len);
/* The peer acknowledged up to (not including) ack: history below it may go. */
void stream_ack(struct stream *s, struct stream_pages *pool, uint32_t ack);
/* The hole before the first kept byte will never fill (offline): skips it. Returns its length, 0 if
 * there is no hole. Then stream_next_kept(). */
uint64_t stream_skip_hole(struct stream *s);
/* Skips to this sequence number because bytes are known to be lost (cut capture). Returns how many
 * were skipped. */
uint64_t stream_skip_to(struct stream *s, struct stream_pages *pool, uint32_t seq);
/* Offset of a sequence number near the window (nearest to next). */
uint64_t stream_offset(const struct stream *s, uint32_t seq);
uint32_t stream_seq(const struct stream *s, uint64_t offset);

#endif
