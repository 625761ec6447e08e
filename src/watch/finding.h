/* finding.h - a finding's start: what every watch fills in the same way. */
#ifndef WATCH_FINDING_H
#define WATCH_FINDING_H

#include "postern/finding.h"

/* Clears *f and takes time and connection from e, the severity from the table of findings. */
void finding_init(struct finding *f, enum finding_id id, const struct event *e);

struct watch_memory;
/* Greeting and sender of the connection, as far as they are known: memory as watch_view has it. */
void finding_take_memory(struct finding *f, const struct watch_memory *memory);

#endif
