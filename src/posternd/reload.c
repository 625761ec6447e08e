/* reload.c - takes a changed configuration into a running daemon.
 *
 * In this order: read and check; open the files that records are to go to; rules to the kernel in one transaction (none, if
 * they are the same); the policy to the workers, each of which changes over between two packets; and when the last one has
 * done so, the watch, the records and all else of this thread, and the old configuration is freed. Up to the transaction nothing
 * has changed, and behind it nothing can fail. What was counted, learned, found and done about sources stays.
 *
 * Limits. Events that a worker has written in the moment between its change and that of the last one
 * are recorded with the old names of rules. Keys that belong to what is claimed once (table, queue) need a restart: then
 * nothing of the new configuration is taken, and each of them is named with what the restart costs (conf/restart.h). Hooks can
 * be taken out and put back: their base chains stay, empty.
 */
#include "posternd/reload.h"
#include "posternd/wanted.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/restart.h"
#include "policy/policy.h"
#include "posternd/blocks.h"
#include "posternd/bypass.h"
#include "posternd/daemon.h"
#include "posternd/dnsbl.h"
#include "posternd/loop.h"
#include "posternd/memory.h"
#include "posternd/notify.h"
#include "posternd/upstreams.h"

enum { ERR_BYTES = 512, ASKED_BYTES = 48, WAIT_DOUBLINGS = 6, WAIT_MAX_S = 60 };

/* ---- what cannot change ---------------------------------------------------------------------- */

struct change {
	const struct conf *to;
	bool can;
};

static void tell_fixed(void *arg, const char *key, const char *remedy)
{
	struct change *change = arg;

	change->can = false;
	log_error("%s: %s cannot change while posternd runs: %s", change->to->path, key, remedy);
}

static bool can_change(const struct conf *from, const struct conf *to)
{
	struct change change = { .to = to, .can = true };

	restart_each(from, to, tell_fixed, &change);
	return change.can;
}

/* ---- changing -------------------------------------------------------------------------------- */

static bool install(struct daemon *d, const struct conf *next, const struct policy *policy)
{
	struct ruleset *rules = wanted_rules_of(next, policy);
	char err[ERR_BYTES] = "";

	if (!rules) {
		log_error("the rules cannot be built: %s", strerror(errno));
		return false;
	}
	if (gate_install(d->gate, rules, err, sizeof(err))) {
		log_error("%s", err);
		ruleset_free(rules);
		return false;
	}
	ruleset_free(d->rules);
	d->rules = rules;
	daemon_save_rules(d, rules);
	return true;
}

/* What is in the file of the configuration itself may be half of an edit: nobody has asked for it. */
static bool only_lists_changed(const struct conf *from, const struct conf *to)
{
	if (strcmp(from->own_hash, to->own_hash) == 0)
		return true;
	log_error("%s has changed, too, since it was read: SIGHUP takes both", to->path);
	return false;
}

/* ", asked for by uid 0", or nothing. */
static const char *asked_by(const struct daemon *d, char text[ASKED_BYTES])
{
	*text = '\0';
	if (d->reload.uid >= 0)
		snprintf(text, ASKED_BYTES, ", asked for by uid %" PRId64, d->reload.uid);
	return text;
}

/* Keeps what is said meanwhile; what has no room is in the log alone. */
static void keep_word(void *arg, enum log_level level, const char *text)
{
	struct daemon_reload *r = arg;
	size_t room = sizeof(r->words) - r->words_len;
	int len = level == LOG_LEVEL_INFO ? 0 : snprintf(r->words + r->words_len, room, "%s\n", text);

	if (len > 0 && (size_t)len < room)
		r->words_len += (size_t)len;
	r->words[r->words_len] = '\0';
}

/* What is known of the upstreams goes into the next configuration's policy. NULL: not done, said. */
static struct upstreams *carry_upstreams(const struct daemon *d, struct conf *next)
{
	struct upstreams *u = upstreams_new(next, d->upstreams);

	if (!u)
		log_error("no memory for the upstreams");
	return u;
}

