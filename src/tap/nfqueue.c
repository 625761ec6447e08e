/* nfqueue.c - live packets from one NFQUEUE, one verdict owed for each.
 *
 * One turn of the worker: read up to BATCH datagrams with one system call (the kernel puts each packet
 * into a datagram of its own), hand each packet to `inspect`, collect the verdict messages in their
 * order, send them all with one system call. The clock is read once a turn.
 *
 * The queue is claimed in two steps. The first request sets everything and is answered; until the
 * second one sets the copy mode the kernel queues nothing, so no packet can arrive between request and
 * answer. NFQA_CFG_F_FAIL_OPEN is never set (an overrun queue must drop and count, not let pass), GSO
 * is (one big packet instead of forty), NETLINK_NO_ENOBUFS stays off: an overrun is seen and counted.
 *
 * A verdict that the kernel refuses (its packet has gone with its device) comes back as an error
 * message and is counted. How verdicts are sent, and held: tap/payer.c.
 *
 * What is held is let go when its time has come, ahead of what is read then. It goes sooner when the book is full, when
 * `inspect` or the worker asks for it, when packets were lost for want of room, at the end. A queue that was taken away
 * has taken its packets along: nothing is owed for them.
 *
 * Limits: 65531 bytes of a packet (the length field of a netlink attribute).
 *
 * Rejected: mnl_socket_recvfrom() in a loop, one system call a packet; waiting in the read with a timeout,
 * which cannot be woken for a stop.
 *
 * Sources: net/netfilter/nfnetlink_queue.c (nfqnl_recv_config(), nfqnl_recv_verdict(), seq_show()).
 */
#include "tap/nfqueue.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink_queue.h> /* before the library's older copy of it */
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>

#include "base/clock.h"
#include "tap/netlink.h"
#include "tap/nfqueue_message.h"
#include "tap/payer.h"

#define KERNEL_LIST "/proc/net/netfilter/nfnetlink_queue"

enum {
	BATCH = 64, /* datagrams read at once */
	SLOT_BYTES = NFQUEUE_MESSAGE_MAX,
	SEND_SLACK_BYTES = 1024,     /* the kernel's share of a socket's buffer */
	SOCKET_SEND_BYTES = 1 << 20, /* must hold one send */
	SOCKET_RECEIVE_BYTES = 16 << 20,
	COPY_RANGE = 0xffff,
};
static_assert(SLOT_BYTES % 8 == 0, "each slot begins aligned");

struct nfqueue {
	struct nfqueue_settings settings;
	struct mnl_socket *socket;
	int stop_fd;
	atomic_bool stopping;
	atomic_bool released; /* by another thread; the worker has not seen it yet */
	bool bound;           /* the worker's; others only read it before and after its life */
	uint8_t *slots;       /* BATCH of SLOT_BYTES */
	struct mmsghdr headers[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_nl senders[BATCH];
	struct verdict verdict;
	struct payer payer;
	struct nfqueue_counts counts;
};

/* What the worker was given for its life, and the time of the turn. */
struct work {
	const struct nfqueue_calls *calls;
	uint64_t now_us;
};

static const struct netlink_service queue_service = {
	.noun = "queue",
	.list = KERNEL_LIST,
	.module = "nfnetlink_queue",
	.remedy = "set queue.number to a free one",
};

/* ---- opening ------------------------------------------------------------------------------- */

static int claim(struct nfqueue *q)
{
	const uint32_t off =
	        NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_CONNTRACK | NFQA_CFG_F_UID_GID | NFQA_CFG_F_SECCTX;
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *h = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, q->settings.number);
	int r;

	nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_qmaxlen(h, q->settings.length);
	mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO | off));
	mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	r = netlink_ask(q->socket, h);
	if (r)
		return r;
	q->bound = true;
	h = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, q->settings.number);
	nfq_nlmsg_cfg_put_params(h, NFQNL_COPY_PACKET, COPY_RANGE);
	return mnl_socket_sendto(q->socket, h, h->nlmsg_len) < 0 ? -errno : 0;
}

