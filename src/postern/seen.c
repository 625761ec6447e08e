/* seen.c - `postern seen`: who delivered to each server, in or out of the allow sets, since when. */
#include <stdio.h>

#include "postern/live.h"

static void print_row(const json_t *row)
{
	bool in = json_is_true(json_object_get(row, "in"));
	char first[LIVE_TIME_MAX], last[LIVE_TIME_MAX];

	printf("%-4s %-24s -> %-24s %s%s: %lld connections, %lld mails, %lld under TLS, %lld tries outside; "
	       "since %s, last %s UTC%s\n",
	        in ? "in" : "OUT", live_text(row, "client"), live_text(row, "server"),
	        in ? "by rule " : live_text(row, "does"), in ? live_text(row, "rule") : "",
	        live_number(row, "connections"), live_number(row, "mails"), live_number(row, "tls"),
	        live_number(row, "refused"), live_time(row, "first_seen", first),
	        live_time(row, "last_seen", last),
	        json_is_true(json_object_get(row, "verified")) ? "" : " (may be forged: it never talked)");
}

static void print_seen(void *arg, const json_t *line)
{
	unsigned *shown = arg;
	char since[LIVE_TIME_MAX];
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(line, "rows"), i, row) {
		print_row(row);
		++*shown;
	}
	if (json_object_get(line, "more"))
		return;
	if (*shown == 0)
		printf("nobody has delivered to a server of ours since %s UTC\n",
		        live_time(line, "since", since));
	if (live_number(line, "forgotten") > 0)
		printf("%lld more were forgotten: the table is full\n", live_number(line, "forgotten"));
}

int seen_run(int argc, char **argv)
{
	unsigned shown = 0;
	struct live live;

	if (!live_options(&live, argc, argv, NULL, 0))
		return COMMAND_USAGE;
	return live_ask(&live, protocol_new("seen"), print_seen, &shown);
}
