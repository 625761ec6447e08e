/* idle.c - warnings about what is written and has no effect: none of it is an error, all of it was meant
 * to do something.
 *
 * Told only where it is certain: of a rule that is never reached when one earlier rule alone takes all of
 * its connections (several together are not worked out), of a client that may relay when no rule names
 * both ends, of any order. Nothing is told beside errors: what is idle then may wait for what they hide.
 *
 * Rejected: asking the sealed policy for each pair of ranges. It would find rules that several others
 * cover, at a cost that grows with the square of the lists.
 */
#include "conf/build.h"

static bool has_any_of(const struct policy_group_view *g, const struct prefix *p)
{
	size_t i;

	for (i = 0; i < g->prefix_count; i++)
		if (prefix_overlaps(&g->prefixes[i], p))
			return true;
	return false;
}

bool idle_may_match(const struct policy *policy, const struct policy_groups *set, const struct prefix *p)
{
	struct policy_groups first = policy_lookup(policy, &p->addr);
	unsigned id;

	if (policy_groups_have(set, GROUP_ID_SELF) || policy_groups_meet(set, &first))
		return true;
	for (id = 0; id < policy_group_count(policy); id++) {
		struct policy_group_view g = policy_group(policy, id);

		if (policy_groups_have(set, id) && (g.followed || has_any_of(&g, p)))
			return true;
	}
	return false;
}

/* ---- rules ------------------------------------------------------------------------------------- */

/* The block of the policy's rule number `index`, no stand-in: they were added in this order. */
static const struct block *block_of_rule(const struct build *b, unsigned index)
{
	const struct block *block = b->parsed->blocks;

	for (;; block++)
		if (block->kind == BLOCK_RULE && index-- == 0)
			return block;
}

/* True if there was something to tell. */
static bool tell_empty_group(struct build *b, const struct block *rule, int group, const char *fix)
{
	struct policy_group_view g = policy_group(b->policy, (unsigned)group);

	if (g.prefix_count > 0 || !(policy_groups_have(&rule->from, (unsigned)group) ||
	                                  policy_groups_have(&rule->to, (unsigned)group)))
		return false;
	problems_add(b->problems, PROBLEM_WARNING, &rule->at,
	        "rule \"%s\" names %s, which has no address and matches nothing; %s", rule->title, g.name,
	        fix);
	return true;
}

static void check_is_reached(struct build *b, unsigned index)
{
	struct policy_rule_view rule = policy_rule(b->policy, index), earlier;
	const struct block *block = block_of_rule(b, index), *other;
	unsigned i;

	for (i = 0; i < index; i++) {
		earlier = policy_rule(b->policy, i);
		if (!policy_covers(b->policy, &earlier.from, &rule.from) ||
		        !policy_covers(b->policy, &earlier.to, &rule.to))
			continue;
		other = block_of_rule(b, i);
		problems_add(b->problems, PROBLEM_WARNING, &block->at,
		        "rule \"%s\" is never reached: rule \"%s\" (%s:%u) takes all of its connections "
		        "before; move it up or remove it",
		        rule.title, earlier.title, other->at.file, other->at.line);
		return;
	}
}

static void check_rules(struct build *b)
{
	const struct block *block;
	bool empty;
	unsigned i;

	for (i = 0; i < policy_rule_count(b->policy) && !policy_rule(b->policy, i).stand_in; i++) {
		block = block_of_rule(b, i);
		empty = tell_empty_group(b, block, GROUP_ID_HOME, "write home = { ... }");
		empty |= tell_empty_group(b, block, GROUP_ID_SERVERS, "add a servers block");
		if (!empty)
			check_is_reached(b, i);
	}
}

/* ---- addresses --------------------------------------------------------------------------------- */

static bool may_reach(const struct policy *policy, const struct prefix *client, int server)
{
	struct policy_group_view s = policy_group(policy, (unsigned)server);
	size_t n;
	unsigned i;

	for (i = 0; i < policy_rule_count(policy); i++) {
		struct policy_rule_view rule = policy_rule(policy, i);

		if (rule.stand_in || rule.what != DO_INSPECT || !idle_may_match(policy, &rule.from, client))
			continue;
		for (n = 0; n < s.prefix_count; n++)
			if (idle_may_match(policy, &rule.to, &s.prefixes[n]))
				return true;
	}
	return false;
}

/* Without any rule, all connections are the same, and that is told elsewhere. */
static void check_may_relay(struct build *b, const struct entry *e, const struct prefix *client)
{
	const struct block *servers = &b->parsed->blocks[e->block];
	char text[PREFIX_TEXT_MAX];

	if (b->draft.otherwise == DO_INSPECT || policy_rule_count(b->policy) == 0 ||
	        may_reach(b->policy, client, servers->group))
		return;
	problems_add(b->problems, PROBLEM_WARNING, &e->at,
	        "%s may relay through servers \"%s\", but no rule lets it reach them; add a rule that does",
	        prefix_print(client, text), servers->title);
}

static void check_not_home(struct build *b, const struct entry *e, const struct prefix *excluded)
{
	const struct key *home = key_find(BLOCK_ROOT, "home");
	char text[PREFIX_TEXT_MAX];
	struct prefix prefix;
	size_t i;

	for (i = 0; i < b->parsed->entry_count; i++)
		if (b->parsed->entries[i].key == home &&
		        prefix_parse(b->parsed->entries[i].text, &prefix) == 0 &&
		        prefix_overlaps(&prefix, excluded))
			return;
	problems_add(b->problems, PROBLEM_WARNING, &e->at,
	        "not-home: %s lies outside of home and takes nothing out of it; remove it",
	        prefix_print(excluded, text));
}

static void check_addresses(struct build *b)
{
	const struct key *may_relay = key_find(BLOCK_SERVERS, "may-relay");
	const struct key *not_home = key_find(BLOCK_ROOT, "not-home");
	struct prefix prefix;
	size_t i;

	for (i = 0; i < b->parsed->entry_count; i++) {
		const struct entry *e = &b->parsed->entries[i];

		if ((e->key != may_relay && e->key != not_home) || prefix_parse(e->text, &prefix) != 0)
			continue;
		if (e->key == may_relay)
			check_may_relay(b, e, &prefix);
		else
			check_not_home(b, e, &prefix);
	}
}

/* Hashes that can't be compared over a restart are of little use, and nothing else says so before. */
static void check_privacy(struct build *b)
{
	if ((b->draft.privacy_local_parts || b->draft.privacy_alerts) && !*b->draft.store_path)
		problems_add(b->problems, PROBLEM_WARNING, &parse_block(b->parsed, BLOCK_PRIVACY)->at,
		        "without a store, privacy.key is kept only in a folder that the service manager "
		        "names (STATE_DIRECTORY); a posternd without one hashes differently in each run; "
		        "name "
		        "a store (store.path)");
}

void check_idle(struct build *b)
{
	if (b->problems->of_kind[PROBLEM_ERROR] > 0)
		return;
	check_rules(b);
	check_addresses(b);
	check_idle_watching(b);
	check_idle_ladder(b);
	check_privacy(b);
}
