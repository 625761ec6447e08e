/* top.c - `postern top`: the busiest sources on the whole terminal, asked again every two seconds.
 *
 * Only this file knows ncurses. Without a terminal there is nothing to draw on, which is said; `postern sources` prints
 * the same once, and --json gives it as it comes.
 */
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "postern/live.h"
#include "postern/source_line.h"

enum { REFRESH_TENTHS = 20, LINES_OF_HEAD = 3, TOP_MAX = 1024, ROWS_JSON = 20 };

/* Keys that sort. */
static const struct {
	int key;
	const char *sort;
} keys[] = { { 'r', "accepted" }, { 'f', "refused" }, { 'm', "messages" }, { 'c', "connections" },
	{ 'b', "bytes" }, { 'h', "destinations" }, { 'l', "last" } };

struct screen {
	const char *sort, *prefix;
	int row;
	unsigned left_out; /* of the columns, for want of room */
};

static void draw_sources(void *arg, const json_t *line)
{
	struct screen *s = arg;
	char text[SOURCE_LINE_MAX];
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(line, "rows"), i, row)
		if (s->row < LINES)
			mvaddnstr(s->row++, 0, source_line_print(row, s->left_out, text), COLS);
	if (json_object_get(line, "more"))
		return;
	mvprintw(0, 0, "sources: %lld, by %s", live_number(line, "sources"), s->sort);
	if (live_number(line, "forgotten") > 0)
		printw("; %lld forgotten", live_number(line, "forgotten"));
}

static json_t *request_of(const struct screen *s, int rows)
{
	json_t *request = protocol_new("sources");

	(void)json_object_set_new(request, "top", json_integer(rows < TOP_MAX ? rows : TOP_MAX));
	(void)json_object_set_new(request, "sort", json_string(s->sort));
	if (s->prefix)
		(void)json_object_set_new(request, "prefix", json_string(s->prefix));
	return request;
}

static int draw(struct live *live, struct screen *s)
{
	char text[SOURCE_LINE_MAX];
	int rows = LINES > LINES_OF_HEAD ? LINES - LINES_OF_HEAD : 1, status;

	s->left_out = source_line_left_out((unsigned)COLS);
	erase();
	mvaddnstr(1, 0, "sort (r)ecipients re(f)used (m)essages (c)onnects (b)ytes (h)osts (l)ast (q)uit",
	        COLS);
	attron(A_REVERSE);
	mvaddnstr(2, 0, source_line_heading(s->left_out, text), COLS);
	attroff(A_REVERSE);
	s->row = LINES_OF_HEAD;
	status = live_ask(live, request_of(s, rows), draw_sources, s);
	refresh();
	return status;
}

/* Until somebody ends it, or posternd does not answer. */
static int run(struct live *live, struct screen *s)
{
	int status, key = ERR;

	do {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (key == keys[i].key)
				s->sort = keys[i].sort;
		status = draw(live, s);
		key = status == COMMAND_FINE ? getch() : 'q';
	} while (key != 'q');
	return status;
}

int top_run(int argc, char **argv)
{
	const char *sort = NULL;
	const struct live_option more[] = { { "sort", &sort, NULL }, { NULL } };
	struct screen screen = { .sort = "accepted" };
	struct prefix prefix;
	char list[SOURCE_LINE_MAX];
	struct live live;
	int status;

	if (!live_options(&live, argc, argv, more, 1))
		return COMMAND_USAGE;
	if (sort && !(screen.sort = source_line_sort(sort))) {
		fprintf(stderr, "%s: sources can be sorted by %s\n", live.name, source_line_sorts(list));
		return COMMAND_USAGE;
	}
	if (live.argc > 0 && !live_has_prefix(&live, &prefix))
		return COMMAND_USAGE;
	screen.prefix = live.argc > 0 ? live.argv[0] : NULL;
	if (live.json)
		return live_ask(&live, request_of(&screen, ROWS_JSON), draw_sources, NULL);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !getenv("TERM")) {
		fprintf(stderr, "%s: there is no terminal to draw on; postern sources prints the same once\n",
		        live.name);
		return COMMAND_USAGE;
	}
	live.silent = true;
	initscr();
	cbreak();
	noecho();
	curs_set(0);
	typeahead(-1); /* keys do not hold up what is drawn */
	halfdelay(REFRESH_TENTHS);
	status = run(&live, &screen);
	endwin();
	if (status == COMMAND_UNREACHABLE)
		live_tell_unreachable(&live);
	return status;
}
