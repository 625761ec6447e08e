/* netns.h - for tests that need a real kernel: network namespaces of their own, and so root.
 *
 * Including it is enough: without root, or where namespaces cannot be made, the program says SKIPPED
 * with the reason and leaves before any test, and run.sh shows it; else the program begins in a fresh
 * namespace with its loopback up. Namespaces vanish with the program.
 */
#ifndef UNIT_NETNS_H
#define UNIT_NETNS_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Enters a new, empty network namespace and returns a descriptor of it. */
static inline int netns_new(void)
{
	int bad = unshare(CLONE_NEWNET), fd;

	assert(!bad);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert(fd >= 0);
	return fd;
}

static inline void netns_enter(int fd)
{
	int bad = setns(fd, CLONE_NEWNET);

	assert(!bad);
}

/* Runs a command in the namespace of this thread; returns what it printed, and its exit status in
 * *status unless that is NULL. Caller frees. */
static inline char *netns_shell(int *status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline char *netns_shell(int *status, const char *format, ...)
{
	char command[4096], *text = NULL;
	size_t len = 0, got;
	FILE *pipe, *out = open_memstream(&text, &len);
	va_list list;
	int left;

	va_start(list, format);
	vsnprintf(command, sizeof(command), format, list);
	va_end(list);
	pipe = popen(command, "re");
	assert(pipe && out);
	while ((got = fread(command, 1, sizeof(command), pipe)) > 0)
		fwrite(command, 1, got, out);
	left = pclose(pipe);
	fclose(out);
	if (status)
		*status = left;
	return text;
}

static inline bool netns_set_loopback(bool up)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_flags = (short)(up ? IFF_UP | IFF_RUNNING : 0) };
	int r;

	strcpy(request.ifr_name, "lo");
	r = ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return r == 0;
}

/* Runs a line of nft syntax, silently. */
static inline bool netns_nft(const char *line)
{
	int status;

	free(netns_shell(&status, "nft '%s' 2>/dev/null", line));
	return status == 0;
}

__attribute__((constructor)) static void netns_begin(void)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && netns_set_loopback(true))
		return;
	printf("SKIPPED: cannot make a network namespace (%s): run as root\n",
	        geteuid() == 0 ? strerror(errno) : "not root");
	fflush(stdout);
	_exit(0);
}

#endif
