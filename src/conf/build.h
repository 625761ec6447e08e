/* build.h - values to settings and a policy: what the handlers of the keys work on. */
#ifndef CONF_BUILD_H
#define CONF_BUILD_H

#include "conf/conf.h"
#include "conf/parse.h"
#include "policy/suppress.h"
#include "policy/watching.h"
#include "postern/receiver.h"

/* An address or prefix that a block of ours claims; kept with its place for the checks between
 * blocks. */
struct claim {
	struct prefix prefix;
	size_t block;
	struct place at;
};

/* So much in such a time; 0 = no limit. */
struct draft_budget {
	int64_t most, window_s;
};

/* Scalars, by struct key's offset. Numbers and words are int64_t, texts borrow from the entries. */
struct draft {
	int64_t mode, otherwise;
	int64_t relay_action, relay_tricks, max_refusals, relay_block_for;
	int64_t block_size;
	int64_t slow_hold, slow_session, slow_packets;
	int64_t behaviour_on[BEHAVIOUR_COUNT], behaviour_action[BEHAVIOUR_COUNT];
	int64_t behaviour_block_for[BEHAVIOUR_COUNT];
	int64_t rejects_honest, rejects_bad, rejects_false_alarm, rejects_miss; /* permille, and ppm */
	int64_t harvest_share, backscatter_share;                               /* permille */
	int64_t watch_sources, watch_quiet;
	int64_t ladder_slow_for, ladder_limit_for, ladder_block_for, ladder_rate, ladder_calm;
	int64_t smuggling_reset, data_watch;
	int64_t queue_number, queue_workers, queue_length, queue_fail; /* workers: 0 = auto */
	const char *nft_table;
	int64_t nft_bridge;
	int64_t nft_drop_invalid;
	int64_t nft_own;
	int64_t nft_priority, nft_mark_mask, nft_hooks; /* hooks: 1 << enum conf_hook each */
	const char *dns_trust_anchor;
	int64_t dns_require_dnssec, dns_refresh;
	int64_t dnsbl_action, dnsbl_least, dnsbl_most, dnsbl_test, dnsbl_timeout; /* action: enum action */
	const char *log_eve, *log_ecs, *log_cef;                                  /* NULL = none */
	int64_t log_alerts_only, log_stats;
	struct receiver log_syslog;
	int64_t log_syslog_format, log_syslog_facility; /* facility: index of its word */
	struct draft_budget log_per_source, log_total;
	int64_t log_keep_free;
	int64_t privacy_local_parts, privacy_alerts; /* 1 = hash */
	const char *store_path;
	int64_t store_keep, store_keep_envelopes;
	const char *control_path, *control_group;
};

/* What is kept of the text when somebody will ask for lines (places.h). */
struct conf_places {
	struct parsed parsed;
	struct entry *lines; /* of lists in files, with the key that names the file */
	size_t line_count;
};
/* The text is copied. 0 or -ENOMEM. */
int places_add_line(struct conf_places *p, const struct entry *e);
void places_free(struct conf_places *p); /* NULL is fine */

/* What is looked up, or asked, for a block; texts are ours. */
struct looked_up {
	size_t block;
	enum conf_source source; /* of names */
	char *text;
};

struct build {
	struct parsed *parsed;
	struct conf_places *places; /* NULL = nobody will ask */
	struct problems *problems;
	struct policy *policy;
	struct draft draft;
	uint16_t ports[POLICY_PORTS_MAX];
	unsigned port_count;
	struct policy_groups trusted;
	const struct entry *trusted_at; /* the first of them; NULL = none */
	struct policy_groups never_block;
	struct suppressions suppressions;
	struct watching
	        watching; /* lists and groups; the rest is in blocks and draft until watching_make() */
	bool mode_forced; /* by an option */
	struct claim *claims;
	size_t claim_count;
	struct looked_up *names, *resolvers; /* resolvers of the dns block among them */
	size_t name_count, resolver_count;
	struct conf_dnsbl_list lists[CONF_LISTS_MAX];
	unsigned list_count;
	struct prefix *own; /* of servers, both sides */
	size_t own_count;
	bool incomplete; /* a syntax error ended the file: what is missing may stand behind it */
	bool no_memory;
};

__attribute__((format(printf, 3, 4))) void build_error(
        struct build *b, const struct place *at, const char *format, ...);

/* values.c: handlers of scalars and ports */
void value_word(struct build *b, struct block *block, const struct entry *e);
void value_action(struct build *b, struct block *block, const struct entry *e);
void value_yesno(struct build *b, struct block *block, const struct entry *e);
void value_number(struct build *b, struct block *block, const struct entry *e);
void value_decimal(struct build *b, struct block *block, const struct entry *e);
void value_count(struct build *b, struct block *block, const struct entry *e);
void value_hook(struct build *b, struct block *block, const struct entry *e);
void value_mask(struct build *b, struct block *block, const struct entry *e);
void value_duration(struct build *b, struct block *block, const struct entry *e);
void value_name(struct build *b, struct block *block, const struct entry *e);
void value_logfile(struct build *b, struct block *block, const struct entry *e);
void value_socket(struct build *b, struct block *block, const struct entry *e);
void value_file(struct build *b, struct block *block, const struct entry *e);
void value_port(struct build *b, struct block *block, const struct entry *e);

