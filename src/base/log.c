/* log.c - one line on stderr for each thing the programs have to say of themselves.
 *
 * A line is put together in a buffer and leaves with one write(2), so that lines of several threads
 * never mix and no lock is needed. Control bytes are shown as '?':
 * messages quote foreign text, which must not begin lines of its own or talk to the terminal. Lines
 * are cut at LINE_MAX_BYTES.
 *
 * syslog(3) was rejected: systemd reads stderr, and elsewhere the operator can pipe it.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_MAX_BYTES = 2048 };

static const struct {
	const char *word;
	int priority; /* sd-daemon(3), as syslog(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error: ", 3 },
	[LOG_LEVEL_WARNING] = { "warning: ", 4 },
	[LOG_LEVEL_INFO] = { "", 6 },
	[LOG_LEVEL_DEBUG] = { "debug: ", 7 },
};

/* Written by log_open() before there are threads. */
static const char *program_name = "postern";
static enum log_level most_told = LOG_LEVEL_INFO;
static bool to_journal;

static _Thread_local log_ear *listening;
static _Thread_local void *listening_arg;

void log_listen(log_ear *ear, void *arg)
{
	listening = ear;
	listening_arg = arg;
}

/* JOURNAL_STREAM is inherited by children whose stderr leads elsewhere; systemd.exec(5) therefore
 * names the stream by device and inode. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *program, enum log_level most)
{
	program_name = program;
	most_told = most;
	to_journal = stderr_is_journal();
}

static void replace_controls(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void write_all(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody left to tell */
		bytes += n;
		len -= (size_t)n;
	}
}

/* What snprintf() has really written: less than it would have liked where the buffer ended. */
static size_t written(int wanted, size_t room)
{
	if (wanted < 0)
		return 0;
	return (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static void tell(enum log_level level, uint64_t left_out, const char *format, va_list args)
{
	char line[LINE_MAX_BYTES];
	const size_t room = sizeof(line) - 1; /* for the newline */
	size_t len, begin;
	int saved_errno = errno;

	if (to_journal)
		len = written(snprintf(line, room, "<%d>", levels[level].priority), room);
	else
		len = written(snprintf(line, room, "%s: %s", program_name, levels[level].word), room);
	begin = len;
	len += written(vsnprintf(line + len, room - len, format, args), room - len);
	if (left_out > 0)
		len += written(snprintf(line + len, room - len, " (%llu more like this left out)",
		                       (unsigned long long)left_out),
		        room - len);
	replace_controls(line);
	if (listening)
		listening(listening_arg, level, line + begin);
	line[len++] = '\n';
	write_all(line, len);
	errno = saved_errno;
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	if (level > most_told)
		return;
	va_start(args, format);
	tell(level, 0, format, args);
	va_end(args);
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
	uint64_t now = clock_monotonic_ns() / 1000000000 + 1; /* never 0, which means no line yet */
	uint64_t last = __atomic_load_n(&limit->second, __ATOMIC_RELAXED);
	va_list args;

	if (level > most_told)
		return;
	/* of several threads in a new second, the one that moves it on speaks */
	if (last == now || !__atomic_compare_exchange_n(
	                           &limit->second, &last, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		__atomic_fetch_add(&limit->suppressed, 1, __ATOMIC_RELAXED);
		return;
	}
	va_start(args, format);
	tell(level, __atomic_exchange_n(&limit->suppressed, 0, __ATOMIC_RELAXED), format, args);
	va_end(args);
}
