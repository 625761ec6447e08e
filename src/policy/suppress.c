/* suppress.c - see suppress.h. */
#include "policy/suppress.h"

static bool names_rule(const struct suppression *s, uint32_t id)
{
	for (unsigned i = 0; i < s->rule_count; i++)
		if (s->rules[i] == id)
			return true;
	return s->rule_count == 0;
}

bool suppress_means(const struct suppression *s, const struct policy_groups *groups, uint64_t now_us)
{
	return now_us < s->until_us && policy_groups_meet(&s->source, groups);
}

int suppress_find(const struct policy *p, const struct finding *f)
{
	const struct suppressions *all = policy_suppressions(p);
	struct policy_groups groups;

	if (all->count == 0 || !finding_has_connection(f->id) || f->alone)
		return -1;
	groups = policy_lookup(p, finding_whose(f));
	if (f->conn.self == (f->at_target ? SELF_SERVER : SELF_CLIENT))
		policy_groups_add(&groups, GROUP_ID_SELF);
	for (unsigned i = 0; i < all->count; i++)
		if (names_rule(&all->list[i], f->id) && suppress_means(&all->list[i], &groups, f->time_us))
			return (int)i;
	return -1;
}
