/* stream.h - TCP segments of one direction to ordered bytes.
 *
 * One sparse window per direction, made of pages from a pool shared by all streams of a worker: it
 * holds bytes already delivered but not yet acknowledged (resends are compared with them) and bytes
 * received beyond a hole (delivered once the hole fills). The window is bounded; what does not fit
 * is told, never forgotten silently.
 *
 * What was received first counts. A segment that overlaps it is compared byte by byte with all that
 * is still held, and either agrees and gives its new part, or differs and gives nothing.
 *
 * Sequence numbers are TCP's (mod 2^32); offsets count from the first payload byte, 64 bits.
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/stream_pages.h"

enum {
	STREAM_RANGES_MAX = 8,         /* pieces beyond a hole; more are STREAM_FULL */
	STREAM_AHEAD_BYTES = 1 << 20,  /* how far beyond `next` bytes are kept; further is STREAM_FULL */
	STREAM_WINDOW_BYTES = 1 << 30, /* no TCP window is larger (RFC 7323 2.2); beyond: STREAM_OUTSIDE */
};

enum stream_result {
	STREAM_NEW,     /* some bytes are next in order: fresh_at, fresh_bytes */
	STREAM_HOLE,    /* lies beyond a hole: kept for later if keep_beyond, else untouched */
	STREAM_RESEND,  /* nothing new; equal to what was received as far as that is still known */
	STREAM_DIFFERS, /* a resend (or overlap) whose bytes differ from what was received: nothing of the
	                    segment was taken */
	STREAM_OUTSIDE, /* more than STREAM_WINDOW_BYTES from next, or the stream is not started */
	STREAM_FULL,    /* beyond a hole and no room to keep it: untouched */
};

struct stream {
	uint64_t next;     /* offset of the next byte in order */
	uint32_t base_seq; /* sequence number of offset 0 */
	bool started;      /* base_seq is known */
	/* the rest belongs to stream.c */
	uint8_t range_count;
	uint64_t acked;         /* at most next */
	uint64_t kept_from;     /* [kept_from, next) is held for comparison */
	uint32_t history_bytes; /* as last given to stream_push() */
	struct stream_page_list pages;
	struct stream_range {
		uint32_t from, to;   /* low halves of offsets */
	} ranges[STREAM_RANGES_MAX]; /* received beyond next, sorted, disjoint, never touching each other */
};

struct stream_out {
	enum stream_result result;
	uint32_t fresh_at;     /* payload position of the first byte in order */
	uint32_t fresh_bytes;  /* up to the payload's end */
	uint64_t fresh_offset; /* stream offset of it */
	bool more;             /* kept bytes are (also) next in order: stream_next_kept() */
	bool unverified;       /* repeats bytes neither acknowledged nor still held: could not be compared */
	bool probe;            /* shaped as a keep-alive probe (RFC 9293 3.8.4): at most one byte, the last
	                           one again. Honest probes may carry a garbage byte; where that byte is known
	                           to be acknowledged the result is STREAM_RESEND, else STREAM_DIFFERS, and
	                           dropping it harms nobody */
};

void stream_init(struct stream *s);
/* Gives all pages back; then as after stream_init(). */
void stream_fini(struct stream *s, struct stream_pages *pool);
/* The sequence number of the first payload byte (SYN's plus one). Once, before the first push. */
void stream_start(struct stream *s, uint32_t first_seq);

/* A segment's payload (bytes may be 0: never STREAM_NEW, STREAM_HOLE if it lies beyond a hole).
 * keep_beyond: keep bytes behind a hole (bodies, offline) instead of leaving them. history_bytes: how
 * much delivered but unacknowledged data to hold for comparison at most (rounded up to pages; may
 * change from call to call). Bytes before offset 0 are skipped as a resend. */
struct stream_out stream_push(struct stream *s, struct stream_pages *pool, uint32_t seq,
        const uint8_t *payload, uint32_t len, bool keep_beyond, uint32_t history_bytes);
/* Next piece of kept bytes that became in order: pointer valid until the next call on this stream,
 * *len its length, or NULL when there is none (any more). `next` moves with each piece. */
const uint8_t *stream_next_kept(struct stream *s, struct stream_pages *pool, uint32_t *len);
/* The peer acknowledged up to (not including) ack: history below it may go. Numbers that acknowledge
 * more than was received here (and a FIN) are ignored. */
void stream_ack(struct stream *s, struct stream_pages *pool, uint32_t ack);
/* The hole before the first kept byte will never fill (offline): skips it. Returns its length, 0 if
 * there is no hole. Then stream_next_kept(). */
uint64_t stream_skip_hole(struct stream *s);
/* Skips to this sequence number because bytes are known to be lost (cut capture); kept bytes before
 * it are skipped, too, so drain them first. Returns how many were skipped; 0 if seq is not within
 * STREAM_WINDOW_BYTES ahead. */
uint64_t stream_skip_to(struct stream *s, struct stream_pages *pool, uint32_t seq);
/* `bytes` (below 2^32) from next on passed unseen and never will be seen: next moves behind them, what was kept of them
 * goes. */
void stream_pass(struct stream *s, struct stream_pages *pool, uint64_t bytes);
/* Offset of a sequence number near the window (nearest to next). Before the start of the stream this
 * is mod 2^64: one byte before offset 0 is UINT64_MAX. */
uint64_t stream_offset(const struct stream *s, uint32_t seq);
uint32_t stream_seq(const struct stream *s, uint64_t offset);

#endif
