/* nfqueue_message.c - the messages of one NFQUEUE, read and written.
 *
 * From the kernel (attributes in the kernel's order; only these matter here):
 *
 *   nlmsghdr | nfgenmsg | PACKET_HDR id | IFINDEX_* | MARK | VLAN { PROTO TCI } | TIMESTAMP |
 *                         SKB_INFO | CAP_LEN | PAYLOAD (from the network header on)
 *
 * To the kernel:
 *
 *   nlmsghdr | nfgenmsg | VERDICT_HDR verdict, id | MARK | PAYLOAD (only an edited packet)
 *
 * Checksums (nfqnl_build_packet_message()): CSUMNOTREADY says that the transport checksum is not filled
 * in yet. CSUM_NOTVERIFIED says that nobody has looked at it. Neither of the two: card or kernel has
 * found it right, or the packet was made on this machine, and there is nothing to verify. GSO: merged,
 * and cut again on its way out, where every piece gets a checksum of its own; the field here may be
 * that of one of the pieces, so it is as good as not filled in.
 *
 * Time: the kernel's stamp is taken only if it is near the clock; before 5.18 the same field may hold a
 * departure time on another clock.
 *
 * An edit of a packet that was not captured whole cannot be sent back: the kernel would cut the packet
 * to what is given. It is dropped instead, and its sender's TCP sends it again in smaller pieces.
 *
 * A packet without readable attributes is accepted with its mark untouched, so that the marking chain
 * still sees it as queued and not inspected and counts it as blind.
 */
#include "tap/nfqueue_message.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h> /* before the library's older copy of it */
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>

#include "tap/netlink.h"

enum {
	VLAN_ID_MASK = 0x0fff,
	ERRNO_MAX = 4095, /* of the kernel: include/linux/err.h */
	/* headers and the fixed attributes of a verdict message */
	VERDICT_FIXED_BYTES = MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg) + 2 * MNL_ATTR_HDRLEN +
	                      sizeof(struct nfqnl_msg_verdict_hdr) + sizeof(uint32_t),
};
static const uint64_t STAMP_TRUST_US = 60 * 1000000ULL;

static uint64_t read_time(const struct nlattr *a, uint64_t now_us)
{
	struct nfqnl_msg_packet_timestamp stamp;
	uint64_t t;

	if (!a || mnl_attr_get_payload_len(a) < sizeof(stamp))
		return now_us;
	memcpy(&stamp, mnl_attr_get_payload(a), sizeof(stamp));
	t = be64toh(stamp.sec) * 1000000 + be64toh(stamp.usec);
	return now_us - t < STAMP_TRUST_US ? t : now_us; /* not one from the future either: unsigned */
}

static uint16_t read_vlan(const struct nlattr *nest)
{
	const struct nlattr *a;
	uint16_t id = 0;

	if (!nest)
		return 0;
	mnl_attr_for_each_nested(a, nest)
	{
		if (mnl_attr_get_type(a) == NFQA_VLAN_TCI && mnl_attr_get_payload_len(a) >= sizeof(id))
			id = ntohs(mnl_attr_get_u16(a)) & VLAN_ID_MASK;
	}
	return id;
}

static uint8_t read_flags(const struct nlattr *a)
{
	uint32_t info = netlink_read_u32(a);

	if (info & (NFQA_SKB_CSUMNOTREADY | NFQA_SKB_GSO))
		return PACKET_CSUM_PARTIAL;
	return info & NFQA_SKB_CSUM_NOTVERIFIED ? 0 : PACKET_CSUM_IGNORE;
}

static uint8_t read_place(const struct nlattr *a)
{
	struct nfqnl_msg_packet_hdr header;

	if (!a || mnl_attr_get_payload_len(a) < sizeof(header))
		return 0;
	memcpy(&header, mnl_attr_get_payload(a), sizeof(header));
	return netlink_place(header.hook);
}

static void read_packet(const struct nlattr *const *attr, uint64_t now_us, struct nfqueue_message *out)
{
	struct packet *p = &out->packet;
	uint32_t whole = netlink_read_u32(attr[NFQA_CAP_LEN]);

	out->bytes = mnl_attr_get_payload(attr[NFQA_PAYLOAD]);
	p->captured_bytes = mnl_attr_get_payload_len(attr[NFQA_PAYLOAD]);
	p->length_bytes = whole > p->captured_bytes ? whole : p->captured_bytes;
	p->time_us = read_time(attr[NFQA_TIMESTAMP], now_us);
	p->mark = netlink_read_u32(attr[NFQA_MARK]);
	p->in_if = netlink_read_u32(attr[NFQA_IFINDEX_INDEV]);
	p->out_if = netlink_read_u32(attr[NFQA_IFINDEX_OUTDEV]);
	p->vlan[0] = read_vlan(attr[NFQA_VLAN]);
	p->flags = read_flags(attr[NFQA_SKB_INFO]) | read_place(attr[NFQA_PACKET_HDR]);
}

