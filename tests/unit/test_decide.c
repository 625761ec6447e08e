/* Decisions: rules in their order, direction, whose client, and the closed-relay axiom hop by hop. */
#include <stdio.h>
#include <string.h>

#include "house.h"
#include "policy/policy.h"
#include "smtp/address.h"
#include "suite.h"

static void add_rule(
        struct policy *p, const char *title, const char *from, const char *to, enum policy_do what)
{
	struct policy_groups a = { { 0 } }, b = { { 0 } };

	policy_groups_add(&a, (unsigned)policy_group_find(p, from));
	policy_groups_add(&b, (unsigned)policy_group_find(p, to));
	CU_ASSERT(policy_add_rule(p, title, &a, &b, what) >= 0);
}

/* A house with two servers (one inside of home), an ISP and two rules before `otherwise`. */
static struct policy *house(int *mail)
{
	struct policy *p = policy_new();
	struct policy_settings s = *policy_settings(p);
	struct prefix home = prefix_of("192.168.0.0/16"), masquerading = prefix_of("192.168.0.1");
	struct prefix public_side = prefix_of("203.0.113.5"), relayer = prefix_of("198.51.100.77");
	struct prefix public_v6 = prefix_of("2001:db8:25::5"), relayer_v6 = prefix_of("2001:db8:77::/48");
	struct prefix relayer_before = prefix_of("198.51.100.64");

	s.mode = MODE_ENFORCE;
	s.relay_action = ACTION_REFUSE_RECIPIENT;
	s.tricks_action = ACTION_RESET;
	policy_set(p, &s);
	policy_add_prefix(p, GROUP_ID_HOME, &home);
	policy_exclude_home(p, &masquerading);
	add(p, GROUP_UPSTREAM, "isp", "198.51.100.0/28");
	*mail = add(p, GROUP_SERVER, "mail", "192.168.0.10");
	policy_server_add_public(p, *mail, &public_v6); /* nothing comes in order */
	policy_server_add_public(p, *mail, &public_side);
	policy_server_add_name(p, *mail, "mx.example.org");
	policy_server_add_name(p, *mail, "inside.example.org");
	policy_server_add_domain(p, *mail, "example.org");
	policy_server_add_domain(p, *mail, ".lists.example.org");
	policy_server_add_may_relay(p, *mail, &relayer_v6);
	policy_server_add_may_relay(p, *mail, &relayer);
	policy_server_add_may_relay(p, *mail, &relayer_before);
	add(p, GROUP_SERVER, "second", "2001:db8:25::/64");
	add_rule(p, "in", "isp", "mail", DO_INSPECT);
	add_rule(p, "lan", "home", "servers", DO_INSPECT);
	add_rule(p, "silent", "any", "second", DO_DROP);
	add_rule(p, "never reached", "isp", "mail", DO_DROP);
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	return p;
}

static struct policy_connection judge(const struct policy *p, const char *from, const char *to)
{
	struct addr src = addr_of(from), dst = addr_of(to);

	return policy_judge_connection(p, &src, &dst, SELF_NEITHER);
}

/* self is where the packets are seen, not an address. */
static void self_is_told_not_looked_up(void)
{
	struct policy *p = policy_new();
	struct addr inside = addr_of("192.0.2.1"), world = addr_of("203.0.113.9");
	struct policy_connection c;

	add_rule(p, "out", "self", "any", DO_INSPECT);
	add_rule(p, "in", "any", "self", DO_DROP);
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	c = policy_judge_connection(p, &inside, &world, SELF_NEITHER);
	CU_ASSERT(c.rule == POLICY_OTHERWISE && c.direction == DIRECTION_TRANSIT);
	c = policy_judge_connection(p, &inside, &world, SELF_CLIENT);
	CU_ASSERT(c.rule == 0 && c.what == DO_INSPECT && c.direction == DIRECTION_OUTBOUND);
	CU_ASSERT(!c.client_ours); /* strangers may come through a proxy on the gateway */
	c = policy_judge_connection(p, &world, &inside, SELF_SERVER);
	CU_ASSERT(c.rule == 1 && c.what == DO_DROP && c.direction == DIRECTION_INBOUND);
	policy_free(p);
}

