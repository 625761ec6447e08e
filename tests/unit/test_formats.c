/* Records in every format: whole lines against the files of tests/golden, and each format's own grammar against them.
 *
 * GOLDEN=renew (make golden) writes the files instead; read the difference before you keep it. Run from the top of the
 * tree, as make does.
 */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events.h"
#include "format_stories.h"
#include "policy/policy.h"
#include "report/cef.h"
#include "report/ecs.h"
#include "report/eve.h"
#include "report/format.h"
#include "report/line.h"
#include "report/writer.h"
#include "suite.h"

enum { CONTENT_MAX = 1 << 20, PID = 4711, SHORTEST = 1024 };

static char written[CONTENT_MAX], kept[CONTENT_MAX];

/* ---- telling them -------------------------------------------------------------------------------- */

static const struct event_nat *find_nat(const void *arg, uint64_t flow_id)
{
	static struct event_nat nat = { .sport = 40000, .dport = 25 };

	(void)arg;
	nat.src = addr_from_v4((const uint8_t[]) { 203, 0, 113, 9 });
	nat.dst = addr_from_v4((const uint8_t[]) { 203, 0, 113, 5 });
	return flow_id == 4711 ? &nat : NULL;
}

static void load(const char *path, char content[CONTENT_MAX])
{
	FILE *f = fopen(path, "r");
	size_t len = f ? fread(content, 1, CONTENT_MAX - 1, f) : 0;

	if (f)
		fclose(f);
	content[len] = '\0';
}

/* To written. */
static void tell(size_t story, enum eve_format format)
{
	char path[] = "/tmp/postern-formats-XXXXXX", err[200];
	struct eve_settings s = { .path = path,
		.format = format,
		.host = "gw",
		.config_hash = "c0ffee",
		.mode = "enforce",
		.connections = 16,
		.facility = SYSLOG_AUTHPRIV,
		.pid = PID,
		.budget = stories[story].budget,
		.nat = find_nat };
	struct policy_groups any = { { 1 } };
	struct policy *policy = policy_new();
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	CU_ASSERT_EQUAL(policy_add_rule(policy, "in", &any, &any, DO_INSPECT), 0);
	CU_ASSERT_EQUAL(policy_seal(policy), 0);
	eve = eve_open(&s, policy, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(eve);
	stories[story].tell();
	CU_ASSERT_EQUAL(eve_counts(eve).lost, 0);
	eve_close(eve);
	policy_free(policy);
	load(path, written);
	unlink(path);
}

static bool goes_there(size_t story, unsigned format)
{
	return stories[story].alerts || !formats[format].alerts_only;
}

static void golden_path(char path[128], size_t story, unsigned format)
{
	snprintf(path, 128, "tests/golden/%s.%s", stories[story].name, formats[format].extension);
}

static void renew(const char *path)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_FATAL(f && fputs(written, f) >= 0 && fclose(f) == 0);
}

/* Shows the first line that differs. */
static void compare(const char *path)
{
	const char *a = written, *b = kept;

	CU_ASSERT_STRING_EQUAL(written, kept);
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return;
	while (a > written && a[-1] != '\n') {
		a--;
		b--;
	}
	printf("\n%s differs; make golden renews it\n got %.*s\nwant %.*s\n", path, (int)strcspn(a, "\n"), a,
	        (int)strcspn(b, "\n"), b);
}

static void lines_are_as_kept(void)
{
	bool renewing = getenv("GOLDEN") != NULL;
	char path[128];

	for (size_t story = 0; story < STORIES; story++)
		for (unsigned format = 0; format < EVE_FORMAT_COUNT; format++) {
			tell(story, format);
			if (!goes_there(story, format)) {
				CU_ASSERT_STRING_EQUAL(written, "");
				continue;
			}
			CU_ASSERT_STRING_NOT_EQUAL(written, "");
			golden_path(path, story, format);
			if (renewing)
				renew(path);
			load(path, kept);
			compare(path);
		}
}

/* Calls each for all lines of all stories in this format. */
static void each_line(enum eve_format format, void (*each)(char *line))
{
	char *line, *end;

	for (size_t story = 0; story < STORIES; story++) {
		if (!goes_there(story, format))
			continue;
		tell(story, format);
		for (line = written; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			each(line);
		}
		CU_ASSERT_STRING_EQUAL(line, "");
	}
}

/* ---- ECS ----------------------------------------------------------------------------------------- */

