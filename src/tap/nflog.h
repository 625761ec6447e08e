/* nflog.h - copies of refused tries from one NFLOG group.
 *
 * A copy is handed on as a packet, cut to its headers. Whoever takes it reads it with wire_parse() like
 * any other packet, so that this room needs no parser of its own and the log knows v6, extension
 * headers and malformed packets as well as inspection does.
 */
#ifndef TAP_NFLOG_H
#define TAP_NFLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/packet.h"

struct nflog_tap;

/* Rules that would refuse, were the mode not monitor, log under this prefix. */
#define NFLOG_PREFIX_WOULD "postern-would "
/* And those that cut off a client who is blocked. */
#define NFLOG_PREFIX_BLOCK "postern-block "
/* And those that refuse a connection too many of a client who is limited. */
#define NFLOG_PREFIX_LIMIT "postern-limit "

enum nflog_fate {
	NFLOG_REFUSED,
	NFLOG_WOULD /* logged, not refused (monitor mode) */,
	NFLOG_BLOCKED,
	NFLOG_LIMITED
};

/* bytes are valid during the call. */
typedef void (*nflog_tap_sink)(
        void *arg, const struct packet *packet, const uint8_t *bytes, enum nflog_fate fate);

/* Joins the group. NULL with errno and a message in err (EPERM, EBUSY, kernel without NFLOG). */
struct nflog_tap *nflog_tap_open(uint16_t group, char *err, unsigned err_bytes);
int nflog_tap_fd(const struct nflog_tap *l);
/* Reads what is there, up to a bound (call again when the descriptor is readable), without waiting.
 * now_us: for copies that carry no time. Returns copies read; *lost is raised by the number of copies
 * that the kernel could not deliver. */
int nflog_tap_read(struct nflog_tap *l, nflog_tap_sink sink, void *arg, uint64_t now_us, uint64_t *lost);
/* Leaves the group. What the kernel had collected for us until then can still be read. */
void nflog_tap_leave(struct nflog_tap *l);
void nflog_tap_close(struct nflog_tap *l); /* NULL is fine */

#endif
