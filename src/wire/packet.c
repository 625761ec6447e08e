/* packet.c - finds the TCP segment in an IP packet.
 *
 *    network header          walk of extension headers            TCP
 *   +----------------+-----------------+-----+-----------------+--------+---------+---------+
 *   | IPv4 or IPv6   | extension       | ... | extension       | header | options | payload |
 *   +----------------+-----------------+-----+-----------------+--------+---------+---------+
 *   0                at, moved on by each header's length        tcp_offset        payload_offset
 *
 * A cursor with two ends does all bounds checks: `total` is where the packet ends by its own length
 * field, `have` where the captured bytes end. Wanting bytes behind `total` is a contradiction of the
 * packet (malformed), wanting bytes behind `have` is a short capture (truncated). Bytes behind
 * `total` are link-layer padding and never looked at.
 *
 * Limits: EXTENSIONS_MAX extension headers; honest mail carries none or one.
 *
 * What is refused although a host might take it: source routes with hops left, IPv4 options and IPv6
 * routing headers alike (the TCP end is then not the address in the header, and rules about addresses
 * would judge the wrong host; nobody routes so any more, RFC 5095 and RFC 7126), and a
 * hop-by-hop header that is not the first (RFC 8200 4.1).
 * An atomic fragment (RFC 6946) is a whole packet. A length field of 0 is what the kernel leaves in
 * packets above 64 KiB and what cards leave in recordings of packets they cut up later: there, and
 * only there, the length comes from the record.
 *
 * Rejected: looking into ICMP errors for the packet they quote; they are not TCP and carry no mail.
 *
 * Sources: RFC 791, RFC 8200 section 4, RFC 4302 2.2 (AH counts in 4-byte units), RFC 9293 3.1.
 */
#include "wire/packet.h"

#include <stddef.h>

#include "base/bytes.h"
#include "wire/checksum.h"

enum {
	EXTENSIONS_MAX = 8,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	TCP_BYTES = 20,
	EXTENSION_BYTES = 8, /* no extension header is shorter */
	LENGTH_FIELD_MAX = 65535,
};

enum {
	PROTO_HOP_BY_HOP = 0,
	PROTO_TCP = 6,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_DESTINATION = 60,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
};

enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LOOSE_ROUTE = 131,
	OPTION_STRICT_ROUTE = 137,
};

struct cursor {
	const uint8_t *bytes;
	uint32_t at;    /* of the header to be read next */
	uint32_t have;  /* end of the captured bytes, at most total */
	uint32_t total; /* end of the packet by its own length field */
	uint8_t proto;  /* what stands at `at` */
};

/* Length of an extension header is (length field + plus) * unit; a fragment header has none. */
static const struct extension {
	uint8_t proto;
	uint8_t unit;
	uint8_t plus;
	bool v4; /* may follow an IPv4 header, too */
} extensions[] = {
	{ PROTO_HOP_BY_HOP, 8, 1, false },
	{ PROTO_ROUTING, 8, 1, false },
	{ PROTO_FRAGMENT, 0, 0, false },
	{ PROTO_AH, 4, 2, true },
	{ PROTO_DESTINATION, 8, 1, false },
	{ PROTO_MOBILITY, 8, 1, false },
	{ PROTO_HIP, 8, 1, false },
	{ PROTO_SHIM6, 8, 1, false },
};

/* WIRE_TCP here means: go on. */
static enum wire_result want(const struct cursor *c, uint32_t bytes)
{
	if (c->total - c->at < bytes)
		return WIRE_MALFORMED;
	return c->have < c->at || c->have - c->at < bytes ? WIRE_TRUNCATED : WIRE_TCP;
}

/* field: the packet's length as its header says, fixed part included; 0 = not said. */
static enum wire_result bound(struct cursor *c, const struct packet *meta, uint32_t field, uint32_t least)
{
	bool offloaded = meta->flags & (PACKET_CSUM_PARTIAL | PACKET_CSUM_IGNORE);

	if (field == 0 && (meta->length_bytes > LENGTH_FIELD_MAX || offloaded))
		field = meta->length_bytes;
	if (field < least || field > meta->length_bytes)
		return WIRE_MALFORMED;
	c->total = field;
	if (c->have > field)
		c->have = field;
	return WIRE_TCP;
}

/* False if the options of an IPv4 header contradict themselves or hold a source route with hops left.
 * The third byte of a route counts from 1 to the next hop; behind the route's end there is none. */
static bool ipv4_options_ok(const uint8_t *options, uint32_t len)
{
	uint32_t at, n;

	for (at = 0; at < len && options[at] != OPTION_END; at += n) {
		n = 1;
		if (options[at] == OPTION_NOP)
			continue;
		n = at + 1 < len ? options[at + 1] : 0;
		if (n < 2 || n > len - at)
			return false;
		if (options[at] != OPTION_LOOSE_ROUTE && options[at] != OPTION_STRICT_ROUTE)
			continue;
		if (n < 3 || options[at + 2] <= n)
			return false;
	}
	return true;
}

static enum wire_result read_ipv4(
        struct cursor *c, const struct packet *meta, struct segment *out, bool *checksum_ok)
{
	const uint8_t *ip = c->bytes;
	uint32_t header;
	enum wire_result r;

