/* prefixes.c - lists of prefixes, merged so that they are disjoint and as few as possible.
 *
 * Two prefixes are either disjoint or one covers the other. So after sorting, wider ones first, one
 * pass with the result as a stack is enough: what the top covers is dropped, and two halves on top
 * become their whole. The kernel's interval sets want exactly this: an overlap fails a whole
 * transaction there.
 *
 * The families never meet in one prefix: IPv4 is not joined beyond its own /0, and cutting an IPv6
 * prefix into pieces leaves out the mapped space, which was never part of it.
 */
#include "policy/prefixes.h"

#include <errno.h>
#include <stdlib.h>

enum { ROOM_FIRST = 8 };

void prefixes_fini(struct prefixes *list)
{
	free(list->at);
	*list = (struct prefixes) { 0 };
}

int prefixes_add(struct prefixes *list, const struct prefix *p)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : ROOM_FIRST;
		struct prefix *grown = reallocarray(list->at, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->at = grown;
		list->room = room;
	}
	list->at[list->count++] = *p;
	return 0;
}

int prefixes_add_all(struct prefixes *list, const struct prefixes *more)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < more->count && rc == 0; i++)
		rc = prefixes_add(list, &more->at[i]);
	return rc;
}

/* IPv4 before IPv6, then by address. */
static int compare_places(const struct addr *a, const struct addr *b)
{
	bool a_v4 = addr_is_v4(a), b_v4 = addr_is_v4(b);

	return a_v4 != b_v4 ? b_v4 - a_v4 : addr_compare(a, b);
}

/* Wider ones first where the address is the same. */
static int compare_prefixes(const void *left, const void *right)
{
	const struct prefix *a = left, *b = right;
	int order = compare_places(&a->addr, &b->addr);

	return order ? order : a->bits - b->bits;
}

static bool covers(const struct prefix *wide, const struct prefix *narrow)
{
	return wide->bits <= narrow->bits && prefix_contains(wide, &narrow->addr);
}

/* The two halves of one prefix. They are disjoint, so a common parent is all it takes; and neither is
 * a whole family, which would cover the other. */
static bool are_halves(const struct prefix *a, const struct prefix *b)
{
	struct addr of_a, of_b;

	if (a->bits != b->bits || prefix_is_v4(a) != prefix_is_v4(b))
		return false;
	of_a = addr_mask(&a->addr, a->bits - 1U);
	of_b = addr_mask(&b->addr, b->bits - 1U);
	return addr_compare(&of_a, &of_b) == 0;
}

void prefixes_merge(struct prefixes *list)
{
	size_t i, kept = 0;

	if (list->count == 0)
		return;
	qsort(list->at, list->count, sizeof(list->at[0]), compare_prefixes);
	for (i = 0; i < list->count; i++) {
		if (kept > 0 && covers(&list->at[kept - 1], &list->at[i]))
			continue;
		list->at[kept++] = list->at[i];
		while (kept > 1 && are_halves(&list->at[kept - 2], &list->at[kept - 1])) {
			kept--;
			list->at[kept - 1].bits--; /* the lower half begins where the whole does */
		}
	}
	list->count = kept;
}

/* How many prefixes of the list begin at or before a. */
static size_t count_up_to(const struct prefixes *list, const struct addr *a)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_places(&list->at[middle].addr, a) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool prefixes_have(const struct prefixes *list, const struct addr *a)
{
	size_t before = count_up_to(list, a);

	return before > 0 && prefix_contains(&list->at[before - 1], a);
}

const struct prefix *prefixes_find_overlap(const struct prefixes *list, const struct prefix *p)
{
	size_t before = count_up_to(list, &p->addr);

	if (before > 0 && prefix_overlaps(&list->at[before - 1], p))
		return &list->at[before - 1];
	return before < list->count && prefix_overlaps(&list->at[before], p) ? &list->at[before] : NULL;
}

/* Splits p until each piece lies wholly inside or wholly outside of `minus`. As deep as there are
 * bits behind the prefix. */
static int subtract_from_one(const struct prefix *p, const struct prefixes *minus, struct prefixes *out)
{
	size_t next = count_up_to(minus, &p->addr);
	bool next_inside = next < minus->count && prefix_contains(p, &minus->at[next].addr);
	struct prefix half = { p->addr, (uint8_t)(p->bits + 1) };
	int rc;

	if (next > 0 && covers(&minus->at[next - 1], p))
		return 0;
	if (!next_inside && !(next > 0 && covers(p, &minus->at[next - 1])))
		return prefixes_add(out, p);
	rc = subtract_from_one(&half, minus, out);
	half.addr.b[p->bits / 8] |= (uint8_t)(0x80 >> (p->bits % 8));
	if (rc == 0 && prefix_is_v4(&half) == prefix_is_v4(p))
		rc = subtract_from_one(&half, minus, out);
	return rc;
}

int prefixes_subtract(const struct prefixes *from, const struct prefixes *minus, struct prefixes *out)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < from->count && rc == 0; i++)
		rc = subtract_from_one(&from->at[i], minus, out);
	return rc;
}
