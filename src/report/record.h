/* record.h - events to records: `smtp` for each transaction, `flow` for each connection's end.
 *
 * What belongs to one connection is kept in a table of fixed capacity; when it is full, the connection
 * seen least recently is given up: its transaction, and counts not told yet, are written with end = lost,
 * and it is counted.
 */
#ifndef REPORT_RECORD_H
#define REPORT_RECORD_H

#include <jansson.h>
#include <stdint.h>

#include "base/hash.h"
#include "postern/event.h"
#include "report/budget.h"
#include "report/frame.h"

struct record_book;

/* Takes over record. */
typedef void record_sink(void *context, json_t *record);

/* Whether a record that would tell this is to be made. */
typedef bool record_may(void *context, const struct event_connection *conn, const struct budget_sums *record);

struct record_counts {
	uint64_t connections_evicted;
	uint64_t cut; /* fields and list entries */
};

/* NULL = no memory. */
struct record_book *record_new(
        uint32_t connections, const uint8_t hash_key[HASH_KEY_BYTES], record_sink *sink, void *context);
void record_free(struct record_book *b); /* NULL is fine */
/* Is asked before each record; context is that of the sink. NULL: all are made. */
void record_set_may(struct record_book *b, record_may *may);
/* The record or records that e completes go to the sink. */
void record_event(struct record_book *b, struct frame *frame, const struct event *e);
/* Writes what is in progress as lost and forgets all connections. */
void record_finish(struct record_book *b, struct frame *frame);
struct record_counts record_counts(const struct record_book *b);

#endif
