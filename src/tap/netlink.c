/* netlink.c - an nfnetlink socket, requests with an answer, and words for failed claims.
 *
 * The kernel answers a claim (bind) of a number that another socket holds with EPERM, the same as to
 * a process without CAP_NET_ADMIN. The two are told apart by the kernel's own list of holders under
 * /proc/net/netfilter; the holder's name is found by way of its port id, /proc/net/netlink and the
 * open files of the processes. All this happens only when a start has failed.
 *
 * Limits: a holder in another PID namespace, or a list that only root may read, is named by its port
 * id or not at all.
 *
 * Sources: nfqnl_recv_config() in net/netfilter/nfnetlink_queue.c, nfulnl_recv_config() in
 * net/netfilter/nfnetlink_log.c, netlink_native_seq_show() in net/netlink/af_netlink.c.
 */
#include "tap/netlink.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "postern/packet.h"

enum { ANSWER_WAIT_MS = 5000, HOLDER_TEXT_MAX = 64, SEND_LIMIT_WANTED = 1 << 20 };

/* ---- the socket ---------------------------------------------------------------------------- */

static void force_buffer(struct mnl_socket *s, int forced, int plain, int bytes)
{
	int fd = mnl_socket_get_fd(s);

	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof(bytes));
}

struct mnl_socket *netlink_open(int receive_bytes, int send_bytes)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int e;

	if (!s)
		return NULL;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID)) {
		e = errno;
		mnl_socket_close(s);
		errno = e;
		return NULL;
	}
	force_buffer(s, SO_RCVBUFFORCE, SO_RCVBUF, receive_bytes);
	force_buffer(s, SO_SNDBUFFORCE, SO_SNDBUF, send_bytes);
	return s;
}

static int read_answer(struct mnl_socket *s, uint32_t seq)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = mnl_socket_recvfrom(s, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	n = mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(s), NULL, NULL);
	return n < 0 ? -errno : 0;
}

int netlink_ask(struct mnl_socket *socket, struct nlmsghdr *message)
{
	struct pollfd p = { .fd = mnl_socket_get_fd(socket), .events = POLLIN };
	int r;

	message->nlmsg_flags |= NLM_F_ACK;
	message->nlmsg_seq = 1;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	do {
		r = poll(&p, 1, ANSWER_WAIT_MS);
		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
		r = read_answer(socket, message->nlmsg_seq);
	} while (r == -EAGAIN);
	return r;
}

/* ---- attributes ---------------------------------------------------------------------------- */

void netlink_read_attributes(const struct nlmsghdr *message, const struct nlattr **table, uint16_t max)
{
	const char *end = (const char *)message + message->nlmsg_len;
	const struct nlattr *a = mnl_nlmsg_get_payload_offset(message, sizeof(struct nfgenmsg));

	memset(table, 0, (max + 1U) * sizeof(*table));
	/* mnl_attr_for_each() takes the padding at the end of a message as there; it need not be. */
	while (end - (const char *)a >= (ptrdiff_t)sizeof(*a) && a->nla_len >= sizeof(*a) &&
	        a->nla_len <= end - (const char *)a) {
		if (mnl_attr_get_type(a) <= max)
			table[mnl_attr_get_type(a)] = a;
		a = mnl_attr_next(a);
	}
}

uint32_t netlink_read_u32(const struct nlattr *attribute)
{
	return attribute && mnl_attr_get_payload_len(attribute) >= sizeof(uint32_t)
	               ? ntohl(mnl_attr_get_u32(attribute))
	               : 0;
}

uint8_t netlink_place(uint8_t hook)
{
	return hook == NF_INET_LOCAL_OUT ? PACKET_FROM_SELF : hook == NF_INET_LOCAL_IN ? PACKET_TO_SELF : 0;
}

/* ---- who has it? --------------------------------------------------------------------------- */

/* Port id of the socket that listens on this number; 0 = nobody, or the list cannot be read. */
static uint32_t find_holder(const char *list, uint16_t number)
{
	FILE *f = fopen(list, "re");
	char line[256];
	unsigned n, portid, found = 0;

	if (!f)
		return 0;
	while (!found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%u %u", &n, &portid) == 2 && n == number)
			found = portid;
	fclose(f);
	return found;
}

/* Inode of the netfilter socket with this port id, 0 = not found. */
static unsigned long find_inode(uint32_t portid)
{
	FILE *f = fopen("/proc/net/netlink", "re");
	char line[256];
	unsigned long inode, found = 0;
	unsigned protocol, id;

	if (!f)
		return 0;
	while (!found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %u %u %*s %*s %*s %*s %*s %*s %lu", &protocol, &id, &inode) == 3 &&
		        protocol == NETLINK_NETFILTER && id == portid)
			found = inode;
	fclose(f);
	return found;
}

static bool has_open(const char *pid, const char *wanted)
{
	char path[300], target[64];
	struct dirent *entry;
	bool found = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	if (!d)
		return false;
	while (!found && (entry = readdir(d))) {
		n = readlinkat(dirfd(d), entry->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found = strcmp(target, wanted) == 0;
	}
	closedir(d);
	return found;
}

/* Number of a process that has this socket open, 0 = not found. */
static int find_process(unsigned long inode)
{
	char wanted[64];
	struct dirent *entry;
	int found = 0;
	DIR *d = opendir("/proc");

	if (!d)
		return 0;
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	while (!found && (entry = readdir(d)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && has_open(entry->d_name, wanted))
			found = atoi(entry->d_name);
	closedir(d);
	return found;
}

static void print_holder(uint32_t portid, char buf[HOLDER_TEXT_MAX])
{
	unsigned long inode = find_inode(portid);
	int pid = inode ? find_process(inode) : 0;
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = pid ? fopen(path, "re") : NULL;
	if (f) {
		if (fgets(name, sizeof(name), f))
			name[strcspn(name, "\n")] = '\0';
		fclose(f);
	}
	if (name[0])
		snprintf(buf, HOLDER_TEXT_MAX, "%s (process %d)", name, pid);
	else
		snprintf(buf, HOLDER_TEXT_MAX, "another process (netlink port id %u)", portid);
}

/* ---- what went wrong ----------------------------------------------------------------------- */

int netlink_explain(
        const struct netlink_service *service, uint16_t number, int error, char *err, unsigned err_bytes)
{
	char holder[HOLDER_TEXT_MAX];
	uint32_t portid = 0;

	if (error == -EPERM || error == -EBUSY)
		portid = find_holder(service->list, number);
	if (portid) {
		print_holder(portid, holder);
		snprintf(err, err_bytes, "%s %u is taken by %s: stop it, or %s", service->noun, number,
		        holder, service->remedy);
		return EBUSY;
	}
	switch (error) {
	case -EPERM:
		snprintf(err, err_bytes,
		        "%s %u: not permitted: CAP_NET_ADMIN is needed (run as root, or give the service "
		        "this capability)",
		        service->noun, number);
		break;
	case -EINVAL:
	case -EOPNOTSUPP:
	case -EPROTONOSUPPORT:
		snprintf(err, err_bytes,
		        "%s %u: this kernel has no %s: try `modprobe %s`, or use a kernel that is built with "
		        "it",
		        service->noun, number, service->module, service->module);
		break;
	case -EMSGSIZE:
		snprintf(err, err_bytes,
		        "%s %u: the socket's send buffer is too small: raise net.core.wmem_max to %d",
		        service->noun, number, SEND_LIMIT_WANTED);
		break;
	default:
		snprintf(err, err_bytes, "%s %u: %s", service->noun, number, strerror(-error));
	}
	return -error;
}
