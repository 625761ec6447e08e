/* model.c - tables of the ruleset model, and its growing arrays.
 *
 * Sources: field offsets RFC 791, RFC 8200, RFC 9293; type and field numbers nftables' own (they
 * appear in the netlink user data of sets, so they cannot change there any more).
 */
#include "gate/model.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DESC_TCP = 8, DESC_IP = 12, DESC_IP6 = 13 }; /* nft's header numbers */
enum { TYPE_INTEGER = 4, TYPE_IPADDR = 7, TYPE_IP6ADDR = 8, TYPE_SERVICE = 13, TYPE_BITS = 6 };

const struct model_field_info model_fields[FIELD_COUNT] = {
	[FIELD_IP_SADDR] = { .text = "ip saddr", .offset = 12, .len = 4 },
	[FIELD_IP_DADDR] = { .text = "ip daddr", .offset = 16, .len = 4 },
	[FIELD_IP6_SADDR] = { .text = "ip6 saddr", .offset = 8, .len = 16 },
	[FIELD_IP6_DADDR] = { .text = "ip6 daddr", .offset = 24, .len = 16 },
	[FIELD_IP_HDRLENGTH] = { .text = "ip hdrlength",
	        .offset = 0,
	        .len = 1,
	        .mask = 0x0f,
	        .desc_id = DESC_IP,
	        .desc_type = 2,
	        .bits = 4 },
	[FIELD_IP_LENGTH] = { .text = "ip length",
	        .offset = 2,
	        .len = 2,
	        .desc_id = DESC_IP,
	        .desc_type = 5,
	        .bits = 16 },
	[FIELD_IP6_LENGTH] = { .text = "ip6 length",
	        .offset = 4,
	        .len = 2,
	        .desc_id = DESC_IP6,
	        .desc_type = 5,
	        .bits = 16 },
	[FIELD_TCP_SPORT] = { .text = "tcp sport", .transport = true, .offset = 0, .len = 2 },
	[FIELD_TCP_DPORT] = { .text = "tcp dport", .transport = true, .offset = 2, .len = 2 },
	[FIELD_TCP_DOFF] = { .text = "tcp doff",
	        .transport = true,
	        .offset = 12,
	        .len = 1,
	        .mask = 0xf0,
	        .shift = 4,
	        .desc_id = DESC_TCP,
	        .desc_type = 5,
	        .bits = 4 },
	[FIELD_TCP_FLAGS] = { .text = "tcp flags", .transport = true, .offset = 13, .len = 1 },
};

const struct model_key_info model_keys[KEY_COUNT] = {
	[KEY_IPV4] = { "type ipv4_addr", TYPE_IPADDR, true, 1, { FIELD_IP_SADDR } },
	[KEY_IPV6] = { "type ipv6_addr", TYPE_IP6ADDR, true, 1, { FIELD_IP6_SADDR } },
	[KEY_HOST_V4] = { "type ipv4_addr", TYPE_IPADDR, false, 1, { FIELD_IP_SADDR } },
	[KEY_HOST_V6] = { "type ipv6_addr", TYPE_IP6ADDR, false, 1, { FIELD_IP6_SADDR } },
	[KEY_PORT] = { "type inet_service", TYPE_SERVICE, false, 1, { FIELD_TCP_DPORT } },
	[KEY_BARE_ACK_V4] = { "typeof ip hdrlength . tcp doff . ip length",
	        TYPE_INTEGER << 2 * TYPE_BITS | TYPE_INTEGER << TYPE_BITS | TYPE_INTEGER, false, 3,
	        { FIELD_IP_HDRLENGTH, FIELD_TCP_DOFF, FIELD_IP_LENGTH } },
	[KEY_BARE_ACK_V6] = { "typeof tcp doff . ip6 length", TYPE_INTEGER << TYPE_BITS | TYPE_INTEGER, false,
	        2, { FIELD_TCP_DOFF, FIELD_IP6_LENGTH } },
};

