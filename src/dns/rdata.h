/* rdata.h - the data of a resource record, and names in it, from the wire. */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "dns/answer.h"

/* Each false if the bytes are not what the type says. */

/* A or AAAA, by length. */
bool rdata_read_addr(const struct dns_rdata *r, struct addr *out);
/* Lower case, no dot at the end; "." = the root, which as the only MX says that there is none. */
bool rdata_read_mx(const struct dns_rdata *r, uint16_t *preference, char name[DNS_NAME_MAX]);
/* The strings of a TXT record put together. False also if they need more than `bytes`, or hold a zero. */
bool rdata_read_text(const struct dns_rdata *r, char *text, unsigned bytes);

/* A host or domain name as SPF, or we, may ask for it: letters, digits, - and _ in labels of 1 to 63. */
bool dns_name_is_fine(const char *name);
/* Lower case, without a dot at the end. */
void dns_name_fold(char *name);

#endif
