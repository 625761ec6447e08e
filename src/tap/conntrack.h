/* conntrack.h - asks the kernel's connection tracking how a connection was translated. */
#ifndef TAP_CONNTRACK_H
#define TAP_CONNTRACK_H

#include <stdbool.h>

#include "postern/event.h"

struct conntrack;

/* NULL with errno: no memory, no right, or a kernel without ctnetlink. */
struct conntrack *conntrack_open(void);
void conntrack_close(struct conntrack *c); /* NULL is fine */
/* The connection as the outside sees it; the addresses of c that were not translated are themselves. 0, -ENOENT (it is
 * not tracked, or both ends were translated) or -errno. Two questions at most, which the kernel answers at once. */
int conntrack_find(struct conntrack *c, const struct event_connection *conn, struct event_nat *out);

#endif
