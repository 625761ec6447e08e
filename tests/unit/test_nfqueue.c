/* test_nfqueue.c - a real queue in a network namespace: datagrams over loopback are queued on their
 * way out, a second chain behind the queue counts the marks that verdicts leave. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libnftnl/batch.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>

#include "netns.h"
#include "suite.h"
#include "tap/nfqueue.h"

enum {
	QUEUE = 2500,
	PORT = 2525,
	MASK = 0x0f000000,
	QUEUED = MARK_QUEUED << 24,
	OTHERS_BITS = 0x55, /* of the mark, not ours */
	DATAGRAM_MAX = 65000,
	WAIT_MS = 5000,
	HOLD_MOST = 40,
};

/* ---- rules --------------------------------------------------------------------------------- */

/* What nft cannot say: the queue as an xt target, for kernels without the queue expression. */
static bool add_target_rule(void)
{
	char buf[4096];
	struct xt_NFQ_info_v3 *info = calloc(1, 8); /* owned by the expression */
	struct mnl_nlmsg_batch *batch = mnl_nlmsg_batch_start(buf, sizeof(buf));
	struct mnl_socket *s = mnl_socket_open(NETLINK_NETFILTER);
	struct nftnl_expr *target = nftnl_expr_alloc("target");
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nlmsghdr *h;
	ssize_t n = -1;

	info->queuenum = QUEUE;
	info->queues_total = 1;
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, "t");
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, "q");
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, "NFQUEUE");
	nftnl_expr_set_u32(target, NFTNL_EXPR_TG_REV, 3);
	nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, info, 8);
	nftnl_rule_add_expr(rule, target);
	nftnl_batch_begin(mnl_nlmsg_batch_current(batch), 1);
	mnl_nlmsg_batch_next(batch);
	h = nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(batch), NFT_MSG_NEWRULE, NFPROTO_IPV4,
	        NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, 2);
	nftnl_rule_nlmsg_build_payload(h, rule);
	mnl_nlmsg_batch_next(batch);
	nftnl_batch_end(mnl_nlmsg_batch_current(batch), 3);
	mnl_nlmsg_batch_next(batch);
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0 &&
	        mnl_socket_sendto(s, mnl_nlmsg_batch_head(batch), mnl_nlmsg_batch_size(batch)) > 0)
		n = mnl_socket_recvfrom(s, buf, sizeof(buf));
	if (n > 0)
		n = mnl_cb_run(buf, (size_t)n, 2, mnl_socket_get_portid(s), NULL, NULL);
	nftnl_rule_free(rule);
	mnl_nlmsg_batch_stop(batch);
	mnl_socket_close(s);
	return n >= 0;
}

/* Once in the program. */
static void set_up(void)
{
	static const char *const lines[] = {
		"add table ip t",
		"add counter ip t inspected",
		"add counter ip t resets",
		"add counter ip t blind",
		"add chain ip t q",
		"add chain ip t out { type filter hook output priority -5; }",
		"add rule ip t out udp dport 2525 goto q",
		"add chain ip t later { type filter hook output priority -4; }",
		"add rule ip t later meta mark 0x02000055 counter name inspected",
		"add rule ip t later meta mark 0x06000055 counter name resets drop",
		"add rule ip t later meta mark 0x01000055 counter name blind",
	};
	static bool done;
	size_t i;

	if (done)
		return;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CU_ASSERT_FATAL(netns_nft(lines[i]));
	CU_ASSERT_FATAL(netns_nft("add rule ip t q queue num 2500") || add_target_rule());
	done = true;
}

/* Packets of a named counter, which starts again at zero. */
static unsigned counted(const char *name)
{
	char command[128], line[256];
	unsigned n = 0;
	FILE *f;

	snprintf(command, sizeof(command), "nft reset counter ip t %s", name);
	f = popen(command, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " packets %u", &n) == 1)
			break;
	pclose(f);
	return n;
}

