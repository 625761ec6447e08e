/* usual.c - see usual.h. The sums and their bars; what is usual at all comes from usual_learn.c.
 *
 * Page's cumulative sum (E. S. Page, Continuous inspection schemes, Biometrika 41, 1954) for a rise of a Poisson rate from L
 * to SHIFT times L:  S <- max(0, S + 1 for each message - LEAK L for each hour),  LEAK = (SHIFT - 1) / ln SHIFT;  a spike at
 * S >= H. S ln SHIFT is a log likelihood ratio, so chance alone gets S to H about once in exp(H ln SHIFT) tries. Nothing
 * comes at an even rate, though: mails have several recipients, days are busier than others. So H is `spike` times a spread:
 * the source's own (how far S got on its worst days), and never less than that of a source without surprises, `least` and
 * `swing` below. For the two tests that find attacks of every day it is at most `most` times that: a source that has strayed
 * far, honestly or not, does not buy itself the right to a fast attack (with it, one in twenty was found too late). What
 * the steady test believes of a source's own spread grows with the days that it is from: of four days, the worst is chance.
 *
 * Three tests, because one bar does not fit all: honest people write thirty letters in three minutes, but not ten in each
 * quarter of an hour for two hours. The steady test gets its messages through a bucket (room_for_one()) with room for few,
 * that empties as fast as the sum leaks and QUARTER of the bar in each quarter of an hour besides: so a burst of any size is
 * ROOM, and the sum takes some half an hour to its bar at least, which may be low then. The burst test has no such patience, a
 * higher bar, in recipients, and a leak for a rise to five times: what is slow is not its business. For sources whose own
 * spread makes those two blind (backups, newsletters), the hourly test lets an hour have all of what is usual in it at once.
 *
 * A source that usually has less than FLOOR_SHARE of its block's floor is treated as if it had that.
 *
 * Rejected: mean and deviation by exponential smoothing (an attack raises both, so it hides itself, and a newsletter is an
 * attack each week); updates that stop while a source is over its bar (a lasting change would be told for ever); a limit for
 * each quarter of an hour by the clock (a burst over its edge counts twice: two in five of all false alarms).
 */
#include <string.h>

#include "watch/usual_inner.h"

static const uint64_t US_PER_HOUR = UINT64_C(3600000000);
static const float FLOOR_SHARE = 0.375F; /* of the floor, that every source is taken to send usually */
static const float ROOM = 2.5F;          /* messages that the steady test takes at once */
static const float QUARTER = 0.3F;     /* of its bar: what it takes in a quarter of an hour beyond its leak */
static const float SIZE_FIRST = 1.5F;  /* recipients of a message, while nothing is known */
static const float SIZE_STEP = 0.125F; /* of the way to a day's mean */
static const float SWING = 0.05F;      /* spread: of an hour's usual, since days differ */
static const float SWING_HOURS = 100;  /* twice that after so many watched hours, less later */
enum { SIZE_MESSAGES = 5, YOUNG_DAYS = 4, QUARTERS = 4 };

static const float ANY = 1e6F;
static const struct {
	enum usual_what what;
	float leak;  /* times the usual; of SHIFT 2.55, and 5 */
	float least; /* spread */
	float most;  /* times that of a source without surprises, whatever its own */
} tests[USUAL_TEST_COUNT] = {
	[USUAL_HOURLY] = { USUAL_MESSAGE, 1.65F, 7, ANY },
	[USUAL_STEADY] = { USUAL_MESSAGE, 1.65F, 1, 1.8F },
	[USUAL_BURST] = { USUAL_RECIPIENT, 2.5F, 7, 1.2F },
};

void usual_awake(struct usual_watch *w, uint64_t now_us)
{
	uint32_t hour = (uint32_t)(now_us / US_PER_HOUR);

	w->hours[hour % USUAL_HOURS] = hour;
}

