/* ruleset.c - which chains, sets and rules a policy needs.
 *
 *   forward, input, output (priority P)       lo leaves; ports -> toserver | toclient
 *     toserver, toclient       our bits leave the packet mark; bypassed ports pass; blocked clients -> blocked;
 *                              connection to be reset -> cut; limited clients; rules in order; otherwise
 *       from_blocked, to_blocked -> blocked   both directions of a blocked client's connections are cut
 *       from_limited -> limited               new connections of a limited client, those too many
 *       inspect                bare ACKs leave; the rest is marked "queued" and goes to the queue,
 *                              with several workers to worker_0, worker_1, ... by symhash
 *       refuse, discard        rate-limited log in a rule of its own, then the refusal
 *       would                  monitor mode in their place: log the first packet, then inspect
 *   ..._mark (P + 1)           lo leaves; ports -> settle
 *     settle                   counts what the verdict left in the packet mark, and clears it
 *       skim, seal             verdict "path body", "path sealed": remembered in the ct mark
 *       sever -> cut           verdict "reset": remembered in the ct mark, answered with a reset
 *
 * toclient is toserver with the sides swapped, so that both directions of a pair meet the same rule:
 * replies of inspected pairs are queued too, and open connections of pairs that are refused now are
 * cut. Direction is taken from the port, never from conntrack, which forgets it. Only packets towards
 * the server are logged, so the source of a logged packet is always the client.
 *
 * What the rules of the configuration become is in ruleset_pairs.c; here is what stands around them.
 *
 * A worker is chosen by a hash over addresses and ports that is the same in both directions; the
 * queue's own balancing takes the addresses only, and would give all of one pair to one worker.
 *
 * A block is about an address as a client. To a server it is the source of packets, and their destination in what the
 * server answers; the same address as a server is met by neither. Between two guarded ports both directions count as "to
 * the server": there alone conntrack has to tell which one it is.
 *
 * Who is limited keeps the connections that he has; each SYN of his takes a token out of the bucket of his element
 * (blocked.h), and is refused where none is left. So the flags are asked first, and the lookup is the last match of its rule.
 * A SYN that is sent again counts again; that happens where nobody answers.
 *
 * What settle reads in the packet mark has to be a verdict's. Others fill the mark before us, many with all of the ct mark
 * (CONNMARK --restore-mark, for lines out), which would make each packet of a body one that seals its connection.
 *
 * Limits. A connection from a guarded port to a guarded port counts as "to the server" both ways, so
 * its replies meet the rules for the opposite pair.
 *
 * The ct mark test stands in every ruleset, also for its side effect: it makes the kernel track
 * connections and so reassemble fragments before our hook. Without it, fragments would pass unseen.
 *
 * Rejected: `queue num symhash mod N offset M` (the xt target cannot), and `add @set ... reject` for refused sources (stops
 * refusing when it is full).
 */
#include "gate/ruleset_inner.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "gate/bypass.h"
#include "postern/verdict.h"

enum { LOG_PER_S = 200, LOG_BURST = 200, LOG_SNAPLEN = 128 };

/* Header lengths that TCP and IPv4 can have, in words of 4 bytes. */
enum { WORDS_MIN = 5, WORDS_MAX = 15 };

/* Base chains, one pair per hook. */
static const struct hook {
	const char *name;
	uint32_t number;
	enum model_chain_id first, later;
	bool sees_loopback, outward;
} hooks[RULESET_HOOK_COUNT] = {
	[RULESET_FORWARD] = { "forward", NF_INET_FORWARD, CHAIN_FORWARD, CHAIN_FORWARD_MARK, false, false },
	[RULESET_INPUT] = { "input", NF_INET_LOCAL_IN, CHAIN_INPUT, CHAIN_INPUT_MARK, true, false },
	[RULESET_OUTPUT] = { "output", NF_INET_LOCAL_OUT, CHAIN_OUTPUT, CHAIN_OUTPUT_MARK, true, true },
};

/* Which way a packet goes is told by the guarded port. */
static const enum model_field direction_ports[DIRECTIONS] = { FIELD_TCP_DPORT, FIELD_TCP_SPORT };

