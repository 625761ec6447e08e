/* model.h - the ruleset as data: sets with elements, chains, rules as lists of typed statements.
 *
 * ruleset.c fills it from a policy; print.c renders it as nft text and encode.c as netlink messages,
 * each with one small function per kind of statement. What both must agree on (names of fields, where
 * they lie in a packet, how keys are laid out) stands in the tables of model.c.
 *
 * Only for the files of this room. Memory: everything belongs to the ruleset. Building never fails
 * half-way: the first error sticks in `error` and later calls do nothing.
 *
 * Rejected: keeping nftnl objects as the model (they cannot be printed as nft text), and printing text
 * only and feeding it to libnftables (its parser is far bigger than this room, and it cannot fall back
 * from the queue expression to the xt target).
 */
#ifndef GATE_MODEL_H
#define GATE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "gate/ruleset.h"

enum {
	MODEL_NAME_MAX = 96,      /* set names: a group's name and a suffix; the kernel takes 255 */
	MODEL_RULES_MAX = 16384,  /* rules with many groups on both sides multiply */
	MODEL_STATEMENTS_MAX = 8, /* in one rule */
	MODEL_KEY_FIELDS_MAX = 3, /* in one set key */
	MODEL_KEY_BYTES_MAX = 16, /* in one set key, each field padded to 4 bytes */
	MODEL_COMMENT_MAX = 120,  /* nft allows 128 */
	MODEL_FLAG_FIN = 0x01,    /* TCP flags as in the header */
	MODEL_FLAG_SYN = 0x02,
	MODEL_FLAG_RST = 0x04,
	MODEL_FLAG_ACK = 0x10,
	MODEL_FLAG_URG = 0x20,
};

enum model_family { FAMILY_V4, FAMILY_V6, FAMILY_COUNT };

/* Packet fields that rules look at. */
enum model_field {
	FIELD_IP_SADDR,
	FIELD_IP_DADDR,
	FIELD_IP6_SADDR,
	FIELD_IP6_DADDR,
	FIELD_IP_HDRLENGTH,
	FIELD_IP_LENGTH,
	FIELD_IP6_LENGTH,
	FIELD_TCP_SPORT,
	FIELD_TCP_DPORT,
	FIELD_TCP_DOFF,
	FIELD_TCP_FLAGS,
	FIELD_COUNT
};

struct model_field_info {
	const char *text;  /* in nft syntax */
	bool transport;    /* counted from the transport header, else from the network header */
	uint8_t offset;    /* bytes */
	uint8_t len;       /* bytes loaded */
	uint8_t mask;      /* bits of a single byte that belong to the field; 0 = all */
	uint8_t shift;     /* to the right, behind the mask */
	uint8_t desc_id;   /* nft's own numbers for header and field, and the field's bits: the typeof */
	uint8_t desc_type; /* in a set's user data, which `nft list` needs to print the set */
	uint8_t bits;
};
extern const struct model_field_info model_fields[FIELD_COUNT];

/* What a set's keys are. */
enum model_key {
	KEY_IPV4,
	KEY_IPV6,
	KEY_HOST_V4,
	KEY_HOST_V6,
	KEY_PORT,
	KEY_BARE_ACK_V4,
	KEY_BARE_ACK_V6,
	KEY_COUNT
};

struct model_key_info {
	const char *text; /* the set's type in nft syntax */
	uint32_t type_id; /* nft's number of it */
	bool interval;    /* elements are prefixes */
	uint8_t field_count;
	enum model_field fields[MODEL_KEY_FIELDS_MAX]; /* one of those it can be compared with */
};
extern const struct model_key_info model_keys[KEY_COUNT];

union model_element {
	struct prefix range;                  /* interval keys; disjoint, ascending */
	uint16_t parts[MODEL_KEY_FIELDS_MAX]; /* others: one number per field of the key */
};

struct model_set {
	char name[MODEL_NAME_MAX];
	enum model_key key;
	union model_element *elements;
	size_t count, room;
	uint16_t
	        places; /* of single keys: so many at most, whatever it has; 0 = it never has others than these */
	uint32_t timed; /* > 0: it has so many places for elements that live for a time, and none at first */
	bool limits; /* each element has a token bucket, which a lookup takes from; it is found when that is empty */
};
/* The bucket of an element that brings none: those that we write do. */
enum { MODEL_LIMITED_PER_MIN = 10, MODEL_LIMITED_BURST = 3 };

/* A packet that this machine has made came in nowhere, one that is for it goes out nowhere (kernels
 * before 5.6 do not match these with 0, so the rule is skipped). Loopback is always the first. */
