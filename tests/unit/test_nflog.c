/* test_nflog.c - a real NFLOG group in a network namespace: rules log datagrams over loopback. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns.h"
#include "suite.h"
#include "tap/nflog.h"

enum { GROUP = 2500, REFUSED_PORT = 2525, WOULD_PORT = 2526, SEEN_MAX = 4096, WAIT_MS = 2000 };
static const uint64_t NOW_US = 1700000000000000;

struct seen {
	struct packet packet;
	uint16_t port;
	bool would;
};

static struct {
	struct seen seen[SEEN_MAX];
	unsigned count;
	uint64_t lost;
} got;

static void set_up(void)
{
	static const char *const lines[] = {
		"add table inet t",
		"add chain inet t out { type filter hook output priority 0; }",
		"add rule inet t out udp dport 2525 log group 2500 snaplen 128 prefix \"postern-refuse \" "
		"drop",
		"add rule inet t out udp dport 2526 log group 2500 prefix \"postern-would \" "
		"drop",
	};
	static bool done;
	size_t i;

	for (i = 0; !done && i < sizeof(lines) / sizeof(lines[0]); i++)
		CU_ASSERT_FATAL(netns_nft(lines[i]));
	done = true;
	memset(&got, 0, sizeof(got));
}

static void on_copy(void *arg, const struct packet *packet, const uint8_t *bytes, enum nflog_fate would)
{
	struct seen *s = &got.seen[got.count];
	unsigned header = bytes[0] >> 4 == 6 ? 40 : 20;

	CU_ASSERT_PTR_EQUAL(arg, &got);
	CU_ASSERT_FATAL(got.count < SEEN_MAX && packet->captured_bytes >= header + 4);
	s->packet = *packet;
	s->port = (uint16_t)(bytes[header + 2] << 8 | bytes[header + 3]);
	s->would = would;
	got.count++;
}

static void send_to(int family, uint16_t port, size_t bytes)
{
	static const uint8_t datagram[2000];
	struct sockaddr_in6 a6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT
	};
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct sockaddr *a = (const struct sockaddr *)&a4;
	socklen_t len = sizeof(a4);
	int fd = socket(family, SOCK_DGRAM, 0);

	a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (family == AF_INET6) {
		a = (const struct sockaddr *)&a6;
		len = sizeof(a6);
	}
	(void)sendto(fd, datagram, bytes, 0, a, len); /* the rule's drop is EPERM here */
	close(fd);
}

static struct nflog_tap *open_group(void)
{
	char err[256] = "";
	struct nflog_tap *l = nflog_tap_open(GROUP, err, sizeof(err));

