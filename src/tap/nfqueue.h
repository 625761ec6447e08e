/* nfqueue.h - live packets from one NFQUEUE, one verdict owed for each.
 *
 * nfqueue_serve() is a worker thread's whole life: wait, receive what is there, hand each packet to
 * `inspect`, pack the verdicts into one send. Counted, never fatal: ENOBUFS (queue overrun), a packet
 * that cannot be read (accepted as it is), a verdict the kernel did not take.
 *
 * Packets with a verdict for later (hold_ms) are kept up to a number that leaves the queue to the others; beyond it,
 * the one that has the least time left goes at once.
 */
#ifndef TAP_NFQUEUE_H
#define TAP_NFQUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "postern/packet.h"
#include "postern/verdict.h"

struct nfqueue;

struct nfqueue_settings {
	uint16_t number;
	uint32_t length; /* packets the kernel holds at most */
	uint32_t mark_mask;
	uint32_t hold_most; /* packets that are held for later at most: nfqueue_set_hold_most() */
};

/* What a worker does with a packet. out is to be filled completely. */
typedef void (*nfqueue_inspect)(
        void *arg, const struct packet *packet, const uint8_t *bytes, struct verdict *out);
/* Called at least each NFQUEUE_IDLE_MS and after each batch. */
typedef void (*nfqueue_tick)(void *arg, uint64_t now_us);

/* A packet whose verdict had a hold_ms has its verdict. early: before its time. */
typedef void (*nfqueue_let_go)(void *arg, uint64_t hold_ref, uint32_t held_ms, bool early);
/* What the worker does, in its thread; none may be NULL but let_go, if nothing is ever held. */
struct nfqueue_calls {
	nfqueue_inspect inspect;
	nfqueue_tick tick;
	nfqueue_let_go let_go;
	void *arg;
};

enum { NFQUEUE_HOLD_SHARE = 4 }; /* at most one packet of so many that the kernel keeps may be held */
enum { NFQUEUE_LATENCY_BUCKETS = 32, NFQUEUE_IDLE_MS = 250 };
struct nfqueue_counts {
	_Atomic uint64_t packets, bytes, verdicts, sends, overruns, unreadable, verdict_errors;
	_Atomic uint64_t held_now, held, held_early; /* held: all so far; early: gone before their time */
	_Atomic uint64_t
	        uneditable; /* cut packets that were to be edited: dropped, so that they come again */
	_Atomic uint64_t latency
	        [NFQUEUE_LATENCY_BUCKETS]; /* receive to verdict sent; bucket i: below 2^i microseconds */
	_Atomic uint64_t last_wakeup_us;   /* the worker's sign of life, of the monotonic clock */
	_Atomic uint64_t releases;         /* times it has bound its queue again after nfqueue_release() */
};

/* Binds the queue. NULL with errno and a message in err that says what to do: EPERM no
 * CAP_NET_ADMIN; EBUSY somebody else listens on this number (its port id from
 * /proc/net/netfilter/nfnetlink_queue); kernel without NFQUEUE. */
struct nfqueue *nfqueue_open(const struct nfqueue_settings *s, char *err, unsigned err_bytes);
/* Serves until nfqueue_stop(); then pays every ticket still owed and unbinds. 0 or -errno (the kernel
 * took no verdicts for a second, or the socket broke): the queue is unbound then, too. */
int nfqueue_serve(struct nfqueue *q, const struct nfqueue_calls *calls);
/* From any thread: takes the queue away from a worker that hangs. The kernel drops what the queue holds
 * (TCP sends it again), and what comes then is handled as if nobody listened. A worker that comes to
 * life again binds the queue anew. 0 or -errno. */
int nfqueue_release(struct nfqueue *q);
/* From any thread: the worker calls its tick soon. */
void nfqueue_wake(struct nfqueue *q);
/* In the worker's thread, from one of its calls: what is held goes, before the packet at hand. */
void nfqueue_let_all_go(struct nfqueue *q);
/* Likewise. Never more than a NFQUEUE_HOLD_SHARE of the queue's length, and than the book has room for. */
void nfqueue_set_hold_most(struct nfqueue *q, uint32_t packets);
/* From any thread or a signal handler. */
void nfqueue_stop(struct nfqueue *q);
void nfqueue_close(struct nfqueue *q); /* unbinds; not while it is served; NULL is fine */
const struct nfqueue_counts *nfqueue_counts(const struct nfqueue *q);

/* The kernel's own counters of a queue, from /proc/net/netfilter/nfnetlink_queue. */
struct nfqueue_kernel_counts {
	uint32_t portid, waiting, copy_range;
	uint64_t dropped_full, dropped_user, last_id;
};
int nfqueue_read_kernel(uint16_t number, struct nfqueue_kernel_counts *out); /* 0, -ENOENT, -errno */

#endif
