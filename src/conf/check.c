/* check.c - checks between blocks: each value is fine, and together they still make no sense. */
#include <errno.h>
#include <string.h>

#include "conf/build.h"
#include "conf/conf.h"

const struct entry *check_find_entry(const struct build *b, const struct block *block, const char *key)
{
	const struct key *k = key_find(block->kind, key);
	size_t i;

	for (i = b->parsed->entry_count; i-- > 0;)
		if (b->parsed->entries[i].key == k &&
		        &b->parsed->blocks[b->parsed->entries[i].block] == block)
			return &b->parsed->entries[i];
	return NULL;
}

static void check_has_addresses(struct build *b, const struct block *block)
{
	const char *kind = block_infos[block->kind].name;

	if (block->address_count > 0 || block->name_count > 0 || block->list_failed ||
	        parse_has_unknown(b->parsed, block))
		return;
	if (block->kind == BLOCK_NETWORK && check_find_entry(b, block, "file"))
		problems_add(b->problems, PROBLEM_WARNING, &block->at,
		        "%s \"%s\" has no address: its file is empty, and rules that name it match nothing",
		        kind, block->title);
	else
		build_error(b, &block->at, "%s \"%s\" has no address; add addresses = { ... }%s", kind,
		        block->title,
		        block->kind == BLOCK_NETWORK ? " or file = \"...\""
		        : block->kind == BLOCK_UPSTREAM
		                ? ", mx-of = { ... }, hosts = { ... } or spf-of = { ... }"
		                : "");
}

/* Where every recipient is foreign, refusing foreign recipients refuses all mail. */
static void check_can_refuse(struct build *b, const struct block *block)
{
	const char *key = b->draft.relay_action != ACTION_ALERT ? "action" : "tricks";
	bool refuses = action_refuses((enum action)b->draft.relay_action) ||
	               action_refuses((enum action)b->draft.relay_tricks);

	if (b->draft.relay_action == ACTION_ALERT && b->draft.relay_tricks == ACTION_ALERT)
		return;
	if (block->domain_count == 0 && !parse_has_unknown(b->parsed, block))
		build_error(b, &block->at,
		        "servers \"%s\" lists no domain, but relay.%s %s mail for domains that are not "
		        "listed; add "
		        "domains = { ... } or set relay.%s = alert",
		        block->title, key, refuses ? "refuses" : "slows", key);
}

static void add_rule(struct build *b, const struct block *block)
{
	if (block->from_count == 0 || block->to_count == 0) {
		if (parse_has_unknown(b->parsed, block))
			return;
		build_error(b, &block->at, "rule \"%s\" has no %s; add %s = { ... } (any matches everything)",
		        block->title, block->from_count ? "to" : "from", block->from_count ? "to" : "from");
		return;
	}
	if (policy_add_rule(b->policy, block->title, &block->from, &block->to, (enum policy_do)block->what) ==
	        -ENOSPC)
		build_error(b, &block->at, "more than %d rules; put several groups into one rule",
		        POLICY_RULES_MAX);
}

/* Only the input and output hooks see the gateway's own connections. */
static void check_sees_self(struct build *b, const struct block *rule)
{
	const int64_t own = 1 << CONF_HOOK_INPUT | 1 << CONF_HOOK_OUTPUT;

	if ((b->draft.nft_hooks & own) != own && (policy_groups_have(&rule->from, GROUP_ID_SELF) ||
	                                                 policy_groups_have(&rule->to, GROUP_ID_SELF)))
		problems_add(b->problems, PROBLEM_WARNING, &rule->at,
		        "rule \"%s\" names self, but nft.hooks leaves out input or output: connections of "
		        "the gateway itself pass there without any rule",
		        rule->title);
}

/* Each worker has a queue. */
static void check_queues(struct build *b)
{
	const struct block *queue = parse_block(b->parsed, BLOCK_QUEUE);
	const struct entry *number = check_find_entry(b, queue, "number");
	int64_t most = b->draft.queue_workers ? b->draft.queue_workers : CONF_WORKERS_MAX;

	if (b->draft.queue_number + most - 1 > UINT16_MAX)
		build_error(b, number ? &number->at : &queue->at,
		        "queue.number = \"%lld\" leaves no numbers for %lld workers; write at most %lld",
		        (long long)b->draft.queue_number, (long long)most,
		        (long long)(UINT16_MAX + 1 - most));
}

static void check_unread(struct build *b)
{
	const struct block *data = parse_block(b->parsed, BLOCK_DATA);
	const struct entry *watch = check_find_entry(b, data, "watch");

	if (b->draft.data_watch == WATCH_ALL && b->trusted_at)
		problems_add(b->problems, PROBLEM_WARNING, &b->trusted_at->at,
		        "data.trusted has no effect: data.watch = all reads everybody's bodies");
	else if (b->draft.data_watch != WATCH_ALL && !b->trusted_at)
		problems_add(b->problems, PROBLEM_WARNING, &watch->at,
		        "data.watch = %s has no effect: data.trusted names nobody, so all bodies are read",
		        watch->text);
	else if (b->draft.data_watch != WATCH_ALL)
		problems_add(b->problems, PROBLEM_WARNING, &watch->at,
		        "data.watch = %s leaves bodies of trusted clients unread: commands hidden behind one "
		        "reach the server, foreign recipients among them, and are noticed by its answers, "
		        "too "
		        "late to refuse them%s",
		        watch->text,
		        b->draft.data_watch == WATCH_NONE
		                ? "; Message-IDs and leaking headers are not seen either"
		                : "");
}

