/* test_edit.c - wire/edit: remembered edits over every cut of a stream, and their checksums. */
#include "wire/edit.h"

#include <errno.h>

#include "guard.h"
#include "packets.h"
#include "suite.h"
#include "wire/checksum.h"

static uint32_t noise = 88172645u;

static uint32_t random_below(uint32_t n)
{
	noise ^= noise << 13;
	noise ^= noise >> 17;
	noise ^= noise << 5;
	return noise % n;
}

/* One packet and the verdict on it. */
static struct rig {
	uint8_t bytes[PACKET_ROOM];
	struct packet meta;
	struct segment seg;
	struct verdict v;
} rig;

static void rig_build(bool v6, uint8_t meta_flags, const uint8_t *payload, uint32_t len)
{
	struct packet_spec spec = { .src = v6 ? "2001:db8::1" : "192.0.2.1",
		.dst = v6 ? "2001:db8:ffff::2" : "198.51.100.255",
		.sport = 40000,
		.dport = 25,
		.seq = 123456,
		.flags = TCP_ACK,
		.tcp_options = 12,
		.payload = (const char *)payload,
		.payload_len = len,
		.meta_flags = meta_flags };

	packet_build(&spec, rig.bytes, &rig.meta);
	CU_ASSERT_EQUAL_FATAL(wire_parse(&rig.meta, rig.bytes, &rig.seg), WIRE_TCP);
	memset(&rig.v, 0xcc, sizeof(rig.v));
	rig.v.kind = VERDICT_ACCEPT;
}

static int apply(const struct edit_list *list, const struct slab *pool, uint64_t payload_offset)
{
	uint8_t *copy = guard_copy(rig.bytes, rig.meta.captured_bytes);
	int r = edit_apply(list, pool, &rig.meta, copy, &rig.seg, payload_offset, &rig.v);

	guard_free(copy, rig.meta.captured_bytes);
	return r;
}

/* What tap does with the verdict's edits. */
static void carry_out(void)
{
	for (unsigned i = 0; i < rig.v.edit_count; i++) {
		const struct edit *e = &rig.v.edits[i];

		CU_ASSERT_FATAL(e->offset + e->len <= rig.meta.captured_bytes);
		CU_ASSERT_FATAL((uint32_t)e->at + e->len <= rig.v.bytes_used);
		memcpy(rig.bytes + e->offset, rig.v.bytes + e->at, e->len);
	}
}

static bool checksum_is_right(void)
{
	return packet_tcp_sum(rig.bytes, rig.seg.tcp_offset, rig.meta.length_bytes - rig.seg.tcp_offset,
	               false) == 0xffff;
}

static const uint8_t *payload(void)
{
	return rig.bytes + rig.seg.payload_offset;
}

static void rewrites_a_verb(void)
{
	static const uint8_t flags[] = { 0, PACKET_CSUM_PARTIAL };
	const char *line = "RCPT TO:<x@foreign.example>\r\n";

	for (int v6 = 0; v6 < 2; v6++)
		for (int f = 0; f < 2; f++) {
			struct slab *pool = edit_pool_new(4);
			struct edit_list list = { 0 };

			rig_build(v6, flags[f], (const uint8_t *)line, (uint32_t)strlen(line));
			CU_ASSERT(edit_is_empty(&list));
			CU_ASSERT_EQUAL(edit_add(&list, pool, 1000, (const uint8_t *)"XXXX", 4), 0);
			CU_ASSERT_FALSE(edit_is_empty(&list));
			CU_ASSERT_EQUAL(apply(&list, pool, 1000), 0);
			CU_ASSERT_EQUAL(rig.v.kind, VERDICT_ACCEPT);
			CU_ASSERT_EQUAL(rig.v.edit_count, 2);
			carry_out();
			CU_ASSERT(memcmp(payload(), "XXXX TO:<x@foreign.example>\r\n", strlen(line)) == 0);
			CU_ASSERT(checksum_is_right());
			edit_fini(&list, pool);
			CU_ASSERT(edit_is_empty(&list));
			CU_ASSERT_EQUAL(slab_used(pool), 0);
			slab_free(pool);
		}
}

