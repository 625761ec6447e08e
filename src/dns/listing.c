/* listing.c - see listing.h. RFC 5782 sections 2.1 (IPv4), 2.2 (text), 2.4 (IPv6).
 *
 * Whoever answers with anything but 127.0.0.0/8 is no list: a domain that was given up and parked, or a resolver that
 * puts its owner's web server in the place of "no such name". Believed, it would list the world.
 */
#include "dns/listing.h"

#include <stdio.h>
#include <string.h>

#include "dns/rdata.h"

enum { V4_AT = 12, ADDR_BYTES = 16, NIBBLE_BITS = 4, LOOPBACK = 127 };

/* ---- names ------------------------------------------------------------------------------------- */

void listing_name(const struct addr *a, bool six, const char *zone, char out[DNS_NAME_MAX])
{
	static const char digits[] = "0123456789abcdef";
	char *at = out;

	if (!six) {
		snprintf(out, DNS_NAME_MAX, "%u.%u.%u.%u.%.*s", a->b[V4_AT + 3], a->b[V4_AT + 2],
		        a->b[V4_AT + 1], a->b[V4_AT], LISTING_ZONE_MAX, zone);
		return;
	}
	for (unsigned i = ADDR_BYTES; i-- > 0;) {
		*at++ = digits[a->b[i] & 0xf];
		*at++ = '.';
		*at++ = digits[a->b[i] >> NIBBLE_BITS];
		*at++ = '.';
	}
	snprintf(at, DNS_NAME_MAX - (size_t)(at - out), "%.*s", LISTING_ZONE_MAX, zone);
}

/* ---- answers ----------------------------------------------------------------------------------- */

static enum listing_verdict judge(const struct dns_rdata *r, const struct codes *codes, uint32_t *code)
{
	struct addr a;

	*code = 0;
	if (!rdata_read_addr(r, &a) || !addr_is_v4(&a))
		return LISTING_NONSENSE;
	*code = codes_number(&a);
	if (a.b[V4_AT] != LOOPBACK)
		return LISTING_NONSENSE;
	if (codes_is_error(*code))
		return LISTING_REFUSED;
	return codes_have(codes, *code) ? LISTING_YES : LISTING_OTHER;
}

/* Of the answers' verdicts the one that decides; an error says that the others mean nothing. */
static bool is_stronger(enum listing_verdict a, enum listing_verdict than)
{
	static const unsigned ranks[LISTING_VERDICTS] = { [LISTING_NO] = 0,
		[LISTING_OTHER] = 1,
		[LISTING_YES] = 2,
		[LISTING_NONSENSE] = 3,
		[LISTING_REFUSED] = 4 };

	return ranks[a] > ranks[than];
}

/* In order, since servers turn their answers round. */
static void add_code(struct listing *l, uint32_t code)
{
	unsigned at = l->count;

	if (l->count == LISTING_CODES_MAX)
		return;
	for (; at > 0 && l->codes[at - 1] > code; at--)
		l->codes[at] = l->codes[at - 1];
	l->codes[at] = code;
	l->count++;
}

void listing_read(const struct dns_answer *a, const struct codes *codes, struct listing *out)
{
	enum listing_verdict verdict;
	uint32_t code;

	*out = (struct listing) { .verdict = a->status > DNS_NO_NAME ? LISTING_UNANSWERED : LISTING_NO };
	if (a->status != DNS_OK)
		return;
	for (unsigned i = 0; i < a->count; i++) {
		verdict = judge(&a->data[i], codes, &code);
		if (is_stronger(verdict, out->verdict))
			*out = (struct listing) { .verdict = verdict };
		if (verdict == out->verdict)
			add_code(out, code);
	}
}

unsigned listing_read_text(const struct dns_answer *a, char text[LISTING_TEXT_MAX])
{
	const struct dns_rdata *r = a->data;
	unsigned len = 0;

	if (a->status != DNS_OK || a->count == 0)
		return 0;
	/* strings, each behind its length (RFC 1035 3.3.14); what is behind a wrong one is not read */
	for (unsigned at = 0; at < r->len && at + 1 + r->bytes[at] <= r->len; at += 1U + r->bytes[at]) {
		unsigned n = r->bytes[at];

		if (n > LISTING_TEXT_MAX - len)
			n = LISTING_TEXT_MAX - len;
		memcpy(text + len, r->bytes + at + 1, n);
		len += n;
	}
	return len;
}
