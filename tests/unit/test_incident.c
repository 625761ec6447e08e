/* Incidents: all rules of a source in one, each told at 1, 2, 4, 8, closed with a summary when quiet, evicted with one when
 * full; acknowledged, muted; a million of findings. */
#include "watch/incident.h"

#include <stdio.h>

#include "events.h"
#include "postern/kind.h"
#include "suite.h"
#include "watch/evidence.h"
#include "watch/finding.h"

enum { CAPACITY = 4, QUIET_S = 60, RING_SLOTS = 64 };

static struct mutes mutes;
static const struct incident_settings settings = {
	.capacity = CAPACITY,
	.quiet_s = QUIET_S,
	.budget = { 1000, 1000, 1000, 1000 },
	.hash_key = { 1, 2, 3 },
	.mutes = &mutes,
};
static struct ring *ring;
static struct watch_counts counts;
static struct incident_book *book;

static void begin(uint32_t slots)
{
	memset(&counts, 0, sizeof(counts));
	memset(&mutes, 0, sizeof(mutes));
	ring = ring_new(slots, sizeof(struct finding));
	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	book = incident_new(&settings, ring, &counts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(book);
}

static void end(void)
{
	incident_free(book);
	ring_free(ring);
}

static struct finding make(uint64_t second, uint8_t last_octet, const char *evidence)
{
	struct event e = events_make(EVENT_RCPT, second * 1000000);
	struct finding f;

	e.conn.src.b[15] = last_octet;
	finding_init(&f, FINDING_RELAY_ATTEMPT, &e);
	evidence_print(evidence_line(&f), "%s", evidence);
	return f;
}

static void add(uint64_t second, uint8_t last_octet, const char *evidence)
{
	struct finding f = make(second, last_octet, evidence);

	incident_add(book, &f);
}

/* The next finding told has this state and count; taken from the ring. */
static struct finding take(enum incident_state state, uint64_t count)
{
	const struct finding *front = ring_front(ring);
	struct finding f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(front);
	f = *front;
	ring_pop(ring);
	CU_ASSERT_EQUAL(f.incident.state, state);
	CU_ASSERT_EQUAL(f.incident.count, count);
	return f;
}

static void tells_at_doubling_steps(void)
{
	struct finding first, grown;
	unsigned i;

	begin(RING_SLOTS);
	for (i = 0; i < 9; i++)
		add(i, 1, "x");
	first = take(INCIDENT_OPEN, 1);
	CU_ASSERT(first.incident.id > 0 && first.incident.id < UINT64_C(1) << 53);
	take(INCIDENT_GROWN, 2);
	take(INCIDENT_GROWN, 4);
	grown = take(INCIDENT_GROWN, 8);
	CU_ASSERT_EQUAL(grown.incident.id, first.incident.id);
	CU_ASSERT_EQUAL(grown.incident.first_us, EVENTS_START_US);
	CU_ASSERT_EQUAL(grown.incident.last_us, EVENTS_START_US + 7 * 1000000);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	CU_ASSERT_EQUAL(counts.findings, 9);
	CU_ASSERT_EQUAL(counts.findings_told, 4);
	CU_ASSERT_EQUAL(counts.incidents_open, 1);
	end();
}

static void closes_when_quiet(void)
{
	struct finding summary;
	unsigned i;
	char text[8];

	begin(RING_SLOTS);
	for (i = 0; i < 7; i++) {
		snprintf(text, sizeof(text), "line %u", i / 2); /* each twice: 0 0 1 1 2 2 3 */
		add(i, 1, text);
	}
	take(INCIDENT_OPEN, 1);
	take(INCIDENT_GROWN, 2);
	take(INCIDENT_GROWN, 4);
	incident_tick(book, EVENTS_START_US + (6 + QUIET_S) * UINT64_C(1000000) - 1);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	incident_tick(book, EVENTS_START_US + (6 + QUIET_S) * UINT64_C(1000000));
	summary = take(INCIDENT_CLOSED, 7);
	CU_ASSERT_EQUAL(summary.incident.last_us, EVENTS_START_US + 6 * 1000000);
	CU_ASSERT_EQUAL(summary.time_us, EVENTS_START_US + (6 + QUIET_S) * UINT64_C(1000000));
	CU_ASSERT_EQUAL_FATAL(summary.evidence_count, 4);
	CU_ASSERT_EQUAL(memcmp(summary.evidence[3].bytes, "line 3", 6), 0);
	CU_ASSERT_EQUAL(counts.incidents_open, 0);
	add(1000, 1, "x"); /* a new story with a new id */
	CU_ASSERT_NOT_EQUAL(take(INCIDENT_OPEN, 1).incident.id, summary.incident.id);
	end();
}

/* Who comes back after each quiet time is a chain of stories, over a restart, too. */
static void says_which_was_before(void)
{
	const uint64_t second = 1000000;
	struct finding f, closed;

	begin(RING_SLOTS);
	add(0, 1, "x");
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).incident.before, 0);
	incident_tick(book, EVENTS_START_US + QUIET_S * second);
	closed = take(INCIDENT_CLOSED, 1);
	add(100, 2, "x"); /* somebody else */
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).incident.before, 0);
	add(100, 1, "x");
	f = take(INCIDENT_OPEN, 1);
	CU_ASSERT_EQUAL(f.incident.before, closed.incident.id);
	CU_ASSERT_NOT_EQUAL(f.incident.id, closed.incident.id);
	add(101, 1, "x");
	CU_ASSERT_EQUAL(take(INCIDENT_GROWN, 2).incident.before, closed.incident.id);
	incident_tick(book, EVENTS_START_US + 1000 * second);
	take(INCIDENT_CLOSED, 1);
	closed = take(INCIDENT_CLOSED, 2);
	end();

	begin(RING_SLOTS);
	incident_remember(book, &closed);
	add(1100, 1, "x");
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).incident.before, closed.incident.id);
	incident_tick(book, EVENTS_START_US + 2000 * second);
	take(INCIDENT_CLOSED, 1);
	add(1100 + INCIDENT_BEFORE_S, 1, "x"); /* too long ago */
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).incident.before, 0);
	f = make(0, 1, "x"); /* nobody's: of many, and about the gate */
	f.pooled = 1;
	incident_remember(book, &f);
	f.id = FINDING_GATE_BLIND;
	incident_remember(book, &f);
	f.pooled = 0;
	incident_add(book, &f);
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).incident.before, 0);
	end();
}

