/* netns.h - a network namespace of its own for a test program that needs a real kernel. It is gone
 * with the process. Needs root; a test that cannot have one says so and leaves, and run.sh shows it. */
#ifndef UNIT_NETNS_H
#define UNIT_NETNS_H

#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* Enters a new namespace with its loopback up, once in a process. False: not possible, said. */
static inline bool netns_enter(void)
{
	static int state; /* 1 = inside, -1 = not possible */

	if (state == 0) {
		state = unshare(CLONE_NEWNET) == 0 && netns_set_loopback(true) ? 1 : -1;
		if (state < 0)
			printf("\nSKIPPED: no network namespace can be made (this needs root)\n");
	}
	return state > 0;
}

/* Runs a line of nft syntax, silently. */
static inline bool netns_nft(const char *line)
{
	char command[1024];

	snprintf(command, sizeof(command), "nft '%s' 2>/dev/null", line);
	return system(command) == 0;
}

#endif