/* What ECS 8.11 names, of all that we may write, with its type; many: ECS wants an array. */
static const struct ecs_field {
	const char *name;
	enum { KEYWORD, DATE, LONG, IP, BOOLEAN } type;
	bool many;
} ecs_fields[] = {
	{ "@timestamp", DATE, false },
	{ "message", KEYWORD, false },
	{ "ecs.version", KEYWORD, false },
	{ "event.kind", KEYWORD, false },
	{ "event.category", KEYWORD, true },
	{ "event.type", KEYWORD, true },
	{ "event.action", KEYWORD, false },
	{ "event.outcome", KEYWORD, false },
	{ "event.severity", LONG, false },
	{ "event.dataset", KEYWORD, false },
	{ "event.module", KEYWORD, false },
	{ "event.provider", KEYWORD, false },
	{ "event.id", KEYWORD, false },
	{ "event.code", KEYWORD, false },
	{ "event.start", DATE, false },
	{ "event.end", DATE, false },
	{ "event.duration", LONG, false },
	{ "source.ip", IP, false },
	{ "source.port", LONG, false },
	{ "source.bytes", LONG, false },
	{ "source.packets", LONG, false },
	{ "source.nat.ip", IP, false },
	{ "source.nat.port", LONG, false },
	{ "destination.ip", IP, false },
	{ "destination.port", LONG, false },
	{ "destination.bytes", LONG, false },
	{ "destination.packets", LONG, false },
	{ "destination.nat.ip", IP, false },
	{ "destination.nat.port", LONG, false },
	{ "network.type", KEYWORD, false },
	{ "network.transport", KEYWORD, false },
	{ "network.protocol", KEYWORD, false },
	{ "network.application", KEYWORD, false },
	{ "network.direction", KEYWORD, false },
	{ "network.community_id", KEYWORD, false },
	{ "network.bytes", LONG, false },
	{ "network.packets", LONG, false },
	{ "network.vlan.id", KEYWORD, false },
	{ "network.inner.vlan.id", KEYWORD, false },
	{ "email.from.address", KEYWORD, true },
	{ "email.to.address", KEYWORD, true },
	{ "email.message_id", KEYWORD, false },
	{ "email.local_id", KEYWORD, false },
	{ "tls.version", KEYWORD, false },
	{ "tls.version_protocol", KEYWORD, false },
	{ "tls.established", BOOLEAN, false },
	{ "tls.client.server_name", KEYWORD, false },
	{ "observer.name", KEYWORD, false },
	{ "observer.hostname", KEYWORD, false },
	{ "observer.vendor", KEYWORD, false },
	{ "observer.product", KEYWORD, false },
	{ "observer.type", KEYWORD, false },
	{ "observer.version", KEYWORD, false },
	{ "observer.ingress.interface.name", KEYWORD, false },
	{ "rule.id", KEYWORD, false },
	{ "rule.name", KEYWORD, false },
	{ "rule.category", KEYWORD, false },
	{ "rule.description", KEYWORD, false },
	{ "rule.version", KEYWORD, false },
	{ "rule.ruleset", KEYWORD, false },
	{ "threat.framework", KEYWORD, false },
	{ "threat.technique.id", KEYWORD, true },
	{ "threat.technique.subtechnique.id", KEYWORD, true },
	{ "related.ip", IP, true },
	{ "related.hosts", KEYWORD, true },
	{ "related.user", KEYWORD, true },
	{ "user.name", KEYWORD, false },
};
static const char *const kinds[] = { "alert", "event", "metric", NULL };
/* The types that may stand beside a category. */
static const struct {
	const char *category, *types[9];
} categories[] = {
	{ "configuration", { "access", "change", "creation", "deletion", "info" } },
	{ "intrusion_detection", { "allowed", "denied", "info" } },
	{ "network", { "access", "allowed", "connection", "denied", "end", "info", "protocol", "start" } },
};
static const char *const outcomes[] = { "success", "failure", "unknown", NULL };
static const char *const directions[] = { "inbound", "outbound", "internal", "external", "unknown", NULL };

