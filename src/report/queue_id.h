/* queue_id.h - the queue id in a server's reply to the end of data. */
#ifndef REPORT_QUEUE_ID_H
#define REPORT_QUEUE_ID_H

#include <stdbool.h>
#include <stddef.h>

enum { QUEUE_ID_MAX = 80 };

/* text: the reply's first line behind the code, not terminated. On true *id points into text and *len is
 * 1..QUEUE_ID_MAX. */
bool queue_id_find(const char *text, size_t text_len, const char **id, size_t *len);

#endif
