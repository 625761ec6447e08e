/* test_usual.c - what is learned of a source: simulated weeks of several kinds of honest sources, and what is done with
 * machines like them. Random numbers are made here, so every run sees the same mail. */
#include "watch/usual.h"

#include <string.h>

#include "suite.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, WEEK = 7 * DAY };
static const uint64_t START_S =
        UINT64_C(2900) * WEEK; /* midnight; weekdays are counted from here, 5 and 6 are days off */
static const struct usual_rule rule = { .spike_tenths = 50, .floor_per_hour = 20 };
static const uint32_t nothing[USUAL_WHAT_COUNT];

/* ---- random mail ------------------------------------------------------------------------------ */

static uint64_t seed;

/* 0 to below 1; xorshift (Marsaglia 2003). */
static double uniform(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) / 9007199254740992.0;
}

/* Near enough to Poisson: eight tries for each expected one. */
static unsigned arrivals(double mean)
{
	unsigned tries = 8 + (unsigned)(8 * mean), n = 0;

	for (unsigned i = 0; i < tries; i++)
		n += uniform() < mean / tries;
	return n;
}

static unsigned recipients_of(double mean)
{
	unsigned n = 1;

	while (uniform() > 1 / mean && n < 20)
		n++;
	return n;
}

/* ---- a host ----------------------------------------------------------------------------------- */

struct host {
	struct usual usual;
	struct usual_watch watch;
	uint64_t now_s;
	double busy; /* this day, beside others */
	unsigned spikes, recipients;
	uint64_t spike_s;  /* the last one */
	unsigned spike_at; /* the first one: how many recipients there were */
	struct usual_spike spike;
};

static void add(struct host *h, enum usual_what what)
{
	uint64_t now_us = h->now_s * 1000000;

	usual_awake(&h->watch, now_us);
	h->recipients += what == USUAL_RECIPIENT;
	if (!usual_add(&h->usual, &h->watch, what, now_us, &rule, &h->spike))
		return;
	h->spike_s = h->now_s;
	if (h->spikes++ == 0)
		h->spike_at = h->recipients;
}

static void mail(struct host *h, unsigned recipients)
{
	while (recipients-- > 0)
		add(h, USUAL_RECIPIENT);
	add(h, USUAL_MESSAGE);
}

static unsigned weekday(const struct host *h)
{
	return (unsigned)(h->now_s / DAY % 7);
}

static unsigned hour_of(const struct host *h)
{
	return (unsigned)(h->now_s / HOUR % 24);
}

static bool is_first_minutes(const struct host *h, unsigned minutes)
{
	return h->now_s / MINUTE % 60 < minutes;
}

typedef void minute_of(struct host *h);

static void mails(struct host *h, double per_hour, double size)
{
	for (unsigned n = arrivals(per_hour / 60); n > 0; n--)
		mail(h, recipients_of(size));
}

static void even(struct host *h)
{
	mails(h, 8, 1);
}

static double office_share(const struct host *h)
{
	static const double day[24] = {
		[6] = 0.1, 0.4, 0.9, 1.2, 1.3, 1.1, 0.8, 0.9, 1.1, 1.1, 0.9, 0.6, 0.2
	};

	return weekday(h) >= 5 ? 0.02 : day[hour_of(h)];
}

static void office(struct host *h)
{
	mails(h, 6 * office_share(h) * h->busy, 1.5);
}

/* On some days off half of them is there. */
static void busy_office(struct host *h)
{
	bool works = weekday(h) == 5 && h->busy > 1.15;
	struct host weekday_host = { .now_s = h->now_s - (works ? DAY : 0) };

	mails(h, (works ? 6 : 12) * office_share(&weekday_host) * h->busy, 2);
}

static void server(struct host *h)
{
	mails(h, (60 + 140 * office_share(h)) * h->busy, 1.3);
}

static void newsletter(struct host *h)
{
	bool is_due = weekday(h) == 1 && hour_of(h) == 10 && is_first_minutes(h, 10);

	mails(h, 1, 1);
	for (unsigned i = 0; is_due && i < 300 * h->busy; i++)
		mail(h, 1);
}

static void backup(struct host *h)
{
	bool is_due = hour_of(h) == 2 && is_first_minutes(h, 2);

	mails(h, is_due ? 750 : 0.5, 1);
}