/* A full buffer of verdicts must fit into the socket's, or it could never be paid. Where the buffer may
 * not be forced (in a user namespace), the system's limit decides. */
static bool can_send(int fd)
{
	int bytes = 0;
	socklen_t len = sizeof(bytes);

	return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &len) == 0 &&
	       bytes >= PAYER_SEND_BYTES + SEND_SLACK_BYTES;
}

static int take_resources(struct nfqueue *q)
{
	unsigned i;

	q->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->stop_fd < 0)
		return -errno;
	q->slots = aligned_alloc(64, (size_t)BATCH * SLOT_BYTES);
	if (!q->slots || payer_init(&q->payer, &q->settings, &q->counts) != 0)
		return -ENOMEM;
	nfqueue_set_hold_most(q, q->settings.hold_most);
	for (i = 0; i < BATCH; i++) {
		struct msghdr *m = &q->headers[i].msg_hdr;

		q->vectors[i] = (struct iovec) { q->slots + (size_t)i * SLOT_BYTES, SLOT_BYTES };
		m->msg_iov = &q->vectors[i];
		m->msg_iovlen = 1;
		m->msg_name = &q->senders[i];
	}
	q->socket = q->payer.socket = netlink_open(SOCKET_RECEIVE_BYTES, SOCKET_SEND_BYTES);
	if (!q->socket)
		return -errno;
	return can_send(mnl_socket_get_fd(q->socket)) ? 0 : -EMSGSIZE;
}

struct nfqueue *nfqueue_open(const struct nfqueue_settings *s, char *err, unsigned err_bytes)
{
	struct nfqueue *q = calloc(1, sizeof(*q));
	int r = -ENOMEM;

	if (q) {
		q->settings = *s;
		q->stop_fd = -1;
		r = take_resources(q);
	}
	if (r == 0)
		r = claim(q);
	if (r == 0)
		return q;
	r = netlink_explain(&queue_service, s->number, r, err, err_bytes);
	nfqueue_close(q);
	errno = r;
	return NULL;
}

/* The kernel lets go of the queue, and of what it holds, inside of the send call. */
static int unbind(const struct nfqueue *q)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *h = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, q->settings.number);

	nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_UNBIND);
	return mnl_socket_sendto(q->socket, h, h->nlmsg_len) < 0 ? -errno : 0;
}

static void unclaim(struct nfqueue *q)
{
	if (q->bound)
		(void)unbind(q); /* closing the socket does the same */
	q->bound = false;
}

void nfqueue_close(struct nfqueue *q)
{
	if (!q)
		return;
	if (q->socket) {
		unclaim(q);
		mnl_socket_close(q->socket);
	}
	if (q->stop_fd >= 0)
		close(q->stop_fd);
	free(q->slots);
	payer_fini(&q->payer);
	free(q);
}

void nfqueue_let_all_go(struct nfqueue *q)
{
	q->payer.empty_hold = true;
}

void nfqueue_set_hold_most(struct nfqueue *q, uint32_t packets)
{
	uint32_t share = atomic_load(&q->stopping) ? 0 : q->settings.length / NFQUEUE_HOLD_SHARE;

	payer_set_hold_most(&q->payer, packets < share ? packets : share);
}

/* ---- one packet ---------------------------------------------------------------------------- */

static int take_packet(struct nfqueue *q, const struct work *w, const struct nfqueue_message *m)
{
	struct verdict *v = &q->verdict;
	int r = 0;

	v->let_go = 0;
	v->hold_ms = 0;
	w->calls->inspect(w->calls->arg, &m->packet, m->bytes, v);
	if (v->kind == VERDICT_ACCEPT && v->edit_count && m->packet.captured_bytes < m->packet.length_bytes)
		nfqueue_count(&q->counts.uneditable, 1);
	nfqueue_count(&q->counts.bytes, m->packet.length_bytes);
	if (q->payer.empty_hold)
		r = payer_let_go_due(&q->payer);
	if (r == 0 && v->let_go)
		r = payer_let_go(&q->payer, v->let_go_ticket);
	if (r)
		return r;
	return v->hold_ms ? payer_hold(&q->payer, m, v) : payer_answer(&q->payer, m, v);
}

