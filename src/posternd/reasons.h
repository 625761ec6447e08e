/* reasons.h - the words of a configuration for what was decided by it: rules and settings with their lines. */
#ifndef POSTERND_REASONS_H
#define POSTERND_REASONS_H

#include "conf/conf.h"
#include "watch/why.h"

struct reasons;

/* Copies all it needs. NULL without memory. */
struct reasons *reasons_new(const struct conf *conf);
void reasons_free(struct reasons *r); /* NULL is fine */
/* Writes why into d->reason. */
void reasons_write(const struct reasons *r, struct why_decision *d);

#endif
