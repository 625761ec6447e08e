/* blockbook.h - what is done about which clients, until when, and on whose word: they are blocked, or something milder. Pure:
 * time is an argument, any clock will do that never goes back.
 *
 * There is one entry, called a block whatever it does, for each prefix. They may overlap; what has to be in the kernel then
 * is worked out by blockbook_ranges(): ranges that do not, each until the last block of its action that holds it ends.
 *
 * The book has a fixed number of places. When there is none left, of the blocks that a rule has made the one that ends
 * soonest gives way. What people have blocked never does: they are told that there is no room.
 */
#ifndef POLICY_BLOCKBOOK_H
#define POLICY_BLOCKBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "postern/action.h"

enum { BLOCK_REASON_MAX = 120, BLOCK_BY_RULE = -1 };

struct block {
	struct prefix prefix;
	uint64_t set_us;               /* wall clock, for people; 0 = unknown */
	uint64_t until_us;             /* of the book's clock; BLOCK_FOR_EVER */
	int64_t uid;                   /* BLOCK_BY_RULE, or who it was */
	uint32_t rule;                 /* enum finding_id; 0 = none */
	uint8_t action;                /* enum action: slow, limit, refuse-session or block */
	char reason[BLOCK_REASON_MAX]; /* terminated */
};
#define BLOCK_FOR_EVER UINT64_MAX

struct blockbook;

/* places: 1..2^24. NULL with errno. */
struct blockbook *blockbook_new(uint32_t places, const uint8_t hash_key[HASH_KEY_BYTES]);
void blockbook_free(struct blockbook *b); /* NULL is fine */

/* Writes one, in place of the one of this very prefix. 0; 1: another had to give way, which is in *out (may be NULL);
 * -ENOSPC: there is no room. */
int blockbook_put(struct blockbook *b, const struct block *block, struct block *out);
/* Of this very prefix, or NULL. Valid until the book changes, here and below. */
const struct block *blockbook_find(const struct blockbook *b, const struct prefix *prefix);
/* False if there was none. */
bool blockbook_drop(struct blockbook *b, const struct prefix *prefix);
/* The one that ends soonest, if it has ended by now. */
const struct block *blockbook_ended(const struct blockbook *b, uint64_t now_us);
/* Of those that hold the address and have not ended, the hardest, and of these the one that ends last. */
const struct block *blockbook_holding(const struct blockbook *b, const struct addr *a, uint64_t now_us);
/* All of them, from *cursor = 0 on; NULL behind the last one. */
const struct block *blockbook_scan(const struct blockbook *b, uint32_t *cursor);

uint32_t blockbook_places(const struct blockbook *b);
uint32_t blockbook_count(const struct blockbook *b);
uint32_t blockbook_rules(const struct blockbook *b);    /* of them, made by rules, and not for ever */
uint32_t blockbook_prefixes(const struct blockbook *b); /* of them, wider than a host */
uint32_t blockbook_doing(const struct blockbook *b, enum action action); /* of them, that do this */
/* What a block can do. */
enum block_by { BLOCK_BY_NOBODY, BLOCK_BY_WORKERS, BLOCK_BY_KERNEL };
struct block_way {
	enum block_by by;       /* who does it; BLOCK_BY_NOBODY: no block can */
	uint8_t hardness;       /* more is more about a source */
	const char *noun;       /* "the tar pit of 192.0.2.1" */
	const char *participle; /* "192.0.2.1 is slowed" */
};
extern const struct block_way block_ways[ACTION_COUNT];
/* a does more about a source than b. */
bool block_is_harder(enum action a, enum action b);

/* A part of the address space of one family. */
struct block_range {
	struct addr first, last;
	uint64_t until_us;
	struct prefix by; /* the block that lasts so long there */
};
/* To what this action has to be done because of prefixes, hosts apart: IPv4 first, ascending, disjoint. The caller frees
 * *out; 0 or -ENOMEM. */
int blockbook_ranges(const struct blockbook *b, enum action action, uint64_t now_us, struct block_range **out,
        size_t *count);
bool block_range_same(const struct block_range *a, const struct block_range *b);
/* Their order: by first address; a is before b: < 0. */
int block_range_compare(const struct block_range *a, const struct block_range *b);
/* Calls each for the prefixes that make up a range of one family. */
typedef void blockbook_part(void *arg, const struct prefix *part);
void blockbook_split(const struct addr *first, const struct addr *last, blockbook_part *each, void *arg);

#endif
