/* claim.c - who guards a table: at most one process in a network namespace.
 *
 * A claim is a listening socket in the abstract namespace, "postern/TABLE". Abstract names belong to the
 * network namespace, as tables do, and go with their process, however that ends. Who connects learns the
 * holder's number from the kernel, and its end by the connection's end.
 *
 * Limits: anybody in the namespace may take a free name. A holder that is neither root nor our own user
 * therefore counts for nothing: it is told, does not keep us from starting, and is never ended.
 *
 * Rejected: a file with a process number (one for all namespaces, stays behind after a crash, its number
 * may be somebody else's by then); the owner flag of nf_tables (6.9 and later).
 *
 * Sources: unix(7), pidfd_open(2).
 */
#include "gate/claim.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t make_name(struct sockaddr_un *name, const char *table)
{
	*name = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(name->sun_path + 1, sizeof(name->sun_path) - 1, "postern/%s", table);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name->sun_path + 1));
}

/* A connection to the holder and who that is, or -errno; -ENOENT: nobody. */
static int find_holder(const char *table, struct ucred *who)
{
	struct sockaddr_un name;
	socklen_t name_len = make_name(&name, table), len = sizeof(*who);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&name, name_len) ||
	        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &len))
		error = errno == ECONNREFUSED ? ENOENT : errno;
	if (!error)
		return fd;
	close(fd);
	return -error;
}

static bool is_one_of_us(const struct ucred *who)
{
	return who->uid == 0 || who->uid == geteuid();
}

/* 0: by somebody who has no right to; or EBUSY. */
static int explain_taken(const char *table, char *err, unsigned err_bytes)
{
	struct ucred who = { .pid = 0 };
	int fd = find_holder(table, &who);

	claim_close(fd);
	if (fd >= 0 && !is_one_of_us(&who)) {
		snprintf(err, err_bytes,
		        "process %d of user %u sits on the name by which a second posternd would be noticed",
		        (int)who.pid, (unsigned)who.uid);
		return 0;
	}
	snprintf(err, err_bytes,
	        "table inet %s is guarded by process %d already: stop it, or set nft.table to another name",
	        table, (int)who.pid);
	return EBUSY;
}

int claim_table(const char *table, char *err, unsigned err_bytes)
{
	struct sockaddr_un name;
	socklen_t len = make_name(&name, table);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&name, len) || listen(fd, 16))
		error = errno;
	snprintf(err, err_bytes, "%s", "");
	if (error == EADDRINUSE)
		error = explain_taken(table, err, err_bytes);
	else if (error)
		snprintf(err, err_bytes, "table inet %s cannot be claimed: %s", table, strerror(error));
	if (!error)
		return fd;
	claim_close(fd);
	errno = error;
	return -1;
}

void claim_close(int claim)
{
	if (claim >= 0)
		close(claim);
}

static bool is_held(int connection, int wait_ms)
{
	struct pollfd p = { .fd = connection };

	return poll(&p, 1, wait_ms) == 0;
}

/* One that waits, if anybody does; -1: nobody, or somebody without a right to. */
static int take_guest(int claim)
{
	struct pollfd p = { .fd = claim, .events = POLLIN };
	struct ucred who = { .pid = 0 };
	socklen_t len = sizeof(who);
	int fd = poll(&p, 1, 0) == 1 ? accept4(claim, NULL, NULL, SOCK_CLOEXEC) : -1;

	if (fd < 0 || (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && is_one_of_us(&who)))
		return fd;
	close(fd);
	return -1;
}

void claim_tick(int claim, int guests[CLAIM_GUESTS_MAX])
{
	for (unsigned i = 0; i < CLAIM_GUESTS_MAX; i++) {
		if (guests[i] >= 0 && !is_held(guests[i], 0)) {
			close(guests[i]);
			guests[i] = -1;
		}
		if (guests[i] < 0)
			guests[i] = take_guest(claim);
	}
}

int claim_holder(const char *table)
{
	struct ucred who = { .pid = 0 };
	int held = find_holder(table, &who);

	claim_close(held);
	return held >= 0 && is_one_of_us(&who) ? who.pid : 0;
}

int claim_end_holder(const char *table, unsigned wait_ms, int *pid)
{
	struct ucred who = { .pid = 0 };
	int held = find_holder(table, &who), process = -1, r = 0;

	*pid = who.pid;
	if (held < 0)
		return held == -ENOENT ? 0 : held;
	if (!is_one_of_us(&who)) {
		close(held);
		return 0;
	}
	process = (int)syscall(SYS_pidfd_open, who.pid, 0);
	if (process < 0)
		r = -errno;
	/* The number still means the holder when its connection stands after the process was opened. */
	if (r == 0 && is_held(held, 0) && syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0))
		r = -errno;
	if (r == 0)
		r = is_held(held, (int)wait_ms) ? -ETIMEDOUT : 1;
	claim_close(process);
	close(held);
	return r;
}
