/* format_stories.h - what test_formats tells, in each format: findings, mail, what hostile clients write, incidents, and what is
 * left out. Each story of stories[] is a file of tests/golden a format, written by eve.
 */
#ifndef UNIT_FORMAT_STORIES_H
#define UNIT_FORMAT_STORIES_H

#include <stdio.h>
#include <string.h>

#include "events.h"
#include "policy/watching.h"
#include "report/eve.h"

static struct eve *eve; /* as each test opens it */

static void push(struct event e)
{
	eve_event(eve, &e);
}

static void use_v6(struct event_connection *conn)
{
	static const uint8_t src[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0x66, [15] = 0x66 },
	                     dst[16] = { 0xfd, 0, 0, 0x25, 0, 0x10, [15] = 0x10 };

	conn->src = addr_from_v6(src);
	conn->dst = addr_from_v6(dst);
}

static struct finding finding_of(uint32_t id, uint8_t severity)
{
	struct event e = events_make(EVENT_RCPT, 0);
	struct finding f;

	memset(&f, 0, sizeof(f));
	f.id = id;
	f.severity = severity;
	f.action = ACTION_ALERT;
	f.would = ACTION_REFUSE_RECIPIENT;
	f.outcome = OUTCOME_REFUSED_BY_SERVER;
	f.time_us = e.time_us;
	f.conn = e.conn;
	f.tx_id = 1;
	f.form = SMTP_FORM_PERCENT;
	f.verified = 1;
	f.evidence_count = 2;
	EVENTS_TEXT(f.evidence[0], "RCPT TO:<u%foreign.test@example.org> -> 554 5.7.1 Relay access denied");
	EVENTS_TEXT(f.evidence[1], "would go on to foreign.test");
	EVENTS_TEXT(f.helo, "mail.stranger.example");
	EVENTS_TEXT(f.mail_from, "<spam@elsewhere.example>");
	EVENTS_TEXT(f.rcpt_to, "<u%foreign.test@example.org>");
	f.incident = (struct incident_brief) {
		.id = 77, .count = 1, .rule_count = 1, .first_us = f.time_us, .last_us = f.time_us
	};
	return f;
}

/* One of each kind: every other one over IPv6, with numbers; of the gate itself without a connection. */
static void tell_findings(void)
{
	static const struct {
		uint32_t id;
		uint8_t severity;
	} kinds[] = {
#define X(name, id, rule, severity, signature, category, technique) { id, severity },
		FINDINGS(X)
#undef X
	};
	struct finding f;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		f = finding_of(kinds[i].id, kinds[i].severity);
		f.incident.id += i;
		if (i % 2) {
			use_v6(&f.conn);
			f.conn.direction = DIRECTION_OUTBOUND;
			f.value = 120 + i;
			f.limit = 100;
			f.baseline = 12;
			f.window_s = 60;
			f.blocked = 1;
			f.would = f.action = ACTION_REFUSE_RECIPIENT;
			f.outcome = OUTCOME_REFUSED_BY_US;
			f.incident.count = 8;
			f.incident.rule_count = 5;
			f.incident.last_us += 61000000;
			f.incident.state = INCIDENT_GROWN;
		}
		if (!finding_has_connection(f.id)) {
			f.tx_id = 0;
			f.helo.len = f.mail_from.len = f.rcpt_to.len = 0;
			f.evidence_count = 1;
			EVENTS_TEXT(f.evidence[0], "blocked 203.0.113.9 for 1h by uid 0: spam");
		}
		eve_finding(eve, &f);
	}
}

