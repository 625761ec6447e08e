/* policy.c - building a policy, sealing it, and reading it back.
 *
 * Groups only collect until policy_seal(), which works out everything that depends on the whole:
 * `home` loses what not-home names, `servers` gathers its members, every list is merged, and the
 * address space is cut into ranges. Nothing is worked out twice and no order of calls matters.
 *
 * Limits: POLICY_GROUPS_MAX groups (a set of them is four words) and POLICY_RULES_MAX rules; more
 * is an error the configuration reports. Prefixes and domains are bounded by memory alone.
 */
#include "policy/policy.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/inner.h"

static_assert(POLICY_GROUPS_MAX % 64 == 0, "a set of groups is made of whole words");

/* ---- sets of groups ------------------------------------------------------------------------------ */

void policy_groups_add(struct policy_groups *s, unsigned id)
{
	assert(id < POLICY_GROUPS_MAX);
	s->w[id / 64] |= (uint64_t)1 << (id % 64);
}

bool policy_groups_have(const struct policy_groups *s, unsigned id)
{
	assert(id < POLICY_GROUPS_MAX);
	return s->w[id / 64] >> (id % 64) & 1;
}

bool policy_groups_meet(const struct policy_groups *a, const struct policy_groups *b)
{
	unsigned i;

	for (i = 0; i < POLICY_GROUPS_MAX / 64; i++)
		if (a->w[i] & b->w[i])
			return true;
	return false;
}

/* ---- building ------------------------------------------------------------------------------------ */

/* `any`: both families whole. */
static int add_everything(struct prefixes *list)
{
	static const struct prefix families[] = {
		{ { { [10] = 0xff, [11] = 0xff } }, 96 },
		{ { { 0 } }, 0 },
	};
	int rc = prefixes_add(list, &families[0]);

	return rc ? rc : prefixes_add(list, &families[1]);
}

struct policy *policy_new(void)
{
	static const struct policy_group fixed[] = {
		[GROUP_ID_ANY] = { GROUP_ANY, "any", NULL },
		[GROUP_ID_HOME] = { GROUP_HOME, "home", NULL },
		[GROUP_ID_SERVERS] = { GROUP_SERVERS, "servers", NULL },
		[GROUP_ID_SELF] = { GROUP_SELF, "self", NULL },
	};
	static_assert(sizeof(fixed) / sizeof(fixed[0]) == GROUP_ID_FIRST_FREE, "a name for each fixed id");
	struct policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->settings = (struct policy_settings) { .mode = MODE_MONITOR,
		.otherwise = DO_REFUSE,
		.relay_action = ACTION_ALERT,
		.tricks_action = ACTION_ALERT,
		.smuggling_action = ACTION_ALERT,
		.max_refusals = 3,
		.slow_hold_ms = 8000,
		.slow_session_ms = 60000,
		.slow_packets = 256,
		.ports = { 25 },
		.port_count = 1 };
	watching_default(&p->watching);
	memcpy(p->groups, fixed, sizeof(fixed));
	p->group_count = GROUP_ID_FIRST_FREE;
	if (add_everything(&p->members[GROUP_ID_ANY]) < 0) {
		policy_free(p);
		errno = ENOMEM;
		return NULL;
	}
	return p;
}

void policy_free_server(struct policy_server *s)
{
	if (!s || --s->users > 0)
		return;
	prefixes_fini(&s->public_side);
	prefixes_fini(&s->may_relay);
	names_fini(&s->hosts);
	names_fini(&s->domains);
	free(s);
}

void policy_free(struct policy *p)
{
	unsigned i;

	if (!p)
		return;
	for (i = 0; i < p->group_count; i++) {
		policy_free_server(p->groups[i].server);
		prefixes_fini(&p->groups[i].fixed);
		prefixes_fini(&p->groups[i].former);
		prefixes_fini(&p->members[i]);
	}
	for (i = 0; i < p->rule_count; i++)
		free(p->rules[i].title);
	prefixes_fini(&p->not_home);
	ranges_fini(&p->ranges[false]);
	ranges_fini(&p->ranges[true]);
	free(p);
}

