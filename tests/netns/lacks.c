/* lacks.c - lets a program meet a kernel that lacks something (LD_PRELOAD).
 *
 * LACKS in the environment: words, separated by spaces.
 *   nfnetlink       the socket is asked for under a protocol number that nobody has
 *   subsystem:N     messages to subsystem N of nfnetlink go to a number that nobody has
 *   expression:X    expressions X of rules get a name that nobody has
 *   strip           TCP options cannot be taken out of packets, as before Linux 5.18
 *   verdicts        verdicts cannot be sent: ENOBUFS
 *   queue           with the first verdict the queue is given back to the kernel
 *   batches:FILE    while there is such a file, changes of nf_tables cannot be sent: ENOBUFS
 *   buffers         the socket's send buffer stays small, as where it may not be forced
 *
 * The first three change what is asked, so that the kernel itself gives the answer of one that lacks
 * it. Rejected: a kernel for each fault.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

enum {
	NOBODYS_PROTOCOL = 30,
	NOBODYS_SUBSYSTEM = 0x70,
	VERDICT = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT
};

typedef ssize_t (*sender)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);

static sender real_sendto(void)
{
	sender real;

	*(void **)&real = dlsym(RTLD_NEXT, "sendto");
	return real;
}

/* The next word of LACKS that begins so, behind its beginning; *at is where to look from. */
static const char *next_lack(const char **at, const char *beginning)
{
	const size_t n = strlen(beginning);

	for (const char *word = *at; word && *word; word += strcspn(word, " "), word += strspn(word, " "))
		if (strncmp(word, beginning, n) == 0) {
			*at = word + n;
			return word + n;
		}
	return NULL;
}

static bool lacks(const char *word)
{
	const char *at = getenv("LACKS");

	return next_lack(&at, word) != NULL;
}

int socket(int family, int type, int protocol)
{
	int (*real)(int, int, int);

	*(void **)&real = dlsym(RTLD_NEXT, "socket");
	if (family == AF_NETLINK && protocol == NETLINK_NETFILTER && lacks("nfnetlink"))
		protocol = NOBODYS_PROTOCOL;
	return real(family, type, protocol);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int (*real)(int, int, int, const void *, socklen_t);
	const int small = 4096;

	*(void **)&real = dlsym(RTLD_NEXT, "setsockopt");
	if (level == SOL_SOCKET && (name == SO_SNDBUFFORCE || name == SO_SNDBUF) && lacks("buffers"))
		return real(fd, level, SO_SNDBUF, &small, sizeof(small));
	return real(fd, level, name, value, len);
}

/* The attribute header and name of an expression, found anywhere in the message. */
static void rename_expression(char *bytes, size_t len, const char *name, size_t name_len)
{
	const struct nlattr a = { (unsigned short)(sizeof(a) + name_len + 1), NFTA_EXPR_NAME };
	char wanted[64] = { 0 };
	char *found = bytes;

	memcpy(wanted, &a, sizeof(a));
	memcpy(wanted + sizeof(a), name, name_len);
	while ((found = memmem(found, len - (size_t)(found - bytes), wanted, sizeof(a) + name_len + 1)))
		found[sizeof(a) + name_len - 1] = '~';
}

/* The kernel has no such operation: an option's number and, right behind it, what is to be done. What libmnl
 * pads with is anything. */
static void lose_strip(char *bytes, size_t len)
{
	static const char option[] = { 5, 0, NFTA_EXTHDR_TYPE, 0, 30 };
	static const char strip[] = { 8, 0, NFTA_EXTHDR_OP, 0, 0, 0, 0, NFT_EXTHDR_OP_TCPOPT };
	const size_t at = NLA_ALIGN(sizeof(option));
	char *found = bytes;

	for (; (found = memmem(found, len - (size_t)(found - bytes), option, sizeof(option))); found++)
		if (found + at + sizeof(strip) <= bytes + len &&
		        memcmp(found + at, strip, sizeof(strip)) == 0)
			found[at + sizeof(strip) - 1] = (char)(NFT_EXTHDR_OP_MAX + 1);
}

static bool loses_batches(void)
{
	const char *at = getenv("LACKS"), *word = next_lack(&at, "batches:");
	char path[256];

	if (!word)
		return false;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(word, " "), word);
	return access(path, F_OK) == 0;
}

static void misdirect(char *bytes, size_t len)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)bytes;
	const char *at = getenv("LACKS"), *word;

	while ((word = next_lack(&at, "subsystem:")))
		if (h->nlmsg_type >> 8 == atoi(word))
			h->nlmsg_type = (unsigned short)(NOBODYS_SUBSYSTEM << 8 | (h->nlmsg_type & 0xff));
	if (lacks("strip"))
		lose_strip(bytes, len);
	at = getenv("LACKS");
	while ((word = next_lack(&at, "expression:")))
		rename_expression(bytes, len, word, strcspn(word, " "));
}

/* Unbinds the queue that this verdict belongs to. */
static void give_back(int fd, const struct nlmsghdr *verdict, const struct sockaddr *to, socklen_t to_len)
{
	struct {
		struct nlmsghdr header;
		struct nfgenmsg family;
		struct nlattr attribute;
		struct nfqnl_msg_config_cmd command;
	} m = {
		.header = { sizeof(m), NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG, NLM_F_REQUEST, 0, 0 },
		.family = *(const struct nfgenmsg *)(const void *)(verdict + 1),
		.attribute = { sizeof(m.attribute) + sizeof(m.command), NFQA_CFG_CMD },
		.command = { .command = NFQNL_CFG_CMD_UNBIND },
	};

	(void)real_sendto()(fd, &m, sizeof(m), 0, to, to_len);
}

ssize_t sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	const struct nlmsghdr *h = bytes;
	char *copy;
	ssize_t n;

	if (!to || to->sa_family != AF_NETLINK || len < sizeof(*h) + sizeof(struct nfgenmsg))
		return real_sendto()(fd, bytes, len, flags, to, to_len);
	if ((h->nlmsg_type == VERDICT && lacks("verdicts")) ||
	        (h->nlmsg_type == NFNL_MSG_BATCH_BEGIN && loses_batches())) {
		errno = ENOBUFS;
		return -1;
	}
	if (h->nlmsg_type == VERDICT && lacks("queue"))
		give_back(fd, h, to, to_len);
	copy = malloc(len);
	if (!copy)
		return -1;
	memcpy(copy, bytes, len);
	misdirect(copy, len);
	n = real_sendto()(fd, copy, len, flags, to, to_len);
	free(copy);
	return n;
}
