/* stream.c - puts the segments of one direction in order and compares what comes twice.
 *
 *            acked                        next
 *   ...........|............================|........####.......####...........
 *   gone              kept_from  history     hole    range        STREAM_AHEAD_BYTES
 *
 * history  delivered bytes, still held: every copy of them is compared. Goes when acknowledged, or,
 *          since pure ACKs are not seen, when it exceeds history_bytes: oldest pages first.
 * ranges   received beyond a hole, held until delivered, then history.
 *
 * The guard against evasion is that the first copy of each byte counts: it was read, and everything
 * that is let through later has to agree with it. A segment is compared as a whole before any of it
 * is taken, so a mixed one (part resend, part new) cannot smuggle its new part past a wrong old one.
 * What can no longer be compared is told (`unverified`), unless the receiver has acknowledged it:
 * then it throws away any copy.
 *
 * In-order bytes are delivered from the caller's own buffer and copied once, into the history. This
 * works without any page, too: a pool run dry takes the stream's oldest page, or leaves the bytes
 * unremembered. Keeping beyond a hole is all or nothing, and leaves RESERVE of the pool for histories,
 * so that senders of holes cannot blind the comparison of all others.
 *
 * Rejected: delivering everything from the pages (a second read of each body); following several
 * readings of an overlap, as intrusion detectors must that cannot drop: we stand in line; taking the
 * urgent byte out of the stream (whether its receiver reads it in line is a setting of its socket: the
 * caller has to tell, or refuse, urgent data).
 *
 * Sources: RFC 9293 3.4 (sequence arithmetic), 3.8.4 (keep-alives), 3.10.7.4 (what a receiver takes);
 * RFC 7323 2.2 (largest window).
 */
#include "wire/stream.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { RESERVE = 4 }; /* one page in so many is not for bytes beyond holes */

/* Payload in terms of stream offsets. */
struct span {
	uint64_t from, to;
	const uint8_t *bytes; /* the first one is at `from` */
};

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t page_of(uint64_t offset)
{
	return offset / STREAM_PAGE_BYTES;
}

/* Bytes from `at` to `to` that lie in one page. */
static uint32_t page_piece(uint64_t at, uint64_t to)
{
	return (uint32_t)min64(to - at, STREAM_PAGE_BYTES - at % STREAM_PAGE_BYTES);
}

/* Ranges lie within 2^32 behind next, so their low halves tell all. */
static uint64_t whole(const struct stream *s, uint32_t low)
{
	return s->next + (uint32_t)(low - (uint32_t)s->next);
}

static uint64_t range_from(const struct stream *s, unsigned i)
{
	return whole(s, s->ranges[i].from);
}

static uint64_t range_to(const struct stream *s, unsigned i)
{
	return whole(s, s->ranges[i].to);
}

static bool kept_is_next(const struct stream *s)
{
	return s->range_count > 0 && range_from(s, 0) == s->next;
}

/* Moves next forward; ranges it passes are over, one it enters loses its front. */
static void move_next(struct stream *s, uint64_t to)
{
	unsigned i, left = 0;

	for (i = 0; i < s->range_count; i++) {
		if (range_to(s, i) <= to)
			continue;
		s->ranges[left].from = (uint32_t)max64(range_from(s, i), to);
		s->ranges[left++].to = s->ranges[i].to;
	}
	s->range_count = (uint8_t)left;
	s->next = to;
}

/* ---- history ---------------------------------------------------------------------------------- */

/* Gives back the pages that are needed neither for comparison nor for kept ranges. */
static void release(struct stream *s, struct stream_pages *pool)
{
	uint64_t low = max64(s->acked, s->next - min64(s->next, s->history_bytes));
	uint64_t needed, number;

	if (low < s->next)
		low -= low % STREAM_PAGE_BYTES; /* the rest of its page costs nothing */
	s->kept_from = max64(s->kept_from, low);
	needed = s->kept_from;
	if (needed == s->next)
		needed = s->range_count > 0 ? range_from(s, 0) : UINT64_MAX;
	while (stream_pages_first(pool, &s->pages, &number) && (number + 1) * STREAM_PAGE_BYTES <= needed)
		stream_pages_drop_first(pool, &s->pages);
}

/* The page for a byte about to be remembered: a new one, else the oldest of this stream, else NULL. */
static uint8_t *history_page(struct stream *s, struct stream_pages *pool, uint64_t number)
{
	uint8_t *page = stream_pages_find(pool, &s->pages, number);
	uint64_t oldest;

	if (!page)
		page = stream_pages_add(pool, &s->pages, number);
	if (page || !stream_pages_first(pool, &s->pages, &oldest) || oldest > number)
		return page;
	stream_pages_drop_first(pool, &s->pages);
	s->kept_from = max64(s->kept_from, (oldest + 1) * STREAM_PAGE_BYTES);
	return stream_pages_add(pool, &s->pages, number);
}