static bool has_word(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static bool is_in(const char *const *list, const char *word)
{
	if (has_word(list, word))
		return true;
	printf("\n'%s' is not allowed there\n", word);
	return false;
}

static bool is_of_type(const struct ecs_field *f, json_t *value)
{
	const char *text = json_string_value(value);
	struct addr addr;

	switch (f->type) {
	case KEYWORD:
		return text && *text;
	case DATE:
		return text && strlen(text) == 27 && text[26] == 'Z';
	case LONG:
		return json_is_integer(value) && json_integer_value(value) >= 0;
	case IP:
		return text && addr_parse(text, &addr) == 0;
	case BOOLEAN:
		return json_is_boolean(value);
	}
	return false;
}

static bool is_ecs(const char *name, json_t *value)
{
	const struct ecs_field *f = ecs_fields, *end = f + sizeof(ecs_fields) / sizeof(ecs_fields[0]);
	json_t *one;
	size_t i;

	while (f < end && strcmp(f->name, name) != 0)
		f++;
	if (f == end || f->many != json_is_array(value) || (f->many && json_array_size(value) == 0))
		return false;
	if (!f->many)
		return is_of_type(f, value);
	json_array_foreach (value, i, one)
		if (!is_of_type(f, one))
			return false;
	return true;
}

static void check_names(json_t *object, const char *prefix)
{
	char name[128];
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
		if (!*prefix && (strcmp(key, "smtp") == 0 || strcmp(key, "postern") == 0))
			continue;
		if (json_is_object(value)) {
			check_names(value, name);
			continue;
		}
		CU_ASSERT_TRUE(is_ecs(name, value));
		if (!is_ecs(name, value))
			printf("\nECS has no such %s\n", name);
	}
}

/* Each type may stand beside each category. */
static void check_categories(json_t *event)
{
	json_t *category, *type;
	size_t i, n, row;

	CU_ASSERT(json_array_size(json_object_get(event, "category")) > 0);
	json_array_foreach (json_object_get(event, "category"), i, category) {
		for (row = 0; row < sizeof(categories) / sizeof(categories[0]); row++)
			if (strcmp(categories[row].category, json_string_value(category)) == 0)
				break;
		CU_ASSERT_FATAL(row < sizeof(categories) / sizeof(categories[0]));
		json_array_foreach (json_object_get(event, "type"), n, type)
			CU_ASSERT_TRUE(is_in(categories[row].types, json_string_value(type)));
	}
}

static const char *word_at(json_t *object, const char *a, const char *b)
{
	const char *word = json_string_value(json_object_get(json_object_get(object, a), b));

	return word ? word : "";
}

static void check_ecs(char *line)
{
	json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(record);
	check_names(record, "");
	CU_ASSERT_STRING_EQUAL(word_at(record, "ecs", "version"), ECS_VERSION);
	CU_ASSERT_TRUE(is_in(kinds, word_at(record, "event", "kind")));
	if (*word_at(record, "event", "outcome"))
		CU_ASSERT_TRUE(is_in(outcomes, word_at(record, "event", "outcome")));
	CU_ASSERT_STRING_NOT_EQUAL(word_at(record, "event", "action"), "");
	if (*word_at(record, "network", "direction"))
		CU_ASSERT_TRUE(is_in(directions, word_at(record, "network", "direction")));
	check_categories(json_object_get(record, "event"));
	CU_ASSERT_PTR_NOT_NULL(json_object_get(record, "@timestamp"));
	json_decref(record);
}

static void ecs_has_names_of_its_version(void)
{
	each_line(EVE_FORMAT_ECS, check_ecs);
}

/* ---- CEF ----------------------------------------------------------------------------------------- */

static const char *const cef_keys[] = { "rt", "start", "end", "cnt", "externalId", "dvchost",
	"deviceInboundInterface", "src", "spt", "dst", "dpt", "proto", "app", "act", "outcome", "cat",
	"suser", "duser", "cs1", "cs1Label", "cs2", "cs2Label", "cs3", "cs3Label", "cs4", "cs4Label", "cs5",
	"cs5Label", "cs6", "cs6Label", "cn1", "cn1Label", "cn2", "cn2Label", "cn3", "cn3Label", "flexNumber1",
	"flexNumber1Label", "flexNumber2", "flexNumber2Label", "c6a2", "c6a2Label", "c6a3", "c6a3Label",
	"c6a4", "c6a4Label", "sourceTranslatedAddress", "sourceTranslatedPort",
	"destinationTranslatedAddress", "destinationTranslatedPort", "flexString1", "flexString1Label",
	"flexString2", "flexString2Label", "deviceDirection", "msg", NULL };

/* The end of the header field at `at`: an unescaped |. */
static char *end_of_field(char *at)
{
	for (; *at && *at != '|'; at++)
		if (*at == '\\') {
			CU_ASSERT_TRUE(at[1] == '\\' || at[1] == '|');
			at++;
		}
	CU_ASSERT_EQUAL(*at, '|');
	return at;
}

