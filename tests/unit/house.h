/* house.h - addresses and groups for tests of the policy. */
#ifndef UNIT_HOUSE_H
#define UNIT_HOUSE_H

#include "policy/policy.h"
#include "suite.h"

static inline struct addr addr_of(const char *text)
{
	struct addr a = { { 0 } };

	CU_ASSERT_EQUAL(addr_parse(text, &a), 0);
	return a;
}

static inline struct prefix prefix_of(const char *text)
{
	struct prefix p = { .bits = 0 };

	CU_ASSERT_EQUAL(prefix_parse(text, &p), 0);
	return p;
}

/* A group with one prefix. Its id. */
static inline int add(struct policy *p, enum policy_group_kind kind, const char *name, const char *prefix)
{
	struct prefix parsed = prefix_of(prefix);
	int id = policy_add_group(p, kind, name);

	CU_ASSERT_FATAL(id >= 0);
	CU_ASSERT_EQUAL(policy_add_prefix(p, id, &parsed), 0);
	return id;
}

#endif
