/* edit.c - remembered edits and their way into verdicts.
 *
 * Entries of at most EDIT_BYTES come from a pool of fixed size and hang in one doubly linked list per
 * direction, sorted by offset and disjoint. A segment looks for its edits from the young end, where
 * nearly all of them are; a resend walks further back.
 *
 * The checksum is carried by differences: each replaced byte adds its new value and takes off its old
 * one, at the weight its position (odd or even, counted from the TCP header) has in a 16-bit word.
 * This is RFC 1624 equation 3 byte by byte, so odd offsets and lengths need no care. It starts from
 * the packet's own checksum, so that one which was wrong before stays wrong, or, where the card was
 * still to fill it in, from the checksum of the whole unedited segment.
 *
 * Limits: an edited packet must have been captured whole, since the kernel cuts a packet that comes
 * back shorter (nfqnl_mangle() in net/netfilter/nfnetlink_queue.c). A verdict holds VERDICT_EDITS_MAX
 * edits; neighbours are written as one.
 *
 * Rejected: always summing the whole packet (64 KiB for four letters, and it would mend packets that
 * arrived broken).
 *
 * Sources: RFC 1624 section 3; RFC 9293 3.1.
 */
#include "wire/edit.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "wire/checksum.h"

enum { TCP_CHECK_AT = 16 };

/* Positions are index + 1 everywhere; 0 = none. */
struct entry {
	uint64_t offset;
	uint32_t prev, next; /* in the list of its stream */
	uint8_t len;         /* 1..EDIT_BYTES */
	uint8_t bytes[EDIT_BYTES];
};

struct slab *edit_pool_new(uint32_t count)
{
	return slab_new(count, sizeof(struct entry));
}

static struct entry *entry_at(const struct slab *pool, uint32_t position)
{
	return slab_at(pool, position);
}

static void drop_first(struct edit_list *list, struct slab *pool)
{
	uint32_t at = list->first, next = entry_at(pool, at)->next;

	list->first = next;
	if (next)
		entry_at(pool, next)->prev = 0;
	else
		list->last = 0;
	slab_give(pool, at);
}

/* Links a new entry behind `before` (0 = at the front). */
static void link_behind(struct edit_list *list, struct slab *pool, uint32_t before, uint32_t at)
{
	uint32_t behind = before ? entry_at(pool, before)->next : list->first;

	entry_at(pool, at)->prev = before;
	entry_at(pool, at)->next = behind;
	if (before)
		entry_at(pool, before)->next = at;
	else
		list->first = at;
	if (behind)
		entry_at(pool, behind)->prev = at;
	else
		list->last = at;
}

/* Offsets near a segment compare mod 2^64: a segment may begin before offset 0 (stream_offset()). */
static int64_t behind(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b);
}

static uint64_t end_of(const struct entry *e)
{
	return e->offset + e->len;
}

/* The last entry that begins at or before offset, searched from the young end; 0 if none. */
static uint32_t seek(const struct edit_list *list, const struct slab *pool, uint64_t offset)
{
	uint32_t at = list->last;

	while (at && behind(entry_at(pool, at)->offset, offset) > 0)
		at = entry_at(pool, at)->prev;
	return at;
}

/* How [at, end) begins: with a stretch inside an entry (*old is set), or with a gap that is free up
 * to the next entry and is at most one entry long (*old is NULL). *before: the entry at or before
 * `at`. Answers the length of that stretch. */
static uint32_t next_piece(const struct edit_list *list, const struct slab *pool, uint64_t at, uint64_t end,
        uint32_t *before, struct entry **old)
{
	uint32_t next;
	uint64_t to = end;

	*before = seek(list, pool, at);
	*old = *before && end_of(entry_at(pool, *before)) > at ? entry_at(pool, *before) : NULL;
	next = *before ? entry_at(pool, *before)->next : list->first;
	if (*old)
		to = end_of(*old);
	else if (next)
		to = entry_at(pool, next)->offset;
	if (!*old && to - at > EDIT_BYTES)
		to = at + EDIT_BYTES;
	return (uint32_t)((to < end ? to : end) - at);
}

int edit_add(struct edit_list *list, struct slab *pool, uint64_t offset, const uint8_t *bytes, uint32_t len)
{
	uint64_t at, end = offset + len;
	uint32_t before, n, wanted = 0;
	struct entry *old;

	for (at = offset; at < end; at += n) {
		n = next_piece(list, pool, at, end, &before, &old);
		wanted += !old;
	}
	if (wanted > slab_count(pool) - slab_used(pool))
		return -ENOSPC;
	for (at = offset; at < end; at += n, bytes += n) {
		n = next_piece(list, pool, at, end, &before, &old);
		if (!old) {
			uint32_t position = slab_take(pool); /* counted above */

			link_behind(list, pool, before, position);
			old = entry_at(pool, position);
			old->offset = at;
			old->len = (uint8_t)n;
		}
		memcpy(old->bytes + (at - old->offset), bytes, n);
	}
	return 0;
}

