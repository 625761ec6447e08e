/* alert.h - a finding to its `alert` record. */
#ifndef REPORT_ALERT_H
#define REPORT_ALERT_H

#include <jansson.h>

#include "postern/finding.h"
#include "report/frame.h"

/* cut: added to for each field that is cut. The caller owns the result. NULL = no memory. */
json_t *alert_record(struct frame *frame, const struct finding *f, uint64_t *cut);

#endif
