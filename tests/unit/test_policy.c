/* Policies: building and its errors, which groups an address is in, what gate reads back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "house.h"
#include "policy/policy.h"
#include "suite.h"

static void add_home(struct policy *p, const char *prefix)
{
	struct prefix parsed = prefix_of(prefix);

	CU_ASSERT_EQUAL(policy_add_prefix(p, GROUP_ID_HOME, &parsed), 0);
}

static void exclude(struct policy *p, const char *prefix)
{
	struct prefix parsed = prefix_of(prefix);

	CU_ASSERT_EQUAL(policy_exclude_home(p, &parsed), 0);
}

/* The names of all groups of an address but `any`, which must be there. */
static const char *groups_of(const struct policy *p, const char *address)
{
	static char text[1024];
	struct addr a = addr_of(address);
	struct policy_groups groups = policy_lookup(p, &a);
	unsigned id;

	text[0] = '\0';
	CU_ASSERT(policy_groups_have(&groups, GROUP_ID_ANY));
	for (id = 1; id < policy_group_count(p); id++)
		if (policy_groups_have(&groups, id))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "",
			        policy_group(p, id).name);
	return text;
}

static const char *prefixes_of(const struct policy *p, int id)
{
	static char text[4096];
	struct policy_group_view view = policy_group(p, (unsigned)id);
	char one[PREFIX_TEXT_MAX];
	size_t i;

	text[0] = '\0';
	for (i = 0; i < view.prefix_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", *text ? " " : "",
		        prefix_print(&view.prefixes[i], one));
	return text;
}

static void empty_policy_knows_the_fixed_groups(void)
{
	struct policy *p = policy_new();

	CU_ASSERT_EQUAL(policy_settings(p)->mode, MODE_MONITOR);
	CU_ASSERT_EQUAL(policy_settings(p)->otherwise, DO_REFUSE);
	CU_ASSERT(policy_has_port(p, 25));
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	CU_ASSERT_EQUAL(policy_group_count(p), 4);
	CU_ASSERT_EQUAL(policy_group_find(p, "any"), GROUP_ID_ANY);
	CU_ASSERT_EQUAL(policy_group_find(p, "home"), GROUP_ID_HOME);
	CU_ASSERT_EQUAL(policy_group_find(p, "servers"), GROUP_ID_SERVERS);
	CU_ASSERT_EQUAL(policy_group_find(p, "self"), GROUP_ID_SELF);
	CU_ASSERT_EQUAL(policy_group_find(p, "isp"), -ENOENT);
	CU_ASSERT_STRING_EQUAL(prefixes_of(p, GROUP_ID_ANY), "0.0.0.0/0 ::/0");
	CU_ASSERT_STRING_EQUAL(prefixes_of(p, GROUP_ID_HOME), "");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "0.0.0.0"), "");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "255.255.255.255"), "");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "::"), "");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "");
	policy_free(p);
	policy_free(NULL);
}

static void names_are_taken_once(void)
{
	struct policy *p = policy_new();
	char name[POLICY_NAME_MAX + 1];
	int literal;

	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_UPSTREAM, "isp"), GROUP_ID_FIRST_FREE);
	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_UPSTREAM, "isp"), -EEXIST);
	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_NETWORK, "home"), -EEXIST);
	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_LITERAL, "isp"), -EEXIST);
	literal = policy_add_group(p, GROUP_LITERAL, "192.0.2.1");
	CU_ASSERT(literal > GROUP_ID_FIRST_FREE);
	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_LITERAL, "192.0.2.1"), literal);
	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_NETWORK, "192.0.2.1"), -EEXIST);
	memset(name, 'n', sizeof(name));
	name[POLICY_NAME_MAX] = '\0';
	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_NETWORK, name), -ENAMETOOLONG);
	name[POLICY_NAME_MAX - 1] = '\0';
	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_NETWORK, name), literal + 1);
	CU_ASSERT_EQUAL(policy_group_find(p, name), literal + 1);
	policy_free(p);
}