void edit_ack(struct edit_list *list, struct slab *pool, uint64_t offset)
{
	while (list->first && behind(end_of(entry_at(pool, list->first)), offset) <= 0)
		drop_first(list, pool);
}

void edit_fini(struct edit_list *list, struct slab *pool)
{
	while (list->first)
		drop_first(list, pool);
}

bool edit_is_empty(const struct edit_list *list)
{
	return list->first == 0;
}

/* ---- into a verdict --------------------------------------------------------------------------- */

/* Appends an edit to the verdict, one piece with the last one if it goes on there. */
static bool put(struct verdict *v, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
	struct edit *last = v->edit_count > 0 ? &v->edits[v->edit_count - 1] : NULL;

	if (len > VERDICT_BYTES_MAX - (uint32_t)v->bytes_used)
		return false;
	if (last && last->offset + last->len == offset) {
		last->len = (uint16_t)(last->len + len);
	} else if (v->edit_count < VERDICT_EDITS_MAX) {
		v->edits[v->edit_count++] = (struct edit) { offset, v->bytes_used, (uint16_t)len };
	} else {
		return false;
	}
	memcpy(v->bytes + v->bytes_used, bytes, len);
	v->bytes_used = (uint16_t)(v->bytes_used + len);
	return true;
}

/* What putting `is` in the place of `was` adds to the sum. at: position of the first byte from the TCP
 * header on. */
static uint64_t difference(const uint8_t *was, const uint8_t *is, uint32_t len, uint32_t at)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < len; i++) {
		unsigned shift = (at + i) % 2 ? 0 : 8;

		sum += ((uint64_t)is[i] << shift) + (0xffff - ((uint64_t)was[i] << shift));
	}
	return sum;
}

/* Lays one entry over the segment; adds to *sum. False: the verdict is full. */
static bool lay(const struct entry *e, const uint8_t *bytes, const struct segment *seg,
        uint64_t payload_offset, struct verdict *v, uint64_t *sum)
{
	int64_t from = behind(e->offset, payload_offset), to = behind(end_of(e), payload_offset);
	int64_t cut = from < 0 ? -from : 0;
	uint32_t at, n;

	if (to > (int64_t)seg->payload_bytes)
		to = seg->payload_bytes;
	at = seg->payload_offset + (uint32_t)(from + cut);
	n = (uint32_t)(to - from - cut);
	*sum += difference(bytes + at, e->bytes + cut, n, at - seg->tcp_offset);
	return put(v, at, e->bytes + cut, n);
}

/* The first entry that reaches into the payload, or 0. */
static uint32_t first_in(const struct edit_list *list, const struct slab *pool, const struct segment *seg,
        uint64_t payload_offset)
{
	uint32_t at = list->last, found = 0;

	while (at && behind(end_of(entry_at(pool, at)), payload_offset) > 0) {
		if (behind(entry_at(pool, at)->offset, payload_offset) < (int64_t)seg->payload_bytes)
			found = at;
		at = entry_at(pool, at)->prev;
	}
	return found;
}

int edit_apply(const struct edit_list *list, const struct slab *pool, const struct packet *meta,
        const uint8_t *bytes, const struct segment *seg, uint64_t payload_offset, struct verdict *v)
{
	uint32_t at = first_in(list, pool, seg, payload_offset), check_at = seg->tcp_offset + TCP_CHECK_AT;
	uint16_t check;
	uint8_t mended[2];
	uint64_t sum;
	bool fits = true;

	v->edit_count = 0;
	v->bytes_used = 0;
	if (!at)
		return 0;
	if (meta->captured_bytes < meta->length_bytes || seg->payload_captured < seg->payload_bytes)
		return -EMSGSIZE;
	check = meta->flags & PACKET_CSUM_PARTIAL ? checksum_tcp(bytes, seg) : bytes_get16(bytes + check_at);
	sum = (uint16_t)~check;
	for (; at && fits; at = entry_at(pool, at)->next) {
		if (behind(entry_at(pool, at)->offset, payload_offset) >= (int64_t)seg->payload_bytes)
			break;
		fits = lay(entry_at(pool, at), bytes, seg, payload_offset, v, &sum);
	}
	bytes_put16(mended, checksum_fold(sum));
	if (fits && put(v, check_at, mended, sizeof(mended)))
		return 0;
	v->edit_count = 0;
	v->bytes_used = 0;
	return -ENOSPC;
}
