/* finding.h - a finding's start: what every watch fills in the same way. */
#ifndef WATCH_FINDING_H
#define WATCH_FINDING_H

#include "postern/finding.h"

/* Clears *f and takes time and connection from e, the severity from the table of findings. */
void finding_init(struct finding *f, enum finding_id id, const struct event *e);

#endif
