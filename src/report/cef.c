/* cef.c - see cef.h. "Implementing ArcSight Common Event Format", version 25: seven header fields, then key=value with keys
 * of its dictionary, each value no longer than the dictionary allows.
 *
 *   CEF:0|Postern|posternd|0.1.0|1025100|Open-relay attempt, refused|8|rt=1795286167148 src=203.0.113.9 spt=40000 ...
 *
 * In the header \ and | are escaped, in values \ and = and the ends of lines; other control bytes become \xNN.
 * `src` and `dst` hold IPv4 alone there: IPv6 goes into c6a2 and c6a3, as the dictionary wants it. Severity goes from 1 (worst)
 * to 4 here, and there from 10 (worst) to 0.
 *
 * Where a line has little room (a datagram) a key that does not fit is left out whole, and msg is cut.
 */
#include "report/cef.h"

#include <string.h>

#include "report/line.h"
#include "report/pick.h"

/* What the dictionary allows. */
enum { NAME_MAX_BYTES = 512, SHORT_MAX = 63, HOST_MAX = 100, TEXT_MAX = 1023, CUSTOM_MAX = 1023 };
enum { MESSAGE_ROOM = 256 }; /* kept free for msg, where a line is short of room */

static const struct line_escape in_header = { .marked = "\\|" };
static const struct line_escape in_value = { .marked = "\\=", .newline = "\\n", .ret = "\\r" };

enum kind { TEXT, ADDRESS, NUMBER, COUNT, TIME, FIRST };

struct extension {
	const char *key, *label; /* label: of a key that is ours to name, or NULL */
	const char *path;
	enum kind kind;
	size_t most; /* of texts */
};

static const struct extension extensions[] = {
	{ "start", NULL, "incident.first_seen", TIME, 0 },
	{ "end", NULL, "incident.last_seen", TIME, 0 },
	{ "cnt", NULL, "incident.count", COUNT, 0 },
	{ "externalId", NULL, "incident.id", COUNT, 0 },
	{ "dvchost", NULL, "host", TEXT, HOST_MAX },
	{ "deviceInboundInterface", NULL, "in_iface", TEXT, SHORT_MAX },
	{ "spt", NULL, "src_port", COUNT, 0 },
	{ "dpt", NULL, "dest_port", COUNT, 0 },
	{ "proto", NULL, "proto", TEXT, SHORT_MAX },
	{ "app", NULL, "app_proto", TEXT, SHORT_MAX },
	{ "act", NULL, "finding.action", TEXT, SHORT_MAX },
	{ "outcome", NULL, "finding.outcome", TEXT, SHORT_MAX },
	{ "cat", NULL, "alert.category", TEXT, TEXT_MAX },
	{ "suser", NULL, "smtp.mail_from", ADDRESS, TEXT_MAX },
	/* of neighbours with one key, the first that the record has */
	{ "duser", NULL, "smtp.rcpt_to", FIRST, TEXT_MAX },
	{ "duser", NULL, "finding.user", TEXT, TEXT_MAX },
	{ "cs1", "Rule", "alert.rule", TEXT, CUSTOM_MAX },
	{ "cs2", "Incident state", "incident.state", TEXT, CUSTOM_MAX },
	{ "cs3", "HELO", "smtp.helo", TEXT, CUSTOM_MAX },
	{ "cs4", "Measure", "finding.measure", TEXT, CUSTOM_MAX },
	{ "cs4", "Form", "finding.form", TEXT, CUSTOM_MAX },
	{ "cs5", "Would", "finding.would", TEXT, CUSTOM_MAX },
	{ "cs6", "MITRE ATT&CK technique", "alert.metadata.mitre_technique_id", FIRST, CUSTOM_MAX },
	{ "cn1", "Value", "finding.value", NUMBER, 0 },
	{ "cn2", "Limit", "finding.limit", NUMBER, 0 },
	{ "cn3", "Window in seconds", "finding.window_s", NUMBER, 0 },
	{ "flexNumber1", "Baseline", "finding.baseline", NUMBER, 0 },
	{ "flexNumber2", "Incident before", "incident.before", COUNT, 0 },
	{ "flexString1", "Community ID", "community_id", TEXT, TEXT_MAX },
	{ "flexString2", "Gate rule", "postern.rule", TEXT, TEXT_MAX },
};

static void print_key(struct line *l, const char *key, const char *label)
{
	if (label)
		line_print(l, " %sLabel=%s", key, label);
	line_print(l, " %s=", key);
}

static const char *first_of(const json_t *list)
{
	const char *text = json_string_value(json_array_get(list, 0));

	return text ? text : "";
}

