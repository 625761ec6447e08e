/* test_stream.c - wire/stream case by case: order, comparison of what comes twice, bounds. */
#include "streams.h"

#include "suite.h"

/* The same with the byte at stream offset `wrong` flipped. */
static struct stream_out push_wrong(uint32_t at, uint32_t len, uint32_t wrong)
{
	struct stream_out out;

	text[wrong] ^= 0x20;
	out = push(at, len);
	text[wrong] ^= 0x20;
	return out;
}

static void delivers_in_order(void)
{
	rig_start(PLENTY, 1000, false, HISTORY);
	CU_ASSERT_EQUAL(push(0, 10).result, STREAM_NEW);
	CU_ASSERT_EQUAL(push(10, 1).result, STREAM_NEW);
	CU_ASSERT_EQUAL(push(11, 3 * PAGE + 5).result, STREAM_NEW);
	check_got(11 + 3 * PAGE + 5);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 4);
	CU_ASSERT_EQUAL(stream_seq(&rig.s, 10), 1010);
	CU_ASSERT_EQUAL(stream_offset(&rig.s, 1010), 10);
	CU_ASSERT_EQUAL(stream_offset(&rig.s, 999), UINT64_MAX);
	rig_end();
}

static void compares_resends(void)
{
	const uint32_t len = 2 * PAGE + 100;
	uint32_t wrong;

	rig_start(PLENTY, 0xfffffff0u, false, HISTORY);
	push(0, len);
	CU_ASSERT_EQUAL(push(0, len).result, STREAM_RESEND);
	CU_ASSERT_EQUAL(push(50, 1).result, STREAM_RESEND);
	CU_ASSERT_EQUAL(push(PAGE - 1, 2).result, STREAM_RESEND);
	for (wrong = 0; wrong < len; wrong += 61) {
		CU_ASSERT_EQUAL(push_wrong(0, len, wrong).result, STREAM_DIFFERS);
		CU_ASSERT_EQUAL(push_wrong(wrong, 1, wrong).result, STREAM_DIFFERS);
	}
	check_got(len);
	CU_ASSERT_EQUAL(push(0, len).result, STREAM_RESEND); /* nothing of the wrong ones was kept */
	rig_end();
}

static void compares_the_old_part_of_a_mixed_one(void)
{
	struct stream_out out;

	rig_start(PLENTY, 7, false, HISTORY);
	push(0, 100);
	CU_ASSERT_EQUAL(push_wrong(90, 20, 95).result, STREAM_DIFFERS);
	check_got(100);
	out = push(90, 20);
	CU_ASSERT_EQUAL(out.result, STREAM_NEW);
	CU_ASSERT_EQUAL(out.fresh_at, 10);
	CU_ASSERT_EQUAL(out.fresh_bytes, 10);
	CU_ASSERT_FALSE(out.unverified);
	check_got(110);
	rig_end();
}

static void leaves_holes_alone_unless_told(void)
{
	rig_start(PLENTY, 7, false, HISTORY);
	push(0, 100);
	CU_ASSERT_EQUAL(push(101, 10).result, STREAM_HOLE);
	CU_ASSERT_EQUAL(push(100, 1).result, STREAM_NEW);
	CU_ASSERT_EQUAL(push(101, 10).result, STREAM_NEW); /* it was not kept */
	check_got(111);
	rig_end();
}

static void keeps_what_lies_beyond_a_hole(void)
{
	struct stream_out out;

	rig_start(PLENTY, 7, true, HISTORY);
	push(0, 100);
	CU_ASSERT_EQUAL(push(200, 2 * PAGE).result, STREAM_HOLE);
	CU_ASSERT_EQUAL(push(300, 10).result, STREAM_RESEND);
	CU_ASSERT_EQUAL(push_wrong(300, 10, 301).result, STREAM_DIFFERS);
	CU_ASSERT_EQUAL(push_wrong(190, 20, 201).result, STREAM_DIFFERS);
	CU_ASSERT_EQUAL(push(150, 50).result, STREAM_HOLE); /* touches: one range */
	CU_ASSERT_EQUAL(rig.s.range_count, 1);
	check_got(100);
	rig.keep = false; /* what is kept counts all the same */
	CU_ASSERT_EQUAL(push_wrong(100, 200, 250).result, STREAM_DIFFERS);
	out = push(100, 60);
	CU_ASSERT_EQUAL(out.result, STREAM_NEW);
	CU_ASSERT_EQUAL(out.fresh_bytes, 60); /* up to the payload's end, though some were kept */
	CU_ASSERT(out.more);
	check_got(200 + 2 * PAGE);
	CU_ASSERT_EQUAL(push_wrong(170, 40, 205).result, STREAM_DIFFERS);
	CU_ASSERT_EQUAL(push(0, 200 + 2 * PAGE).result, STREAM_RESEND);
	CU_ASSERT_EQUAL(rig.s.range_count, 0);
	rig_end();
}

