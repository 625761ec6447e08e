/* bypass.c - `postern bypass TIME [--reason TEXT]` and `postern bypass off`. */
#include <stdio.h>
#include <string.h>

#include "postern/live.h"
#include "posternd/bypass.h"

static void print_bypass(void *arg, const json_t *line)
{
	char span[LIVE_SPAN_MAX];

	(void)arg;
	if (live_number(line, "left_s") > 0)
		printf("BYPASS: everything passes without inspection for %s; postern bypass off ends it\n",
		        live_span(live_number(line, "left_s"), span));
	else
		puts("the bypass has ended: port 25 is guarded again");
}

/* Seconds, 0 for off; -1: neither, said. */
static long long read_time(const struct live *l)
{
	long long seconds = -1;

	if (l->argc == 1 && strcmp(l->argv[0], "off") == 0)
		return 0;
	if (l->argc == 1)
		seconds = live_read_span(l->argv[0]);
	if (seconds >= 1 && seconds <= BYPASS_SECONDS_MAX)
		return seconds;
	fprintf(stderr, "%s: takes a time from 1s to 1d, as in 90s, 30m or 1h, or off\n", l->name);
	return -1;
}

int bypass_run(int argc, char **argv)
{
	const char *reason = "";
	const struct live_option more[] = { { "reason", &reason }, { NULL, NULL } };
	long long seconds;
	struct live live;
	json_t *request;

	if (!live_options(&live, argc, argv, more, 1))
		return COMMAND_USAGE;
	seconds = read_time(&live);
	if (seconds < 0)
		return COMMAND_USAGE;
	request = protocol_new("bypass");
	(void)json_object_set_new(request, "seconds", json_integer(seconds));
	live_set_text(request, "reason", reason);
	live.acts = true;
	return live_ask(&live, request, print_bypass, NULL);
}
