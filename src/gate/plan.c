/* plan.c - what has to be sent to bring the kernel's table to the wanted one.
 *
 * The table as the kernel tells it and the table as a batch of ours would make it are compared as shapes (shape.c).
 * Sets and chains that are the same stay, and of a set of addresses of the same type only the ranges that differ are
 * sent. Base chains always stay. Everything is in one batch: what goes, in the order that the kernel asks for (rules,
 * sets, chains), then what comes.
 *
 * Where the table stands, sets that are new come before all this, and those that no rule looks into any more go behind
 * it, in batches of their own. The kernel makes rules and the contents of interval sets visible one after the other, so a
 * rule may look into a set that is not there yet (seen on Linux 6.18: a connection in three reloads was refused); and a
 * rule of before may be running on another CPU, when the elements of a set count no more from the moment at which the
 * set is deleted.
 * The table's flags come before, too: with them the kernel takes no new base chain (nf_tables_addchain()).
 */
#include "gate/plan.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "gate/encode.h"
#include "gate/interval.h"

static bool chain_wanted(const struct ruleset *r, const struct found_item *old)
{
	for (unsigned i = 0; i < CHAIN_COUNT; i++)
		if (r->chains[i].used && strcmp(r->chains[i].name, old->name) == 0)
			return (r->chains[i].hook != NULL) == old->base;
	return false;
}

/* A set of before that goes when all rules that looked into it have gone. Maps may hold chains, and none is ours. */
static bool is_stale(const struct ruleset *r, const struct found_item *set)
{
	for (size_t i = 0; i < r->set_count; i++)
		if (strcmp(r->sets[i].name, set->name) == 0)
			return false;
	return !set->map;
}

static bool counter_wanted(const char *name)
{
	for (unsigned i = 0; i < MODEL_COUNTER_COUNT; i++)
		if (strcmp(model_counter_names[i], name) == 0)
			return true;
	return false;
}

/* What the kernel can do with the table that is there. */
static uint32_t table_flags(const struct found *f, unsigned form)
{
	if (f->there && !(f->flags & TABLE_PERSIST))
		return 0;
	if (form & ENCODE_OWNED)
		return TABLE_OWNER | TABLE_PERSIST;
	return f->flags & (TABLE_OWNER | TABLE_PERSIST);
}

static bool is_set_kept(const struct ruleset *r, const struct kept *keep, const char *name)
{
	for (size_t i = 0; keep && i < r->set_count; i++)
		if (keep->sets[i] != SET_NEW && strcmp(r->sets[i].name, name) == 0)
			return true;
	return false;
}

static bool is_chain_kept(const struct ruleset *r, const struct kept *keep, const char *name)
{
	for (unsigned i = 0; keep && i < CHAIN_COUNT; i++)
		if (keep->chains[i] && strcmp(r->chains[i].name, name) == 0)
			return true;
	return false;
}

static void remove_chain(struct batch *b, const struct ruleset *r, const struct found_item *old)
{
	if (old->moved || (!old->base && !chain_wanted(r, old)))
		encode_delete_chain(b, r->table, old->name);
	else if (old->base && !chain_wanted(r, old) && old->policy != NF_ACCEPT)
		encode_policy_accept(b, r->table, old->name);
}

static void remove_objects(struct batch *b, const struct ruleset *r, const struct found *f)
{
	for (size_t i = 0; i < f->counters.count; i++)
		if (!counter_wanted(f->counters.items[i].name))
			encode_delete_object(
			        b, r->table, f->counters.items[i].name, f->counters.items[i].type);
	for (size_t i = 0; i < f->others.count; i++)
		encode_delete_object(b, r->table, f->others.items[i].name, f->others.items[i].type);
}

/* But for sets that nobody looks into any more: plan_encode_stale(). */
static void encode_removals(
        struct batch *b, const struct ruleset *r, const struct found *f, const struct kept *keep)
{
	for (size_t i = 0; i < f->chains.count; i++)
		if (f->chains.items[i].moved || !is_chain_kept(r, keep, f->chains.items[i].name))
			encode_flush_chain(b, r->table, f->chains.items[i].name);
	for (size_t i = 0; i < f->sets.count; i++)
		if (!is_stale(r, &f->sets.items[i]) && !is_set_kept(r, keep, f->sets.items[i].name))
			encode_delete_set(b, r->table, f->sets.items[i].name);
	for (size_t i = 0; i < f->chains.count; i++)
		remove_chain(b, r, &f->chains.items[i]);
	remove_objects(b, r, f);
}

bool plan_encode_before(struct batch *b, const struct ruleset *r, const struct found *f, unsigned form)
{
	uint32_t flags = table_flags(f, form);
	bool any = false;

	if (f->there && flags != f->flags) {
		encode_table(b, r->table, flags);
		any = true;
	}
	for (size_t i = 0; f->there && i < r->set_count; i++) {
		if (found_find(&f->sets, r->sets[i].name))
			continue;
		encode_set(b, r->table, &r->sets[i], (uint32_t)i + 1);
		any = true;
	}
	return any;
}