enum { MODEL_NO_INTERFACE = 0, MODEL_LOOPBACK = 1 };

/* In the order in which people read them: the base chains, then what they go to. */
enum model_chain_id {
	CHAIN_FORWARD,
	CHAIN_FORWARD_MARK,
	CHAIN_INPUT,
	CHAIN_INPUT_MARK,
	CHAIN_OUTPUT,
	CHAIN_OUTPUT_MARK,
	CHAIN_TOSERVER,     /* from client to server: the rules of the configuration */
	CHAIN_TOCLIENT,     /* their mirror */
	CHAIN_FROM_BLOCKED, /* from a client that is blocked -> blocked */
	CHAIN_TO_BLOCKED,   /* what servers answer him */
	CHAIN_BLOCKED,      /* cuts */
	CHAIN_FROM_LIMITED, /* from a client that is limited, and has no connection left in this minute -> limited */
	CHAIN_LIMITED, /* refuses */
	CHAIN_INSPECT,
	CHAIN_REFUSE,
	CHAIN_DISCARD,
	CHAIN_WOULD,  /* monitor mode: log what enforce mode would refuse, then inspect */
	CHAIN_SETTLE, /* behind the queue: counts, marks */
	CHAIN_SKIM,   /* verdict "path body": remembers it in the ct mark */
	CHAIN_SEAL,   /* verdict "path sealed": likewise */
	CHAIN_SEVER,  /* verdict "reset": remembers it in the ct mark, then cuts */
	CHAIN_CUT,
	CHAIN_WORKER, /* the queue of the first worker; the others follow */
	CHAIN_COUNT = CHAIN_WORKER + RULESET_QUEUES_MAX
};

struct model_chain {
	const char *name;
	bool used;        /* has rules; others are not made */
	const char *hook; /* NULL = regular chain */
	uint32_t hook_number;
	int priority;
};

enum model_counter {
	MODEL_COUNTER_QUEUED,
	MODEL_COUNTER_INSPECTED,
	MODEL_COUNTER_BLIND,
	MODEL_COUNTER_BLIND_TOLD, /* of these, in the records: no rule counts it, gate_set_blind_told() does */
	MODEL_COUNTER_RESET,
	MODEL_COUNTER_REFUSED,
	MODEL_COUNTER_BARE_ACKS,
	MODEL_COUNTER_BODIES, /* not queued: bodies that nobody wants to have read */
	MODEL_COUNTER_SEALED, /* not queued: both sides speak TLS */
	MODEL_COUNTER_BYPASSED,
	MODEL_COUNTER_BLOCKED,
	MODEL_COUNTER_LIMITED,
	MODEL_COUNTER_COUNT
};
extern const char *const model_counter_names[MODEL_COUNTER_COUNT];

enum model_statement_kind {
	STATEMENT_TCP,       /* is TCP; implied in nft text by the statements around it */
	STATEMENT_FAMILY,    /* is IPv4 or IPv6; implied in nft text by the address behind it */
	STATEMENT_INTERFACE, /* came in or goes out there */
	STATEMENT_IN_SET,    /* fields, concatenated, are in a set */
	STATEMENT_TCP_FLAGS, /* flags & mask == value */
	STATEMENT_STATE,     /* of its connection, by conntrack */
	STATEMENT_MARK_TEST, /* any of these bits is set */
	STATEMENT_MARK_SET,  /* mark = mark & keep | set */
	STATEMENT_COUNTER,
	STATEMENT_LIMIT, /* matches so many times a second */
	STATEMENT_LOG,
	STATEMENT_QUEUE,
	STATEMENT_REJECT, /* with a TCP reset */
	STATEMENT_DROP,
	STATEMENT_ACCEPT,
	STATEMENT_GOTO,
	STATEMENT_JUMP,        /* the same, and comes back */
	STATEMENT_REPLY,       /* by conntrack, from the side that did not open the connection */
	STATEMENT_STRIP_MPTCP, /* takes the option out of the packet; where the kernel can not, drops it */
	STATEMENT_SPREAD, /* goes to one of several chains, both directions of a connection to the same */
	STATEMENT_COUNT
};

enum model_state { MODEL_RELATED, MODEL_INVALID };

enum model_mark { MARK_OF_PACKET, MARK_OF_CONNECTION };

