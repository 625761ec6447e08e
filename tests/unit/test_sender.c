/* Messages to syslog receivers that are there, go away, come back, are slow, or never were. Loopback and own sockets. */
#include "report/sender.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "suite.h"

enum { TEXT_MAX = 1 << 22, PATIENCE = 1000 /* turns of 10 ms */ };

static char path[RECEIVER_PATH_MAX];
static char heard[TEXT_MAX];
static size_t heard_len;

/* ---- receivers ----------------------------------------------------------------------------------- */

static int listen_on(enum receiver_kind kind, struct receiver *to)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(in);
	int one = 1, fd;

	if (kind == RECEIVER_UNIX) {
		fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		memcpy(un.sun_path, to->path, sizeof(un.sun_path));
		unlink(to->path);
		CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
		return fd;
	}
	fd = socket(AF_INET, kind == RECEIVER_TCP ? SOCK_STREAM : SOCK_DGRAM, 0);
	CU_ASSERT_FATAL(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	in.sin_port = htons(to->port); /* 0 = any */
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	CU_ASSERT_EQUAL(kind == RECEIVER_TCP ? listen(fd, 5) : 0, 0);
	CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	to->addr = addr_from_v4(&in.sin_addr);
	to->port = ntohs(in.sin_port);
	return fd;
}

static struct receiver receiver_of(enum receiver_kind kind)
{
	struct receiver to;

	memset(&to, 0, sizeof(to));
	to.kind = (uint8_t)kind;
	snprintf(path, sizeof(path), "/tmp/postern-sender-%d", (int)getpid());
	memcpy(to.path, path, sizeof(to.path));
	heard_len = 0;
	return to;
}

/* What is there now, datagrams each with a | behind. */
static void hear(int fd, bool datagrams)
{
	ssize_t n;

	while ((n = recv(fd, heard + heard_len, sizeof(heard) - heard_len - 2, MSG_DONTWAIT)) > 0) {
		heard_len += (size_t)n;
		if (datagrams)
			heard[heard_len++] = '|';
	}
	heard[heard_len] = '\0';
}

static void say(struct sender *s, const char *text)
{
	sender_put(s, text, strlen(text));
}

/* Turns until so many messages have arrived, as far as the sender knows. */
static void turn_until(struct sender *s, uint64_t sent)
{
	for (unsigned i = 0; i < PATIENCE && sender_counts(s).sent < sent; i++) {
		(void)sender_flush(s);
		(void)poll(NULL, 0, 10);
	}
	CU_ASSERT_EQUAL(sender_counts(s).sent, sent);
}

static void turn_until_fault(struct sender *s)
{
	for (unsigned i = 0; i < PATIENCE && !sender_fault(s); i++) {
		(void)sender_flush(s);
		(void)poll(NULL, 0, 10);
	}
	CU_ASSERT_NOT_EQUAL(sender_fault(s), 0);
}

static int accept_one(int fd)
{
	int connection = accept(fd, NULL, NULL);

	CU_ASSERT_FATAL(connection >= 0);
	return connection;
}

/* ---- tests --------------------------------------------------------------------------------------- */

static void datagrams_arrive_whole(void)
{
	static const enum receiver_kind kinds[] = { RECEIVER_UNIX, RECEIVER_UDP };

	for (unsigned i = 0; i < 2; i++) {
		struct receiver to = receiver_of(kinds[i]);
		int fd = listen_on(kinds[i], &to);
		struct sender *s = sender_open(&to);

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		say(s, "one");
		say(s, "2 and 3\nof it");
		CU_ASSERT_EQUAL(sender_flush(s), 0);
		hear(fd, true);
		CU_ASSERT_STRING_EQUAL(heard, "one|2 and 3\nof it|");
		CU_ASSERT_EQUAL(sender_counts(s).sent, 2);
		CU_ASSERT_EQUAL(sender_counts(s).bytes, 3 + 13);
		sender_close(s);
		close(fd);
	}
	unlink(path);
}

