/* mutes.h - of whom nothing is to be told for a time: a short list that people keep.
 *
 * A mute silences what is told. Findings go on being counted in their incidents, and what is done about them is done.
 * Where many sources are at one server or mailbox, it is the server's address that counts. It ends by the wall clock, and goes on over a restart. Nothing that is about the gate itself is ever muted.
 */
#ifndef WATCH_MUTES_H
#define WATCH_MUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "postern/finding.h"

enum { MUTES_MAX = 256 };

struct mute {
	struct prefix prefix; /* of sources, or servers that many are at */
	uint32_t rule;        /* enum finding_id; 0 = every one */
	uint64_t set_us, until_us;
	int64_t uid;                      /* who wanted it */
	char reason[INCIDENT_REASON_MAX]; /* terminated */
};

struct mutes {
	struct mute list[MUTES_MAX];
	unsigned count;
};

/* One of the same prefix and rule is replaced. False: no room. */
bool mutes_set(struct mutes *m, const struct mute *mute);
/* Those of this prefix: of one rule, or with rule 0 all of them. The first one is taken out, into *out; false = there is
 * none (any more). */
bool mutes_take(struct mutes *m, const struct prefix *prefix, uint32_t rule, struct mute *out);
/* The one of just this prefix and rule, or NULL. */
const struct mute *mutes_of_prefix(const struct mutes *m, const struct prefix *prefix, uint32_t rule);
/* One whose time is over is taken out, into *out; false = there is none. */
bool mutes_take_expired(struct mutes *m, uint64_t now_us, struct mute *out);
/* The one that says that this finding is not told at now_us, or NULL. */
const struct mute *mutes_find(const struct mutes *m, const struct finding *f, uint32_t rule, uint64_t now_us);

#endif
