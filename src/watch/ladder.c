/* ladder.c - see ladder.h.
 *
 * A rung is in force from the finding that sets it, for its time, and each further finding extends that. A source climbs to the
 * next one when it goes on although the rung has been in force for a while: a tenth of its time, or as long as the rule
 * measures, if that is longer (what was sent before must have left the window, or the rung would be blamed for it), but never
 * longer than the rung's own time.
 *
 * Nothing is done without a finding, so nothing is done on the way down: the rung's time ends, and behind it the source is
 * remembered. With each calm_s in which nothing is found it is one rung lower, and the next finding puts it on that rung again,
 * where it has to stay for the same while before it climbs. A block ends, and who then goes on at once is blocked at once; who
 * was calm for a while is limited, then slowed, then nobody. So around any rate of findings there is one rung on which a source
 * stays:
 *   - findings closer than the rung's time: it climbs, up to the top
 *   - findings further apart than that, but closer than that and calm_s: it stays where it is
 *   - further apart: it comes down
 *
 * Calm begins when the rung's time is over. While it lasts a source can do little (blocked: nothing) that could be found, and
 * what it cannot do is no merit.
 *
 * Limits: sources that were found least recently are forgotten first. They begin below, which is mild.
 *
 * Rejected: to climb by the number of findings (rules raise them at very different rates); to come down actively, from a
 * block to a limit (something would be done to sources about which nothing is known any more).
 */
#include "watch/ladder.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

enum { RUNG_NONE, RUNG_SLOW, RUNG_LIMIT, RUNG_BLOCK, RUNGS };
static const enum action rungs[RUNGS] = { ACTION_ALERT, ACTION_SLOW, ACTION_LIMIT, ACTION_BLOCK };
static_assert((int)RUNGS == LADDER_RUNGS + 1, "and the ground");
enum { WAIT_PART = 10 };
static const uint64_t SECOND_US = 1000000;

struct climber {
	uint64_t since_us; /* on this rung without a break */
	uint64_t until_us; /* it is in force */
	uint8_t rung;
};

struct ladder {
	struct table *climbers; /* struct prefix -> struct climber */
	uint64_t evicted;
};

struct ladder *ladder_new(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct ladder *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->climbers = table_new(sources, sizeof(struct prefix), sizeof(struct climber), hash_key);
	if (l->climbers)
		return l;
	free(l);
	return NULL;
}

void ladder_free(struct ladder *l)
{
	if (l)
		table_free(l->climbers);
	free(l);
}

uint32_t ladder_time_s(const struct ladder_rule *rule, enum action rung)
{
	return rung == ACTION_SLOW    ? rule->slow_for_s
	       : rung == ACTION_LIMIT ? rule->limit_for_s
	                              : rule->block_for_s;
}

static unsigned rung_of(enum action action)
{
	unsigned rung = RUNG_BLOCK;

	while (rung > RUNG_SLOW && rungs[rung] != action)
		rung--;
	return rung;
}

/* How long a rung has to be in force in vain. */
static uint64_t wait_us(const struct ladder_rule *rule, unsigned rung, uint32_t window_s)
{
	uint32_t time_s = ladder_time_s(rule, rungs[rung]), wait_s = time_s / WAIT_PART;

	if (wait_s < window_s)
		wait_s = window_s;
	return (wait_s < time_s ? wait_s : time_s) * SECOND_US;
}

/* What calm has earned. */
static void come_down(struct climber *c, const struct ladder_rule *rule, uint64_t now_us)
{
	uint64_t calm_us = rule->calm_s * SECOND_US;
	uint64_t steps = now_us > c->until_us && calm_us > 0 ? (now_us - c->until_us) / calm_us : 0;

	c->rung = steps < c->rung ? (uint8_t)(c->rung - steps) : RUNG_NONE;
}

enum action ladder_climb(struct ladder *l, const struct ladder_rule *rule, const struct prefix *source,
        enum action top, uint32_t window_s, uint64_t now_us)
{
	const unsigned highest = rung_of(top);
	struct climber *c;
	bool evicted;

	c = table_take(l->climbers, source, now_us, &evicted);
	l->evicted += evicted;
	come_down(c, rule, now_us);
	if (c->rung == RUNG_NONE || now_us >= c->until_us) {
		c->since_us = now_us;
		if (c->rung == RUNG_NONE)
			c->rung = RUNG_SLOW;
	} else if (c->rung < highest && now_us >= c->since_us + wait_us(rule, c->rung, window_s)) {
		c->since_us = now_us;
		c->rung++;
	}
	if (c->rung > highest)
		c->rung = (uint8_t)highest;
	c->until_us = now_us + ladder_time_s(rule, rungs[c->rung]) * SECOND_US;
	return rungs[c->rung];
}

void ladder_restore(
        struct ladder *l, const struct prefix *source, enum action rung, uint64_t since_us, uint64_t until_us)
{
	struct climber *c;
	bool evicted;

	c = table_take(l->climbers, source, until_us, &evicted);
	l->evicted += evicted;
	*c = (struct climber) { .since_us = since_us, .until_us = until_us, .rung = (uint8_t)rung_of(rung) };
}

bool ladder_forget(struct ladder *l, const struct prefix *source)
{
	struct climber *c = table_find(l->climbers, source);

	if (c)
		table_drop(l->climbers, c);
	return c != NULL;
}

bool ladder_knows(const struct ladder *l, const struct prefix *source)
{
	return table_find(l->climbers, source) != NULL;
}

void ladder_forget_all(struct ladder *l)
{
	struct climber *c;

	while ((c = table_oldest(l->climbers, NULL)))
		table_drop(l->climbers, c);
}

uint64_t ladder_evicted(const struct ladder *l)
{
	return l->evicted;
}
