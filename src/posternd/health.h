/* health.h - is inspection happening? Counters of all parts, read once a second; what grows and must
 * not is said loudly. The same numbers go into the stats records. */
#ifndef POSTERND_HEALTH_H
#define POSTERND_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/gate.h"
#include "posternd/desk.h"
#include "posternd/worker.h"

/* Where the numbers come from; all borrowed. */
struct health_sources {
	struct worker *const *workers;
	unsigned worker_count;
	struct gate *gate;
	const char *table;
	bool fail_open; /* queue.fail */
	const struct desk *desk;
};

/* What the loop itself counts of the NFLOG group. */
enum health_log { HEALTH_LOG_READ, HEALTH_LOG_LOST, HEALTH_LOG_UNREADABLE, HEALTH_LOG_COUNT };

struct health;

/* NULL with errno. */
struct health *health_new(const struct health_sources *sources, uint64_t now_us);
void health_free(struct health *h); /* NULL is fine */
void health_count_log(struct health *h, enum health_log what, uint64_t more);
/* What is counted of all DNS lists together, in the order of dns/blocklists.h. */
enum { HEALTH_LIST_COUNTS = 6 };
void health_set_lists(struct health *h, const uint64_t counts[HEALTH_LIST_COUNTS]);
/* Reads all counters, warns. About once a second. */
void health_tick(struct health *h, uint64_t now_us);
/* Looks for workers that hang, says so, and with fail_open gives their queues back to the kernel.
 * Every HEALTH_WATCH_MS: so a worker that hangs is noticed within a second. now_us: monotonic. */
void health_watch(struct health *h, uint64_t now_us);
enum { HEALTH_WATCH_MS = 250 };
/* After a reload. */
void health_set_fail_open(struct health *h, bool fail_open);
void health_set_table(struct health *h, const char *table);
/* No worker hangs. */
bool health_workers_alive(const struct health *h);
/* Packets that passed without inspection since the last call; false if there were none. */
bool health_take_blind(struct health *h, struct event_blind *out);
/* How many of them are in the records: what another daemon will begin with. */
void health_set_blind_told(struct health *h, uint64_t packets);
/* A queue that was claimed is not there any more, although its worker serves it. */
bool health_queue_is_gone(const struct health *h);
/* Writes a stats record of the last reading. */
void health_write_stats(struct health *h, struct desk *desk, uint64_t now_us);
/* The numbers of the last reading, by their names in the stats records; `out` has room for HEALTH_NUMBERS_MAX of
 * them. How many there are. */
enum { HEALTH_NUMBERS_MAX = 64 };
unsigned health_numbers(const struct health *h, struct eve_stats_number *out);
/* Packets that gate_bypass() has let pass, of all times; of the last reading. */
uint64_t health_bypassed(const struct health *h);
/* What is wrong at the moment, a sentence each. inspecting: it keeps port 25 from being guarded or inspected. */
typedef void health_fault(void *arg, const char *text, bool inspecting);
void health_each_fault(const struct health *h, uint64_t now_us, health_fault *each, void *arg);
/* One line about the whole run. */
void health_say_totals(const struct health *h);

#endif
