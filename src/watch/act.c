/* act.c - see act.h.
 *
 * In this order: who is never punished (upstreams, servers, the gateway, never-block); findings that no single source is to
 * blame for; networks of many sources (crowd.h); shared addresses, which are limited in place of blocked; how far the source has
 * climbed (ladder.h). What is left is what enforce mode does, f->would. It is done, f->action, in that mode and about sources
 * that have completed a handshake: on a lone packet anybody can write any sender, and would have somebody else punished. In
 * monitor mode sources climb all the same, so that what is told is what would be done.
 *
 * What is meant is the source as it is counted: the prefix of its volume block, else a host of IPv4 and a /64 of IPv6. Where
 * somebody lies in that prefix whom nothing must meet, it is the host alone.
 *
 * A finding about a target (rcpt_to, or a server) is told only: its source is one of many, and the many may be honest ones that
 * somebody has set on the target (subscription forms, bounces).
 *
 * Shared addresses: many are behind one, and most of them have done nothing. A block of the watch becomes a limit there, and the
 * climb ends with it; a block because of relaying becomes refuse-session, as a session that relays is one that its sender
 * wants.
 *
 * How long: as the ladder says for slow, limit and what climbs; for a block or refused sessions as the rule says.
 */
#include "watch/act.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/watching.h"
#include "postern/action.h"
#include "postern/kind.h"
#include "watch/crowd.h"
#include "watch/evidence.h"
#include "watch/ladder.h"
#include "watch/sources.h"

enum { NETWORKS_PART = 4 /* of the sources */, HOST_BITS = 128 };

struct act {
	struct ladder *ladder;
	struct crowd *crowd;
	const struct policy *policy; /* NULL: not yet */
	enum policy_mode mode;
	bool is_forecast; /* orders are given in any mode, nobody carries them out */
	bool has_crowd;
	struct prefix crowd_network;
	struct finding crowd_last; /* by which it became one */
};

struct act *act_new(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct act *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->ladder = ladder_new(sources, hash_key);
	a->crowd = crowd_new(sources / NETWORKS_PART + 1, hash_key);
	if (a->ladder && a->crowd)
		return a;
	act_free(a);
	errno = ENOMEM;
	return NULL;
}

void act_free(struct act *a)
{
	if (!a)
		return;
	ladder_free(a->ladder);
	crowd_free(a->crowd);
	free(a);
}

/* In monitor mode nobody was slowed or limited in vain: nobody begins the other mode with a block. */
void act_set_policy(struct act *a, const struct policy *policy)
{
	a->policy = policy;
	if (!policy || policy_settings(policy)->mode == a->mode)
		return;
	a->mode = policy_settings(policy)->mode;
	ladder_forget_all(a->ladder);
}

void act_set_forecast(struct act *a, bool on)
{
	a->is_forecast = on;
}

/* ---- the rule ------------------------------------------------------------------------------- */

static const struct volume_block *find_block(const struct watching *w, const char *name)
{
	for (unsigned i = 0; *name && i < w->volume_count; i++)
		if (strcmp(w->volumes[i].name, name) == 0)
			return &w->volumes[i];
	return NULL;
}

/* NULL: it is no behaviour's. */
static const struct behaviour_rule *behaviour_of(const struct watching *w, uint32_t finding)
{
	static const uint32_t ids[BEHAVIOUR_COUNT] = {
		[BEHAVIOUR_REJECTS] = FINDING_VOLUME_REJECTS,
		[BEHAVIOUR_FANOUT] = FINDING_VOLUME_FANOUT,
		[BEHAVIOUR_TARGET] = FINDING_VOLUME_TARGET,
		[BEHAVIOUR_HARVEST] = FINDING_HARVEST,
		[BEHAVIOUR_BACKSCATTER] = FINDING_BACKSCATTER,
		[BEHAVIOUR_AUTH] = FINDING_AUTH_GUESS,
		[BEHAVIOUR_REPUTATION] = FINDING_REPUTATION,
	};

	for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++)
		if (ids[i] == finding)
			return &w->behaviours[i];
	return NULL;
}

