/* addr.c - IP addresses and prefixes in one space of 128 bits.
 *
 * IPv4 lies at ::ffff:0:0/96, so that comparing, masking and counting need no second code path; the
 * family shows only where text is read or written. The families stay apart all the same: "::/0"
 * means every IPv6 address to whoever writes it, so a prefix that begins outside of the mapped
 * space contains no IPv4 address.
 *
 * Text goes through inet_pton and inet_ntop, which are strict (no octal, no missing parts). Their
 * relatives inet_aton and getaddrinfo read "10.1" or "0x7f.1" and were rejected for that.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAPPED_BITS = 96, ADDR_BITS = 128, ADDR_BYTES = 16, MAPPED_BYTES = MAPPED_BITS / 8 };

static const uint8_t mapped[MAPPED_BYTES] = { [10] = 0xff, [11] = 0xff };

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}

struct addr addr_from_v4(const void *bytes4)
{
	struct addr a;

	memcpy(a.b, mapped, sizeof(mapped));
	memcpy(a.b + MAPPED_BYTES, bytes4, 4);
	return a;
}

struct addr addr_from_v6(const void *bytes16)
{
	struct addr a;

	memcpy(a.b, bytes16, sizeof(a.b));
	return a;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

int addr_parse(const char *text, struct addr *out)
{
	uint8_t bytes[ADDR_BYTES];

	if (inet_pton(AF_INET, text, bytes) == 1)
		*out = addr_from_v4(bytes);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*out = addr_from_v6(bytes);
	else
		return -EINVAL;
	return 0;
}

char *addr_print(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	bool v4 = addr_is_v4(a);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->b + MAPPED_BYTES : a->b, buf, ADDR_TEXT_MAX);
	return buf;
}

struct addr addr_mask(const struct addr *a, unsigned bits)
{
	struct addr masked = { { 0 } };

	memcpy(masked.b, a->b, bits / 8);
	if (bits % 8)
		masked.b[bits / 8] = (uint8_t)(a->b[bits / 8] & (0xff00 >> (bits % 8)));
	return masked;
}

bool addr_increment(struct addr *a)
{
	unsigned i = ADDR_BYTES;

	while (i-- > 0)
		if (++a->b[i] != 0)
			return true;
	return false;
}

bool addr_decrement(struct addr *a)
{
	unsigned i = ADDR_BYTES;

	while (i-- > 0)
		if (a->b[i]-- != 0)
			return true;
	return false;
}

/* Decimal without sign, blanks or leading zeros, at most `most`; -EINVAL for anything else. */
static int parse_length(const char *text, int most)
{
	int length = 0;
	const char *c;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return -EINVAL;
		length = length * 10 + (*c - '0');
		if (length > most)
			return -EINVAL;
	}
	return length;
}

int prefix_parse(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char host[ADDR_TEXT_MAX];
	struct addr addr;
	int first_bit, length;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (addr_parse(host, &addr) < 0)
		return -EINVAL;
	/* "::ffff:10.0.0.0/104" counts from the start of IPv6, as it is written */
	first_bit = strchr(host, ':') ? 0 : MAPPED_BITS;
	length = slash ? parse_length(slash + 1, ADDR_BITS - first_bit) : ADDR_BITS - first_bit;
	if (length < 0)
		return -EINVAL;
	out->bits = (uint8_t)(first_bit + length);
	out->addr = addr_mask(&addr, out->bits);
	return addr_compare(&out->addr, &addr) == 0 ? 0 : -EDOM;
}

char *prefix_print(const struct prefix *p, char buf[PREFIX_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];
	int first_bit = prefix_is_v4(p) ? MAPPED_BITS : 0;

	addr_print(&p->addr, host);
	if (p->bits == ADDR_BITS)
		snprintf(buf, PREFIX_TEXT_MAX, "%s", host);
	else
		snprintf(buf, PREFIX_TEXT_MAX, "%s/%d", host, p->bits - first_bit);
	return buf;
}

bool prefix_is_v4(const struct prefix *p)
{
	return p->bits >= MAPPED_BITS && addr_is_v4(&p->addr);
}

bool prefix_is_same(const struct prefix *a, const struct prefix *b)
{
	return a->bits == b->bits && addr_compare(&a->addr, &b->addr) == 0;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	struct addr masked;

	if (addr_is_v4(a) != prefix_is_v4(p))
		return false;
	masked = addr_mask(a, p->bits);
	return addr_compare(&masked, &p->addr) == 0;
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, &b->addr) || prefix_contains(b, &a->addr);
}

struct addr prefix_first(const struct prefix *p)
{
	return p->addr;
}

struct addr prefix_last(const struct prefix *p)
{
	struct addr last = p->addr;
	unsigned bit;

	for (bit = p->bits; bit % 8; bit++)
		last.b[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
	memset(last.b + bit / 8, 0xff, ADDR_BYTES - bit / 8);
	return last;
}
