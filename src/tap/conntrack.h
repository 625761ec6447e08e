/* conntrack.h - asks the kernel's connection tracking how a connection was translated. */
#ifndef TAP_CONNTRACK_H
#define TAP_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/event.h"

struct conntrack;

/* NULL with errno: no memory, no right, or a kernel without ctnetlink. */
struct conntrack *conntrack_open(void);
void conntrack_close(struct conntrack *c); /* NULL is fine */
/* The connection as the outside sees it; the addresses of c that were not translated are themselves. 0, -ENOENT (it is
 * not tracked, or both ends were translated) or -errno. Two questions at most, which the kernel answers at once. */
int conntrack_find(struct conntrack *c, const struct event_connection *conn, struct event_nat *out);
/* How long the kernel will remember the connection if no packet of it comes, in seconds. Found as above. 0 or -errno. */
int conntrack_left_s(struct conntrack *c, const struct event_connection *conn, uint32_t *left_s);

/* Whether the kernel has taken a FIN or RST of the connection for an end of it: 1, 0. Found as above, or -errno. */
int conntrack_closes(struct conntrack *c, const struct event_connection *conn);

/* What an answer says. */
struct conntrack_entry {
	struct event_nat nat;
	uint32_t left_s; /* 0: not said */
	bool closes;     /* a FIN or RST was taken for an end */
};
/* One answer of the kernel, aligned to 4 bytes, to question seq about conn. 0 and *out; -ENOMSG: it answers another one;
 * -EBADMSG: it is none; else -errno as the kernel says. */
int conntrack_read(const void *answer, size_t len, uint32_t seq, const struct event_connection *conn,
        struct conntrack_entry *out);

#endif
