/* eve.c - see eve.h. Composes: the frame of common fields, the assembly of records, their two forms as
 * lines, and the writer. */
#include "report/eve.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/alert.h"
#include "report/frame.h"
#include "report/record.h"
#include "report/stats.h"
#include "report/text.h"
#include "report/writer.h"

enum { HOST_MAX = 256, SHARE_DIGITS = 6 };

struct eve {
	enum eve_format format;
	bool alerts_only;
	char host[HOST_MAX];
	eve_nat *nat;
	const void *nat_arg;
	struct frame *frame;
	struct record_book *records;
	struct writer *writer;
	uint64_t lost; /* records that could not be made (no memory) or are too long */
	uint64_t cut;
	char line[WRITER_LINE_MAX + 1];
};

/* Length of the line in e->line, or 0 if there is none. */
static size_t format_line(struct eve *e, const json_t *record)
{
	size_t len;

	if (e->format == EVE_FORMAT_TEXT)
		return text_print(record, e->line, sizeof(e->line));
	len = json_dumpb(record, e->line, sizeof(e->line), JSON_COMPACT | JSON_REAL_PRECISION(SHARE_DIGITS));
	return len <= WRITER_LINE_MAX ? len : 0;
}

/* The sink of all records. */
static void eve_put(void *context, json_t *record)
{
	struct eve *e = context;
	size_t len = record ? format_line(e, record) : 0;

	if (len > 0)
		writer_line(e->writer, e->line, len);
	else
		e->lost++;
	json_decref(record);
}

static int set_host(struct eve *e, const char *host)
{
	if (host) {
		snprintf(e->host, sizeof(e->host), "%s", host);
		return 0;
	}
	return gethostname(e->host, sizeof(e->host) - 1);
}

struct eve *eve_open(const struct eve_settings *s, const struct policy *policy, char *err, unsigned err_bytes)
{
	struct eve *e = calloc(1, sizeof(*e));
	const char *path = s->path ? s->path : "";
	int error = ENOMEM;

	if (e) {
		e->format = s->format;
		e->alerts_only = s->alerts_only;
		if (set_host(e, s->host) < 0)
			snprintf(e->host, sizeof(e->host), "localhost");
		e->frame = frame_new(
		        e->host, s->mode ? s->mode : "", s->config_hash ? s->config_hash : "", policy);
		e->nat = s->nat;
		e->nat_arg = s->nat_arg;
		if (e->frame)
			frame_set_nat(e->frame, e->nat, e->nat_arg);
		e->records = record_new(s->connections, s->hash_key, eve_put, e);
		errno = ENOMEM;
		e->writer = writer_open(path);
		error = errno;
	}
	if (e && e->frame && e->records && e->writer)
		return e;
	snprintf(err, err_bytes,
	        "cannot write records to %s: %s; make its folder writable for posternd, or change log.eve",
	        *path ? path : "nowhere", strerror(error));
	eve_close(e);
	errno = error;
	return NULL;
}

void eve_close(struct eve *e)
{
	if (!e)
		return;
	if (e->records && e->frame && e->writer)
		record_finish(e->records, e->frame);
	record_free(e->records);
	frame_free(e->frame);
	writer_close(e->writer);
	free(e);
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
	return writer_reopen(e->writer);
}

int eve_flush(struct eve *e)
{
	return writer_flush(e->writer); /* said and counted there, tried again at the next flush */
}

void eve_event(struct eve *e, const struct event *ev)
{
	if (!e->alerts_only)
		record_event(e->records, e->frame, ev);
}

void eve_finding(struct eve *e, const struct finding *f)
{
	eve_put(e, alert_record(e->frame, f, &e->cut));
}

void eve_stats(struct eve *e, const struct eve_stats *s)
{
	struct eve_counts own = eve_counts(e);

	eve_put(e, stats_record(e->frame, s, &own));
}

struct eve_counts eve_counts(const struct eve *e)
{
	struct writer_counts written = writer_counts(e->writer);
	struct record_counts assembled = record_counts(e->records);

	return (struct eve_counts) {
		.records = written.lines,
		.bytes = written.bytes,
		.lost = written.lost + e->lost,
		.cut = e->cut + assembled.cut,
		.connections_evicted = assembled.connections_evicted,
	};
}
