/* ruleset_pairs.c - rules of the configuration to sets and rules of the kernel: for each pair of groups, in each family, one in
 * each direction.
 *
 * `self` is told by what a packet lacks: one that the gateway has made came in nowhere, one that is for
 * it goes out nowhere. That is true at the output and the input hook and never at forward, needs no
 * address and so follows them by itself.
 *
 * A group that is followed through the DNS has sets from the start, empty or not, so that what the DNS says changes
 * elements only; and two more, of former members: what lies in them matches without SYN alone, so open
 * connections go on and none begins.
 *
 * Limits. A rule with f groups on one side and t on the other becomes f * t * 2 kernel rules in each direction; MODEL_RULES_MAX
 * bounds the sum (E2BIG).
 *
 * Rejected: for `self`, a set of our addresses (somebody has to keep it current, and rules are wrong
 * until then) and `fib daddr type local` (a route lookup for each packet and rule, a module more; both
 * say the same at these hooks); one set of address pairs per rule (a concatenation of two intervals: groups could not be
 * changed on their own).
 */
#include <stdio.h>
#include <string.h>

#include "gate/ruleset_inner.h"

const enum model_field pairs_fields[FAMILY_COUNT][DIRECTIONS] = {
	[FAMILY_V4] = { FIELD_IP_SADDR, FIELD_IP_DADDR },
	[FAMILY_V6] = { FIELD_IP6_SADDR, FIELD_IP6_DADDR },
};
const enum model_chain_id pairs_chains[DIRECTIONS] = { CHAIN_TOSERVER, CHAIN_TOCLIENT };

/* ---- sets of groups -------------------------------------------------------------------------- */

/* A free set name that nft can read, from what a person called the group. */
static void name_set(const struct ruleset *r, const struct policy_group_view *group, enum model_family family,
        enum standing standing, char out[MODEL_NAME_MAX])
{
	static const char *const all_suffixes[STANDINGS][FAMILY_COUNT] = {
		[STANDING_NOW] = { "_v4", "_v6" },
		[STANDING_FORMER] = { "_former_v4", "_former_v6" },
	};
	const char *const *suffixes = all_suffixes[standing];
	char base[POLICY_NAME_MAX + 8];
	size_t n = 0;

	if (group->kind == GROUP_LITERAL)
		n = strlen(strcpy(base, "net_"));
	else if (!((group->name[0] | 0x20) >= 'a' && (group->name[0] | 0x20) <= 'z'))
		n = strlen(strcpy(base, "g_"));
	for (const char *c = group->name; *c && n < sizeof(base) - 1; c++) {
		bool letter = (*c | 0x20) >= 'a' && (*c | 0x20) <= 'z';
		bool digit = *c >= '0' && *c <= '9';

		base[n++] = letter || digit ? *c : '_';
	}
	base[n] = '\0';
	snprintf(out, MODEL_NAME_MAX, "%s%s", base, suffixes[family]);
	for (unsigned i = 2; model_has_set(r, out); i++)
		snprintf(out, MODEL_NAME_MAX, "%s_%u%s", base, i, suffixes[family]);
}

static int make_set(struct build *b, const struct policy_group_view *view, enum model_family family,
        enum standing standing)
{
	static const enum model_key keys[FAMILY_COUNT] = { KEY_IPV4, KEY_IPV6 };
	char name[MODEL_NAME_MAX];

	name_set(b->r, view, family, standing, name);
	return (int)model_add_set(b->r, keys[family], name);
}

int pairs_set(struct build *b, unsigned group, enum model_family family, enum standing standing)
{
	int *set = &b->sets[group][family][standing];
	struct policy_group_view view;
	const struct prefix *prefixes;
	size_t count;

	if (*set != SET_UNKNOWN)
		return *set;
	view = policy_group(b->policy, group);
	prefixes = standing == STANDING_NOW ? view.prefixes : view.former;
	count = standing == STANDING_NOW ? view.prefix_count : view.former_count;
	*set = view.followed ? make_set(b, &view, family, standing) : SET_NONE;
	for (size_t i = 0; i < count; i++) {
		const struct prefix *prefix = &prefixes[i];

		if (prefix_is_v4(prefix) != (family == FAMILY_V4))
			continue;
		if (*set == SET_NONE)
			*set = make_set(b, &view, family, standing);
		model_add_element(b->r, (unsigned)*set, &(const union model_element) { .range = *prefix });
	}
	return *set;
}

/* ---- rules ----------------------------------------------------------- */

static bool has_addresses(unsigned group)
{
	return group != GROUP_ID_ANY && group != GROUP_ID_SELF;
}

