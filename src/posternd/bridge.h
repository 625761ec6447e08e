/* bridge.h - that what bridges forward passes the rules (nft.bridge). */
#ifndef POSTERND_BRIDGE_H
#define POSTERND_BRIDGE_H

#include "posternd/health.h"

struct daemon;

/* About once a second: tells in the log and the records when it begins to be wrong, or is right again. */
void bridge_tick(struct daemon *d);
/* What is wrong at the moment; of health_fault's kind. */
void bridge_each_fault(const struct daemon *d, health_fault *each, void *arg);

#endif
