/* fuzz_fragments.c - packets of any bytes to the two slots of a reassembler.
 *
 * The input is packets, each behind four bytes: its length, bytes that the wire had beyond it, and seconds since
 * the one before. What must hold: a datagram that comes out is a whole packet, as long as it says, that is no
 * fragment itself; what went in and did not come out is counted.
 */
#include "fuzz.h"
#include "wire/fragments.h"
#include "wire/packet.h"

static void check_whole(const struct packet *whole, const uint8_t *bytes, uint64_t now_us)
{
	uint8_t *copy;
	struct segment seg;

	FUZZ_CHECK(whole->captured_bytes == whole->length_bytes && whole->length_bytes <= 65535 + 40);
	FUZZ_CHECK(whole->time_us == now_us);
	copy = input_copy(bytes, whole->captured_bytes);
	FUZZ_CHECK(wire_parse(whole, copy, &seg) != WIRE_TRUNCATED);
	FUZZ_CHECK((copy[0] >> 4) == 6 || ((copy[6] & 0x3f) == 0 && copy[7] == 0));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct fragments *f = fragments_new(2);
	struct packet meta = { .flags = PACKET_OFFLINE | PACKET_CSUM_IGNORE }, whole;
	struct fragments_counts n;
	const uint8_t *bytes;

	FUZZ_CHECK(f);
	while (in.left > 0) {
		uint32_t len = input_u16(&in);
		uint8_t *packet;

		meta.length_bytes = input_byte(&in);
		meta.time_us += input_byte(&in) * UINT64_C(1000000);
		len = len < in.left ? len : (uint32_t)in.left;
		meta.captured_bytes = len;
		meta.length_bytes += len;
		packet = input_copy(in.at, len);
		in.at += len;
		in.left -= len;
		if (fragments_push(f, &meta, packet, &whole, &bytes) && bytes)
			check_whole(&whole, bytes, meta.time_us);
		free(packet);
	}
	fragments_finish(f);
	n = fragments_counts(f);
	FUZZ_CHECK(n.whole + n.lost <= n.fragments);
	fragments_free(f);
	return 0;
}
