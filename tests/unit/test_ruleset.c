/* test_ruleset.c - the text of rulesets, for several policies. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate_policies.h"
#include "suite.h"

/* The ruleset of a policy (sealed here, freed here) as text; caller frees. */
static char *render(struct policy *p, const struct ruleset_settings *s)
{
	struct ruleset *r = ruleset_build(p, s);
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_EQUAL(ruleset_print(r, to), 0);
	fclose(to);
	ruleset_free(r);
	policy_free(p);
	return text;
}

static char *render_sealed(struct policy *p)
{
	CU_ASSERT_EQUAL_FATAL(policy_seal(p), 0);
	return render(p, &gate_example_settings);
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* Both parts are there, in this order. */
static bool follows(const char *text, const char *first, const char *second)
{
	const char *at = strstr(text, first);

	return at && strstr(at, second);
}

static void keeps_order_and_mirrors(void)
{
	char *text = render(gate_example_policy(MODE_ENFORCE), &gate_example_settings);
	const char *toserver = strstr(text, "chain toserver"), *toclient = strstr(text, "chain toclient");

	CU_ASSERT_PTR_NOT_NULL_FATAL(toserver);
	CU_ASSERT_PTR_NOT_NULL_FATAL(toclient);
	CU_ASSERT(follows(
	        toserver, "ct mark & 0x04000000 != 0x0 goto cut", "ip saddr @isp_v4 ip daddr @mail_v4"));
	CU_ASSERT(follows(toserver, "ip saddr @isp_v4 ip daddr @mail_v4 goto inspect comment \"rule in\"",
	        "ip6 saddr @mail_v6 ip6 daddr @isp_v6 goto inspect comment \"rule out\""));
	CU_ASSERT(follows(toserver, "comment \"rule lan\"", "goto refuse comment \"otherwise\""));
	CU_ASSERT(follows(toclient, "ip saddr @mail_v4 ip daddr @isp_v4 goto inspect comment \"rule in\"",
	        "ip6 saddr @isp_v6 ip6 daddr @mail_v6 goto inspect comment \"rule out\""));
	CU_ASSERT(follows(toclient, "comment \"rule lan\"", "goto refuse comment \"otherwise\""));
	free(text);
}

static void monitor_refuses_nothing(void)
{
	struct policy *p = gate_policy(MODE_MONITOR, DO_REFUSE);
	char *text;

	gate_rule(p, "no", GROUP_ID_ANY, gate_group(p, GROUP_SERVER, "mail", "192.0.2.1", NULL), DO_DROP);
	text = render_sealed(p);
	CU_ASSERT(!has(text, "drop"));
	CU_ASSERT(!has(text, "goto refuse") && !has(text, "chain refuse"));
	CU_ASSERT_EQUAL(count(text, "reject"),
	        3); /* the answer to a verdict, and whom the operator himself blocks, or limits */
	CU_ASSERT(has(text, "ip daddr @mail_v4 goto would comment \"rule no\""));
	CU_ASSERT(follows(text, "log prefix \"postern-would \"", "goto inspect"));
	free(text);
}

static void enforce_logs_then_refuses(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_DROP);
	char *text;

	gate_rule(p, "no", GROUP_ID_ANY, gate_group(p, GROUP_SERVER, "mail", "192.0.2.1", NULL), DO_REFUSE);
	text = render_sealed(p);
	CU_ASSERT(has(text, "tcp dport @ports limit rate 200/second burst 200 packets log prefix "
	                    "\"postern-refuse \" group 2500 snaplen 128\n"));
	CU_ASSERT(has(text, "counter name refused reject with tcp reset"));
	CU_ASSERT(follows(text, "log prefix \"postern-drop \" group 2500", "counter name refused drop"));
	CU_ASSERT(has(text, "goto discard comment \"otherwise\""));
	CU_ASSERT(!has(text, "would"));
	free(text);
}

static void any_needs_no_set(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	int mail = gate_group(p, GROUP_SERVER, "mail", "192.0.2.1", NULL);
	char *text;

	gate_rule(p, "in", GROUP_ID_ANY, mail, DO_INSPECT);
	gate_rule(p, "all", GROUP_ID_ANY, GROUP_ID_ANY, DO_INSPECT);
	text = render_sealed(p);
	CU_ASSERT(!has(text, "@any"));
	CU_ASSERT(has(text, "\t\tip daddr @mail_v4 goto inspect comment \"rule in\"\n"));
	CU_ASSERT(has(text, "\t\tip saddr @mail_v4 goto inspect comment \"rule in\"\n"));
	CU_ASSERT(!has(text, "mail_v6")); /* it has no such address */
	CU_ASSERT_EQUAL(count(text, "\t\tgoto inspect comment \"rule all\"\n"), 2);
	free(text);
}

