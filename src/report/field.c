/* field.c - see field.h. */
#include "report/field.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "report/escape.h"

enum { BYTES_MAX = 4096 };

json_t *field_bytes(const char *bytes, unsigned len)
{
	char text[BYTES_MAX * ESCAPE_GROWTH];

	assert(len <= BYTES_MAX);
	return json_stringn(text, escape_bytes(text, bytes, len));
}

json_t *field_text(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : field_bytes(text, (unsigned)strnlen(text, BYTES_MAX));
}

void field_set(json_t *object, const char *key, json_t *value)
{
	/* fails only without memory; the record is then written without this field */
	(void)json_object_set_new_nocheck(object, key, value);
}

void field_set_uint(json_t *object, const char *key, uint64_t value)
{
	field_set(object, key, json_integer((json_int_t)value));
}

void field_set_nonzero(json_t *object, const char *key, uint64_t value)
{
	if (value > 0)
		field_set_uint(object, key, value);
}

void field_set_true(json_t *object, const char *key, bool value)
{
	if (value)
		field_set(object, key, json_true());
}

void field_set_cut(json_t *object, const char *key, json_t *value, bool cut, uint64_t *cuts)
{
	char cut_key[32];

	field_set(object, key, value);
	if (!cut)
		return;
	snprintf(cut_key, sizeof(cut_key), "%s_cut", key);
	field_set_true(object, cut_key, true);
	*cuts += 1;
}

void field_set_text(json_t *object, const char *key, const char *text)
{
	field_set(object, key, field_text(text));
}

void field_set_time(json_t *object, const char *key, uint64_t time_us)
{
	char text[CLOCK_TEXT_MAX];

	field_set_text(object, key, clock_print(time_us, text));
}