static uint32_t block_for_s(const struct watching *w, const struct finding *f)
{
	const struct volume_block *block = find_block(w, f->block);
	const struct behaviour_rule *behaviour = behaviour_of(w, f->id);

	return block ? block->block_for_s : behaviour ? behaviour->block_for_s : 0;
}

/* What the rule of this finding asks for, or one of the volume blocks, which all find the same. */
static bool climbs_by(const struct watching *w, uint32_t finding)
{
	const struct behaviour_rule *behaviour = behaviour_of(w, finding);

	if (behaviour)
		return behaviour->on && behaviour->action == ACTION_CLIMB;
	for (unsigned i = 0; i < w->volume_count; i++)
		if (w->volumes[i].action == ACTION_CLIMB)
			return finding == FINDING_VOLUME_LIMIT || finding == FINDING_VOLUME_SPIKE;
	return false;
}

static uint32_t time_s(const struct watching *w, const struct finding *f, enum action action, bool climbs)
{
	if (climbs || action == ACTION_SLOW || action == ACTION_LIMIT)
		return ladder_time_s(&w->ladder, action);
	return block_for_s(w, f);
}

/* ---- the source ----------------------------------------------------------------------------- */

static struct prefix host_of(const struct finding *f)
{
	return (struct prefix) { f->conn.src, HOST_BITS };
}

/* title: of the volume block that counts it; "" = the first one that does. */
static struct prefix source_of(const struct policy *policy, const struct addr *a, const char *title)
{
	const struct watching *w = policy_watching(policy);
	struct policy_groups groups = policy_lookup(policy, a);
	const struct volume_block *block = find_block(w, title);
	int index;

	if (!block && (index = watching_find_volume(w, &groups, VOLUME_BY_SOURCE)) >= 0)
		block = &w->volumes[index];
	return block ? sources_prefix(a, block->bits_v4, block->bits_v6) : finding_prefix(a, 0);
}

/* Upstreams and servers by what was judged of the connection as well: addresses change. */
static bool is_spared(const struct policy *policy, const struct finding *f)
{
	const struct event_connection *c = &f->conn;
	struct prefix host = host_of(f);
	struct policy_shield shield;

	return c->from_upstream || c->from_server || c->self == SELF_CLIENT ||
	       policy_find_shield(policy, &host, &shield);
}

void act_restore(struct act *a, const struct prefix *source, enum action action, uint32_t finding,
        uint64_t since_us, uint64_t until_us)
{
	bool is_rung = action == ACTION_SLOW || action == ACTION_LIMIT || action == ACTION_BLOCK;

	if (a->policy && a->mode == MODE_ENFORCE && is_rung && climbs_by(policy_watching(a->policy), finding))
		ladder_restore(a->ladder, source, action, since_us, until_us);
}

/* What was lifted may have been narrower than the source, for somebody else's sake. */
void act_forgive(struct act *a, const struct prefix *lifted)
{
	struct prefix source;

	(void)ladder_forget(a->ladder, lifted);
	if (!a->policy)
		return;
	source = source_of(a->policy, &lifted->addr, "");
	(void)ladder_forget(a->ladder, &source);
}

void act_forget(struct act *a, const struct prefix *source, struct forgotten *out)
{
	out->n[FORGOTTEN_LADDER] += ladder_knows(a->ladder, source);
	if (out->look)
		return;
	(void)ladder_forget(a->ladder, source);
	crowd_forget(a->crowd, source);
}

/* What is done is done to all of it. */
static struct prefix narrow(const struct policy *policy, const struct finding *f, struct prefix source)
{
	struct policy_shield shield;

	return policy_find_shield(policy, &source, &shield) ? host_of(f) : source;
}

/* ---- deciding ------------------------------------------------------------------------------- */

static struct order order_of(
        const struct finding *f, enum action action, const struct prefix *source, uint32_t for_s)
{
	return (struct order) {
		.time_us = f->time_us,
		.source = f->conn.src,
		.finding = f->id,
		.action = (uint8_t)action,
		.verified = f->verified,
		.bits = source->bits == HOST_BITS ? 0 : source->bits,
		.for_s = for_s,
	};
}

