/* Incidents: told at 1, 2, 4, 8, closed with a summary when quiet, evicted with one when full. */
#include "watch/incident.h"

#include <stdio.h>

#include "events.h"
#include "suite.h"
#include "watch/evidence.h"
#include "watch/finding.h"

enum { CAPACITY = 4, QUIET_S = 60, RING_SLOTS = 64 };

static const uint8_t key[HASH_KEY_BYTES] = { 1, 2, 3 };
static struct ring *ring;
static struct watch_counts counts;
static struct incident_book *book;

static void begin(uint32_t slots)
{
	memset(&counts, 0, sizeof(counts));
	ring = ring_new(slots, sizeof(struct finding));
	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	book = incident_new(CAPACITY, QUIET_S, key, ring, &counts);
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

/* Source, rule and direction each make another story; IPv6 sources are one per /64. */
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
	CU_ASSERT_EQUAL(counts.incidents_opened, 4);
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
	take(INCIDENT_GROWN, 2);
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

SUITE("incident", { "tells at doubling steps", tells_at_doubling_steps },
        { "closes when quiet", closes_when_quiet }, { "keeps five lines", keeps_five_lines },
        { "summary tells the worst", summary_tells_the_worst },
        { "keeps stories apart", keeps_stories_apart },
        { "eviction tells the summary", eviction_tells_the_summary },
        { "full ring is counted", full_ring_is_counted },
        { "goes on in another book", goes_on_in_another_book },
        { "its time passes between books", its_time_passes_between_books },
        { "only what changed is kept", only_what_changed_is_kept },
        { "the first that passes is told", the_first_that_passes_is_told },
        { "about the gate ends with the daemon", about_the_gate_ends_with_the_daemon })