/* What a bridge forwards comes by the forward hook. */
static void check_bridge(struct build *b)
{
	const struct block *nft = parse_block(b->parsed, BLOCK_NFT);
	const struct entry *bridge = check_find_entry(b, nft, "bridge");

	if (b->draft.nft_bridge && !(b->draft.nft_hooks & 1 << CONF_HOOK_FORWARD))
		build_error(b, bridge ? &bridge->at : &nft->at,
		        "nft.bridge needs the hook forward, which nft.hooks leaves out; add it");
}

static void check_lets_anything(struct build *b)
{
	const struct block *root = parse_block(b->parsed, BLOCK_ROOT);
	const struct entry *mode = check_find_entry(b, root, "mode");

	if (b->draft.mode == MODE_ENFORCE && b->draft.otherwise != DO_INSPECT &&
	        policy_rule_count(b->policy) == 0)
		problems_add(b->problems, PROBLEM_WARNING, mode ? &mode->at : &root->at,
		        "mode is enforce and there is no rule: every connection to the ports is refused; add "
		        "rules, or "
		        "otherwise = inspect");
}

void check_blocks(struct build *b)
{
	const struct block *block = b->parsed->blocks, *end = block + b->parsed->block_count;

	for (; block < end; block++)
		switch (block->kind) {
		case BLOCK_SERVERS:
			check_can_refuse(b, block);
			check_has_addresses(b, block);
			break;
		case BLOCK_UPSTREAM:
		case BLOCK_NETWORK:
			check_has_addresses(b, block);
			break;
		case BLOCK_RULE:
			add_rule(b, block);
			check_sees_self(b, block);
			break;
		case BLOCK_SUPPRESS:
			check_suppress(b, block);
			break;
		case BLOCK_ROOT:
		case BLOCK_RELAY:
		case BLOCK_SMUGGLING:
		case BLOCK_SLOW:
		case BLOCK_VOLUME: /* watching_make() */
		case BLOCK_REJECTS:
		case BLOCK_FANOUT:
		case BLOCK_TARGET:
		case BLOCK_HARVEST:
		case BLOCK_BACKSCATTER:
		case BLOCK_AUTH_GUESS:
		case BLOCK_REPUTATION:
		case BLOCK_WATCH:
		case BLOCK_LADDER:
		case BLOCK_DATA:
		case BLOCK_BLOCK:
		case BLOCK_QUEUE:
		case BLOCK_NFT:
		case BLOCK_DNS:
		case BLOCK_DNSBL:
		case BLOCK_LOG:
		case BLOCK_PRIVACY:
		case BLOCK_STORE:
		case BLOCK_CONTROL:
		case BLOCK_KINDS:
			break;
		}
	check_queues(b);
	check_bridge(b);
	check_lets_anything(b);
	check_unread(b);
}

/* ---- addresses in two places --------------------------------------------------------------------- */

static void check_one_server(struct build *b, const struct claim *claim)
{
	const struct block *blocks = b->parsed->blocks;
	const struct claim *other;
	char text[PREFIX_TEXT_MAX];

	for (other = b->claims; other < claim; other++)
		if (blocks[other->block].kind == BLOCK_SERVERS && other->block != claim->block &&
		        prefix_overlaps(&other->prefix, &claim->prefix)) {
			build_error(b, &claim->at,
			        "%s is also in servers \"%s\" (%s:%u); an address can belong to one servers "
			        "block only",
			        prefix_print(&claim->prefix, text), blocks[other->block].title,
			        other->at.file, other->at.line);
			return;
		}
}

static void check_upstream_away(struct build *b, const struct claim *claim)
{
	struct policy_group_view home = policy_group(b->policy, GROUP_ID_HOME);
	char text[PREFIX_TEXT_MAX];
	size_t i;

	for (i = 0; i < home.prefix_count; i++)
		if (prefix_overlaps(&home.prefixes[i], &claim->prefix)) {
			problems_add(b->problems, PROBLEM_WARNING, &claim->at,
			        "%s of an upstream lies in home, so it may relay through our servers; if "
			        "that is not "
			        "wanted, list it in not-home",
			        prefix_print(&claim->prefix, text));
			return;
		}
}

void check_between(struct build *b)
{
	const struct claim *claim;
	size_t i;

	for (i = 0; i < b->claim_count; i++) {
		claim = &b->claims[i];
		if (b->parsed->blocks[claim->block].kind == BLOCK_SERVERS)
			check_one_server(b, claim);
		else
			check_upstream_away(b, claim);
	}
}
