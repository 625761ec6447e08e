/* Events in, findings out: what is a relay attempt, what is not, and what a finding carries. */
#include "postern/order.h"
#include "watching.h"

static void relay_attempt_carries_its_story(void)
{
	struct finding f;
	struct event rcpt = events_rcpt(3000, 1, "<u%x.example@ours>", 0, 550, "5.7.1 Relaying denied");

	begin();
	push(events_helo(1000, "spam.example"));
	push(events_mail(2000, 1, "<>"));
	rcpt.u.rcpt.form = SMTP_FORM_PERCENT;
	EVENTS_TEXT(rcpt.u.rcpt.final_domain, "x.example");
	rcpt.u.rcpt.would = ACTION_REFUSE_RECIPIENT;
	push(rcpt);
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_RELAY_ATTEMPT);
	CU_ASSERT_EQUAL(f.severity, 2);
	CU_ASSERT_EQUAL(f.action, ACTION_ALERT);
	CU_ASSERT_EQUAL(f.would, ACTION_REFUSE_RECIPIENT);
	CU_ASSERT_EQUAL(f.outcome, OUTCOME_REFUSED_BY_SERVER);
	CU_ASSERT_EQUAL(f.blocked, 0);
	CU_ASSERT_EQUAL(f.verified, 1);
	CU_ASSERT_EQUAL(f.form, SMTP_FORM_PERCENT);
	CU_ASSERT_EQUAL(f.tx_id, 1);
	ASSERT_TEXT(f.helo, "spam.example");
	ASSERT_TEXT(f.mail_from, "<>");
	ASSERT_TEXT(f.rcpt_to, "<u%x.example@ours>");
	CU_ASSERT_EQUAL_FATAL(f.evidence_count, 2);
	ASSERT_TEXT(f.evidence[0], "RCPT TO:<u%x.example@ours> -> 550 5.7.1 Relaying denied");
	ASSERT_TEXT(f.evidence[1], "would go on to x.example");
	end();
}

static void ours_is_no_finding(void)
{
	struct event e;

	begin();
	push(events_rcpt(0, 1, "<a@ours>", 1, 250, "ok"));
	e = events_rcpt(0, 1, "<a@foreign>", 0, 250, "ok");
	e.u.rcpt.client_ours = 1;
	push(e);
	e = events_rcpt(0, 1, "<a@foreign>", 0, 250, "ok");
	e.u.rcpt.judged = 0;
	push(e);
	push(events_data(0, 1, 250, "ok"));
	CU_ASSERT_PTR_NULL(ring_front(ring));
	CU_ASSERT_EQUAL(watch_counts(watch).findings, 0);
	CU_ASSERT_EQUAL(watch_counts(watch).events, 4);
	end();
}

static void refused_by_us_is_blocked(void)
{
	struct event e = events_rcpt(0, 1, "<a@foreign>", 0, 550, "5.7.1 no");
	struct finding f;

	begin();
	e.u.rcpt.outcome = OUTCOME_REFUSED_BY_US;
	e.u.rcpt.action = e.u.rcpt.would = ACTION_REFUSE_RECIPIENT;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_RELAY_ATTEMPT);
	CU_ASSERT_EQUAL(f.blocked, 1);
	CU_ASSERT_EQUAL(f.action, ACTION_REFUSE_RECIPIENT);
	ASSERT_TEXT(f.evidence[0], "RCPT TO:<a@foreign> -> 550 5.7.1 no (by postern)");
	e.u.rcpt.servers_words = 1; /* of a record, judged again */
	e.conn.src.b[15] += 2;
	push(e);
	f = take();
	ASSERT_TEXT(f.evidence[0],
	        "RCPT TO:<a@foreign> -> 550 5.7.1 no (the server's words; refused by postern)");
	e.u.rcpt.servers_words = 0;
	e.u.rcpt.reply.text.len = 0; /* no room in a short reply */
	e.conn.src.b[15]++;
	push(e);
	f = take();
	ASSERT_TEXT(f.evidence[0], "RCPT TO:<a@foreign> -> 550 (by postern)");
	e.u.rcpt.outcome = OUTCOME_UNANSWERED; /* reset before anybody could answer */
	e.u.rcpt.action = ACTION_RESET;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.blocked, 1);
	end();
}

