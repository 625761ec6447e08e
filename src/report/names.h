/* names.h - the words of the records for the numbers of events and findings. */
#ifndef REPORT_NAMES_H
#define REPORT_NAMES_H

enum names_table {
	NAMES_DIRECTION,
	NAMES_SOURCE,
	NAMES_END,
	NAMES_FLOW_STATE,
	NAMES_FLOW_REASON, /* by enum event_state, in Suricata's words */
	NAMES_OUTCOME,
	NAMES_ACTION,
	NAMES_FORM,
	NAMES_ODDITY,
	NAMES_INCIDENT_STATE,
	NAMES_TABLE_COUNT
};

/* "unknown" for a number outside the table: records come from another room and are not trusted. */
const char *names_get(enum names_table table, unsigned value);

#endif
