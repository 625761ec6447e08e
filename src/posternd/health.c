/* health.c - is inspection happening? Counters of all parts, read once a second.
 *
 * One table names every number: as it is called in the stats records and, where its growth means that
 * something escaped us, how that is said. A line tells what came since the last line about the same
 * number, and there is at most one in QUIET_S seconds, so a long trouble is told in full and does not
 * flood. Packets that passed unseen while no daemon ran are told at the start, once: the table remembers
 * how many the records have.
 *
 * Workers that hang: hang.c.
 *
 * Latencies are from the read of a batch to the send of its verdicts, as the upper border of the
 * power-of-two bucket in which the quantile lies, over the time since the last stats record.
 *
 * Limits: the kernel's queue counters have 32 bits and belong to the bound queue; a queue that is
 * bound again starts at zero.
 */
#include "posternd/health.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "posternd/hang.h"

enum { QUIET_S = 30, RECENT_S = 60, FAULT_BYTES = 400 };
static const uint64_t SECOND_US = 1000000;

#define SENT_AGAIN "packets; their senders send them again, mail is only slower: "

/* X(NAME, name in the records, what to say about growth behind its number, or NULL) */
#define NUMBERS(X)                                                                                           \
	X(QUEUE_WAITING, "kernel.queue.waiting", NULL)                                                       \
	X(QUEUE_FULL, "kernel.queue.dropped_full",                                                           \
	        SENT_AGAIN "the queue was full: raise queue.length, or give the machine more CPU")           \
	X(QUEUE_USER, "kernel.queue.dropped_user",                                                           \
	        SENT_AGAIN "the socket's buffer was full: give the machine more CPU")                        \
	X(RULES_QUEUED, "kernel.rules.queued", NULL)                                                         \
	X(RULES_INSPECTED, "kernel.rules.inspected", NULL)                                                   \
	X(RULES_BLIND, "kernel.rules.blind",                                                                 \
	        "packets PASSED WITHOUT INSPECTION: nobody listened on the queue, or they could not be "     \
	        "read")                                                                                      \
	X(RULES_RESET, "kernel.rules.reset", NULL)                                                           \
	X(RULES_REFUSED, "kernel.rules.refused", NULL)                                                       \
	X(RULES_BARE_ACKS, "kernel.rules.bare_acks", NULL)                                                   \
	X(RULES_BODIES, "kernel.rules.bodies", NULL)                                                         \
	X(RULES_SEALED, "kernel.rules.sealed", NULL)                                                         \
	X(RULES_BYPASSED, "kernel.rules.bypassed", NULL)                                                     \
	X(RULES_BLOCKED, "kernel.rules.blocked", NULL)                                                       \
	X(RULES_LIMITED, "kernel.rules.limited", NULL)                                                       \
	X(TAP_PACKETS, "tap.packets", NULL)                                                                  \
	X(TAP_BYTES, "tap.bytes", NULL)                                                                      \
	X(TAP_VERDICTS, "tap.verdicts", NULL)                                                                \
	X(TAP_SENDS, "tap.sends", NULL)                                                                      \
	X(TAP_HELD, "tap.held", NULL)                                                                        \
	X(TAP_HELD_NOW, "tap.held_now", NULL)                                                                \
	X(TAP_HELD_EARLY, "tap.held_early", NULL)                                                            \
	X(TAP_OVERRUNS, "tap.overruns", NULL)                                                                \
	X(TAP_UNREADABLE, "tap.unreadable", NULL)                                                            \
	X(TAP_UNEDITABLE, "tap.uneditable", NULL)                                                            \
	X(TAP_VERDICT_ERRORS, "tap.verdict_errors", NULL)                                                    \
	X(TAP_LATENCY_P50, "tap.latency_us.p50", NULL)                                                       \
	X(TAP_LATENCY_P99, "tap.latency_us.p99", NULL)                                                       \
	X(TAP_LATENCY_MAX, "tap.latency_us.max", NULL)                                                       \
	X(LOG_READ, "refused.read", NULL)                                                                    \
	X(LOG_LOST, "refused.lost",                                                                          \
	        "refused tries were refused, but are not in the records: they came faster than they "        \
	        "could be read")                                                                             \
	X(LOG_UNREADABLE, "refused.unreadable", NULL)                                                        \
	X(EVENTS_LOST, "ring.lost",                                                                          \
	        "events are lost to the records: they came faster than they could be written")               \
	X(EVENTS_WAITING, "ring.waiting", NULL)                                                              \
	X(FINDINGS_LOST, "watch.findings_lost", "findings are lost to the records")                          \
	X(WINDOWS_LOST, "watch.windows_lost",                                                                \
	        "windows of volume limits ended EARLY, there is no room: who was counted in them may pass "  \
	        "his limits unseen; raise watch.sources")                                                    \
	X(RECORDS_LOST, "report.lost",                                                                       \
	        "records could not be written: look at the disk and the rights of log.eve")                  \
	X(SYSLOG_SENT, "report.syslog.sent", NULL)                                                           \
	X(SYSLOG_LOST, "report.syslog.lost", "alerts are lost to the syslog receiver: look at log.syslog")   \
	X(DNSBL_ASKED, "dnsbl.asked", NULL)                                                                  \
	X(DNSBL_LISTED, "dnsbl.listed", NULL)                                                                \
	X(DNSBL_FAILED, "dnsbl.failed", NULL)                                                                \
	X(DNSBL_TIMEOUTS, "dnsbl.timeouts", NULL)                                                            \
	X(DNSBL_HITS, "dnsbl.cache_hits", NULL)                                                              \
	X(DNSBL_NOT_ASKED, "dnsbl.not_asked", NULL)

