/* budget.h - how many records of mail and connections may still be written: of one source, and of all together.
 *
 * Of each source so many in a window; of all so many bytes in another. What comes beyond is not even made, but counted with
 * what it would have told (recipients, bytes, ...), and at the end of the window one notice tells the sums: so records and notices together are
 * exact. Upstreams and servers of ours are not counted as sources, since all the mail comes from or through them; the total holds for
 * them, too. Alerts are not asked for here: incidents bound them.
 *
 * A source is an IPv4 address, or the /64 of an IPv6 one. Fixed memory: when all places are taken, the source seen least
 * recently gives up its own, and its notice comes then; a flood of sources that come once costs the heavy ones nothing.
 * Notices count in the total, and where that is spent they go into its own notice: so the whole is bounded.
 *
 * Windows bound what comes in a time, not what gathers until somebody takes it away: so while a file system has less free
 * than free_bytes, nothing is written, and until it has an eighth more, as if the total were spent.
 */
#ifndef REPORT_BUDGET_H
#define REPORT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/mention.h"
#include "postern/event.h"
#include "postern/forgotten.h"

struct budget;

struct budget_limits {
	uint32_t source_records, source_s; /* 0 records = no limit */
	uint32_t total_s;
	uint64_t total_bytes; /* 0 = no limit */
	uint64_t free_bytes;  /* that the file systems keep free; 0 = none */
};

/* What is told of the records that were left out; X(NAME, name in the notice). */
#define BUDGET_SUMS(X)                                                                                       \
	X(SMTP, "smtp")                                                                                      \
	X(FLOW, "flow")                                                                                      \
	X(NOTICES, "notices")                                                                                \
	X(TRANSACTIONS, "transactions")                                                                      \
	X(COMPLETED, "completed")                                                                            \
	X(RCPT, "rcpt_count")                                                                                \
	X(RCPT_ACCEPTED, "rcpt_accepted")                                                                    \
	X(RCPT_REFUSED, "rcpt_refused")                                                                      \
	X(RCPT_FOREIGN, "rcpt_foreign")                                                                      \
	X(SIZE, "size")                                                                                      \
	X(VRFY, "vrfy")                                                                                      \
	X(EXPN, "expn")                                                                                      \
	X(AUTH_FAILURES, "auth_failures")                                                                    \
	X(BYTES_TOSERVER, "bytes_toserver")                                                                  \
	X(BYTES_TOCLIENT, "bytes_toclient")

enum budget_sum {
#define X(name, text) BUDGET_##name,
	BUDGET_SUMS(X)
#undef X
	        BUDGET_SUM_COUNT
};

struct budget_sums {
	uint64_t n[BUDGET_SUM_COUNT];
};

enum budget_of { BUDGET_OF_SOURCE, BUDGET_OF_TOTAL, BUDGET_OF_DISK };
#define BUDGET_OF_NAMES "source", "total", "disk"

struct budget_notice {
	enum budget_of of; /* source: of that one; else of all, and source says nothing */
	struct prefix source;
	uint64_t from_us, to_us; /* the first and the last that was left out */
	uint64_t limit;          /* records, or bytes */
	uint32_t window_s;
	struct budget_sums sums;
};

/* Returns the bytes that it has taken. */
typedef uint64_t budget_tell(void *arg, const struct budget_notice *notice);

/* sources: places. NULL without memory. */
struct budget *budget_new(const struct budget_limits *limits, uint32_t sources,
        const uint8_t hash_key[HASH_KEY_BYTES], budget_tell *tell, void *arg);
void budget_free(struct budget *b); /* NULL is fine */
/* From now on; windows begin anew. */
void budget_set(struct budget *b, const struct budget_limits *limits);
/* Whether a record of this connection may be written, which then counts; if not, what it would have told is remembered. */
bool budget_may(struct budget *b, const struct event_connection *conn, uint64_t now_us,
        const struct budget_sums *record);
/* What the fullest file system has free. True: from now on, or no more, nothing is written because of it. */
bool budget_set_free(struct budget *b, uint64_t free_bytes);
bool budget_is_full(const struct budget *b);
/* A record took so many bytes. */
void budget_spend(struct budget *b, uint64_t bytes);
/* Tells what is over; about once a second. */
void budget_tick(struct budget *b, uint64_t now_us);
/* Tells all. */
void budget_finish(struct budget *b);
/* Sources that are named begin anew; what was left out of theirs the total tells. */
void budget_forget(struct budget *b, const struct mention *who, struct forgotten *out);
uint64_t budget_left_out(const struct budget *b); /* records so far */

#endif