static void wrong_ids_are_refused(void)
{
	struct policy *p = policy_new();
	int network = policy_add_group(p, GROUP_NETWORK, "net");
	struct prefix prefix = prefix_of("192.0.2.0/24");

	CU_ASSERT_EQUAL(policy_add_prefix(p, -1, &prefix), -ENOENT);
	CU_ASSERT_EQUAL(policy_add_prefix(p, network + 1, &prefix), -ENOENT);
	CU_ASSERT_EQUAL(policy_add_prefix(p, GROUP_ID_ANY, &prefix), -ENOENT);
	CU_ASSERT_EQUAL(policy_add_prefix(p, GROUP_ID_SERVERS, &prefix), -ENOENT);
	CU_ASSERT_EQUAL(policy_server_add_public(p, network, &prefix), -ENOENT);
	CU_ASSERT_EQUAL(policy_server_add_may_relay(p, 9999, &prefix), -ENOENT);
	CU_ASSERT_EQUAL(policy_server_add_name(p, -1, "mx.example.org"), -ENOENT);
	CU_ASSERT_EQUAL(policy_server_add_domain(p, GROUP_ID_SERVERS, "example.org"), -ENOENT);
	policy_free(p);
}

static void overlapping_groups_are_all_found(void)
{
	struct policy *p = policy_new();
	int net;
	struct prefix again = prefix_of("10.1.2.128/25");

	add_home(p, "10.0.0.0/8");
	net = add(p, GROUP_NETWORK, "net", "10.1.0.0/16");
	add(p, GROUP_UPSTREAM, "isp", "10.1.2.0/24");
	add(p, GROUP_LITERAL, "10.1.2.3", "10.1.2.3");
	add(p, GROUP_SERVER, "mail", "2001:db8::/64");
	add(p, GROUP_SERVER, "mail2", "2001:db8::25");
	CU_ASSERT_EQUAL(policy_add_prefix(p, net, &again), 0);
	CU_ASSERT_EQUAL(policy_seal(p), 0);

	CU_ASSERT_STRING_EQUAL(groups_of(p, "9.255.255.255"), "");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.0.0.0"), "home");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.0.255.255"), "home");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.1.0.0"), "home net");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.1.2.2"), "home net isp");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.1.2.3"), "home net isp 10.1.2.3");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.1.2.4"), "home net isp");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.1.2.255"), "home net isp");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.1.3.0"), "home net");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.255.255.255"), "home");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "11.0.0.0"), "");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "2001:db8::24"), "servers mail");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "2001:db8::25"), "servers mail mail2");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "2001:db8:0:1::"), "");
	CU_ASSERT_STRING_EQUAL(prefixes_of(p, GROUP_ID_SERVERS), "2001:db8::/64");
	CU_ASSERT_STRING_EQUAL(prefixes_of(p, net), "10.1.0.0/16");
	policy_free(p);
}

static void whole_spaces_stay_apart(void)
{
	struct policy *p = policy_new();

	add(p, GROUP_NETWORK, "v4", "0.0.0.0/0");
	add(p, GROUP_NETWORK, "v6", "::/0");
	add(p, GROUP_NETWORK, "last4", "255.255.255.255");
	add(p, GROUP_NETWORK, "last6", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	add(p, GROUP_NETWORK, "first6", "::");
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	CU_ASSERT_STRING_EQUAL(groups_of(p, "0.0.0.0"), "v4");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "255.255.255.254"), "v4");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "255.255.255.255"), "v4 last4");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "::1:0:0:0"), "v6"); /* right behind IPv4 */
	CU_ASSERT_STRING_EQUAL(groups_of(p, "::fffe:ffff:ffff"), "v6");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "::"), "v6 first6");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "::1"), "v6");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "v6 last6");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), "v6");
	policy_free(p);
}

static void not_home_cuts_holes_in_any_order(void)
{
	struct policy *p = policy_new();

	exclude(p, "192.168.0.1");
	add_home(p, "192.168.0.0/24");
	add_home(p, "192.168.0.0/30");
	add_home(p, "fd00:25::/60");
	exclude(p, "192.168.0.128/25");
	exclude(p, "10.0.0.0/8"); /* never was home */
	exclude(p, "fd00:25:0:1::/64");
	add(p, GROUP_NETWORK, "lan", "192.168.0.0/24");
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	CU_ASSERT_STRING_EQUAL(groups_of(p, "192.168.0.0"), "home lan");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "192.168.0.1"), "lan");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "192.168.0.2"), "home lan");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "192.168.0.127"), "home lan");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "192.168.0.128"), "lan");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "fd00:25::1"), "home");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "fd00:25:0:1::1"), "");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "fd00:25:0:2::1"), "home");
	CU_ASSERT_STRING_EQUAL(prefixes_of(p, GROUP_ID_HOME),
	        "192.168.0.0 192.168.0.2/31 192.168.0.4/30 192.168.0.8/29 192.168.0.16/28 192.168.0.32/27 "
	        "192.168.0.64/26 fd00:25::/64 fd00:25:0:2::/63 fd00:25:0:4::/62 fd00:25:0:8::/61");
	policy_free(p);
}

