/* gate_install.c - brings the kernel to the wanted ruleset, in one transaction.
 *
 * An installation reads what the table holds, then sends one batch (plan.c): chains that differ flushed, sets of
 * another type and stale chains deleted, all these made anew, and of the sets of addresses only the ranges
 * that differ. What is the same stays. A rule that is replaced may still be running on another CPU; if its
 * set went with it, that set's elements count no more then, and a packet in the middle of an honest
 * connection would be refused. Packets see the old ruleset or the new one, never a part of either.
 * Base chains stay, and so do counters with their values: deleting any base chain drops every packet that waits in any
 * queue of the network namespace. For the same reason a base chain of a former configuration on another hook is only
 * emptied, and one that would have to change its priority is an error with the way out; but what somebody else has
 * moved is made anew where it belongs (gate_repair()).
 *
 * Sets that are new come in a batch before the rules, and those that nobody looks into any more are deleted in one behind
 * it, when no CPU is within an old rule any more (plan.c).
 * What then is in force is read back and compared.
 *
 * Owner: see gate_own(). The kernel gives a table an owner when it is made, and takes an owner only for a table that
 * had one and lost it. So a table of before, or of a kernel before 6.9, stays as it is, and can be watched only.
 *
 * Where the table is already what is wanted (a new start on the old rules, a reload that changes nothing
 * here), nothing is sent.
 *
 * If another program changes nf_tables between reading and writing, the kernel refuses the batch and
 * both are done again.
 *
 * Queue: native expression first. A kernel without it refuses exactly that rule; the batch is then
 * made again with the xt target. MPTCP likewise: kernels before 5.18 refuse to take an option out of a packet,
 * and then drop such packets.
 *
 * Rejected: flushing and refilling existing sets (a set of another type under the same name would
 * break it), NLM_F_EXCL (an installation must be repeatable), the owner flag without persist (the rules would go with
 * us).
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "gate/encode.h"
#include "gate/found.h"
#include "gate/gate_inner.h"
#include "gate/plan.h"
#include "gate/refusal.h"
#include "gate/shape.h"

/* Base chains cannot move: 0, or -EEXIST with a message. force: they are made anew. */
static int check_chains(const struct ruleset *r, struct found *f, bool force, char *err, unsigned err_bytes)
{
	for (unsigned i = 0; i < CHAIN_COUNT; i++) {
		const struct model_chain *c = &r->chains[i];
		struct found_item *old = found_find(&f->chains, c->name);

		if (!c->used || !old || !old->base)
			continue;
		if (c->hook && old->hook == c->hook_number && old->priority == c->priority)
			continue;
		old->moved = force;
		if (force)
			continue;
		refusal_say(err, err_bytes,
		        "table inet %s has a chain %s at priority %d, which cannot move without dropping all "
		        "queued packets; remove the table first: postern down",
		        r->table, c->name, old->priority);
		return -EEXIST;
	}
	return 0;
}

static bool rule_has(const struct model_rule *rule, enum model_statement_kind kind)
{
	for (unsigned i = 0; rule && i < rule->statement_count; i++)
		if (rule->statements[i].kind == kind)
			return true;
	return false;
}

/* The kernel lacks this expression, or a way to use it, and nothing else so far as it says. */
static bool lacks(const struct batch_refusal *refusal, enum model_statement_kind kind, const char *expression)
{
	return (refusal->error == -ENOENT || refusal->error == -EOPNOTSUPP) && refusal->note &&
	       rule_has(refusal->note->rule, kind) &&
	       (!refusal->expression || strcmp(refusal->expression, expression) == 0);
}

/* The kernel's table against the wanted one, with rules in this form. 0, -ESTALE, -errno. */
static int compare_form(
        const struct ruleset *wanted, unsigned form, struct shape *kernel, char *err, unsigned err_bytes)
{
	struct shape shape;
	const char *line = NULL;
	bool only_wanted;
	int error = plan_shape(&shape, wanted, form);

	if (!error) {
		shape_forget_empty(kernel, &shape);
		line = shape_difference(&shape, kernel, &only_wanted);
	}
	if (line) {
		refusal_say(err, err_bytes, "only %s: %s", only_wanted ? "wanted" : "in the kernel", line);
		error = -ESTALE;
	}
	shape_fini(&shape);
	return error;
}

