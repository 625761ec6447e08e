/* text.h - a record as one line for people. */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include <jansson.h>
#include <stddef.h>

/* Writes one line, without its newline, to out (room bytes, cut there). Returns its length. All text in
 * records is escaped already, so the line is safe on a terminal. */
size_t text_print(const json_t *record, char *out, size_t room);

#endif