bool plan_has_stale(const struct ruleset *r, const struct found *f)
{
	for (size_t i = 0; i < f->sets.count; i++)
		if (is_stale(r, &f->sets.items[i]))
			return true;
	return false;
}

void plan_encode_stale(struct batch *b, const struct ruleset *r, const struct found *f)
{
	for (size_t i = 0; i < f->sets.count; i++)
		if (is_stale(r, &f->sets.items[i]))
			encode_delete_set(b, r->table, f->sets.items[i].name);
}

/* Elements that have to go first: they may overlap with those that come. */
static void encode_changes(
        struct batch *b, const char *table, const struct model_set *set, const struct shape *kernel)
{
	struct intervals have, want, gone, more;

	intervals_of_shape(&have, kernel, set->name);
	intervals_of_set(&want, set);
	intervals_compare(&have, &want, &gone, &more);
	encode_set_changes(b, table, set->name, &gone, &more);
	intervals_fini(&have);
	intervals_fini(&want);
	intervals_fini(&gone);
	intervals_fini(&more);
}

/* With its rules. */
static bool chain_stays(
        const struct kept *keep, const struct found *f, const struct ruleset *r, unsigned chain)
{
	const struct found_item *old = found_find(&f->chains, r->chains[chain].name);

	return keep && keep->chains[chain] && !(old && old->moved);
}

void plan_encode(struct batch *b, uint32_t seq, const struct ruleset *r, const struct found *f,
        const struct kept *keep, unsigned form)
{
	batch_init(b, seq);
	batch_begin(b, f->generation);
	encode_table(b, r->table, table_flags(f, form));
	encode_removals(b, r, f, keep);
	for (unsigned i = 0; i < MODEL_COUNTER_COUNT; i++)
		if (!found_find(&f->counters, model_counter_names[i]))
			encode_counter(b, r->table, model_counter_names[i], 0);
	for (size_t i = 0; i < r->set_count; i++)
		if (!keep || keep->sets[i] == SET_NEW)
			encode_set(b, r->table, &r->sets[i], (uint32_t)i + 1);
		else if (keep->sets[i] == SET_CHANGES)
			encode_changes(b, r->table, &r->sets[i], keep->kernel);
	for (unsigned i = 0; i < CHAIN_COUNT; i++) {
		const struct found_item *old = found_find(&f->chains, r->chains[i].name);

		if (r->chains[i].used)
			encode_chain(b, r->table, &r->chains[i], old && old->base && !old->moved);
	}
	for (size_t i = 0; i < r->rule_count; i++)
		if (r->rules[i].statement_count > 0 && !chain_stays(keep, f, r, r->rules[i].chain))
			encode_rule(b, r, &r->rules[i], form);
	batch_end(b);
}

int plan_whole(struct batch *b, uint32_t seq, const struct ruleset *r, unsigned form)
{
	const struct found nothing = { 0 };

	plan_encode(b, seq, r, &nothing, NULL, form);
	return b->error;
}

int plan_shape(struct shape *s, const struct ruleset *r, unsigned form)
{
	struct batch batch;
	int error;

	(void)plan_whole(&batch, 1, r, form); /* its error is the shape's, too */
	error = shape_of_batch(s, &batch);
	batch_fini(&batch);
	return error;
}

/* ---- what stays ------------------------------------------------------------------------------- */

static bool uses_kept_sets(const struct model_rule *rule, const enum set_fate *sets)
{
	for (unsigned i = 0; i < rule->statement_count; i++)
		if (rule->statements[i].kind == STATEMENT_IN_SET &&
		        sets[rule->statements[i].u.in_set.set] == SET_NEW)
			return false;
	return true;
}

static enum set_fate find_fate(
        const struct shape *wanted, const struct shape *kernel, const struct model_set *set)
{
	if (shape_has_same_set(wanted, kernel, set->name))
		return SET_SAME;
	return shape_has_same_type(wanted, kernel, set->name) ? SET_CHANGES : SET_NEW;
}

void plan_forget(struct kept *keep)
{
	free(keep->sets);
	*keep = (struct kept) { NULL };
}

int plan_keep(struct kept *keep, const struct ruleset *r, unsigned form, const struct shape *kernel)
{
	struct shape wanted;
	int error = plan_shape(&wanted, r, form);

	*keep = (struct kept) { calloc(r->set_count + 1, sizeof(*keep->sets)), .kernel = kernel };
	if (!keep->sets)
		error = -ENOMEM;
	for (size_t i = 0; !error && i < r->set_count; i++)
		keep->sets[i] = find_fate(&wanted, kernel, &r->sets[i]);
	for (unsigned i = 0; !error && i < CHAIN_COUNT; i++)
		keep->chains[i] =
		        r->chains[i].used && shape_has_same_rules(&wanted, kernel, r->chains[i].name);
	for (size_t i = 0; !error && i < r->rule_count; i++)
		if (!uses_kept_sets(&r->rules[i], keep->sets))
			keep->chains[r->rules[i].chain] = false;
	shape_fini(&wanted);
	return error;
}
