/* incidents.c - `postern incidents`: those that are open now, or those of the past that fit; or one of them, whole. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "postern/live.h"

/* What else there is to it than its worst: ", also sender.spoof 3, harvest 12". */
static void print_facets(const json_t *row)
{
	const char *word = ", also", *rule = live_text(row, "rule");
	const json_t *facet;
	size_t i;

	json_array_foreach (json_object_get(row, "facets"), i, facet)
		if (strcmp(live_text(facet, "rule"), rule) != 0) {
			printf("%s %s %lld", word, live_text(facet, "rule"), live_number(facet, "count"));
			word = ",";
		}
}

static const char *source_of(const json_t *row)
{
	return *live_text(row, "source") ? live_text(row, "source") : "many";
}

static const char *server_of(const json_t *row)
{
	if (*live_text(row, "target"))
		return live_text(row, "target");
	return *live_text(row, "server") ? live_text(row, "server") : "the gate";
}

static void print_row(const json_t *row)
{
	char first[LIVE_TIME_MAX], last[LIVE_TIME_MAX];
	const char *state = live_text(row, "state");

	printf("%lld %-20s %s -> %s: %lld since %s, last %s UTC%s%s%s, id %lld", live_number(row, "severity"),
	        live_text(row, "rule"), source_of(row), server_of(row), live_number(row, "count"),
	        live_time(row, "first_seen", first), live_time(row, "last_seen", last),
	        json_is_true(json_object_get(row, "blocked")) ? ", blocked" : "",
	        strcmp(state, "closed") == 0 ? ", closed" : "", strcmp(state, "acked") == 0 ? ", acked" : "",
	        live_number(row, "id"));
	print_facets(row);
	printf(": %s\n", live_text(row, "evidence"));
}

/* ---- one, whole --------------------------------------------------------------------------------- */

static void print_ack(const json_t *ack)
{
	char time[LIVE_TIME_MAX];

	if (ack)
		printf("acked       %s UTC by uid %lld%s%s\n", live_time(ack, "at", time),
		        live_number(ack, "uid"), *live_text(ack, "reason") ? ": " : "",
		        live_text(ack, "reason"));
}

static void print_done(const json_t *done)
{
	const json_t *block = json_object_get(done, "block");
	char time[LIVE_TIME_MAX];

	printf("done        %s", live_text(done, "action"));
	if (*live_text(done, "would"))
		printf(", would have been %s", live_text(done, "would"));
	if (*live_text(done, "outcome"))
		printf("; %s", live_text(done, "outcome"));
	if (block)
		printf("; %s is %s by %s since %s UTC", live_text(block, "address"), live_text(block, "is"),
		        live_text(block, "by"), live_time(block, "since", time));
	putchar('\n');
}

/* What is known of it. */
static void print_envelope(const json_t *envelope)
{
	static const struct {
		const char *key, *word;
	} fields[] = { { "helo", "helo" }, { "mail_from", "from" }, { "rcpt_to", "to" } };
	char time[LIVE_TIME_MAX];
	const char *before = ":";

	printf("envelope    %s UTC %s", live_time(envelope, "time", time), live_text(envelope, "rule"));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (*live_text(envelope, fields[i].key)) {
			printf("%s %s %s", before, fields[i].word, live_text(envelope, fields[i].key));
			before = ",";
		}
	putchar('\n');
}

static void print_lists(const json_t *row)
{
	char first[LIVE_TIME_MAX], last[LIVE_TIME_MAX];
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(row, "facets"), i, item)
		printf("rule        %lld %-20s %lld, first %s, last %s UTC\n", live_number(item, "severity"),
		        live_text(item, "rule"), live_number(item, "count"),
		        live_time(item, "first_seen", first), live_time(item, "last_seen", last));
	json_array_foreach (json_object_get(row, "lines"), i, item)
		printf("evidence    %s: %s\n", live_text(item, "rule"), live_text(item, "text"));
	json_array_foreach (json_object_get(row, "envelopes"), i, item)
		print_envelope(item);
}

