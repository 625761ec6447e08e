/* kernel.c - what the kernel tells about changes of nf_tables by others.
 *
 * After each transaction it sends a message for each object that has come or gone, and at the end one with the new
 * generation and the process that asked for it (NEWGEN). All of them carry the netlink port of that process' socket, so
 * our own are told from those of others, whoever else may run under our name. They are not even queued to us: a filter
 * drops them, but for NEWGEN. A block list of 50,000 would overrun the socket otherwise.
 *
 * Objects that the kernel takes away by itself (elements whose time is over) are not told by it.
 *
 * Limits: TURN_MAX datagrams in one read. A process that has ended since has its name here all the same.
 *
 * Sources: net/netfilter/nf_tables_api.c (nf_tables_commit_notify(), nf_tables_gen_notify()), net/core/filter.c.
 */
#include "tap/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "tap/netlink.h"

enum {
	TURN_MAX = 256,
	DATAGRAM_BYTES = 0x10000,
	SOCKET_RECEIVE_BYTES = 8 << 20,
	SOCKET_SEND_BYTES = 1 << 16,
	ATTRIBUTE_MAX = 16,
	OBJECT_MAX = 64,
	TABLE_ATTRIBUTE = 1 /* in all these messages */
};

/* What can be told: the message, what it says, which attribute has the name, and whether packets may have taken another
 * way because of it. */
static const struct {
	uint16_t type, name;
	bool opens;
	const char *words;
} kinds[] = {
	{ NFT_MSG_DELTABLE, 0, true, "table deleted" },
	{ NFT_MSG_NEWTABLE, 0, true, "table made or changed" },
	{ NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, true, "chain made or changed:" },
	{ NFT_MSG_DELCHAIN, NFTA_CHAIN_NAME, true, "chain deleted:" },
	{ NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, true, "rule added to" },
	{ NFT_MSG_DELRULE, NFTA_RULE_CHAIN, true, "rule deleted from" },
	{ NFT_MSG_NEWSET, NFTA_SET_NAME, false, "set made:" },
	{ NFT_MSG_DELSET, NFTA_SET_NAME, false, "set deleted:" },
	{ NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_SET, true, "element added to" },
	{ NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_SET, true, "element deleted from" },
	{ NFT_MSG_NEWOBJ, NFTA_OBJ_NAME, false, "object made:" },
	{ NFT_MSG_DELOBJ, NFTA_OBJ_NAME, false, "object deleted:" },
	{ NFT_MSG_NEWFLOWTABLE, NFTA_FLOWTABLE_NAME, false, "flow table made:" },
	{ NFT_MSG_DELFLOWTABLE, NFTA_FLOWTABLE_NAME, false, "flow table deleted:" },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), KIND_TABLE_DELETED = 0 };

struct kernel_tap {
	struct mnl_socket *socket;
	uint32_t own_port;
	uint32_t generation;
	struct {
		unsigned count;
		bool others; /* of other names */
		char name[OBJECT_MAX];
	} done[KINDS]; /* in the transaction that is being read */
	uint8_t datagram[DATAGRAM_BYTES] __attribute__((aligned(8)));
};

/* ---- setting up ----------------------------------------------------------------------------- */

/* Our own messages stay in the kernel, but for those that say that a transaction is over. The fields are in the order
 * of this machine, and the filter reads them as if they came from the network. */
static int filter_own(const struct kernel_tap *k)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN), 2, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(k->own_port), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(
	               mnl_socket_get_fd(k->socket), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))
	               ? -errno
	               : 0;
}

