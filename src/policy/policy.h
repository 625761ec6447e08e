/* policy.h - groups of addresses, rules, and the decisions made from them.
 *
 * A policy is built once (conf does it), sealed, and then only read: by inspect for decisions, by
 * gate for the ruleset. Swapping policies is swapping a pointer. Pure: no system call, no file.
 *
 * Groups overlap freely; policy_seal() cuts the address space into disjoint ranges, each with the
 * set of groups it belongs to, so that one binary search answers "which groups is this address in".
 * The two families are spaces of their own: "::/0" holds no IPv4 address.
 *
 * The group `self` has no addresses: the gateway's own change at any time. Whether an end of a
 * connection is the gateway itself is told by the hook at which its packets are seen, exactly as the
 * kernel's rules do it, so both always agree and nothing has to be followed.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "postern/action.h"
#include "postern/event.h"

struct packet;
struct smtp_address;
struct smtp_hop;
struct watching;
struct suppressions;
struct policy;

enum {
	POLICY_GROUPS_MAX = 256,
	POLICY_RULES_MAX = 256,
	POLICY_PORTS_MAX = 16,
	POLICY_NAME_MAX = 64,
	POLICY_LISTS_MAX = 8,
	POLICY_OTHERWISE = -1
};

enum policy_group_kind {
	GROUP_ANY,      /* every address; always group 0 */
	GROUP_HOME,     /* `home` less `not-home`; always group 1 */
	GROUP_SERVERS,  /* all servers groups together; always group 2 */
	GROUP_UPSTREAM, /* an `upstream` block */
	GROUP_SERVER,   /* a `servers` block */
	GROUP_NETWORK,  /* a `network` block */
	GROUP_LITERAL,  /* an address or prefix named in a rule */
	GROUP_SELF,     /* the gateway itself, by place and not by address; always group 3 */
	GROUP_KIND_COUNT
};
enum { GROUP_ID_ANY, GROUP_ID_HOME, GROUP_ID_SERVERS, GROUP_ID_SELF, GROUP_ID_FIRST_FREE };

/* What a rule does. REFUSE_SESSION is inspect's: to the kernel such a connection is one to be inspected. */
enum policy_do { DO_INSPECT, DO_REFUSE, DO_DROP, DO_REFUSE_SESSION, DO_COUNT };
#define POLICY_DO_NAMES "inspect", "refuse", "drop", "refuse-session"

enum policy_mode { MODE_MONITOR, MODE_ENFORCE, MODE_COUNT };
#define POLICY_MODE_NAMES "monitor", "enforce"

/* How much of each body of trusted clients is read; of others it is all. */
enum policy_watch { WATCH_ALL, WATCH_64K, WATCH_NONE, WATCH_COUNT };
#define POLICY_WATCH_NAMES "all", "64k", "none"
enum { POLICY_WATCH_64K_BYTES = 64 * 1024 };

/* A set of groups, by id. */
struct policy_groups {
	uint64_t w[POLICY_GROUPS_MAX / 64];
};
void policy_groups_add(struct policy_groups *s, unsigned id);
bool policy_groups_have(const struct policy_groups *s, unsigned id);
bool policy_groups_meet(const struct policy_groups *a, const struct policy_groups *b);

struct policy_settings {
	enum policy_mode mode;
	enum policy_do otherwise;
	enum action relay_action;         /* for a plain foreign recipient */
	enum action tricks_action;        /* for forms whose outer domain is ours */
	enum action smuggling_action;     /* alert or reset */
	uint32_t block_for_s;             /* of a block because of relaying */
	struct policy_groups never_block; /* beside those that never are, policy_find_shield() */
	unsigned max_refusals; /* recipients refused in a connection before its transaction is deferred */
	uint32_t
	        slow_hold_ms; /* how long a refusal is held, for whom is slowed; and all those of a connection */
	uint32_t slow_session_ms;
	uint32_t slow_packets; /* held at once, by each worker */
	uint16_t ports[POLICY_PORTS_MAX];
	unsigned port_count; /* 0 = any port (offline reading only) */
	enum policy_watch watch;
	struct policy_groups trusted; /* clients whose bodies are watched less than all */
	/* Zones of the DNS lists, as refusals name them; "" = not. */
	char lists[POLICY_LISTS_MAX][POLICY_NAME_MAX];
};

/* ---- building ---------------------------------------------------------------------------- */

/* NULL with errno = ENOMEM. The four fixed groups exist from the start. Until policy_set() is called:
 * monitor mode, otherwise refuse, only alerts, port 25. */
