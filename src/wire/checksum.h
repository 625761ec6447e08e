/* checksum.h - the Internet checksum (RFC 1071) and its incremental update (RFC 1624). */
#ifndef WIRE_CHECKSUM_H
#define WIRE_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/packet.h"

/* One's complement sum of len bytes, added to `sum` (not folded, not inverted). The bytes start at an
 * even position of the message. */
uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, uint32_t len);
/* Folds and inverts. */
uint16_t checksum_fold(uint64_t sum);
/* The TCP checksum this segment should carry; all its bytes must be present. */
uint16_t checksum_tcp(const uint8_t *packet, const struct segment *seg);
/* True if the IPv4 header's checksum is right (header_bytes 20..60). */
bool checksum_ipv4_ok(const uint8_t *header, uint32_t header_bytes);

#endif