/* Delivers seg's bytes from next on: next moves behind them, the last of them become history. */
static void deliver(struct stream *s, struct stream_pages *pool, const struct span *seg)
{
	uint64_t at = s->next;
	uint32_t n;

	move_next(s, seg->to);
	release(s, pool); /* what is pushed out makes room for what comes */
	for (at = max64(at, s->kept_from); at < seg->to; at += n) {
		uint8_t *page = history_page(s, pool, page_of(at));

		n = page_piece(at, seg->to);
		if (page)
			memcpy(page + at % STREAM_PAGE_BYTES, seg->bytes + (at - seg->from), n);
		else
			s->kept_from = at + n;
	}
}

/* ---- beyond a hole ---------------------------------------------------------------------------- */

static bool is_kept(const struct stream *s, const struct span *seg)
{
	unsigned i;

	for (i = 0; i < s->range_count && seg->from < seg->to; i++)
		if (range_from(s, i) <= seg->from && seg->to <= range_to(s, i))
			return true;
	return false;
}

static bool has_room(const struct stream_pages *pool, uint32_t pages)
{
	return pages == 0 || pages + stream_pages_count(pool) / RESERVE <= stream_pages_spare(pool);
}

static uint32_t missing_pages(struct stream *s, struct stream_pages *pool, const struct span *seg)
{
	uint64_t number;
	uint32_t missing = 0;

	for (number = page_of(seg->from); number <= page_of(seg->to - 1); number++)
		missing += !stream_pages_find(pool, &s->pages, number);
	return missing;
}

/* Puts [from, to) into the ranges, one piece with those it overlaps or touches. False if that makes
 * too many. */
static bool add_range(struct stream *s, uint64_t from, uint64_t to)
{
	unsigned first = 0, behind;

	while (first < s->range_count && range_to(s, first) < from)
		first++;
	for (behind = first; behind < s->range_count && range_from(s, behind) <= to; behind++)
		;
	if (behind == first && s->range_count == STREAM_RANGES_MAX)
		return false;
	if (behind > first) {
		from = min64(from, range_from(s, first));
		to = max64(to, range_to(s, behind - 1));
	}
	memmove(&s->ranges[first + 1], &s->ranges[behind], (s->range_count - behind) * sizeof(s->ranges[0]));
	s->range_count = (uint8_t)(s->range_count - (behind - first) + 1);
	s->ranges[first] = (struct stream_range) { (uint32_t)from, (uint32_t)to };
	return true;
}

/* Keeps all of seg, which lies beyond next, or nothing. */
static bool keep(struct stream *s, struct stream_pages *pool, const struct span *seg)
{
	uint64_t at;
	uint32_t n;

	if (seg->to - s->next > STREAM_AHEAD_BYTES || !has_room(pool, missing_pages(s, pool, seg)))
		return false;
	if (!add_range(s, seg->from, seg->to))
		return false;
	for (at = seg->from; at < seg->to; at += n) {
		uint8_t *page = stream_pages_find(pool, &s->pages, page_of(at));

		if (!page)
			page = stream_pages_add(pool, &s->pages, page_of(at));
		assert(page); /* counted above */
		n = page_piece(at, seg->to);
		memcpy(page + at % STREAM_PAGE_BYTES, seg->bytes + (at - seg->from), n);
	}
	return true;
}

/* ---- comparison ------------------------------------------------------------------------------- */

/* Where seg meets the held bytes [from, to): are they the same? */
static bool agrees(
        struct stream *s, struct stream_pages *pool, const struct span *seg, uint64_t from, uint64_t to)
{
	uint64_t at = max64(from, seg->from);
	uint32_t n;

	for (to = min64(to, seg->to); at < to; at += n) {
		const uint8_t *page = stream_pages_find(pool, &s->pages, page_of(at));

		assert(page);
		n = page_piece(at, to);
		if (memcmp(page + at % STREAM_PAGE_BYTES, seg->bytes + (at - seg->from), n) != 0)
			return false;
	}
	return true;
}

static bool agrees_with_all(struct stream *s, struct stream_pages *pool, const struct span *seg)
{
	unsigned i;

	if (!agrees(s, pool, seg, s->kept_from, s->next))
		return false;
	for (i = 0; i < s->range_count; i++)
		if (!agrees(s, pool, seg, range_from(s, i), range_to(s, i)))
			return false;
	return true;
}

/* ---- public ----------------------------------------------------------------------------------- */

void stream_init(struct stream *s)
{
	memset(s, 0, sizeof(*s));
}

void stream_fini(struct stream *s, struct stream_pages *pool)
{
	uint64_t number;

	while (stream_pages_first(pool, &s->pages, &number))
		stream_pages_drop_first(pool, &s->pages);
	stream_init(s);
}

