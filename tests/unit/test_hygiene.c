/* Names that a client has no right to, secrets and mail in clear, bytes that nobody honest sends. */
#include "watching.h"

/* What this event alone raises: the id, 0 if nothing; the finding in *f. */
static unsigned raises(struct event e, struct finding *f)
{
	const struct finding *front;
	unsigned id = 0;

	watch_event(watch, &e);
	while ((front = ring_front(ring))) {
		*f = *front;
		id = f->id;
		ring_pop(ring);
	}
	return id;
}

static void senders(void)
{
	static const struct {
		enum event_direction direction;
		bool server, home, from_server, upstream, client_ours, sender_ours, sender_foreign;
		const char *path;
		unsigned id;
	} cases[] = {
		{ DIRECTION_INBOUND, 1, 0, 0, 0, 0, 1, 0, "<boss@ours>", FINDING_SENDER_SPOOF },
		{ DIRECTION_INBOUND, 1, 0, 0, 0, 0, 0, 1, "<a@foreign>", 0 },
		{ DIRECTION_INBOUND, 1, 0, 0, 1, 0, 1, 0, "<boss@ours>", 0 }, /* forwarded by the ISP */
		{ DIRECTION_INBOUND, 1, 0, 0, 0, 1, 1, 0, "<boss@ours>", 0 }, /* authenticated */
		{ DIRECTION_INTERNAL, 1, 1, 0, 0, 1, 1, 0, "<boss@ours>", 0 },
		{ DIRECTION_OUTBOUND, 0, 1, 0, 0, 1, 0, 1, "<a@foreign>", FINDING_SENDER_FOREIGN },
		{ DIRECTION_OUTBOUND, 0, 1, 0, 0, 1, 1, 0, "<boss@ours>", 0 },
		{ DIRECTION_OUTBOUND, 0, 1, 0, 0, 1, 0, 0, "<>", 0 },
		{ DIRECTION_OUTBOUND, 0, 1, 1, 0, 1, 0, 1, "<a@foreign>", 0 }, /* a server passes on */
		{ DIRECTION_OUTBOUND, 0, 1, 0, 0, 1, 0, 0, "<root>", 0 }, /* or no domain of ours is known */
		{ DIRECTION_TRANSIT, 0, 0, 0, 0, 0, 0, 1, "<a@foreign>", 0 },
	};
	struct finding f;
	struct event e;
	unsigned i;

	begin();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		e = events_mail(i, 1, cases[i].path);
		e.conn.src.b[15] = (uint8_t)(100 + i); /* each an incident of its own */
		e.conn.direction = (uint8_t)cases[i].direction;
		e.conn.server = cases[i].server ? 4 : -1;
		e.conn.from_home = cases[i].home;
		e.conn.from_server = cases[i].from_server;
		e.conn.from_upstream = cases[i].upstream;
		e.u.mail.client_ours = cases[i].client_ours;
		e.u.mail.sender_ours = cases[i].sender_ours;
		e.u.mail.sender_foreign = cases[i].sender_foreign;
		CU_ASSERT_EQUAL(raises(e, &f), cases[i].id);
		if (cases[i].id)
			CU_ASSERT(says(&f, cases[i].path));
	}
	end();
}

static void greetings(void)
{
	struct finding f;
	struct event e = events_helo(0, "mx.ours");

	begin();
	e.conn.server = 4;
	CU_ASSERT_EQUAL(raises(e, &f), 0);
	e.u.helo.name_ours = 1;
	CU_ASSERT_EQUAL(raises(e, &f), FINDING_HELO_FORGED);
	CU_ASSERT(says(&f, "EHLO mx.ours -> 250"));
	e.conn.src.b[15]++;
	e.conn.from_upstream = 1;
	CU_ASSERT_EQUAL(raises(e, &f), 0);
	end();
}

static struct event offer(uint64_t after_us, bool starttls, bool masked)
{
	struct event e = events_helo(after_us, "c.example");

	e.u.helo.offers_starttls = starttls;
	e.u.helo.masks_starttls = masked;
	return e;
}

