/* gate.c - brings the kernel to the wanted ruleset, in one transaction.
 *
 * An installation reads what the table holds, then sends one batch (plan.c): chains that differ flushed, sets of
 * another type and stale chains deleted, all these made anew, and of the sets of addresses only the ranges
 * that differ. What is the same stays. A rule that is replaced may still be running on another CPU; if its
 * set went with it, that set's elements count no more then, and a packet in the middle of an honest
 * connection would be refused. Packets see the old ruleset or the new one, never a part of either.
 * Base chains stay, and so do counters with their values: deleting any base chain
 * drops every packet that waits in any queue of the network namespace. For the same reason a base
 * chain of a former configuration on another hook is only emptied, and one that would have to change
 * its priority is an error with the way out.
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
 * break it), NLM_F_EXCL (an installation must be repeatable).
 */
#include "gate/gate.h"

#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "gate/batch.h"
#include "gate/blocks.h"
#include "gate/bypass.h"
#include "gate/encode.h"
#include "gate/found.h"
#include "gate/plan.h"
#include "gate/saved.h"
#include "gate/shape.h"

enum { TRIES_MAX = 20 }; /* against others who change nf_tables at the same time */

struct gate {
	struct mnl_socket *nl;
	uint32_t seq;
	unsigned form; /* enum encode_form: what was refused */
	enum gate_done done;
	uint32_t uses; /* of chains in what was installed last; 0 = nothing was */
};

/* ---- messages ----------------------------------------------------------------------------- */

static const struct {
	int error;
	const char *text;
} advice[] = {
	{ EPERM,
	        "run as root or give the program CAP_NET_ADMIN; if that is so, the table is owned by another "
	        "program (nft list tables)" },
	{ EPROTONOSUPPORT,
	        "this kernel has no nfnetlink: modprobe nfnetlink nf_tables, or use one that is built "
	        "with them" },
	{ EINVAL, "nfnetlink or nf_tables is missing or too old: modprobe nf_tables; 5.10 is the oldest "
	          "kernel supported" },
	{ ENOMEM, "not enough memory" },
	{ EMSGSIZE, "raise net.core.wmem_max: the ruleset is bigger than a netlink message may be" },
	{ ENOBUFS, "raise net.core.rmem_max: the answer is bigger than the socket's buffer" },
	{ ERESTART, "another program changes nf_tables all the time; try again" },
	{ EINTR, "another program changes nf_tables all the time; try again" },
	{ EBUSY, "something else uses it" },
};

static const struct {
	const char *expression, *modules;
} modules[] = {
	{ "queue", "nft_queue" },
	{ "target", "nft_queue, or nft_compat and xt_NFQUEUE" },
	{ "reject", "nft_reject_inet" },
	{ "log", "nft_log and nfnetlink_log" },
	{ "ct", "nft_ct and nf_conntrack" },
	{ "limit", "nft_limit" },
	{ "objref", "nft_objref" },
	{ "lookup", "nf_tables_set" },
	{ "hash", "nft_hash" },
};

