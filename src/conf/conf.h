/* conf.h - the configuration file, read with libconfuse, to settings and a sealed policy.
 *
 * One table (conf/keys.c) holds every key with its type, default, range, unit and one line of help;
 * parser, `postern check` and the man page are made from it. A key that is not in it is an error.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "policy/codes.h"
#include "policy/policy.h"
#include "postern/receiver.h"

/* POSTERN_SYSCONFDIR, and CONF_EXAMPLES_DIR (where the examples of rules/ are installed), come from make. */
#define CONF_DEFAULT_PATH POSTERN_SYSCONFDIR "/postern/postern.conf"
/* The default of control.path, for whoever cannot read the configuration. */
#define CONF_DEFAULT_SOCKET "/run/postern/control.sock"

enum conf_fail { CONF_FAIL_OPEN, CONF_FAIL_CLOSED };
#define CONF_FAIL_NAMES "open", "closed"

enum conf_syslog { CONF_SYSLOG_RFC5424, CONF_SYSLOG_CEF };
#define CONF_SYSLOG_NAMES "rfc5424", "cef"

/* So much in such a time. */
struct conf_budget {
	uint64_t most; /* 0 = no limit */
	uint32_t window_s;
};

enum conf_hook { CONF_HOOK_FORWARD, CONF_HOOK_INPUT, CONF_HOOK_OUTPUT, CONF_HOOK_COUNT };
#define CONF_HOOK_NAMES "forward", "input", "output"

enum { CONF_WORKERS_MAX = 16, CONF_HELD_MAX = 1024, CONF_BLOCKS_MAX = 1 << 20 };

/* By what an upstream is followed through the DNS. */
enum conf_source { CONF_MX_OF, CONF_SPF_OF, CONF_HOSTS, CONF_SOURCE_COUNT };
#define CONF_SOURCE_NAMES "mx-of", "spf-of", "hosts"

struct conf_name {
	enum conf_source source;
	char *name; /* A-labels in lower case */
};
struct conf_upstream { /* only those with names */
	int group;     /* in the policy */
	char *title;
	uint32_t grace_s;
	bool allow_private;
	struct conf_name *names;
	size_t name_count;
	char **resolvers; /* "192.0.2.53@5353" */
	unsigned resolver_count;
};

/* Which version of a file; all zero = there is none. Compared as bytes. */
struct conf_stamp {
	uint64_t device, inode, size_bytes, changed_s, changed_ns;
};
/* A file of names or addresses that the configuration points to. */
struct conf_list {
	char *path;
	struct conf_stamp stamp; /* of what was read */
};

/* A DNS list. An IPv6 address takes 64 of the 253 bytes that a name may have. */
enum { CONF_LISTS_MAX = POLICY_LISTS_MAX, CONF_ZONE_MAX = 189 };
struct conf_dnsbl_list {
	char zone[CONF_ZONE_MAX + 1]; /* A-labels in lower case */
	struct codes codes;
};

struct conf {
	char *path;
	struct policy *policy; /* sealed */
	struct {
		uint16_t number;  /* of the first worker */
		uint16_t workers; /* 1..CONF_WORKERS_MAX */
		uint32_t length;  /* packets */
		enum conf_fail fail;
	} queue;
	struct {
		char *table;
		int priority; /* of the first chain; the marking chain is one behind it */
		uint32_t mark_mask;
		bool bridge; /* what bridges forward is to pass the rules, too */
		bool drop_invalid;
		bool own;       /* the table is to be changed by nobody else */
		unsigned hooks; /* 1 << enum conf_hook each */
	} nft;
	struct {
		char *eve, *ecs, *cef; /* "-" = stdout, "" = none */
		bool alerts_only;
		uint32_t stats_s; /* seconds between stats records, 0 = none */
		struct receiver syslog;
		enum conf_syslog syslog_format;
		unsigned syslog_facility;             /* its number */
		struct conf_budget per_source, total; /* records, bytes */
		uint64_t keep_free;                   /* bytes; 0 = none */
	} log;
	uint32_t block_size; /* blocks at once */
	struct {
		char *path; /* "" = none */
		uint32_t keep_s, envelope_s;
	} store;
	struct {
		bool records, alerts; /* local parts are hashed */
	} privacy;
	struct {
		char *path; /* of the socket; "" = none */
		char *group;
	} control;
	struct {
		char **servers;
		unsigned server_count; /* 0 = those of resolv.conf */
		char *trust_anchor;    /* "" = none */
		bool require_dnssec;
		uint32_t refresh_s;
	} dns;
	struct {
		struct conf_dnsbl_list lists[CONF_LISTS_MAX];
		unsigned count;
		enum action action; /* alert, slow or refuse-session */
		uint32_t least_s, most_s, test_s, timeout_s;
	} dnsbl;
	struct conf_upstream *upstreams;
	size_t upstream_count;
	struct prefix *own; /* addresses of our servers, inside and public */
	size_t own_count;
	struct conf_list *lists;
	size_t list_count;
	struct conf_places *places; /* places.h; NULL unless asked for */
	char hash[17];     /* of the files' text, hex; "" without files; `postern.config` of the records */
	char own_hash[17]; /* likewise, without the lists */
};

/* Messages as "FILE:LINE: what and how to fix", one a line, without newline; of a warning CONF_WARNING stands before what. */
#define CONF_WARNING "warning: "
typedef void (*conf_report)(void *arg, const char *message);

/* What a program's command line overrides. */
struct conf_options {
	bool force_monitor; /* posternd -n: monitor mode whatever the file says */
	bool keep_places;   /* which line says what can be asked afterwards (places.h) */
};

/* Reads, checks and compiles; options may be NULL. On success 0 and *out (caller frees with
 * conf_free). Else -EINVAL with the first syntax error or every semantic one reported, or -errno when
 * a file cannot be read (also reported). Warnings are reported through `warn` and do not fail. Both
 * reports may be NULL. Not reentrant: one thread at a time (libconfuse's lexer is one per process). */
int conf_load(const char *path, const struct conf_options *options, struct conf **out, conf_report error,
        conf_report warn, void *arg);
/* Where the posternd of this file is asked, whatever else is wrong in the file: its control.path, or the default if the file
 * can be read to its end and has none. Caller frees; NULL: not known, or no memory. */
char *conf_find_socket(const char *path);
/* A policy for `postern read` without a file: home prefixes and one servers group "local" that owns
 * every address in home and the given domains. Any port unless ports are given. */
int conf_offline(const char *const *home, unsigned home_count, const char *const *domains,
        unsigned domain_count, const uint16_t *ports, unsigned port_count, struct conf **out,
        conf_report error, void *arg);
/* Frees what only questions about lines need. */
void conf_forget_places(struct conf *c);
void conf_free(struct conf *c); /* NULL is fine */
/* The version of the file that is there now. */
void conf_stamp_read(const char *path, struct conf_stamp *out);
/* The key table as a man page (mdoc), for packaging and its test. */
void conf_print_manual(FILE *to);

#endif