static void offers_that_vanish(void)
{
	enum { SERVERS = 16 };
	struct watch_settings s = watching_settings();
	const uint64_t day_us = UINT64_C(86400000000);
	struct finding f;
	struct event e;
	unsigned i;

	s.tls_servers = SERVERS;
	begin_with(s);
	CU_ASSERT_EQUAL(raises(offer(0, false, false), &f), 0); /* never had it */
	CU_ASSERT_EQUAL(raises(offer(1, true, false), &f), 0);
	e = offer(2, false, false);
	e.u.helo.reply.code = 502;
	CU_ASSERT_EQUAL(raises(e, &f), 0); /* no offer at all */
	e = offer(2, false, false);
	e.u.helo.esmtp = 0;
	CU_ASSERT_EQUAL(raises(e, &f), 0);
	CU_ASSERT_EQUAL(raises(offer(7000001, false, false), &f), FINDING_STARTTLS_MISSING);
	CU_ASSERT(says(&f, "192.168.0.10 port 25 offered STARTTLS 7 s ago"));
	CU_ASSERT_EQUAL(raises(offer(7000002, false, false), &f), 0); /* told */
	CU_ASSERT_EQUAL(raises(offer(7000003, true, false), &f), 0);
	e = offer(7000004, false, false);
	e.conn.src.b[15] += 3;
	CU_ASSERT_EQUAL(raises(e, &f), 0); /* it hides it from some clients */
	CU_ASSERT_EQUAL(raises(offer(day_us, true, false), &f), 0);
	CU_ASSERT_EQUAL(raises(offer(7000001 + day_us, false, true), &f), FINDING_STARTTLS_MISSING);
	CU_ASSERT(says(&f, "overwritten by X"));

	/* packets of two captures, or out of order: time went back */
	e = offer(5000000, true, false);
	e.conn.dport = 26;
	CU_ASSERT_EQUAL(raises(e, &f), 0);
	e = offer(4000000, false, false);
	e.conn.dport = 26;
	e.conn.src.b[15] += 4;
	CU_ASSERT_EQUAL(raises(e, &f), FINDING_STARTTLS_MISSING);
	CU_ASSERT(says(&f, "offered STARTTLS 0 s ago"));

	/* another server, masked from the start */
	e = offer(8000000, false, true);
	e.conn.dport = 2525;
	e.conn.src.b[15]++;
	CU_ASSERT_EQUAL(raises(e, &f), FINDING_STARTTLS_MISSING);

	/* and one that is forgotten over many */
	e = offer(8500000, true, false);
	e.conn.dport = 27;
	CU_ASSERT_EQUAL(raises(e, &f), 0);
	for (i = 0; i < SERVERS; i++) {
		e = offer(9000000, true, false);
		e.conn.dst.b[14] = (uint8_t)(1 + i);
		(void)raises(e, &f);
	}
	e = offer(9000001, false, false);
	e.conn.dport = 27;
	e.conn.src.b[15] += 2;
	CU_ASSERT_EQUAL(raises(e, &f), 0);
	end();
}

static void secrets_in_clear(void)
{
	static const struct {
		const char *mech;
		uint16_t code;
		bool in_clear;
		unsigned id;
	} cases[] = {
		{ "PLAIN", 235, 1, FINDING_AUTH_CLEAR },
		{ "LOGIN", 535, 1, FINDING_AUTH_CLEAR },
		{ "XOAUTH2", 235, 1, FINDING_AUTH_CLEAR },
		{ "PLAIN", 235, 0, 0 },
		{ "PLAIN", 538, 1, 0 }, /* refused before the secret was sent */
		{ "PLAIN", 0, 1, 0 },
		{ "CRAM-MD5", 235, 1, 0 },
		{ "SCRAM-SHA-256", 535, 1, 0 },
	};
	struct finding f;
	struct event e;
	unsigned i;

	begin();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		e = events_make(EVENT_AUTH, i);
		e.conn.src.b[15] = (uint8_t)i;
		e.u.auth.reply.code = cases[i].code;
		e.u.auth.in_clear = cases[i].in_clear;
		strcpy(e.u.auth.mech, cases[i].mech);
		CU_ASSERT_EQUAL(raises(e, &f), cases[i].id);
	}
	end();
}

static void old_handshakes(void)
{
	static const struct {
		uint16_t version;
		unsigned id;
		const char *words;
	} cases[] = {
		{ 0, 0, "" },
		{ 0x0002, FINDING_TLS_OLD, "SSL 2.0" },
		{ 0x0300, FINDING_TLS_OLD, "SSL 3.0" },
		{ 0x0301, FINDING_TLS_OLD, "TLS 1.0" },
		{ 0x0302, FINDING_TLS_OLD, "TLS 1.1" },
		{ 0x0303, 0, "" },
		{ 0x0304, 0, "" },
		{ 0xffff, 0, "" },
	};
	struct finding f;
	struct event e;
	unsigned i;

	begin();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		e = events_make(EVENT_TLS, i);
		e.conn.src.b[15] = (uint8_t)i;
		e.u.tls.version = cases[i].version;
		CU_ASSERT_EQUAL(raises(e, &f), cases[i].id);
		if (cases[i].id)
			CU_ASSERT(says(&f, cases[i].words));
	}
	end();
}

static void offers_that_nobody_takes(void)
{
	struct finding f;
	struct event e;

	begin();
	(void)raises(offer(0, true, false), &f);
	CU_ASSERT_EQUAL(raises(events_close(1, 0), &f), 0); /* no mail, nothing to hide */
	(void)raises(offer(2, true, false), &f);
	CU_ASSERT_EQUAL(raises(events_close(3, 2), &f), FINDING_STARTTLS_UNUSED);
	CU_ASSERT(says(&f, "2 transactions in clear to 192.168.0.10 port 25"));
	(void)raises(offer(4, true, false), &f);
	e = events_close(5, 2);
	e.u.close.tls = 1;
	CU_ASSERT_EQUAL(raises(e, &f), 0);
	CU_ASSERT_EQUAL(raises(events_close(6, 2), &f), 0); /* nothing known of an offer */
	end();
}

