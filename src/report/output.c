/* output.c - see output.h. */
#include "report/output.h"

#include <errno.h>
#include <stdlib.h>

#include "report/format.h"
#include "report/sender.h"

struct output {
	const struct format *format;
	struct syslog_origin origin;
	struct receiver to;
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
		o->sender = sender_open(settings->to);
	} else {
		o->writer = writer_open(settings->path ? settings->path : "");
	}
	if (o->sender || o->writer)
		return o;
	error = errno;
	free(o);
	errno = error;
	return NULL;
}

void output_close(struct output *o)
{
	if (!o)
		return;
	writer_close(o->writer);
	sender_close(o->sender);
	free(o);
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

struct output_counts output_counts(const struct output *o)
{
	struct output_counts c = { .lost = o->unwritable };
	struct writer_counts w;
	struct sender_counts s;

	if (o->writer) {
		w = writer_counts(o->writer);
		c.records = w.lines;
		c.bytes = w.bytes;
		c.lost += w.lost;
	} else {
		s = sender_counts(o->sender);
		c.records = s.sent;
		c.bytes = s.bytes;
		c.lost += s.lost;
		c.waiting = s.waiting;
	}
	return c;
}

int output_fault(const struct output *o, char name[RECEIVER_TEXT_MAX])
{
	if (!o->sender)
		return 0;
	receiver_print(&o->to, name);
	return sender_fault(o->sender);
}

bool output_is_file(const struct output *o)
{
	return o->writer != NULL;
}
