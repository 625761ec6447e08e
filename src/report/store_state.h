/* store_state.h - how the store does: what was tried last, when to try again, and what has been said of it. */
#ifndef REPORT_STORE_STATE_H
#define REPORT_STORE_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"
#include "report/store.h"
#include "report/store_file.h"

struct store_state {
	/* the thread's */
	struct ring *notices;
	enum store_trouble trouble;
	unsigned retry_ms; /* 0 = no trouble */
	uint64_t again_ms; /* not before; monotonic */
	uint64_t lost_before;
	/* everybody's, with the lock */
	pthread_mutex_t lock;
	struct store_status status;
};

void store_state_init(struct store_state *s, struct ring *notices);
void store_state_fini(struct store_state *s);
/* Takes note of how it went, and says what has changed. lost: records so far. */
void store_state_settle(
        struct store_state *s, const struct store_file *file, enum store_trouble t, uint64_t lost);
/* Likewise, at the start: that another posternd has the file is not said yet. It may have more, and then we end for that,
 * which is said. */
void store_state_settle_first(struct store_state *s, const struct store_file *file, enum store_trouble t);
/* People should hear of it. */
void store_state_notice(struct store_state *s, const char *text);
void store_state_read(struct store_state *s, struct store_status *out);

#endif
