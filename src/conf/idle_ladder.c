/* idle_ladder.c - warnings: a ladder that nobody climbs, shared addresses that make no difference. */
#include "conf/build.h"
#include "postern/action.h"

#define WARN(b, at, ...) problems_add((b)->problems, PROBLEM_WARNING, at, __VA_ARGS__)

/* By the actions that a key is for. */
static void check_ladder(struct build *b, const struct block *block)
{
	static const struct {
		const char *key;
		enum action action; /* beside climb */
		const char *words;
	} uses[] = {
		{ "slow-for", ACTION_SLOW, "slow or climb" },
		{ "limit-for", ACTION_LIMIT, "limit or climb" },
		{ "block-for", ACTION_CLIMB, "climb" },
		{ "calm", ACTION_CLIMB, "climb" },
	};
	/* a block of a shared address is a limit, too */
	bool limits = watching_asks_for(&b->watching, ACTION_BLOCK),
	     climbs = watching_asks_for(&b->watching, ACTION_CLIMB);

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		const struct entry *e = check_find_entry(b, block, uses[i].key);

		if (e && !climbs && !watching_asks_for(&b->watching, uses[i].action) &&
		        !(limits && uses[i].action == ACTION_LIMIT))
			WARN(b, &e->at,
			        "ladder.%s has no effect: no volume block and no behaviour has action = %s; "
			        "write "
			        "that, or remove it",
			        uses[i].key, uses[i].words);
	}
}

static void check_shared(struct build *b, const struct entry *e)
{
	struct policy_groups spared = b->never_block;
	bool any = false;

	for (unsigned id = 0; id < policy_group_count(b->policy); id++) {
		struct policy_group_view g = policy_group(b->policy, id);

		if (g.kind == GROUP_UPSTREAM)
			policy_groups_add(&spared, id);
		if (policy_groups_have(&b->watching.shared, id))
			any = any || id == GROUP_ID_ANY || g.prefix_count > 0 || g.followed;
	}
	policy_groups_add(&spared, GROUP_ID_SERVERS);
	if (!any)
		WARN(b, &e->at, "shared names %s, which has no address and covers nothing; remove it",
		        e->text);
	else if (policy_covers(b->policy, &spared, &b->watching.shared))
		WARN(b, &e->at,
		        "shared has no effect: it names none but upstreams, servers and never-block, and "
		        "nothing "
		        "is done about them; remove it");
	else if (b->draft.relay_action != ACTION_BLOCK && b->draft.relay_tricks != ACTION_BLOCK &&
	         !watching_asks_for(&b->watching, ACTION_BLOCK) &&
	         !watching_asks_for(&b->watching, ACTION_CLIMB))
		WARN(b, &e->at,
		        "shared has no effect: no action is block or climb, so nobody is blocked; remove it, "
		        "or "
		        "choose such an action");
}

void check_idle_ladder(struct build *b)
{
	const struct entry *shared = NULL;

	for (size_t i = 0; i < b->parsed->block_count; i++)
		if (b->parsed->blocks[i].kind == BLOCK_LADDER)
			check_ladder(b, &b->parsed->blocks[i]);
	for (size_t i = 0; !shared && i < b->parsed->entry_count; i++)
		if (b->parsed->entries[i].key->set == watching_shared)
			shared = &b->parsed->entries[i];
	if (shared)
		check_shared(b, shared);
}
