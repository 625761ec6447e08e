/* clock.h - the wall clock in microseconds since 1970. Engines never call this: time is an
 * argument there; the clock is read once per wake-up and handed down. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

enum { CLOCK_TEXT_MAX = 64 };

uint64_t clock_now_us(void);
/* Monotonic, for measuring latencies; nanoseconds. */
uint64_t clock_monotonic_ns(void);
/* How far somebody has set the wall clock while it went on by `wall` and the monotonic one by `monotonic`, all in one unit;
 * 0 = by `least` or less: it is being kept right. */
int64_t clock_jump(int64_t wall, int64_t monotonic, int64_t least);
/* "2026-11-21T18:36:07.148588+0000" (UTC, as Suricata's EVE). Returns buf. */
char *clock_print(uint64_t time_us, char buf[CLOCK_TEXT_MAX]);
/* The way back; also without a fraction, with "Z" or any offset, from 1970 to 2199. 0 or -EINVAL. */
int clock_parse(const char *text, uint64_t *time_us);

#endif
