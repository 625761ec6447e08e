/* daemon.h - the parts of posternd and the order in which they come up and go down. */
#ifndef POSTERND_DAEMON_H
#define POSTERND_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "conf/conf.h"
#include "gate/claim.h"
#include "gate/gate.h"
#include "posternd/desk.h"
#include "posternd/forget.h"
#include "posternd/health.h"
#include "posternd/worker.h"
#include "tap/nflog.h"

enum { DAEMON_WORKERS_MAX = 64, DAEMON_SENTENCES_MAX = 65536 };

struct loop;
struct upstreams;
struct dnsbl;
struct bypass;
struct guard;
struct blocks;
struct control;
struct sentences;
struct store;

/* The last try to take a changed configuration. */
struct daemon_reload {
	uint64_t at_us; /* 0 = none yet */
	bool ok;
	unsigned count;   /* tries so far */
	int64_t uid;      /* who asks for the one on its way; -1 = a signal, or a list */
	char words[8192]; /* what was said of it, a line each */
	size_t words_len;
};

/* What the DNS has changed, on its way into the rules. */
struct daemon_follow {
	bool wanted;       /* something is not in the rules yet */
	unsigned failures; /* tries in a row that the kernel did not take */
	unsigned wait_s;   /* to the next one */
};

struct daemon {
	uint8_t hash_key[HASH_KEY_BYTES];
	const char *path; /* of the configuration */
	bool force_monitor;
	struct conf *conf;
	struct conf *next; /* being taken over by the workers; NULL = none (reload.c) */
	struct policy
	        *next_policy; /* likewise, of the same configuration: the DNS has changed it (reload.c) */
	struct daemon_follow follow;
	struct upstreams *upstreams;
	bool reload_again; /* asked for meanwhile */
	struct ruleset *rules;
	int claim; /* of the table, for our life (gate/claim.h); -1 = none */
	int claim_guests[CLAIM_GUESTS_MAX];
	struct gate *gate;
	struct sentences *sentences; /* about sources on DNS lists; the workers read it, this thread writes */
	struct sentences *orders;    /* what the watch has ordered about sources (blocks.h); likewise */
	struct worker *workers[DAEMON_WORKERS_MAX];
	unsigned worker_count;
	struct nflog_tap *refused;
	struct store *store; /* NULL = nothing is kept */
	struct {             /* memory.c: where the next look for changes begins */
		uint32_t stories;
		uint64_t seen;
		uint32_t sources;
		uint32_t usual;
		uint32_t quotes_s; /* ticks so far */
	} keeping;
	uint64_t suppressions_us; /* silence.c: which have ended up to then, was told */
	uint64_t seen_since_us;   /* who delivered is known since then */
	struct desk *desk;
	struct health *health;
	struct loop *loop;
	struct control *control;
	struct bypass *bypass;
	struct guard *guard;
	struct dnsbl *dnsbl;
	bool bridge_unseen; /* what bridges forward passes by the rules, and that was told */
	struct blocks *blocks;
	uint64_t started_us;
	uint64_t mode_since_us; /* of the mode in force */
	struct daemon_reload reload;
	struct daemon_forget forget;
};

/* The steps of the start, in their order. Each says on the log what is wrong and what to do, and
 * returns false; then only daemon_close() may follow. Up to daemon_install(), which is the last one,
 * nothing in the kernel has changed but who listens on the queue. */
bool daemon_load(struct daemon *d, const char *path, bool force_monitor);
bool daemon_claim(struct daemon *d);
bool daemon_prepare(struct daemon *d);
bool daemon_install(struct daemon *d);

/* The lists of this configuration; NULL without memory. */
struct dnsbl *daemon_open_dnsbl(const struct daemon *d, const struct conf *conf);
/* What was just installed, for the next boot. */
void daemon_save_rules(const struct daemon *d, const struct ruleset *rules);
/* The table may have been made anew, or changed by somebody: what lives in it for a time is put back by those who know it. */
void daemon_refill(struct daemon *d);
const char *daemon_mode_name(const struct conf *conf);
/* What conf_load() has to say goes to the log. */
int daemon_read_conf(const struct daemon *d, struct conf **out);
/* Takes at most `most` events from the workers. True if some are left. */
bool daemon_drain(struct daemon *d, unsigned most);
/* Tells what passed without inspection since the last call. After health_tick(). */
void daemon_tell_blind(struct daemon *d, uint64_t now_us);

/* Until a signal ends it (true) or a worker has failed (false). */
bool daemon_run(struct daemon *d);
/* Stops the workers, writes what is left, says totals. The rules stay. */
bool daemon_stop(struct daemon *d);
void daemon_close(struct daemon *d);

#endif
