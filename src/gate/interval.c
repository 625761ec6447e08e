/* interval.c - the contents of sets as nf_tables holds them: boundaries of intervals, not prefixes; or single keys.
 *
 * A range is two elements: its first key, and behind its last one an end marker. A range that reaches the
 * end of the key space has none. Where the key space does not begin with a range, an end marker stands at
 * its start, as nft puts it there.
 *
 * A range is the unit of a change. An end marker alone could be moved as well, but the kernel looks for
 * overlaps when it takes a first key in, and refuses it where an end is next.
 *
 * Source: net/netfilter/nft_set_rbtree.c (__nft_rbtree_insert()).
 */
#include "gate/interval.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "base/bytes.h"

static_assert(sizeof(struct interval) == 2 + 2 * (size_t)MODEL_KEY_BYTES_MAX, "compared as bytes");

struct boundary {
	uint8_t key[MODEL_KEY_BYTES_MAX];
	uint8_t is_first; /* behind an end of the same key */
};

static struct interval *add(struct intervals *list, const struct interval *i)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		void *bigger = reallocarray(list->items, room, sizeof(*list->items));

		if (!bigger) {
			list->error = -ENOMEM;
			return NULL;
		}
		list->items = bigger;
		list->room = room;
	}
	list->items[list->count] = *i;
	return &list->items[list->count++];
}

static int compare_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct interval));
}

static int compare_boundaries(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct boundary));
}

static void sort(struct intervals *list)
{
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), compare_bytes);
}

/* ---- wanted ---------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t key[MODEL_KEY_BYTES_MAX])
{
	static const uint8_t zero[MODEL_KEY_BYTES_MAX];

	return memcmp(key, zero, sizeof(zero)) == 0;
}

static void add_range(struct intervals *out, enum model_key key, const struct prefix *range)
{
	struct addr first = prefix_first(range), end = prefix_last(range);
	const size_t skip = sizeof(first.b) - out->key_bytes; /* the mapped prefix of IPv4 */
	struct interval i = { .has_first = 1 };

	memcpy(i.first, first.b + skip, out->key_bytes);
	if (addr_increment(&end) && (key == KEY_IPV6 || addr_is_v4(&end))) {
		i.has_end = 1;
		memcpy(i.end, end.b + skip, out->key_bytes);
	}
	add(out, &i);
}

static uint8_t padded(uint8_t len)
{
	return (uint8_t)((len + 3) & ~3);
}

/* A lone field as it is, several of them padded to 32 bits each. */
static void add_parts(
        struct intervals *out, const struct model_key_info *key, const uint16_t parts[MODEL_KEY_FIELDS_MAX])
{
	struct interval i = { .has_first = 1 };
	uint8_t at = 0;

	for (unsigned n = 0; n < key->field_count; n++) {
		uint8_t len = model_fields[key->fields[n]].len;

		if (len == 1)
			i.first[at] = (uint8_t)parts[n];
		else
			bytes_put16(i.first + at, parts[n]);
		at = (uint8_t)(at + padded(len));
	}
	add(out, &i);
}

uint8_t intervals_key_bytes(const struct model_key_info *key)
{
	uint8_t sum = 0;

	if (key->field_count == 1)
		return model_fields[key->fields[0]].len;
	for (unsigned i = 0; i < key->field_count; i++)
		sum = (uint8_t)(sum + padded(model_fields[key->fields[i]].len));
	return sum;
}

void intervals_of_set(struct intervals *out, const struct model_set *set)
{
	const struct model_key_info *key = &model_keys[set->key];
	bool begins = false;

	*out = (struct intervals) { .key_bytes = intervals_key_bytes(key), .single = !key->interval };
	for (size_t i = 0; out->single && i < set->count && !out->error; i++)
		add_parts(out, key, set->elements[i].parts);
	for (size_t i = 0; !out->single && i < set->count && !out->error; i++) {
		add_range(out, set->key, &set->elements[i].range);
		begins |= out->count > 0 && is_zero(out->items[out->count - 1].first);
	}
	if (!out->single && set->count > 0 && !begins)
		add(out, &(const struct interval) { .has_end = 1 });
	sort(out);
}

/* ---- in the kernel --------------------------------------------------------------------------- */

static void read_key(struct boundary *to, const char *hex)
{
	unsigned byte;

	for (unsigned i = 0; i < MODEL_KEY_BYTES_MAX && sscanf(hex + 2 * (size_t)i, "%2x", &byte) == 1; i++) {
		to->key[i] = (uint8_t)byte;
		if (hex[2 * i + 2] == ' ')
			break;
	}
}

static struct boundary *read_boundaries(const struct shape *s, const char *set, size_t *count)
{
	struct boundary *list = calloc(s->count + 1, sizeof(*list));
	const char *element;
	size_t at = 0;
	unsigned flags;

	*count = 0;
	while (list && (element = shape_next_element(s, &at, set))) {
		struct boundary *b = &list[(*count)++];

		read_key(b, element);
		b->is_first =
		        sscanf(element, "%*s flags %u", &flags) != 1 || !(flags & NFT_SET_ELEM_INTERVAL_END);
	}
	if (list)
		qsort(list, *count, sizeof(*list), compare_boundaries);
	return list;
}

void intervals_of_shape(struct intervals *out, const struct shape *s, const char *set)
{
	struct boundary *list;
	struct interval *open = NULL, i;
	size_t count;

	*out = (struct intervals) { .count = 0 };
	list = read_boundaries(s, set, &count);
	if (!list)
		out->error = -ENOMEM;
	for (size_t n = 0; n < count && !out->error; n++) {
		i = (struct interval) { .has_first = list[n].is_first, .has_end = !list[n].is_first };
		memcpy(i.has_first ? i.first : i.end, list[n].key, sizeof(i.first));
		if (i.has_end && open) {
			open->has_end = 1;
			memcpy(open->end, i.end, sizeof(i.end));
			open = NULL;
		} else {
			open = add(out, &i);
			if (i.has_end)
				open = NULL;
		}
	}
	free(list);
	sort(out);
}

void intervals_fini(struct intervals *list)
{
	free(list->items);
	*list = (struct intervals) { 0 };
}

void intervals_compare(const struct intervals *have, const struct intervals *want, struct intervals *gone,
        struct intervals *more)
{
	size_t h = 0, w = 0;

	*gone = *more = (struct intervals) { .key_bytes = want->key_bytes, .single = want->single };
	gone->error = have->error;
	more->error = want->error;
	while (!gone->error && !more->error && (h < have->count || w < want->count)) {
		int order = h == have->count   ? 1
		            : w == want->count ? -1
		                               : compare_bytes(&have->items[h], &want->items[w]);

		if (order < 0)
			add(gone, &have->items[h]);
		else if (order > 0)
			add(more, &want->items[w]);
		h += order <= 0;
		w += order >= 0;
	}
}