enum number {
#define X(name, dotted, growth) NUMBER_##name,
	NUMBERS(X)
#undef X
	        NUMBER_COUNT
};

static const struct {
	const char *dotted;
	const char *growth;
} numbers[NUMBER_COUNT] = {
#define X(name, dotted, growth) { dotted, growth },
	NUMBERS(X)
#undef X
};

struct health {
	struct health_sources sources;
	uint64_t started_us;
	uint64_t now[NUMBER_COUNT];
	struct {
		uint64_t value;
		uint64_t at_us; /* 0 = never */
	} told[NUMBER_COUNT];
	struct {
		uint64_t value;
		uint64_t at_us; /* when it was more than before; 0 = never */
	} grown[NUMBER_COUNT];
	uint64_t log[HEALTH_LOG_COUNT];
	uint64_t latency[NFQUEUE_LATENCY_BUCKETS];        /* so far */
	uint64_t latency_before[NFQUEUE_LATENCY_BUCKETS]; /* at the last stats record */
	int gate_error;                                   /* of the last reading */
	struct hang hang;
	uint64_t blind_taken;
	uint64_t blind_before; /* told by a daemon that ran before us */
	uint64_t blind_told;   /* as the table remembers it */
	bool gate_seen;
	bool queue_seen, queue_gone;
};

void health_count_log(struct health *h, enum health_log what, uint64_t more)
{
	h->log[what] += more;
}

/* ---- reading ------------------------------------------------------------------------------- */

