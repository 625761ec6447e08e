/* answer.h - what came back to a question to the DNS, whoever asked it: resolver.c in the daemon, tables in tests. */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

enum { DNS_NAME_MAX = 256, DNS_WHY_MAX = 400 };

/* As numbered by IANA. */
enum dns_type { DNS_A = 1, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28, DNS_DNSKEY = 48 };

/* The first three are answers; the others say that there is none. */
enum dns_status {
	DNS_OK,
	DNS_EMPTY,   /* the name is there, the type is not */
	DNS_NO_NAME, /* NXDOMAIN */
	DNS_FAILED,  /* SERVFAIL and other codes */
	DNS_TIMEOUT,
	DNS_BOGUS,       /* a signature that should be there is wrong or missing */
	DNS_UNVALIDATED, /* not signed, and `require-dnssec` wants it to be */
	DNS_STATUS_COUNT
};
#define DNS_STATUS_NAMES "ok", "empty", "no such name", "server failure", "timeout", "bogus", "not validated"

/* From the weakest to the strongest. */
enum dns_validation {
	DNS_UNCHECKED, /* nobody has looked: no trust anchor, or a resolver that strips signatures */
	DNS_INSECURE,  /* proven to be in an unsigned zone */
	DNS_SECURE,
	DNS_VALIDATION_COUNT
};
#define DNS_VALIDATION_NAMES "unchecked", "insecure", "secure"

struct dns_rdata {
	const uint8_t *bytes; /* names in it are not compressed */
	unsigned len;
};

/* Lives as long as the call it is handed to. */
struct dns_answer {
	enum dns_status status;
	enum dns_validation validation;
	uint32_t ttl_s;
	const char *alias; /* the name that the data belongs to, if it is another one (CNAME); else NULL */
	const char *why;   /* of a status that is no answer; may be NULL */
	const struct dns_rdata *data;
	unsigned count;
};

#endif
