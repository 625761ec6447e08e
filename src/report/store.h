/* store.h - what outlives the daemon: blocks, incidents, who delivers, what sources did, acts; in one SQLite file.
 *
 * The caller's side never waits: each call puts a record of fixed size into a ring, and a thread with its own
 * connection writes them, one transaction a batch. A database that is locked, full, read-only or gone keeps the
 * thread trying (1 s to 30 s apart); meanwhile records wait in the rings, and what has no room is lost and counted.
 * What is written replaces what was there, so a loss mends itself with the next change; after a loss of blocks
 * store_wants_blocks() asks for all of them.
 *
 * Calls are for one thread, the one that opened the store. A store that is NULL takes all calls and does nothing.
 */
#ifndef REPORT_STORE_H
#define REPORT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/mention.h"
#include "postern/finding.h"
#include "postern/forgotten.h"

struct store;

struct store_settings {
	const char *path; /* absolute */
	uint32_t keep_s;  /* what is over longer ago is taken out */
	uint32_t
	        envelope_s; /* likewise, but addresses of mail: envelopes and lines of evidence; 0 = none are kept */
	uint32_t calm_s; /* nothing is taken out before the clock has gone right for so long */
};

/* Opens, checks and migrates the database, which may take a moment. NULL with errno when there is no memory; a
 * database that cannot be used is said, and tried again by the thread. Between store_open() and store_start() what is in
 * the store can be read; what is told already waits. */
struct store *store_open(const struct store_settings *settings);
/* From now on the thread has the database. wake: called in the thread, when it has an answer for store_fetch(); may be
 * NULL. 0 or -errno: then nothing is written. */
typedef void store_wake(void *arg);
int store_start(struct store *s, store_wake *wake, void *arg);
/* From now on: keep_s and envelope_s of the settings. */
void store_set_keep(struct store *s, uint32_t keep_s, uint32_t envelope_s);
/* About once a second: looks whether somebody has set the clock. */
void store_tick(struct store *s);
/* Writes what waits, for STORE_LEAVE_S at most. NULL is fine. */
enum { STORE_LEAVE_S = 5 };
void store_close(struct store *s);

/* ---- blocks ----------------------------------------------------------------------------------- */

enum { STORE_REASON_MAX = 120 };
struct store_block {
	struct prefix prefix;
	uint64_t set_us;               /* wall clock */
	uint64_t until_us;             /* likewise; 0 = for ever */
	int64_t uid;                   /* who wanted it; -1 = a rule of ours */
	uint32_t rule;                 /* which one (enum finding_id); 0 = none */
	uint8_t action;                /* enum action: block, or something milder */
	char reason[STORE_REASON_MAX]; /* terminated */
};

enum store_end { STORE_EXPIRED, STORE_LIFTED, STORE_END_COUNT };
#define STORE_END_NAMES "expired", "lifted"

/* Is in force, or is renewed. There is one for each prefix. */
void store_block_set(struct store *s, const struct store_block *b);
/* Is not any more. The end of one that the store does not know is no error. */
void store_block_ended(struct store *s, const struct prefix *prefix, uint64_t now_us, enum store_end why);

/* Calls each for every block that should be in force now; before store_start(). A clock that was set meanwhile neither
 * extends nor ends one: until_us is by the clock as it goes now. What has expired meanwhile is left out. 0, or -errno:
 * they are not known (said by store_open()). */
typedef void store_each_block(void *arg, const struct store_block *b);
int store_read_blocks(struct store *s, uint64_t now_us, store_each_block *each, void *arg);

/* Likewise, behind that call: what rules of ours have done and what then ended by itself, at since_us or later, the oldest end
 * first. until_us is when. */
int store_read_expired(struct store *s, uint64_t since_us, store_each_block *each, void *arg);

/* The store has lost some, or is a new one: what it knows is not what is in force. Cheap: ask once a second, and then
 * call store_blocks_anew() and store_block_set() for each one. */
bool store_wants_blocks(struct store *s);
/* Whatever the store knows is over: what is in force follows. */
void store_blocks_anew(struct store *s);

/* ---- incidents and acts ----------------------------------------------------------------------- */

/* What an incident is now: story is a finding with its incident and the lists of that. */
void store_story(struct store *s, const struct finding *story);
/* One that is told alone. */
void store_act(struct store *s, const struct finding *f);

typedef void store_each_story(void *arg, const struct finding *story);
/* Those not closed, the one with the oldest last finding first; before store_start(). conn.server and conn.rule are
 * unknown (-1): they are the policy's to say. The face's envelope is the first of the incident's. One that was written by
 * an older posternd has no facets. 0 or -errno. */
int store_read_stories(struct store *s, store_each_story *each, void *arg);
/* Likewise the `most` whose last finding is the youngest of those closed, since_us or later. */
int store_read_closed(struct store *s, uint64_t since_us, unsigned most, store_each_story *each, void *arg);

/* ---- who is muted ----------------------------------------------------------------------------- */

