/* restart.h - the keys that take effect when posternd starts, and not at a reload: what they say is claimed once. */
#ifndef CONF_RESTART_H
#define CONF_RESTART_H

#include <stdbool.h>

struct conf;

/* key: as key_label() prints it. */
bool restart_needs(const char *key);
/* Tells each such key that differs, and how it can change all the same and at what cost. */
typedef void restart_key(void *arg, const char *key, const char *remedy);
void restart_each(const struct conf *from, const struct conf *to, restart_key *each, void *arg);

#endif
