/* watching.c - see watching.h.
 *
 * The defaults are meant for people's own machines and ordinary mail servers; where a number comes from is said beside it.
 */
#include "policy/watching.h"

#include <string.h>

#include "postern/action.h"

void watching_default(struct watching *w)
{
	static const struct volume_limit limits[BEHAVIOUR_COUNT] = {
		[BEHAVIOUR_FANOUT] = { 30, 600 },
		[BEHAVIOUR_TARGET] = { 100, 600 },
		[BEHAVIOUR_HARVEST] = { 20, 600 },
		[BEHAVIOUR_BACKSCATTER] = { 100, 3600 },
		[BEHAVIOUR_AUTH] = { 10, 600 },
		[BEHAVIOUR_REPUTATION] = { 1, 3600 },
	};

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++)
		w->behaviours[i] = (struct behaviour_rule) {
			.on = true,
			.action = ACTION_ALERT,
			.limit = limits[i],
			.block_for_s = 3600,
		};
	w->rejects = (struct reject_test) {
		.honest_permille = 100, .bad_permille = 500, .false_alarm_ppm = 10, .miss_ppm = 10000
	};
	w->ladder = (struct ladder_rule) { .slow_for_s = 600,
		.limit_for_s = 3600,
		.block_for_s = 3600,
		.rate_per_min = 10,
		.calm_s = 3600 };
	w->sources = 65536;
}

int watching_find_volume(const struct watching *w, const struct policy_groups *groups, enum volume_key key)
{
	for (unsigned i = 0; i < w->volume_count; i++) {
		const struct volume_block *v = &w->volumes[i];

		if (v->key == key && policy_groups_meet(&v->match, groups) &&
		        !policy_groups_meet(&v->except, groups))
			return (int)i;
	}
	return -1;
}