/* A segment over two kept ranges, the gap between them and the hole before. */
static void one_segment_fills_all(void)
{
	rig_start(PLENTY, 7, true, HISTORY);
	push(10, 10);
	push(30, 10);
	push(60, 10);
	CU_ASSERT_EQUAL(rig.s.range_count, 3);
	CU_ASSERT_EQUAL(push_wrong(0, 50, 35).result, STREAM_DIFFERS);
	CU_ASSERT_EQUAL(rig.s.range_count, 3);
	CU_ASSERT_EQUAL(push(0, 50).result, STREAM_NEW);
	CU_ASSERT_EQUAL(rig.s.range_count, 1);
	check_got(50);
	CU_ASSERT(push(50, 10).more);
	check_got(70);
	rig_end();
}

static void kept_bytes_wait_for_a_slow_caller(void)
{
	uint32_t len = 1;

	rig_start(PLENTY, 7, true, HISTORY);
	stream_push(&rig.s, rig.pool, 17, text + 10, 10, true, HISTORY);
	CU_ASSERT(stream_push(&rig.s, rig.pool, 7, text, 10, true, HISTORY).more);
	CU_ASSERT_EQUAL(rig.s.next, 10); /* not drained */
	CU_ASSERT(stream_push(&rig.s, rig.pool, 7, text, 10, true, HISTORY).more);
	CU_ASSERT(stream_push(&rig.s, rig.pool, 17, text + 10, 5, true, HISTORY).more);
	CU_ASSERT_EQUAL(stream_push(&rig.s, rig.pool, 27, text + 20, 5, true, HISTORY).result, STREAM_HOLE);
	CU_ASSERT_PTR_NOT_NULL(stream_next_kept(&rig.s, rig.pool, &len));
	CU_ASSERT_EQUAL(len, 15);
	CU_ASSERT_PTR_NULL(stream_next_kept(&rig.s, rig.pool, &len));
	CU_ASSERT_EQUAL(len, 0);
	rig_end();
}

static void empty_segments_give_nothing(void)
{
	rig_start(PLENTY, 7, true, HISTORY);
	CU_ASSERT_EQUAL(push(0, 0).result, STREAM_RESEND);
	CU_ASSERT_EQUAL(push(5, 0).result, STREAM_HOLE);
	CU_ASSERT_EQUAL(rig.s.range_count, 0);
	push(0, 10);
	CU_ASSERT_EQUAL(push(10, 0).result, STREAM_RESEND);
	CU_ASSERT_EQUAL(push(3, 0).result, STREAM_RESEND);
	rig_end();
}

static void keep_alive_probes(void)
{
	struct stream_out out;

	rig_start(PLENTY, 7, false, HISTORY);
	push(0, 10);
	out = push(9, 0);
	CU_ASSERT(out.result == STREAM_RESEND && out.probe);
	out = push(9, 1);
	CU_ASSERT(out.result == STREAM_RESEND && out.probe);
	out = push_wrong(9, 1, 9); /* could replace a byte that never arrived */
	CU_ASSERT(out.result == STREAM_DIFFERS && out.probe);
	stream_ack(&rig.s, rig.pool, 7 + 9);
	CU_ASSERT_EQUAL(push_wrong(9, 1, 9).result, STREAM_DIFFERS);
	push(10, 1);
	stream_ack(&rig.s, rig.pool, 7 + 11);
	out = push_wrong(10, 1, 10); /* cannot */
	CU_ASSERT(out.result == STREAM_RESEND && out.probe && !out.unverified);
	CU_ASSERT_FALSE(push(9, 2).probe);
	CU_ASSERT_FALSE(push(8, 1).probe);
	rig_end();

	rig_start(PLENTY, 7, false, HISTORY); /* before the first byte */
	out = push_bytes(UINT64_MAX, text, 1);
	CU_ASSERT(out.result == STREAM_RESEND && out.probe);
	rig_end();
}