/* Scans to oneself, and now and then to a list. */
static void printer(struct host *h)
{
	mails(h, 2 * office_share(h), 1);
	if (uniform() < 0.02 / 60)
		mail(h, 20);
}

/* As they are mixed in a company. */
static const struct {
	minute_of *kind;
	unsigned hosts;
} honest[] = { { office, 60 }, { printer, 20 }, { even, 16 }, { busy_office, 12 }, { backup, 8 },
	{ server, 6 }, { newsletter, 6 } };
enum { KINDS = sizeof(honest) / sizeof(honest[0]), HOSTS = 10 };

static void run(struct host *h, minute_of *kind, uint64_t seconds)
{
	for (uint64_t until = h->now_s + seconds; h->now_s < until; h->now_s += MINUTE) {
		if (h->now_s % DAY == 0)
			h->busy = 0.8 + uniform() * 0.2 + uniform() * 0.2;
		if (h->now_s % HOUR == 0)
			usual_awake(&h->watch, h->now_s * 1000000);
		if (kind)
			kind(h);
	}
}

static void begin(struct host *h, unsigned number)
{
	memset(h, 0, sizeof(*h));
	seed = UINT64_C(88172645463325252) + number * UINT64_C(7046029254386353131);
	h->now_s = START_S;
	usual_begin(&h->usual, h->now_s * 1000000, 0, nothing);
}

/* Three weeks, and to ten o'clock of the second day behind. */
static void grow_up(struct host *h, minute_of *kind, unsigned number)
{
	begin(h, number);
	run(h, kind, 3 * WEEK + DAY + 10 * HOUR);
	h->spikes = 0;
	h->recipients = 0;
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void codes_say_the_count(void)
{
	uint32_t n;

	for (n = 0; n < 32; n++)
		CU_ASSERT_EQUAL(usual_decode(usual_encode(n)), n);
	for (; n < 250000; n += n / 31) {
		uint32_t again = usual_decode(usual_encode(n));

		CU_ASSERT_TRUE(again <= n && n - again <= n / 16);
		CU_ASSERT_TRUE(usual_encode(n) <= usual_encode(n + n / 16 + 1));
	}
	CU_ASSERT_TRUE(usual_encode(UINT32_MAX) < USUAL_UNKNOWN);
}

static void first_days_are_silent(void)
{
	struct host h;

	begin(&h, 1);
	run(&h, even, 3 * DAY - 2 * HOUR);
	for (unsigned i = 0; i < 10000; i++)
		mail(&h, 1);
	CU_ASSERT_EQUAL(h.spikes, 0);
	CU_ASSERT_FALSE(usual_is_ready(&h.usual));
	run(&h, even, DAY);
	CU_ASSERT_TRUE(usual_is_ready(&h.usual));
}

/* A company where most hosts have eight an hour and more, and days differ by a fifth: at most two days with an alarm in a
 * thousand; behind the warm-up there are 4,224. Each newsletter is told once besides: one burst is no habit. */
static void honest_sources_raise_nothing(void)
{
	unsigned days = 0, newsletters = 0;

	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < honest[kind].hosts; i++) {
			struct host h;

			begin(&h, kind * 7919 + i);
			for (unsigned day = 0; day < 36; day++) {
				unsigned before = h.spikes;

				run(&h, honest[kind].kind, DAY);
				if (h.spikes > before && honest[kind].kind == newsletter)
					newsletters++;
				else
					days += h.spikes > before;
			}
		}
	CU_ASSERT_TRUE(days <= 8);
	CU_ASSERT_TRUE(newsletters <= 6);
}

static void zombie_fast(struct host *h)
{
	for (unsigned i = 0; i < 20; i++)
		mail(h, 1);
}

/* A machine of an office that begins to send 20 mails a minute, or fewer with ten recipients each. */
static void fast_burst_is_found_at_once(void)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		struct host h;

		grow_up(&h, office, i);
		run(&h, zombie_fast, 3 * MINUTE);
		CU_ASSERT_TRUE(h.spikes > 0);
		grow_up(&h, office, i);
		for (unsigned n = 0; n < 5; n++)
			mail(&h, 10);
		CU_ASSERT_TRUE(h.spikes > 0 && h.spike_at < 50);
		CU_ASSERT_EQUAL(h.spike.what, USUAL_RECIPIENT);
	}
}

