/* answer_sources.c - `sources`: rows of the ledger; all of them, or the top ones by some count.
 *
 * The request may have "prefix" (rows within it, or that hold it), "top" (so many at most, 1..SOURCES_TOP_MAX) and "sort"
 * (one of the counts, or "last"). The top ones are looked for in slices of the ledger; each slice gives a line, so that the
 * main thread never has more to do at a time than that.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "posternd/answers.h"
#include "posternd/daemon.h"
#include "posternd/protocol.h"
#include "report/field.h"
#include "watch/sources.h"

enum { SLICE = 32768, SOURCES_TOP_MAX = 1024, SORT_LAST = SOURCE_COUNT_COUNT, EXIT_INVALID = 1 };

static const char *const count_names[] = { SOURCE_COUNT_NAMES, "last" };
static const char *const direction_names[] = { EVENT_DIRECTION_NAMES };

static_assert(
        sizeof(count_names) / sizeof(count_names[0]) == SOURCE_COUNT_COUNT + 1, "a name for each count");

/* The request, read, and what was found for it so far. */
struct wanted {
	struct prefix prefix; /* bits 0 = any */
	unsigned sort;        /* enum source_count, or SORT_LAST */
	unsigned top;         /* 0 = all rows, as they come */
	unsigned count, told;
	uint32_t cursor;
	struct source best[]; /* `top` of them at most, the greatest first */
};

static unsigned read_sort(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "sort"));

	for (unsigned i = 0; name && i <= SORT_LAST; i++)
		if (strcmp(name, count_names[i]) == 0)
			return i;
	return SOURCE_ACCEPTED;
}

static struct wanted *read_request(const json_t *request)
{
	json_int_t top = json_integer_value(json_object_get(request, "top"));
	const char *prefix = json_string_value(json_object_get(request, "prefix"));
	struct wanted *w;

	if (top < 0 || top > SOURCES_TOP_MAX)
		top = SOURCES_TOP_MAX;
	w = calloc(1, sizeof(*w) + (size_t)top * sizeof(w->best[0]));
	if (!w)
		return NULL;
	w->top = (unsigned)top;
	w->sort = read_sort(request);
	if (prefix && prefix_parse(prefix, &w->prefix))
		w->prefix.bits = 0;
	return w;
}

static bool is_wanted(const struct wanted *w, const struct source *s)
{
	return w->prefix.bits == 0 || prefix_overlaps(&w->prefix, &s->prefix);
}

static uint64_t rank_of(const struct wanted *w, const struct source *s)
{
	return w->sort == SORT_LAST ? s->last_us : s->n[w->sort];
}

/* Into its place among the best, if it has one. */
static void rank(struct wanted *w, const struct source *s)
{
	unsigned at = w->count;

	if (w->count == w->top && rank_of(w, s) <= rank_of(w, &w->best[w->top - 1]))
		return;
	if (w->count < w->top)
		w->count++;
	else
		at--;
	for (; at > 0 && rank_of(w, &w->best[at - 1]) < rank_of(w, s); at--)
		w->best[at] = w->best[at - 1];
	w->best[at] = *s;
}

static json_t *make_row(const struct source *s)
{
	char text[PREFIX_TEXT_MAX];
	json_t *row = json_object();

	field_set_text(row, "source", prefix_print(&s->prefix, text));
	field_set_text(row, "direction",
	        s->direction < DIRECTION_COUNT ? direction_names[s->direction] : direction_names[0]);
	field_set_time(row, "first_seen", s->first_us);
	field_set_time(row, "last_seen", s->last_us);
	for (unsigned i = 0; i < SOURCE_COUNT_COUNT; i++)
		field_set_uint(row, count_names[i], s->n[i]);
	return row;
}

/* True: there is more to look at. */
static bool look(struct wanted *w, struct sources *sources)
{
	const struct source *s = NULL;

	for (unsigned n = 0; n < SLICE && (s = sources_scan(sources, &w->cursor)); n++)
		if (is_wanted(w, s))
			rank(w, s);
	return s;
}

/* True: there is more to tell. */
static bool tell_best(struct wanted *w, json_t *rows)
{
	for (unsigned n = 0; n < ANSWER_ROWS && w->told < w->count; n++)
		(void)json_array_append_new(rows, make_row(&w->best[w->told++]));
	return w->told < w->count;
}

static bool tell_all(struct wanted *w, struct sources *sources, json_t *rows)
{
	const struct source *s = NULL;
	unsigned looked = 0, n = 0;

	while (n < ANSWER_ROWS && looked++ < SLICE && (s = sources_scan(sources, &w->cursor)))
		if (is_wanted(w, s)) {
			(void)json_array_append_new(rows, make_row(s));
			n++;
		}
	return s;
}

enum answer_state answer_sources(struct ask *ask, json_t *line)
{
	struct sources *sources = watch_sources(desk_own_watch(ask->daemon->desk));
	json_t *rows = json_array();
	struct wanted *w = ask->own;
	bool more;

	if (!w) {
		ask->own = w = read_request(ask->request);
		ask->free_own = free;
	}
	field_set(line, "rows", rows);
	if (!w) {
		protocol_set_error(line, EXIT_INVALID, "not enough memory");
		return ANSWER_DONE;
	}
	if (w->top == 0)
		more = tell_all(w, sources, rows);
	else if (!ask->begun)
		more = look(w, sources) || (ask->begun = true);
	else
		more = tell_best(w, rows);
	if (more)
		return ANSWER_MORE;
	field_set_uint(line, "sources", sources_count(sources));
	field_set_uint(line, "forgotten", sources_evicted(sources));
	return ANSWER_DONE;
}
