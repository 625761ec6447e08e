/* explanation.h - what would happen to a connection and an envelope, to text and JSON.
 *
 * `postern explain` asks the policy and fills this in; here it is only said. Pointers are borrowed until
 * the call returns.
 */
#ifndef REPORT_EXPLANATION_H
#define REPORT_EXPLANATION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/policy.h"
#include "policy/suppress.h"
#include "policy/watching.h"
#include "smtp/address.h"

/* file NULL: no line says it, it is the default or lies in what is missing. */
struct explained_place {
	const char *file;
	unsigned line;
	const char *text; /* the value as written; may be NULL */
};

enum explained_client {
	EXPLAINED_STRANGER,
	EXPLAINED_NOT_HOME, /* a stranger whom not-home takes out of home */
	EXPLAINED_HOME,
	EXPLAINED_MAY_RELAY,
	EXPLAINED_CLIENTS
};

/* What keeps a connection out of our rules. */
enum explained_unguarded {
	EXPLAINED_GUARDED,
	EXPLAINED_PORT,     /* not among `ports` */
	EXPLAINED_HOOK,     /* not among nft.hooks */
	EXPLAINED_LOOPBACK, /* what the gateway says to itself */
	EXPLAINED_UNGUARDED_COUNT
};

struct explained_end {
	const char *address; /* text; "" = the gateway, no matter by which */
	bool self;
	struct policy_groups groups;
};

struct explained_hop {
	enum policy_hop why;
	struct explained_place place; /* of the entry that makes it ours */
};

/* Why the client is not punished like others. */
enum explained_spared {
	EXPLAINED_LIKE_OTHERS,
	EXPLAINED_GATEWAY, /* of these nobody is blocked, or punished by the watch */
	EXPLAINED_UPSTREAM,
	EXPLAINED_SERVER,
	EXPLAINED_NEVER_BLOCK,
	EXPLAINED_SHARED, /* limited or refused a session in place of blocked */
	EXPLAINED_SPARED_COUNT
};

struct explained_recipient {
	const char *path;
	struct smtp_address address;
	struct policy_recipient
	        judged;      /* meaningful if relaying is judged; action: what is done to this client */
	enum action written; /* by the configuration; another than judged.action because of the client, or: */
	bool unblocked;      /* because what it would be blocked for is suppressed */
	enum action now;     /* in this mode */
	bool spared;         /* what is wanted for the recipient is not done to this client */
	struct explained_hop hops[SMTP_HOPS_MAX];
	struct explained_place action; /* of relay.action or relay.tricks */
};

struct explanation {
	const struct policy *policy;
	struct explained_end client, server;
	uint16_t port;
	const char *hook;
	enum explained_unguarded unguarded;
	struct explained_place unguarded_place; /* of ports or nft.hooks */
	struct explained_place mode;
	struct policy_connection connection;
	struct explained_place rule;       /* or otherwise */
	enum policy_do kernel_now;         /* what is done in this mode; in the other, connection.what */
	struct explained_place servers;    /* the block, if the server is ours */
	enum explained_client client_kind; /* who the client is to that server */
	struct explained_place client_place;
	enum explained_spared spared; /* the client */
	struct explained_place spared_place;
	struct explained_place suppress_places[SUPPRESS_MAX]; /* of the blocks in force */
	bool suppressed[SUPPRESS_MAX];                        /* they name the client */
	/* The blocks that cover relay.attempt and relay.accepted of the client; NULL = it is told. */
	const struct suppression *attempt_by, *accepted_by;
	bool listable; /* the client is looked up in DNS lists; what is done if it is on one: */
	enum action list_action;
	struct explained_place list_place;
	int volumes[VOLUME_KEY_COUNT]; /* the volume block that counts the client by this key, or -1 */
	struct explained_place volume_places[VOLUME_KEY_COUNT];
	const char *sender; /* NULL = not asked */
	const struct explained_recipient *recipients;
	unsigned recipient_count;
	unsigned foreign_count; /* recipients about which something is done */
	struct explained_place max_refusals;
	bool refused;         /* the connection or a recipient, in this mode */
	bool enforce_refuses; /* in mode enforce */
};

/* Lines for people. */
void explanation_print(const struct explanation *x, FILE *to);
/* One JSON object and a newline. 0, -ENOMEM or -EIO. */
int explanation_print_json(const struct explanation *x, FILE *to);

#endif
