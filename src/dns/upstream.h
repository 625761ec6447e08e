/* upstream.h - the addresses of one upstream as the DNS gives them over time: which count now, which left and
 * how long ago, what is held because the DNS has no answer. Pure: time is an argument.
 *
 * Times are seconds of the wall clock, since they outlive the process.
 */
#ifndef DNS_UPSTREAM_H
#define DNS_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "dns/answer.h"
#include "dns/walk.h"

enum { UPSTREAM_TITLE_MAX = 64, UPSTREAM_ENTRIES_MAX = 16384 };

/* Which connections an entry lets through. */
enum upstream_standing {
	UPSTREAM_NOW,    /* all: in DNS, or in its grace */
	UPSTREAM_FORMER, /* those that are open */
	UPSTREAM_GONE
};

struct upstream_entry {
	struct prefix prefix;
	char host[DNS_NAME_MAX];
	uint64_t since_s; /* in DNS without a break longer than the grace */
	uint64_t left_s;  /* 0 = the DNS has it */
	uint64_t ttl_end_s;
	uint16_t root;
	uint8_t validation; /* enum dns_validation */
	uint8_t standing;   /* enum upstream_standing, at the last look */
};

/* One name that the upstream is followed by. */
struct upstream_root {
	enum dns_source source;
	char name[DNS_NAME_MAX];
	uint64_t resolved_s; /* first; 0 = never */
	uint64_t good_s;     /* last whole answer */
	uint64_t held_s;   /* since when the last good answer stands for what DNS does not say; 0 = it does */
	uint64_t due_s;    /* to be asked again */
	unsigned failures; /* in a row */
	enum dns_status status;
	char trouble[DNS_WHY_MAX], note[DNS_WHY_MAX];
};

struct upstream {
	char title[UPSTREAM_TITLE_MAX];
	uint64_t grace_s;
	uint64_t refresh_s; /* no name is asked again sooner */
	bool allow_private;
	struct upstream_root *roots;
	size_t root_count;
	struct upstream_entry *entries;
	size_t entry_count, entry_room;
};

/* What an answer, or the passing of time, has changed. */
struct upstream_change {
	unsigned added, back, left, expired;
	bool shrank;    /* fewer addresses in DNS than before */
	bool held;      /* from now on: the DNS has no answer, the last good one stays */
	bool released;  /* it has one again */
	bool resolved;  /* the upstream is complete for the first time */
	bool weaker;    /* what was validated is not any more */
	bool no_memory; /* something could not be added; asked again soon */
};

/* Zeroed memory with title and settings is an upstream without names. name: folded. 0 or -ENOMEM. */
int upstream_add_root(struct upstream *u, enum dns_source source, const char *name);
void upstream_fini(struct upstream *u);

/* The walk of this root is done. */
void upstream_take(struct upstream *u, unsigned root, const struct walk *w, uint64_t now_s,
        struct upstream_change *change);
/* Somebody has set the clock by so much: graces last as long as they did. */
void upstream_set_clock(struct upstream *u, int64_t jump_s);
/* Graces that have ended. About once a second. */
void upstream_tick(struct upstream *u, uint64_t now_s, struct upstream_change *change);
/* Of a former life. 0 or -ENOMEM; entries of roots that are not there any more are not for here. */
int upstream_put(struct upstream *u, const struct upstream_entry *e);

/* Every name has resolved once. */
bool upstream_is_resolved(const struct upstream *u);
bool upstream_is_due(const struct upstream *u, unsigned root, uint64_t now_s);
/* Of an entry, now. */
enum upstream_standing upstream_standing(
        const struct upstream *u, const struct upstream_entry *e, uint64_t now_s);
/* Addresses in DNS. */
unsigned upstream_count(const struct upstream *u);

#endif