struct policy *policy_new(void);
void policy_free(struct policy *p); /* NULL is fine */
/* Copied. Also after policy_seal(), as long as nobody else reads the policy yet (-n). */
void policy_set(struct policy *p, const struct policy_settings *s);
/* Copied; the groups that it names are this policy's. Until then: watching_default(), which has no volume block. */
void policy_set_watching(struct policy *p, const struct watching *w);
/* Likewise; until then nothing is suppressed. */
void policy_set_suppressions(struct policy *p, const struct suppressions *s);

/* Adds a group of one of the four kinds that have titles or addresses of their own; name copied. Returns its id, or -EEXIST (name taken;
 * literals are shared and return the old id instead), -ENOSPC, -ENAMETOOLONG (POLICY_NAME_MAX bytes
 * or more), -ENOMEM. A GROUP_SERVER is a member of GROUP_SERVERS by itself. */
int policy_add_group(struct policy *p, enum policy_group_kind kind, const char *name);
/* 0, -ENOMEM, -ENOENT (no such id, or one of `any`, `servers` and `self`). */
int policy_add_prefix(struct policy *p, int group, const struct prefix *prefix);
/* Takes addresses out of `home`, whatever the order of calls. */
int policy_exclude_home(struct policy *p, const struct prefix *prefix);
/* Only for GROUP_SERVER ids, else -ENOENT; names and domains that are empty or longer than 255 bytes
 * are -EINVAL; 0 or -ENOMEM. `public` addresses count for address literals, not for rules. */
int policy_server_add_public(struct policy *p, int group, const struct prefix *prefix);
/* A host name of the server, for literals like user@mx.example.org that need no listed domain. */
int policy_server_add_name(struct policy *p, int group, const char *name);
/* "example.org", or ".example.org" for every subdomain (not the domain itself). ASCII case is
 * folded and one trailing dot ignored; whoever reads names from people (conf) adds both the A-label
 * and the U-label form. */
int policy_server_add_domain(struct policy *p, int group, const char *domain);
int policy_server_add_may_relay(struct policy *p, int group, const struct prefix *prefix);
/* The addresses of this GROUP_UPSTREAM are found out later, beside those added here: policy_follow(). Until then it
 * is unresolved. 0 or -ENOENT. */
int policy_set_followed(struct policy *p, int group);
/* A rule; from and to are group sets, any member matches; title copied. Returns its index, -ENOSPC or
 * -ENOMEM. Where it is written is the configuration's knowledge (conf/places.h). */
int policy_add_rule(struct policy *p, const char *title, const struct policy_groups *from,
        const struct policy_groups *to, enum policy_do what);
/* Compiles. 0 or -ENOMEM. Afterwards nothing can be added (assert). */
int policy_seal(struct policy *p);

/* What has been found out about a followed group. */
struct policy_followed {
	int group;
	bool resolved; /* all that it is followed by is known, or was once */
	const struct prefix *now;
	size_t now_count;
	const struct prefix *former; /* their open connections go on, new ones are not theirs any more */
	size_t former_count;
};
/* The same policy with these addresses of followed groups in place of those that an earlier call has given
 * them. Groups that are not named know nothing. As long as one is not resolved, whom its rules would inspect is
 * not known, so behind all rules stand-ins inspect, on its side from or to anybody, what `otherwise` would
 * refuse. A sealed policy of its own, independent of `sealed`; NULL without memory. */
struct policy *policy_follow(const struct policy *sealed, const struct policy_followed *list, unsigned count);

/* ---- deciding ---------------------------------------------------------------------------- */

struct policy_connection {
	enum policy_do what;
	int16_t rule;         /* index, or POLICY_OTHERWISE */
	int16_t server;       /* group id of dst's servers group (of several, the first), -1 = none of ours */
	uint8_t direction;    /* enum event_direction: ours = home, servers or self */
	bool client_ours;     /* home, or that server's may-relay */
	bool client_upstream; /* in an upstream group */
	bool client_home;
	bool client_server;   /* in a servers group, or the gateway itself: it passes on what others wrote */
	bool client_trusted;  /* in `trusted` */
	bool client_shielded; /* it is never blocked */
};

struct policy_recipient {
	bool ours;          /* every hop of the address ends at this server */
	bool trick;         /* foreign, but the outer domain is ours */
	enum action action; /* what the configuration wants for it, mode apart; ALERT if it is fine */
	unsigned hop;       /* index of the hop that decided (the first foreign one, else the last) */
};

/* Which end of a connection is the gateway itself. */
enum policy_self { SELF_NEITHER, SELF_CLIENT, SELF_SERVER };
/* Of a packet's flags. from_client: its sender is the client. */
enum policy_self policy_self_of(const struct packet *packet, bool from_client);

/* What happens to a connection of this client to this server. Any address, any port. */
struct policy_connection policy_judge_connection(
        const struct policy *p, const struct addr *src, const struct addr *dst, enum policy_self self);
