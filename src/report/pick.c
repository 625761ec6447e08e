/* pick.c - see pick.h. */
#include "report/pick.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NAME_MAX_BYTES = 64 };

json_t *pick(const json_t *record, const char *path)
{
	char name[NAME_MAX_BYTES];
	const char *dot;

	while (record && (dot = strchr(path, '.')) != NULL) {
		snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
		record = json_object_get(record, name);
		path = dot + 1;
	}
	return json_object_get(record, path);
}

const char *pick_text(const json_t *record, const char *path)
{
	const char *text = json_string_value(pick(record, path));

	return text ? text : "";
}

long long pick_number(const json_t *record, const char *path)
{
	return json_integer_value(pick(record, path));
}

uint64_t pick_time_us(const json_t *record, const char *path)
{
	const char *text = pick_text(record, path);
	struct tm date = { 0 };
	unsigned micro;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6u", &date.tm_year, &date.tm_mon, &date.tm_mday,
	            &date.tm_hour, &date.tm_min, &date.tm_sec, &micro) != 7)
		return 0;
	date.tm_year -= 1900;
	date.tm_mon -= 1;
	return (uint64_t)timegm(&date) * 1000000 + micro;
}

const char *pick_address(const char *path, char buf[PICK_ADDRESS_MAX])
{
	size_t len = strlen(path);

	if (len > 2 && path[0] == '<' && path[len - 1] == '>')
		snprintf(buf, PICK_ADDRESS_MAX, "%.*s", (int)(len - 2), path + 1);
	else
		snprintf(buf, PICK_ADDRESS_MAX, "%s", path);
	return buf;
}