/* Each of them, told or not; and only of a client who was answered before, or now. */
static void orders_are_given(void)
{
	struct event e = events_rcpt(0, 1, "<a@foreign>", 0, 554, "5.7.1 no");
	struct ring *orders = ring_new(16, sizeof(struct order));
	const struct order *o;

	begin();
	watch_set_orders(watch, orders);
	push(e);
	CU_ASSERT_PTR_NULL(ring_front(orders)); /* an alert asks for nothing */
	e.u.rcpt.outcome = OUTCOME_REFUSED_BY_US;
	e.u.rcpt.would = ACTION_BLOCK;
	push(e);
	CU_ASSERT_PTR_NULL(ring_front(orders)); /* monitor mode */
	e.u.rcpt.action = ACTION_BLOCK;
	for (unsigned i = 0; i < 5; i++) {
		push(e);
		o = ring_front(orders);
		CU_ASSERT_PTR_NOT_NULL_FATAL(o);
		CU_ASSERT(o->finding == FINDING_RELAY_ATTEMPT && o->action == ACTION_BLOCK && o->verified);
		CU_ASSERT(addr_compare(&o->source, &e.conn.src) == 0 && o->time_us == e.time_us);
		ring_pop(orders);
	}
	e.u.rcpt.reply.code = 0;
	e.conn.flow_id++;
	push(e);
	o = ring_front(orders);
	CU_ASSERT_PTR_NOT_NULL_FATAL(o);
	CU_ASSERT_EQUAL(o->verified, 0);
	while (ring_front(ring))
		ring_pop(ring);
	end();
	ring_free(orders);
}

static void unanswered_is_an_attempt(void)
{
	struct finding f;

	begin();
	push(events_rcpt(0, 1, "<a@foreign>", 0, 0, ""));
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_RELAY_ATTEMPT);
	CU_ASSERT_EQUAL(f.outcome, OUTCOME_UNANSWERED);
	ASSERT_TEXT(f.evidence[0], "RCPT TO:<a@foreign> -> no reply");
	end();
}

/* Severity 3 and the advice for a plain recipient from an upstream; a trick keeps its weight. */
static void upstream_gets_advice(void)
{
	struct event e = events_rcpt(0, 1, "<a@forgotten.example>", 0, 550, "no");
	struct finding f;

	begin();
	e.conn.from_upstream = 1;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.severity, 3);
	CU_ASSERT_EQUAL_FATAL(f.evidence_count, 2);
	CU_ASSERT_PTR_NOT_NULL(memmem(f.evidence[1].bytes, f.evidence[1].len, "`domains`", 9));
	CU_ASSERT_EQUAL(f.evidence[1].cut, 0);
	e.u.rcpt.form = SMTP_FORM_BANG;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.severity, 2);
	CU_ASSERT_EQUAL(f.evidence_count, 1);
	end();
}

static void accepted_is_said_twice(void)
{
	struct event e;
	struct finding f;

	begin();
	push(events_mail(0, 1, "<s@x>"));
	e = events_rcpt(1, 1, "<a@foreign>", 0, 250, "ok");
	e.u.rcpt.form = SMTP_FORM_BANG;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_RELAY_ACCEPTED);
	CU_ASSERT_EQUAL(f.severity, 1);
	CU_ASSERT_EQUAL(f.outcome, OUTCOME_ACCEPTED);
	e = events_data(2, 1, 250, "queued as 1");
	e.u.data.rcpt_foreign_accepted = 1;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_RELAY_ACCEPTED);
	CU_ASSERT_EQUAL(f.incident.count, 2);
	CU_ASSERT_EQUAL(f.value, 1);
	ASSERT_TEXT(f.rcpt_to, "<a@foreign>");
	CU_ASSERT_EQUAL(f.form, SMTP_FORM_BANG);
	ASSERT_TEXT(f.mail_from, "<s@x>");
	ASSERT_TEXT(f.evidence[0], "end of data, foreign recipients 1 -> 250 queued as 1");

	e.u.data.reply.code = 451; /* not taken in the end */
	push(e);
	e.u.data.reply.code = 250;
	e.u.data.final = 0;
	push(e);
	CU_ASSERT_EQUAL(watch_counts(watch).findings, 2);
	end();
}

