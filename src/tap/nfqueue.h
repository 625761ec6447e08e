/* nfqueue.h - live packets from one NFQUEUE, one verdict owed for each.
 *
 * nfqueue_serve() is a worker thread's whole life: wait, receive what is there, hand each packet to
 * `inspect`, pack the verdicts into one send. Counted, never fatal: ENOBUFS (queue overrun), a packet
 * that cannot be read (accepted as it is), a verdict the kernel did not take.
 */
#ifndef TAP_NFQUEUE_H
#define TAP_NFQUEUE_H

#include <stdatomic.h>
#include <stdint.h>

#include "postern/packet.h"
#include "postern/verdict.h"

struct nfqueue;

struct nfqueue_settings {
	uint16_t number;
	uint32_t length; /* packets the kernel holds at most */
	uint32_t mark_mask;
};

/* What a worker does with a packet. out is to be filled completely. */
typedef void (*nfqueue_inspect)(
        void *arg, const struct packet *packet, const uint8_t *bytes, struct verdict *out);
/* Called at least each NFQUEUE_IDLE_MS and after each batch. */
typedef void (*nfqueue_tick)(void *arg, uint64_t now_us);

enum { NFQUEUE_LATENCY_BUCKETS = 32, NFQUEUE_IDLE_MS = 250 };
struct nfqueue_counts {
	_Atomic uint64_t packets, bytes, verdicts, sends, overruns, unreadable, verdict_errors;
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
int nfqueue_serve(struct nfqueue *q, nfqueue_inspect inspect, nfqueue_tick tick, void *arg);
/* From any thread: takes the queue away from a worker that hangs. The kernel drops what the queue holds
 * (TCP sends it again), and what comes then is handled as if nobody listened. A worker that comes to
 * life again binds the queue anew. 0 or -errno. */
int nfqueue_release(struct nfqueue *q);
/* From any thread: the worker calls its tick soon. */
void nfqueue_wake(struct nfqueue *q);
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
