/* addr.h - IP addresses and prefixes, IPv4 held as v4-mapped IPv6 (::ffff:a.b.c.d): one code path. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr {
	uint8_t b[16]; /* network order */
};

/* bits counts in the mapped space: 10.0.0.0/8 has 104, a single host of either family 128. The
 * families stay apart: a prefix that is not prefix_is_v4() ("::/0") holds no IPv4 address. */
struct prefix {
	struct addr addr; /* bits behind the prefix are 0 */
	uint8_t bits;     /* 0..128 */
};

enum { ADDR_TEXT_MAX = 46, PREFIX_TEXT_MAX = 50 };

bool addr_is_v4(const struct addr *a);
/* From 4 bytes in network order. */
struct addr addr_from_v4(const void *bytes4);
/* From 16 bytes in network order. */
struct addr addr_from_v6(const void *bytes16);
/* memcmp order: all of IPv4 lies together. */
int addr_compare(const struct addr *a, const struct addr *b);
/* "192.0.2.1", "2001:db8::1"; no brackets, no scope. 0, or -EINVAL with *out untouched. */
int addr_parse(const char *text, struct addr *out);
/* IPv4 dotted, IPv6 as RFC 5952. Returns buf. */
char *addr_print(const struct addr *a, char buf[ADDR_TEXT_MAX]);

/* "192.0.2.0/24", "2001:db8::/32", or a bare address (a host). 0; -EINVAL not an address or
 * length out of range; -EDOM bits set behind the prefix (*out then holds the masked prefix). */
int prefix_parse(const char *text, struct prefix *out);
/* Family's own length ("10.0.0.0/8"), no "/32" or "/128" for hosts. Returns buf. */
char *prefix_print(const struct prefix *p, char buf[PREFIX_TEXT_MAX]);
bool prefix_is_same(const struct prefix *a, const struct prefix *b);
bool prefix_contains(const struct prefix *p, const struct addr *a);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b); /* one holds the other */
bool prefix_is_v4(const struct prefix *p);                            /* lies wholly in the mapped space */
/* First and last address covered; numerically, so the mapped space may lie between them. */
struct addr prefix_first(const struct prefix *p);
struct addr prefix_last(const struct prefix *p);
/* The next address; false (and *a all zero) behind the last one. */
bool addr_increment(struct addr *a);
/* The one before; false (and *a all ones) before the first one. */
bool addr_decrement(struct addr *a);
/* Keeps the first `bits` bits (0..128). */
struct addr addr_mask(const struct addr *a, unsigned bits);

#endif
