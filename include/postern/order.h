/* order.h - contract: what a finding asks for, beside being told.
 *
 * A finding is told once for many; what has to be done about its source must not wait for that, so each one that has an
 * action beyond the connection itself gives an order. Fixed size, no pointer.
 */
#ifndef POSTERN_ORDER_H
#define POSTERN_ORDER_H

#include <stdint.h>

#include "base/addr.h"

struct order {
	uint64_t time_us; /* of the finding */
	struct addr source;
	uint32_t finding; /* enum finding_id */
	uint8_t action;   /* enum action: slow, limit, refuse-session, block, climb */
	uint8_t verified; /* the source completed a TCP handshake (its address is not forged) */
	uint8_t bits;     /* of source, what is meant: in the mapped space, 0 = one host */
	uint8_t pad;
	uint32_t for_s; /* 0 = as configured for the action */
	uint32_t pad2;
};

#endif
