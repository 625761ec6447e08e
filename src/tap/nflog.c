/* nflog.c - copies of refused tries from one NFLOG group.
 *
 * The kernel collects copies and sends several in one datagram: after BATCH of them or a tenth of a
 * second. Each carries a number of its group; a step in the numbers is what could not be delivered.
 * Which rule logged it is told by the rule's prefix.
 *
 * The kernel does not say how long a copied packet was. Its own IP header does; a copy that is too
 * short for that is handed on as whole and will be found malformed. Checksums of copies are never
 * verified: what is judged is that somebody tried.
 *
 * Limits: HEADER_BYTES of each packet (IPv6, some extension headers, TCP with options), TURN_MAX
 * datagrams in one nflog_tap_read().
 *
 * Sources: net/netfilter/nfnetlink_log.c (nfulnl_recv_config(), __build_packet_message()).
 */
#include "tap/nflog.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nfnetlink_log.h> /* before the library's older copy of it */
#include <libmnl/libmnl.h>
#include <libnetfilter_log/libnetfilter_log.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/bytes.h"
#include "tap/netlink.h"

enum {
	HEADER_BYTES = 128,
	BATCH = 32,
	TIMEOUT_CENTISECONDS = 10,
	TURN_MAX = 64,
	DATAGRAM_BYTES = 0x10000,
	SOCKET_RECEIVE_BYTES = 4 << 20,
	SOCKET_SEND_BYTES = 1 << 16,
};

struct nflog_tap {
	struct mnl_socket *socket;
	uint16_t group;
	uint32_t next_number; /* of the next copy, if none is lost */
	uint8_t datagram[DATAGRAM_BYTES] __attribute__((aligned(8)));
};

/* What one nflog_tap_read() works with. */
struct reading {
	struct nflog_tap *log;
	nflog_tap_sink sink;
	void *arg;
	uint64_t now_us;
	uint64_t *lost;
	int count;
};

static const struct netlink_service group_service = {
	.noun = "log group",
	.list = "/proc/net/netfilter/nfnetlink_log",
	.module = "nfnetlink_log",
	.remedy = "set queue.number, which is also the log group, to one that is free as both",
};

static int claim(struct nflog_tap *l)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *h = nflog_nlmsg_put_header(buf, NFULNL_MSG_CONFIG, AF_UNSPEC, l->group);

	nflog_attr_put_cfg_cmd(h, NFULNL_CFG_CMD_BIND);
	mnl_attr_put_u32(h, NFULA_CFG_TIMEOUT, htonl(TIMEOUT_CENTISECONDS));
	mnl_attr_put_u32(h, NFULA_CFG_QTHRESH, htonl(BATCH));
	mnl_attr_put_u16(h, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	nflog_attr_put_cfg_mode(h, NFULNL_COPY_PACKET, HEADER_BYTES);
	return netlink_ask(l->socket, h);
}

struct nflog_tap *nflog_tap_open(uint16_t group, char *err, unsigned err_bytes)
{
	struct nflog_tap *l = calloc(1, sizeof(*l));
	int r = -ENOMEM;

	if (l) {
		l->group = group;
		l->socket = netlink_open(SOCKET_RECEIVE_BYTES, SOCKET_SEND_BYTES);
		r = l->socket ? claim(l) : -errno;
	}
	if (r == 0)
		return l;
	r = netlink_explain(&group_service, group, r, err, err_bytes);
	nflog_tap_close(l);
	errno = r;
	return NULL;
}

int nflog_tap_fd(const struct nflog_tap *l)
{
	return mnl_socket_get_fd(l->socket);
}

/* The length that the IP header itself gives, or what is there if it cannot be read. */
static uint32_t whole_length(const uint8_t *bytes, uint32_t captured)
{
	uint32_t length = captured;

	if (captured >= 20 && bytes[0] >> 4 == 4)
		length = bytes_get16(bytes + 2);
	else if (captured >= 40 && bytes[0] >> 4 == 6)
		length = 40U + bytes_get16(bytes + 4);
	return length > captured ? length : captured;
}