/* Keys are words before an unescaped =, behind a space or the header, and each is there once; every backslash begins an escape. */
static void check_extension(char *at)
{
	const char *seen[sizeof(cef_keys) / sizeof(cef_keys[0])] = { NULL };
	char *key = at, *p;
	unsigned count = 0;

	for (p = at; *p; p++) {
		CU_ASSERT_TRUE((unsigned char)*p >= ' ' && *p != 0x7f);
		if (*p == '\\') {
			CU_ASSERT_PTR_NOT_NULL(strchr("\\=nr", p[1]));
			p++;
		} else if (*p == ' ') {
			key = p + 1;
		} else if (*p == '=') {
			*p = '\0';
			CU_ASSERT_TRUE_FATAL(is_in(cef_keys, key));
			CU_ASSERT_FALSE_FATAL(has_word(seen, key));
			seen[count++] = key;
		}
	}
	CU_ASSERT(count >= 10);
}

static void check_cef(char *line)
{
	char *at = line, *end;
	unsigned field;
	long severity;

	CU_ASSERT_EQUAL(strncmp(line, "CEF:0|Postern|posternd|", 23), 0);
	for (field = 0; field < 7; field++) {
		end = end_of_field(at);
		if (field == 6) {
			severity = strtol(at, NULL, 10);
			CU_ASSERT(severity >= 0 && severity <= 10);
		}
		at = end + 1;
	}
	CU_ASSERT(strlen(line) <= CEF_MAX);
	check_extension(at);
}

static void cef_has_keys_of_its_dictionary(void)
{
	each_line(EVE_FORMAT_CEF, check_cef);
}

/* ---- RFC 5424 ------------------------------------------------------------------------------------ */

/* A word of the header, of at most `most` bytes; behind it. */
static char *skip_word(char *at, size_t most)
{
	size_t len = strcspn(at, " ");

	CU_ASSERT(len >= 1 && len <= most);
	for (size_t i = 0; i < len; i++)
		CU_ASSERT(at[i] > ' ' && at[i] < 0x7f);
	CU_ASSERT_EQUAL(at[len], ' ');
	return at + len + 1;
}

/* PARAM-NAME="PARAM-VALUE"; behind it. */
static char *skip_parameter(char *at)
{
	size_t name = strcspn(at, "= ]\"");

	CU_ASSERT(name >= 1 && name <= 32);
	CU_ASSERT_EQUAL(strncmp(at + name, "=\"", 2), 0);
	for (at += name + 2; *at && *at != '"'; at++) {
		CU_ASSERT_NOT_EQUAL(*at, ']');
		if (*at == '\\') {
			CU_ASSERT_PTR_NOT_NULL(strchr("\"\\]", at[1]));
			at++;
		}
	}
	CU_ASSERT_EQUAL(*at, '"');
	return at + 1;
}

static char *skip_element(char *at)
{
	size_t id = strcspn(++at, " =]\"");

	CU_ASSERT(id >= 1 && id <= 32);
	CU_ASSERT_TRUE(strncmp(at, "origin ", 7) == 0 || strncmp(at + id - 6, "@32473", 6) == 0);
	for (at += id; *at == ' ';)
		at = skip_parameter(at + 1);
	CU_ASSERT_EQUAL(*at, ']');
	return at + 1;
}

static void check_message(const char *at)
{
	bool ascii = true;

	for (const char *p = at; *p; p++) {
		CU_ASSERT_TRUE((unsigned char)*p >= ' ' && *p != 0x7f);
		ascii = ascii && (unsigned char)*p < 0x80;
	}
	CU_ASSERT_EQUAL(!ascii, strncmp(at, "\xef\xbb\xbf", 3) == 0);
}

static char *check_header(char *line)
{
	char *at;
	long pri;

	CU_ASSERT(strlen(line) <= SYSLOG_MESSAGE_MAX);
	CU_ASSERT_EQUAL(line[0], '<');
	pri = strtol(line + 1, &at, 10);
	CU_ASSERT(pri / 8 == SYSLOG_AUTHPRIV && pri % 8 >= 2 && pri % 8 <= 6);
	CU_ASSERT_EQUAL(strncmp(at, ">1 ", 3), 0);
	at = skip_word(at + 3, 27);
	CU_ASSERT_EQUAL(at[-2], 'Z');
	at = skip_word(at, 255);
	CU_ASSERT_EQUAL(strncmp(at, "posternd 4711 ", 14), 0);
	return skip_word(at + 14, 32);
}

