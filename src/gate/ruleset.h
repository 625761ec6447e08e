/* ruleset.h - policy to the ruleset that is wanted in the kernel: a model of sets, chains and rules
 * that both nft text (print) and netlink messages (gate/netlink.c) are made from. Pure. */
#ifndef GATE_RULESET_H
#define GATE_RULESET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/policy.h"

struct ruleset;

/* Where the base chains hang. */
enum ruleset_hook { RULESET_FORWARD, RULESET_INPUT, RULESET_OUTPUT, RULESET_HOOK_COUNT };

enum { RULESET_QUEUES_MAX = 16, RULESET_BLOCKS_MAX = 1 << 20 };

struct ruleset_settings {
	const char *table;
	int priority;
	uint32_t mark_mask;
	uint16_t queue;     /* first queue number */
	uint16_t queues;    /* how many, from it on: 1..RULESET_QUEUES_MAX */
	unsigned hooks;     /* 1 << enum ruleset_hook each */
	uint16_t log_group; /* nflog group of refused tries */
	bool drop_invalid;  /* what conntrack calls invalid does not reach the queue */
	uint32_t blocks;    /* room for blocks: so many hosts, and so many prefixes, of each family; > 0 */
	bool bypass;        /* queue rule lets packets pass when nobody listens (fail = open) */
};

/* NULL with errno. Borrows nothing: policy may go afterwards. */
struct ruleset *ruleset_build(const struct policy *policy, const struct ruleset_settings *s);
void ruleset_free(struct ruleset *r);
/* nft syntax, loadable with nft -f on a kernel with the native queue expression. 0 or -EIO. */
int ruleset_print(const struct ruleset *r, FILE *to);

#endif