static int take_message(
        struct nfqueue *q, const struct work *w, const struct nlmsghdr *h, size_t present_bytes)
{
	struct nfqueue_message m;
	int r = 0;

	switch (nfqueue_message_read(h, present_bytes, w->now_us, &m)) {
	case MESSAGE_PACKET:
		r = take_packet(q, w, &m);
		nfqueue_count(&q->counts.packets, 1);
		break;
	case MESSAGE_UNREADABLE:
		r = payer_pass(&q->payer, m.packet.ticket);
		nfqueue_count(&q->counts.packets, 1);
		nfqueue_count(&q->counts.unreadable, 1);
		break;
	case MESSAGE_ERROR:
		nfqueue_count(&q->counts.verdict_errors, 1);
		break;
	case MESSAGE_NOTHING:
		break;
	}
	return r;
}

/* ---- one turn ------------------------------------------------------------------------------ */

/* Fills the slots. Number of datagrams, 0 = nothing there, or -errno. */
static int receive(struct nfqueue *q)
{
	int n;
	unsigned i;

	for (i = 0; i < BATCH; i++)
		q->headers[i].msg_hdr.msg_namelen = sizeof(q->senders[i]);
	do {
		n = recvmmsg(mnl_socket_get_fd(q->socket), q->headers, BATCH, MSG_DONTWAIT, NULL);
		if (n < 0 && errno == ENOBUFS) {
			nfqueue_count(&q->counts.overruns, 1);
			nfqueue_let_all_go(q);
		}
	} while (n < 0 && (errno == EINTR || errno == ENOBUFS));
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}

