/* sources.h - the ledger: what each source has done, counted exactly.
 *
 * One source is a prefix (of the volume block that its client is in; else a /32 of IPv4, a /64 of IPv6). Memory is fixed.
 * When all rows are taken, the least interesting one leaves, and is counted: the one that has done least, and long ago. So
 * a flood of sources that each do one thing pushes out others of its own kind, never those who send much.
 */
#ifndef WATCH_SOURCES_H
#define WATCH_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "postern/event.h"

struct sources;

enum source_count {
	SOURCE_CONNECTIONS, /* that the server has greeted; at the end, others in which it has said something */
	SOURCE_TRANSACTIONS,  /* MAIL answered 2xx */
	SOURCE_MESSAGES,      /* end of data answered 2xx */
	SOURCE_ACCEPTED,      /* recipients */
	SOURCE_REFUSED,       /* recipients, by the server or by us */
	SOURCE_NULL_SENDERS,  /* transactions */
	SOURCE_AUTH_FAILURES, /* AUTH answered 4xx or 5xx */
	SOURCE_TLS,           /* connections that went under TLS: their mails are not counted */
	SOURCE_BYTES,         /* payload from the client, counted at the end of its connections */
	SOURCE_DESTINATIONS,  /* different servers; beyond what a row remembers, at least so many */
	SOURCE_COUNT_COUNT
};
#define SOURCE_COUNT_NAMES                                                                                   \
	"connections", "transactions", "messages", "accepted", "refused", "null_senders", "auth_failures",   \
	        "tls", "bytes", "destinations"

enum { SOURCE_HOSTS_BITS = 12 };

struct source {
	uint64_t n[SOURCE_COUNT_COUNT];
	uint64_t first_us, last_us;
	struct prefix prefix;
	uint8_t verified;     /* it has talked with a server: its address is not forged */
	uint8_t direction;    /* enum event_direction, of its last connection */
	uint8_t changed : 1;  /* since somebody took it for keeping */
	uint8_t new_host : 1; /* by the event counted last it talks to one more host */
	uint8_t vain : 1;     /* of the parts: it has tried a recipient in vain; */
	uint8_t bounces : 1;  /* it has sent from <> */
	/* Hosts that it has talked to, as far as they are remembered, and which one was the first: sources_name_host(). */
	uint32_t host;
	uint32_t hosts : SOURCE_HOSTS_BITS;
	uint32_t more_hosts : 32 - SOURCE_HOSTS_BITS; /* the ledger's: where the others are */
	/* Memory of the parts, which alone know what it means; zero in a new row. */
	struct {
		float rejects;            /* log likelihood ratio */
		uint16_t judged, refused; /* recipients since it was 0 */
		uint32_t baseline;        /* where its large state is; see baseline.c */
		uint32_t usual;           /* small state of the baseline */
		uint32_t volume;          /* where its windows are; 0 = not known */
	} part;
};

/* rows 1..2^22. NULL with errno. */
struct sources *sources_new(uint32_t rows, const uint8_t hash_key[HASH_KEY_BYTES]);
void sources_free(struct sources *s); /* NULL is fine */
/* The row of e's client, with e counted; valid until the next call. A row is made by the first thing that counts, so never by
 * a packet alone. NULL: there is none, e is about no client, or about a try that was refused. bits: 8..32 and 16..128.
 * *place: the caller's, kept for the connection: where its row was last time, so that it need not be looked for. 0 at first. */
struct source *sources_event(
        struct sources *s, const struct event *e, uint8_t bits_v4, uint8_t bits_v6, uint32_t *place);
/* When the row that was given last had done something before e; 0 = it is new. */
uint64_t sources_before_us(const struct sources *s);
/* A host by this key of the ledger. */
uint32_t sources_name_host(const uint8_t hash_key[HASH_KEY_BYTES], const struct addr *host);
/* NULL = unknown. */
const struct source *sources_find(const struct sources *s, const struct prefix *prefix);
/* What the row knows; it is there. */
void sources_drop(struct sources *s, const struct prefix *prefix);
/* All rows; cursor 0 at the beginning. NULL at the end. */
struct source *sources_scan(struct sources *s, uint32_t *cursor);
/* From e on, its connection counts as one. */
bool sources_connects(const struct event *e);
/* The prefix that an address belongs to. */
struct prefix sources_prefix(const struct addr *a, uint8_t bits_v4, uint8_t bits_v6);
/* A row that another daemon has left; those seen longest ago first. One that is there stays as it is. */
void sources_restore(struct sources *s, const struct source *row);
/* Of the next rows, *most at most (counted down), one that has changed since it was last given; it has not any more. NULL:
 * none of these; at the end of a round cursor is 0 again. */
const struct source *sources_next_changed(struct sources *s, uint32_t *cursor, unsigned *most);
/* All of them are given again. */
void sources_change_all(struct sources *s);
uint64_t sources_evicted(const struct sources *s);
uint32_t sources_count(const struct sources *s);
uint32_t sources_room(const struct sources *s); /* rows, taken or not */

#endif
