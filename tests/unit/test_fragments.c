/* test_fragments.c - datagrams cut and put together again, in any order. */
#include <string.h>

#include "base/bytes.h"
#include "suite.h"
#include "wire/fragments.h"

enum { PAYLOAD = 100, PIECE = 24, PIECES = 5, SLOTS = 2 };

static uint8_t payload[PAYLOAD];

struct piece {
	uint8_t bytes[160];
	struct packet meta;
};

/* Piece i of PIECES of datagram id; v6: with a destination header of 8 bytes before the fragment header. */
static struct piece cut(bool v6, uint16_t id, unsigned i)
{
	struct piece p = { .meta = { .time_us = 1000000, .flags = PACKET_OFFLINE, .ticket = 7 } };
	uint32_t at = i * PIECE, n = PAYLOAD - at < PIECE ? PAYLOAD - at : PIECE, header = v6 ? 56 : 20;
	bool more = at + n < PAYLOAD;

	if (v6) {
		p.bytes[0] = 0x60;
		bytes_put16(p.bytes + 4, (uint16_t)(16 + n));
		p.bytes[6] = 60;
		p.bytes[8] = p.bytes[24] = 0xfd;
		p.bytes[40] = 44;
		p.bytes[48] = 6;
		bytes_put16(p.bytes + 50, (uint16_t)(at | more));
		bytes_put16(p.bytes + 54, id);
	} else {
		p.bytes[0] = 0x45;
		bytes_put16(p.bytes + 2, (uint16_t)(20 + n));
		bytes_put16(p.bytes + 4, id);
		bytes_put16(p.bytes + 6, (uint16_t)(at / 8 | (more ? 0x2000 : 0)));
		p.bytes[9] = 6;
		p.bytes[12] = p.bytes[16] = 10;
	}
	memcpy(p.bytes + header, payload + at, n);
	p.meta.captured_bytes = p.meta.length_bytes = header + n;
	return p;
}

static const uint8_t *push(struct fragments *f, const struct piece *p, struct packet *whole)
{
	const uint8_t *bytes;

	CU_ASSERT_TRUE(fragments_push(f, &p->meta, p->bytes, whole, &bytes));
	return bytes;
}

static void check_whole(bool v6, const uint8_t *bytes, const struct packet *whole)
{
	uint32_t header = v6 ? 48 : 20; /* the fragment header is gone */

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	CU_ASSERT_EQUAL(whole->length_bytes, header + PAYLOAD);
	CU_ASSERT_EQUAL(whole->captured_bytes, header + PAYLOAD);
	CU_ASSERT_EQUAL(whole->ticket, 7);
	CU_ASSERT_EQUAL(memcmp(bytes + header, payload, PAYLOAD), 0);
	if (v6) {
		CU_ASSERT_EQUAL(bytes_get16(bytes + 4), 8 + PAYLOAD);
		CU_ASSERT_EQUAL(bytes[6], 60);
		CU_ASSERT_EQUAL(bytes[40], 6);
	} else {
		CU_ASSERT_EQUAL(bytes_get16(bytes + 2), 20 + PAYLOAD);
		CU_ASSERT_EQUAL(bytes_get16(bytes + 6), 0);
	}
}

static struct fragments *begin(void)
{
	unsigned i;

	for (i = 0; i < PAYLOAD; i++)
		payload[i] = (uint8_t)(i * 7 + 1);
	return fragments_new(SLOTS);
}

/* Every order of five pieces, each with one of them sent twice. */
static void puts_together_in_any_order(void)
{
	struct fragments *f = begin();
	const uint8_t *bytes = NULL;
	struct packet whole;
	unsigned order, i, rest, left[PIECES], n, pick;
	uint16_t id = 0;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		for (order = 0; order < 120; order++) {
			id++;
			for (i = 0; i < PIECES; i++)
				left[i] = i;
			for (n = PIECES, rest = order; n > 0; rest /= n, n--) {
				struct piece p;

				CU_ASSERT_PTR_NULL(bytes);
				pick = rest % n;
				p = cut(v6, id, left[pick]);
				left[pick] = left[n - 1];
				if (n == 3)
					push(f, &p, &whole);
				bytes = push(f, &p, &whole);
			}
			check_whole(v6, bytes, &whole);
			bytes = NULL;
		}
	}
	CU_ASSERT_EQUAL(fragments_counts(f).whole, 240);
	CU_ASSERT_EQUAL(fragments_counts(f).lost, 0);
	fragments_free(f);
}

