/* stats.h - the `stats` record: dotted names and numbers to nested objects. */
#ifndef REPORT_STATS_H
#define REPORT_STATS_H

#include <jansson.h>

#include "report/eve.h"
#include "report/frame.h"

/* own: report's own counts. The caller owns the result. NULL = no memory. */
json_t *stats_record(struct frame *frame, const struct eve_stats *s, const struct eve_counts *own);

#endif