static void skips_bytes_before_the_start(void)
{
	struct stream_out out;

	rig_start(PLENTY, 7, true, HISTORY);
	CU_ASSERT_EQUAL(push_bytes((uint64_t)-20, text, 20).result, STREAM_RESEND);
	CU_ASSERT_EQUAL(push_bytes((uint64_t)-20, text, 5).result, STREAM_RESEND);
	memcpy(rig.got + 100, text, 50);
	out = stream_push(&rig.s, rig.pool, 7u - 10, text, 30, true, HISTORY);
	CU_ASSERT_EQUAL(out.result, STREAM_NEW);
	CU_ASSERT_EQUAL(out.fresh_at, 10);
	CU_ASSERT_EQUAL(out.fresh_bytes, 20);
	CU_ASSERT_EQUAL(out.fresh_offset, 0);
	CU_ASSERT(out.unverified);
	CU_ASSERT_EQUAL(rig.s.next, 20);
	/* compared from offset 0 on */
	CU_ASSERT_EQUAL(
	        stream_push(&rig.s, rig.pool, 7u - 10, text, 30, true, HISTORY).result, STREAM_RESEND);
	text[29] ^= 1;
	CU_ASSERT_EQUAL(
	        stream_push(&rig.s, rig.pool, 7u - 10, text, 30, true, HISTORY).result, STREAM_DIFFERS);
	rig_end();
}

static void window_ends(void)
{
	rig_start(PLENTY, 0, true, HISTORY);
	push(0, 10);
	CU_ASSERT_EQUAL(push_bytes(10ull + STREAM_WINDOW_BYTES, text, 1).result, STREAM_FULL);
	CU_ASSERT_EQUAL(push_bytes(11ull + STREAM_WINDOW_BYTES, text, 1).result, STREAM_OUTSIDE);
	CU_ASSERT_EQUAL(push_bytes(10ull - STREAM_WINDOW_BYTES, text, 1).result, STREAM_RESEND);
	CU_ASSERT_EQUAL(push_bytes(9ull - STREAM_WINDOW_BYTES, text, 1).result, STREAM_OUTSIDE);
	CU_ASSERT_EQUAL(push_bytes(10ull + (1u << 31), text, 1).result, STREAM_OUTSIDE);
	CU_ASSERT_EQUAL(push(10 + STREAM_AHEAD_BYTES - 1, 1).result, STREAM_HOLE);
	CU_ASSERT_EQUAL(push(10 + STREAM_AHEAD_BYTES - 1, 2).result, STREAM_FULL);
	rig.keep = false;
	CU_ASSERT_EQUAL(push(10 + STREAM_AHEAD_BYTES, 2).result, STREAM_HOLE);
	rig_end();

	rig_start(1, 0, true, HISTORY);
	stream_fini(&rig.s, rig.pool);
	CU_ASSERT_EQUAL(push(0, 10).result, STREAM_OUTSIDE); /* never started */
	rig_end();
}

static void ranges_run_out(void)
{
	uint32_t i;

	rig_start(PLENTY, 0, true, HISTORY);
	for (i = 1; i <= STREAM_RANGES_MAX; i++)
		CU_ASSERT_EQUAL(push(i * 10, 5).result, STREAM_HOLE);
	CU_ASSERT_EQUAL(push(500, 5).result, STREAM_FULL);
	CU_ASSERT_EQUAL(push(18, 1).result, STREAM_FULL);
	CU_ASSERT_EQUAL(push(15, 1).result, STREAM_HOLE); /* lengthens one */
	CU_ASSERT_EQUAL(push(18, 2).result, STREAM_HOLE); /* in front */
	CU_ASSERT_EQUAL(push(16, 2).result, STREAM_HOLE); /* two become one */
	CU_ASSERT_EQUAL(push(500, 5).result, STREAM_HOLE);
	CU_ASSERT_EQUAL(push(510, 5).result, STREAM_FULL);
	push(0, 100);
	check_got(100);
	push(100, 400);
	check_got(505);
	rig_end();
}