/* ---- datagrams ----------------------------------------------------------------------------- */

struct wire {
	int from, to;
};

static struct wire open_wire(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int mark = QUEUED | OTHERS_BITS, bytes = 64 << 20, one = 1;
	struct wire w = {
		.from = socket(AF_INET, SOCK_DGRAM, 0),
		.to = socket(AF_INET, SOCK_DGRAM, 0),
	};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CU_ASSERT_FATAL(setsockopt(w.to, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
	CU_ASSERT_FATAL(setsockopt(w.to, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == 0);
	CU_ASSERT_FATAL(setsockopt(w.from, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) == 0);
	CU_ASSERT_FATAL(setsockopt(w.from, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0);
	CU_ASSERT_FATAL(setsockopt(w.from, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)) == 0); /* edits */
	CU_ASSERT_FATAL(bind(w.to, (struct sockaddr *)&a, sizeof(a)) == 0);
	CU_ASSERT_FATAL(connect(w.from, (struct sockaddr *)&a, sizeof(a)) == 0);
	return w;
}

static void close_wire(struct wire w)
{
	close(w.from);
	close(w.to);
}

/* A datagram of these many bytes that starts with its number. */
static bool send_number(struct wire w, uint32_t number, size_t bytes)
{
	static uint8_t datagram[DATAGRAM_MAX];

	memcpy(datagram, &number, sizeof(number));
	return send(w.from, datagram, bytes, MSG_DONTWAIT) == (ssize_t)bytes;
}

/* Waits for a datagram; its length, or -1 when none came in time. */
static ssize_t receive(struct wire w, void *buf, size_t room, int wait_ms)
{
	struct pollfd p = { .fd = w.to, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1 ? recv(w.to, buf, room, MSG_DONTWAIT) : -1;
}

static uint32_t receive_number(struct wire w)
{
	uint32_t number = UINT32_MAX;

	(void)receive(w, &number, sizeof(number), WAIT_MS);
	return number;
}

static bool nothing_comes(struct wire w)
{
	uint8_t b;

	return receive(w, &b, 1, 0) < 0;
}

/* ---- a worker ------------------------------------------------------------------------------ */

struct serving {
	struct nfqueue *queue;
	pthread_t thread;
	int result;
	struct verdict verdict; /* for every packet */
	struct packet last;
	uint64_t inspected;
	unsigned ticks;
	unsigned stop_after;       /* packets; 0 = never by itself */
	unsigned gone, gone_early; /* held ones */
	uint64_t last_ref;         /* of them; theirs are the numbers of packets, from 1 */
	uint32_t least_ms;         /* that one of them was held */
	unsigned let_go_at;        /* at this packet the first one is asked for; 0 = at none */
	uint32_t first_ticket;
};

static void on_packet(void *arg, const struct packet *packet, const uint8_t *bytes, struct verdict *out)
{
	struct serving *s = arg;

	CU_ASSERT_EQUAL(bytes[0], 0x45);
	s->last = *packet;
	s->inspected++;
	*out = s->verdict;
	out->hold_ref = s->inspected;
	if (s->inspected == 1)
		s->first_ticket = packet->ticket;
	if (s->inspected == s->let_go_at) {
		out->hold_ms = 0;
		out->let_go = 1;
		out->let_go_ticket = s->first_ticket;
	}
	if (s->stop_after && s->inspected == s->stop_after)
		nfqueue_stop(s->queue);
}

static void on_let_go(void *arg, uint64_t hold_ref, uint32_t held_ms, bool early)
{
	struct serving *s = arg;

	s->gone++;
	s->gone_early += early;
	s->last_ref = hold_ref;
	if (held_ms < s->least_ms)
		s->least_ms = held_ms;
}

static void on_tick(void *arg, uint64_t now_us)
{
	struct serving *s = arg;

	CU_ASSERT(now_us > 0);
	s->ticks++;
}

static void open_queue(struct serving *s, uint32_t length)
{
	const struct nfqueue_settings settings = {
		.number = QUEUE, .length = length, .mark_mask = MASK, .hold_most = HOLD_MOST
	};
	char err[256] = "";

	memset(s, 0, sizeof(*s));
	s->least_ms = UINT32_MAX;
	s->queue = nfqueue_open(&settings, err, sizeof(err));
	if (!s->queue)
		printf("\n%s\n", err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->queue);
}

static void *serve(void *arg)
{
	struct serving *s = arg;
	const struct nfqueue_calls calls = {
		.inspect = on_packet, .tick = on_tick, .let_go = on_let_go, .arg = s
	};

	s->result = nfqueue_serve(s->queue, &calls);
	return NULL;
}

static void start(struct serving *s)
{
	CU_ASSERT_FATAL(pthread_create(&s->thread, NULL, serve, s) == 0);
}

static void stop(struct serving *s)
{
	nfqueue_stop(s->queue);
	pthread_join(s->thread, NULL);
	CU_ASSERT_EQUAL(s->result, 0);
}

/* Every packet has got its verdict, the kernel refused none, the queue is free again. */
static void check_and_close(struct serving *s)
{
	const struct nfqueue_counts *c = nfqueue_counts(s->queue);
	struct nfqueue_kernel_counts k;

	CU_ASSERT_EQUAL(c->packets, s->inspected);
	CU_ASSERT_EQUAL(c->verdicts, s->inspected);
	CU_ASSERT_EQUAL(c->verdict_errors, 0);
	CU_ASSERT_EQUAL(c->unreadable, 0);
	CU_ASSERT_EQUAL(nfqueue_read_kernel(QUEUE, &k), -ENOENT);
	nfqueue_close(s->queue);
}

static uint64_t latency_count(const struct nfqueue_counts *c)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < NFQUEUE_LATENCY_BUCKETS; i++)
		sum += c->latency[i];
	return sum;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void accepts_and_marks(void)
{
	struct serving s;
	struct wire w;

	set_up();
	w = open_wire();
	open_queue(&s, 1024);
	start(&s);
	CU_ASSERT(send_number(w, 7, 100));
	CU_ASSERT_EQUAL(receive_number(w), 7);
	stop(&s);
	CU_ASSERT_EQUAL(s.inspected, 1);
	CU_ASSERT(s.ticks >= 1);
	CU_ASSERT_EQUAL(s.last.captured_bytes, 128);
	CU_ASSERT_EQUAL(s.last.length_bytes, 128);
	CU_ASSERT_EQUAL(s.last.mark, QUEUED | OTHERS_BITS);
	CU_ASSERT_EQUAL(s.last.out_if, 1);
	CU_ASSERT_EQUAL(s.last.in_if, 0);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->bytes, 128);
	CU_ASSERT_EQUAL(latency_count(nfqueue_counts(s.queue)), 1);
	CU_ASSERT(nfqueue_counts(s.queue)->last_wakeup_us > 0);
	CU_ASSERT_EQUAL(counted("inspected"), 1);
	CU_ASSERT_EQUAL(counted("blind"), 0);
	check_and_close(&s);
	close_wire(w);
}

static void drops_and_resets(void)
{
	struct serving s;
	struct wire w;

	set_up();
	w = open_wire();
	open_queue(&s, 1024);
	s.verdict.kind = VERDICT_DROP;
	s.stop_after = 1;
	CU_ASSERT(send_number(w, 1, 10));
	start(&s);
	pthread_join(s.thread, NULL);
	check_and_close(&s);
	CU_ASSERT(nothing_comes(w));
	CU_ASSERT_EQUAL(counted("inspected") + counted("resets") + counted("blind"), 0);

	open_queue(&s, 1024);
	s.verdict.kind = VERDICT_RESET;
	s.stop_after = 1;
	CU_ASSERT(send_number(w, 1, 10));
	start(&s);
	pthread_join(s.thread, NULL);
	check_and_close(&s);
	CU_ASSERT_EQUAL(counted("resets"), 1);
	CU_ASSERT_EQUAL(counted("inspected"), 0);
	close_wire(w);
}

/* Small ones and one of the largest, in one batch: only the edited bytes change. */
static void edits_copies(void)
{
	enum { HEADERS = 28 };
	static uint8_t got[DATAGRAM_MAX];
	const size_t sizes[] = { 200, 60000, 201 };
	struct serving s;
	struct wire w;
	unsigned i;

	set_up();
	w = open_wire();
	open_queue(&s, 1024);
	s.verdict = (struct verdict) { .edit_count = 2, .bytes_used = 7 };
	s.verdict.edits[0] = (struct edit) { .offset = HEADERS + 10, .at = 0, .len = 4 };
	s.verdict.edits[1] = (struct edit) { .offset = HEADERS + 197, .at = 4, .len = 3 };
	memcpy(s.verdict.bytes, "XXXXend", 7);
	s.stop_after = 3;
	for (i = 0; i < 3; i++)
		CU_ASSERT(send_number(w, i, sizes[i]));
	start(&s);
	for (i = 0; i < 3; i++) {
		memset(got, 0xee, sizeof(got));
		CU_ASSERT_EQUAL(receive(w, got, sizeof(got), WAIT_MS), (ssize_t)sizes[i]);
		CU_ASSERT_EQUAL(got[0], i);
		CU_ASSERT(memcmp(got + 9, "\0XXXX\0", 6) == 0);
		CU_ASSERT(memcmp(got + 196, "\0end", 4) == 0);
		CU_ASSERT_EQUAL(got[sizes[i] - 1], i == 0 ? 'd' : 0);
	}
	pthread_join(s.thread, NULL);
	CU_ASSERT_EQUAL(counted("inspected"), 3);
	check_and_close(&s);
	close_wire(w);
}

/* More verdicts with copies than one send holds, in their order. */
static void keeps_the_order_of_a_batch(void)
{
	enum { COUNT = 1000, BIG_EVERY = 10, PER_SEND_AT_LEAST = 3 };
	struct serving s;
	struct wire w;
	uint32_t i;

	set_up();
	w = open_wire();
	open_queue(&s, COUNT);
	s.verdict = (struct verdict) { .edit_count = 1, .bytes_used = 1 };
	s.verdict.edits[0] = (struct edit) { .offset = 28 + 8, .len = 1 };
	for (i = 0; i < COUNT; i++)
		CU_ASSERT(send_number(w, i, i % BIG_EVERY ? 20 : 30000));
	start(&s);
	for (i = 0; i < COUNT; i++)
		CU_ASSERT_EQUAL(receive_number(w), i);
	stop(&s);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->packets, COUNT);
	CU_ASSERT(nfqueue_counts(s.queue)->sends * PER_SEND_AT_LEAST < COUNT);
	CU_ASSERT(nfqueue_counts(s.queue)->sends > COUNT / 64);
	CU_ASSERT_EQUAL(counted("inspected"), COUNT);
	check_and_close(&s);
	close_wire(w);
}

static void pays_what_waits_when_stopped(void)
{
	enum { COUNT = 300 };
	struct serving s;
	struct wire w;
	uint32_t i;

	set_up();
	w = open_wire();
	open_queue(&s, COUNT);
	for (i = 0; i < COUNT; i++)
		CU_ASSERT(send_number(w, i, 20));
	nfqueue_stop(s.queue); /* before it has begun */
	start(&s);
	pthread_join(s.thread, NULL);
	CU_ASSERT_EQUAL(s.result, 0);
	CU_ASSERT_EQUAL(s.inspected, COUNT);
	for (i = 0; i < COUNT; i++)
		CU_ASSERT_EQUAL(receive_number(w), i);
	CU_ASSERT_EQUAL(counted("inspected"), COUNT);
	check_and_close(&s);
	close_wire(w);
}

static void counts_what_a_full_queue_drops(void)
{
	struct nfqueue_kernel_counts k = { 0 };
	struct serving s;
	struct wire w;
	uint32_t i;

	set_up();
	w = open_wire();
	open_queue(&s, 4);
	for (i = 0; i < 10; i++)
		(void)send_number(w, i, 20);
	CU_ASSERT_EQUAL(nfqueue_read_kernel(QUEUE, &k), 0);
	CU_ASSERT_EQUAL(k.waiting, 4);
	CU_ASSERT_EQUAL(k.dropped_full, 6);
	CU_ASSERT_EQUAL(k.dropped_user, 0);
	CU_ASSERT(k.copy_range >= 0xfff0);
	CU_ASSERT(k.portid != 0);
	nfqueue_stop(s.queue);
	start(&s);
	stop(&s);
	CU_ASSERT_EQUAL(s.inspected, 4);
	CU_ASSERT_EQUAL(counted("inspected"), 4);
	check_and_close(&s);
	close_wire(w);
}

/* More than the socket's buffer holds: the kernel drops and says so, the rest is served. */
static void survives_an_overrun(void)
{
	enum { COUNT = 1500 };
	struct nfqueue_kernel_counts k = { 0 };
	struct serving s;
	struct wire w;
	uint32_t i;

	set_up();
	w = open_wire();
	open_queue(&s, 100000);
	for (i = 0; i < COUNT; i++)
		(void)send_number(w, i, 60000);
	CU_ASSERT_EQUAL(nfqueue_read_kernel(QUEUE, &k), 0);
	CU_ASSERT(k.dropped_user > 0);
	start(&s);
	CU_ASSERT_EQUAL(receive_number(w), 0);
	stop(&s);
	CU_ASSERT(nfqueue_counts(s.queue)->overruns > 0);
	CU_ASSERT(s.inspected > 0 && s.inspected < COUNT);
	CU_ASSERT_EQUAL(counted("inspected"), s.inspected);
	check_and_close(&s);
	close_wire(w);
}

/* The device goes down, and the kernel has thrown the packets away before their verdict comes. */
static void counts_verdicts_that_come_too_late(void)
{
	const struct nfqueue_counts *c;
	struct serving s;
	struct wire w;
	uint32_t i;

	set_up();
	w = open_wire();
	open_queue(&s, 100);
	c = nfqueue_counts(s.queue);
	for (i = 0; i < 3; i++)
		CU_ASSERT(send_number(w, i, 20));
	CU_ASSERT(netns_set_loopback(false));
	CU_ASSERT(netns_set_loopback(true));
	start(&s);
	CU_ASSERT(send_number(w, 3, 20));
	CU_ASSERT_EQUAL(receive_number(w), 3);
	stop(&s);
	CU_ASSERT_EQUAL(c->verdicts, 4);
	CU_ASSERT_EQUAL(c->verdict_errors, 3);
	nfqueue_close(s.queue);
	(void)counted("inspected");
	close_wire(w);
}

/* ---- holding ------------------------------------------------------------------------------- */

static void waits_for(const _Atomic uint64_t *n, uint64_t wanted)
{
	int i;

	for (i = 0; i < WAIT_MS && atomic_load(n) < wanted; i++)
		poll(NULL, 0, 1);
	CU_ASSERT_EQUAL(atomic_load(n), wanted);
}

/* Nothing comes before its time, and then all of it, as it was decided. */
static void holds_for_a_time(void)
{
	enum { COUNT = 10, HOLD_MS = 300 };
	struct serving s;
	struct wire w;
	uint32_t i;

	set_up();
	w = open_wire();
	open_queue(&s, 1024);
	s.verdict = (struct verdict) { .edit_count = 1, .bytes_used = 1, .hold_ms = HOLD_MS };
	s.verdict.edits[0] = (struct edit) { .offset = 28 + 8, .len = 1 };
	s.verdict.bytes[0] = 'X';
	for (i = 0; i < COUNT; i++)
		CU_ASSERT(send_number(w, i, 20));
	start(&s);
	for (i = 0; i < COUNT; i++) {
		uint8_t got[64];

		CU_ASSERT_EQUAL(receive(w, got, sizeof(got), WAIT_MS), 20);
		CU_ASSERT_EQUAL(got[0], i);
		CU_ASSERT_EQUAL(got[8], 'X');
	}
	stop(&s);
	CU_ASSERT_EQUAL(s.gone, COUNT);
	CU_ASSERT_EQUAL(s.gone_early, 0);
	CU_ASSERT(s.least_ms >= HOLD_MS);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->held, COUNT);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->held_now, 0);
	CU_ASSERT_EQUAL(latency_count(nfqueue_counts(s.queue)), 0);
	CU_ASSERT_EQUAL(counted("inspected"), COUNT);
	check_and_close(&s);
	close_wire(w);
}

