/* gate.c - the socket to nf_tables, what lives in the table for a time, and what is asked of it. The rules themselves:
 * gate_install.c.
 *
 * Limits. The netlink socket belongs to one thread. On kernels before 6.0 a connection that was reset
 * stays in conntrack as established, with its mark, until that times out.
 */
#include "gate/gate_inner.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>
#include <time.h>

#include "gate/blocked.h"
#include "gate/bypass.h"
#include "gate/encode.h"
#include "gate/found.h"
#include "gate/offload.h"
#include "gate/plan.h"
#include "gate/refusal.h"
#include "gate/saved.h"

void gate_begin(struct gate *g, struct batch *b)
{
	batch_init(b, g->seq + 1);
	batch_begin(b, 0);
}

int gate_end(struct gate *g, struct batch *b)
{
	struct batch_refusal refusal;

	batch_end(b);
	g->seq += (uint32_t)b->note_count;
	refusal = batch_send(b, g->nl);
	batch_fini(b);
	return refusal.error;
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
	int r, tries = GATE_TRIES_MAX;

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

	gate_begin(g, &batch);
	encode_delete_table(&batch, table);
	return gate_end(g, &batch);
}

/* The kernel gives a counter its value only when it makes it. */
int gate_set_blind_told(struct gate *g, const char *table, uint64_t packets)
{
	const char *name = model_counter_names[MODEL_COUNTER_BLIND_TOLD];
	struct batch batch;

	gate_begin(g, &batch);
	encode_delete_object(&batch, table, name, NFT_OBJECT_COUNTER);
	encode_counter(&batch, table, name, packets);
	return gate_end(g, &batch);
}

int gate_bypass(struct gate *g, const char *table, const uint16_t *ports, unsigned count, uint32_t seconds,
        const char *note)
{
	struct batch batch;

	gate_begin(g, &batch);
	bypass_encode(&batch, table, ports, seconds > 0 ? count : 0, seconds, note);
	return gate_end(g, &batch);
}

int gate_read_bypass(struct gate *g, const char *table, uint64_t *left_ms)
{
	int error, tries = GATE_TRIES_MAX;

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
	gate_begin(g, &batch);
	blocked_encode(&batch, table, change);
	return gate_end(g, &batch);
}

int gate_read_blocks(struct gate *g, const char *table, gate_each_block *each, void *arg)
{
	int error, tries = GATE_TRIES_MAX;

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
	int error, tries = GATE_TRIES_MAX;

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
	int error, tries = GATE_TRIES_MAX;

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

	gate_begin(g, &batch);
	error = saved_read(path, table, flags, &batch);
	if (error)
		say_unread(error, err, err_bytes);
	else if (gate_read_counts(g, table, &counts) == 0)
		error = -EEXIST;
	if (error) {
		batch_fini(&batch);
		return error;
	}
	error = gate_end(g, &batch);
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
