/* intake.c - see intake.h.
 *
 * Lines read before are known by a hash of 64 bits, in a table where a new one takes the place of an old one of the same
 * slot: of two copies that are a million lines apart, 11 in 100 are not seen for what they are. Two lines that differ are
 * taken for one another once in 2^64 pairs.
 *
 * What the budget of records has left out is summed, and told by source for the MISSING_SHOWN that lack most; sources beyond
 * MISSING_MAX are in the sum alone.
 */
#include "postern/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/table.h"
#include "postern/lines.h"
#include "postern/plural.h"
#include "report/budget.h"
#include "report/field.h"
#include "report/recorded.h"

enum {
	ERR_BYTES = 512,
	BAD_TOLD = 5,
	PROGRESS_LINES = 4096,
	SEEN_SLOTS = 1 << 23, /* 64 MiB */
	MISSING_MAX = 4096,
	MISSING_SHOWN = 5
};

static const uint8_t hash_key[HASH_KEY_BYTES] = { 0 };

/* A source of which the budget has left out records; prefix of no bits: all of them. */
struct missing {
	struct prefix source;
	struct budget_sums sums;
};

struct intake {
	struct recorded_book *book;
	intake_take *take;
	void *arg;
	uint64_t *seen; /* hashes of lines; 0 = none */
	struct table *missing;
	struct budget_sums missing_sums;
	struct intake_counts counts;
	uint64_t told_ns;
	bool told_progress;
};

struct intake *intake_new(uint32_t connections, intake_take *take, void *arg)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->take = take;
	in->arg = arg;
	in->book = recorded_book_new(connections, hash_key);
	in->seen = calloc(SEEN_SLOTS, sizeof(*in->seen));
	in->missing = table_new(MISSING_MAX, sizeof(struct prefix), sizeof(struct missing), hash_key);
	if (in->book && in->seen && in->missing)
		return in;
	intake_free(in);
	errno = ENOMEM;
	return NULL;
}

void intake_free(struct intake *in)
{
	if (!in)
		return;
	recorded_book_free(in->book);
	table_free(in->missing);
	free(in->seen);
	free(in);
}

struct intake_counts intake_counts(const struct intake *in)
{
	return in->counts;
}

/* ---- lines --------------------------------------------------------------------------------------- */

static void say_bad(struct intake *in, const char *path, uint64_t number, const char *why)
{
	if (++in->counts.bad <= BAD_TOLD)
		fprintf(stderr, "%s%s:%" PRIu64 ": %s\n", in->told_progress ? "\n" : "",
		        strcmp(path, "-") == 0 ? "standard input" : path, number, why);
	else if (in->counts.bad == BAD_TOLD + 1)
		fprintf(stderr, "further bad lines are counted only\n");
	in->told_progress = false;
}

/* On a terminal, twice a second. */
static void show_progress(struct intake *in, struct lines *l, const char *path, uint64_t at_us)
{
	static const uint64_t pause_ns = 500000000;
	uint64_t now_ns = clock_monotonic_ns();
	int percent = lines_progress(l);
	char stamp[CLOCK_TEXT_MAX] = "", share[24] = "";

	if (!isatty(STDERR_FILENO) || now_ns - in->told_ns < pause_ns)
		return;
	in->told_ns = now_ns;
	in->told_progress = true;
	if (at_us > 0)
		clock_print(at_us, stamp);
	if (percent >= 0)
		snprintf(share, sizeof(share), "%3d %%, ", percent);
	fprintf(stderr, "\r%s: %s%" PRIu64 " records, %.16s ", path, share, in->counts.records, stamp);
}

static bool is_repeated(struct intake *in, const struct line *line)
{
	uint64_t hash = hash_bytes(hash_key, line->bytes, line->len) | 1;
	uint64_t *slot = &in->seen[(hash >> 1) % SEEN_SLOTS];
	bool before = *slot == hash;

	*slot = hash;
	return before;
}

static void add_missing(struct budget_sums *to, const struct budget_sums *more)
{
	for (unsigned i = 0; i < BUDGET_SUM_COUNT; i++)
		to->n[i] += more->n[i];
}