/* "5m" to seconds; false if it is none up to max. */
bool value_read_duration(const char *text, int64_t max, int64_t *out);
/* As people write it: 25 with one decimal is 2.5. Returns buf. */
enum { VALUE_DECIMAL_MAX = 32 };
char *value_print_decimal(int64_t value, unsigned decimals, char buf[VALUE_DECIMAL_MAX]);

/* groups.c: handlers of addresses, names and groups */
void group_home(struct build *b, struct block *block, const struct entry *e);
void group_not_home(struct build *b, struct block *block, const struct entry *e);
void group_address(struct build *b, struct block *block, const struct entry *e);
void group_public(struct build *b, struct block *block, const struct entry *e);
void group_may_relay(struct build *b, struct block *block, const struct entry *e);
void group_name(struct build *b, struct block *block, const struct entry *e);
void group_domain(struct build *b, struct block *block, const struct entry *e);
void group_mx_of(struct build *b, struct block *block, const struct entry *e);
void group_spf_of(struct build *b, struct block *block, const struct entry *e);
void group_hosts(struct build *b, struct block *block, const struct entry *e);
void group_domains_file(struct build *b, struct block *block, const struct entry *e);
void group_file(struct build *b, struct block *block, const struct entry *e);
void group_from(struct build *b, struct block *block, const struct entry *e);
void group_to(struct build *b, struct block *block, const struct entry *e);
void group_trusted(struct build *b, struct block *block, const struct entry *e);
void group_never_block(struct build *b, struct block *block, const struct entry *e);
/* Adds what a list of groups names to a set. */
void group_add_member(struct build *b, const struct entry *e, struct policy_groups *set);
/* Makes the policy's group of every titled block; titles are checked here. */
void group_open_all(struct build *b);

/* suppress.c: what is counted and not told */
void suppress_rule(struct build *b, struct block *block, const struct entry *e);
void suppress_source(struct build *b, struct block *block, const struct entry *e);
void suppress_until(struct build *b, struct block *block, const struct entry *e);
void suppress_reason(struct build *b, struct block *block, const struct entry *e);
void suppress_open(struct build *b, struct block *block);
void check_suppress(struct build *b, const struct block *block);
/* What the blocks say goes to the policy, before it is sealed. */
void suppress_make(struct build *b);

/* watching.c: volume blocks and behaviours */
/* Many behind one address. */
void watching_shared(struct build *b, struct block *block, const struct entry *e);
void watching_match(struct build *b, struct block *block, const struct entry *e);
void volume_per(struct build *b, struct block *block, const struct entry *e);
void volume_limits(struct build *b, struct block *block, const struct entry *e);
void watching_except(struct build *b, struct block *block, const struct entry *e);
/* At the key's offset in struct behaviour_rule. */
void watching_limit(struct build *b, struct block *block, const struct entry *e);
/* A number for the block, in the order of the file. */
void volume_open(struct build *b, struct block *block);
/* Errors between values; then everything into the policy, before it is sealed. */
void watching_make(struct build *b);

/* outputs.c: where records go beside files, and how many */
void output_receiver(struct build *b, struct block *block, const struct entry *e);
void output_budget(struct build *b, struct block *block, const struct entry *e);
void output_size(struct build *b, struct block *block, const struct entry *e);
extern const char *const output_facility_words[];
unsigned output_facility(int64_t word); /* its number */
void check_outputs(struct build *b);

/* lookups.c: what is asked in the DNS, and whom */
void group_resolver(struct build *b, struct block *block, const struct entry *e);
void dns_server(struct build *b, struct block *block, const struct entry *e);
/* dnsbl.c: where strangers are looked up */
void dnsbl_zone(struct build *b, struct block *block, const struct entry *e);
void check_dnsbl(struct build *b);

/* Moves what was collected into its place. 0 or -ENOMEM. */
int lookups_make(struct build *b, struct conf *c);
void lookups_build_fini(struct build *b);
void lookups_free(struct conf *c);

/* domain.c: a domain or host name as people write it. 0 and both lower-case forms (unicode is empty
 * if it is the same), or -EINVAL with what is wrong and how to fix it. */
enum { DOMAIN_TEXT_MAX = 1024, DOMAIN_WHY_MAX = 200 };
struct domain_forms {
	char ascii[DOMAIN_TEXT_MAX], unicode[DOMAIN_TEXT_MAX];
};
int domain_read(
        const char *text, bool subdomains_allowed, struct domain_forms *out, char why[DOMAIN_WHY_MAX]);

/* check.c: what only shows when everything is read. */
void check_blocks(struct build *b);  /* before the policy is sealed */
void check_between(struct build *b); /* after */

/* idle.c: warnings about what has no effect; after the policy is sealed. */
void check_idle(struct build *b);
/* idle_watching.c: likewise of volume blocks and behaviours; part of it. */
void check_idle_watching(struct build *b);
/* idle_ladder.c: likewise of the ladder and shared addresses. */
void check_idle_ladder(struct build *b);
/* Some address of the prefix may match the set: self is any, and so is what the DNS will say. */
bool idle_may_match(const struct policy *policy, const struct policy_groups *set, const struct prefix *p);
/* The value of a key in a block (the last one), NULL if it is not written. */
const struct entry *check_find_entry(const struct build *b, const struct block *block, const char *key);

#endif
