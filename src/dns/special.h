/* special.h - addresses that no host of the world has, or none that the world can reach. Pure. */
#ifndef DNS_SPECIAL_H
#define DNS_SPECIAL_H

#include "base/addr.h"

/* From the harmless to the worst. */
enum special_use {
	SPECIAL_NONE, /* an address like any other */
	SPECIAL_PRIVATE,
	SPECIAL_SHARED,
	SPECIAL_LOOPBACK,
	SPECIAL_LINK_LOCAL,
	SPECIAL_NO_HOST, /* multicast, reserved, unspecified: nobody's, anywhere */
	SPECIAL_COUNT
};

/* What some address of this prefix is for; of several uses, the worst. */
enum special_use special_use(const struct prefix *p);
/* "a private address"; NULL for SPECIAL_NONE. */
const char *special_name(enum special_use use);

#endif