static void say(char *err, unsigned err_bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(char *err, unsigned err_bytes, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(err, err_bytes, format, list);
	va_end(list);
}

static const char *advise(int error)
{
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
		if (advice[i].error == error)
			return advice[i].text;
	return "look at the kernel's log (dmesg)";
}

static const char *modules_for(const char *expression)
{
	for (size_t i = 0; expression && i < sizeof(modules) / sizeof(modules[0]); i++)
		if (strcmp(modules[i].expression, expression) == 0)
			return modules[i].modules;
	return NULL;
}

static void say_refused(
        const struct ruleset *r, const struct batch_refusal *refusal, char *err, unsigned err_bytes)
{
	const struct batch_note *note = refusal->note;
	const char *missing = refusal->error == -ENOENT || refusal->error == -EOPNOTSUPP
	                              ? modules_for(refusal->expression)
	                              : NULL;
	char text[512] = "";
	FILE *to;

	if (!note) {
		say(err, err_bytes, "kernel refused the ruleset: %s; %s", strerror(-refusal->error),
		        advise(-refusal->error));
		return;
	}
	if (!note->rule) {
		say(err, err_bytes, "kernel refused %s %s: %s; %s", note->what, note->name,
		        strerror(-refusal->error), advise(-refusal->error));
		return;
	}
	to = fmemopen(text, sizeof(text), "w");
	if (to) {
		ruleset_print_rule(r, note->rule, to);
		fclose(to);
	}
	if (missing)
		say(err, err_bytes,
		        "this kernel has no expression %s, which the rule `%s` of chain %s needs: modprobe "
		        "%s",
		        refusal->expression, text, note->name, missing);
	else
		say(err, err_bytes, "kernel refused in chain %s the rule `%s`%s%s: %s; %s", note->name, text,
		        refusal->expression ? " at expression " : "",
		        refusal->expression ? refusal->expression : "", strerror(-refusal->error),
		        advise(-refusal->error));
}

/* ---- installing --------------------------------------------------------------------------- */

/* Base chains cannot move: 0, or -EEXIST with a message. */
static int check_chains(const struct ruleset *r, const struct found *f, char *err, unsigned err_bytes)
{
	for (unsigned i = 0; i < CHAIN_COUNT; i++) {
		const struct model_chain *c = &r->chains[i];
		const struct found_item *old = found_find(&f->chains, c->name);

		if (!c->used || !old || !old->base)
			continue;
		if (c->hook && old->hook == c->hook_number && old->priority == c->priority)
			continue;
		say(err, err_bytes,
		        "table inet %s has a chain %s at priority %d, which cannot move to where it is "
		        "wanted "
		        "without dropping all queued packets; remove the table first: nft delete table inet "
		        "%s",
		        r->table, c->name, old->priority, r->table);
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

/* Chains that a statement goes to. */
static uint32_t count_targets(const struct model_statement *s)
{
	if (s->kind == STATEMENT_SPREAD)
		return s->u.spread.count;
	return s->kind == STATEMENT_GOTO || s->kind == STATEMENT_JUMP;
}

/* What found_read() will count: rules, and what they go to. */
static uint32_t count_uses(const struct ruleset *r)
{
	uint32_t uses = 0;

	for (size_t i = 0; i < r->rule_count; i++) {
		const struct model_rule *rule = &r->rules[i];

		uses += rule->statement_count > 0;
		for (unsigned s = 0; s < rule->statement_count; s++)
			uses += count_targets(&rule->statements[s]);
	}
	return uses;
}

/* The kernel lacks this expression, or a way to use it, and nothing else so far as it says. */
static bool lacks(const struct batch_refusal *refusal, enum model_statement_kind kind, const char *expression)
{
	return (refusal->error == -ENOENT || refusal->error == -EOPNOTSUPP) && refusal->note &&
	       rule_has(refusal->note->rule, kind) &&
	       (!refusal->expression || strcmp(refusal->expression, expression) == 0);
}

/* The kernel's table against the wanted one, with rules in this form. 0, -ESTALE, -errno. */
static int compare_form(const struct ruleset *wanted, unsigned form, const struct shape *kernel, char *err,
        unsigned err_bytes)
{
	struct shape shape;
	const char *line = NULL;
	bool only_wanted;
	int error = plan_shape(&shape, wanted, form);

	if (!error)
		line = shape_difference(&shape, kernel, &only_wanted);
	if (line) {
		say(err, err_bytes, "only %s: %s", only_wanted ? "wanted" : "in the kernel", line);
		error = -ESTALE;
	}
	shape_fini(&shape);
	return error;
}

/* In any form; g->form is then the one that is there. */
static int compare(struct gate *g, const struct ruleset *wanted, char *err, unsigned err_bytes)
{
	unsigned form;
	struct shape kernel;
	int error = shape_read(&kernel, g->nl, &g->seq, wanted->table);

	if (!error && kernel.count == 0) {
		say(err, err_bytes, "there is no table inet %s", wanted->table);
		error = -ESTALE;
	}
	if (!error)
		error = compare_form(wanted, g->form, &kernel, err, err_bytes);
	for (form = 0; error == -ESTALE && form < ENCODE_FORMS; form++)
		if (compare_form(wanted, form, &kernel, NULL, 0) == 0) {
			g->form = form;
			error = 0;
		}
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

/* Reads and writes once. 0; -EAGAIN: again; else -errno with a message. */
static int install_once(struct gate *g, const struct ruleset *wanted, char *err, unsigned err_bytes)
{
	struct batch_refusal refusal;
	struct batch batch = { 0 };
	struct found found;
	struct shape kernel = { 0 };
	struct kept keep = { NULL };
	int error = found_read(&found, g->nl, &g->seq, wanted->table);

	if (error) {
		say(err, err_bytes, "cannot read the kernel's ruleset: %s; %s", strerror(-error),
		        advise(-error));
		error = error == -EINTR ? -EAGAIN : error;
		goto out;
	}
	g->done = found.chains.count > 0 ? GATE_CHANGED : GATE_MADE;
	error = check_chains(wanted, &found, err, err_bytes);
	if (!error)
		error = shape_read(&kernel, g->nl, &g->seq, wanted->table);
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
	if (!error)
		goto out;
	say_refused(wanted, &refusal, err, err_bytes);
	if (error == -ERESTART) {
		error = -EAGAIN;
	} else if (!(g->form & ENCODE_TARGET) && lacks(&refusal, STATEMENT_QUEUE, "queue")) {
		g->form |= ENCODE_TARGET;
		error = -EAGAIN;
	} else if (!(g->form & ENCODE_NO_STRIP) && lacks(&refusal, STATEMENT_STRIP_MPTCP, "exthdr")) {
		g->form |= ENCODE_NO_STRIP;
		error = -EAGAIN;
	} else if (refusal.expression && strcmp(refusal.expression, "target") == 0) {
		g->form &= ~(unsigned)ENCODE_TARGET; /* neither way: begin anew next time */
	}
out:
	plan_forget(&keep);
	shape_fini(&kernel);
	batch_fini(&batch);
	found_fini(&found);
	return error;
}

int gate_install(struct gate *g, const struct ruleset *wanted, char *err, unsigned err_bytes)
{
	int error = gate_compare(g, wanted, err, err_bytes) == 0 ? 0 : -EAGAIN;

	g->done = GATE_ADOPTED;
	for (unsigned i = 0; error == -EAGAIN && i < TRIES_MAX; i++)
		error = install_once(g, wanted, err, err_bytes);
	if (!error) {
		say(err, err_bytes, "%s", ""); /* of a try that was made again */
		g->uses = count_uses(wanted);
	}
	return error;
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
		say(err, err_bytes, "not enough memory");
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
		error = found_read(&found, g->nl, &g->seq, "");
		found_fini(&found);
	}
	if (!error || error == -EINTR)
		return g;
	say(err, err_bytes, "cannot talk to nf_tables: %s; %s", strerror(-error), advise(-error));
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
	encode_delete_counter(&batch, table, name);
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
	blocks_encode(&batch, table, change);
	return end(g, &batch);
}

int gate_read_blocks(struct gate *g, const char *table, gate_each_block *each, void *arg)
{
	int error, tries = TRIES_MAX;

	do {
		error = blocks_read(g->nl, &g->seq, table, each, arg);
	} while (error == -EINTR && --tries > 0);
	return error;
}

int gate_has_blocks(struct gate *g, const char *table, const struct gate_block *list, size_t count)
{
	return blocks_check(g->nl, &g->seq, table, list, count);
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
		if (!error) {
			*out = found.counts;
			out->changed = g->uses && found.uses != g->uses;
		}
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

	(void)plan_whole(&batch, 1, installed, g->form); /* its error is told by the next one */
	error = saved_write(path, installed->table, &batch);
	batch_fini(&batch);
	return error;
}

int gate_restore(struct gate *g, const char *path, char table[GATE_TABLE_MAX], char *err, unsigned err_bytes)
{
	struct gate_counts counts;
	struct batch batch;
	int error;

	begin(g, &batch);
	error = saved_read(path, table, &batch);
	if (error)
		say(err, err_bytes, "cannot be used: %s",
		        error == -EPERM     ? "others than root can write it"
		        : error == -EBADMSG ? "it is damaged, or of another version"
		                            : strerror(-error));
	else if (gate_read_counts(g, table, &counts) == 0)
		error = -EEXIST;
	if (error) {
		batch_fini(&batch);
		return error;
	}
	error = end(g, &batch);
	if (error)
		say(err, err_bytes, "the kernel refused it: %s; %s", strerror(-error), advise(-error));
	return error == -ENOENT ? -EOPNOTSUPP : error; /* an expression that it lacks */
}