static void follow_again(struct daemon *d, struct upstreams *upstreams)
{
	loop_follow(d->loop, -1);
	upstreams_free(d->upstreams);
	d->upstreams = upstreams;
	upstreams_open(d->upstreams, d->next, d->desk);
	loop_follow(d->loop, upstreams_fd(d->upstreams));
}

/* The DNS lists of the next configuration: those of before, if they are the same. NULL: not done, said. */
static struct dnsbl *carry_dnsbl(const struct daemon *d, const struct conf *next)
{
	struct dnsbl *dnsbl = dnsbl_fits(d->dnsbl, next) ? d->dnsbl : daemon_open_dnsbl(d, next);

	if (!dnsbl)
		log_error("no memory for the DNS lists");
	return dnsbl;
}

/* Other lists begin with their tests; until then nobody is looked up, and what the old ones have said is taken back. */
static void look_up_again(struct daemon *d, struct dnsbl *dnsbl)
{
	if (dnsbl == d->dnsbl) {
		dnsbl_set_conf(dnsbl, d->next);
		return;
	}
	loop_ask(d->loop, -1);
	dnsbl_free(d->dnsbl);
	d->dnsbl = dnsbl;
	loop_ask(d->loop, dnsbl_fd(dnsbl));
}

/* False: not done, said. */
static bool open_records(const struct daemon *d, const struct conf *next)
{
	char err[ERR_BYTES] = "";
	int r = desk_open_outputs(d->desk, next, err, sizeof(err));

	if (r)
		log_error("%s: %s", next->path, err);
	return r == 0;
}

static void take(struct daemon *d, bool lists_only)
{
	struct upstreams *upstreams = NULL;
	struct dnsbl *dnsbl = NULL;
	char asked[ASKED_BYTES];
	struct conf *next = NULL;
	unsigned i;

	d->reload.at_us = clock_now_us();
	d->reload.count++;
	d->reload.ok = false;
	d->reload.words_len = 0;
	d->reload.words[0] = '\0';
	log_listen(keep_word, &d->reload);
	if (daemon_read_conf(d, &next) || (lists_only && !only_lists_changed(d->conf, next)) ||
	        !can_change(d->conf, next) || !open_records(d, next) ||
	        !(upstreams = carry_upstreams(d, next)) || !(dnsbl = carry_dnsbl(d, next)) ||
	        !install(d, next, next->policy)) {
		log_error("%s is NOT in force: the %s of before stays",
		        lists_only ? "the changed list" : d->path, lists_only ? "list" : "configuration");
		desk_audit(d->desk, clock_now_us(),
		        "a changed configuration was refused%s; %s stays in force", asked_by(d, asked),
		        d->conf->hash);
		desk_close_outputs(d->desk);
		upstreams_free(upstreams);
		if (dnsbl != d->dnsbl)
			dnsbl_free(dnsbl);
		conf_free(next);
		log_listen(NULL, NULL);
		d->reload.uid = -1;
		return;
	}
	log_listen(NULL, NULL);
	d->next = next;
	follow_again(d, upstreams);
	look_up_again(d, dnsbl);
	health_set_fail_open(d->health, next->queue.fail == CONF_FAIL_OPEN);
	for (i = 0; i < d->worker_count; i++)
		worker_set_policy(d->workers[i], next->policy);
}

void reload_start(struct daemon *d)
{
	if (reload_runs(d))
		d->reload_again = true;
	else
		take(d, false);
}

bool reload_ask(struct daemon *d, uint32_t uid)
{
	if (reload_runs(d))
		return false;
	d->reload.uid = uid;
	take(d, false);
	return true;
}

void reload_lists(struct daemon *d)
{
	take(d, true);
}

bool reload_runs(const struct daemon *d)
{
	return d->next || d->next_policy;
}