/* More than may be held: the first ones go; at the end, all of them, with one verdict each. */
static void holds_no_more_than_it_may(void)
{
	enum { COUNT = 100 };
	struct serving s;
	struct wire w;
	uint32_t i;

	set_up();
	w = open_wire();
	open_queue(&s, 1024);
	s.verdict.hold_ms = VERDICT_HOLD_MAX_MS;
	for (i = 0; i < COUNT; i++)
		CU_ASSERT(send_number(w, i, 20));
	start(&s);
	for (i = 0; i < COUNT - HOLD_MOST; i++)
		CU_ASSERT_EQUAL(receive_number(w), i);
	waits_for(&nfqueue_counts(s.queue)->held, COUNT);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->held_now, HOLD_MOST);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->held_early, COUNT - HOLD_MOST);
	CU_ASSERT(nothing_comes(w));
	stop(&s);
	for (; i < COUNT; i++)
		CU_ASSERT_EQUAL(receive_number(w), i);
	CU_ASSERT_EQUAL(s.gone, COUNT);
	CU_ASSERT_EQUAL(s.gone_early, COUNT);
	CU_ASSERT_EQUAL(s.last_ref, COUNT);
	CU_ASSERT_EQUAL(counted("inspected"), COUNT);
	check_and_close(&s);
	close_wire(w);
}

