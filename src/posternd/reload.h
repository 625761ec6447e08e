/* reload.h - takes a changed configuration into a running daemon. */
#ifndef POSTERND_RELOAD_H
#define POSTERND_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

struct daemon;

/* Reads and checks the configuration. A bad one, or one that would change what cannot change while we
 * run, is told on the log, and nothing is different. With a good one the rules are in force on return,
 * and the workers have been told of the policy. While another reload is not settled: done after it. */
void reload_start(struct daemon *d);
/* The same for somebody who asked. False: another one is not settled yet, nothing was done. Behind it, d->reload says
 * what became of it, once d->next is NULL. */
bool reload_ask(struct daemon *d, uint32_t uid);
/* Reads it again because lists have changed that it points to; if anything else has, nothing is taken. Not
 * while a reload is on its way. */
void reload_lists(struct daemon *d);
/* The DNS has changed who is let through: new addresses are in the rules on return, and the workers have been told. If
 * the rules cannot be changed, that is said, and d->follow says when to try again. Not while anything is on its way. */
void reload_upstreams(struct daemon *d);
/* What the DNS has changed is not in force, because the rules could not be changed: says it, if it is so. */
void reload_each_fault(
        const struct daemon *d, void (*each)(void *arg, const char *text, bool inspecting), void *arg);
/* Something is on its way. */
bool reload_runs(const struct daemon *d);
/* Ends a reload once every worker has moved on. Whenever a worker has called, and each second. */
void reload_settle(struct daemon *d);

#endif