/* A second, two, four, ... up to a minute: a table that somebody else has just deleted, memory that is short for a moment. */
static void try_again_later(struct daemon *d, const char *why)
{
	struct daemon_follow *f = &d->follow;
	char text[ERR_BYTES];

	f->wait_s = f->failures < WAIT_DOUBLINGS ? 1U << f->failures : WAIT_MAX_S;
	f->failures++;
	snprintf(text, sizeof(text),
	        "the addresses of upstreams that the DNS has changed are NOT IN FORCE: %s; tried again in %u "
	        "s",
	        why, f->wait_s);
	log_error("%s", text);
	if (f->failures == 1)
		desk_upstream(d->desk, clock_now_us(), true, text);
}

void reload_each_fault(
        const struct daemon *d, void (*each)(void *arg, const char *text, bool inspecting), void *arg)
{
	char text[ERR_BYTES];

	if (d->follow.failures == 0)
		return;
	snprintf(text, sizeof(text),
	        "the addresses of upstreams that the DNS has changed are NOT IN FORCE: the rules could not "
	        "be changed, "
	        "%u times; the log says why",
	        d->follow.failures);
	each(arg, text, true);
}

void reload_upstreams(struct daemon *d)
{
	struct policy *policy = upstreams_policy(d->upstreams, d->conf->policy);

	if (!policy || !install(d, d->conf, policy)) {
		try_again_later(d, policy ? "the rules cannot be changed" : "not enough memory");
		policy_free(policy);
		return;
	}
	if (d->follow.failures > 0) {
		log_info("the addresses of upstreams are in force");
		desk_upstream(d->desk, clock_now_us(), false, "the addresses of upstreams are in force");
	}
	d->follow = (struct daemon_follow) { .wanted = false };
	d->next_policy = policy;
	for (unsigned i = 0; i < d->worker_count; i++)
		worker_set_policy(d->workers[i], policy);
}

static bool workers_have(const struct daemon *d, const struct policy *policy)
{
	unsigned i;

	for (i = 0; i < d->worker_count; i++)
		if (!worker_has_policy(d->workers[i], policy))
			return false;
	return true;
}

/* The same configuration, other addresses. */
static void settle_policy(struct daemon *d)
{
	struct policy *before = d->conf->policy;

	if (!d->next_policy || !workers_have(d, d->next_policy))
		return;
	(void)daemon_drain(d, UINT32_MAX);
	d->conf->policy = d->next_policy;
	d->next_policy = NULL;
	if (desk_set_conf(d->desk, d->conf))
		log_error("no memory for the names of rules: the records go on with those of before");
	policy_free(before);
	blocks_recheck(d->blocks);
}

static void start_waiting(struct daemon *d)
{
	if (reload_runs(d) || !d->reload_again)
		return;
	d->reload_again = false;
	reload_start(d);
}

void reload_settle(struct daemon *d)
{
	char before[sizeof(d->conf->hash)], asked[ASKED_BYTES];

	settle_policy(d);
	start_waiting(d);
	if (!d->next || !workers_have(d, d->next->policy))
		return;
	(void)daemon_drain(d, UINT32_MAX); /* what was judged before is told by the names of before */
	if (desk_set_conf(d->desk, d->next))
		log_error("no memory for the new names of rules: the records go on with those of before");
	conf_forget_places(d->next);
	health_set_table(d->health, d->next->nft.table);
	memcpy(before, d->conf->hash, sizeof(before));
	if (daemon_mode_name(d->conf) != daemon_mode_name(d->next))
		d->mode_since_us = clock_now_us();
	conf_free(d->conf);
	d->conf = d->next;
	d->next = NULL;
	bypass_refill(d->bypass);
	blocks_set_conf(d->blocks);
	memory_set_conf(d, d->conf);
	log_info("%s is in force (%s): %s mode, %u rules", d->path, d->conf->hash, daemon_mode_name(d->conf),
	        policy_rule_count(d->conf->policy));
	if (strcmp(before, d->conf->hash) != 0)
		desk_audit(d->desk, clock_now_us(), "configuration changed from %s to %s: %s mode%s", before,
		        d->conf->hash, daemon_mode_name(d->conf), asked_by(d, asked));
	d->reload.ok = true;
	d->reload.uid = -1;
	start_waiting(d);
}
