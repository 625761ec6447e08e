/* addresses.h - the gateway's own addresses, of all interfaces, followed. */
#ifndef TAP_ADDRESSES_H
#define TAP_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct addresses;

/* Reads them. NULL with errno. */
struct addresses *addresses_open(void);
void addresses_close(struct addresses *a); /* NULL is fine */
/* Readable when something has changed. */
int addresses_fd(const struct addresses *a);
/* Reads again what there is. 1: others than before; 0; -errno: those of before stay. */
int addresses_update(struct addresses *a);
/* The first of them that lies in the prefix, or NULL. */
const struct addr *addresses_find(const struct addresses *a, const struct prefix *prefix);

#endif
