/* stats.c - see stats.h. The counters of inspect stand at the top, watch and report in objects of their
 * own; a section that is not known is left out. */
#include "report/stats.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "report/field.h"

enum { NAME_PART_MAX = 64 };

static const char *const counter_names[COUNTER_COUNT] = {
#define X(name, text) text,
	COUNTERS(X)
#undef X
};

/* The object that holds the last part of name, made if need be; *last is that part. */
static json_t *parent_of(json_t *object, const char *name, const char **last)
{
	const char *dot;
	char part[NAME_PART_MAX];
	json_t *child;

	while ((dot = strchr(name, '.')) != NULL) {
		assert((size_t)(dot - name) < sizeof(part));
		memcpy(part, name, (size_t)(dot - name));
		part[dot - name] = '\0';
		child = json_object_get(object, part);
		if (!child) {
			child = json_object();
			field_set(object, part, child);
		}
		object = child;
		name = dot + 1;
	}
	*last = name;
	return object;
}

static void set_number(json_t *stats, const char *name, uint64_t value)
{
	const char *last;
	json_t *parent = parent_of(stats, name, &last);

	field_set_uint(parent, last, value);
}

/* Which part of the finished sessions was read down to RCPT; unknown before the first. */
static void set_share(json_t *stats, const struct counters *c)
{
	uint64_t all =
	        c->n[COUNTER_SESSIONS_READ] + c->n[COUNTER_SESSIONS_TLS] + c->n[COUNTER_SESSIONS_OTHER];

	if (all > 0)
		field_set(json_object_get(stats, "session"), "read_share",
		        json_real(round(1000.0 * (double)c->n[COUNTER_SESSIONS_READ] / (double)all) / 1000));
}

static void set_inspect(json_t *stats, const struct counters *c)
{
	unsigned i;

	for (i = 0; i < COUNTER_COUNT; i++)
		set_number(stats, counter_names[i], c->n[i]);
	set_share(stats, c);
}

static void set_watch(json_t *stats, const struct watch_counts *w)
{
	set_number(stats, "watch.events", w->events);
	set_number(stats, "watch.findings", w->findings);
	set_number(stats, "watch.findings_told", w->findings_told);
	set_number(stats, "watch.findings_lost", w->findings_lost);
	set_number(stats, "watch.findings_dropped", w->findings_dropped);
	set_number(stats, "watch.findings_pooled", w->findings_pooled);
	set_number(stats, "watch.findings_muted", w->findings_muted);
	set_number(stats, "watch.findings_suppressed", w->findings_suppressed);
	set_number(stats, "watch.incidents_open", w->incidents_open);
	set_number(stats, "watch.incidents_opened", w->incidents_opened);
	set_number(stats, "watch.incidents_evicted", w->incidents_evicted);
	set_number(stats, "watch.connections_evicted", w->connections_evicted);
	set_number(stats, "watch.windows_lost", w->windows_lost);
	set_number(stats, "watch.windows_thinned", w->windows_thinned);
}

static void set_report(json_t *stats, const struct eve_counts *own)
{
	set_number(stats, "report.records", own->records);
	set_number(stats, "report.bytes", own->bytes);
	set_number(stats, "report.lost", own->lost);
	set_number(stats, "report.cut", own->cut);
	set_number(stats, "report.left_out", own->left_out);
	set_number(stats, "report.connections_evicted", own->connections_evicted);
}

json_t *stats_record(struct frame *frame, const struct eve_stats *s, const struct eve_counts *own)
{
	json_t *record = frame_record(frame, "stats", s->time_us, NULL);
	json_t *stats = json_object();
	const struct eve_stats_number *extra;

	set_number(stats, "uptime", s->uptime_s);
	if (s->inspect)
		set_inspect(stats, s->inspect);
	if (s->watch)
		set_watch(stats, s->watch);
	set_report(stats, own);
	for (extra = s->extra; extra && extra->name; extra++)
		set_number(stats, extra->name, extra->value);
	field_set(record, "stats", stats);
	return record;
}
