/* inner.h - what a policy is made of; for the files of this room only. */
#ifndef POLICY_INNER_H
#define POLICY_INNER_H

#include "policy/names.h"
#include "policy/policy.h"
#include "policy/prefixes.h"
#include "policy/ranges.h"
#include "policy/suppress.h"
#include "policy/watching.h"

/* What only a GROUP_SERVER has. */
struct policy_server {
	struct prefixes public_side; /* its addresses as the world writes them */
	struct prefixes may_relay;
	unsigned users;     /* policies that share it, once sealed */
	struct names hosts; /* its own names, "localhost" among them */
	struct names domains;
};

struct policy_group {
	enum policy_group_kind kind;
	char name[POLICY_NAME_MAX];
	struct policy_server *server; /* NULL for other kinds */
	bool followed, resolved, fixed_known;
	struct prefixes fixed,
	        former; /* of followed groups: what the configuration says itself; what is left of before */
};

struct policy_rule {
	char *title;
	struct policy_groups from, to;
	enum policy_do what;
	bool stand_in;
};

struct policy {
	bool sealed;
	struct policy_settings settings;
	struct watching watching;
	struct suppressions suppressions;
	unsigned group_count, rule_count;
	struct policy_group groups[POLICY_GROUPS_MAX];
	struct prefixes members[POLICY_GROUPS_MAX]; /* by group id */
	struct prefixes not_home;
	struct policy_rule rules[2 * POLICY_RULES_MAX]; /* room for a stand-in of each */
	/* after policy_seal() */
	struct ranges ranges[2];          /* [addr_is_v4()] */
	struct policy_groups upstreams;   /* the ids of that kind */
	struct policy_groups server_kind; /* likewise */
};

/* The rules that stand in for those of unresolved groups. 0 or -ENOMEM. */
int policy_add_stand_ins(struct policy *p);
void policy_free_server(struct policy_server *s); /* unless another policy shares it */

#endif
