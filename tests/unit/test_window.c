/* Sliding windows against counting by hand, over random events. */
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "watch/window.h"

enum { EVENTS = 3000, SECOND_US = 1000000, THINGS = 40 };

static const uint8_t key[HASH_KEY_BYTES] = { 3 };
static const struct volume_limit limits[] = { { 5, 1 }, { 12, 10 }, { 60, 100 } };
enum { LIMITS = sizeof(limits) / sizeof(limits[0]) };

static struct happened {
	uint64_t time_us, what;
} all[EVENTS];

static struct window_pool *make(uint32_t entries)
{
	struct window_pool *p = window_pool_new(entries, key);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return p;
}

static uint64_t any(uint64_t below)
{
	return (uint64_t)rand() % below;
}

/* The most in a window of window_s that ends at one of `count` events and holds time_us. */
static uint64_t most_by_hand(unsigned count, uint64_t time_us, uint32_t window_s)
{
	uint64_t most = 0, window_us = (uint64_t)window_s * SECOND_US;

	for (unsigned end = 0; end < count; end++) {
		uint64_t sum = 0, end_us = all[end].time_us;

		if (end_us < time_us || time_us + window_us <= end_us)
			continue;
		for (unsigned i = 0; i < count; i++)
			if (all[i].time_us <= end_us && all[i].time_us + window_us > end_us)
				sum += all[i].what;
		if (sum > most)
			most = sum;
	}
	return most;
}

/* late_us: events come so late at most. */
static void compare_amounts(uint64_t late_us, uint64_t gap_us, unsigned seed)
{
	struct window_pool *p = make(100000);
	uint64_t now_us = UINT64_C(1000) * SECOND_US, sums[LIMITS], passed = 0;
	struct window_log log = { 0 };

	srand(seed);
	for (unsigned n = 0; n < EVENTS; n++) {
		now_us += any(10) ? any(gap_us) : any(20 * gap_us);
		all[n].time_us = now_us - any(late_us + 1);
		all[n].what = 1 + any(3);
		CU_ASSERT_FATAL(window_add(p, &log, limits, LIMITS, all[n].time_us, all[n].what, sums));
		for (unsigned i = 0; i < LIMITS; i++) {
			uint64_t most = most_by_hand(n + 1, all[n].time_us, limits[i].window_s);

			CU_ASSERT_EQUAL_FATAL(sums[i], most > limits[i].most ? most : 0);
			passed += sums[i] > 0;
		}
	}
	CU_ASSERT(passed > EVENTS / 10 && passed < EVENTS * LIMITS);
	CU_ASSERT(window_length(&log) < EVENTS);
	window_pool_free(p);
}

static void amounts_in_order(void)
{
	compare_amounts(0, 700000, 1);
	compare_amounts(0, 200000, 2);
}

static void amounts_that_come_late(void)
{
	compare_amounts(3 * SECOND_US, 700000, 3);
	compare_amounts(9 * SECOND_US, 200000, 4);
	compare_amounts(SECOND_US / 2, 2000000, 5);
}

static uint64_t different_by_hand(unsigned count, uint64_t end_us, uint32_t window_s)
{
	bool seen[THINGS] = { false };
	uint64_t different = 0;

	for (unsigned i = 0; i < count; i++)
		if (all[i].time_us <= end_us && all[i].time_us + (uint64_t)window_s * SECOND_US > end_us) {
			different += !seen[all[i].what];
			seen[all[i].what] = true;
		}
	return different;
}

