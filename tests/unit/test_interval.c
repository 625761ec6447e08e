/* test_interval.c - what is in an interval set, and what has to change in it, against a naive model: the cells of the
 * address space, and the boundaries one by one. */
#include <stdio.h>
#include <string.h>

#include <linux/netfilter/nf_tables.h>

#include "gate/interval.h"
#include "prefix_sets.h"
#include "suite.h"

enum { ROUNDS = 3000, BOUNDARIES_MAX = 2 * PREFIX_SET_CELLS + 2, LINE_MAX_BYTES = 96 };
#define SET_NAME "isp_v4"

/* Elements as a kernel would hold them: each key and flag once. */
struct kernel {
	struct {
		uint8_t key[MODEL_KEY_BYTES_MAX];
		bool end;
	} items[BOUNDARIES_MAX];
	unsigned count;
};

static struct intervals wanted(const struct prefix_set *from, bool v6)
{
	union model_element elements[PREFIX_SET_CELLS];
	struct model_set set = {
		.name = SET_NAME, .key = v6 ? KEY_IPV6 : KEY_IPV4, .elements = elements, .count = from->count
	};
	struct intervals out;

	for (unsigned i = 0; i < from->count; i++)
		elements[i].range = from->items[i];
	intervals_of_set(&out, &set);
	CU_ASSERT_EQUAL(out.error, 0);
	CU_ASSERT_EQUAL(out.key_bytes, v6 ? 16 : 4);
	return out;
}

/* -1: not there. */
static int find(const struct kernel *k, const uint8_t *key, bool end)
{
	for (unsigned i = 0; i < k->count; i++)
		if (k->items[i].end == end && memcmp(k->items[i].key, key, MODEL_KEY_BYTES_MAX) == 0)
			return (int)i;
	return -1;
}

/* The kernel refuses the whole transaction where one of these is false. */
static void add_one(struct kernel *k, const uint8_t *key, bool end)
{
	CU_ASSERT_FATAL(find(k, key, end) < 0 && k->count < BOUNDARIES_MAX);
	memcpy(k->items[k->count].key, key, MODEL_KEY_BYTES_MAX);
	k->items[k->count++].end = end;
}

static void drop_one(struct kernel *k, const uint8_t *key, bool end)
{
	int at = find(k, key, end);

	CU_ASSERT_FATAL(at >= 0);
	k->items[at] = k->items[--k->count];
}

static void apply(
        struct kernel *k, const struct intervals *list, void (*one)(struct kernel *, const uint8_t *, bool))
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].has_first)
			one(k, list->items[i].first, false);
		if (list->items[i].has_end)
			one(k, list->items[i].end, true);
	}
}

/* Lines as shape.c writes them, beside those of sets with almost the same name. */
static void print_shape(
        struct shape *s, const struct kernel *k, char (*lines)[LINE_MAX_BYTES], char **list, bool v6)
{
	*s = (struct shape) { .lines = list, .count = k->count + 2 };
	for (unsigned i = 0; i < s->count; i++)
		list[i] = lines[i];
	strcpy(lines[0], "element of isp_v 00000000 flags 0");
	strcpy(lines[1], "element of isp_v4a 00000000 flags 0");
	for (unsigned i = 0; i < k->count; i++) {
		int at = snprintf(lines[i + 2], LINE_MAX_BYTES, "element of " SET_NAME " ");

		for (unsigned b = 0; b < (v6 ? 16U : 4U); b++)
			at += snprintf(
			        lines[i + 2] + at, (size_t)(LINE_MAX_BYTES - at), "%02x", k->items[i].key[b]);
		snprintf(lines[i + 2] + at, (size_t)(LINE_MAX_BYTES - at), " flags %u",
		        k->items[i].end ? NFT_SET_ELEM_INTERVAL_END : 0);
	}
}

static struct intervals held(const struct kernel *k, bool v6)
{
	char lines[BOUNDARIES_MAX + 2][LINE_MAX_BYTES];
	char *list[BOUNDARIES_MAX + 2];
	struct intervals out;
	struct shape s;

	print_shape(&s, k, lines, list, v6);
	intervals_of_shape(&out, &s, SET_NAME);
	CU_ASSERT_EQUAL(out.error, 0);
	return out;
}