static void leaves_other_segments_alone(void)
{
	struct slab *pool = edit_pool_new(4);
	struct edit_list list = { 0 };

	rig_build(false, 0, (const uint8_t *)"0123456789", 10);
	CU_ASSERT_EQUAL(apply(&list, pool, 100), 0);
	CU_ASSERT_EQUAL(rig.v.edit_count, 0);
	edit_add(&list, pool, 98, (const uint8_t *)"ab", 2);
	edit_add(&list, pool, 110, (const uint8_t *)"cd", 2);
	CU_ASSERT_EQUAL(apply(&list, pool, 100), 0);
	CU_ASSERT_EQUAL(rig.v.edit_count, 0);
	CU_ASSERT_EQUAL(rig.v.bytes_used, 0);
	CU_ASSERT_EQUAL(apply(&list, pool, 99), 0);
	CU_ASSERT_EQUAL(rig.v.edit_count, 2);
	CU_ASSERT_EQUAL(rig.v.bytes[0], 'b');
	CU_ASSERT_EQUAL(apply(&list, pool, 101), 0);
	CU_ASSERT_EQUAL(rig.v.edit_count, 2);
	CU_ASSERT_EQUAL(rig.v.edits[0].offset, rig.seg.payload_offset + 9);
	edit_add(&list, pool, 105, (const uint8_t *)"e", 1);
	CU_ASSERT_EQUAL(apply(&list, pool, 100), 0); /* between its neighbours, which touch the segment */
	CU_ASSERT_EQUAL(rig.v.edit_count, 2);
	edit_fini(&list, pool);
	slab_free(pool);
}

/* A wrong checksum must not be healed. */
static void keeps_a_wrong_checksum_wrong(void)
{
	struct slab *pool = edit_pool_new(4);
	struct edit_list list = { 0 };

	edit_add(&list, pool, 3, (const uint8_t *)"abc", 3);
	rig_build(false, PACKET_CSUM_IGNORE, (const uint8_t *)"0123456789", 10);
	rig.bytes[rig.seg.tcp_offset + 16] ^= 0x40;
	CU_ASSERT_EQUAL(apply(&list, pool, 0), 0);
	carry_out();
	CU_ASSERT_FALSE(checksum_is_right());
	edit_fini(&list, pool);
	slab_free(pool);
}

/* Every start and length within a segment, at odd and even places, with all kinds of bytes. */
static void mends_every_place(void)
{
	struct slab *pool = edit_pool_new(16);
	uint8_t body[33], patch[33];

	for (uint32_t len = 32; len <= 33; len++)
		for (uint32_t at = 0; at < len; at++)
			for (uint32_t n = 1; at + n <= len; n++) {
				struct edit_list list = { 0 };
				uint8_t kind = (uint8_t)random_below(4);

				for (uint32_t i = 0; i < sizeof(body); i++) {
					body[i] = kind == 0   ? 0
					          : kind == 1 ? 0xff
					                      : (uint8_t)random_below(256);
					patch[i] = kind == 0   ? 0xff
					           : kind == 1 ? 0
					                       : (uint8_t)random_below(256);
				}
				rig_build(at & 1, n & 1 ? PACKET_CSUM_PARTIAL : 0, body, len);
				CU_ASSERT_EQUAL(edit_add(&list, pool, at, patch, n), 0);
				CU_ASSERT_EQUAL(apply(&list, pool, 0), 0);
				carry_out();
				memcpy(body + at, patch, n);
				CU_ASSERT(memcmp(payload(), body, len) == 0);
				CU_ASSERT(checksum_is_right());
				CU_ASSERT_EQUAL(checksum_tcp(rig.bytes, &rig.seg),
				        bytes_get16(rig.bytes + rig.seg.tcp_offset + 16));
				edit_fini(&list, pool);
			}
	CU_ASSERT_EQUAL(slab_used(pool), 0);
	slab_free(pool);
}

/* Random edits on a stream, also over each other and out of order, against a plain array; then the
 * stream in random segments. */