static void first_matching_rule_wins(void)
{
	static const struct {
		const char *from, *to;
		int rule;
		enum policy_do what;
	} cases[] = {
		{ "198.51.100.1", "192.168.0.10", 0, DO_INSPECT },
		{ "192.168.7.7", "192.168.0.10", 1, DO_INSPECT },
		{ "192.168.7.7", "2001:db8:25::1", 1, DO_INSPECT },
		{ "203.0.113.99", "2001:db8:25::1", 2, DO_DROP },
		{ "2001:db8:99::1", "2001:db8:25::1", 2, DO_DROP },
		{ "203.0.113.99", "192.168.0.10", POLICY_OTHERWISE, DO_REFUSE },
		{ "192.168.0.1", "192.168.0.10", POLICY_OTHERWISE, DO_REFUSE },   /* not-home */
		{ "192.168.0.10", "198.51.100.1", POLICY_OTHERWISE, DO_REFUSE },  /* rules have a direction */
		{ "198.51.100.1", "203.0.113.5", POLICY_OTHERWISE, DO_REFUSE },   /* public: not for rules */
		{ "198.51.100.16", "192.168.0.10", POLICY_OTHERWISE, DO_REFUSE }, /* just outside */
	};
	int mail;
	struct policy *p = house(&mail);
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy_connection c = judge(p, cases[i].from, cases[i].to);

		CU_ASSERT_EQUAL(c.rule, cases[i].rule);
		CU_ASSERT_EQUAL(c.what, cases[i].what);
	}
	policy_free(p);
}

static void order_of_rules_decides(void)
{
	unsigned order;

	for (order = 0; order < 2; order++) {
		struct policy *p = policy_new();
		const char *first = order ? "net" : "any";

		add(p, GROUP_NETWORK, "net", "10.0.0.0/8");
		add_rule(p, "first", first, "any", DO_DROP);
		add_rule(p, "second", order ? "any" : "net", "any", DO_INSPECT);
		CU_ASSERT_EQUAL(policy_seal(p), 0);
		CU_ASSERT_EQUAL(judge(p, "10.0.0.1", "10.0.0.2").what, DO_DROP);
		CU_ASSERT_EQUAL(judge(p, "::1", "10.0.0.2").what, order ? DO_INSPECT : DO_DROP);
		policy_free(p);
	}
}

static void otherwise_is_what_the_settings_say(void)
{
	struct policy *p = policy_new();
	struct policy_settings s = *policy_settings(p);

	s.otherwise = DO_INSPECT;
	policy_set(p, &s);
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	CU_ASSERT_EQUAL(judge(p, "10.0.0.1", "::1").what, DO_INSPECT);
	CU_ASSERT_EQUAL(judge(p, "10.0.0.1", "::1").rule, POLICY_OTHERWISE);
	policy_free(p);
}

static void knows_the_four_directions(void)
{
	int mail;
	struct policy *p = house(&mail);

	CU_ASSERT_EQUAL(judge(p, "198.51.100.1", "192.168.0.10").direction, DIRECTION_INBOUND);
	CU_ASSERT_EQUAL(judge(p, "2001:db8:9::1", "2001:db8:25::1").direction, DIRECTION_INBOUND);
	CU_ASSERT_EQUAL(judge(p, "192.168.7.7", "203.0.113.99").direction, DIRECTION_OUTBOUND);
	CU_ASSERT_EQUAL(judge(p, "2001:db8:25::1", "203.0.113.99").direction, DIRECTION_OUTBOUND);
	CU_ASSERT_EQUAL(judge(p, "192.168.7.7", "192.168.0.10").direction, DIRECTION_INTERNAL);
	CU_ASSERT_EQUAL(judge(p, "2001:db8:25::1", "192.168.7.7").direction, DIRECTION_INTERNAL);
	CU_ASSERT_EQUAL(judge(p, "203.0.113.99", "198.51.100.1").direction, DIRECTION_TRANSIT);
	CU_ASSERT_EQUAL(judge(p, "192.168.0.1", "198.51.100.1").direction, DIRECTION_TRANSIT);
	policy_free(p);
}

