/* mutes.c - see mutes.h. */
#include "watch/mutes.h"

#include <string.h>

static unsigned place_of(const struct mutes *m, const struct prefix *prefix, uint32_t rule)
{
	unsigned i = 0;

	while (i < m->count && !(m->list[i].rule == rule && prefix_is_same(&m->list[i].prefix, prefix)))
		i++;
	return i;
}

const struct mute *mutes_of_prefix(const struct mutes *m, const struct prefix *prefix, uint32_t rule)
{
	unsigned i = place_of(m, prefix, rule);

	return i < m->count ? &m->list[i] : NULL;
}

bool mutes_set(struct mutes *m, const struct mute *mute)
{
	unsigned i = place_of(m, &mute->prefix, mute->rule);

	if (i == MUTES_MAX)
		return false;
	m->list[i] = *mute;
	m->count += i == m->count;
	return true;
}

static void take(struct mutes *m, unsigned i, struct mute *out)
{
	*out = m->list[i];
	memmove(&m->list[i], &m->list[i + 1], (m->count - i - 1) * sizeof(m->list[0]));
	m->count--;
}

bool mutes_take(struct mutes *m, const struct prefix *prefix, uint32_t rule, struct mute *out)
{
	for (unsigned i = 0; i < m->count; i++)
		if ((rule == 0 || m->list[i].rule == rule) && prefix_is_same(&m->list[i].prefix, prefix)) {
			take(m, i, out);
			return true;
		}
	return false;
}

bool mutes_take_expired(struct mutes *m, uint64_t now_us, struct mute *out)
{
	for (unsigned i = 0; i < m->count; i++)
		if (m->list[i].until_us <= now_us) {
			take(m, i, out);
			return true;
		}
	return false;
}

const struct mute *mutes_find(const struct mutes *m, const struct finding *f, uint32_t rule, uint64_t now_us)
{
	if (!finding_has_connection(f->id) || f->pooled)
		return NULL;
	for (unsigned i = 0; i < m->count; i++) {
		const struct mute *mute = &m->list[i];

		if ((mute->rule == 0 || mute->rule == rule) && now_us < mute->until_us &&
		        prefix_contains(&mute->prefix, finding_whose(f)))
			return mute;
	}
	return NULL;
}
