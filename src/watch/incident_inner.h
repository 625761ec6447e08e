/* incident_inner.h - inside of incident: what its files share. */
#ifndef WATCH_INCIDENT_INNER_H
#define WATCH_INCIDENT_INNER_H

#include "base/table.h"
#include "watch/incident.h"

enum story_kind { STORY_OF_SOURCE, STORY_OF_TARGET, STORY_OF_MANY, STORY_OF_GATE };

struct incident_key {
	struct addr who; /* the source, masked; or the target, as its address or hashes of it */
	uint32_t rule;   /* about the gate */
	uint16_t direction;
	uint16_t pool; /* of many: the server group, from 1 for none of ours */
	uint8_t kind;  /* enum story_kind */
	uint8_t bits;  /* of the source */
	uint8_t pad[2];
};

/* What was told of a facet. */
struct telling {
	uint64_t next_count; /* findings of its, at which one is told again; 0 = none was told yet */
	uint8_t severity;    /* the worst that was told */
	bool passed;         /* one that was not stopped was told */
};

struct incident {
	struct finding story;
	struct telling told[FINDING_KIND_COUNT]; /* of each facet, by its place */
	uint64_t told_count;                     /* findings, when it was told last */
	bool heard;                              /* one of them was not muted */
	bool changed;                            /* since somebody took it for keeping */
};

/* A story that is over. */
struct ended {
	uint64_t id, last_us;
};

struct incident_book {
	struct table *table;
	struct table *ended; /* struct incident_key -> struct ended */
	struct ring *findings;
	struct watch_counts *counts;
	struct incident_settings settings;
	uint64_t quiet_us;
	uint64_t budget_us;            /* the time of the budgets */
	uint64_t window_end_us;        /* of the budgets */
	uint32_t opened[BUDGET_COUNT]; /* in it */
};

#endif
