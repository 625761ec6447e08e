/* prefixes.h - lists of prefixes: collected in any order, then merged to the shortest equal list. */
#ifndef POLICY_PREFIXES_H
#define POLICY_PREFIXES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct prefixes {
	struct prefix *at;
	size_t count, room;
};

/* Zeroed memory is an empty list. */
void prefixes_fini(struct prefixes *list);
/* 0 or -ENOMEM. */
int prefixes_add(struct prefixes *list, const struct prefix *p);
int prefixes_add_all(struct prefixes *list, const struct prefixes *more);
/* Sorts (IPv4 first, then by address), drops what others cover, joins halves to wholes. */
void prefixes_merge(struct prefixes *list);
/* Appends to `out` what of `from` no prefix in `minus` (merged) covers. 0 or -ENOMEM. */
int prefixes_subtract(const struct prefixes *from, const struct prefixes *minus, struct prefixes *out);
/* One of the prefixes (merged) contains a. */
bool prefixes_have(const struct prefixes *list, const struct addr *a);

/* One of the prefixes (merged) that shares an address with p, or NULL. */
const struct prefix *prefixes_find_overlap(const struct prefixes *list, const struct prefix *p);

#endif
