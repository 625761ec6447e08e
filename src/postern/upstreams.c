/* upstreams.c - `postern upstreams`: the addresses that the DNS gives for upstreams, and which of them count. */
#include <stdio.h>

#include "postern/live.h"

static void print_row(const json_t *row)
{
	char since[LIVE_TIME_MAX];

	printf("%s, %s %s: ", live_text(row, "upstream"), live_text(row, "source"), live_text(row, "name"));
	if (json_object_get(row, "address"))
		printf("%s (%s), %s, %s, TTL %lld s, since %s UTC", live_text(row, "address"),
		        live_text(row, "host"), live_text(row, "state"), live_text(row, "validation"),
		        live_number(row, "ttl_s"), live_time(row, "since", since));
	else
		printf("%s: its rules are NOT ENFORCED", live_text(row, "state"));
	printf("%s%s\n", json_object_get(row, "words") ? "; " : "",
	        json_object_get(row, "words") ? live_text(row, "words") : "");
}

static void print_upstreams(void *arg, const json_t *line)
{
	unsigned *shown = arg;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(line, "rows"), i, row) {
		print_row(row);
		++*shown;
	}
	if (!json_object_get(line, "more") && *shown == 0)
		puts("no upstream is followed through the DNS: none has mx-of, spf-of or hosts");
}

int upstreams_run(int argc, char **argv)
{
	unsigned shown = 0;
	struct live live;

	if (!live_options(&live, argc, argv, NULL, 0))
		return COMMAND_USAGE;
	return live_ask(&live, protocol_new("upstreams"), print_upstreams, &shown);
}
