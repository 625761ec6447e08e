/* test_packet.c - wire/packet and wire/checksum: what is read, and every way to break it. */
#include "packets.h"

#include "base/addr.h"
#include "guard.h"
#include "suite.h"
#include "wire/checksum.h"

static const char v4_src[] = "192.0.2.1", v4_dst[] = "198.51.100.25";
static const char v6_src[] = "2001:db8::1", v6_dst[] = "2001:db8:25::19";

static struct packet_spec spec_of(bool v6)
{
	struct packet_spec spec = { .src = v6 ? v6_src : v4_src,
		.dst = v6 ? v6_dst : v4_dst,
		.sport = 40001,
		.dport = 25,
		.seq = 0xfffffff0,
		.ack = 77,
		.flags = TCP_ACK | TCP_PSH,
		.window = 502,
		.payload = "MAIL FROM:<a@example.org>\r\n" };

	return spec;
}

/* Parses a copy that ends at an unreadable page; meta->captured_bytes of it. */
static enum wire_result parse_guarded(const struct packet *meta, const uint8_t *bytes, struct segment *seg)
{
	uint8_t *copy = guard_copy(bytes, meta->captured_bytes);
	enum wire_result r = wire_parse(meta, copy, seg);

	guard_free(copy, meta->captured_bytes);
	return r;
}

static enum wire_result parse_spec(const struct packet_spec *spec, struct segment *seg)
{
	static uint8_t bytes[PACKET_ROOM];
	struct packet meta;

	packet_build(spec, bytes, &meta);
	return parse_guarded(&meta, bytes, seg);
}

static void check_addr(const struct addr *a, const char *text)
{
	char buf[ADDR_TEXT_MAX];

	CU_ASSERT_STRING_EQUAL(addr_print(a, buf), text);
}

static void reads_both_families(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec spec = spec_of(v6);
		struct segment seg;

		spec.urgent = 9;
		CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_TCP);
		check_addr(&seg.src, spec.src);
		check_addr(&seg.dst, spec.dst);
		CU_ASSERT_EQUAL(seg.sport, 40001);
		CU_ASSERT_EQUAL(seg.dport, 25);
		CU_ASSERT_EQUAL(seg.seq, 0xfffffff0);
		CU_ASSERT_EQUAL(seg.ack, 77);
		CU_ASSERT_EQUAL(seg.window, 502);
		CU_ASSERT_EQUAL(seg.urgent, 9);
		CU_ASSERT_EQUAL(seg.flags, TCP_ACK | TCP_PSH);
		CU_ASSERT_EQUAL(seg.ttl, 64);
		CU_ASSERT_EQUAL(seg.v6, v6);
		CU_ASSERT_EQUAL(seg.tcp_offset, v6 ? 40 : 20);
		CU_ASSERT_EQUAL(seg.payload_offset, v6 ? 60 : 40);
		CU_ASSERT_EQUAL(seg.payload_bytes, 27);
		CU_ASSERT_EQUAL(seg.payload_captured, 27);
	}
}

static void skips_options(void)
{
	for (int v6 = 0; v6 < 2; v6++)
		for (uint8_t n = 0; n <= 40; n = (uint8_t)(n + 4)) {
			struct packet_spec spec = spec_of(v6);
			struct segment seg;

			spec.tcp_options = n;
			spec.ip_options = v6 ? 0 : n;
			CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_TCP);
			CU_ASSERT_EQUAL(seg.payload_offset, (v6 ? 60u : 40u + n) + n);
			CU_ASSERT_EQUAL(seg.payload_bytes, 27);
		}
}

static void judges_ipv4_options(void)
{
	static uint8_t bytes[PACKET_ROOM];
	static const struct {
		uint8_t options[12];
		enum wire_result result;
	} cases[] = {
		{ { 1, 1, 148, 4, 0, 0, 0 }, WIRE_TCP },         /* router alert, end of list */
		{ { 0, 131, 1 }, WIRE_TCP },                     /* nothing counts behind the end */
		{ { 131, 7, 8, 192, 0, 2, 9 }, WIRE_TCP },       /* a route, used up */
		{ { 131, 7, 4, 192, 0, 2, 9 }, WIRE_MALFORMED }, /* one hop left */
		{ { 1, 137, 11, 8, 1, 2, 3, 4, 5, 6, 7, 8 }, WIRE_MALFORMED }, /* strict, the second left */
		{ { 137, 7, 7, 192, 0, 2, 9 }, WIRE_MALFORMED },               /* points into the last byte */
		{ { 131, 2 }, WIRE_MALFORMED }, { { 7, 1 }, WIRE_MALFORMED }, { { 7, 0 }, WIRE_MALFORMED },
		{ { 7, 13 }, WIRE_MALFORMED }, /* longer than the header */
		{ { 7, 12 }, WIRE_TCP },
		{ { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7 }, WIRE_MALFORMED }, /* no room for its length */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet_spec spec = spec_of(false);
		struct packet meta;
		struct segment seg;

		spec.ip_options = sizeof(cases[i].options);
		spec.meta_flags = PACKET_CSUM_IGNORE;
		packet_build(&spec, bytes, &meta);
		memcpy(bytes + 20, cases[i].options, sizeof(cases[i].options));
		CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), cases[i].result);
	}
}

