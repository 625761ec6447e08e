/* hang.c - see hang.h.
 *
 * A worker hangs when it gave no sign of life for HANGS_US, unless we were late ourselves: then the whole
 * machine stood still, and nobody is to blame. With fail_open its queue is given back to the kernel, so
 * that mail goes on; the worker takes it again when it wakes up. Otherwise its packets wait.
 */
#include "posternd/hang.h"

#include <stdatomic.h>
#include <string.h>

#include "base/log.h"

/* Without a sign of life for so long a worker hangs: it gives one each NFQUEUE_IDLE_MS at least. With the
 * time between two looks it is found within a second. */
static const uint64_t HANGS_US = 750000;

static void tell_hanging(struct worker *w, bool fail_open)
{
	int r = fail_open ? worker_release(w) : 0;

	if (!fail_open)
		log_error(
		        "the worker of queue %u HANGS: its packets wait, port 25 STANDS STILL (queue.fail = "
		        "closed); restart posternd",
		        worker_queue(w));
	else if (r)
		log_error("the worker of queue %u HANGS, and its queue cannot be released: %s; restart "
		          "posternd",
		        worker_queue(w), strerror(-r));
	else
		log_error("the worker of queue %u HANGS: its queue is released, port 25 PASSES WITHOUT "
		          "INSPECTION (queue.fail = open); restart posternd",
		        worker_queue(w));
}

static bool hangs(const struct hang *h, struct worker *w, uint64_t now_us)
{
	uint64_t awake_us =
	        atomic_load_explicit(&worker_queue_counts(w)->last_wakeup_us, memory_order_relaxed);

	if (awake_us < h->watched_from_us)
		awake_us = h->watched_from_us;
	return awake_us + HANGS_US < now_us && !worker_has_ended(w);
}

void hang_watch(
        struct hang *h, struct worker *const *workers, unsigned count, bool fail_open, uint64_t now_us)
{
	bool late = h->watched_us && now_us - h->watched_us > HANGS_US;
	unsigned i;

	if (!h->watched_us)
		h->watched_from_us = now_us;
	h->watched_us = now_us;
	for (i = 0; !late && i < count; i++) {
		uint64_t bit = UINT64_C(1) << i;
		bool now = hangs(h, workers[i], now_us);

		if (now && !(h->hanging & bit))
			tell_hanging(workers[i], fail_open);
		else if (!now && (h->hanging & bit))
			log_warning("the worker of queue %u is awake again, and inspects",
			        worker_queue(workers[i]));
		h->hanging = now ? h->hanging | bit : h->hanging & ~bit;
	}
}
