/* pace.c - when the next repair may be made.
 *
 * The first PACE_AT_ONCE are made at once: a person at a keyboard, a script that goes through our table, a firewall that
 * reloads. Who is still there then is a program that wants it otherwise, and each repair would be answered. From there on
 * each one waits twice as long as the one before, from a second to PACE_DELAY_MAX_S. It never ends, and it costs a
 * transaction a minute. When nothing had to be repaired for PACE_QUIET_S, all is forgotten.
 *
 * Rejected: giving up (the rules would stay away when the other one is gone); a fixed pause (either too long for the
 * first repair or too short for the thousandth).
 */
#include "gate/pace.h"

static const uint64_t SECOND_US = 1000000;

static bool is_quiet(const struct pace *p, uint64_t now_us)
{
	return p->count == 0 || now_us - p->last_us >= PACE_QUIET_S * SECOND_US;
}

uint64_t pace_next(const struct pace *p, uint64_t now_us)
{
	uint64_t next_us = p->last_us + p->delay_us;

	return is_quiet(p, now_us) || next_us < now_us ? now_us : next_us;
}

void pace_note(struct pace *p, uint64_t now_us)
{
	if (is_quiet(p, now_us))
		*p = (struct pace) { 0 };
	p->last_us = now_us;
	p->count++;
	if (p->count < PACE_AT_ONCE)
		return;
	p->delay_us = p->delay_us ? 2 * p->delay_us : SECOND_US;
	if (p->delay_us > PACE_DELAY_MAX_S * SECOND_US)
		p->delay_us = PACE_DELAY_MAX_S * SECOND_US;
}

bool pace_is_war(const struct pace *p, uint64_t now_us)
{
	return !is_quiet(p, now_us) && p->delay_us > 0;
}
