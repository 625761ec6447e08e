/* memory.h - what this daemon remembers of the one before it, and leaves to the next: its side of the store. */
#ifndef POSTERND_MEMORY_H
#define POSTERND_MEMORY_H

#include <stdbool.h>

#include "posternd/daemon.h"

/* Opens d->store as the configuration says; NULL where it says none. False only without memory, said. */
bool memory_open(struct daemon *d);
/* Everything is read. From now on the store is written. */
void memory_start(struct daemon *d);
/* After a reload. */
void memory_set_conf(struct daemon *d, const struct conf *conf);
/* About once a second. */
void memory_tick(struct daemon *d);
void memory_close(struct daemon *d);

#endif