	if (c->have < IPV4_BYTES)
		return WIRE_TRUNCATED;
	header = (uint32_t)(ip[0] & 15) * 4;
	if (header < IPV4_BYTES)
		return WIRE_MALFORMED;
	r = bound(c, meta, bytes_get16(ip + 2), header);
	if (r != WIRE_TCP)
		return r;
	if (c->have < header)
		return WIRE_TRUNCATED;
	if (bytes_get16(ip + 6) & 0x3fff) /* more fragments, or an offset */
		return WIRE_FRAGMENT;
	if (!ipv4_options_ok(ip + IPV4_BYTES, header - IPV4_BYTES))
		return WIRE_MALFORMED;
	*checksum_ok = (meta->flags & PACKET_CSUM_IGNORE) || checksum_ipv4_ok(ip, header);
	out->ttl = ip[8];
	out->src = addr_from_v4(ip + 12);
	out->dst = addr_from_v4(ip + 16);
	c->proto = ip[9];
	c->at = header;
	return WIRE_TCP;
}

static enum wire_result read_ipv6(struct cursor *c, const struct packet *meta, struct segment *out)
{
	const uint8_t *ip = c->bytes;
	uint32_t payload;
	enum wire_result r;

	if (c->have < IPV6_BYTES)
		return WIRE_TRUNCATED;
	payload = bytes_get16(ip + 4);
	r = bound(c, meta, payload ? payload + IPV6_BYTES : 0, IPV6_BYTES);
	if (r != WIRE_TCP)
		return r;
	out->v6 = true;
	out->ttl = ip[7];
	out->src = addr_from_v6(ip + 8);
	out->dst = addr_from_v6(ip + 24);
	c->proto = ip[6];
	c->at = IPV6_BYTES;
	return WIRE_TCP;
}

static const struct extension *find_extension(uint8_t proto, bool v6)
{
	size_t i;

	for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		if (extensions[i].proto == proto && (v6 || extensions[i].v4))
			return &extensions[i];
	return NULL;
}

/* What one extension header says beyond its length. */
static enum wire_result judge_extension(const struct cursor *c, const uint8_t *header)
{
	if (c->proto == PROTO_FRAGMENT && (bytes_get16(header + 2) & 0xfff9)) /* offset or more */
		return WIRE_FRAGMENT;
	if (c->proto == PROTO_ROUTING && header[3] > 0) /* segments left */
		return WIRE_MALFORMED;
	if (c->proto == PROTO_HOP_BY_HOP && c->at != IPV6_BYTES)
		return WIRE_MALFORMED;
	return WIRE_TCP;
}

static enum wire_result skip_extensions(struct cursor *c, bool v6)
{
	const struct extension *ext;
	unsigned count;

	for (count = 0; (ext = find_extension(c->proto, v6)); count++) {
		const uint8_t *header = c->bytes + c->at;
		uint32_t len;
		enum wire_result r = want(c, EXTENSION_BYTES);

		if (r == WIRE_TCP)
			r = judge_extension(c, header);
		if (r != WIRE_TCP)
			return r;
		len = ext->unit ? ((uint32_t)header[1] + ext->plus) * ext->unit : EXTENSION_BYTES;
		if (count == EXTENSIONS_MAX || c->total - c->at < len)
			return WIRE_MALFORMED;
		c->proto = header[0];
		c->at += len;
	}
	return c->proto == PROTO_TCP ? WIRE_TCP : WIRE_NOT_TCP;
}

static enum wire_result read_tcp(const struct cursor *c, struct segment *out)
{
	const uint8_t *tcp = c->bytes + c->at;
	uint32_t header;
	enum wire_result r = want(c, TCP_BYTES);

	if (r != WIRE_TCP)
		return r;
	header = (uint32_t)(tcp[12] >> 4) * 4;
	if (header < TCP_BYTES)
		return WIRE_MALFORMED;
	r = want(c, header);
	if (r != WIRE_TCP)
		return r;
	out->sport = bytes_get16(tcp);
	out->dport = bytes_get16(tcp + 2);
	out->seq = bytes_get32(tcp + 4);
	out->ack = bytes_get32(tcp + 8);
	out->flags = tcp[13] & 0x3f;
	out->window = bytes_get16(tcp + 14);
	out->urgent = bytes_get16(tcp + 18);
	out->tcp_offset = c->at;
	out->payload_offset = c->at + header;
	out->payload_bytes = c->total - out->payload_offset;
	out->payload_captured = c->have - out->payload_offset;
	return WIRE_TCP;
}

static bool tcp_checksum_ok(const struct packet *meta, const uint8_t *bytes, const struct segment *seg)
{
	if (meta->flags & (PACKET_CSUM_PARTIAL | PACKET_CSUM_IGNORE))
		return true;
	if (seg->payload_captured < seg->payload_bytes)
		return true;
	/* 0 and 0xffff are the same number in this arithmetic */
	return (bytes_get16(bytes + seg->tcp_offset + 16) % 0xffff) == (checksum_tcp(bytes, seg) % 0xffff);
}

enum wire_result wire_parse(const struct packet *meta, const uint8_t *bytes, struct segment *out)
{
	struct cursor c = { .bytes = bytes, .have = meta->captured_bytes };
	struct segment seg = { 0 };
	bool ip_ok = true;
	enum wire_result r;

	if (c.have == 0)
		return WIRE_TRUNCATED;
	switch (bytes[0] >> 4) {
	case 4:
		r = read_ipv4(&c, meta, &seg, &ip_ok);
		break;
	case 6:
		r = read_ipv6(&c, meta, &seg);
		break;
	default:
		r = WIRE_MALFORMED;
	}
	if (r == WIRE_TCP)
		r = skip_extensions(&c, seg.v6);
	if (r == WIRE_TCP)
		r = read_tcp(&c, &seg);
	if (r != WIRE_TCP)
		return r;
	*out = seg;
	return ip_ok && tcp_checksum_ok(meta, bytes, &seg) ? WIRE_TCP : WIRE_BAD_CHECKSUM;
}
