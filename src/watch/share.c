/* share.c - see share.h. 1/(1+t) in place of an exponential: it fades both counts alike, which is all that a share needs. */
#include "watch/share.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

struct counts {
	float hits, all;
	uint64_t time_us;
};

struct share {
	struct table *counts; /* name -> struct counts */
};

struct share *share_new(uint32_t subjects, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct share *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->counts = table_new(subjects, sizeof(uint64_t), sizeof(struct counts), hash_key);
	if (s->counts)
		return s;
	free(s);
	errno = ENOMEM;
	return NULL;
}

void share_free(struct share *s)
{
	if (!s)
		return;
	table_free(s->counts);
	free(s);
}

uint32_t share_add(struct share *s, uint64_t subject, bool hit, uint32_t window_s, uint64_t now_us)
{
	struct counts *c = table_find(s->counts, &subject);
	float window_us = (float)window_s * 1e6F, keep;

	if (!c && !hit)
		return 0;
	c = table_take(s->counts, &subject, now_us, NULL);
	keep = now_us > c->time_us ? window_us / (window_us + (float)(now_us - c->time_us)) : 1;
	c->hits = c->hits * keep + (float)hit;
	c->all = c->all * keep + 1;
	c->time_us = now_us > c->time_us ? now_us : c->time_us;
	return (uint32_t)(c->hits / c->all * 1000);
}

void share_forget(struct share *s, uint64_t subject)
{
	struct counts *c = table_find(s->counts, &subject);

	if (c)
		table_drop(s->counts, c);
}
