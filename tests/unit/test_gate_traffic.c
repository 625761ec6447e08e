/* test_gate_traffic.c - what the installed ruleset does to real connections.
 *
 * Three namespaces: a client, the gateway with the ruleset, a server. One thread plays client and
 * server: a socket stays in the namespace where it was made. Where packets are to be judged, a second
 * thread serves the queue.
 */
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "gate/gate.h"
#include "gate_policies.h"
#include "netns.h"
#include "suite.h"
#include "tap/nflog.h"
#include "tap/nfqueue.h"

enum { SHORT_MS = 300, LONG_MS = 20000 }; /* something will not happen; something will */
/* A machine under load must not look like a loss: what is sent again would be counted, refused or reset, too. */
#define RESEND "60s"

#define CLIENT_V4 "198.51.100.10"
#define SERVER_V4 "192.168.10.10"
#define CLIENT_V6 "2001:db8:25::10"
#define SERVER_V6 "fd00:25:10::10"

struct lab {
	int client, gateway, server; /* namespaces */
	struct gate *gate;
	bool v6;
	int listener;
};

static char err[1024];

static void wire(
        const struct lab *lab, int host, const char *name, const char *v4, const char *v6, unsigned bits6)
{
	char dotted[32], host6[64];
	int status;

	(void)lab;
	snprintf(dotted, sizeof(dotted), "%s", v4);
	strcpy(strrchr(dotted, '.'), ".1");
	snprintf(host6, sizeof(host6), "%s", v6);
	strcpy(strrchr(host6, ':'), ":1");
	free(netns_shell(&status,
	        "set -e; ip link add %s type veth peer name wire netns /proc/%d/fd/%d; ip link set %s up; "
	        "ip addr add %s/24 dev %s; ip addr add %s/%u dev %s nodad",
	        name, (int)getpid(), host, name, dotted, name, host6, bits6, name));
	CU_ASSERT_EQUAL_FATAL(status, 0);
	netns_enter(host);
	free(netns_shell(&status,
	        "set -e; ip link set lo up; ip link set wire up; ip addr add %s/24 dev wire; "
	        "ip addr add %s/%u dev wire nodad; ip route add default via %s rto_min " RESEND "; "
	        "ip route add default via %s rto_min " RESEND,
	        v4, v6, bits6, dotted, host6));
	CU_ASSERT_EQUAL_FATAL(status, 0);
	netns_enter(lab->gateway);
}

static struct lab lab_up(enum policy_mode mode, const struct ruleset_settings *s, bool v6)
{
	struct lab lab = { .v6 = v6 };
	struct policy *p = gate_example_policy(mode);
	struct ruleset *r = ruleset_build(p, s);
	int status, error;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	lab.client = netns_new();
	lab.server = netns_new();
	lab.gateway = netns_new();
	free(netns_shell(&status,
	        "echo 1 >/proc/sys/net/ipv4/ip_forward && echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"));
	CU_ASSERT_EQUAL_FATAL(status, 0);
	wire(&lab, lab.client, "left", CLIENT_V4, CLIENT_V6, 64);
	wire(&lab, lab.server, "right", SERVER_V4, SERVER_V6, 64);
	lab.gate = gate_open(err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab.gate);
	error = gate_install(lab.gate, r, err, sizeof(err));
	CU_ASSERT_EQUAL_FATAL(error, 0);
	ruleset_free(r);
	policy_free(p);
	return lab;
}

static void lab_down(struct lab *lab)
{
	gate_close(lab->gate);
	close(lab->client);
	close(lab->server);
	close(lab->gateway);
}

static struct gate_counts counts(const struct lab *lab)
{
	struct gate_counts c = { 0 };

	CU_ASSERT_EQUAL(gate_read_counts(lab->gate, "postern", &c), 0);
	return c;
}

static socklen_t address(
        const struct lab *lab, const char *v4, const char *v6, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (lab->v6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		inet_pton(AF_INET6, v6, &in6->sin6_addr);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	inet_pton(AF_INET, v4, &in->sin_addr);
	return sizeof(*in);
}

static int listen_on(const struct lab *lab, int netns, const char *v4, const char *v6)
{
	struct sockaddr_storage a;
	socklen_t len = address(lab, v4, v6, 25, &a);
	int fd, one = 1;

	netns_enter(netns);
	fd = socket(a.ss_family, SOCK_STREAM, 0);
	CU_ASSERT_FATAL(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&a, len), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 64), 0);
	netns_enter(lab->gateway);
	return fd;
}