static void oddities(void)
{
	struct finding f;
	struct event e;
	unsigned i;

	begin();
	for (i = 0; i < ODD_COUNT; i++) {
		e = events_make(EVENT_ODD, i);
		e.conn.src.b[15] = (uint8_t)i;
		e.u.odd.what = (uint8_t)i;
		e.u.odd.offset = 77;
		EVENTS_TEXT(e.u.odd.bytes, "RC\tPT");
		CU_ASSERT_EQUAL(raises(e, &f),
		        i == ODD_STARTTLS_INJECTION ? FINDING_STARTTLS_INJECTION : FINDING_EVASION);
		CU_ASSERT(f.severity == 2 || f.severity == 3);
		CU_ASSERT(says(&f, "at byte 77 of the client's: RC\tPT"));
	}
	e.u.odd.what = ODD_COUNT;
	CU_ASSERT_EQUAL(raises(e, &f), 0);
	end();
}

/* A session an hour is one story, told at 1, 2, 4, 8, 16 and when it is over; what is worse has its own. */
static void habits_are_one_story_a_day(void)
{
	const uint64_t hour_us = UINT64_C(3600000000);
	struct event e = events_make(EVENT_ODD, 0);
	const struct finding *f;
	unsigned hour, told = 0;

	begin();
	for (hour = 0; hour < 24; hour++) {
		watch_tick(watch, EVENTS_START_US + hour * hour_us);
		e.time_us = EVENTS_START_US + hour * hour_us;
		e.u.odd.what = ODD_BARE_LF;
		watch_event(watch, &e);
		if (hour == 5) {
			e.u.odd.what = ODD_NUL;
			watch_event(watch, &e);
		}
	}
	while ((f = ring_front(ring))) {
		CU_ASSERT_EQUAL(f->id, FINDING_EVASION);
		CU_ASSERT_EQUAL(f->incident.state == INCIDENT_CLOSED,
		        f->severity == 2 && f->time_us > EVENTS_START_US + 5 * hour_us);
		told++;
		ring_pop(ring);
	}
	CU_ASSERT_EQUAL(told, 5 + 2);
	watch_tick(watch, EVENTS_START_US + 48 * hour_us);
	f = ring_front(ring);
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(f->incident.state, INCIDENT_CLOSED);
	CU_ASSERT_EQUAL(f->incident.count, 24);
	ring_pop(ring);
	CU_ASSERT_EQUAL(watch_finish(watch, EVENTS_START_US + 49 * hour_us), 0);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	end();
}

/* Two stories and a habit. */
static void all_that_is_open_is_found(void)
{
	static const uint8_t severities[] = { 2, 2, 3 };
	struct event e = events_make(EVENT_ODD, 0);
	const struct finding *f;
	uint32_t cursor = 0;
	size_t i;

	begin();
	CU_ASSERT_PTR_NULL(watch_scan_incidents(watch, &cursor));
	e.u.odd.what = ODD_BARE_LF;
	watch_event(watch, &e);
	e.u.odd.what = ODD_NUL;
	watch_event(watch, &e);
	e.conn.src.b[15]++;
	watch_event(watch, &e);
	cursor = 0;
	for (i = 0; i < sizeof(severities); i++) {
		f = watch_scan_incidents(watch, &cursor);
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		CU_ASSERT_EQUAL(f->severity, severities[i]);
	}
	CU_ASSERT_PTR_NULL(watch_scan_incidents(watch, &cursor));
	CU_ASSERT_PTR_NULL(watch_scan_incidents(watch, &cursor));
	CU_ASSERT_EQUAL(watch_counts(watch).incidents_open, 3);
	for (i = 0; i < sizeof(severities); i++)
		CU_ASSERT_EQUAL(take().incident.state, INCIDENT_OPEN);
	end();
}

static void leaks(void)
{
	struct finding f;
	struct event e = events_make(EVENT_LEAK, 0);

	begin();
	EVENTS_TEXT(e.u.leak.bytes, "pc7.lan");
	CU_ASSERT_EQUAL(raises(e, &f), FINDING_HEADER_LEAK);
	CU_ASSERT(says(&f, "Received: shows pc7.lan"));
	CU_ASSERT_EQUAL(f.severity, 4);
	end();
}

SUITE("hygiene", { "leaks", leaks }, { "senders", senders }, { "greetings", greetings },
        { "offers that vanish", offers_that_vanish }, { "secrets in clear", secrets_in_clear },
        { "old handshakes", old_handshakes }, { "offers that nobody takes", offers_that_nobody_takes },
        { "oddities", oddities }, { "habits are one story a day", habits_are_one_story_a_day },
        { "all that is open is found", all_that_is_open_is_found })
