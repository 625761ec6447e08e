/* incident.h - all that is found about one source in one direction is one story, with the rules as its facets (story.h).
 *
 * Told in full are the first finding of a story (state open), the first one of each further facet, and later ones when the
 * findings of their facet have doubled (2, 4, 8, ...), or one is more severe than all before it in its facet, or is its first
 * that was not stopped (state grown). So nothing hides behind a louder rule. When nothing came for quiet_s a summary closes
 * the story: its face, with every facet, its count, first and last time.
 *
 * Whose story a finding is in: one source is a /32 of IPv4 or a /64 of IPv6, or as the finding says (source_bits). Where many
 * join against one (at_target), it is that of the target. What is about the gate itself has a story for each rule, which
 * ends with the daemon. What was done to the gate (audit) is told alone each time.
 *
 * Sources may be without number, and what is told must not be: in each quiet_s of the settings no more stories of sources are opened than a
 * budget says, one for tries, whose source may be forged, one for what is most severe, one for what is muted (the store is told
 * of it), one for the rest. What is found about further sources is pooled: a story for each direction and group of servers.
 *
 * A story that somebody has acknowledged is told again only for a new facet, or a finding that is worse; then it has to be
 * acknowledged again. A muted finding (mutes.h) is counted and not told; when the mute is over, the next one is, if it is
 * due.
 *
 * A story of a source or target that had one before, whose last finding is no older than INCIDENT_BEFORE_S, says which: who comes back after each
 * quiet_s is a chain of stories.
 *
 * A story can go on in another book, with its id and counts: that of the next daemon.
 *
 * Memory is fixed. A new story in a full table closes the one quiet for longest (its summary is told,
 * the eviction counted).
 */
#ifndef WATCH_INCIDENT_H
#define WATCH_INCIDENT_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/mention.h"
#include "base/ring.h"
#include "postern/counter.h"
#include "postern/finding.h"
#include "postern/forgotten.h"
#include "watch/mutes.h"

struct incident_book;

enum { INCIDENT_BEFORE_S = 7 * 86400 };
enum incident_budget { BUDGET_TRIES, BUDGET_SEVERE, BUDGET_OTHERS, BUDGET_MUTED, BUDGET_COUNT };

struct incident_settings {
	uint32_t capacity; /* stories open at once */
	uint32_t quiet_s;  /* also the time of the budgets */
	uint32_t budget[BUDGET_COUNT];
	uint8_t hash_key[HASH_KEY_BYTES];
	const struct mutes *mutes; /* borrowed; NULL = nobody is muted */
};

/* counts: added to, borrowed. findings: ring of struct finding, borrowed; NULL: nothing is ever told. NULL with errno. */
struct incident_book *incident_new(
        const struct incident_settings *s, struct ring *findings, struct watch_counts *counts);
void incident_free(struct incident_book *b); /* NULL is fine */
/* From now on, for those that are open, too; the budgets are for as long as before. */
void incident_set_quiet(struct incident_book *b, uint32_t quiet_s);
/* Open stories in the order of their places in the table; cursor 0 at the beginning. NULL at the end. */
const struct finding *incident_scan(const struct incident_book *b, uint32_t *cursor);
/* NULL = none of that id is open. */
const struct finding *incident_find(const struct incident_book *b, uint64_t id);
/* Counts f in its story and tells it if it is due; f->incident, f->pooled and f->silent are written. */
void incident_add(struct incident_book *b, struct finding *f);
/* Somebody knows of it: told once, with its facets. False: no such story is open. */
bool incident_ack(struct incident_book *b, uint64_t id, const struct incident_ack *ack);
/* Closes what was quiet for quiet_s at now_us. A summary that finds the ring full waits for the next
 * tick: summaries are only lost by incident_add() in a full table. */
void incident_tick(struct incident_book *b, uint64_t now_us);
/* A story that another daemon has left open goes on, with its id and count. story: as incident_next_changed() gave it;
 * give the one with the oldest last finding first. One whose time has passed meanwhile is closed by the next tick. False:
 * there is one of the same source, or no room, or it is about the gate, or a target that is not known any more. */
bool incident_restore(struct incident_book *b, const struct finding *story, uint64_t now_us);
/* A story that has ended, by another daemon: one that follows it says so. */
void incident_remember(struct incident_book *b, const struct finding *story);
/* The next story that has changed since it was last given, for keeping; cursor as for incident_scan(). */
const struct finding *incident_next_changed(struct incident_book *b, uint32_t *cursor);
/* All of them are given again. */
void incident_change_all(struct incident_book *b);
/* Tells what was counted and not told yet, as grown, and leaves all open: they go on in another daemon. Those about the
 * gate end with this one. Returns how many found the ring full. */
uint32_t incident_leave(struct incident_book *b, uint64_t now_us);
/* As story_expire_quotes(), of each. */
void incident_expire_quotes(struct incident_book *b, uint64_t before_us);
/* Stories whose source or target is named are no more, and no summary is told; in others it is not named any more. */
void incident_forget(struct incident_book *b, const struct mention *who, struct forgotten *out);
/* Closes all, as far as the ring has room. Returns the stories left. */
uint32_t incident_finish(struct incident_book *b, uint64_t now_us);

#endif