struct store_mute {
	struct prefix prefix;
	uint32_t rule;             /* enum finding_id; 0 = every one */
	uint64_t set_us, until_us; /* wall clock */
	int64_t uid;
	char reason[STORE_REASON_MAX]; /* terminated */
};
/* There is one for each prefix and rule. */
void store_mute(struct store *s, const struct store_mute *m);
/* Is not any more; what is muted is told again by who knows of it when store_wants_all(). */
void store_unmute(struct store *s, const struct prefix *prefix, uint32_t rule);
typedef void store_each_mute(void *arg, const struct store_mute *m);
/* Before store_start(). 0 or -errno. */
int store_read_mutes(struct store *s, uint64_t now_us, store_each_mute *each, void *arg);

/* ---- who delivers ----------------------------------------------------------------------------- */

struct store_seen {
	struct addr client, server;
	uint8_t self;     /* enum policy_self */
	uint8_t verified; /* it has talked with the server */
	uint64_t first_us, last_us;
	uint64_t connections, mails, recipients, tls, refused;
};
void store_seen(struct store *s, const struct store_seen *row);
typedef void store_each_seen(void *arg, const struct store_seen *row);
/* The `most` seen last, the oldest of them first; before store_start(). 0 or -errno. */
int store_read_seen(struct store *s, unsigned most, store_each_seen *each, void *arg);

/* ---- what sources have done ------------------------------------------------------------------- */

enum { STORE_SOURCE_COUNTS = 10 };
struct store_source {
	struct prefix prefix;
	uint8_t verified;
	uint8_t direction; /* enum event_direction, of its last connection */
	uint64_t first_us, last_us;
	uint64_t n[STORE_SOURCE_COUNTS]; /* in the order of the ledger's counts (watch/sources.h) */
};
void store_source(struct store *s, const struct store_source *row);
typedef void store_each_source(void *arg, const struct store_source *row);
/* The `most` seen last, the oldest of them first; before store_start(). 0 or -errno. */
int store_read_sources(struct store *s, unsigned most, store_each_source *each, void *arg);

/* ---- what is usual for sources ---------------------------------------------------------------- */

enum { STORE_USUAL_MAX = 1024 };
struct store_usual {
	struct prefix source;
	uint64_t last_us;
	uint32_t len;
	uint8_t bytes[STORE_USUAL_MAX]; /* the watch knows what they mean */
};
void store_usual(struct store *s, const struct store_usual *row);
typedef void store_each_usual(void *arg, const struct store_usual *row);
/* The `most` seen last, the oldest of them first; before store_start(). 0 or -errno. */
int store_read_usual(struct store *s, unsigned most, store_each_usual *each, void *arg);

/* When the store was made; 0 = unknown. Before store_start(). */
uint64_t store_read_since(struct store *s);
/* How many more of these rows there is room for now; of blocks there is room beside. */
unsigned store_room(const struct store *s);
/* Some of these were lost, or the store is a new one: they should all be told again. Once each. */
bool store_wants_all(struct store *s);

/* ---- history ---------------------------------------------------------------------------------- */

enum { STORE_PAGE = 64 };
struct store_question {
	uint64_t since_us; /* last finding not before */
	bool has_source;
	struct prefix source;
	uint32_t rule; /* enum finding_id, of a facet; 0 = any */
	uint64_t id;   /* this one alone; 0 = any */
	bool open;     /* only those not closed */
	/* the last row of the page before; 0 = the first page */
	uint64_t before_us, before_id;
};
/* Asks the thread, which looks at it between two batches and calls wake. The number to fetch the answer by; 0 = too many
 * ask at once, or there is no store. Who does not come for it within 30 s has lost it. */
uint32_t store_ask(struct store *s, const struct store_question *q);
/* -EAGAIN: not yet. Else how many rows, the youngest first, at most STORE_PAGE, or -errno; the number is used up. */
int store_fetch(struct store *s, uint32_t number, struct finding *rows);

/* ---- who is forgotten ------------------------------------------------------------------------- */

/* Asks the thread, which forgets him behind all that was told so far, and calls wake. look: only counts. False: another one is
 * being forgotten, or there is no store. */
bool store_forget(struct store *s, const struct mention *who, bool look);
/* -EAGAIN: not yet. 0, with *out, and whether the bytes have left the file and its journal (if not, that is tried until it is
 * done); -EIO: the store does not work, nothing was forgotten there. Once. */
int store_fetch_forgotten(struct store *s, struct forgotten *out, bool *is_clean);

/* ---- how it does ------------------------------------------------------------------------------ */

enum { STORE_WORDS_MAX = 512, STORE_NOTICE_MAX = 200 };
struct store_status {
	bool works;
	bool wal;      /* else a rollback journal: people who read the file hold up its writer */
	char word[16]; /* "working", "locked", "full", ... */
	char words[STORE_WORDS_MAX]; /* what is wrong and what to do; "" if it works */
	uint64_t since_us;           /* it is so; 0 = since the start */
	uint64_t written, lost;      /* records */
	uint32_t waiting;
};
void store_read_status(struct store *s, struct store_status *out);
/* Something became of the database that people should hear of: once each. False when there is no more. */
bool store_take_notice(struct store *s, char out[STORE_NOTICE_MAX]);

#endif