static void print_whole(void *arg, const json_t *line)
{
	char first[LIVE_TIME_MAX], last[LIVE_TIME_MAX];
	const json_t *row;
	size_t i;

	(void)arg;
	json_array_foreach (json_object_get(line, "rows"), i, row) {
		printf("incident    %lld, %s, severity %lld\n", live_number(row, "id"),
		        live_text(row, "state"), live_number(row, "severity"));
		printf("between     %s -> %s%s%s\n", source_of(row), server_of(row),
		        *live_text(row, "direction") ? ", " : "", live_text(row, "direction"));
		printf("findings    %lld, first %s, last %s UTC%s\n", live_number(row, "count"),
		        live_time(row, "first_seen", first), live_time(row, "last_seen", last),
		        json_is_true(json_object_get(row, "blocked")) ? ", all blocked" : "");
		if (live_number(row, "before") > 0)
			printf("before      %lld, of the same\n", live_number(row, "before"));
		print_ack(json_object_get(row, "acked"));
		print_done(json_object_get(row, "done"));
		print_lists(row);
	}
}

/* ---- lists -------------------------------------------------------------------------------------- */

struct shown {
	unsigned rows;
	const char *none; /* said where there is no row */
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
		puts(shown->none);
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

static void set_number(json_t *request, const char *key, const char *text, long long number)
{
	if (text)
		(void)json_object_set_new(request, key, json_integer(number));
}

/* `postern incidents ID`. */
static int show_one(struct live *live, bool narrowed)
{
	long long id = live_read_number(live->argv[0]);
	json_t *request;

	if (id < 0 || narrowed) {
		fprintf(stderr,
		        id < 0 ? "%s: \"%s\" is no number of an incident\n"
		               : "%s: incident %s is shown whole, without other options\n",
		        live->name, live->argv[0]);
		return COMMAND_USAGE;
	}
	request = protocol_new("incidents");
	(void)json_object_set_new(request, "id", json_integer(id));
	live->wait_s = LIVE_WAIT_STORE_S;
	return live_ask(live, request, print_whole, NULL);
}

static void set_true(json_t *request, const char *key, bool value)
{
	if (value)
		(void)json_object_set_new(request, key, json_true());
}

int incidents_run(int argc, char **argv)
{
	const char *since = NULL, *source = NULL, *rule = NULL, *limit = NULL;
	char why[LIVE_WHY_MAX];
	struct prefix prefix;
	bool open = false, suppressed = false, past;
	const struct live_option more[] = { { "since", &since, NULL }, { "source", &source, NULL },
		{ "rule", &rule, NULL }, { "limit", &limit, NULL }, { "open", NULL, &open },
		{ "suppressed", NULL, &suppressed }, { NULL } };
	long long since_us = 0, most = 0;
	struct shown shown = { .rows = 0 };
	struct live live;
	json_t *request;

	if (!live_options(&live, argc, argv, more, 1))
		return COMMAND_USAGE;
	if (live.argc == 1)
		return show_one(&live, since || source || rule || limit || open || suppressed);
	if (since && (since_us = read_since(since)) < 0) {
		fprintf(stderr, "%s: --since takes a span like 24h or 7d, or a day like 2026-11-20\n",
		        live.name);
		return COMMAND_USAGE;
	}
	if (limit && (most = live_read_number(limit)) < 0) {
		fprintf(stderr, "%s: --limit takes a number above 0\n", live.name);
		return COMMAND_USAGE;
	}
	if (source && !live_read_prefix(source, &prefix, why)) {
		fprintf(stderr, "%s: %s\n", live.name, why);
		return COMMAND_USAGE;
	}
	past = !open && !suppressed && (since || source || rule || limit);
	shown.none = past         ? "no incident like that"
	             : suppressed ? "nothing was suppressed"
	                          : "no incident is open";
	request = protocol_new("incidents");
	live_set_text(request, "source", source);
	live_set_text(request, "rule", rule);
	set_number(request, "since_us", since, since_us);
	set_number(request, "limit", limit, most);
	set_true(request, "past", past);
	live.wait_s = past ? LIVE_WAIT_STORE_S : 0;
	set_true(request, "suppressed", suppressed);
	return live_ask(&live, request, print_incidents, &shown);
}