static void knows_whose_client_it_is(void)
{
	int mail;
	struct policy *p = house(&mail);
	struct policy_connection c = judge(p, "198.51.100.1", "192.168.0.10");

	CU_ASSERT(c.client_upstream && !c.client_ours && !c.client_home);
	CU_ASSERT_EQUAL(c.server, mail);
	c = judge(p, "192.168.7.7", "192.168.0.10");
	CU_ASSERT(!c.client_upstream && c.client_ours && c.client_home);
	c = judge(p, "192.168.0.1", "192.168.0.10"); /* the hole in home */
	CU_ASSERT(!c.client_ours && !c.client_home);
	c = judge(p, "198.51.100.77", "192.168.0.10"); /* may-relay of this server */
	CU_ASSERT(c.client_ours && !c.client_home && !c.client_upstream);
	CU_ASSERT(judge(p, "198.51.100.64", "192.168.0.10").client_ours);
	CU_ASSERT_FALSE(judge(p, "198.51.100.65", "192.168.0.10").client_ours);
	CU_ASSERT(judge(p, "2001:db8:77::1", "192.168.0.10").client_ours);
	c = judge(p, "198.51.100.77", "2001:db8:25::1"); /* but not of that one */
	CU_ASSERT(!c.client_ours);
	CU_ASSERT_EQUAL(c.server, mail + 1);
	c = judge(p, "2001:db8:25::1", "192.168.0.10"); /* another server of ours is no client of ours */
	CU_ASSERT(!c.client_ours);
	c = judge(p, "192.168.7.7", "203.0.113.99");
	CU_ASSERT_EQUAL(c.server, -1);
	CU_ASSERT(c.client_ours);
	policy_free(p);
}

static void first_declared_server_wins(void)
{
	struct policy *p = policy_new();
	int network = add(p, GROUP_NETWORK, "net", "10.0.0.0/8"), i, first;
	char name[16];

	for (i = 0; i < 100; i++) { /* beyond the first word of the set */
		snprintf(name, sizeof(name), "n%d", i);
		add(p, GROUP_NETWORK, name, "10.0.0.0/8");
	}
	first = add(p, GROUP_SERVER, "first", "10.0.0.0/24");
	add(p, GROUP_SERVER, "second", "10.0.0.25");
	CU_ASSERT_EQUAL(policy_seal(p), 0);
	CU_ASSERT(first > 64 && network < 64);
	CU_ASSERT_EQUAL(judge(p, "::1", "10.0.0.25").server, first);
	CU_ASSERT_EQUAL(judge(p, "::1", "10.0.1.25").server, -1);
	policy_free(p);
}

/* ---- recipients ---------------------------------------------------------------------------------- */

/* hops: separated by blanks; "[a]" with a readable address is a literal, "-" is an empty domain. */
static struct smtp_address path_of(enum smtp_form form, const char *hops)
{
	static struct smtp_address a;
	char copy[512], *rest = copy, *text;

	memset(&a, 0, sizeof(a));
	a.form = form;
	snprintf(copy, sizeof(copy), "%s", hops);
	while ((text = strsep(&rest, " ")) && *text) {
		struct smtp_hop *hop = &a.hops[a.hop_count++];
		char inner[64];

		snprintf(hop->domain, sizeof(hop->domain), "%s", *text == '-' ? "" : text);
		hop->len = (uint16_t)strlen(hop->domain);
		snprintf(inner, sizeof(inner), "%s", text + 1);
		inner[strcspn(inner, "]")] = '\0';
		hop->literal = *text == '[' && addr_parse(inner, &hop->addr) == 0;
	}
	return a;
}

struct recipient_case {
	enum smtp_form form;
	const char *hops;
	bool ours, trick;
	unsigned hop;
};

