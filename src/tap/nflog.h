/* nflog.h - copies of refused tries from one NFLOG group, as EVENT_REFUSED records. */
#ifndef TAP_NFLOG_H
#define TAP_NFLOG_H

#include <stdint.h>

#include "base/hash.h"
#include "postern/event.h"

struct nflog;

typedef void (*nflog_sink)(void *arg, const struct event *e);

/* Joins the group. NULL with errno and a message in err. hash_key: for flow ids. */
struct nflog *nflog_open(
        uint16_t group, const uint8_t hash_key[HASH_KEY_BYTES], char *err, unsigned err_bytes);
int nflog_fd(const struct nflog *l);
/* Reads what is there without waiting. conn of the events: addresses, ports, interface; rule,
 * server and direction are the caller's to fill in (the sink may do it). would: 1 in monitor mode.
 * Returns events read; *lost is raised by messages the kernel dropped. */
int nflog_read(struct nflog *l, nflog_sink sink, void *arg, uint64_t now_us, uint64_t *lost);
void nflog_close(struct nflog *l);

#endif