static void leaves_whole_packets_alone(void)
{
	struct fragments *f = begin();
	struct piece p = cut(false, 1, 0);
	const uint8_t *bytes;
	struct packet whole;
	uint32_t captured;

	bytes_put16(p.bytes + 6, 0x4000); /* do not fragment */
	CU_ASSERT_FALSE(fragments_push(f, &p.meta, p.bytes, &whole, &bytes));
	CU_ASSERT_PTR_NULL(bytes);
	p = cut(true, 1, 0);
	bytes_put16(p.bytes + 50, 0); /* atomic */
	CU_ASSERT_FALSE(fragments_push(f, &p.meta, p.bytes, &whole, &bytes));
	p = cut(true, 1, 1);
	for (captured = 0; captured < 56; captured++) { /* cut within its headers: nobody can tell */
		p.meta.captured_bytes = captured;
		CU_ASSERT_FALSE(fragments_push(f, &p.meta, p.bytes, &whole, &bytes));
	}
	CU_ASSERT_EQUAL(fragments_counts(f).fragments, 0);
	fragments_free(f);
}

static void gives_up_what_contradicts_itself(void)
{
	struct fragments *f = begin();
	struct packet whole;
	struct piece p;
	unsigned i;

	p = cut(false, 1, 1);
	push(f, &p, &whole);
	p.bytes[20] ^= 1; /* again, with another byte */
	CU_ASSERT_PTR_NULL(push(f, &p, &whole));
	CU_ASSERT_EQUAL(fragments_counts(f).lost, 1);
	for (i = 0; i < PIECES; i++) { /* cut by the capture */
		p = cut(false, 2, i);
		p.meta.captured_bytes -= i == 3;
		CU_ASSERT_PTR_NULL(push(f, &p, &whole));
	}
	p = cut(false, 3, 4);
	push(f, &p, &whole);
	p = cut(false, 3, 4);
	bytes_put16(p.bytes + 6, 2000); /* another end */
	CU_ASSERT_PTR_NULL(push(f, &p, &whole));
	p = cut(false, 4, 0);
	bytes_put16(p.bytes + 6, 0x1fff); /* beyond 64 KiB */
	CU_ASSERT_PTR_NULL(push(f, &p, &whole));
	fragments_finish(f);
	CU_ASSERT_EQUAL(fragments_counts(f).whole, 0);
	CU_ASSERT_EQUAL(fragments_counts(f).lost, 5); /* of the second, what came behind the cut one, too */
	fragments_free(f);
}

/* What lies behind the end is nothing of it, though it may come before the end is known. */
static void counts_nothing_behind_the_end(void)
{
	static const uint16_t fields[] = { 0x2000 | 9, 0x2000 | 12, 6,
		0x2000 }; /* offsets in units of 8 bytes; each has 3 */
	struct fragments *f = begin();
	struct packet whole;
	struct piece p;
	unsigned i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		p = cut(false, 1, 0);
		bytes_put16(p.bytes + 6, fields[i]);
		CU_ASSERT_PTR_NULL(push(f, &p, &whole));
	}
	fragments_finish(f);
	CU_ASSERT_EQUAL(fragments_counts(f).whole, 0);
	fragments_free(f);
}

static void forgets_the_oldest_and_the_old(void)
{
	struct fragments *f = begin();
	struct packet whole;
	struct piece p;
	unsigned i;

	for (i = 0; i < SLOTS + 1; i++) {
		p = cut(false, (uint16_t)(10 + i), 0);
		p.meta.time_us += i;
		push(f, &p, &whole);
	}
	CU_ASSERT_EQUAL(fragments_counts(f).lost, 1);
	for (i = 1; i < PIECES; i++) { /* of the oldest, one is missing now */
		p = cut(false, 11, i);
		CU_ASSERT_EQUAL(push(f, &p, &whole) != NULL, i == PIECES - 1);
	}
	for (i = 1; i < PIECES; i++) { /* the rest of the third, too late */
		p = cut(false, 12, i);
		p.meta.time_us += 31000000;
		CU_ASSERT_PTR_NULL(push(f, &p, &whole));
	}
	CU_ASSERT_EQUAL(fragments_counts(f).lost, 2);
	fragments_free(f);
}

SUITE("fragments", { "puts together in any order", puts_together_in_any_order },
        { "leaves whole packets alone", leaves_whole_packets_alone },
        { "gives up what contradicts itself", gives_up_what_contradicts_itself },
        { "counts nothing behind the end", counts_nothing_behind_the_end },
        { "forgets the oldest and the old", forgets_the_oldest_and_the_old })
