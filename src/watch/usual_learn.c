/* usual_learn.c - what is usual, out of four weeks of hours and days. Order statistics throughout: an attack is one value
 * among many there, whatever its size.
 *
 * In an hour (level_at()): the middle of this hour of the day over the days of its kind, days off and the others, told apart
 * by the source's own totals of each weekday. While those are few, the hour's middle over all days has a say, and behind it
 * the mean over all hours: each has the weight of PRIOR observations. If the last seven days alone say much more, they are
 * believed: a lasting change is usual once it fills more than half of them. What days of the other kind have counts for
 * less. The hours before and behind have half the say: people come late, clocks change twice a year, and five noisy days
 * are few; but they count for not much more than the hour itself has, since a lunch is one. (The larger of an hour and its
 * neighbours was tried: where all is noise, that is too much in each hour.)
 *
 * Habits: a burst in at least two of the last four weeks in this hour of the week (or next to it) is expected there. One is
 * none, or whoever attacked last Monday could do it again. In a habit only the hourly test counts.
 *
 * Its spread: each day's highest sums are kept; of 28 days, the mean of the second to the eighth worst. Those of the first
 * days are not: next to nothing was usual then.
 */
#include "watch/usual_inner.h"

static const float FAR = 2.5F;       /* times what is usual: a habit, and not chance */
static const float HABIT_LEAST = 10; /* messages in the hour: fewer are no burst */
static const float BESIDE = 1.1F;    /* times an hour itself is what its neighbours may say */
static const float PRIOR = 2;        /* in observations */
static const float CHANGE = 1.5F;    /* so many times the usual is a change, to be learned in days */
static const float UNLIKE = 0.9F;    /* of what is usual on days of the other kind */
static const float STRAY[USUAL_TEST_COUNT] = {
	[USUAL_HOURLY] = 1.8F, [USUAL_STEADY] = 1.5F, [USUAL_BURST] = 1.8F
}; /* spreads that the worst days go */
enum {
	WEEK = 7,
	RECENT_DAYS = 7,
	RECENT_MIN = 5,
	WEEKS = USUAL_DAYS / WEEK,
	WEEKS_MIN = 3,
	STRAY_LAST = 8,
	DAY_HOURS_MIN = 20
};

uint8_t usual_encode(uint32_t n)
{
	unsigned shift = 0;

	if (n < 16)
		return (uint8_t)n;
	while (n >> shift >= 32)
		shift++;
	return shift > 13 ? 239 : (uint8_t)(16 * shift + (n >> shift));
}

uint32_t usual_decode(uint8_t code)
{
	return code < 32 ? code : (uint32_t)(16 + code % 16) << (code / 16 - 1);
}

/* ---- order statistics ------------------------------------------------------------------------- */

struct sample {
	unsigned count;
	uint8_t codes[USUAL_DAYS]; /* the largest first */
};

static void sample_add(struct sample *s, uint8_t code)
{
	unsigned at = s->count++;

	while (at > 0 && s->codes[at - 1] < code) {
		s->codes[at] = s->codes[at - 1];
		at--;
	}
	s->codes[at] = code;
}

/* rank 0: the largest; 0 where there are fewer. */
static float sample_at(const struct sample *s, unsigned rank)
{
	return rank < s->count ? (float)usual_decode(s->codes[rank]) : 0;
}

/* The mean of the middle half: as deaf to a quarter of strange days as the median is, and steadier, since it listens to
 * more of the others. */
static float sample_middle(const struct sample *s)
{
	unsigned cut = s->count < 3 ? 0 : s->count < 8 ? 1 : s->count / 4;
	float sum = 0;

	if (s->count == 0)
		return 0;
	for (unsigned rank = cut; rank < s->count - cut; rank++)
		sum += sample_at(s, rank);
	return sum / (float)(s->count - 2 * cut);
}

/* ---- what is usual ---------------------------------------------------------------------------- */

static unsigned weekday_of(uint32_t hour)
{
	return hour % USUAL_HOURS / 24 % WEEK;
}

static bool is_off(const struct usual *u, uint32_t hour)
{
	return u->days_off >> weekday_of(hour) & 1;
}

/* As far back as the history still has it. */
static uint8_t code_at(const struct usual *u, uint32_t hour)
{
	return hour + USUAL_HOURS < u->hour ? USUAL_UNKNOWN : u->hours[hour % USUAL_HOURS];
}

/* hour: the running one or a neighbour of it. */
static float level_at(const struct usual *u, uint32_t hour)
{
	struct sample all = { 0 }, alike = { 0 }, unlike = { 0 }, recent = { 0 };
	float level, parent;

	for (uint32_t day = 1; day <= USUAL_DAYS; day++) {
		uint32_t past = hour - 24 * day;
		uint8_t code = code_at(u, past);

		if (code == USUAL_UNKNOWN)
			continue;
		sample_add(&all, code);
		sample_add(is_off(u, past) == is_off(u, hour) ? &alike : &unlike, code);
		if (day <= RECENT_DAYS && is_off(u, past) == is_off(u, hour))
			sample_add(&recent, code);
	}
	parent = ((float)all.count * sample_middle(&all) + PRIOR * u->overall) / ((float)all.count + PRIOR);
	level = sample_middle(&alike);
	if (recent.count >= RECENT_MIN && sample_middle(&recent) > CHANGE * level)
		level = sample_middle(&recent);
	level = usual_greatest(level, UNLIKE * sample_middle(&unlike));
	return ((float)alike.count * level + PRIOR * parent) / ((float)alike.count + PRIOR);
}

