/* daemon.c - the parts of posternd and the order in which they come up and go down.
 *
 * The queue is claimed and served before the rules that feed it are installed, so nothing is ever
 * queued to nobody. All that can be wrong (configuration, rights, kernel, a taken number, a log that
 * cannot be opened) is found before the first rule is written.
 *
 * On the way out the workers pay what they owe and leave their queues; then the rules decide alone what
 * becomes of port 25 (queue.fail), which is said.
 */
#include "posternd/daemon.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "gate/claim.h"
#include "policy/policy.h"
#include "policy/sentence.h"
#include "posternd/blocks.h"
#include "posternd/bypass.h"
#include "posternd/guard.h"
#include "posternd/dnsbl.h"
#include "posternd/loop.h"
#include "posternd/memory.h"
#include "posternd/notify.h"
#include "posternd/upstreams.h"
#include "posternd/wanted.h"

static_assert((int)CONF_HOOK_FORWARD == (int)RULESET_FORWARD && (int)CONF_HOOK_INPUT == (int)RULESET_INPUT &&
                      (int)CONF_HOOK_OUTPUT == (int)RULESET_OUTPUT,
        "hooks go from the configuration to the ruleset as they are");
static_assert(
        (int)CONF_WORKERS_MAX <= (int)RULESET_QUEUES_MAX && (int)CONF_WORKERS_MAX <= (int)DAEMON_WORKERS_MAX,
        "room for all workers");

enum { ERR_BYTES = 512, PATH_BYTES = 4096 };

const char *daemon_mode_name(const struct conf *conf)
{
	static const char *const names[MODE_COUNT] = { POLICY_MODE_NAMES };

	return names[policy_settings(conf->policy)->mode];
}

/* ---- the steps of the start ----------------------------------------------------------------- */

static void on_conf_error(void *arg, const char *message)
{
	(void)arg;
	log_error("%s", message);
}

static void on_conf_warning(void *arg, const char *message)
{
	const char *word = strstr(message, CONF_WARNING); /* the log has its own */

	(void)arg;
	if (word)
		log_warning("%.*s%s", (int)(word - message), message, word + strlen(CONF_WARNING));
	else
		log_warning("%s", message);
}

int daemon_read_conf(const struct daemon *d, struct conf **out)
{
	const struct conf_options options = { .force_monitor = d->force_monitor, .keep_places = true };

	return conf_load(d->path, &options, out, on_conf_error, on_conf_warning, NULL);
}

static bool open_gate(struct daemon *d)
{
	char err[ERR_BYTES] = "";

	d->gate = gate_open(err, sizeof(err));
	if (!d->gate)
		log_error("%s", err);
	return d->gate;
}

bool daemon_load(struct daemon *d, const char *path, bool force_monitor)
{
	int r;

	d->claim = -1;
	for (unsigned i = 0; i < CLAIM_GUESTS_MAX; i++)
		d->claim_guests[i] = -1;
	d->reload.uid = -1;
	d->started_us = d->mode_since_us = clock_now_us();
	d->path = path;
	d->force_monitor = force_monitor;
	if (daemon_read_conf(d, &d->conf))
		return false;
	d->upstreams = upstreams_new(d->conf, NULL);
	if (!d->upstreams) {
		log_error("no memory for the upstreams");
		return false;
	}
	d->rules = wanted_rules(d->conf);
	if (!d->rules) {
		log_error("the rules cannot be built: %s", strerror(errno));
		return false;
	}
	r = hash_key_random(d->hash_key);
	if (r) {
		log_error("no random numbers from the kernel: %s", strerror(-r));
		return false;
	}
	d->sentences = sentences_new(DAEMON_SENTENCES_MAX, d->hash_key);
	d->orders = sentences_new(DAEMON_SENTENCES_MAX, d->hash_key);
	if (!d->sentences || !d->orders) {
		log_error("no memory for the sentences about sources");
		return false;
	}
	/* The gate first: who may not guard says that alone, and makes no file. The store before the queue is taken: a slow
	 * disk must not hold up what waits there. */
	return open_gate(d) && memory_open(d);
}

static struct worker *open_worker(struct daemon *d, unsigned number, char err[ERR_BYTES])
{
	struct worker_settings s = {
		.number = (uint8_t)number,
		.queue = {
			.number = (uint16_t)(d->conf->queue.number + number),
			.length = d->conf->queue.length,
			.mark_mask = d->conf->nft.mark_mask,
			.hold_most = policy_settings(d->conf->policy)->slow_packets,
		},
		.policy = d->conf->policy,
		.sentences = d->sentences,
		.orders = d->orders,
		.wake = loop_wake,
		.wake_arg = d->loop,
	};

	memcpy(s.hash_key, d->hash_key, sizeof(s.hash_key));
	return worker_open(&s, err, ERR_BYTES);
}

