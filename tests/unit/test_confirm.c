/* Relayed mail that is seen leaving, or coming back. */
#include "watching.h"

enum { OUT_FLOW = 900 };

#define SECOND UINT64_C(1000000)

/* The findings in the ring with this id; the last of them in *last. */
static unsigned drain(enum finding_id id, struct finding *last)
{
	const struct finding *f;
	unsigned n = 0;

	while ((f = ring_front(ring))) {
		if (f->id == id) {
			*last = *f;
			n++;
		}
		ring_pop(ring);
	}
	return n;
}

/* The same event in the connection by which the server 192.168.0.10 sends on. */
static struct event outward(struct event e)
{
	e.conn.flow_id = OUT_FLOW;
	e.conn.src = addr_from_v4((const uint8_t[]) { 192, 168, 0, 10 });
	e.conn.dst = addr_from_v4((const uint8_t[]) { 198, 51, 100, 99 });
	e.conn.server = -1;
	e.conn.from_server = 1;
	e.conn.direction = DIRECTION_OUTBOUND;
	if (e.kind == EVENT_RCPT)
		e.u.rcpt.judged = 0;
	return e;
}

static struct event rcpt(uint64_t after_us, const char *path, const char *domain, enum smtp_form form)
{
	struct event e = events_rcpt(after_us, 1, path, 0, 250, "ok");

	EVENTS_TEXT(e.u.rcpt.final_domain, domain);
	e.u.rcpt.form = (uint8_t)form;
	return e;
}

static struct event data(uint64_t after_us, uint16_t code, const char *message_id)
{
	struct event e = events_data(after_us, 1, code, "done");

	EVENTS_TEXT(e.u.data.message_id, message_id);
	e.u.data.rcpt_foreign_accepted = 1;
	return e;
}

static void relay(const char *from, const char *path, const char *domain, enum smtp_form form, const char *id)
{
	push(events_helo(0, "spam.example"));
	push(events_mail(0, 1, from));
	push(rcpt(0, path, domain, form));
	push(data(SECOND, 250, id));
	push(events_tx_end(SECOND, 1, END_COMPLETED));
}

static void leave(uint64_t after_us, const char *from, const char *path, const char *domain, const char *id)
{
	push(outward(events_mail(after_us, 1, from)));
	push(outward(rcpt(after_us, path, domain, SMTP_FORM_PLAIN)));
	push(outward(data(after_us, 250, id)));
	push(outward(events_tx_end(after_us, 1, END_COMPLETED)));
}

static void the_same_message_id_confirms(void)
{
	struct finding f;

	begin();
	relay("<s@spam.example>", "<v@far.example>", "far.example", SMTP_FORM_PLAIN, "<1@x>");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 0);
	leave(5 * SECOND, "<other@ours.example>", "<w@else.example>", "else.example", "<2@x>");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 0);
	leave(6 * SECOND, "<rewritten@ours.example>", "<w@else.example>", "else.example", "<1@x>");
	CU_ASSERT_EQUAL_FATAL(drain(FINDING_RELAY_CONFIRMED, &f), 1);
	CU_ASSERT_EQUAL(f.severity, 1);
	CU_ASSERT_EQUAL(f.outcome, OUTCOME_CONFIRMED);
	CU_ASSERT_EQUAL(f.conn.flow_id, 4711); /* the story of the one who relayed */
	CU_ASSERT(says(&f, "same Message-ID"));
	CU_ASSERT(says(&f, "to 198.51.100.99 port 25, 6 s after"));
	CU_ASSERT_EQUAL(memcmp(f.rcpt_to.bytes, "<v@far.example>", f.rcpt_to.len), 0);
	leave(7 * SECOND, "<rewritten@ours.example>", "<w@else.example>", "else.example", "<1@x>");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 0); /* once */
	end();
}

