/* The time stamp of the records, against known dates and against the C library's calendar. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "suite.h"

static void prints_known_times(void)
{
	static const struct {
		uint64_t us;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000+0000" },
		{ 951782399999999, "2000-02-28T23:59:59.999999+0000" },
		{ 951782400000000, "2000-02-29T00:00:00.000000+0000" },
		{ 1795286167148588, "2026-11-21T18:36:07.148588+0000" },
		{ 4107542400000000, "2100-03-01T00:00:00.000000+0000" },
		{ UINT64_MAX, "586524-01-19T08:01:49.551615+0000" },
	};
	char text[CLOCK_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_STRING_EQUAL(clock_print(cases[i].us, text), cases[i].text);
}

static void tells_a_clock_that_was_set(void)
{
	CU_ASSERT_EQUAL(clock_jump(10, 10, 2), 0);
	CU_ASSERT_EQUAL(clock_jump(12, 10, 2), 0); /* kept right */
	CU_ASSERT_EQUAL(clock_jump(8, 10, 2), 0);
	CU_ASSERT_EQUAL(clock_jump(13, 10, 2), 3);
	CU_ASSERT_EQUAL(clock_jump(7, 10, 2), -3);
	CU_ASSERT_EQUAL(clock_jump(-3590, 10, 2), -3600);
}

static void agrees_with_the_c_library(void)
{
	char ours[CLOCK_TEXT_MAX], theirs[CLOCK_TEXT_MAX];
	uint64_t back_us = 0;
	time_t day;

	for (day = 0; day < 400 * 366; day++) {
		time_t second = day * 86400 + day % 86400;
		struct tm tm;

		gmtime_r(&second, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S.000000+0000", &tm);
		CU_ASSERT_STRING_EQUAL(clock_print((uint64_t)second * 1000000, ours), theirs);
		if (tm.tm_year + 1900 < 2200) {
			CU_ASSERT_EQUAL(clock_parse(theirs, &back_us), 0);
			CU_ASSERT_EQUAL(back_us, (uint64_t)second * 1000000);
		}
	}
}

static void reads_other_spellings(void)
{
	static const struct {
		const char *text;
		uint64_t us;
	} cases[] = {
		{ "2026-11-21T18:36:07.148588+0000", 1795286167148588 },
		{ "2026-11-21T18:36:07.1485889Z", 1795286167148588 },
		{ "2026-11-21T18:36:07Z", 1795286167000000 },
		{ "2026-11-21T20:06:07.5+01:30", 1795286167500000 },
		{ "2026-11-21T08:36:07-1000", 1795286167000000 },
	};
	static const char *const bad[] = { "", "2026", "2026-11-21", "2026-11-21 18:36:07Z",
		"2026-13-01T00:00:00Z", "2026-11-21T18:36:07", "2026-11-21T18:36:07.Zx",
		"2026-11-21T24:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+0001",
		"2200-01-01T00:00:00Z", "2026-11-21T18:36:07+1" };
	uint64_t us;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		us = 1;
		CU_ASSERT_EQUAL(clock_parse(cases[i].text, &us), 0);
		CU_ASSERT_EQUAL(us, cases[i].us);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_NOT_EQUAL(clock_parse(bad[i], &us), 0);
}

static void clocks_run(void)
{
	uint64_t start_ns = clock_monotonic_ns();
	/* time() may lag behind the clock, and the clock may be set meanwhile */
	int64_t seconds = (int64_t)(clock_now_us() / 1000000), lag = seconds - (int64_t)time(NULL);

	while (clock_monotonic_ns() == start_ns)
		;
	CU_ASSERT(clock_monotonic_ns() > start_ns);
	CU_ASSERT(lag > -60 && lag < 60); /* the same unit and epoch */
}

SUITE("clock", { "prints known times", prints_known_times },
        { "agrees with the C library", agrees_with_the_c_library },
        { "reads other spellings", reads_other_spellings }, { "clocks run", clocks_run },
        { "tells a clock that was set", tells_a_clock_that_was_set })
