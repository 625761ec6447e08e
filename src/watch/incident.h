/* incident.h - findings of one rule about one source and direction are one story.
 *
 * The first finding of a story is told in full (state open), later ones only when the number of findings has doubled (2, 4,
 * 8, ...; state grown), or one is more severe than all before it, or is the first that was not stopped. When nothing came for
 * quiet_s a summary closes it: the first finding with the count, the first and last time, the worst severity and the first
 * FINDING_EVIDENCE_MAX different lines of evidence. One source is a /32 of IPv4 or a /64 of IPv6.
 *
 * A story can go on in another book, with its id and count: that of the next daemon.
 *
 * What was done to the gate (audit) is told alone each time.
 *
 * A pooled finding belongs to a story of its rule, direction and server group whatever its source.
 *
 * Memory is fixed. A new story in a full table closes the one quiet for longest (its summary is told,
 * the eviction counted).
 */
#ifndef WATCH_INCIDENT_H
#define WATCH_INCIDENT_H

#include <stdbool.h>

#include "base/hash.h"
#include "base/ring.h"
#include "postern/counter.h"
#include "postern/finding.h"

struct incident_book;

/* capacity: stories open at once. counts: added to, borrowed. findings: ring of struct finding,
 * borrowed. NULL with errno. */
struct incident_book *incident_new(uint32_t capacity, uint32_t quiet_s,
        const uint8_t hash_key[HASH_KEY_BYTES], struct ring *findings, struct watch_counts *counts);
void incident_free(struct incident_book *b); /* NULL is fine */
/* A story of f's source is open. */
bool incident_is_open(const struct incident_book *b, const struct finding *f);
/* Open stories in the order of their places in the table; cursor 0 at the beginning. NULL at the end. */
const struct finding *incident_scan(const struct incident_book *b, uint32_t *cursor);
/* Counts f in its story and tells it if it is due; f->incident is written. */
void incident_add(struct incident_book *b, struct finding *f);
/* Closes what was quiet for quiet_s at now_us. A summary that finds the ring full waits for the next
 * tick: summaries are only lost by incident_add() in a full table. */
void incident_tick(struct incident_book *b, uint64_t now_us);
/* A story that another daemon has left open goes on, with its id and count. story: as incident_next_changed() gave it;
 * give the one with the oldest last finding first. One whose time has passed meanwhile is closed by the next tick. False:
 * there is one of the same source, or no room, or it is about the gate and not about a connection. */
bool incident_restore(struct incident_book *b, const struct finding *story, uint64_t now_us);
/* The next story that has changed since it was last given, for keeping; cursor as for incident_scan(). */
const struct finding *incident_next_changed(struct incident_book *b, uint32_t *cursor);
/* All of them are given again. */
void incident_change_all(struct incident_book *b);
/* Tells what was counted and not told yet, as grown, and leaves all open: they go on in another daemon. Those about the
 * gate end with this one. Returns how many found the ring full. */
uint32_t incident_leave(struct incident_book *b, uint64_t now_us);
/* Closes all, as far as the ring has room. Returns the stories left. */
uint32_t incident_finish(struct incident_book *b, uint64_t now_us);

#endif