static bool is_told_before(const json_t *record, const struct extension *e)
{
	return e > extensions && strcmp(e[-1].key, e->key) == 0 && pick(record, e[-1].path);
}

static void print_extension(struct line *l, const json_t *record, const struct extension *e)
{
	const json_t *value = pick(record, e->path);
	char address[PICK_ADDRESS_MAX];

	if (!value || is_told_before(record, e))
		return;
	print_key(l, e->key, e->label);
	switch (e->kind) {
	case TEXT:
		line_text(l, &in_value, pick_text(record, e->path), e->most);
		break;
	case ADDRESS:
		line_text(l, &in_value, pick_address(pick_text(record, e->path), address), e->most);
		break;
	case FIRST:
		line_text(l, &in_value, pick_address(first_of(value), address), e->most);
		break;
	case NUMBER:
	case COUNT:
		line_print(l, "%lld", pick_number(record, e->path));
		break;
	case TIME:
		line_print(l, "%llu", (unsigned long long)(pick_time_us(record, e->path) / 1000));
		break;
	}
}

static void print_ip(struct line *l, const json_t *record, const char *path, const char *v4, const char *v6,
        const char *label)
{
	const char *ip = pick_text(record, path);

	if (!*ip)
		return;
	if (strchr(ip, ':'))
		print_key(l, v6, label);
	else
		print_key(l, v4, NULL);
	line_text(l, &in_value, ip, SHORT_MAX);
}

static void print_direction(struct line *l, const json_t *record)
{
	const char *direction = pick_text(record, "postern.direction");

	if (strcmp(direction, "inbound") == 0)
		line_print(l, " deviceDirection=0");
	if (strcmp(direction, "outbound") == 0)
		line_print(l, " deviceDirection=1");
}

static void print_translated(struct line *l, const json_t *record)
{
	if (!pick(record, "nat"))
		return;
	print_ip(
	        l, record, "nat.src_ip", "sourceTranslatedAddress", "c6a4", "Translated Source IPv6 Address");
	line_print(l, " sourceTranslatedPort=%lld", pick_number(record, "nat.src_port"));
	if (!strchr(pick_text(record, "nat.dest_ip"), ':')) { /* there is no fifth place for IPv6 */
		print_ip(l, record, "nat.dest_ip", "destinationTranslatedAddress", NULL, NULL);
		line_print(l, " destinationTranslatedPort=%lld", pick_number(record, "nat.dest_port"));
	}
}

/* Signature and evidence. */
static void print_message(struct line *l, const json_t *record)
{
	const json_t *evidence = pick(record, "finding.evidence"), *one;
	size_t end, i;

	char story[PICK_STORY_MAX];

	line_print(l, " msg=");
	end = l->used + TEXT_MAX;
	line_text(l, &in_value, pick_text(record, "alert.signature"), TEXT_MAX);
	json_array_foreach (evidence, i, one) {
		if (l->used + strlen("; ") >= end)
			break;
		line_print(l, "; ");
		line_text(l, &in_value, json_string_value(one), end - l->used);
	}
	if (*pick_story(record, story) && l->used + strlen("; ") < end) {
		line_print(l, "; ");
		line_text(l, &in_value, story, end - l->used);
	}
}

static void print_ends(struct line *l, const json_t *record)
{
	print_ip(l, record, "src_ip", "src", "c6a2", "Source IPv6 Address");
	print_ip(l, record, "dest_ip", "dst", "c6a3", "Destination IPv6 Address");
	print_translated(l, record);
	print_direction(l, record);
}

static int severity_of(const json_t *record)
{
	static const int severities[] = { 0, 10, 8, 5, 2 };
	long long severity = pick_number(record, "alert.severity");

	return severity >= 1 && severity <= 4 ? severities[severity] : 0;
}

size_t cef_print(const json_t *record, char *out, size_t room)
{
	struct line l = { out, 0, room - MESSAGE_ROOM };
	size_t before;

	line_print(&l, "CEF:0|Postern|posternd|");
	line_text(&l, &in_header, pick_text(record, "postern.version"), SHORT_MAX);
	line_print(&l, "|%lld|", pick_number(record, "alert.signature_id"));
	line_text(&l, &in_header, pick_text(record, "alert.signature"), NAME_MAX_BYTES);
	line_print(&l, "|%d|rt=%llu", severity_of(record),
	        (unsigned long long)(pick_time_us(record, "timestamp") / 1000));
	print_ends(&l, record);
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		before = l.used;
		print_extension(&l, record, &extensions[i]);
		(void)line_keep_whole(&l, before);
	}
	l.room = room;
	print_message(&l, record);
	return l.used;
}
