/* conntrack.c - asks the kernel's connection tracking how a connection was translated, and how long ago it was heard.
 *
 * An entry has two tuples: `original`, the first packet as it came, and `reply`, an answer as it comes. In the
 * hooks where we stand the client is still itself, and the server is the one behind a DNAT already. So
 *
 *   only the client is translated (masquerading): what we see is the original tuple,
 *   only the server is (DNAT):                    what we see, turned round, is the reply tuple,
 *
 * and the outside sees the client of the reply tuple and the server of the original one. The kernel finds entries
 * by whole tuples, so one of which both ends are translated could be found in a dump of all of them only.
 * Where tracking was lost and began again with a packet of the server, `original` is what goes to the client.
 *
 * Rejected: conntrack data with queued packets (NFQA_CT needs NETFILTER_NETLINK_GLUE_CT, which kernels may lack);
 * conntrack events of all new connections (of all ports, as many as pass the gateway).
 *
 * Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h.
 */
#include "tap/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "tap/netlink.h"

enum { SOCKET_BYTES = 65536 };

struct conntrack {
	struct mnl_socket *socket;
	uint32_t seq;
};

struct tuple {
	struct addr src, dst;
	uint16_t sport, dport;
};

struct conntrack *conntrack_open(void)
{
	struct conntrack *c = calloc(1, sizeof(*c));
	int error;

	if (!c)
		return NULL;
	c->socket = netlink_open(SOCKET_BYTES, SOCKET_BYTES);
	if (c->socket)
		return c;
	error = errno;
	free(c);
	errno = error;
	return NULL;
}

void conntrack_close(struct conntrack *c)
{
	if (!c)
		return;
	mnl_socket_close(c->socket);
	free(c);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void put_addr(struct nlmsghdr *h, const struct addr *a, uint16_t v4, uint16_t v6)
{
	if (addr_is_v4(a))
		mnl_attr_put(h, v4, 4, a->b + sizeof(a->b) - 4);
	else
		mnl_attr_put(h, v6, sizeof(a->b), a->b);
}

static void put_tuple(struct nlmsghdr *h, uint16_t which, const struct tuple *t)
{
	struct nlattr *tuple = mnl_attr_nest_start(h, which), *part;

	part = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	put_addr(h, &t->src, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
	put_addr(h, &t->dst, CTA_IP_V4_DST, CTA_IP_V6_DST);
	mnl_attr_nest_end(h, part);
	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(t->sport));
	mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(t->dport));
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
}

static int send_question(struct conntrack *c, uint16_t which, const struct tuple *t)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *family;

	h->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = ++c->seq;
	family = mnl_nlmsg_put_extra_header(h, sizeof(*family));
	family->nfgen_family = addr_is_v4(&t->src) ? AF_INET : AF_INET6;
	family->version = NFNETLINK_V0;
	put_tuple(h, which, t);
	return mnl_socket_sendto(c->socket, h, h->nlmsg_len) < 0 ? -errno : 0;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static const struct nlattr *find_in(const struct nlattr *in, uint16_t type, uint16_t bytes)
{
	const struct nlattr *a;

	if (in)
		mnl_attr_for_each_nested(a, in) if (mnl_attr_get_type(a) == type &&
		                                    mnl_attr_get_payload_len(a) >= bytes) return a;
	return NULL;
}

static bool read_addr(const struct nlattr *ip, uint16_t v4, uint16_t v6, struct addr *out)
{
	const struct nlattr *four = find_in(ip, v4, 4), *six = find_in(ip, v6, sizeof(out->b));

	if (four)
		*out = addr_from_v4(mnl_attr_get_payload(four));
	else if (six)
		*out = addr_from_v6(mnl_attr_get_payload(six));
	return four || six;
}

static bool read_port(const struct nlattr *proto, uint16_t type, uint16_t *out)
{
	const struct nlattr *a = find_in(proto, type, sizeof(*out));

	if (a)
		*out = ntohs(mnl_attr_get_u16(a));
	return a != NULL;
}

static bool read_tuple(const struct nlattr *tuple, struct tuple *out)
{
	const struct nlattr *ip = find_in(tuple, CTA_TUPLE_IP, 0),
	                    *proto = find_in(tuple, CTA_TUPLE_PROTO, 0);

	return read_addr(ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &out->src) &&
	       read_addr(ip, CTA_IP_V4_DST, CTA_IP_V6_DST, &out->dst) &&
	       read_port(proto, CTA_PROTO_SRC_PORT, &out->sport) &&
	       read_port(proto, CTA_PROTO_DST_PORT, &out->dport);
}

