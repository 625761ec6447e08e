/* copies.h - packets that a capture holds twice, from two interfaces of a gateway. */
#ifndef POSTERN_COPIES_H
#define POSTERN_COPIES_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/packet.h"

struct copies;

/* NULL with errno. */
struct copies *copies_new(void);
void copies_free(struct copies *c); /* NULL is fine */
/* Forgets all connections, as another capture begins. */
void copies_reset(struct copies *c);
/* The packet was captured at an interface (in_if) that is not the one at which this direction of its
 * connection is read: to be left out. */
bool copies_has(struct copies *c, const struct packet *packet, const uint8_t *bytes);
/* How many were left out. */
uint64_t copies_count(const struct copies *c);

#endif
