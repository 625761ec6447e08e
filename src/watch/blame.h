/* blame.h - replies of mail servers that say: your address has a bad name. */
#ifndef WATCH_BLAME_H
#define WATCH_BLAME_H

#include "postern/event.h"

/* Who says so: the name of a list or provider, or of what is said. NULL: the reply is no 4xx or 5xx, or says nothing like
 * it. */
const char *blame_read(const struct event_reply *reply);

#endif
