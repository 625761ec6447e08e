/* seen.h - who delivers to each server of ours: what people compare with their allow sets. */
#ifndef WATCH_SEEN_H
#define WATCH_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/mention.h"
#include "postern/event.h"
#include "postern/forgotten.h"

struct seen;

/* One client and one server. */
struct seen_row {
	struct addr client, server;
	uint8_t self;     /* enum policy_self, of the last connection */
	uint8_t is_there; /* it has talked with the server: its address is not forged */
	uint8_t changed;  /* since somebody took it for keeping */
	uint8_t pad[5];
	uint64_t first_us, last_us;
	uint64_t connections; /* that the server has greeted */
	uint64_t mails;       /* taken, where that can be read */
	uint64_t recipients;  /* accepted */
	uint64_t tls;         /* connections that went under TLS: their mails are not counted */
	uint64_t refused;     /* tries outside the rules; in monitor mode those that were let through, too */
};

/* rows: of those who talk, 1..2^22; a quarter of that beside them for those who only try. NULL with errno. */
struct seen *seen_new(uint32_t rows, const uint8_t hash_key[HASH_KEY_BYTES]);
void seen_free(struct seen *s); /* NULL is fine */
void seen_event(struct seen *s, const struct event *e);
/* False behind the last row. cursor: 0 at the beginning. */
bool seen_next(const struct seen *s, uint64_t *cursor, struct seen_row *out);
/* Looks at up to `most` rows from cursor on (0 at the beginning, and at the end of a round) for one that has changed since
 * it was last given. False: none among these. */
bool seen_next_changed(struct seen *s, uint64_t *cursor, unsigned *most, struct seen_row *out);
/* All of them are given again. */
void seen_change_all(struct seen *s);
/* A row that another daemon has left; the oldest first. One that is there stays as it is. */
void seen_restore(struct seen *s, const struct seen_row *row);
/* Rows of clients that are named. */
void seen_forget(struct seen *s, const struct mention *who, struct forgotten *out);
/* Rows that had to give way. */
uint64_t seen_evicted(const struct seen *s);

#endif