void policy_set(struct policy *p, const struct policy_settings *s)
{
	assert(s->mode < MODE_COUNT && s->otherwise < DO_COUNT);
	assert(s->relay_action < ACTION_RELAY_COUNT && s->tricks_action < ACTION_RELAY_COUNT);
	assert(s->smuggling_action == ACTION_ALERT || s->smuggling_action == ACTION_RESET);
	assert(s->port_count <= POLICY_PORTS_MAX);
	p->settings = *s;
}

void policy_set_watching(struct policy *p, const struct watching *w)
{
	p->watching = *w;
}

void policy_set_suppressions(struct policy *p, const struct suppressions *s)
{
	p->suppressions = *s;
}

/* With the one name every server has. */
static struct policy_server *new_server(void)
{
	struct policy_server *s = calloc(1, sizeof(*s));

	if (s)
		s->users = 1;
	if (s && names_add(&s->hosts, "localhost") < 0) {
		policy_free_server(s);
		return NULL;
	}
	return s;
}

int policy_add_group(struct policy *p, enum policy_group_kind kind, const char *name)
{
	int old = policy_group_find(p, name);
	struct policy_group *g;

	assert(!p->sealed);
	assert(kind >= GROUP_UPSTREAM && kind <= GROUP_LITERAL);
	if (old >= 0)
		return kind == GROUP_LITERAL && p->groups[old].kind == GROUP_LITERAL ? old : -EEXIST;
	if (strlen(name) >= POLICY_NAME_MAX)
		return -ENAMETOOLONG;
	if (p->group_count == POLICY_GROUPS_MAX)
		return -ENOSPC;
	g = &p->groups[p->group_count];
	if (kind == GROUP_SERVER) {
		g->server = new_server();
		if (!g->server)
			return -ENOMEM;
	}
	g->kind = kind;
	memcpy(g->name, name, strlen(name) + 1);
	return (int)p->group_count++;
}

/* Bits behind the prefix would break sorting and merging: whoever parsed it has masked them. */
static int collect(struct policy *p, struct prefixes *list, const struct prefix *prefix)
{
	struct addr masked = addr_mask(&prefix->addr, prefix->bits);

	assert(!p->sealed);
	assert(addr_compare(&masked, &prefix->addr) == 0);
	return prefixes_add(list, prefix);
}

int policy_add_prefix(struct policy *p, int group, const struct prefix *prefix)
{
	if (group < 0 || (unsigned)group >= p->group_count)
		return -ENOENT;
	if (group == GROUP_ID_ANY || group == GROUP_ID_SERVERS || group == GROUP_ID_SELF)
		return -ENOENT;
	return collect(p, &p->members[group], prefix);
}

int policy_exclude_home(struct policy *p, const struct prefix *prefix)
{
	return collect(p, &p->not_home, prefix);
}

/* NULL if this is no servers group. */
static struct policy_server *server_of(struct policy *p, int group)
{
	assert(!p->sealed);
	return group >= 0 && (unsigned)group < p->group_count ? p->groups[group].server : NULL;
}

int policy_server_add_public(struct policy *p, int group, const struct prefix *prefix)
{
	struct policy_server *s = server_of(p, group);

	return s ? collect(p, &s->public_side, prefix) : -ENOENT;
}

int policy_server_add_may_relay(struct policy *p, int group, const struct prefix *prefix)
{
	struct policy_server *s = server_of(p, group);

	return s ? collect(p, &s->may_relay, prefix) : -ENOENT;
}

int policy_server_add_name(struct policy *p, int group, const char *name)
{
	struct policy_server *s = server_of(p, group);

	return s ? names_add(&s->hosts, name) : -ENOENT;
}

int policy_server_add_domain(struct policy *p, int group, const char *domain)
{
	struct policy_server *s = server_of(p, group);

	return s ? names_add(&s->domains, domain) : -ENOENT;
}

int policy_set_followed(struct policy *p, int group)
{
	assert(!p->sealed);
	if (group < 0 || (unsigned)group >= p->group_count || p->groups[group].kind != GROUP_UPSTREAM)
		return -ENOENT;
	p->groups[group].followed = true;
	return 0;
}