static void first_spike_says_what_was_seen(void)
{
	struct host h;

	grow_up(&h, even, 3);
	while (h.spikes == 0 && h.recipients < 100)
		mail(&h, 1);
	CU_ASSERT_TRUE(h.spike_at < 50);
	CU_ASSERT_TRUE(h.spike.seen > h.spike.limit && h.spike.seen < 60);
	CU_ASSERT_TRUE(h.spike.per_hour >= 7 && h.spike.per_hour <= 12);
	CU_ASSERT_TRUE(h.spike.most_per_hour > h.spike.per_hour && h.spike.most_per_hour < 70);
	CU_ASSERT_TRUE(h.spike.window_s < 2 * HOUR);
}

static void half_more(struct host *h)
{
	mails(h, 12, 1);
}

static void thrice(struct host *h)
{
	mails(h, 24, 1);
}

/* Three times the usual eight an hour: three of four within two hours, all within four. */
static void slow_rise_is_found_in_hours(void)
{
	unsigned within_two = 0;

	for (unsigned i = 0; i < 40; i++) {
		struct host h;
		uint64_t start_s;

		grow_up(&h, even, i);
		start_s = h.now_s;
		while (h.spikes == 0 && h.now_s < start_s + 4 * HOUR)
			run(&h, thrice, MINUTE);
		CU_ASSERT_TRUE(h.spikes > 0);
		within_two += h.spikes > 0 && h.spike_s <= start_s + 2 * HOUR;
	}
	CU_ASSERT_TRUE(within_two >= 30);
}

static void burst_of_a_day_stays_strange(void)
{
	struct host h;

	grow_up(&h, even, 5);
	run(&h, thrice, DAY);
	CU_ASSERT_TRUE(h.now_s - h.spike_s < 4 * HOUR);
	h.spikes = 0;
	run(&h, even, WEEK);
	CU_ASSERT_EQUAL(h.spikes, 0);
	run(&h, thrice, 4 * HOUR);
	CU_ASSERT_TRUE(h.spikes > 0);
}

static void steady_office(struct host *h)
{
	mails(h, 5 * office_share(h), 1.5);
}

static void steady_office_thrice(struct host *h)
{
	mails(h, 15 * office_share(h), 1.5);
}

/* A history of eight days is enough for most, in an office with a rhythm. */
static void slow_rise_is_found_after_a_week(void)
{
	unsigned within_two = 0;

	for (unsigned i = 0; i < 40; i++) {
		struct host h;
		uint64_t start_s;

		begin(&h, i);
		run(&h, steady_office, WEEK + DAY + 9 * HOUR);
		start_s = h.now_s;
		h.spikes = 0;
		while (h.spikes == 0 && h.now_s < start_s + 4 * HOUR)
			run(&h, steady_office_thrice, MINUTE);
		within_two += h.spikes > 0 && h.spike_s <= start_s + 2 * HOUR;
	}
	CU_ASSERT_TRUE(within_two >= 30);
}

/* With a history of two weeks: the same hour of the same weekday was seen once, and was an attack. */
static void burst_of_last_week_is_no_habit(void)
{
	struct host h;

	begin(&h, 6);
	run(&h, even, WEEK + DAY + 10 * HOUR);
	run(&h, zombie_fast, 5 * MINUTE);
	CU_ASSERT_TRUE(h.spikes > 0);
	run(&h, even, WEEK - 5 * MINUTE);
	h.spikes = 0;
	h.recipients = 0;
	run(&h, zombie_fast, 5 * MINUTE);
	CU_ASSERT_TRUE(h.spikes > 0 && h.spike_at < 50);
}

/* Every other day a burst, at another hour each time; that one more is fast is told all the same, and no later. */
static void strays_buy_no_fast_burst(void)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		struct host h;

		begin(&h, i);
		for (unsigned day = 0; day < 20; day += 2) {
			run(&h, office, (7 + day / 2) * HOUR);
			run(&h, zombie_fast, 6 * MINUTE);
			run(&h, office, 2 * DAY - (7 + day / 2) * HOUR - 6 * MINUTE);
		}
		run(&h, office, DAY + 6 * HOUR);
		h.spikes = 0;
		h.recipients = 0;
		run(&h, zombie_fast, 5 * MINUTE);
		CU_ASSERT_TRUE(h.spikes > 0 && h.spike_at < 50);
	}
}