static void forgets_which_was_before(void)
{
	struct forgotten done = { .look = true };
	struct finding f = make(0, 1, "x"), of_target = f;
	struct mention who;
	char text[ADDR_TEXT_MAX];

	begin(RING_SLOTS);
	of_target.id = FINDING_VOLUME_TARGET;
	of_target.at_target = 1;
	EVENTS_TEXT(of_target.rcpt_to, "<a@b.example>");
	f.incident.id = 4711;
	of_target.incident.id = 4712;
	f.incident.last_us = of_target.incident.last_us = EVENTS_START_US;
	incident_remember(book, &f);
	incident_remember(book, &of_target);
	CU_ASSERT_EQUAL(mention_parse("someone@b.example", &who), 0);
	incident_forget(book, &who, &done); /* it would */
	incident_add(book, &of_target);
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).incident.before, 4712);
	done.look = false;
	incident_remember(book, &of_target);
	incident_forget(book, &who, &done);
	incident_tick(book, EVENTS_START_US + UINT64_C(1000) * 1000000);
	take(INCIDENT_CLOSED, 1);
	incident_forget(book, &who, &done);
	incident_add(book, &of_target);
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).incident.before, 0);
	incident_add(book, &f);
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).incident.before, 4711); /* of a source: not meant */
	incident_tick(book, EVENTS_START_US + UINT64_C(1000) * 1000000);
	take(INCIDENT_CLOSED, 1);
	take(INCIDENT_CLOSED, 1);
	CU_ASSERT_EQUAL(mention_parse(addr_print(&f.conn.src, text), &who), 0);
	incident_forget(book, &who, &done);
	f.pooled = 0;
	incident_add(book, &f);
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).incident.before, 0);
	end();
}

static void quiet_may_be_longer(void)
{
	const uint64_t second = 1000000;

	begin(RING_SLOTS);
	add(0, 1, "x");
	take(INCIDENT_OPEN, 1);
	incident_set_quiet(book, 2 * QUIET_S);
	incident_tick(book, EVENTS_START_US + 2 * QUIET_S * second - 1);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	incident_set_quiet(book, QUIET_S);
	incident_tick(book, EVENTS_START_US + 2 * QUIET_S * second - 1);
	take(INCIDENT_CLOSED, 1);
	end();
}

static void keeps_five_lines(void)
{
	char text[8];
	unsigned i;

	begin(RING_SLOTS);
	for (i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "line %u", i);
		add(0, 1, text);
	}
	while (ring_front(ring))
		ring_pop(ring);
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 0);
	CU_ASSERT_EQUAL(take(INCIDENT_CLOSED, 9).evidence_count, FINDING_EVIDENCE_MAX);
	end();
}

static void summary_tells_the_worst(void)
{
	struct finding mild, bad;

	begin(RING_SLOTS);
	mild = make(0, 1, "x");
	mild.severity = 3;
	mild.blocked = 1;
	incident_add(book, &mild);
	bad = make(1, 1, "y");
	bad.severity = 1;
	bad.verified = 1;
	incident_add(book, &bad);
	take(INCIDENT_OPEN, 1);
	take(INCIDENT_GROWN, 2);
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 0);
	bad = take(INCIDENT_CLOSED, 2);
	CU_ASSERT_EQUAL(bad.severity, 1);
	CU_ASSERT_EQUAL(bad.blocked, 0);
	CU_ASSERT_EQUAL(bad.verified, 1);
	end();
}

/* Source and direction each make another story, rules do not; IPv6 sources are one per /64. */
static void keeps_stories_apart(void)
{
	struct finding f;
	struct addr v6;

	begin(RING_SLOTS);
	add(0, 1, "x");
	add(0, 2, "x");
	f = make(0, 1, "x");
	f.id = FINDING_GATE_REFUSED;
	incident_add(book, &f);
	f = make(0, 1, "x");
	f.conn.direction = DIRECTION_OUTBOUND;
	incident_add(book, &f);
	CU_ASSERT_EQUAL(counts.incidents_opened, 3);
	end();

	begin(RING_SLOTS);
	CU_ASSERT_EQUAL(addr_parse("2001:db8:0:1::1", &v6), 0);
	f = make(0, 1, "x");
	f.conn.src = v6;
	incident_add(book, &f);
	CU_ASSERT_EQUAL(addr_parse("2001:db8:0:1:ffff::2", &f.conn.src), 0);
	incident_add(book, &f);
	CU_ASSERT_EQUAL(counts.incidents_opened, 1);
	CU_ASSERT_EQUAL(addr_parse("2001:db8:0:2::1", &f.conn.src), 0);
	incident_add(book, &f);
	CU_ASSERT_EQUAL(counts.incidents_opened, 2);
	end();
}