static void check_syslog(char *line)
{
	char *at = check_header(line);
	json_t *utf8;

	CU_ASSERT_EQUAL(*at, '[');
	while (*at == '[')
		at = skip_element(at);
	CU_ASSERT_EQUAL(*at, ' ');
	check_message(at + 1);
	utf8 = json_string(line); /* NULL if it is none */
	CU_ASSERT_PTR_NOT_NULL(utf8);
	json_decref(utf8);
}

static void check_syslog_cef(char *line)
{
	char *at = check_header(line);

	CU_ASSERT_EQUAL(strncmp(at, "- ", 2), 0);
	check_cef(at + 2);
}

static void syslog_is_of_its_grammar(void)
{
	each_line(EVE_FORMAT_SYSLOG, check_syslog);
	each_line(EVE_FORMAT_SYSLOG_CEF, check_syslog_cef);
}

/* With this many bytes for a message, of each finding. */
static void print_short(unsigned most)
{
	static char line[SYSLOG_MESSAGE_MAX + 1];
	const struct syslog_origin origin = { .facility = SYSLOG_AUTHPRIV, .pid = PID, .most = most };
	char *at, *end;
	json_t *record;

	for (size_t story = 0; story < STORIES; story++) {
		if (!stories[story].alerts)
			continue;
		tell(story, EVE_FORMAT_JSON);
		for (at = written; (end = strchr(at, '\n')); at = end + 1) {
			record = json_loadb(at, (size_t)(end - at), 0, NULL);
			CU_ASSERT_PTR_NOT_NULL_FATAL(record);
			if (json_object_get(record, "alert")) {
				CU_ASSERT_EQUAL(syslog_print(record, &origin, line), strlen(line));
				CU_ASSERT(strlen(line) <= most);
				CU_ASSERT_PTR_NOT_NULL(strstr(line, "[alert@32473 id="));
				check_syslog(line);
				CU_ASSERT_EQUAL(syslog_print_cef(record, &origin, line), strlen(line));
				CU_ASSERT(strlen(line) <= most);
				CU_ASSERT_PTR_NOT_NULL(strstr(line, " msg="));
				check_syslog_cef(line);
			}
			json_decref(record);
		}
	}
}

/* Of the longest findings, too, at many lengths: no element, key or escape is cut in the middle. */
static void datagrams_are_whole_messages(void)
{
	print_short(SYSLOG_DATAGRAM_MAX);
	for (unsigned most = SHORTEST; most < SYSLOG_DATAGRAM_MAX; most += 17)
		print_short(most);
}

/* ---- what no record of ours holds ---------------------------------------------------------------- */

static const struct line_escape marks = { .marked = "\\]" };

static void expect_text(const char *want, size_t room, size_t most, const char *text)
{
	char out[64];
	struct line l = { out, 0, room };

	line_text(&l, &marks, text, most);
	CU_ASSERT_STRING_EQUAL(out, want);
	CU_ASSERT_EQUAL(l.used, strlen(want));
}

static void words_are_cut_whole(void)
{
	expect_text("a\\]b\\\\c", 64, 64, "a]b\\c");
	expect_text("a\\\\x0ab\\\\x1b", 64, 64, "a\nb\x1b");
	expect_text("gr\xc3\xbc\xc3\x9f", 64, 6, "gr\xc3\xbc\xc3\x9f");
	expect_text("gr...", 64, 6, "gr\xc3\xbc\xc3\x9fx");
	expect_text("gr\xc3\xbc...", 64, 7, "gr\xc3\xbc\xc3\x9fxx");
	expect_text("ab...", 64, 6, "ab]]]]");
	expect_text("abc", 4, 64, "abc");
	expect_text("...", 4, 64, "abcd");
	expect_text("", 3, 64, "abcd"); /* not even for the dots */
}

