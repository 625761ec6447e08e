/* Events to records: whole lines compared with the ones they must be, cuts, evictions, formats. */
#include "report/eve.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "events.h"
#include "policy/policy.h"
#include "suite.h"

enum { CONTENT_MAX = 1 << 24, LINE_MAX_BYTES = 60 * 1024, CONNECTIONS = 16 };

#define COMMUNITY "1:mx0Hknx5q5I/vDPIWT1OhsiG8Gc="
#define HEAD(stamp, type)                                                                                    \
	"{\"timestamp\":\"2026-11-21T18:36:07." stamp "+0000\",\"flow_id\":4711,\"event_type\":\"" type      \
	"\",\"src_ip\":\"203.0.113.9\",\"src_port\":40000,\"dest_ip\":\"192.168.0.10\",\"dest_port\":25,"    \
	"\"proto\":\"TCP\",\"app_proto\":\"smtp\",\"community_id\":\"" COMMUNITY "\",\"host\":\"gw\","       \
	"\"postern\":{\"version\":\"" POSTERN_VERSION                                                        \
	"\",\"schema\":1,\"mode\":\"enforce\",\"config\":\"c0ffee\",\"rule\":\"in\",\"direction\":"          \
	"\"inbound\"},"

static char path[64];
static char content[CONTENT_MAX];
static char *lines[512];
static unsigned line_count;
static struct policy *policy;
static struct eve *eve;

static uint32_t connections = CONNECTIONS;

