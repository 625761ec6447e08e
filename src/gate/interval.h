/* interval.h - the contents of sets as nf_tables holds them: boundaries of intervals, not prefixes; or single keys. */
#ifndef GATE_INTERVAL_H
#define GATE_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/model.h"
#include "gate/shape.h"

/* From its first key to before its end. No padding: intervals are compared and sorted as bytes. */
struct interval {
	uint8_t has_first; /* 0: an end marker alone, in front of the first interval */
	uint8_t first[MODEL_KEY_BYTES_MAX];
	uint8_t has_end; /* 0: it reaches the end of the key space */
	uint8_t end[MODEL_KEY_BYTES_MAX];
};

struct intervals {
	struct interval *items; /* sorted as bytes */
	size_t count, room;
	uint8_t key_bytes;
	bool single; /* each is a key of its own: has_first, and no end */
	int error;   /* sticky, -errno */
};

/* Of a key in the kernel. */
uint8_t intervals_key_bytes(const struct model_key_info *key);
/* Call intervals_fini() in either case. */
void intervals_of_set(struct intervals *out, const struct model_set *set);
void intervals_of_shape(struct intervals *out, const struct shape *s, const char *set);
void intervals_fini(struct intervals *list);
/* What only one of them has. */
void intervals_compare(const struct intervals *have, const struct intervals *want, struct intervals *gone,
        struct intervals *more);

#endif
