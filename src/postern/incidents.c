/* incidents.c - `postern incidents`: the stories that are open now, or those of the past that fit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "postern/live.h"

static void print_row(const json_t *row)
{
	char first[LIVE_TIME_MAX], last[LIVE_TIME_MAX];

	printf("%lld %-20s %s -> %s: %lld since %s, last %s UTC%s%s: %s\n", live_number(row, "severity"),
	        live_text(row, "rule"), *live_text(row, "source") ? live_text(row, "source") : "many",
	        *live_text(row, "server") ? live_text(row, "server") : "the gate", live_number(row, "count"),
	        live_time(row, "first_seen", first), live_time(row, "last_seen", last),
	        json_is_true(json_object_get(row, "blocked")) ? ", blocked" : "",
	        strcmp(live_text(row, "state"), "closed") == 0 ? ", closed" : "", live_text(row, "evidence"));
}

struct shown {
	unsigned rows;
	bool past;
};

static void print_incidents(void *arg, const json_t *line)
{
	struct shown *shown = arg;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(line, "rows"), i, row) {
		print_row(row);
		shown->rows++;
	}
	if (json_is_true(json_object_get(line, "cut")))
		printf("the %u youngest; --limit shows more\n", shown->rows);
	if (!json_object_get(line, "more") && shown->rows == 0)
		puts(shown->past ? "no incident like that" : "no incident is open");
}

/* "24h" ago, or a day or a time of UTC; -1: neither. */
static long long read_since(const char *text)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
		"%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S" };
	long long now_us = (long long)clock_now_us(), span_s = live_read_span(text);
	const char *end;
	struct tm tm;

	if (span_s >= 0)
		return span_s * 1000000 < now_us ? now_us - span_s * 1000000 : 0;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		memset(&tm, 0, sizeof(tm));
		end = strptime(text, forms[i], &tm);
		if (end && *end == '\0')
			return (long long)timegm(&tm) * 1000000;
	}
	return -1;
}

/* A number above 0; -1: none. */
static long long read_limit(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	return end != text && *end == '\0' && n > 0 ? n : -1;
}

static void set_text(json_t *request, const char *key, const char *text)
{
	if (text)
		(void)json_object_set_new(request, key, json_string(text));
}

static void set_number(json_t *request, const char *key, const char *text, long long number)
{
	if (text)
		(void)json_object_set_new(request, key, json_integer(number));
}

int incidents_run(int argc, char **argv)
{
	const char *since = NULL, *source = NULL, *rule = NULL, *limit = NULL;
	bool open = false;
	const struct live_option more[] = { { "since", &since, NULL }, { "source", &source, NULL },
		{ "rule", &rule, NULL }, { "limit", &limit, NULL }, { "open", NULL, &open }, { NULL } };
	long long since_us = 0, most = 0;
	struct shown shown = { .rows = 0 };
	struct live live;
	json_t *request;

	if (!live_options(&live, argc, argv, more, 0))
		return COMMAND_USAGE;
	if ((since && (since_us = read_since(since)) < 0) || (limit && (most = read_limit(limit)) < 0)) {
		fprintf(stderr,
		        "%s: --since takes a span like 24h or 7d, or a day like 2026-11-20; --limit a "
		        "number above 0\n",
		        live.name);
		return COMMAND_USAGE;
	}
	shown.past = !open && (since || source || rule || limit);
	request = protocol_new("incidents");
	set_text(request, "source", source);
	set_text(request, "rule", rule);
	set_number(request, "since_us", since, since_us);
	set_number(request, "limit", limit, most);
	if (shown.past)
		(void)json_object_set_new(request, "past", json_true());
	return live_ask(&live, request, print_incidents, &shown);
}
