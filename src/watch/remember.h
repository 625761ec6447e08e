/* remember.h - what is remembered of each connection, for findings that come later (struct watch_memory in judge.h). */
#ifndef WATCH_REMEMBER_H
#define WATCH_REMEMBER_H

#include <stdbool.h>

struct event;
struct table;

/* connections: flow_id -> struct watch_memory. Before the judges look at e. True: another connection had to be forgotten for it. */
bool remember_event(struct table *connections, const struct event *e);
/* After the judges have looked at e: what ends with it is forgotten. */
void remember_end(struct table *connections, const struct event *e);

#endif
