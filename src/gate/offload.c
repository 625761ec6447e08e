/* offload.c - flow tables: do connections to guarded ports go past the rules?
 *
 * A rule with `flow add @TABLE` puts an open connection into a flow table. From then on the kernel (or the network card)
 * forwards its packets where they come in, before the hook forward: we see nothing of them. The rules for conntrack
 * that do so are in other programs' tables, so all rules of all tables are looked through, if there is any flow table.
 *
 * A rule counts when it can match a packet of a connection to a guarded port, in either direction: what it asks of the
 * ports is held against pairs of a guarded port and one that a client may have. `tcp dport 443` does not match those;
 * `tcp dport != 25` does (the way back), and so does a rule that asks nothing of ports. What is asked of anything else
 * (addresses, interfaces, states, marks) is taken as fulfilled, and so is what the chain was reached by.
 *
 * Limits: RULES_MAX rules that add, CONDITIONS_MAX things they ask of ports, PORT_MATCH_ELEMENTS_MAX elements of their
 * sets; beyond that a rule is taken to match. Offload of tc is not looked for.
 *
 * Sources: net/netfilter/nft_flow_offload.c, nf_flow_table_inet.c.
 */
#include "gate/offload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "gate/found.h"
#include "gate/port_match.h"

enum { TABLES_MAX = 32, RULES_MAX = 64, CONDITIONS_MAX = 8, NAME_MAX_SHORT = 64, DEVICES_MAX = 160 };

/* What a register holds. */
enum content { CONTENT_OTHER, CONTENT_SPORT, CONTENT_DPORT, CONTENT_L4PROTO };
enum { REGISTERS = 32 };

struct adding {
	uint8_t family;
	char table[FOUND_NAME_MAX], chain[FOUND_NAME_MAX], flowtable[FOUND_NAME_MAX];
	struct {
		enum content of;
		struct port_match *asks;
	} conditions[CONDITIONS_MAX];
	unsigned count;
	bool never; /* not about TCP */
};

struct flowtable {
	uint8_t family;
	char table[FOUND_NAME_MAX], name[FOUND_NAME_MAX], devices[DEVICES_MAX];
};

struct offload {
	const uint16_t *ports;
	unsigned port_count;
	struct flowtable tables[TABLES_MAX];
	unsigned table_count;
	/* The last one stands for all that have no room, and asks nothing. */
	struct adding rules[RULES_MAX + 1];
	unsigned rule_count;
	bool failed;   /* memory */
	uint8_t asked; /* family that is asked for */
};

/* ---- flow tables ----------------------------------------------------------------------------- */

static void copy_text(char *to, size_t room, const struct nlattr *a)
{
	snprintf(to, room, "%s", mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(a) : "?");
}

static void add_device(struct flowtable *t, const struct nlattr *a)
{
	size_t len = strlen(t->devices);
	char name[NAME_MAX_SHORT];

	copy_text(name, sizeof(name), a);
	snprintf(t->devices + len, sizeof(t->devices) - len, "%s%s", len ? ", " : "", name);
}

static void see_hook(struct flowtable *t, const struct nlattr *hook)
{
	const struct nlattr *a, *device;

	mnl_attr_for_each_nested(a, hook)
	{
		if (mnl_attr_get_type(a) != NFTA_FLOWTABLE_HOOK_DEVS)
			continue;
		mnl_attr_for_each_nested(device, a) add_device(t, device);
	}
}

static void see_flowtable(struct offload *o, const struct nlmsghdr *h)
{
	const struct nfgenmsg *family = mnl_nlmsg_get_payload(h);
	struct flowtable *t = &o->tables[o->table_count];
	const struct nlattr *a;

	if (o->table_count == TABLES_MAX)
		return;
	o->table_count++;
	t->family = family->nfgen_family;
	mnl_attr_for_each(a, h, sizeof(*family))
	{
		if (mnl_attr_get_type(a) == NFTA_FLOWTABLE_TABLE)
			copy_text(t->table, sizeof(t->table), a);
		if (mnl_attr_get_type(a) == NFTA_FLOWTABLE_NAME)
			copy_text(t->name, sizeof(t->name), a);
		if (mnl_attr_get_type(a) == NFTA_FLOWTABLE_HOOK)
			see_hook(t, a);
	}
}

/* ---- rules ------------------------------------------------------------------------------------ */

struct reading {
	struct offload *o;
	struct adding *rule;
	enum content registers[REGISTERS];
	bool adds;
};