static void empty_groups_leave_the_rule_out(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	int none = gate_group(p, GROUP_UPSTREAM, "isp", NULL);
	int v4 = gate_group(p, GROUP_SERVER, "mail", "192.0.2.1", NULL);
	int v6 = gate_group(p, GROUP_NETWORK, "six", "2001:db8::/32", NULL);
	char *text;

	gate_rule(p, "in", none, v4, DO_INSPECT);
	gate_rule(p, "mixed", v6, v4, DO_INSPECT);
	text = render_sealed(p);
	CU_ASSERT(!has(text, "isp_v4") && !has(text, "isp_v6"));
	CU_ASSERT_EQUAL(count(text, "\t\t# rule in: "), 2);
	CU_ASSERT_EQUAL(count(text, "\t\t# rule mixed: "), 2);
	CU_ASSERT(!has(text, "comment \"rule"));
	free(text);
}

static void names_become_identifiers(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	int groups[] = {
		gate_group(p, GROUP_NETWORK, "a b", "192.0.2.1", NULL),
		gate_group(p, GROUP_NETWORK, "a-b", "192.0.2.2", NULL),
		gate_group(p, GROUP_NETWORK, "bare_acks", "192.0.2.3", NULL),
		gate_group(p, GROUP_NETWORK, "4ever", "192.0.2.4", NULL),
		gate_group(p, GROUP_NETWORK, "büro\"\n}", "192.0.2.5", NULL),
		gate_group(p, GROUP_LITERAL, "192.0.2.0/24", "192.0.2.0/24", NULL),
	};
	static const char *const sets[] = { "set a_b_v4 ", "set a_b_2_v4 ", "set bare_acks_2_v4 ",
		"set g_4ever_v4 ", "set b__ro____v4 ", "set net_192_0_2_0_24_v4 " };
	char *text;

	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		gate_rule(p, "x\"\n}", groups[i], GROUP_ID_ANY, DO_INSPECT);
	text = render_sealed(p);
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		CU_ASSERT(has(text, sets[i]));
		if (!has(text, sets[i]))
			printf("no %s\n", sets[i]);
	}
	CU_ASSERT(has(text, "comment \"rule x??}\"\n"));
	free(text);
}

static void many_groups_expand(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	struct policy_groups from = { 0 }, to = { 0 };
	char name[16], address[16], *text;

	for (int i = 0; i < 4; i++) {
		int group;

		snprintf(name, sizeof(name), "g%d", i);
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		group = gate_group(p, GROUP_NETWORK, name, address, NULL);
		(i < 2 ? &from : &to)->w[group / 64] |= 1ULL << group % 64;
	}
	CU_ASSERT(policy_add_rule(p, "many", &from, &to, DO_INSPECT) >= 0);
	text = render_sealed(p);
	CU_ASSERT_EQUAL(count(text, "comment \"rule many\""), 2 * 2 * 2);
	CU_ASSERT(has(text, "ip saddr @g1_v4 ip daddr @g3_v4 goto inspect"));
	CU_ASSERT(has(text, "ip saddr @g3_v4 ip daddr @g1_v4 goto inspect"));
	free(text);
}

static void self_is_a_place(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	int isp = gate_group(p, GROUP_UPSTREAM, "isp", "192.0.2.1", NULL);
	char *text;

	gate_rule(p, "out", GROUP_ID_SELF, isp, DO_INSPECT);
	gate_rule(p, "in", GROUP_ID_ANY, GROUP_ID_SELF, DO_INSPECT);
	gate_rule(p, "loop", GROUP_ID_SELF, GROUP_ID_SELF, DO_INSPECT);
	text = render_sealed(p);
	CU_ASSERT(follows(
	        text, "chain toserver", "\t\tiif 0 ip daddr @isp_v4 goto inspect comment \"rule out\"\n"));
	CU_ASSERT(follows(
	        text, "chain toclient", "\t\toif 0 ip saddr @isp_v4 goto inspect comment \"rule out\"\n"));
	CU_ASSERT(follows(text, "chain toserver", "\t\toif 0 goto inspect comment \"rule in\"\n"));
	CU_ASSERT(follows(text, "chain toclient", "\t\tiif 0 goto inspect comment \"rule in\"\n"));
	CU_ASSERT_EQUAL(count(text, "comment \"rule in\""), 2);
	CU_ASSERT_EQUAL(count(text, "\t\t# rule loop: "), 2);
	CU_ASSERT(!has(text, "self_v"));
	free(text);
}

