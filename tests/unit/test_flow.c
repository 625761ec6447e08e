/* test_flow.c - wire/flow: one key and one number for both directions. */
#include "wire/flow.h"

#include <string.h>

#include "suite.h"

static struct segment segment_of(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct segment seg = { .sport = sport, .dport = dport };

	CU_ASSERT_EQUAL_FATAL(addr_parse(src, &seg.src), 0);
	CU_ASSERT_EQUAL_FATAL(addr_parse(dst, &seg.dst), 0);
	return seg;
}

static void both_directions_have_one_key(void)
{
	static const struct {
		const char *a, *b;
		uint16_t a_port, b_port;
	} cases[] = {
		{ "192.0.2.1", "198.51.100.1", 40000, 25 },
		{ "198.51.100.1", "192.0.2.1", 25, 40000 },
		{ "2001:db8::1", "2001:db8::2", 25, 25 },
		{ "192.0.2.1", "192.0.2.1", 40000, 25 },
		{ "192.0.2.1", "192.0.2.1", 25, 256 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct segment there = segment_of(cases[i].a, cases[i].a_port, cases[i].b, cases[i].b_port);
		struct segment back = segment_of(cases[i].b, cases[i].b_port, cases[i].a, cases[i].a_port);
		struct flow_key k, l;
		uint8_t sender;

		memset(&k, 0xaa, sizeof(k));
		memset(&l, 0x55, sizeof(l));
		sender = flow_key_make(&k, &there);
		CU_ASSERT_EQUAL(flow_key_make(&l, &back), !sender);
		CU_ASSERT(memcmp(&k, &l, sizeof(k)) == 0);
		CU_ASSERT_EQUAL(addr_compare(&k.addr[sender], &there.src), 0);
		CU_ASSERT_EQUAL(k.port[sender], there.sport);
		CU_ASSERT_EQUAL(k.port[!sender], there.dport);
	}
}

static void both_ends_the_same(void)
{
	struct segment seg = segment_of("192.0.2.1", 25, "192.0.2.1", 25);
	struct flow_key k;

	CU_ASSERT_EQUAL(flow_key_make(&k, &seg), 0);
	CU_ASSERT_EQUAL(k.port[0], 25);
	CU_ASSERT_EQUAL(k.port[1], 25);
}

static void any_difference_is_another_key(void)
{
	struct segment base = segment_of("192.0.2.1", 40000, "198.51.100.1", 25), other;
	struct flow_key k, l;

	flow_key_make(&k, &base);
	for (int i = 0; i < 4; i++) {
		other = base;
		other.sport = (uint16_t)(other.sport + (i == 0));
		other.dport = (uint16_t)(other.dport + (i == 1));
		other.src.b[15] = (uint8_t)(other.src.b[15] + (i == 2));
		other.dst.b[15] = (uint8_t)(other.dst.b[15] + (i == 3));
		flow_key_make(&l, &other);
		CU_ASSERT(memcmp(&k, &l, sizeof(k)) != 0);
	}
	/* ports change places: another connection */
	other = segment_of("192.0.2.1", 25, "198.51.100.1", 40000);
	flow_key_make(&l, &other);
	CU_ASSERT(memcmp(&k, &l, sizeof(k)) != 0);
}

static void numbers_fit_53_bits(void)
{
	static const uint8_t key_a[HASH_KEY_BYTES] = { 1 }, key_b[HASH_KEY_BYTES] = { 2 };
	struct segment seg = segment_of("192.0.2.1", 40000, "198.51.100.1", 25);
	struct flow_key k;
	uint64_t all = 0, last = 0;

	flow_key_make(&k, &seg);
	for (uint64_t t = 0; t < 2000; t++) {
		uint64_t id = flow_id(key_a, &k, t << 40 | t);

		CU_ASSERT(id != 0 && id >> 53 == 0 && id != last);
		CU_ASSERT_EQUAL(id, flow_id(key_a, &k, t << 40 | t));
		CU_ASSERT_NOT_EQUAL(id, flow_id(key_b, &k, t << 40 | t));
		all |= id;
		last = id;
	}
	CU_ASSERT_EQUAL(all, (1ull << 53) - 1);
	CU_ASSERT_NOT_EQUAL(flow_id(key_a, &k, 1), flow_id(key_a, &k, 1ull << 32));
}

SUITE("flow", { "makes one key of both directions", both_directions_have_one_key },
        { "takes both ends being the same", both_ends_the_same },
        { "tells any difference", any_difference_is_another_key },
        { "numbers connections with 53 bits", numbers_fit_53_bits })