static bool was_awake(const struct usual_watch *w, uint32_t hour)
{
	return w->hours[hour % USUAL_HOURS] == hour;
}

/* ---- the sums and their bars ------------------------------------------------------------------ */

/* What an hour may have, in messages. */
static float reference(const struct usual *u, enum usual_test test, const struct usual_rule *rule)
{
	float usual = usual_greatest(u->level, FLOOR_SHARE * (float)rule->floor_per_hour / u->size);

	return tests[test].leak * usual;
}

/* What the running hour may have at once. */
static float allowance(const struct usual *u, const struct usual_rule *rule)
{
	return usual_greatest(reference(u, USUAL_HOURLY, rule), tests[USUAL_HOURLY].leak * u->habit);
}

static float beyond(const struct usual *u, const struct usual_rule *rule)
{
	return usual_greatest(0, u->sums[USUAL_HOURLY].sum + (float)u->n[USUAL_MESSAGE] - allowance(u, rule));
}

static float size_of(const struct usual *u, enum usual_test test)
{
	return tests[test].what == USUAL_RECIPIENT ? u->size : 1;
}

/* So many times the least spread is its own at most. */
static float most_of(const struct usual *u, enum usual_test test)
{
	float known = test == USUAL_STEADY ? (float)u->peak_days / USUAL_DAYS : 1;

	return 1 + (tests[test].most - 1) * known;
}

static float bar_of(const struct usual *u, enum usual_test test, const struct usual_rule *rule)
{
	float swing = SWING * (1 + SWING_HOURS / ((float)u->watched + 1));
	float least = tests[test].least + swing * u->level * size_of(u, test);
	float spread = usual_greatest(least, usual_least(u->spread[test], most_of(u, test) * least));

	return spread * (float)rule->spike_tenths / 10;
}

static void note_peak(struct usual *u, enum usual_test test, float sum)
{
	u->today_peak[test] = usual_greatest(u->today_peak[test], sum);
}

static void restart(struct usual_sum *s, uint64_t now_us)
{
	*s = (struct usual_sum) { .since_us = now_us };
}

/* Time goes on. */
static void leak(struct usual *u, uint64_t now_us, const struct usual_rule *rule)
{
	float hours = now_us > u->last_us ? (float)(now_us - u->last_us) / (float)US_PER_HOUR : 0;
	float steady = hours * reference(u, USUAL_STEADY, rule);

	if (now_us > u->last_us || u->last_us - now_us > US_PER_HOUR)
		u->last_us = now_us;
	u->sums[USUAL_STEADY].sum -= steady;
	u->sums[USUAL_BURST].sum -= hours * reference(u, USUAL_BURST, rule) * u->size;
	for (unsigned test = USUAL_STEADY; test < USUAL_TEST_COUNT; test++)
		if (u->sums[test].sum <= 0)
			restart(&u->sums[test], now_us);
	u->room += steady + hours * QUARTERS * QUARTER * bar_of(u, USUAL_STEADY, rule);
	u->room = usual_least(u->room, ROOM);
}

/* ---- the turn of the hour --------------------------------------------------------------------- */

static void put_hour(struct usual *u, uint32_t hour, uint32_t n)
{
	uint8_t *code = &u->hours[hour % USUAL_HOURS];

	u->watched += *code == USUAL_UNKNOWN;
	*code = usual_encode(n);
}

static void learn_size(struct usual *u)
{
	float size;

	if (u->today[USUAL_MESSAGE] < SIZE_MESSAGES)
		return;
	size = (float)u->today[USUAL_RECIPIENT] / (float)u->today[USUAL_MESSAGE];
	size = usual_greatest(1, usual_least(size, 2 * u->size));
	u->size += (size - u->size) * SIZE_STEP;
}

