/* test_nfqueue_message.c - the messages of a queue: written here as the kernel does, cut at every byte,
 * and verdicts taken apart again. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <libmnl/libmnl.h>

#include "guard.h"
#include "suite.h"
#include "tap/nfqueue_message.h"

enum { TICKET = 0x01020304, MASK = 0x0f000000, ROOM = 4096 };
static const uint64_t NOW_US = 1700000000000000;

union buffer {
	struct nlmsghdr header;
	uint8_t bytes[ROOM];
};

static struct nlmsghdr *begin(union buffer *b, uint16_t type)
{
	struct nlmsghdr *h;
	struct nfgenmsg *g;

	memset(b, 0, sizeof(*b));
	h = mnl_nlmsg_put_header(b);
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_INET;
	return h;
}

static void put_ticket(struct nlmsghdr *h)
{
	struct nfqnl_msg_packet_hdr p = {
		.packet_id = htonl(TICKET), .hw_protocol = htons(0x0800), .hook = 2
	};

	mnl_attr_put(h, NFQA_PACKET_HDR, sizeof(p), &p);
}

static void put_stamp(struct nlmsghdr *h, uint64_t time_us)
{
	struct nfqnl_msg_packet_timestamp t = { htobe64(time_us / 1000000), htobe64(time_us % 1000000) };

	mnl_attr_put(h, NFQA_TIMESTAMP, sizeof(t), &t);
}

static void put_vlan(struct nlmsghdr *h, uint16_t tci)
{
	struct nlattr *nest = mnl_attr_nest_start(h, NFQA_VLAN);

	mnl_attr_put_u16(h, NFQA_VLAN_PROTO, htons(0x8100));
	mnl_attr_put_u16(h, NFQA_VLAN_TCI, htons(tci));
	mnl_attr_nest_end(h, nest);
}

static struct nlmsghdr *full_packet(union buffer *b)
{
	struct nlmsghdr *h = begin(b, NFQNL_MSG_PACKET);

	put_ticket(h);
	mnl_attr_put_u32(h, NFQA_IFINDEX_INDEV, htonl(3));
	mnl_attr_put_u32(h, NFQA_IFINDEX_OUTDEV, htonl(4));
	mnl_attr_put_u32(h, NFQA_MARK, htonl(0x01000055));
	put_vlan(h, 0xe064);
	put_stamp(h, NOW_US - 250);
	mnl_attr_put_u32(h, NFQA_SKB_INFO, htonl(NFQA_SKB_CSUMNOTREADY | NFQA_SKB_GSO));
	mnl_attr_put_u32(h, NFQA_CAP_LEN, htonl(9000));
	mnl_attr_put(h, NFQA_PAYLOAD, 10, "0123456789");
	return h;
}

static enum nfqueue_message_kind read_whole(const struct nlmsghdr *h, struct nfqueue_message *m)
{
	return nfqueue_message_read(h, h->nlmsg_len, NOW_US, m);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void reads_every_attribute(void)
{
	struct nfqueue_message m;
	union buffer b;

	CU_ASSERT_EQUAL_FATAL(read_whole(full_packet(&b), &m), MESSAGE_PACKET);
	CU_ASSERT_EQUAL(m.packet.ticket, TICKET);
	CU_ASSERT_EQUAL(m.packet.in_if, 3);
	CU_ASSERT_EQUAL(m.packet.out_if, 4);
	CU_ASSERT_EQUAL(m.packet.mark, 0x01000055);
	CU_ASSERT_EQUAL(m.packet.vlan[0], 100);
	CU_ASSERT_EQUAL(m.packet.vlan[1], 0);
	CU_ASSERT_EQUAL(m.packet.time_us, NOW_US - 250);
	CU_ASSERT_EQUAL(m.packet.flags, PACKET_CSUM_PARTIAL);
	CU_ASSERT_EQUAL(m.packet.captured_bytes, 10);
	CU_ASSERT_EQUAL(m.packet.length_bytes, 9000);
	CU_ASSERT(memcmp(m.bytes, "0123456789", 10) == 0);
}

static void fills_in_what_is_not_there(void)
{
	struct nfqueue_message m;
	struct nlmsghdr *h;
	union buffer b;

	h = begin(&b, NFQNL_MSG_PACKET);
	put_ticket(h);
	mnl_attr_put(h, NFQA_PAYLOAD, 10, "0123456789");
	CU_ASSERT_EQUAL_FATAL(read_whole(h, &m), MESSAGE_PACKET);
	CU_ASSERT_EQUAL(m.packet.time_us, NOW_US);
	CU_ASSERT_EQUAL(m.packet.length_bytes, 10);
	CU_ASSERT_EQUAL(m.packet.mark, 0);
	CU_ASSERT_EQUAL(m.packet.in_if, 0);
	CU_ASSERT_EQUAL(m.packet.vlan[0], 0);
	CU_ASSERT_EQUAL(m.packet.flags, PACKET_CSUM_IGNORE);
}

static void tells_which_checksums_to_verify(void)
{
	static const struct {
		uint32_t info;
		uint8_t flags;
	} cases[] = {
		{ NFQA_SKB_CSUMNOTREADY, PACKET_CSUM_PARTIAL },
		{ NFQA_SKB_CSUM_NOTVERIFIED, 0 },
		{ 0, PACKET_CSUM_IGNORE },
		{ NFQA_SKB_CSUM_NOTVERIFIED | NFQA_SKB_GSO, PACKET_CSUM_PARTIAL },
		{ NFQA_SKB_GSO, PACKET_CSUM_PARTIAL },
	};
	struct nfqueue_message m;
	struct nlmsghdr *h;
	union buffer b;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		h = begin(&b, NFQNL_MSG_PACKET);
		put_ticket(h);
		mnl_attr_put_u32(h, NFQA_SKB_INFO, htonl(cases[i].info));
		mnl_attr_put(h, NFQA_PAYLOAD, 4, "0123");
		CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_PACKET);
		CU_ASSERT_EQUAL(m.packet.flags, cases[i].flags);
	}
}

/* A stamp of another clock (seconds since boot) or from the future is not believed. */
static void believes_only_near_stamps(void)
{
	const uint64_t stamps[][2] = {
		{ NOW_US - 59000000, NOW_US - 59000000 },
		{ NOW_US - 61000000, NOW_US },
		{ 4711000000, NOW_US },
		{ NOW_US + 1, NOW_US },
		{ NOW_US, NOW_US },
	};
	struct nfqueue_message m;
	struct nlmsghdr *h;
	union buffer b;
	size_t i;

	for (i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
		h = begin(&b, NFQNL_MSG_PACKET);
		put_ticket(h);
		put_stamp(h, stamps[i][0]);
		mnl_attr_put(h, NFQA_PAYLOAD, 4, "0123");
		CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_PACKET);
		CU_ASSERT_EQUAL(m.packet.time_us, stamps[i][1]);
	}
}