static int join(struct kernel_tap *k)
{
	int group = NFNLGRP_NFTABLES, r;

	k->socket = netlink_open(SOCKET_RECEIVE_BYTES, SOCKET_SEND_BYTES);
	if (!k->socket)
		return -errno;
	r = filter_own(k);
	if (r == 0 && mnl_socket_setsockopt(k->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		r = -errno;
	return r;
}

struct kernel_tap *kernel_tap_new(uint32_t own_port)
{
	struct kernel_tap *k = calloc(1, sizeof(*k));

	if (k)
		k->own_port = own_port;
	return k;
}

struct kernel_tap *kernel_tap_open(uint32_t own_port, char *err, unsigned err_bytes)
{
	struct kernel_tap *k = kernel_tap_new(own_port);
	int r = k ? join(k) : -ENOMEM;

	if (r == 0)
		return k;
	snprintf(
	        err, err_bytes, "the kernel does not tell what others change in nf_tables: %s", strerror(-r));
	kernel_tap_close(k);
	errno = -r;
	return NULL;
}

void kernel_tap_close(struct kernel_tap *k)
{
	if (k && k->socket)
		mnl_socket_close(k->socket);
	free(k);
}

int kernel_tap_fd(const struct kernel_tap *k)
{
	return mnl_socket_get_fd(k->socket);
}

uint32_t kernel_tap_generation(const struct kernel_tap *k)
{
	return k->generation;
}

/* ---- one transaction ------------------------------------------------------------------------- */

/* Text of an attribute; false if it is none that ends. */
static bool read_text(const struct nlattr *a, char *out, size_t room)
{
	if (!a || mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0)
		return false;
	snprintf(out, room, "%s", mnl_attr_get_str(a));
	return true;
}

static bool is_about(const struct nlmsghdr *h, const struct nlattr **attributes, const char *table)
{
	const struct nfgenmsg *family = mnl_nlmsg_get_payload(h);
	char name[NFT_NAME_MAXLEN];

	return family->nfgen_family == NFPROTO_INET &&
	       read_text(attributes[TABLE_ATTRIBUTE], name, sizeof(name)) && strcmp(name, table) == 0;
}

static void note(struct kernel_tap *k, const struct nlmsghdr *h, const char *table)
{
	const struct nlattr *attributes[ATTRIBUTE_MAX + 1];
	char name[OBJECT_MAX] = "";

	netlink_read_attributes(h, attributes, ATTRIBUTE_MAX);
	for (unsigned i = 0; i < KINDS; i++) {
		if (NFNL_MSG_TYPE(h->nlmsg_type) != kinds[i].type || !is_about(h, attributes, table))
			continue;
		if (kinds[i].name)
			(void)read_text(attributes[kinds[i].name], name, sizeof(name));
		if (k->done[i].count++ == 0)
			memcpy(k->done[i].name, name, sizeof(name));
		else
			k->done[i].others |= strcmp(k->done[i].name, name) != 0;
	}
}

/* Appends as much as there is room for. */
static void append(char *what, const char *text)
{
	size_t len = strlen(what);

	snprintf(what + len, KERNEL_WHAT_MAX - len, "%s", text);
}

static void print_kind(const struct kernel_tap *k, unsigned kind, char *what)
{
	char text[2 * OBJECT_MAX + 32];

	if (*what)
		append(what, ", ");
	append(what, kinds[kind].words);
	if (kinds[kind].name) {
		snprintf(text, sizeof(text), " %s%s", k->done[kind].name,
		        k->done[kind].others ? " and others" : "");
		append(what, text);
	}
	if (k->done[kind].count > 1) {
		snprintf(text, sizeof(text), " (%u)", k->done[kind].count);
		append(what, text);
	}
}

/* With the table went all that was in it. */
static void print_done(const struct kernel_tap *k, struct kernel_notice *n)
{
	bool gone = k->done[KIND_TABLE_DELETED].count > 0;

	for (unsigned i = 0; i < KINDS; i++) {
		n->touched |= k->done[i].count > 0;
		n->opened |= k->done[i].count > 0 && kinds[i].opens;
		if (k->done[i].count > 0 && (!gone || i == KIND_TABLE_DELETED))
			print_kind(k, i, n->what);
	}
}

/* The end of a transaction. */
static void end(struct kernel_tap *k, const struct nlmsghdr *h, kernel_sink sink, void *arg)
{
	const struct nlattr *attributes[ATTRIBUTE_MAX + 1];
	struct kernel_notice n = { .touched = false };

	netlink_read_attributes(h, attributes, ATTRIBUTE_MAX);
	k->generation = netlink_read_u32(attributes[NFTA_GEN_ID]);
	if (h->nlmsg_pid != k->own_port) {
		n.pid = netlink_read_u32(attributes[NFTA_GEN_PROC_PID]);
		(void)read_text(attributes[NFTA_GEN_PROC_NAME], n.name, sizeof(n.name));
		print_done(k, &n);
		sink(arg, &n);
	}
	memset(k->done, 0, sizeof(k->done));
}

void kernel_tap_take(
        struct kernel_tap *k, const void *bytes, size_t len, const char *table, kernel_sink sink, void *arg)
{
	const struct nlmsghdr *h = bytes;
	int left = (int)len;

	/* mnl_nlmsg_ok() takes a length of 2^31 or more as fitting */
	for (; mnl_nlmsg_ok(h, left) && h->nlmsg_len <= (uint32_t)left; h = mnl_nlmsg_next(h, &left)) {
		if (NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
		        mnl_nlmsg_get_payload_len(h) < sizeof(struct nfgenmsg))
			continue;
		if (NFNL_MSG_TYPE(h->nlmsg_type) == NFT_MSG_NEWGEN)
			end(k, h, sink, arg);
		else if (h->nlmsg_pid != k->own_port)
			note(k, h, table);
	}
}

bool kernel_tap_read(struct kernel_tap *k, const char *table, kernel_sink sink, void *arg)
{
	bool lost = false;

	for (unsigned i = 0; i < TURN_MAX; i++) {
		ssize_t n = recv(mnl_socket_get_fd(k->socket), k->datagram, sizeof(k->datagram), 0);

		if (n < 0 && errno == ENOBUFS) { /* what was begun is not the next one's */
			memset(k->done, 0, sizeof(k->done));
			lost = true;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		kernel_tap_take(k, k->datagram, (size_t)n, table, sink, arg);
	}
	return lost;
}
