/* pace.h - when the next repair may be made, so that a war with another program stays bounded. Pure; times in
 * microseconds of any clock that does not run backwards. */
#ifndef GATE_PACE_H
#define GATE_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Begins as zeros. */
struct pace {
	uint64_t last_us, delay_us;
	unsigned count; /* of repairs, none of them PACE_QUIET_S behind the one before */
};

enum { PACE_AT_ONCE = 20, PACE_QUIET_S = 180, PACE_DELAY_MAX_S = 60 };

/* now_us, if it may be made at once. */
uint64_t pace_next(const struct pace *p, uint64_t now_us);
/* One was made, or tried. */
void pace_note(struct pace *p, uint64_t now_us);
/* Repairs are put off: there were too many of them. */
bool pace_is_war(const struct pace *p, uint64_t now_us);

#endif