static void judge_all(const struct recipient_case *cases, size_t count)
{
	int mail;
	struct policy *p = house(&mail);
	size_t i;

	for (i = 0; i < count; i++) {
		struct smtp_address a = path_of(cases[i].form, cases[i].hops);
		struct policy_recipient r = policy_judge_recipient(p, mail, &a);
		enum action action = cases[i].ours    ? ACTION_ALERT
		                     : cases[i].trick ? ACTION_RESET
		                                      : ACTION_REFUSE_RECIPIENT;

		if (r.ours != cases[i].ours || r.trick != cases[i].trick || r.hop != cases[i].hop)
			fprintf(stderr, "case \"%s\": ours %d trick %d hop %u\n", cases[i].hops, r.ours,
			        r.trick, r.hop);
		CU_ASSERT_EQUAL(r.ours, cases[i].ours);
		CU_ASSERT_EQUAL(r.trick, cases[i].trick);
		CU_ASSERT_EQUAL(r.hop, cases[i].hop);
		CU_ASSERT_EQUAL(r.action, action);
	}
	policy_free(p);
}

static void recipients_are_judged_hop_by_hop(void)
{
	static const struct recipient_case cases[] = {
		{ SMTP_FORM_BARE, "", true, false, 0 },
		{ SMTP_FORM_NULL, "", false, false, 0 }, /* nobody's mailbox */
		{ SMTP_FORM_PLAIN, "-", true, false, 0 },
		{ SMTP_FORM_PLAIN, "example.org", true, false, 0 },
		{ SMTP_FORM_PLAIN, "EXAMPLE.ORG", true, false, 0 },
		{ SMTP_FORM_PLAIN, "example.org.", true, false, 0 },
		{ SMTP_FORM_PLAIN, "a.example.org", false, false, 0 },
		{ SMTP_FORM_PLAIN, "lists.example.org", false, false, 0 },
		{ SMTP_FORM_PLAIN, "a.b.lists.example.org", true, false, 0 },
		{ SMTP_FORM_PLAIN, ".lists.example.org", false, false, 0 },
		{ SMTP_FORM_PLAIN, "example.net", false, false, 0 },
		{ SMTP_FORM_PLAIN, "mx.example.org", true, false, 0 },
		{ SMTP_FORM_PLAIN, "a.mx.example.org", false, false, 0 },
		{ SMTP_FORM_PLAIN, "inside.example.org", true, false, 0 },
		{ SMTP_FORM_PLAIN, "localhost", true, false, 0 },
		{ SMTP_FORM_PERCENT, "example.org example.net", false, true, 1 },
		{ SMTP_FORM_PERCENT, "example.net example.org", false, false, 0 },
		{ SMTP_FORM_PERCENT, "example.org mx.example.org", true, false, 1 },
		{ SMTP_FORM_ROUTE, "example.org mx.example.org example.net example.com", false, false, 2 },
		{ SMTP_FORM_PERCENT, "example.org mx.example.org example.net example.com", false, true, 2 },
		{ SMTP_FORM_ROUTE, "example.org localhost -", true, false, 2 },
		{ SMTP_FORM_BANG, "- example.net", false, true, 1 },
	};

	judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void literals_of_the_server_are_ours(void)
{
	static const struct recipient_case cases[] = {
		{ SMTP_FORM_LITERAL, "[192.168.0.10]", true, false, 0 },
		{ SMTP_FORM_LITERAL, "[203.0.113.5]", true, false, 0 },
		{ SMTP_FORM_LITERAL, "[2001:db8:25::5]", true, false, 0 },
		{ SMTP_FORM_LITERAL, "[2001:db8:25::6]", false, false, 0 }, /* the other server's */
		{ SMTP_FORM_LITERAL, "[192.168.0.11]", false, false, 0 },
		{ SMTP_FORM_LITERAL, "[198.51.100.77]", false, false, 0 }, /* may relay, is not the server */
		{ SMTP_FORM_LITERAL, "[127.0.0.1]", true, false, 0 },
		{ SMTP_FORM_LITERAL, "[127.255.0.9]", true, false, 0 },
		{ SMTP_FORM_LITERAL, "[128.0.0.1]", false, false, 0 },
		{ SMTP_FORM_LITERAL, "[::1]", true, false, 0 },
		{ SMTP_FORM_LITERAL, "[::2]", false, false, 0 },
		{ SMTP_FORM_LITERAL, "[mx.example.org]", true, false, 0 },
		{ SMTP_FORM_LITERAL, "[localhost]", true, false, 0 },
		{ SMTP_FORM_LITERAL, "[example.org]", false, false, 0 }, /* a domain is no host */
		{ SMTP_FORM_LITERAL, "[]", false, false, 0 },
		{ SMTP_FORM_LITERAL, "[", false, false, 0 },
		{ SMTP_FORM_PLAIN, "192.168.0.10", false, false, 0 }, /* no literal without brackets */
		{ SMTP_FORM_MIXED, "[203.0.113.5] example.net", false, true, 1 },
	};

	judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void unreadable_paths_are_never_ours(void)
{
	static const struct recipient_case cases[] = {
		{ SMTP_FORM_MALFORMED, "", false, false, 0 },
		{ SMTP_FORM_MALFORMED, "example.org", false, true, 0 },
		{ SMTP_FORM_MALFORMED, "example.org localhost", false, true, 1 },
		{ SMTP_FORM_MALFORMED, "example.net", false, false, 0 },
		{ SMTP_FORM_MALFORMED, "example.org example.net", false, true, 1 },
		{ SMTP_FORM_MALFORMED, "example.org - - - - - - -", false, true, 7 },
	};

	judge_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void knows_its_own_names(void)
{
	static const struct {
		const char *path;
		bool ours, foreign;
	} cases[] = {
		{ "<a@example.org>", true, false },
		{ "<a@EXAMPLE.ORG.>", true, false },
		{ "<a@deep.lists.example.org>", true, false },
		{ "<a@mx.example.org>", true, false },
		{ "<a@[203.0.113.5]>", true, false },
		{ "<a@[192.168.0.10]>", true, false },
		{ "<a@[IPv6:2001:db8:25::7]>", true, false }, /* the second server's */
		{ "<a@sub.example.org>", false, true },
		{ "<a@example.net>", false, true },
		{ "<a@[127.0.0.1]>", false, false },
		{ "<root@LocalHost>", false, false },
		{ "<a>", false, false },
		{ "<>", false, false },
	};
	int mail;
	struct policy *p = house(&mail);
	struct smtp_address a;
	unsigned i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		smtp_address_parse(cases[i].path, strlen(cases[i].path), &a);
		CU_ASSERT_EQUAL(policy_owns(p, &a), cases[i].ours);
		CU_ASSERT_EQUAL(policy_disowns(p, &a), cases[i].foreign);
	}
	policy_free(p);

	p = policy_new(); /* lists no domain: nobody knows what is foreign */
	policy_add_group(p, GROUP_SERVER, "mail");
	policy_seal(p);
	smtp_address_parse("<a@example.net>", 15, &a);
	CU_ASSERT_FALSE(policy_owns(p, &a));
	CU_ASSERT_FALSE(policy_disowns(p, &a));
	policy_free(p);
}

SUITE("decide", { "knows its own names", knows_its_own_names },
        { "self is told, not looked up", self_is_told_not_looked_up },
        { "first matching rule wins", first_matching_rule_wins },
        { "order of rules decides", order_of_rules_decides },
        { "otherwise is what the settings say", otherwise_is_what_the_settings_say },
        { "knows the four directions", knows_the_four_directions },
        { "knows whose client it is", knows_whose_client_it_is },
        { "first declared server wins", first_declared_server_wins },
        { "recipients are judged hop by hop", recipients_are_judged_hop_by_hop },
        { "literals of the server are ours", literals_of_the_server_are_ours },
        { "unreadable paths are never ours", unreadable_paths_are_never_ours })