static uint64_t read_time(const struct nlattr *a, uint64_t now_us)
{
	struct nfulnl_msg_packet_timestamp stamp;

	if (!a || mnl_attr_get_payload_len(a) < sizeof(stamp))
		return now_us;
	memcpy(&stamp, mnl_attr_get_payload(a), sizeof(stamp));
	return be64toh(stamp.sec) * 1000000 + be64toh(stamp.usec);
}

static void count_lost(struct reading *r, const struct nlattr *a)
{
	uint32_t number = netlink_read_u32(a);

	if (!a)
		return;
	*r->lost += number - r->log->next_number;
	r->log->next_number = number + 1;
}

static enum nflog_fate read_fate(const struct nlattr *a)
{
	static const struct {
		const char *prefix;
		enum nflog_fate fate;
	} fates[] = { { NFLOG_PREFIX_WOULD, NFLOG_WOULD }, { NFLOG_PREFIX_BLOCK, NFLOG_BLOCKED },
		{ NFLOG_PREFIX_LIMIT, NFLOG_LIMITED } };

	for (size_t i = 0; a && i < sizeof(fates) / sizeof(fates[0]); i++) {
		const size_t n = strlen(fates[i].prefix);

		if (mnl_attr_get_payload_len(a) >= n &&
		        memcmp(mnl_attr_get_payload(a), fates[i].prefix, n) == 0)
			return fates[i].fate;
	}
	return NFLOG_REFUSED;
}

static uint8_t read_place(const struct nlattr *a)
{
	struct nfulnl_msg_packet_hdr header;

	if (!a || mnl_attr_get_payload_len(a) < sizeof(header))
		return 0;
	memcpy(&header, mnl_attr_get_payload(a), sizeof(header));
	return netlink_place(header.hook);
}

static int take_message(const struct nlmsghdr *h, void *arg)
{
	struct reading *r = arg;
	const struct nlattr *attr[NFULA_MAX + 1];
	struct packet p = { .flags = PACKET_CSUM_IGNORE };
	const uint8_t *bytes;

	if (h->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
		return MNL_CB_OK;
	netlink_read_attributes(h, attr, NFULA_MAX);
	count_lost(r, attr[NFULA_SEQ]);
	if (!attr[NFULA_PAYLOAD])
		return MNL_CB_OK;
	bytes = mnl_attr_get_payload(attr[NFULA_PAYLOAD]);
	p.captured_bytes = mnl_attr_get_payload_len(attr[NFULA_PAYLOAD]);
	p.length_bytes = whole_length(bytes, p.captured_bytes);
	p.time_us = read_time(attr[NFULA_TIMESTAMP], r->now_us);
	p.mark = netlink_read_u32(attr[NFULA_MARK]);
	p.in_if = netlink_read_u32(attr[NFULA_IFINDEX_INDEV]);
	p.out_if = netlink_read_u32(attr[NFULA_IFINDEX_OUTDEV]);
	p.flags |= read_place(attr[NFULA_PACKET_HDR]);
	r->sink(r->arg, &p, bytes, read_fate(attr[NFULA_PREFIX]));
	r->count++;
	return MNL_CB_OK;
}

int nflog_tap_read(struct nflog_tap *l, nflog_tap_sink sink, void *arg, uint64_t now_us, uint64_t *lost)
{
	struct reading r = { l, sink, arg, now_us, lost, 0 };
	ssize_t n;
	int i;

	for (i = 0; i < TURN_MAX; i++) {
		n = mnl_socket_recvfrom(l->socket, l->datagram, sizeof(l->datagram));
		if (n < 0 && (errno == EINTR || errno == ENOBUFS)) /* the gap in the numbers tells */
			continue;
		if (n <= 0)
			break;
		(void)mnl_cb_run(l->datagram, (size_t)n, 0, 0, take_message, &r);
	}
	return r.count;
}

void nflog_tap_leave(struct nflog_tap *l)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *h = nflog_nlmsg_put_header(buf, NFULNL_MSG_CONFIG, AF_UNSPEC, l->group);

	nflog_attr_put_cfg_cmd(h, NFULNL_CFG_CMD_UNBIND);
	(void)mnl_socket_sendto(l->socket, h, h->nlmsg_len); /* closing the socket does the same */
}

void nflog_tap_close(struct nflog_tap *l)
{
	if (!l)
		return;
	if (l->socket)
		mnl_socket_close(l->socket); /* leaves the group, too */
	free(l);
}