static void eviction_tells_the_summary(void)
{
	uint8_t i;

	begin(RING_SLOTS);
	for (i = 0; i < CAPACITY; i++) {
		add(i, i, "x");
		take(INCIDENT_OPEN, 1);
	}
	add(CAPACITY, 0, "x"); /* source 0 is young again, source 1 the oldest */
	take(INCIDENT_GROWN, 2);
	add(CAPACITY + 1, 99, "x");
	CU_ASSERT_EQUAL(take(INCIDENT_CLOSED, 1).conn.src.b[15], 1);
	CU_ASSERT_EQUAL(take(INCIDENT_OPEN, 1).conn.src.b[15], 99);
	CU_ASSERT_EQUAL(counts.incidents_evicted, 1);
	CU_ASSERT_EQUAL(counts.incidents_open, CAPACITY);
	CU_ASSERT_EQUAL(counts.findings_lost, 0);
	end();
}

static void full_ring_is_counted(void)
{
	begin(2);
	add(0, 1, "x");
	add(0, 2, "x");
	add(0, 3, "x"); /* no room */
	CU_ASSERT_EQUAL(counts.findings_lost, 1);
	incident_tick(book, EVENTS_START_US + UINT64_C(1000000) * 2 * QUIET_S);
	CU_ASSERT_EQUAL(counts.incidents_open, 3); /* summaries wait for room */
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 3);
	take(INCIDENT_OPEN, 1);
	take(INCIDENT_OPEN, 1);
	add(1, 3, "x"); /* what was not told is told by the next one */
	take(INCIDENT_OPEN, 2);
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 1);
	take(INCIDENT_CLOSED, 1);
	take(INCIDENT_CLOSED, 1);
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 0);
	take(INCIDENT_CLOSED, 2);
	CU_ASSERT_EQUAL(counts.findings_lost, 1);
	end();
}

/* What a daemon leaves to the next one; the book is another one then. */
static struct finding leave(uint64_t second, bool expected)
{
	uint32_t cursor = 0;
	const struct finding *changed;
	struct finding story;

	memset(&story, 0, sizeof(story));
	CU_ASSERT_EQUAL(incident_leave(book, EVENTS_START_US + second * 1000000), 0);
	changed = incident_next_changed(book, &cursor);
	CU_ASSERT_EQUAL(changed != NULL, expected);
	if (changed)
		story = *changed;
	CU_ASSERT_PTR_NULL(incident_next_changed(book, &cursor));
	end();
	begin(RING_SLOTS);
	return story;
}

static void goes_on_in_another_book(void)
{
	struct finding story, first, f;
	unsigned i;

	begin(RING_SLOTS);
	for (i = 0; i < 3; i++)
		add(i, 1, i == 0 ? "a" : "b");
	first = take(INCIDENT_OPEN, 1);
	take(INCIDENT_GROWN, 2);
	CU_ASSERT_EQUAL(incident_leave(book, EVENTS_START_US), 0);
	take(INCIDENT_GROWN, 3); /* the third was not told yet */
	CU_ASSERT_EQUAL(incident_leave(book, EVENTS_START_US), 0);
	CU_ASSERT_PTR_NULL(ring_front(ring)); /* once */
	story = leave(2, true);
	CU_ASSERT_TRUE(incident_restore(book, &story, EVENTS_START_US + 3000000));
	CU_ASSERT_FALSE(incident_restore(book, &story, EVENTS_START_US + 3000000)); /* it is there */
	CU_ASSERT_EQUAL(counts.incidents_open, 1);
	add(4, 1, "c");
	f = take(INCIDENT_GROWN, 4);
	CU_ASSERT_EQUAL(f.incident.id, first.incident.id);
	CU_ASSERT_EQUAL(f.incident.first_us, EVENTS_START_US);
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 0);
	f = take(INCIDENT_CLOSED, 4);
	CU_ASSERT_EQUAL(f.evidence_count, 3);
	end();
}

static void its_time_passes_between_books(void)
{
	uint64_t late_us = EVENTS_START_US + QUIET_S * UINT64_C(1000000);
	struct finding story;

	begin(RING_SLOTS);
	add(0, 1, "x");
	story = leave(0, true);
	CU_ASSERT_TRUE(incident_restore(book, &story, late_us));
	incident_tick(book, late_us);
	take(INCIDENT_CLOSED, 1);
	/* the clock was set back by a day meanwhile: the story is no day longer for it */
	CU_ASSERT_TRUE(incident_restore(book, &story, EVENTS_START_US - UINT64_C(86400) * 1000000));
	incident_tick(book, EVENTS_START_US - UINT64_C(86400) * 1000000);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	incident_tick(book, late_us - UINT64_C(86400) * 1000000);
	take(INCIDENT_CLOSED, 1);
	end();
}

