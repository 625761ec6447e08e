/* verdict.h - contract: what inspect answers for each packet.
 *
 * A verdict is accept, drop or reset, and a few edits: bytes that replace as many bytes of the
 * packet. tap applies the edits blindly; checksums are edits too, so tap knows no protocol.
 *
 * An accept may be one for later: tap keeps the packet for `hold_ms`, or for less, if there is no room, somebody asks for
 * it, or the daemon leaves; then it is carried out as it was given. tap says when: once for each such verdict.
 */
#ifndef POSTERN_VERDICT_H
#define POSTERN_VERDICT_H

#include <stdint.h>

enum verdict_kind {
	VERDICT_ACCEPT,
	VERDICT_DROP,  /* the sender's TCP sends it again */
	VERDICT_RESET, /* accepted with the reset mark; the later chain answers with RST */
};

/* How the packets of its connection travel from now on; said anew by every verdict but a drop. SYN, FIN, RST and urgent
 * data come to the queue on any of them. */
enum verdict_path {
	PATH_QUEUE,  /* all come to the queue */
	PATH_BODY,   /* those of the client do not */
	PATH_SEALED, /* those of neither side */
	PATH_COUNT
};

/* Bits inside nft.mark-mask, to be shifted left by the position of the mask's lowest bit. */
enum mark_bit {
	MARK_QUEUED = 1,    /* set by the rule before the queue */
	MARK_INSPECTED = 2, /* set by the verdict in its place, unless the path is PATH_SEALED */
	MARK_RESET = 4,     /* packet mark and ct mark: this connection is to be reset */
	MARK_BULK =
	        8, /* packet mark: the path is not PATH_QUEUE; ct mark: the client's packets are not queued */
	MARK_SEALED = 1, /* ct mark, beside MARK_BULK: neither are the server's */
	MARK_MASK = 15,  /* width the mask must have */
};

enum { VERDICT_EDITS_MAX = 128, VERDICT_BYTES_MAX = 8192, VERDICT_HOLD_MAX_MS = 10000 };

struct edit {
	uint32_t offset; /* from the network header */
	uint16_t at;     /* the new bytes: verdict.bytes[at .. at + len) */
	uint16_t len;
};

struct verdict {
	uint8_t kind;   /* enum verdict_kind */
	uint8_t let_go; /* the held packet of that ticket goes at once, before this one */
	uint16_t edit_count;
	uint16_t bytes_used;
	uint16_t hold_ms; /* ACCEPT: so much later; up to VERDICT_HOLD_MAX_MS, 0 = at once */
	uint32_t let_go_ticket;
	uint8_t path; /* enum verdict_path; ACCEPT only */
	uint8_t pad[3];
	uint64_t hold_ref; /* inspect's own, told when the packet has gone */
	struct edit edits[VERDICT_EDITS_MAX];
	uint8_t bytes[VERDICT_BYTES_MAX];
};

#endif