/* What this office sends at ten in the morning, sent at two at night. */
static void night_is_not_day(void)
{
	struct host h;

	grow_up(&h, busy_office, 8);
	run(&h, busy_office, 2 * HOUR);
	CU_ASSERT_EQUAL(h.spikes, 0);
	run(&h, busy_office, 14 * HOUR);
	h.spikes = 0;
	for (unsigned minute = 0; minute < 90; minute++, h.now_s += MINUTE)
		mails(&h, 12 * 1.3, 2);
	CU_ASSERT_TRUE(h.spikes > 0);
}

static void with_lunch(struct host *h)
{
	unsigned hour = hour_of(h);

	mails(h, hour < 8 || hour > 16 ? 0 : hour == 12 ? 8 : 24, 1);
}

static void lunch_is_not_the_morning(void)
{
	struct host h;
	float morning;

	begin(&h, 22);
	run(&h, with_lunch, 2 * WEEK + 11 * HOUR);
	mail(&h, 1);
	morning = h.usual.level;
	run(&h, with_lunch, HOUR);
	mail(&h, 1);
	CU_ASSERT_TRUE(h.usual.level < 0.55F * morning);
}

/* When nothing was known of it, all that it sent was far beyond the usual: that says nothing about its spread. */
static void first_days_teach_no_spread(void)
{
	struct host h;

	begin(&h, 23);
	run(&h, with_lunch, 6 * DAY);
	CU_ASSERT_TRUE(h.usual.spread[USUAL_STEADY] < 5);
}

static void much_more(struct host *h)
{
	mails(h, 160, 1);
}

/* Whatever the factor, the fifth day of it is usual. */
static void lasting_change_is_learned(void)
{
	minute_of *const changes[] = { thrice, much_more };

	for (unsigned i = 0; i < 2; i++) {
		struct host h;

		grow_up(&h, even, 7);
		run(&h, changes[i], 3 * DAY);
		CU_ASSERT_TRUE(h.now_s - h.spike_s < 4 * HOUR);
		run(&h, changes[i], 2 * DAY);
		h.spikes = 0;
		run(&h, changes[i], 2 * WEEK);
		CU_ASSERT_EQUAL(h.spikes, 0);
	}
}

static void habits_have_their_hour(void)
{
	struct host h;

	grow_up(&h, newsletter, 9);
	run(&h, newsletter, WEEK + 2 * DAY);
	CU_ASSERT_EQUAL(h.spikes, 0);
	h.recipients = 0;
	for (unsigned i = 0; i < 300; i++) /* on another day */
		mail(&h, 1);
	CU_ASSERT_TRUE(h.spikes > 0 && h.spike_at < 60);
	grow_up(&h, backup, 9);
	run(&h, backup, WEEK);
	CU_ASSERT_EQUAL(h.spikes, 0);
}

/* Two weeks of holidays, and the office comes back. */
static void days_off_starve_nothing(void)
{
	struct host h;

	grow_up(&h, busy_office, 11);
	run(&h, NULL, 2 * WEEK);
	h.spikes = 0;
	run(&h, busy_office, DAY);
	CU_ASSERT_EQUAL(h.spikes, 0);
}

static void clock_does_no_harm(void)
{
	struct host h;
	uint64_t now_s;
	float level;

	grow_up(&h, even, 13);
	mail(&h, 1);
	now_s = h.now_s;
	level = h.usual.level;
	h.now_s += UINT64_C(52) * WEEK; /* nobody has watched that year */
	mail(&h, 1);
	CU_ASSERT_DOUBLE_EQUAL(h.usual.level, level, 2);
	h.now_s = now_s;
	mail(&h, 1);
	CU_ASSERT_DOUBLE_EQUAL(h.usual.level, level, 2);
	h.now_s = 5; /* 1970 */
	mail(&h, 1);
	h.now_s = now_s + HOUR;
	run(&h, even, WEEK);
	CU_ASSERT_EQUAL(h.spikes, 0);
	run(&h, thrice, 4 * HOUR);
	CU_ASSERT_TRUE(h.spikes > 0);
}

