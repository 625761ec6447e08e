/* ruleset_inner.h - what a ruleset is built with; for ruleset.c and ruleset_pairs.c only. */
#ifndef GATE_RULESET_INNER_H
#define GATE_RULESET_INNER_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/blocked.h"
#include "gate/model.h"
#include "gate/ruleset.h"

enum { SET_UNKNOWN = -2, SET_NONE = -1 };
enum standing { STANDING_NOW, STANDING_FORMER, STANDINGS }; /* of members */
enum direction { TOSERVER, TOCLIENT, DIRECTIONS };

/* Indexed by direction: chains; fields, by family, that tell the client to the server, and the server to the client. */
extern const enum model_field pairs_fields[FAMILY_COUNT][DIRECTIONS];
extern const enum model_chain_id pairs_chains[DIRECTIONS];

struct build {
	struct ruleset *r;
	const struct policy *policy;
	const struct ruleset_settings *s;
	uint32_t queued, inspected, reset, bulk, sealed;      /* mark bits in their place */
	int sets[POLICY_GROUPS_MAX][FAMILY_COUNT][STANDINGS]; /* index, or SET_ value */
	unsigned ports, bypass;
	unsigned blocks[BLOCKED_SETS];
};

/* Index of the group's set, made at its first use; SET_NONE if the group has no address there. */
int pairs_set(struct build *b, unsigned group, enum model_family family, enum standing standing);
/* One rule of the configuration: all its pairs, in both directions. to: the chain that does what it says. */
void pairs_add_rule(struct build *b, const struct policy_rule_view *rule, enum model_chain_id to);
/* What is left: any to any. */
void pairs_add_rest(struct build *b, enum model_chain_id to, const char *comment);

#endif
