/* window.h - how much there was within any so many seconds: sliding windows, exact, several over one log.
 *
 * A log is what one source did of one kind: times with amounts, or with things of which only different ones count. Its head is
 * the caller's, its entries are of a pool that all logs share, made once. A log that holds no more than the least limit needs nothing but itself; running
 * sums, and what is remembered of limits passed (struct window_state), come with the first one passed.
 *
 * Times may come late, by some seconds: an amount is put where it belongs, and each window that holds it is looked at. Of
 * different things the windows that end now are looked at alone. What seems to come later yet comes from a clock that was set
 * back: the whole log goes back with it.
 *
 * One log takes an eighth of the pool at most. Behind that it is thinned: neighbours become one, with the later time, so that
 * half of them is left. Then a window may count something for longer than it should, by a 2n-th of its length where the log
 * may have 4n entries, but never too little. Of different things the one seen longest ago goes. Both are counted.
 */
#ifndef WATCH_WINDOW_H
#define WATCH_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "policy/watching.h"

enum { WINDOW_LOG_SHARE = 8 };          /* of the entries of its pool a log has one in so many, at most */
enum { WINDOW_LATE_US = 10 * 1000000 }; /* so much behind the newest one is late, more is another clock */

/* Down to this a limit that was passed is no more: three quarters of it, and less than it in any case. */
static inline uint64_t window_calm(uint64_t most)
{
	return most - most / 4 - (most % 4 > 0);
}

struct window_pool;

struct window_state {
	uint32_t first[VOLUME_LIMITS_MAX]; /* the oldest entry within */
	uint64_t sum[VOLUME_LIMITS_MAX];   /* up to the newest entry */
	bool known;                        /* the two above are right */
	/* The caller's, zero at first: of each limit. */
	bool over[VOLUME_LIMITS_MAX];
	uint64_t since[VOLUME_LIMITS_MAX];
};

/* All zero: empty. It must not move as long as it is not. */
struct window_log {
	uint64_t total; /* of all entries */
	uint32_t oldest, youngest;
	uint32_t length : 31;
	uint32_t things : 1;
	uint32_t state;
};

/* entries 1..2^24. NULL with errno. */
struct window_pool *window_pool_new(uint32_t entries, const uint8_t hash_key[HASH_KEY_BYTES]);
void window_pool_free(struct window_pool *p); /* NULL is fine */

/* sums[i], of `count` limits: the most that a window of limits[i] with this time in it holds, if that is above its `most`, else
 * 0. Limits of one log that change are told by window_forget_sums(). False: no room, and nothing has changed. */
bool window_add(struct window_pool *p, struct window_log *log, const struct volume_limit *limits,
        unsigned count, uint64_t time_us, uint64_t amount, uint64_t *sums);
/* Likewise, of different things by their hash; *known has bit i if limits[i]'s window had this one already. Not in a log of
 * the other kind. */
bool window_see(struct window_pool *p, struct window_log *log, const struct volume_limit *limits,
        unsigned count, uint64_t time_us, uint64_t thing, uint64_t *sums, unsigned *known);
/* NULL: no limit was passed lately. Valid until the next call. */
struct window_state *window_state(const struct window_pool *p, const struct window_log *log);
void window_forget_sums(struct window_pool *p, struct window_log *log);
/* Empties a log in which nothing is younger than window_s. */
void window_expire(struct window_pool *p, struct window_log *log, uint32_t window_s, uint64_t now_us);
void window_drop(struct window_pool *p, struct window_log *log);
/* How often a log was thinned, or has lost a thing for want of room. */
uint64_t window_thinned(const struct window_pool *p);
/* Entries. */
static inline uint32_t window_length(const struct window_log *log)
{
	return log->length;
}

#endif
