/* incidents.c - `postern incidents`: the stories that are open now. */
#include <stdio.h>

#include "postern/live.h"

static void print_row(const json_t *row)
{
	char first[LIVE_TIME_MAX], last[LIVE_TIME_MAX];

	printf("%lld %-20s %s -> %s: %lld since %s, last %s UTC%s: %s\n", live_number(row, "severity"),
	        live_text(row, "rule"), *live_text(row, "source") ? live_text(row, "source") : "many",
	        *live_text(row, "server") ? live_text(row, "server") : "the gate", live_number(row, "count"),
	        live_time(row, "first_seen", first), live_time(row, "last_seen", last),
	        json_is_true(json_object_get(row, "blocked")) ? ", blocked" : "", live_text(row, "evidence"));
}

static void print_incidents(void *arg, const json_t *line)
{
	unsigned *shown = arg;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(line, "rows"), i, row) {
		print_row(row);
		++*shown;
	}
	if (!json_object_get(line, "more") && *shown == 0)
		puts("no incident is open");
}

int incidents_run(int argc, char **argv)
{
	unsigned shown = 0;
	struct live live;

	if (!live_options(&live, argc, argv, NULL, 0))
		return COMMAND_USAGE;
	return live_ask(&live, protocol_new("incidents"), print_incidents, &shown);
}
