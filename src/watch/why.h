/* why.h - the last decisions about each source, for whoever asks why something was done to it.
 *
 * Equal decisions one after another are one entry with a count, so a source that sends mail all day has few. One
 * source is an address of IPv4 or a /64 of IPv6.
 */
#ifndef WATCH_WHY_H
#define WATCH_WHY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/mention.h"
#include "postern/event.h"
#include "postern/forgotten.h"

enum { WHY_DECISIONS = 16 /* of a source */, WHY_TEXT_MAX = 128 };

/* What was decided about, and (WHY_BECAUSE) on what ground. */
enum why_what { WHY_CONNECTION, WHY_TRY, WHY_RECIPIENT, WHY_BODY, WHY_BYTES, WHY_SOURCE, WHY_COUNT };
#define WHY_NAMES "connection", "try", "recipient", "body", "bytes", "source"

enum why_because {
	BECAUSE_RULE,      /* the rule, or `otherwise` */
	BECAUSE_CLIENT,    /* the client is ours: it may relay */
	BECAUSE_OURS,      /* the recipient is ours */
	BECAUSE_FOREIGN,   /* it is not */
	BECAUSE_BLOCKED,   /* the client is cut off */
	BECAUSE_LIMITED,   /* it has opened too many connections for one that is limited */
	BECAUSE_SMUGGLING, /* commands hidden in a body */
	BECAUSE_LISTED,    /* the source is on a DNS list, or something else was said of it */
	BECAUSE_COUNT
};

struct why_decision {
	uint64_t first_us, last_us;
	uint64_t count;
	struct addr source, server;
	uint16_t port; /* of the server */
	int16_t rule;  /* of the connection, as the policy counted then */
	uint16_t code; /* what the client was told, 0 = nothing */
	uint8_t what, because;
	uint8_t action; /* enum action taken; and what was not taken because of mode or certainty */
	uint8_t would;
	uint8_t outcome; /* of a recipient */
	uint8_t form;
	uint8_t path_len, path_cut;
	uint8_t list; /* because of this DNS list, counted from 1; 0 = of none */
	uint8_t pad[3];
	char path[WHY_TEXT_MAX];   /* of a recipient that is not ours, as sent */
	char reason[WHY_TEXT_MAX]; /* the caller's text, terminated */
};

struct why;

/* sources: remembered, 1..2^22; a quarter of that beside them for those who only knocked. NULL with errno. */
struct why *why_new(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES]);
void why_free(struct why *w); /* NULL is fine */
/* The decision that an event tells of, without reason; false if it tells of none. */
bool why_read(const struct event *e, struct why_decision *out);
void why_add(struct why *w, const struct why_decision *d);
/* What is kept about a source, the youngest first: number `index` of it. False behind the last one. */
bool why_find(const struct why *w, const struct addr *source, unsigned index, struct why_decision *out);
/* Decisions about sources that are named; of others, the paths that name a mailbox. */
void why_forget(struct why *w, const struct mention *who, struct forgotten *out);

#endif
