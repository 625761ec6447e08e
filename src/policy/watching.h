/* watching.h - what the watch looks for in the traffic of each source, and what it then does: the rules of all `volume`
 * blocks and of the behaviour blocks. Part of a policy, which names their groups; built by conf, only read by watch.
 *
 * Two groups of clients are never meant, whatever `match` says: upstreams (they pass on what others wrote) raise nothing as
 * a source, and servers only what a block names them for.
 */
#ifndef POLICY_WATCHING_H
#define POLICY_WATCHING_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

enum {
	VOLUME_BLOCKS_MAX = 32,
	VOLUME_LIMITS_MAX = 4, /* windows of one measure in one block */
	VOLUME_MOST_MAX = 1000000,
	VOLUME_DESTINATIONS_MAX = 50000, /* each of them is remembered */
	VOLUME_WINDOW_MAX_S = 7 * 86400
};
#define VOLUME_BYTES_MAX (INT64_C(1) << 50)

/* What a volume block counts. */
enum volume_measure {
	VOLUME_MESSAGES,     /* transactions whose end of data was answered 2xx */
	VOLUME_RECIPIENTS,   /* RCPTs answered 2xx */
	VOLUME_CONNECTIONS,  /* that the server has greeted, or that went on in the middle */
	VOLUME_BYTES,        /* TCP payload of the client's, at the end of each connection, TLS or not */
	VOLUME_DESTINATIONS, /* different server addresses */
	VOLUME_MEASURE_COUNT
};
#define VOLUME_MEASURE_NAMES "messages", "recipients", "connections", "bytes", "destinations"

/* What one count is kept for. */
enum volume_key { VOLUME_BY_SOURCE, VOLUME_BY_MAIL_FROM, VOLUME_BY_AUTH_USER, VOLUME_KEY_COUNT };
#define VOLUME_KEY_NAMES "source", "mail-from", "auth-user"

/* More than `most` within any window_s seconds: sliding and exact. most 1..VOLUME_MOST_MAX (of bytes: VOLUME_BYTES_MAX;
 * of destinations: VOLUME_DESTINATIONS_MAX). */
struct volume_limit {
	uint64_t most;
	uint32_t window_s; /* 1..VOLUME_WINDOW_MAX_S */
};

struct volume_block {
	char name[POLICY_NAME_MAX];         /* title, terminated */
	struct policy_groups match, except; /* of clients; the first block that a client matches is its own */
	uint8_t bits_v4, bits_v6;           /* the prefix that counts as one source: 8..32 and 16..128 */
	uint8_t key;                        /* enum volume_key */
	uint8_t action; /* enum action: alert, slow, limit, refuse-session, block or climb */
	uint8_t limit_count[VOLUME_MEASURE_COUNT];
	struct volume_limit limits[VOLUME_MEASURE_COUNT][VOLUME_LIMITS_MAX];
	uint32_t max_rcpt; /* recipients of one message; 0 = any number */
	uint32_t
	        spike_tenths; /* tenths: this many times the source's own learned spread; 0 = nothing is learned */
	uint32_t spike_floor; /* recipients an hour below which nothing is a spike */
	uint32_t block_for_s;
};

/* Everything else that is told of a source by how it behaves. */
enum behaviour {
	BEHAVIOUR_REJECTS, /* 1025202: share of refused recipients, by a sequential test */
	BEHAVIOUR_FANOUT,  /* 1025203: distinct MX hosts; `other`: over a longer time */
	BEHAVIOUR_TARGET,  /* 1025204: sources at one recipient; `other`: at one server */
	BEHAVIOUR_HARVEST, /* 1025300: recipients tried in vain, VRFY, EXPN; `other`: over a longer time */
	BEHAVIOUR_BACKSCATTER, /* 1025301: null-sender mail, either way; `other`: to one recipient */
	BEHAVIOUR_AUTH, /* 1025302: AUTH refused; `other`: users of one source, or of its network; `third`: sources of a user */
	BEHAVIOUR_REPUTATION, /* 1025600: replies of remote servers that name a blocklist */
	BEHAVIOUR_COUNT
};
/* The names of their blocks. */
#define BEHAVIOUR_NAMES "rejects", "fanout", "target", "harvest", "backscatter", "auth-guess", "reputation"

struct behaviour_rule {
	bool on;
	uint8_t action;              /* enum action, as of a volume block */
	struct policy_groups match;  /* clients that are meant; none = all but servers of ours */
	struct policy_groups except; /* of them, these are not */
	struct volume_limit limit;   /* of what the behaviour counts; BEHAVIOUR_REJECTS has none */
	struct volume_limit other;   /* a second one, where enum behaviour has it; most 0 = none */
	struct volume_limit third;   /* likewise */
	uint32_t
	        share_permille; /* BEHAVIOUR_HARVEST and BACKSCATTER: and so much of all of it; 0 = any share */
	uint32_t block_for_s;
};

/* Wald's sequential probability ratio test over answers to recipients: refused or not. */
struct reject_test {
	uint32_t honest_permille; /* share of refused recipients of people */
	uint32_t bad_permille;    /* of machines that guess; above honest_permille */
	uint32_t false_alarm_ppm; /* tolerated share of people called machines */
	uint32_t miss_ppm;        /* of machines called people */
};

enum { LADDER_RUNGS = 3 };
/* The rungs of `climb`: slow, then limit, then block, each when the source goes on despite the one before. */
struct ladder_rule {
	uint32_t slow_for_s, limit_for_s, block_for_s;
	uint32_t rate_per_min; /* connections that a limited source may still open in a minute */
	uint32_t calm_s;       /* without a finding for so long: one rung down */
};

struct watching {
	struct volume_block volumes[VOLUME_BLOCKS_MAX]; /* in the order of the file */
	unsigned volume_count;
	struct behaviour_rule behaviours[BEHAVIOUR_COUNT];
	struct reject_test rejects;
	struct ladder_rule ladder;
	struct policy_groups
	        shared;   /* many behind one address: they are limited or refused a session, never blocked */
	uint32_t sources; /* tracked at once, 1000..2^22 */
	uint32_t quiet_s; /* an incident ends after so long without a finding, 10..86400 */
};

/* What is in force where the configuration says nothing. */
void watching_default(struct watching *w);
/* `match` means a client of these groups. A server of ours, and the gateway itself, is meant by a name of its own, not because
 * it is one of ours or of all. */
bool watching_means(const struct policy_groups *match, const struct policy_groups *groups);
/* Some volume block, or a behaviour that is looked for, has this action. */
bool watching_asks_for(const struct watching *w, enum action action);
/* The block that counts this client's mail by `key`: the first that matches. -1 = none. groups: of the client's address,
 * policy_lookup(), and GROUP_ID_SELF where it is the gateway itself. That a client is an upstream is the caller's to ask. */
int watching_find_volume(const struct watching *w, const struct policy_groups *groups, enum volume_key key);

#endif