static float habit_at(const struct usual *u, uint32_t hour)
{
	struct sample same = { 0 };

	for (uint32_t week = 1; week <= WEEKS; week++) {
		uint8_t code = code_at(u, hour - 24 * WEEK * week);

		if (code != USUAL_UNKNOWN)
			sample_add(&same, code);
	}
	return sample_at(&same, 1);
}

void usual_judge_hour(struct usual *u)
{
	float here = level_at(u, u->hour);
	float beside = (level_at(u, u->hour - 1) + level_at(u, u->hour + 1)) / 2;

	u->level = (here + usual_least(beside, BESIDE * here)) / 2;
	u->habit = 0;
	for (uint32_t hour = u->hour - 1; hour <= u->hour + 1; hour++)
		u->habit = usual_greatest(u->habit, habit_at(u, hour));
	if (u->habit < usual_greatest(HABIT_LEAST, FAR * u->level))
		u->habit = 0;
}

/* False: nobody has watched most of it. A burst counts no more than `most` in its hour. */
static bool total_of_day(const struct usual *u, unsigned day, float most, float *total)
{
	unsigned known = 0;

	*total = 0;
	for (const uint8_t *code = u->hours + 24 * day; code < u->hours + 24 * day + 24; code++)
		if (*code != USUAL_UNKNOWN) {
			*total += usual_least((float)usual_decode(*code), most);
			known++;
		}
	return known >= DAY_HOURS_MIN;
}

/* Of the weekday so many days ago: the second largest of its days, so that one odd day makes no workday of a day off; but
 * at least the last one, since workdays begin, too. Of few days the largest; -1 = of none. */
static float total_of_weekday(const struct usual *u, unsigned days_ago, float most)
{
	float total, first = 0, second = 0, last = 0;
	unsigned days = 0;

	for (unsigned ago = days_ago; ago <= USUAL_DAYS; ago += WEEK) {
		if (!total_of_day(u, (u->hour - 24 * ago) % USUAL_HOURS / 24, most, &total))
			continue;
		if (ago == days_ago)
			last = total;
		second = usual_greatest(second, usual_least(total, first));
		first = usual_greatest(first, total);
		days++;
	}
	if (days == 0)
		return -1;
	return days < WEEKS_MIN ? first : usual_greatest(second, last);
}

static void judge_weekdays(struct usual *u)
{
	float totals[WEEK + 1], most = 0;

	for (unsigned ago = 1; ago <= WEEK; ago++) {
		totals[ago] = total_of_weekday(u, ago, 2 * usual_greatest(1, u->busiest));
		most = usual_greatest(most, totals[ago]);
	}
	u->days_off = 0;
	for (unsigned ago = 1; ago <= WEEK; ago++)
		if (totals[ago] >= 0 && totals[ago] * 4 < most)
			u->days_off |= (uint8_t)(1U << weekday_of(u->hour - 24 * ago));
}

static void judge_overall(struct usual *u)
{
	float sum = 0;

	u->busiest = 0;
	u->total = 0;
	u->watched = 0;
	for (unsigned i = 0; i < 24; i++) {
		struct sample s = { 0 };

		for (unsigned slot = i; slot < USUAL_HOURS; slot += 24)
			if (u->hours[slot] != USUAL_UNKNOWN) {
				sample_add(&s, u->hours[slot]);
				u->total += usual_decode(u->hours[slot]);
			}
		u->watched += s.count;
		sum += sample_middle(&s);
		u->busiest = usual_greatest(u->busiest, sample_middle(&s));
	}
	u->overall = sum / 24;
}

/* The mean of the second to the eighth worst of 28 days; of fewer days, of the same share of them. */
static void judge_spread(struct usual *u, enum usual_test test)
{
	struct sample s = { 0 };
	unsigned first, last;
	float sum = 0;

	for (unsigned i = 0; i < USUAL_DAYS; i++)
		if (u->peaks[test][i] != USUAL_UNKNOWN)
			sample_add(&s, u->peaks[test][i]);
	u->peak_days = (uint8_t)s.count;
	first = (s.count + USUAL_DAYS / 2) / USUAL_DAYS;
	last = (s.count * STRAY_LAST + USUAL_DAYS / 2) / USUAL_DAYS;
	if (last <= first)
		last = first + 1;
	for (unsigned rank = first; rank < last; rank++)
		sum += sample_at(&s, rank);
	u->spread[test] = sum / (float)(last - first) / STRAY[test];
}

void usual_judge_day(struct usual *u)
{
	judge_overall(u);
	judge_weekdays(u);
	for (unsigned test = 0; test < USUAL_TEST_COUNT; test++)
		judge_spread(u, (enum usual_test)test);
}
