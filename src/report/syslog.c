/* syslog.c - see syslog.h.
 *
 *   <82>1 2026-11-21T18:36:07.148588Z gw posternd 4711 relay.attempt [alert@32473 id="1025100" ...][...] Open-relay ...
 *
 * Facility as configured. Severity 1 to 4 is critical, warning, notice, informational. MSGID is the rule. Structured data: origin
 * (RFC 5424 7.2), and elements of ours with the enterprise number 32473, which RFC 5612 sets aside for examples: the
 * project has none of its own. Whoever needs the names to be unique in the world changes the one line here.
 *
 * Text is UTF-8. The byte order mark that RFC 5424 6.4 asks for then stands before it only where a byte is not ASCII: what
 * is ASCII is the same either way, and many readers show the mark. Before CEF it never stands, since receivers look for
 * "CEF:" at the very beginning.
 *
 * What has no room: first the text is cut; of a datagram, which is short, values, and an element that does not fit is left out
 * whole.
 */
#include "report/syslog.h"

#include <string.h>

#include "report/cef.h"
#include "report/line.h"
#include "report/pick.h"

#define ENTERPRISE "32473"

/* RFC 5424 section 6 */
enum { HOSTNAME_MAX = 255, MSGID_MAX = 32, STAMP_LEN = 26 };
enum {
	TEXT_ROOM = 256,
	VALUES = 10
}; /* kept free for the text; a value has that part of a message at most */

static const struct line_escape in_value = { .marked = "\"\\]" };
static const struct line_escape in_text = { .marked = "" };

struct parameter {
	const char *name, *path;
};

struct element {
	const char *id;
	const char *needs; /* is there only with this object of the record */
	struct parameter parameters[15];
};

static const struct element elements[] = {
	{ "alert@" ENTERPRISE, "alert",
	        { { "id", "alert.signature_id" }, { "rule", "alert.rule" }, { "severity", "alert.severity" },
	                { "category", "alert.category" }, { "action", "finding.action" },
	                { "would", "finding.would" }, { "outcome", "finding.outcome" },
	                { "form", "finding.form" }, { "measure", "finding.measure" },
	                { "block", "finding.block" }, { "value", "finding.value" },
	                { "limit", "finding.limit" }, { "baseline", "finding.baseline" },
	                { "window_s", "finding.window_s" },
	                { "technique", "alert.metadata.mitre_technique_id" } } },
	{ "connection@" ENTERPRISE, "src_ip",
	        { { "src", "src_ip" }, { "spt", "src_port" }, { "dst", "dest_ip" }, { "dpt", "dest_port" },
	                { "proto", "proto" }, { "direction", "postern.direction" },
	                { "rule", "postern.rule" }, { "iface", "in_iface" }, { "flow_id", "flow_id" },
	                { "community_id", "community_id" } } },
	{ "smtp@" ENTERPRISE, "smtp",
	        { { "helo", "smtp.helo" }, { "mail_from", "smtp.mail_from" }, { "rcpt_to", "smtp.rcpt_to" },
	                { "tx_id", "tx_id" } } },
	{ "incident@" ENTERPRISE, "incident",
	        { { "id", "incident.id" }, { "state", "incident.state" }, { "source", "incident.source" },
	                { "target", "incident.target" }, { "count", "incident.count" },
	                { "rule_count", "incident.rule_count" }, { "first_seen", "incident.first_seen" },
	                { "last_seen", "incident.last_seen" }, { "acked_by", "incident.acked.uid" },
	                { "acked_reason", "incident.acked.reason" } } },
};

/* Printable ASCII without spaces, or "-". */
static void print_word(struct line *l, const char *text, size_t most)
{
	size_t i;

	for (i = 0; i < most && text[i]; i++)
		line_print(l, "%c", text[i] > ' ' && text[i] < 0x7f ? text[i] : '_');
	line_print(l, i > 0 ? " " : "- ");
}

