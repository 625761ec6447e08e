/* blocklists.h - DNS lists (RFC 5782): which may be believed, who is asked about, what is remembered of it.
 *
 * Pure: somebody else asks, and brings the answers in any order; time is an argument, in seconds of a clock that never
 * goes back.
 */
#ifndef DNS_BLOCKLISTS_H
#define DNS_BLOCKLISTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/mention.h"
#include "dns/listing.h"
#include "dns/walk.h"
#include "postern/event.h"
#include "postern/forgotten.h"

enum {
	BLOCKLISTS_MAX = 8,
	BLOCKLISTS_OPEN_MAX = 24, /* questions about sources, to one list at once */
	BLOCKLISTS_TESTS = 4,     /* and beside them those about its test entries */
	BLOCKLISTS_QUESTIONS_MAX = BLOCKLISTS_MAX * (BLOCKLISTS_OPEN_MAX + BLOCKLISTS_TESTS)
};

struct blocklists_settings { /* all borrowed, and copied */
	struct {
		const char *zone; /* folded, of LISTING_ZONE_MAX bytes at most */
		struct codes codes;
	} lists[BLOCKLISTS_MAX];
	unsigned count;
	uint32_t answers; /* remembered at once, 16..2^22; those used longest ago are forgotten first */
	uint32_t ttl_least_s, ttl_most_s; /* an answer is remembered as long as its TTL says, within these */
	uint32_t test_s;                  /* between two tests of a list that is in order */
	uint8_t hash_key[HASH_KEY_BYTES];
};

enum blocklist_state {
	BLOCKLIST_UNTESTED,
	BLOCKLIST_USED,
	BLOCKLIST_BROKEN, /* it answers as no list does: not asked, nothing of it is believed */
	BLOCKLIST_DEAD,   /* it does not answer: not asked, what it has said is remembered */
	BLOCKLIST_STATES
};
#define BLOCKLIST_STATE_NAMES "not tested yet", "in use", "BROKEN, not used", "DEAD, not used"

/* Of questions about sources. */
#define BLOCKLIST_COUNTS(X)                                                                                  \
	X(ASKED, "asked")                                                                                    \
	X(LISTED, "listed")                                                                                  \
	X(FAILED, "failed")                                                                                  \
	X(TIMEOUTS, "timeouts")                                                                              \
	X(HITS, "cache_hits")                                                                                \
	X(NOT_ASKED, "not_asked") /* the list is not in use, or too many questions are open */

enum blocklist_count {
#define X(name, text) BLOCKLIST_COUNT_##name,
	BLOCKLIST_COUNTS(X)
#undef X
	        BLOCKLIST_COUNT_COUNT
};

struct blocklist_view {
	const char *zone;
	enum blocklist_state state;
	bool families[2];       /* [0] IPv4, [1] IPv6: in use for such sources */
	uint64_t tested_s;      /* 0 = never */
	unsigned open;          /* questions about sources */
	const char *why;        /* what is wrong with it, or with one family; "" */
	const uint64_t *counts; /* by enum blocklist_count */
};

enum blocklists_what {
	BLOCKLISTS_LISTED, /* a source, just learnt or remembered */
	BLOCKLISTS_KNOWN,  /* the same once its reason is there, or will not come: to be told */
	BLOCKLISTS_LIFTED, /* it is not to be believed any more, or not remembered */
	BLOCKLISTS_STATE   /* of a list, or what is wrong with it */
};
/* Lives as long as the call it is handed to. */
struct blocklists_news {
	enum blocklists_what what;
	unsigned list;
	struct addr source;                  /* not of STATE, nor are those below */
	const struct event_connection *conn; /* of LISTED and KNOWN: who came from there */
	const struct listing *listing;
	const char *reason; /* of KNOWN: whatever bytes the list has sent */
	unsigned reason_len;
	uint64_t until_s; /* it is remembered so long */
};
typedef void blocklists_told(void *arg, const struct blocklists_news *news);

struct blocklists;

/* NULL with errno. */
struct blocklists *blocklists_new(const struct blocklists_settings *s, blocklists_told *told, void *arg);
void blocklists_free(struct blocklists *b); /* NULL is fine */

/* A source that may be asked about has come. What is remembered is told in this call. */
void blocklists_see(struct blocklists *b, const struct event_connection *conn, uint64_t now_s);
/* Begins tests that are due. About once a second. */
void blocklists_tick(struct blocklists *b, uint64_t now_s);
/* The next question; its number goes into *id. False: none for now. */
bool blocklists_next(struct blocklists *b, struct walk_question *out, unsigned *id);
/* To a question that was handed out, once. */
void blocklists_answer(struct blocklists *b, unsigned id, const struct dns_answer *a, uint64_t now_s);
/* Everything that is remembered, LIFTED where that says something. */
void blocklists_forget(struct blocklists *b);
/* What is remembered of sources that are named; those on a list stay, as long as that is remembered. */
void blocklists_forget_source(
        struct blocklists *b, const struct mention *who, uint64_t now_s, struct forgotten *out);
/* What was handed out and not answered will not be: it is asked again. */
void blocklists_ask_again(struct blocklists *b);

unsigned blocklists_count(const struct blocklists *b);
struct blocklist_view blocklists_view(const struct blocklists *b, unsigned list);
/* What is remembered of a source: until when it is on this list, 0 = it is not, or nobody knows. out may be NULL. */
uint64_t blocklists_find(const struct blocklists *b, unsigned list, const struct addr *source, uint64_t now_s,
        struct listing *out);
/* Answers remembered, those that had to leave early among them not. */
uint32_t blocklists_remembered(const struct blocklists *b);

#endif
