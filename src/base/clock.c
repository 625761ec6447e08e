/* clock.c - the two clocks of the programs, and the time stamp of the records.
 *
 * The date is computed here rather than by gmtime_r(), which takes a lock and may read the time
 * zone file, once for each record. Years are counted from 1 March, so that the leap day is the last
 * day of its year; 400 years have 146097 days.
 */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

enum {
	DAY_S = 86400,
	DAYS_TO_1970 = 719468, /* from 0000-03-01 */
	DAYS_400Y = 146097,
	DAYS_100Y = 36524,
	DAYS_4Y = 1461,
	DAYS_Y = 365
};

static uint64_t read_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_us(void)
{
	return read_ns(CLOCK_REALTIME) / 1000;
}

uint64_t clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_jump(int64_t wall, int64_t monotonic, int64_t least)
{
	int64_t jump = wall - monotonic;

	return jump > least || jump < -least ? jump : 0;
}

struct date {
	uint64_t year;
	unsigned month, day; /* from 1 */
};

static struct date date_of(uint64_t days_since_1970)
{
	uint64_t days = days_since_1970 + DAYS_TO_1970;
	unsigned in_era = (unsigned)(days % DAYS_400Y);
	/* the last day of 4, of 100 and of 400 years must not begin another one */
	unsigned year =
	        (in_era - in_era / (DAYS_4Y - 1) + in_era / DAYS_100Y - in_era / (DAYS_400Y - 1)) / DAYS_Y;
	unsigned in_year = in_era - (DAYS_Y * year + year / 4 - year / 100);
	unsigned month = (5 * in_year + 2) / 153; /* 0 = March; five months have 153 days */

	return (struct date) {
		.year = days / DAYS_400Y * 400 + year + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = in_year - (153 * month + 2) / 5 + 1,
	};
}

char *clock_print(uint64_t time_us, char buf[CLOCK_TEXT_MAX])
{
	uint64_t seconds = time_us / 1000000;
	unsigned in_day = (unsigned)(seconds % DAY_S);
	struct date date = date_of(seconds / DAY_S);

	snprintf(buf, CLOCK_TEXT_MAX, "%04" PRIu64 "-%02u-%02uT%02u:%02u:%02u.%06u+0000", date.year,
	        date.month, date.day, in_day / 3600, in_day / 60 % 60, in_day % 60,
	        (unsigned)(time_us % 1000000));
	return buf;
}

/* `digits` of them at *at, which is moved behind them. -1 = there are not so many. */
static int take_digits(const char **at, unsigned digits)
{
	int n = 0;

	for (; digits > 0; digits--, ++*at) {
		if (!isdigit((unsigned char)**at))
			return -1;
		n = 10 * n + (**at - '0');
	}
	return n;
}

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* Months from 1, unchecked. */
static int64_t days_since_1970(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return y * DAYS_Y + y / 4 - y / 100 + y / 400 + in_year - DAYS_TO_1970;
}

/* Digits behind the sixth are left out. */
static int64_t take_fraction(const char **at)
{
	int64_t us = 0, unit = 100000;

	if (!take_char(at, '.'))
		return 0;
	for (; isdigit((unsigned char)**at); ++*at, unit /= 10)
		us += (**at - '0') * unit;
	return us;
}

/* Of "+0130" or "+01:30" in seconds. False = that is none. */
static bool take_offset(const char **at, int64_t *offset_s)
{
	int hours, minutes;
	bool west;

	*offset_s = 0;
	if (take_char(at, 'Z'))
		return true;
	west = take_char(at, '-');
	if (!west && !take_char(at, '+'))
		return false;
	hours = take_digits(at, 2);
	(void)take_char(at, ':');
	minutes = take_digits(at, 2);
	*offset_s = (west ? -60 : 60) * (60 * (int64_t)hours + minutes);
	return hours >= 0 && minutes >= 0;
}

int clock_parse(const char *text, uint64_t *time_us)
{
	int field[6]; /* year, month, day, hour, minute, second */
	static const char behind[6] = { '-', '-', 'T', ':', ':', '\0' };
	static const int least[6] = { 1970, 1, 1, 0, 0, 0 }, most[6] = { 2199, 12, 31, 23, 59, 60 };
	int64_t us, offset_s, seconds;
	unsigned i;

	for (i = 0; i < 6; i++) {
		field[i] = take_digits(&text, i == 0 ? 4 : 2);
		if (field[i] < least[i] || field[i] > most[i])
			return -EINVAL;
		if (behind[i] && !take_char(&text, behind[i]))
			return -EINVAL;
	}
	us = take_fraction(&text);
	if (!take_offset(&text, &offset_s) || *text != '\0')
		return -EINVAL;
	seconds = days_since_1970(field[0], field[1], field[2]) * DAY_S + field[3] * 3600 + field[4] * 60 +
	          field[5] - offset_s;
	if (seconds < 0)
		return -EINVAL;
	*time_us = (uint64_t)(seconds * 1000000 + us);
	return 0;
}