/* What the kernel is told to do, by mode and by what the rule says. A session is refused by whoever reads it. */
static const enum model_chain_id chain_for[MODE_COUNT][DO_COUNT] = {
	[MODE_MONITOR] = { [DO_INSPECT] = CHAIN_INSPECT,
	        [DO_REFUSE] = CHAIN_WOULD,
	        [DO_DROP] = CHAIN_WOULD,
	        [DO_REFUSE_SESSION] = CHAIN_INSPECT },
	[MODE_ENFORCE] = { [DO_INSPECT] = CHAIN_INSPECT,
	        [DO_REFUSE] = CHAIN_REFUSE,
	        [DO_DROP] = CHAIN_DISCARD,
	        [DO_REFUSE_SESSION] = CHAIN_INSPECT },
};

/* A packet that begins a connection: these flags, of which only SYN is set. */
enum { HANDSHAKE = MODEL_FLAG_FIN | MODEL_FLAG_SYN | MODEL_FLAG_RST | MODEL_FLAG_ACK };

/* ---- sets of all ---------------------------------------------------------------------------- */

static void add_ports(struct build *b)
{
	const struct policy_settings *settings = policy_settings(b->policy);

	b->ports = model_add_roomy_set(b->r, KEY_PORT, "ports", POLICY_PORTS_MAX);
	for (unsigned i = 0; i < settings->port_count; i++)
		model_add_element(
		        b->r, b->ports, &(const union model_element) { .parts = { settings->ports[i] } });
}

/* Lengths of packets that are headers only, for every length the headers can have. */
static unsigned add_bare_acks(struct ruleset *r, enum model_family family)
{
	unsigned set = family == FAMILY_V4 ? model_add_set(r, KEY_BARE_ACK_V4, "bare_acks_v4")
	                                   : model_add_set(r, KEY_BARE_ACK_V6, "bare_acks_v6");

	for (uint16_t tcp = WORDS_MIN; tcp <= (uint16_t)WORDS_MAX; tcp++) {
		if (family == FAMILY_V6)
			model_add_element(r, set,
			        &(const union model_element) { .parts = { tcp, (uint16_t)(4 * tcp) } });
		for (uint16_t ip = WORDS_MIN; family == FAMILY_V4 && ip <= (uint16_t)WORDS_MAX; ip++)
			model_add_element(r, set,
			        &(const union model_element) {
			                .parts = { ip, tcp, (uint16_t)(4 * (ip + tcp)) } });
	}
	return set;
}

static void add_block_sets(struct build *b)
{
	for (enum blocked_set i = 0; i < BLOCKED_SETS; i++) {
		const struct blocked_set_info *set = &blocked_sets[i];

		b->blocks[i] = (set->limits ? model_add_limited_set : model_add_timed_set)(
		        b->r, set->key, set->name, blocked_places(i, b->s->blocks));
	}
}

/* ---- the fixed part ----------------------------------------------------------------------- */

static bool has_hook(const struct build *b, enum ruleset_hook hook)
{
	return b->s->hooks >> hook & 1;
}

/* Takes our bits out of the packet mark. */
static struct model_statement clear_mark(const struct build *b)
{
	return model_mark_set(MARK_OF_PACKET, ~b->s->mark_mask, 0);
}

/* The resets that the kernel answers refused packets with leave through the output hook, too, in the
 * name of whoever was to get the packet. There they would meet the rule that has made them (refusing a
 * reset sends none), or look like packets of our own. They belong to the refused packet's connection
 * as something related to it; the resets of a mail server on the gateway do not. */
static void let_resets_leave(struct build *b, enum model_chain_id chain)
{
	MODEL_RULE(b->r, chain, NULL, model_state(MODEL_RELATED), model_tcp(),
	        model_flags(MODEL_FLAG_RST, MODEL_FLAG_RST), clear_mark(b), model_end(STATEMENT_ACCEPT));
}

