/* steps.h - the daemon's clock where the only clock is in what is read: a tick at each whole second. */
#ifndef POSTERN_STEPS_H
#define POSTERN_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#define STEPS_TICK_US UINT64_C(1000000)
/* Where nothing happens for longer, one tick stands for all of the gap. */
#define STEPS_GAP_US (UINT64_C(86400) * STEPS_TICK_US)

struct steps {
	uint64_t now_us; /* of the last tick; 0 = none yet */
};

/* Something happens at time_us: goes on by a tick that comes before it or with it. False: there is none left. */
static inline bool steps_next(struct steps *s, uint64_t time_us)
{
	uint64_t last_us = time_us - time_us % STEPS_TICK_US;

	if (s->now_us == 0) {
		s->now_us = last_us;
		return false;
	}
	if (last_us <= s->now_us)
		return false;
	s->now_us = last_us - s->now_us > STEPS_GAP_US ? last_us : s->now_us + STEPS_TICK_US;
	return true;
}

#endif
