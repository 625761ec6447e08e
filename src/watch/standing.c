/* standing.c - see standing.h. Whole seconds are enough to tell who is silent longer; positions are links, 0 = none. */
#include "watch/standing.h"

#include <assert.h>
#include <string.h>

enum { SECOND_US = 1000000 };
static const uint32_t SECONDS_MASK = (UINT32_C(1) << STANDING_SECONDS_BITS) - 1;

void standing_init(struct standing *s, struct standing_link *(*link_at)(const void *owner, uint32_t position),
        const void *owner)
{
	memset(s, 0, sizeof(*s));
	s->link_at = link_at;
	s->owner = owner;
}

static unsigned level_of(uint64_t weight)
{
	unsigned level = 0;

	while (weight > 1 && level < STANDING_LEVELS - 1) {
		weight >>= 1;
		level++;
	}
	return level;
}

static struct standing_link *link_at(const struct standing *s, uint32_t position)
{
	return s->link_at(s->owner, position);
}

static void unlink_from(struct standing *s, struct standing_link *l)
{
	unsigned level = l->level - 1U;

	*(l->older ? &link_at(s, l->older)->younger : &s->oldest[level]) = l->younger;
	*(l->younger ? &link_at(s, l->younger)->older : &s->youngest[level]) = l->older;
	l->level = 0;
}

void standing_drop(struct standing *s, uint32_t position)
{
	struct standing_link *l = link_at(s, position);

	assert(l->level > 0);
	unlink_from(s, l);
}

void standing_touch(struct standing *s, uint32_t position, uint64_t weight, uint64_t now_us)
{
	struct standing_link *l = link_at(s, position);
	unsigned level = level_of(weight);

	l->touched_s = (uint32_t)(now_us / SECOND_US) & SECONDS_MASK;
	if (l->level == level + 1 && l->younger == 0) /* the youngest already */
		return;
	if (l->level)
		unlink_from(s, l);
	l->level = (level + 1) & 31;
	l->younger = 0;
	l->older = s->youngest[level];
	*(l->older ? &link_at(s, l->older)->younger : &s->oldest[level]) = position;
	s->youngest[level] = position;
}

/* 0 where the clock, or the order of the workers, says that it is later than now. */
static uint64_t silent_s(const struct standing_link *l, uint64_t now_us)
{
	uint32_t silent = ((uint32_t)(now_us / SECOND_US) - l->touched_s) & SECONDS_MASK;

	return silent > SECONDS_MASK / 2 ? 0 : silent;
}

uint32_t standing_least(const struct standing *s, uint64_t now_us)
{
	uint64_t longest = 0;
	uint32_t least = 0;

	for (unsigned level = 0; level < STANDING_LEVELS; level++) {
		uint32_t position = s->oldest[level];
		uint64_t silent;

		if (!position)
			continue;
		silent = 1 + silent_s(link_at(s, position), now_us);
		silent <<= 2 * (STANDING_LEVELS - 1 - level);
		if (silent > longest) {
			longest = silent;
			least = position;
		}
	}
	return least;
}
