/* hush.h - how much each `suppress` block of the configuration has silenced. */
#ifndef WATCH_HUSH_H
#define WATCH_HUSH_H

#include <stdint.h>

#include "policy/suppress.h"

struct hush {
	unsigned count;
	struct {
		char name[POLICY_NAME_MAX];
		uint64_t findings, last_us; /* 0 = none yet */
	} of[SUPPRESS_MAX];
};

/* These are in force now; a block that has kept its name keeps its count. */
void hush_follow(struct hush *h, const struct suppressions *now);
/* index: in the list of these. */
void hush_count(struct hush *h, unsigned index, uint64_t time_us);

#endif
