/* eve.c - see eve.h. Composes: the frame of common fields, the assembly of records, the budget that says which are
 * made, and the places where they go, each with its form of a line. A record is made once, whatever it is written as.
 */
#include "report/eve.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "report/alert.h"
#include "report/frame.h"
#include "report/notice.h"
#include "report/output.h"
#include "report/outputs.h"
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
	struct eve_outputs *outputs;
	uint64_t cut;
};

/* To all outputs; the bytes that it took. */
static uint64_t put(struct eve *e, json_t *record, bool alert)
{
	uint64_t bytes = outputs_put(e->outputs, record, alert);

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

struct eve *eve_open(const struct eve_settings *s, const struct policy *policy, char *err, unsigned err_bytes)
{
	struct eve *e = calloc(1, sizeof(*e));
	int error = ENOMEM;

	if (!e || !make_parts(e, s, policy)) {
		snprintf(err, err_bytes, "no memory for the tables of the records");
	} else {
		e->outputs = outputs_open(NULL, s, err, err_bytes);
		error = errno;
	}
	if (e && e->outputs)
		return e;
	eve_close(e);
	errno = error;
	return NULL;
}

void eve_close(struct eve *e)
{
	if (!e)
		return;
	if (e->outputs) {
		record_finish(e->records, e->frame);
		budget_finish(e->budget);
	}
	outputs_close(e->outputs);
	record_free(e->records);
	frame_free(e->frame);
	budget_free(e->budget);
	free(e);
}

struct eve_outputs *eve_open_outputs(
        const struct eve *e, const struct eve_settings *s, char *err, unsigned err_bytes)
{
	return outputs_open(e->outputs, s, err, err_bytes);
}

void eve_close_outputs(struct eve_outputs *o)
{
	outputs_close(o);
}

void eve_set_outputs(struct eve *e, struct eve_outputs *next, bool alerts_only)
{
	if (alerts_only && !e->alerts_only)
		record_finish(e->records, e->frame);
	e->alerts_only = alerts_only;
	outputs_replace(e->outputs, next);
	e->outputs = next;
}

void eve_forget(struct eve *e, const struct mention *who, struct forgotten *out)
{
	budget_forget(e->budget, who, out);
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
	frame_forget_interfaces(e->frame);
	return outputs_reopen(e->outputs);
}

int eve_flush(struct eve *e)
{
	return outputs_flush(e->outputs);
}

/* Once in a while, and said when it changes. */
static void look_at_disk(struct eve *e)
{
	char name[OUTPUT_TEXT_MAX];
	const uint64_t free_bytes = outputs_free_bytes(e->outputs, name);

	if (!budget_set_free(e->budget, free_bytes))
		return;
	if (budget_is_full(e->budget))
		log_error("records of mail and connections are LEFT OUT: the file system of %s has only %llu "
		          "MiB free (log.keep-free); make room there",
		        name, (unsigned long long)(free_bytes >> 20));
	else
		log_info("records of mail and connections are written again: there is room");
}

void eve_tick(struct eve *e, uint64_t now_us)
{
	look_at_disk(e);
	budget_tick(e->budget, now_us);
}

bool eve_disk_fault(const struct eve *e, char *text, unsigned text_bytes)
{
	char name[OUTPUT_TEXT_MAX];

	if (!budget_is_full(e->budget))
		return false;
	(void)outputs_free_bytes(e->outputs, name);
	snprintf(text, text_bytes,
	        "records of mail and connections are LEFT OUT: the file system of %.200s is nearly full "
	        "(log.keep-free); make room there",
	        name);
	return true;
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

	outputs_count(e->outputs, &counts);
	return counts;
}

bool eve_syslog_fault(const struct eve *e, char *text, unsigned text_bytes)
{
	return outputs_syslog_fault(e->outputs, text, text_bytes);
}