static void history_is_bounded(void)
{
	const uint32_t limit = 4 * PAGE, step = 1460;
	uint32_t at, most = 0;
	struct stream_out out;

	rig_start(PLENTY, 5, false, limit);
	for (at = 0; at + step <= TEXT_MAX; at += step) {
		push(at, step);
		if (stream_pages_used(rig.pool) > most)
			most = stream_pages_used(rig.pool);
	}
	check_got(at);
	CU_ASSERT_EQUAL(most, limit / PAGE + 1);
	/* what the limit covers is compared, older bytes are told as unverified */
	CU_ASSERT_EQUAL(push_wrong(at - limit, 10, at - limit).result, STREAM_DIFFERS);
	out = push_wrong(at - limit - PAGE - 10, 10, at - limit - PAGE - 5);
	CU_ASSERT(out.result == STREAM_RESEND && out.unverified);
	out = push(at - limit - PAGE - 10, PAGE + 10);
	CU_ASSERT(out.result == STREAM_RESEND && out.unverified);
	/* but not when the receiver has them */
	stream_ack(&rig.s, rig.pool, 5 + at - limit - PAGE);
	stream_ack(&rig.s, rig.pool, 5 + at - limit - 3 * PAGE); /* an old one takes nothing back */
	out = push(at - limit - PAGE - 10, 10);
	CU_ASSERT(out.result == STREAM_RESEND && !out.unverified);
	/* a mixed segment whose old part is gone still gives its new part */
	rig.history = 0;
	out = push(at - 10, 20);
	CU_ASSERT(out.result == STREAM_NEW && !out.unverified);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 0);
	out = push(at, 30);
	CU_ASSERT(out.result == STREAM_NEW && out.unverified);
	rig_end();
}

static void one_segment_longer_than_the_history(void)
{
	const uint32_t len = 20 * PAGE + 17;

	rig_start(PLENTY, 5, false, 3 * PAGE);
	push(0, 100);
	push(100, len - 100);
	CU_ASSERT(stream_pages_used(rig.pool) <= 4);
	CU_ASSERT_EQUAL(push_wrong(len - 3 * PAGE, 3 * PAGE, len - 3 * PAGE).result, STREAM_DIFFERS);
	CU_ASSERT_FALSE(push(len - 3 * PAGE, 3 * PAGE).unverified);
	CU_ASSERT(push(0, 100).unverified);
	rig_end();
}

static void acknowledged_history_goes(void)
{
	rig_start(PLENTY, 0xffffff00u, false, HISTORY);
	push(0, 10 * PAGE + 10);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 11);
	stream_ack(&rig.s, rig.pool, 0xffffff00u + 4 * PAGE + 5);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 7);
	CU_ASSERT_EQUAL(push_wrong(4 * PAGE, 10, 4 * PAGE + 9).result, STREAM_DIFFERS);
	CU_ASSERT_EQUAL(
	        push_wrong(4 * PAGE, 10, 4 * PAGE + 1).result, STREAM_DIFFERS); /* held all the same */
	CU_ASSERT_FALSE(push(0, 10).unverified);
	/* nonsense: far, backwards, before the start, more than was received */
	stream_ack(&rig.s, rig.pool, 0xffffff00u + PAGE);
	stream_ack(&rig.s, rig.pool, 0xffffff00u - 1);
	stream_ack(&rig.s, rig.pool, 0x70000000u);
	stream_ack(&rig.s, rig.pool, 0xffffff00u + 10 * PAGE + 12);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 7);
	stream_ack(&rig.s, rig.pool, 0xffffff00u + 10 * PAGE + 11); /* with the FIN */
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 0);
	CU_ASSERT_EQUAL(push(10 * PAGE, 10).result, STREAM_RESEND);
	CU_ASSERT_FALSE(push(10 * PAGE, 10).unverified);
	CU_ASSERT_EQUAL(push(10 * PAGE, 20).result, STREAM_NEW);
	check_got(10 * PAGE + 20);
	rig_end();
}

/* Acknowledging all that is in order leaves the pages that wait behind a hole. */
static void acks_leave_kept_ranges(void)
{
	rig_start(PLENTY, 0, true, HISTORY);
	push(0, 100);
	push(110, 10);
	push(PAGE + 50, 10);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 2);
	stream_ack(&rig.s, rig.pool, 100);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 2);
	stream_ack(&rig.s, rig.pool, PAGE + 60); /* the receiver has the holes */
	CU_ASSERT_EQUAL(rig.s.acked, 100);
	push(100, 10);
	check_got(120);
	CU_ASSERT_EQUAL(push_wrong(110, 5, 112).result, STREAM_DIFFERS);
	stream_ack(&rig.s, rig.pool, 120);
	push(120, PAGE);
	check_got(120 + PAGE);
	rig_end();
}