static void takes_256_groups_and_no_more(void)
{
	struct policy *p = policy_new();
	char name[32];
	unsigned i;

	for (i = GROUP_ID_FIRST_FREE; i < POLICY_GROUPS_MAX; i++) {
		snprintf(name, sizeof(name), "10.%u.0.0/16", i);
		CU_ASSERT_EQUAL(add(p, GROUP_LITERAL, name, name), (int)i);
	}
	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_NETWORK, "one more"), -ENOSPC);
	CU_ASSERT_EQUAL(policy_add_group(p, GROUP_LITERAL, name), POLICY_GROUPS_MAX - 1);
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	CU_ASSERT_EQUAL(policy_group_count(p), POLICY_GROUPS_MAX);
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.255.1.1"), "10.255.0.0/16");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.64.1.1"), "10.64.0.0/16");
	CU_ASSERT_STRING_EQUAL(groups_of(p, "10.2.1.1"), "");
	policy_free(p);
}

static void sets_of_groups_meet(void)
{
	struct policy_groups a = { { 0 } }, b = { { 0 } };

	CU_ASSERT_FALSE(policy_groups_meet(&a, &b));
	policy_groups_add(&a, 255);
	policy_groups_add(&a, 63);
	policy_groups_add(&b, 64);
	CU_ASSERT(policy_groups_have(&a, 255) && policy_groups_have(&a, 63));
	CU_ASSERT_FALSE(policy_groups_have(&a, 64));
	CU_ASSERT_FALSE(policy_groups_meet(&a, &b));
	policy_groups_add(&b, 255);
	CU_ASSERT(policy_groups_meet(&a, &b));
}

static void reads_back_rules_and_groups(void)
{
	struct policy *p = policy_new();
	struct policy_groups from = { { 0 } }, to = { { 0 } };
	struct policy_rule_view in;
	int mail = add(p, GROUP_SERVER, "mail", "192.0.2.25"), i;

	policy_groups_add(&from, GROUP_ID_ANY);
	policy_groups_add(&to, (unsigned)mail);
	policy_server_add_domain(p, mail, "example.org");
	policy_server_add_domain(p, mail, "EXAMPLE.org.");
	policy_server_add_domain(p, mail, ".example.org");
	CU_ASSERT_EQUAL(policy_server_add_domain(p, mail, ""), -EINVAL);
	CU_ASSERT_EQUAL(policy_server_add_name(p, mail, "."), -EINVAL);
	CU_ASSERT_EQUAL(policy_add_rule(p, "in", &from, &to, DO_DROP), 0);
	for (i = 1; i < POLICY_RULES_MAX; i++)
		CU_ASSERT_EQUAL(policy_add_rule(p, "more", &to, &from, DO_INSPECT), i);
	CU_ASSERT_EQUAL(policy_add_rule(p, "one more", &to, &from, DO_INSPECT), -ENOSPC);
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	CU_ASSERT_EQUAL(policy_rule_count(p), POLICY_RULES_MAX);
	in = policy_rule(p, 0);
	CU_ASSERT_STRING_EQUAL(in.title, "in");
	CU_ASSERT_EQUAL(in.what, DO_DROP);
	CU_ASSERT(policy_groups_meet(&in.from, &from) && policy_groups_meet(&in.to, &to));
	CU_ASSERT_FALSE(policy_groups_meet(&in.from, &to));
	CU_ASSERT_EQUAL(policy_group(p, (unsigned)mail).kind, GROUP_SERVER);
	CU_ASSERT_EQUAL(policy_group(p, (unsigned)mail).domain_count, 2);
	CU_ASSERT_EQUAL(policy_group(p, GROUP_ID_HOME).domain_count, 0);
	policy_free(p);
}

static void knows_its_ports(void)
{
	struct policy *p = policy_new();
	struct policy_settings s = *policy_settings(p);

	CU_ASSERT_FALSE(policy_has_port(p, 2525));
	s.ports[1] = 2525;
	s.port_count = 2;
	policy_set(p, &s);
	CU_ASSERT(policy_has_port(p, 25) && policy_has_port(p, 2525));
	CU_ASSERT_FALSE(policy_has_port(p, 0));
	s.port_count = 0;
	s.mode = MODE_ENFORCE;
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	policy_set(p, &s); /* as -n does */
	CU_ASSERT(policy_has_port(p, 587) && policy_has_port(p, 0));
	CU_ASSERT_EQUAL(policy_settings(p)->mode, MODE_ENFORCE);
	policy_free(p);
}