/* A small queue is left to those who do not wait. */
static void leaves_room(void)
{
	enum { LENGTH = 64, COUNT = 64 };
	struct nfqueue_kernel_counts k = { 0 };
	struct serving s;
	struct wire w;
	uint32_t i;

	set_up();
	w = open_wire();
	open_queue(&s, LENGTH);
	s.verdict.hold_ms = VERDICT_HOLD_MAX_MS;
	start(&s);
	for (i = 0; i < COUNT; i++)
		CU_ASSERT(send_number(w, i, 20));
	waits_for(&nfqueue_counts(s.queue)->verdicts,
	        COUNT - LENGTH / NFQUEUE_HOLD_SHARE); /* counted once they are sent */
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->held, COUNT);
	CU_ASSERT_EQUAL(nfqueue_read_kernel(QUEUE, &k), 0);
	CU_ASSERT_EQUAL(k.waiting, LENGTH / NFQUEUE_HOLD_SHARE);
	CU_ASSERT_EQUAL(k.dropped_full, 0);
	stop(&s);
	CU_ASSERT_EQUAL(counted("inspected"), COUNT);
	check_and_close(&s);
	close_wire(w);
}

/* Ahead of the packet that asks for it. */
static void lets_go_what_is_asked_for(void)
{
	struct serving s;
	struct wire w;
	uint32_t i;

	set_up();
	w = open_wire();
	open_queue(&s, 1024);
	s.verdict.hold_ms = VERDICT_HOLD_MAX_MS;
	s.let_go_at = 3;
	start(&s);
	for (i = 0; i < 3; i++)
		CU_ASSERT(send_number(w, i, 20));
	CU_ASSERT_EQUAL(receive_number(w), 0);
	CU_ASSERT_EQUAL(receive_number(w), 2);
	CU_ASSERT(nothing_comes(w));
	CU_ASSERT_EQUAL(s.last_ref, 1);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->held_now, 1);
	stop(&s);
	CU_ASSERT_EQUAL(receive_number(w), 1);
	CU_ASSERT_EQUAL(counted("inspected"), 3);
	check_and_close(&s);
	close_wire(w);
}

