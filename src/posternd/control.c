/* control.c - see control.h.
 *
 * A client sends one request and gets its answer (protocol.h); then it is closed. A request may have several lines, each
 * bounded, where its command takes them, which bounds their number. Everything is bounded: CLIENTS_MAX at
 * once (the others wait in the kernel's backlog, and are no business of the loop), ACCEPTS_MAX of them taken in a turn,
 * the bytes of a request, ASK_S to send it, OUT_MAX bytes of answer that wait, TAKE_S without taking any of them,
 * LIVE_S in all, LINES_MAX lines made in a turn. Who goes beyond is closed and counted. So nobody who may ask can hold
 * up the loop for longer than one command's work, and the workers, which have threads of their own, not at all.
 *
 * Long answers are made line by line, as fast as they are taken: a table of thousands of rows never stands in memory
 * twice. What changes in it meanwhile may be missed.
 *
 * Rejected: a thread for the socket (every command would have to lock what it looks at).
 */
#include "posternd/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ev.h>

#include "base/clock.h"
#include "base/log.h"
#include "posternd/answers.h"
#include "posternd/control_socket.h"
#include "posternd/daemon.h"
#include "posternd/protocol.h"

enum { CLIENTS_MAX = 64, ACCEPTS_MAX = 16, LINES_MAX = 8, READ_BYTES = 16384 };
enum { OUT_MAX = 1024 * 1024, OUT_ENOUGH = 64 * 1024, ERR_BYTES = 256 };
enum { EXIT_INVALID = 1, EXIT_USAGE = 2 };
static const uint64_t SECOND_US = 1000000;
static const uint64_t ASK_S = 3, TAKE_S = 5, LIVE_S = 60, OPEN_AGAIN_S = 5;

struct client {
	struct control *control;
	ev_io io;
	int fd; /* -1 = this place is free */
	uid_t uid;
	uint64_t since_us, asked_us, moved_us; /* there; its last line; anything of the answer taken */
	char *in;
	size_t in_len, in_room;
	json_t *request; /* NULL = still being read */
	answer_function *run;
	struct ask ask;
	bool waits; /* ANSWER_LATER */
	bool done;  /* the last line is in out */
	char *out;
	size_t out_len, out_sent;
};

struct control {
	struct daemon *daemon;
	struct ev_loop *ev;
	struct control_socket socket;
	ev_io listener;
	uint64_t now_us, tried_us;
	char fault[ERR_BYTES];
	struct client clients[CLIENTS_MAX];
	unsigned count;
	uint64_t counts[CONTROL_COUNT];
};

/* ---- one client ------------------------------------------------------------------------------ */

static void listen_again(struct control *c)
{
	if (c->socket.fd >= 0 && c->count < CLIENTS_MAX && !ev_is_active(&c->listener))
		ev_io_start(c->ev, &c->listener);
}

static void end_client(struct client *client, enum control_count why)
{
	struct control *c = client->control;

	c->counts[why]++;
	ev_io_stop(c->ev, &client->io);
	close(client->fd);
	free(client->in);
	free(client->out);
	json_decref(client->request);
	if (client->ask.free_own)
		client->ask.free_own(client->ask.own);
	*client = (struct client) { .control = c, .fd = -1 };
	c->count--;
	listen_again(c);
}

/* Takes over line. False: there is no room, or no memory. */
static bool put_line(struct client *client, json_t *line)
{
	size_t len = 0, waiting = client->out_len - client->out_sent;
	char *text = protocol_print(line, &len), *more;

	if (!text || waiting + len > OUT_MAX) {
		free(text);
		return false;
	}
	if (client->out_sent > 0) {
		memmove(client->out, client->out + client->out_sent, waiting);
		client->out_len = waiting;
		client->out_sent = 0;
	}
	more = realloc(client->out, client->out_len + len);
	if (more) {
		memcpy(more + client->out_len, text, len);
		client->out = more;
		client->out_len += len;
	}
	free(text);
	return more != NULL;
}

/* The next line of the answer. False: the client cannot be served. */
static bool make_line(struct client *client)
{
	json_t *line = protocol_new(protocol_command(client->request));
	enum answer_state state = line ? client->run(&client->ask, line) : ANSWER_DONE;

	client->waits = state == ANSWER_LATER;
	client->done = state == ANSWER_DONE;
	if (state == ANSWER_LATER) {
		json_decref(line);
		return true;
	}
	if (state == ANSWER_MORE)
		(void)json_object_set_new(line, "more", json_true());
	return line && put_line(client, line);
}

