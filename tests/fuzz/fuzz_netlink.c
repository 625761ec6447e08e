/* fuzz_netlink.c - any bytes as a message of the queue: what is read lies within it, and a verdict of any kind
 * for it fits the room that was asked for. First byte of the input: the kind of verdict, 4 = with an edit. */
#include "fuzz.h"
#include "tap/nfqueue_message.h"

static struct verdict v;

static void pay(const struct nfqueue_message *m)
{
	size_t room = nfqueue_message_verdict_room(&m->packet), used;
	uint8_t *at = aligned_alloc(8, (room + 7) & ~(size_t)7);

	if (v.edit_count && m->packet.captured_bytes >= 4)
		v.edits[0] = (struct edit) { .offset = m->packet.captured_bytes - 4, .len = 4 };
	else
		v.edit_count = 0;
	used = nfqueue_message_put_verdict(at, 2500, 0x0f000000, &m->packet, m->bytes, &v);
	FUZZ_CHECK(used <= room && used % 4 == 0);
	free(at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t options = input_byte(&in), *bytes = input_copy(in.at, in.left);
	const uint8_t *end = bytes + in.left;
	uint64_t pass[16];
	struct nfqueue_message m;

	v = (struct verdict) { .kind = (options & 3) % 3, .edit_count = options >> 2 & 1, .bytes_used = 4 };
	switch (nfqueue_message_read(
	        (const struct nlmsghdr *)(const void *)bytes, in.left, 1700000000000000, &m)) {
	case MESSAGE_PACKET:
		FUZZ_CHECK(m.bytes >= bytes && m.packet.captured_bytes > 0);
		FUZZ_CHECK(m.packet.captured_bytes <= (size_t)(end - m.bytes));
		FUZZ_CHECK(m.packet.captured_bytes <= m.packet.length_bytes);
		pay(&m);
		break;
	case MESSAGE_UNREADABLE:
		FUZZ_CHECK(nfqueue_message_put_pass(pass, 2500, m.packet.ticket) <= sizeof(pass));
		break;
	case MESSAGE_ERROR:
	case MESSAGE_NOTHING:
		break;
	}
	free(bytes);
	return 0;
}
