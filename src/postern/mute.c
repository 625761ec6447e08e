/* mute.c - `postern ack`, `mute`, `unmute` and `mutes`: what people know of and want to hear no more. */
#include <stdio.h>
#include <string.h>

#include "postern/live.h"

/* ---- ack ---------------------------------------------------------------------------------------- */

static void print_ack(void *arg, const json_t *line)
{
	(void)arg;
	printf("%lld acknowledged: told again when another rule joins, or it becomes worse\n",
	        live_number(line, "count"));
}

/* NULL: said. */
static json_t *read_ids(const struct live *live)
{
	json_t *ids = json_array();

	for (int i = 0; i < live->argc; i++) {
		long long id = live_read_number(live->argv[i]);

		if (id < 0) {
			fprintf(stderr,
			        "%s: \"%s\" is no number of an incident, as postern incidents shows it\n",
			        live->name, live->argv[i]);
			json_decref(ids);
			return NULL;
		}
		(void)json_array_append_new(ids, json_integer(id));
	}
	if (live->argc > 0)
		return ids;
	fprintf(stderr, "%s: takes the numbers of incidents, as postern incidents shows them\n", live->name);
	json_decref(ids);
	return NULL;
}

int ack_run(int argc, char **argv)
{
	const char *reason = NULL;
	const struct live_option more[] = { { "reason", &reason }, { NULL, NULL } };
	json_t *request, *ids;
	struct live live;

	if (!live_options(&live, argc, argv, more, argc))
		return COMMAND_USAGE;
	ids = read_ids(&live);
	if (!ids)
		return COMMAND_USAGE;
	request = protocol_new("ack");
	(void)json_object_set_new(request, "ids", ids);
	live_set_text(request, "reason", reason);
	live.acts = true;
	return live_ask(&live, request, print_ack, NULL);
}

/* ---- mute --------------------------------------------------------------------------------------- */

static void print_mute(void *arg, const json_t *line)
{
	char span[LIVE_SPAN_MAX];

	(void)arg;
	printf("%s%s%s is muted for %s: counted, and not told\n", live_text(line, "address"),
	        *live_text(line, "rule") ? " for " : "", live_text(line, "rule"),
	        live_span(live_number(line, "seconds"), span));
	if (json_is_true(json_object_get(line, "wide")))
		puts("THIS IS NEARLY EVERYBODY: an attack will not be told; postern status says so until it "
		     "ends");
}

int mute_run(int argc, char **argv)
{
	const char *reason = NULL, *time = NULL, *rule = NULL;
	const struct live_option more[] = { { "reason", &reason }, { "for", &time }, { "rule", &rule },
		{ NULL, NULL } };
	long long seconds = 0;
	struct prefix prefix;
	struct live live;
	json_t *request;

	if (!live_options(&live, argc, argv, more, 1) || !live_has_prefix(&live, &prefix))
		return COMMAND_USAGE;
	if (time && (seconds = live_read_span(time)) <= 0) {
		fprintf(stderr,
		        "%s: --for takes a time, as in 30m, 1h or 7d; without it a mute lasts an hour\n",
		        live.name);
		return COMMAND_USAGE;
	}
	request = protocol_new("mute");
	live_set_text(request, "address", live.argv[0]);
	live_set_text(request, "rule", rule);
	live_set_text(request, "reason", reason);
	if (time)
		(void)json_object_set_new(request, "seconds", json_integer(seconds));
	live.acts = true;
	return live_ask(&live, request, print_mute, NULL);
}

static void print_unmute(void *arg, const json_t *line)
{
	(void)arg;
	printf("%s%s%s is not muted any more\n", live_text(line, "address"),
	        *live_text(line, "rule") ? " for " : "", live_text(line, "rule"));
}

int unmute_run(int argc, char **argv)
{
	const char *rule = NULL;
	const struct live_option more[] = { { "rule", &rule }, { NULL, NULL } };
	struct prefix prefix;
	struct live live;
	json_t *request;

	if (!live_options(&live, argc, argv, more, 1) || !live_has_prefix(&live, &prefix))
		return COMMAND_USAGE;
	request = protocol_new("unmute");
	live_set_text(request, "address", live.argv[0]);
	live_set_text(request, "rule", rule);
	live.acts = true;
	return live_ask(&live, request, print_unmute, NULL);
}

static void print_mutes(void *arg, const json_t *line)
{
	char since[LIVE_TIME_MAX], span[LIVE_SPAN_MAX];
	const json_t *row;
	size_t i;

	(void)arg;
	json_array_foreach (json_object_get(line, "rows"), i, row)
		printf("%-24s %-20s by uid %lld since %s UTC, another %s%s%s\n", live_text(row, "address"),
		        *live_text(row, "rule") ? live_text(row, "rule") : "every rule",
		        live_number(row, "uid"), live_time(row, "since", since),
		        live_span(live_number(row, "left_s"), span), *live_text(row, "reason") ? ": " : "",
		        live_text(row, "reason"));
	if (!json_object_get(line, "more") && live_number(line, "count") == 0)
		puts("nobody is muted");
}

int mutes_run(int argc, char **argv)
{
	struct live live;

	if (!live_options(&live, argc, argv, NULL, 0))
		return COMMAND_USAGE;
	return live_ask(&live, protocol_new("mutes"), print_mutes, NULL);
}
