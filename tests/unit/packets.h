/* packets.h - builds IP packets with TCP segments for tests.
 *
 *   struct packet_spec spec = { .src = "192.0.2.1", .dst = "198.51.100.1", .sport = 4000, .dport = 25,
 *           .seq = 1, .flags = TCP_ACK, .payload = "HELO x\r\n" };
 *   struct packet meta;
 *   uint8_t bytes[PACKET_ROOM];
 *   packet_build(&spec, bytes, &meta);
 *
 * Lengths and checksums come out right unless the spec says otherwise. The sum is taken in the dumbest
 * way, so that it also checks the one under test.
 */
#ifndef UNIT_PACKETS_H
#define UNIT_PACKETS_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "postern/packet.h"
#include "wire/packet.h"

enum { PACKET_ROOM = 65536 + 1024, PACKET_EXTENSIONS = 12 };

struct packet_spec {
	const char *src, *dst; /* text; a colon in src makes it IPv6 */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags; /* TCP_* */
	uint16_t window;
	uint16_t urgent;
	const char *payload; /* a string, unless payload_len is given */
	uint32_t payload_len;
	uint8_t tcp_options; /* bytes of NOPs behind the TCP header, a multiple of 4, up to 40 */
	uint8_t ip_options;  /* the same behind an IPv4 header */
	uint8_t extensions
	        [PACKET_EXTENSIONS]; /* protocol numbers of extension headers; see extension_count */
	uint8_t extension_count;
	uint8_t extension_units; /* length field of each (8-byte units, AH 4-byte units) */
	uint16_t fragment;       /* IPv4 flags and offset field; IPv6 fragment header's field */
	uint8_t segments_left;   /* of routing headers */
	uint16_t tcp_check_xor;  /* not 0: a wrong TCP checksum */
	uint16_t ip_check_xor;
	uint64_t time_us;
	uint8_t meta_flags; /* enum packet_flag; with PACKET_CSUM_PARTIAL only the pseudo header is summed */
};

static inline uint16_t packet_sum(uint32_t sum, const uint8_t *bytes, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

/* Sum of a TCP segment with its pseudo header; 0xffff if its checksum is right. */
static inline uint16_t packet_tcp_sum(const uint8_t *ip, uint32_t tcp_at, uint32_t tcp_len, bool only_pseudo)
{
	bool v6 = ip[0] >> 4 == 6;
	uint8_t rest[6] = { (uint8_t)(tcp_len >> 24), (uint8_t)(tcp_len >> 16), (uint8_t)(tcp_len >> 8),
		(uint8_t)tcp_len, 0, IPPROTO_TCP };
	uint32_t sum = packet_sum(0, rest, sizeof(rest));

	sum = packet_sum(sum, ip + (v6 ? 8 : 12), v6 ? 32 : 8);
	return only_pseudo ? (uint16_t)sum : packet_sum(sum, ip + tcp_at, tcp_len);
}

/* One extension header of `proto` at `at`, announcing `next`; answers its length. */
static inline uint32_t packet_extension(
        const struct packet_spec *spec, uint8_t proto, uint8_t next, uint8_t *at)
{
	uint32_t len = proto == IPPROTO_FRAGMENT ? 8
	               : proto == IPPROTO_AH     ? (spec->extension_units + 2u) * 4
	                                         : (spec->extension_units + 1u) * 8;

	memset(at, 0, len);
	at[0] = next;
	if (proto != IPPROTO_FRAGMENT)
		at[1] = spec->extension_units;
	else
		bytes_put16(at + 2, spec->fragment);
	if (proto == IPPROTO_ROUTING)
		at[3] = spec->segments_left;
	return len;
}

static inline uint32_t packet_tcp(const struct packet_spec *spec, uint8_t *tcp)
{
	uint32_t header = 20u + spec->tcp_options;
	uint32_t len = spec->payload_len ? spec->payload_len
	               : spec->payload   ? (uint32_t)strlen(spec->payload)
	                                 : 0;

	memset(tcp, 0, 20);
	bytes_put16(tcp, spec->sport);
	bytes_put16(tcp + 2, spec->dport);
	bytes_put32(tcp + 4, spec->seq);
	bytes_put32(tcp + 8, spec->ack);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = spec->flags;
	bytes_put16(tcp + 14, spec->window);
	bytes_put16(tcp + 18, spec->urgent);
	memset(tcp + 20, 1, spec->tcp_options);
	if (len > 0)
		memcpy(tcp + header, spec->payload, len);
	return header + len;
}

static inline void packet_ip_header(
        const struct packet_spec *spec, bool v6, uint8_t proto, uint32_t len, uint8_t *ip)
{
	uint32_t header = v6 ? 40 : 20u + spec->ip_options;

	memset(ip, 0, v6 ? 40 : 20);
	if (v6) {
		ip[0] = 0x60;
		bytes_put16(ip + 4, (uint16_t)(len - 40));
		ip[6] = proto;
		ip[7] = 64;
		if (inet_pton(AF_INET6, spec->src, ip + 8) != 1 ||
		        inet_pton(AF_INET6, spec->dst, ip + 24) != 1)
			abort();
		return;
	}
	memset(ip + 20, 1, spec->ip_options);
	ip[0] = (uint8_t)(0x40 | header / 4);
	bytes_put16(ip + 2, (uint16_t)len);
	bytes_put16(ip + 6, spec->fragment);
	ip[8] = 64;
	ip[9] = proto;
	if (inet_pton(AF_INET, spec->src, ip + 12) != 1 || inet_pton(AF_INET, spec->dst, ip + 16) != 1)
		abort();
	bytes_put16(ip + 10, (uint16_t)(~packet_sum(0, ip, header) ^ spec->ip_check_xor));
}

/* Writes the packet to out (PACKET_ROOM bytes are always enough) and fills meta. Answers its length. */
static inline uint32_t packet_build(const struct packet_spec *spec, uint8_t *out, struct packet *meta)
{
	bool v6 = strchr(spec->src, ':') != NULL, partial = spec->meta_flags & PACKET_CSUM_PARTIAL;
	uint32_t at = v6 ? 40 : 20u + spec->ip_options, tcp_len;
	unsigned i;

	for (i = 0; i < spec->extension_count; i++) {
		uint8_t next = i + 1u < spec->extension_count ? spec->extensions[i + 1] : IPPROTO_TCP;

		at += packet_extension(spec, spec->extensions[i], next, out + at);
	}
	tcp_len = packet_tcp(spec, out + at);
	packet_ip_header(
	        spec, v6, spec->extension_count ? spec->extensions[0] : IPPROTO_TCP, at + tcp_len, out);
	if (partial)
		bytes_put16(out + at + 16, packet_tcp_sum(out, at, tcp_len, true));
	else
		bytes_put16(out + at + 16,
		        (uint16_t)(~packet_tcp_sum(out, at, tcp_len, false) ^ spec->tcp_check_xor));
	memset(meta, 0, sizeof(*meta));
	meta->time_us = spec->time_us;
	meta->captured_bytes = meta->length_bytes = at + tcp_len;
	meta->flags = spec->meta_flags;
	return at + tcp_len;
}

#endif