static enum content *find_register(struct reading *r, const struct nftnl_expr *e, uint16_t attribute)
{
	static enum content nowhere;
	uint32_t number = nftnl_expr_is_set(e, attribute) ? nftnl_expr_get_u32(e, attribute) : REGISTERS;

	nowhere = CONTENT_OTHER;
	return number < REGISTERS ? &r->registers[number] : &nowhere;
}

static void see_payload(struct reading *r, const struct nftnl_expr *e)
{
	uint32_t offset = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	bool port = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE) == NFT_PAYLOAD_TRANSPORT_HEADER &&
	            nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN) == sizeof(uint16_t);

	*find_register(r, e, NFTNL_EXPR_PAYLOAD_DREG) = port && offset == 0   ? CONTENT_SPORT
	                                                : port && offset == 2 ? CONTENT_DPORT
	                                                                      : CONTENT_OTHER;
}

static void see_meta(struct reading *r, const struct nftnl_expr *e)
{
	if (nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG))
		*find_register(r, e, NFTNL_EXPR_META_DREG) =
		        nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY) == NFT_META_L4PROTO ? CONTENT_L4PROTO
		                                                                       : CONTENT_OTHER;
}

static struct port_match *add_condition(struct reading *r, enum content of)
{
	struct port_match *c;

	if (r->rule->count == CONDITIONS_MAX)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c) {
		r->o->failed = true;
		return NULL;
	}
	r->rule->conditions[r->rule->count].of = of;
	r->rule->conditions[r->rule->count++].asks = c;
	return c;
}

static bool is_port(enum content c)
{
	return c == CONTENT_SPORT || c == CONTENT_DPORT;
}

static void see_cmp(struct reading *r, const struct nftnl_expr *e)
{
	enum content of = *find_register(r, e, NFTNL_EXPR_CMP_SREG);
	uint32_t len = 0, op = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP);
	const uint8_t *data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &len);
	struct port_match *c;

	if (of == CONTENT_L4PROTO && data && len >= 1 && op == NFT_CMP_EQ)
		r->rule->never |= data[0] != IPPROTO_TCP;
	if (!is_port(of) || !data || len < sizeof(uint16_t))
		return;
	c = add_condition(r, of);
	if (!c)
		return;
	c->op = op;
	c->from = bytes_get16(data);
}

static void see_range(struct reading *r, const struct nftnl_expr *e)
{
	enum content of = *find_register(r, e, NFTNL_EXPR_RANGE_SREG);
	uint32_t from_len = 0, to_len = 0;
	const uint8_t *from = nftnl_expr_get(e, NFTNL_EXPR_RANGE_FROM_DATA, &from_len);
	const uint8_t *to = nftnl_expr_get(e, NFTNL_EXPR_RANGE_TO_DATA, &to_len);
	struct port_match *c;

	if (!is_port(of) || !from || !to || from_len < sizeof(uint16_t) || to_len < sizeof(uint16_t))
		return;
	c = add_condition(r, of);
	if (!c)
		return;
	c->range = true;
	c->inverted = nftnl_expr_get_u32(e, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_NEQ;
	c->from = bytes_get16(from);
	c->to = bytes_get16(to);
}

static void see_lookup(struct reading *r, const struct nftnl_expr *e)
{
	enum content of = *find_register(r, e, NFTNL_EXPR_LOOKUP_SREG);
	bool map = nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG);
	struct port_match *c = is_port(of) && !map ? add_condition(r, of) : NULL;

	if (map)
		*find_register(r, e, NFTNL_EXPR_LOOKUP_DREG) = CONTENT_OTHER;
	if (!c)
		return;
	c->lookup = true;
	c->inverted = nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_FLAGS) &&
	              nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV;
	snprintf(c->set, sizeof(c->set), "%s", nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET));
}

static void see_change(struct reading *r, const struct nftnl_expr *e)
{
	*find_register(r, e, NFTNL_EXPR_BITWISE_DREG) = CONTENT_OTHER;
}

static void see_flow(struct reading *r, const struct nftnl_expr *e)
{
	r->adds = true;
	snprintf(r->rule->flowtable, sizeof(r->rule->flowtable), "%s",
	        nftnl_expr_get_str(e, NFTNL_EXPR_FLOW_TABLE_NAME));
}