const char *const model_counter_names[MODEL_COUNTER_COUNT] = {
	[MODEL_COUNTER_QUEUED] = "queued",
	[MODEL_COUNTER_INSPECTED] = "inspected",
	[MODEL_COUNTER_BLIND] = "blind",
	[MODEL_COUNTER_BLIND_TOLD] = "blind_told",
	[MODEL_COUNTER_RESET] = "resets", /* "reset" is a word of nft */
	[MODEL_COUNTER_REFUSED] = "refused",
	[MODEL_COUNTER_BARE_ACKS] = "bare_acks",
	[MODEL_COUNTER_BODIES] = "bodies",
	[MODEL_COUNTER_SEALED] = "sealed",
	[MODEL_COUNTER_BYPASSED] = "bypassed",
	[MODEL_COUNTER_BLOCKED] = "blocked",
	[MODEL_COUNTER_LIMITED] = "limited",
};

/* None of them is a keyword of nft ("drop" and "reset" are). */
static const char *const chain_names[] = {
	[CHAIN_FORWARD] = "forward",
	[CHAIN_FORWARD_MARK] = "forward_mark",
	[CHAIN_INPUT] = "input",
	[CHAIN_INPUT_MARK] = "input_mark",
	[CHAIN_OUTPUT] = "output",
	[CHAIN_OUTPUT_MARK] = "output_mark",
	[CHAIN_TOSERVER] = "toserver",
	[CHAIN_TOCLIENT] = "toclient",
	[CHAIN_FROM_BLOCKED] = "from_blocked",
	[CHAIN_TO_BLOCKED] = "to_blocked",
	[CHAIN_BLOCKED] = "blocked",
	[CHAIN_FROM_LIMITED] = "from_limited",
	[CHAIN_LIMITED] = "limited",
	[CHAIN_INSPECT] = "inspect",
	[CHAIN_REFUSE] = "refuse",
	[CHAIN_DISCARD] = "discard",
	[CHAIN_WOULD] = "would",
	[CHAIN_SETTLE] = "settle",
	[CHAIN_SKIM] = "skim",
	[CHAIN_SEAL] = "seal",
	[CHAIN_SEVER] = "sever",
	[CHAIN_CUT] = "cut",
	[CHAIN_WORKER] = "worker_0",
	[CHAIN_WORKER + 1] = "worker_1",
	[CHAIN_WORKER + 2] = "worker_2",
	[CHAIN_WORKER + 3] = "worker_3",
	[CHAIN_WORKER + 4] = "worker_4",
	[CHAIN_WORKER + 5] = "worker_5",
	[CHAIN_WORKER + 6] = "worker_6",
	[CHAIN_WORKER + 7] = "worker_7",
	[CHAIN_WORKER + 8] = "worker_8",
	[CHAIN_WORKER + 9] = "worker_9",
	[CHAIN_WORKER + 10] = "worker_10",
	[CHAIN_WORKER + 11] = "worker_11",
	[CHAIN_WORKER + 12] = "worker_12",
	[CHAIN_WORKER + 13] = "worker_13",
	[CHAIN_WORKER + 14] = "worker_14",
	[CHAIN_WORKER + 15] = "worker_15",
};
static_assert(sizeof(chain_names) / sizeof(chain_names[0]) == CHAIN_COUNT, "one name per chain");

/* Makes room for one more element; false (and the sticky error) when there is none. */
static bool grow(struct ruleset *r, void **array, size_t *room, size_t count, size_t element_bytes)
{
	size_t wanted = *room ? *room * 2 : 16;
	void *bigger;

	if (r->error)
		return false;
	if (count < *room)
		return true;
	bigger = reallocarray(*array, wanted, element_bytes);
	if (!bigger) {
		r->error = -ENOMEM;
		return false;
	}
	*array = bigger;
	*room = wanted;
	return true;
}