static void different_things(void)
{
	static const struct volume_limit few[] = { { 3, 1 }, { 9, 10 }, { 30, 100 } };
	struct window_pool *p = make(1000);
	uint64_t now_us = UINT64_C(1000) * SECOND_US, newest_us = 0, sums[LIMITS], passed = 0;
	struct window_log log = { 0 };
	unsigned known;

	srand(6);
	for (unsigned n = 0; n < EVENTS; n++) {
		now_us += any(600000);
		all[n].time_us = now_us - any(2) * any(400000);
		all[n].what = any(THINGS);
		if (all[n].time_us > newest_us)
			newest_us = all[n].time_us;
		CU_ASSERT_FATAL(window_see(p, &log, few, LIMITS, all[n].time_us, all[n].what, sums, &known));
		for (unsigned i = 0; i < LIMITS; i++) {
			uint64_t different = different_by_hand(n + 1, newest_us, few[i].window_s);

			CU_ASSERT_EQUAL_FATAL(sums[i], different > few[i].most ? different : 0);
			passed += sums[i] > 0;
		}
	}
	CU_ASSERT(passed > EVENTS / 10 && passed < EVENTS * LIMITS);
	CU_ASSERT(window_length(&log) <= THINGS);
	window_pool_free(p);
}

/* Two logs do not share what they have seen, and give all back. */
static void logs_are_apart(void)
{
	static const struct volume_limit one[] = { { 1, 10 } };
	struct window_pool *p = make(8);
	struct window_log a = { 0 }, b = { 0 };
	unsigned known;
	uint64_t sum;

	for (unsigned round = 0; round < 3; round++) {
		CU_ASSERT(window_see(p, &a, one, 1, SECOND_US, 7, &sum, &known));
		CU_ASSERT(window_see(p, &b, one, 1, SECOND_US, 7, &sum, &known));
		CU_ASSERT(window_see(p, &b, one, 1, SECOND_US, 8, &sum, &known));
		CU_ASSERT_EQUAL(sum, 2);
		CU_ASSERT_EQUAL(window_length(&a), 1);
		CU_ASSERT_EQUAL(window_length(&b), 2);
		CU_ASSERT_PTR_NULL(window_state(p, &a));
		CU_ASSERT_PTR_NOT_NULL(window_state(p, &b));
		window_expire(p, &a, 10, UINT64_C(22) * SECOND_US);
		window_drop(p, &b);
		CU_ASSERT(window_length(&a) == 0 && window_length(&b) == 0);
	}
	window_pool_free(p);
}

/* Full: nothing is lost of what was there. */
static void a_full_pool_says_so(void)
{
	static const struct volume_limit many[] = { { 100, 1000 } };
	struct window_pool *p = make(6);
	struct window_log log[4] = { { 0 } };
	uint64_t sum;

	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT(window_add(p, &log[i % 3], many, 1, SECOND_US, 1, &sum));
	CU_ASSERT(!window_add(p, &log[3], many, 1, SECOND_US, 1, &sum));
	CU_ASSERT_EQUAL(window_length(&log[3]), 0);
	CU_ASSERT(!window_add(p, &log[0], many, 1, SECOND_US, 1, &sum));
	CU_ASSERT_EQUAL(window_length(&log[0]), 2);
	window_drop(p, &log[1]);
	CU_ASSERT(window_add(p, &log[3], many, 1, SECOND_US, 1, &sum));
	window_pool_free(p);
}

/* One log has an eighth of the pool: counts stay whole, times become coarser. */
static void a_long_log_is_thinned(void)
{
	static const struct volume_limit wide[] = { { 5000, 10000 } };
	struct window_pool *p = make(8 * 1000);
	uint64_t sum = 0, time_us = 0;
	struct window_log log = { 0 };

	for (unsigned i = 1; i <= 9000; i++) {
		time_us += SECOND_US;
		CU_ASSERT_FATAL(window_add(p, &log, wide, 1, time_us, 1, &sum));
		CU_ASSERT_EQUAL_FATAL(sum, i > 5000 ? i : 0);
		CU_ASSERT_FATAL(window_length(&log) <= 1000);
	}
	CU_ASSERT(window_add(p, &log, wide, 1, time_us + UINT64_C(5000) * SECOND_US, 1, &sum));
	CU_ASSERT(sum >= 5001 && sum < 5050);
	CU_ASSERT(window_thinned(p) > 0);
	window_pool_free(p);
}

