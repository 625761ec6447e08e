/* nfqueue_message.h - the messages of one NFQUEUE, read and written. No socket, no state. */
#ifndef TAP_NFQUEUE_MESSAGE_H
#define TAP_NFQUEUE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "postern/packet.h"
#include "postern/verdict.h"

enum { NFQUEUE_MESSAGE_MAX = 0x10000 + 4096 }; /* the largest packet and its attributes */

enum nfqueue_message_kind {
	MESSAGE_PACKET,     /* packet and bytes are filled in */
	MESSAGE_UNREADABLE, /* a verdict is owed to packet.ticket, nothing else is known */
	MESSAGE_ERROR,      /* the kernel refused something that we sent; error tells why */
	MESSAGE_NOTHING,    /* no verdict is owed for it */
};

struct nfqueue_message {
	struct packet packet;
	const uint8_t *bytes; /* into the message */
	int error;            /* errno */
};

/* present_bytes: of the message, from its header on; fewer than nlmsg_len says = cut. now_us: for a
 * packet that carries no time of its own. packet is cleared first. */
enum nfqueue_message_kind nfqueue_message_read(
        const struct nlmsghdr *header, size_t present_bytes, uint64_t now_us, struct nfqueue_message *out);

/* Room that the verdict message for this packet may need. */
size_t nfqueue_message_verdict_room(const struct packet *packet);
/* Writes a verdict message to `at` (4-byte aligned, with that room) and returns its length, a multiple
 * of 4. mark_mask: where our bits are. The bytes are copied only if the verdict edits them. */
size_t nfqueue_message_put_verdict(void *at, uint16_t queue, uint32_t mark_mask, const struct packet *packet,
        const uint8_t *bytes, const struct verdict *v);
/* The same for a packet that could not be read: accepted, its mark left as it is. */
size_t nfqueue_message_put_pass(void *at, uint16_t queue, uint32_t ticket);

#endif
