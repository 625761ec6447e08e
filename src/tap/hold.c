/* hold.c - packets that wait for their verdicts.
 *
 * Slots of fixed size, and an order of their numbers: the first `count` are in use, by their end, and those behind are
 * free. A book holds some hundred packets, so moving a few numbers on is cheaper than any tree.
 *
 * The message is kept, and not the packet: what was decided about it, edits included, is decided, and nothing has
 * to be asked again when its time comes.
 */
#include "tap/hold.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hold {
	uint32_t most, count;
	struct held slots[HOLD_PACKETS_MAX];
	uint16_t order[HOLD_PACKETS_MAX];
	uint8_t *messages;
};

struct hold *hold_new(uint32_t most)
{
	struct hold *h = calloc(1, sizeof(*h));
	uint32_t i;

	if (!h)
		return NULL;
	h->messages = calloc(HOLD_PACKETS_MAX, HOLD_MESSAGE_MAX);
	if (!h->messages) {
		free(h);
		errno = ENOMEM;
		return NULL;
	}
	for (i = 0; i < HOLD_PACKETS_MAX; i++) {
		h->slots[i].message = h->messages + (size_t)i * HOLD_MESSAGE_MAX;
		h->order[i] = (uint16_t)i;
	}
	hold_set_most(h, most);
	return h;
}

void hold_free(struct hold *h)
{
	if (h)
		free(h->messages);
	free(h);
}

void hold_set_most(struct hold *h, uint32_t most)
{
	h->most = most < HOLD_PACKETS_MAX ? most : HOLD_PACKETS_MAX;
}

uint32_t hold_count(const struct hold *h)
{
	return h->count;
}

bool hold_is_full(const struct hold *h)
{
	return h->count >= h->most;
}

struct held *hold_add(struct hold *h, uint32_t ticket, uint64_t ref, uint64_t now_us, uint64_t until_us)
{
	uint16_t slot;
	uint32_t at = h->count;
	struct held *held;

	if (hold_is_full(h))
		return NULL;
	slot = h->order[at];
	while (at > 0 && h->slots[h->order[at - 1]].until_us > until_us)
		at--;
	memmove(&h->order[at + 1], &h->order[at], (h->count - at) * sizeof(h->order[0]));
	h->order[at] = slot;
	h->count++;
	held = &h->slots[slot];
	held->message_bytes = 0;
	held->ticket = ticket;
	held->ref = ref;
	held->since_us = now_us;
	held->until_us = until_us;
	return held;
}

struct held *hold_soonest(struct hold *h)
{
	return h->count > 0 ? &h->slots[h->order[0]] : NULL;
}

struct held *hold_find(struct hold *h, uint32_t ticket)
{
	uint32_t i;

	for (i = 0; i < h->count; i++)
		if (h->slots[h->order[i]].ticket == ticket)
			return &h->slots[h->order[i]];
	return NULL;
}

void hold_drop(struct hold *h, const struct held *held)
{
	uint16_t slot = (uint16_t)(held - h->slots);
	uint32_t at = 0;

	while (at < h->count && h->order[at] != slot)
		at++;
	assert(at < h->count);
	h->count--;
	memmove(&h->order[at], &h->order[at + 1], (h->count - at) * sizeof(h->order[0]));
	h->order[h->count] = slot;
}