/* In any form; g->form is then the one that is there. 0, -ESTALE, -errno. */
static int compare_any(
        struct gate *g, const struct ruleset *wanted, struct shape *kernel, char *err, unsigned err_bytes)
{
	int error = 0;

	if (kernel->count == 0) {
		refusal_say(err, err_bytes, "there is no table inet %s", wanted->table);
		return -ESTALE;
	}
	error = compare_form(wanted, g->form, kernel, err, err_bytes);
	for (unsigned form = 0; error == -ESTALE && form < ENCODE_FORMS; form++)
		if (compare_form(wanted, form, kernel, NULL, 0) == 0) {
			g->form = form | (g->form & ENCODE_OWNED);
			error = 0;
		}
	return error;
}

static int compare(struct gate *g, const struct ruleset *wanted, char *err, unsigned err_bytes)
{
	struct shape kernel;
	int error = shape_read(&kernel, g->nl, &g->seq, wanted->table);

	if (!error)
		error = compare_any(g, wanted, &kernel, err, err_bytes);
	shape_fini(&kernel);
	return error;
}

int gate_compare(struct gate *g, const struct ruleset *wanted, char *err, unsigned err_bytes)
{
	int error, tries = GATE_TRIES_MAX;

	do {
		error = compare(g, wanted, err, err_bytes);
	} while (error == -EINTR && --tries > 0);
	return error;
}

/* What was refused can perhaps be had in another form: -EAGAIN; else the error. */
static int change_form(struct gate *g, const struct batch_refusal *refusal)
{
	bool table = refusal->note && strcmp(refusal->note->what, "table") == 0;

	if (refusal->error == -ERESTART)
		return -EAGAIN;
	if (g->form & ENCODE_OWNED && table && (refusal->error == -EOPNOTSUPP || refusal->error == -EINVAL)) {
		g->form &= ~(unsigned)ENCODE_OWNED;
		return -EAGAIN;
	}
	if (!(g->form & ENCODE_TARGET) && lacks(refusal, STATEMENT_QUEUE, "queue")) {
		g->form |= ENCODE_TARGET;
		return -EAGAIN;
	}
	if (!(g->form & ENCODE_NO_STRIP) && lacks(refusal, STATEMENT_STRIP_MPTCP, "exthdr")) {
		g->form |= ENCODE_NO_STRIP;
		return -EAGAIN;
	}
	if (refusal->expression && strcmp(refusal->expression, "target") == 0)
		g->form &= ~(unsigned)ENCODE_TARGET; /* neither way: begin anew next time */
	return refusal->error;
}

/* Waits until no CPU is within a rule that was there before. */
static void let_old_rules_end(void)
{
	enum { OLD_RULES_US = 20000 };

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(OLD_RULES_US);
}

/* Sets that the rules do not look into any more. 0 or -errno. */
static int remove_stale(struct gate *g, const struct ruleset *wanted, const struct found *found)
{
	struct batch batch;

	if (!plan_has_stale(wanted, found))
		return 0;
	let_old_rules_end();
	gate_begin(g, &batch);
	plan_encode_stale(&batch, wanted, found);
	return gate_end(g, &batch);
}

/* Makes what has to be there before the rules. -EAGAIN: done, read again; 0: there was nothing to do; -errno. */
static int prepare(struct gate *g, const struct ruleset *wanted, const struct found *found, char *err,
        unsigned err_bytes)
{
	struct batch_refusal refusal;
	struct batch batch;
	int error = 0;

	batch_init(&batch, g->seq + 1);
	batch_begin(&batch, found->generation);
	if (plan_encode_before(&batch, wanted, found, g->form)) {
		batch_end(&batch);
		g->seq += (uint32_t)batch.note_count;
		refusal = batch_send(&batch, g->nl);
		g->changed_us = clock_monotonic_ns() / 1000;
		error = refusal.error && refusal.error != -ERESTART ? refusal.error : -EAGAIN;
		if (refusal.error)
			refusal_explain(wanted, &refusal, err, err_bytes);
	}
	batch_fini(&batch);
	return error;
}

/* How an installation goes. */
struct trial {
	bool force;       /* chains may be moved */
	char *difference; /* what only one of wanted and kernel had at first; NULL = nobody wants to know */
	unsigned difference_bytes;
};

