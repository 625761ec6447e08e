/* baseline.h - volume.spike (1025201): a source sends far more than it usually does. What is learned outlives the daemon.
 *
 * As a part it is baseline_part in part.h. `part` below is what its make() gave.
 */
#ifndef WATCH_BASELINE_H
#define WATCH_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "watch/usual.h"

struct baseline_row {
	struct prefix prefix;
	uint64_t last_us;
	uint8_t bytes[USUAL_KEPT_BYTES];
};

/* Looks at up to `most` sources from cursor on (0 at the beginning, and at the end of a round) for one whose history has
 * grown by an hour since it was last given. False: none among these. */
bool baseline_next_changed(void *part, uint32_t *cursor, unsigned *most, struct baseline_row *out);
/* All of them are given again. */
void baseline_change_all(void *part);
/* What another daemon has learned. A source that is there stays as it is. False: that, or it cannot be read. */
bool baseline_restore(void *part, const struct baseline_row *row);
/* Sources of which a history is kept, how many they can be, and how many had to leave. */
uint32_t baseline_count(const void *part);
uint32_t baseline_capacity(const void *part);
uint64_t baseline_evicted(const void *part);

#endif
