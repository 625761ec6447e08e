/* judge.h - what a watch is: one event in, at most one finding out.
 *
 * A judge sees the event and what is remembered of its connection, fills *f (started with
 * finding_init()) and answers true, or answers false and leaves *f undefined. Judges keep no state of
 * their own; watch.c lists them in a table by event kind.
 */
#ifndef WATCH_JUDGE_H
#define WATCH_JUDGE_H

#include <stdbool.h>

#include "postern/event.h"
#include "postern/finding.h"

/* Of one connection; lengths are 0 until seen. */
struct watch_memory {
	struct event_path helo;
	struct event_path mail_from; /* of the running transaction */
	struct event_path foreign;   /* its first foreign recipient that the server accepted */
	uint8_t foreign_form;        /* enum smtp_form of that recipient */
};

/* memory: NULL when the connection is not remembered (nothing seen of it, or evicted). */
typedef bool watch_judge(const struct event *e, const struct watch_memory *memory, struct finding *f);

watch_judge relay_judge_rcpt; /* EVENT_RCPT: relay.attempt, relay.accepted */
watch_judge relay_judge_data; /* EVENT_DATA: relay.accepted again, at the end of data */
watch_judge gate_judge_try;   /* EVENT_REFUSED: gate.refused */
watch_judge gate_judge_blind; /* EVENT_BLIND: gate.blind */

#endif