void stream_start(struct stream *s, uint32_t first_seq)
{
	assert(!s->started);
	s->started = true;
	s->base_seq = first_seq;
}

uint32_t stream_seq(const struct stream *s, uint64_t offset)
{
	return s->base_seq + (uint32_t)offset;
}

/* How far seq lies from next; negative = received before. */
static int64_t distance(const struct stream *s, uint32_t seq)
{
	return (int32_t)(seq - stream_seq(s, s->next));
}

static bool in_window(int64_t d)
{
	return d >= -STREAM_WINDOW_BYTES && d <= STREAM_WINDOW_BYTES;
}

uint64_t stream_offset(const struct stream *s, uint32_t seq)
{
	return s->next + (uint64_t)distance(s, seq);
}

/* What becomes of a segment that has been compared and agrees. */
static enum stream_result take(
        struct stream *s, struct stream_pages *pool, const struct span *seg, bool keep_beyond)
{
	if (seg->to <= s->next || is_kept(s, seg))
		return STREAM_RESEND;
	if (seg->from <= s->next) {
		deliver(s, pool, seg);
		return STREAM_NEW;
	}
	if (!keep_beyond || seg->from == seg->to)
		return STREAM_HOLE;
	return keep(s, pool, seg) ? STREAM_HOLE : STREAM_FULL;
}

struct stream_out stream_push(struct stream *s, struct stream_pages *pool, uint32_t seq,
        const uint8_t *payload, uint32_t len, bool keep_beyond, uint32_t history_bytes)
{
	int64_t d = distance(s, seq);
	uint64_t before = d < 0 ? (uint64_t)-d - min64((uint64_t)-d, s->next) : 0; /* bytes before offset 0 */
	uint32_t skip = (uint32_t)min64(before, len);
	struct stream_out out = { .result = STREAM_OUTSIDE, .probe = d == -1 && len <= 1 };
	struct span seg;

	if (!s->started || !in_window(d))
		return out;
	s->history_bytes = history_bytes;
	seg.from = before > 0 ? 0 : s->next + (uint64_t)d;
	seg.to = seg.from + (len - skip);
	seg.bytes = payload + skip;
	out.unverified = skip > 0 || max64(seg.from, s->acked) < min64(seg.to, s->kept_from);
	out.fresh_offset = s->next;

	if (agrees_with_all(s, pool, &seg))
		out.result = take(s, pool, &seg, keep_beyond);
	else
		out.result = out.probe && seg.to <= s->acked ? STREAM_RESEND : STREAM_DIFFERS;
	if (out.result == STREAM_NEW) {
		out.fresh_at = skip + (uint32_t)(out.fresh_offset - seg.from);
		out.fresh_bytes = len - out.fresh_at;
	}
	out.more = kept_is_next(s);
	return out;
}

const uint8_t *stream_next_kept(struct stream *s, struct stream_pages *pool, uint32_t *len)
{
	uint64_t at = s->next;
	const uint8_t *page;

	release(s, pool); /* of the piece before this one, whatever history does not want */
	*len = 0;
	if (!kept_is_next(s))
		return NULL;
	page = stream_pages_find(pool, &s->pages, page_of(at));
	assert(page);
	*len = page_piece(at, range_to(s, 0));
	move_next(s, at + *len);
	return page + at % STREAM_PAGE_BYTES;
}

void stream_ack(struct stream *s, struct stream_pages *pool, uint32_t ack)
{
	int64_t d = distance(s, ack);
	uint64_t received = s->range_count > 0 ? range_to(s, s->range_count - 1u) : s->next;
	uint64_t offset = s->next + (uint64_t)d;

	if (!s->started || !in_window(d) || offset > received + 1) /* or before the start: mod 2^64 */
		return;
	s->acked = max64(s->acked, min64(offset, s->next));
	release(s, pool);
}

uint64_t stream_skip_hole(struct stream *s)
{
	uint64_t hole;

	if (s->range_count == 0)
		return 0;
	hole = range_from(s, 0) - s->next;
	if (hole > 0) {
		move_next(s, range_from(s, 0));
		s->kept_from = s->next; /* pages go with the next call that has the pool at hand */
	}
	return hole;
}

void stream_pass(struct stream *s, struct stream_pages *pool, uint64_t bytes)
{
	assert(bytes <= UINT32_MAX);
	move_next(s, s->next + bytes);
	s->kept_from = s->next;
	release(s, pool);
}

uint64_t stream_skip_to(struct stream *s, struct stream_pages *pool, uint32_t seq)
{
	int64_t d = distance(s, seq);

	if (!s->started || d <= 0 || !in_window(d))
		return 0;
	stream_pass(s, pool, (uint64_t)d);
	return (uint64_t)d;
}
