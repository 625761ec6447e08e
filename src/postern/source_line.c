/* source_line.c - see source_line.h. */
#include "postern/source_line.h"

#include <stdio.h>
#include <string.h>

#include "postern/live.h"

static const struct {
	const char *word, *name;
} sorts[] = {
	{ "recipients", "accepted" },
	{ "refused", "refused" },
	{ "messages", "messages" },
	{ "transactions", "transactions" },
	{ "connections", "connections" },
	{ "tls", "tls" },
	{ "bytes", "bytes" },
	{ "destinations", "destinations" },
	{ "null_senders", "null_senders" },
	{ "auth_failures", "auth_failures" },
	{ "last", "last" },
};
enum { SORTS = sizeof(sorts) / sizeof(sorts[0]) };

enum { SOURCE_COLUMNS = 24, LAST_COLUMNS = 19, LAST_SHORT_COLUMNS = 11, LEFT_OUT_MOST = 5, ALWAYS };

/* left_out: from this number on it is; ALWAYS is there. 1 is the date of the last sign. */
static const struct {
	const char *heading, *key;
	unsigned width, left_out;
	bool is_bytes;
} counts[] = {
	{ "CONNECT", "connections", 7, ALWAYS, false },
	{ "MESSAGES", "messages", 8, ALWAYS, false },
	{ "RECIPIENT", "accepted", 9, ALWAYS, false },
	{ "REFUSED", "refused", 7, ALWAYS, false },
	{ "NULL", "null_senders", 6, 3, false },
	{ "AUTHBAD", "auth_failures", 7, LEFT_OUT_MOST, false },
	{ "HOSTS", "destinations", 5, 4, false },
	{ "TLS", "tls", 6, 2, false },
	{ "BYTES", "bytes", 6, ALWAYS, true },
};
enum { COUNTS = sizeof(counts) / sizeof(counts[0]) };

static unsigned width_of(unsigned left_out)
{
	unsigned width = SOURCE_COLUMNS + 2 + (left_out > 0 ? LAST_SHORT_COLUMNS : LAST_COLUMNS);

	for (unsigned i = 0; i < COUNTS; i++)
		if (left_out < counts[i].left_out)
			width += counts[i].width + 1;
	return width;
}

unsigned source_line_left_out(unsigned columns)
{
	unsigned left_out = 0;

	while (left_out < LEFT_OUT_MOST && width_of(left_out) > columns)
		left_out++;
	return left_out;
}

char *source_line_heading(unsigned left_out, char buf[SOURCE_LINE_MAX])
{
	int len = snprintf(buf, SOURCE_LINE_MAX, "%-*s", SOURCE_COLUMNS, "SOURCE");

	for (unsigned i = 0; i < COUNTS; i++)
		if (left_out < counts[i].left_out)
			len += snprintf(buf + len, SOURCE_LINE_MAX - (size_t)len, " %*s",
			        (int)counts[i].width, counts[i].heading);
	snprintf(buf + len, SOURCE_LINE_MAX - (size_t)len, "  LAST (UTC)");
	return buf;
}

/* "512", "14K", "3.2G". */
static void print_bytes(double bytes, char buf[24])
{
	static const char units[] = " KMGTP";
	unsigned unit = 0;

	for (; bytes >= 1024 && units[unit + 1]; unit++)
		bytes /= 1024;
	if (unit == 0)
		snprintf(buf, 24, "%.0f", bytes);
	else
		snprintf(buf, 24, bytes < 10 ? "%.1f%c" : "%.0f%c", bytes, units[unit]);
}

char *source_line_print(const json_t *row, unsigned left_out, char buf[SOURCE_LINE_MAX])
{
	char last[LIVE_TIME_MAX], bytes[24];
	int len = snprintf(buf, SOURCE_LINE_MAX, "%-*.64s", SOURCE_COLUMNS, live_text(row, "source"));

	for (unsigned i = 0; i < COUNTS; i++) {
		if (left_out >= counts[i].left_out)
			continue;
		if (counts[i].is_bytes)
			print_bytes((double)live_number(row, counts[i].key), bytes);
		else
			snprintf(bytes, sizeof(bytes), "%lld", live_number(row, counts[i].key));
		len += snprintf(
		        buf + len, SOURCE_LINE_MAX - (size_t)len, " %*s", (int)counts[i].width, bytes);
	}
	live_time(row, "last_seen", last);
	if (left_out == 0 || strlen(last) < LAST_COLUMNS)
		snprintf(buf + len, SOURCE_LINE_MAX - (size_t)len, "  %s", last);
	else /* 11-22 13:05 */
		snprintf(buf + len, SOURCE_LINE_MAX - (size_t)len, "  %.*s", LAST_SHORT_COLUMNS, last + 5);
	return buf;
}

const char *source_line_sort(const char *word)
{
	for (unsigned i = 0; i < SORTS; i++)
		if (strcmp(word, sorts[i].word) == 0 || strcmp(word, sorts[i].name) == 0)
			return sorts[i].name;
	return NULL;
}

char *source_line_sorts(char buf[SOURCE_LINE_MAX])
{
	int len = 0;

	for (unsigned i = 0; i < SORTS; i++)
		len += snprintf(
		        buf + len, SOURCE_LINE_MAX - (size_t)len, "%s%s", i > 0 ? ", " : "", sorts[i].word);
	return buf;
}
