/* shield.c - whom no block may meet: upstreams, servers, what `never-block` names, loopback.
 *
 * A block of a prefix is one of all that lie in it, and one in a prefix of theirs is one of them; so overlapping is
 * what counts. What was an upstream's address a while ago counts, too: its open connections go on.
 *
 * The gateway's own addresses are nobody's group here; who follows them asks for them beside this.
 */
#include <assert.h>
#include <string.h>

#include "policy/inner.h"

static bool is_shielded(const struct policy *p, unsigned id)
{
	return p->groups[id].kind == GROUP_UPSTREAM || p->groups[id].kind == GROUP_SERVER ||
	       policy_groups_have(&p->settings.never_block, id);
}

static bool find_in(const struct prefixes *list, const struct prefix *prefix, struct policy_shield *out)
{
	const struct prefix *found = prefixes_find_overlap(list, prefix);

	if (found)
		out->prefix = *found;
	return found;
}

static bool find_in_group(
        const struct policy *p, unsigned id, const struct prefix *prefix, struct policy_shield *out)
{
	const struct policy_group *g = &p->groups[id];

	out->kind = g->kind;
	out->name = g->name;
	if (id == GROUP_ID_ANY) {
		out->prefix = *prefix;
		return true;
	}
	return find_in(&p->members[id], prefix, out) || find_in(&g->former, prefix, out) ||
	       (g->server && find_in(&g->server->public_side, prefix, out));
}

static bool find_loopback(const struct prefix *prefix, struct policy_shield *out)
{
	static const struct prefix loopback[] = {
		{ { { [10] = 0xff, [11] = 0xff, [12] = 127 } }, 104 },
		{ { { [15] = 1 } }, 128 },
	};

	for (unsigned i = 0; i < 2; i++)
		if (prefix_overlaps(&loopback[i], prefix)) {
			out->kind = GROUP_SELF;
			out->name = "loopback";
			out->prefix = loopback[i];
			return true;
		}
	return false;
}

bool policy_find_shield(const struct policy *p, const struct prefix *prefix, struct policy_shield *out)
{
	assert(p->sealed);
	for (unsigned id = 0; id < p->group_count; id++)
		if (is_shielded(p, id) && find_in_group(p, id, prefix, out))
			return true;
	return find_loopback(prefix, out);
}

bool policy_overlaps(const struct policy *p, const struct policy_groups *groups, const struct prefix *prefix)
{
	struct policy_shield any;

	assert(p->sealed);
	for (unsigned id = 0; id < p->group_count; id++)
		if (policy_groups_have(groups, id) && find_in_group(p, id, prefix, &any))
			return true;
	return false;
}

bool policy_is_shared(const struct policy *p, const struct prefix *source)
{
	return policy_overlaps(p, &p->watching.shared, source);
}

enum action policy_action_about(const struct policy *p, const struct prefix *source, enum action wanted)
{
	return wanted == ACTION_BLOCK && policy_is_shared(p, source) ? ACTION_REFUSE_SESSION : wanted;
}