static void only_what_changed_is_kept(void)
{
	uint32_t cursor = 0;

	begin(RING_SLOTS);
	add(0, 1, "x");
	add(0, 2, "x");
	CU_ASSERT_PTR_NOT_NULL(incident_next_changed(book, &cursor));
	CU_ASSERT_PTR_NOT_NULL(incident_next_changed(book, &cursor));
	CU_ASSERT_PTR_NULL(incident_next_changed(book, &cursor));
	cursor = 0;
	CU_ASSERT_PTR_NULL(incident_next_changed(book, &cursor));
	add(1, 2, "x");
	cursor = 0;
	CU_ASSERT_EQUAL(incident_next_changed(book, &cursor)->conn.src.b[15], 2);
	CU_ASSERT_PTR_NULL(incident_next_changed(book, &cursor));
	incident_change_all(book);
	cursor = 0;
	CU_ASSERT_PTR_NOT_NULL(incident_next_changed(book, &cursor));
	CU_ASSERT_PTR_NOT_NULL(incident_next_changed(book, &cursor));
	end();
}

/* How much passed blind is counted by each daemon for itself. */
static void about_the_gate_ends_with_the_daemon(void)
{
	struct finding f = make(0, 1, "x");

	begin(RING_SLOTS);
	f.id = FINDING_GATE_BLIND;
	incident_add(book, &f);
	take(INCIDENT_OPEN, 1);
	CU_ASSERT_EQUAL(incident_leave(book, EVENTS_START_US), 0);
	f = take(INCIDENT_CLOSED, 1);
	CU_ASSERT_FALSE(incident_restore(book, &f, EVENTS_START_US));
	end();
}

static void the_first_that_passes_is_told(void)
{
	struct finding f;

	begin(RING_SLOTS);
	for (unsigned i = 0; i < 5; i++) {
		f = make(i, 1, "x");
		f.blocked = i != 2 && i != 4;
		incident_add(book, &f);
	}
	take(INCIDENT_OPEN, 1);
	take(INCIDENT_GROWN, 2);
	CU_ASSERT_FALSE(take(INCIDENT_GROWN, 3).blocked);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	end();
}

/* ---- facets ------------------------------------------------------------------------------------- */

static struct finding make_of(enum finding_id id, uint8_t severity, uint64_t second)
{
	struct finding f = make(second, 1, "x");

	f.id = id;
	f.severity = severity;
	return f;
}

static void add_of(enum finding_id id, uint8_t severity, uint64_t second)
{
	struct finding f = make_of(id, severity, second);

	incident_add(book, &f);
}

static void each_rule_is_told_in_full(void)
{
	struct finding first, f;

	begin(RING_SLOTS);
	for (unsigned i = 0; i < 100; i++)
		add_of(FINDING_RELAY_ATTEMPT, 2, i);
	first = take(INCIDENT_OPEN, 1);
	for (uint64_t step = 2; step < 100; step *= 2)
		CU_ASSERT_EQUAL(take(INCIDENT_GROWN, step).incident.rule_count, step);
	add_of(FINDING_SENDER_SPOOF, 3, 100); /* milder, and new */
	f = take(INCIDENT_GROWN, 101);
	CU_ASSERT_EQUAL(f.id, FINDING_SENDER_SPOOF);
	CU_ASSERT_EQUAL(f.incident.id, first.incident.id);
	CU_ASSERT_EQUAL(f.incident.rule_count, 1);
	CU_ASSERT_EQUAL(f.incident.facet_count, 0); /* no summary */
	add_of(FINDING_SENDER_SPOOF, 3, 101);
	CU_ASSERT_EQUAL(take(INCIDENT_GROWN, 102).incident.rule_count, 2);
	add_of(FINDING_RELAY_ACCEPTED, 1, 102);
	CU_ASSERT_EQUAL(take(INCIDENT_GROWN, 103).id, FINDING_RELAY_ACCEPTED);
	add_of(FINDING_SENDER_SPOOF, 2, 103); /* worse than any of its rule, though not of the story */
	CU_ASSERT_EQUAL(take(INCIDENT_GROWN, 104).severity, 2);
	add_of(FINDING_RELAY_ATTEMPT, 2, 104);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US + UINT64_C(200) * 1000000), 0);
	f = take(INCIDENT_CLOSED, 105);
	CU_ASSERT_EQUAL(f.id, FINDING_RELAY_ACCEPTED); /* its face is its worst */
	CU_ASSERT_EQUAL(f.severity, 1);
	CU_ASSERT_EQUAL_FATAL(f.incident.facet_count, 3);
	CU_ASSERT_EQUAL(f.incident.facets[0].id, FINDING_RELAY_ATTEMPT);
	CU_ASSERT_EQUAL(f.incident.facets[0].count, 101);
	CU_ASSERT_EQUAL(f.incident.facets[0].first_us, EVENTS_START_US);
	CU_ASSERT_EQUAL(f.incident.facets[0].last_us, EVENTS_START_US + UINT64_C(104) * 1000000);
	CU_ASSERT_EQUAL(f.incident.facets[1].count, 3);
	CU_ASSERT_EQUAL(f.incident.facets[1].severity, 2);
	CU_ASSERT_EQUAL(f.incident.facets[2].count, 1);
	CU_ASSERT_EQUAL(f.incident.facets[2].first_us, EVENTS_START_US + UINT64_C(102) * 1000000);
	end();
}

