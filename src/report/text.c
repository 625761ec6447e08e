/* text.c - see text.h.
 *
 *   2026-11-21 18:36:07.148 smtp  203.0.113.9:40000 > 192.168.0.10:25 inbound <a@b> to <c@d> 250: completed
 *   2026-11-21 18:36:09.002 flow  203.0.113.9:40000 > 192.168.0.10:25 inbound closed, 1 transaction, ...
 *   2026-11-21 18:36:07.148 ALERT 203.0.113.9:40000 > 192.168.0.10:25 inbound 1025100 relay.attempt severity 2 ...
 *
 * Made from the JSON record, so that there is one assembly of facts. What a record lacks is left out.
 */
#include "report/text.h"

#include <stdio.h>
#include <string.h>

#include "report/line.h"
#include "report/pick.h"

enum { RECIPIENTS_SHOWN = 10, STAMP_DATE = 10, STAMP_TIME = 12 };

/* "2026-11-21T18:36:07.148588+0000" to "2026-11-21 18:36:07.148" */
static void print_stamp(struct line *l, const char *stamp)
{
	if (strlen(stamp) > STAMP_DATE + STAMP_TIME)
		line_print(l, "%.*s %.*s", STAMP_DATE, stamp, STAMP_TIME, stamp + STAMP_DATE + 1);
}

static void print_end(struct line *l, const json_t *record, const char *ip, const char *port)
{
	const char *addr = pick_text(record, ip);

	line_print(l, strchr(addr, ':') ? "[%s]:%lld" : "%s:%lld", addr, pick_number(record, port));
}

static void print_head(struct line *l, const json_t *record, const char *type)
{
	print_stamp(l, pick_text(record, "timestamp"));
	line_print(l, " %-5s", type);
	if (!json_object_get(record, "src_ip"))
		return;
	line_print(l, " ");
	print_end(l, record, "src_ip", "src_port");
	line_print(l, " > ");
	print_end(l, record, "dest_ip", "dest_port");
	line_print(l, " %s", pick_text(json_object_get(record, "postern"), "direction"));
}

static void print_recipients(struct line *l, const json_t *smtp)
{
	const json_t *list = json_object_get(smtp, "rcpt"), *entry;
	long long all = pick_number(smtp, "rcpt_count");
	size_t i;

	json_array_foreach (list, i, entry) {
		if (i >= RECIPIENTS_SHOWN)
			break;
		line_print(l, "%s %s", i ? "," : " to", pick_text(entry, "path"));
		if (pick_number(entry, "code"))
			line_print(l, " %lld", pick_number(entry, "code"));
		if (strcmp(pick_text(entry, "outcome"), "refused-by-postern") == 0)
			line_print(l, " (refused by postern)");
	}
	if (all > (long long)i)
		line_print(l, " and %lld more", all - (long long)i);
}

static void print_smtp(struct line *l, const json_t *record)
{
	const json_t *smtp = json_object_get(record, "smtp");

	print_head(l, record, "smtp");
	if (*pick_text(smtp, "mail_from"))
		line_print(l, " %s", pick_text(smtp, "mail_from"));
	print_recipients(l, smtp);
	line_print(l, ": %s", pick_text(smtp, "end"));
	if (pick_number(smtp, "reply"))
		line_print(l, ", %lld %s", pick_number(smtp, "reply"), pick_text(smtp, "reply_text"));
	if (json_object_get(smtp, "size"))
		line_print(l, ", %lld bytes", pick_number(smtp, "size"));
	if (*pick_text(smtp, "helo"))
		line_print(l, ", helo %s", pick_text(smtp, "helo"));
	if (json_is_true(json_object_get(smtp, "tls")))
		line_print(l, ", tls");
}

static void print_flow(struct line *l, const json_t *record)
{
	const json_t *flow = json_object_get(record, "flow"), *tls = json_object_get(flow, "tls");

	print_head(l, record, "flow");
	line_print(l, " %s, %lld transaction%s, %lld bytes to server, %lld to client",
	        pick_text(flow, "state"), pick_number(flow, "transactions"),
	        pick_number(flow, "transactions") == 1 ? "" : "s", pick_number(flow, "bytes_toserver"),
	        pick_number(flow, "bytes_toclient"));
	if (tls)
		line_print(l, ", %s",
		        strcmp(pick_text(tls, "version"), "unknown") == 0 ? "tls"
		                                                          : pick_text(tls, "version"));
	if (pick_number(flow, "skipped_bytes"))
		line_print(l, ", %lld bytes not read", pick_number(flow, "skipped_bytes"));
	if (json_is_true(json_object_get(flow, "midstream")))
		line_print(l, ", midstream");
	if (json_is_true(json_object_get(flow, "one_sided")))
		line_print(l, ", one side only");
}

static void print_incident(struct line *l, const json_t *record)
{
	const json_t *incident = json_object_get(record, "incident");
	char story[PICK_STORY_MAX];

	if (*pick_story(record, story))
		line_print(l, "; %s", story);
	line_print(l, "; incident %lld %s", pick_number(incident, "id"), pick_text(incident, "state"));
	if (pick_number(incident, "count") < 2)
		return;
	line_print(l, ", %lld findings from ", pick_number(incident, "count"));
	print_stamp(l, pick_text(incident, "first_seen"));
	line_print(l, " to ");
	print_stamp(l, pick_text(incident, "last_seen"));
}

/* Who stopped it, or that nobody did. `allowed` of the record says only that we did not, which beside a
 * signature like "attempt, refused" reads as the opposite. */
static const char *how_it_ended(const json_t *alert, const json_t *finding)
{
	const char *outcome = pick_text(finding, "outcome");

	return *outcome ? outcome : pick_text(alert, "action");
}

static void print_alert(struct line *l, const json_t *record)
{
	const json_t *alert = json_object_get(record, "alert");
	const json_t *finding = json_object_get(record, "finding"), *line;
	size_t i;

	print_head(l, record, "ALERT");
	line_print(l, " %lld %s severity %lld, %s: %s", pick_number(alert, "signature_id"),
	        pick_text(alert, "rule"), pick_number(alert, "severity"), how_it_ended(alert, finding),
	        pick_text(alert, "signature"));
	if (*pick_text(finding, "would"))
		line_print(l, " (enforcing: %s)", pick_text(finding, "would"));
	json_array_foreach (json_object_get(finding, "evidence"), i, line)
		line_print(l, "; %s", json_string_value(line));
	print_incident(l, record);
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

static void print_budget(struct line *l, const json_t *record)
{
	json_t *budget = json_object_get(record, "budget");

	print_stamp(l, pick_text(record, "timestamp"));
	line_print(l, " left out of %s in %lld s%s:",
	        *pick_text(budget, "source") ? pick_text(budget, "source") : "all",
	        pick_number(budget, "window_s"),
	        strcmp(pick_text(budget, "of"), "disk") == 0 ? ", the disk is nearly full" : "");
	print_numbers(l, json_object_get(budget, "left_out"), "");
}

static const struct {
	const char *type;
	void (*print)(struct line *l, const json_t *record);
} printers[] = {
	{ "smtp", print_smtp },
	{ "flow", print_flow },
	{ "alert", print_alert },
	{ "stats", print_stats },
	{ "budget", print_budget },
};

size_t text_print(const json_t *record, char *out, size_t room)
{
	struct line l = { out, 0, room };
	const char *type = pick_text(record, "event_type");
	size_t i;

	for (i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
		if (strcmp(printers[i].type, type) == 0)
			printers[i].print(&l, record);
	return l.used;
}
