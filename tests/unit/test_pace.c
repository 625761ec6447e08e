/* test_pace.c - repairs: at once at first, then slower and slower, and forgotten when it is quiet. */
#include "gate/pace.h"
#include "suite.h"

static const uint64_t SECOND_US = 1000000;

static void first_ones_at_once(void)
{
	struct pace p = { 0 };
	uint64_t now = 5 * SECOND_US;

	for (unsigned i = 0; i + 1 < PACE_AT_ONCE; i++, now += 10000) {
		CU_ASSERT_EQUAL(pace_next(&p, now), now);
		pace_note(&p, now);
		CU_ASSERT_FALSE(pace_is_war(&p, now));
	}
	CU_ASSERT_EQUAL(pace_next(&p, now), now);
}

static void a_war_is_bounded_and_never_given_up(void)
{
	struct pace p = { 0 };
	uint64_t now = 0, next, pause = 0, longest = 0;
	unsigned repairs = 0;

	while (now < 3600 * SECOND_US) { /* the other one is there again at once, for an hour */
		next = pace_next(&p, now);
		CU_ASSERT_TRUE(next >= now);
		if (next - now > 0) {
			CU_ASSERT_TRUE(next - now >= pause); /* never faster again */
			pause = next - now;
			CU_ASSERT_TRUE(pace_is_war(&p, now));
		}
		longest = pause > longest ? pause : longest;
		now = next + 1;
		pace_note(&p, now);
		repairs++;
	}
	CU_ASSERT_TRUE(longest >= (PACE_DELAY_MAX_S - 1) * SECOND_US);
	CU_ASSERT_TRUE(longest <= PACE_DELAY_MAX_S * SECOND_US);
	CU_ASSERT_TRUE(repairs > 60 && repairs < 60 + PACE_AT_ONCE + 10);

	now += PACE_QUIET_S * SECOND_US;
	CU_ASSERT_FALSE(pace_is_war(&p, now));
	CU_ASSERT_EQUAL(pace_next(&p, now), now);
	pace_note(&p, now);
	CU_ASSERT_EQUAL(p.count, 1);
	CU_ASSERT_EQUAL(pace_next(&p, now), now);
}

/* A war whose repairs are a minute apart is none that is over. */
static void waiting_is_not_quiet(void)
{
	struct pace p = { .count = PACE_AT_ONCE + 9, .last_us = 1, .delay_us = PACE_DELAY_MAX_S * SECOND_US };

	CU_ASSERT_TRUE(PACE_QUIET_S > 2 * PACE_DELAY_MAX_S);
	CU_ASSERT_TRUE(pace_is_war(&p, PACE_DELAY_MAX_S * SECOND_US));
	CU_ASSERT_EQUAL(pace_next(&p, 2), 1 + PACE_DELAY_MAX_S * SECOND_US);
}

SUITE("pace", { "the first ones are made at once", first_ones_at_once },
        { "a war is bounded, and never given up", a_war_is_bounded_and_never_given_up },
        { "waiting is not quiet", waiting_is_not_quiet })
