/* notice.c - see notice.h. */
#include "report/notice.h"

#include "report/field.h"

static const char *const sum_names[] = {
#define X(name, text) text,
	BUDGET_SUMS(X)
#undef X
};

static json_t *left_out(const struct budget_sums *sums)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < BUDGET_SUM_COUNT; i++)
		field_set_nonzero(object, sum_names[i], sums->n[i]);
	return object;
}

json_t *notice_record(struct frame *frame, const struct budget_notice *notice)
{
	json_t *record = frame_record(frame, "budget", notice->to_us, NULL), *budget = json_object();
	char text[PREFIX_TEXT_MAX];

	if (!notice->total)
		field_set_text(record, "src_ip", addr_print(&notice->source.addr, text));
	field_set_text(budget, "of", notice->total ? "total" : "source");
	if (!notice->total)
		field_set_text(budget, "source", prefix_print(&notice->source, text));
	field_set_uint(budget, notice->total ? "limit_bytes" : "limit_records", notice->limit);
	field_set_uint(budget, "window_s", notice->window_s);
	field_set_time(budget, "first", notice->from_us);
	field_set_time(budget, "last", notice->to_us);
	field_set(budget, "left_out", left_out(&notice->sums));
	field_set(record, "budget", budget);
	return record;
}
