/* test_gate_sets.c - a real kernel takes every change from one random set of prefixes to another. */
#include <libmnl/libmnl.h>

#include "gate/gate.h"
#include "gate_policies.h"
#include "netns.h"
#include "prefix_sets.h"
#include "suite.h"

enum { CHANGES = 150 };

static char err[1024];

static void add_random(struct policy *p, int group, bool v6)
{
	struct prefix_set set;

	prefix_set_make(&set, v6);
	for (unsigned i = 0; i < set.count; i++)
		CU_ASSERT_EQUAL(policy_add_prefix(p, group, &set.items[i]), 0);
}

static struct ruleset *random_ruleset(void)
{
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	int isp = gate_group(p, GROUP_UPSTREAM, "isp", NULL);
	struct ruleset *r;

	add_random(p, isp, false);
	add_random(p, isp, true);
	/* so that a set of each family is there, always */
	gate_add(p, isp, "255.255.255.255");
	gate_add(p, isp, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	gate_rule(p, "in", isp, GROUP_ID_ANY, DO_INSPECT);
	CU_ASSERT_EQUAL_FATAL(policy_seal(p), 0);
	r = ruleset_build(p, &gate_example_settings);
	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	policy_free(p);
	return r;
}

static char *set_handles(void)
{
	return netns_shell(NULL, "nft -a list table inet postern 2>/dev/null | grep 'set isp_v[46]'");
}

static void takes_any_change(void)
{
	struct gate *g = gate_open(err, sizeof(err));
	struct ruleset *r = random_ruleset();
	char *before, *after;

	CU_ASSERT_PTR_NOT_NULL_FATAL(g);
	CU_ASSERT_EQUAL_FATAL(gate_install(g, r, err, sizeof(err)), 0);
	ruleset_free(r);
	before = set_handles();
	CU_ASSERT_PTR_NOT_NULL(strstr(before, "isp_v4"));
	CU_ASSERT_PTR_NOT_NULL(strstr(before, "isp_v6"));
	srand(25);
	for (unsigned i = 0; i < CHANGES; i++) {
		r = random_ruleset();
		CU_ASSERT_EQUAL(gate_install(g, r, err, sizeof(err)), 0);
		CU_ASSERT_STRING_EQUAL(err, "");
		CU_ASSERT_EQUAL(gate_compare(g, r, err, sizeof(err)), 0);
		ruleset_free(r);
	}
	after = set_handles();
	CU_ASSERT_STRING_EQUAL(before, after); /* never made anew */
	free(before);
	free(after);
	gate_close(g);
}

SUITE("gate sets", { "takes any change of a set", takes_any_change })