static void agrees_with_an_array(void)
{
	enum { STREAM = 3000, POOL = 40 };
	static uint8_t original[STREAM], wanted[STREAM];
	struct slab *pool = edit_pool_new(POOL);

	for (int round = 0; round < 60; round++) {
		struct edit_list list = { 0 };
		bool covered[STREAM] = { false };
		uint32_t acked = 0, used = 0;

		for (uint32_t i = 0; i < STREAM; i++)
			original[i] = wanted[i] = (uint8_t)random_below(256);
		for (int step = 0; step < 120; step++) {
			uint8_t patch[200];
			uint32_t len = 1 + random_below(round % 3 ? 20 : 200),
			         at = random_below(STREAM - len);
			int r;

			if (at < acked)
				continue;
			for (uint32_t i = 0; i < len; i++)
				patch[i] = (uint8_t)random_below(256);
			used = slab_used(pool);
			r = edit_add(&list, pool, at, patch, len);
			CU_ASSERT(r == 0 || (r == -ENOSPC && slab_used(pool) == used));
			if (r == 0) {
				memcpy(wanted + at, patch, len);
				memset(covered + at, true, len);
			}
			if (random_below(30) == 0) {
				acked += random_below(200);
				edit_ack(&list, pool, acked);
			}
			at = random_below(STREAM - 1);
			len = 1 + random_below(STREAM - at);
			if (at < acked)
				continue;
			rig_build(step & 1, step & 2 ? PACKET_CSUM_PARTIAL : 0, original + at, len);
			CU_ASSERT_EQUAL(apply(&list, pool, at), 0);
			carry_out();
			CU_ASSERT(memcmp(payload(), wanted + at, len) == 0);
			CU_ASSERT(rig.v.edit_count > 0 || !memchr(covered + at, true, len));
			CU_ASSERT(rig.v.edit_count == 0 || checksum_is_right());
		}
		edit_fini(&list, pool);
		CU_ASSERT_EQUAL(slab_used(pool), 0);
	}
	slab_free(pool);
}

static void long_edits_take_several_entries(void)
{
	struct slab *pool = edit_pool_new(8);
	struct edit_list list = { 0 };
	uint8_t body[8 * EDIT_BYTES], patch[8 * EDIT_BYTES + 1];

	memset(body, 'a', sizeof(body));
	memset(patch, 'b', sizeof(patch));
	CU_ASSERT_EQUAL(edit_add(&list, pool, 0, patch, sizeof(patch)), -ENOSPC);
	CU_ASSERT_EQUAL(slab_used(pool), 0);
	CU_ASSERT(edit_is_empty(&list));
	CU_ASSERT_EQUAL(edit_add(&list, pool, 0, patch, sizeof(body)), 0);
	CU_ASSERT_EQUAL(slab_used(pool), 8);
	CU_ASSERT_EQUAL(edit_add(&list, pool, 10, (const uint8_t *)"over", 4), 0); /* takes nothing */
	CU_ASSERT_EQUAL(edit_add(&list, pool, 8 * EDIT_BYTES, patch, 1), -ENOSPC);
	rig_build(false, 0, body, sizeof(body));
	CU_ASSERT_EQUAL(apply(&list, pool, 0), 0);
	CU_ASSERT_EQUAL(rig.v.edit_count, 2); /* neighbours are one, and the checksum */
	carry_out();
	CU_ASSERT(memcmp(payload() + 8, "bboverbb", 8) == 0);
	CU_ASSERT(checksum_is_right());
	edit_ack(&list, pool, EDIT_BYTES - 1);
	CU_ASSERT_EQUAL(slab_used(pool), 8);
	edit_ack(&list, pool, EDIT_BYTES);
	CU_ASSERT_EQUAL(slab_used(pool), 7);
	edit_ack(&list, pool, 100 * EDIT_BYTES);
	CU_ASSERT_EQUAL(slab_used(pool), 0);
	slab_free(pool);
}

