/* keys.h - every block and key of the configuration: the one list of them.
 *
 * libconfuse's options (parse.c), the checks of values (values.c, groups.c), the hints for unknown
 * names and the manual page (manual.c) are all made from it. To add a key: a line in keys.c, and a
 * field in struct draft or a handler that does something with it.
 */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct build;
struct block;
struct entry;

enum block_kind {
	BLOCK_ROOT,
	BLOCK_UPSTREAM,
	BLOCK_SERVERS,
	BLOCK_NETWORK,
	BLOCK_RULE,
	BLOCK_RELAY,
	BLOCK_SMUGGLING,
	BLOCK_SLOW,
	BLOCK_VOLUME,
	BLOCK_REJECTS, /* these seven in the order of enum behaviour */
	BLOCK_FANOUT,
	BLOCK_TARGET,
	BLOCK_HARVEST,
	BLOCK_BACKSCATTER,
	BLOCK_AUTH_GUESS,
	BLOCK_REPUTATION,
	BLOCK_WATCH,
	BLOCK_LADDER,
	BLOCK_SUPPRESS,
	BLOCK_DATA,
	BLOCK_BLOCK,
	BLOCK_QUEUE,
	BLOCK_NFT,
	BLOCK_DNS,
	BLOCK_DNSBL,
	BLOCK_LOG,
	BLOCK_PRIVACY,
	BLOCK_STORE,
	BLOCK_CONTROL,
	BLOCK_KINDS
};

struct block_info {
	const char *name; /* "" = the file itself */
	bool titled;      /* upstream "isp" { ... }, any number of them */
	const char *help;
};
extern const struct block_info block_infos[BLOCK_KINDS];

enum key_type {
	KEY_WORD,
	KEY_YESNO,
	KEY_NUMBER,
	KEY_DECIMAL,
	KEY_COUNT,
	KEY_MASK,
	KEY_DURATION,
	KEY_NAME,
	KEY_LOGFILE,
	KEY_RECEIVER,
	KEY_BUDGET,
	KEY_SIZE,
	KEY_LISTFILE,
	KEY_SOCKET,
	KEY_FILE,
	KEY_RESOLVERS,
	KEY_LISTS,
	KEY_PORTS,
	KEY_HOOKS,
	KEY_PREFIXES,
	KEY_HOSTS,
	KEY_DOMAINS,
	KEY_GROUPS,
	KEY_RULES,
	KEY_TIME,
	KEY_TEXT,
	KEY_PER,
	KEY_LIMIT,
	KEY_LIMITS,
	KEY_BYTE_LIMITS,
	KEY_INCLUDE,
	KEY_TYPES
};

struct key_type_info {
	const char *what; /* as the manual says it */
	bool list;
};
extern const struct key_type_info key_types[KEY_TYPES];

struct key {
	enum block_kind block;
	const char *name;
	enum key_type type;
	const char *fallback; /* the default, as a file would say it; NULL = nothing */
	int64_t min, max; /* numbers, ports and durations (in seconds); of KEY_DECIMAL in its last place */
	const char *unit; /* of numbers, or "" */
	unsigned
	        decimals; /* KEY_DECIMAL: digits behind the point; the value is kept in units of the last one */
	const char *const *words; /* KEY_WORD: NULL-terminated; index = the enum's value */
	/* Checks one value and puts it into its place; reports what is wrong to b->problems. */
	void (*set)(struct build *b, struct block *block, const struct entry *e);
	size_t offset; /* scalars: of an int64_t or a const char * in struct draft (in blocks with a title: struct block); of a limit in struct behaviour_rule */
	const char *help;
};
extern const struct key keys[];
extern const size_t key_count;

/* NULL = no such key in this kind of block. */
const struct key *key_find(enum block_kind block, const char *name);
/* The next key of this kind of block behind `after` (NULL = the first one); NULL at the end. */
const struct key *key_next(enum block_kind block, const struct key *after);
/* BLOCK_KINDS = no such block. "root" is the file itself, as libconfuse calls it. */
enum block_kind block_find(const char *name);
/* "queue.length", or "mode" for keys outside of blocks. Returns buf. */
enum { KEY_LABEL_MAX = 64 };
char *key_label(const struct key *key, char buf[KEY_LABEL_MAX]);

#endif
