/* test_tally.c - different things of a subject within a window: against a model that keeps everything. */
#include "suite.h"

#include <string.h>

#include "watch/tally.h"

static const uint8_t key[HASH_KEY_BYTES] = { 7 };
static const uint64_t second = 1000000;

static struct tally_count add(
        struct tally *t, uint64_t subject, uint64_t thing, uint64_t most, uint32_t window_s, uint64_t now_s)
{
	struct volume_limit limit = { most, window_s };

	return tally_add(t, subject, thing, &limit, 1 + now_s * second);
}

static void counts_what_is_different(void)
{
	struct tally *t = tally_new(64, key);
	struct tally_count c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	for (uint64_t i = 1; i <= 5; i++) {
		c = add(t, 1, i, 5, 60, i);
		CU_ASSERT(c.count == i && c.fresh);
		c = add(t, 1, i, 5, 60, i);
		CU_ASSERT(c.count == i && !c.fresh);
	}
	CU_ASSERT_EQUAL(add(t, 2, 1, 5, 60, 6).count, 1); /* somebody else's */
	CU_ASSERT_EQUAL(add(t, 1, 6, 5, 60, 6).count, 6);
	CU_ASSERT_EQUAL(add(t, 1, 7, 5, 60, 7).count, 7); /* what is beyond the limit counts on */
	CU_ASSERT_EQUAL(add(t, 1, 8, 5, 60, 8).count, 8);
	CU_ASSERT_EQUAL(add(t, 1, 9, 5, 60, 64).count, 5); /* 5 to 8 are left, and nothing of before */
	CU_ASSERT_EQUAL(tally_evicted(t), 0);
	tally_free(t);
}

static void the_window_slides(void)
{
	struct tally *t = tally_new(64, key);

	for (uint64_t i = 0; i < 10; i++)
		add(t, 1, i, 20, 60, i);
	CU_ASSERT_EQUAL(add(t, 1, 0, 20, 60, 59).count, 10); /* it has been seen again: it stays */
	CU_ASSERT_EQUAL(add(t, 1, 10, 20, 60, 60).count, 11);
	CU_ASSERT_EQUAL(add(t, 1, 11, 20, 60, 61).count, 11); /* 1 has left */
	CU_ASSERT_EQUAL(add(t, 1, 12, 20, 60, 118).count, 4); /* 0, 10, 11, and this one */
	CU_ASSERT_EQUAL(add(t, 1, 13, 20, 60, 1000).count, 1);
	/* one that waits alone, too */
	CU_ASSERT_EQUAL(add(t, 2, 1, 20, 60, 1000).count, 1);
	CU_ASSERT_EQUAL(add(t, 2, 2, 20, 60, 1060).count, 1);
	CU_ASSERT(add(t, 2, 2, 20, 60, 1061).fresh == false);
	CU_ASSERT(add(t, 2, 2, 20, 60, 1121).fresh);
	tally_free(t);
}

static void forgotten_is_forgotten(void)
{
	struct tally *t = tally_new(64, key);

	add(t, 1, 1, 5, 60, 1);
	tally_forget(t, 1);
	CU_ASSERT_EQUAL(add(t, 1, 2, 5, 60, 1).count, 1);
	add(t, 1, 3, 5, 60, 1);
	add(t, 1, 4, 5, 60, 1);
	tally_forget(t, 1);
	tally_forget(t, 9);
	CU_ASSERT_EQUAL(add(t, 1, 5, 5, 60, 1).count, 1);
	tally_free(t);
}

static void a_lower_limit_counts_at_once(void)
{
	struct tally *t = tally_new(64, key);

	for (uint64_t i = 0; i < 30; i++)
		add(t, 1, i, 40, 60, 1);
	CU_ASSERT_EQUAL(add(t, 1, 30, 5, 60, 2).count, 7); /* one above, and this one */
	tally_free(t);
}

enum { MODEL_SUBJECTS = 7, MODEL_THINGS = 13, MODEL_MOST = 9 };

/* As long as there is room, and no limit is passed, every count is right. */
static void agrees_with_a_model(void)
{
	struct tally *t = tally_new(MODEL_SUBJECTS * MODEL_THINGS * 4, key);
	static uint64_t last[MODEL_SUBJECTS][MODEL_THINGS]; /* when it was seen, plus one */
	uint32_t random = 1, different;
	uint64_t now = 0;

	for (unsigned round = 0; round < 20000; round++) {
		uint64_t subject, thing;

		random = random * 1664525 + 1013904223;
		subject = (random >> 8) % MODEL_SUBJECTS;
		thing = (random >> 16) % MODEL_THINGS;
		now += (random >> 28) > 12;
		different = 0;
		for (unsigned i = 0; i < MODEL_THINGS; i++)
			different += i == thing || (last[subject][i] && now < last[subject][i] - 1 + 30);
		struct tally_count c = add(t, subject, thing, MODEL_THINGS, 30, now);

		if (c.count != different ||
		        c.fresh != !(last[subject][thing] && now < last[subject][thing] - 1 + 30)) {
			CU_FAIL("the model says otherwise");
			break;
		}
		last[subject][thing] = now + 1;
	}
	CU_ASSERT_EQUAL(tally_evicted(t), 0);
	tally_free(t);
}

/* A flood of subjects with one thing each, and one of subjects with two. */
static void a_flood_pushes_out_its_own(void)
{
	struct tally *t = tally_new(1024, key);
	uint64_t flood = 1000;

	for (uint64_t i = 1; i <= 20; i++) {
		CU_ASSERT_EQUAL(add(t, 1, i, 20, 600, i).count, i);
		for (unsigned k = 0; k < 200; k++)
			add(t, flood++, 1, 20, 600, i);
	}
	CU_ASSERT_EQUAL(tally_evicted(t), 0);
	for (unsigned k = 0; k < 100000; k++) {
		add(t, flood, 1, 20, 600, 30);
		add(t, flood++, 2, 20, 600, 30);
	}
	CU_ASSERT(tally_evicted(t) > 99000);
	CU_ASSERT_EQUAL(add(t, 1, 21, 20, 600, 30).count, 21);
	tally_free(t);
}

/* One subject whose limit is more than all the room: it counts on, and others still find room. */
static void one_may_fill_it(void)
{
	struct tally *t = tally_new(64, key);

	for (uint64_t i = 1; i <= 200; i++)
		CU_ASSERT_EQUAL(add(t, 1, i, 1000, 600, i).count, i);
	add(t, 2, 1, 5, 600, 201);
	CU_ASSERT_EQUAL(add(t, 2, 2, 5, 600, 201).count, 2);
	tally_free(t);
}

static void names_differ_by_kind(void)
{
	struct tally *t = tally_new(64, key);

	CU_ASSERT_NOT_EQUAL(tally_name(t, 1, "a", 1), tally_name(t, 2, "a", 1));
	CU_ASSERT_NOT_EQUAL(tally_name(t, 1, "a", 1), tally_name(t, 1, "b", 1));
	CU_ASSERT_EQUAL(tally_name(t, 1, "a", 1), tally_name(t, 1, "a", 1));
	tally_free(t);
}

SUITE("tally", { "counts what is different", counts_what_is_different },
        { "the window slides", the_window_slides }, { "forgotten is forgotten", forgotten_is_forgotten },
        { "a lower limit counts at once", a_lower_limit_counts_at_once },
        { "agrees with a model", agrees_with_a_model },
        { "a flood pushes out its own", a_flood_pushes_out_its_own }, { "one may fill it", one_may_fill_it },
        { "names differ by kind", names_differ_by_kind })