/* As a lookup goes: the last boundary that is not behind the key decides, a first before an end. */
static bool matches(const struct kernel *k, bool v6, unsigned cell)
{
	struct addr a = prefix_set_cell(v6, cell);
	uint8_t key[MODEL_KEY_BYTES_MAX] = { 0 };
	const uint8_t *best = NULL;
	bool in = false;

	memcpy(key, v6 ? a.b : a.b + 12, v6 ? 16 : 4);
	for (unsigned i = 0; i < k->count; i++) {
		const uint8_t *at = k->items[i].key;
		int order = best ? memcmp(at, best, MODEL_KEY_BYTES_MAX) : 1;

		if (memcmp(at, key, MODEL_KEY_BYTES_MAX) > 0 || order < 0)
			continue;
		in = order > 0 ? !k->items[i].end : in || !k->items[i].end;
		best = at;
	}
	return in;
}

static void must_hold(const struct kernel *k, const struct prefix_set *set, bool v6)
{
	unsigned wrong = 0;

	for (unsigned cell = 0; cell < PREFIX_SET_CELLS; cell++)
		wrong += matches(k, v6, cell) != set->cells[cell];
	CU_ASSERT_EQUAL(wrong, 0);
}

static void must_be_same(const struct intervals *a, const struct intervals *b)
{
	CU_ASSERT_EQUAL_FATAL(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		CU_ASSERT(memcmp(&a->items[i], &b->items[i], sizeof(a->items[i])) == 0);
}

/* From whatever the kernel holds to what is wanted: what only the old one has goes, then what only the new one has
 * comes, and nothing else. */
static void change(struct kernel *k, const struct intervals *want, bool v6)
{
	struct intervals have = held(k, v6), gone, more, now, left, missing;

	intervals_compare(&have, want, &gone, &more);
	CU_ASSERT_EQUAL(gone.error + more.error, 0);
	CU_ASSERT_EQUAL(gone.key_bytes, v6 ? 16 : 4);
	CU_ASSERT_EQUAL(have.count - gone.count, want->count - more.count); /* what stays */
	apply(k, &gone, drop_one);
	apply(k, &more, add_one);
	now = held(k, v6);
	must_be_same(&now, want);
	intervals_compare(&now, want, &left, &missing);
	CU_ASSERT_EQUAL(left.count + missing.count, 0);
	intervals_fini(&have);
	intervals_fini(&gone);
	intervals_fini(&more);
	intervals_fini(&now);
	intervals_fini(&left);
	intervals_fini(&missing);
}

static void any_set_becomes_any_other(void)
{
	srand(25);
	for (unsigned round = 0; round < ROUNDS; round++) {
		const bool v6 = round % 2;
		struct kernel k = { .count = 0 };
		struct prefix_set sets[3];

		for (unsigned i = 0; i < 3; i++) {
			struct intervals want;

			prefix_set_make(&sets[i], v6);
			want = wanted(&sets[i], v6);
			change(&k, &want, v6);
			must_hold(&k, &sets[i], v6);
			intervals_fini(&want);
		}
	}
}

/* What others have made of the set: ends without a first, firsts without an end. */
static void any_boundaries_become_any_set(void)
{
	srand(26);
	for (unsigned round = 0; round < ROUNDS; round++) {
		const bool v6 = round % 2;
		struct kernel k = { .count = 0 };
		struct prefix_set set;
		struct intervals want;

		for (unsigned n = (unsigned)rand() % 40; n > 0; n--) {
			struct addr a = prefix_set_cell(v6, (unsigned)rand() % PREFIX_SET_CELLS);
			uint8_t key[MODEL_KEY_BYTES_MAX] = { 0 };
			bool end = rand() % 2;

			memcpy(key, v6 ? a.b : a.b + 12, v6 ? 16 : 4);
			if (find(&k, key, end) < 0)
				add_one(&k, key, end);
		}
		prefix_set_make(&set, v6);
		want = wanted(&set, v6);
		change(&k, &want, v6);
		must_hold(&k, &set, v6);
		intervals_fini(&want);
	}
}

static void nothing_is_nothing(void)
{
	struct prefix_set none = { .count = 0 };
	struct kernel k = { .count = 0 };
	struct intervals want = wanted(&none, false), have = held(&k, false);

	CU_ASSERT_EQUAL(want.count + have.count, 0);
	intervals_fini(&want);
	intervals_fini(&have);
}

SUITE("interval", { "any set becomes any other", any_set_becomes_any_other },
        { "whatever the kernel holds becomes any set", any_boundaries_become_any_set },
        { "nothing is nothing", nothing_is_nothing })
