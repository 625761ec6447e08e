/* ranks.h - a bounded table in two ranks: those who have shown that they are there, and those who only knocked.
 *
 * The address of a packet may be forged, that of a dialogue may not. So a flood of forged tries must not push out what
 * is known of those who really talk: each rank has room of its own, and in each the one seen longest ago gives way.
 * Who proves to be there moves up with all that is known, and stays there.
 */
#ifndef WATCH_RANKS_H
#define WATCH_RANKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

struct ranks;

/* Room for so many of each, 1..2^22; keys and values as base/table.h has them. NULL with errno. */
struct ranks *ranks_new(uint32_t proven, uint32_t knocked, uint32_t key_bytes, uint32_t value_bytes,
        const uint8_t hash_key[HASH_KEY_BYTES]);
void ranks_free(struct ranks *r); /* NULL is fine */
/* The value under key, zero if it is new. Valid until the next call. */
void *ranks_take(struct ranks *r, const void *key, bool is_proven, uint64_t now_us);
/* NULL = unknown. */
const void *ranks_find(const struct ranks *r, const void *key);
/* All of them, those who are there first; cursor 0 at the beginning. NULL at the end. */
void *ranks_scan(const struct ranks *r, uint64_t *cursor, bool *is_proven);
/* A value that ranks_scan() gave. */
void ranks_drop(struct ranks *r, void *value, bool is_proven);
/* Who had to give way. */
uint64_t ranks_evicted(const struct ranks *r);

#endif