static void every_cut_is_told(void)
{
	static uint8_t bytes[PACKET_ROOM];

	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec spec = spec_of(v6);
		struct packet meta;
		struct segment seg;
		uint32_t len, at;

		spec.tcp_options = 12;
		spec.ip_options = v6 ? 0 : 8;
		if (v6) {
			spec.extensions[0] = IPPROTO_HOPOPTS;
			spec.extensions[1] = IPPROTO_AH;
			spec.extension_count = 2;
			spec.extension_units = 1;
		}
		len = packet_build(&spec, bytes, &meta);
		for (at = 0; at <= len; at++) {
			uint32_t payload_at = len - 27;
			enum wire_result r;

			meta.captured_bytes = at;
			r = parse_guarded(&meta, bytes, &seg);
			CU_ASSERT_EQUAL(r, at < payload_at ? WIRE_TRUNCATED : WIRE_TCP);
			if (r == WIRE_TCP)
				CU_ASSERT_EQUAL(seg.payload_captured, at - payload_at);
			/* the same, cut on the wire: the length field lies */
			meta.length_bytes = at;
			r = parse_guarded(&meta, bytes, &seg);
			CU_ASSERT(at == len ? r == WIRE_TCP : r == WIRE_MALFORMED || r == WIRE_TRUNCATED);
			meta.length_bytes = len;
		}
	}
}

/* The IP length field says less and less: nothing behind it may be looked at or delivered. */
static void every_short_length_is_told(void)
{
	static uint8_t bytes[PACKET_ROOM];

	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec spec = spec_of(v6);
		struct packet meta;
		struct segment seg;
		uint32_t len = packet_build(&spec, bytes, &meta), says;

		meta.flags = 0;
		for (says = 1; says < len; says++) {
			uint32_t headers = v6 ? 60 : 40;

			if (v6 && says <= 40)
				continue;
			bytes_put16(bytes + (v6 ? 4 : 2), (uint16_t)(v6 ? says - 40 : says));
			if (says < headers)
				CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_MALFORMED)
			else {
				CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_BAD_CHECKSUM);
				CU_ASSERT_EQUAL(seg.payload_bytes, says - headers);
				CU_ASSERT_EQUAL(seg.payload_captured, says - headers);
			}
		}
	}
}

static void ignores_padding(void)
{
	static uint8_t bytes[PACKET_ROOM];

	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec spec = spec_of(v6);
		struct packet meta;
		struct segment seg;
		uint32_t len = packet_build(&spec, bytes, &meta);

		memset(bytes + len, 0xee, 6);
		meta.captured_bytes = meta.length_bytes = len + 6;
		CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_TCP);
		CU_ASSERT_EQUAL(seg.payload_bytes, 27);
		CU_ASSERT_EQUAL(seg.payload_captured, 27);
	}
}

static void walks_extension_headers(void)
{
	static const struct {
		uint8_t proto[9];
		uint8_t count, units;
		enum wire_result result;
		uint32_t tcp_offset;
	} cases[] = {
		{ { IPPROTO_HOPOPTS }, 1, 0, WIRE_TCP, 48 },
		{ { IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_AH, IPPROTO_DSTOPTS }, 5, 4,
		        WIRE_TCP, 224 },
		{ { IPPROTO_FRAGMENT }, 1, 0, WIRE_TCP, 48 }, /* atomic */
		{ { 135, 139, 140 }, 3, 255, WIRE_TCP, 40 + 3 * 2048 },
		{ { IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS,
		          IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS },
		        8, 0, WIRE_TCP, 104 },
		{ { IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS,
		          IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS },
		        9, 0, WIRE_MALFORMED, 0 },
		{ { IPPROTO_DSTOPTS, IPPROTO_HOPOPTS }, 2, 0, WIRE_MALFORMED, 0 },
		{ { IPPROTO_ESP }, 1, 0, WIRE_NOT_TCP, 0 },
		{ { IPPROTO_HOPOPTS, IPPROTO_NONE }, 2, 0, WIRE_NOT_TCP, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet_spec spec = spec_of(true);
		struct segment seg = { 0 };

		memcpy(spec.extensions, cases[i].proto, cases[i].count);
		spec.extension_count = cases[i].count;
		spec.extension_units = cases[i].units;
		CU_ASSERT_EQUAL(parse_spec(&spec, &seg), cases[i].result);
		CU_ASSERT_EQUAL(seg.tcp_offset, cases[i].tcp_offset);
	}
}

static void refuses_extension_headers_behind_the_end(void)
{
	static uint8_t bytes[PACKET_ROOM];
	static const uint8_t protos[] = { IPPROTO_HOPOPTS, IPPROTO_AH };

	for (int i = 0; i < 2; i++) {
		struct packet_spec spec = spec_of(true);
		struct packet meta;
		struct segment seg;

		spec.extensions[0] = protos[i];
		spec.extension_count = 1;
		packet_build(&spec, bytes, &meta);
		bytes[41] = 60;
		CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_MALFORMED);
	}
}

