/* source_line.c - see source_line.h. */
#include "postern/source_line.h"

#include <stdio.h>
#include <string.h>

#include "postern/live.h"

static const char *const sorts[] = { "accepted", "refused", "messages", "transactions", "connections", "tls",
	"bytes", "destinations", "null_senders", "auth_failures", "last" };

char *source_line_heading(char buf[SOURCE_LINE_MAX])
{
	snprintf(buf, SOURCE_LINE_MAX, "%-24s %8s %8s %9s %8s %6s %7s %5s %6s %7s  %s", "SOURCE", "CONNECT",
	        "MESSAGES", "RECIPIENT", "REFUSED", "NULL", "AUTHBAD", "HOSTS", "TLS", "BYTES", "LAST (UTC)");
	return buf;
}

/* "512", "14K", "3.2G". */
static void print_bytes(double bytes, char buf[16])
{
	static const char units[] = " KMGTP";
	unsigned unit = 0;

	for (; bytes >= 1024 && units[unit + 1]; unit++)
		bytes /= 1024;
	if (unit == 0)
		snprintf(buf, 16, "%.0f", bytes);
	else
		snprintf(buf, 16, bytes < 10 ? "%.1f%c" : "%.0f%c", bytes, units[unit]);
}

char *source_line_print(const json_t *row, char buf[SOURCE_LINE_MAX])
{
	char last[LIVE_TIME_MAX], bytes[16];

	print_bytes((double)live_number(row, "bytes"), bytes);
	snprintf(buf, SOURCE_LINE_MAX, "%-24s %8lld %8lld %9lld %8lld %6lld %7lld %5lld %6lld %7s  %s",
	        live_text(row, "source"), live_number(row, "connections"), live_number(row, "messages"),
	        live_number(row, "accepted"), live_number(row, "refused"), live_number(row, "null_senders"),
	        live_number(row, "auth_failures"), live_number(row, "destinations"), live_number(row, "tls"),
	        bytes, live_time(row, "last_seen", last));
	return buf;
}

const char *source_line_sort(const char *word)
{
	if (strcmp(word, "recipients") == 0)
		return sorts[0];
	for (unsigned i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++)
		if (strcmp(word, sorts[i]) == 0)
			return sorts[i];
	return NULL;
}

const char *source_line_sorts(void)
{
	return "recipients, refused, messages, transactions, connections, tls, bytes, destinations, "
	       "null_senders, auth_failures, last";
}
