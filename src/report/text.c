/* text.c - see text.h.
 *
 *   2026-11-21 18:36:07.148 smtp  203.0.113.9:40000 > 192.168.0.10:25 inbound <a@b> to <c@d> 250: completed
 *   2026-11-21 18:36:09.002 flow  203.0.113.9:40000 > 192.168.0.10:25 inbound closed, 1 transaction, ...
 *   2026-11-21 18:36:07.148 ALERT 203.0.113.9:40000 > 192.168.0.10:25 inbound 1025100 relay.attempt severity 2 ...
 *
 * Made from the JSON record, so that there is one assembly of facts. What a record lacks is left out.
 */
#include "report/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RECIPIENTS_SHOWN = 10, STAMP_DATE = 10, STAMP_TIME = 12 };

struct line {
	char *out;
	size_t used, room;
};

static void line_print(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line_print(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->out + l->used, l->room - l->used, format, args);
	va_end(args);
	if (n > 0)
		l->used += (size_t)n < l->room - l->used ? (size_t)n : l->room - l->used - 1;
}

/* "" when there is none. */
static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "2026-11-21T18:36:07.148588+0000" to "2026-11-21 18:36:07.148" */
static void print_stamp(struct line *l, const char *stamp)
{
	if (strlen(stamp) > STAMP_DATE + STAMP_TIME)
		line_print(l, "%.*s %.*s", STAMP_DATE, stamp, STAMP_TIME, stamp + STAMP_DATE + 1);
}

static void print_end(struct line *l, const json_t *record, const char *ip, const char *port)
{
	const char *addr = text_of(record, ip);

	line_print(l, strchr(addr, ':') ? "[%s]:%lld" : "%s:%lld", addr, number_of(record, port));
}

static void print_head(struct line *l, const json_t *record, const char *type)
{
	print_stamp(l, text_of(record, "timestamp"));
	line_print(l, " %-5s ", type);
	if (!json_object_get(record, "src_ip"))
		return;
	print_end(l, record, "src_ip", "src_port");
	line_print(l, " > ");
	print_end(l, record, "dest_ip", "dest_port");
	line_print(l, " %s", text_of(json_object_get(record, "postern"), "direction"));
}

static void print_recipients(struct line *l, const json_t *smtp)
{
	const json_t *list = json_object_get(smtp, "rcpt"), *entry;
	long long all = number_of(smtp, "rcpt_count");
	size_t i;

	json_array_foreach (list, i, entry) {
		if (i >= RECIPIENTS_SHOWN)
			break;
		line_print(l, "%s %s", i ? "," : " to", text_of(entry, "path"));
		if (number_of(entry, "code"))
			line_print(l, " %lld", number_of(entry, "code"));
		if (strcmp(text_of(entry, "outcome"), "refused-by-postern") == 0)
			line_print(l, " (refused by postern)");
	}
	if (all > (long long)i)
		line_print(l, " and %lld more", all - (long long)i);
}

static void print_smtp(struct line *l, const json_t *record)
{
	const json_t *smtp = json_object_get(record, "smtp");

	print_head(l, record, "smtp");
	if (*text_of(smtp, "mail_from"))
		line_print(l, " %s", text_of(smtp, "mail_from"));
	print_recipients(l, smtp);
	line_print(l, ": %s", text_of(smtp, "end"));
	if (number_of(smtp, "reply"))
		line_print(l, ", %lld %s", number_of(smtp, "reply"), text_of(smtp, "reply_text"));
	if (json_object_get(smtp, "size"))
		line_print(l, ", %lld bytes", number_of(smtp, "size"));
	if (*text_of(smtp, "helo"))
		line_print(l, ", helo %s", text_of(smtp, "helo"));
	if (json_is_true(json_object_get(smtp, "tls")))
		line_print(l, ", tls");
}

static void print_flow(struct line *l, const json_t *record)
{
	const json_t *flow = json_object_get(record, "flow"), *tls = json_object_get(flow, "tls");

	print_head(l, record, "flow");
	line_print(l, " %s, %lld transaction%s, %lld bytes to server, %lld to client", text_of(flow, "state"),
	        number_of(flow, "transactions"), number_of(flow, "transactions") == 1 ? "" : "s",
	        number_of(flow, "bytes_toserver"), number_of(flow, "bytes_toclient"));
	if (tls)
		line_print(l, ", %s",
		        strcmp(text_of(tls, "version"), "unknown") == 0 ? "tls" : text_of(tls, "version"));
	if (number_of(flow, "skipped_bytes"))
		line_print(l, ", %lld bytes not read", number_of(flow, "skipped_bytes"));
	if (json_is_true(json_object_get(flow, "midstream")))
		line_print(l, ", midstream");
	if (json_is_true(json_object_get(flow, "one_sided")))
		line_print(l, ", one side only");
}

static void print_incident(struct line *l, const json_t *incident)
{
	line_print(l, "; incident %lld %s", number_of(incident, "id"), text_of(incident, "state"));
	if (number_of(incident, "count") < 2)
		return;
	line_print(l, ", %lld findings from ", number_of(incident, "count"));
	print_stamp(l, text_of(incident, "first_seen"));
	line_print(l, " to ");
	print_stamp(l, text_of(incident, "last_seen"));
}

/* Who stopped it, or that nobody did. `allowed` of the record says only that we did not, which beside a
 * signature like "attempt, refused" reads as the opposite. */
static const char *how_it_ended(const json_t *alert, const json_t *finding)
{
	const char *outcome = text_of(finding, "outcome");

	return *outcome ? outcome : text_of(alert, "action");
}

static void print_alert(struct line *l, const json_t *record)
{
	const json_t *alert = json_object_get(record, "alert");
	const json_t *finding = json_object_get(record, "finding"), *line;
	size_t i;

	print_head(l, record, "ALERT");
	line_print(l, " %lld %s severity %lld, %s: %s", number_of(alert, "signature_id"),
	        text_of(alert, "rule"), number_of(alert, "severity"), how_it_ended(alert, finding),
	        text_of(alert, "signature"));
	if (*text_of(finding, "would"))
		line_print(l, " (enforcing: %s)", text_of(finding, "would"));
	json_array_foreach (json_object_get(finding, "evidence"), i, line)
		line_print(l, "; %s", json_string_value(line));
	print_incident(l, json_object_get(record, "incident"));
}

/* Nested objects as dotted names; zeros are left out. */
static void print_numbers(struct line *l, json_t *object, const char *prefix)
{
	const char *key;
	json_t *value;
	char name[128];

	json_object_foreach (object, key, value) {
		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
		if (json_is_object(value))
			print_numbers(l, value, name);
		else if (json_number_value(value) > 0)
			line_print(l, " %s=%.15g", name, json_number_value(value));
	}
}

static void print_stats(struct line *l, const json_t *record)
{
	print_head(l, record, "stats");
	print_numbers(l, json_object_get(record, "stats"), "");
}

static const struct {
	const char *type;
	void (*print)(struct line *l, const json_t *record);
} printers[] = {
	{ "smtp", print_smtp },
	{ "flow", print_flow },
	{ "alert", print_alert },
	{ "stats", print_stats },
};

size_t text_print(const json_t *record, char *out, size_t room)
{
	struct line l = { out, 0, room };
	const char *type = text_of(record, "event_type");
	size_t i;

	for (i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
		if (strcmp(printers[i].type, type) == 0)
			printers[i].print(&l, record);
	return l.used;
}
