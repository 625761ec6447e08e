/* spf.h - an SPF record (RFC 7208) to the terms that say from where a domain's mail comes. Pure. */
#ifndef DNS_SPF_H
#define DNS_SPF_H

#include <stdbool.h>

#include "base/addr.h"
#include "dns/answer.h"

enum {
	SPF_TEXT_MAX = 4096,
	SPF_LOOKUPS_MAX = 10, /* terms that ask the DNS, in a record and all that it includes (4.6.4) */
	SPF_VOIDS_MAX = 2,    /* of them without an answer */
	SPF_HOSTS_MAX = 10    /* in the MX of one term */
};

enum spf_kind {
	SPF_PREFIX, /* ip4, ip6 */
	SPF_A,
	SPF_MX,
	SPF_INCLUDE,
	SPF_REDIRECT, /* comes last, wherever it is written, and only without `all` */
	SPF_IGNORED,  /* text names a term that is left out, and why says the reason */
	SPF_BAD,      /* the record is invalid: whoever reads it must not use any of it */
	SPF_END
};

struct spf_term {
	enum spf_kind kind;
	struct prefix prefix;
	char domain[DNS_NAME_MAX]; /* of A, MX, INCLUDE, REDIRECT; "" = the record's own */
	uint8_t bits[2];           /* of A and MX: [0] IPv4, [1] IPv6, in the mapped space of struct prefix */
	char text[DNS_NAME_MAX];   /* the term as written, cut */
	const char *why;           /* of IGNORED and BAD */
};

struct spf {
	const char *next;
	char redirect[DNS_NAME_MAX];
	char redirect_text[DNS_NAME_MAX];
	bool ended, bad;
};

/* This TXT record is one. */
bool spf_is(const char *text);
/* text is borrowed, and spf_is(). */
void spf_begin(struct spf *s, const char *text);
/* Ask until SPF_END or SPF_BAD; both are sticky. */
void spf_next(struct spf *s, struct spf_term *out);

#endif
