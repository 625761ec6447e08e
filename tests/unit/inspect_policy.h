/* inspect_policy.h - the policy under which the packet engine is tested, and fuzzed: one server with two addresses owns
 * example.org, home is 192.168.0.0/16, foreign recipients get `action`, plain or by a trick. */
#ifndef UNIT_INSPECT_POLICY_H
#define UNIT_INSPECT_POLICY_H

#include "policy/policy.h"

#define POLICY_SERVER "192.168.0.10"
#define POLICY_SERVER6 "fd00::10"

enum { SLOW_HOLD_MS = 8000, SLOW_SESSION_MS = 20000 };

static inline struct policy *policy_make(enum policy_mode mode, enum action action)
{
	struct policy_settings s = { .mode = mode,
		.otherwise = DO_INSPECT,
		.relay_action = action,
		.tricks_action = action,
		.max_refusals = 3,
		.slow_hold_ms = SLOW_HOLD_MS,
		.slow_session_ms = SLOW_SESSION_MS,
		.ports = { 25 },
		.port_count = 1 };
	struct policy *p = policy_new();
	struct prefix prefix;
	int group;

	policy_set(p, &s);
	group = policy_add_group(p, GROUP_SERVER, "mail");
	prefix_parse(POLICY_SERVER, &prefix);
	policy_add_prefix(p, group, &prefix);
	prefix_parse(POLICY_SERVER6, &prefix);
	policy_add_prefix(p, group, &prefix);
	policy_server_add_domain(p, group, "example.org");
	prefix_parse("192.168.0.0/16", &prefix);
	policy_add_prefix(p, GROUP_ID_HOME, &prefix);
	policy_seal(p);
	return p;
}

#endif