	if (!l)
		printf("\n%s\n", err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	return l;
}

static void read_until(struct nflog_tap *l, unsigned count)
{
	struct pollfd p = { .fd = nflog_tap_fd(l), .events = POLLIN };

	while (got.count < count && poll(&p, 1, WAIT_MS) == 1)
		(void)nflog_tap_read(l, on_copy, &got, NOW_US, &got.lost);
}

static void hands_on_copies(void)
{
	static const struct {
		int family;
		uint16_t port;
		size_t bytes;
		uint32_t length;
	} sent[] = {
		{ AF_INET, REFUSED_PORT, 20, 48 },
		{ AF_INET6, REFUSED_PORT, 20, 68 },
		{ AF_INET, WOULD_PORT, 1000, 1028 },
		{ AF_INET6, WOULD_PORT, 1000, 1048 },
	};
	struct nflog_tap *l;
	unsigned i;

	set_up();
	l = open_group();
	CU_ASSERT_EQUAL(nflog_tap_read(l, on_copy, &got, NOW_US, &got.lost), 0); /* does not wait */
	for (i = 0; i < 4; i++)
		send_to(sent[i].family, sent[i].port, sent[i].bytes);
	read_until(l, 4);
	CU_ASSERT_EQUAL_FATAL(got.count, 4);
	for (i = 0; i < 4; i++) {
		const struct packet *p = &got.seen[i].packet;

		CU_ASSERT_EQUAL(got.seen[i].port, sent[i].port);
		CU_ASSERT_EQUAL(got.seen[i].would, sent[i].port == WOULD_PORT);
		CU_ASSERT_EQUAL(p->length_bytes, sent[i].length);
		CU_ASSERT_EQUAL(p->captured_bytes, sent[i].length > 128 ? 128 : sent[i].length);
		CU_ASSERT_EQUAL(p->flags, PACKET_CSUM_IGNORE | PACKET_FROM_SELF);
		CU_ASSERT_EQUAL(p->out_if, 1);
		CU_ASSERT(p->time_us == NOW_US || p->time_us > NOW_US);
	}
	CU_ASSERT_EQUAL(got.lost, 0);
	nflog_tap_close(l);
}

/* The kernel holds copies back for up to a tenth of a second; leaving makes it hand them over. */
static void reads_the_rest_after_leaving(void)
{
	struct nflog_tap *l;

	set_up();
	l = open_group();
	send_to(AF_INET, REFUSED_PORT, 20);
	nflog_tap_leave(l);
	CU_ASSERT_EQUAL(nflog_tap_read(l, on_copy, &got, NOW_US, &got.lost), 1);
	send_to(AF_INET, REFUSED_PORT, 20);
	CU_ASSERT_EQUAL(nflog_tap_read(l, on_copy, &got, NOW_US, &got.lost), 0);
	CU_ASSERT_EQUAL(got.lost, 0);
	nflog_tap_close(l);
}

static void on_many(void *arg, const struct packet *packet, const uint8_t *bytes, enum nflog_fate would)
{
	(void)packet;
	(void)bytes;
	(void)would;
	++*(uint64_t *)arg;
}

/* More than the socket holds: what is read and what is counted as lost make what was sent. */
static void counts_what_is_lost(void)
{
	enum { COUNT = 60000 };
	struct pollfd p = { .events = POLLIN };
	uint64_t read = 0, lost = 0;
	struct nflog_tap *l;
	unsigned i;

	set_up();
	l = open_group();
	for (i = 0; i < COUNT; i++)
		send_to(AF_INET, REFUSED_PORT, 1000);
	p.fd = nflog_tap_fd(l);
	while (poll(&p, 1, 0) == 1)
		(void)nflog_tap_read(l, on_many, &read, NOW_US, &lost);
	/* The next one that arrives tells how many are missing before it. */
	send_to(AF_INET, REFUSED_PORT, 1000);
	while (read + lost < COUNT + 1 && poll(&p, 1, WAIT_MS) == 1)
		(void)nflog_tap_read(l, on_many, &read, NOW_US, &lost);
	CU_ASSERT(lost > 0);
	CU_ASSERT(read > 0);
	CU_ASSERT_EQUAL(read + lost, COUNT + 1);
	nflog_tap_close(l);
}

static void says_who_has_the_group(void)
{
	char err[256] = "", expected[256];
	struct nflog_tap *l;

	set_up();
	l = open_group();
	errno = 0;
	CU_ASSERT_PTR_NULL(nflog_tap_open(GROUP, err, sizeof(err)));
	CU_ASSERT_EQUAL(errno, EBUSY);
	snprintf(expected, sizeof(expected),
	        "log group 2500 is taken by test_nflog (process %d): ", (int)getpid());
	CU_ASSERT(strncmp(err, expected, strlen(expected)) == 0);
	nflog_tap_close(l);
	l = open_group(); /* free again */
	nflog_tap_close(l);
}

SUITE("nflog", { "hands on copies", hands_on_copies },
        { "reads the rest after leaving", reads_the_rest_after_leaving },
        { "counts what is lost", counts_what_is_lost }, { "says who has the group", says_who_has_the_group })