/* Each rule of the table has room, and none hides behind the others. */
static void all_rules_fit(void)
{
	unsigned rules = 0;
	struct finding f;

	begin(RING_SLOTS);
	for (unsigned i = 0; i < FINDING_KIND_COUNT; i++)
		if (finding_has_connection(finding_kind_at(i)->id)) {
			add_of(finding_kind_at(i)->id, 2, i);
			rules++;
		}
	for (unsigned i = 0; i < rules; i++)
		take(i == 0 ? INCIDENT_OPEN : INCIDENT_GROWN, i + 1);
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 0);
	f = take(INCIDENT_CLOSED, rules);
	CU_ASSERT_EQUAL(f.incident.facet_count, rules);
	CU_ASSERT_EQUAL(counts.incidents_opened, 1);
	end();
}

static void first_and_worst_evidence_stays(void)
{
	char text[16];
	struct finding f;

	begin(RING_SLOTS);
	for (unsigned i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "loud %u", i);
		f = make(i, 1, text);
		snprintf(f.rcpt_to.bytes, sizeof(f.rcpt_to.bytes), "<u%u@x>", i);
		f.rcpt_to.len = 6;
		incident_add(book, &f);
	}
	f = make(9, 1, "worst");
	f.severity = 1;
	f.rcpt_to.len = 3;
	memcpy(f.rcpt_to.bytes, "<w>", 3);
	incident_add(book, &f);
	f = make(10, 1, "quiet");
	f.id = FINDING_HELO_FORGED;
	f.severity = 3;
	incident_add(book, &f);
	while (ring_front(ring))
		ring_pop(ring);
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 0);
	f = take(INCIDENT_CLOSED, 11);
	CU_ASSERT_EQUAL_FATAL(f.evidence_count, 5);
	CU_ASSERT_EQUAL(memcmp(f.evidence[0].bytes, "loud 0", 6), 0);
	CU_ASSERT_EQUAL(memcmp(f.evidence[4].bytes, "quiet", 5), 0);
	CU_ASSERT_EQUAL(f.incident.facets[f.incident.evidence_facet[4]].id, FINDING_HELO_FORGED);
	CU_ASSERT_EQUAL_FATAL(f.incident.envelope_count, 5);
	CU_ASSERT_EQUAL(memcmp(f.incident.envelopes[0].bytes[ENVELOPE_RCPT_TO], "<u0@x>", 6), 0);
	CU_ASSERT_EQUAL(f.incident.envelopes[4].len[ENVELOPE_RCPT_TO], 3);
	CU_ASSERT_EQUAL(memcmp(f.incident.envelopes[4].bytes[ENVELOPE_RCPT_TO], "<w>", 3), 0);
	end();
}

static void equal_envelopes_are_one(void)
{
	struct finding f;

	begin(RING_SLOTS);
	for (unsigned i = 0; i < 9; i++) {
		f = make(i, 1, "x");
		f.helo.len = (uint16_t)(i < 6 ? 3 : 200);
		memset(f.helo.bytes, 'h', f.helo.len);
		incident_add(book, &f);
	}
	while (ring_front(ring))
		ring_pop(ring);
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 0);
	f = take(INCIDENT_CLOSED, 9);
	CU_ASSERT_EQUAL_FATAL(f.incident.envelope_count, 2);
	CU_ASSERT_EQUAL(f.incident.envelopes[0].cut[ENVELOPE_HELO], 0);
	CU_ASSERT_EQUAL(f.incident.envelopes[1].cut[ENVELOPE_HELO], 1);
	CU_ASSERT_EQUAL(f.incident.envelopes[1].len[ENVELOPE_HELO], INCIDENT_FIELD_MAX);
	end();
}

static void many_join_at_a_target(void)
{
	struct finding f;

	begin(RING_SLOTS);
	for (uint8_t i = 0; i < 3; i++) {
		f = make(i, i, "x");
		f.id = FINDING_VOLUME_TARGET;
		f.at_target = 1;
		memcpy(f.rcpt_to.bytes, i == 1 ? "<A@B>" : "<a@b>", 5);
		f.rcpt_to.len = 5;
		incident_add(book, &f);
	}
	CU_ASSERT_EQUAL(counts.incidents_opened, 1);
	f.rcpt_to.bytes[1] = 'z';
	incident_add(book, &f);
	CU_ASSERT_EQUAL(counts.incidents_opened, 2);
	f.rcpt_to.len = 0; /* the server itself */
	incident_add(book, &f);
	CU_ASSERT_EQUAL(counts.incidents_opened, 3);
	f.at_target = 0;
	incident_add(book, &f);
	CU_ASSERT_EQUAL(counts.incidents_opened, 4);
	end();
}

static void a_prefix_is_a_source(void)
{
	struct finding f;

	begin(RING_SLOTS);
	for (uint8_t i = 0; i < 3; i++) {
		f = make(i, i, "x");
		f.source_bits = 96 + 24;
		incident_add(book, &f);
	}
	CU_ASSERT_EQUAL(counts.incidents_opened, 1);
	end();
}

