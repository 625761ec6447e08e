/* share.h - what share of all that a subject does is of one kind, lately.
 *
 * Both counts fade with time, by half in one window, so the share is that of the last window or two; it is not exact, and
 * no limit hangs on it alone. A subject is known from its first hit on. Fixed memory; the one untouched for longest gives
 * way.
 */
#ifndef WATCH_SHARE_H
#define WATCH_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

struct share;

/* subjects: 1..2^22. NULL with errno. */
struct share *share_new(uint32_t subjects, const uint8_t hash_key[HASH_KEY_BYTES]);
void share_free(struct share *s); /* NULL is fine */
/* One more of subject's, a hit or not. Returns the share of hits, 0..1000; 0 = it is not known. */
uint32_t share_add(struct share *s, uint64_t subject, bool hit, uint32_t window_s, uint64_t now_us);
/* Nothing is known of the subject any more. */
void share_forget(struct share *s, uint64_t subject);

#endif
