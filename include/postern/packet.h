/* packet.h - contract: what tap hands to inspect for each packet.
 *
 * The record is fixed-size and pointer-free, so that it can travel through shared memory; the
 * packet's bytes travel beside it. They start at the network header (IPv4 or IPv6): link layers
 * are tap's affair.
 */
#ifndef POSTERN_PACKET_H
#define POSTERN_PACKET_H

#include <stdint.h>

enum packet_flag {
	PACKET_CSUM_PARTIAL =
	        1, /* transport checksum not filled in, or stale (offload, merged, veth): do not verify */
	PACKET_CSUM_IGNORE = 2, /* checksums say nothing (recorded behind an offloading card) */
	PACKET_OFFLINE = 4,     /* from a capture: nothing can be dropped, held or edited */
	PACKET_FROM_SELF = 8,   /* seen at the output hook: the gateway itself has sent it */
	PACKET_TO_SELF = 16,    /* seen at the input hook: it is for the gateway itself */
};

struct packet {
	uint64_t time_us;        /* wall clock, microseconds since 1970 */
	uint32_t ticket;         /* tap's own number of this packet; by it inspect names one that is held */
	uint32_t captured_bytes; /* bytes present, from the network header on */
	uint32_t length_bytes;   /* bytes the packet had on the wire; more than captured = cut */
	uint32_t mark;           /* packet mark as queued */
	uint32_t in_if;          /* interface index, 0 = unknown */
	uint32_t out_if;
	uint16_t vlan[2]; /* outer, inner VLAN id; 0 = none */
	uint8_t flags;    /* enum packet_flag */
	uint8_t pad[3];
};

#endif
