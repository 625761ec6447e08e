/* idle_watching.c - warnings about volume blocks and behaviours that are written and have no effect, or not the one that they
 * seem to have.
 *
 * As in idle.c: told only where it is certain, and nothing beside errors.
 */
#include <string.h>

#include "conf/build.h"
#include "postern/action.h"

/* An action is one of the configuration's words, of less than 16 bytes. */
enum { TOLD_MAX = 12, TOLD_BYTES_MAX = (TOLD_MAX + 1) * (POLICY_NAME_MAX + 48) };

static const char *const action_names[] = { ACTION_NAMES };

#define WARN(b, at, ...) problems_add((b)->problems, PROBLEM_WARNING, at, __VA_ARGS__)

static const struct place *place_of(const struct build *b, const struct block *block, const char *key)
{
	const struct entry *e = check_find_entry(b, block, key);

	return e ? &e->at : &block->at;
}

/* All groups of a kind. */
static struct policy_groups groups_of_kind(const struct policy *p, enum policy_group_kind kind)
{
	struct policy_groups set = { 0 };

	for (unsigned id = 0; id < policy_group_count(p); id++)
		if (policy_group(p, id).kind == kind)
			policy_groups_add(&set, id);
	return set;
}

static struct policy_groups both(const struct policy_groups *a, const struct policy_groups *b)
{
	struct policy_groups set = *a;

	for (size_t i = 0; i < sizeof(set.w) / sizeof(set.w[0]); i++)
		set.w[i] |= b->w[i];
	return set;
}

/* No address is in both sets, whatever the DNS will say. */
static bool are_apart(const struct policy *p, const struct policy_groups *a, const struct policy_groups *b)
{
	for (unsigned id = 0; id < policy_group_count(p); id++) {
		struct policy_group_view g = policy_group(p, id);

		if (!policy_groups_have(a, id))
			continue;
		if (g.followed || id == GROUP_ID_SELF)
			return false;
		for (size_t i = 0; i < g.prefix_count; i++)
			if (idle_may_match(p, b, &g.prefixes[i]))
				return false;
	}
	return true;
}

/* ---- whom a volume block counts ------------------------------------------------------------------ */

/* It names home or servers, and there are none. */
static bool tell_empty_group(struct build *b, const struct block *block, const struct volume_block *v)
{
	static const struct {
		unsigned group;
		const char *fix;
	} groups[] = { { GROUP_ID_HOME, "write home = { ... }" },
		{ GROUP_ID_SERVERS, "add a servers block" } };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct policy_group_view g = policy_group(b->policy, groups[i].group);

		if (!policy_groups_have(&v->match, groups[i].group) || g.prefix_count > 0)
			continue;
		WARN(b, place_of(b, block, "match"),
		        "volume \"%s\" names %s, which has no address and matches nothing; %s", v->name,
		        g.name, groups[i].fix);
		return true;
	}
	return false;
}

/* True if it counts nobody. */
static bool tell_nobody_left(struct build *b, const struct block *block, const struct volume_block *v)
{
	struct policy_groups upstreams = groups_of_kind(b->policy, GROUP_UPSTREAM);
	struct policy_groups spared = both(&v->except, &upstreams);

	if (policy_covers(b->policy, &upstreams, &v->match)) {
		WARN(b, place_of(b, block, "match"),
		        "volume \"%s\" counts nobody: it names upstreams alone, and they are never counted, "
		        "since "
		        "they pass on what others wrote; remove it",
		        v->name);
		return true;
	}
	if (policy_covers(b->policy, &spared, &v->match)) {
		WARN(b, place_of(b, block, "except"),
		        "volume \"%s\" counts nobody: except takes out all that match names; name fewer "
		        "there",
		        v->name);
		return true;
	}
	return false;
}

static const struct block *block_of_volume(const struct build *b, int volume)
{
	const struct block *block = b->parsed->blocks;

	while (block->kind != BLOCK_VOLUME || block->volume != volume)
		block++;
	return block;
}

/* Servers and the gateway itself are not meant by these two (watching_find_volume()). */
static struct policy_groups without_any_and_home(const struct policy_groups *set)
{
	struct policy_groups rest = *set;

	rest.w[0] &= ~(UINT64_C(1) << GROUP_ID_ANY | UINT64_C(1) << GROUP_ID_HOME);
	return rest;
}

/* Whoever matches v, exceptions apart, matches `outer`, as a server, too. */
static bool takes_all(const struct policy *p, const struct policy_groups *outer, const struct volume_block *v)
{
	struct policy_groups named = without_any_and_home(&v->match), by = without_any_and_home(outer);
	struct policy_groups servers = { 0 };

	policy_groups_add(&servers, GROUP_ID_SERVERS);
	if (!policy_covers(p, outer, &v->match))
		return false;
	return are_apart(p, &named, &servers) || policy_covers(p, &by, &named) ||
	       (!policy_groups_have(&named, GROUP_ID_SELF) && policy_covers(p, &v->except, &servers));
}