static void the_same_envelope_confirms(void)
{
	static const struct {
		const char *relayed_to;
		enum smtp_form form;
		const char *from, *leaves_to, *domain;
		unsigned confirmed;
	} cases[] = {
		{ "<v@far.example>", SMTP_FORM_PLAIN, "<s@Spam.example>", "<V@FAR.example>", "far.example",
		        1 },
		{ "<v@far.example>", SMTP_FORM_PLAIN, "<s@spam.example>", "<other@far.example>",
		        "far.example", 0 },
		{ "<v@far.example>", SMTP_FORM_PLAIN, "<else@spam.example>", "<v@far.example>", "far.example",
		        0 },
		{ "<v%far.example@ours>", SMTP_FORM_PERCENT, "<s@spam.example>", "<v@far.example>",
		        "far.example", 1 },
		{ "<v%far.example@ours>", SMTP_FORM_PERCENT, "<s@spam.example>", "<v@near.example>",
		        "near.example", 0 },
	};
	struct finding f;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		relay("<s@spam.example>", cases[i].relayed_to, "far.example", cases[i].form, "");
		leave(3 * SECOND, cases[i].from, cases[i].leaves_to, cases[i].domain, "");
		CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), cases[i].confirmed);
		if (cases[i].confirmed)
			CU_ASSERT(says(&f, "same sender and recipient"));
		end();
	}
}

/* From one server of ours to another it has not left. */
static void passed_on_inside_it_has_not_left(void)
{
	static const enum event_kind kinds[] = { EVENT_MAIL, EVENT_RCPT, EVENT_DATA, EVENT_TX_END };
	struct finding f;
	struct event e;
	unsigned i;

	begin();
	relay("<s@spam.example>", "<v@far.example>", "far.example", SMTP_FORM_PLAIN, "<1@x>");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		e = kinds[i] == EVENT_MAIL ? events_mail(2 * SECOND, 1, "<s@spam.example>")
		    : kinds[i] == EVENT_RCPT
		            ? rcpt(2 * SECOND, "<v@far.example>", "far.example", SMTP_FORM_PLAIN)
		    : kinds[i] == EVENT_DATA ? data(2 * SECOND, 250, "<1@x>")
		                             : events_tx_end(2 * SECOND, 1, END_COMPLETED);
		e = outward(e);
		e.conn.server = 5;
		e.conn.direction = DIRECTION_INTERNAL;
		push(e);
	}
	e = outward(events_make(EVENT_TLS, 3 * SECOND));
	e.conn.server = 5;
	EVENTS_TEXT(e.u.tls.sni, "mx.far.example");
	push(e);
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 0);
	leave(4 * SECOND, "<s@spam.example>", "<v@far.example>", "far.example", "<1@x>");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 1);
	end();
}

/* The end of data was refused, here or there: nothing was relayed. */
static void what_was_refused_did_not_leave(void)
{
	struct finding f;

	begin();
	push(events_mail(0, 1, "<s@spam.example>"));
	push(rcpt(0, "<v@far.example>", "far.example", SMTP_FORM_PLAIN));
	push(data(SECOND, 554, "<1@x>"));
	push(events_tx_end(SECOND, 1, END_REFUSED));
	leave(2 * SECOND, "<s@spam.example>", "<v@far.example>", "far.example", "<1@x>");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 0);

	relay("<s@spam.example>", "<v@far.example>", "far.example", SMTP_FORM_PLAIN, "<1@x>");
	push(outward(events_mail(3 * SECOND, 1, "<s@spam.example>")));
	push(outward(rcpt(3 * SECOND, "<v@far.example>", "far.example", SMTP_FORM_PLAIN)));
	push(outward(data(3 * SECOND, 554, "<1@x>")));
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 0);
	end();
}

static struct event greeting(uint64_t after_us, const char *text)
{
	struct event e = events_make(EVENT_GREETING, after_us);

	e.u.reply.code = 220;
	EVENTS_TEXT(e.u.reply.text, text);
	return e;
}

