/* live.h - asking the running posternd, for the commands that show or change what it does now.
 *
 *   struct live live;
 *   if (!live_options(&live, argc, argv, NULL, 0)) return COMMAND_USAGE;
 *   return live_ask(&live, protocol_new("status"), print_status, NULL);
 */
#ifndef POSTERN_LIVE_H
#define POSTERN_LIVE_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "postern/commands.h"
#include "posternd/protocol.h"

enum { LIVE_OPTIONS_MAX = 8, LIVE_PATH_MAX = 108 };
/* Seconds without a byte of the answer: of what is only looked up; of an act, which may be at work in the kernel; and of what
 * goes through the whole store. posternd itself lets go of who waits for a minute. */
enum { LIVE_WAIT_S = 10, LIVE_WAIT_ACT_S = 20, LIVE_WAIT_STORE_S = 65 };

/* An option that a command has beside --socket, -c and --json; its value goes to *value. One that takes none has a flag
 * to set instead. */
struct live_option {
	const char *name;
	const char **value;
	bool *flag;
	char letter; /* -f for --file; 0 = none */
};

/* Both are called for a line of the answer. */
typedef void live_print(void *arg, const json_t *line);

struct live {
	const char *name; /* "postern status" */
	const char *conf; /* -c, or NULL */
	char path[LIVE_PATH_MAX];
	bool is_guess; /* the configuration does not say where posternd listens: the default path is in place of it */
	bool json;
	bool acts;       /* it changes something: without an answer it may have been done, or will be */
	unsigned wait_s; /* 0 = LIVE_WAIT_S, or LIVE_WAIT_ACT_S if it acts */
	json_t *parts;   /* lines of the request that go before its last one, or NULL; the command's own */
	bool (*finds)(const json_t *line); /* a line of the answer is a finding: status 1; NULL = none is */
	live_print *print_error;           /* called before an error is told; NULL = not */
	bool silent;                       /* the command says itself that nobody answers */
	int error;                         /* why nobody answers, or not to the end: an errno value */
	bool is_asked;                     /* somebody has taken the request */
	int pid;                           /* who listens there; 0 = not known */
	int argc;                          /* what stands behind the options */
	char **argv;
};

/* False: wrong usage, said. What stands behind the options is left to the command, at most `most` words. */
bool live_options(struct live *l, int argc, char **argv, const struct live_option *more, int most);
/* The file of the configuration that is looked into. */
const char *live_conf(const struct live *l);
/* Takes over the request. Calls print for each line of the answer; with --json the lines go to standard output as they
 * came. The exit status; COMMAND_UNREACHABLE if nobody answers, or not to the end. */
int live_ask(struct live *l, json_t *request, live_print *print, void *arg);
/* After COMMAND_UNREACHABLE: why, as live_ask() says it unless silent; and whether nobody listens there at all. */
void live_tell_unreachable(const struct live *l);
bool live_is_alone(const struct live *l);
/* Likewise: nobody listens there, but posternd guards the table of the configuration, and is this process; 0 = no. */
int live_elsewhere(const struct live *l);
/* Likewise: somebody listens, and does not react. */
bool live_is_stuck(const struct live *l);
/* "posternd (process 4711)". Returns buf. */
enum { LIVE_WHO_MAX = 40 };
char *live_who(const struct live *l, char buf[LIVE_WHO_MAX]);
/* "systemctl restart postern, or kill -KILL 4711": what ends it. Returns buf. */
enum { LIVE_REMEDY_MAX = 64 };
char *live_remedy(const struct live *l, char buf[LIVE_REMEDY_MAX]);
/* How long was waited, in seconds. */
unsigned live_waited_s(const struct live *l);

/* "2026-11-22 00:38:32", UTC, of a timestamp; "-" without one. Returns buf. */
enum { LIVE_TIME_MAX = 24 };
char *live_time(const json_t *line, const char *key, char buf[LIVE_TIME_MAX]);
/* "" where it is missing. */
const char *live_text(const json_t *line, const char *key);
long long live_number(const json_t *line, const char *key);
/* "1d 3h", "5m 10s". Returns buf. */
enum { LIVE_SPAN_MAX = 32 };
char *live_span(long long seconds, char buf[LIVE_SPAN_MAX]);
/* "30m", "1h", "90" (seconds); -1: none. */
long long live_read_span(const char *text);
/* A number above 0; -1: none. */
long long live_read_number(const char *text);
/* What somebody has typed, into a request; what is no UTF-8 is escaped, or it would not be in there at all. NULL: nothing. */
void live_set_text(json_t *request, const char *key, const char *text);
/* False: it is none, and why says what is wrong and what to write. */
enum { LIVE_WHY_MAX = 288 };
bool live_read_prefix(const char *text, struct prefix *out, char why[LIVE_WHY_MAX]);
/* Whether the command's only word is a prefix; what is wrong is said. */
bool live_has_prefix(const struct live *l, struct prefix *out);

#endif
