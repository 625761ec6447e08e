/* blocks.h - who is blocked, limited, slowed or refused his sessions: on the operator's word or a rule's. Blocks and limits are
 * the kernel's, the others the workers'; then all of them are in the store. */
#ifndef POSTERND_BLOCKS_H
#define POSTERND_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/blockbook.h"

struct blocks;
struct daemon;
struct order;

enum { BLOCKS_TEXT_MAX = 320, BLOCKS_BY_MAX = 48 };
static const uint32_t BLOCKS_SECONDS_MAX = 3650U * 86400;

/* d is borrowed, its gate is open and its configuration is there. NULL with errno. */
struct blocks *blocks_new(struct daemon *d);
void blocks_free(struct blocks *b); /* NULL is fine */

/* Reads what the kernel's sets hold, before anything is done to the table. */
void blocks_find_left(struct blocks *b);
/* The rules stand: what was in force, by the kernel or by the store, is in force again. Before the store is started. */
void blocks_restore(struct blocks *b);

/* By hand, all or nothing. */
struct blocks_wish {
	const struct prefix *list;
	size_t count;
	uint32_t seconds; /* 0 = for ever; BLOCKS_SECONDS_MAX at most */
	uint32_t uid;
	const char *reason;
};
/* What keeps number `index` of the list from being blocked. */
typedef void blocks_fault(void *arg, size_t index, const char *text);
/* 0; -EPERM: some must not be blocked, each was told to fault; -ENOSPC: no room for so many; -errno: the kernel has not
 * taken it. Then nothing has changed. -ESTALE: not in force, although the kernel has taken it. */
int blocks_set(struct blocks *b, const struct blocks_wish *wish, blocks_fault *fault, void *arg);
/* 0; -ENOENT: this very prefix is not blocked; -errno: the kernel refuses, it goes on. */
int blocks_lift(struct blocks *b, const struct prefix *prefix, uint32_t uid);
/* By a rule. What is as hard as what is in force already renews it, what is milder waits for its end. */
void blocks_order(struct blocks *b, const struct order *o);

/* About once a second. */
void blocks_tick(struct blocks *b);
/* Other addresses are ours, or an upstream's: who lies in a block of now is freed. */
void blocks_recheck(struct blocks *b);
/* Another configuration is in force: in monitor mode, what rules have said is lifted, and so are their blocks of addresses that
 * are shared now; the rate of those who are limited may be another one. */
void blocks_set_conf(struct blocks *b);
/* Somebody has made the sets anew: everything is put back. */
void blocks_refill(struct blocks *b);
/* The gateway's addresses have changed (of the descriptor), and the descriptor that tells; -1 = nobody tells. */
int blocks_fd(const struct blocks *b);
void blocks_follow(struct blocks *b);

/* ---- for those who ask ---- */

const struct blockbook *blocks_book(const struct blocks *b);
/* The book's clock. */
uint64_t blocks_now_us(void);
/* "uid 0", "relay.attempt". Returns buf. */
char *blocks_by(const struct block *block, char buf[BLOCKS_BY_MAX]);
/* Until when by the wall clock; 0 = for ever. */
uint64_t blocks_wall_us(uint64_t until_us);
/* How many connections a minute who is limited may open. */
uint32_t blocks_rate(const struct blocks *b);
/* What is wrong at the moment, a sentence each. */
typedef void blocks_wrong(void *arg, const char *text, bool inspecting);
void blocks_each_fault(const struct blocks *b, blocks_wrong *each, void *arg);
/* The longest and the last time from a rule's finding to its block being in force, so far; 0 = none yet. */
struct blocks_delay {
	uint64_t last_us, longest_us;
};
struct blocks_delay blocks_delay(const struct blocks *b);

#endif
