/* addresses.c - see addresses.h.
 *
 * One socket listens for changes, another asks for all addresses (RTM_GETADDR): a notice says that something has
 * changed, and what is told by asking is complete, whatever was missed meanwhile.
 *
 * Limits: addresses of this network namespace; what others translate to us is not among them.
 * Sources: rtnetlink(7); RFC 3549.
 */
#include "tap/addresses.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct addresses {
	struct mnl_socket *notices;
	struct addr *list; /* sorted */
	size_t count;
};

struct reading {
	struct addr *list;
	size_t count, room;
	bool no_memory;
};

static void keep(struct reading *r, const struct addr *a)
{
	size_t room = r->room ? 2 * r->room : 64;
	void *bigger;

	if (r->count == r->room) {
		bigger = reallocarray(r->list, room, sizeof(*r->list));
		if (!bigger) {
			r->no_memory = true;
			return;
		}
		r->list = bigger;
		r->room = room;
	}
	r->list[r->count++] = *a;
}

/* On a point-to-point link IFA_ADDRESS is the other end and IFA_LOCAL we; IPv6 has the first alone. */
static int see_address(const struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a, *local = NULL;
	struct addr address;

	if (h->nlmsg_type != RTM_NEWADDR)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(*m))
	{
		if (mnl_attr_get_type(a) == IFA_LOCAL || (mnl_attr_get_type(a) == IFA_ADDRESS && !local))
			local = a;
	}
	if (local && m->ifa_family == AF_INET && mnl_attr_get_payload_len(local) == 4) {
		address = addr_from_v4(mnl_attr_get_payload(local));
		keep(arg, &address);
	} else if (local && m->ifa_family == AF_INET6 && mnl_attr_get_payload_len(local) == 16) {
		address = addr_from_v6(mnl_attr_get_payload(local));
		keep(arg, &address);
	}
	return MNL_CB_OK;
}

static int ask(struct reading *r)
{
	char bytes[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct nlmsghdr *h = mnl_nlmsg_put_header(bytes);
	uint32_t seq = (uint32_t)time(NULL);
	int more = -1;
	ssize_t got;

	if (!nl)
		return -errno;
	h->nlmsg_type = RTM_GETADDR;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = seq;
	mnl_nlmsg_put_extra_header(h, sizeof(struct ifaddrmsg));
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 && mnl_socket_sendto(nl, h, h->nlmsg_len) >= 0)
		do {
			got = mnl_socket_recvfrom(nl, bytes, sizeof(bytes));
			more = got < 0 ? -1
			               : mnl_cb_run(bytes, (size_t)got, seq, mnl_socket_get_portid(nl),
			                         see_address, r);
		} while (more > 0);
	more = more < 0 ? -errno : r->no_memory ? -ENOMEM : 0;
	mnl_socket_close(nl);
	return more;
}

static int compare(const void *a, const void *b)
{
	return addr_compare(a, b);
}

static int read_all(struct reading *r)
{
	enum { TRIES = 20 };
	int error = -EINTR;

	for (unsigned i = 0; i < TRIES && error == -EINTR; i++) { /* changed while it was told */
		r->count = 0;
		error = ask(r);
	}
	if (!error && r->count > 0)
		qsort(r->list, r->count, sizeof(*r->list), compare);
	return error;
}

struct addresses *addresses_open(void)
{
	struct addresses *a = calloc(1, sizeof(*a));
	int r = -ENOMEM;

	if (a) {
		a->notices = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
		r = !a->notices || mnl_socket_bind(a->notices, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
		                           MNL_SOCKET_AUTOPID) < 0
		            ? -errno
		            : addresses_update(a);
	}
	if (r >= 0)
		return a;
	addresses_close(a);
	errno = -r;
	return NULL;
}

void addresses_close(struct addresses *a)
{
	if (!a)
		return;
	if (a->notices)
		mnl_socket_close(a->notices);
	free(a->list);
	free(a);
}

int addresses_fd(const struct addresses *a)
{
	return mnl_socket_get_fd(a->notices);
}

int addresses_update(struct addresses *a)
{
	char notice[8192];
	struct reading r = { .count = 0 };
	bool same;
	int error;

	while (recv(mnl_socket_get_fd(a->notices), notice, sizeof(notice), MSG_DONTWAIT) >= 0 ||
	        errno == ENOBUFS)
		;
	error = read_all(&r);
	same = !error && r.count == a->count &&
	       (r.count == 0 || memcmp(r.list, a->list, r.count * sizeof(*r.list)) == 0);
	if (error || same) {
		free(r.list);
		return error;
	}
	free(a->list);
	a->list = r.list;
	a->count = r.count;
	return 1;
}

const struct addr *addresses_find(const struct addresses *a, const struct prefix *prefix)
{
	for (size_t i = 0; i < a->count; i++)
		if (prefix_contains(prefix, &a->list[i]))
			return &a->list[i];
	return NULL;
}
