/* log.h - what the programs say of themselves, one line each on stderr. Under systemd
 * (JOURNAL_STREAM set) lines carry the "<N>" priority prefix of sd-daemon(3). Thread-safe. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Rate limit for one place in the code; zero-initialised, static. */
struct log_limit {
	uint64_t second;     /* of the last line, monotonic */
	uint64_t suppressed; /* since then */
};

void log_open(const char *program, enum log_level most);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* At most one line a second per limit; the next one says how many were left out. */
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* What this thread says goes to `ear`, too, for whoever has caused it; NULL = to nobody any more. The text is without
 * program and level, and lives until the call returns. An ear must not log. */
typedef void log_ear(void *arg, enum log_level level, const char *text);
void log_listen(log_ear *ear, void *arg);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
