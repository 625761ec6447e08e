/* watching.c - see watching.h.
 *
 * The defaults are meant for people's own machines and ordinary mail servers; where a number comes from is said beside it.
 */
#include "policy/watching.h"

#include <string.h>

#include "postern/action.h"

void watching_default(struct watching *w)
{
	/* People's machines hand their mail to one server, so a few dozen mail hosts are many; a source of another kind
	 * has a block of its own, or is in `except`. */
	static const struct {
		struct volume_limit limit, other, third;
	} limits[BEHAVIOUR_COUNT] = {
		[BEHAVIOUR_FANOUT] = { { 20, 600 }, { 100, 86400 } },
		/* A list's address may hear from some dozens; a mail bomb sends hundreds of sign-ups in an hour. A server
		 * of thousands of people hears from some thousands an hour. */
		[BEHAVIOUR_TARGET] = { { 50, 600 }, { 5000, 600 } },
		/* A list that nobody has cleaned has a few dead members at one domain. */
		[BEHAVIOUR_HARVEST] = { { 20, 600 }, { 100, 86400 } },
		/* A newsletter's bounces come by dozens. */
		[BEHAVIOUR_BACKSCATTER] = { { 100, 3600 }, { 50, 3600 } },
		/* A program with an old password tries every few minutes; one person has a few such programs outside. */
		[BEHAVIOUR_AUTH] = { { 10, 600 }, { 10, 3600 }, { 10, 3600 } },
		/* One may be that host's own mistake; the same mail tried again, or the next one, makes two. */
		[BEHAVIOUR_REPUTATION] = { { 1, 3600 }, { 0, 0 } },
	};

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++)
		w->behaviours[i] = (struct behaviour_rule) {
			.on = true,
			.action = ACTION_ALERT,
			.limit = limits[i].limit,
			.other = limits[i].other,
			.third = limits[i].third,
			.block_for_s = 3600,
		};
	w->behaviours[BEHAVIOUR_HARVEST].share_permille = 250;
	w->behaviours[BEHAVIOUR_BACKSCATTER].share_permille =
	        200; /* of mail that people write, one in twenty comes back */
	/* Servers see one recipient in twenty refused, lists of strangers half of them and more. */
	w->rejects = (struct reject_test) {
		.honest_permille = 100, .bad_permille = 500, .false_alarm_ppm = 10, .miss_ppm = 10000
	};
	w->ladder = (struct ladder_rule) { .slow_for_s = 600,
		.limit_for_s = 3600,
		.block_for_s = 3600,
		.rate_per_min = 10,
		.calm_s = 3600 };
	w->sources = 65536;
	w->quiet_s = 600;
}

bool watching_means(const struct policy_groups *match, const struct policy_groups *groups)
{
	struct policy_groups named = *groups;

	if (policy_groups_have(groups, GROUP_ID_SERVERS) || policy_groups_have(groups, GROUP_ID_SELF))
		named.w[0] &= ~(UINT64_C(1) << GROUP_ID_ANY | UINT64_C(1) << GROUP_ID_HOME);
	return policy_groups_meet(match, &named);
}

bool watching_asks_for(const struct watching *w, enum action action)
{
	for (unsigned i = 0; i < w->volume_count; i++)
		if (w->volumes[i].action == action)
			return true;
	for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++)
		if (w->behaviours[i].on && w->behaviours[i].action == action)
			return true;
	return false;
}

int watching_find_volume(const struct watching *w, const struct policy_groups *groups, enum volume_key key)
{
	for (unsigned i = 0; i < w->volume_count; i++) {
		const struct volume_block *v = &w->volumes[i];

		if (v->key == key && watching_means(&v->match, groups) &&
		        !policy_groups_meet(&v->except, groups))
			return (int)i;
	}
	return -1;
}
