/* fuzz_packet.c - any bytes as a packet; and edits of those that are a TCP segment.
 *
 * First byte of the input: the packet's flags; second: 7 = bytes that the wire had beyond those captured, the
 * rest says where an edit lies.
 */
#include "base/bytes.h"
#include "fuzz.h"
#include "wire/checksum.h"
#include "wire/edit.h"
#include "wire/packet.h"

/* Four bytes are edited somewhere in the payload: the packet is right afterwards, and says what it said. */
static void edit(const struct packet *meta, uint8_t *bytes, const struct segment *seg, uint32_t at)
{
	static const uint8_t text[4] = { 'X', 'X', 'X', 'X' };
	struct slab *pool = edit_pool_new(4);
	struct edit_list list = { 0 };
	static struct verdict v;
	unsigned i;

	v.edit_count = v.bytes_used = 0;
	FUZZ_CHECK(edit_add(&list, pool, at, text, 4) == 0);
	if (edit_apply(&list, pool, meta, bytes, seg, 0, &v) == 0 && v.edit_count > 0) {
		for (i = 0; i < v.edit_count; i++) {
			FUZZ_CHECK(v.edits[i].offset + v.edits[i].len <= meta->captured_bytes);
			memcpy(bytes + v.edits[i].offset, v.bytes + v.edits[i].at, v.edits[i].len);
		}
		/* 0 and 0xffff are the same sum */
		FUZZ_CHECK((meta->flags & PACKET_CSUM_IGNORE) ||
		           bytes_get16(bytes + seg->tcp_offset + 16) % 0xffff ==
		                   checksum_tcp(bytes, seg) % 0xffff);
		FUZZ_CHECK(bytes[seg->payload_offset + at] == 'X');
	} else {
		FUZZ_CHECK(v.edit_count == 0);
	}
	edit_fini(&list, pool);
	FUZZ_CHECK(slab_used(pool) == 0);
	slab_free(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct packet meta = { .flags = input_byte(&in) };
	uint8_t options = input_byte(&in), *bytes = input_copy(in.at, in.left);
	struct segment seg;

	meta.captured_bytes = (uint32_t)in.left;
	meta.length_bytes = meta.captured_bytes + (options & 7);
	if (wire_parse(&meta, bytes, &seg) == WIRE_TCP) {
		FUZZ_CHECK(seg.payload_offset <= meta.captured_bytes);
		FUZZ_CHECK(seg.payload_captured <= meta.captured_bytes - seg.payload_offset);
		FUZZ_CHECK(seg.payload_captured <= seg.payload_bytes && seg.tcp_offset < seg.payload_offset);
		if ((options >> 3) < seg.payload_captured)
			edit(&meta, bytes, &seg, options >> 3);
	}
	free(bytes);
	return 0;
}