/* The kernel has dropped what was held: no verdict is sent, but whoever waits for it hears of it. */
static void forgets_what_went_with_the_queue(void)
{
	struct serving s;
	struct wire w;

	set_up();
	w = open_wire();
	open_queue(&s, 1024);
	s.verdict.hold_ms = VERDICT_HOLD_MAX_MS;
	start(&s);
	CU_ASSERT(send_number(w, 0, 20));
	waits_for(&nfqueue_counts(s.queue)->held, 1);
	CU_ASSERT_EQUAL(nfqueue_release(s.queue), 0);
	waits_for(&nfqueue_counts(s.queue)->releases, 1);
	stop(&s);
	CU_ASSERT(nothing_comes(w));
	CU_ASSERT_EQUAL(s.gone, 1);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->held_now, 0);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->verdicts, 0);
	CU_ASSERT_EQUAL(nfqueue_counts(s.queue)->verdict_errors, 0);
	nfqueue_close(s.queue);
	close_wire(w);
}

static void says_who_has_the_queue(void)
{
	const struct nfqueue_settings settings = { .number = QUEUE, .length = 10, .mark_mask = MASK };
	char err[256] = "", expected[256];
	struct serving s;

	set_up();
	open_queue(&s, 10);
	errno = 0;
	CU_ASSERT_PTR_NULL(nfqueue_open(&settings, err, sizeof(err)));
	CU_ASSERT_EQUAL(errno, EBUSY);
	snprintf(expected, sizeof(expected),
	        "queue 2500 is taken by test_nfqueue (process %d): stop it, or set queue.number to a free "
	        "one",
	        (int)getpid());
	CU_ASSERT_STRING_EQUAL(err, expected);
	nfqueue_close(s.queue);
}

