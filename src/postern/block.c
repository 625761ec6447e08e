/* block.c - `postern block`, `postern unblock` and `postern blocks`.
 *
 * What is written wrong is found here, with the line of the file; what must not be blocked posternd finds, and names it
 * by its place in the list. A long list goes in several lines of ADDRESSES_MAX each, and is done when the last is there.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "postern/live.h"

enum { ADDRESSES_MAX = 800, LINE_BYTES = 256 };

struct list {
	struct live *live;
	json_t *parts;     /* requests */
	json_t *addresses; /* of the last one */
	const char *file;
	struct item {          /* where each comes from */
		unsigned line; /* 0 = an argument */
	} * items;
	size_t count, room;
	bool bad;
};

/* ---- what is asked for -------------------------------------------------------------------------- */

static void tell_fault(const struct list *l, unsigned line, const char *text)
{
	if (line > 0)
		fprintf(stderr, "%s:%u: %s\n", l->file, line, text);
	else
		fprintf(stderr, "%s: %s\n", l->live->name, text);
}

static bool keep_item(struct list *l, unsigned line)
{
	size_t room = l->room ? 2 * l->room : 256;
	struct item *bigger;

	if (l->count == l->room) {
		bigger = reallocarray(l->items, room, sizeof(*l->items));
		if (!bigger)
			return false;
		l->items = bigger;
		l->room = room;
	}
	l->items[l->count++].line = line;
	return true;
}

/* Another line of the request. */
static void begin_part(struct list *l)
{
	json_t *part = protocol_new("block");

	l->addresses = json_array();
	(void)json_object_set_new(part, "addresses", l->addresses);
	(void)json_object_set_new(part, "more", json_true());
	(void)json_array_append_new(l->parts, part);
}

static void add_address(struct list *l, const char *text, unsigned line)
{
	char why[LIVE_WHY_MAX] = "not enough memory", right[PREFIX_TEXT_MAX];
	struct prefix p = { 0 };

	if (!live_read_prefix(text, &p, why) || !keep_item(l, line)) {
		tell_fault(l, line, why);
		l->bad = true;
		return;
	}
	if (!l->addresses || json_array_size(l->addresses) == ADDRESSES_MAX)
		begin_part(l);
	(void)json_array_append_new(l->addresses, json_string(prefix_print(&p, right)));
}

/* Without comment and blanks. */
static char *trim(char *line)
{
	char *end;

	line[strcspn(line, "#\r\n")] = '\0';
	while (isspace((unsigned char)*line))
		line++;
	for (end = line + strlen(line); end > line && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	return line;
}

static void read_lines(struct list *l, FILE *from)
{
	char line[LINE_BYTES], *text;
	unsigned number = 0;

	while (fgets(line, sizeof(line), from)) {
		number++;
		if (!strchr(line, '\n') && !feof(from)) {
			tell_fault(l, number, "the line is too long");
			l->bad = true;
			return;
		}
		text = trim(line);
		if (*text)
			add_address(l, text, number);
	}
	if (ferror(from)) {
		tell_fault(l, number + 1, strerror(errno));
		l->bad = true;
	}
}

static void read_file(struct list *l)
{
	bool is_stdin = strcmp(l->file, "-") == 0;
	FILE *from = is_stdin ? stdin : fopen(l->file, "re");

	if (!from) {
		fprintf(stderr, "%s: %s: %s\n", l->live->name, l->file, strerror(errno));
		l->bad = true;
		return;
	}
	if (is_stdin)
		l->file = "standard input";
	read_lines(l, from);
	if (!is_stdin)
		fclose(from);
}

/* ---- what is answered --------------------------------------------------------------------------- */

static void print_faults(void *arg, const json_t *line)
{
	const struct list *l = arg;
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(line, "faults"), i, row) {
		size_t index = (size_t)live_number(row, "index");

		tell_fault(l, index < l->count ? l->items[index].line : 0, live_text(row, "text"));
	}
}

static void print_block(void *arg, const json_t *line)
{
	long long count = live_number(line, "count"), seconds = live_number(line, "seconds");
	char span[LIVE_SPAN_MAX];

	(void)arg;
	printf("%lld %s blocked %s%s\n", count, count == 1 ? "is" : "are", seconds > 0 ? "for " : "for ever",
	        seconds > 0 ? live_span(seconds, span) : "");
	if (strcmp(live_text(line, "mode"), "monitor") == 0)
		puts("(the mode is monitor: Postern itself refuses nothing, but what you block is cut off)");
}

