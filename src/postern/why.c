/* why.c - `postern why ADDR`: the last decisions about this address, each with its ground. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "postern/live.h"

static void print_recipient(const json_t *row)
{
	if (*live_text(row, "path"))
		printf(" %s (%s)", live_text(row, "path"), live_text(row, "form"));
	printf(": %s", live_text(row, "outcome"));
	if (live_number(row, "code") > 0)
		printf(", %lld", live_number(row, "code"));
}

/* An alert is what happens to everything that passes and is told. */
static const char *done(const json_t *row)
{
	const char *action = live_text(row, "action");

	if (strcmp(action, "alert") != 0)
		return action;
	return strcmp(live_text(row, "what"), "connection") == 0 ? "inspected" : "passed";
}

/* What is done is done in mode enforce, so what else would have been was not possible or not needed; of what only was told,
 * the mode may have been the cause, or that not all of the connection was seen. */
static void print_would(const json_t *row)
{
	const char *would = live_text(row, "would");

	if (!*would)
		return;
	if (strcmp(live_text(row, "action"), "alert") == 0)
		printf(" (with mode enforce and certainty: %s)", would);
	else
		printf(" (in place of %s)", would);
}

static void print_row(const json_t *row)
{
	const char *what = live_text(row, "what");
	char last[LIVE_TIME_MAX];

	printf("%s UTC  %s %s -> %s port %lld", live_time(row, "last_seen", last), what,
	        live_text(row, "client"), live_text(row, "server"), live_number(row, "port"));
	if (strcmp(what, "recipient") == 0)
		print_recipient(row);
	printf(": %s", done(row));
	print_would(row);
	printf(", by %s", live_text(row, "reason"));
	if (live_number(row, "count") > 1)
		printf(", %lld times", live_number(row, "count"));
	putchar('\n');
}

/* "BLOCKED" */
static void print_loud(const char *word)
{
	for (; *word; word++)
		putchar(toupper((unsigned char)*word));
}

static void print_blocked(const json_t *b)
{
	char since[LIVE_TIME_MAX], span[LIVE_SPAN_MAX];

	if (!b)
		return;
	printf("%s UTC  ", live_time(b, "since", since));
	print_loud(live_text(b, "is"));
	printf(" with %s by %s, ", live_text(b, "address"), live_text(b, "by"));
	if (json_object_get(b, "until"))
		printf("for another %s", live_span(live_number(b, "left_s"), span));
	else
		fputs("for ever", stdout);
	printf("%s%s\n", *live_text(b, "reason") ? ": " : "", live_text(b, "reason"));
}

static void print_why(void *arg, const json_t *line)
{
	const json_t *rows = json_object_get(line, "rows"), *row, *held = json_object_get(line, "blocked");
	char since[LIVE_TIME_MAX];
	size_t i;

	if (!held)
		held = json_object_get(line, "ordered");

	print_blocked(held);
	(void)arg;
	json_array_foreach (rows, i, row)
		print_row(row);
	if (json_array_size(rows) == 0 && !held)
		printf("nothing was decided about %s since %s UTC, or it is forgotten; postern explain says "
		       "what "
		       "would be\n",
		        live_text(line, "address"), live_time(line, "since", since));
}

int why_run(int argc, char **argv)
{
	struct addr address;
	struct live live;
	json_t *request;

	if (!live_options(&live, argc, argv, NULL, 1))
		return COMMAND_USAGE;
	if (live.argc != 1 || addr_parse(live.argv[0], &address) < 0) {
		fprintf(stderr, "%s: takes one address, like 192.0.2.1 or 2001:db8::1\n", live.name);
		return COMMAND_USAGE;
	}
	request = protocol_new("why");
	(void)json_object_set_new(request, "address", json_string(live.argv[0]));
	return live_ask(&live, request, print_why, NULL);
}
