/* loop.h - the daemon's event loop (libev): signals, a timer, events of the workers, refused tries. */
#ifndef POSTERND_LOOP_H
#define POSTERND_LOOP_H

#include <stdbool.h>

struct daemon;
struct loop;

/* d is borrowed, and need not be complete before loop_run(). NULL with errno. */
struct loop *loop_new(struct daemon *d);
void loop_free(struct loop *l); /* NULL is fine; no thread may call loop_wake() any more */
/* Until SIGTERM or SIGINT (true), or a worker has ended by itself or lost its queue (false). */
bool loop_run(struct loop *l);
/* Looks at the upstreams' descriptor in place of the one of before; -1 = none. */
void loop_follow(struct loop *l, int fd);
/* Likewise the one of the DNS lists. */
void loop_ask(struct loop *l, int fd);
/* From any thread: something waits. Calls that come before the loop has looked count as one. */
void loop_wake(void *loop);

#endif
