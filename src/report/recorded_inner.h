/* recorded_inner.h - what recorded.c, recorded_smtp.c and recorded_event.c share: a record as facts. */
#ifndef REPORT_RECORDED_INNER_H
#define REPORT_RECORDED_INNER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "report/budget.h"
#include "report/recorded.h"

enum { FACTS_MAX = 512, TEXTS_MAX = 256 * 1024, WHY_MAX = JSON_ERROR_TEXT_LENGTH + 32 };
#define RECORDED_SPAN_US (7 * UINT64_C(86400000000)) /* times of a record lie within this of its own */

/* Bytes of the record's texts. */
struct span {
	uint32_t at;
	uint16_t len;
	bool cut;
};

struct fact {
	uint64_t time_us;
	struct span name, text, user; /* name: path, HELO name, mechanism, verb, SNI; text: of the reply */
	uint32_t number;              /* index of a recipient; hold_ms */
	uint32_t repeat;              /* further events like this one */
	uint16_t code;
	uint8_t kind;  /* enum event_kind */
	uint8_t flags; /* enum fact_flag */
	uint8_t more;  /* HELO: its verb; TX_END: enum event_end; RCPT: enum event_outcome */
};

enum fact_flag {
	FACT_OFFERED = 1,
	FACT_MASKED = 2,
	FACT_IN_CLEAR = 4,
	FACT_IMPLICIT = 8,
	FACT_UNCERTAIN = 16
};

/* What all events of a record share. */
struct head {
	struct event_connection conn;
	struct event_close close; /* of a `flow` record */
	struct recorded_notes notes;
	uint64_t base_us; /* `timestamp` */
	uint64_t size_bytes;
	struct span message_id;
	uint32_t tx_id;
	bool pipelined, bdat, gap, final;
};

struct recorded {
	struct head head;
	uint64_t end_us;
	unsigned fact_count, next;
	const char *texts; /* behind the facts */
	struct fact facts[];
};

/* What a record says of its connection, for those behind it. */
struct known {
	uint64_t open_us;
	uint8_t source; /* enum event_source */
};

/* Counters of a `stats` record, which begin anew with each daemon. */
struct losses {
	bool known;
	uint64_t events, records;
};

struct recorded_book {
	struct table *connections; /* flow_id -> struct known */
	struct head head;          /* of the record that is read */
	struct fact facts[FACTS_MAX];
	unsigned fact_count;
	char texts[TEXTS_MAX];
	size_t text_bytes;
	struct budget_notice notice; /* the last one */
	struct recorded_cuts cuts;
	struct losses losses; /* as a daemon has told them last */
	char why[WHY_MAX];
};

/* ---- fields -------------------------------------------------------------------------------------- */

/* "" when there is none. */
static inline const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Within [0, most]; 0 when there is none. */
static inline uint64_t number_of(const json_t *object, const char *key, uint64_t most)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	if (n <= 0)
		return 0;
	return (uint64_t)n < most ? (uint64_t)n : most;
}

static inline bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* A reply's code; 0 = none. */
uint16_t recorded_code(const json_t *object, const char *key);
/* A text as bytes again, at most `most` of them. */
struct span recorded_span(struct recorded_book *b, const json_t *object, const char *key, size_t most);
/* A fact more. One that finds no room is put where nobody reads it. */
struct fact *recorded_add(struct recorded_book *b, enum event_kind kind, uint64_t time_us);

/* ---- of one type of record ----------------------------------------------------------------------- */

/* record: all of it; smtp: its own object. */
void recorded_read_smtp(struct recorded_book *b, const json_t *record, const json_t *smtp);

#endif
