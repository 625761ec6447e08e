/* The fixed-capacity table: keys, order of touch, references, reuse; and against a naive model. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/table.h"
#include "suite.h"

static const uint8_t hash_key[HASH_KEY_BYTES] = "0123456789abcde";

static void finds_what_was_added(void)
{
	struct table *t = table_new(100, sizeof(uint32_t), 24, hash_key);
	uint32_t key;

	for (key = 0; key < 100; key++) {
		uint8_t *value = table_add(t, &key, key);

		CU_ASSERT_PTR_NOT_NULL_FATAL(value);
		CU_ASSERT_EQUAL((uintptr_t)value % 16, 0);
		memset(value, (int)key, 24);
	}
	CU_ASSERT_EQUAL(table_count(t), 100);
	CU_ASSERT_EQUAL(table_capacity(t), 100);
	for (key = 0; key < 100; key++) {
		const uint8_t *value = table_find(t, &key);

		CU_ASSERT_PTR_NOT_NULL_FATAL(value);
		CU_ASSERT(value[0] == key && value[23] == key);
		CU_ASSERT_EQUAL(memcmp(table_key(t, value), &key, sizeof(key)), 0);
	}
	CU_ASSERT_PTR_NULL(table_find(t, &key));
	table_free(t);
	table_free(NULL);
}

static void full_is_told_and_room_comes_back(void)
{
	struct table *t = table_new(2, 1, 1, hash_key);
	uint64_t touched_us = 0;
	uint8_t *value;

	*(uint8_t *)table_add(t, "a", 1) = 7;
	table_add(t, "b", 2);
	CU_ASSERT_PTR_NULL(table_add(t, "c", 3));
	CU_ASSERT_PTR_NULL(table_find(t, "c"));
	CU_ASSERT_EQUAL(table_count(t), 2);
	table_drop(t, table_oldest(t, &touched_us));
	CU_ASSERT_EQUAL(touched_us, 1);
	CU_ASSERT_PTR_NULL(table_find(t, "a"));
	value = table_add(t, "c", 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(value);
	CU_ASSERT_EQUAL(*value, 0); /* zeroed, not what "a" left */
	table_free(t);
}

static void keeps_the_order_of_touch(void)
{
	struct table *t = table_new(4, 1, 1, hash_key);
	uint64_t touched_us = 99;
	char order[5] = "";
	int i;

	CU_ASSERT_PTR_NULL(table_oldest(t, &touched_us));
	CU_ASSERT_EQUAL(touched_us, 99);
	for (i = 0; i < 4; i++)
		table_add(t, &"abcd"[i], (uint64_t)i);
	table_touch(t, table_find(t, "a"), 10); /* oldest, middle, youngest */
	table_touch(t, table_find(t, "c"), 11);
	table_touch(t, table_find(t, "c"), 12);
	for (i = 0; i < 4; i++) {
		void *oldest = table_oldest(t, &touched_us);

		order[i] = *(const char *)table_key(t, oldest);
		table_drop(t, oldest);
	}
	CU_ASSERT_STRING_EQUAL(order, "bdac");
	CU_ASSERT_EQUAL(touched_us, 12);
	CU_ASSERT_PTR_NULL(table_oldest(t, &touched_us));
	table_free(t);
}

static void taking_makes_room(void)
{
	struct table *t = table_new(2, 1, 1, hash_key);
	uint8_t *a = table_take(t, "a", 1, NULL), *b;
	bool evicted = true;

	*a = 7;
	b = table_take(t, "b", 2, &evicted);
	CU_ASSERT(b && b != a && *b == 0 && !evicted);
	*b = 8;
	CU_ASSERT(table_take(t, "a", 3, &evicted) == a && *a == 7 &&
	          !evicted); /* touched, so b is the oldest */
	CU_ASSERT_EQUAL(*(uint8_t *)table_take(t, "c", 4, &evicted), 0);
	CU_ASSERT(evicted && table_find(t, "b") == NULL && table_find(t, "a") == a);
	CU_ASSERT_EQUAL(table_count(t), 2);
	table_free(t);
}

static void references_know_their_entry(void)
{
	struct table *t = table_new(3, 1, 1, hash_key);
	struct table_ref nothing = { 0, 0 }, beyond = { 2, 1 }, far = { UINT32_MAX, 1 }, old, young;
	void *value = table_add(t, "a", 0);

	old = table_ref(t, value);
	CU_ASSERT_NOT_EQUAL(old.generation, 0);
	CU_ASSERT_PTR_EQUAL(table_get(t, old), value);
	CU_ASSERT_PTR_NULL(table_get(t, nothing));
	CU_ASSERT_PTR_NULL(table_get(t, beyond));
	CU_ASSERT_PTR_NULL(table_get(t, far));
	table_drop(t, value);
	CU_ASSERT_PTR_NULL(table_get(t, old));
	value = table_add(t, "b", 0);
	young = table_ref(t, value);
	CU_ASSERT_EQUAL(young.index, old.index);
	CU_ASSERT_PTR_NULL(table_get(t, old));
	CU_ASSERT_PTR_EQUAL(table_get(t, young), value);
	table_free(t);
}

/* The kernel's own word for the memory that is really there. */
static long resident_pages(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	long size = 0, resident = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(statm);
	CU_ASSERT_EQUAL(fscanf(statm, "%ld %ld", &size, &resident), 2);
	fclose(statm);
	return resident;
}