/* What belongs to one transaction is not carried into the next, nor a connection's into another. */
static void forgets_in_time(void)
{
	struct finding f;

	begin();
	push(events_helo(0, "h"));
	push(events_mail(0, 1, "<s@x>"));
	push(events_tx_end(0, 1, END_RESET));
	push(events_rcpt(0, 0, "<a@foreign>", 0, 503, "no"));
	f = take();
	CU_ASSERT_EQUAL(f.mail_from.len, 0);
	ASSERT_TEXT(f.helo, "h");
	push(events_close(0, 1));
	push(events_rcpt(0, 0, "<a@foreign>", 0, 503, "no"));
	f = take();
	CU_ASSERT_EQUAL(f.helo.len, 0);
	end();
}

/* A MAIL that the server refuses within a transaction leaves it as it is. */
static void a_refused_mail_ends_nothing(void)
{
	struct event second = events_mail(2, 2, "<other@y>"), data = events_data(4, 1, 250, "queued");
	struct finding f;

	begin();
	push(events_mail(0, 1, "<s@x>"));
	push(events_rcpt(1, 1, "<a@foreign>", 0, 250, "ok"));
	(void)take();
	second.u.mail.reply.code = 503;
	push(second);
	push(events_tx_end(3, 2, END_REFUSED));
	data.u.data.rcpt_foreign_accepted = 1;
	push(data);
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_RELAY_ACCEPTED);
	ASSERT_TEXT(f.mail_from, "<s@x>");
	ASSERT_TEXT(f.rcpt_to, "<a@foreign>");
	push(events_tx_end(5, 1, END_COMPLETED));
	second.u.mail.tx_id = 3; /* nothing is running: what comes with it is its own */
	push(second);
	push(events_rcpt(6, 3, "<b@foreign>", 0, 503, "no"));
	f = take();
	ASSERT_TEXT(f.mail_from, "<other@y>");
	end();
}

static void evicts_the_oldest_connection(void)
{
	struct watch_settings s = watching_settings();
	struct finding f;
	struct event e;
	uint64_t i;

	s.connections = 16;
	begin_with(s);
	for (i = 0; i < 17; i++) {
		e = events_helo(i, "h");
		e.conn.flow_id = 100 + i;
		push(e);
	}
	CU_ASSERT_EQUAL(watch_counts(watch).connections_evicted, 1);
	e = events_rcpt(20, 1, "<a@foreign>", 0, 550, "no");
	e.conn.flow_id = 100;
	push(e);
	CU_ASSERT_EQUAL(take().helo.len, 0);
	e.conn.flow_id = 101;
	push(e);
	f = take();
	ASSERT_TEXT(f.helo, "h");
	end();
}

static void long_path_leaves_room_for_the_reply(void)
{
	char path[400];
	struct finding f;

	begin();
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	push(events_rcpt(0, 1, path, 0, 550, "5.7.1 Relaying denied"));
	f = take();
	CU_ASSERT_EQUAL(f.rcpt_to.cut, 1);
	CU_ASSERT_PTR_NOT_NULL(
	        memmem(f.evidence[0].bytes, f.evidence[0].len, "a... -> 550 5.7.1 Relaying denied", 33));
	end();
}

static struct finding refused(enum event_direction direction, enum action action, enum action would)
{
	struct event e = events_make(EVENT_REFUSED, 0);

	begin();
	e.conn.direction = (uint8_t)direction;
	e.u.refused.tcp_flags = 2;
	e.u.refused.action = (uint8_t)action;
	e.u.refused.would = (uint8_t)would;
	push(e);
	return take();
}

static void gate_weighs_by_direction(void)
{
	static const struct {
		enum event_direction direction;
		uint8_t severity;
	} cases[] = { { DIRECTION_INBOUND, 4 }, { DIRECTION_OUTBOUND, 2 }, { DIRECTION_INTERNAL, 2 },
		{ DIRECTION_TRANSIT, 4 } };
	struct finding f;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f = refused(cases[i].direction, ACTION_REFUSE, ACTION_REFUSE);
		CU_ASSERT_EQUAL(f.id, FINDING_GATE_REFUSED);
		CU_ASSERT_EQUAL(f.severity, cases[i].severity);
		CU_ASSERT_EQUAL(f.blocked, 1);
		CU_ASSERT_EQUAL(f.action, ACTION_REFUSE);
		CU_ASSERT_EQUAL(f.verified, 0);
		ASSERT_TEXT(f.evidence[0], "SYN to 192.168.0.10 port 25");
		end();
	}
}

