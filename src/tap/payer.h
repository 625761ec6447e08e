/* payer.h - the verdicts of one queue on their way to the kernel: collected and sent together, or held for later.
 *
 * A worker's own, part of its struct nfqueue (tap/nfqueue.h). Every ticket that is given to it is paid once, or gone with
 * its queue.
 */
#ifndef TAP_PAYER_H
#define TAP_PAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tap/nfqueue.h"

struct hold;
struct mnl_socket;
struct nfqueue_message;

enum { PAYER_SEND_BYTES = 256 * 1024 }; /* of verdicts, collected; the socket's buffer has to hold as much */

struct payer {
	struct mnl_socket *socket; /* borrowed */
	const struct nfqueue_settings *settings;
	struct nfqueue_counts *counts;
	const struct nfqueue_calls *calls; /* let_go is told */
	uint64_t now_us;                   /* of the turn, by the monotonic clock */
	bool empty_hold;                   /* all that is held is to go */
	/* the rest belongs to payer.c */
	uint8_t *send;
	size_t send_used;
	unsigned send_count; /* verdicts in it */
	struct hold *hold;
};

/* Only the worker writes its counters; others read. */
static inline void nfqueue_count(_Atomic uint64_t *n, uint64_t more)
{
	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + more, memory_order_relaxed);
}

/* Memory for verdicts, none of them held. settings and counts are borrowed. 0 or -ENOMEM; fini is due in both cases. */
int payer_init(struct payer *p, const struct nfqueue_settings *settings, struct nfqueue_counts *counts);
void payer_fini(struct payer *p); /* one that is all zero is fine */

/* Those that follow answer 0, or -errno when the kernel has taken no verdicts for a second. */

/* This packet's verdict, now. */
int payer_answer(struct payer *p, const struct nfqueue_message *m, const struct verdict *v);
/* Likewise, of one that can't be read: it passes as it is. */
int payer_pass(struct payer *p, uint32_t ticket);
/* Likewise, later: v->hold_ms. At once, and told so, if the book can't take it; the one that has the least time left goes
 * for its sake. */
int payer_hold(struct payer *p, const struct nfqueue_message *m, const struct verdict *v);
/* The held packet of this ticket, if there is one. */
int payer_let_go(struct payer *p, uint32_t ticket);
/* Those whose time has come; all, if empty_hold says so. */
int payer_let_go_due(struct payer *p);
/* What was collected goes to the kernel. */
int payer_send(struct payer *p);

/* The held ones have gone with their queue: they are told, and nothing is owed for them. */
void payer_forget(struct payer *p);
/* How many packets are held at most, from now on. */
void payer_set_hold_most(struct payer *p, uint32_t packets);
/* When the next one's time has come, by the monotonic clock; 0 = none is held. */
uint64_t payer_next_us(const struct payer *p);

#endif
