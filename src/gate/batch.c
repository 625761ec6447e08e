/* batch.c - the buffer of one nf_tables transaction, and what the kernel answers to it.
 *
 * nfnetlink handles a batch inside of the send call: when that returns, every answer already waits
 * in the socket. So answers are read without waiting. Only errors are answered, and the last message,
 * which asks for an acknowledgement as proof that the batch was taken. The kernel goes on checking
 * behind the first error and reports later ones too; the first names the cause.
 *
 * The kernel takes a batch in one piece, so the socket buffers are forced to its size
 * (50,000 prefixes are 4 MB). Where forcing is not allowed, the system's limits stay.
 *
 * Rejected: nftnl_batch (fixed pages; a big set needs the arithmetic all the same).
 * Sources: net/netfilter/nfnetlink.c (nfnetlink_rcv_batch), include/uapi/linux/netlink.h.
 */
#include "gate/batch.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { SEND_SLACK_BYTES = 65536, RECEIVE_BYTES = 4 << 20 };

void batch_init(struct batch *b, uint32_t seq)
{
	*b = (struct batch) { .seq = seq };
}

void batch_fini(struct batch *b)
{
	free(b->bytes);
	free(b->notes);
	*b = (struct batch) { 0 };
}

static bool make_room(struct batch *b)
{
	size_t room = b->room ? 2 * b->room : 2 * BATCH_MESSAGE_MAX;
	size_t note_room = b->note_room ? 2 * b->note_room : 256;
	void *bigger;

	if (b->error)
		return false;
	if (b->room - b->len < BATCH_MESSAGE_MAX) {
		bigger = realloc(b->bytes, room);
		if (!bigger)
			goto out;
		b->bytes = bigger;
		memset(b->bytes + b->room, 0, room - b->room); /* padding that libmnl leaves as it is */
		b->room = room;
	}
	if (b->note_count == b->note_room) {
		bigger = reallocarray(b->notes, note_room, sizeof(*b->notes));
		if (!bigger)
			goto out;
		b->notes = bigger;
		b->note_room = note_room;
	}
	return true;
out:
	b->error = -ENOMEM;
	return false;
}

static uint32_t next_seq(const struct batch *b)
{
	return b->seq + (uint32_t)b->note_count;
}

static void take(struct batch *b, const struct nlmsghdr *message, const struct batch_note *note)
{
	assert(message->nlmsg_len <= BATCH_MESSAGE_MAX);
	b->notes[b->note_count] = *note;
	b->notes[b->note_count++].offset = b->len;
	b->len += MNL_ALIGN(message->nlmsg_len);
}

void batch_begin(struct batch *b, uint32_t generation)
{
	struct nlmsghdr *h;

	if (!make_room(b))
		return;
	h = nftnl_batch_begin((char *)b->bytes + b->len, next_seq(b));
	if (generation)
		mnl_attr_put_u32(h, NFNL_BATCH_GENID, htonl(generation));
	take(b, h, &(const struct batch_note) { .what = "transaction" });
}

struct nlmsghdr *batch_message(struct batch *b, uint16_t type, uint16_t flags, const struct batch_note *note)
{
	if (!make_room(b))
		return NULL;
	b->notes[b->note_count] = *note; /* batch_add() completes it */
	return nftnl_nlmsg_build_hdr(
	        (char *)b->bytes + b->len, type, NFPROTO_INET, NLM_F_REQUEST | flags, next_seq(b));
}

void batch_add(struct batch *b, const struct nlmsghdr *message)
{
	struct batch_note note = b->notes[b->note_count];

	take(b, message, &note);
}

void batch_end(struct batch *b)
{
	struct nlmsghdr *h;

	if (!make_room(b))
		return;
	h = (struct nlmsghdr *)(void *)(b->bytes + b->notes[b->note_count - 1].offset);
	h->nlmsg_flags |= NLM_F_ACK;
	h = nftnl_batch_end((char *)b->bytes + b->len, next_seq(b));
	take(b, h, &(const struct batch_note) { .what = "transaction" });
}

static void size_buffer(int fd, int force, int plain, size_t bytes)
{
	int value = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;

	if (setsockopt(fd, SOL_SOCKET, force, &value, sizeof(value)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, plain, &value, sizeof(value));
}

static int see_offset(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
		*(uint32_t *)data = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

static int see_name(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME)
		*(const char **)data = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

/* The name of the expression that an extended error points at, in the message as we sent it. */
static const char *expression_at(const struct batch *b, const struct batch_note *note, uint32_t offset)
{
	const struct nlmsghdr *sent = (const void *)(b->bytes + note->offset);
	const struct nlattr *element;
	const char *name = NULL;

	if (!note->rule || offset < MNL_NLMSG_HDRLEN || offset + MNL_ATTR_HDRLEN > sent->nlmsg_len)
		return NULL;
	element = (const void *)(b->bytes + note->offset + offset);
	if (mnl_attr_get_type(element) != NFTA_LIST_ELEM ||
	        !mnl_attr_ok(element, (int)(sent->nlmsg_len - offset)))
		return NULL;
	(void)mnl_attr_parse_nested(element, see_name, &name);
	return name;
}

/* One answer. True if it ends the reading: the last message was acknowledged. */
static bool see_answer(const struct batch *b, const struct nlmsghdr *h, struct batch_refusal *out)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(h);
	uint32_t offset = 0, index;
	size_t tail;

	if (h->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(h) < sizeof(*answer))
		return false;
	index = answer->msg.nlmsg_seq - b->seq;
	if (index >= b->note_count)
		return false; /* an answer to something older */
	if (answer->error == 0)
		return index == b->note_count - 2;
	if (out->error)
		return false;
	out->error = answer->error;
	out->note = index == 0 || index == b->note_count - 1 ? NULL : &b->notes[index];
	tail = sizeof(*answer);
	if (!(h->nlmsg_flags & NLM_F_CAPPED)) /* our message comes back before the details */
		tail += MNL_ALIGN(answer->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	if ((h->nlmsg_flags & NLM_F_ACK_TLVS) && out->note && tail < mnl_nlmsg_get_payload_len(h)) {
		(void)mnl_attr_parse(h, (unsigned)tail, see_offset, &offset);
		out->expression = expression_at(b, out->note, offset);
	}
	return false;
}

struct batch_refusal batch_send(struct batch *b, struct mnl_socket *nl)
{
	struct batch_refusal out = { .error = b->error };
	int fd = mnl_socket_get_fd(nl);
	bool taken = false;
	char answers[16384] __attribute__((aligned(NLMSG_ALIGNTO)));

	if (out.error)
		return out;
	size_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, b->len + SEND_SLACK_BYTES);
	size_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BYTES);
	if (mnl_socket_sendto(nl, b->bytes, b->len) < 0) {
		out.error = -errno;
		return out;
	}
	for (;;) {
		ssize_t got = recv(fd, answers, sizeof(answers), MSG_DONTWAIT);
		const struct nlmsghdr *h = (const void *)answers;
		int left = (int)got;

		if (got < 0 && (errno == ENOBUFS || errno == EINTR))
			continue; /* too many refusals to hold; the first ones are here */
		if (got < 0)
			break;
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			taken = see_answer(b, h, &out) || taken;
	}
	if (!out.error && !taken)
		out.error = -EPROTO;
	return out;
}
