/* test_stream_random.c - wire/stream at random: shuffled segments, a naive model, plain noise. */
#include "streams.h"

#include "suite.h"

/* Cuts the text into pieces, sends them shuffled, repeated and overlapping until all has arrived. */
static void shuffle(uint32_t pages, bool keep, uint32_t history, uint32_t len, uint32_t piece)
{
	uint32_t first_seq = random_below(2) ? 0u - random_below(len) : random_below(UINT32_MAX), rounds = 0;

	rig_start(pages, first_seq, keep, history);
	while (rig.got_bytes < len && rounds++ < 1000000) {
		/* near next, before and behind it */
		uint32_t next = (uint32_t)rig.got_bytes, back = random_below(2 * piece);
		uint32_t at = next + random_below(3 * piece) - (back < next ? back : next);
		uint32_t n = random_below(piece) + 1;

		if (random_below(4) == 0)
			at = next;
		if (at >= len)
			continue;
		n = n < len - at ? n : len - at;
		CU_ASSERT_NOT_EQUAL(push(at, n).result, STREAM_DIFFERS);
		if (random_below(8) == 0)
			stream_ack(&rig.s, rig.pool, first_seq + random_below((uint32_t)rig.got_bytes + 1));
		CU_ASSERT(stream_pages_used(rig.pool) <= pages);
	}
	check_got(len);
	rig_end();
}

static void shuffled_streams_come_out_whole(void)
{
	static const uint32_t pages[] = { 1, 2, 5, PLENTY }, histories[] = { 0, 1, PAGE, 5 * PAGE, HISTORY };
	static const uint32_t pieces[] = { 3, 700, 3 * PAGE };

	for (int p = 0; p < 4; p++)
		for (int h = 0; h < 5; h++)
			for (int n = 0; n < 3; n++)
				for (int keep = 0; keep < 2; keep++)
					shuffle(pages[p], keep, histories[h], pieces[n] * 25, pieces[n]);
}

/* The dumbest possible stream: all of it, and which bytes have been received. */
static struct model {
	uint8_t first[1 << 16];
	bool have[1 << 16];
	uint32_t next;
} model;

static enum stream_result model_push(uint32_t at, const uint8_t *bytes, uint32_t len, bool keep)
{
	bool is_new = false;
	uint32_t i;

	for (i = 0; i < len; i++) {
		if (model.have[at + i] && model.first[at + i] != bytes[i])
			return STREAM_DIFFERS;
		is_new |= !model.have[at + i];
	}
	if (!is_new)
		return at <= model.next || len > 0 ? STREAM_RESEND : STREAM_HOLE;
	if (at > model.next && !keep)
		return STREAM_HOLE;
	for (i = 0; i < len; i++) {
		model.first[at + i] = bytes[i];
		model.have[at + i] = true;
	}
	if (at > model.next)
		return STREAM_HOLE;
	while (model.have[model.next])
		model.next++;
	return STREAM_NEW;
}

static unsigned model_ranges(void)
{
	unsigned n = 0;
	uint32_t i;

	for (i = model.next + 1; i < sizeof(model.have); i++)
		n += model.have[i] && !model.have[i - 1];
	return n;
}

/* Honest and lying segments against the model, all history held: results agree exactly. */
static void agrees_with_a_naive_model(void)
{
	unsigned seen[STREAM_FULL + 1] = { 0 };

	for (int round = 0; round < 60; round++) {
		memset(&model, 0, sizeof(model));
		rig_start(PLENTY, random_below(UINT32_MAX), true, HISTORY);
		for (int step = 0; step < 400 && rig.got_bytes < 40000; step++) {
			static const struct {
				uint32_t reach, len;
			} shapes[] = { { 30, 30 }, { 6000, 6000 }, { 6000, 40 } };
			uint32_t reach = shapes[round % 3].reach, len = random_below(shapes[round % 3].len);
			uint32_t at = (uint32_t)rig.got_bytes + random_below(reach),
			         back = random_below(reach);
			uint8_t bytes[6000];
			struct stream_out out;
			enum stream_result want;

			at -= back < at ? back : at;
			rig.keep = random_below(3) > 0;
			memcpy(bytes, text + at, len);
			if (len > 0 && random_below(3) == 0)
				bytes[random_below(len)] ^= (uint8_t)(1 + random_below(255));
			out = push_bytes(at, bytes, len);
			seen[out.result]++;
			CU_ASSERT_FALSE(out.unverified);
			if (out.result == STREAM_FULL) { /* only for want of ranges */
				CU_ASSERT_EQUAL(model_ranges(), STREAM_RANGES_MAX);
				continue;
			}
			want = model_push(at, bytes, len, rig.keep);
			CU_ASSERT_EQUAL(out.result, want);
			CU_ASSERT_EQUAL(rig.got_bytes, model.next);
			CU_ASSERT_EQUAL(rig.s.range_count, model_ranges());
		}
		CU_ASSERT(memcmp(rig.got, model.first, rig.got_bytes) == 0);
		rig_end();
	}
	for (int r = STREAM_NEW; r <= STREAM_FULL; r++)
		CU_ASSERT(seen[r] > 0 || r == STREAM_OUTSIDE);
}

/* Many streams on one small pool, every call at random: nothing leaks, nothing breaks. */
static void survives_noise(void)
{
	enum { STREAMS = 7 };
	struct stream many[STREAMS];
	struct stream_pages *pool = stream_pages_new(32);
	uint32_t i, step, len;

	rig_start(1, 0, true, 0);
	for (i = 0; i < STREAMS; i++) {
		stream_init(&many[i]);
		stream_start(&many[i], noise);
	}
	for (step = 0; step < 200000; step++) {
		struct stream *s = &many[random_below(STREAMS)];
		uint32_t seq = stream_seq(s, s->next) + random_below(40000) - random_below(30000);

		switch (random_below(12)) {
		case 0:
			stream_ack(s, pool, seq);
			break;
		case 1:
			stream_skip_hole(s);
			break;
		case 2:
			if (random_below(20) == 0)
				stream_skip_to(s, pool, seq);
			break;
		case 3:
			if (random_below(50) == 0) {
				stream_fini(s, pool);
				stream_start(s, noise);
			}
			break;
		case 4:
		case 5:
			while (stream_next_kept(s, pool, &len))
				CU_ASSERT(len > 0 && len <= PAGE);
			break;
		case 6:
			seq = noise;
			/* fall through */
		default:
			stream_push(s, pool, random_below(3) ? seq : stream_seq(s, s->next),
			        text + random_below(4), random_below(random_below(4) ? 200 : 20000),
			        random_below(4) > 0, random_below(3) ? random_below(50000) : 0);
		}
		CU_ASSERT(stream_pages_used(pool) <= 32);
	}
	for (i = 0; i < STREAMS; i++)
		stream_fini(&many[i], pool);
	CU_ASSERT_EQUAL(stream_pages_used(pool), 0);
	stream_pages_free(pool);
	rig_end();
}

SUITE("stream, at random", { "puts shuffled streams together", shuffled_streams_come_out_whole },
        { "agrees with a naive model", agrees_with_a_naive_model }, { "survives noise", survives_noise })
