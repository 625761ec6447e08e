/* codes.c - see codes.h.
 *
 * 127.255.255.0/24 is what the big lists answer to those they do not serve (a public resolver, too many questions, a
 * misspelt zone). It is in no RFC, and whoever takes it for a listing refuses everybody.
 */
#include "policy/codes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { V4_AT = 12, LOOPBACK = 127, OCTET_MAX = 255 };
static const uint32_t error_net = 0x7fffff00, error_mask = 0xffffff00;

uint32_t codes_number(const struct addr *a)
{
	return (uint32_t)a->b[V4_AT] << 24 | (uint32_t)a->b[V4_AT + 1] << 16 |
	       (uint32_t)a->b[V4_AT + 2] << 8 | a->b[V4_AT + 3];
}

bool codes_is_error(uint32_t code)
{
	return (code & error_mask) == error_net;
}

static int code_parse(const char *text, uint32_t *out)
{
	struct addr a;

	if (addr_parse(text, &a) < 0 || !addr_is_v4(&a) || a.b[V4_AT] != LOOPBACK)
		return -EINVAL;
	*out = codes_number(&a);
	return 0;
}

/* The end of a range: an address, or its last octet alone. */
static int end_parse(const char *text, uint32_t first, uint32_t *out)
{
	unsigned long octet;
	char *end;

	if (strchr(text, '.'))
		return code_parse(text, out);
	octet = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || octet > OCTET_MAX)
		return -EINVAL;
	*out = (first & error_mask) | (uint32_t)octet;
	return 0;
}

int codes_range_parse(const char *text, struct codes_range *out)
{
	const char *dash = strchr(text, '-');
	size_t len = dash ? (size_t)(dash - text) : strlen(text);
	char first[ADDR_TEXT_MAX] = "";

	if (len >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, len);
	if (code_parse(first, &out->first) < 0)
		return -EINVAL;
	out->last = out->first;
	if (dash && (end_parse(dash + 1, out->first, &out->last) < 0 || out->last < out->first))
		return -EINVAL;
	return out->last >= error_net && out->first <= (error_net | OCTET_MAX) ? -ERANGE : 0;
}

bool codes_have(const struct codes *codes, uint32_t code)
{
	for (unsigned i = 0; i < codes->count; i++)
		if (code >= codes->ranges[i].first && code <= codes->ranges[i].last)
			return true;
	return codes->count == 0 && code >= CODES_FIRST && code <= CODES_LAST;
}
