/* sender.c - see sender.h.
 *
 * The queue holds whole messages as "LENGTH SPACE MESSAGE", which is also how TCP carries them. `handed` counts the bytes at
 * its beginning that this TCP connection has taken; the kernel's count of bytes without acknowledgement (SIOCOUTQ) says
 * how many of them have arrived.
 *
 * An error of UDP is the answer to a datagram of before. So while something is wrong one datagram is sent in a turn, and the
 * next turn looks for the answer.
 *
 * Rejected: syslog(3) (blocks, speaks the old local format only), a thread (the queue would be shared for what takes
 * microseconds), names of hosts (a DNS that does not answer would hold up what is told about it), TLS (RFC 5425: a local
 * rsyslog or syslog-ng does it, with a disk behind its queue).
 */
#include "report/sender.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
	LENGTH_MAX = 8,
	TARGET_MAX = RECEIVER_TEXT_MAX,
	DRAIN_BYTES = 512,
	POLL_MS = 20,
	SEND_BUFFER = 256 * 1024
};
static const uint64_t RETRY_FIRST_NS = 250000000, RETRY_MOST_NS = 30000000000, CONNECT_NS = 10000000000,
                      ANSWER_NS = 1000000000;

struct sender {
	struct receiver to;
	char name[TARGET_MAX];
	int fd; /* -1 = not connected */
	bool connecting;
	bool probing; /* UDP: a datagram was sent while something was wrong; is there an answer? */
	int fault;    /* 0, or -errno */
	uint64_t connect_until_ns, retry_ns, pause_ns, probed_ns;
	size_t begin, end, handed; /* handed: of the bytes from begin on */
	struct sender_counts counts;
	char queue[SENDER_QUEUE_BYTES];
};

char *receiver_print(const struct receiver *to, char buf[RECEIVER_TEXT_MAX])
{
	char text[ADDR_TEXT_MAX];
	const char *scheme = to->kind == RECEIVER_TCP ? "tcp" : "udp";

	if (to->kind == RECEIVER_UNIX)
		snprintf(buf, RECEIVER_TEXT_MAX, "unix://%s", to->path);
	else
		snprintf(buf, RECEIVER_TEXT_MAX, addr_is_v4(&to->addr) ? "%s://%s:%u" : "%s://[%s]:%u",
		        scheme, addr_print(&to->addr, text), to->port);
	return buf;
}

struct sender *sender_open(const struct receiver *to)
{
	struct sender *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	memset(s, 0, offsetof(struct sender, queue));
	s->to = *to;
	receiver_print(to, s->name);
	s->fd = -1;
	s->pause_ns = RETRY_FIRST_NS;
	return s;
}

/* ---- the queue ----------------------------------------------------------------------------------- */

static bool is_empty(const struct sender *s)
{
	return s->begin == s->end;
}

/* The message at the beginning of the queue; *whole: its bytes with its length in front. */
static const char *front(const struct sender *s, size_t *len, size_t *whole)
{
	const char *at = s->queue + s->begin;
	char *text;

	*len = strtoul(at, &text, 10);
	*whole = (size_t)(text - at) + 1 + *len;
	return text + 1;
}

static void drop_front(struct sender *s, bool sent)
{
	size_t len, whole;

	(void)front(s, &len, &whole);
	s->begin += whole;
	assert(s->begin <= s->end);
	if (is_empty(s))
		s->begin = s->end = 0;
	s->handed = s->handed > whole ? s->handed - whole : 0;
	s->counts.waiting--;
	s->counts.sent += sent;
	s->counts.lost += !sent;
	s->counts.bytes += sent ? len : 0;
}

void sender_put(struct sender *s, const char *message, size_t len)
{
	char length[LENGTH_MAX];
	size_t prefix = (size_t)snprintf(length, sizeof(length), "%zu ", len);

	assert(prefix < sizeof(length));
	if (s->end + prefix + len > sizeof(s->queue)) {
		memmove(s->queue, s->queue + s->begin, s->end - s->begin);
		s->end -= s->begin;
		s->begin = 0;
	}
	if (s->end + prefix + len > sizeof(s->queue)) {
		s->counts.lost++;
		return;
	}
	memcpy(s->queue + s->end, length, prefix);
	memcpy(s->queue + s->end + prefix, message, len);
	s->end += prefix + len;
	s->counts.waiting++;
}