static int see_expression(struct nftnl_expr *e, void *arg)
{
	static const struct {
		const char *name;
		void (*see)(struct reading *r, const struct nftnl_expr *e);
	} readers[] = {
		{ "payload", see_payload },
		{ "meta", see_meta },
		{ "cmp", see_cmp },
		{ "range", see_range },
		{ "lookup", see_lookup },
		{ "bitwise", see_change },
		{ "flow_offload", see_flow },
	};
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	struct reading *r = arg;

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (strcmp(readers[i].name, name) == 0) {
			readers[i].see(r, e);
			return 0;
		}
	memset(r->registers, 0, sizeof(r->registers)); /* whichever it writes to */
	return 0;
}

static void free_conditions(struct adding *rule)
{
	for (unsigned i = 0; i < rule->count; i++)
		free(rule->conditions[i].asks);
	rule->count = 0;
	rule->never = false;
}

static void see_rule(struct offload *o, const struct nlmsghdr *h)
{
	struct reading r = { .o = o, .rule = &o->rules[o->rule_count] };
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (o->rule_count <= RULES_MAX && rule && nftnl_rule_nlmsg_parse(h, rule) == 0) {
		r.rule->family = (uint8_t)nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY);
		snprintf(r.rule->table, FOUND_NAME_MAX, "%s", nftnl_rule_get_str(rule, NFTNL_RULE_TABLE));
		snprintf(r.rule->chain, FOUND_NAME_MAX, "%s", nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN));
		(void)nftnl_expr_foreach(rule, see_expression, &r);
		if (!r.adds || o->rule_count == RULES_MAX)
			free_conditions(r.rule);
		o->rule_count += r.adds;
	}
	if (rule)
		nftnl_rule_free(rule);
}

/* ---- sets that rules look into ------------------------------------------------------------------ */

static const struct nlattr *find_in(const struct nlattr *in, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, in) if (mnl_attr_get_type(a) == type) return a;
	return NULL;
}

static void add_element(struct port_match *c, const struct nlattr *element)
{
	const struct nlattr *key = find_in(element, NFTA_SET_ELEM_KEY);
	const struct nlattr *value = key ? find_in(key, NFTA_DATA_VALUE) : NULL;
	const struct nlattr *flags = find_in(element, NFTA_SET_ELEM_FLAGS);

	if (!value || mnl_attr_get_payload_len(value) < sizeof(uint16_t))
		c->unknown = true;
	else
		port_match_add(c, bytes_get16(mnl_attr_get_payload(value)),
		        flags && ntohl(mnl_attr_get_u32(flags)) & NFT_SET_ELEM_INTERVAL_END);
}

static void see_elements(struct offload *o, const struct nlmsghdr *h)
{
	const struct nfgenmsg *family = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *elements = NULL, *e;
	char table[FOUND_NAME_MAX] = "", set[FOUND_NAME_MAX] = "";

	mnl_attr_for_each(a, h, sizeof(*family))
	{
		if (mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_TABLE)
			copy_text(table, sizeof(table), a);
		if (mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_SET)
			copy_text(set, sizeof(set), a);
		if (mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_ELEMENTS)
			elements = a;
	}
	for (unsigned i = 0; elements && i < o->rule_count; i++)
		for (unsigned n = 0; n < o->rules[i].count; n++) {
			struct port_match *c = o->rules[i].conditions[n].asks;

			if (c->lookup && o->rules[i].family == family->nfgen_family &&
			        strcmp(o->rules[i].table, table) == 0 && strcmp(c->set, set) == 0)
				mnl_attr_for_each_nested(e, elements) add_element(c, e);
		}
}

bool offload_next_set(
        const struct offload *o, size_t *at, uint8_t *family, const char **table, const char **set)
{
	for (; *at < (size_t)o->rule_count * CONDITIONS_MAX; (*at)++) {
		const struct adding *rule = &o->rules[*at / CONDITIONS_MAX];
		size_t n = *at % CONDITIONS_MAX;

		if (n >= rule->count || !rule->conditions[n].asks->lookup)
			continue;
		(*at)++;
		*family = rule->family;
		*table = rule->table;
		*set = rule->conditions[n].asks->set;
		return true;
	}
	return false;
}

/* ---- what it comes to ------------------------------------------------------------------------ */

static bool matches(const struct adding *rule, uint16_t sport, uint16_t dport)
{
	for (unsigned i = 0; i < rule->count; i++)
		if (!port_match_holds(rule->conditions[i].asks,
		            rule->conditions[i].of == CONTENT_SPORT ? sport : dport))
			return false;
	return !rule->never;
}

