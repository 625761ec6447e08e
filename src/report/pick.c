/* pick.c - see pick.h. */
#include "report/pick.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "report/line.h"

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

static void print_ack(struct line *l, const json_t *ack)
{
	if (!ack)
		return;
	line_print(l, "acked by uid %lld", pick_number(ack, "uid"));
	if (*pick_text(ack, "reason"))
		line_print(l, ": %s", pick_text(ack, "reason"));
}

const char *pick_story(const json_t *record, char buf[PICK_STORY_MAX])
{
	struct line l = { buf, 0, PICK_STORY_MAX };
	const char *rule = pick_text(record, "alert.rule"), *word;
	const json_t *facet;
	size_t i;

	buf[0] = '\0';
	print_ack(&l, pick(record, "incident.acked"));
	word = l.used > 0 ? "; also" : "also";
	json_array_foreach (pick(record, "incident.facets"), i, facet)
		if (strcmp(pick_text(facet, "rule"), rule) != 0) {
			line_print(&l, "%s %s %lld", word, pick_text(facet, "rule"),
			        pick_number(facet, "count"));
			word = ",";
		}
	return buf;
}