/* The local syslog starts anew, with another socket of that name: nothing is lost. */
static void a_local_receiver_comes_back(void)
{
	struct receiver to = receiver_of(RECEIVER_UNIX);
	struct sender *s;
	int fd;

	unlink(to.path);
	s = sender_open(&to);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	say(s, "before");
	CU_ASSERT_NOT_EQUAL(sender_flush(s), 0);
	fd = listen_on(RECEIVER_UNIX, &to);
	sender_retry(s);
	turn_until(s, 1);
	close(fd);
	fd = listen_on(RECEIVER_UNIX, &to);
	hear(fd, true);
	say(s, "after");
	turn_until_fault(s);
	turn_until(s, 2);
	hear(fd, true);
	CU_ASSERT_STRING_EQUAL(heard, "after|"); /* "before" was in the queue of the first */
	CU_ASSERT_EQUAL(sender_counts(s).lost, 0);
	sender_close(s);
	close(fd);
	unlink(path);
}

/* A receiver that does not read: what has no room is lost whole and counted, and nobody waits. */
static void a_slow_receiver_loses_the_rest(void)
{
	enum { MANY = 3000, LEN = 1000 };
	struct receiver to = receiver_of(RECEIVER_UNIX);
	int fd = listen_on(RECEIVER_UNIX, &to);
	struct sender *s = sender_open(&to);
	struct sender_counts c;
	char text[LEN];

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < MANY; i++) {
		sender_put(s, text, sizeof(text));
		(void)sender_flush(s);
	}
	c = sender_counts(s);
	CU_ASSERT_EQUAL(c.sent + c.waiting + c.lost, MANY);
	CU_ASSERT(c.lost > 0 && c.waiting > 1000 && c.sent > 0);
	for (unsigned i = 0; i < PATIENCE && sender_counts(s).waiting > 0; i++) {
		heard_len = 0;
		hear(fd, true);
		(void)sender_flush(s);
	}
	CU_ASSERT_EQUAL(sender_counts(s).lost, c.lost);
	CU_ASSERT_EQUAL(sender_counts(s).sent, MANY - c.lost);
	sender_close(s);
	close(fd);
	unlink(path);
}

/* The host of the receiver says that nobody listens: each refused datagram is counted as lost, and it is tried again. */
static void udp_refused_is_counted(void)
{
	struct receiver to = receiver_of(RECEIVER_UDP);
	int fd = listen_on(RECEIVER_UDP, &to);
	struct sender *s = sender_open(&to);

	close(fd);
	say(s, "one");
	CU_ASSERT_EQUAL(sender_flush(s), 0);
	say(s, "two");
	turn_until_fault(s);
	CU_ASSERT_EQUAL(sender_counts(s).sent, 0);
	CU_ASSERT_EQUAL(sender_counts(s).lost, 1);
	CU_ASSERT_EQUAL(sender_counts(s).waiting, 1);
	say(s, "three");
	fd = listen_on(RECEIVER_UDP, &to);
	turn_until(s, 2);
	hear(fd, true);
	CU_ASSERT_STRING_EQUAL(heard, "two|three|");
	CU_ASSERT_EQUAL(sender_counts(s).lost, 1);
	CU_ASSERT_EQUAL(sender_fault(s), 0);
	sender_close(s);
	close(fd);
}

static void tcp_counts_octets(void)
{
	struct receiver to = receiver_of(RECEIVER_TCP);
	int fd = listen_on(RECEIVER_TCP, &to), connection;
	struct sender *s = sender_open(&to);

	say(s, "one");
	say(s, "2\n3");
	turn_until(s, 2);
	connection = accept_one(fd);
	hear(connection, false);
	CU_ASSERT_STRING_EQUAL(heard, "3 one3 2\n3");
	CU_ASSERT_EQUAL(sender_counts(s).waiting, 0);
	sender_close(s);
	close(connection);
	close(fd);
}

/* It dies with half of what was sent unread by its kernel; the next one gets all that was not acknowledged, from the beginning
 * of a message. */