/* Clients of ours are each known to somebody, and each answers for himself. */
static bool is_in_crowd(struct act *a, const struct finding *f, const struct prefix *source)
{
	struct prefix network;
	enum crowd_place place;

	if (f->conn.from_home || !f->verified)
		return false;
	place = crowd_see(a->crowd, source, f->time_us, &network);
	if (place == CROWD_JOINED) {
		a->has_crowd = true;
		a->crowd_network = network;
		a->crowd_last = *f;
	}
	return place == CROWD_WITHIN;
}

/* What the rule asks for, of a source that may be shared. */
static enum action choose(struct act *a, const struct finding *f, const struct prefix *source)
{
	const struct watching *w = policy_watching(a->policy);
	enum action wanted = (enum action)f->would;
	bool shared = policy_is_shared(a->policy, source);

	if (wanted == ACTION_CLIMB)
		return ladder_climb(a->ladder, &w->ladder, source, shared ? ACTION_LIMIT : ACTION_BLOCK,
		        f->window_s, f->time_us);
	return wanted == ACTION_BLOCK && shared ? ACTION_LIMIT : wanted;
}

bool act_decide(struct act *a, struct finding *f, struct order *order)
{
	bool climbs = f->would == ACTION_CLIMB;
	struct prefix source;

	f->action = ACTION_ALERT;
	if (!a->policy || f->at_target || is_spared(a->policy, f)) {
		f->would = ACTION_ALERT;
		return false;
	}
	source = source_of(a->policy, &f->conn.src, f->block);
	if (is_in_crowd(a, f, &source) || f->would == ACTION_ALERT) {
		f->would = ACTION_ALERT;
		return false;
	}
	source = narrow(a->policy, f, source);
	f->would = (uint8_t)choose(a, f, &source);
	if (!f->verified)
		return false;
	if (policy_settings(a->policy)->mode == MODE_ENFORCE)
		f->action = f->would;
	else if (!a->is_forecast)
		return false;
	*order = order_of(f, (enum action)f->would, &source,
	        time_s(policy_watching(a->policy), f, (enum action)f->would, climbs));
	return true;
}

bool act_follow(struct act *a, struct finding *f, struct order *order)
{
	struct prefix host = host_of(f);
	bool blocks = f->action == ACTION_BLOCK;
	bool foretells = a->is_forecast && f->would == ACTION_BLOCK;

	if (a->policy) {
		f->would = (uint8_t)policy_action_about(a->policy, &host, (enum action)f->would);
		f->action = blocks ? f->would : f->action;
	}
	*order = order_of(f, (enum action)(foretells ? f->would : f->action), &host, 0);
	return blocks || foretells;
}

/* ---- crowds --------------------------------------------------------------------------------- */

bool act_take_crowd(struct act *a, struct finding *about)
{
	char text[PREFIX_TEXT_MAX];

	if (!a->has_crowd)
		return false;
	a->has_crowd = false;
	*about = (struct finding) {
		.id = FINDING_VOLUME_SNOWSHOE,
		.severity = finding_kind(FINDING_VOLUME_SNOWSHOE)->severity,
		.action = ACTION_ALERT,
		.would = ACTION_ALERT,
		.time_us = a->crowd_last.time_us,
		.conn = a->crowd_last.conn,
		.value = CROWD_SOURCES,
		.limit = CROWD_SOURCES,
		.window_s = CROWD_WINDOW_S,
		.verified = 1,
	};
	about->conn.src = a->crowd_network.addr;
	about->source_bits = a->crowd_network.bits;
	evidence_print(evidence_line(about), "%s: something was found about %u sources of it, last %s",
	        prefix_print(&a->crowd_network, text), (unsigned)CROWD_SOURCES,
	        finding_rule(a->crowd_last.id));
	evidence_print(evidence_line(about),
	        "nothing is done to further ones; to cut all of it off: postern block %s", text);
	return true;
}
