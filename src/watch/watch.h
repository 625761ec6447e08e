/* watch.h - events in, findings out. Exactly one engine, pure, fixed memory.
 *
 * Findings of one kind about one source are one incident: the first is told in full, further ones
 * when their number has doubled (2, 4, 8, ...), and a summary when it was quiet for a window. What
 * is not told is counted in the incident, never lost. For habits, which honest hosts show in each of their
 * sessions (no TLS, line ends), that window is a day: a printer is one story, not one an hour.
 *
 * Refused tries come from anywhere, and their sources may be forged. So only refused_sources of them
 * open an incident of their own in quiet_s; the tries of further ones are pooled, one incident for each
 * group of servers.
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/ring.h"
#include "postern/counter.h"
#include "postern/event.h"
#include "postern/finding.h"

struct watch;
struct policy;
struct sources;

struct watch_settings {
	uint32_t connections;     /* remembered at once, 16..2^22 */
	uint32_t incidents;       /* open at once, 16..2^22 */
	uint32_t relays;          /* relayed mails followed out of the house, 16..2^20 */
	uint32_t tls_servers;     /* whose offers of STARTTLS are remembered, 16..2^22 */
	uint32_t refused_sources; /* with an incident of their own, in quiet_s */
	uint32_t quiet_s;         /* an incident closes after this long without a finding */
	uint32_t habits;          /* incidents of habits open at once, 16..2^22 */
	uint32_t habit_quiet_s;   /* and when they close */
	uint32_t sources;         /* in the ledger at once, 1..2^22 */
	uint8_t hash_key[HASH_KEY_BYTES];
};
void watch_settings_default(struct watch_settings *s);

/* findings: ring of struct finding slots, not owned. NULL with errno. */
struct watch *watch_new(const struct watch_settings *s, struct ring *findings);
void watch_free(struct watch *w);
/* orders: ring of struct order slots, not owned; what findings ask for goes there, too. */
void watch_set_orders(struct watch *w, struct ring *orders);
/* Borrowed until the next call. NULL, as at the beginning: nobody's traffic is looked at beyond the single connection. */
void watch_set_policy(struct watch *w, const struct policy *policy);
void watch_event(struct watch *w, const struct event *e);
/* Closes incidents that went quiet. About once a second. */
void watch_tick(struct watch *w, uint64_t now_us);
/* Closes all of them; call until it returns 0, draining the ring between calls. */
uint32_t watch_finish(struct watch *w, uint64_t now_us);

/* Instead: tells what is not told yet, and leaves all open; likewise. */
uint32_t watch_leave(struct watch *w, uint64_t now_us);
/* An incident of before goes on, as incident_restore(). */
bool watch_restore(struct watch *w, const struct finding *story, uint64_t now_us);
/* The next incident that has changed since it was last given; NULL at the end of a round, and cursor is 0 again. */
const struct finding *watch_next_changed(struct watch *w, uint32_t *cursor);
/* All of them are given again. */
void watch_change_all(struct watch *w);

/* Incidents that are open, habits behind the others, as incident_scan(). Valid until the next event or tick. */
const struct finding *watch_scan_incidents(const struct watch *w, uint32_t *cursor);

/* What was done about this source has been lifted by a person: what it has climbed is forgotten. */
void watch_forgive(struct watch *w, const struct prefix *source);
/* The ledger; never NULL. */
struct sources *watch_sources(struct watch *w);

/* The memory of a part, for what its own header offers; NULL: there is no such part. */
struct part;
void *watch_part(struct watch *w, const struct part *part);

/* findings: raised; each is then told (in the ring), kept in its incident, or lost (ring full). */
struct watch_counts watch_counts(const struct watch *w);

#endif
