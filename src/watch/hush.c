/* hush.c - see hush.h. */
#include "watch/hush.h"

#include <string.h>

void hush_follow(struct hush *h, const struct suppressions *now)
{
	const struct hush before = *h;

	memset(h, 0, sizeof(*h));
	h->count = now->count;
	for (unsigned i = 0; i < now->count; i++) {
		memcpy(h->of[i].name, now->list[i].name, sizeof(h->of[i].name));
		for (unsigned j = 0; j < before.count; j++)
			if (strcmp(before.of[j].name, h->of[i].name) == 0)
				h->of[i] = before.of[j];
	}
}

void hush_count(struct hush *h, unsigned index, uint64_t time_us)
{
	if (index >= h->count)
		return;
	h->of[index].findings++;
	h->of[index].last_us = time_us;
}