static int severity_of(const json_t *record)
{
	static const int severities[] = { 6, 2, 4, 5, 6 };
	long long severity = pick_number(record, "alert.severity");

	return severities[severity >= 1 && severity <= 4 ? severity : 0];
}

/* Up to the space before the structured data. */
static void print_header(struct line *l, const json_t *record, const struct syslog_origin *origin)
{
	line_print(l, "<%u>1 %.*sZ ", origin->facility * 8 + (unsigned)severity_of(record), STAMP_LEN,
	        pick_text(record, "timestamp"));
	print_word(l, pick_text(record, "host"), HOSTNAME_MAX);
	if (origin->pid)
		line_print(l, "posternd %u ", origin->pid);
	else
		line_print(l, "posternd - ");
	print_word(l, pick_text(record, "alert.rule"), MSGID_MAX);
}

static void print_parameter(struct line *l, const json_t *record, const struct parameter *p, size_t value_max)
{
	const json_t *value = pick(record, p->path);

	if (json_is_array(value))
		value = json_array_get(value, 0);
	if (!value)
		return;
	line_print(l, " %s=\"", p->name);
	if (json_is_string(value))
		line_text(l, &in_value, json_string_value(value), value_max);
	else
		line_print(l, "%lld", (long long)json_integer_value(value));
	line_print(l, "\"");
}

static void print_element(struct line *l, const json_t *record, const struct element *e, size_t value_max)
{
	const size_t before = l->used;
	const struct parameter *p = e->parameters;

	line_print(l, "[%s", e->id);
	for (; p < e->parameters + sizeof(e->parameters) / sizeof(*p) && p->name; p++)
		print_parameter(l, record, p, value_max);
	line_print(l, "]");
	(void)line_keep_whole(l, before);
}

static void print_data(struct line *l, const json_t *record)
{
	const size_t room = l->room;

	l->room -= TEXT_ROOM;
	line_print(l, "[origin software=\"posternd\" swVersion=\"");
	line_text(l, &in_value, pick_text(record, "postern.version"), MSGID_MAX);
	line_print(l, "\"]");
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (pick(record, elements[i].needs))
			print_element(l, record, &elements[i], room / VALUES);
	l->room = room;
}

static int is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 0x80)
		text++;
	return *text == '\0';
}

static void print_message(struct line *l, const json_t *record)
{
	const json_t *evidence = pick(record, "finding.evidence"), *one;
	char story[PICK_STORY_MAX];
	int ascii = is_ascii(pick_story(record, story)) && is_ascii(pick_text(record, "alert.signature"));
	size_t i;

	json_array_foreach (evidence, i, one)
		ascii = ascii && is_ascii(json_string_value(one));
	line_print(l, ascii ? " " : " \xef\xbb\xbf");
	line_text(l, &in_text, pick_text(record, "alert.signature"), SYSLOG_MESSAGE_MAX);
	json_array_foreach (evidence, i, one) {
		line_print(l, "; ");
		line_text(l, &in_text, json_string_value(one), SYSLOG_MESSAGE_MAX);
	}
	if (*story) {
		line_print(l, "; ");
		line_text(l, &in_text, story, SYSLOG_MESSAGE_MAX);
	}
}

static struct line begin_line(char *out, const struct syslog_origin *origin)
{
	return (struct line) { out, 0, (origin->most ? origin->most : SYSLOG_MESSAGE_MAX) + 1 };
}

size_t syslog_print(const json_t *record, const struct syslog_origin *origin, char *out)
{
	struct line l = begin_line(out, origin);

	print_header(&l, record, origin);
	print_data(&l, record);
	print_message(&l, record);
	return l.used;
}

size_t syslog_print_cef(const json_t *record, const struct syslog_origin *origin, char *out)
{
	struct line l = begin_line(out, origin);

	print_header(&l, record, origin);
	line_print(&l, "- ");
	l.used += cef_print(record, l.out + l.used, l.room - l.used);
	return l.used;
}
