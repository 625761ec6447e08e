/* hang.h - workers that hang: noticed within a second, and port 25 goes on without them. */
#ifndef POSTERND_HANG_H
#define POSTERND_HANG_H

#include <stdbool.h>
#include <stdint.h>

#include "posternd/worker.h"

/* All zero at the beginning. */
struct hang {
	uint64_t hanging;                     /* workers that do, a bit each; said */
	uint64_t watched_from_us, watched_us; /* monotonic */
};

/* Looks at up to 64 workers, and says which of them hang now, or do no more. With fail_open their queues are given
 * back to the kernel. To be called each HEALTH_WATCH_MS; now_us: monotonic. */
void hang_watch(
        struct hang *h, struct worker *const *workers, unsigned count, bool fail_open, uint64_t now_us);

#endif