/* Names of hosts and interfaces come from elsewhere; no byte of them breaks a line or a field. */
static void raw_bytes_stay_in_their_field(void)
{
	static char out[WRITER_LINE_MAX + 1];
	const struct syslog_origin origin = { .facility = SYSLOG_AUTHPRIV, .pid = PID };
	json_t *record = json_pack("{s:s, s:s, s:s, s:{s:i, s:s, s:s, s:i}, s:{s:s}, s:{s:[s]}}", "timestamp",
	        "2026-11-21T18:36:07.148588+0000", "event_type", "alert", "host", "a b\n\xc3\xbc", "alert",
	        "signature_id", 1025100, "rule", "x\ny z", "signature", "a|b\\c\nd", "severity", 1, "postern",
	        "version", "0|1", "finding", "evidence", "x\r\ny=\\");

	CU_ASSERT_PTR_NOT_NULL_FATAL(record);
	(void)cef_print(record, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "CEF:0|Postern|posternd|0\\|1|1025100|a\\|b\\\\c\\\\x0ad|10|rt="
	                            "1795286167148 dvchost=a b\\n\xc3\xbc "
	                            "cs1Label=Rule cs1=x\\ny z msg=a|b\\\\c\\nd; x\\r\\ny\\=\\\\");
	(void)syslog_print(record, &origin, out);
	CU_ASSERT_STRING_EQUAL(out,
	        "<82>1 2026-11-21T18:36:07.148588Z a_b___ posternd 4711 x_y_z [origin software=\"posternd\" "
	        "swVersion=\"0|1\"][alert@32473 id=\"1025100\" rule=\"x\\\\x0ay z\" severity=\"1\"] "
	        "a|b\\c\\x0ad; x\\x0d\\x0ay=\\");
	CU_ASSERT_EQUAL(json_object_set_new(json_object_get(record, "alert"), "signature",
	                        json_string("gr\xc3\xbc\xc3\x9f")),
	        0);
	(void)syslog_print(record, &origin, out);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "] \xef\xbb\xbfgr\xc3\xbc\xc3\x9f; x\\x0d\\x0ay=\\"));
	json_decref(record);
}

/* Fields full of the bytes that take most room: ECS, too, stays below the limit of a line. */
static void the_longest_record_has_room(void)
{
	char path[] = "/tmp/postern-formats-XXXXXX", err[200], worst[1000];
	struct eve_settings s = { .path = path, .format = EVE_FORMAT_ECS, .host = "gw", .connections = 16 };
	int fd = mkstemp(path);
	struct event e;

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	memset(worst, 1, sizeof(worst) - 1);
	worst[sizeof(worst) - 1] = '\0';
	eve = eve_open(&s, NULL, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(eve);
	push(events_helo(0, worst));
	push(events_mail(0, 1, worst));
	for (unsigned i = 0; i < 120; i++) {
		worst[0] = (char)(i % 31 + 1);
		e = events_rcpt(0, 1, worst, 0, 550, worst);
		EVENTS_TEXT(e.u.rcpt.final_domain, worst);
		push(e);
	}
	push(events_data(0, 1, 250, worst));
	push(events_tx_end(0, 1, END_COMPLETED));
	CU_ASSERT_EQUAL(eve_counts(eve).lost, 0);
	eve_close(eve);
	load(path, written);
	CU_ASSERT(strchr(written, '\n') && strlen(written) > WRITER_LINE_MAX / 2);
	unlink(path);
}

static void formats_have_names(void)
{
	for (int i = 0; i < EVE_FORMAT_COUNT; i++)
		CU_ASSERT_EQUAL(eve_format_find(eve_format_name((enum eve_format)i)), i);
	CU_ASSERT_EQUAL(eve_format_find("yaml"), -1);
}

/* Its examples are the first lines of the kept files. */
static void page_shows_what_is_written(void)
{
	char path[128];

	load("docs/FORMATS.md", written);
	for (unsigned format = 0; format < EVE_FORMAT_COUNT; format++) {
		golden_path(path, 0, format);
		load(path, kept);
		kept[strcspn(kept, "\n")] = '\0';
		CU_ASSERT_STRING_NOT_EQUAL(kept, "");
		CU_ASSERT_PTR_NOT_NULL(strstr(written, kept));
		if (!strstr(written, kept))
			printf("\ndocs/FORMATS.md lacks the first line of %s\n", path);
	}
}

SUITE("formats", { "lines are as kept", lines_are_as_kept },
        { "ECS has names of its version", ecs_has_names_of_its_version },
        { "CEF has keys of its dictionary", cef_has_keys_of_its_dictionary },
        { "syslog is of its grammar", syslog_is_of_its_grammar },
        { "datagrams are whole messages", datagrams_are_whole_messages },
        { "words are cut whole", words_are_cut_whole },
        { "raw bytes stay in their field", raw_bytes_stay_in_their_field },
        { "the longest record has room", the_longest_record_has_room },
        { "formats have names", formats_have_names },
        { "page shows what is written", page_shows_what_is_written })
