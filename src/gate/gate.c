/* gate.c - brings the kernel to the wanted ruleset, in one transaction.
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
 * Limits. The netlink socket belongs to one thread. On kernels before 6.0 a connection that was reset
 * stays in conntrack as established, with its mark, until that times out.
 *
 * Rejected: flushing and refilling existing sets (a set of another type under the same name would
 * break it), NLM_F_EXCL (an installation must be repeatable), the owner flag without persist (the rules would go with
 * us).
 */
#include "gate/gate.h"

#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/membarrier.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "gate/batch.h"
#include "gate/blocked.h"
#include "gate/bypass.h"
#include "gate/encode.h"
#include "gate/found.h"
#include "gate/offload.h"
#include "gate/plan.h"
#include "gate/refusal.h"
#include "gate/saved.h"
#include "gate/shape.h"

enum { TRIES_MAX = 20 }; /* against others who change nf_tables at the same time */

struct gate {
	struct mnl_socket *nl;
	uint32_t seq;
	unsigned form; /* enum encode_form: what was refused, and ENCODE_OWNED */
	bool own;      /* tables are to be ours alone, where the kernel can */
	bool owns;     /* the one that was installed last is */
	enum gate_done done;
	uint64_t changed_us; /* when the kernel had taken the last rules */
};

/* ---- installing --------------------------------------------------------------------------- */

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
	int error, tries = TRIES_MAX;

	do {
		error = compare(g, wanted, err, err_bytes);
	} while (error == -EINTR && --tries > 0);
	return error;
}

static void begin(struct gate *g, struct batch *b)
{
	batch_init(b, g->seq + 1);
	batch_begin(b, 0);
}

