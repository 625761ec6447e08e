/* format.c - see format.h. */
#include "report/format.h"

#include <string.h>

#include "report/cef.h"
#include "report/ecs.h"
#include "report/line.h"
#include "report/text.h"
#include "report/writer.h"

enum { SHARE_DIGITS = 6 };

static size_t print_eve(const json_t *record, const struct syslog_origin *origin, char *out)
{
	size_t len =
	        json_dumpb(record, out, WRITER_LINE_MAX, JSON_COMPACT | JSON_REAL_PRECISION(SHARE_DIGITS));

	(void)origin;
	return len <= WRITER_LINE_MAX ? len : 0;
}

static size_t print_text(const json_t *record, const struct syslog_origin *origin, char *out)
{
	(void)origin;
	return text_print(record, out, WRITER_LINE_MAX + 1);
}

static size_t print_ecs(const json_t *record, const struct syslog_origin *origin, char *out)
{
	(void)origin;
	return ecs_print(record, out, WRITER_LINE_MAX);
}

static size_t print_cef(const json_t *record, const struct syslog_origin *origin, char *out)
{
	(void)origin;
	return cef_print(record, out, WRITER_LINE_MAX + 1);
}

const struct format formats[EVE_FORMAT_COUNT] = {
	[EVE_FORMAT_JSON] = { "eve", "eve", false, print_eve },
	[EVE_FORMAT_TEXT] = { "text", "txt", false, print_text },
	[EVE_FORMAT_ECS] = { "ecs", "ecs", false, print_ecs },
	[EVE_FORMAT_CEF] = { "cef", "cef", true, print_cef },
	[EVE_FORMAT_SYSLOG] = { "syslog", "syslog", true, syslog_print },
	[EVE_FORMAT_SYSLOG_CEF] = { "syslog-cef", "syslog-cef", true, syslog_print_cef },
};

int eve_format_find(const char *name)
{
	for (int i = 0; i < EVE_FORMAT_COUNT; i++)
		if (strcmp(formats[i].name, name) == 0)
			return i;
	return -1;
}

const char *eve_format_name(enum eve_format format)
{
	return formats[format].name;
}

char *eve_format_list(char buf[EVE_FORMATS_TEXT_MAX])
{
	struct line l = { buf, 0, EVE_FORMATS_TEXT_MAX };

	for (int i = 0; i < EVE_FORMAT_COUNT; i++)
		line_print(&l, "%s%s", i ? ", " : "", formats[i].name);
	return buf;
}
