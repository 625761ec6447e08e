/* resolver.h - questions to the DNS, asked at once and answered later (libunbound, which lives here only). */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/answer.h"

struct resolver_settings {
	const char *const *servers; /* "192.0.2.53", "192.0.2.53@5353"; borrowed until opened */
	unsigned server_count;      /* 0 = those of resolv.conf */
	const char *trust_anchor;   /* file; "" = nothing is validated */
	bool require_dnssec;        /* only what is validated is an answer */
	unsigned timeout_s;         /* for a question; 0 = 10 */
	unsigned negative_ttl_s; /* that there is no such name or type is believed so long at most; 0 = 15 */
};

enum { RESOLVER_OPEN_MAX = 256 /* questions at once */ };

/* What is known about signatures on the way from the servers. */
enum resolver_dnssec {
	RESOLVER_OFF,    /* no trust anchor: nobody looks */
	RESOLVER_CHECKS, /* answers are validated */
	RESOLVER_STRIPPED, /* they come without signatures: answers count unvalidated, or, with require_dnssec, not at all */
};

/* To a question: what it was asked for. The answer is gone when this returns; further questions may be asked in it. */
typedef void resolver_answered(void *arg, uint64_t cookie, const struct dns_answer *a);

struct resolver;

/* NULL with a message in err. */
struct resolver *resolver_open(const struct resolver_settings *s, resolver_answered *answered, void *arg,
        char *err, unsigned err_bytes);
void resolver_close(struct resolver *r); /* what is open is not answered any more; NULL is fine */
/* Readable when answers wait; the same for the whole life. */
int resolver_fd(const struct resolver *r);
/* Answered later, never in this call. 0; -ENOSPC: too many are open; -EIO. */
int resolver_ask(struct resolver *r, const char *name, enum dns_type type, uint64_t cookie, uint64_t now_s);
/* Takes what is there. When the descriptor is readable. */
void resolver_process(struct resolver *r, uint64_t now_s);
/* Gives up on what took too long. About once a second. now_s, here and above: monotonic. */
void resolver_tick(struct resolver *r, uint64_t now_s);
enum resolver_dnssec resolver_dnssec(const struct resolver *r);

#endif