/* As soon as the ticket is there, a verdict is owed; nothing is read behind what is there. */
/* The memory ends with the message, in the middle of what would be an attribute: sanitizers and valgrind tell. */
static void reads_no_attribute_that_has_begun_only(void)
{
	union buffer b;
	struct nlmsghdr *h = begin(&b, NFQNL_MSG_PACKET), *copy;
	struct nfqueue_message m;
	uint32_t more;

	put_ticket(h);
	for (more = 1; more < 4; more++) {
		copy = malloc(h->nlmsg_len + more);
		CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
		memcpy(copy, h, h->nlmsg_len + more);
		((uint8_t *)copy)[h->nlmsg_len] = MNL_ATTR_HDRLEN; /* as if one without a value had begun */
		copy->nlmsg_len += more;
		CU_ASSERT_EQUAL(
		        nfqueue_message_read(copy, h->nlmsg_len + more, NOW_US, &m), MESSAGE_UNREADABLE);
		CU_ASSERT_EQUAL(m.packet.ticket, TICKET);
		free(copy);
	}
}

static void finds_the_ticket_in_cut_messages(void)
{
	const size_t with_ticket = MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg) + MNL_ATTR_HDRLEN + 4;
	struct nfqueue_message m;
	struct nlmsghdr *h;
	union buffer b;
	uint8_t *copy;
	size_t cut;

	h = full_packet(&b);
	for (cut = 0; cut < h->nlmsg_len; cut += 4) { /* message buffers are aligned */
		copy = guard_copy(&b, cut);
		CU_ASSERT_EQUAL(nfqueue_message_read((const void *)copy, cut, NOW_US, &m),
		        cut >= with_ticket ? MESSAGE_UNREADABLE : MESSAGE_NOTHING);
		CU_ASSERT_EQUAL(m.packet.ticket, cut >= with_ticket ? TICKET : 0);
		guard_free(copy, cut);
	}
	copy = guard_copy(&b, h->nlmsg_len);
	CU_ASSERT_EQUAL(nfqueue_message_read((const void *)copy, h->nlmsg_len, NOW_US, &m), MESSAGE_PACKET);
	guard_free(copy, h->nlmsg_len);
}

