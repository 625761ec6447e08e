/* test_shield.c - whom no block may meet, and what an action to block does to them. */
#include <string.h>

#include "house.h"
#include "policy/policy.h"
#include "suite.h"

static struct policy *house(bool never_any)
{
	struct policy *p = policy_new();
	struct policy_settings s = *policy_settings(p);
	struct prefix home = prefix_of("192.168.0.0/16"), public_side = prefix_of("203.0.113.5");
	int mail;

	policy_add_prefix(p, GROUP_ID_HOME, &home);
	add(p, GROUP_UPSTREAM, "isp", "198.51.100.10");
	mail = add(p, GROUP_SERVER, "mail", "192.168.0.10");
	CU_ASSERT_EQUAL(policy_server_add_public(p, mail, &public_side), 0);
	add(p, GROUP_NETWORK, "guests", "2001:db8:77::/48");
	policy_groups_add(&s.never_block, (unsigned)add(p, GROUP_NETWORK, "partners", "192.0.2.128/25"));
	if (never_any)
		policy_groups_add(&s.never_block, GROUP_ID_ANY);
	policy_set(p, &s);
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	return p;
}

/* The group that minds; "" = nobody. */
static const char *who(const struct policy *p, const char *prefix)
{
	struct policy_shield s = { .name = "" };
	struct prefix parsed = prefix_of(prefix);

	return policy_find_shield(p, &parsed, &s) ? s.name : "";
}

static void finds_them_in_and_around(void)
{
	static const struct {
		const char *prefix, *who;
	} cases[] = {
		{ "198.51.100.10", "isp" },
		{ "198.51.100.0/24", "isp" },
		{ "198.51.100.11", "" },
		{ "192.168.0.10", "mail" },
		{ "192.168.0.8/29", "mail" },
		{ "192.168.0.11", "" },
		{ "203.0.113.5", "mail" },
		{ "203.0.113.4/31", "mail" },
		{ "203.0.113.6", "" },
		{ "192.0.2.130", "partners" },
		{ "192.0.2.0/24", "partners" },
		{ "192.0.2.1", "" },
		{ "127.9.9.9", "loopback" },
		{ "126.0.0.0/7", "loopback" },
		{ "126.0.0.0/8", "" },
		{ "::1", "loopback" },
		{ "::/8", "loopback" },
		{ "2001:db8:77::1", "" },
		{ "::2", "" },
		{ "0.0.0.0/0", "isp" },
		{ "::/0", "loopback" },
	};
	struct policy *p = house(false);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_STRING_EQUAL(who(p, cases[i].prefix), cases[i].who);
	policy_free(p);
	p = house(true);
	CU_ASSERT_STRING_EQUAL(who(p, "2001:db8:77::1"), "any");
	policy_free(p);
}

/* Which of a group's addresses it is. */
static void names_the_address(void)
{
	struct policy *p = house(false);
	struct prefix wide = prefix_of("198.51.100.0/24"), inside = prefix_of("192.0.2.130"), got;
	struct policy_shield s;

	got = prefix_of("198.51.100.10");
	CU_ASSERT(policy_find_shield(p, &wide, &s));
	CU_ASSERT(s.kind == GROUP_UPSTREAM && s.prefix.bits == 128 &&
	          addr_compare(&s.prefix.addr, &got.addr) == 0);
	CU_ASSERT(policy_find_shield(p, &inside, &s));
	CU_ASSERT(s.kind == GROUP_NETWORK && s.prefix.bits == 96 + 25);
	policy_free(p);
}

/* Of an upstream that is followed: what it is now, what it was, and what a copy of the policy knows. */
static void follows_upstreams(void)
{
	struct prefix now = prefix_of("192.0.2.9"), former = prefix_of("192.0.2.10");
	struct policy *p = policy_new(), *copy;
	struct policy_settings s = *policy_settings(p);
	int isp = policy_add_group(p, GROUP_UPSTREAM, "isp");

	policy_groups_add(&s.never_block, (unsigned)add(p, GROUP_NETWORK, "partners", "192.0.2.128/25"));
	policy_set(p, &s);
	CU_ASSERT_EQUAL(policy_set_followed(p, isp), 0);
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	copy = policy_follow(p,
	        &(const struct policy_followed) { .group = isp,
	                .resolved = true,
	                .now = &now,
	                .now_count = 1,
	                .former = &former,
	                .former_count = 1 },
	        1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	CU_ASSERT_STRING_EQUAL(who(p, "192.0.2.9"), "");
	CU_ASSERT_STRING_EQUAL(who(copy, "192.0.2.9"), "isp");
	CU_ASSERT_STRING_EQUAL(who(copy, "192.0.2.10"), "isp");
	CU_ASSERT_STRING_EQUAL(who(copy, "192.0.2.11"), "");
	CU_ASSERT_STRING_EQUAL(who(copy, "192.0.2.200"), "partners");
	policy_free(copy);
	policy_free(p);
}

static enum action action_for(const struct policy *p, const char *client, enum action wanted)
{
	struct prefix c = prefix_of(client), mail = prefix_of("192.168.0.10");
	struct policy_connection conn = policy_judge_connection(p, &c.addr, &mail.addr, SELF_NEITHER);
	struct policy_recipient r = { .action = wanted };

	return policy_action_for(&conn, &r);
}

static void who_is_shielded_keeps_his_session(void)
{
	struct policy *p = house(false);

	CU_ASSERT_EQUAL(action_for(p, "192.0.2.1", ACTION_BLOCK), ACTION_BLOCK);
	CU_ASSERT_EQUAL(action_for(p, "198.51.100.10", ACTION_BLOCK), ACTION_REFUSE_RECIPIENT);
	CU_ASSERT_EQUAL(action_for(p, "192.0.2.130", ACTION_BLOCK), ACTION_REFUSE_RECIPIENT);
	CU_ASSERT_EQUAL(action_for(p, "192.168.0.10", ACTION_BLOCK), ACTION_REFUSE_RECIPIENT);
	CU_ASSERT_EQUAL(action_for(p, "198.51.100.10", ACTION_RESET), ACTION_RESET);
	policy_free(p);
}

SUITE("shield", { "in a prefix, and around it", finds_them_in_and_around },
        { "names the address", names_the_address }, { "follows upstreams", follows_upstreams },
        { "who is shielded keeps his session", who_is_shielded_keeps_his_session })