/* An earlier block with the same key takes all clients. */
static bool tell_not_reached(struct build *b, const struct block *block, const struct volume_block *v)
{
	const struct volume_block *earlier = b->watching.volumes;
	const struct block *other;

	for (; earlier < v; earlier++)
		if (earlier->key == v->key && takes_all(b->policy, &earlier->match, v) &&
		        (policy_covers(b->policy, &v->except, &earlier->except) ||
		                are_apart(b->policy, &v->match, &earlier->except)))
			break;
	if (earlier == v)
		return false;
	other = block_of_volume(b, (int)(earlier - b->watching.volumes));
	WARN(b, &block->at,
	        "volume \"%s\" counts nobody: volume \"%s\" (%s:%u) takes all of its clients before; move it "
	        "up, or take them out there with except",
	        v->name, earlier->name, other->at.file, other->at.line);
	return true;
}

/* ---- what it counts -------------------------------------------------------------------------------- */

/* Whoever keeps to a in each window can't pass b: it takes so many windows of a to fill one of b. */
static bool comes_first(const struct volume_limit *a, const struct volume_limit *b)
{
	uint64_t windows = ((uint64_t)b->window_s + a->window_s - 1) / a->window_s;

	return windows <= UINT64_MAX / a->most && a->most * windows <= b->most;
}

/* The text of limit number n of a measure, as it is written. */
static const struct entry *entry_of_limit(
        const struct build *b, const struct block *block, const char *key, unsigned n)
{
	const struct key *k = key_find(BLOCK_VOLUME, key);
	const struct entry *e = b->parsed->entries;

	for (;; e++)
		if (e->key == k && &b->parsed->blocks[e->block] == block && n-- == 0)
			return e;
}

static void check_limits(
        struct build *b, const struct block *block, const struct volume_block *v, enum volume_measure m)
{
	static const char *const names[VOLUME_MEASURE_COUNT] = { VOLUME_MEASURE_NAMES };
	const struct volume_limit *l = v->limits[m];

	for (unsigned i = 0; i < v->limit_count[m]; i++)
		for (unsigned k = 0; k < v->limit_count[m]; k++) {
			const struct entry *useless = entry_of_limit(b, block, names[m], i);

			/* of two that say the same, the later one is told */
			if (k == i || !comes_first(&l[k], &l[i]) || (i < k && comes_first(&l[i], &l[k])))
				continue;
			WARN(b, &useless->at,
			        "volume \"%s\": %s \"%s\" has no effect: \"%s\" is passed before; leave one "
			        "out",
			        v->name, names[m], useless->text,
			        entry_of_limit(b, block, names[m], k)->text);
			break;
		}
}

static void check_counts(struct build *b, const struct block *block, const struct volume_block *v)
{
	static const char *const of_spike[] = { "spike", "spike-floor" };
	static const char *const of_connections[] = { "connections", "bytes" };
	const struct entry *e;
	unsigned limits = 0;

	for (unsigned m = 0; m < VOLUME_MEASURE_COUNT; m++) {
		limits += v->limit_count[m];
		check_limits(b, block, v, (enum volume_measure)m);
	}
	if (limits == 0 && v->max_rcpt == 0 && v->spike_tenths == 0)
		WARN(b, &block->at,
		        "volume \"%s\" has no limit%s, so nothing ever comes of it; add one, such as "
		        "recipients = "
		        "{ 100/1m }",
		        v->name, v->key == VOLUME_BY_SOURCE ? " and no spike" : "");
	for (unsigned i = 0; i < 2 && v->key != VOLUME_BY_SOURCE; i++)
		if ((e = check_find_entry(b, block, of_spike[i])))
			WARN(b, &e->at,
			        "volume \"%s\": %s has no effect: what is usual is learned of sources alone; "
			        "remove it, or the key",
			        v->name, of_spike[i]);
	for (unsigned i = 0; i < 2 && v->key == VOLUME_BY_MAIL_FROM; i++)
		if ((e = check_find_entry(b, block, of_connections[i])))
			WARN(b, &e->at,
			        "volume \"%s\": %s counts nothing: a connection has no sender; remove it, or "
			        "the "
			        "key",
			        v->name, of_connections[i]);
	e = check_find_entry(b, block, "spike-floor");
	if (e && v->key == VOLUME_BY_SOURCE && v->spike_tenths == 0)
		WARN(b, &e->at, "volume \"%s\": spike-floor has no effect: spike is 0; remove it", v->name);
}

/* ---- what is done ---------------------------------------------------------------------------------- */

/* "volume "x"" or "harvest". */
static const char *label_of(const struct block *block, char buf[POLICY_NAME_MAX + 16])
{
	if (block->title)
		snprintf(buf, POLICY_NAME_MAX + 16, "volume \"%s\"", block->title);
	else
		snprintf(buf, POLICY_NAME_MAX + 16, "%s", block_infos[block->kind].name);
	return buf;
}

