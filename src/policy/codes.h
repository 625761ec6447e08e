/* codes.h - the return codes of a DNS list (RFC 5782) that count as "listed". Pure. */
#ifndef POLICY_CODES_H
#define POLICY_CODES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

enum { CODES_RANGES_MAX = 16 };

/* 127.0.0.0/8 in host order, first <= last. */
struct codes_range {
	uint32_t first, last;
};
struct codes {
	struct codes_range ranges[CODES_RANGES_MAX];
	unsigned count; /* 0 = CODES_FIRST to CODES_LAST */
};
#define CODES_FIRST UINT32_C(0x7f000002)
#define CODES_LAST UINT32_C(0x7f0000fe)

/* "127.0.0.2", "127.0.0.4-11", "127.0.0.4-127.0.0.11". 0; -EINVAL: it is none, or not of 127.0.0.0/8; -ERANGE: it
 * holds a code that is no listing (codes_is_error()). */
int codes_range_parse(const char *text, struct codes_range *out);
/* 127.255.255.0/24: "your question was refused" (whose, the last byte says). */
bool codes_is_error(uint32_t code);
bool codes_have(const struct codes *codes, uint32_t code);
/* Of an IPv4 address. */
uint32_t codes_number(const struct addr *a);

#endif
