/* watch.h - events in, findings out. Exactly one engine, pure, fixed memory.
 *
 * What is found about one source is one incident (incident.h): the first finding of each rule is told in full, further ones
 * when their number has doubled (2, 4, 8, ...), and a summary when it was quiet for a window. What
 * is not told is counted in the incident, never lost.
 *
 * Habits, which honest hosts show in each of their sessions (no TLS, line ends), are an incident of their own, which waits
 * a day for the next of them: a printer is one story, not one an hour; and a story of a minute ends with that minute, although
 * its source goes on to talk without TLS.
 *
 * What the configuration suppresses asks for nothing and is told nobody; it is counted, in incidents beside the others.
 *
 * Sources come from anywhere, those of refused tries may be forged. So only so many of them have an incident of
 * their own in quiet_s; those of further ones are pooled, one incident for each direction and group of servers.
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/mention.h"
#include "base/ring.h"
#include "postern/action.h"
#include "postern/counter.h"
#include "postern/event.h"
#include "postern/finding.h"
#include "postern/forgotten.h"

struct hush;
struct mutes;
struct policy;
struct watch;
struct sources;

struct watch_settings {
	uint32_t connections;     /* remembered at once, 16..2^22 */
	uint32_t incidents;       /* open at once, 16..2^22 */
	uint32_t relays;          /* relayed mails followed out of the house, 16..2^20 */
	uint32_t tls_servers;     /* whose offers of STARTTLS are remembered, 16..2^22 */
	uint32_t refused_sources; /* with an incident of their own in quiet_s, for a refused try; */
	uint32_t severe_sources;  /* for something of severity 1; */
	uint32_t other_sources;   /* for anything else; */
	uint32_t muted_sources;   /* for what is muted */
	uint32_t quiet_s;         /* an incident closes after this long without a finding, without a policy */
	uint32_t habits;          /* incidents of habits open at once, 16..2^22 */
	uint32_t habit_quiet_s;   /* and when they close */
	uint32_t sources;         /* in the ledger at once, 1..2^22 */
	uint32_t habit_sources;   /* with one of their own in that time */
	uint32_t suppressed;      /* incidents of what is suppressed, 16..2^22 */
	uint8_t hash_key[HASH_KEY_BYTES];
};
void watch_settings_default(struct watch_settings *s);

/* findings: ring of struct finding slots, not owned. NULL with errno. */
struct watch *watch_new(const struct watch_settings *s, struct ring *findings);
void watch_free(struct watch *w);
/* orders: ring of struct order slots, not owned; what findings ask for goes there, too. */
void watch_set_orders(struct watch *w, struct ring *orders);
/* Orders are given in monitor mode, too: what enforce mode would do, for whom only counts it. */
void watch_set_forecast(struct watch *w, bool on);
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
/* Likewise, with incident_remember(). */
void watch_remember(struct watch *w, const struct finding *story);
/* The next incident that has changed since it was last given; NULL at the end of a round, and cursor is 0 again. */
const struct finding *watch_next_changed(struct watch *w, uint32_t *cursor);
/* All of them are given again. */
void watch_change_all(struct watch *w);

/* Incidents that are open, habits behind the others, as incident_scan(). Valid until the next event or tick. */
const struct finding *watch_scan_incidents(const struct watch *w, uint32_t *cursor);
/* Those of what is suppressed. */
const struct finding *watch_scan_suppressed(const struct watch *w, uint32_t *cursor);
const struct finding *watch_find_suppressed(const struct watch *w, uint64_t id); /* NULL = none */
/* NULL = none of that id is open. */
const struct finding *watch_find_incident(const struct watch *w, uint64_t id);
/* Somebody knows of it: incident_ack(). */
bool watch_ack(struct watch *w, uint64_t id, const struct incident_ack *ack);
/* How much was suppressed, by the blocks of the policy in force. */
const struct hush *watch_hush(const struct watch *w);
/* Who is muted; the caller changes it. */
struct mutes *watch_mutes(struct watch *w);

/* What was done about this source has been lifted by a person: what it has climbed is forgotten. */
void watch_forgive(struct watch *w, const struct prefix *source);
/* What open incidents quote of mails of before. */
void watch_expire_quotes(struct watch *w, uint64_t before_us);
/* All that is known of somebody. What comes of him behind it is known again. */
void watch_forget(struct watch *w, const struct mention *who, struct forgotten *out);
/* The daemon before has done this about the source (act_restore()); after watch_set_policy(). */
void watch_restore_rung(struct watch *w, const struct prefix *source, enum action action, uint32_t finding,
        uint64_t since_us, uint64_t until_us);
/* The ledger; never NULL. */
struct sources *watch_sources(struct watch *w);

/* The memory of a part, for what its own header offers; NULL: there is no such part. */
struct part;
void *watch_part(struct watch *w, const struct part *part);

/* findings: raised; each is then told (in the ring), kept in its incident, or lost (ring full). */
struct watch_counts watch_counts(const struct watch *w);

#endif