static void unused_capacity_costs_nothing(void)
{
	long before = resident_pages();
	struct table *t = table_new(1 << 24, 16, 1024, hash_key);
	uint8_t key[16] = { 0 };
	int i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (i = 0; i < 1000; i++) { /* reuse must not walk through fresh memory */
		key[0] = (uint8_t)i;
		table_drop(t, table_add(t, key, 0));
	}
	CU_ASSERT(resident_pages() - before < 4096);
	table_free(t);
	CU_ASSERT_PTR_NULL(table_new(1 << 28, 16, UINT32_MAX, hash_key));
}

/* A model of 64 keys beside the table: presence, value, touch time. */
enum { MODEL_KEYS = 64, MODEL_ROOM = 40, MODEL_STEPS = 200000 };
struct model {
	struct {
		bool here;
		uint64_t touched, value;
		struct table_ref ref;
	} of[MODEL_KEYS];
	uint32_t count;
};

static int model_oldest(const struct model *m)
{
	int i, oldest = -1;

	for (i = 0; i < MODEL_KEYS; i++)
		if (m->of[i].here && (oldest < 0 || m->of[i].touched < m->of[oldest].touched))
			oldest = i;
	return oldest;
}

static void model_add(struct model *m, struct table *t, uint8_t key, uint64_t now)
{
	uint64_t *value = table_add(t, &key, now);

	CU_ASSERT_EQUAL(value == NULL, m->count == MODEL_ROOM);
	if (!value)
		return;
	CU_ASSERT_EQUAL(*value, 0);
	*value = now;
	m->of[key].here = true;
	m->of[key].touched = m->of[key].value = now;
	m->of[key].ref = table_ref(t, value);
	m->count++;
}

static void model_step(struct model *m, struct table *t, uint8_t key, int what, uint64_t now)
{
	uint64_t *value = table_find(t, &key), touched = 0;
	void *oldest = table_oldest(t, &touched);
	int expected = model_oldest(m);

	CU_ASSERT_EQUAL(value != NULL, m->of[key].here);
	CU_ASSERT_PTR_EQUAL(table_get(t, m->of[key].ref), value);
	CU_ASSERT_EQUAL(oldest != NULL, expected >= 0);
	if (oldest) {
		CU_ASSERT_EQUAL(*(const uint8_t *)table_key(t, oldest), expected);
		CU_ASSERT_EQUAL(touched, m->of[expected].touched);
	}
	if (!value) {
		model_add(m, t, key, now);
		return;
	}
	CU_ASSERT_EQUAL(*value, m->of[key].value);
	if (what == 0) {
		table_touch(t, value, now);
		m->of[key].touched = now;
	} else {
		table_drop(t, value);
		m->of[key].here = false;
		m->count--;
	}
	CU_ASSERT_EQUAL(table_count(t), m->count);
}

/* A right guess finds, a wrong one does no harm, and both are right afterwards. */
static void a_guess_where_it_is(void)
{
	struct table *t = table_new(8, 1, 1, hash_key);
	void *a = table_add(t, "a", 1), *b = table_add(t, "b", 2);
	uint32_t of_a = table_place(t, a), of_b = table_place(t, b), place = 0;

	CU_ASSERT_PTR_EQUAL(table_at(t, of_a), a);
	CU_ASSERT_PTR_EQUAL(table_at(t, of_b), b);
	CU_ASSERT_PTR_NULL(table_at(t, 0));
	CU_ASSERT_PTR_NULL(table_at(t, 3));
	CU_ASSERT_PTR_EQUAL(table_find_at(t, "a", &place), a);
	CU_ASSERT_EQUAL(place, of_a);
	CU_ASSERT_PTR_EQUAL(table_find_at(t, "a", &place), a);
	CU_ASSERT_PTR_EQUAL(table_find_at(t, "b", &place), b);
	CU_ASSERT_EQUAL(place, of_b);
	place = 99;
	CU_ASSERT_PTR_EQUAL(table_find_at(t, "b", &place), b);
	table_drop(t, b);
	CU_ASSERT_PTR_NULL(table_at(t, of_b));
	CU_ASSERT_PTR_NULL(table_find_at(t, "b", &place));
	CU_ASSERT_EQUAL(place, 0);
	b = table_add(t, "c", 3); /* at the place of b */
	place = of_b;
	CU_ASSERT_PTR_NULL(table_find_at(t, "b", &place));
	table_free(t);
}

static void behaves_as_a_naive_model(void)
{
	struct table *t = table_new(MODEL_ROOM, 1, sizeof(uint64_t), hash_key);
	static struct model m;
	uint64_t now;

	srandom(25);
	for (now = 1; now <= MODEL_STEPS; now++)
		model_step(&m, t, (uint8_t)(random() % MODEL_KEYS), (int)(random() % 3), now);
	table_free(t);
}

SUITE("table", { "finds what was added", finds_what_was_added },
        { "full is told and room comes back", full_is_told_and_room_comes_back },
        { "keeps the order of touch", keeps_the_order_of_touch }, { "taking makes room", taking_makes_room },
        { "references know their entry", references_know_their_entry },
        { "a guess where it is", a_guess_where_it_is },
        { "unused capacity costs nothing", unused_capacity_costs_nothing },
        { "behaves as a naive model", behaves_as_a_naive_model })
