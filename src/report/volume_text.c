/* volume_text.c - see volume_text.h. */
#include "report/volume_text.h"

#include <inttypes.h>

#include "report/field.h"
#include "report/words.h"

static const char *const key_names[VOLUME_KEY_COUNT] = { VOLUME_KEY_NAMES };

char *volume_text_time(uint32_t seconds, char buf[VOLUME_TEXT_TIME_MAX])
{
	static const struct {
		uint32_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	unsigned i = 0;

	while (units[i].seconds > 1 && (seconds == 0 || seconds % units[i].seconds != 0))
		i++;
	snprintf(buf, VOLUME_TEXT_TIME_MAX, "%" PRIu32 "%c", seconds / units[i].seconds, units[i].unit);
	return buf;
}

char *volume_text_limit(
        const struct volume_limit *l, enum volume_measure measure, char buf[VOLUME_TEXT_LIMIT_MAX])
{
	static const char units[] = "GMk";
	char time[VOLUME_TEXT_TIME_MAX], unit[2] = "";
	uint64_t most = l->most;

	for (unsigned i = 0; measure == VOLUME_BYTES && units[i] && !unit[0]; i++)
		if (most > 0 && most % (UINT64_C(1) << 10 * (3 - i)) == 0) {
			most >>= 10 * (3 - i);
			unit[0] = units[i];
		}
	snprintf(buf, VOLUME_TEXT_LIMIT_MAX, "%" PRIu64 "%s/%s", most, unit,
	        volume_text_time(l->window_s, time));
	return buf;
}

static void print_tenths(uint32_t tenths, char *buf, size_t room)
{
	snprintf(buf, room, tenths % 10 ? "%" PRIu32 ".%" PRIu32 : "%" PRIu32, tenths / 10, tenths % 10);
}

void volume_text_print(const struct volume_block *v, FILE *to)
{
	char text[VOLUME_TEXT_LIMIT_MAX];
	const char *between = "";

	if (v->key != VOLUME_BY_SOURCE) {
		fprintf(to, "by %s", key_names[v->key]);
		between = "; ";
	}
	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++) {
		if (v->limit_count[m] == 0)
			continue;
		fprintf(to, "%s%s", between, words_get(WORDS_MEASURE, m));
		for (unsigned i = 0; i < v->limit_count[m]; i++)
			fprintf(to, "%s %s", i ? "," : "",
			        volume_text_limit(&v->limits[m][i], (enum volume_measure)m, text));
		between = "; ";
	}
	if (v->max_rcpt > 0) {
		fprintf(to, "%smax-rcpt %" PRIu32, between, v->max_rcpt);
		between = "; ";
	}
	if (v->spike_tenths > 0) {
		print_tenths(v->spike_tenths, text, sizeof(text));
		fprintf(to, "%sspike %s above %" PRIu32 " recipients an hour", between, text, v->spike_floor);
	}
	fprintf(to, ": %s", words_get(WORDS_ACTION, v->action));
	if (v->action == ACTION_BLOCK || v->action == ACTION_REFUSE_SESSION)
		fprintf(to, " for %s", volume_text_time(v->block_for_s, text));
}

static json_t *json_limits(const struct volume_block *v, enum volume_measure m)
{
	json_t *list = json_array();
	char text[VOLUME_TEXT_LIMIT_MAX];

	for (unsigned i = 0; i < v->limit_count[m]; i++)
		(void)json_array_append_new(list, json_string(volume_text_limit(&v->limits[m][i], m, text)));
	return list;
}

json_t *volume_text_json(const struct volume_block *v)
{
	json_t *o = json_object();

	field_set_text(o, "name", v->name);
	field_set_text(o, "key", key_names[v->key]);
	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++)
		if (v->limit_count[m] > 0)
			field_set(o, words_get(WORDS_MEASURE, m), json_limits(v, (enum volume_measure)m));
	if (v->max_rcpt > 0)
		field_set_uint(o, "max_rcpt", v->max_rcpt);
	if (v->spike_tenths > 0) {
		field_set(o, "spike", json_real(v->spike_tenths / 10.0));
		field_set_uint(o, "spike_floor", v->spike_floor);
	}
	field_set_text(o, "action", words_get(WORDS_ACTION, v->action));
	return o;
}