static void owes_a_verdict_for_odd_messages(void)
{
	struct nfqueue_message m;
	struct nlmsghdr *h;
	union buffer b;

	h = begin(&b, NFQNL_MSG_PACKET);
	put_ticket(h);
	CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_UNREADABLE); /* no payload */
	CU_ASSERT_EQUAL(m.packet.ticket, TICKET);
	mnl_attr_put(h, NFQA_PAYLOAD, 0, "");
	CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_UNREADABLE);

	h = begin(&b, NFQNL_MSG_PACKET);
	mnl_attr_put_u32(h, NFQA_MARK, 0); /* the ticket is not the first */
	put_ticket(h);
	CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_UNREADABLE);
	CU_ASSERT_EQUAL(m.packet.ticket, TICKET);

	h = begin(&b, NFQNL_MSG_PACKET);
	mnl_attr_put(h, NFQA_PAYLOAD, 4, "0123");
	CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_NOTHING); /* no ticket: nothing can be paid */
	h = begin(&b, NFQNL_MSG_CONFIG);
	put_ticket(h);
	CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_NOTHING);
}

/* A length in an attribute that is too small or too large ends the search, and it ends at all. */
static void survives_every_attribute_length(void)
{
	struct nfqueue_message m;
	struct nlattr *a;
	union buffer b;
	unsigned len;
	struct nlmsghdr *h = full_packet(&b);

	a = mnl_nlmsg_get_payload_offset(h, sizeof(struct nfgenmsg));
	for (len = 0; len < 300; len++) {
		a->nla_len = (uint16_t)len;
		CU_ASSERT_NOT_EQUAL(read_whole(h, &m), MESSAGE_ERROR);
		if (len < MNL_ATTR_HDRLEN + 4)
			CU_ASSERT_EQUAL(m.packet.ticket, 0);
	}
}

/* The kernel does not pad the last attribute: its message ends where that does. */
static void reads_nothing_behind_the_message(void)
{
	struct nfqueue_message m;
	union buffer b;
	struct nlmsghdr *h = full_packet(&b);
	const uint8_t *end;
	unsigned less;

	for (less = 0; less < 4; less++, h->nlmsg_len--) {
		end = (const uint8_t *)h + h->nlmsg_len;
		if (nfqueue_message_read(h, h->nlmsg_len, NOW_US, &m) == MESSAGE_PACKET)
			CU_ASSERT(m.packet.captured_bytes <= (size_t)(end - m.bytes));
	}
	h->nlmsg_len = MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg);
	mnl_attr_put_u32(h, NFQA_PACKET_HDR, 0);
	mnl_attr_put(h, NFQA_PAYLOAD, 8, "12345678");
	h->nlmsg_len -= 1; /* the payload claims one byte more */
	CU_ASSERT_EQUAL(nfqueue_message_read(h, h->nlmsg_len, NOW_US, &m), MESSAGE_UNREADABLE);
}

