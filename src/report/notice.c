/* notice.c - see notice.h. */
#include "report/notice.h"

#include <string.h>

#include "base/clock.h"
#include "report/field.h"

static const char *const sum_names[] = {
#define X(name, text) text,
	BUDGET_SUMS(X)
#undef X
};

static const char *const of_names[] = { BUDGET_OF_NAMES };
static const char *const limit_names[] = { "limit_records", "limit_bytes", "keep_free_bytes" };

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
	const bool of_source = notice->of == BUDGET_OF_SOURCE;
	char text[PREFIX_TEXT_MAX];

	if (of_source)
		field_set_text(record, "src_ip", addr_print(&notice->source.addr, text));
	field_set_text(budget, "of", of_names[notice->of]);
	if (of_source)
		field_set_text(budget, "source", prefix_print(&notice->source, text));
	field_set_uint(budget, limit_names[notice->of], notice->limit);
	field_set_uint(budget, "window_s", notice->window_s);
	field_set_time(budget, "first", notice->from_us);
	field_set_time(budget, "last", notice->to_us);
	field_set(budget, "left_out", left_out(&notice->sums));
	field_set(record, "budget", budget);
	return record;
}

static uint64_t number_of(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

/* 0 = it is no time. */
static uint64_t time_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	uint64_t us = 0;

	return text && clock_parse(text, &us) == 0 ? us : 0;
}

bool notice_read(const json_t *record, struct budget_notice *out)
{
	const json_t *budget = json_object_get(record, "budget");
	const json_t *sums = json_object_get(budget, "left_out");
	const char *source = json_string_value(json_object_get(budget, "source"));
	const char *of = json_string_value(json_object_get(budget, "of"));
	uint64_t all = 0;

	memset(out, 0, sizeof(*out));
	out->of = source                                            ? BUDGET_OF_SOURCE
	          : of && strcmp(of, of_names[BUDGET_OF_DISK]) == 0 ? BUDGET_OF_DISK
	                                                            : BUDGET_OF_TOTAL;
	out->window_s = (uint32_t)number_of(budget, "window_s");
	out->limit = number_of(budget, limit_names[out->of]);
	out->from_us = time_of(budget, "first");
	out->to_us = time_of(budget, "last");
	for (unsigned i = 0; i < BUDGET_SUM_COUNT; i++) {
		out->sums.n[i] = number_of(sums, sum_names[i]);
		all += out->sums.n[i] > 0;
	}
	return all > 0 && (!source || prefix_parse(source, &out->source) == 0);
}