/* What the kernel has, and how that differs, unless it is known from a try before. 0: not at all; -ESTALE; -errno. */
static int look(struct gate *g, const struct ruleset *wanted, const struct trial *t, struct shape *kernel)
{
	bool tell = t->difference && !*t->difference;
	int error = shape_read(kernel, g->nl, &g->seq, wanted->table);

	return error ? error
	             : compare_any(g, wanted, kernel, tell ? t->difference : NULL,
	                       tell ? t->difference_bytes : 0);
}

/* Reads and writes once. 0; -EAGAIN: again; else -errno with a message. */
static int install_once(
        struct gate *g, const struct ruleset *wanted, const struct trial *t, char *err, unsigned err_bytes)
{
	struct batch_refusal refusal;
	struct batch batch = { 0 };
	struct found found;
	struct shape kernel = { 0 };
	struct kept keep = { NULL };
	int error = found_read(&found, g->nl, &g->seq, wanted->table);

	if (error) {
		refusal_say(err, err_bytes, "cannot read the kernel's ruleset: %s; %s", strerror(-error),
		        refusal_advise(-error));
		error = error == -EINTR ? -EAGAIN : error;
		goto out;
	}
	error = look(g, wanted, t, &kernel);
	if (error == 0)
		goto out;
	if (error == -ESTALE)
		error = check_chains(wanted, &found, t->force, err, err_bytes);
	if (!error && g->done == GATE_ADOPTED)
		g->done = found.chains.count > 0 ? GATE_CHANGED : GATE_MADE;
	if (!error)
		error = prepare(g, wanted, &found, err, err_bytes);
	if (error == -EINTR)
		error = -EAGAIN;
	if (!error)
		error = plan_keep(&keep, wanted, g->form, &kernel);
	if (error)
		goto out;
	plan_encode(&batch, g->seq + 1, wanted, &found, &keep, g->form);
	g->seq += (uint32_t)batch.note_count;
	refusal = batch_send(&batch, g->nl);
	error = refusal.error;
	g->changed_us = clock_monotonic_ns() / 1000;
	if (!error)
		error = remove_stale(g, wanted, &found);
	else
		refusal_explain(wanted, &refusal, err, err_bytes);
	if (refusal.error)
		error = change_form(g, &refusal);
out:
	plan_forget(&keep);
	shape_fini(&kernel);
	batch_fini(&batch);
	found_fini(&found);
	return error;
}

/* A table that its owner has left becomes ours. Whose it is then is read back. 0 or -errno. */
static int take_over(struct gate *g, const char *table)
{
	struct found found;
	struct batch batch;
	int error = found_read_table(&found, g->nl, &g->seq, table);

	if (!error && g->own && (found.flags & (TABLE_PERSIST | TABLE_OWNER)) == TABLE_PERSIST) {
		gate_begin(g, &batch);
		encode_table(&batch, table, TABLE_OWNER | TABLE_PERSIST);
		error = gate_end(g, &batch);
		if (!error)
			error = found_read_table(&found, g->nl, &g->seq, table);
	}
	g->owns = !error && found.flags & TABLE_OWNER && found.owner == gate_port(g);
	return error;
}

static int install(
        struct gate *g, const struct ruleset *wanted, const struct trial *t, char *err, unsigned err_bytes)
{
	uint64_t before_us;
	int error = -EAGAIN;

	g->done = GATE_ADOPTED;
	if (g->own)
		g->form |= ENCODE_OWNED;
	for (unsigned i = 0; error == -EAGAIN && i < GATE_TRIES_MAX; i++) {
		before_us = g->changed_us;
		error = install_once(g, wanted, t, err, err_bytes);
		if (!error && g->changed_us != before_us &&
		        gate_compare(g, wanted, err, err_bytes) == -ESTALE)
			error = -EAGAIN; /* somebody else was faster */
	}
	if (!error)
		error = take_over(g, wanted->table);
	if (!error)
		refusal_say(err, err_bytes, "%s", ""); /* of a try that was made again */
	return error;
}

int gate_install(struct gate *g, const struct ruleset *wanted, char *err, unsigned err_bytes)
{
	return install(g, wanted, &(const struct trial) { .force = false }, err, err_bytes);
}

int gate_repair(struct gate *g, const struct ruleset *wanted, char *difference, unsigned difference_bytes,
        char *err, unsigned err_bytes)
{
	const struct trial t = { true, difference, difference_bytes };

	refusal_say(difference, difference_bytes, "%s", "");
	return install(g, wanted, &t, err, err_bytes);
}