static void walks_only_ah_behind_ipv4(void)
{
	struct packet_spec spec = spec_of(false);
	struct segment seg;

	spec.extension_count = 1;
	spec.extension_units = 4;
	spec.extensions[0] = IPPROTO_AH;
	CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_TCP);
	CU_ASSERT_EQUAL(seg.tcp_offset, 44);
	spec.extensions[0] = IPPROTO_DSTOPTS;
	CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_NOT_TCP);
	spec.extensions[0] = IPPROTO_HOPOPTS;
	CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_NOT_TCP);
}

static void refuses_routing_with_segments_left(void)
{
	struct packet_spec spec = spec_of(true);
	struct segment seg;

	spec.extensions[0] = IPPROTO_ROUTING;
	spec.extension_count = 1;
	spec.extension_units = 2;
	CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_TCP);
	spec.segments_left = 1;
	CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_MALFORMED);
}

static void tells_fragments(void)
{
	static const uint16_t v4_fields[] = { 0x2000, 1, 0x1fff, 0x2001 }, v6_fields[] = { 1, 8, 0xfff8, 9 };
	struct packet_spec spec = spec_of(false);
	struct segment seg;

	spec.fragment = 0x4000; /* do not fragment */
	CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_TCP);
	for (int i = 0; i < 4; i++) {
		spec.fragment = v4_fields[i];
		CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_FRAGMENT);
	}
	spec = spec_of(true);
	spec.extensions[0] = IPPROTO_FRAGMENT;
	spec.extension_count = 1;
	for (int i = 0; i < 4; i++) {
		spec.fragment = v6_fields[i];
		CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_FRAGMENT);
	}
}

static void refuses_contradictions(void)
{
	static uint8_t bytes[PACKET_ROOM];
	static const struct {
		bool v6;
		uint32_t at;
		uint8_t value;
		enum wire_result result;
	} cases[] = {
		{ false, 0, 0x55, WIRE_MALFORMED },  /* IP version 5 */
		{ false, 0, 0x44, WIRE_MALFORMED },  /* header of 16 bytes */
		{ false, 0, 0x4f, WIRE_MALFORMED },  /* options longer than what leaves room for TCP */
		{ false, 2, 0xff, WIRE_MALFORMED },  /* total length behind the end */
		{ false, 9, 17, WIRE_NOT_TCP },      /* UDP */
		{ false, 32, 0x40, WIRE_MALFORMED }, /* TCP header of 16 bytes */
		{ false, 32, 0xf0, WIRE_MALFORMED }, /* of 60, with 47 there */
		{ true, 4, 0xff, WIRE_MALFORMED },   /* payload length behind the end */
		{ true, 6, 58, WIRE_NOT_TCP },       /* ICMPv6 */
		{ true, 52, 0x40, WIRE_MALFORMED },
		{ true, 52, 0xf0, WIRE_MALFORMED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet_spec spec = spec_of(cases[i].v6);
		struct packet meta;
		struct segment seg;

		packet_build(&spec, bytes, &meta);
		bytes[cases[i].at] = cases[i].value;
		CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), cases[i].result);
	}
}

static void length_zero_is_for_offload_only(void)
{
	static uint8_t bytes[PACKET_ROOM];

	for (int v6 = 0; v6 < 2; v6++) {
		struct packet_spec spec = spec_of(v6);
		struct packet meta;
		struct segment seg;
		uint32_t len = packet_build(&spec, bytes, &meta);

		bytes_put16(bytes + (v6 ? 4 : 2), 0);
		CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_MALFORMED);
		meta.flags = PACKET_CSUM_IGNORE;
		CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_TCP);
		CU_ASSERT_EQUAL(seg.payload_bytes, 27);
		meta.flags = 0;
		meta.length_bytes = 200000; /* and cut: its checksum cannot be judged */
		meta.captured_bytes = len;
		if (v6) /* IPv4's header checksum covers the length */
			CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_TCP);
		meta.flags = PACKET_CSUM_IGNORE;
		CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_TCP);
		CU_ASSERT_EQUAL(seg.payload_bytes, 200000 - (v6 ? 60 : 40));
	}
}

