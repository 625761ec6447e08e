/* checksum.c - the Internet checksum over bytes, over an IPv4 header, over a TCP segment.
 *
 * Sums are taken in 32-bit words of network order: 2^16 is 1 modulo 65535, so words of any multiple
 * of 16 bits give the same folded result, and a 64-bit sum cannot overflow below 16 GiB.
 *
 * Rejected: summing in host order and swapping at the end (RFC 1071 2B). Faster by one instruction
 * a word, but then every partial sum in the callers has a byte order to remember.
 *
 * Sources: RFC 1071; RFC 9293 3.1 and RFC 8200 8.1 for the pseudo headers.
 */
#include "wire/checksum.h"

#include "base/bytes.h"

enum { PROTO_TCP = 6, TCP_CHECK_AT = 16 };

uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, uint32_t len)
{
	for (; len >= 4; bytes += 4, len -= 4)
		sum += bytes_get32(bytes);
	if (len >= 2) {
		sum += bytes_get16(bytes);
		bytes += 2;
		len -= 2;
	}
	return len ? sum + ((uint64_t)bytes[0] << 8) : sum;
}

uint16_t checksum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Addresses, protocol and length. The length field has 16 bits for IPv4 and 32 for IPv6; folded they
 * weigh the same, which is also how the kernel sums IPv4 packets above 64 KiB. */
static uint64_t pseudo_header(const struct segment *seg, uint32_t tcp_bytes)
{
	uint32_t skip = seg->v6 ? 0 : 12, n = seg->v6 ? 16 : 4;
	uint64_t sum = (uint64_t)PROTO_TCP + tcp_bytes;

	sum = checksum_add(sum, seg->src.b + skip, n);
	return checksum_add(sum, seg->dst.b + skip, n);
}

uint16_t checksum_tcp(const uint8_t *packet, const struct segment *seg)
{
	const uint8_t *tcp = packet + seg->tcp_offset;
	uint32_t len = seg->payload_offset - seg->tcp_offset + seg->payload_bytes;
	uint64_t sum = pseudo_header(seg, len);

	/* the checksum field itself counts as 0 */
	sum = checksum_add(sum, tcp, TCP_CHECK_AT);
	sum = checksum_add(sum, tcp + TCP_CHECK_AT + 2, len - TCP_CHECK_AT - 2);
	return checksum_fold(sum);
}

bool checksum_ipv4_ok(const uint8_t *header, uint32_t header_bytes)
{
	return checksum_fold(checksum_add(0, header, header_bytes)) == 0;
}