static void tell_mail(void)
{
	static const struct eve_stats_number extra[] = { { "kernel.queue.dropped", 3 }, { NULL, 0 } };
	struct counters counters = { .n = { [COUNTER_PACKETS] = 7, [COUNTER_SESSIONS_READ] = 2 } };
	struct event e;

	push(events_make(EVENT_OPEN, 0));
	push(events_helo(5000, "mx.isp.example"));
	push(events_mail(12000, 1, "<s@isp.example>"));
	push(events_rcpt(15000, 1, "<u@example.org>", 1, 250, "2.1.5 Ok"));
	e = events_rcpt(31000, 1, "<u%x.example@example.org>", 0, 550, "5.7.1 Relay access denied");
	e.u.rcpt.form = SMTP_FORM_PERCENT;
	e.u.rcpt.outcome = OUTCOME_REFUSED_BY_US;
	EVENTS_TEXT(e.u.rcpt.final_domain, "x.example");
	push(e);
	e = events_data(60000, 1, 250, "2.0.0 Ok: queued as 4bYx3k1Zz5z9");
	EVENTS_TEXT(e.u.data.message_id, "<1@isp.example>");
	push(e);
	push(events_tx_end(60000, 1, END_COMPLETED));
	e = events_mail(62000, 2, "<>"); /* a bounce, refused */
	push(e);
	push(events_rcpt(63000, 2, "<postmaster>", 1, 452, "4.2.2 full"));
	push(events_tx_end(64000, 2, END_REFUSED));
	e = events_close(91000, 2);
	e.conn.vlan[0] = 100;
	e.conn.vlan[1] = 7;
	push(e);
	e = events_close(95000, 0); /* another one, of which TLS hides all */
	e.conn.flow_id = 4712;
	e.conn.direction = DIRECTION_TRANSIT;
	use_v6(&e.conn);
	e.u.close.tls = 1;
	e.u.close.tls_version = 0x0303;
	EVENTS_TEXT(e.u.close.sni, "mx.example.org");
	push(e);
	eve_stats(eve,
	        &(struct eve_stats) {
	                .time_us = EVENTS_START_US, .uptime_s = 60, .inspect = &counters, .extra = extra });
}

/* Ends of lines, what steers a terminal, every format's own signs, letters, bytes of no letter, too much of all. */
static const char hostile[] =
        "\" ] \\ | = \\x41 \n\r\t\x1b[2J\x7f gr\xc3\xbc\xc3\x9f \xe2\x80\xa8 \xff\xc3 %s %n [x@32473] CEF:0|";

static void tell_hostile(void)
{
	struct finding f = finding_of(FINDING_RELAY_ATTEMPT, 2);
	static char much[4096];
	struct event e;

	EVENTS_TEXT(f.helo, hostile);
	EVENTS_TEXT(f.mail_from, hostile);
	EVENTS_TEXT(f.rcpt_to, hostile);
	EVENTS_TEXT(f.evidence[0], hostile);
	eve_finding(eve, &f);
	for (size_t i = 0; i + sizeof(hostile) < sizeof(much); i += sizeof(hostile) - 1)
		memcpy(much + i, hostile, sizeof(hostile) - 1);
	EVENTS_TEXT(f.helo, much);
	EVENTS_TEXT(f.mail_from, much);
	EVENTS_TEXT(f.rcpt_to, much);
	for (f.evidence_count = 0; f.evidence_count < FINDING_EVIDENCE_MAX; f.evidence_count++)
		EVENTS_TEXT(f.evidence[f.evidence_count], much);
	eve_finding(eve, &f);
	f = finding_of(FINDING_SMUGGLING_EFFECTIVE, 9); /* a severity that no table has; numbers of no enum */
	f.action = f.would = f.outcome = 200;
	f.form = 200;
	f.conn.direction = 200;
	eve_finding(eve, &f);
	push(events_helo(0, hostile));
	push(events_mail(0, 1, hostile));
	e = events_rcpt(0, 1, hostile, 0, 550, hostile);
	EVENTS_TEXT(e.u.rcpt.final_domain, hostile);
	push(e);
	e = events_data(0, 1, 250, hostile);
	EVENTS_TEXT(e.u.data.message_id, hostile);
	push(e);
	push(events_tx_end(0, 1, END_COMPLETED));
	push(events_close(0, 1));
}

/* Five records of one source are allowed, of its six connections that end without a word; then the total is spent by an
 * upstream; and a minute later both are told, before the next record. */
static void tell_budget(void)
{
	struct event e;

	for (unsigned i = 0; i < 6; i++) {
		e = events_close(i * 1000, 0);
		e.conn.flow_id += i;
		push(e);
	}
	for (unsigned i = 0; i < 3; i++) {
		e = events_close(10000 + i * 1000, 0);
		use_v6(&e.conn);
		e.conn.from_upstream = 1;
		e.conn.flow_id = 9000 + i;
		push(e);
	}
	e = events_close(UINT64_C(61000000), 0);
	e.conn.flow_id += 100;
	push(e);
}

/* No disk is large enough. */
static void tell_full(void)
{
	eve_tick(eve, EVENTS_START_US);
	push(events_close(0, 0));
	eve_tick(eve, EVENTS_START_US + 61000000);
}

static void tell_as(struct finding *f, enum incident_state state)
{
	f->incident.state = (uint8_t)state;
	eve_finding(eve, f);
}

/* Another one of the same rule, a second later. */
static void happen(struct finding *f)
{
	f->time_us += 1000000;
	f->incident.last_us = f->time_us;
	f->incident.count++;
	f->incident.rule_count++;
}