/* Told late, by another worker: the hour goes on. */
static void late_event_turns_no_hour_back(void)
{
	struct host h;
	uint32_t hour;

	grow_up(&h, even, 14);
	mail(&h, 1);
	hour = h.usual.hour;
	h.now_s -= 5;
	mail(&h, 1);
	CU_ASSERT_EQUAL(h.usual.hour, hour);
	CU_ASSERT_EQUAL(h.usual.n[USUAL_MESSAGE], 2);
}

static void days_off_are_a_kind_of_their_own(void)
{
	struct host h;
	float workday;

	grow_up(&h, office, 19);
	mail(&h, 1);
	workday = h.usual.level;
	CU_ASSERT_EQUAL(h.usual.days_off, 1U << (START_S / DAY + 5) % 7 | 1U << (START_S / DAY + 6) % 7);
	CU_ASSERT_TRUE(workday > 5 && workday < 12);
	h.now_s += 4 * DAY;
	mail(&h, 1);
	CU_ASSERT_TRUE(h.usual.level > 0.5F * workday && h.usual.level < 0.97F * workday);
}

/* Of a weekday that never was, nobody knows that it is a day off. */
static void unknown_days_are_workdays(void)
{
	struct host h;
	float level;

	begin(&h, 20);
	run(&h, even, 2 * DAY + 12 * HOUR);
	level = h.usual.level;
	run(&h, even, DAY);
	CU_ASSERT_EQUAL(h.usual.days_off, 0);
	CU_ASSERT_TRUE(h.usual.level > 0.8F * level);
}

static void below_the_floor_is_no_spike(void)
{
	const struct usual_rule high = { .spike_tenths = 50, .floor_per_hour = 200 };
	struct host h;
	struct usual_spike spike;

	grow_up(&h, office, 21);
	for (unsigned i = 0; i < 150; i++)
		CU_ASSERT_FALSE(
		        usual_add(&h.usual, &h.watch, USUAL_RECIPIENT, h.now_s * 1000000, &high, &spike));
	for (unsigned i = 0; i < 100; i++)
		h.spikes += usual_add(&h.usual, &h.watch, USUAL_RECIPIENT, h.now_s * 1000000, &high, &spike);
	CU_ASSERT_TRUE(h.spikes > 0);
}

/* A mail merge: many letters, but soon over. The same number over two hours is another matter. */
static void thirty_letters_are_no_spike(void)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		struct host h;

		grow_up(&h, even, i);
		for (unsigned n = 0; n < 25; n++)
			mail(&h, 1);
		CU_ASSERT_EQUAL(h.spikes, 0);
	}
}

static void busy(struct host *h)
{
	mails(h, 16, 1);
}

static void busy_to_two(struct host *h)
{
	mails(h, 16, 2.2);
}

/* Twenty-five letters in eight minutes, wherever the clock is. */
static void burst_counts_once(void)
{
	for (unsigned offset = 0; offset < 15; offset++) {
		struct host h;

		grow_up(&h, busy, 24);
		run(&h, busy, offset * MINUTE);
		for (unsigned n = 0; n < 25; n++, h.now_s += 20)
			mail(&h, 1);
		h.now_s -= h.now_s % MINUTE;
		run(&h, busy, HOUR / 2);
		CU_ASSERT_EQUAL(h.spikes, 0);
	}
}

/* For six hours: that is not fast; one in ten may be chance. */
static void twice_the_recipients_are_no_burst(void)
{
	unsigned bursts = 0;

	for (unsigned i = 0; i < HOSTS; i++) {
		struct host h;

		grow_up(&h, busy, i);
		run(&h, busy_to_two, 6 * HOUR);
		bursts += h.spikes > 0 && h.spike.what == USUAL_RECIPIENT;
	}
	CU_ASSERT_TRUE(bursts <= 1);
}

/* Each day two hours of half as much again, never the same ones: in a week that says nothing about its worst days. */
static void few_days_teach_little_spread(void)
{
	unsigned within_two = 0;

	for (unsigned i = 0; i < 40; i++) {
		struct host h;
		uint64_t start_s;

		begin(&h, i);
		for (unsigned day = 0; day < 8; day++) {
			run(&h, even, (1 + 2 * day) * HOUR);
			run(&h, half_more, 2 * HOUR);
			run(&h, even, (21 - 2 * day) * HOUR);
		}
		run(&h, even, 6 * HOUR);
		start_s = h.now_s;
		h.spikes = 0;
		while (h.spikes == 0 && h.now_s < start_s + 2 * HOUR)
			run(&h, thrice, MINUTE);
		within_two += h.spikes > 0;
	}
	CU_ASSERT_TRUE(within_two >= 30);
}

