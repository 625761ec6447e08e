/* eve.c - see eve.h. Composes: the frame of common fields, the assembly of records, the budget that says which are
 * made, and the outputs, each with its form of a line. A record is made once, whatever it is written as.
 *
 * The first output is always there, if only to count; the others are as many as the configuration names.
 */
#include "report/eve.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/alert.h"
#include "report/frame.h"
#include "report/notice.h"
#include "report/output.h"
#include "report/record.h"
#include "report/stats.h"

enum { HOST_MAX = 256, BUDGET_SOURCES = 65536 };

struct eve {
	bool alerts_only;
	char host[HOST_MAX];
	eve_nat *nat;
	const void *nat_arg;
	struct frame *frame;
	struct record_book *records;
	struct budget *budget;
	uint64_t now_us; /* of the last event */
	struct output *outputs[EVE_OUTPUTS_MAX];
	unsigned output_count;
	uint64_t cut;
	char line[WRITER_LINE_MAX + 1];
};

/* To all outputs; the bytes that it took. */
static uint64_t put(struct eve *e, json_t *record, bool alert)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < e->output_count; i++)
		bytes += output_put(e->outputs[i], record, alert, e->line);
	json_decref(record);
	return bytes;
}

/* The sink of records of mail and connections. */
static void put_record(void *context, json_t *record)
{
	struct eve *e = context;

	budget_spend(e->budget, put(e, record, false));
}

static bool may_record(void *context, const struct event_connection *conn, const struct budget_sums *record)
{
	struct eve *e = context;

	return budget_may(e->budget, conn, e->now_us, record);
}

static uint64_t put_notice(void *context, const struct budget_notice *notice)
{
	struct eve *e = context;

	return put(e, notice_record(e->frame, notice), false);
}

static int set_host(struct eve *e, const char *host)
{
	if (host) {
		snprintf(e->host, sizeof(e->host), "%s", host);
		return 0;
	}
	return gethostname(e->host, sizeof(e->host) - 1);
}

/* False without memory. */
static bool make_parts(struct eve *e, const struct eve_settings *s, const struct policy *policy)
{
	e->alerts_only = s->alerts_only;
	if (set_host(e, s->host) < 0)
		snprintf(e->host, sizeof(e->host), "localhost");
	e->nat = s->nat;
	e->nat_arg = s->nat_arg;
	e->frame = frame_new(e->host, s->mode ? s->mode : "", s->config_hash ? s->config_hash : "", policy);
	e->records = record_new(s->connections, s->hash_key, put_record, e);
	e->budget = budget_new(&s->budget, BUDGET_SOURCES, s->hash_key, put_notice, e);
	if (!e->frame || !e->records || !e->budget)
		return false;
	frame_set_nat(e->frame, e->nat, e->nat_arg);
	record_set_may(e->records, may_record);
	return true;
}

static int open_output(struct eve *e, const struct eve_output *o, const struct syslog_origin *origin,
        char *err, unsigned err_bytes)
{
	const char *path = o->path && *o->path ? o->path : "nowhere";
	int error;

	errno = ENOMEM;
	e->outputs[e->output_count] = output_open(o, origin);
	if (e->outputs[e->output_count]) {
		e->output_count++;
		return 0;
	}
	error = errno;
	snprintf(err, err_bytes,
	        "cannot write records to %s: %s; make its folder writable for posternd, or change log.%s",
	        path, strerror(error), eve_format_name(o->format));
	errno = error;
	return -error;
}

struct eve *eve_open(const struct eve_settings *s, const struct policy *policy, char *err, unsigned err_bytes)
{
	const struct eve_output first = { .format = s->format, .path = s->path };
	const struct syslog_origin origin = { .facility = s->facility, .pid = s->pid };
	struct eve *e = calloc(1, sizeof(*e));
	int r;