static void take_left_out(struct intake *in)
{
	const struct budget_notice *n = recorded_left_out(in->book);
	struct missing *m = table_find(in->missing, &n->source);

	add_missing(&in->missing_sums, &n->sums);
	if (!m && table_count(in->missing) < MISSING_MAX)
		m = table_take(in->missing, &n->source, n->to_us, NULL);
	if (!m)
		return;
	m->source = n->source;
	add_missing(&m->sums, &n->sums);
}

/* The last line of a file may not be all there: somebody writes to it, or it is a part of one. */
static const char *why_bad(const struct line *line, const char *why)
{
	if (line->too_long)
		return "it is too long";
	return line->is_whole ? why : "the file ends in the middle of this line";
}

static void take_line(struct intake *in, const char *path, const struct line *line)
{
	struct recorded *record;
	const char *why = "";

	if (line->len == 0 && !line->too_long)
		return;
	if (!line->too_long && is_repeated(in, line)) {
		in->counts.repeated++;
		return;
	}
	switch (line->too_long ? RECORDED_BAD
	                       : recorded_read(in->book, line->bytes, line->len, &record, &why)) {
	case RECORDED_OK:
		in->counts.records++;
		in->take(in->arg, record);
		break;
	case RECORDED_LEFT_OUT:
		take_left_out(in);
		break;
	case RECORDED_OTHER:
		in->counts.others++;
		break;
	case RECORDED_FOREIGN:
		in->counts.foreign++;
		break;
	case RECORDED_BAD:
		say_bad(in, path, line->number, why_bad(line, why));
		break;
	}
}

void intake_file(struct intake *in, const char *path, const uint64_t *at_us)
{
	char err[ERR_BYTES] = "";
	struct lines *l = lines_open(path, err, sizeof(err));
	struct line line;
	int more = -1;

	in->counts.files++;
	while (l && (more = lines_next(l, &line, err, sizeof(err))) > 0) {
		take_line(in, path, &line);
		if (line.number % PROGRESS_LINES == 0)
			show_progress(in, l, path, *at_us);
	}
	lines_close(l);
	if (in->told_progress)
		fprintf(stderr, "\r%79s\r", "");
	in->told_progress = false;
	if (more == 0)
		return;
	fprintf(stderr, "postern replay: %s\n", err);
	in->counts.unread++;
}

/* ---- what is missing ----------------------------------------------------------------------------- */

static uint64_t records_of(const struct budget_sums *sums)
{
	return sums->n[BUDGET_SMTP] + sums->n[BUDGET_FLOW];
}

bool intake_is_incomplete(const struct intake *in)
{
	const struct recorded_cuts *cuts = recorded_cuts(in->book);

	return in->counts.unread > 0 || in->counts.bad > 0 || records_of(&in->missing_sums) > 0 ||
	       cuts->lost > 0 || cuts->recipients > 0 || cuts->commands > 0;
}

/* Those that lack most first; of the same, in the order of addresses. */
static int compare_missing(const void *a, const void *b)
{
	const struct missing *x = *(const struct missing *const *)a, *y = *(const struct missing *const *)b;
	uint64_t of_x = records_of(&x->sums), of_y = records_of(&y->sums);

	return of_x != of_y ? of_x < of_y ? 1 : -1 : addr_compare(&x->source.addr, &y->source.addr);
}

static void print_source(const struct missing *m, FILE *to)
{
	uint64_t records = records_of(&m->sums), mails = m->sums.n[BUDGET_COMPLETED],
	         recipients = m->sums.n[BUDGET_RCPT_ACCEPTED];
	char text[PREFIX_TEXT_MAX];

	fprintf(to, "  %-24s %9" PRIu64 " record%s, %" PRIu64 " mail%s to %" PRIu64 " recipient%s\n",
	        m->source.bits > 0 ? prefix_print(&m->source, text) : "of all sources", records,
	        plural(records), mails, plural(mails), recipients, plural(recipients));
}