/* Takes what was told; of summaries, the findings that they count. */
static void drain(uint64_t *told, uint64_t *counted)
{
	const struct finding *front;

	while ((front = ring_front(ring))) {
		++*told;
		if (front->incident.state == INCIDENT_CLOSED)
			*counted += front->incident.count;
		ring_pop(ring);
	}
}

/* ---- people ------------------------------------------------------------------------------------- */

static struct finding acked(uint64_t id, uint64_t second)
{
	const struct incident_ack ack = { EVENTS_START_US + second * 1000000, 1000, "known" };

	CU_ASSERT_TRUE(incident_ack(book, id, &ack));
	return *(const struct finding *)ring_front(ring);
}

static void acked_is_told_for_news_only(void)
{
	struct finding f;
	uint64_t id;

	begin(RING_SLOTS);
	f = make_of(FINDING_RELAY_ATTEMPT, 2, 0);
	f.blocked = 1;
	incident_add(book, &f);
	id = take(INCIDENT_OPEN, 1).incident.id;
	f = acked(id, 1);
	CU_ASSERT_EQUAL(f.incident.ack.uid, 1000);
	CU_ASSERT_EQUAL(f.incident.facet_count, 1);
	take(INCIDENT_ACKED, 1);
	for (unsigned i = 0; i < 20; i++) {
		f = make_of(FINDING_RELAY_ATTEMPT, 2, 2);
		f.blocked = 1;
		incident_add(book, &f);
	}
	CU_ASSERT_PTR_NULL(ring_front(ring));
	CU_ASSERT_EQUAL(incident_find(book, id)->incident.state, INCIDENT_ACKED);
	add_of(FINDING_SENDER_SPOOF, 3, 3); /* a new facet */
	take(INCIDENT_GROWN, 22);
	CU_ASSERT_EQUAL(incident_find(book, id)->incident.state, INCIDENT_GROWN);
	acked(id, 4);
	take(INCIDENT_ACKED, 22);
	f = make_of(FINDING_RELAY_ATTEMPT, 1, 5); /* worse */
	f.blocked = 1;
	incident_add(book, &f);
	take(INCIDENT_GROWN, 23);
	acked(id, 6);
	take(INCIDENT_ACKED, 23);
	add_of(FINDING_RELAY_ATTEMPT, 2, 7); /* it passed */
	take(INCIDENT_GROWN, 24);
	acked(id, 8);
	take(INCIDENT_ACKED, 24);
	incident_tick(book, EVENTS_START_US + UINT64_C(200) * 1000000);
	CU_ASSERT_EQUAL(take(INCIDENT_CLOSED, 24).incident.ack.uid, 1000);
	CU_ASSERT_FALSE(incident_ack(book, id, &f.incident.ack)); /* it is over */
	end();
}

static void mute(const char *prefix, uint32_t rule, uint64_t until_s)
{
	struct mute m = { .rule = rule, .until_us = EVENTS_START_US + until_s * 1000000 };

	CU_ASSERT_EQUAL(prefix_parse(prefix, &m.prefix), 0);
	CU_ASSERT_TRUE(mutes_set(&mutes, &m));
}

static void muted_is_counted_and_not_told(void)
{
	struct finding f = make(0, 1, "x");
	char text[ADDR_TEXT_MAX];
	struct mute over;

	begin(RING_SLOTS);
	mute(addr_print(&f.conn.src, text), 0, 10);
	for (unsigned i = 0; i < 5; i++)
		add(i, 1, "x");
	CU_ASSERT_PTR_NULL(ring_front(ring));
	CU_ASSERT_EQUAL(counts.findings_muted, 5);
	CU_ASSERT_EQUAL(counts.findings, 5);
	add(5, 2, "x"); /* somebody else */
	take(INCIDENT_OPEN, 1);
	add(10, 1, "x"); /* it is over: this one stands for those before it, too */
	take(INCIDENT_OPEN, 6);
	CU_ASSERT_TRUE(mutes_take_expired(&mutes, EVENTS_START_US + 10000000, &over));
	CU_ASSERT_FALSE(mutes_take_expired(&mutes, EVENTS_START_US + 10000000, &over));

	mute(addr_print(&f.conn.src, text), FINDING_SENDER_SPOOF, 1000); /* one rule */
	add_of(FINDING_SENDER_SPOOF, 3, 11);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	add_of(FINDING_HELO_FORGED, 3, 12);
	take(INCIDENT_GROWN, 8);
	end();
}

/* The end of a story that is muted is known, but not told. */
static void muted_to_its_end(void)
{
	struct finding f = make(0, 1, "x");
	char text[ADDR_TEXT_MAX];

	begin(RING_SLOTS);
	mute(addr_print(&f.conn.src, text), 0, 100000);
	add(0, 1, "x");
	incident_tick(book, EVENTS_START_US + UINT64_C(1000) * 1000000);
	CU_ASSERT_EQUAL(take(INCIDENT_CLOSED, 1).silent, 1);
	CU_ASSERT_EQUAL(counts.findings_told, 0);
	end();
}