static bool wait_for(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) == 1;
}

/* 0 and a connected socket, or what connect() says; ETIMEDOUT if nothing came in ms. */
static int connect_from(const struct lab *lab, int netns, const char *v4, const char *v6, int ms, int *fd)
{
	struct sockaddr_storage a;
	socklen_t len = address(lab, v4, v6, 25, &a), error_len = sizeof(int);
	int error = 0;

	netns_enter(netns);
	*fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	netns_enter(lab->gateway);
	CU_ASSERT_FATAL(*fd >= 0);
	if (connect(*fd, (struct sockaddr *)&a, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (!wait_for(*fd, POLLOUT, ms))
		return ETIMEDOUT;
	getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error, &error_len);
	return error;
}

/* The other side has acknowledged everything, so nothing is under way from here. */
static bool wait_settled(int fd)
{
	int left = 0;

	for (unsigned ms = 0; ms < LONG_MS; ms++) {
		if (ioctl(fd, SIOCOUTQ, &left) == 0 && left == 0)
			return true;
		(void)poll(NULL, 0, 1);
	}
	return false;
}

/* A line each way arrives, and its acknowledgement. */
static bool talk(int client, int server)
{
	char got[16] = "";

	if (send(server, "220 hello\r\n", 11, MSG_NOSIGNAL) != 11 || !wait_for(client, POLLIN, LONG_MS) ||
	        recv(client, got, sizeof(got), 0) != 11)
		return false;
	return send(client, "QUIT\r\n", 6, MSG_NOSIGNAL) == 6 && wait_for(server, POLLIN, LONG_MS) &&
	       recv(server, got, sizeof(got), 0) == 6 && wait_settled(server) && wait_settled(client);
}

/* One whole connection from the ISP to the server. */
static void connect_and_talk(const struct lab *lab)
{
	int listener = listen_on(lab, lab->server, SERVER_V4, SERVER_V6), client, server;
	char byte;

	CU_ASSERT_EQUAL_FATAL(connect_from(lab, lab->client, SERVER_V4, SERVER_V6, LONG_MS, &client), 0);
	server = accept(listener, NULL, NULL);
	CU_ASSERT_FATAL(server >= 0);
	CU_ASSERT(talk(client, server));
	/* both ends are seen, so that nothing is under way afterwards but a bare ACK */
	CU_ASSERT_EQUAL(shutdown(client, SHUT_WR), 0);
	CU_ASSERT(wait_for(server, POLLIN, LONG_MS) && recv(server, &byte, 1, 0) == 0);
	close(server);
	CU_ASSERT(wait_for(client, POLLIN, LONG_MS) && recv(client, &byte, 1, 0) == 0);
	close(client);
	close(listener);
}

static void blind_packets_are_counted(bool v6)
{
	struct lab lab = lab_up(MODE_ENFORCE, &gate_example_settings, v6);
	struct gate_counts c;

	connect_and_talk(&lab);
	c = counts(&lab);
	CU_ASSERT(c.queued >= 5); /* SYN, SYN ACK, two lines, FIN */
	CU_ASSERT_EQUAL(c.blind, c.queued);
	CU_ASSERT_EQUAL(c.inspected, 0);
	CU_ASSERT(c.bare_acks >= 2);
	CU_ASSERT(c.refused == 0 && c.reset == 0);
	lab_down(&lab);
}

static void open_passes_and_counts_blind(void)
{
	blind_packets_are_counted(false);
	blind_packets_are_counted(true);
}

static void closed_drops(void)
{
	struct ruleset_settings s = gate_example_settings;
	struct gate_counts c;
	struct lab lab;
	int fd;

	s.bypass = false;
	lab = lab_up(MODE_ENFORCE, &s, false);
	CU_ASSERT_EQUAL(connect_from(&lab, lab.client, SERVER_V4, SERVER_V6, SHORT_MS, &fd), ETIMEDOUT);
	c = counts(&lab);
	CU_ASSERT(c.queued >= 1);
	CU_ASSERT_EQUAL(c.blind, 0);
	close(fd);
	lab_down(&lab);
}

struct copies {
	unsigned refused, would, limited;
};

static void take_copy(void *arg, const struct packet *packet, const uint8_t *bytes, enum nflog_fate would)
{
	struct copies *copies = arg;

	(void)packet, (void)bytes;
	copies->refused += would == NFLOG_REFUSED;
	copies->limited += would == NFLOG_LIMITED;
	copies->would += would == NFLOG_WOULD;
}

static struct copies read_copies(struct nflog_tap *log)
{
	struct copies copies = { 0 };
	uint64_t lost = 0;

	CU_ASSERT(wait_for(nflog_tap_fd(log), POLLIN, LONG_MS));
	while (wait_for(nflog_tap_fd(log), POLLIN, 0))
		nflog_tap_read(log, take_copy, &copies, 1, &lost);
	return copies;
}

/* The client takes an address that no rule names. */
static void refusing(bool v6)
{
	struct lab lab = lab_up(MODE_ENFORCE, &gate_example_settings, v6);
	struct nflog_tap *log = nflog_tap_open(gate_example_settings.log_group, err, sizeof(err));
	struct copies copies;
	struct gate_counts c;
	int fd, status;

	CU_ASSERT_PTR_NOT_NULL_FATAL(log);
	netns_enter(lab.client);
	free(netns_shell(&status,
	        "set -e; ip addr del " CLIENT_V4 "/24 dev wire; ip addr add 198.51.100.66/24 dev wire; "
	        "ip route add default via 198.51.100.1; ip addr del " CLIENT_V6 "/64 dev wire; "
	        "ip addr add 2001:db8:66::66/64 dev wire nodad"));
	CU_ASSERT_EQUAL(status, 0);
	netns_enter(lab.gateway);
	free(netns_shell(&status, "ip addr add 2001:db8:66::1/64 dev left nodad"));
	netns_enter(lab.client);
	free(netns_shell(&status, "ip -6 route del default; ip route add default via 2001:db8:66::1"));
	CU_ASSERT_EQUAL(status, 0);
	netns_enter(lab.gateway);
	CU_ASSERT_EQUAL(connect_from(&lab, lab.client, SERVER_V4, SERVER_V6, LONG_MS, &fd), ECONNREFUSED);
	c = counts(&lab);
	CU_ASSERT_EQUAL(c.refused, 1);
	CU_ASSERT_EQUAL(c.queued, 0);
	copies = read_copies(log);
	CU_ASSERT_EQUAL(copies.refused, 1);
	CU_ASSERT_EQUAL(copies.would, 0);
	close(fd);
	nflog_tap_close(log);
	lab_down(&lab);
}

static void refused_pairs_get_a_reset(void)
{
	refusing(false);
	refusing(true);
}

/* From home to the world nothing is allowed; in monitor mode it is logged and passes. */
static void monitor_logs_and_passes(void)
{
	struct lab lab = lab_up(MODE_MONITOR, &gate_example_settings, false);
	struct nflog_tap *log = nflog_tap_open(gate_example_settings.log_group, err, sizeof(err));
	int listener = listen_on(&lab, lab.client, CLIENT_V4, CLIENT_V6), client, server, status;
	struct copies copies;
	struct gate_counts c;

	CU_ASSERT_PTR_NOT_NULL_FATAL(log);
	netns_enter(lab.server);
	free(netns_shell(&status,
	        "ip addr del " SERVER_V4 "/24 dev wire; ip addr add 192.168.10.66/24 dev wire; "
	        "ip route add default via 192.168.10.1"));
	CU_ASSERT_EQUAL(status, 0);
	netns_enter(lab.gateway);
	CU_ASSERT_EQUAL_FATAL(connect_from(&lab, lab.server, CLIENT_V4, CLIENT_V6, LONG_MS, &client), 0);
	server = accept(listener, NULL, NULL);
	CU_ASSERT(talk(client, server));
	copies = read_copies(log);
	CU_ASSERT_EQUAL(copies.would, 1); /* the SYN alone */
	CU_ASSERT_EQUAL(copies.refused, 0);
	c = counts(&lab);
	CU_ASSERT_EQUAL(c.refused, 0);
	CU_ASSERT(c.queued >= 4);
	CU_ASSERT_EQUAL(c.blind, c.queued);
	close(client);
	close(server);
	close(listener);
	nflog_tap_close(log);
	lab_down(&lab);
}

/* An open connection whose pair is refused from now on is cut, from either side. */
static void stale_connections_are_cut(void)
{
	struct lab lab = lab_up(MODE_ENFORCE, &gate_example_settings, false);
	int listener = listen_on(&lab, lab.server, SERVER_V4, SERVER_V6), client, server;
	struct policy *p = gate_policy(MODE_ENFORCE, DO_REFUSE);
	struct ruleset *r;
	char byte;

	CU_ASSERT_EQUAL_FATAL(connect_from(&lab, lab.client, SERVER_V4, SERVER_V6, LONG_MS, &client), 0);
	server = accept(listener, NULL, NULL);
	CU_ASSERT(talk(client, server));
	CU_ASSERT_EQUAL_FATAL(policy_seal(p), 0);
	r = ruleset_build(p, &gate_example_settings);
	CU_ASSERT_EQUAL(gate_install(lab.gate, r, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(send(server, "421\r\n", 5, MSG_NOSIGNAL), 5);
	CU_ASSERT(wait_for(server, POLLIN, LONG_MS));
	CU_ASSERT(recv(server, &byte, 1, 0) < 0 && errno == ECONNRESET);
	CU_ASSERT(!wait_for(client, POLLIN, SHORT_MS));
	CU_ASSERT_EQUAL(counts(&lab).refused, 1);
	ruleset_free(r);
	policy_free(p);
	close(client);
	close(server);
	close(listener);
	lab_down(&lab);
}

/* ---- with somebody at the queue ----------------------------------------------------------- */

static void judge(void *arg, const struct packet *packet, const uint8_t *bytes, struct verdict *out)
{
	const struct lab *lab = arg;
	const uint8_t *tcp = bytes + (lab->v6 ? 40 : (bytes[0] & 15) * 4);
	uint32_t headers = (uint32_t)(tcp - bytes) + (tcp[12] >> 4) * 4U;

	out->kind = VERDICT_ACCEPT;
	out->edit_count = 0;
	out->bytes_used = 0;
	/* the word that this test's client is cut for */
	if (packet->length_bytes >= headers + 3 && memcmp(bytes + headers, "BAD", 3) == 0)
		out->kind = VERDICT_RESET;
}

static void no_tick(void *arg, uint64_t now_us)
{
	(void)arg, (void)now_us;
}

enum { TRIES = 8 };

/* How many of them are let in; and each of the others is refused. */
static unsigned try_often(const struct lab *lab)
{
	unsigned passed = 0;
	int fd, error;

	for (unsigned i = 0; i < TRIES; i++) {
		error = connect_from(lab, lab->client, SERVER_V4, SERVER_V6, LONG_MS, &fd);
		CU_ASSERT(error == 0 || error == ECONNREFUSED);
		passed += error == 0;
		close(fd);
	}
	return passed;
}

/* A source that may open so many connections a minute, as a host and as a part of a prefix; others are not counted. */
static void limiting(bool v6, const char *text, bool net)
{
	enum { RATE = 5, BURST = GATE_BURST(RATE) };
	struct lab lab = lab_up(MODE_ENFORCE, &gate_example_settings, v6);
	int listener = listen_on(&lab, lab.server, SERVER_V4, SERVER_V6), before;
	struct nflog_tap *log = nflog_tap_open(gate_example_settings.log_group, err, sizeof(err));
	struct gate_block limit = { .net = net, .rate_per_min = RATE, .left_ms = 3600000 };
	struct gate_blocks_change change = { .more = &limit, .more_count = 1 };
	struct prefix prefix = { 0 };
	unsigned passed;

	CU_ASSERT_PTR_NOT_NULL_FATAL(log);
	CU_ASSERT_EQUAL(prefix_parse(text, &prefix), 0);
	limit.first = prefix_first(&prefix);
	limit.last = prefix_last(&prefix);
	CU_ASSERT_EQUAL(connect_from(&lab, lab.client, SERVER_V4, SERVER_V6, LONG_MS, &before), 0);
	CU_ASSERT_EQUAL(gate_block(lab.gate, "postern", &change), 0);
	passed = try_often(&lab);
	CU_ASSERT(passed >= BURST && passed < TRIES);
	CU_ASSERT_EQUAL(counts(&lab).limited, TRIES - passed);
	CU_ASSERT(counts(&lab).blocked == 0 && counts(&lab).refused == 0);
	CU_ASSERT_EQUAL(read_copies(log).limited, TRIES - passed);
	CU_ASSERT_EQUAL(send(before, "NOOP\r\n", 6, MSG_NOSIGNAL), 6); /* what he has he keeps */
	CU_ASSERT(wait_settled(before));
	change.gone = &limit;
	change.gone_count = 1;
	change.more_count = 0;
	CU_ASSERT_EQUAL(gate_block(lab.gate, "postern", &change), 0);
	CU_ASSERT_EQUAL(try_often(&lab), TRIES);
	CU_ASSERT_EQUAL(counts(&lab).limited, TRIES - passed);
	close(before);
	close(listener);
	nflog_tap_close(log);
	lab_down(&lab);
}

static void limited_clients_are_let_in_at_their_rate(void)
{
	limiting(false, CLIENT_V4, false);
	limiting(true, CLIENT_V6, false);
	limiting(false, "198.51.100.0/24", true);
	limiting(true, "2001:db8:25::/64", true);
}

struct server_thread {
	struct lab *lab;
	struct nfqueue *queue;
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server_thread *t = arg;

	const struct nfqueue_calls calls = { .inspect = judge, .tick = no_tick, .arg = t->lab };

	CU_ASSERT_EQUAL(nfqueue_serve(t->queue, &calls), 0);
	return NULL;
}

static void start(struct server_thread *t, struct lab *lab)
{
	struct nfqueue_settings s = { .number = gate_example_settings.queue,
		.length = 1000,
		.mark_mask = gate_example_settings.mark_mask };

	t->lab = lab;
	t->queue = nfqueue_open(&s, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->queue);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&t->thread, NULL, serve, t), 0);
}

static void stop(struct server_thread *t)
{
	nfqueue_stop(t->queue);
	pthread_join(t->thread, NULL);
	nfqueue_close(t->queue);
}

/* The last packets of a connection may still be under way when its ends are closed. */
static struct gate_counts counts_when_settled(struct lab *lab)
{
	enum { LOOKS = 100, WAIT_MS = 20 };
	struct gate_counts c = counts(lab);

	for (int i = 0; i < LOOKS && c.inspected != c.queued; i++) {
		(void)poll(NULL, 0, WAIT_MS);
		c = counts(lab);
	}
	return c;
}

static void inspecting(bool v6)
{
	struct lab lab = lab_up(MODE_ENFORCE, &gate_example_settings, v6);
	struct server_thread t;
	struct gate_counts c;

	start(&t, &lab);
	connect_and_talk(&lab);
	c = counts_when_settled(&lab);
	stop(&t);
	CU_ASSERT(c.queued >= 5);
	CU_ASSERT_EQUAL(c.inspected, c.queued);
	CU_ASSERT_EQUAL(c.blind, 0);
	CU_ASSERT(c.bare_acks >= 2);
	lab_down(&lab);
}

static void inspected_packets_are_counted(void)
{
	inspecting(false);
	inspecting(true);
}

static void resetting(bool v6)
{
	struct lab lab = lab_up(MODE_ENFORCE, &gate_example_settings, v6);
	int listener = listen_on(&lab, lab.server, SERVER_V4, SERVER_V6), client, server;
	struct server_thread t;
	char text[16];

	start(&t, &lab);
	CU_ASSERT_EQUAL_FATAL(connect_from(&lab, lab.client, SERVER_V4, SERVER_V6, LONG_MS, &client), 0);
	server = accept(listener, NULL, NULL);
	CU_ASSERT(talk(client, server));
	CU_ASSERT_EQUAL(send(client, "BAD\r\n", 5, MSG_NOSIGNAL), 5);
	CU_ASSERT(wait_for(client, POLLIN, LONG_MS));
	CU_ASSERT(recv(client, text, sizeof(text), 0) < 0 && errno == ECONNRESET);
	CU_ASSERT_EQUAL(counts(&lab).reset, 1);
	/* the server learns it with its next packet, which the ct mark catches before the queue */
	CU_ASSERT(!wait_for(server, POLLIN, SHORT_MS));
	CU_ASSERT_EQUAL(send(server, "250\r\n", 5, MSG_NOSIGNAL), 5);
	CU_ASSERT(wait_for(server, POLLIN, LONG_MS));
	CU_ASSERT(recv(server, text, sizeof(text), 0) < 0 && errno == ECONNRESET);
	CU_ASSERT_EQUAL(counts(&lab).reset, 2);
	stop(&t);
	close(client);
	close(server);
	close(listener);
	lab_down(&lab);
}

static void verdict_resets_both_ends(void)
{
	resetting(false);
	resetting(true);
}

/* Marks of others pass through; ours never leave. */
static void foreign_mark_bits_stay(void)
{
	struct lab lab = lab_up(MODE_ENFORCE, &gate_example_settings, false);
	struct server_thread t;
	char *text;
	int status;

	free(netns_shell(&status,
	        "nft 'table inet marks { counter good { }; counter bad { }; "
	        "chain before { type filter hook prerouting priority 0; meta mark set 0x30c0ffee; }; "
	        "chain after { type filter hook postrouting priority 0; tcp dport 25 meta mark 0x30c0ffee "
	        "counter name good accept; tcp dport 25 counter name bad; }; }'"));
	CU_ASSERT_EQUAL(status, 0);
	start(&t, &lab);
	connect_and_talk(&lab);
	stop(&t);
	text = netns_shell(NULL, "nft list counter inet marks good; nft list counter inet marks bad");
	CU_ASSERT_PTR_NULL(strstr(strstr(text, "good"), "good {\n\t\tpackets 0"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "bad {\n\t\tpackets 0"));
	free(text);
	lab_down(&lab);
}

/* Packets that wait in the queue survive a new installation. */
static void installing_loses_no_queued_packet(void)
{
	struct lab lab = lab_up(MODE_ENFORCE, &gate_example_settings, false);
	struct nfqueue_settings s = { .number = gate_example_settings.queue,
		.length = 1000,
		.mark_mask = gate_example_settings.mark_mask };
	struct server_thread t = { .lab = &lab, .queue = nfqueue_open(&s, err, sizeof(err)) };
	int listener = listen_on(&lab, lab.server, SERVER_V4, SERVER_V6), client;
	struct nfqueue_kernel_counts before = { 0 }, after = { 0 };
	struct policy *p = gate_example_policy(MODE_MONITOR);
	struct ruleset *r = ruleset_build(p, &gate_example_settings);

	CU_ASSERT_PTR_NOT_NULL_FATAL(t.queue);
	CU_ASSERT_EQUAL(connect_from(&lab, lab.client, SERVER_V4, SERVER_V6, SHORT_MS, &client), ETIMEDOUT);
	CU_ASSERT_EQUAL(nfqueue_read_kernel(s.number, &before), 0);
	CU_ASSERT_EQUAL(gate_install(lab.gate, r, err, sizeof(err)), 0);
	CU_ASSERT_EQUAL(nfqueue_read_kernel(s.number, &after), 0);
	CU_ASSERT(before.last_id >= 1);
	/* the client may have sent its SYN again meanwhile */
	CU_ASSERT_EQUAL(after.waiting - before.waiting, after.last_id - before.last_id);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&t.thread, NULL, serve, &t), 0);
	CU_ASSERT(wait_for(client, POLLOUT, LONG_MS)); /* connected after all */
	stop(&t);
	close(client);
	close(listener);
	ruleset_free(r);
	policy_free(p);
	lab_down(&lab);
}

SUITE("gate traffic", { "nobody listens, open: passes and is counted blind", open_passes_and_counts_blind },
        { "nobody listens, closed: dropped", closed_drops },
        { "refused pairs get a reset and a log copy", refused_pairs_get_a_reset },
        { "monitor mode logs and passes", monitor_logs_and_passes },
        { "open connections of refused pairs are cut", stale_connections_are_cut },
        { "limited clients are let in at their rate", limited_clients_are_let_in_at_their_rate },
        { "inspected packets are counted", inspected_packets_are_counted },
        { "a reset verdict resets both ends", verdict_resets_both_ends },
        { "mark bits of others stay", foreign_mark_bits_stay },
        { "installing loses no queued packet", installing_loses_no_queued_packet })