bool daemon_claim(struct daemon *d)
{
	char err[ERR_BYTES] = "";

	d->loop = loop_new(d);
	if (!d->loop) {
		log_error("no event loop: %s", strerror(errno));
		return false;
	}
	while (d->worker_count < d->conf->queue.workers) {
		d->workers[d->worker_count] = open_worker(d, d->worker_count, err);
		if (!d->workers[d->worker_count])
			break;
		d->worker_count++;
	}
	if (d->worker_count == d->conf->queue.workers)
		d->refused = nflog_tap_open(d->conf->queue.number, err, sizeof(err));
	if (d->refused)
		d->claim = claim_table(d->conf->nft.table, err, sizeof(err));
	if (d->claim >= 0 && *err)
		log_warning("%s", err);
	if (d->claim >= 0)
		return true;
	log_error("%s", err);
	return false;
}

struct dnsbl *daemon_open_dnsbl(const struct daemon *d, const struct conf *conf)
{
	return dnsbl_new(&(const struct dnsbl_settings) {
	        .conf = conf,
	        .desk = d->desk,
	        .sentences = d->sentences,
	        .hash_key = d->hash_key,
	});
}

/* Whatever is told may be about somebody who is to be looked up. */
static void on_event(void *arg, const struct event *e)
{
	const struct daemon *d = arg;

	dnsbl_event(d->dnsbl, d->conf->policy, e);
}

bool daemon_prepare(struct daemon *d)
{
	char err[ERR_BYTES] = "";
	unsigned i;
	int r = 0;

	d->desk = desk_open(d->conf, d->hash_key, err, sizeof(err));
	if (!d->desk) {
		log_error("%s", err);
		return false;
	}
	conf_forget_places(d->conf);
	memory_restore(d);
	d->health = health_new(
	        &(struct health_sources) {
	                .workers = d->workers,
	                .worker_count = d->worker_count,
	                .gate = d->gate,
	                .table = d->conf->nft.table,
	                .fail_open = d->conf->queue.fail == CONF_FAIL_OPEN,
	                .desk = d->desk,
	        },
	        clock_now_us());
	d->bypass = bypass_new(d);
	d->guard = guard_new(d);
	d->dnsbl = daemon_open_dnsbl(d, d->conf);
	d->blocks = blocks_new(d);
	if (!d->health || !d->bypass || !d->guard || !d->dnsbl || !d->blocks)
		r = -ENOMEM;
	for (i = 0; r == 0 && i < d->worker_count; i++)
		r = worker_start(d->workers[i]);
	if (r)
		log_error("the workers cannot be started: %s", strerror(-r));
	return r == 0;
}

void daemon_save_rules(const struct daemon *d, const struct ruleset *rules)
{
	char path[PATH_BYTES];
	int r = wanted_path(path, sizeof(path)) ? gate_save(d->gate, rules, path) : 0;

	if (r)
		log_warning("%s cannot be written, the next boot begins with older rules or none: %s", path,
		        strerror(-r));
}

/* A table of another name, from before nft.table was changed, would go on refusing and queueing. */
static void tell_other_table(void *arg, const char *table)
{
	const struct daemon *d = arg;

	if (strcmp(table, d->conf->nft.table) != 0)
		log_warning(
		        "table inet %s is one of posternd, too, and in force beside table inet %s: unless "
		        "another posternd guards it, remove it (nft delete table inet %s)",
		        table, d->conf->nft.table, table);
}

/* Chains that stand elsewhere are moved: we have only begun, so nothing of ours waits in a queue. */
static bool install(struct daemon *d)
{
	char err[ERR_BYTES] = "";
	int r = gate_install(d->gate, d->rules, err, sizeof(err));

	if (r == -EEXIST) {
		r = gate_repair(d->gate, d->rules, NULL, 0, err, sizeof(err));
		if (r == 0)
			log_warning("the chains of table inet %s were moved to priority %d: the kernel has "
			            "dropped "
			            "what waited in queues of this machine, and TCP sends it again",
			        d->conf->nft.table, d->conf->nft.priority);
	}
	if (r)
		log_error("%s", err);
	return r == 0;
}

bool daemon_install(struct daemon *d)
{
	static const char *const done[] = {
		[GATE_ADOPTED] = "the rules stood already, and were adopted untouched",
		[GATE_CHANGED] = "the rules that stood were changed",
		[GATE_MADE] = "the rules were installed, there were none",
	};

	if (d->conf->nft.own)
		gate_own(d->gate);
	blocks_find_left(d->blocks);
	if (!install(d))
		return false;
	daemon_save_rules(d, d->rules);
	(void)gate_find_tables(d->gate, tell_other_table, d);
	log_info("%s mode: %u %s from %u on, table inet %s%s, %u rules", daemon_mode_name(d->conf),
	        d->worker_count, d->worker_count > 1 ? "queues" : "queue", d->conf->queue.number,
	        d->conf->nft.table, gate_uses_target(d->gate) ? " (with the xt NFQUEUE target)" : "",
	        policy_rule_count(d->conf->policy));
	if (gate_owns(d->gate))
		log_info("table inet %s is ours alone: the kernel refuses changes by others",
		        d->conf->nft.table);
	else if (d->conf->nft.own)
		log_info("table inet %s can be changed by others, and is repaired then: %s",
		        d->conf->nft.table,
		        gate_done(d->gate) == GATE_MADE
		                ? "this kernel (before 6.9) knows no owner of a table that outlives it"
		                : "it was made without an owner (postern down, then a new start, makes it "
		                  "anew)");
	if (gate_drops_mptcp(d->gate))
		log_warning("this kernel (before 5.18) cannot turn MPTCP into plain TCP: in mode enforce, "
		            "connections that "
		            "open with it to inspected pairs get no answer");
	desk_audit(d->desk, clock_now_us(), "posternd " POSTERN_VERSION " started (%s), %s mode: %s",
	        d->conf->hash, daemon_mode_name(d->conf), done[gate_done(d->gate)]);
	desk_listen(d->desk, on_event, d);
	upstreams_open(d->upstreams, d->conf, d->desk);
	bypass_take_over(d->bypass);
	blocks_restore(d->blocks);
	memory_start(d);
	desk_flush(d->desk);
	return true;
}

