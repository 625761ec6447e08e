/* rdata.c - see rdata.h. RFC 1035 section 3.3, RFC 3596 section 2.2.
 *
 * A name with bytes that no host name has is no name to us: it would be asked for, printed and logged.
 */
#include "dns/rdata.h"

#include <string.h>

enum { LABEL_MAX = 63 };

static bool is_name_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_';
}

bool dns_name_is_fine(const char *name)
{
	size_t label = 0, i;

	for (i = 0; name[i]; i++) {
		if (name[i] == '.' && label == 0)
			return false;
		if (name[i] != '.' && !is_name_byte((uint8_t)name[i]))
			return false;
		label = name[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return i > 0 && i < DNS_NAME_MAX - 1;
}

void dns_name_fold(char *name)
{
	size_t len = strlen(name);

	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	for (; *name; name++)
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name | 0x20);
}

static bool read_name(const uint8_t *at, unsigned len, char name[DNS_NAME_MAX])
{
	unsigned n = 0, i;

	for (; len > 0 && *at > 0; len -= at[0] + 1u, at += at[0] + 1u) {
		if (*at > LABEL_MAX || *at + 1u >= len || n + *at + 2 > DNS_NAME_MAX)
			return false;
		for (i = 1; i <= *at; i++)
			if (!is_name_byte(at[i]))
				return false;
		memcpy(name + n, at + 1, *at);
		n += *at;
		name[n++] = '.';
	}
	if (n == 0)
		name[n++] = '.';
	name[n] = '\0';
	dns_name_fold(name);
	return len == 1;
}

bool rdata_read_addr(const struct dns_rdata *r, struct addr *out)
{
	if (r->len == 4)
		*out = addr_from_v4(r->bytes);
	else if (r->len == 16)
		*out = addr_from_v6(r->bytes);
	return r->len == 4 || r->len == 16;
}

bool rdata_read_mx(const struct dns_rdata *r, uint16_t *preference, char name[DNS_NAME_MAX])
{
	if (r->len < 3)
		return false;
	*preference = (uint16_t)(r->bytes[0] << 8 | r->bytes[1]);
	return read_name(r->bytes + 2, r->len - 2, name);
}

bool rdata_read_text(const struct dns_rdata *r, char *text, unsigned bytes)
{
	const uint8_t *at = r->bytes, *end = at + r->len;
	unsigned n = 0;

	while (at < end) {
		unsigned len = *at++;

		if (len > (unsigned)(end - at) || n + len >= bytes || memchr(at, '\0', len))
			return false;
		memcpy(text + n, at, len);
		n += len;
		at += len;
	}
	text[n] = '\0';
	return true;
}