/* A rule's `refuse` and `drop` are told apart, and monitor mode says which it would have been. */
static void gate_tells_what_the_rule_does(void)
{
	static const enum action does[] = { ACTION_REFUSE, ACTION_DROP };
	struct finding f;
	size_t i;

	for (i = 0; i < sizeof(does) / sizeof(does[0]); i++) {
		f = refused(DIRECTION_INBOUND, does[i], does[i]);
		CU_ASSERT_EQUAL(f.blocked, 1);
		CU_ASSERT_EQUAL(f.action, does[i]);
		CU_ASSERT_EQUAL(f.would, does[i]);
		CU_ASSERT_EQUAL(f.outcome, OUTCOME_REFUSED_BY_US);
		end();
		f = refused(DIRECTION_INBOUND, ACTION_ALERT, does[i]);
		CU_ASSERT_EQUAL(f.blocked, 0);
		CU_ASSERT_EQUAL(f.action, ACTION_ALERT);
		CU_ASSERT_EQUAL(f.would, does[i]);
		CU_ASSERT_EQUAL(f.outcome, OUTCOME_NONE);
		end();
	}
}

/* A million sources knock within one window: so many are told one by one, the rest is one story for each
 * group of servers, and nothing is uncounted. */
static void a_scan_costs_little(void)
{
	enum { SOURCES = 1000000 };
	struct event e = events_make(EVENT_REFUSED, 0);
	const struct finding *f;
	uint64_t told = 0, pooled[2] = { 0 }, single = 0;
	struct watch_settings s = watching_settings();

	begin_with(s);
	e.u.refused.tcp_flags = 2;
	for (uint32_t i = 0; i <= SOURCES; i++) {
		e.time_us = EVENTS_START_US + i * 500;
		e.conn.src = addr_from_v4(
		        (const uint8_t[]) { (uint8_t)(16 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i, 1 });
		e.conn.server = (int16_t)(i % 2) - 1;
		if (i < SOURCES)
			watch_event(watch, &e);
		while (i == SOURCES && watch_finish(watch, e.time_us) > 0 && ring_waiting(ring) == 0)
			;
		while ((f = ring_front(ring))) {
			told++;
			CU_ASSERT_EQUAL(f->verified, 0);
			if (f->incident.state == INCIDENT_CLOSED && f->pooled)
				pooled[f->conn.server + 1] = f->incident.count;
			else if (f->incident.state == INCIDENT_CLOSED)
				single += f->incident.count;
			ring_pop(ring);
		}
	}
	CU_ASSERT_EQUAL(single, s.refused_sources);
	CU_ASSERT_EQUAL(pooled[0], SOURCES / 2 - s.refused_sources / 2);
	CU_ASSERT_EQUAL(pooled[1], SOURCES / 2 - s.refused_sources / 2);
	CU_ASSERT(told < 2 * s.refused_sources + 2 * 24);
	CU_ASSERT_EQUAL(watch_counts(watch).findings, SOURCES);
	CU_ASSERT_EQUAL(watch_counts(watch).findings_lost, 0);
	CU_ASSERT_EQUAL(watch_counts(watch).incidents_evicted, 0);
	end();
}

/* A window later sources are told one by one again, and one that has its incident always is. */
static void the_budget_is_for_a_window(void)
{
	struct watch_settings s = watching_settings();
	struct event e = events_make(EVENT_REFUSED, 0);

	s.refused_sources = 1;
	begin_with(s);
	push(e);
	CU_ASSERT_EQUAL(take().pooled, 0);
	e.conn.src = addr_from_v4((const uint8_t[]) { 203, 0, 113, 10 });
	push(e);
	CU_ASSERT_EQUAL(take().pooled, 1);
	e.conn.src = addr_from_v4((const uint8_t[]) { 203, 0, 113, 9 });
	push(e);
	CU_ASSERT_EQUAL(take().pooled, 0);
	e.conn.src = addr_from_v4((const uint8_t[]) { 203, 0, 113, 11 });
	e.time_us += s.quiet_s * UINT64_C(1000000);
	push(e);
	CU_ASSERT_EQUAL(take().pooled, 0);
	end();
}

static void tampering_is_told_each_time(void)
{
	struct event e = { .kind = EVENT_GUARD, .time_us = EVENTS_START_US };
	struct finding f;

	begin();
	e.u.guard = (struct event_guard) { .state = GUARD_REPAIRED,
		.took_us = 2500,
		.what = { .len = 13, .bytes = "table deleted" },
		.who = { .len = 6, .bytes = "by nft" } };
	for (unsigned i = 0; i < 3; i++) {
		push(e);
		f = take();
		CU_ASSERT_EQUAL(f.id, FINDING_GATE_TAMPERED);
		CU_ASSERT_EQUAL(f.id, 1025510);
		CU_ASSERT_EQUAL(f.severity, 2);
		CU_ASSERT_EQUAL(f.value, 2500);
		CU_ASSERT_EQUAL_FATAL(f.evidence_count, 2);
		ASSERT_TEXT(f.evidence[0], "table deleted");
		ASSERT_TEXT(f.evidence[1], "by nft");
	}
	e.u.guard.state = GUARD_PUT_OFF;
	push(e);
	CU_ASSERT_EQUAL(take().severity, 1);
	e.u.guard.state = GUARD_OFFLOAD;
	e.u.guard.who.len = 0;
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_GATE_BLIND);
	CU_ASSERT_EQUAL(f.severity, 1);
	CU_ASSERT_EQUAL(f.evidence_count, 1);
	end();
}

