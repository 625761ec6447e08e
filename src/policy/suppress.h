/* suppress.h - findings that the operator knows and wants to hear nothing of: the `suppress` blocks of the configuration.
 *
 * They are counted and can be looked at, but not told, and nothing is done about them. What is about the gate itself is
 * never suppressed. Part of a policy, which names the groups; built by conf.
 */
#ifndef POLICY_SUPPRESS_H
#define POLICY_SUPPRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include "postern/finding.h"

enum { SUPPRESS_MAX = 64, SUPPRESS_REASON_MAX = 200 };

struct suppression {
	char name[POLICY_NAME_MAX]; /* title, terminated */
	uint32_t rules[FINDING_KIND_COUNT];
	unsigned rule_count;         /* 0 = every one about a connection */
	struct policy_groups source; /* of clients, or of servers that many are at */
	uint64_t until_us;           /* of the wall clock; UINT64_MAX = no end */
	char reason[SUPPRESS_REASON_MAX];
};

struct suppressions {
	struct suppression list[SUPPRESS_MAX]; /* in the order of the file */
	unsigned count;
};

/* In force at this time, and about whoever is in these groups. */
bool suppress_means(const struct suppression *s, const struct policy_groups *groups, uint64_t now_us);
/* The first that means this finding at its time; -1 = none. */
int suppress_find(const struct policy *p, const struct finding *f);

#endif