static void begin_with(enum eve_format format, bool alerts_only)
{
	struct eve_settings s = { .path = path,
		.format = format,
		.alerts_only = alerts_only,
		.host = "gw",
		.config_hash = "c0ffee",
		.mode = "enforce",
		.connections = connections };
	struct policy_groups any = { { 1 } };
	char err[200] = "";
	int fd;

	snprintf(path, sizeof(path), "/tmp/postern-eve-XXXXXX");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	policy = policy_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(policy);
	CU_ASSERT_EQUAL(policy_add_rule(policy, "in", &any, &any, DO_INSPECT), 0);
	CU_ASSERT_EQUAL(policy_seal(policy), 0);
	eve = eve_open(&s, policy, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(eve);
}

static void begin(void)
{
	begin_with(EVE_FORMAT_JSON, false);
}

static void push(struct event e)
{
	eve_event(eve, &e);
}

static void load(void)
{
	FILE *f = fopen(path, "r");
	size_t len;
	char *at;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	len = fread(content, 1, sizeof(content) - 1, f);
	fclose(f);
	content[len] = '\0';
	for (at = content, line_count = 0; *at && line_count < 512; at = strchr(at, '\0') + 1) {
		lines[line_count++] = at;
		*strchrnul(at, '\n') = '\0';
	}
}

/* Closes everything; lines[] are what was written. */
static void end(void)
{
	eve_close(eve);
	policy_free(policy);
	load();
	unlink(path);
}

static void assert_line(unsigned n, const char *want)
{
	CU_ASSERT_FATAL(n < line_count);
	CU_ASSERT_STRING_EQUAL(lines[n], want);
	if (strcmp(lines[n], want) != 0)
		printf("\n got %s\nwant %s\n", lines[n], want);
}

/* Line n parsed; the caller gives it back. */
static json_t *parse(unsigned n)
{
	json_t *record;

	CU_ASSERT_FATAL(n < line_count);
	record = json_loads(lines[n], JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(record);
	return record;
}

static json_t *part(json_t *record, const char *name)
{
	json_t *object = json_object_get(record, name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	return object;
}

static long long number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static void whole_connection(void)
{
	struct event e;

	begin();
	push(events_make(EVENT_OPEN, 0));
	e = events_make(EVENT_GREETING, 1000);
	e.u.reply.code = 220;
	push(e);
	push(events_helo(5000, "mx.isp.example"));
	push(events_mail(12000, 1, "<s@isp.example>"));
	push(events_rcpt(15000, 1, "<u@example.org>", 1, 250, "2.1.5 Ok"));
	e = events_rcpt(31000, 1, "<u%x.example@example.org>", 0, 550, "5.7.1 Relay access denied");
	e.u.rcpt.form = SMTP_FORM_PERCENT;
	e.u.rcpt.pipelined = 1;
	e.u.rcpt.outcome = OUTCOME_REFUSED_BY_US;
	EVENTS_TEXT(e.u.rcpt.final_domain, "x.example");
	push(e);
	e = events_data(60000, 1, 250, "2.0.0 Ok: queued as 4bYx3k1Zz5z9");
	EVENTS_TEXT(e.u.data.message_id, "<1@isp.example>");
	push(e);
	push(events_tx_end(60000, 1, END_COMPLETED));
	push(events_close(91000, 1));
	end();
	CU_ASSERT_EQUAL(line_count, 2);
	assert_line(0,
	        HEAD("159588", "smtp") "\"tx_id\":1,\"smtp\":{\"helo\":\"mx.isp.example\",\"mail_from\":\"<s@"
	                               "isp.example>\",\"mail_code\":250,\"mail_ms\":1,"
	                               "\"rcpt_to\":[\"<u@example.org>\",\"<u%x.example@example.org>\"],"
	                               "\"rcpt\":[{\"path\":\"<u@example.org>\",\"code\":250,\"text\":\"2.1."
	                               "5 Ok\",\"ours\":true,\"form\":\"plain\","
	                               "\"outcome\":\"accepted\",\"ms\":4},"
	                               "{\"path\":\"<u%x.example@example.org>\",\"code\":550,\"text\":\"5.7."
	                               "1 Relay access denied\",\"ours\":false,"
	                               "\"form\":\"percent\",\"final_domain\":\"x.example\",\"outcome\":"
	                               "\"refused-by-postern\",\"ms\":20}],"
	                               "\"rcpt_count\":2,\"rcpt_accepted\":1,\"rcpt_refused\":1,\"rcpt_"
	                               "foreign\":1,\"client_ours\":false,"
	                               "\"reply\":250,\"reply_text\":\"2.0.0 Ok: queued as "
	                               "4bYx3k1Zz5z9\",\"queue_id\":\"4bYx3k1Zz5z9\","
	                               "\"message_id\":\"<1@isp.example>\",\"size\":1234,\"data_ms\":49,"
	                               "\"final\":true,\"tls\":false,\"pipelined\":true,\"bdat\":false,"
	                               "\"opened\":\"2026-11-21T18:36:07.148588+0000\",\"commands\":["
	                               "{\"verb\":\"GREETING\",\"code\":220,\"ms\":-10},"
	                               "{\"verb\":\"EHLO\",\"name\":\"mx.isp.example\",\"code\":250,"
	                               "\"ms\":-6}],\"end_ms\":49,"
	                               "\"end\":\"completed\",\"source\":\"wire\"}}");
	assert_line(1, HEAD("239588", "flow") "\"flow\":{\"start\":\"2026-11-21T18:36:07.148588+0000\","
	                                      "\"end\":\"2026-11-21T18:36:07.239588+0000\",\"state\":"
	                                      "\"closed\",\"reason\":\"fin\",\"pkts_toserver\":9,"
	                                      "\"pkts_toclient\":8,\"bytes_toserver\":500,\"bytes_toclient\":"
	                                      "300,\"transactions\":1,\"skipped_bytes\":0,"
	                                      "\"midstream\":false,\"greeted\":false}}");
}

static struct finding relay_finding(void)
{
	struct finding f;
	struct event e = events_make(EVENT_RCPT, 0);

	memset(&f, 0, sizeof(f));
	f.id = FINDING_RELAY_ATTEMPT;
	f.severity = 2;
	f.action = ACTION_ALERT;
	f.would = ACTION_REFUSE_RECIPIENT;
	f.outcome = OUTCOME_REFUSED_BY_SERVER;
	f.time_us = e.time_us;
	f.conn = e.conn;
	f.tx_id = 1;
	f.form = SMTP_FORM_BANG;
	f.verified = 1;
	f.evidence_count = 1;
	EVENTS_TEXT(f.evidence[0], "RCPT TO:<x!u@ours> -> 550 no");
	EVENTS_TEXT(f.helo, "spam.example");
	EVENTS_TEXT(f.mail_from, "<>");
	EVENTS_TEXT(f.rcpt_to, "<x!u@ours>");
	f.incident = (struct incident_brief) {
		.id = 77, .count = 1, .rule_count = 1, .first_us = f.time_us, .last_us = f.time_us
	};
	return f;
}

#define SEEN                                                                                                 \
	"\"first_seen\":\"2026-11-21T18:36:07.148588+0000\",\"last_seen\":\"2026-11-21T18:36:07.148588+"     \
	"0000\""

static void alert(void)
{
	struct finding f = relay_finding();

	begin();
	eve_finding(eve, &f);
	memset(f.evidence, 0, sizeof(f.evidence));
	f.id = FINDING_GATE_REFUSED;
	f.severity = 4;
	f.blocked = 1;
	f.action = f.would = ACTION_DROP;
	f.outcome = OUTCOME_REFUSED_BY_US;
	f.tx_id = 0;
	f.verified = 0;
	f.evidence_count = 0;
	f.helo.len = f.mail_from.len = f.rcpt_to.len = 0;
	f.value = 5;
	f.limit = 4;
	f.baseline = 3;
	f.window_s = 60;
	f.incident.state = INCIDENT_CLOSED;
	f.incident.count = 9;
	f.incident.rule_count = 7;
	f.incident.ack = (struct incident_ack) { .time_us = f.time_us, .uid = 1000, .reason = "known" };
	f.incident.facet_count = 2;
	f.incident.facets[0] = (struct incident_facet) { .id = FINDING_GATE_REFUSED,
		.severity = 4,
		.count = 7,
		.first_us = f.time_us,
		.last_us = f.time_us };
	f.incident.facets[1] = (struct incident_facet) { .id = FINDING_RELAY_ATTEMPT,
		.severity = 2,
		.count = 2,
		.first_us = f.time_us,
		.last_us = f.time_us };
	eve_finding(eve, &f);
	end();
	assert_line(0,
	        HEAD("148588", "alert") "\"tx_id\":1,\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_"
	                                "id\":1025100,"
	                                "\"rev\":1,\"rule\":\"relay.attempt\",\"signature\":\"Open-relay "
	                                "attempt, refused\","
	                                "\"category\":\"Attempted use of a mail relay\",\"severity\":2,"
	                                "\"metadata\":{\"mitre_technique_id\":[\"T1595.002\"]}},"
	                                "\"finding\":{\"form\":\"bang\",\"outcome\":\"refused-by-server\","
	                                "\"action\":\"alert\","
	                                "\"would\":\"refuse-recipient\",\"verified\":true,\"evidence\":["
	                                "\"RCPT TO:<x!u@ours> -> 550 no\"]},"
	                                "\"incident\":{\"id\":77,\"state\":\"open\",\"source\":\"203.0.113."
	                                "9\",\"count\":1,"
	                                "\"rule_count\":1,\"first_seen\":\"2026-11-21T18:36:07.148588+0000\","
	                                "\"last_seen\":\"2026-11-21T18:36:07.148588+0000\"},"
	                                "\"smtp\":{\"helo\":\"spam.example\",\"mail_from\":\"<>\",\"rcpt_"
	                                "to\":[\"<x!u@ours>\"]}}");
	assert_line(1,
	        HEAD("148588",
	                "alert") "\"alert\":{\"action\":\"blocked\",\"gid\":1,\"signature_id\":1025500,"
	                         "\"rev\":1,\"rule\":\"gate.refused\",\"signature\":\"Port-25 connection "
	                         "outside the rules\","
	                         "\"category\":\"Policy violation\",\"severity\":4},"
	                         "\"finding\":{\"value\":5,\"limit\":4,\"baseline\":3,\"window_s\":60,"
	                         "\"outcome\":\"refused-by-postern\","
	                         "\"action\":\"drop\",\"verified\":false,\"evidence\":[]},"
	                         "\"incident\":{\"id\":77,\"state\":\"closed\",\"source\":\"203.0.113.9\","
	                         "\"count\":9,\"rule_count\":"
	                         "7," SEEN ",\"facets\":[{\"rule\":\"gate.refused\",\"signature_id\":1025500,"
	                         "\"severity\":4,\"count\":7," SEEN "},{\"rule\":\"relay.attempt\","
	                         "\"signature_id\":1025100,\"severity\":2,\"count\":2," SEEN "}],"
	                         "\"acked\":{\"at\":\"2026-11-21T18:36:07.148588+0000\",\"uid\":1000,"
	                         "\"reason\":\"known\"}}}");
}

static void stats(void)
{
	static const struct eve_stats_number extra[] = { { "kernel.queue.dropped", 3 },
		{ "kernel.queue.blind", 4 }, { NULL, 0 } };
	struct counters c;
	struct watch_counts w = { .findings = 12 };
	struct eve_stats s = {
		.time_us = EVENTS_START_US, .uptime_s = 60, .inspect = &c, .watch = &w, .extra = extra
	};
	json_t *record, *numbers;

	memset(&c, 0, sizeof(c));
	c.n[COUNTER_PACKETS] = 7;
	c.n[COUNTER_ACCEPTED] = 6;
	c.n[COUNTER_SESSIONS_READ] = 2;
	c.n[COUNTER_SESSIONS_TLS] = 1;
	begin();
	eve_stats(eve, &s);
	s.inspect = NULL;
	s.watch = NULL;
	s.extra = NULL;
	eve_stats(eve, &s);
	end();
	CU_ASSERT_PTR_NOT_NULL(strstr(lines[0], "\"read_share\":0.667}"));
	record = parse(0);
	CU_ASSERT_STRING_EQUAL(text(record, "event_type"), "stats");
	CU_ASSERT_PTR_NULL(json_object_get(record, "flow_id"));
	numbers = part(record, "stats");
	CU_ASSERT_EQUAL(number(numbers, "uptime"), 60);
	CU_ASSERT_EQUAL(number(numbers, "packets"), 7);
	CU_ASSERT_EQUAL(number(part(numbers, "verdict"), "accept"), 6);
	CU_ASSERT_EQUAL(number(part(numbers, "watch"), "findings"), 12);
	CU_ASSERT_EQUAL(number(part(part(numbers, "kernel"), "queue"), "dropped"), 3);
	CU_ASSERT_EQUAL(number(part(part(numbers, "kernel"), "queue"), "blind"), 4);
	json_decref(record);
	record = parse(1);
	CU_ASSERT_PTR_NULL(json_object_get(part(record, "stats"), "packets"));
	CU_ASSERT_PTR_NOT_NULL(json_object_get(part(record, "stats"), "report"));
	json_decref(record);
}

/* A connection that ends without a transaction has one smtp record all the same. */
static void without_transaction(void)
{
	struct event e;
	json_t *record, *smtp;

	begin();
	push(events_helo(0, "h"));
	e = events_make(EVENT_TLS, 1000);
	e.u.tls.version = 0x0304;
	push(e);
	e = events_close(2000, 0);
	e.u.close.tls = 1;
	e.u.close.tls_version = 0x0304;
	EVENTS_TEXT(e.u.close.sni, "mx.example.org");
	push(e);

	e = events_make(EVENT_GREETING, 0);
	e.u.reply.code = 554;
	EVENTS_TEXT(e.u.reply.text, "go away");
	push(e);
	push(events_close(0, 0));
	end();
	CU_ASSERT_EQUAL_FATAL(line_count, 4);
	record = parse(0);
	smtp = part(record, "smtp");
	CU_ASSERT_STRING_EQUAL(text(record, "timestamp"), "2026-11-21T18:36:07.148588+0000");
	CU_ASSERT_PTR_NULL(json_object_get(record, "tx_id"));
	CU_ASSERT_TRUE(json_is_true(json_object_get(smtp, "tls")));
	CU_ASSERT_STRING_EQUAL(text(smtp, "end"), "starttls");
	CU_ASSERT_STRING_EQUAL(text(smtp, "helo"), "h");
	json_decref(record);
	record = parse(1);
	CU_ASSERT_STRING_EQUAL(text(part(part(record, "flow"), "tls"), "version"), "TLS 1.3");
	CU_ASSERT_STRING_EQUAL(text(part(part(record, "flow"), "tls"), "sni"), "mx.example.org");
	json_decref(record);
	record = parse(2);
	smtp = part(record, "smtp");
	CU_ASSERT_STRING_EQUAL(text(smtp, "end"), "refused");
	CU_ASSERT_EQUAL(number(smtp, "reply"), 554);
	CU_ASSERT_STRING_EQUAL(text(smtp, "reply_text"), "go away");
	json_decref(record);
}

static struct event command(const char *verb)
{
	struct event e = events_make(EVENT_COMMAND, 0);

	strcpy(e.u.command.verb, verb);
	return e;
}

/* Each count is told once: in the next record, or in one of its own at the end. */
static void counts_are_told_once(void)
{
	struct event e = events_make(EVENT_AUTH, 0);
	json_t *record, *smtp;

	begin();
	push(command("VRFY"));
	push(command("VRFY"));
	strcpy(e.u.auth.mech, "LOGIN");
	e.u.auth.reply.code = 535;
	push(e);
	push(events_mail(1000, 1, "<a@b>"));
	push(events_tx_end(2000, 1, END_RESET));
	push(command("EXPN"));
	e = events_make(EVENT_ODD, 0);
	e.u.odd.what = ODD_BARE_LF;
	push(e);
	push(events_close(3000, 1));
	end();
	CU_ASSERT_EQUAL_FATAL(line_count, 3);
	record = parse(0);
	smtp = part(record, "smtp");
	CU_ASSERT_EQUAL(number(smtp, "vrfy"), 2);
	CU_ASSERT_EQUAL(number(smtp, "auth_failures"), 1);
	CU_ASSERT_PTR_NULL(json_object_get(smtp, "expn"));
	CU_ASSERT_STRING_EQUAL(text(part(smtp, "auth"), "mech"), "LOGIN");
	CU_ASSERT_STRING_EQUAL(text(part(smtp, "auth"), "result"), "refused");
	CU_ASSERT_STRING_EQUAL(text(smtp, "end"), "reset");
	json_decref(record);
	record = parse(1);
	smtp = part(record, "smtp");
	CU_ASSERT_PTR_NULL(json_object_get(record, "tx_id"));
	CU_ASSERT_PTR_NULL(json_object_get(smtp, "vrfy"));
	CU_ASSERT_EQUAL(number(smtp, "expn"), 1);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(part(smtp, "oddities"), 0)), "bare-lf");
	json_decref(record);
	CU_ASSERT_PTR_NOT_NULL(strstr(lines[2], "\"event_type\":\"flow\""));
}

/* Events of a ring that was full are missing; what remains is still whole records. */
static void survives_lost_events(void)
{
	static const char *const ends[] = { "lost", "refused", "refused", "lost", "closed" };
	struct event e;
	json_t *record;
	unsigned i;

	begin();
	push(events_mail(0, 1, "<a@b>"));                    /* its end is missing */
	push(events_rcpt(0, 0, "<c@d>", 1, 503, "no MAIL")); /* outside of a transaction */
	e = events_mail(0, 2, "<bad>");
	e.u.mail.reply.code = 501;
	push(e);                                        /* refused, no end told */
	push(events_rcpt(0, 3, "<c@d>", 1, 250, "ok")); /* its MAIL is missing */
	push(events_tx_end(0, 99, END_COMPLETED));      /* of a transaction unknown */
	push(events_mail(0, 4, "<e@f>"));
	push(events_close(0, 4));
	end();
	CU_ASSERT_EQUAL_FATAL(line_count, 6);
	for (i = 0; i < 5; i++) {
		record = parse(i);
		CU_ASSERT_STRING_EQUAL(text(part(record, "smtp"), "end"), ends[i]);
		json_decref(record);
	}
}

static void close_tells_what_is_open(void)
{
	json_t *record;

	begin();
	push(events_mail(0, 1, "<a@b>"));
	end();
	CU_ASSERT_EQUAL_FATAL(line_count, 1);
	record = parse(0);
	CU_ASSERT_STRING_EQUAL(text(part(record, "smtp"), "end"), "lost");
	json_decref(record);
}

static void eviction_tells_the_transaction(void)
{
	struct event e;
	unsigned i;
	json_t *record;

	begin();
	for (i = 0; i <= CONNECTIONS; i++) {
		e = events_mail(i, 1, "<a@b>");
		e.conn.flow_id = 1 + i;
		push(e);
	}
	CU_ASSERT_EQUAL(eve_counts(eve).connections_evicted, 1);
	eve_flush(eve);
	load();
	CU_ASSERT_EQUAL_FATAL(line_count, 1);
	record = parse(0);
	CU_ASSERT_EQUAL(number(record, "flow_id"), 1);
	json_decref(record);
	end();
}

/* What was counted outside of any transaction is not lost with the connection, evicted or open at the end. */
static void giving_up_tells_the_counts(void)
{
	struct event e;
	unsigned i;
	json_t *record;

	begin();
	for (i = 0; i <= CONNECTIONS; i++) {
		e = events_make(i == 0 || i == CONNECTIONS ? EVENT_COMMAND : EVENT_GREETING, i);
		if (e.kind == EVENT_COMMAND)
			strcpy(e.u.command.verb, "VRFY");
		e.conn.flow_id = 1 + i;
		push(e);
	}
	end();
	CU_ASSERT_EQUAL_FATAL(line_count, 2);
	for (i = 0; i < 2; i++) {
		record = parse(i);
		CU_ASSERT_EQUAL(number(record, "flow_id"), i == 0 ? 1 : CONNECTIONS + 1);
		CU_ASSERT_STRING_EQUAL(text(part(record, "smtp"), "end"), "lost");
		CU_ASSERT_EQUAL(number(part(record, "smtp"), "vrfy"), 1);
		json_decref(record);
	}
}

/* 300 recipients: 100 listed, all counted. */
static void list_is_cut_at_100(void)
{
	json_t *record, *smtp;
	unsigned i;

	begin();
	push(events_mail(0, 1, "<a@b>"));
	for (i = 0; i < 300; i++)
		push(events_rcpt(0, 1, "<u@x>", 1, 250, "ok"));
	push(events_tx_end(0, 1, END_COMPLETED));
	CU_ASSERT_EQUAL(eve_counts(eve).cut, 200);
	end();
	record = parse(0);
	smtp = part(record, "smtp");
	CU_ASSERT_EQUAL(json_array_size(part(smtp, "rcpt")), 100);
	CU_ASSERT_EQUAL(json_array_size(part(smtp, "rcpt_to")), 100);
	CU_ASSERT_EQUAL(number(smtp, "rcpt_cut"), 200);
	CU_ASSERT_EQUAL(number(smtp, "rcpt_count"), 300);
	CU_ASSERT_EQUAL(number(smtp, "rcpt_accepted"), 300);
	json_decref(record);
}

/* Fields full of the bytes that take most room in JSON: the line stays below its limit. */
static void line_stays_below_60_kib(void)
{
	char worst[1000];
	struct event e;
	struct finding f;
	json_t *record, *smtp;
	unsigned i;

	memset(worst, 1, sizeof(worst) - 1);
	worst[sizeof(worst) - 1] = '\0';
	begin();
	push(events_helo(0, worst));
	push(events_mail(0, 1, worst));
	for (i = 0; i < 120; i++) {
		e = events_rcpt(0, 1, worst, 0, 550, worst);
		EVENTS_TEXT(e.u.rcpt.final_domain, worst);
		push(e);
	}
	e = events_data(0, 1, 250, worst);
	EVENTS_TEXT(e.u.data.message_id, worst);
	push(e);
	push(events_tx_end(0, 1, END_COMPLETED));
	f = relay_finding();
	for (i = 0; i < FINDING_EVIDENCE_MAX; i++)
		EVENTS_TEXT(f.evidence[i], worst);
	f.evidence_count = FINDING_EVIDENCE_MAX;
	EVENTS_TEXT(f.helo, worst);
	EVENTS_TEXT(f.mail_from, worst);
	EVENTS_TEXT(f.rcpt_to, worst);
	eve_finding(eve, &f);
	CU_ASSERT_EQUAL(eve_counts(eve).lost, 0);
	end();
	CU_ASSERT_EQUAL_FATAL(line_count, 2);
	CU_ASSERT(strlen(lines[0]) <= LINE_MAX_BYTES);
	CU_ASSERT(strlen(lines[0]) > LINE_MAX_BYTES / 2);
	record = parse(0);
	smtp = part(record, "smtp");
	CU_ASSERT_TRUE(json_is_true(json_object_get(smtp, "helo_cut")));
	CU_ASSERT_TRUE(json_is_true(json_object_get(smtp, "mail_from_cut")));
	CU_ASSERT_TRUE(json_is_true(json_object_get(smtp, "message_id_cut")));
	CU_ASSERT_TRUE(json_is_true(json_object_get(smtp, "reply_text_cut")));
	CU_ASSERT_EQUAL(number(smtp, "rcpt_cut") + (long long)json_array_size(part(smtp, "rcpt")), 120);
	CU_ASSERT_EQUAL(number(smtp, "rcpt_foreign"), 120);
	json_decref(record);
}

static void cut_fields_are_marked_and_counted(void)
{
	char lengthy[400];
	json_t *record;

	memset(lengthy, 'a', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	begin();
	push(events_helo(0, lengthy));
	push(events_close(0, 0));
	CU_ASSERT_EQUAL(eve_counts(eve).cut, 1);
	end();
	record = parse(0);
	CU_ASSERT_EQUAL(strlen(text(part(record, "smtp"), "helo")), EVENT_PATH_MAX);
	CU_ASSERT_TRUE(json_is_true(json_object_get(part(record, "smtp"), "helo_cut")));
	json_decref(record);
}

/* Once cut, the list stays a beginning: what comes later is not listed even if it is short. */
static void list_stays_a_beginning(void)
{
	char lengthy[300];
	json_t *record, *smtp;
	unsigned i;

	memset(lengthy, 'a', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	begin();
	push(events_mail(0, 1, "<a@b>"));
	for (i = 0; i < 80; i++)
		push(events_rcpt(0, 1, lengthy, 1, 250, "ok"));
	push(events_rcpt(0, 1, "<short@x>", 1, 250, "ok"));
	push(events_tx_end(0, 1, END_COMPLETED));
	end();
	CU_ASSERT_PTR_NULL(strstr(lines[0], "short"));
	record = parse(0);
	smtp = part(record, "smtp");
	CU_ASSERT(number(smtp, "rcpt_cut") > 1);
	CU_ASSERT_EQUAL(number(smtp, "rcpt_cut") + (long long)json_array_size(part(smtp, "rcpt")), 81);
	json_decref(record);
}

/* Many connections with long lists hold a bounded amount of memory, and give it back. */
static void lists_share_one_budget(void)
{
	enum { MANY = 400 };
	struct event e;
	unsigned i, k;

	connections = MANY;
	begin();
	connections = CONNECTIONS;
	for (i = 0; i < MANY; i++)
		for (k = 0; k < 100; k++) {
			e = events_rcpt(0, 1, "<u@x>", 1, 250, "ok");
			e.conn.flow_id = 1 + i;
			push(e);
		}
	CU_ASSERT(eve_counts(eve).cut > 0);
	CU_ASSERT(eve_counts(eve).cut < 20000);
	for (i = 0; i < MANY; i++) {
		e = events_tx_end(0, 1, END_COMPLETED);
		e.conn.flow_id = 1 + i;
		push(e);
	}
	k = (unsigned)eve_counts(eve).cut;
	push(events_rcpt(0, 2, "<u@x>", 1, 250, "ok"));
	CU_ASSERT_EQUAL(eve_counts(eve).cut, k);
	end();
}

/* Foreign bytes arrive as text; numbers no enum knows are named so. */
static void foreign_bytes_and_numbers(void)
{
	struct event e = events_mail(0, 1, "<gr\xfc\xdf@b\x1b[2J>");
	json_t *record;

	begin();
	e.u.mail.path.len = 12;
	push(e);
	e = events_tx_end(0, 1, END_COUNT);
	e.conn.direction = 200;
	e.conn.rule = 300;
	push(e);
	e = events_helo(0, "x");
	e.u.helo.name.len = UINT16_MAX; /* from a room that went wrong: not believed */
	push(e);
	push(events_close(0, 1));
	end();
	record = parse(0);
	CU_ASSERT_STRING_EQUAL(text(part(record, "smtp"), "mail_from"), "<gr\\xfc\\xdf@b\\x1b[2J>");
	CU_ASSERT_STRING_EQUAL(text(part(record, "smtp"), "end"), "unknown");
	CU_ASSERT_STRING_EQUAL(text(part(record, "postern"), "direction"), "unknown");
	CU_ASSERT_PTR_NULL(json_object_get(part(record, "postern"), "rule"));
	json_decref(record);
}

static void interface_and_vlan(void)
{
	struct event e = events_close(0, 1);
	json_t *record;

	begin();
	e.conn.in_if = 1; /* lo on every Linux */
	e.conn.vlan[0] = 100;
	e.conn.vlan[1] = 7;
	e.conn.rule = -1;
	push(e);
	e.conn.source = SOURCE_PCAP; /* an index of another machine */
	e.conn.vlan[1] = 0;
	push(e);
	end();
	record = parse(0);
	CU_ASSERT_STRING_EQUAL(text(record, "in_iface"), "lo");
	CU_ASSERT_EQUAL(json_integer_value(json_array_get(part(record, "vlan"), 0)), 100);
	CU_ASSERT_EQUAL(json_integer_value(json_array_get(part(record, "vlan"), 1)), 7);
	CU_ASSERT_STRING_EQUAL(text(part(record, "postern"), "rule"), "otherwise");
	json_decref(record);
	record = parse(1);
	CU_ASSERT_PTR_NULL(json_object_get(record, "in_iface"));
	CU_ASSERT_EQUAL(json_array_size(part(record, "vlan")), 1);
	json_decref(record);
}

static void alerts_only(void)
{
	struct finding f = relay_finding();

	begin_with(EVE_FORMAT_JSON, true);
	push(events_mail(0, 1, "<a@b>"));
	push(events_close(0, 1));
	eve_finding(eve, &f);
	end();
	CU_ASSERT_EQUAL(line_count, 1);
}

static void policy_changes(void)
{
	struct finding f = relay_finding();
	json_t *record;

	begin();
	CU_ASSERT_EQUAL(eve_set_policy(eve, NULL, "monitor", "beef"), 0);
	eve_finding(eve, &f);
	end();
	record = parse(0);
	CU_ASSERT_STRING_EQUAL(text(part(record, "postern"), "mode"), "monitor");
	CU_ASSERT_STRING_EQUAL(text(part(record, "postern"), "config"), "beef");
	CU_ASSERT_PTR_NULL(json_object_get(part(record, "postern"), "rule"));
	json_decref(record);
}

static void says_why_it_cannot_open(void)
{
	struct eve_settings s = { .path = "/nonexistent/eve.json", .connections = 1 };
	char err[200];

	CU_ASSERT_PTR_NULL(eve_open(&s, NULL, err, sizeof(err)));
	CU_ASSERT_STRING_EQUAL(err,
	        "cannot write records to /nonexistent/eve.json: No such file or directory; make its folder "
	        "(mkdir), or change log.eve");
	s.path = "/tmp";
	CU_ASSERT_PTR_NULL(eve_open(&s, NULL, err, sizeof(err)));
	CU_ASSERT_STRING_EQUAL(err, "cannot write records to /tmp: Is a directory; name a file in that "
	                            "folder, or change log.eve");
	eve_close(NULL);
}

#define TEXT_HEAD(kind) "2026-11-21 18:36:07.148 " kind " 203.0.113.9:40000 > 192.168.0.10:25 inbound "

static void lines_for_people(void)
{
	struct finding f = relay_finding();
	struct event e;

	begin_with(EVE_FORMAT_TEXT, false);
	e = events_mail(1000, 1, "<s@isp.example>");
	push(e);
	push(events_rcpt(0, 1, "<u@example.org>", 1, 250, "ok"));
	e = events_rcpt(0, 1, "<x@foreign>", 0, 550, "no");
	e.u.rcpt.outcome = OUTCOME_REFUSED_BY_US;
	push(e);
	push(events_data(0, 1, 250, "queued as 1"));
	push(events_tx_end(0, 1, END_COMPLETED));
	push(events_close(0, 1));
	eve_finding(eve, &f);
	f.incident.count = 3;
	f.would = f.action;
	f.evidence_count = 0;
	f.incident.state = INCIDENT_CLOSED;
	CU_ASSERT_EQUAL(addr_parse("2001:db8::1", &f.conn.src), 0);
	eve_finding(eve, &f);
	end();
	CU_ASSERT_EQUAL_FATAL(line_count, 4);
	assert_line(0, TEXT_HEAD("smtp ") "<s@isp.example> to <u@example.org> 250, <x@foreign> 550 (refused "
	                                  "by postern): "
	                                  "completed, 250 queued as 1, 1234 bytes");
	assert_line(1, TEXT_HEAD("flow ") "closed, 1 transaction, 500 bytes to server, 300 to client");
	assert_line(2,
	        TEXT_HEAD("ALERT") "1025100 relay.attempt severity 2, refused-by-server: Open-relay attempt, "
	                           "refused "
	                           "(enforcing: refuse-recipient); RCPT TO:<x!u@ours> -> 550 no; incident 77 "
	                           "open");
	assert_line(3, "2026-11-21 18:36:07.148 ALERT [2001:db8::1]:40000 > 192.168.0.10:25 inbound 1025100 "
	               "relay.attempt "
	               "severity 2, refused-by-server: Open-relay attempt, refused; incident 77 closed, 3 "
	               "findings from "
	               "2026-11-21 18:36:07.148 to 2026-11-21 18:36:07.148");
}

static void fill(void *bytes, size_t len)
{
	uint8_t *p = bytes;

	while (len-- > 0)
		*p++ = (uint8_t)rand();
}

/* Events and findings of random bytes, as a parser gone wrong might send them: still whole lines of JSON. */
static void random_records(void)
{
	enum { ROUNDS = 1500 };
	struct event e;
	struct finding f;
	unsigned i;

	srand(25);
	begin();
	for (i = 0; i < ROUNDS; i++) {
		fill(&e, sizeof(e));
		e.kind %= EVENT_KIND_COUNT + 1;
		e.conn.flow_id %= CONNECTIONS * 2;
		e.u.mail.tx_id %= 4; /* RCPT, DATA and others have theirs elsewhere */
		push(e);
		fill(&f, sizeof(f));
		if (i % 10 == 0)
			eve_finding(eve, &f);
	}
	CU_ASSERT_EQUAL(eve_counts(eve).lost, 0);
	end();
	CU_ASSERT(line_count > 200);
	for (i = 0; i < line_count; i++) {
		CU_ASSERT(strlen(lines[i]) <= LINE_MAX_BYTES);
		json_decref(parse(i));
	}
}

SUITE("eve", { "whole connection", whole_connection }, { "alert", alert }, { "stats", stats },
        { "without transaction", without_transaction }, { "counts are told once", counts_are_told_once },
        { "survives lost events", survives_lost_events },
        { "close tells what is open", close_tells_what_is_open },
        { "eviction tells the transaction", eviction_tells_the_transaction },
        { "giving up tells the counts", giving_up_tells_the_counts },
        { "list is cut at 100", list_is_cut_at_100 }, { "line stays below 60 KiB", line_stays_below_60_kib },
        { "cut fields are marked and counted", cut_fields_are_marked_and_counted },
        { "list stays a beginning", list_stays_a_beginning },
        { "lists share one budget", lists_share_one_budget },
        { "foreign bytes and numbers", foreign_bytes_and_numbers },
        { "interface and vlan", interface_and_vlan }, { "random records", random_records },
        { "alerts only", alerts_only }, { "policy changes", policy_changes },
        { "says why it cannot open", says_why_it_cannot_open }, { "lines for people", lines_for_people })