static void reads_refusals(void)
{
	struct nfqueue_message m;
	struct nlmsgerr *e;
	struct nlmsghdr *h;
	union buffer b;

	memset(&b, 0, sizeof(b));
	h = mnl_nlmsg_put_header(&b);
	h->nlmsg_type = NLMSG_ERROR;
	e = mnl_nlmsg_put_extra_header(h, sizeof(*e));
	e->error = -ENOENT;
	CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_ERROR);
	CU_ASSERT_EQUAL(m.error, ENOENT);
	e->error = 0;
	CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_NOTHING);
	e->error = INT32_MIN; /* no errno, and has no opposite */
	CU_ASSERT_EQUAL(read_whole(h, &m), MESSAGE_NOTHING);
	e->error = -ENOENT;
	CU_ASSERT_EQUAL(nfqueue_message_read(h, MNL_NLMSG_HDRLEN + 3, NOW_US, &m), MESSAGE_NOTHING);
}

/* ---- verdicts ------------------------------------------------------------------------------ */

struct said {
	uint32_t verdict, ticket, mark;
	bool has_mark;
	uint8_t payload[64];
	size_t payload_bytes;
	uint16_t queue;
};

static struct said take_apart(const union buffer *b, size_t bytes)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(&b->header);
	const struct nfqnl_msg_verdict_hdr *v;
	const struct nlattr *a;
	struct said s = { .queue = ntohs(g->res_id) };

	CU_ASSERT_EQUAL(b->header.nlmsg_type, NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT);
	CU_ASSERT(b->header.nlmsg_flags == NLM_F_REQUEST);
	CU_ASSERT_EQUAL(bytes, MNL_ALIGN(b->header.nlmsg_len));
	mnl_attr_for_each(a, &b->header, sizeof(*g))
	{
		switch (mnl_attr_get_type(a)) {
		case NFQA_VERDICT_HDR:
			v = mnl_attr_get_payload(a);
			s.verdict = ntohl(v->verdict);
			s.ticket = ntohl(v->id);
			break;
		case NFQA_MARK:
			s.mark = ntohl(mnl_attr_get_u32(a));
			s.has_mark = true;
			break;
		case NFQA_PAYLOAD:
			s.payload_bytes = mnl_attr_get_payload_len(a);
			CU_ASSERT_FATAL(s.payload_bytes <= sizeof(s.payload));
			memcpy(s.payload, mnl_attr_get_payload(a), s.payload_bytes);
			break;
		default:
			CU_FAIL("an attribute that nobody asked for");
		}
	}
	return s;
}

static struct said put(const struct packet *p, const struct verdict *v)
{
	union buffer b;
	size_t n = nfqueue_message_put_verdict(&b, 2500, MASK, p, (const uint8_t *)"0123456789", v);

	CU_ASSERT(n <= nfqueue_message_verdict_room(p));
	return take_apart(&b, n);
}

static const struct packet ten = {
	.ticket = TICKET, .captured_bytes = 10, .length_bytes = 10, .mark = 0xf1230045
};

