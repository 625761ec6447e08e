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

enum { OUTPUT_TEXT_MAX = 1024 }; /* a longer path is told in part */

/* NULL with errno (a file cannot be opened). */
struct output *output_open(const struct eve_output *o, const struct syslog_origin *origin);
void output_close(struct output *o); /* NULL is fine */
/* It is what output_open() would make of these. */
bool output_is(const struct output *o, const struct eve_output *settings, const struct syslog_origin *origin);
/* 0 or -errno; on failure the old file stays. */
int output_reopen(struct output *o);
int output_flush(struct output *o);
/* line: scratch. Returns the bytes that it took; 0 where such records do not go. */
size_t output_put(struct output *o, const json_t *record, bool alert, char line[WRITER_LINE_MAX + 1]);
/* Added to the fields of counts that are about places. */
void output_count(const struct output *o, struct eve_counts *counts);
/* As writer_free_bytes(). */
uint64_t output_free_bytes(const struct output *o);
/* A receiver that takes nothing: -errno; 0 = none, or it does. */
int output_fault(const struct output *o);
/* "/var/log/postern/ecs.json", "udp://192.0.2.1:514", "" = nowhere. Returns buf. */
char *output_print(const struct output *o, char buf[OUTPUT_TEXT_MAX]);
bool output_is_file(const struct output *o);

#endif