static void blind_packets_are_a_finding(void)
{
	struct event e = { .kind = EVENT_BLIND, .time_us = EVENTS_START_US };
	struct finding f;

	begin();
	e.u.blind = (struct event_blind) { .packets = 17, .total = 40 };
	push(e);
	f = take();
	CU_ASSERT_EQUAL(f.id, FINDING_GATE_BLIND);
	CU_ASSERT_EQUAL(f.id, 1025512);
	CU_ASSERT_EQUAL(f.severity, 1);
	CU_ASSERT_EQUAL(f.value, 40);
	CU_ASSERT_EQUAL(f.blocked, 0);
	ASSERT_TEXT(f.evidence[0], "17 packets, 40 in all by the kernel's counter");
	e.u.blind = (struct event_blind) { .packets = 2, .total = 42 };
	push(e);
	(void)take();
	push(e); /* counted, not told; the summary has the most */
	CU_ASSERT_EQUAL(watch_finish(watch, EVENTS_START_US), 0);
	f = take();
	CU_ASSERT_EQUAL(f.incident.count, 3);
	CU_ASSERT_EQUAL(f.value, 42);
	end();
}

static void finish_closes_all(void)
{
	begin();
	push(events_rcpt(0, 1, "<a@foreign>", 0, 550, "no"));
	(void)take();
	CU_ASSERT_EQUAL(watch_finish(watch, EVENTS_START_US), 0);
	CU_ASSERT_EQUAL(take().incident.state, INCIDENT_CLOSED);
	end();
}

SUITE("watch", { "relay attempt carries its story", relay_attempt_carries_its_story },
        { "ours is no finding", ours_is_no_finding },
        { "refused by us is blocked", refused_by_us_is_blocked }, { "orders are given", orders_are_given },
        { "unanswered is an attempt", unanswered_is_an_attempt },
        { "tampering is told each time", tampering_is_told_each_time },
        { "upstream gets advice", upstream_gets_advice },
        { "accepted is said twice", accepted_is_said_twice }, { "forgets in time", forgets_in_time },
        { "a refused MAIL ends nothing", a_refused_mail_ends_nothing },
        { "evicts the oldest connection", evicts_the_oldest_connection },
        { "long path leaves room for the reply", long_path_leaves_room_for_the_reply },
        { "gate weighs by direction", gate_weighs_by_direction },
        { "gate tells what the rule does", gate_tells_what_the_rule_does },
        { "a scan costs little", a_scan_costs_little },
        { "the budget is for a window", the_budget_is_for_a_window },
        { "blind packets are a finding", blind_packets_are_a_finding },
        { "finish closes all", finish_closes_all })
