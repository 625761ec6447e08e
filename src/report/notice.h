/* notice.h - what a budget has left out to its `budget` record, and back. */
#ifndef REPORT_NOTICE_H
#define REPORT_NOTICE_H

#include <jansson.h>
#include <stdbool.h>

#include "report/budget.h"
#include "report/frame.h"

/* The caller owns the result; NULL = no memory. */
json_t *notice_record(struct frame *frame, const struct budget_notice *notice);

/* The way back: what a record of this kind says. False: nothing was left out, or it is none. */
bool notice_read(const json_t *record, struct budget_notice *out);

#endif
