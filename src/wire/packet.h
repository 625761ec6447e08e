/* packet.h - bytes to TCP segment: IPv4 and IPv6 with extension headers, TCP with options.
 *
 * All access to packet bytes is bounds-checked against what was captured. Nothing is copied; a
 * segment's offsets point into the caller's bytes.
 */
#ifndef WIRE_PACKET_H
#define WIRE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "postern/packet.h"

enum wire_result {
	WIRE_TCP,
	WIRE_NOT_TCP,      /* another protocol, or ICMP */
	WIRE_FRAGMENT,     /* part of a fragmented datagram (also the first) */
	WIRE_TRUNCATED,    /* captured bytes end inside the headers */
	WIRE_MALFORMED,    /* lengths that contradict each other */
	WIRE_BAD_CHECKSUM, /* verified and wrong: the receiver would drop it */
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct segment {
	struct addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t window;
	uint16_t urgent;
	uint8_t flags;
	uint8_t ttl;
	bool v6;
	uint32_t tcp_offset;       /* of the TCP header, from the network header */
	uint32_t payload_offset;   /* from the network header */
	uint32_t payload_bytes;    /* on the wire */
	uint32_t payload_captured; /* present; less than payload_bytes = a hole at its end */
};

/* Verifies checksums unless meta->flags say otherwise or the packet is cut. out is written fully
 * for WIRE_TCP and WIRE_BAD_CHECKSUM only. */
enum wire_result wire_parse(const struct packet *meta, const uint8_t *bytes, struct segment *out);

#endif
