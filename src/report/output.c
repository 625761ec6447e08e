/* output.c - see output.h. */
#include "report/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/format.h"
#include "report/sender.h"

struct output {
	const struct format *format;
	struct syslog_origin origin;
	char *path;            /* of a file; "" = nowhere */
	struct receiver to;    /* else */
	struct writer *writer; /* one of the two is there */
	struct sender *sender;
	uint64_t unwritable; /* records that have no line: too long, or no memory */
};

struct output *output_open(const struct eve_output *settings, const struct syslog_origin *origin)
{
	struct output *o = calloc(1, sizeof(*o));
	int error;

	if (!o)
		return NULL;
	o->format = &formats[settings->format];
	o->origin = *origin;
	if (settings->to) {
		o->to = *settings->to;
		o->origin.most = o->to.kind == RECEIVER_UDP ? SYSLOG_DATAGRAM_MAX : SYSLOG_MESSAGE_MAX;
		o->sender = sender_open(settings->to);
	} else {
		o->path = strdup(settings->path ? settings->path : "");
		o->writer = o->path ? writer_open(o->path) : NULL;
	}
	if (o->sender || o->writer)
		return o;
	error = errno;
	output_close(o);
	errno = error;
	return NULL;
}

void output_close(struct output *o)
{
	if (!o)
		return;
	writer_close(o->writer);
	sender_close(o->sender);
	free(o->path);
	free(o);
}

bool output_is(const struct output *o, const struct eve_output *settings, const struct syslog_origin *origin)
{
	if (o->format != &formats[settings->format] || o->origin.facility != origin->facility ||
	        o->origin.pid != origin->pid)
		return false;
	if (settings->to)
		return o->sender && memcmp(&o->to, settings->to, sizeof(o->to)) == 0;
	return o->writer && strcmp(o->path, settings->path ? settings->path : "") == 0;
}

int output_reopen(struct output *o)
{
	if (o->writer)
		return writer_reopen(o->writer);
	sender_retry(o->sender);
	return 0;
}

int output_flush(struct output *o)
{
	return o->writer ? writer_flush(o->writer) : sender_flush(o->sender);
}

size_t output_put(struct output *o, const json_t *record, bool alert, char line[WRITER_LINE_MAX + 1])
{
	size_t len;

	if (o->format->alerts_only && !alert)
		return 0;
	len = record ? o->format->print(record, &o->origin, line) : 0;
	if (len == 0)
		o->unwritable++;
	else if (o->writer)
		writer_line(o->writer, line, len);
	else
		sender_put(o->sender, line, len);
	return len;
}

void output_count(const struct output *o, struct eve_counts *counts)
{
	struct writer_counts w;
	struct sender_counts s;

	if (o->writer) {
		w = writer_counts(o->writer);
		counts->records += w.lines;
		counts->bytes += w.bytes;
		counts->lost += w.lost + o->unwritable;
	} else {
		s = sender_counts(o->sender);
		counts->syslog.sent += s.sent;
		counts->syslog.lost += s.lost + o->unwritable;
		counts->syslog.waiting += s.waiting;
	}
}

uint64_t output_free_bytes(const struct output *o)
{
	return o->writer ? writer_free_bytes(o->writer) : UINT64_MAX;
}

int output_fault(const struct output *o)
{
	return o->sender ? sender_fault(o->sender) : 0;
}

char *output_print(const struct output *o, char buf[OUTPUT_TEXT_MAX])
{
	if (o->sender)
		return receiver_print(&o->to, buf);
	snprintf(buf, OUTPUT_TEXT_MAX, "%s", strcmp(o->path, "-") == 0 ? "stdout" : o->path);
	return buf;
}

bool output_is_file(const struct output *o)
{
	return o->writer != NULL;
}
