/* cef.h - an alert as a line of the Common Event Format. */
#ifndef REPORT_CEF_H
#define REPORT_CEF_H

#include <jansson.h>
#include <stddef.h>

/* Length of the line in out (room bytes, 1024 at least; it never needs more than CEF_MAX). record: an `alert`. */
enum { CEF_MAX = 8000 };
size_t cef_print(const json_t *record, char *out, size_t room);

#endif