struct ruleset *model_new(const char *table)
{
	struct ruleset *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->table = strdup(table);
	if (!r->table) {
		free(r);
		return NULL;
	}
	for (unsigned i = 0; i < CHAIN_COUNT; i++)
		r->chains[i].name = chain_names[i];
	return r;
}

void ruleset_free(struct ruleset *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->set_count; i++)
		free(r->sets[i].elements);
	for (size_t i = 0; i < r->rule_count; i++)
		free(r->rules[i].comment);
	free(r->sets);
	free(r->rules);
	free(r->table);
	free(r);
}

uint32_t model_set_places(const struct model_set *set)
{
	return set->timed ? set->timed : set->places ? set->places : (uint32_t)set->count;
}

bool model_has_set(const struct ruleset *r, const char *name)
{
	for (size_t i = 0; i < r->set_count; i++)
		if (strcmp(r->sets[i].name, name) == 0)
			return true;
	return false;
}

unsigned model_add_set(struct ruleset *r, enum model_key key, const char *name)
{
	struct model_set *set;

	assert(strlen(name) < MODEL_NAME_MAX && !model_has_set(r, name));
	if (!grow(r, (void **)&r->sets, &r->set_room, r->set_count, sizeof(*r->sets)))
		return 0;
	set = &r->sets[r->set_count];
	*set = (struct model_set) { .key = key };
	memcpy(set->name, name, strlen(name) + 1);
	return (unsigned)r->set_count++;
}

unsigned model_add_roomy_set(struct ruleset *r, enum model_key key, const char *name, uint16_t places)
{
	unsigned index = model_add_set(r, key, name);

	if (!r->error)
		r->sets[index].places = places;
	return index;
}

unsigned model_add_timed_set(struct ruleset *r, enum model_key key, const char *name, uint32_t places)
{
	unsigned index = model_add_set(r, key, name);

	if (!r->error)
		r->sets[index].timed = places;
	return index;
}

unsigned model_add_limited_set(struct ruleset *r, enum model_key key, const char *name, uint32_t places)
{
	unsigned index = model_add_timed_set(r, key, name, places);

	if (!r->error)
		r->sets[index].limits = true;
	return index;
}

void model_add_element(struct ruleset *r, unsigned index, const union model_element *element)
{
	struct model_set *set;

	if (r->error)
		return;
	assert(index < r->set_count);
	set = &r->sets[index];
	if (grow(r, (void **)&set->elements, &set->room, set->count, sizeof(*set->elements)))
		set->elements[set->count++] = *element;
}

void model_hook_chain(
        struct ruleset *r, enum model_chain_id chain, const char *hook, uint32_t hook_number, int priority)
{
	struct model_chain *c = &r->chains[chain];

	c->hook = hook;
	c->hook_number = hook_number;
	c->priority = priority;
}

static char *clean_comment(const char *text)
{
	char *out = strndup(text, MODEL_COMMENT_MAX);

	for (char *c = out; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == '"' || *c == '\x7f')
			*c = '?';
	return out;
}

void model_add_rule(struct ruleset *r, enum model_chain_id chain, const char *comment,
        const struct model_statement *statements, unsigned count)
{
	struct model_rule *rule;

	assert(chain < CHAIN_COUNT && count <= MODEL_STATEMENTS_MAX);
	if (!r->error && r->rule_count >= MODEL_RULES_MAX)
		r->error = -E2BIG;
	if (!grow(r, (void **)&r->rules, &r->rule_room, r->rule_count, sizeof(*r->rules)))
		return;
	rule = &r->rules[r->rule_count];
	*rule = (struct model_rule) { .chain = chain, .statement_count = (uint8_t)count };
	if (count > 0)
		memcpy(rule->statements, statements, count * sizeof(*statements));
	if (comment) {
		rule->comment = clean_comment(comment);
		if (!rule->comment) {
			r->error = -ENOMEM;
			return;
		}
	}
	r->chains[chain].used = true;
	r->rule_count++;
}