static void says_which_right_is_missing(void)
{
	const struct nfqueue_settings settings = { .number = QUEUE, .length = 10, .mark_mask = MASK };
	char err[256] = "";
	int status = -1;
	pid_t child;

	set_up();
	fflush(stdout);
	child = fork();
	CU_ASSERT_FATAL(child >= 0);
	if (child == 0) {
		if (setuid(65534))
			_exit(3);
		if (nfqueue_open(&settings, err, sizeof(err)) || errno != EPERM)
			_exit(1);
		_exit(strstr(err, "queue 2500: not permitted: CAP_NET_ADMIN is needed") ? 0 : 2);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
}

SUITE("nfqueue", { "accepts and marks", accepts_and_marks }, { "drops and resets", drops_and_resets },
        { "edits copies", edits_copies }, { "keeps the order of a batch", keeps_the_order_of_a_batch },
        { "pays what waits when stopped", pays_what_waits_when_stopped },
        { "counts what a full queue drops", counts_what_a_full_queue_drops },
        { "survives an overrun", survives_an_overrun },
        { "counts verdicts that come too late", counts_verdicts_that_come_too_late },
        { "holds for a time", holds_for_a_time }, { "holds no more than it may", holds_no_more_than_it_may },
        { "leaves room", leaves_room }, { "lets go what is asked for", lets_go_what_is_asked_for },
        { "forgets what went with the queue", forgets_what_went_with_the_queue },
        { "says who has the queue", says_who_has_the_queue },
        { "says which right is missing", says_which_right_is_missing })
