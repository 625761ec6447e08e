/* slab.c - see slab.h. The chain of free entries stands apart from them: an entry in use has no header. */
#include "base/slab.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct slab {
	uint32_t count, entry_bytes;
	uint32_t used;
	uint32_t touched;  /* positions up to here have been used at least once */
	uint32_t returned; /* first of the free entries, a stack */
	uint32_t *below;   /* of each free entry: the one below it in the stack */
	unsigned char *entries;
};

struct slab *slab_new(uint32_t count, uint32_t entry_bytes)
{
	struct slab *s;

	if (count < 1 || count > SLAB_COUNT_MAX || entry_bytes < 1) {
		errno = EINVAL;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->count = count;
	s->entry_bytes = entry_bytes;
	s->below = calloc(count, sizeof(*s->below));
	s->entries = calloc(count, entry_bytes);
	if (s->below && s->entries)
		return s;
	slab_free(s);
	errno = ENOMEM;
	return NULL;
}

void slab_free(struct slab *s)
{
	if (!s)
		return;
	free(s->below);
	free(s->entries);
	free(s);
}

uint32_t slab_take(struct slab *s)
{
	uint32_t position = s->returned;

	if (position)
		s->returned = s->below[position - 1];
	else if (s->touched < s->count)
		position = ++s->touched;
	else
		return 0;
	s->used++;
	return position;
}

void slab_give(struct slab *s, uint32_t position)
{
	assert(position >= 1 && position <= s->touched && s->used > 0);
	s->below[position - 1] = s->returned;
	s->returned = position;
	s->used--;
}

void *slab_at(const struct slab *s, uint32_t position)
{
	assert(position >= 1 && position <= s->touched);
	return s->entries + (size_t)(position - 1) * s->entry_bytes;
}

uint32_t slab_touched(const struct slab *s)
{
	return s->touched;
}

uint32_t slab_used(const struct slab *s)
{
	return s->used;
}

uint32_t slab_count(const struct slab *s)
{
	return s->count;
}
