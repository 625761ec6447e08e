/* What really arrives on stderr: levels, prefixes, foreign control bytes, long lines, rate limit. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "suite.h"

static FILE *captured;
static int real_stderr;

/* stderr leads to a file of its own until end_capture(). */
static void begin_capture(void)
{
	captured = tmpfile();
	CU_ASSERT_PTR_NOT_NULL_FATAL(captured);
	real_stderr = dup(STDERR_FILENO);
	dup2(fileno(captured), STDERR_FILENO);
}

static const char *end_capture(void)
{
	static char text[16384];
	size_t len;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(captured);
	len = fread(text, 1, sizeof(text) - 1, captured);
	text[len] = '\0';
	fclose(captured);
	return text;
}

static void tells_levels_up_to_the_wanted(void)
{
	unsetenv("JOURNAL_STREAM");
	begin_capture();
	log_open("posternd", LOG_LEVEL_INFO);
	log_error("queue %d is taken", 2500);
	log_warning("w");
	log_info("i");
	log_debug("d");
	CU_ASSERT_STRING_EQUAL(
	        end_capture(), "posternd: error: queue 2500 is taken\nposternd: warning: w\nposternd: i\n");
}

static void marks_priorities_for_the_journal(void)
{
	struct stat st;
	char stream[64];

	begin_capture();
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
	        (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("posternd", LOG_LEVEL_DEBUG);
	log_error("e");
	log_warning("w");
	log_info("i");
	log_debug("d");
	CU_ASSERT_STRING_EQUAL(end_capture(), "<3>e\n<4>w\n<6>i\n<7>d\n");
}

static void knows_an_inherited_journal_from_its_own(void)
{
	static const unsigned wrong[][2] = { { 1, 0 }, { 0, 1 } }; /* another device, another inode */
	struct stat st;
	char stream[64];
	size_t i;

	for (i = 0; i < 2; i++) {
		begin_capture();
		fstat(STDERR_FILENO, &st);
		snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev + wrong[i][0],
		        (unsigned long long)st.st_ino + wrong[i][1]);
		setenv("JOURNAL_STREAM", stream, 1);
		log_open("posternd", LOG_LEVEL_INFO);
		log_info("i");
		CU_ASSERT_STRING_EQUAL(end_capture(), "posternd: i\n");
	}
	unsetenv("JOURNAL_STREAM");
}

static void foreign_text_stays_on_its_line(void)
{
	begin_capture();
	log_open("p", LOG_LEVEL_INFO);
	log_info("%s", "a\nposternd: all is well\033[2J\x7f"
	               "b\xc3\xa4");
	CU_ASSERT_STRING_EQUAL(end_capture(), "p: a?posternd: all is well?[2J?b\xc3\xa4\n");
}

static void long_lines_are_cut(void)
{
	char text[5000];
	const char *seen;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	begin_capture();
	log_open("p", LOG_LEVEL_INFO);
	log_info("%s", text);
	log_info("next");
	seen = end_capture();
	CU_ASSERT(strlen(seen) > 1000 && strlen(seen) < 2100);
	CU_ASSERT_STRING_EQUAL(strchr(seen, '\n'), "\np: next\n");
}

static void errno_survives(void)
{
	begin_capture();
	close(STDERR_FILENO); /* the write fails */
	errno = ENOSPC;
	log_error("e");
	CU_ASSERT_EQUAL(errno, ENOSPC);
	CU_ASSERT_STRING_EQUAL(end_capture(), "");
}

static void limit_lets_one_a_second_through(void)
{
	struct log_limit limit = { 0, 0 };
	uint64_t count;

	begin_capture();
	log_open("p", LOG_LEVEL_INFO);
	do { /* until all of them fell into one second of the clock */
		memset(&limit, 0, sizeof(limit));
		for (count = 0; count < 100; count++)
			log_limited(&limit, LOG_LEVEL_WARNING, "full %d", 1);
	} while (limit.suppressed != 99);
	limit.second--; /* a second later */
	log_limited(&limit, LOG_LEVEL_WARNING, "full %d", 2);
	CU_ASSERT_EQUAL(limit.suppressed, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(end_capture(), "p: warning: full 1\n"
	                                             "p: warning: full 2 (99 more like this left out)\n"));
}

static void limit_ignores_what_is_not_told(void)
{
	struct log_limit limit = { 0, 0 };

	begin_capture();
	log_limited(&limit, LOG_LEVEL_DEBUG, "d");
	log_limited(&limit, LOG_LEVEL_DEBUG, "d");
	CU_ASSERT_STRING_EQUAL(end_capture(), "");
	CU_ASSERT_EQUAL(limit.suppressed, 0);
}

SUITE("log", { "tells levels up to the wanted", tells_levels_up_to_the_wanted },
        { "marks priorities for the journal", marks_priorities_for_the_journal },
        { "knows an inherited journal from its own", knows_an_inherited_journal_from_its_own },
        { "foreign text stays on its line", foreign_text_stays_on_its_line },
        { "long lines are cut", long_lines_are_cut }, { "errno survives", errno_survives },
        { "limit lets one a second through", limit_lets_one_a_second_through },
        { "limit ignores what is not told", limit_ignores_what_is_not_told })