static void skips_holes(void)
{
	rig_start(PLENTY, 0, true, PAGE);
	CU_ASSERT_EQUAL(stream_skip_hole(&rig.s), 0);
	push(0, 100);
	push(3 * PAGE, PAGE);
	push(5 * PAGE, 10);
	CU_ASSERT_EQUAL(stream_skip_hole(&rig.s), 3 * PAGE - 100);
	CU_ASSERT_EQUAL(stream_skip_hole(&rig.s), 0);
	rig.got_bytes = 3 * PAGE;
	drain();
	CU_ASSERT_EQUAL(rig.got_bytes, 4 * PAGE);
	CU_ASSERT(memcmp(rig.got + 3 * PAGE, text + 3 * PAGE, PAGE) == 0);
	CU_ASSERT(push(200, 10).unverified); /* too late */
	CU_ASSERT_EQUAL(push(200, 10).result, STREAM_RESEND);
	CU_ASSERT_EQUAL(stream_skip_hole(&rig.s), PAGE);
	rig.got_bytes = 5 * PAGE;
	drain();
	CU_ASSERT_EQUAL(rig.got_bytes, 5 * PAGE + 10);
	rig_end();
}

static void skips_to_a_number(void)
{
	rig_start(PLENTY, 0, true, HISTORY);
	push(0, 100);
	push(200, 100);
	push(400, 100);
	CU_ASSERT_EQUAL(stream_skip_to(&rig.s, rig.pool, 100), 0);
	CU_ASSERT_EQUAL(stream_skip_to(&rig.s, rig.pool, 50), 0);
	CU_ASSERT_EQUAL(stream_skip_to(&rig.s, rig.pool, 101u + STREAM_WINDOW_BYTES), 0);
	CU_ASSERT_EQUAL(stream_skip_to(&rig.s, rig.pool, 250), 150); /* into the first range */
	rig.got_bytes = 250;
	drain();
	CU_ASSERT_EQUAL(rig.got_bytes, 300);
	CU_ASSERT(memcmp(rig.got + 250, text + 250, 50) == 0);
	CU_ASSERT_EQUAL(stream_skip_to(&rig.s, rig.pool, 1000), 700); /* over the second */
	CU_ASSERT_EQUAL(rig.s.range_count, 0);
	rig.got_bytes = 1000;
	drain();
	CU_ASSERT_EQUAL(push(1000, 10).result, STREAM_NEW);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 1);
	rig_end();
}

/* Numbers wrap several times; offsets do not. */
static void streams_longer_than_4_gib(void)
{
	const uint64_t step = STREAM_WINDOW_BYTES;
	uint64_t at = 0;
	uint8_t piece[200];
	int i;

	rig_start(PLENTY, 0xfffffff0u, true, HISTORY);
	memset(piece, 'x', sizeof(piece));
	for (i = 0; i < 10; i++) {
		struct stream_out out;
		uint32_t seq, len;

		CU_ASSERT_EQUAL(stream_skip_to(&rig.s, rig.pool, stream_seq(&rig.s, at + step)), step);
		at += step;
		seq = stream_seq(&rig.s, at);
		CU_ASSERT_EQUAL(stream_offset(&rig.s, seq), at);
		out = stream_push(&rig.s, rig.pool, seq + 100, piece, 50, true, HISTORY);
		CU_ASSERT_EQUAL(out.result, STREAM_HOLE);
		out = stream_push(&rig.s, rig.pool, seq, piece, 100, true, HISTORY);
		CU_ASSERT(out.result == STREAM_NEW && out.more && out.fresh_offset == at);
		CU_ASSERT_PTR_NOT_NULL(stream_next_kept(&rig.s, rig.pool, &len));
		CU_ASSERT_EQUAL(len, 50);
		at += 150;
		CU_ASSERT_EQUAL(rig.s.next, at);
		out = stream_push(&rig.s, rig.pool, seq, piece, 150, true, HISTORY);
		CU_ASSERT(out.result == STREAM_RESEND && !out.unverified);
		piece[149] ^= 1;
		CU_ASSERT_EQUAL(
		        stream_push(&rig.s, rig.pool, seq, piece, 150, true, HISTORY).result, STREAM_DIFFERS);
		piece[149] ^= 1;
		stream_ack(&rig.s, rig.pool, seq + 150);
		CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 0);
	}
	CU_ASSERT(at > 10ull << 30);
	rig_end();
}

/* ---- a pool run dry --------------------------------------------------------------------------- */

