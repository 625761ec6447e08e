/* forget.c - `postern forget`: what is kept about a source or a mailbox goes; what stays is told.
 *
 * Where posternd runs it does that, in its memory and its store. Where it does not, nothing is in memory, and the store is
 * opened here, under the lock that keeps a second posternd out: one that is started meanwhile waits for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "postern/live.h"
#include "posternd/forgotten.h"
#include "report/field.h"
#include "report/store.h"

/* ---- what is told ------------------------------------------------------------------------------- */

static const struct {
	const char *word, *text;
} kinds[FORGOTTEN_KIND_COUNT] = {
#define X(name, word, text) { word, text },
	FORGOTTEN_KINDS(X)
#undef X
};

static void print_count(const json_t *of, const char *word)
{
	if (of)
		printf(" %9lld", live_number(of, word));
	else
		printf(" %9s", "-");
}

static void print_counts(const json_t *line)
{
	const json_t *memory = json_object_get(line, "memory"), *store = json_object_get(line, "store");
	bool any = false;

	for (unsigned i = 0; i < FORGOTTEN_KIND_COUNT; i++) {
		if (live_number(memory, kinds[i].word) + live_number(store, kinds[i].word) == 0)
			continue;
		if (!any)
			printf("%-58s %9s %9s\n", "", "memory", "store");
		any = true;
		printf("  %-56s", kinds[i].text);
		print_count(memory, kinds[i].word);
		print_count(store, kinds[i].word);
		putchar('\n');
	}
	if (!any)
		puts("  nothing is known about it");
}

static void print_blocks(const json_t *left)
{
	const json_t *row, *rows = json_object_get(left, "blocks");
	size_t i;

	json_array_foreach (rows, i, row)
		printf("  in force: %s, %s by %s; postern unblock %s ends that, then forget again\n",
		        live_text(row, "address"), live_text(row, "action"), live_text(row, "by"),
		        live_text(row, "address"));
	if ((long long)json_array_size(rows) < live_number(left, "in_force"))
		printf("  in force: %lld blocks, or DNS lists that it is on (postern blocks, postern why)\n",
		        live_number(left, "in_force"));
}

static void print_files(const json_t *left)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(left, "set_aside"), i, row)
		printf("  %s: a damaged store that was set aside; remove it when nobody needs it\n",
		        json_string_value(row));
	json_array_foreach (json_object_get(left, "logs"), i, row)
		printf("  %s: what was written stays there%s\n", json_string_value(row),
		        strcmp(json_string_value(row), "syslog") == 0 ? "" : ", and in what was rotated");
}

static void print_left(const json_t *line)
{
	const json_t *left = json_object_get(line, "left");
	const bool look = json_is_true(json_object_get(line, "dry_run"));

	puts("stays:");
	print_blocks(left);
	if (live_number(left, "wider_sources") > 0)
		puts("  counts of a wider source, of which it is one of many (postern sources)");
	if (live_number(left, "as_server") > 0)
		printf("  %lld incidents and rows of other sources, whose server it is\n",
		        live_number(left, "as_server"));
	if (json_is_false(json_object_get(line, "store_clean")) && !look)
		puts("  free space in the store's file: somebody reads in it, or the disk is full; tried "
		     "again");
	print_files(left);
	if (!look)
		puts("  an act that says how much was forgotten, not of whom");
}

static void print_forget(void *arg, const json_t *line)
{
	(void)arg;
	if (!json_object_get(line, "left")) /* it was not even asked */
		return;
	printf("%s %s\n", live_text(line, "address"),
	        json_is_true(json_object_get(line, "dry_run")) ? "would be forgotten:" : "is forgotten:");
	print_counts(line);
	print_left(line);
}

/* ---- without posternd --------------------------------------------------------------------------- */

static int wait_for(struct store *s, struct forgotten *out, bool *is_clean)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };
	int r;

	while ((r = store_fetch_forgotten(s, out, is_clean)) == -EAGAIN)
		nanosleep(&pause, NULL);
	return r;
}

static void keep_act(struct store *s, const struct mention *who, const struct forgotten *forgotten)
{
	struct finding act = {
		.id = FINDING_AUDIT, .time_us = clock_now_us(), .alone = 1, .evidence_count = 1
	};
	struct event_text *line = &act.evidence[0];
	char counts[FORGOTTEN_TEXT_MAX], text[FORGOTTEN_TEXT_MAX + 128];
	int len = snprintf(text, sizeof(text),
	        "%s was forgotten by uid %u, in the store of a posternd that does not run: %s",
	        who->is_mailbox ? "a mailbox" : "an address", (unsigned)getuid(),
	        forgotten_print(NULL, forgotten, counts));

	line->cut = len > (int)sizeof(line->bytes);
	line->len = (uint16_t)(line->cut ? (int)sizeof(line->bytes) : len);
	memcpy(line->bytes, text, line->len);
	store_act(s, &act);
}

