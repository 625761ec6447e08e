/* listing.h - one question to a DNS list (real-time blocklist, RFC 5782) and what its answer means. Pure. */
#ifndef DNS_LISTING_H
#define DNS_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "dns/answer.h"
#include "policy/codes.h"

enum {
	LISTING_ZONE_MAX = 189, /* bytes of a zone's name: an IPv6 address needs 64 of the 253 before it */
	LISTING_CODES_MAX = 4,  /* remembered of an answer */
	LISTING_TEXT_MAX = 160  /* of the reason that a list gives */
};

/* The name to be asked for. six: as RFC 5782 section 2.4 asks for IPv6 addresses, also one that holds an IPv4 one. zone is
 * folded, of LISTING_ZONE_MAX bytes at most. */
void listing_name(const struct addr *a, bool six, const char *zone, char out[DNS_NAME_MAX]);

enum listing_verdict {
	LISTING_NO,
	LISTING_YES,
	LISTING_OTHER,      /* there is an answer, whose codes do not count */
	LISTING_REFUSED,    /* the list does not answer us: codes[0] says so */
	LISTING_NONSENSE,   /* it answers with addresses that are no codes */
	LISTING_UNANSWERED, /* nobody has answered, or wrongly */
	LISTING_VERDICTS
};
struct listing {
	enum listing_verdict verdict;
	unsigned count;
	uint32_t codes[LISTING_CODES_MAX]; /* that count; of the other verdicts, the one that led to it */
};
void listing_read(const struct dns_answer *a, const struct codes *codes, struct listing *out);
/* The first text of an answer to a TXT question, cut to LISTING_TEXT_MAX bytes; whatever it holds, so it is not printed as
 * it is. How many bytes, 0 = there is none. */
unsigned listing_read_text(const struct dns_answer *a, char text[LISTING_TEXT_MAX]);

#endif