static void verifies_checksums(void)
{
	for (int v6 = 0; v6 < 2; v6++) {
		static const uint8_t silent[] = { PACKET_CSUM_PARTIAL, PACKET_CSUM_IGNORE };
		struct packet_spec spec = spec_of(v6);
		struct segment seg;

		spec.tcp_check_xor = 0x0100;
		seg.payload_bytes = 0;
		CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_BAD_CHECKSUM);
		CU_ASSERT_EQUAL(seg.payload_bytes, 27);
		for (int i = 0; i < 2; i++) {
			spec.meta_flags = silent[i];
			CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_TCP);
		}
		if (v6)
			continue;
		spec = spec_of(v6);
		spec.ip_check_xor = 1;
		CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_BAD_CHECKSUM);
		CU_ASSERT_EQUAL(seg.payload_bytes, 27);
		spec.meta_flags = PACKET_CSUM_PARTIAL; /* says nothing about the IPv4 header */
		CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_BAD_CHECKSUM);
		spec.meta_flags = PACKET_CSUM_IGNORE;
		CU_ASSERT_EQUAL(parse_spec(&spec, &seg), WIRE_TCP);
	}
}

/* Odd and even lengths against the dumb sum; every flipped bit is noticed. */
static void sums_as_the_dumb_sum_does(void)
{
	static uint8_t bytes[PACKET_ROOM];
	char body[64];
	struct packet meta;
	struct segment seg;

	for (unsigned i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 37 + 200);
	for (uint32_t len = 1; len <= sizeof(body); len++) {
		struct packet_spec spec = spec_of(len % 3 == 0);
		uint32_t total;

		spec.payload = body;
		spec.payload_len = len;
		total = packet_build(&spec, bytes, &meta);
		CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_TCP);
		CU_ASSERT_EQUAL(checksum_tcp(bytes, &seg), bytes_get16(bytes + seg.tcp_offset + 16));
		for (uint32_t at = total - len; at < total; at++) {
			bytes[at] ^= (uint8_t)(1 << at % 8);
			CU_ASSERT_EQUAL(parse_guarded(&meta, bytes, &seg), WIRE_BAD_CHECKSUM);
			bytes[at] ^= (uint8_t)(1 << at % 8);
		}
	}
}

static void rfc1071_example(void)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	CU_ASSERT_EQUAL(checksum_fold(checksum_add(0, bytes, sizeof(bytes))), (uint16_t)~0xddf2);
	CU_ASSERT_EQUAL(checksum_fold(0), 0xffff);
	CU_ASSERT_EQUAL(checksum_fold(UINT64_MAX), 0);
}

/* Random bytes behind a right first byte: nothing to assert but that the parser stays inside. */
static void survives_noise(void)
{
	uint8_t bytes[128];
	unsigned seen[WIRE_BAD_CHECKSUM + 1] = { 0 };
	uint32_t x = 2463534242u;

	for (int round = 0; round < 20000; round++) {
		struct packet_spec spec = spec_of(round % 2);
		static uint8_t built[PACKET_ROOM];
		struct packet meta;
		struct segment seg;
		uint32_t len = packet_build(&spec, built, &meta);

		memcpy(bytes, built, len);
		for (int i = 0; i < 1 + round % 5; i++) {
			x ^= x << 13, x ^= x >> 17, x ^= x << 5;
			bytes[x % len] = (uint8_t)(x >> 24);
		}
		meta.captured_bytes = round % 7 ? len : x % len;
		meta.flags = round % 3 ? PACKET_CSUM_IGNORE : 0;
		seen[parse_guarded(&meta, bytes, &seg)]++;
	}
	for (int r = WIRE_TCP; r <= WIRE_BAD_CHECKSUM; r++)
		CU_ASSERT(seen[r] > 0);
}

SUITE("packet", { "reads IPv4 and IPv6", reads_both_families }, { "skips options", skips_options },
        { "judges IPv4 options", judges_ipv4_options }, { "tells every cut", every_cut_is_told },
        { "tells every short length", every_short_length_is_told }, { "ignores padding", ignores_padding },
        { "walks extension headers", walks_extension_headers },
        { "refuses extension headers behind the end", refuses_extension_headers_behind_the_end },
        { "walks only AH behind IPv4", walks_only_ah_behind_ipv4 },
        { "refuses routing with segments left", refuses_routing_with_segments_left },
        { "tells fragments", tells_fragments }, { "refuses contradictions", refuses_contradictions },
        { "takes length 0 from offload only", length_zero_is_for_offload_only },
        { "verifies checksums", verifies_checksums },
        { "sums as the dumb sum does", sums_as_the_dumb_sum_does },
        { "sums RFC 1071's example", rfc1071_example }, { "survives noise", survives_noise })