static void full_verdict_has_no_edits(void)
{
	struct slab *pool = edit_pool_new(1000);
	struct edit_list list = { 0 };
	static uint8_t body[20000];
	uint32_t i;

	for (i = 0; i < VERDICT_EDITS_MAX - 1; i++)
		edit_add(&list, pool, 2 * i, (const uint8_t *)"z", 1);
	rig_build(false, 0, body, 1000);
	CU_ASSERT_EQUAL(apply(&list, pool, 0), 0);
	CU_ASSERT_EQUAL(rig.v.edit_count, VERDICT_EDITS_MAX);
	edit_add(&list, pool, 2 * i, (const uint8_t *)"z", 1);
	CU_ASSERT_EQUAL(apply(&list, pool, 0), -ENOSPC);
	CU_ASSERT_EQUAL(rig.v.edit_count, 0);
	CU_ASSERT_EQUAL(rig.v.bytes_used, 0);
	CU_ASSERT_EQUAL(apply(&list, pool, 1), 0); /* one less in it */
	edit_fini(&list, pool);

	memset(body, 'q', sizeof(body));
	CU_ASSERT_EQUAL(edit_add(&list, pool, 0, body, VERDICT_BYTES_MAX - 2), 0);
	rig_build(false, 0, body, sizeof(body));
	CU_ASSERT_EQUAL(apply(&list, pool, 0), 0);
	CU_ASSERT_EQUAL(rig.v.bytes_used, VERDICT_BYTES_MAX);
	CU_ASSERT_EQUAL(edit_add(&list, pool, VERDICT_BYTES_MAX - 2, body, 1), 0);
	CU_ASSERT_EQUAL(apply(&list, pool, 0), -ENOSPC);
	edit_fini(&list, pool);
	slab_free(pool);
}

static void cut_packets_are_not_edited(void)
{
	struct slab *pool = edit_pool_new(4);
	struct edit_list list = { 0 };

	edit_add(&list, pool, 2, (const uint8_t *)"xx", 2);
	rig_build(true, 0, (const uint8_t *)"0123456789", 10);
	rig.meta.captured_bytes -= 3;
	CU_ASSERT_EQUAL_FATAL(wire_parse(&rig.meta, rig.bytes, &rig.seg), WIRE_TCP);
	CU_ASSERT_EQUAL(apply(&list, pool, 0), -EMSGSIZE);
	CU_ASSERT_EQUAL(rig.v.edit_count, 0);
	CU_ASSERT_EQUAL(apply(&list, pool, 4), 0); /* no edit in it */
	edit_fini(&list, pool);
	slab_free(pool);
}

/* A segment whose front lies before the start of the stream, and offsets beyond 4 GiB. */
static void offsets_far_and_before_the_start(void)
{
	struct slab *pool = edit_pool_new(4);
	struct edit_list list = { 0 };

	rig_build(false, 0, (const uint8_t *)"0123456789", 10);
	edit_add(&list, pool, 0, (const uint8_t *)"xy", 2);
	CU_ASSERT_EQUAL(apply(&list, pool, (uint64_t)-5), 0);
	carry_out();
	CU_ASSERT(memcmp(payload(), "01234xy789", 10) == 0);
	edit_ack(&list, pool, (uint64_t)-5);
	CU_ASSERT_EQUAL(slab_used(pool), 1);
	edit_fini(&list, pool);

	rig_build(false, 0, (const uint8_t *)"0123456789", 10);
	edit_add(&list, pool, (5ull << 32) + 8, (const uint8_t *)"xyz", 3);
	CU_ASSERT_EQUAL(apply(&list, pool, 0), 0);
	CU_ASSERT_EQUAL(rig.v.edit_count, 0);
	CU_ASSERT_EQUAL(apply(&list, pool, 5ull << 32), 0);
	carry_out();
	CU_ASSERT(memcmp(payload(), "01234567xy", 10) == 0);
	edit_fini(&list, pool);
	slab_free(pool);
}

static void pool_bounds(void)
{
	CU_ASSERT_PTR_NULL(edit_pool_new(0));
	CU_ASSERT_PTR_NULL(edit_pool_new((1 << 24) + 1));
	slab_free(NULL);
}

SUITE("edit", { "rewrites a verb", rewrites_a_verb },
        { "leaves other segments alone", leaves_other_segments_alone },
        { "keeps a wrong checksum wrong", keeps_a_wrong_checksum_wrong },
        { "mends every place", mends_every_place }, { "agrees with an array", agrees_with_an_array },
        { "takes several entries for long edits", long_edits_take_several_entries },
        { "gives no edits when the verdict is full", full_verdict_has_no_edits },
        { "does not edit cut packets", cut_packets_are_not_edited },
        { "counts far and before the start", offsets_far_and_before_the_start },
        { "bounds the pool", pool_bounds })
