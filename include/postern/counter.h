/* counter.h - contract: what is counted, by name.
 *
 * Each worker owns one array and alone adds to it, with counter_add(); others read it with
 * counter_load() and sum over workers. Names appear in `stats` records.
 */
#ifndef POSTERN_COUNTER_H
#define POSTERN_COUNTER_H

#include <stdint.h>

#define COUNTERS(X)                                                                                          \
	X(PACKETS, "packets")                                                                                \
	X(BYTES, "bytes")                                                                                    \
	X(ACCEPTED, "verdict.accept")                                                                        \
	X(DROPPED, "verdict.drop")                                                                           \
	X(RESET, "verdict.reset")                                                                            \
	X(EDITED, "verdict.edited")                                                                          \
	X(NOT_TCP, "decode.not_tcp")                                                                         \
	X(FRAGMENT, "decode.fragment")                                                                       \
	X(TRUNCATED, "decode.truncated")                                                                     \
	X(MALFORMED, "decode.malformed")                                                                     \
	X(BAD_CHECKSUM, "decode.bad_checksum")                                                               \
	X(HOLE, "stream.hole")                                                                               \
	X(GAP, "stream.gap")                                                                                 \
	X(RESEND, "stream.resend")                                                                           \
	X(RESEND_DIFFERS, "stream.resend_differs")                                                           \
	X(OUT_OF_WINDOW, "stream.out_of_window")                                                             \
	X(STREAM_MEMORY, "stream.memory_full")                                                               \
	X(FLOWS, "flow.opened")                                                                              \
	X(FLOWS_CLOSED, "flow.closed")                                                                       \
	X(FLOWS_EXPIRED, "flow.expired")                                                                     \
	X(FLOWS_EVICTED, "flow.evicted")                                                                     \
	X(FLOWS_MIDSTREAM, "flow.midstream")                                                                 \
	X(FAST_BODIES, "fast.bodies")                                                                        \
	X(FAST_BYTES, "fast.bytes")                                                                          \
	X(FAST_TLS, "fast.tls")                                                                              \
	X(FAST_REVOKED, "fast.revoked")                                                                      \
	X(SESSIONS_READ, "session.read_to_rcpt")                                                             \
	X(SESSIONS_TLS, "session.tls")                                                                       \
	X(SESSIONS_OTHER, "session.other")                                                                   \
	X(TRANSACTIONS, "smtp.transactions")                                                                 \
	X(RCPT, "smtp.rcpt")                                                                                 \
	X(RCPT_FOREIGN, "smtp.rcpt_foreign")                                                                 \
	X(RCPT_REFUSED_BY_US, "smtp.rcpt_refused_by_us")                                                     \
	X(TX_DEFERRED_BY_US, "smtp.transactions_deferred_by_us")                                             \
	X(ODDITIES, "smtp.oddities")                                                                         \
	X(EOD, "smtp.end_of_data_differs")                                                                   \
	X(PENDING_FULL, "smtp.pending_full")                                                                 \
	X(EVENTS, "event.sent")                                                                              \
	X(EVENTS_LOST, "event.lost")

enum counter {
#define X(name, text) COUNTER_##name,
	COUNTERS(X)
#undef X
	        COUNTER_COUNT
};

struct counters {
	uint64_t n[COUNTER_COUNT];
};

/* One thread adds, so no locked instruction is needed; others see a whole number, if a late one. */
static inline void counter_add(struct counters *c, enum counter which, uint64_t more)
{
	__atomic_store_n(&c->n[which], c->n[which] + more, __ATOMIC_RELAXED);
}

static inline uint64_t counter_load(const struct counters *c, enum counter which)
{
	return __atomic_load_n(&c->n[which], __ATOMIC_RELAXED);
}

/* What watch counts, told by watch_counts(), written by report. *_open is a level, the rest only grow. */
struct watch_counts {
	uint64_t events, findings, findings_told, findings_lost;
	uint64_t findings_pooled, findings_muted, findings_suppressed;
	uint64_t findings_dropped; /* in incidents that ended without a summary, for want of room */
	uint64_t incidents_open, incidents_opened, incidents_evicted;
	uint64_t connections_evicted;
	uint64_t windows_thinned; /* of volume limits: their times are known less exactly */
	uint64_t
	        windows_lost; /* of volume limits: forgotten while they held something, or too many to count */
};

#endif
