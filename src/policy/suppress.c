/* suppress.c - see suppress.h. */
#include "policy/suppress.h"

static bool names_rule(const struct suppression *s, uint32_t id)
{
	for (unsigned i = 0; i < s->rule_count; i++)
		if (s->rules[i] == id)
			return true;
	return s->rule_count == 0;
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
		if (f->time_us < all->list[i].until_us && names_rule(&all->list[i], f->id) &&
		        policy_groups_meet(&all->list[i].source, &groups))
			return (int)i;
	return -1;
}
