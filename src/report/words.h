/* words.h - the words of the records for the numbers of events and findings. */
#ifndef REPORT_WORDS_H
#define REPORT_WORDS_H

enum words_table {
	WORDS_DIRECTION,
	WORDS_SOURCE,
	WORDS_END,
	WORDS_FLOW_STATE,
	WORDS_FLOW_REASON, /* by enum event_state: what made us call it over */
	WORDS_OUTCOME,
	WORDS_ACTION,
	WORDS_FORM,
	WORDS_ODDITY,
	WORDS_INCIDENT_STATE,
	WORDS_MEASURE,
	WORDS_TABLE_COUNT
};

/* "unknown" for a number outside the table: records come from another room and are not trusted. */
const char *words_get(enum words_table table, unsigned value);

/* The number of a word, or -1. */
int words_find(enum words_table table, const char *word);

#endif