void daemon_refill(struct daemon *d)
{
	bypass_refill(d->bypass);
	blocks_refill(d->blocks);
}

/* ---- running and leaving -------------------------------------------------------------------- */

bool daemon_run(struct daemon *d)
{
	bool ok;

	notify_send("READY=1");
	ok = loop_run(d->loop);
	notify_send("STOPPING=1");
	return ok;
}

/* Waits for the workers; false if one of them had failed. */
static bool join_workers(struct daemon *d)
{
	bool ok = true;
	unsigned i;
	int r;

	for (i = 0; i < d->worker_count; i++)
		worker_stop(d->workers[i]);
	for (i = 0; i < d->worker_count; i++) {
		r = worker_join(d->workers[i]);
		if (r == 0)
			continue;
		ok = false;
		log_error(
		        "the worker of queue %u had to stop: %s", worker_queue(d->workers[i]), strerror(-r));
		if (r == -ETIMEDOUT) { /* it hangs, and may go on using what would be freed */
			desk_flush(d->desk);
			_exit(EXIT_FAILURE);
		}
	}
	return ok;
}

bool daemon_drain(struct daemon *d, unsigned most)
{
	struct ring *rings[DAEMON_WORKERS_MAX];
	unsigned i;

	for (i = 0; i < d->worker_count; i++)
		rings[i] = worker_events(d->workers[i]);
	return desk_drain(d->desk, rings, d->worker_count, most);
}

void daemon_tell_blind(struct daemon *d, uint64_t now_us)
{
	struct event_blind blind;

	if (health_take_blind(d->health, &blind))
		desk_blind(d->desk, &blind, now_us);
	desk_flush(d->desk); /* first told, then remembered as told */
	health_set_blind_told(d->health, desk_blind_told(d->desk));
}

static void finish(struct daemon *d)
{
	uint64_t now_us = clock_now_us();
	unsigned i;

	(void)daemon_drain(d, UINT32_MAX);
	for (i = 0; i < d->worker_count; i++)
		while (worker_finish(d->workers[i], now_us) > 0)
			(void)daemon_drain(d, UINT32_MAX);
	(void)daemon_drain(d, UINT32_MAX);
	health_tick(d->health, now_us);
	daemon_tell_blind(d, now_us);
	if (memory_keeps(d))
		desk_leave(d->desk, now_us);
	else
		desk_finish(d->desk, now_us);
	daemon_tell_blind(d, now_us); /* the summaries have told the rest */
	desk_audit(d->desk, now_us, "posternd stopped; the rules stay in force, and what was inspected %s",
	        d->conf->queue.fail == CONF_FAIL_OPEN ? "passes without inspection" : "is dropped");
	if (d->conf->log.stats_s)
		health_write_stats(d->health, d->desk, now_us);
	desk_flush(d->desk);
}

bool daemon_stop(struct daemon *d)
{
	bool ok = join_workers(d);

	finish(d);
	upstreams_save(d->upstreams);
	health_say_totals(d->health);
	bypass_say_goodbye(d->bypass);
	memory_leave(d);
	log_info("stopped. The rules stay in force: pairs that no rule allows are %s as before, what was "
	         "inspected %s. To remove them: postern down",
	        policy_settings(d->conf->policy)->mode == MODE_ENFORCE ? "refused" : "let through",
	        d->conf->queue.fail == CONF_FAIL_OPEN ? "now PASSES WITHOUT INSPECTION" : "is now dropped");
	return ok;
}

void daemon_close(struct daemon *d)
{
	unsigned i;

	if (d->worker_count > 0)
		(void)join_workers(d); /* a start that failed behind worker_start() */
	for (i = 0; i < d->worker_count; i++)
		worker_close(d->workers[i]);
	dnsbl_free(d->dnsbl);
	sentences_free(d->sentences);
	sentences_free(d->orders);
	loop_free(d->loop);
	nflog_tap_close(d->refused);
	guard_free(d->guard);
	bypass_free(d->bypass);
	blocks_free(d->blocks);
	health_free(d->health);
	memory_close(d);
	desk_close(d->desk);
	if (d->gate)
		gate_close(d->gate);
	ruleset_free(d->rules);
	upstreams_free(d->upstreams);
	policy_free(d->next_policy);
	conf_free(d->conf);
	conf_free(d->next);
	claim_close(d->claim);
}