static bool carries(const struct offload *o, const struct adding *rule)
{
	static const uint16_t clients[] = { 1027, 10007, 33023, 40961, 50051,
		60923 }; /* as clients have them */

	for (unsigned p = 0; p < o->port_count; p++)
		for (size_t c = 0; c < sizeof(clients) / sizeof(clients[0]); c++)
			if (matches(rule, clients[c], o->ports[p]) || matches(rule, o->ports[p], clients[c]))
				return true;
	return false;
}

static const char *devices_of(const struct offload *o, const struct adding *rule)
{
	for (unsigned i = 0; i < o->table_count; i++) {
		const struct flowtable *t = &o->tables[i];

		if (t->family == rule->family && strcmp(t->table, rule->table) == 0 &&
		        strcmp(t->name, rule->flowtable) == 0)
			return t->devices;
	}
	return "?";
}

bool offload_print(const struct offload *o, char *text, unsigned text_bytes)
{
	static const char *const families[] = { [NFPROTO_INET] = "inet",
		[NFPROTO_IPV4] = "ip",
		[NFPROTO_IPV6] = "ip6",
		[NFPROTO_BRIDGE] = "bridge" };

	for (unsigned i = 0; i < o->rule_count; i++) {
		const struct adding *rule = &o->rules[i];
		const char *family =
		        rule->family < sizeof(families) / sizeof(families[0]) ? families[rule->family] : NULL;

		if (!carries(o, rule))
			continue;
		snprintf(text, text_bytes,
		        "flow table %s of table %s %s (devices %s) takes guarded ports out of all rules: a "
		        "rule in chain "
		        "%s adds them",
		        rule->flowtable, family ? family : "?", rule->table, devices_of(o, rule),
		        rule->chain);
		return true;
	}
	return false;
}

/* ---- all --------------------------------------------------------------------------------------- */

struct offload *offload_new(const uint16_t *ports, unsigned count)
{
	struct offload *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->ports = ports;
	o->port_count = count;
	return o;
}

void offload_free(struct offload *o)
{
	for (unsigned i = 0; o && i < o->rule_count; i++)
		free_conditions(&o->rules[i]);
	free(o);
}

void offload_see(struct offload *o, const struct nlmsghdr *h)
{
	switch (NFNL_MSG_TYPE(h->nlmsg_type)) {
	case NFT_MSG_NEWFLOWTABLE:
		see_flowtable(o, h);
		break;
	case NFT_MSG_NEWRULE:
		see_rule(o, h);
		break;
	case NFT_MSG_NEWSETELEM:
		see_elements(o, h);
		break;
	default:
		break;
	}
}

static int see(const struct nlmsghdr *h, void *arg)
{
	offload_see(arg, h);
	return MNL_CB_OK;
}

static void put_family(struct nlmsghdr *h, void *arg)
{
	struct nfgenmsg *family = mnl_nlmsg_get_payload(h);

	family->nfgen_family = ((const struct offload *)arg)->asked;
}

static int ask_all(struct offload *o, struct mnl_socket *nl, uint32_t *seq)
{
	struct found_question q = { NFT_MSG_GETFLOWTABLE, NLM_F_DUMP, { { 0, NULL } }, see, o, put_family };
	const char *table, *set;
	int error = found_ask(nl, seq, &q);
	size_t at = 0;

	if (error || o->table_count == 0)
		return error;
	q.type = NFT_MSG_GETRULE;
	error = found_ask(nl, seq, &q);
	q.type = NFT_MSG_GETSETELEM;
	while (!error && offload_next_set(o, &at, &o->asked, &table, &set)) {
		q.attributes[0] = (struct found_attribute) { NFTA_SET_ELEM_LIST_TABLE, table };
		q.attributes[1] = (struct found_attribute) { NFTA_SET_ELEM_LIST_SET, set };
		error = found_ask(nl, seq, &q);
	}
	return error;
}

int offload_find(struct mnl_socket *nl, uint32_t *seq, const uint16_t *ports, unsigned count, char *text,
        unsigned text_bytes)
{
	struct offload *o = offload_new(ports, count);
	int r = o ? ask_all(o, nl, seq) : -ENOMEM;

	if (r == -ENOENT) /* something went meanwhile */
		r = -EINTR;
	if (r == 0)
		r = o->failed ? -ENOMEM : offload_print(o, text, text_bytes);
	offload_free(o);
	return r;
}