/* The clock is set back by an hour: what was counted within the minute is counted still, and leaves in time. */
static void a_clock_set_back_is_followed(void)
{
	static const struct volume_limit minute[] = { { 5, 60 } };
	const uint64_t hour_us = UINT64_C(3600) * SECOND_US, start_us = 2 * hour_us;
	struct window_pool *p = make(1000);
	struct window_log amounts = { 0 }, things = { 0 };
	unsigned known;
	uint64_t sum;

	for (uint64_t s = 1; s <= 10; s++) {
		CU_ASSERT(window_add(p, &amounts, minute, 1, start_us + s * SECOND_US, 1, &sum));
		CU_ASSERT(window_see(p, &things, minute, 1, start_us + s * SECOND_US, s, &sum, &known));
	}
	CU_ASSERT(window_add(p, &amounts, minute, 1, start_us - hour_us + 10 * SECOND_US, 1, &sum));
	CU_ASSERT_EQUAL(sum, 11);
	CU_ASSERT(window_see(p, &things, minute, 1, start_us - hour_us + 10 * SECOND_US, 10, &sum, &known));
	CU_ASSERT(sum == 10 && known == 1);
	for (uint64_t s = 11; s <= 65; s++) {
		CU_ASSERT(window_add(p, &amounts, minute, 1, start_us - hour_us + s * SECOND_US, 1, &sum));
		CU_ASSERT_EQUAL(sum, s < 61 ? s + 1 : 61);
		CU_ASSERT(window_see(
		        p, &things, minute, 1, start_us - hour_us + s * SECOND_US, 10, &sum, &known));
		CU_ASSERT_EQUAL(sum, s < 61 ? 10 : s < 65 ? 70 - s : 0);
	}
	window_pool_free(p);
}

static void what_a_window_has_already_is_known(void)
{
	static const struct volume_limit two[] = { { 5, 10 }, { 5, 100 } };
	struct window_pool *p = make(100);
	uint64_t sums[2];
	struct window_log log = { 0 };
	unsigned known;

	CU_ASSERT(window_see(p, &log, two, 2, 1000 * UINT64_C(1000000), 1, sums, &known));
	CU_ASSERT_EQUAL(known, 0);
	CU_ASSERT(window_see(p, &log, two, 2, 1009 * UINT64_C(1000000), 1, sums, &known));
	CU_ASSERT_EQUAL(known, 3);
	CU_ASSERT(window_see(p, &log, two, 2, 1019 * UINT64_C(1000000), 1, sums, &known));
	CU_ASSERT_EQUAL(known, 2);
	CU_ASSERT(window_see(p, &log, two, 2, 1119 * UINT64_C(1000000), 1, sums, &known));
	CU_ASSERT_EQUAL(known, 0);
	window_pool_free(p);
}

static void other_limits_from_now_on(void)
{
	static const struct volume_limit before[] = { { 2, 10 } }, after[] = { { 3, 5 }, { 4, 10 } };
	struct window_pool *p = make(100);
	struct window_log log = { 0 };
	uint64_t sums[2];

	for (uint64_t s = 1; s <= 10; s++)
		CU_ASSERT(window_add(p, &log, before, 1, s * SECOND_US, 1, sums));
	CU_ASSERT_EQUAL(sums[0], 10);
	window_forget_sums(p, &log);
	CU_ASSERT(window_add(p, &log, after, 2, UINT64_C(10) * SECOND_US, 1, sums));
	CU_ASSERT_EQUAL(sums[0], 6);
	CU_ASSERT_EQUAL(sums[1], 11);
	window_pool_free(p);
}

SUITE("window", { "amounts in order", amounts_in_order },
        { "amounts that come late", amounts_that_come_late }, { "different things", different_things },
        { "logs are apart", logs_are_apart }, { "a full pool says so", a_full_pool_says_so },
        { "a long log is thinned", a_long_log_is_thinned },
        { "a clock set back is followed", a_clock_set_back_is_followed },
        { "what a window has already is known", what_a_window_has_already_is_known },
        { "other limits from now on", other_limits_from_now_on })
