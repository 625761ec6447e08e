/* recorded_order.h - records come in the order of their ends; their events are given in the order of time.
 *
 * An event waits until records have been read whose end lies window_us behind it: a transaction that took no longer is in
 * order then. So much is bounded in time; in memory, by the records that wait: where there is no room for one more, the next
 * event is given at once. An event that comes later than one that was given already happens at that one's time, and is
 * counted.
 */
#ifndef REPORT_RECORDED_ORDER_H
#define REPORT_RECORDED_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/event.h"
#include "report/recorded.h"

struct recorded_order;

/* records: that may wait, 2..2^24. NULL with errno. */
struct recorded_order *recorded_order_new(uint32_t records, uint64_t window_us);
void recorded_order_free(struct recorded_order *o); /* NULL is fine */
/* Takes over r. All that recorded_order_next() has to give without `all` must have been taken before. */
void recorded_order_add(struct recorded_order *o, struct recorded *r);
/* The next event whose time has come; with `all`, whatever its time. notes: of its record, until the next call. */
bool recorded_order_next(struct recorded_order *o, bool all, struct event *e, struct recorded_notes **notes);
/* Events that came too late for their time, and by how much at most. */
uint64_t recorded_order_late(const struct recorded_order *o, uint64_t *most_us);

#endif
