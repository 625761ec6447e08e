/* conntrack_entries.h - entries of the kernel's connection tracking, as netlink messages. */
#ifndef UNIT_CONNTRACK_ENTRIES_H
#define UNIT_CONNTRACK_ENTRIES_H

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/addr.h"
#include "postern/event.h"

enum { ENTRY_LEFT_S = 600 };

struct entry_tuple {
	const char *src;
	uint16_t sport;
	const char *dst;
	uint16_t dport;
};

/* The first packet as it came, and an answer as it comes. */
struct entry {
	struct entry_tuple original, reply;
};

static inline struct addr entry_addr(const char *text)
{
	struct addr a;
	int bad = addr_parse(text, &a);

	assert(!bad);
	return a;
}

static inline struct event_connection entry_connection(const struct entry_tuple *t)
{
	return (struct event_connection) {
		.src = entry_addr(t->src), .dst = entry_addr(t->dst), .sport = t->sport, .dport = t->dport
	};
}

static inline void entry_put_addr(struct nlmsghdr *h, const char *text, uint16_t v4, uint16_t v6)
{
	struct addr a = entry_addr(text);

	if (addr_is_v4(&a))
		mnl_attr_put(h, v4, 4, a.b + 12);
	else
		mnl_attr_put(h, v6, 16, a.b);
}

static inline void entry_put_tuple(struct nlmsghdr *h, uint16_t which, const struct entry_tuple *t)
{
	struct nlattr *tuple = mnl_attr_nest_start(h, which), *part;

	part = mnl_attr_nest_start(h, CTA_TUPLE_IP);
	entry_put_addr(h, t->src, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
	entry_put_addr(h, t->dst, CTA_IP_V4_DST, CTA_IP_V6_DST);
	mnl_attr_nest_end(h, part);
	part = mnl_attr_nest_start(h, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(h, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(h, CTA_PROTO_SRC_PORT, htons(t->sport));
	mnl_attr_put_u16(h, CTA_PROTO_DST_PORT, htons(t->dport));
	mnl_attr_nest_end(h, part);
	mnl_attr_nest_end(h, tuple);
}

/* As the kernel tells an entry, and as it is told to make one. */
static inline struct nlmsghdr *entry_message(void *buffer, const struct entry *e)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *family = mnl_nlmsg_put_extra_header(h, sizeof(*family));

	h->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	family->nfgen_family = strchr(e->original.src, ':') ? AF_INET6 : AF_INET;
	family->version = NFNETLINK_V0;
	entry_put_tuple(h, CTA_TUPLE_ORIG, &e->original);
	entry_put_tuple(h, CTA_TUPLE_REPLY, &e->reply);
	mnl_attr_put_u32(h, CTA_TIMEOUT, htonl(ENTRY_LEFT_S));
	return h;
}

#endif
