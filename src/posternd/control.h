/* control.h - answers those who ask at the control socket, in the loop's thread, a bounded piece of work at a time. */
#ifndef POSTERND_CONTROL_H
#define POSTERND_CONTROL_H

#include <stdint.h>

struct control;
struct daemon;
struct ev_loop;

#define CONTROL_COUNTS(X)                                                                                    \
	X(ACCEPTED, "accepted")                                                                              \
	X(ANSWERED, "answered")                                                                              \
	X(REFUSED, "refused")   /* they have no right to ask */                                              \
	X(BAD, "bad")           /* requests that are none, or name no command of ours */                     \
	X(TOO_LONG, "too_long") /* requests beyond PROTOCOL_REQUEST_MAX */                                   \
	X(SLOW, "slow")         /* took too long to ask, or to take the answer */                            \
	X(LEFT, "left")         /* went before the answer was theirs */

enum control_count {
#define X(name, text) CONTROL_##name,
	CONTROL_COUNTS(X)
#undef X
	        CONTROL_COUNT
};

/* Opens the socket of d's configuration, if it names one. One that cannot be had is said and tried again later: it
 * keeps nobody from guarding. NULL without memory. d and ev are borrowed. */
struct control *control_new(struct daemon *d, struct ev_loop *ev);
void control_free(struct control *c); /* NULL is fine */
/* About once a second, and when something has happened that an answer may wait for. now_us: monotonic. */
void control_tick(struct control *c, uint64_t now_us);
void control_wake(struct control *c);
/* Why nobody can ask at the moment; NULL = they can, or shall not. */
const char *control_fault(const struct control *c);
uint64_t control_counted(const struct control *c, enum control_count what);

#endif
