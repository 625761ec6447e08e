/* accept_all.c - the reference of the bench: accepts every packet of one queue and looks at none.
 *
 *   accept_all QUEUE      until a signal; says "ready" when the queue is its own
 *
 * The plain way that any program with NFQUEUE goes: one read and one verdict a packet, the whole packet copied to
 * user space. What a guard costs beyond this is its own doing; what this costs is the queue's. GSO packets are taken
 * whole, an overrun queue drops, the same as with posternd: otherwise it would be another load.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h> /* before the library's older copy of it */
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>

enum { PACKET_BYTES = 0x10000 + 4096, QUEUE_PACKETS = 16384, SOCKET_BYTES = 16 << 20 };

static struct mnl_socket *nl;
static uint16_t number;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void send_message(const struct nlmsghdr *h)
{
	need(mnl_socket_sendto(nl, h, h->nlmsg_len) >= 0, "send");
}

static int take_packet(const struct nlmsghdr *packet, void *unused)
{
	struct nlattr *attr[NFQA_MAX + 1] = { 0 };
	char buf[128] __attribute__((aligned(8)));
	struct nlmsghdr *h = nfq_nlmsg_put(buf, NFQNL_MSG_VERDICT, number);
	const struct nfqnl_msg_packet_hdr *head;

	(void)unused;
	if (nfq_nlmsg_parse(packet, attr) != MNL_CB_OK || !attr[NFQA_PACKET_HDR])
		return MNL_CB_OK;
	head = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
	nfq_nlmsg_verdict_put(h, (int)ntohl(head->packet_id), NF_ACCEPT);
	send_message(h);
	return MNL_CB_OK;
}

static void claim(void)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *h = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, number);
	int n = SOCKET_BYTES;

	nl = mnl_socket_open(NETLINK_NETFILTER);
	need(nl != NULL && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0, "netlink");
	need(setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &n, sizeof(n)) == 0,
	        "SO_RCVBUFFORCE");
	nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(h, NFQNL_COPY_PACKET, 0xffff);
	nfq_nlmsg_cfg_put_qmaxlen(h, QUEUE_PACKETS);
	mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	h->nlmsg_flags |= NLM_F_ACK;
	send_message(h);
}

int main(int argc, char **argv)
{
	static char buf[PACKET_BYTES] __attribute__((aligned(8)));
	bool ready = false;
	ssize_t n;

	need(argc == 2, "usage: accept_all QUEUE");
	number = (uint16_t)atoi(argv[1]);
	claim();
	for (;;) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0 && errno == ENOBUFS)
			continue;
		need(n > 0, "receive");
		need(mnl_cb_run(buf, (size_t)n, 0, 0, take_packet, NULL) >= 0, "the kernel answered");
		if (!ready) { /* the first thing to come is its answer to claim() */
			puts("ready");
			fflush(stdout);
			ready = true;
		}
	}
}