/* The story of so many findings of its rule, and twelve harvests since. */
static void add_facets(struct incident_brief *in, uint32_t rule, uint64_t count)
{
	in->facets[in->facet_count++] = (struct incident_facet) {
		.id = rule, .severity = 2, .count = count, .first_us = in->first_us, .last_us = in->last_us
	};
	in->facets[in->facet_count++] = (struct incident_facet) { .id = FINDING_HARVEST,
		.severity = 3,
		.count = 12,
		.first_us = in->last_us + 1000000,
		.last_us = in->last_us + 12000000 };
	in->count += 12;
	in->last_us += 12000000;
}

/* From the first word to the last: of a network that a volume block counts as one, with what it measured, acknowledged in
 * words that want escaping, with a facet more. */
static void tell_story_of_network(void)
{
	static const uint64_t quiet_us = 600 * UINT64_C(1000000);
	struct finding f = finding_of(FINDING_VOLUME_LIMIT, 2);

	f.outcome = OUTCOME_NONE;
	f.would = ACTION_ALERT;
	f.form = SMTP_FORM_PLAIN; /* of its last recipient */
	EVENTS_TEXT(f.rcpt_to, "<u@elsewhere.example>");
	f.measure = 1 + VOLUME_RECIPIENTS;
	snprintf(f.block, sizeof(f.block), "hosts \"]\\");
	f.value = 101;
	f.limit = 100;
	f.baseline = 12;
	f.window_s = 60;
	f.source_bits = 120;
	f.evidence_count = 1;
	EVENTS_TEXT(f.evidence[0], "101 recipients in 1m");
	f.incident.before = 70;
	tell_as(&f, INCIDENT_OPEN);
	happen(&f);
	tell_as(&f, INCIDENT_GROWN);
	f.time_us += 1000000;
	f.incident.ack = (struct incident_ack) { .time_us = f.time_us, .uid = 1000 };
	snprintf(f.incident.ack.reason, sizeof(f.incident.ack.reason),
	        "known: \"x\" ] \\ | = \n gr\xc3\xbc\xc3\x9f");
	tell_as(&f, INCIDENT_ACKED);
	add_facets(&f.incident, FINDING_VOLUME_LIMIT, f.incident.count);
	f.time_us = f.incident.last_us + quiet_us;
	tell_as(&f, INCIDENT_CLOSED);
}

/* And of a recipient, of a server, of a recipient that is forgotten, of a user; of many; of the network of a snowshoe. */
static void tell_incidents(void)
{
	struct finding f;

	tell_story_of_network();
	f = finding_of(FINDING_VOLUME_TARGET, 3);
	f.incident.id = 78;
	f.at_target = 1;
	tell_as(&f, INCIDENT_OPEN);
	f.rcpt_to.len = 0;
	happen(&f);
	tell_as(&f, INCIDENT_GROWN);
	f.at_target = 2;
	happen(&f);
	tell_as(&f, INCIDENT_CLOSED);
	f = finding_of(FINDING_AUTH_GUESS, 2);
	f.incident.id = 79;
	f.at_target = 1;
	f.helo.len = f.mail_from.len = 0;
	EVENTS_TEXT(f.rcpt_to, "alice");
	tell_as(&f, INCIDENT_OPEN);
	f = finding_of(FINDING_GATE_REFUSED, 4);
	f.incident.id = 80;
	f.pooled = 1;
	tell_as(&f, INCIDENT_OPEN);
	f = finding_of(FINDING_VOLUME_SNOWSHOE, 2);
	f.incident.id = 81;
	use_v6(&f.conn);
	f.source_bits = 48;
	f.conn.src = addr_mask(&f.conn.src, f.source_bits);
	tell_as(&f, INCIDENT_OPEN);
}

static const struct {
	const char *name;
	void (*tell)(void);
	struct budget_limits budget;
	bool alerts; /* there are some */
} stories[] = {
	{ "findings", tell_findings, { 0, 0, 0, 0, 0 }, true },
	{ "mail", tell_mail, { 0, 0, 0, 0, 0 }, false },
	{ "hostile", tell_hostile, { 0, 0, 0, 0, 0 }, true },
	{ "incidents", tell_incidents, { 0, 0, 0, 0, 0 }, true },
	{ "budget", tell_budget, { 5, 60, 60, 4000, 0 }, false },
	{ "full", tell_full, { .free_bytes = UINT64_MAX / 2 }, false },
};
enum { STORIES = sizeof(stories) / sizeof(stories[0]) };

#endif