struct model_statement model_tcp(void)
{
	return (struct model_statement) { .kind = STATEMENT_TCP };
}

struct model_statement model_is(enum model_family family)
{
	return (struct model_statement) { .kind = STATEMENT_FAMILY, .u.family = family };
}

struct model_statement model_interface(bool out, uint32_t index)
{
	return (struct model_statement) { .kind = STATEMENT_INTERFACE,
		.u.interface = { .out = out, .index = index } };
}

struct model_statement model_field_in(enum model_field field, unsigned set)
{
	return (struct model_statement) { .kind = STATEMENT_IN_SET,
		.u.in_set = { .set = set, .field_count = 1, .fields = { field } } };
}

struct model_statement model_key_in(const struct ruleset *r, unsigned set)
{
	struct model_statement s = { .kind = STATEMENT_IN_SET, .u.in_set = { .set = set } };
	const struct model_key_info *key;

	if (r->error)
		return s;
	key = &model_keys[r->sets[set].key];
	s.u.in_set.field_count = key->field_count;
	memcpy(s.u.in_set.fields, key->fields, sizeof(key->fields));
	return s;
}

struct model_statement model_flags(uint8_t mask, uint8_t value)
{
	return (struct model_statement) { .kind = STATEMENT_TCP_FLAGS,
		.u.flags = { .mask = mask, .value = value } };
}

struct model_statement model_state(enum model_state state)
{
	return (struct model_statement) { .kind = STATEMENT_STATE, .u.state = state };
}

struct model_statement model_mark_has(enum model_mark of, uint32_t bits)
{
	return (struct model_statement) { .kind = STATEMENT_MARK_TEST,
		.u.mark_test = { .of = of, .bits = bits } };
}

struct model_statement model_mark_set(enum model_mark of, uint32_t keep, uint32_t set)
{
	return (struct model_statement) { .kind = STATEMENT_MARK_SET,
		.u.mark_set = { .of = of, .keep = keep & ~set, .set = set } };
}

struct model_statement model_count(enum model_counter counter)
{
	return (struct model_statement) { .kind = STATEMENT_COUNTER, .u.counter = counter };
}

struct model_statement model_limit(uint32_t per_s, uint32_t burst)
{
	return (struct model_statement) { .kind = STATEMENT_LIMIT,
		.u.limit = { .per_s = per_s, .burst = burst } };
}

struct model_statement model_log(uint16_t group, uint16_t snaplen, const char *prefix)
{
	return (struct model_statement) { .kind = STATEMENT_LOG,
		.u.log = { .group = group, .snaplen = snaplen, .prefix = prefix } };
}

struct model_statement model_queue(uint16_t number, bool bypass)
{
	return (struct model_statement) { .kind = STATEMENT_QUEUE,
		.u.queue = { .number = number, .bypass = bypass } };
}

struct model_statement model_end(enum model_statement_kind kind)
{
	assert(kind == STATEMENT_REJECT || kind == STATEMENT_DROP || kind == STATEMENT_ACCEPT);
	return (struct model_statement) { .kind = kind };
}

struct model_statement model_strip_mptcp(void)
{
	return (struct model_statement) { .kind = STATEMENT_STRIP_MPTCP };
}

struct model_statement model_goto(enum model_chain_id chain)
{
	return (struct model_statement) { .kind = STATEMENT_GOTO, .u.chain = chain };
}

struct model_statement model_jump(enum model_chain_id chain)
{
	return (struct model_statement) { .kind = STATEMENT_JUMP, .u.chain = chain };
}

struct model_statement model_reply(void)
{
	return (struct model_statement) { .kind = STATEMENT_REPLY };
}

struct model_statement model_spread(enum model_chain_id first, uint8_t count)
{
	return (struct model_statement) { .kind = STATEMENT_SPREAD,
		.u.spread = { .first = first, .count = count } };
}
