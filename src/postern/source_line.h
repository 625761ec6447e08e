/* source_line.h - a source as one line of text, for `postern sources` and `postern top`. */
#ifndef POSTERN_SOURCE_LINE_H
#define POSTERN_SOURCE_LINE_H

#include <jansson.h>
#include <stdbool.h>

enum { SOURCE_LINE_MAX = 160 };

/* What has to be left out for lines of that many columns: first the date of the last sign, then the counts that tell least.
 * 0 = nothing. At 79 columns and more the lines fit. */
unsigned source_line_left_out(unsigned columns);
/* The names above the columns. Returns buf. */
char *source_line_heading(unsigned left_out, char buf[SOURCE_LINE_MAX]);
/* row: as the answer to `sources` has it. Returns buf. */
char *source_line_print(const json_t *row, unsigned left_out, char buf[SOURCE_LINE_MAX]);
/* What a list can be sorted by: one of the counts, "last", or "recipients" for "accepted". NULL = it is none; else its name. */
const char *source_line_sort(const char *word);
/* All of them, for a message. Returns buf. */
char *source_line_sorts(char buf[SOURCE_LINE_MAX]);

#endif