static void delivers_without_a_page(void)
{
	struct stream hog;

	rig_start(4, 0, true, HISTORY);
	stream_init(&hog);
	stream_start(&hog, 0);
	stream_push(&hog, rig.pool, 0, text, 4 * PAGE, false, HISTORY);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 4);

	CU_ASSERT_EQUAL(push(0, PAGE + 100).result, STREAM_NEW);
	CU_ASSERT_EQUAL(push(PAGE + 100, 100).result, STREAM_NEW);
	CU_ASSERT_EQUAL(push(PAGE + 300, 100).result, STREAM_FULL);
	CU_ASSERT(push(0, 100).unverified);
	CU_ASSERT_EQUAL(push_wrong(0, 100, 10).result, STREAM_RESEND); /* cannot know */
	check_got(PAGE + 200);

	stream_fini(&hog, rig.pool); /* pages again: remembers from here on, in the middle of a page */
	push(PAGE + 200, 100);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 1);
	CU_ASSERT_EQUAL(push_wrong(PAGE + 200, 100, PAGE + 200).result, STREAM_DIFFERS);
	CU_ASSERT(push_wrong(PAGE + 100, 200, PAGE + 150).unverified);
	CU_ASSERT_EQUAL(push_wrong(PAGE + 100, 200, PAGE + 250).result, STREAM_DIFFERS);
	check_got(PAGE + 300);
	rig_end();
}

static void takes_its_own_oldest_page(void)
{
	rig_start(2, 0, true, HISTORY);
	push(0, 5 * PAGE + 50);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 2);
	CU_ASSERT_EQUAL(push_wrong(4 * PAGE, PAGE, 4 * PAGE).result, STREAM_DIFFERS);
	CU_ASSERT_FALSE(push(4 * PAGE, PAGE + 50).unverified);
	CU_ASSERT(push(4 * PAGE - 1, PAGE).unverified);
	push(5 * PAGE + 50, PAGE);
	CU_ASSERT_EQUAL(push_wrong(5 * PAGE, PAGE, 5 * PAGE).result, STREAM_DIFFERS);
	check_got(6 * PAGE + 50);
	rig_end();
}

static void kept_pages_are_never_taken(void)
{
	rig_start(4, 0, true, HISTORY); /* 3 may be kept, 1 is for history */
	CU_ASSERT_EQUAL(push(PAGE, 4 * PAGE).result, STREAM_FULL);
	CU_ASSERT_EQUAL(push(PAGE, 3 * PAGE).result, STREAM_HOLE);
	CU_ASSERT_EQUAL(push(4 * PAGE, 1).result, STREAM_FULL);
	CU_ASSERT_EQUAL(stream_pages_used(rig.pool), 3);
	CU_ASSERT_EQUAL(push(0, PAGE - 1).result, STREAM_NEW);
	CU_ASSERT_EQUAL(push_wrong(0, 10, 3).result, STREAM_DIFFERS);
	CU_ASSERT(push(PAGE - 1, 1).more);
	check_got(4 * PAGE);
	rig_end();
}

static void pool_bounds(void)
{
	CU_ASSERT_PTR_NULL(stream_pages_new(0));
	CU_ASSERT_PTR_NULL(stream_pages_new((1 << 24) + 1));
	stream_pages_free(NULL);
}

SUITE("stream", { "delivers in order", delivers_in_order }, { "compares resends", compares_resends },
        { "compares the old part of a mixed segment", compares_the_old_part_of_a_mixed_one },
        { "leaves holes alone unless told", leaves_holes_alone_unless_told },
        { "keeps what lies beyond a hole", keeps_what_lies_beyond_a_hole },
        { "lets one segment fill all", one_segment_fills_all },
        { "lets kept bytes wait for a slow caller", kept_bytes_wait_for_a_slow_caller },
        { "gives nothing for empty segments", empty_segments_give_nothing },
        { "knows keep-alive probes", keep_alive_probes },
        { "skips bytes before the start", skips_bytes_before_the_start }, { "ends its window", window_ends },
        { "runs out of ranges", ranges_run_out }, { "bounds the history", history_is_bounded },
        { "takes a segment longer than the history", one_segment_longer_than_the_history },
        { "lets acknowledged history go", acknowledged_history_goes },
        { "leaves kept ranges at an acknowledgement", acks_leave_kept_ranges },
        { "skips holes", skips_holes }, { "skips to a number", skips_to_a_number },
        { "counts beyond 4 GiB", streams_longer_than_4_gib },
        { "delivers without a page", delivers_without_a_page },
        { "takes its own oldest page", takes_its_own_oldest_page },
        { "never takes kept pages", kept_pages_are_never_taken }, { "bounds the pool", pool_bounds })
