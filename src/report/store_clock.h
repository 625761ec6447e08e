/* store_clock.h - the wall clock beside the one that nobody can set: what of a time was left over a restart. */
#ifndef REPORT_STORE_CLOCK_H
#define REPORT_STORE_CLOCK_H

#include <stdint.h>

struct store_clock {
	uint64_t wall_us, monotonic_us;
	char boot[40]; /* of the kernel: where the monotonic clock began; "" = not known */
};

void store_clock_read(struct store_clock *out);
/* By how much the wall clock was set between the two, as far as that can be known; then.wall_us 0 = there was none before.
 * Less than STORE_CLOCK_JUMP_US is 0: a clock that is being kept right. */
int64_t store_clock_jump(const struct store_clock *then, const struct store_clock *now);
enum { STORE_CLOCK_JUMP_US = 2000000 };

#endif
