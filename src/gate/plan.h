/* plan.h - what has to be sent to bring the kernel's table to the wanted one. */
#ifndef GATE_PLAN_H
#define GATE_PLAN_H

#include "gate/batch.h"
#include "gate/found.h"
#include "gate/model.h"
#include "gate/shape.h"

/* What becomes of a set. */
enum set_fate { SET_NEW, SET_SAME, SET_CHANGES /* some of its elements */ };

/* What stays in the kernel. */
struct kept {
	enum set_fate *sets;      /* by index of the wanted ones */
	bool chains[CHAIN_COUNT]; /* with their rules */
	const struct shape *kernel;
};

/* The batch that makes the whole table where nothing is; form: enum encode_form. Call batch_fini() in either case. 0 or
 * -errno. */
int plan_whole(struct batch *b, uint32_t seq, const struct ruleset *r, unsigned form);
/* What the table then is. Call shape_fini() in either case. 0 or -errno. */
int plan_shape(struct shape *s, const struct ruleset *r, unsigned form);
/* Which sets and rules the kernel has already; it is borrowed. Rules that look into a set that is made anew are not
 * among them. Call plan_forget() in either case. 0 or -errno. */
int plan_keep(struct kept *keep, const struct ruleset *r, unsigned form, const struct shape *kernel);
void plan_forget(struct kept *keep);
/* The batch from what was found to what is wanted; keep NULL: nothing of it stays. Call batch_fini() in either case. */
void plan_encode(struct batch *b, uint32_t seq, const struct ruleset *r, const struct found *f,
        const struct kept *keep, unsigned form);
/* What has to be there before the rules (flags, sets), for a batch that was begun. False: nothing; the table is not there,
 * and plan_encode() makes all at once, or has it all. */
bool plan_encode_before(struct batch *b, const struct ruleset *r, const struct found *f, unsigned form);
/* Sets that are left over from what was there before, and the messages that delete them, for a batch that was begun. */
bool plan_has_stale(const struct ruleset *r, const struct found *f);
void plan_encode_stale(struct batch *b, const struct ruleset *r, const struct found *f);

#endif