static void add_base_chains(struct build *b)
{
	struct ruleset *r = b->r;

	for (unsigned i = 0; i < RULESET_HOOK_COUNT; i++) {
		const struct hook *h = &hooks[i];

		if (!has_hook(b, i))
			continue;
		model_hook_chain(r, h->first, h->name, h->number, b->s->priority);
		model_hook_chain(r, h->later, h->name, h->number, b->s->priority + 1);
		if (h->sees_loopback) {
			struct model_statement loopback = model_interface(h->outward, MODEL_LOOPBACK);

			MODEL_RULE(r, h->first, NULL, loopback, model_end(STATEMENT_ACCEPT));
			MODEL_RULE(r, h->later, NULL, loopback, model_end(STATEMENT_ACCEPT));
		}
		if (h->outward)
			let_resets_leave(b, h->first);
		for (unsigned direction = 0; direction < DIRECTIONS; direction++) {
			struct model_statement guarded = model_field_in(direction_ports[direction], b->ports);

			MODEL_RULE(
			        r, h->first, NULL, model_tcp(), guarded, model_goto(pairs_chains[direction]));
			MODEL_RULE(r, h->later, NULL, model_tcp(), guarded, model_goto(CHAIN_SETTLE));
		}
	}
}

/* Packets of the clients of a set, or to them, go to a chain. */
static void add_lookup(struct build *b, enum model_chain_id chain, enum direction direction,
        enum blocked_set set, enum model_chain_id to)
{
	enum model_family family = blocked_sets[set].family;

	MODEL_RULE(b->r, chain, NULL, model_is(family),
	        model_field_in(pairs_fields[family][direction], b->blocks[set]), model_goto(to));
}

static void add_limited(struct build *b)
{
	for (enum blocked_set i = 0; i < BLOCKED_SETS; i++)
		if (blocked_sets[i].limits)
			add_lookup(b, CHAIN_FROM_LIMITED, TOSERVER, i, CHAIN_LIMITED);
	MODEL_RULE(b->r, CHAIN_LIMITED, NULL, model_tcp(), model_field_in(FIELD_TCP_DPORT, b->ports),
	        model_limit(LOG_PER_S, LOG_BURST), model_log(b->s->log_group, LOG_SNAPLEN, "postern-limit "));
	MODEL_RULE(b->r, CHAIN_LIMITED, NULL, model_tcp(), model_count(MODEL_COUNTER_LIMITED),
	        model_end(STATEMENT_REJECT));
}

/* Before everything that lets packets pass but the operator's own bypass. The log is of clients alone, as that of
 * refused tries. */
static void add_blocked(struct build *b)
{
	static const enum model_chain_id chains[DIRECTIONS] = { CHAIN_FROM_BLOCKED, CHAIN_TO_BLOCKED };
	struct model_statement from_guarded = model_field_in(FIELD_TCP_SPORT, b->ports);
	struct ruleset *r = b->r;

	MODEL_RULE(r, CHAIN_FROM_BLOCKED, NULL, model_tcp(), from_guarded, model_reply(),
	        model_goto(CHAIN_TO_BLOCKED));
	for (unsigned direction = 0; direction < DIRECTIONS; direction++)
		for (enum blocked_set i = 0; i < BLOCKED_SETS; i++)
			if (!blocked_sets[i].limits)
				add_lookup(b, chains[direction], direction, i, CHAIN_BLOCKED);
	MODEL_RULE(r, CHAIN_BLOCKED, NULL, model_tcp(), model_field_in(FIELD_TCP_DPORT, b->ports),
	        model_limit(LOG_PER_S, LOG_BURST), model_log(b->s->log_group, LOG_SNAPLEN, "postern-block "));
	MODEL_RULE(r, CHAIN_BLOCKED, NULL, model_tcp(), model_count(MODEL_COUNTER_BLOCKED),
	        model_end(STATEMENT_REJECT));
}

/* What must not reach the queue: a receiver that does not believe conntrack drops it by itself. MPTCP spreads
 * one stream over several pairs of addresses; without its option in the SYN both ends use plain TCP. In
 * monitor mode packets stay what they are. */