static void silence_counts_where_somebody_watched(void)
{
	struct host h;

	grow_up(&h, even, 15);
	run(&h, NULL, 4 * WEEK);
	mail(&h, 1);
	CU_ASSERT_EQUAL((unsigned)h.usual.level, 0);
	CU_ASSERT_TRUE(usual_is_ready(&h.usual));
}

static void goes_on_after_keeping(void)
{
	uint8_t bytes[USUAL_KEPT_BYTES], again[USUAL_KEPT_BYTES];
	struct host a, b;
	uint64_t seed_then;

	grow_up(&a, office, 17);
	run(&a, thrice, 20 * MINUTE);
	usual_pack(&a.usual, bytes);
	b = a;
	memset(&b.usual, 0xee, sizeof(b.usual));
	CU_ASSERT_TRUE_FATAL(usual_unpack(&b.usual, bytes, sizeof(bytes)));
	usual_pack(&b.usual, again);
	CU_ASSERT_EQUAL(memcmp(bytes, again, sizeof(bytes)), 0);
	seed_then = seed;
	run(&a, thrice, DAY);
	seed = seed_then;
	run(&b, thrice, DAY);
	CU_ASSERT_TRUE(a.spikes > 0);
	CU_ASSERT_TRUE(b.spikes + 1 >= a.spikes &&
	               b.spikes <= a.spikes + 1); /* what a day's turn works out is newer */
	CU_ASSERT_TRUE(b.spike_s + HOUR >= a.spike_s && b.spike_s <= a.spike_s + HOUR);
	a.usual.room = -1e6F; /* a store that somebody has changed: it takes the next message all the same */
	usual_pack(&a.usual, bytes);
	CU_ASSERT_TRUE(usual_unpack(&b.usual, bytes, sizeof(bytes)));
	CU_ASSERT_TRUE(b.usual.room >= 0);
	CU_ASSERT_FALSE(usual_unpack(&b.usual, bytes, sizeof(bytes) - 1));
	bytes[0]++;
	CU_ASSERT_FALSE(usual_unpack(&b.usual, bytes, sizeof(bytes)));
}

SUITE("usual", { "codes say the count", codes_say_the_count },
        { "the first days are silent", first_days_are_silent },
        { "honest sources raise nothing", honest_sources_raise_nothing },
        { "a fast burst is found at once", fast_burst_is_found_at_once },
        { "a spike says what was seen", first_spike_says_what_was_seen },
        { "a slow rise is found in hours", slow_rise_is_found_in_hours },
        { "a burst of a day stays strange", burst_of_a_day_stays_strange },
        { "a slow rise is found after a week", slow_rise_is_found_after_a_week },
        { "a burst of last week is no habit", burst_of_last_week_is_no_habit },
        { "bursts of the past buy no fast burst", strays_buy_no_fast_burst },
        { "night is not day", night_is_not_day }, { "lunch is not the morning", lunch_is_not_the_morning },
        { "the first days teach no spread", first_days_teach_no_spread },
        { "a lasting change is learned in five days", lasting_change_is_learned },
        { "habits have their hour", habits_have_their_hour },
        { "days off starve nothing", days_off_starve_nothing },
        { "a clock that is set does no harm", clock_does_no_harm },
        { "a late event turns no hour back", late_event_turns_no_hour_back },
        { "days off are a kind of their own", days_off_are_a_kind_of_their_own },
        { "unknown days are workdays", unknown_days_are_workdays },
        { "below the floor is no spike", below_the_floor_is_no_spike },
        { "letters to many people are no spike", thirty_letters_are_no_spike },
        { "a burst counts once", burst_counts_once },
        { "twice the recipients are no burst", twice_the_recipients_are_no_burst },
        { "few days teach little of the spread", few_days_teach_little_spread },
        { "silence counts where somebody watched", silence_counts_where_somebody_watched },
        { "what was kept goes on", goes_on_after_keeping });