static void hooks_exempt_loopback(void)
{
	static const char *const names[] = { "forward", "input", "output" };
	struct ruleset_settings s = gate_example_settings;
	char hook[32], *text;

	for (unsigned i = 0; i < RULESET_HOOK_COUNT; i++) {
		s.hooks = 1U << i;
		text = render(gate_example_policy(MODE_ENFORCE), &s);
		snprintf(hook, sizeof(hook), "hook %s priority", names[i]);
		CU_ASSERT_EQUAL(count(text, " hook "), 2);
		CU_ASSERT_EQUAL(count(text, hook), 2);
		CU_ASSERT_EQUAL(count(text, "\t\tiif \"lo\" accept\n"), i == RULESET_INPUT ? 2 : 0);
		CU_ASSERT_EQUAL(count(text, "\t\toif \"lo\" accept\n"), i == RULESET_OUTPUT ? 2 : 0);
		CU_ASSERT_EQUAL(count(text, "\t\tct state related tcp flags & (rst) == rst meta mark set "
		                            "meta mark & 0xf0ffffff accept\n"),
		        i == RULESET_OUTPUT ? 1 : 0);
		free(text);
	}
}

static void families_are_apart(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	int world = gate_group(p, GROUP_NETWORK, "world", "::/0", NULL);
	char *text;

	gate_rule(p, "w", world, GROUP_ID_ANY, DO_INSPECT);
	text = render_sealed(p);
	CU_ASSERT(!has(text, "world_v4"));
	CU_ASSERT(follows(text, "set world_v6", "::/0"));
	free(text);
}

static void bare_acks_are_all_lengths(void)
{
	char *text = render(gate_example_policy(MODE_ENFORCE), &gate_example_settings);

	CU_ASSERT(follows(text, "set bare_acks_v4", "size 121"));
	CU_ASSERT(has(text, " 5 . 8 . 52,"));
	CU_ASSERT(has(text, "\t15 . 15 . 120\n"));
	CU_ASSERT(follows(text, "set bare_acks_v6", "size 11"));
	CU_ASSERT(has(text, " 8 . 32,"));
	free(text);
}

static void marks_stay_under_the_mask(void)
{
	struct ruleset_settings s = gate_example_settings;
	char *text;

	s.mark_mask = 0x00000ff0;
	s.bypass = false;
	s.queue = 7;
	s.queues = 4;
	s.priority = 10;
	text = render(gate_example_policy(MODE_ENFORCE), &s);
	CU_ASSERT(has(text,
	        "meta mark set meta mark & 0xfffff00f | 0x00000010 counter name queued symhash mod 4 vmap "
	        "{ 0 : goto worker_0, 1 : goto worker_1, 2 : goto worker_2, 3 : goto worker_3 }\n"));
	CU_ASSERT(has(text, "chain worker_3 {\n\t\tqueue to 10\n"));
	CU_ASSERT(has(text, "chain toserver {\n\t\tmeta mark & 0x00000ff0 != 0x0 meta mark set meta mark & "
	                    "0xfffff00f\n"));
	CU_ASSERT(has(text, "chain toclient {\n\t\tmeta mark & 0x00000ff0 != 0x0 meta mark set meta mark & "
	                    "0xfffff00f\n"));
	CU_ASSERT(has(text,
	        "ct state related tcp flags & (rst) == rst meta mark set meta mark & 0xfffff00f accept\n"));
	CU_ASSERT(has(text, "meta mark & 0x00000010 != 0x0 counter name blind\n"));
	CU_ASSERT(has(text, "meta mark & 0x000000a0 != 0x0 counter name inspected\n"));
	CU_ASSERT(has(text, "ct mark set ct mark & 0xffffffbf | 0x00000040\n"));
	CU_ASSERT(has(text, "ct mark set ct mark & 0xffffff6f | 0x00000080\n"));
	CU_ASSERT(has(text, "ct mark set ct mark & 0xffffff6f | 0x00000090\n"));
	CU_ASSERT(has(text, "meta mark & 0x00000030 != 0x0 ct mark & 0x00000090 != 0x0 ct mark set ct mark & "
	                    "0xffffff6f\n"));
	CU_ASSERT(has(text, "hook forward priority 10;"));
	CU_ASSERT(has(text, "hook forward priority 11;"));
	free(text);
}

/* The text for the example policy whose bodies are watched so, from those trusted: the ISP and the gateway itself. */
static char *render_watching(enum policy_watch watch)
{
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct policy_settings s = *policy_settings(p);

	s.watch = watch;
	policy_groups_add(&s.trusted, (unsigned)policy_group_find(p, "isp"));
	policy_groups_add(&s.trusted, GROUP_ID_SELF);
	policy_set(p, &s);
	return render(p, &gate_example_settings);
}

