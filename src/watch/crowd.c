/* crowd.c - see crowd.h.
 *
 * Who has rented a network sends a little from each of its addresses. To block them one by one is a race that he wins: each
 * address is used up by the time it is found, the book of blocks fills with what never comes again, and among them are
 * neighbours who only live there. To block the network hits all of these. So from the source on that makes it a crowd, the
 * network is told as one finding, and nothing is done to its further sources by what the watch has found; the first ones
 * keep what they have. Whether the network is cut off, a person decides (postern block).
 *
 * A network is remembered with its first CROWD_SOURCES sources, each by a hash, until CROWD_WINDOW_S without another one have
 * passed; a crowd that goes on is told again after as long.
 *
 * Limits: memory is fixed, the network that was seen least recently is forgotten first. A source that is a wider prefix than a
 * network is never a part of one.
 */
#include "watch/crowd.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"

static const uint64_t WINDOW_US = CROWD_WINDOW_S * 1000000ULL;

struct network {
	uint64_t last_us; /* something was found about a source that was new, or is not remembered */
	uint64_t told_us; /* it is a crowd */
	uint32_t count;
	uint32_t sources[CROWD_SOURCES];
};

struct crowd {
	struct table *networks; /* struct prefix -> struct network */
	uint8_t hash_key[HASH_KEY_BYTES];
};

struct crowd *crowd_new(uint32_t networks, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct crowd *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	memcpy(c->hash_key, hash_key, sizeof(c->hash_key));
	c->networks = table_new(networks, sizeof(struct prefix), sizeof(struct network), hash_key);
	if (c->networks)
		return c;
	free(c);
	return NULL;
}

void crowd_free(struct crowd *c)
{
	if (c)
		table_free(c->networks);
	free(c);
}

static bool is_known(const struct network *n, uint32_t hash)
{
	for (uint32_t i = 0; i < n->count; i++)
		if (n->sources[i] == hash)
			return true;
	return false;
}

static uint32_t hash_of(const struct crowd *c, const struct prefix *source)
{
	return (uint32_t)hash_bytes(c->hash_key, source, sizeof(*source));
}

static struct prefix network_of(const struct prefix *source)
{
	unsigned bits = prefix_is_v4(source) ? CROWD_BITS_V4 : CROWD_BITS_V6;

	return (struct prefix) { addr_mask(&source->addr, bits), (uint8_t)bits };
}

enum crowd_place crowd_see(
        struct crowd *c, const struct prefix *source, uint64_t now_us, struct prefix *network)
{
	uint32_t hash = hash_of(c, source);
	struct network *n;

	*network = network_of(source);
	if (source->bits <= network->bits)
		return CROWD_ALONE;
	n = table_take(c->networks, network, now_us, NULL);
	if (now_us > n->last_us + WINDOW_US)
		n->count = 0;
	if (is_known(n, hash))
		return CROWD_ALONE;
	n->last_us = now_us;
	if (n->count == CROWD_SOURCES && now_us < n->told_us + WINDOW_US)
		return CROWD_WITHIN;
	if (n->count < CROWD_SOURCES)
		n->sources[n->count++] = hash;
	if (n->count < CROWD_SOURCES)
		return CROWD_ALONE;
	n->told_us = now_us;
	return CROWD_JOINED;
}

void crowd_forget(struct crowd *c, const struct prefix *source)
{
	struct prefix network = network_of(source);
	struct network *n = table_find(c->networks, &network);
	uint32_t hash = hash_of(c, source), left = 0;

	for (uint32_t i = 0; n && i < n->count; i++)
		if (n->sources[i] != hash)
			n->sources[left++] = n->sources[i];
	if (n)
		n->count = left;
}