struct model_statement {
	enum model_statement_kind kind;
	union {
		enum model_family family;
		struct {
			bool out;
			uint32_t index; /* MODEL_NO_INTERFACE or MODEL_LOOPBACK */
		} interface;
		struct {
			unsigned set;
			uint8_t field_count;
			enum model_field fields[MODEL_KEY_FIELDS_MAX];
		} in_set;
		struct {
			uint8_t mask, value;
		} flags;
		enum model_state state;
		struct {
			enum model_mark of;
			uint32_t bits;
		} mark_test;
		struct {
			enum model_mark of;
			uint32_t keep, set; /* disjoint */
		} mark_set;
		enum model_counter counter;
		struct {
			uint32_t per_s, burst;
		} limit;
		struct {
			uint16_t group, snaplen;
			const char *prefix; /* static text */
		} log;
		struct {
			uint16_t number;
			bool bypass;
		} queue;
		enum model_chain_id chain;
		struct {
			enum model_chain_id first;
			uint8_t count;
		} spread;
	} u;
};

struct model_rule {
	enum model_chain_id chain;
	char *comment;           /* shown by nft list; NULL = none */
	uint8_t statement_count; /* 0 = a note that only the text has */
	struct model_statement statements[MODEL_STATEMENTS_MAX];
};

struct ruleset {
	char *table;
	struct model_chain chains[CHAIN_COUNT];
	struct model_set *sets;
	size_t set_count, set_room;
	struct model_rule *rules; /* of all chains, each chain's in its order */
	size_t rule_count, rule_room;
	int error; /* sticky, -errno */
};

/* NULL with errno = ENOMEM. */
struct ruleset *model_new(const char *table);
/* A new set; returns its index (0 once error is set). The name must be free. */
unsigned model_add_set(struct ruleset *r, enum model_key key, const char *name);
/* The same, for other elements later: places of them. */
unsigned model_add_roomy_set(struct ruleset *r, enum model_key key, const char *name, uint16_t places);
/* The same, for elements that live for a time (bypass.h, blocked.h); places of them. */
unsigned model_add_timed_set(struct ruleset *r, enum model_key key, const char *name, uint32_t places);
/* How many elements a set of single keys can have in the kernel. */
uint32_t model_set_places(const struct model_set *set);
/* The same, with a token bucket in each element. */
unsigned model_add_limited_set(struct ruleset *r, enum model_key key, const char *name, uint32_t places);
bool model_has_set(const struct ruleset *r, const char *name);
void model_add_element(struct ruleset *r, unsigned set, const union model_element *element);
/* Hangs a chain on a hook; the others are regular chains. */
void model_hook_chain(
        struct ruleset *r, enum model_chain_id chain, const char *hook, uint32_t hook_number, int priority);
/* comment may be NULL; bytes that nft text cannot hold become '?'. No statements: a note. */
void model_add_rule(struct ruleset *r, enum model_chain_id chain, const char *comment,
        const struct model_statement *statements, unsigned count);

/* A rule on one line, without its comment; for the text and for error messages. print.c */
void ruleset_print_rule(const struct ruleset *r, const struct model_rule *rule, FILE *to);

/* One rule from statements: MODEL_RULE(r, CHAIN_X, NULL, model_tcp(), model_reject()); */
#define MODEL_RULE(r, chain, comment, ...)                                                                   \
	model_add_rule(r, chain, comment, (const struct model_statement[]) { __VA_ARGS__ },                  \
	        sizeof((const struct model_statement[]) { __VA_ARGS__ }) / sizeof(struct model_statement))

/* Statements, one function each. */
struct model_statement model_tcp(void);
struct model_statement model_is(enum model_family family);
struct model_statement model_interface(bool out, uint32_t index);
struct model_statement model_field_in(enum model_field field, unsigned set);
/* The whole key of the set. */
struct model_statement model_key_in(const struct ruleset *r, unsigned set);
struct model_statement model_flags(uint8_t mask, uint8_t value);
struct model_statement model_state(enum model_state state);
struct model_statement model_mark_has(enum model_mark of, uint32_t bits);
struct model_statement model_mark_set(enum model_mark of, uint32_t keep, uint32_t set);
struct model_statement model_count(enum model_counter counter);
struct model_statement model_limit(uint32_t per_s, uint32_t burst);
struct model_statement model_log(uint16_t group, uint16_t snaplen, const char *prefix);
struct model_statement model_queue(uint16_t number, bool bypass);
struct model_statement model_end(enum model_statement_kind kind); /* REJECT, DROP, ACCEPT */
struct model_statement model_strip_mptcp(void);
struct model_statement model_goto(enum model_chain_id chain);
struct model_statement model_jump(enum model_chain_id chain);
struct model_statement model_reply(void);
struct model_statement model_spread(enum model_chain_id first, uint8_t count);

#endif
