/* ranges.h - the addresses of one family, cut into ranges with the groups each belongs to. */
#ifndef POLICY_RANGES_H
#define POLICY_RANGES_H

#include "policy/policy.h"
#include "policy/prefixes.h"

/* From `first` up to the next range. */
struct range {
	struct addr first;
	struct policy_groups groups;
};

struct ranges {
	struct range *at;
	size_t count;
};

/* Builds the ranges of one family from `group_count` merged lists; the index is the group id.
 * 0, or -ENOMEM with *out untouched; free with ranges_fini(). */
int ranges_build(struct ranges *out, const struct prefixes *groups, unsigned group_count, bool v4);
void ranges_fini(struct ranges *r);
/* The groups of an address of that family. */
struct policy_groups ranges_find(const struct ranges *r, const struct addr *a);
/* Every address that is in a group of `inner` is in one of `outer`. */
bool ranges_covered(
        const struct ranges *r, const struct policy_groups *outer, const struct policy_groups *inner);

#endif
