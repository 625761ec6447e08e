/* table.h - a hash table of fixed capacity with entries in the order of their last touch.
 *
 * All memory is taken at table_new() (zeroed pages: untouched capacity costs no real memory).
 * Entries are key + value of fixed size; value pointers stay valid until the entry is dropped.
 * References that outlive a call are index + generation (struct table_ref), never pointers.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

struct table;

struct table_ref {
	uint32_t index;
	uint32_t generation; /* 0 = refers to nothing */
};

/* capacity 1..2^28 entries; key_bytes 1..256; value_bytes >= 1, values are 16-byte aligned.
 * NULL with errno when memory cannot be had. */
struct table *table_new(
        uint32_t capacity, uint32_t key_bytes, uint32_t value_bytes, const uint8_t hash_key[HASH_KEY_BYTES]);
void table_free(struct table *t); /* NULL is fine */

/* The value under key, or NULL. Does not touch. */
void *table_find(const struct table *t, const void *key);
/* Likewise, of a caller who has a guess where it is: *place is looked at first, and is right from then on; 0 = no guess, and
 * afterwards: it is not there. Saves the hash of the key and the way through its bucket. */
void *table_find_at(const struct table *t, const void *key, uint32_t *place);
/* Places are counted from 1; an entry keeps its own until it is dropped. NULL: nobody is there. */
uint32_t table_place(const struct table *t, const void *value);
void *table_at(const struct table *t, uint32_t place);
/* Adds key (which must not be there: assert) with a zeroed value, touched at now_us. NULL = full:
 * the caller decides whom to drop. */
void *table_add(struct table *t, const void *key, uint64_t now_us);
/* The value under key, touched; zeroed if it was not there: the oldest entry gives way to it when the table is full,
 * which *evicted then tells (NULL is fine). Never NULL. */
void *table_take(struct table *t, const void *key, uint64_t now_us, bool *evicted);
/* Moves the entry to the young end. */
void table_touch(struct table *t, void *value, uint64_t now_us);
/* The entry touched longest ago and when (touched_us may be NULL), or NULL if empty. */
void *table_oldest(const struct table *t, uint64_t *touched_us);
void table_drop(struct table *t, void *value);

/* The next entry in the order of places, from *cursor on (0 = the first one), which is moved behind it; NULL at the
 * end. Between two calls anything may be added, touched or dropped: what has a place all the time is found once. */
void *table_scan(const struct table *t, uint32_t *cursor);

const void *table_key(const struct table *t, const void *value);
uint32_t table_count(const struct table *t);
uint32_t table_capacity(const struct table *t);

struct table_ref table_ref(const struct table *t, const void *value);
/* NULL when the entry has been dropped since, or ref is empty. */
void *table_get(const struct table *t, struct table_ref ref);

#endif
