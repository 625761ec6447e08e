/* volume_text.h - what a volume block counts, in the words of the configuration. */
#ifndef REPORT_VOLUME_TEXT_H
#define REPORT_VOLUME_TEXT_H

#include <stdio.h>

#include <jansson.h>

#include "policy/watching.h"

/* "recipients 100/1m, 1000/1h; bytes 500M/1h; spike 5 above 20 recipients an hour: alert", no newline. */
void volume_text_print(const struct volume_block *v, FILE *to);
/* The same as an object, name included. NULL without memory. */
json_t *volume_text_json(const struct volume_block *v);
/* "10m": so many seconds in the largest unit that leaves nothing over. Returns buf. */
enum { VOLUME_TEXT_TIME_MAX = 16, VOLUME_TEXT_LIMIT_MAX = 48 };
char *volume_text_time(uint32_t seconds, char buf[VOLUME_TEXT_TIME_MAX]);
/* "100/1m"; of VOLUME_BYTES with k, M or G where that is exact. Returns buf. */
char *volume_text_limit(
        const struct volume_limit *l, enum volume_measure measure, char buf[VOLUME_TEXT_LIMIT_MAX]);

#endif