/* One pair of groups in one family, or, where neither has addresses, in both (FAMILY_COUNT): a rule in
 * each direction, for members of these standings. False if it cannot match. */
static bool add_standing(struct build *b, enum model_family family, const unsigned groups[2],
        const enum standing standings[2], enum model_chain_id to, const char *comment)
{
	bool open_only = standings[0] == STANDING_FORMER || standings[1] == STANDING_FORMER;
	int sets[2] = { SET_NONE, SET_NONE };

	if (groups[0] == GROUP_ID_SELF && groups[1] == GROUP_ID_SELF)
		return false; /* loopback, which is exempt */
	for (unsigned side = 0; side < 2; side++) {
		if (!has_addresses(groups[side]))
			continue;
		sets[side] = pairs_set(b, groups[side], family, standings[side]);
		if (sets[side] == SET_NONE)
			return false;
	}
	for (unsigned direction = 0; direction < DIRECTIONS; direction++) {
		const unsigned at[2] = { direction,
			!direction }; /* which of the two is source, destination */
		struct model_statement s[MODEL_STATEMENTS_MAX];
		unsigned n = 0;

		for (unsigned side = 0; side < 2; side++)
			if (groups[at[side]] == GROUP_ID_SELF)
				s[n++] = model_interface(side == 1, MODEL_NO_INTERFACE);
		if (family != FAMILY_COUNT)
			s[n++] = model_is(family);
		for (unsigned side = 0; side < 2; side++)
			if (sets[at[side]] != SET_NONE)
				s[n++] = model_field_in(pairs_fields[family][side], (unsigned)sets[at[side]]);
		if (open_only) {
			s[n++] = model_tcp();
			s[n++] = model_flags(MODEL_FLAG_SYN, 0);
		}
		s[n++] = model_goto(to);
		model_add_rule(b->r, pairs_chains[direction], comment, s, n);
	}
	return true;
}

static bool add_pair(struct build *b, enum model_family family, const unsigned groups[2],
        enum model_chain_id to, const char *comment)
{
	bool any = false;

	for (unsigned i = 0; i < (unsigned)(STANDINGS * STANDINGS); i++) {
		const enum standing standings[2] = { i % STANDINGS, i / STANDINGS };
		bool exists = to == CHAIN_INSPECT || i == 0;

		for (unsigned side = 0; side < 2; side++)
			exists &= standings[side] == STANDING_NOW ||
			          policy_group(b->policy, groups[side]).followed;
		if (exists)
			any |= add_standing(b, family, groups, standings, to, comment);
	}
	return any;
}

static void note_empty(struct build *b, const char *comment, const unsigned groups[2])
{
	char note[3 * POLICY_NAME_MAX + 64];

	snprintf(note, sizeof(note), "%s: no addresses in common for %s -> %s, left out", comment,
	        policy_group(b->policy, groups[0]).name, policy_group(b->policy, groups[1]).name);
	for (unsigned direction = 0; direction < DIRECTIONS; direction++)
		model_add_rule(b->r, pairs_chains[direction], note, NULL, 0);
}

/* The next member behind `after` (-1 to start); `any` swallows the others. -1 at the end. */
static int next_group(const struct build *b, const struct policy_groups *groups, int after)
{
	if (policy_groups_have(groups, GROUP_ID_ANY))
		return after < 0 ? GROUP_ID_ANY : -1;
	for (unsigned id = (unsigned)(after + 1); id < policy_group_count(b->policy); id++)
		if (policy_groups_have(groups, id))
			return (int)id;
	return -1;
}

void pairs_add_rule(struct build *b, const struct policy_rule_view *rule, enum model_chain_id to)
{
	char comment[POLICY_NAME_MAX + 8];

	snprintf(comment, sizeof(comment), "rule %s", rule->title);
	for (int from = -1; (from = next_group(b, &rule->from, from)) >= 0;) {
		for (int server = -1; (server = next_group(b, &rule->to, server)) >= 0;) {
			const unsigned groups[2] = { (unsigned)from, (unsigned)server };
			bool any = false;

			if (!has_addresses(groups[0]) && !has_addresses(groups[1]))
				any = add_pair(b, FAMILY_COUNT, groups, to, comment);
			else
				for (enum model_family f = FAMILY_V4; f < FAMILY_COUNT; f++)
					any |= add_pair(b, f, groups, to, comment);
			if (!any)
				note_empty(b, comment, groups);
		}
	}
}

void pairs_add_rest(struct build *b, enum model_chain_id to, const char *comment)
{
	static const unsigned everyone[2] = { GROUP_ID_ANY, GROUP_ID_ANY };

	add_pair(b, FAMILY_COUNT, everyone, to, comment);
}
