/* recorded.h - the way back from records to events: what record.c writes is read here.
 *
 * A line becomes a struct recorded, which gives the events of that record in the order of time. Whose a recipient is and
 * what is done about him is not taken from the record: events come as inspect would have them before it judges
 * (src/inspect_again.h does that). Reading is total: a record may have been written by anybody.
 *
 * A connection is known from its first record to its `flow` record. Records that lack what record.c writes today (`opened`,
 * `commands`, times) are read, too; what they lack then happens at once, and greeting and HELO are thought to be answered.
 */
#ifndef REPORT_RECORDED_H
#define REPORT_RECORDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "postern/event.h"

struct budget_notice;
struct recorded;
struct recorded_book;

enum recorded_result {
	RECORDED_OK,
	RECORDED_LEFT_OUT, /* none, but how many the budget has left out: recorded_left_out() */
	RECORDED_OTHER,    /* neither `smtp` nor `flow`, or `flow` of something that is no SMTP */
	RECORDED_FOREIGN, /* one of these, but of another program: nothing in it says how a recipient was answered */
	RECORDED_BAD
};

/* Of one record; for whoever judges its events, which come in order. */
struct recorded_notes {
	bool authenticated;        /* the client is, in this connection */
	uint32_t foreign_accepted; /* recipients so far */
	uint32_t accepted;         /* likewise, as it was recorded */
	uint32_t next_rcpt;        /* index of the next recipient */
};

/* What the records that were read do not hold, by their own account. */
struct recorded_cuts {
	uint64_t recipients; /* known by number alone, behind the longest list */
	uint64_t commands;   /* likewise: VRFY, EXPN, refused logins */
	uint64_t lost;       /* events and records that the daemon has lost between two `stats` records */
};

/* connections: known at once; NULL with errno. */
struct recorded_book *recorded_book_new(uint32_t connections, const uint8_t hash_key[HASH_KEY_BYTES]);
void recorded_book_free(struct recorded_book *b); /* NULL is fine */
/* line: without its newline, any bytes. RECORDED_OK: *out is the caller's, who frees it. RECORDED_BAD: *why says what is
 * wrong; it is constant, or valid until the next call. */
enum recorded_result recorded_read(
        struct recorded_book *b, const char *line, size_t len, struct recorded **out, const char **why);
void recorded_free(struct recorded *r); /* NULL is fine */
/* So far; see struct recorded_cuts. */
const struct recorded_cuts *recorded_cuts(const struct recorded_book *b);
/* Of the last RECORDED_LEFT_OUT; valid until the next call. */
const struct budget_notice *recorded_left_out(const struct recorded_book *b);

/* Of its next event; UINT64_MAX when there is none. */
uint64_t recorded_time(const struct recorded *r);
/* When its last event happens: when it was written. */
uint64_t recorded_end(const struct recorded *r);
/* The next event; false when there is none. conn: addresses, ports, times; nothing that a policy says. */
bool recorded_next(struct recorded *r, struct event *e);
struct recorded_notes *recorded_notes(struct recorded *r);

#endif
