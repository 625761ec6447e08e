/* outputs.h - all places where records go at a time, and how they become others while records are written. */
#ifndef REPORT_OUTPUTS_H
#define REPORT_OUTPUTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "report/eve.h"
#include "report/output.h"

/* The first of s and those beside it. A place of `before` (NULL: none) that is meant here, too, is not opened a second time:
 * it becomes ours with outputs_replace(). NULL with errno and a message in err: a file cannot be opened. */
struct eve_outputs *outputs_open(
        const struct eve_outputs *before, const struct eve_settings *s, char *err, unsigned err_bytes);
/* Writes what it can and closes what is ours; NULL is fine. */
void outputs_close(struct eve_outputs *o);
/* `before` ends: what `next` does not go on with is closed. Totals go on in next. What changes is logged. */
void outputs_replace(struct eve_outputs *before, struct eve_outputs *next);

/* To all of them; the bytes that it took. */
uint64_t outputs_put(struct eve_outputs *o, const json_t *record, bool alert);
/* 0 or -errno of the last that failed; its old file stays. */
int outputs_reopen(struct eve_outputs *o);
/* Of files alone: what a receiver does not take is no failure of ours. */
int outputs_flush(struct eve_outputs *o);
/* Into the fields of counts that are about places. */
void outputs_count(const struct eve_outputs *o, struct eve_counts *counts);
/* Of the fullest file system among theirs, whose file is *name; UINT64_MAX: there is no file. */
uint64_t outputs_free_bytes(const struct eve_outputs *o, char name[OUTPUT_TEXT_MAX]);
/* As eve_syslog_fault(). */
bool outputs_syslog_fault(const struct eve_outputs *o, char *text, unsigned text_bytes);

#endif