int policy_add_rule(struct policy *p, const char *title, const struct policy_groups *from,
        const struct policy_groups *to, enum policy_do what)
{
	struct policy_rule *r;

	assert(!p->sealed);
	assert(what < DO_COUNT);
	if (p->rule_count == POLICY_RULES_MAX)
		return -ENOSPC;
	r = &p->rules[p->rule_count];
	r->title = strdup(title);
	if (!r->title)
		return -ENOMEM;
	r->from = *from;
	r->to = *to;
	r->what = what;
	return (int)p->rule_count++;
}

/* ---- sealing ------------------------------------------------------------------------------------- */

static int remove_not_home(struct policy *p)
{
	struct prefixes *home = &p->members[GROUP_ID_HOME], rest = { 0 };

	prefixes_merge(&p->not_home);
	if (prefixes_subtract(home, &p->not_home, &rest) < 0) {
		prefixes_fini(&rest);
		return -ENOMEM;
	}
	prefixes_fini(home);
	*home = rest;
	return 0;
}

static void seal_server(struct policy_server *s)
{
	prefixes_merge(&s->public_side);
	prefixes_merge(&s->may_relay);
	names_seal(&s->hosts);
	names_seal(&s->domains);
}

/* What belongs to one kind of group: its place in the policy's masks, its part of `servers`. */
static int seal_group(struct policy *p, unsigned id)
{
	const struct policy_group *g = &p->groups[id];

	if (g->kind == GROUP_UPSTREAM)
		policy_groups_add(&p->upstreams, id);
	if (g->followed && !g->fixed_known && prefixes_add_all(&p->groups[id].fixed, &p->members[id]) < 0)
		return -ENOMEM;
	p->groups[id].fixed_known = true;
	if (g->kind != GROUP_SERVER)
		return 0;
	policy_groups_add(&p->server_kind, id);
	if (g->server->users == 1) /* else others read it */
		seal_server(g->server);
	return prefixes_add_all(&p->members[GROUP_ID_SERVERS], &p->members[id]);
}

int policy_seal(struct policy *p)
{
	unsigned id;
	int rc;

	assert(!p->sealed);
	rc = remove_not_home(p);
	for (id = 0; id < p->group_count && rc == 0; id++)
		rc = seal_group(p, id);
	if (rc == 0)
		rc = policy_add_stand_ins(p);
	if (rc < 0)
		return rc;
	for (id = 0; id < p->group_count; id++)
		prefixes_merge(&p->members[id]);
	ranges_fini(&p->ranges[false]); /* of a seal that found no memory before */
	rc = ranges_build(&p->ranges[false], p->members, p->group_count, false);
	if (rc == 0)
		rc = ranges_build(&p->ranges[true], p->members, p->group_count, true);
	p->sealed = rc == 0;
	return rc;
}

/* ---- reading ------------------------------------------------------------------------------------- */

const struct policy_settings *policy_settings(const struct policy *p)
{
	return &p->settings;
}

const struct watching *policy_watching(const struct policy *p)
{
	return &p->watching;
}

const struct suppressions *policy_suppressions(const struct policy *p)
{
	return &p->suppressions;
}

unsigned policy_group_count(const struct policy *p)
{
	return p->group_count;
}

struct policy_group_view policy_group(const struct policy *p, unsigned id)
{
	const struct policy_group *g;

	assert(id < p->group_count);
	g = &p->groups[id];
	return (struct policy_group_view) {
		.kind = g->kind,
		.name = g->name,
		.prefixes = p->members[id].at,
		.prefix_count = p->members[id].count,
		.domain_count = g->server ? g->server->domains.count : 0,
		.followed = g->followed,
		.resolved = g->resolved,
		.former = g->former.at,
		.former_count = g->former.count,
	};
}

int policy_group_find(const struct policy *p, const char *name)
{
	unsigned id;

	for (id = 0; id < p->group_count; id++)
		if (strcmp(p->groups[id].name, name) == 0)
			return (int)id;
	return -ENOENT;
}

unsigned policy_rule_count(const struct policy *p)
{
	return p->rule_count;
}

struct policy_rule_view policy_rule(const struct policy *p, unsigned index)
{
	const struct policy_rule *r;

	assert(index < p->rule_count);
	r = &p->rules[index];
	return (struct policy_rule_view) { r->title, r->from, r->to, r->what, r->stand_in };
}
