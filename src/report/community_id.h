/* community_id.h - Community ID version 1, the flow hash by which other tools find the same connection. */
#ifndef REPORT_COMMUNITY_ID_H
#define REPORT_COMMUNITY_ID_H

#include <stdint.h>

#include "base/addr.h"

enum { COMMUNITY_ID_MAX = 31 }; /* "1:" + 28 characters of base64 + NUL */

/* Of a TCP connection, seed 0; the same for both directions. Returns out. */
char *community_id_print(char out[COMMUNITY_ID_MAX], const struct addr *src, uint16_t sport,
        const struct addr *dst, uint16_t dport);

#endif
