/* ranges.c - "which groups is this address in" by one binary search.
 *
 * Every prefix opens at its first address and closes behind its last one. A sweep over these edges
 * in order of address keeps the set of open groups and starts a range wherever the set changes. The
 * prefixes of one group are disjoint, so an edge simply turns its group over:
 *
 *   home     |---------------|
 *   isp              |---------------|
 *   ranges   1       2       3       4         {home} {home, isp} {isp} {}
 *
 * A tree of prefixes would need less memory for many groups (48 bytes a range here) and more steps
 * for each look-up; neither is felt with one look-up a connection, and this is simpler to check.
 */
#include "policy/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct edge {
	struct addr at;
	uint16_t group; /* opens here if it was closed, closes if it was open */
};

static int compare_edges(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	return addr_compare(&a->at, &b->at);
}

/* Returns how many edges there are: at most two a prefix. */
static size_t list_edges(struct edge *edges, const struct prefixes *groups, unsigned group_count, bool v4)
{
	size_t count = 0, i;
	unsigned id;

	for (id = 0; id < group_count; id++) {
		for (i = 0; i < groups[id].count; i++) {
			const struct prefix *p = &groups[id].at[i];
			struct addr behind = prefix_last(p);

			if (prefix_is_v4(p) != v4)
				continue;
			edges[count++] = (struct edge) { prefix_first(p), (uint16_t)id };
			/* else open to the end of the space */
			if (addr_increment(&behind) && (!v4 || addr_is_v4(&behind)))
				edges[count++] = (struct edge) { behind, (uint16_t)id };
		}
	}
	return count;
}

/* Returns how many ranges were written, at most as many as there are edges. */
static size_t sweep(struct range *ranges, const struct edge *edges, size_t edge_count)
{
	struct policy_groups open = { { 0 } };
	size_t count = 0, i;

	for (i = 0; i < edge_count; i++) {
		open.w[edges[i].group / 64] ^= (uint64_t)1 << (edges[i].group % 64);
		if (i + 1 < edge_count && addr_compare(&edges[i].at, &edges[i + 1].at) == 0)
			continue;
		if (count == 0 || memcmp(&ranges[count - 1].groups, &open, sizeof(open)) != 0)
			ranges[count++] = (struct range) { edges[i].at, open };
	}
	return count;
}

int ranges_build(struct ranges *out, const struct prefixes *groups, unsigned group_count, bool v4)
{
	size_t room = 1, edge_count; /* never 0 bytes */
	struct edge *edges;
	struct range *ranges;
	unsigned id;

	for (id = 0; id < group_count; id++)
		room += 2 * groups[id].count;
	edges = calloc(room, sizeof(*edges));
	ranges = calloc(room, sizeof(*ranges));
	if (!edges || !ranges) {
		free(edges);
		free(ranges);
		return -ENOMEM;
	}
	edge_count = list_edges(edges, groups, group_count, v4);
	qsort(edges, edge_count, sizeof(*edges), compare_edges);
	*out = (struct ranges) { ranges, sweep(ranges, edges, edge_count) };
	free(edges);
	return 0;
}

void ranges_fini(struct ranges *r)
{
	free(r->at);
	*r = (struct ranges) { 0 };
}

struct policy_groups ranges_find(const struct ranges *r, const struct addr *a)
{
	size_t low = 0, high = r->count; /* those before low begin at or before a */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_compare(&r->at[middle].first, a) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? r->at[low - 1].groups : (struct policy_groups) { { 0 } };
}

bool ranges_covered(
        const struct ranges *r, const struct policy_groups *outer, const struct policy_groups *inner)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (policy_groups_meet(inner, &r->at[i].groups) &&
		        !policy_groups_meet(outer, &r->at[i].groups))
			return false;
	return true;
}