static void changes_only_our_bits_of_the_mark(void)
{
	struct verdict v = { .kind = VERDICT_ACCEPT };
	struct said s = put(&ten, &v);

	CU_ASSERT_EQUAL(s.verdict, NF_ACCEPT);
	CU_ASSERT_EQUAL(s.ticket, TICKET);
	CU_ASSERT_EQUAL(s.queue, 2500);
	CU_ASSERT(s.has_mark);
	CU_ASSERT_EQUAL(s.mark, 0xf2230045);
	CU_ASSERT_EQUAL(s.payload_bytes, 0);
	v.kind = VERDICT_RESET;
	s = put(&ten, &v);
	CU_ASSERT_EQUAL(s.verdict, NF_ACCEPT);
	CU_ASSERT_EQUAL(s.mark, 0xf6230045);
	v.kind = VERDICT_DROP;
	s = put(&ten, &v);
	CU_ASSERT_EQUAL(s.verdict, NF_DROP);
	CU_ASSERT_EQUAL(s.ticket, TICKET);
	CU_ASSERT(!s.has_mark);
}

static void writes_edits_into_a_copy(void)
{
	struct verdict v = { .kind = VERDICT_ACCEPT, .edit_count = 3 };
	struct said s;

	v.edits[0] = (struct edit) { .offset = 0, .at = 2, .len = 1 };
	v.edits[1] = (struct edit) { .offset = 8, .at = 0, .len = 2 }; /* to the very end */
	v.edits[2] = (struct edit) { .offset = 10, .at = 0, .len = 0 };
	memcpy(v.bytes, "xyz", 3);
	s = put(&ten, &v);
	CU_ASSERT_EQUAL(s.verdict, NF_ACCEPT);
	CU_ASSERT_EQUAL(s.mark, 0xf2230045);
	CU_ASSERT_EQUAL(s.payload_bytes, 10);
	CU_ASSERT(memcmp(s.payload, "z1234567xy", 10) == 0);
	v.kind = VERDICT_DROP;
	CU_ASSERT_EQUAL(put(&ten, &v).payload_bytes, 0);
	v.kind = VERDICT_RESET;
	CU_ASSERT_EQUAL(put(&ten, &v).payload_bytes, 0);
}

/* The kernel would cut the packet to the bytes it gets back. */
static void drops_what_cannot_be_edited(void)
{
	struct verdict v = { .kind = VERDICT_ACCEPT, .edit_count = 1 };
	struct packet cut = ten;
	struct said s;

	cut.length_bytes = 11;
	v.edits[0] = (struct edit) { .offset = 0, .at = 0, .len = 1 };
	s = put(&cut, &v);
	CU_ASSERT_EQUAL(s.verdict, NF_DROP);
	CU_ASSERT_EQUAL(s.payload_bytes, 0);
	v.edit_count = 0;
	CU_ASSERT_EQUAL(put(&cut, &v).verdict, NF_ACCEPT);
}

static void passes_the_unreadable_unmarked(void)
{
	union buffer b;
	struct said s = take_apart(&b, nfqueue_message_put_pass(&b, 2500, TICKET));

	CU_ASSERT_EQUAL(s.verdict, NF_ACCEPT);
	CU_ASSERT_EQUAL(s.ticket, TICKET);
	CU_ASSERT(!s.has_mark);
}

SUITE("nfqueue_message", { "reads no attribute that has begun only", reads_no_attribute_that_has_begun_only },
        { "reads every attribute", reads_every_attribute },
        { "fills in what is not there", fills_in_what_is_not_there },
        { "tells which checksums to verify", tells_which_checksums_to_verify },
        { "believes only near stamps", believes_only_near_stamps },
        { "finds the ticket in cut messages", finds_the_ticket_in_cut_messages },
        { "owes a verdict for odd messages", owes_a_verdict_for_odd_messages },
        { "survives every attribute length", survives_every_attribute_length },
        { "reads nothing behind the message", reads_nothing_behind_the_message },
        { "reads refusals", reads_refusals },
        { "changes only our bits of the mark", changes_only_our_bits_of_the_mark },
        { "writes edits into a copy", writes_edits_into_a_copy },
        { "drops what cannot be edited", drops_what_cannot_be_edited },
        { "passes the unreadable unmarked", passes_the_unreadable_unmarked })
