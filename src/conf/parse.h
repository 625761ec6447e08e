/* parse.h - configuration files to a flat list of values, each with its key, block and place. */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/keys.h"
#include "conf/problems.h"
#include "conf/source.h"
#include "policy/policy.h"

struct block {
	enum block_kind kind;
	char *title; /* NULL for kinds without */
	struct place at;
	/* filled in while building */
	int group;    /* id in the policy, of upstream, servers and network */
	int64_t what; /* rules: enum policy_do */
	struct policy_groups from, to;
	unsigned from_count, to_count, address_count, domain_count, name_count;
	bool list_failed;               /* a file that it names: told */
	int64_t grace_s, allow_private; /* upstreams */
	int suppress;                   /* likewise, of a suppress block */
	bool suppress_rules, suppress_all,
	        suppress_sources; /* it has a `rule`, one of them is all; a `source` */
	int volume;               /* number of a volume block among them; -1 = it can't be one */
	bool volume_matches;      /* it has a `match` */
	int64_t volume_key, volume_action, volume_max_rcpt; /* enum volume_key, enum action */
	int64_t volume_spike, volume_spike_floor, volume_block_for;
};

struct entry {
	const struct key *key;
	size_t block;
	char *text;
	struct place at;
};

struct unknown {
	enum block_kind in;
	struct place at;
	char title[SOURCE_TITLE_MAX]; /* "" = it has none */
};

/* The blocks without title come first, each once, whether written or not. */
struct parsed {
	struct source **sources; /* in the order of reading; places borrow their paths */
	struct block *blocks;
	struct entry *entries;
	size_t source_count, block_count, entry_count;
	struct unknown *unknowns; /* keys that no table has, told already */
	size_t unknown_count;
};

/* Reads path and what it includes. 0 also with errors in keys (they are in problems), -EINVAL after
 * a syntax error, -errno when a file cannot be read (both reported). *out is always to be freed. */
int parse_file(const char *path, struct parsed *out, struct problems *problems);
void parse_free(struct parsed *p);

/* The parts of a parsed file, for making one without a file. 0 or -ENOMEM; text is copied. */
int parse_add_plain_blocks(struct parsed *p, const struct place *file); /* first */
int parse_add_block(struct parsed *p, enum block_kind kind, const char *title, const struct place *at);
int parse_add_entry(
        struct parsed *p, const struct key *key, size_t block, const char *text, const struct place *at);

int parse_add_unknown(struct parsed *p, enum block_kind in, const struct place *at, const char *title);
/* Whether an unknown block has this title: then nothing else is wrong with what names it. */
bool parse_has_unknown_title(const struct parsed *p, const char *title);
/* Whether this block has such a key: then what seems to be missing in it may be what it was to set. */
bool parse_has_unknown(const struct parsed *p, const struct block *block);

/* How much was there at some time; what came behind it can be dropped. */
struct parse_mark {
	size_t sources, blocks, entries;
};
void parse_drop_behind(struct parsed *p, const struct parse_mark *m);

/* Reads one more file (a list named by a value), keeps it among the sources. 0 or -errno. */
int parse_add_source(struct parsed *p, const char *path, struct source **out, unsigned *order);
/* The block of this kind that has no title. */
struct block *parse_block(struct parsed *p, enum block_kind kind);

/* Makes room for one more element. 0 or -ENOMEM. */
int array_grow(void *array, size_t count, size_t element_bytes);

#endif