static int ask_to_block(struct list *l, long long seconds, const char *reason)
{
	size_t last = json_array_size(l->parts) - 1;
	json_t *request = json_incref(json_array_get(l->parts, last));

	(void)json_array_remove(l->parts, last);
	(void)json_object_del(request, "more");
	(void)json_object_set_new(request, "seconds", json_integer(seconds));
	live_set_text(request, "reason", reason);
	l->live->parts = l->parts;
	l->live->print_error = print_faults;
	l->live->acts = true;
	return live_ask(l->live, request, print_block, l);
}

/* Seconds, 0 for ever; -1: neither, said. */
static long long read_time(const struct live *live, const char *text)
{
	long long seconds = text ? live_read_span(text) : 0;

	if (!text || seconds > 0)
		return seconds;
	fprintf(stderr,
	        "%s: --for takes a time, as in 90s, 30m, 1h or 7d; without it a block goes on for ever\n",
	        live->name);
	return -1;
}

int block_run(int argc, char **argv)
{
	const char *reason = "", *time = NULL, *file = NULL;
	const struct live_option more[] = { { "reason", &reason, NULL, 0 }, { "for", &time, NULL, 0 },
		{ "file", &file, NULL, 'f' }, { NULL, NULL, NULL, 0 } };
	struct live live;
	struct list l = { .live = &live, .parts = json_array() };
	long long seconds = 0;
	int status = COMMAND_USAGE;

	if (live_options(&live, argc, argv, more, argc) && (seconds = read_time(&live, time)) >= 0) {
		l.file = file;
		for (int i = 0; i < live.argc; i++)
			add_address(&l, live.argv[i], 0);
		if (file)
			read_file(&l);
		status = l.bad ? COMMAND_INVALID : COMMAND_USAGE;
		if (l.bad)
			fprintf(stderr, "%s: nothing was blocked\n", live.name);
		else if (l.count > 0)
			status = ask_to_block(&l, seconds, reason);
		else if (file)
			status = COMMAND_INVALID,
			fprintf(stderr, "%s: %s has no address\n", live.name, l.file);
		else
			fprintf(stderr, "%s: takes addresses or prefixes, or -f FILE\n", live.name);
	}
	json_decref(l.parts);
	free(l.items);
	return status;
}

/* ---- the others --------------------------------------------------------------------------------- */

static void print_unblock(void *arg, const json_t *line)
{
	(void)arg;
	printf("%s is not %s any more\n", live_text(line, "address"), live_text(line, "was"));
	if (*live_text(line, "still"))
		printf("but it lies in %s, which is %s\n", live_text(line, "still"),
		        live_text(line, "still_is"));
}

int unblock_run(int argc, char **argv)
{
	struct live live;
	struct prefix p;
	json_t *request;

	if (!live_options(&live, argc, argv, NULL, 1))
		return COMMAND_USAGE;
	if (!live_has_prefix(&live, &p))
		return COMMAND_USAGE;
	request = protocol_new("unblock");
	(void)json_object_set_new(request, "address", json_string(live.argv[0]));
	live.acts = true;
	return live_ask(&live, request, print_unblock, NULL);
}

/* A block is what most are, and is not said. */
static void print_action(const json_t *row)
{
	const char *action = live_text(row, "action");

	if (strcmp(action, "limit") == 0)
		printf("limited to %lld connections a minute, ", live_number(row, "rate_per_min"));
	else if (strcmp(action, "slow") == 0)
		fputs("slowed, ", stdout);
	else if (strcmp(action, "refuse-session") == 0)
		fputs("refused sessions, ", stdout);
}

static void print_row(const json_t *row)
{
	char since[LIVE_TIME_MAX], span[LIVE_SPAN_MAX];

	printf("%-24s %-16s since %s UTC, ", live_text(row, "address"), live_text(row, "by"),
	        live_time(row, "since", since));
	print_action(row);
	if (json_object_get(row, "until"))
		printf("another %s", live_span(live_number(row, "left_s"), span));
	else
		fputs("for ever", stdout);
	printf("%s%s\n", *live_text(row, "reason") ? ": " : "", live_text(row, "reason"));
}

static void print_blocks(void *arg, const json_t *line)
{
	const json_t *row;
	size_t i;

	(void)arg;
	json_array_foreach (json_object_get(line, "rows"), i, row)
		print_row(row);
	if (!json_object_get(line, "more") && live_number(line, "count") == 0)
		puts("nobody is blocked");
}

int blocks_run(int argc, char **argv)
{
	struct live live;

	if (!live_options(&live, argc, argv, NULL, 0))
		return COMMAND_USAGE;
	return live_ask(&live, protocol_new("blocks"), print_blocks, NULL);
}