/* ---- the connection ------------------------------------------------------------------------------ */

static void fail(struct sender *s, int error)
{
	static struct log_limit limit;

	if (!s->fault)
		log_limited(&limit, LOG_LEVEL_ERROR,
		        "the syslog receiver %s takes nothing: %s; it is tried again, and %llu messages wait",
		        s->name, strerror(error), (unsigned long long)s->counts.waiting);
	s->fault = -error;
	s->probing = false;
	s->retry_ns = clock_monotonic_ns() + s->pause_ns;
	s->pause_ns = s->pause_ns * 2 < RETRY_MOST_NS ? s->pause_ns * 2 : RETRY_MOST_NS;
}

static void disconnect(struct sender *s, int error)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->connecting = false;
	s->handed = 0; /* what was not acknowledged goes again, from the beginning of its message */
	fail(s, error);
}

static void work_again(struct sender *s)
{
	if (s->fault)
		log_info("the syslog receiver %s takes messages again; %llu were lost so far", s->name,
		        (unsigned long long)s->counts.lost);
	s->fault = 0;
	s->pause_ns = RETRY_FIRST_NS;
}

static socklen_t address_of(const struct receiver *to, struct sockaddr_storage *out)
{
	struct sockaddr_un *un = (struct sockaddr_un *)out;
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (to->kind == RECEIVER_UNIX) {
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, to->path, sizeof(un->sun_path));
		return sizeof(*un);
	}
	if (addr_is_v4(&to->addr)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(to->port);
		memcpy(&in->sin_addr, to->addr.b + 12, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(to->port);
	memcpy(&in6->sin6_addr, to->addr.b, 16);
	return sizeof(*in6);
}

static void begin_connection(struct sender *s)
{
	struct sockaddr_storage to;
	socklen_t len = address_of(&s->to, &to);
	int type = s->to.kind == RECEIVER_TCP ? SOCK_STREAM : SOCK_DGRAM, size = SEND_BUFFER;

	s->fd = socket(to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		disconnect(s, errno);
		return;
	}
	if (type == SOCK_DGRAM)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(s->fd, (struct sockaddr *)&to, len) == 0) {
		s->handed = 0;
		if (type == SOCK_STREAM)
			work_again(s);
		return;
	}
	if (errno != EINPROGRESS) {
		disconnect(s, errno);
		return;
	}
	s->connecting = true;
	s->connect_until_ns = clock_monotonic_ns() + CONNECT_NS;
}

static int socket_error(const struct sender *s)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

static void go_on_connecting(struct sender *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	int error;

	if (poll(&p, 1, 0) == 0) {
		if (clock_monotonic_ns() >= s->connect_until_ns)
			disconnect(s, ETIMEDOUT);
		return;
	}
	error = socket_error(s);
	if (error) {
		disconnect(s, error);
		return;
	}
	s->connecting = false;
	work_again(s);
}

/* Whether there is a socket to send to. */
static bool is_connected(struct sender *s)
{
	if (s->fault && !s->connecting && clock_monotonic_ns() < s->retry_ns)
		return false;
	if (s->fd < 0)
		begin_connection(s);
	else if (s->connecting)
		go_on_connecting(s);
	return s->fd >= 0 && !s->connecting;
}

/* ---- TCP ----------------------------------------------------------------------------------------- */