	if (!e || !make_parts(e, s, policy)) {
		snprintf(err, err_bytes, "no memory for the tables of the records");
		eve_close(e);
		errno = ENOMEM;
		return NULL;
	}
	r = open_output(e, &first, &origin, err, err_bytes);
	for (unsigned i = 0; r == 0 && i < s->more_count && i + 1 < EVE_OUTPUTS_MAX; i++)
		r = open_output(e, &s->more[i], &origin, err, err_bytes);
	if (r == 0)
		return e;
	eve_close(e);
	errno = -r;
	return NULL;
}

void eve_close(struct eve *e)
{
	if (!e)
		return;
	if (e->output_count > 0) {
		record_finish(e->records, e->frame);
		budget_finish(e->budget);
	}
	while (e->output_count > 0)
		output_close(e->outputs[--e->output_count]);
	record_free(e->records);
	frame_free(e->frame);
	budget_free(e->budget);
	free(e);
}

void eve_set_budget(struct eve *e, const struct budget_limits *limits)
{
	budget_set(e->budget, limits);
}

int eve_set_policy(struct eve *e, const struct policy *policy, const char *mode, const char *config_hash)
{
	struct frame *frame = frame_new(e->host, mode ? mode : "", config_hash ? config_hash : "", policy);

	if (!frame)
		return -ENOMEM;
	frame_set_nat(frame, e->nat, e->nat_arg);
	frame_free(e->frame);
	e->frame = frame;
	return 0;
}

int eve_reopen(struct eve *e)
{
	int failed = 0, r;

	frame_forget_interfaces(e->frame);
	for (unsigned i = 0; i < e->output_count; i++) {
		r = output_reopen(e->outputs[i]);
		if (r)
			failed = r;
	}
	return failed;
}

/* Of the files: what a syslog receiver does not take is no failure of ours. */
int eve_flush(struct eve *e)
{
	int failed = 0, r;

	for (unsigned i = 0; i < e->output_count; i++) {
		r = output_flush(e->outputs[i]);
		if (r && output_is_file(e->outputs[i]))
			failed = r; /* said and counted there, tried again at the next flush */
	}
	return failed;
}

void eve_tick(struct eve *e, uint64_t now_us)
{
	budget_tick(e->budget, now_us);
}

void eve_event(struct eve *e, const struct event *ev)
{
	if (ev->time_us > e->now_us)
		e->now_us = ev->time_us;
	if (!e->alerts_only)
		record_event(e->records, e->frame, ev);
}

void eve_finding(struct eve *e, const struct finding *f)
{
	(void)put(e, alert_record(e->frame, f, &e->cut), true);
}

void eve_stats(struct eve *e, const struct eve_stats *s)
{
	struct eve_counts own = eve_counts(e);

	(void)put(e, stats_record(e->frame, s, &own), false);
}

struct eve_counts eve_counts(const struct eve *e)
{
	struct record_counts assembled = record_counts(e->records);
	struct eve_counts counts = {
		.cut = e->cut + assembled.cut,
		.connections_evicted = assembled.connections_evicted,
		.left_out = budget_left_out(e->budget),
	};
	struct output_counts c;

	for (unsigned i = 0; i < e->output_count; i++) {
		c = output_counts(e->outputs[i]);
		if (output_is_file(e->outputs[i])) {
			counts.records += c.records;
			counts.bytes += c.bytes;
			counts.lost += c.lost;
		} else {
			counts.syslog.sent += c.records;
			counts.syslog.lost += c.lost;
			counts.syslog.waiting += c.waiting;
		}
	}
	return counts;
}

bool eve_syslog_fault(const struct eve *e, char *text, unsigned text_bytes)
{
	char name[RECEIVER_TEXT_MAX];
	struct output_counts c;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < e->output_count; i++) {
		r = output_fault(e->outputs[i], name);
		if (r == 0)
			continue;
		c = output_counts(e->outputs[i]);
		snprintf(text, text_bytes,
		        "the syslog receiver %s takes nothing: %s; %llu alerts wait, %llu are lost", name,
		        strerror(-r), (unsigned long long)c.waiting, (unsigned long long)c.lost);
	}
	return r != 0;
}