static bool begins_at(const struct tuple *t, const struct event_connection *conn)
{
	return addr_compare(&t->src, &conn->src) == 0 && t->sport == conn->sport;
}

/* From FIN_WAIT on an end of it is on its way. */
static bool read_closes(const struct nlattr *info)
{
	const struct nlattr *state =
	        find_in(find_in(info, CTA_PROTOINFO_TCP, 0), CTA_PROTOINFO_TCP_STATE, sizeof(uint8_t));

	return state && mnl_attr_get_u8(state) >= TCP_CONNTRACK_FIN_WAIT &&
	       mnl_attr_get_u8(state) <= TCP_CONNTRACK_CLOSE;
}

static int read_entry(
        const struct nlmsghdr *h, const struct event_connection *conn, struct conntrack_entry *out)
{
	const struct nlattr *of[CTA_TIMEOUT + 1];
	const struct tuple *to_client, *to_server;
	struct tuple original, reply;

	netlink_read_attributes(h, of, CTA_TIMEOUT);
	if (!read_tuple(of[CTA_TUPLE_ORIG], &original) || !read_tuple(of[CTA_TUPLE_REPLY], &reply))
		return -EBADMSG;
	to_server = begins_at(&original, conn) ? &original : &reply;
	to_client = to_server == &original ? &reply : &original;
	out->nat = (struct event_nat) {
		.src = to_client->dst,
		.sport = to_client->dport,
		.dst = to_server->dst,
		.dport = to_server->dport,
	};
	out->left_s = of[CTA_TIMEOUT] && mnl_attr_get_payload_len(of[CTA_TIMEOUT]) >= sizeof(uint32_t)
	                      ? ntohl(mnl_attr_get_u32(of[CTA_TIMEOUT]))
	                      : 0;
	out->closes = read_closes(of[CTA_PROTOINFO]);
	return 0;
}

int conntrack_read(const void *answer, size_t len, uint32_t seq, const struct event_connection *conn,
        struct conntrack_entry *out)
{
	const struct nlmsghdr *h = answer;

	if (len > INT_MAX || !mnl_nlmsg_ok(h, (int)len) || h->nlmsg_seq != seq)
		return -ENOMSG;
	if (h->nlmsg_type == NLMSG_ERROR && mnl_nlmsg_get_payload_len(h) >= sizeof(struct nlmsgerr))
		return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error;
	return h->nlmsg_type == ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW) ? read_entry(h, conn, out)
	                                                                           : -EBADMSG;
}

/* The kernel has answered inside of the send call, so nothing is waited for. */
static int read_answer(struct conntrack *c, const struct event_connection *conn, struct conntrack_entry *out)
{
	char buf[8192] __attribute__((aligned(8)));
	ssize_t got;
	int r;

	do {
		got = recv(mnl_socket_get_fd(c->socket), buf, sizeof(buf), MSG_DONTWAIT);
		if (got < 0)
			return -errno;
		r = conntrack_read(buf, (size_t)got, c->seq, conn, out);
	} while (r == -ENOMSG); /* of an older question */
	return r;
}

static int ask(struct conntrack *c, const struct event_connection *conn, struct conntrack_entry *out)
{
	const struct tuple seen = { conn->src, conn->dst, conn->sport, conn->dport };
	const struct tuple turned = { conn->dst, conn->src, conn->dport, conn->sport };
	int r = send_question(c, CTA_TUPLE_ORIG, &seen);

	if (r == 0)
		r = read_answer(c, conn, out);
	if (r != -ENOENT)
		return r;
	r = send_question(c, CTA_TUPLE_REPLY, &turned);
	return r == 0 ? read_answer(c, conn, out) : r;
}

int conntrack_find(struct conntrack *c, const struct event_connection *conn, struct event_nat *out)
{
	struct conntrack_entry e = { .left_s = 0 };
	int r = ask(c, conn, &e);

	if (r == 0)
		*out = e.nat;
	return r;
}

int conntrack_left_s(struct conntrack *c, const struct event_connection *conn, uint32_t *left_s)
{
	struct conntrack_entry e = { .left_s = 0 };
	int r = ask(c, conn, &e);

	if (r == 0)
		*left_s = e.left_s;
	return r;
}

int conntrack_closes(struct conntrack *c, const struct event_connection *conn)
{
	struct conntrack_entry e = { .left_s = 0 };
	int r = ask(c, conn, &e);

	return r == 0 ? e.closes : r;
}