static void tcp_sends_again_what_did_not_arrive(void)
{
	enum { MANY = 900, LEN = 1000 };
	struct receiver to = receiver_of(RECEIVER_TCP);
	int fd, connection, small = 4096;
	struct sender *s;
	char text[LEN + 1], want[32];
	unsigned i, first, seen;
	char *at;

	fd = listen_on(RECEIVER_TCP, &to);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	s = sender_open(&to);
	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "%04u%0*d", i, LEN - 4, 0);
		say(s, text);
	}
	(void)sender_flush(s);
	connection = accept_one(fd);
	for (i = 0; i < PATIENCE && sender_counts(s).sent == 0; i++) { /* some of it */
		(void)sender_flush(s);
		(void)poll(NULL, 0, 1);
	}
	for (i = 0; i < 20; i++)
		(void)sender_flush(s);
	CU_ASSERT(sender_counts(s).sent < MANY);
	close(connection); /* with unread bytes: a reset */
	turn_until_fault(s);
	first = (unsigned)sender_counts(s).sent;
	small = 1 << 20;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (i = 0; i < PATIENCE && sender_fault(s); i++) {
		(void)sender_flush(s);
		(void)poll(NULL, 0, 10);
	}
	connection = accept_one(fd);
	for (i = 0; i < PATIENCE && sender_counts(s).sent < MANY; i++) {
		(void)sender_flush(s);
		hear(connection, false);
		(void)poll(NULL, 0, 1);
	}
	hear(connection, false);
	CU_ASSERT_EQUAL(sender_counts(s).sent, MANY);
	CU_ASSERT_EQUAL(sender_counts(s).lost, 0);
	for (at = heard, seen = first; seen < MANY; seen++, at += strlen("1000 ") + LEN) {
		snprintf(want, sizeof(want), "1000 %04u", seen);
		if (strncmp(at, want, strlen(want)) != 0)
			break;
	}
	CU_ASSERT_EQUAL(seen, MANY);
	sender_close(s);
	close(connection);
	close(fd);
}

/* One that hangs up when it has all is no fault, and is called again when there is something to say. */
static void tcp_may_hang_up_idle(void)
{
	struct receiver to = receiver_of(RECEIVER_TCP);
	int fd = listen_on(RECEIVER_TCP, &to), connection;
	struct sender *s = sender_open(&to);

	say(s, "one");
	turn_until(s, 1);
	connection = accept_one(fd);
	close(connection);
	for (unsigned i = 0; i < 10; i++) {
		CU_ASSERT_EQUAL(sender_flush(s), 0);
		(void)poll(NULL, 0, 10);
	}
	say(s, "two");
	turn_until(s, 2);
	connection = accept_one(fd);
	hear(connection, false);
	CU_ASSERT_STRING_EQUAL(heard, "3 two");
	sender_close(s);
	close(connection);
	close(fd);
}

/* What is said last arrives, although its sender leaves. */
static void the_last_word_arrives(void)
{
	struct receiver to = receiver_of(RECEIVER_TCP);
	int fd = listen_on(RECEIVER_TCP, &to), connection;
	struct sender *s = sender_open(&to);

	say(s, "stopped");
	sender_close(s);
	connection = accept_one(fd);
	hear(connection, false);
	CU_ASSERT_STRING_EQUAL(heard, "7 stopped");
	close(connection);
	close(fd);
}

static void nobody_is_told_nothing(void)
{
	struct receiver to = receiver_of(RECEIVER_TCP);
	int fd = listen_on(RECEIVER_TCP, &to);
	struct sender *s = sender_open(&to);
	char text[RECEIVER_TEXT_MAX], want[64];

	close(fd);
	CU_ASSERT_EQUAL(sender_flush(s), 0);
	say(s, "one");
	turn_until_fault(s);
	CU_ASSERT_EQUAL(sender_counts(s).waiting, 1);
	snprintf(want, sizeof(want), "tcp://127.0.0.1:%u", to.port);
	CU_ASSERT_STRING_EQUAL(receiver_print(&to, text), want);
	log_open("test_sender", LOG_LEVEL_ERROR);
	sender_close(s); /* says that it was not sent */
}

SUITE("sender", { "datagrams arrive whole", datagrams_arrive_whole },
        { "a local receiver comes back", a_local_receiver_comes_back },
        { "a slow receiver loses the rest", a_slow_receiver_loses_the_rest },
        { "UDP refused is counted", udp_refused_is_counted }, { "TCP counts octets", tcp_counts_octets },
        { "TCP sends again what did not arrive", tcp_sends_again_what_did_not_arrive },
        { "TCP may hang up idle", tcp_may_hang_up_idle }, { "the last word arrives", the_last_word_arrives },
        { "nobody is told nothing", nobody_is_told_nothing })
