/* source_line.h - a source as one line of text, for `postern sources` and `postern top`. */
#ifndef POSTERN_SOURCE_LINE_H
#define POSTERN_SOURCE_LINE_H

#include <jansson.h>
#include <stdbool.h>

enum { SOURCE_LINE_MAX = 160 };

/* The names above the columns. Returns buf. */
char *source_line_heading(char buf[SOURCE_LINE_MAX]);
/* row: as the answer to `sources` has it. Returns buf. */
char *source_line_print(const json_t *row, char buf[SOURCE_LINE_MAX]);
/* What a list can be sorted by: one of the counts, "last", or "recipients" for "accepted". NULL = it is none; else its name. */
const char *source_line_sort(const char *word);
/* All of them, for a message. */
const char *source_line_sorts(void);

#endif