/* The client is a stranger at a server of ours, let in to be inspected: only to such something may be done for what others
 * say of their address. */
bool policy_is_stranger(const struct policy_connection *c);
/* The client is let in to be inspected, and can be made to answer for what his address does: he is no upstream, no server, and
 * not one who is never blocked. Only to such something is done for what the watch has found. */
bool policy_is_answerable(const struct policy_connection *c);
/* The closed-relay axiom's recipient half for `server` (a GROUP_SERVER id, asserted). An address
 * with no hop (bare local name) is ours; "<>" (SMTP_FORM_NULL) is not, nor one that could not be read
 * (SMTP_FORM_MALFORMED), of which `hop` then is the last one read, or 0. */
struct policy_recipient policy_judge_recipient(
        const struct policy *p, int server, const struct smtp_address *a);
/* What is done about it to this client: who is never blocked keeps his session. */
enum action policy_action_for(const struct policy_connection *c, const struct policy_recipient *r);
/* The domain it names first is a domain, host name or address of one of our servers. False without a
 * domain, and for localhost and loopback literals, which every host may call itself. */
bool policy_owns(const struct policy *p, const struct smtp_address *a);
/* It is somebody else's. False without a domain, for localhost and the like, and where no server of ours lists a domain:
 * then nobody knows. */
bool policy_disowns(const struct policy *p, const struct smtp_address *a);
/* Why mail for a hop stays at a server. */
enum policy_hop {
	POLICY_HOP_FOREIGN,  /* it does not */
	POLICY_HOP_LOCAL,    /* no domain at all */
	POLICY_HOP_DOMAIN,   /* in `domains` */
	POLICY_HOP_NAME,     /* in `names`, or localhost */
	POLICY_HOP_ADDRESS,  /* a literal in `addresses` */
	POLICY_HOP_PUBLIC,   /* a literal in `public` */
	POLICY_HOP_LOOPBACK, /* a literal of the server itself, whatever its addresses are */
	POLICY_HOP_COUNT
};
/* One hop of a recipient's address, for `server` as above. */
enum policy_hop policy_judge_hop(const struct policy *p, int server, const struct smtp_hop *hop);
/* The port is one of `ports` (or ports is empty). */
bool policy_has_port(const struct policy *p, uint16_t port);
/* All groups of an address. */
struct policy_groups policy_lookup(const struct policy *p, const struct addr *a);

/* Who keeps a prefix from being blocked. */
struct policy_shield {
	enum policy_group_kind kind;
	const char *name;     /* of the group; borrowed from the policy */
	struct prefix prefix; /* of it, and it holds the other prefix or lies in it */
};
/* An upstream, a server of ours (either side), a group of `never_block`, or loopback. False: nobody of these. */
bool policy_find_shield(const struct policy *p, const struct prefix *prefix, struct policy_shield *out);

/* A member of one of these groups lies in the prefix, or the prefix in a member. */
bool policy_overlaps(const struct policy *p, const struct policy_groups *groups, const struct prefix *prefix);
/* Many are behind the source, `shared`. */
bool policy_is_shared(const struct policy *p, const struct prefix *source);
/* What is done about a source because of relaying, where `wanted` is: of a shared one the session is refused in place of a
 * block. Shields apart: policy_action_for(). */
enum action policy_action_about(const struct policy *p, const struct prefix *source, enum action wanted);

/* Every connection end that matches `inner` matches `outer`, by address or by place, whatever the DNS says of followed
 * groups. To be asked before policy_follow(). */
bool policy_covers(
        const struct policy *p, const struct policy_groups *outer, const struct policy_groups *inner);

/* ---- reading, for gate, check and the records --------------------------------------------- */

struct policy_group_view {
	enum policy_group_kind kind;
	const char *name;
	const struct prefix *prefixes; /* IPv4 first; disjoint, sorted, merged; after policy_seal() */
	size_t prefix_count;
	size_t domain_count; /* GROUP_SERVER; different ones, after policy_seal() */
	bool followed, resolved;
	const struct prefix *former; /* of a followed group; merged */
	size_t former_count;
};
struct policy_rule_view {
	const char *title;
	struct policy_groups from, to;
	enum policy_do what;
	bool stand_in; /* for the rule of the same title, whose upstream is not resolved */
};

const struct policy_settings *policy_settings(const struct policy *p);
const struct watching *policy_watching(const struct policy *p);
const struct suppressions *policy_suppressions(const struct policy *p);
unsigned policy_group_count(const struct policy *p);
struct policy_group_view policy_group(const struct policy *p, unsigned id); /* id < count: assert */
int policy_group_find(const struct policy *p, const char *name);            /* id or -ENOENT */
unsigned policy_rule_count(const struct policy *p);
struct policy_rule_view policy_rule(const struct policy *p, unsigned index);

#endif
