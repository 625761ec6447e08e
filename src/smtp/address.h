/* address.h - what a forward-path says about where the mail would finally go.
 *
 * A path can send mail on through several hosts: a source route "@a,@b:u@c" (RFC 5321 appendix C),
 * "u%b@a", "b!u@a", a quoted "\"u@b\"@a", forms of gateways; smtp/forms lists them. parse() undoes these and lists the hops in the order in
 * which mail would travel: hop 0 is the domain the receiving server looks at, the last one where
 * the mail ends. Whether a hop is undone at all matters only if the one before it is ours: policy
 * walks the hops and stops at the first foreign one.
 *
 * Never undone, because honest senders use them: SRS0/SRS1, prvs=, VERP, +tag, a percent part
 * without a dot, IMCEA forms other than IMCEASMTP.
 */
#ifndef SMTP_ADDRESS_H
#define SMTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "postern/form.h"

enum { SMTP_HOPS_MAX = 8, SMTP_DOMAIN_MAX = 256 };

struct smtp_hop {
	bool literal;     /* an address literal whose address could be read */
	struct addr addr; /* if literal */
	uint16_t len;
	char domain
	        [SMTP_DOMAIN_MAX]; /* lower-cased ASCII, no trailing dot, terminated; "[...]" for literals */
};

struct smtp_address {
	enum smtp_form form;
	unsigned hop_count; /* 0 for BARE and NULL */
	struct smtp_hop hops[SMTP_HOPS_MAX];
};

/* path: as sent, with or without angle brackets, not terminated; up to 4096 bytes. Never fails:
 * what cannot be read is SMTP_FORM_MALFORMED with the hops that could be read. */
void smtp_address_parse(const char *path, size_t len, struct smtp_address *out);
const char *smtp_form_name(enum smtp_form form);

#endif