/* A receiver says nothing; what it says is read and forgotten, its end ends the connection. */
static bool has_hung_up(struct sender *s)
{
	char bytes[DRAIN_BYTES];
	ssize_t n;

	do
		n = recv(s->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (n > 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (is_empty(s)) { /* it has all, and may well close what is idle */
		close(s->fd);
		s->fd = -1;
	} else {
		disconnect(s, n == 0 ? EPIPE : errno);
	}
	return true;
}

/* Messages of which every byte is acknowledged leave the queue. */
static void forget_arrived(struct sender *s)
{
	size_t arrived, len, whole;
	int unacknowledged = 0;

	if (s->handed == 0 || ioctl(s->fd, SIOCOUTQ, &unacknowledged) < 0)
		return;
	arrived = s->handed > (size_t)unacknowledged ? s->handed - (size_t)unacknowledged : 0;
	for (; !is_empty(s); arrived -= whole) {
		(void)front(s, &len, &whole);
		if (whole > arrived)
			return;
		drop_front(s, true);
	}
}

static void send_stream(struct sender *s)
{
	ssize_t n = 0;

	forget_arrived(s);
	if (has_hung_up(s))
		return;
	while (s->begin + s->handed < s->end) {
		n = send(s->fd, s->queue + s->begin + s->handed, s->end - s->begin - s->handed,
		        MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			s->handed += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n == 0 || errno != EINTR) {
			disconnect(s, n == 0 ? EPIPE : errno);
			return;
		}
	}
	forget_arrived(s);
}

/* ---- datagrams ----------------------------------------------------------------------------------- */

/* The answer to the datagram of a turn before; false: it may still come. */
static bool has_answer(struct sender *s)
{
	int error;

	if (!s->probing)
		return true;
	error = socket_error(s);
	if (error) {
		s->counts.sent--;
		s->counts.lost++;
		fail(s, error);
		return true;
	}
	if (clock_monotonic_ns() < s->probed_ns + ANSWER_NS)
		return false;
	s->probing = false;
	work_again(s);
	return true;
}

static void probe(struct sender *s)
{
	s->probing = true;
	s->probed_ns = clock_monotonic_ns();
}

/* What stands in the way of the first datagram; it stays. */
static void stop_at(struct sender *s, int error)
{
	if (s->to.kind == RECEIVER_UNIX && error != EAGAIN && error != ENOBUFS)
		disconnect(s, error); /* a receiver that starts anew has another socket of that name */
	else if (error == ECONNREFUSED && s->counts.sent > 0) {
		s->counts.sent--; /* of UDP: the one before was refused */
		s->counts.lost++;
		fail(s, error);
	} else if (error != EAGAIN && error != ENOBUFS)
		fail(s, error);
}

static void send_datagrams(struct sender *s)
{
	const char *message;
	size_t len, whole;

	if (!has_answer(s) || (s->fault && clock_monotonic_ns() < s->retry_ns))
		return;
	while (!is_empty(s)) {
		message = front(s, &len, &whole);
		if (send(s->fd, message, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
			drop_front(s, true);
			if (s->to.kind == RECEIVER_UNIX) {
				work_again(s);
			} else if (s->fault) {
				probe(s);
				return;
			}
		} else if (errno == EMSGSIZE) {
			drop_front(s, false);
		} else if (errno != EINTR) {
			stop_at(s, errno);
			return;
		}
	}
}

/* ---- all of it ----------------------------------------------------------------------------------- */

int sender_flush(struct sender *s)
{
	if (is_empty(s) && !s->probing && s->fd < 0)
		return 0; /* nothing to say, nobody to listen to */
	if (!is_connected(s))
		return s->fault;
	if (s->to.kind == RECEIVER_TCP)
		send_stream(s);
	else
		send_datagrams(s);
	return s->fault;
}

void sender_retry(struct sender *s)
{
	s->pause_ns = RETRY_FIRST_NS;
	s->retry_ns = 0;
}

void sender_close(struct sender *s)
{
	uint64_t until_ns;

	if (!s)
		return;
	until_ns = clock_monotonic_ns() + (uint64_t)SENDER_CLOSE_MS * 1000000;
	sender_retry(s);
	do {
		(void)sender_flush(s);
		if (is_empty(s))
			break;
		(void)poll(NULL, 0, POLL_MS);
	} while (clock_monotonic_ns() < until_ns);
	if (s->counts.waiting > 0)
		log_error("%llu messages were not sent to the syslog receiver %s",
		        (unsigned long long)s->counts.waiting, s->name);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

struct sender_counts sender_counts(const struct sender *s)
{
	return s->counts;
}

int sender_fault(const struct sender *s)
{
	return s->fault;
}