static void check_block_for(struct build *b, const struct block *block, enum action action)
{
	const struct entry *e = check_find_entry(b, block, "block-for");
	char label[POLICY_NAME_MAX + 16];

	if (e && action == ACTION_CLIMB)
		WARN(b, &e->at,
		        "%s: block-for has no effect: its action is climb; write ladder { block-for = %s } "
		        "for "
		        "all that climbs",
		        label_of(block, label), e->text);
	else if (e && action != ACTION_BLOCK && action != ACTION_REFUSE_SESSION)
		WARN(b, &e->at,
		        "%s: block-for has no effect: its action is %s; write action = block, or remove it",
		        label_of(block, label), action_names[action]);
}

static void check_spared(struct build *b, const struct block *block, const struct volume_block *v)
{
	struct policy_groups spared = b->never_block;

	policy_groups_add(&spared, GROUP_ID_SERVERS);
	if (v->action != ACTION_ALERT && policy_covers(b->policy, &spared, &v->match))
		WARN(b, place_of(b, block, "action"),
		        "volume \"%s\": action = %s does no more than alert: servers, and whom never-block "
		        "names, "
		        "are not punished; write alert",
		        v->name, action_names[v->action]);
}

static bool is_watched(const struct block *block)
{
	return block->kind == BLOCK_VOLUME ||
	       (block->kind >= BLOCK_REJECTS && block->kind <= BLOCK_REPUTATION);
}

/* Once, at the first one of the file, for all. */
static void check_monitor(struct build *b)
{
	char label[POLICY_NAME_MAX + 16], all[TOLD_BYTES_MAX] = "";
	const struct entry *first = NULL;
	unsigned count = 0;
	size_t len = 0;

	if (b->draft.mode != MODE_MONITOR || b->mode_forced)
		return;
	for (size_t i = 0; i < b->parsed->entry_count; i++) {
		const struct entry *e = &b->parsed->entries[i];
		const struct block *block = &b->parsed->blocks[e->block];

		if (!is_watched(block) || strcmp(e->key->name, "action") != 0 ||
		        strcmp(e->text, action_names[ACTION_ALERT]) == 0)
			continue;
		first = first ? first : e;
		if (count++ < TOLD_MAX)
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s: action = %s",
			        count > 1 ? ", " : "", label_of(block, label), e->text);
	}
	if (count > TOLD_MAX)
		snprintf(all + len, sizeof(all) - len, " and %u more", count - TOLD_MAX);
	if (first)
		WARN(b, &first->at,
		        "%s %s told and not done: mode is monitor; write mode = enforce when %s to act", all,
		        count > 1 ? "are" : "is", count > 1 ? "they are" : "it is");
}

/* ---- all blocks -------------------------------------------------------------------------------------- */

static void check_volume(struct build *b, const struct block *block)
{
	const struct volume_block *v = &b->watching.volumes[block->volume];

	check_counts(b, block, v);
	check_block_for(b, block, (enum action)v->action);
	if (!tell_empty_group(b, block, v) && !tell_nobody_left(b, block, v) &&
	        !tell_not_reached(b, block, v))
		check_spared(b, block, v);
}

/* What is switched off and written nevertheless. */
static void check_off(struct build *b, const struct block *block)
{
	for (size_t i = 0; i < b->parsed->entry_count; i++) {
		const struct entry *e = &b->parsed->entries[i];

		if (&b->parsed->blocks[e->block] != block || strcmp(e->key->name, "enabled") == 0)
			continue;
		WARN(b, &e->at, "%s.%s has no effect: %s.enabled is no", block_infos[block->kind].name,
		        e->key->name, block_infos[block->kind].name);
		return;
	}
}

/* Where both limits are of the same count. */
static void check_long_limit(struct build *b, const struct block *block, const struct behaviour_rule *r)
{
	const struct entry *e = check_find_entry(b, block, "long-limit"), *other;

	if (!key_find(block->kind, "long-limit") || r->other.most == 0)
		return;
	other = check_find_entry(b, block, "limit");
	if (e && comes_first(&r->limit, &r->other))
		WARN(b, &e->at,
		        "%s.long-limit has no effect: limit is passed before; write a lower one, or 0",
		        block_infos[block->kind].name);
	else if (other && comes_first(&r->other, &r->limit))
		WARN(b, &other->at, "%s.limit has no effect: long-limit is passed before; write a lower one",
		        block_infos[block->kind].name);
}

static void check_behaviour(struct build *b, const struct block *block)
{
	const struct behaviour_rule *r = &b->watching.behaviours[block->kind - BLOCK_REJECTS];

	if (!r->on) {
		check_off(b, block);
		return;
	}
	check_block_for(b, block, (enum action)r->action);
	if (block->kind == BLOCK_TARGET && r->action != ACTION_ALERT)
		WARN(b, place_of(b, block, "action"),
		        "target: action = %s does no more than alert: nobody is punished for being one of "
		        "many; "
		        "write alert",
		        action_names[r->action]);
	check_long_limit(b, block, r);
}

void check_idle_watching(struct build *b)
{
	for (size_t i = 0; i < b->parsed->block_count; i++) {
		const struct block *block = &b->parsed->blocks[i];

		if (block->kind == BLOCK_VOLUME)
			check_volume(b, block);
		else if (is_watched(block))
			check_behaviour(b, block);
	}
	check_monitor(b);
}
