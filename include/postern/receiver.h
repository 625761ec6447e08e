/* receiver.h - contract: where syslog messages go; from conf to report. */
#ifndef POSTERN_RECEIVER_H
#define POSTERN_RECEIVER_H

#include <stdint.h>

#include "base/addr.h"

enum receiver_kind {
	RECEIVER_NONE,
	RECEIVER_UNIX, /* datagrams to a socket of this machine */
	RECEIVER_UDP,
	RECEIVER_TCP,
	RECEIVER_KIND_COUNT
};

enum { RECEIVER_PATH_MAX = 108, RECEIVER_TEXT_MAX = RECEIVER_PATH_MAX + 8 }; /* sun_path */

/* RFC 5424 table 1, as far as programs may use them; X(name, number). */
#define RECEIVER_FACILITIES(X)                                                                               \
	X("auth", 4)                                                                                         \
	X("authpriv", 10)                                                                                    \
	X("daemon", 3)                                                                                       \
	X("mail", 2)                                                                                         \
	X("user", 1)                                                                                         \
	X("local0", 16)                                                                                      \
	X("local1", 17)                                                                                      \
	X("local2", 18)                                                                                      \
	X("local3", 19)                                                                                      \
	X("local4", 20)                                                                                      \
	X("local5", 21)                                                                                      \
	X("local6", 22)                                                                                      \
	X("local7", 23)

struct receiver {
	struct addr addr;
	uint16_t port;
	uint8_t kind; /* enum receiver_kind */
	uint8_t pad;
	char path[RECEIVER_PATH_MAX]; /* RECEIVER_UNIX; terminated */
};

#endif