static json_t *describe(const struct conf *conf, const struct mention *who, const char *name,
        const struct forgotten *forgotten, bool is_clean)
{
	json_t *line = protocol_new("forget");
	char text[PREFIX_TEXT_MAX];

	field_set_text(line, "address", who->is_mailbox ? name : prefix_print(&who->prefix, text));
	field_set_text(line, "kind", who->is_mailbox ? "mailbox" : "address");
	field_set(line, "dry_run", json_boolean(forgotten->look));
	field_set(line, "store", forgotten_json(forgotten));
	field_set(line, "store_clean", json_boolean(is_clean));
	field_set(line, "left", forgotten_left(conf, forgotten, forgotten->as_server));
	return line;
}

static int forget_in(struct store *s, const struct live *live, const struct conf *conf,
        const struct mention *who, bool look)
{
	struct store_status status;
	struct forgotten forgotten;
	bool is_clean = false;
	json_t *line;

	store_read_status(s, &status);
	if (!status.works || store_start(s, NULL, NULL) || !store_forget(s, who, look) ||
	        wait_for(s, &forgotten, &is_clean)) {
		fprintf(stderr, "%s: nothing was forgotten: %s\n", live->name,
		        *status.words ? status.words : "the store does not work");
		return COMMAND_INVALID;
	}
	if (!look)
		keep_act(s, who, &forgotten);
	line = describe(conf, who, live->argv[0], &forgotten, is_clean);
	if (live->json)
		json_dumpf(line, stdout, JSON_COMPACT);
	else
		print_forget(NULL, line);
	if (live->json)
		putchar('\n');
	json_decref(line);
	return COMMAND_FINE;
}

/* error: why the store's file cannot be used, of a configuration that names one. */
static int tell_no_store(const struct live *live, const struct conf *conf, int error)
{
	fprintf(stderr, "%s: posternd does not answer at %s, and ", live->name, live->path);
	if (!conf)
		fputs("there is no store: the configuration cannot be read (-c FILE)\n", stderr);
	else if (!*conf->store.path || error == ENOENT)
		fputs("there is no store: nothing is kept\n", stderr);
	else
		fprintf(stderr, "the store %s cannot be used: %s%s\n", conf->store.path, strerror(error),
		        error == EACCES ? "; run as root, or as the user that posternd has" : "");
	return COMMAND_UNREACHABLE;
}

static int forget_offline(const struct live *live, bool look)
{
	const char *path = live->conf ? live->conf : CONF_DEFAULT_PATH;
	struct store_settings settings = { .calm_s = UINT32_MAX }; /* nothing else is taken out */
	struct conf *conf = NULL;
	struct mention who;
	struct store *s;
	int status = COMMAND_INVALID;

	if (conf_load(path, NULL, &conf, NULL, NULL, NULL) || !*conf->store.path ||
	        access(conf->store.path, R_OK | W_OK) != 0) {
		status = tell_no_store(live, conf, errno);
		conf_free(conf);
		return status;
	}
	settings.path = conf->store.path;
	settings.keep_s = conf->store.keep_s;
	settings.envelope_s = conf->store.envelope_s;
	(void)forgotten_whom(conf, live->argv[0], &who);
	s = store_open(&settings);
	if (s)
		status = forget_in(s, live, conf, &who, look);
	else
		fprintf(stderr, "%s: %s\n", live->name, strerror(errno));
	store_close(s);
	conf_free(conf);
	return status;
}

/* ---- the command -------------------------------------------------------------------------------- */

int forget_run(int argc, char **argv)
{
	bool look = false;
	const struct live_option more[] = { { .name = "dry-run", .flag = &look }, { .name = NULL } };
	struct mention who;
	struct live live;
	json_t *request;
	int r;

	if (!live_options(&live, argc, argv, more, 1))
		return COMMAND_USAGE;
	if (live.argc == 0) {
		fprintf(stderr, "%s: takes an address, like 192.0.2.1, or a mailbox, like john@example.org\n",
		        live.name);
		return COMMAND_USAGE;
	}
	r = mention_parse(live.argv[0], &who);
	if (r) {
		fprintf(stderr, "%s: \"%s\" %s\n", live.name, live.argv[0], forgotten_fault(r));
		return COMMAND_USAGE;
	}
	request = protocol_new("forget");
	live_set_text(request, "address", live.argv[0]);
	(void)json_object_set_new(request, "dry_run", json_boolean(look));
	live.silent = true;
	live.acts = !look;
	live.wait_s = LIVE_WAIT_STORE_S;
	live.print_error = print_forget;
	r = live_ask(&live, request, print_forget, NULL);
	if (r != COMMAND_UNREACHABLE)
		return r;
	if (live_is_alone(&live))
		return forget_offline(&live, look);
	live_tell_unreachable(&live);
	return r;
}