static void end_day(struct usual *u)
{
	unsigned day = u->hour % USUAL_HOURS / 24;

	for (unsigned i = 0; i < USUAL_TEST_COUNT; i++) {
		if (u->young_days == 0)
			u->peaks[i][day] = usual_encode((uint32_t)u->today_peak[i]);
		u->today_peak[i] = 0;
	}
	u->young_days -= u->young_days > 0;
	learn_size(u);
	memset(u->today, 0, sizeof(u->today));
}

/* Hours and days without a word: nothing was sent, if somebody watched; else what was there stays. */
static void fill_silence(struct usual *u, const struct usual_watch *w, uint32_t until)
{
	uint32_t hour = u->hour + 1;

	if (until - hour > USUAL_HOURS)
		hour = until - USUAL_HOURS;
	for (; hour < until; hour++) {
		if (!was_awake(w, hour))
			continue;
		put_hour(u, hour, 0);
		if (hour % 24 == 12 && hour / 24 != u->hour / 24 && hour / 24 != until / 24)
			for (unsigned i = 0; i < USUAL_TEST_COUNT; i++)
				u->peaks[i][hour % USUAL_HOURS / 24] = 0;
	}
}

/* What a burst has left in the sums ends soon, also where it was no spike: while nothing is known yet, in a habit. */
static void carry_sums(struct usual *u, uint32_t hour, const struct usual_rule *rule)
{
	struct usual_sum *hourly = &u->sums[USUAL_HOURLY];
	float silent = hour > u->hour ? (float)(hour - u->hour - 1) : (float)USUAL_HOURS;

	hourly->sum = usual_greatest(0, beyond(u, rule) - silent * reference(u, USUAL_HOURLY, rule));
	for (unsigned test = 0; test < USUAL_TEST_COUNT; test++)
		u->sums[test].sum = usual_least(u->sums[test].sum, bar_of(u, (enum usual_test)test, rule));
	if (hourly->sum <= 0)
		restart(hourly, hour * US_PER_HOUR);
}

static void turn_hour(
        struct usual *u, const struct usual_watch *w, uint32_t hour, const struct usual_rule *rule)
{
	bool is_new_day = hour / 24 != u->hour / 24;

	put_hour(u, u->hour, u->n[USUAL_MESSAGE]);
	carry_sums(u, hour, rule);
	if (hour > u->hour)
		fill_silence(u, w, hour);
	for (unsigned i = 0; i < USUAL_WHAT_COUNT; i++) {
		u->today[i] += u->n[i];
		u->n_last[i] = hour == u->hour + 1 ? u->n[i] : 0;
		u->n[i] = 0;
	}
	if (is_new_day)
		end_day(u);
	u->hour = hour;
	if (is_new_day)
		usual_judge_day(u);
	usual_judge_hour(u);
}

/* ---- counting --------------------------------------------------------------------------------- */

void usual_begin(
        struct usual *u, uint64_t now_us, uint32_t quiet_hours, const uint32_t already[USUAL_WHAT_COUNT])
{
	uint32_t hour = (uint32_t)(now_us / US_PER_HOUR);

	memset(u, 0, sizeof(*u));
	memset(u->hours, USUAL_UNKNOWN, sizeof(u->hours));
	memset(u->peaks, USUAL_UNKNOWN, sizeof(u->peaks));
	u->hour = hour;
	u->last_us = now_us;
	u->size = SIZE_FIRST;
	u->young_days = YOUNG_DAYS;
	memcpy(u->n, already, sizeof(u->n));
	for (unsigned test = 0; test < USUAL_TEST_COUNT; test++) {
		restart(&u->sums[test], hour * US_PER_HOUR);
		u->sums[test].seen = u->n[tests[test].what];
	}
	u->sums[USUAL_STEADY].sum = usual_least((float)u->n[USUAL_MESSAGE], ROOM);
	u->room = ROOM - u->sums[USUAL_STEADY].sum;
	u->sums[USUAL_BURST].sum = (float)u->n[USUAL_RECIPIENT];
	for (uint32_t i = 1; i <= quiet_hours && i < USUAL_HOURS; i++) {
		put_hour(u, hour - i, 0);
		if ((hour - i) % 24 == 0)
			for (unsigned test = 0; test < USUAL_TEST_COUNT; test++)
				u->peaks[test][(hour - i) % USUAL_HOURS / 24] = 0;
	}
	usual_judge_day(u);
	usual_judge_hour(u);
}