/* True if all of what waits has left. False: some waits, or the client has gone (*gone). */
static bool send_out(struct client *client, bool *gone)
{
	ssize_t n;

	while (client->out_sent < client->out_len) {
		n = send(client->fd, client->out + client->out_sent, client->out_len - client->out_sent,
		        MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			*gone = errno != EAGAIN;
			return false;
		}
		client->out_sent += (size_t)n;
		client->moved_us = client->control->now_us;
	}
	return true;
}

static void want(struct client *client, int events)
{
	if (ev_is_active(&client->io) && (client->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(client->control->ev, &client->io);
	ev_io_set(&client->io, client->fd, events);
	if (events)
		ev_io_start(client->control->ev, &client->io);
}

/* Makes and sends what a turn allows. */
static void serve(struct client *client)
{
	bool gone = false, sent = true;
	unsigned lines = 0;

	client->waits = false;
	while (sent && !client->done && !client->waits && lines < LINES_MAX) {
		while (!client->done && !client->waits && lines < LINES_MAX &&
		        client->out_len - client->out_sent < OUT_ENOUGH) {
			lines++;
			if (!make_line(client)) {
				end_client(client, CONTROL_LEFT);
				return;
			}
		}
		sent = send_out(client, &gone);
	}
	if (sent && !gone)
		sent = send_out(client, &gone);
	if (gone || (sent && client->done)) {
		end_client(client, gone ? CONTROL_LEFT : CONTROL_ANSWERED);
		return;
	}
	want(client, client->waits && sent ? 0 : EV_WRITE);
}

/* Says why, and closes: what does not leave at once is not waited for. */
static void refuse(
        struct client *client, enum control_count why, const char *command, int exit_status, const char *text)
{
	json_t *line = protocol_new(command);
	bool gone;

	if (line) {
		protocol_set_error(line, exit_status, "%s", text);
		if (put_line(client, line))
			(void)send_out(client, &gone);
	}
	end_client(client, why);
}

/* A line of a request that has others. Takes it over. */
static void take_part(struct client *client, json_t *part)
{
	answer_taker *take = answer_find_taker(protocol_command(part));
	char why[ANSWER_WHY_MAX] = "this command is one line";

	if (take && take(&client->ask, part, why))
		client->asked_us = client->control->now_us;
	else
		refuse(client, CONTROL_BAD, protocol_command(part), EXIT_INVALID, why);
	json_decref(part);
}

static void read_request(struct client *client, const char *line, size_t len)
{
	struct control *c = client->control;
	char why[PROTOCOL_WHY_MAX];
	json_t *request = protocol_read(line, len, why);

	if (!request) {
		refuse(client, CONTROL_BAD, NULL, EXIT_INVALID, why);
		return;
	}
	if (!client->run) {
		client->run = answer_find(protocol_command(request));
		client->ask = (struct ask) { .daemon = c->daemon, .uid = client->uid };
	}
	if (client->run != answer_find(protocol_command(request)) || !client->run) {
		refuse(client, CONTROL_BAD, protocol_command(request), EXIT_USAGE,
		        "this posternd does not know that command");
		json_decref(request);
		return;
	}
	if (json_is_true(json_object_get(request, "more"))) {
		take_part(client, request);
		return;
	}
	client->request = request;
	client->ask.request = request;
	client->moved_us = c->now_us;
	serve(client);
}

/* Room for READ_BYTES, within the bound. */
static bool grow_in(struct client *client)
{
	char *more;

	if (client->in_room - client->in_len >= READ_BYTES)
		return true;
	more = realloc(client->in, client->in_len + READ_BYTES);
	if (!more)
		return false;
	client->in = more;
	client->in_room = client->in_len + READ_BYTES;
	return true;
}

/* What is behind the last line of a request is nobody's. */
static void take_lines(struct client *client)
{
	const char *at = client->in, *end;
	size_t left = client->in_len;

	while (client->fd >= 0 && !client->request && (end = memchr(at, '\n', left))) {
		size_t len = (size_t)(end - at);

		left -= len + 1;
		read_request(client, at, len);
		at = end + 1;
	}
	if (client->fd < 0) /* it has gone, and its bytes with it */
		return;
	memmove(client->in, at, left);
	client->in_len = left;
}

static void take_bytes(struct client *client)
{
	ssize_t n;

	if (!grow_in(client)) {
		end_client(client, CONTROL_LEFT);
		return;
	}
	n = recv(client->fd, client->in + client->in_len, READ_BYTES, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_client(client, CONTROL_LEFT);
		return;
	}
	client->in_len += (size_t)n;
	take_lines(client);
	if (client->fd >= 0 && !client->request && client->in_len > PROTOCOL_REQUEST_MAX)
		refuse(client, CONTROL_TOO_LONG, NULL, EXIT_INVALID, "the request is too long");
}

static void on_client(struct ev_loop *ev, ev_io *watcher, int revents)
{
	struct client *client = watcher->data;

	(void)ev;
	(void)revents;
	client->control->now_us = clock_monotonic_ns() / 1000;
	if (client->request)
		serve(client);
	else
		take_bytes(client);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static struct client *free_place(struct control *c)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->clients[i].fd < 0)
			return &c->clients[i];
	return NULL;
}

static void begin_client(struct control *c, int fd)
{
	struct client *client = free_place(c);

	client->fd = fd;
	client->since_us = client->asked_us = client->moved_us = c->now_us;
	c->count++;
	c->counts[CONTROL_ACCEPTED]++;
	ev_io_init(&client->io, on_client, fd, EV_READ);
	client->io.data = client;
	ev_io_start(c->ev, &client->io);
	if (control_socket_may(&c->socket, fd, &client->uid))
		take_bytes(client); /* most have sent their request already */
	else
		refuse(client, CONTROL_REFUSED, NULL, EXIT_INVALID,
		        "you may not ask: be root, or a member of the group in control.group");
}

static void on_connection(struct ev_loop *ev, ev_io *watcher, int revents)
{
	struct control *c = watcher->data;
	int fd;

	(void)revents;
	c->now_us = clock_monotonic_ns() / 1000;
	for (unsigned i = 0; i < ACCEPTS_MAX && c->count < CLIENTS_MAX; i++) {
		fd = accept4(c->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			break;
		begin_client(c, fd);
	}
	if (c->count == CLIENTS_MAX)
		ev_io_stop(ev, &c->listener);
}

static void open_socket(struct control *c)
{
	const struct conf *conf = c->daemon->conf;
	char err[ERR_BYTES];
	int r;

	c->tried_us = c->now_us;
	if (!conf->control.path[0])
		return;
	r = control_socket_open(&c->socket, conf->control.path, conf->control.group, err, sizeof(err));
	if (r && strcmp(err, c->fault) != 0)
		log_warning("posternd guards, but nobody can ask it through %s: %s; tried again every %u s",
		        conf->control.path, err, (unsigned)OPEN_AGAIN_S);
	else if (r == 0 && *err)
		log_warning("%s: %s", conf->control.path, err);
	else if (r == 0 && *c->fault)
		log_info("%s is there now", conf->control.path);
	snprintf(c->fault, sizeof(c->fault), "%s", r ? err : "");
	if (r)
		return;
	ev_io_init(&c->listener, on_connection, c->socket.fd, EV_READ);
	c->listener.data = c;
	ev_io_start(c->ev, &c->listener);
}

struct control *control_new(struct daemon *d, struct ev_loop *ev)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->daemon = d;
	c->ev = ev;
	c->socket.fd = -1;
	c->now_us = clock_monotonic_ns() / 1000;
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		c->clients[i] = (struct client) { .control = c, .fd = -1 };
	open_socket(c);
	return c;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	if (c->socket.fd >= 0)
		ev_io_stop(c->ev, &c->listener);
	control_socket_close(&c->socket); /* before the clients: none comes in their place */
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->clients[i].fd >= 0)
			end_client(&c->clients[i], CONTROL_LEFT);
	free(c);
}

static bool is_late(const struct client *client, uint64_t now_us)
{
	uint64_t since_s = (now_us - client->since_us) / SECOND_US;
	uint64_t moved_s = (now_us - client->moved_us) / SECOND_US;

	if (!client->request)
		return since_s >= LIVE_S || (now_us - client->asked_us) / SECOND_US >= ASK_S;
	return since_s >= LIVE_S || (!client->waits && moved_s >= TAKE_S);
}

void control_wake(struct control *c)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->clients[i].fd >= 0 && c->clients[i].waits)
			serve(&c->clients[i]);
}

void control_tick(struct control *c, uint64_t now_us)
{
	c->now_us = now_us;
	if (c->socket.fd < 0 && now_us - c->tried_us >= OPEN_AGAIN_S * SECOND_US)
		open_socket(c);
	control_wake(c);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->clients[i].fd >= 0 && is_late(&c->clients[i], now_us))
			end_client(&c->clients[i], CONTROL_SLOW);
}

const char *control_fault(const struct control *c)
{
	return *c->fault ? c->fault : NULL;
}

uint64_t control_counted(const struct control *c, enum control_count what)
{
	return c->counts[what];
}