static int take_datagram(struct nfqueue *q, const struct work *w, unsigned slot)
{
	const struct nlmsghdr *h = q->vectors[slot].iov_base;
	int r = 0, left = (int)q->headers[slot].msg_len;

	if (q->senders[slot].nl_pid != 0) /* not from the kernel */
		return 0;
	if (!mnl_nlmsg_ok(h, left)) /* cut, or nothing of the sort */
		return take_message(q, w, h, (size_t)left);
	for (; r == 0 && mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
		r = take_message(q, w, h, (size_t)left);
	return r;
}

static void count_latency(struct nfqueue *q, uint64_t since_ns, uint64_t packets)
{
	uint64_t us = (clock_monotonic_ns() - since_ns) / 1000;
	unsigned bucket = us ? 64 - (unsigned)__builtin_clzll(us) : 0;

	if (bucket >= NFQUEUE_LATENCY_BUCKETS)
		bucket = NFQUEUE_LATENCY_BUCKETS - 1;
	nfqueue_count(&q->counts.latency[bucket], packets);
}

/* Packets that were not held, so far. */
static uint64_t answered(const struct nfqueue *q)
{
	return atomic_load_explicit(&q->counts.packets, memory_order_relaxed) -
	       atomic_load_explicit(&q->counts.held, memory_order_relaxed);
}

/* Reads and pays one batch. Number of datagrams or -errno. */
static int turn(struct nfqueue *q, struct work *w)
{
	uint64_t before = answered(q);
	uint64_t since_ns = clock_monotonic_ns();
	int i, n, r;

	w->now_us = clock_now_us();
	q->payer.now_us = since_ns / 1000;
	atomic_store_explicit(&q->counts.last_wakeup_us, q->payer.now_us, memory_order_relaxed);
	n = receive(q);
	r = payer_let_go_due(&q->payer);
	for (i = 0; i < n && r == 0; i++)
		r = take_datagram(q, w, (unsigned)i);
	if (r == 0)
		r = payer_send(&q->payer);
	if (n > 0)
		count_latency(q, since_ns, answered(q) - before);
	w->calls->tick(w->calls->arg, w->now_us);
	if (r == 0 && q->payer.empty_hold) {
		r = payer_let_go_due(&q->payer);
		if (r == 0)
			r = payer_send(&q->payer);
	}
	return r ? r : n;
}

/* How long there is nothing to do unless packets come. */
static int idle_ms(struct nfqueue *q)
{
	uint64_t next_us = payer_next_us(&q->payer), now_us = next_us ? clock_monotonic_ns() / 1000 : 0;

	if (!next_us || next_us >= now_us + NFQUEUE_IDLE_MS * UINT64_C(1000))
		return NFQUEUE_IDLE_MS;
	return next_us > now_us ? (int)((next_us - now_us) / 1000) + 1 : 0;
}

static int wait_for_packets(struct nfqueue *q)
{
	struct pollfd fds[] = {
		{ .fd = mnl_socket_get_fd(q->socket), .events = POLLIN },
		{ .fd = q->stop_fd, .events = POLLIN },
	};
	eventfd_t woken;

	if (poll(fds, 2, idle_ms(q)) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[1].revents)
		(void)eventfd_read(q->stop_fd, &woken);
	return 0;
}

/* After nfqueue_release(). Packets that still wait in the socket are of the queue that was: the kernel
 * has dropped them, and their numbers would mean others in the new one. So they are thrown away, before
 * there can be new ones. */
static int claim_again(struct nfqueue *q)
{
	int n, r;

	atomic_store(&q->released, false);
	q->bound = false;
	payer_forget(&q->payer);
	do {
		n = receive(q);
	} while (n > 0);
	if (n < 0)
		return n;
	r = claim(q);
	if (r == 0)
		nfqueue_count(&q->counts.releases, 1);
	return r;
}

int nfqueue_serve(struct nfqueue *q, const struct nfqueue_calls *calls)
{
	struct work w = { .calls = calls };
	uint64_t last;
	int r = 0;

	q->payer.calls = calls;
	while (r >= 0 && !atomic_load(&q->stopping)) {
		if (r < BATCH)
			r = wait_for_packets(q);
		if (r >= 0 && atomic_load(&q->released))
			r = claim_again(q);
		if (r >= 0)
			r = turn(q, &w);
	}
	/* What the kernel had handed over when the stop came; no more, or a busy queue would never end. */
	last = atomic_load(&q->counts.packets) + q->settings.length;
	nfqueue_set_hold_most(q, 0);
	nfqueue_let_all_go(q);
	do {
		if (r >= 0)
			r = turn(q, &w);
	} while (r > 0 && atomic_load(&q->counts.packets) < last);
	unclaim(q);
	return r < 0 ? r : 0;
}

int nfqueue_release(struct nfqueue *q)
{
	int r = unbind(q);

	if (r == 0)
		atomic_store(&q->released, true);
	return r;
}

void nfqueue_wake(struct nfqueue *q)
{
	(void)eventfd_write(q->stop_fd, 1);
}

void nfqueue_stop(struct nfqueue *q)
{
	int e = errno;

	atomic_store(&q->stopping, true);
	(void)eventfd_write(q->stop_fd, 1);
	errno = e;
}

/* ---- counters ------------------------------------------------------------------------------ */

const struct nfqueue_counts *nfqueue_counts(const struct nfqueue *q)
{
	return &q->counts;
}

int nfqueue_read_kernel(uint16_t number, struct nfqueue_kernel_counts *out)
{
	FILE *f = fopen(KERNEL_LIST, "re");
	struct nfqueue_kernel_counts k;
	unsigned n;
	char line[256];
	int r = -ENOENT;

	if (!f)
		return -errno;
	while (r == -ENOENT && fgets(line, sizeof(line), f))
		if (sscanf(line, "%u %u %u %*u %u %" SCNu64 " %" SCNu64 " %" SCNu64, &n, &k.portid,
		            &k.waiting, &k.copy_range, &k.dropped_full, &k.dropped_user, &k.last_id) == 7 &&
		        n == number) {
			*out = k;
			r = 0;
		}
	fclose(f);
	return r;
}