uint32_t usual_at_floor(const struct usual_rule *rule)
{
	return (uint32_t)(FLOOR_SHARE * (float)rule->floor_per_hour);
}

bool usual_is_ready(const struct usual *u)
{
	return u->watched >= USUAL_WARM_UP_HOURS;
}

static bool is_below_floor(const struct usual *u, uint64_t now_us, const struct usual_rule *rule)
{
	float left = 1 - (float)(now_us % US_PER_HOUR) / (float)US_PER_HOUR;

	return (float)u->n[USUAL_RECIPIENT] + (float)u->n_last[USUAL_RECIPIENT] * left <
	       (float)rule->floor_per_hour;
}

/* Of one message: nothing, while many have just come. */
static float room_for_one(struct usual *u)
{
	if (u->room < 1)
		return 0;
	u->room--;
	return 1;
}

/* Counts it in the sums; how far the test is over its bar then. A habit has its hour, and only the hourly test. */
static float count_in(struct usual *u, enum usual_test test, const struct usual_rule *rule)
{
	struct usual_sum *s = &u->sums[test];
	float sum;

	s->seen++;
	if (test == USUAL_STEADY)
		s->sum += room_for_one(u);
	else if (test == USUAL_BURST)
		s->sum++;
	if (test != USUAL_HOURLY && u->habit > 0)
		s->sum = 0;
	sum = test == USUAL_HOURLY ? beyond(u, rule) : s->sum;
	note_peak(u, test, sum);
	return sum - bar_of(u, test, rule);
}

static void tell(const struct usual *u, enum usual_test test, float over, uint64_t now_us,
        const struct usual_rule *rule, struct usual_spike *out)
{
	const struct usual_sum *s = &u->sums[test];
	float size = size_of(u, test);

	out->what = tests[test].what;
	out->seen = s->seen;
	out->window_s = now_us > s->since_us ? (uint32_t)((now_us - s->since_us) / 1000000) : 0;
	out->limit = s->seen > over ? s->seen - 1 - (uint32_t)over : 0;
	out->per_hour = (uint32_t)(usual_greatest(u->habit, u->level) * size + 0.5F);
	out->most_per_hour = (uint32_t)(allowance(u, rule) * size + bar_of(u, test, rule));
}

bool usual_add(struct usual *u, const struct usual_watch *w, enum usual_what what, uint64_t now_us,
        const struct usual_rule *rule, struct usual_spike *out)
{
	uint32_t hour = (uint32_t)(now_us / US_PER_HOUR);
	unsigned found = USUAL_TEST_COUNT;
	float most = 0;

	leak(u, now_us, rule);
	if (hour != u->hour && hour + 1 != u->hour) /* an event may be told late */
		turn_hour(u, w, hour, rule);
	u->n[what]++;
	for (unsigned test = 0; test < USUAL_TEST_COUNT; test++) {
		float over;

		if (tests[test].what != what)
			continue;
		over = count_in(u, (enum usual_test)test, rule);
		if (over >= most) {
			most = over;
			found = test;
		}
	}
	if (found == USUAL_TEST_COUNT || !usual_is_ready(u) || is_below_floor(u, now_us, rule))
		return false;
	tell(u, (enum usual_test)found, most, now_us, rule, out);
	u->sums[USUAL_HOURLY].sum -= beyond(u, rule);
	restart(&u->sums[USUAL_STEADY], now_us);
	restart(&u->sums[USUAL_BURST], now_us);
	return true;
}
