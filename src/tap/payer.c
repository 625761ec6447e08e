/* payer.c - the verdicts of one queue on their way to the kernel: collected and sent together, or held for later.
 *
 * Sending fails only for want of memory; it is tried again for a second, because nothing else can be done with packets
 * that are owed a verdict.
 *
 * A packet with a verdict for later stays in the kernel's queue; its verdict message waits in a book (tap/hold.h).
 *
 * Limits: PAYER_SEND_BYTES of verdicts in one send, then a further one.
 *
 * Rejected: NFQNL_MSG_VERDICT_BATCH, which covers all ids up to one and so would release packets that
 * get another verdict.
 */
#include "tap/payer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include "tap/hold.h"
#include "tap/nfqueue_message.h"

enum { SEND_TRIES = 1000 }; /* a millisecond apart */

int payer_init(struct payer *p, const struct nfqueue_settings *settings, struct nfqueue_counts *counts)
{
	p->settings = settings;
	p->counts = counts;
	p->send = aligned_alloc(64, PAYER_SEND_BYTES);
	p->hold = hold_new(0);
	return p->send && p->hold ? 0 : -ENOMEM;
}

void payer_fini(struct payer *p)
{
	free(p->send);
	hold_free(p->hold);
	*p = (struct payer) { .send = NULL };
}

/* ---- sending ------------------------------------------------------------------------------- */

int payer_send(struct payer *p)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	unsigned tries = 0;

	if (p->send_count == 0)
		return 0;
	while (mnl_socket_sendto(p->socket, p->send, p->send_used) < 0) {
		if (errno == EINTR)
			continue;
		assert(errno != EMSGSIZE);
		nfqueue_count(&p->counts->verdict_errors, 1);
		if (++tries == SEND_TRIES)
			return -errno;
		nanosleep(&pause, NULL);
	}
	nfqueue_count(&p->counts->sends, 1);
	nfqueue_count(&p->counts->verdicts, p->send_count);
	p->send_used = 0;
	p->send_count = 0;
	return 0;
}

/* So many bytes of verdict messages can be written; sends what is there if room is short. */
static int make_room(struct payer *p, size_t bytes)
{
	static_assert(PAYER_SEND_BYTES > 2 * NFQUEUE_MESSAGE_MAX, "every verdict fits into an empty buffer");
	return p->send_used + bytes > PAYER_SEND_BYTES ? payer_send(p) : 0;
}

static void owe(struct payer *p, size_t message_bytes)
{
	p->send_used += message_bytes;
	p->send_count++;
}

int payer_answer(struct payer *p, const struct nfqueue_message *m, const struct verdict *v)
{
	int r = make_room(p, nfqueue_message_verdict_room(&m->packet));

	if (r == 0)
		owe(p, nfqueue_message_put_verdict(p->send + p->send_used, p->settings->number,
		               p->settings->mark_mask, &m->packet, m->bytes, v));
	return r;
}

int payer_pass(struct payer *p, uint32_t ticket)
{
	const struct packet none = { .ticket = ticket };
	int r = make_room(p, nfqueue_message_verdict_room(&none));

	if (r == 0)
		owe(p, nfqueue_message_put_pass(p->send + p->send_used, p->settings->number, ticket));
	return r;
}

/* ---- holding ------------------------------------------------------------------------------- */

void payer_set_hold_most(struct payer *p, uint32_t packets)
{
	hold_set_most(p->hold, packets);
}

uint64_t payer_next_us(const struct payer *p)
{
	const struct held *held = hold_soonest(p->hold);

	return held ? held->until_us : 0;
}

/* A held packet is out of the book: paid, or gone with its queue. */
static void tell_gone(struct payer *p, const struct held *held)
{
	bool early = p->now_us < held->until_us;
	uint64_t ref = held->ref, held_ms = (p->now_us - held->since_us) / 1000;

	hold_drop(p->hold, held);
	atomic_store_explicit(&p->counts->held_now, hold_count(p->hold), memory_order_relaxed);
	nfqueue_count(&p->counts->held_early, early);
	p->calls->let_go(p->calls->arg, ref, (uint32_t)held_ms, early);
}

/* held: NULL = none. */
static int let_go(struct payer *p, const struct held *held)
{
	int r = held ? make_room(p, held->message_bytes) : 0;

	if (r || !held)
		return r;
	memcpy(p->send + p->send_used, held->message, held->message_bytes);
	owe(p, held->message_bytes);
	tell_gone(p, held);
	return 0;
}

int payer_let_go(struct payer *p, uint32_t ticket)
{
	return let_go(p, hold_find(p->hold, ticket));
}

int payer_let_go_due(struct payer *p)
{
	const struct held *held;
	int r = 0;

	while (r == 0 && (held = hold_soonest(p->hold)) && (p->empty_hold || held->until_us <= p->now_us))
		r = let_go(p, held);
	p->empty_hold = false;
	return r;
}

void payer_forget(struct payer *p)
{
	const struct held *held;

	while ((held = hold_soonest(p->hold)))
		tell_gone(p, held);
}

/* Into the book, at the cost of the one that has the least time left. False: the packet can't be held. */
static bool note(struct payer *p, const struct nfqueue_message *m, const struct verdict *v, int *r)
{
	struct held *held;

	assert(v->hold_ms <= VERDICT_HOLD_MAX_MS && v->kind == VERDICT_ACCEPT);
	if (v->edit_count > 0 && nfqueue_message_verdict_room(&m->packet) > HOLD_MESSAGE_MAX)
		return false;
	if (hold_is_full(p->hold))
		*r = let_go(p, hold_soonest(p->hold));
	held = hold_add(
	        p->hold, m->packet.ticket, v->hold_ref, p->now_us, p->now_us + v->hold_ms * UINT64_C(1000));
	if (!held)
		return false;
	held->message_bytes = (uint32_t)nfqueue_message_put_verdict(
	        held->message, p->settings->number, p->settings->mark_mask, &m->packet, m->bytes, v);
	atomic_store_explicit(&p->counts->held_now, hold_count(p->hold), memory_order_relaxed);
	nfqueue_count(&p->counts->held, 1);
	return true;
}

int payer_hold(struct payer *p, const struct nfqueue_message *m, const struct verdict *v)
{
	int r = 0;

	if (note(p, m, v, &r))
		return r;
	p->calls->let_go(p->calls->arg, v->hold_ref, 0, true);
	return r ? r : payer_answer(p, m, v);
}
