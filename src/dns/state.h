/* state.h - what is known of upstreams as text: for the next life, and from one configuration to the next. */
#ifndef DNS_STATE_H
#define DNS_STATE_H

#include <stdio.h>

#include "dns/upstream.h"

/* 0 or -EIO. */
int state_print(const struct upstream *list, size_t count, FILE *to);
/* Fills in what the text knows of the names that these upstreams are followed by, and they have nothing of
 * yet. text is written to. 0; -EBADMSG: it is none of ours, or damaged; -ENOMEM. */
int state_read(struct upstream *list, size_t count, char *text);

#endif
