/* follow.c - a policy again, with what the DNS now says of its upstreams.
 *
 * Whoever decides by a policy reads it without a lock, so it is not changed: a copy is made and put in its place.
 * What the DNS has no part in is shared (names and domains of servers: the bulk) or copied (addresses, titles).
 * Copies are made and freed by one thread.
 *
 * `fixed` holds what the configuration itself says of a followed group, so that a copy of a copy begins there.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/inner.h"

static void share_server(struct policy_server *s)
{
	if (s)
		s->users++;
}

/* ---- stand-ins ------------------------------------------------------------------------------- */

/* Anybody may be a member of an unresolved group. True if the set has one. */
static bool open_up(const struct policy *p, struct policy_groups *set)
{
	for (unsigned id = 0; id < p->group_count; id++)
		if (p->groups[id].followed && !p->groups[id].resolved && policy_groups_have(set, id)) {
			policy_groups_add(set, GROUP_ID_ANY);
			return true;
		}
	return false;
}

int policy_add_stand_ins(struct policy *p)
{
	unsigned rules = p->rule_count;

	for (unsigned i = 0; i < rules && p->settings.otherwise != DO_INSPECT; i++) {
		struct policy_rule r = p->rules[i];
		bool from = open_up(p, &r.from), to = open_up(p, &r.to);

		if (r.stand_in || (!from && !to) || (r.what != DO_INSPECT && r.what != DO_REFUSE_SESSION))
			continue;
		r.title = strdup(r.title);
		if (!r.title)
			return -ENOMEM;
		r.what = DO_INSPECT;
		r.stand_in = true;
		p->rules[p->rule_count++] = r;
	}
	return 0;
}

/* ---- copies ---------------------------------------------------------------------------------- */

static int copy_group(struct policy *p, const struct policy *from, unsigned id)
{
	struct policy_group *g = &p->groups[id];
	const struct policy_group *old = &from->groups[id];

	*g = (struct policy_group) {
		.kind = old->kind, .server = old->server, .followed = old->followed, .fixed_known = true
	};
	memcpy(g->name, old->name, sizeof(g->name));
	share_server(g->server);
	p->group_count = id + 1;
	if (g->followed && prefixes_add_all(&g->fixed, &old->fixed) < 0)
		return -ENOMEM;
	return prefixes_add_all(&p->members[id], g->followed ? &old->fixed : &from->members[id]);
}

static int copy_rules(struct policy *p, const struct policy *from)
{
	for (unsigned i = 0; i < from->rule_count; i++) {
		struct policy_rule *r = &p->rules[p->rule_count];

		if (from->rules[i].stand_in)
			continue;
		*r = from->rules[i];
		r->title = strdup(r->title);
		if (!r->title)
			return -ENOMEM;
		p->rule_count++;
	}
	return 0;
}

static int add_list(struct prefixes *to, const struct prefix *list, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = prefixes_add(to, &list[i]);
	return r;
}

static int apply(struct policy *p, const struct policy_followed *f)
{
	struct prefixes former = { 0 };
	struct policy_group *g;
	int r;

	assert(f->group >= 0 && (unsigned)f->group < p->group_count && p->groups[f->group].followed);
	g = &p->groups[f->group];
	g->resolved = f->resolved;
	r = add_list(&p->members[f->group], f->now, f->now_count);
	if (r == 0)
		r = add_list(&former, f->former, f->former_count);
	prefixes_merge(&p->members[f->group]);
	prefixes_merge(&former);
	if (r == 0)
		r = prefixes_subtract(&former, &p->members[f->group], &g->former);
	prefixes_fini(&former);
	return r;
}

/* Everything but the groups' addresses in ranges, which policy_seal() works out. */
static int copy(struct policy *p, const struct policy *from)
{
	int r = prefixes_add_all(&p->not_home, &from->not_home);

	p->settings = from->settings;
	p->watching = from->watching;
	p->suppressions = from->suppressions;
	for (unsigned id = 0; id < from->group_count && r == 0; id++)
		r = copy_group(p, from, id);
	return r == 0 ? copy_rules(p, from) : r;
}

struct policy *policy_follow(const struct policy *sealed, const struct policy_followed *list, unsigned count)
{
	struct policy *p = calloc(1, sizeof(*p));
	int r = p ? copy(p, sealed) : -ENOMEM;

	assert(sealed->sealed);
	for (unsigned i = 0; i < count && r == 0; i++)
		r = apply(p, &list[i]);
	if (r == 0)
		r = policy_seal(p);
	if (r == 0)
		return p;
	policy_free(p);
	errno = -r;
	return NULL;
}
