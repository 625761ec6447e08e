/* recorded_order.c - see recorded_order.h. A heap of records, by the time of the next event of each; of the same time, the
 * one that was read first goes first: so the transactions of a connection stay in their order. */
#include "report/recorded_order.h"

#include <assert.h>
#include <stdlib.h>

struct waiting {
	uint64_t time_us, number;
	struct recorded *record;
};

struct recorded_order {
	struct waiting *heap;
	uint32_t count, room;
	uint64_t window_us, newest_us, given_us, number;
	uint64_t late, most_late_us;
};

struct recorded_order *recorded_order_new(uint32_t records, uint64_t window_us)
{
	struct recorded_order *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->heap = calloc(records, sizeof(*o->heap));
	o->room = records;
	o->window_us = window_us;
	if (o->heap)
		return o;
	free(o);
	return NULL;
}

void recorded_order_free(struct recorded_order *o)
{
	if (!o)
		return;
	while (o->count > 0)
		recorded_free(o->heap[--o->count].record);
	free(o->heap);
	free(o);
}

static bool is_before(const struct waiting *a, const struct waiting *b)
{
	return a->time_us != b->time_us ? a->time_us < b->time_us : a->number < b->number;
}

static void swap(struct waiting *a, struct waiting *b)
{
	struct waiting w = *a;

	*a = *b;
	*b = w;
}

static void rise(struct recorded_order *o, uint32_t at)
{
	for (; at > 0 && is_before(&o->heap[at], &o->heap[(at - 1) / 2]); at = (at - 1) / 2)
		swap(&o->heap[at], &o->heap[(at - 1) / 2]);
}

static void sink(struct recorded_order *o)
{
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < o->count) {
		if (child + 1 < o->count && is_before(&o->heap[child + 1], &o->heap[child]))
			child++;
		if (!is_before(&o->heap[child], &o->heap[at]))
			return;
		swap(&o->heap[child], &o->heap[at]);
		at = child;
	}
}

void recorded_order_add(struct recorded_order *o, struct recorded *r)
{
	uint64_t end_us = recorded_end(r);

	assert(o->count < o->room);
	if (recorded_time(r) == UINT64_MAX) {
		recorded_free(r);
		return;
	}
	if (end_us > o->newest_us)
		o->newest_us = end_us;
	o->heap[o->count] =
	        (struct waiting) { .time_us = recorded_time(r), .number = o->number++, .record = r };
	rise(o, o->count++);
}

/* What has given an event still stands where that belonged: it goes to where its next one belongs, or out. So the first
 * of the heap is right. */
static void settle(struct recorded_order *o)
{
	struct waiting *first = o->heap;

	while (o->count > 0 && first->time_us != recorded_time(first->record)) {
		first->time_us = recorded_time(first->record);
		if (first->time_us == UINT64_MAX) {
			recorded_free(first->record);
			*first = o->heap[--o->count];
		}
		sink(o);
	}
}

bool recorded_order_next(struct recorded_order *o, bool all, struct event *e, struct recorded_notes **notes)
{
	struct waiting *first = o->heap;

	settle(o);
	if (o->count == 0)
		return false;
	if (!all && o->count < o->room && first->time_us + o->window_us > o->newest_us)
		return false;
	if (!recorded_next(first->record, e))
		return false;
	*notes = recorded_notes(first->record);
	if (e->time_us < o->given_us) {
		o->late++;
		if (o->given_us - e->time_us > o->most_late_us)
			o->most_late_us = o->given_us - e->time_us;
		e->time_us = o->given_us;
	}
	o->given_us = e->time_us;
	return true;
}

uint64_t recorded_order_late(const struct recorded_order *o, uint64_t *most_us)
{
	*most_us = o->most_late_us;
	return o->late;
}
