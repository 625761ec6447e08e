/* test_offload.c - flow tables that carry guarded ports: found by their rules, whatever these ask of ports. Messages as the
 * kernel tells them, made here; and a real kernel without any. */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/flowtable.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <string.h>

#include "gate/gate.h"
#include "gate/offload.h"
#include "netns.h"
#include "suite.h"

static const uint16_t ports[] = { 25, 2525 };
static struct offload *offload;
static char buffer[8192] __attribute__((aligned(8)));
static char text[512];

static void see_flowtable(void)
{
	static const char *devices[] = { "eth0", "eth1", NULL };
	struct nftnl_flowtable *f = nftnl_flowtable_alloc();
	struct nlmsghdr *h = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_NEWFLOWTABLE, NFPROTO_INET, 0, 1);

	nftnl_flowtable_set_str(f, NFTNL_FLOWTABLE_TABLE, "fw");
	nftnl_flowtable_set_str(f, NFTNL_FLOWTABLE_NAME, "fast");
	nftnl_flowtable_set_u32(f, NFTNL_FLOWTABLE_HOOKNUM, 0);
	nftnl_flowtable_set_u32(f, NFTNL_FLOWTABLE_PRIO, 0);
	(void)nftnl_flowtable_set_data(f, NFTNL_FLOWTABLE_DEVICES, devices, 0);
	nftnl_flowtable_nlmsg_build_payload(h, f);
	nftnl_flowtable_free(f);
	offload_see(offload, h);
}

/* What a rule asks: "d=25" dport is, "s!25" sport is not, "d>1023", "d<1024", "d-100-200" a range, "d@set", "d!@set",
 * "p17" protocol, "c443" connection mark. Several with spaces. */
static void put(struct nftnl_rule *rule, const char *name, const uint16_t *attributes, const uint32_t *values,
        unsigned count)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	for (unsigned i = 0; i < count; i++)
		nftnl_expr_set_u32(e, attributes[i], values[i]);
	nftnl_rule_add_expr(rule, e);
}
#define PUT(rule, name, count, attributes, ...)                                                              \
	put(rule, name, (const uint16_t[])attributes, (const uint32_t[]) { __VA_ARGS__ }, count)
#define LIST(...)                                                                                            \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

static void put_compared(struct nftnl_rule *rule, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = nftnl_expr_alloc("cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
	nftnl_rule_add_expr(rule, e);
}

static void put_port(struct nftnl_rule *rule, uint32_t op, const char *number)
{
	uint16_t be = htons((uint16_t)atoi(number));

	put_compared(rule, op, &be, sizeof(be));
}

static void put_range(struct nftnl_rule *rule, const char *numbers)
{
	uint16_t from = htons((uint16_t)atoi(numbers)), to = htons((uint16_t)atoi(strchr(numbers, '-') + 1));
	struct nftnl_expr *e = nftnl_expr_alloc("range");

	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_OP, NFT_RANGE_EQ);
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_FROM_DATA, &from, sizeof(from));
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_TO_DATA, &to, sizeof(to));
	nftnl_rule_add_expr(rule, e);
}

static void put_lookup(struct nftnl_rule *rule, const char *set, bool inverted)
{
	struct nftnl_expr *e = nftnl_expr_alloc("lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
	if (inverted)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	nftnl_rule_add_expr(rule, e);
}

static void put_condition(struct nftnl_rule *rule, const char *c)
{
	uint8_t protocol = (uint8_t)atoi(c + 1);
	uint32_t mark = htonl((uint32_t)atoi(c + 1) << 16);

	if (*c == 'c') {
		PUT(rule, "ct", 2, LIST(NFTNL_EXPR_CT_KEY, NFTNL_EXPR_CT_DREG), NFT_CT_MARK, NFT_REG_1);
		put_compared(rule, NFT_CMP_EQ, &mark, sizeof(mark));
		return;
	}
	if (*c == 'p') {
		PUT(rule, "meta", 2, LIST(NFTNL_EXPR_META_KEY, NFTNL_EXPR_META_DREG), NFT_META_L4PROTO,
		        NFT_REG_1);
		put_compared(rule, NFT_CMP_EQ, &protocol, 1);
		return;
	}
	PUT(rule, "payload", 4,
	        LIST(NFTNL_EXPR_PAYLOAD_DREG, NFTNL_EXPR_PAYLOAD_BASE, NFTNL_EXPR_PAYLOAD_OFFSET,
	                NFTNL_EXPR_PAYLOAD_LEN),
	        NFT_REG_1, NFT_PAYLOAD_TRANSPORT_HEADER, *c == 'd' ? 2 : 0, 2);
	if (c[1] == '@')
		put_lookup(rule, c + 2, false);
	else if (c[1] == '!' && c[2] == '@')
		put_lookup(rule, c + 3, true);
	else if (c[1] == '-')
		put_range(rule, c + 2);
	else
		put_port(rule,
		        c[1] == '='   ? NFT_CMP_EQ
		        : c[1] == '!' ? NFT_CMP_NEQ
		        : c[1] == '>' ? NFT_CMP_GT
		                      : NFT_CMP_LT,
		        c + 2);
}

static void see_rule(const char *conditions, bool adds)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nlmsghdr *h = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_NEWRULE, NFPROTO_INET, 0, 1);
	struct nftnl_expr *e;
	char copy[128], *rest = copy, *c;

	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, "fw");
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, "forward");
	snprintf(copy, sizeof(copy), "%s", conditions);
	while ((c = strsep(&rest, " ")) && *c)
		put_condition(rule, c);
	if (adds) {
		e = nftnl_expr_alloc("flow_offload");
		nftnl_expr_set_str(e, NFTNL_EXPR_FLOW_TABLE_NAME, "fast");
		nftnl_rule_add_expr(rule, e);
	}
	nftnl_rule_nlmsg_build_payload(h, rule);
	nftnl_rule_free(rule);
	offload_see(offload, h);
}

