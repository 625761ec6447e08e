/* ranks.c - see ranks.h. Two tables; the cursor of a scan has the table's number in its upper half. */
#include "watch/ranks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

enum { PROVEN, KNOCKED, RANKS };

struct ranks {
	struct table *of[RANKS];
	uint32_t value_bytes;
	uint64_t evicted;
};

struct ranks *ranks_new(uint32_t proven, uint32_t knocked, uint32_t key_bytes, uint32_t value_bytes,
        const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct ranks *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->value_bytes = value_bytes;
	r->of[PROVEN] = table_new(proven, key_bytes, value_bytes, hash_key);
	r->of[KNOCKED] = table_new(knocked, key_bytes, value_bytes, hash_key);
	if (r->of[PROVEN] && r->of[KNOCKED])
		return r;
	ranks_free(r);
	errno = ENOMEM;
	return NULL;
}

void ranks_free(struct ranks *r)
{
	if (!r)
		return;
	table_free(r->of[PROVEN]);
	table_free(r->of[KNOCKED]);
	free(r);
}

void *ranks_take(struct ranks *r, const void *key, bool is_proven, uint64_t now_us)
{
	unsigned rank = is_proven || table_find(r->of[PROVEN], key) ? PROVEN : KNOCKED;
	bool evicted;
	void *value = table_take(r->of[rank], key, now_us, &evicted);
	void *knocked = rank == PROVEN ? table_find(r->of[KNOCKED], key) : NULL;

	r->evicted += evicted;
	if (knocked) {
		memcpy(value, knocked, r->value_bytes);
		table_drop(r->of[KNOCKED], knocked);
	}
	return value;
}

const void *ranks_find(const struct ranks *r, const void *key)
{
	const void *value = table_find(r->of[PROVEN], key);

	return value ? value : table_find(r->of[KNOCKED], key);
}

void *ranks_scan(const struct ranks *r, uint64_t *cursor, bool *is_proven)
{
	void *value = NULL;

	for (unsigned rank = (unsigned)(*cursor >> 32); rank < RANKS && !value; rank++) {
		uint32_t place = (uint32_t)*cursor;

		value = table_scan(r->of[rank], &place);
		*is_proven = rank == PROVEN;
		*cursor = value ? (uint64_t)rank << 32 | place : (uint64_t)(rank + 1) << 32;
	}
	return value;
}

void ranks_drop(struct ranks *r, void *value, bool is_proven)
{
	table_drop(r->of[is_proven ? PROVEN : KNOCKED], value);
}

uint64_t ranks_evicted(const struct ranks *r)
{
	return r->evicted;
}
