/* sources.c - `postern sources`: what each source has done, the busiest first. On a narrow terminal columns are left out, as in
 * `postern top`; into a file or a pipe all are written.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "postern/live.h"
#include "postern/source_line.h"

enum { TOP_DEFAULT = 20, TOP_MAX = 1024 };

struct table {
	unsigned shown, left_out;
	const char *prefix; /* NULL = all of them */
};

/* Of the terminal that is written to; where it is none, or does not say, there is room for everything. */
static unsigned count_columns(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : UINT_MAX;
}

static void print_none(const struct table *t)
{
	if (t->prefix)
		printf("no source of %s has talked with a server yet, or is remembered\n", t->prefix);
	else
		puts("no source has talked with a server yet");
}

static void print_sources(void *arg, const json_t *line)
{
	struct table *t = arg;
	char text[SOURCE_LINE_MAX];
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(line, "rows"), i, row) {
		if (t->shown++ == 0)
			puts(source_line_heading(t->left_out, text));
		puts(source_line_print(row, t->left_out, text));
	}
	if (json_object_get(line, "more"))
		return;
	if (t->shown == 0)
		print_none(t);
	else if ((long long)t->shown < live_number(line, "sources"))
		printf("%u of %lld sources\n", t->shown, live_number(line, "sources"));
	if (live_number(line, "forgotten") > 0)
		printf("%lld more were forgotten, those that did least and longest ago: the table is full\n",
		        live_number(line, "forgotten"));
}

/* "all" = 0, "20"; -1: neither. */
static long read_top(const char *text)
{
	char *end;
	long top = strtol(text, &end, 10);

	if (strcmp(text, "all") == 0)
		return 0;
	return end != text && *end == '\0' && top > 0 && top <= TOP_MAX ? top : -1;
}

int sources_run(int argc, char **argv)
{
	const char *sort = NULL, *top = NULL;
	const struct live_option more[] = { { "sort", &sort, NULL }, { "top", &top, NULL }, { NULL } };
	long most = TOP_DEFAULT;
	struct table table = { .left_out = source_line_left_out(count_columns()) };
	struct prefix prefix;
	char list[SOURCE_LINE_MAX];
	struct live live;
	json_t *request;

	if (!live_options(&live, argc, argv, more, 1))
		return COMMAND_USAGE;
	if (sort && !source_line_sort(sort)) {
		fprintf(stderr, "%s: sources can be sorted by %s\n", live.name, source_line_sorts(list));
		return COMMAND_USAGE;
	}
	if (top && (most = read_top(top)) < 0) {
		fprintf(stderr, "%s: --top takes a number up to %d, or all (in no order)\n", live.name,
		        TOP_MAX);
		return COMMAND_USAGE;
	}
	if (live.argc > 0 && !live_has_prefix(&live, &prefix))
		return COMMAND_USAGE;
	request = protocol_new("sources");
	(void)json_object_set_new(request, "top", json_integer(most));
	(void)json_object_set_new(request, "sort", json_string(source_line_sort(sort ? sort : "recipients")));
	if (live.argc > 0) {
		table.prefix = live.argv[0];
		(void)json_object_set_new(request, "prefix", json_string(table.prefix));
	}
	return live_ask(&live, request, print_sources, &table);
}