/* The last of many sources is not who a target's story is about: its server is. */
static void a_target_is_muted_by_its_own_address(void)
{
	struct finding f = make(0, 1, "x");
	char text[ADDR_TEXT_MAX];

	begin(RING_SLOTS);
	f.id = FINDING_VOLUME_TARGET;
	f.at_target = 1;
	mute(addr_print(&f.conn.src, text), 0, 1000);
	incident_add(book, &f);
	take(INCIDENT_OPEN, 1);
	mute(addr_print(&f.conn.dst, text), 0, 1000);
	incident_add(book, &f);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	incident_tick(book, EVENTS_START_US + UINT64_C(100) * 1000000);
	CU_ASSERT_EQUAL(take(INCIDENT_CLOSED, 2).silent, 1);
	end();
}

/* However many of them there are: the store is told of silent stories, too. */
static void muted_sources_without_number(void)
{
	struct incident_settings s = settings;
	struct finding f = make(0, 1, "x");
	uint64_t told = 0, counted = 0;

	begin(1024);
	incident_free(book);
	s.capacity = 256;
	s.budget[BUDGET_MUTED] = 50;
	book = incident_new(&s, ring, &counts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(book);
	mute("192.0.0.0/8", 0, 1000);
	for (unsigned i = 0; i < 100000; i++) {
		f.pooled = 0;
		f.time_us = EVENTS_START_US + i * 100;
		f.conn.src.b[12] = 192;
		f.conn.src.b[13] = (uint8_t)(i >> 16);
		f.conn.src.b[14] = (uint8_t)(i >> 8);
		f.conn.src.b[15] = (uint8_t)i;
		incident_add(book, &f);
	}
	CU_ASSERT_EQUAL(counts.incidents_opened, 51); /* and one of the many */
	CU_ASSERT_EQUAL(counts.findings_muted, 100000);
	f.conn.src.b[12] = 11; /* who is not muted has a budget of his own */
	f.pooled = 0;
	incident_add(book, &f);
	take(INCIDENT_OPEN, 1);
	while (incident_finish(book, EVENTS_START_US + UINT64_C(70) * 1000000) > 0)
		drain(&told, &counted);
	drain(&told, &counted);
	CU_ASSERT_EQUAL(told, 52);
	CU_ASSERT_EQUAL(counted, 100001);
	CU_ASSERT_EQUAL(counts.findings_told, 2); /* of the one who is not muted */
	end();
}

/* A budget is for quiet_s, even if the clock has been set back by a day meanwhile. */
static void the_clock_is_set_back(void)
{
	struct incident_settings s = settings;
	struct finding f;

	begin(1024);
	incident_free(book);
	s.capacity = 256;
	s.budget[BUDGET_OTHERS] = 10;
	book = incident_new(&s, ring, &counts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(book);
	for (uint8_t i = 0; i < 20; i++) {
		f = make(86400 + i % 2, i, "x"); /* some are late */
		incident_add(book, &f);
	}
	CU_ASSERT_EQUAL(counts.findings_pooled, 10);
	for (uint8_t i = 0; i < 10; i++) {
		f = make(i, (uint8_t)(100 + i), "x");
		incident_add(book, &f);
	}
	CU_ASSERT_EQUAL(counts.findings_pooled, 10);
	end();
}

static void the_gate_is_never_muted(void)
{
	struct finding f = make(0, 1, "x");

	begin(RING_SLOTS);
	mute("0.0.0.0/0", 0, 100);
	f.id = FINDING_GATE_BLIND;
	incident_add(book, &f);
	take(INCIDENT_OPEN, 1);
	end();
}

static void ack_and_facets_go_on_in_another_book(void)
{
	struct finding story, f;
	uint64_t id;

	begin(RING_SLOTS);
	add_of(FINDING_RELAY_ATTEMPT, 2, 0);
	add_of(FINDING_SENDER_SPOOF, 3, 1);
	id = take(INCIDENT_OPEN, 1).incident.id;
	take(INCIDENT_GROWN, 2);
	acked(id, 2);
	take(INCIDENT_ACKED, 2);
	story = leave(3, true);
	CU_ASSERT_TRUE(incident_restore(book, &story, EVENTS_START_US + 3000000));
	for (unsigned i = 0; i < 5; i++)
		add_of(FINDING_SENDER_SPOOF, 3, 4);
	CU_ASSERT_PTR_NULL(ring_front(ring));
	add_of(FINDING_HELO_FORGED, 3, 5);
	f = take(INCIDENT_GROWN, 8);
	CU_ASSERT_EQUAL(f.incident.id, id);
	CU_ASSERT_EQUAL(incident_finish(book, EVENTS_START_US), 0);
	f = take(INCIDENT_CLOSED, 8);
	CU_ASSERT_EQUAL_FATAL(f.incident.facet_count, 3);
	CU_ASSERT_EQUAL(f.incident.facets[1].count, 6);
	end();
}

/* A mailbox that is not known any more is nobody's story. */
static void a_lost_target_does_not_go_on(void)
{
	struct finding f = make(0, 1, "x");

	begin(RING_SLOTS);
	f.incident.id = 7;
	f.incident.count = 1;
	f.at_target = 2;
	CU_ASSERT_FALSE(incident_restore(book, &f, EVENTS_START_US));
	f.at_target = 1;
	CU_ASSERT_TRUE(incident_restore(book, &f, EVENTS_START_US));
	end();
}

/* ---- a million of findings ---------------------------------------------------------------------- */

static uint64_t counted_in_open(void)
{
	const struct finding *story;
	uint32_t cursor = 0;
	uint64_t sum = 0, facets;

	while ((story = incident_scan(book, &cursor))) {
		facets = 0;
		for (unsigned i = 0; i < story->incident.facet_count; i++)
			facets += story->incident.facets[i].count;
		CU_ASSERT_EQUAL(facets, story->incident.count);
		sum += story->incident.count;
	}
	return sum;
}

enum { MILLION = 1000000, BUDGET = 500, MANY_SOURCES = 200000 };

/* In a minute, from many sources with several rules each; the reader of the ring takes a rest now and then. */
static void million(uint32_t capacity, bool reader_rests, uint64_t *told_out)
{
	static const enum finding_id ids[] = { FINDING_GATE_REFUSED, FINDING_RELAY_ATTEMPT, FINDING_HARVEST,
		FINDING_RELAY_ACCEPTED };
	struct incident_settings s = settings;
	uint64_t told = 0, counted = 0, seed = 7;
	struct finding f;

	begin(1024);
	incident_free(book);
	s.capacity = capacity;
	for (unsigned i = 0; i < BUDGET_COUNT; i++)
		s.budget[i] = BUDGET;
	book = incident_new(&s, ring, &counts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(book);
	f = make(0, 1, "x");
	for (unsigned i = 0; i < MILLION; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		f.id = ids[seed >> 62];
		f.severity = f.id == FINDING_RELAY_ACCEPTED ? 1 : 2;
		f.pooled = 0;
		f.time_us = EVENTS_START_US + i * 60;
		f.conn.src.b[13] = (uint8_t)((seed >> 40) % MANY_SOURCES >> 16);
		f.conn.src.b[14] = (uint8_t)((seed >> 40) % MANY_SOURCES >> 8);
		f.conn.src.b[15] = (uint8_t)((seed >> 40) % MANY_SOURCES);
		incident_add(book, &f);
		if (!reader_rests || i % 100000 > 50000)
			drain(&told, &counted);
	}
	CU_ASSERT_EQUAL(counts.findings, MILLION);
	CU_ASSERT_EQUAL(counted_in_open() + counted + counts.findings_dropped, MILLION);
	while (incident_finish(book, EVENTS_START_US + UINT64_C(70) * 1000000) > 0)
		drain(&told, &counted);
	drain(&told, &counted);
	CU_ASSERT_EQUAL(counted + counts.findings_dropped, MILLION);
	CU_ASSERT_EQUAL(counts.findings_told, told);
	*told_out = told;
	end();
}

static void a_million_is_bounded_and_exact(void)
{
	uint64_t told;

	million(16384, false, &told);
	/* each story of a source is opened, may grow at 2 and 4 for each of four rules, and closes; the pool adds little */
	CU_ASSERT_EQUAL(counts.incidents_evicted, 0);
	CU_ASSERT(told < BUDGET_COUNT * BUDGET * 14 + 200);
	CU_ASSERT(counts.findings_pooled > MILLION / 2);
	CU_ASSERT_EQUAL(counts.findings_lost + counts.findings_dropped, 0);
}

static void a_million_with_evictions_and_losses(void)
{
	uint64_t told;

	million(100, true, &told);
	CU_ASSERT(counts.incidents_evicted > 0);
	CU_ASSERT(counts.findings_dropped > 0);
	CU_ASSERT(told < BUDGET_COUNT * BUDGET * 14 + 200);
}

SUITE("incident", { "tells at doubling steps", tells_at_doubling_steps },
        { "closes when quiet", closes_when_quiet }, { "says which was before", says_which_was_before },
        { "forgets which was before", forgets_which_was_before },
        { "quiet may be longer", quiet_may_be_longer }, { "keeps five lines", keeps_five_lines },
        { "summary tells the worst", summary_tells_the_worst },
        { "keeps stories apart", keeps_stories_apart },
        { "eviction tells the summary", eviction_tells_the_summary },
        { "full ring is counted", full_ring_is_counted },
        { "goes on in another book", goes_on_in_another_book },
        { "its time passes between books", its_time_passes_between_books },
        { "only what changed is kept", only_what_changed_is_kept },
        { "the first that passes is told", the_first_that_passes_is_told },
        { "about the gate ends with the daemon", about_the_gate_ends_with_the_daemon },
        { "each rule is told in full", each_rule_is_told_in_full }, { "all rules fit", all_rules_fit },
        { "first and worst evidence stays", first_and_worst_evidence_stays },
        { "equal envelopes are one", equal_envelopes_are_one },
        { "many join at a target", many_join_at_a_target }, { "a prefix is a source", a_prefix_is_a_source },
        { "acked is told for news only", acked_is_told_for_news_only },
        { "muted is counted and not told", muted_is_counted_and_not_told },
        { "muted to its end", muted_to_its_end },
        { "a target is muted by its own address", a_target_is_muted_by_its_own_address },
        { "the clock is set back", the_clock_is_set_back },
        { "muted sources without number", muted_sources_without_number },
        { "the gate is never muted", the_gate_is_never_muted },
        { "ack and facets go on in another book", ack_and_facets_go_on_in_another_book },
        { "a lost target does not go on", a_lost_target_does_not_go_on },
        { "a million is bounded and exact", a_million_is_bounded_and_exact },
        { "a million with evictions and losses", a_million_with_evictions_and_losses })