/* As the kernel tells a set: "web" { 80, 443 }, "all" { 0-65535 }, "low" { 1-1023 }, "mail" { 25 } */
static void see_set(const char *name)
{
	static const struct {
		const char *set;
		uint16_t key;
		bool end;
	} elements[] = { { "web", 80, false }, { "web", 443, false }, { "mail", 25, false },
		{ "low", 0, true }, { "low", 1, false }, { "low", 1024, true }, { "high", 1024, false },
		{ "high", 0, true } };
	struct nlmsghdr *h = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_NEWSETELEM, NFPROTO_INET, 0, 1);
	struct nftnl_set *s = nftnl_set_alloc();

	nftnl_set_set_str(s, NFTNL_SET_TABLE, "fw");
	nftnl_set_set_str(s, NFTNL_SET_NAME, name);
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		struct nftnl_set_elem *e;
		uint16_t be = htons(elements[i].key);

		if (strcmp(elements[i].set, name) != 0)
			continue;
		e = nftnl_set_elem_alloc();
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, &be, sizeof(be));
		if (elements[i].end)
			nftnl_set_elem_set_u32(e, NFTNL_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
		nftnl_set_elem_add(s, e);
	}
	nftnl_set_elems_nlmsg_build_payload(h, s);
	nftnl_set_free(s);
	offload_see(offload, h);
}

static void knows_which_rules_carry_guarded_ports(void)
{
	static const struct {
		const char *conditions;
		bool carries;
	} rules[] = {
		{ "", true },
		{ "p6", true },
		{ "p17", false },
		{ "d=25", true },
		{ "s=25", true },
		{ "d=2525", true },
		{ "d=443", false },
		{ "p6 d=443", false },
		{ "d!25", true }, /* the way back, and 2525 */
		{ "d!25 s!25", true },
		{ "d!25 s!25 d!2525 s!2525", false },
		{ "d>1023", true }, /* the way back */
		{ "d>1023 s>1023 d!2525 s!2525", false },
		{ "d<1024", true },
		{ "d-100-200", false },
		{ "d-20-30", true },
		{ "d@web", false },
		{ "d@mail", true },
		{ "d!@web", true },
		{ "d!@mail", true },
		{ "d!@low", true },
		{ "d@low", true },
		{ "d@high", true },
		{ "d@high s@high", true }, /* 2525 */
		{ "d=25 c443", true },     /* in the register of the port before */
		{ "d=443 c25", false },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const char *table, *set;
		uint8_t family = 0;
		size_t at = 0;
		bool carries;

		offload = offload_new(ports, 2);
		CU_ASSERT_PTR_NOT_NULL_FATAL(offload);
		see_flowtable();
		see_rule(rules[i].conditions, false); /* a rule that adds nothing */
		CU_ASSERT_FALSE(offload_print(offload, text, sizeof(text)));
		see_rule(rules[i].conditions, true);
		while (offload_next_set(offload, &at, &family, &table, &set)) {
			CU_ASSERT_EQUAL(family, NFPROTO_INET);
			CU_ASSERT_STRING_EQUAL(table, "fw");
			see_set(set);
		}
		carries = offload_print(offload, text, sizeof(text));
		CU_ASSERT_EQUAL(carries, rules[i].carries);
		if (carries != rules[i].carries)
			printf("%s: %d\n", rules[i].conditions, carries);
		if (carries)
			CU_ASSERT_STRING_EQUAL(text, "flow table fast of table inet fw (devices eth0, eth1) "
			                             "takes guarded ports out of all "
			                             "rules: a rule in chain forward adds them");
		offload_free(offload);
	}
}

/* More rules and elements than there is room for. */
static void has_bounds(void)
{
	offload = offload_new(ports, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(offload);
	for (unsigned i = 0; i < 200; i++) {
		see_flowtable();
		see_rule("d=443 d=443 d=443 d=443 d=443 d=443 d=443 d=443 d=443 d=443", true);
	}
	CU_ASSERT_TRUE(offload_print(offload, text, sizeof(text))); /* one that was not read may carry any */
	offload_free(offload);
	offload = offload_new(ports, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(offload);
	for (unsigned i = 0; i < 64; i++)
		see_rule("d=443 d=443 d=443 d=443 d=443 d=443 d=443 d=443 d=443 d=443", true);
	CU_ASSERT_FALSE(offload_print(offload, text, sizeof(text)));
	offload_free(offload);
}

static void asks_the_kernel(void)
{
	struct gate *g = gate_open(text, sizeof(text));

	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	CU_ASSERT_TRUE(
	        netns_nft("add table inet fw; add chain inet fw c; add rule inet fw c tcp dport 25 accept"));
	CU_ASSERT_EQUAL(gate_find_offload(g, ports, 2, text, sizeof(text)), 0);
	if (netns_nft("add flowtable inet fw fast { hook ingress priority 0; devices = { lo }; }; add rule "
	              "inet fw "
	              "c tcp dport { 80, 443 } flow add @fast")) {
		CU_ASSERT_EQUAL(gate_find_offload(g, ports, 2, text, sizeof(text)), 0);
		CU_ASSERT_TRUE(netns_nft("add rule inet fw c tcp dport { 25, 443 } flow add @fast"));
		CU_ASSERT_EQUAL(gate_find_offload(g, ports, 2, text, sizeof(text)), 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "flow table fast of table inet fw (devices lo)"));
	}
	gate_close(g);
}

SUITE("offload", { "knows which rules carry guarded ports", knows_which_rules_carry_guarded_ports },
        { "has bounds", has_bounds }, { "asks the kernel", asks_the_kernel })