static void add_strictness(struct build *b)
{
	if (policy_settings(b->policy)->mode == MODE_MONITOR)
		return;
	if (b->s->drop_invalid)
		MODEL_RULE(b->r, CHAIN_INSPECT, NULL, model_state(MODEL_INVALID), model_end(STATEMENT_DROP));
	MODEL_RULE(b->r, CHAIN_INSPECT, NULL, model_tcp(), model_flags(MODEL_FLAG_SYN, MODEL_FLAG_SYN),
	        model_strip_mptcp());
}

enum { NOT_PLAIN = MODEL_FLAG_FIN | MODEL_FLAG_SYN | MODEL_FLAG_RST | MODEL_FLAG_URG };

/* What the client sends while its connection is on the path "body", if it is in this group. */
static void add_body_path(struct build *b, unsigned group, enum model_family family)
{
	struct model_statement s[MODEL_STATEMENTS_MAX] = { model_tcp(), model_flags(NOT_PLAIN, 0),
		model_mark_has(MARK_OF_CONNECTION, b->bulk), model_field_in(FIELD_TCP_DPORT, b->ports) };
	unsigned n = 4;
	int set;

	if (group == GROUP_ID_SELF) {
		s[n++] = model_interface(false, MODEL_NO_INTERFACE);
	} else {
		set = pairs_set(b, group, family, STANDING_NOW);
		if (set == SET_NONE)
			return;
		s[n++] = model_is(family);
		s[n++] = model_field_in(pairs_fields[family][0], (unsigned)set);
	}
	s[n++] = model_count(MODEL_COUNTER_BODIES);
	s[n++] = model_end(STATEMENT_ACCEPT);
	model_add_rule(b->r, CHAIN_INSPECT, NULL, s, n);
}

static void add_fast_path(struct build *b)
{
	const struct policy_settings *settings = policy_settings(b->policy);

	MODEL_RULE(b->r, CHAIN_INSPECT, NULL, model_tcp(), model_flags(NOT_PLAIN, 0),
	        model_mark_has(MARK_OF_CONNECTION, b->sealed), model_count(MODEL_COUNTER_SEALED),
	        model_end(STATEMENT_ACCEPT));
	for (unsigned id = 0; settings->watch != WATCH_ALL && id < policy_group_count(b->policy); id++) {
		if (!policy_groups_have(&settings->trusted, id))
			continue;
		add_body_path(b, id, FAMILY_V4);
		if (id != GROUP_ID_SELF)
			add_body_path(b, id, FAMILY_V6);
	}
}

static void add_inspect(struct build *b)
{
	unsigned sets[FAMILY_COUNT];
	struct ruleset *r = b->r;

	for (enum model_family family = FAMILY_V4; family < FAMILY_COUNT; family++)
		sets[family] = add_bare_acks(r, family); /* their names are taken before any group's */
	add_strictness(b);
	add_fast_path(b);
	for (enum model_family family = FAMILY_V4; family < FAMILY_COUNT; family++)
		MODEL_RULE(r, CHAIN_INSPECT, NULL, model_tcp(), model_flags(NOT_PLAIN, 0), model_is(family),
		        model_key_in(r, sets[family]), model_count(MODEL_COUNTER_BARE_ACKS),
		        model_end(STATEMENT_ACCEPT));
	MODEL_RULE(r, CHAIN_INSPECT, NULL, model_mark_set(MARK_OF_PACKET, ~b->s->mark_mask, b->queued),
	        model_count(MODEL_COUNTER_QUEUED),
	        b->s->queues > 1 ? model_spread(CHAIN_WORKER, (uint8_t)b->s->queues)
	                         : model_queue(b->s->queue, b->s->bypass));
	for (uint16_t i = 0; b->s->queues > 1 && i < b->s->queues; i++)
		MODEL_RULE(r, (enum model_chain_id)(CHAIN_WORKER + i), NULL,
		        model_queue((uint16_t)(b->s->queue + i), b->s->bypass));
}