/* ---- against a naive loop ------------------------------------------------------------------------ */

enum { RANDOM_PREFIXES = 400, RANDOM_GROUPS = 100 };

/* Few different bytes, so that prefixes and addresses meet often. */
static struct addr random_addr(void)
{
	uint8_t bytes[16];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = random() % 4 ? 0 : (uint8_t)(random() % 3 * 127 + random() % 2);
	return random() % 2 ? addr_from_v4(bytes) : addr_from_v6(bytes);
}

static struct prefix random_prefix(void)
{
	struct addr a = random_addr();
	unsigned least = addr_is_v4(&a) ? 96 : 0;
	struct prefix p = { .bits = (uint8_t)(least + (unsigned)random() % (129 - least)) };

	p.addr = addr_mask(&a, p.bits);
	return p;
}

struct naive {
	struct prefix prefix[RANDOM_PREFIXES];
	int group[RANDOM_PREFIXES]; /* -1 = not-home */
};

static struct policy *fill(struct naive *n)
{
	struct policy *p = policy_new();
	char name[32];
	int i;

	for (i = 0; i < RANDOM_GROUPS; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		CU_ASSERT(policy_add_group(p, i % 3 ? GROUP_NETWORK : GROUP_SERVER, name) >= 0);
	}
	for (i = 0; i < RANDOM_PREFIXES; i++) {
		int group = (int)(random() % (RANDOM_GROUPS + GROUP_ID_FIRST_FREE)), *at = &n->group[i];

		n->prefix[i] = random_prefix();
		*at = group == GROUP_ID_ANY ? -1 : group < GROUP_ID_FIRST_FREE ? GROUP_ID_HOME : group;
		CU_ASSERT_EQUAL(*at < 0 ? policy_exclude_home(p, &n->prefix[i])
		                        : policy_add_prefix(p, *at, &n->prefix[i]),
		        0);
	}
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	return p;
}

static struct policy_groups naive_lookup(const struct policy *p, const struct naive *n, const struct addr *a)
{
	struct policy_groups groups = { { 0 } };
	bool excluded = false;
	int i;

	policy_groups_add(&groups, GROUP_ID_ANY);
	for (i = 0; i < RANDOM_PREFIXES; i++) {
		if (!prefix_contains(&n->prefix[i], a))
			continue;
		if (n->group[i] < 0) {
			excluded = true;
			continue;
		}
		policy_groups_add(&groups, (unsigned)n->group[i]);
		if (policy_group(p, (unsigned)n->group[i]).kind == GROUP_SERVER)
			policy_groups_add(&groups, GROUP_ID_SERVERS);
	}
	if (excluded)
		groups.w[0] &= ~((uint64_t)1 << GROUP_ID_HOME);
	return groups;
}

static unsigned differs(const struct policy *p, const struct naive *n, struct addr a)
{
	struct policy_groups found = policy_lookup(p, &a), expected = naive_lookup(p, n, &a);

	return memcmp(&found, &expected, sizeof(found)) != 0;
}

static void lookup_agrees_with_a_naive_loop(void)
{
	static struct naive n;
	unsigned round, wrong = 0;
	int i;

	srandom(4711);
	for (round = 0; round < 20; round++) {
		struct policy *p = fill(&n);

		for (i = 0; i < RANDOM_PREFIXES; i++) {
			struct addr last = prefix_last(&n.prefix[i]), behind = last;

			wrong += differs(p, &n, prefix_first(&n.prefix[i]));
			wrong += differs(p, &n, last);
			addr_increment(&behind);
			wrong += differs(p, &n, behind);
			wrong += differs(p, &n, random_addr());
		}
		policy_free(p);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

SUITE("policy", { "empty policy knows the fixed groups", empty_policy_knows_the_fixed_groups },
        { "names are taken once", names_are_taken_once }, { "wrong ids are refused", wrong_ids_are_refused },
        { "overlapping groups are all found", overlapping_groups_are_all_found },
        { "whole spaces stay apart", whole_spaces_stay_apart },
        { "not-home cuts holes in any order", not_home_cuts_holes_in_any_order },
        { "takes 256 groups and no more", takes_256_groups_and_no_more },
        { "sets of groups meet", sets_of_groups_meet },
        { "reads back rules and groups", reads_back_rules_and_groups },
        { "knows its ports", knows_its_ports },
        { "lookup agrees with a naive loop", lookup_agrees_with_a_naive_loop })