static uint64_t load(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* Only the kernel can take a queue away from a worker that serves it: its module was unloaded. */
static void lose_queue(struct health *h, const struct worker *w)
{
	if (!h->queue_seen || h->queue_gone || h->hang.hanging || worker_has_ended(w))
		return;
	h->queue_gone = true;
	log_error("queue %u IS GONE from the kernel: nothing is inspected any more", worker_queue(w));
}

/* Drops keep their last values when the queue is gone. */
static void read_kernel_queue(struct health *h)
{
	struct nfqueue_kernel_counts k, sum = { 0 };
	unsigned i;

	h->now[NUMBER_QUEUE_WAITING] = 0;
	for (i = 0; i < h->sources.worker_count; i++) {
		int r = nfqueue_read_kernel(worker_queue(h->sources.workers[i]), &k);

		if (r == -ENOENT)
			lose_queue(h, h->sources.workers[i]);
		if (r)
			return;
		h->queue_seen = true;
		sum.waiting += k.waiting;
		sum.dropped_full += k.dropped_full;
		sum.dropped_user += k.dropped_user;
	}
	h->now[NUMBER_QUEUE_WAITING] = sum.waiting;
	h->now[NUMBER_QUEUE_FULL] = sum.dropped_full;
	h->now[NUMBER_QUEUE_USER] = sum.dropped_user;
}

static void add_worker(struct health *h, struct worker *w)
{
	const struct nfqueue_counts *c = worker_queue_counts(w);
	unsigned i;

	h->now[NUMBER_TAP_PACKETS] += load(&c->packets);
	h->now[NUMBER_TAP_BYTES] += load(&c->bytes);
	h->now[NUMBER_TAP_VERDICTS] += load(&c->verdicts);
	h->now[NUMBER_TAP_SENDS] += load(&c->sends);
	h->now[NUMBER_TAP_HELD] += load(&c->held);
	h->now[NUMBER_TAP_HELD_NOW] += load(&c->held_now);
	h->now[NUMBER_TAP_HELD_EARLY] += load(&c->held_early);
	h->now[NUMBER_TAP_OVERRUNS] += load(&c->overruns);
	h->now[NUMBER_TAP_UNREADABLE] += load(&c->unreadable);
	h->now[NUMBER_TAP_UNEDITABLE] += load(&c->uneditable);
	h->now[NUMBER_TAP_VERDICT_ERRORS] += load(&c->verdict_errors);
	h->now[NUMBER_EVENTS_LOST] += ring_lost(worker_events(w));
	h->now[NUMBER_EVENTS_WAITING] += ring_waiting(worker_events(w));
	for (i = 0; i < NFQUEUE_LATENCY_BUCKETS; i++)
		h->latency[i] += load(&c->latency[i]);
}

void health_set_lists(struct health *h, const uint64_t counts[HEALTH_LIST_COUNTS])
{
	static_assert((int)NUMBER_DNSBL_NOT_ASKED - (int)NUMBER_DNSBL_ASKED + 1 == (int)HEALTH_LIST_COUNTS,
	        "a number for each count");
	memcpy(&h->now[NUMBER_DNSBL_ASKED], counts, HEALTH_LIST_COUNTS * sizeof(counts[0]));
}

static void read_workers(struct health *h)
{
	unsigned i;

	memset(&h->now[NUMBER_TAP_PACKETS], 0,
	        (NUMBER_TAP_VERDICT_ERRORS + 1 - NUMBER_TAP_PACKETS) * sizeof(h->now[0]));
	h->now[NUMBER_EVENTS_LOST] = h->now[NUMBER_EVENTS_WAITING] = 0;
	memset(h->latency, 0, sizeof(h->latency));
	for (i = 0; i < h->sources.worker_count; i++)
		add_worker(h, h->sources.workers[i]);
}

/* What is told begins behind what was told before. A table that was made anew has forgotten that, and counts from
 * zero. */
static void take_blind_told(struct health *h, const struct gate_counts *c)
{
	h->blind_told = c->blind_told;
	if (h->gate_seen && c->blind >= h->blind_taken)
		return;
	h->gate_seen = true;
	h->blind_before = h->blind_taken = c->blind_told;
	h->told[NUMBER_RULES_BLIND].value = c->blind_told;
}

static void read_gate(struct health *h)
{
	struct gate_counts c;
	int r = gate_read_counts(h->sources.gate, h->sources.table, &c);

	if (r == 0) {
		take_blind_told(h, &c);
		h->now[NUMBER_RULES_QUEUED] = c.queued;
		h->now[NUMBER_RULES_INSPECTED] = c.inspected;
		h->now[NUMBER_RULES_BLIND] = c.blind;
		h->now[NUMBER_RULES_RESET] = c.reset;
		h->now[NUMBER_RULES_REFUSED] = c.refused;
		h->now[NUMBER_RULES_BARE_ACKS] = c.bare_acks;
		h->now[NUMBER_RULES_BODIES] = c.bodies;
		h->now[NUMBER_RULES_SEALED] = c.sealed;
		h->now[NUMBER_RULES_BYPASSED] = c.bypassed;
		h->now[NUMBER_RULES_BLOCKED] = c.blocked;
		h->now[NUMBER_RULES_LIMITED] = c.limited;
	}
	if (r == h->gate_error)
		return;
	h->gate_error = r;
	if (r == -ENOENT)
		log_error("table inet %s IS GONE: port 25 is not guarded", h->sources.table);
	else if (r)
		log_error("the counters of table inet %s cannot be read: %s", h->sources.table, strerror(-r));
	else
		log_info("table inet %s is there again", h->sources.table);
}

static void read_desk(struct health *h)
{
	struct eve_counts c = desk_eve_counts(h->sources.desk);

	h->now[NUMBER_FINDINGS_LOST] = desk_watch_counts(h->sources.desk).findings_lost;
	h->now[NUMBER_WINDOWS_LOST] = desk_watch_counts(h->sources.desk).windows_lost;
	h->now[NUMBER_RECORDS_LOST] = c.lost;
	h->now[NUMBER_SYSLOG_SENT] = c.syslog.sent;
	h->now[NUMBER_SYSLOG_LOST] = c.syslog.lost;
}

/* ---- making ------------------------------------------------------------------------------- */

struct health *health_new(const struct health_sources *sources, uint64_t now_us)
{
	struct health *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->sources = *sources;
	h->started_us = now_us;
	read_kernel_queue(h);
	return h;
}

void health_free(struct health *h)
{
	free(h);
}

/* ---- telling ------------------------------------------------------------------------------- */

static void tell_growth(struct health *h, uint64_t now_us)
{
	unsigned i;

	for (i = 0; i < NUMBER_COUNT; i++) {
		uint64_t at_us = h->told[i].at_us;

		if (h->now[i] > h->grown[i].value)
			h->grown[i].at_us = now_us;
		h->grown[i].value = h->now[i];

		if (h->now[i] < h->told[i].value) /* made anew, it counts from zero */
			h->told[i].value = 0;
		if (!numbers[i].growth || h->now[i] == h->told[i].value)
			continue;
		if (at_us && now_us - at_us < QUIET_S * SECOND_US)
			continue;
		log_warning("%" PRIu64 " %s (%s is %" PRIu64 ")", h->now[i] - h->told[i].value,
		        numbers[i].growth, numbers[i].dotted, h->now[i]);
		h->told[i].value = h->now[i];
		h->told[i].at_us = now_us;
	}
}

bool health_workers_alive(const struct health *h)
{
	return h->hang.hanging == 0;
}

void health_set_fail_open(struct health *h, bool fail_open)
{
	h->sources.fail_open = fail_open;
}

void health_set_table(struct health *h, const char *table)
{
	h->sources.table = table;
}

bool health_take_blind(struct health *h, struct event_blind *out)
{
	uint64_t total = h->now[NUMBER_RULES_BLIND];

	*out = (struct event_blind) {
		.packets = total > h->blind_taken ? total - h->blind_taken : 0,
		.total = total,
		.before = h->blind_before,
	};
	h->blind_taken += out->packets;
	return out->packets > 0;
}

void health_set_blind_told(struct health *h, uint64_t packets)
{
	if (packets <= h->blind_told || packets > h->now[NUMBER_RULES_BLIND]) /* of a table that is gone */
		return;
	if (gate_set_blind_told(h->sources.gate, h->sources.table, packets) == 0) /* else again in a second */
		h->blind_told = packets;
}

void health_watch(struct health *h, uint64_t now_us)
{
	hang_watch(&h->hang, h->sources.workers, h->sources.worker_count, h->sources.fail_open, now_us);
}

void health_tick(struct health *h, uint64_t now_us)
{
	read_kernel_queue(h);
	read_workers(h);
	read_gate(h);
	read_desk(h);
	h->now[NUMBER_LOG_READ] = h->log[HEALTH_LOG_READ];
	h->now[NUMBER_LOG_LOST] = h->log[HEALTH_LOG_LOST];
	h->now[NUMBER_LOG_UNREADABLE] = h->log[HEALTH_LOG_UNREADABLE];
	tell_growth(h, now_us);
}

uint64_t health_bypassed(const struct health *h)
{
	return h->now[NUMBER_RULES_BYPASSED];
}

unsigned health_numbers(const struct health *h, struct eve_stats_number *out)
{
	static_assert((int)NUMBER_COUNT <= (int)HEALTH_NUMBERS_MAX, "room for all");

	for (unsigned i = 0; i < NUMBER_COUNT; i++)
		out[i] = (struct eve_stats_number) { numbers[i].dotted, h->now[i] };
	return NUMBER_COUNT;
}

void health_each_fault(const struct health *h, uint64_t now_us, health_fault *each, void *arg)
{
	char text[FAULT_BYTES];

	if (h->gate_error) {
		snprintf(text, sizeof(text), "table inet %s %s: port 25 may not be guarded", h->sources.table,
		        h->gate_error == -ENOENT ? "IS GONE" : "CANNOT BE READ");
		each(arg, text, true);
	}
	if (h->queue_gone)
		each(arg, "a queue IS GONE from the kernel: nothing is inspected", true);
	if (h->hang.hanging) {
		snprintf(text, sizeof(text), "%d of %u workers HANG%s: restart posternd",
		        __builtin_popcountll(h->hang.hanging), h->sources.worker_count,
		        h->sources.fail_open ? ", their packets PASS WITHOUT INSPECTION"
		                             : ", their packets wait");
		each(arg, text, true);
	}
	for (unsigned i = 0; i < NUMBER_COUNT; i++) {
		if (!numbers[i].growth || !h->grown[i].at_us ||
		        now_us - h->grown[i].at_us > RECENT_S * SECOND_US)
			continue;
		snprintf(text, sizeof(text), "in the last minute: %s (%s is %" PRIu64 ")", numbers[i].growth,
		        numbers[i].dotted, h->now[i]);
		each(arg, text, i == NUMBER_RULES_BLIND);
	}
}

bool health_queue_is_gone(const struct health *h)
{
	return h->queue_gone;
}

/* Upper border of the bucket in which this share (in thousandths) of the packets ends; 0 = none. */
static uint64_t latency_quantile(const struct health *h, unsigned per_mille)
{
	uint64_t all = 0, below = 0;
	unsigned i;

	for (i = 0; i < NFQUEUE_LATENCY_BUCKETS; i++)
		all += h->latency[i] - h->latency_before[i];
	for (i = 0; i < NFQUEUE_LATENCY_BUCKETS; i++) {
		below += h->latency[i] - h->latency_before[i];
		if (below > 0 && below * 1000 >= all * per_mille)
			return 1ULL << i;
	}
	return 0;
}

void health_write_stats(struct health *h, struct desk *desk, uint64_t now_us)
{
	struct eve_stats_number extra[NUMBER_COUNT + 1];
	struct counters sum = { { 0 } };
	unsigned i;

	h->now[NUMBER_TAP_LATENCY_P50] = latency_quantile(h, 500);
	h->now[NUMBER_TAP_LATENCY_P99] = latency_quantile(h, 990);
	h->now[NUMBER_TAP_LATENCY_MAX] = latency_quantile(h, 1000);
	memcpy(h->latency_before, h->latency, sizeof(h->latency));
	for (i = 0; i < NUMBER_COUNT; i++)
		extra[i] = (struct eve_stats_number) { numbers[i].dotted, h->now[i] };
	extra[NUMBER_COUNT] = (struct eve_stats_number) { NULL, 0 };
	for (i = 0; i < h->sources.worker_count; i++)
		worker_add_counters(h->sources.workers[i], &sum);
	desk_stats(desk, now_us, (now_us - h->started_us) / SECOND_US, &sum, extra);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void health_say_totals(const struct health *h)
{
	struct watch_counts w = desk_watch_counts(h->sources.desk);
	struct counters sum = { { 0 } };
	unsigned i;

	for (i = 0; i < h->sources.worker_count; i++)
		worker_add_counters(h->sources.workers[i], &sum);
	log_info("%" PRIu64 " packet%s, %" PRIu64 " connection%s, %" PRIu64 " recipient%s, %" PRIu64
	         " of them refused by us, %" PRIu64 " refused %s seen, %" PRIu64 " finding%s",
	        h->now[NUMBER_TAP_PACKETS], plural(h->now[NUMBER_TAP_PACKETS]), sum.n[COUNTER_FLOWS],
	        plural(sum.n[COUNTER_FLOWS]), sum.n[COUNTER_RCPT], plural(sum.n[COUNTER_RCPT]),
	        sum.n[COUNTER_RCPT_REFUSED_BY_US], h->now[NUMBER_LOG_READ],
	        h->now[NUMBER_LOG_READ] == 1 ? "try" : "tries", w.findings, plural(w.findings));
	log_info("dropped by the kernel and sent again: %" PRIu64 "; passed without inspection: %" PRIu64
	         "; lost: %" PRIu64 " events, %" PRIu64 " records",
	        h->now[NUMBER_QUEUE_FULL] + h->now[NUMBER_QUEUE_USER], h->now[NUMBER_RULES_BLIND],
	        h->now[NUMBER_EVENTS_LOST], h->now[NUMBER_RECORDS_LOST]);
}
