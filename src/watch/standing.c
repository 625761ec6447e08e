/* standing.c - see standing.h. Whole seconds are enough to tell who is silent longer; positions are links, 0 = none. */
#include "watch/standing.h"

#include <assert.h>
#include <stdlib.h>

enum { LEVELS = 16, SECOND_US = 1000000 };

struct link {
	uint32_t older, younger;
	uint32_t touched_s;
};

struct standing {
	uint32_t count;
	uint32_t oldest[LEVELS], youngest[LEVELS];
	struct link *links;
	uint8_t *levels; /* 1 + the level; 0 = not there */
};

struct standing *standing_new(uint32_t count)
{
	struct standing *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->count = count;
	s->links = calloc((size_t)count + 1, sizeof(*s->links));
	s->levels = calloc((size_t)count + 1, sizeof(*s->levels));
	if (s->links && s->levels)
		return s;
	standing_free(s);
	return NULL;
}

void standing_free(struct standing *s)
{
	if (!s)
		return;
	free(s->links);
	free(s->levels);
	free(s);
}

static unsigned level_of(uint64_t weight)
{
	unsigned level = 0;

	while (weight > 1 && level < LEVELS - 1) {
		weight >>= 1;
		level++;
	}
	return level;
}

void standing_drop(struct standing *s, uint32_t position)
{
	struct link *l = &s->links[position];
	unsigned level = s->levels[position] - 1U;

	assert(position >= 1 && position <= s->count && s->levels[position] > 0);
	*(l->older ? &s->links[l->older].younger : &s->oldest[level]) = l->younger;
	*(l->younger ? &s->links[l->younger].older : &s->youngest[level]) = l->older;
	s->levels[position] = 0;
}

void standing_touch(struct standing *s, uint32_t position, uint64_t weight, uint64_t now_us)
{
	struct link *l = &s->links[position];
	unsigned level = level_of(weight);

	assert(position >= 1 && position <= s->count);
	if (s->levels[position])
		standing_drop(s, position);
	s->levels[position] = (uint8_t)(level + 1);
	l->touched_s = (uint32_t)(now_us / SECOND_US);
	l->younger = 0;
	l->older = s->youngest[level];
	*(l->older ? &s->links[l->older].younger : &s->oldest[level]) = position;
	s->youngest[level] = position;
}

uint32_t standing_least(const struct standing *s, uint64_t now_us)
{
	uint32_t now_s = (uint32_t)(now_us / SECOND_US), least = 0;
	uint64_t longest = 0;

	for (unsigned level = 0; level < LEVELS; level++) {
		uint32_t position = s->oldest[level], touched_s = s->links[position].touched_s;
		uint64_t silent = 1 + (uint64_t)(now_s > touched_s ? now_s - touched_s : 0);

		silent <<= 2 * (LEVELS - 1 - level);
		if (position && silent > longest) {
			longest = silent;
			least = position;
		}
	}
	return least;
}
