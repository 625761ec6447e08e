/* store_clock.c - see store_clock.h.
 *
 * In the same boot the two clocks tell. After a reboot only a wall clock that went back can be seen: then nothing has
 * passed, as far as anybody knows. (A machine without a battery boots like that, and is set right later.)
 */
#include "report/store_clock.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

void store_clock_read(struct store_clock *out)
{
	FILE *from = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(out, 0, sizeof(*out));
	out->wall_us = clock_now_us();
	out->monotonic_us = clock_monotonic_ns() / 1000;
	if (!from)
		return;
	if (!fgets(out->boot, sizeof(out->boot), from))
		out->boot[0] = '\0';
	out->boot[strcspn(out->boot, "\n")] = '\0';
	fclose(from);
}

int64_t store_clock_jump(const struct store_clock *then, const struct store_clock *now)
{
	int64_t wall_us = (int64_t)(now->wall_us - then->wall_us);

	if (then->wall_us == 0)
		return 0;
	if (*now->boot && strcmp(then->boot, now->boot) == 0)
		return clock_jump(
		        wall_us, (int64_t)(now->monotonic_us - then->monotonic_us), STORE_CLOCK_JUMP_US);
	return clock_jump(wall_us < 0 ? wall_us : 0, 0, STORE_CLOCK_JUMP_US);
}