/* Finds the ticket in a message that is cut or otherwise not in order. */
static bool find_ticket(const struct nlmsghdr *header, size_t present_bytes, uint32_t *ticket)
{
	const uint8_t *at = (const uint8_t *)header, *end = at + present_bytes;
	struct nlattr a;

	if (present_bytes < MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return false;
	at += MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg));
	while ((size_t)(end - at) >= MNL_ATTR_HDRLEN + sizeof(*ticket)) {
		memcpy(&a, at, sizeof(a));
		if ((a.nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR &&
		        a.nla_len >= MNL_ATTR_HDRLEN + sizeof(*ticket)) {
			memcpy(ticket, at + MNL_ATTR_HDRLEN, sizeof(*ticket));
			*ticket = ntohl(*ticket);
			return true;
		}
		if (a.nla_len < MNL_ATTR_HDRLEN || MNL_ALIGN((size_t)a.nla_len) > (size_t)(end - at))
			return false;
		at += MNL_ALIGN((size_t)a.nla_len);
	}
	return false;
}

static enum nfqueue_message_kind read_error(
        const struct nlmsghdr *header, size_t present_bytes, struct nfqueue_message *out)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(header);

	if (present_bytes < MNL_NLMSG_HDRLEN + sizeof(*e) || e->error >= 0 || e->error < -ERRNO_MAX)
		return MESSAGE_NOTHING;
	out->error = -e->error;
	return MESSAGE_ERROR;
}

enum nfqueue_message_kind nfqueue_message_read(
        const struct nlmsghdr *header, size_t present_bytes, uint64_t now_us, struct nfqueue_message *out)
{
	const struct nlattr *attr[NFQA_MAX + 1];
	bool cut;

	memset(out, 0, sizeof(*out));
	if (present_bytes < MNL_NLMSG_HDRLEN)
		return MESSAGE_NOTHING;
	cut = header->nlmsg_len > present_bytes;
	if (!cut)
		present_bytes = header->nlmsg_len;
	if (header->nlmsg_type == NLMSG_ERROR)
		return read_error(header, present_bytes, out);
	if (header->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) ||
	        !find_ticket(header, present_bytes, &out->packet.ticket))
		return MESSAGE_NOTHING;
	if (cut)
		return MESSAGE_UNREADABLE;
	netlink_read_attributes(header, attr, NFQA_MAX);
	if (!attr[NFQA_PAYLOAD] || mnl_attr_get_payload_len(attr[NFQA_PAYLOAD]) == 0)
		return MESSAGE_UNREADABLE;
	read_packet(attr, now_us, out);
	return MESSAGE_PACKET;
}

/* ---- verdicts ------------------------------------------------------------------------------ */

size_t nfqueue_message_verdict_room(const struct packet *packet)
{
	return VERDICT_FIXED_BYTES + MNL_ATTR_HDRLEN + MNL_ALIGN((size_t)packet->captured_bytes);
}

static size_t message_bytes(const struct nlmsghdr *header)
{
	return MNL_ALIGN((size_t)header->nlmsg_len);
}

static uint32_t mark_after(uint32_t mark, uint32_t mask, const struct verdict *v)
{
	static const uint32_t paths[PATH_COUNT] = {
		[PATH_QUEUE] = MARK_INSPECTED,
		[PATH_BODY] = MARK_INSPECTED | MARK_BULK,
		[PATH_SEALED] = MARK_BULK,
	};
	uint32_t bits = v->kind == VERDICT_RESET ? (uint32_t)MARK_INSPECTED | MARK_RESET : paths[v->path];

	return (mark & ~mask) | (bits << __builtin_ctz(mask) & mask);
}

/* Writes the edited copy of the packet straight into the message. */
static void put_edited(
        struct nlmsghdr *header, const struct packet *packet, const uint8_t *bytes, const struct verdict *v)
{
	uint8_t *copy = (uint8_t *)mnl_nlmsg_get_payload_tail(header) + MNL_ATTR_HDRLEN;
	unsigned i;

	nfq_nlmsg_verdict_put_pkt(header, bytes, packet->captured_bytes);
	assert(v->edit_count <= VERDICT_EDITS_MAX);
	for (i = 0; i < v->edit_count; i++) {
		const struct edit *e = &v->edits[i];

		assert(e->offset <= packet->captured_bytes && e->len <= packet->captured_bytes - e->offset);
		assert(e->at + e->len <= VERDICT_BYTES_MAX);
		memcpy(copy + e->offset, v->bytes + e->at, e->len);
	}
}

size_t nfqueue_message_put_verdict(void *at, uint16_t queue, uint32_t mark_mask, const struct packet *packet,
        const uint8_t *bytes, const struct verdict *v)
{
	struct nlmsghdr *header = nfq_nlmsg_put(at, NFQNL_MSG_VERDICT, queue);
	bool edited = v->kind == VERDICT_ACCEPT && v->edit_count > 0;
	bool dropped = v->kind == VERDICT_DROP || (edited && packet->captured_bytes < packet->length_bytes);

	assert(v->kind <= VERDICT_RESET && v->path < PATH_COUNT && mark_mask);
	nfq_nlmsg_verdict_put(header, (int)packet->ticket, dropped ? NF_DROP : NF_ACCEPT);
	if (dropped)
		return message_bytes(header);
	nfq_nlmsg_verdict_put_mark(header, mark_after(packet->mark, mark_mask, v));
	if (edited)
		put_edited(header, packet, bytes, v);
	return message_bytes(header);
}

size_t nfqueue_message_put_pass(void *at, uint16_t queue, uint32_t ticket)
{
	struct nlmsghdr *header = nfq_nlmsg_put(at, NFQNL_MSG_VERDICT, queue);

	nfq_nlmsg_verdict_put(header, (int)ticket, NF_ACCEPT);
	return message_bytes(header);
}
