/* ladder.h - how far each source has climbed: slow, then limit, then block, and down again. */
#ifndef WATCH_LADDER_H
#define WATCH_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "policy/watching.h"
#include "postern/action.h"

struct ladder;

/* sources: remembered, 1..2^22. NULL with errno. */
struct ladder *ladder_new(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES]);
void ladder_free(struct ladder *l); /* NULL is fine */
/* A finding about this source, whose rule measures over window_s (0: at once): the rung that it is on now, slow, limit or block,
 * top at most. */
enum action ladder_climb(struct ladder *l, const struct ladder_rule *rule, const struct prefix *source,
        enum action top, uint32_t window_s, uint64_t now_us);
/* It was on this rung, slow, limit or block, from since_us to until_us, which may lie ahead: it goes on from there. */
void ladder_restore(struct ladder *l, const struct prefix *source, enum action rung, uint64_t since_us,
        uint64_t until_us);
/* It begins anew; true if it was on a rung. */
bool ladder_forget(struct ladder *l, const struct prefix *source);
bool ladder_knows(const struct ladder *l, const struct prefix *source);
void ladder_forget_all(struct ladder *l);
/* How long a rung lasts. */
uint32_t ladder_time_s(const struct ladder_rule *rule, enum action rung);
/* Those that had to be forgotten for others. */
uint64_t ladder_evicted(const struct ladder *l);

#endif