static void add_refusals(struct build *b)
{
	struct model_statement to_server = model_field_in(FIELD_TCP_DPORT, b->ports);
	struct model_statement limit = model_limit(LOG_PER_S, LOG_BURST);
	uint16_t group = b->s->log_group;
	struct ruleset *r = b->r;

	if (policy_settings(b->policy)->mode == MODE_MONITOR) {
		MODEL_RULE(r, CHAIN_WOULD, NULL, model_tcp(), to_server,
		        model_flags(HANDSHAKE, MODEL_FLAG_SYN), limit,
		        model_log(group, LOG_SNAPLEN, "postern-would "));
		MODEL_RULE(r, CHAIN_WOULD, NULL, model_goto(CHAIN_INSPECT));
		return;
	}
	MODEL_RULE(r, CHAIN_REFUSE, NULL, model_tcp(), to_server, limit,
	        model_log(group, LOG_SNAPLEN, "postern-refuse "));
	MODEL_RULE(r, CHAIN_REFUSE, NULL, model_tcp(), model_count(MODEL_COUNTER_REFUSED),
	        model_end(STATEMENT_REJECT));
	MODEL_RULE(r, CHAIN_DISCARD, NULL, model_tcp(), to_server, limit,
	        model_log(group, LOG_SNAPLEN, "postern-drop "));
	MODEL_RULE(r, CHAIN_DISCARD, NULL, model_count(MODEL_COUNTER_REFUSED), model_end(STATEMENT_DROP));
}

/* What the verdict says of the connection's path goes into the ct mark; without such a word it is the queue's. */
static void add_paths(struct build *b)
{
	const uint32_t both = b->bulk | b->sealed;
	struct model_statement clear = clear_mark(b);
	struct model_statement fast = model_mark_has(MARK_OF_PACKET, b->bulk);
	struct ruleset *r = b->r;

	MODEL_RULE(r, CHAIN_SETTLE, NULL, fast, model_mark_has(MARK_OF_PACKET, b->inspected),
	        model_goto(CHAIN_SKIM));
	MODEL_RULE(r, CHAIN_SETTLE, NULL, fast, model_goto(CHAIN_SEAL));
	MODEL_RULE(r, CHAIN_SETTLE, NULL, model_mark_has(MARK_OF_PACKET, b->queued | b->inspected),
	        model_mark_has(MARK_OF_CONNECTION, both), model_mark_set(MARK_OF_CONNECTION, ~both, 0));
	MODEL_RULE(r, CHAIN_SKIM, NULL, model_mark_set(MARK_OF_CONNECTION, ~both, b->bulk));
	MODEL_RULE(r, CHAIN_SKIM, NULL, clear);
	MODEL_RULE(r, CHAIN_SEAL, NULL, model_mark_set(MARK_OF_CONNECTION, UINT32_MAX, both));
	MODEL_RULE(r, CHAIN_SEAL, NULL, clear);
}

static void add_settle(struct build *b)
{
	struct ruleset *r = b->r;
	struct model_statement clear = clear_mark(b);

	MODEL_RULE(r, CHAIN_SETTLE, NULL, model_mark_has(MARK_OF_PACKET, b->queued),
	        model_count(MODEL_COUNTER_BLIND));
	MODEL_RULE(r, CHAIN_SETTLE, NULL, model_mark_has(MARK_OF_PACKET, b->inspected | b->bulk),
	        model_count(MODEL_COUNTER_INSPECTED));
	MODEL_RULE(r, CHAIN_SETTLE, NULL, model_mark_has(MARK_OF_PACKET, b->reset), model_goto(CHAIN_SEVER));
	add_paths(b);
	MODEL_RULE(r, CHAIN_SETTLE, NULL, clear);
	MODEL_RULE(r, CHAIN_SEVER, NULL, model_mark_set(MARK_OF_CONNECTION, UINT32_MAX, b->reset));
	MODEL_RULE(r, CHAIN_SEVER, NULL, clear);
	MODEL_RULE(r, CHAIN_SEVER, NULL, model_goto(CHAIN_CUT));
	MODEL_RULE(r, CHAIN_CUT, NULL, model_tcp(), model_count(MODEL_COUNTER_RESET),
	        model_end(STATEMENT_REJECT));
}

