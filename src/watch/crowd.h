/* crowd.h - findings about many sources of one network: snowshoe. */
#ifndef WATCH_CROWD_H
#define WATCH_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"

struct crowd;

/* So many sources of a /24 of IPv4 or a /48 of IPv6 within so long are one. */
enum { CROWD_SOURCES = 8, CROWD_WINDOW_S = 3600, CROWD_BITS_V4 = 96 + 24, CROWD_BITS_V6 = 48 };

/* networks: remembered, 1..2^22. NULL with errno. */
struct crowd *crowd_new(uint32_t networks, const uint8_t hash_key[HASH_KEY_BYTES]);
void crowd_free(struct crowd *c); /* NULL is fine */

enum crowd_place {
	CROWD_ALONE,  /* one of few, or of the first ones */
	CROWD_JOINED, /* with this source the network is a crowd, or is found to be one still */
	CROWD_WITHIN  /* one more */
};
/* Something was found about this source. *network: of which it is a part. */
enum crowd_place crowd_see(
        struct crowd *c, const struct prefix *source, uint64_t now_us, struct prefix *network);
/* Nothing was found about this source. */
void crowd_forget(struct crowd *c, const struct prefix *source);

#endif