static void an_encrypted_way_out_confirms_by_its_host(void)
{
	static const struct {
		const char *greeting, *sni;
		uint64_t after_us;
		unsigned confirmed;
	} cases[] = {
		{ "mx1.far.example ESMTP", "", 60 * SECOND, 1 }, { "FAR.example", "", 60 * SECOND, 1 },
		{ "mx.near.example ESMTP", "in.far.example", 60 * SECOND, 1 },
		{ "mx.near.example ESMTP", "", 60 * SECOND, 0 },
		{ "notfar.example ESMTP", "", 60 * SECOND, 0 },
		{ "mx1.far.example ESMTP", "", 700 * SECOND, 0 }, /* that long after it proves nothing */
	};
	struct event e;
	struct finding f;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		relay("<s@spam.example>", "<v@far.example>", "far.example", SMTP_FORM_PLAIN, "");
		push(outward(greeting(cases[i].after_us, cases[i].greeting)));
		e = outward(events_make(EVENT_TLS, cases[i].after_us));
		EVENTS_TEXT(e.u.tls.sni, cases[i].sni);
		push(e);
		CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), cases[i].confirmed);
		if (cases[i].confirmed)
			CU_ASSERT_EQUAL(f.severity, 2);
		end();
	}
}

static void a_bounce_is_no_relay(void)
{
	struct finding f;

	begin();
	relay("<s@spam.example>", "<v@far.example>", "far.example", SMTP_FORM_PLAIN, "<1@x>");
	drain(FINDING_RELAY_ATTEMPT, &f);
	leave(4 * SECOND, "<>", "<s@spam.example>", "spam.example", "<bounce@ours>");
	CU_ASSERT_EQUAL_FATAL(drain(FINDING_RELAY_ATTEMPT, &f), 1);
	CU_ASSERT_EQUAL(f.outcome, OUTCOME_BOUNCED);
	CU_ASSERT_EQUAL(f.severity, 3);
	CU_ASSERT_EQUAL(f.conn.flow_id, 4711);
	leave(5 * SECOND, "<>", "<s@spam.example>", "spam.example", "<bounce@ours>");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_ATTEMPT, &f), 0); /* once */
	leave(6 * SECOND, "<>", "<stranger@spam.example>", "spam.example", "<b2@ours>");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_ATTEMPT, &f), 0);
	end();
}

/* The way out may be seen before the reply to the end of data: it waits for that. */
static void seen_before_it_was_taken(void)
{
	struct finding f;

	begin();
	push(events_mail(0, 1, "<s@spam.example>"));
	push(rcpt(0, "<v@far.example>", "far.example", SMTP_FORM_PLAIN));
	leave(SECOND, "<s@spam.example>", "<v@far.example>", "far.example", "");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 0);
	push(data(SECOND + 1, 250, ""));
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 1);
	CU_ASSERT(says(&f, "same sender and recipient"));
	end();
}

/* The book is a ring: the oldest relayed mail is forgotten, the memory stays. */
static void the_oldest_is_forgotten(void)
{
	struct watch_settings s = watching_settings();
	struct finding f;
	char id[32];
	unsigned i;

	s.relays = 16;
	begin_with(s);
	for (i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "<%u@x>", i);
		relay("<s@spam.example>", "<v@far.example>", "far.example", SMTP_FORM_PLAIN, id);
		drain(FINDING_RELAY_CONFIRMED, &f);
	}
	leave(2 * SECOND, "<a@b.example>", "<c@d.example>", "d.example", "<983@x>");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 0);
	leave(2 * SECOND, "<a@b.example>", "<c@d.example>", "d.example", "<984@x>");
	CU_ASSERT_EQUAL(drain(FINDING_RELAY_CONFIRMED, &f), 1);
	end();
}

SUITE("confirm", { "the same Message-ID confirms", the_same_message_id_confirms },
        { "the same envelope confirms", the_same_envelope_confirms },
        { "passed on inside it has not left", passed_on_inside_it_has_not_left },
        { "what was refused did not leave", what_was_refused_did_not_leave },
        { "an encrypted way out confirms by its host", an_encrypted_way_out_confirms_by_its_host },
        { "a bounce is no relay", a_bounce_is_no_relay },
        { "seen before it was taken", seen_before_it_was_taken },
        { "the oldest is forgotten", the_oldest_is_forgotten })
