/* flow.c - keys and numbers of connections; the table of them belongs to inspect.
 *
 * VLANs are left out of the key on purpose: the two directions of one connection may be tagged
 * differently, and a key that splits them would lose every reply.
 */
#include "wire/flow.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

static_assert(sizeof(struct flow_key) == 36, "the key is hashed as bytes: no padding");

enum { FLOW_ID_BITS = 53 };

uint8_t flow_key_make(struct flow_key *key, const struct segment *seg)
{
	int order = addr_compare(&seg->src, &seg->dst);
	uint8_t sender = order > 0 || (order == 0 && seg->sport > seg->dport);

	key->addr[sender] = seg->src;
	key->port[sender] = seg->sport;
	key->addr[!sender] = seg->dst;
	key->port[!sender] = seg->dport;
	return sender;
}

uint64_t flow_id(const uint8_t hash_key[HASH_KEY_BYTES], const struct flow_key *key, uint64_t open_us)
{
	uint8_t message[sizeof(*key) + 8];
	uint64_t id;

	memcpy(message, key, sizeof(*key));
	bytes_put32(message + sizeof(*key), (uint32_t)(open_us >> 32));
	bytes_put32(message + sizeof(*key) + 4, (uint32_t)open_us);
	id = hash_bytes(hash_key, message, sizeof(message)) >> (64 - FLOW_ID_BITS);
	return id ? id : 1;
}
