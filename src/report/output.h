/* output.h - one place where records go, in one format: a file, or a syslog receiver. */
#ifndef REPORT_OUTPUT_H
#define REPORT_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "report/eve.h"
#include "report/syslog.h"
#include "report/writer.h"

struct output;

struct output_counts {
	uint64_t records, bytes, lost; /* lost: those without a line are among them */
	uint64_t waiting;              /* of a receiver */
};

/* NULL with errno (a file cannot be opened). */
struct output *output_open(const struct eve_output *o, const struct syslog_origin *origin);
void output_close(struct output *o); /* NULL is fine */
/* 0 or -errno; on failure the old file stays. */
int output_reopen(struct output *o);
int output_flush(struct output *o);
/* line: scratch. Returns the bytes that it took; 0 where such records do not go. */
size_t output_put(struct output *o, const json_t *record, bool alert, char line[WRITER_LINE_MAX + 1]);
struct output_counts output_counts(const struct output *o);
/* A receiver that takes nothing: -errno; 0 = none, or it does. *name: its target. */
int output_fault(const struct output *o, char name[RECEIVER_TEXT_MAX]);
bool output_is_file(const struct output *o);

#endif