/* Of all of them, those that lack most first; free() them. NULL without memory. */
static const struct missing **sort_sources(const struct intake *in, unsigned *count)
{
	const struct missing **rows = calloc(table_count(in->missing) + 1, sizeof(struct missing *)), *m;
	uint32_t cursor = 0;

	*count = 0;
	while (rows && (m = table_scan(in->missing, &cursor)))
		rows[(*count)++] = m;
	if (rows)
		qsort(rows, *count, sizeof(struct missing *), compare_missing);
	return rows;
}

static void print_sources(const struct intake *in, FILE *to)
{
	unsigned count;
	const struct missing **rows = sort_sources(in, &count);

	for (unsigned i = 0; i < count && i < MISSING_SHOWN; i++)
		print_source(rows[i], to);
	if (count > MISSING_SHOWN)
		fprintf(to, "  and %u more\n", count - MISSING_SHOWN);
	free(rows);
}

void intake_print_missing(const struct intake *in, FILE *to)
{
	const struct recorded_cuts *cuts = recorded_cuts(in->book);
	const struct budget_sums *s = &in->missing_sums;

	if (!intake_is_incomplete(in))
		return;
	fprintf(to, "INCOMPLETE: the records do not hold all that has happened\n");
	if (records_of(s) > 0) {
		fprintf(to,
		        "  %" PRIu64 " record%s left out by the budget (log.per-source, log.total, "
		        "log.keep-free), with %" PRIu64 " mail%s, %" PRIu64 " accepted and %" PRIu64
		        " refused recipients; nothing is said of these. Most of:\n",
		        records_of(s), records_of(s) == 1 ? " was" : "s were", s->n[BUDGET_COMPLETED],
		        plural(s->n[BUDGET_COMPLETED]), s->n[BUDGET_RCPT_ACCEPTED],
		        s->n[BUDGET_RCPT_REFUSED]);
		print_sources(in, to);
	}
	if (cuts->lost > 0)
		fprintf(to, "  %" PRIu64 " lost by the daemon that wrote them, events and records\n",
		        cuts->lost);
	if (cuts->recipients > 0)
		fprintf(to,
		        "  %" PRIu64 " recipient%s behind the ends of lists: known by number alone, counted, "
		        "and not judged\n",
		        cuts->recipients, plural(cuts->recipients));
	if (cuts->commands > 0)
		fprintf(to, "  %" PRIu64 " VRFY, EXPN and refused logins: likewise\n", cuts->commands);
	if (in->counts.bad > 0)
		fprintf(to, "  %" PRIu64 " bad line%s\n", in->counts.bad, plural(in->counts.bad));
	if (in->counts.unread > 0)
		fprintf(to, "  %" PRIu64 " file%s not read, or not to the end\n", in->counts.unread,
		        plural(in->counts.unread));
}

static void set_sums(json_t *o, const struct budget_sums *s)
{
	field_set_nonzero(o, "records", records_of(s));
	field_set_nonzero(o, "mails", s->n[BUDGET_COMPLETED]);
	field_set_nonzero(o, "rcpt_accepted", s->n[BUDGET_RCPT_ACCEPTED]);
	field_set_nonzero(o, "rcpt_refused", s->n[BUDGET_RCPT_REFUSED]);
}

static json_t *sources_json(const struct intake *in)
{
	unsigned count;
	const struct missing **rows = sort_sources(in, &count);
	json_t *list = json_array();
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < count; i++) {
		json_t *o = json_object();

		if (rows[i]->source.bits > 0)
			field_set_text(o, "source", prefix_print(&rows[i]->source, text));
		set_sums(o, &rows[i]->sums);
		(void)json_array_append_new(list, o);
	}
	free(rows);
	return list;
}

json_t *intake_missing_json(const struct intake *in)
{
	const struct recorded_cuts *cuts = recorded_cuts(in->book);
	json_t *o = json_object();

	set_sums(o, &in->missing_sums);
	if (records_of(&in->missing_sums) > 0)
		field_set(o, "sources", sources_json(in));
	field_set_nonzero(o, "lost", cuts->lost);
	field_set_nonzero(o, "rcpt_unjudged", cuts->recipients);
	field_set_nonzero(o, "commands_unjudged", cuts->commands);
	field_set_nonzero(o, "bad_lines", in->counts.bad);
	field_set_nonzero(o, "files_unread", in->counts.unread);
	return o;
}
