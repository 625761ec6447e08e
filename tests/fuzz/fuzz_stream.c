/* fuzz_stream.c - segments of one direction against the dumbest possible stream.
 *
 * The input is a list of segments: where (a signed byte, relative to the next byte in order), how long, which
 * of their bytes lie, and what else is done between them. What comes out must be what came first at each
 * place, in order; with an honest sender who repeats everything at the end, all of it.
 */
#include "fuzz.h"
#include "wire/stream.h"

enum { ROOM = 20 * 1024, PAGES = 4 };

static uint8_t text[ROOM], first[ROOM]; /* what an honest sender sends; what was received first */
static bool have[ROOM];

static struct rig {
	struct stream s;
	struct stream_pages *pages;
	uint64_t got;
	uint32_t base;
	bool keep, lies, acked;
} rig;

/* Bytes that came out in order: `next` moves before them (kept ones) or with them. */
static void take(const uint8_t *bytes, uint32_t len)
{
	FUZZ_CHECK(len > 0 && rig.got + len <= ROOM);
	FUZZ_CHECK(memcmp(bytes, (rig.lies ? first : text) + rig.got, len) == 0);
	rig.got += len;
}

/* Marks what a segment brought, unless it lay about what is held or was not taken at all. */
static void note(uint64_t at, const uint8_t *bytes, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		if (at + i >= rig.got && !have[at + i]) {
			have[at + i] = true;
			first[at + i] = bytes[i];
		}
}

static void push(uint64_t at, const uint8_t *bytes, uint32_t len, uint32_t history)
{
	uint8_t *copy = input_copy(bytes, len);
	const uint8_t *kept;
	struct stream_out out =
	        stream_push(&rig.s, rig.pages, rig.base + (uint32_t)at, copy, len, rig.keep, history);
	uint32_t n, i;

	/* What could all be compared was the same, or nothing of it is taken. */
	for (i = 0; out.result <= STREAM_RESEND && !out.unverified && !rig.acked && i < len; i++)
		FUZZ_CHECK(at + i >= rig.got || copy[i] == first[at + i]);
	if (out.result == STREAM_NEW || (out.result == STREAM_HOLE && rig.keep))
		note(at, copy, len);
	if (out.result == STREAM_NEW) {
		FUZZ_CHECK(out.fresh_offset == rig.got && out.fresh_at + out.fresh_bytes == len);
		FUZZ_CHECK(at + out.fresh_at == rig.got);
		take(copy + out.fresh_at, out.fresh_bytes);
	}
	while (out.more && (kept = stream_next_kept(&rig.s, rig.pages, &n)))
		take(kept, n);
	FUZZ_CHECK(rig.s.next == rig.got && stream_pages_used(rig.pages) <= PAGES);
	FUZZ_CHECK(rig.lies || out.result != STREAM_DIFFERS);
	free(copy);
}

static void step(struct input *in)
{
	static const uint8_t shifts[] = { 0, 0, 3, 6 };
	uint8_t what = input_byte(in);
	int64_t at = (int64_t)rig.got + (int8_t)input_byte(in) * (1 << shifts[what & 3]);
	uint32_t len = (uint32_t)input_byte(in) << shifts[what >> 2 & 3];
	uint8_t *bytes;

	if (at < 0 || at + len > ROOM)
		return;
	if ((what & 16) && (what & 32)) {
		stream_ack(&rig.s, rig.pages, rig.base + (uint32_t)at);
		rig.acked = true;
	}
	bytes = input_copy(text + at, len);
	if ((what & 32) && rig.lies && len > 0)
		bytes[input_byte(in) % len] ^= 1;
	push((uint64_t)at, bytes, len, what & 64 ? 4096 : 1 << 20);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t options = input_byte(&in);
	uint64_t at;
	unsigned i;

	for (i = 0; text[1] == 0 && i < ROOM; i++)
		text[i] = (uint8_t)(i * 7 + i / 256 * 13);
	memset(have, 0, sizeof(have));
	rig = (struct rig) { .keep = options & 1, .lies = options & 2, .base = options & 4 ? 0xfffffff0 : 7 };
	rig.pages = stream_pages_new(PAGES);
	stream_init(&rig.s);
	stream_start(&rig.s, rig.base);
	while (in.left > 0)
		step(&in);
	/* Once more from the start, in order: an honest sender loses nothing. */
	for (at = 0; !rig.lies && at < ROOM; at += 1024)
		push(at, text + at, 1024, 1 << 20);
	FUZZ_CHECK(rig.lies || rig.got == ROOM);
	stream_fini(&rig.s, rig.pages);
	FUZZ_CHECK(stream_pages_used(rig.pages) == 0);
	stream_pages_free(rig.pages);
	return 0;
}
