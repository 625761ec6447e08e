/* gate_policies.h - policies that several gate tests use. */
#ifndef UNIT_GATE_POLICIES_H
#define UNIT_GATE_POLICIES_H

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "gate/ruleset.h"
#include "policy/policy.h"

static const struct ruleset_settings gate_example_settings = {
	.table = "postern",
	.priority = -5,
	.mark_mask = 0x0f000000,
	.queue = 2500,
	.queues = 1,
	.hooks = 1 << RULESET_FORWARD | 1 << RULESET_INPUT | 1 << RULESET_OUTPUT,
	.log_group = 2500,
	.blocks = 65536,
	.bypass = true,
};

static inline struct policy *gate_policy(enum policy_mode mode, enum policy_do otherwise)
{
	struct policy *p = policy_new();

	assert(p);
	policy_set(p, &(const struct policy_settings) {
	                      .mode = mode, .otherwise = otherwise, .ports = { 25 }, .port_count = 1 });
	return p;
}

static inline void gate_add(struct policy *p, int group, const char *text)
{
	struct prefix prefix;
	int bad = prefix_parse(text, &prefix) || policy_add_prefix(p, group, &prefix);

	assert(!bad);
}

static inline int gate_group(struct policy *p, enum policy_group_kind kind, const char *name, ...)
{
	int group = policy_add_group(p, kind, name);
	const char *text;
	va_list list;

	assert(group >= 0);
	va_start(list, name);
	while ((text = va_arg(list, const char *)))
		gate_add(p, group, text);
	va_end(list);
	return group;
}

static inline void gate_rule(struct policy *p, const char *title, int from, int to, enum policy_do what)
{
	struct policy_groups f = { 0 }, t = { 0 };
	int index;

	f.w[from / 64] |= 1ULL << from % 64;
	t.w[to / 64] |= 1ULL << to % 64;
	index = policy_add_rule(p, title, &f, &t, what);
	assert(index >= 0);
}

/* The ISP-forwarding pattern. Sealed. */
static inline struct policy *gate_example_policy(enum policy_mode mode)
{
	struct policy *p = gate_policy(mode, DO_REFUSE);
	int isp = gate_group(p, GROUP_UPSTREAM, "isp", "198.51.100.10", "2001:db8:25::/64", NULL);
	int mail = gate_group(p, GROUP_SERVER, "mail", "192.168.10.10", "fd00:25:10::10", NULL);
	int bad;

	gate_add(p, GROUP_ID_HOME, "192.168.0.0/16");
	gate_add(p, GROUP_ID_HOME, "fd00:25::/32");
	gate_rule(p, "in", isp, mail, DO_INSPECT);
	gate_rule(p, "out", mail, isp, DO_INSPECT);
	gate_rule(p, "lan", GROUP_ID_HOME, mail, DO_INSPECT);
	bad = policy_seal(p);
	assert(!bad);
	return p;
}

#endif
