/* clock.c - the two clocks of the programs, and the time stamp of the records.
 *
 * The date is computed here rather than by gmtime_r(), which takes a lock and may read the time
 * zone file, once for each record. Years are counted from 1 March, so that the leap day is the last
 * day of its year; 400 years have 146097 days.
 */
#include "base/clock.h"

#include <inttypes.h>
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
