/* test_notify.c - what a service manager hears, on a socket of either kind. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "posternd/notify.h"
#include "suite.h"

/* A manager's socket; `shown` is its name as NOTIFY_SOCKET has it. */
static int listen_as(const char *shown)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t len = strlen(shown);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	CU_ASSERT_FATAL(fd >= 0 && len < sizeof(a.sun_path));
	memcpy(a.sun_path, shown, len);
	if (shown[0] == '@')
		a.sun_path[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(
	        bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	        0);
	return fd;
}

static void must_hear(int fd, const char *wanted)
{
	char got[256];
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	got[n > 0 ? n : 0] = '\0';
	CU_ASSERT_STRING_EQUAL(got, wanted);
}

static void reaches_either_kind(void)
{
	char names[2][64];
	int fd;

	snprintf(names[0], sizeof(names[0]), "/tmp/test_notify.%d", (int)getpid());
	snprintf(names[1], sizeof(names[1]), "@test_notify.%d", (int)getpid());
	for (size_t i = 0; i < 2; i++) {
		fd = listen_as(names[i]);
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify_send("READY=1\nSTATUS=fine");
		must_hear(fd, "READY=1\nSTATUS=fine");
		close(fd);
		notify_send("WATCHDOG=1"); /* nobody there any more */
	}
	unlink(names[0]);
	unsetenv("NOTIFY_SOCKET");
}

/* A name that is no address must not become another one. */
static void leaves_other_names_alone(void)
{
	char name[256], cut[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	int fd;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	name[0] = '@';
	snprintf(cut, sizeof(cut), "%.*s", (int)sizeof(cut) - 2, name);
	fd = listen_as(cut);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_send("READY=1");
	must_hear(fd, "");
	setenv("NOTIFY_SOCKET", cut, 1);
	notify_send("READY=1");
	must_hear(fd, "READY=1");
	close(fd);
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	notify_send("READY=1");
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
}

static void knows_its_watchdog(void)
{
	char pid[32];

	unsetenv("WATCHDOG_USEC");
	CU_ASSERT_FALSE(notify_has_watchdog());
	setenv("WATCHDOG_USEC", "30000000", 1);
	CU_ASSERT_TRUE(notify_has_watchdog());
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	CU_ASSERT_TRUE(notify_has_watchdog());
	setenv("WATCHDOG_PID", "1", 1); /* meant for another process */
	CU_ASSERT_FALSE(notify_has_watchdog());
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
}

SUITE("notify", { "reaches a socket of either kind", reaches_either_kind },
        { "leaves other names alone", leaves_other_names_alone },
        { "knows whether the watchdog is for it", knows_its_watchdog })