#define PLAIN "tcp flags & (fin | syn | rst | urg) == 0x0 "
#define BODY PLAIN "ct mark & 0x08000000 != 0x0 tcp dport @ports "

static void bodies_pass_by_their_senders(void)
{
	char *text = render_watching(WATCH_NONE);
	const char *inspect = strstr(text, "chain inspect {");

	CU_ASSERT_PTR_NOT_NULL_FATAL(inspect);
	CU_ASSERT(has(inspect, BODY "ip saddr @isp_v4 counter name bodies accept\n"));
	CU_ASSERT(has(inspect, BODY "ip6 saddr @isp_v6 counter name bodies accept\n"));
	CU_ASSERT(has(inspect, BODY "iif 0 counter name bodies accept\n"));
	CU_ASSERT_EQUAL(count(text, "counter name bodies"), 3);
	CU_ASSERT(follows(text, "goto cut", "chain inspect {")); /* resets and rules come first */
	CU_ASSERT(follows(inspect, PLAIN "ct mark & 0x01000000 != 0x0 counter name sealed accept\n", BODY));
	CU_ASSERT(follows(inspect, BODY, "counter name queued"));
	free(text);

	text = render_watching(WATCH_ALL);
	CU_ASSERT(!has(text, "counter name bodies"));
	CU_ASSERT_EQUAL(count(text, "counter name sealed"), 1);
	free(text);
}

static void refuses_settings_that_cannot_be(void)
{
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct ruleset_settings bad[9];

	for (unsigned i = 0; i < 9; i++)
		bad[i] = gate_example_settings;
	bad[0].table = "x { }";
	bad[1].mark_mask = 0;
	bad[2].mark_mask = 0x07000000;
	bad[3].mark_mask = 0x05050505;
	bad[4].queues = 0;
	bad[5].queue = 65535, bad[5].queues = 2;
	bad[6].queues = RULESET_QUEUES_MAX + 1;
	bad[7].hooks = 0;
	bad[8].hooks = 1 << RULESET_HOOK_COUNT;
	for (unsigned i = 0; i < 9; i++) {
		errno = 0;
		CU_ASSERT_PTR_NULL(ruleset_build(p, &bad[i]));
		CU_ASSERT_EQUAL(errno, EINVAL);
	}
	policy_free(p);
}

static void bounds_the_expansion(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	struct policy_groups all = { 0 };
	char name[16];

	for (int i = 0; i < 100; i++) {
		int group;

		snprintf(name, sizeof(name), "192.0.2.%d", i);
		group = gate_group(p, GROUP_NETWORK, name, name, NULL);
		all.w[group / 64] |= 1ULL << group % 64;
	}
	CU_ASSERT(policy_add_rule(p, "all", &all, &all, DO_INSPECT) >= 0);
	CU_ASSERT_EQUAL_FATAL(policy_seal(p), 0);
	errno = 0;
	CU_ASSERT_PTR_NULL(ruleset_build(p, &gate_example_settings));
	CU_ASSERT_EQUAL(errno, E2BIG);
	policy_free(p);
}

static void tells_a_full_disk(void)
{
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct ruleset *r = ruleset_build(p, &gate_example_settings);
	FILE *full = fopen("/dev/full", "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT_PTR_NOT_NULL_FATAL(full);
	CU_ASSERT_EQUAL(ruleset_print(r, full), -EIO);
	fclose(full);
	ruleset_free(r);
	policy_free(p);
}

SUITE("ruleset", { "keeps the order and mirrors it", keeps_order_and_mirrors },
        { "monitor mode refuses nothing", monitor_refuses_nothing },
        { "enforce mode logs, then refuses", enforce_logs_then_refuses },
        { "any needs no set", any_needs_no_set },
        { "empty groups leave the rule out", empty_groups_leave_the_rule_out },
        { "names become identifiers", names_become_identifiers },
        { "several groups expand", many_groups_expand }, { "self is a place", self_is_a_place },
        { "hooks exempt loopback", hooks_exempt_loopback }, { "::/0 holds no IPv4", families_are_apart },
        { "bare ACKs have all header lengths", bare_acks_are_all_lengths },
        { "marks stay under the mask", marks_stay_under_the_mask },
        { "bodies pass by their senders", bodies_pass_by_their_senders },
        { "impossible settings are refused", refuses_settings_that_cannot_be },
        { "expansion is bounded", bounds_the_expansion }, { "a full disk is told", tells_a_full_disk })