static void build_all(struct build *b)
{
	static const enum model_chain_id blocks[DIRECTIONS] = { CHAIN_FROM_BLOCKED, CHAIN_TO_BLOCKED };
	const struct policy_settings *settings = policy_settings(b->policy);

	add_ports(b);
	b->bypass = model_add_timed_set(b->r, KEY_PORT, BYPASS_SET, POLICY_PORTS_MAX);
	add_block_sets(b);
	add_inspect(b); /* the names of all these sets are taken before any group's */
	for (unsigned direction = 0; direction < DIRECTIONS; direction++) {
		MODEL_RULE(b->r, pairs_chains[direction], NULL,
		        model_mark_has(MARK_OF_PACKET, b->s->mark_mask), clear_mark(b));
		MODEL_RULE(b->r, pairs_chains[direction], NULL, model_tcp(),
		        model_field_in(direction_ports[direction], b->bypass),
		        model_count(MODEL_COUNTER_BYPASSED), model_end(STATEMENT_ACCEPT));
		MODEL_RULE(b->r, pairs_chains[direction], NULL, model_jump(blocks[direction]));
		MODEL_RULE(b->r, pairs_chains[direction], NULL, model_mark_has(MARK_OF_CONNECTION, b->reset),
		        model_goto(CHAIN_CUT));
	}
	MODEL_RULE(b->r, CHAIN_TOSERVER, NULL, model_tcp(), model_flags(HANDSHAKE, MODEL_FLAG_SYN),
	        model_jump(CHAIN_FROM_LIMITED));
	for (unsigned i = 0; i < policy_rule_count(b->policy) && !b->r->error; i++) {
		struct policy_rule_view rule = policy_rule(b->policy, i);

		pairs_add_rule(b, &rule, chain_for[settings->mode][rule.what]);
	}
	pairs_add_rest(b, chain_for[settings->mode][settings->otherwise], "otherwise");
	add_blocked(b);
	add_limited(b);
	add_refusals(b);
	add_settle(b);
	add_base_chains(b);
}

/* An nft identifier, so that the printed text can be loaded. */
static bool is_identifier(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	return s && *s && strchr(letters, *s) && s[strspn(s, rest)] == '\0' && strlen(s) < MODEL_NAME_MAX;
}

static bool settings_fit(const struct policy *policy, const struct ruleset_settings *s)
{
	uint32_t mask = s->mark_mask;

	return is_identifier(s->table) && s->priority < INT32_MAX && mask != 0 &&
	       (mask >> __builtin_ctz(mask) & MARK_MASK) == MARK_MASK && s->queues > 0 &&
	       s->queues <= RULESET_QUEUES_MAX && s->hooks != 0 && s->hooks >> RULESET_HOOK_COUNT == 0 &&
	       s->blocks > 0 && s->blocks <= RULESET_BLOCKS_MAX && s->queue + s->queues - 1 <= UINT16_MAX &&
	       policy_settings(policy)->port_count > 0;
}

struct ruleset *ruleset_build(const struct policy *policy, const struct ruleset_settings *s)
{
	struct build b = { .policy = policy, .s = s };
	unsigned shift;
	int error;

	if (!settings_fit(policy, s)) {
		errno = EINVAL;
		return NULL;
	}
	shift = (unsigned)__builtin_ctz(s->mark_mask);
	b.queued = (uint32_t)MARK_QUEUED << shift;
	b.inspected = (uint32_t)MARK_INSPECTED << shift;
	b.reset = (uint32_t)MARK_RESET << shift;
	b.bulk = (uint32_t)MARK_BULK << shift;
	b.sealed = (uint32_t)MARK_SEALED << shift;
	for (unsigned i = 0; i < POLICY_GROUPS_MAX; i++)
		for (unsigned k = 0; k < STANDINGS; k++)
			b.sets[i][FAMILY_V4][k] = b.sets[i][FAMILY_V6][k] = SET_UNKNOWN;
	b.r = model_new(s->table);
	if (!b.r)
		return NULL;
	build_all(&b);
	error = b.r->error;
	if (error) {
		ruleset_free(b.r);
		errno = -error;
		return NULL;
	}
	return b.r;
}