static int end(struct gate *g, struct batch *b)
{
	struct batch_refusal refusal;

	batch_end(b);
	g->seq += (uint32_t)b->note_count;
	refusal = batch_send(b, g->nl);
	batch_fini(b);
	return refusal.error;
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
	begin(g, &batch);
	plan_encode_stale(&batch, wanted, found);
	return end(g, &batch);
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
		begin(g, &batch);
		encode_table(&batch, table, TABLE_OWNER | TABLE_PERSIST);
		error = end(g, &batch);
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
	for (unsigned i = 0; error == -EAGAIN && i < TRIES_MAX; i++) {
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

void gate_own(struct gate *g)
{
	g->own = true;
}

uint64_t gate_changed_us(const struct gate *g)
{
	return g->changed_us;
}

bool gate_owns(const struct gate *g)
{
	return g->owns;
}

uint32_t gate_port(const struct gate *g)
{
	return mnl_socket_get_portid(g->nl);
}

int gate_read_generation(struct gate *g, uint32_t *out)
{
	struct found found;
	int error = found_read_table(&found, g->nl, &g->seq, "-");

	*out = found.generation;
	return error;
}

int gate_find_offload(struct gate *g, const uint16_t *ports, unsigned count, char *text, unsigned text_bytes)
{
	int r, tries = TRIES_MAX;

	do {
		r = offload_find(g->nl, &g->seq, ports, count, text, text_bytes);
	} while (r == -EINTR && --tries > 0);
	return r;
}

enum gate_done gate_done(const struct gate *g)
{
	return g->done;
}

bool gate_uses_target(const struct gate *g)
{
	return g->form & ENCODE_TARGET;
}

bool gate_drops_mptcp(const struct gate *g)
{
	return g->form & ENCODE_NO_STRIP;
}

/* ---- the rest ----------------------------------------------------------------------------- */

struct gate *gate_open(char *err, unsigned err_bytes)
{
	struct gate *g = calloc(1, sizeof(*g));
	struct found found;
	int error, one = 1;

	if (!g) {
		refusal_say(err, err_bytes, "not enough memory");
		return NULL;
	}
	g->seq = (uint32_t)time(NULL);
	g->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!g->nl || mnl_socket_bind(g->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		error = -errno;
	} else {
		/* both only make messages better: kernels before 4.12 lack them */
		(void)mnl_socket_setsockopt(g->nl, NETLINK_EXT_ACK, &one, sizeof(one));
		(void)mnl_socket_setsockopt(g->nl, NETLINK_CAP_ACK, &one, sizeof(one));
		error = found_read(&found, g->nl, &g->seq, "-");
		found_fini(&found);
	}
	if (!error || error == -EINTR)
		return g;
	refusal_say(
	        err, err_bytes, "cannot talk to nf_tables: %s; %s", strerror(-error), refusal_advise(-error));
	gate_close(g);
	errno = -error;
	return NULL;
}

void gate_close(struct gate *g)
{
	if (!g)
		return;
	if (g->nl)
		mnl_socket_close(g->nl);
	free(g);
}

int gate_remove(struct gate *g, const char *table)
{
	struct batch batch;

	begin(g, &batch);
	encode_delete_table(&batch, table);
	return end(g, &batch);
}

/* The kernel gives a counter its value only when it makes it. */
int gate_set_blind_told(struct gate *g, const char *table, uint64_t packets)
{
	const char *name = model_counter_names[MODEL_COUNTER_BLIND_TOLD];
	struct batch batch;

	begin(g, &batch);
	encode_delete_object(&batch, table, name, NFT_OBJECT_COUNTER);
	encode_counter(&batch, table, name, packets);
	return end(g, &batch);
}

int gate_bypass(struct gate *g, const char *table, const uint16_t *ports, unsigned count, uint32_t seconds,
        const char *note)
{
	struct batch batch;

	begin(g, &batch);
	bypass_encode(&batch, table, ports, seconds > 0 ? count : 0, seconds, note);
	return end(g, &batch);
}

int gate_read_bypass(struct gate *g, const char *table, uint64_t *left_ms)
{
	int error, tries = TRIES_MAX;

	do {
		error = bypass_read(g->nl, &g->seq, table, left_ms);
	} while (error == -EINTR && --tries > 0);
	return error;
}

int gate_block(struct gate *g, const char *table, const struct gate_blocks_change *change)
{
	struct batch batch;

	if (!change->anew && change->gone_count == 0 && change->more_count == 0)
		return 0;
	begin(g, &batch);
	blocked_encode(&batch, table, change);
	return end(g, &batch);
}

int gate_read_blocks(struct gate *g, const char *table, gate_each_block *each, void *arg)
{
	int error, tries = TRIES_MAX;

	do {
		error = blocked_read(g->nl, &g->seq, table, each, arg);
	} while (error == -EINTR && --tries > 0);
	return error;
}

int gate_has_blocks(struct gate *g, const char *table, const struct gate_block *list, size_t count)
{
	return blocked_check(g->nl, &g->seq, table, list, count);
}

int gate_find_tables(struct gate *g, void (*each)(void *arg, const char *table), void *arg)
{
	struct found_list tables;
	int error, tries = TRIES_MAX;

	while ((error = found_tables(&tables, g->nl, &g->seq)) == -EINTR && --tries > 0)
		free(tables.items);
	for (size_t i = 0; !error && i < tables.count; i++)
		each(arg, tables.items[i].name);
	if (!error)
		error = (int)tables.count;
	free(tables.items);
	return error;
}

int gate_read_counts(struct gate *g, const char *table, struct gate_counts *out)
{
	struct found found;
	int error, tries = TRIES_MAX;

	do {
		error = found_read(&found, g->nl, &g->seq, table);
		if (!error && found.counters.count == 0)
			error = -ENOENT;
		if (!error)
			*out = found.counts;
		found_fini(&found);
	} while (error == -EINTR && --tries > 0);
	return error;
}

/* ---- over boots --------------------------------------------------------------------------- */

static_assert((int)GATE_TABLE_MAX == (int)SAVED_TABLE_MAX, "one length of names");

int gate_save(const struct gate *g, const struct ruleset *installed, const char *path)
{
	struct batch batch;
	int error;

	(void)plan_whole(&batch, 1, installed,
	        g->form & ~(unsigned)ENCODE_OWNED); /* its error is told by the next one */
	error = saved_write(path, installed->table, &batch);
	batch_fini(&batch);
	return error;
}

static void say_unread(int error, char *err, unsigned err_bytes)
{
	refusal_say(err, err_bytes, "cannot be used: %s",
	        error == -EPERM     ? "others than root can write it"
	        : error == -EBADMSG ? "it is damaged, or of another version"
	                            : strerror(-error));
}

/* With a table of these flags. */
static int restore(struct gate *g, const char *path, char table[GATE_TABLE_MAX], uint32_t flags, char *err,
        unsigned err_bytes)
{
	struct gate_counts counts;
	struct batch batch;
	int error;

	begin(g, &batch);
	error = saved_read(path, table, flags, &batch);
	if (error)
		say_unread(error, err, err_bytes);
	else if (gate_read_counts(g, table, &counts) == 0)
		error = -EEXIST;
	if (error) {
		batch_fini(&batch);
		return error;
	}
	error = end(g, &batch);
	if (error)
		refusal_say(err, err_bytes, "the kernel refused it: %s; %s", strerror(-error),
		        refusal_advise(-error));
	return error;
}

int gate_restore(struct gate *g, const char *path, char table[GATE_TABLE_MAX], char *err, unsigned err_bytes)
{
	int error = restore(g, path, table, TABLE_OWNER | TABLE_PERSIST, err, err_bytes);

	if (error == -EOPNOTSUPP || error == -EINVAL)
		error = restore(g, path, table, 0, err, err_bytes);
	return error == -ENOENT && *table ? -EOPNOTSUPP : error; /* an expression that it lacks */
}
