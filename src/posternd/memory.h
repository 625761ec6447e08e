/* memory.h - what this daemon remembers of the one before it, and leaves to the next: its side of the store. */
#ifndef POSTERND_MEMORY_H
#define POSTERND_MEMORY_H

#include <stdbool.h>

#include "posternd/daemon.h"

/* Opens d->store as the configuration says; NULL where it says none. False only without memory, said. */
bool memory_open(struct daemon *d);
/* Open incidents and who delivered go on in d->desk, which tells the store from now on. */
void memory_restore(struct daemon *d);
/* Everything is read. From now on the store is written. */
void memory_start(struct daemon *d);
/* After a reload. */
void memory_set_conf(struct daemon *d, const struct conf *conf);
/* About once a second: what has changed is kept. */
void memory_tick(struct daemon *d);
/* What is open now can go on in the next daemon. */
bool memory_keeps(const struct daemon *d);
/* Everything is kept, and the store closed. */
void memory_leave(struct daemon *d);
/* Without that. */
void memory_close(struct daemon *d);

#endif
