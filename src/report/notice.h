/* notice.h - what a budget has left out to its `budget` record. */
#ifndef REPORT_NOTICE_H
#define REPORT_NOTICE_H

#include <jansson.h>

#include "report/budget.h"
#include "report/frame.h"

/* The caller owns the result; NULL = no memory. */
json_t *notice_record(struct frame *frame, const struct budget_notice *notice);

#endif
