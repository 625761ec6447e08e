/* live.c - see live.h.
 *
 * The socket is the one that --socket names, else the configuration's (-c, or the default file), else the default
 * path: who may ask posternd may not be able to read its configuration, and a broken one must not keep anybody from
 * asking how things are. So control.path alone is read, and what is wrong elsewhere is posternd's to tell. Where even
 * that is not known, nobody's silence says that posternd does not run.
 *
 * Who listens there is known from the kernel (SO_PEERCRED, unix(7)), so one that is connected to and says nothing is told
 * as what it is: a process that runs and does not react. Waiting longer than LIVE_WAIT_S is told once.
 *
 * Limits: the seconds of live.h for an answer, LINE_MAX_BYTES for a line of it.
 */
#include "postern/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/conf.h"
#include "gate/claim.h"
#include "report/field.h"

enum { LINE_MAX_BYTES = 4 * 1024 * 1024, READ_BYTES = 65536 };
enum { LONG_SOCKET = 256, LONG_JSON, LONG_MORE };

/* ---- options ------------------------------------------------------------------------------------ */

/* False: said. */
static bool find_path(struct live *l, const char *socket_path)
{
	const char *conf = l->conf ? l->conf : CONF_DEFAULT_PATH;
	char *configured = socket_path ? NULL : conf_find_socket(conf);
	const char *path = socket_path ? socket_path : configured ? configured : CONF_DEFAULT_SOCKET;
	bool fits = *path && strlen(path) < sizeof(l->path);

	l->is_guess = !socket_path && !configured && (l->conf || access(conf, F_OK) == 0);
	if (l->is_guess && l->conf)
		fprintf(stderr,
		        "%s: %s cannot be used (postern check -c %s says why), so its control.path is not "
		        "known: %s is tried; --socket PATH names another\n",
		        l->name, l->conf, l->conf, path);
	if (fits)
		memcpy(l->path, path, strlen(path) + 1);
	else
		fprintf(stderr, "%s: %s\n", l->name,
		        *path ? "the path of the socket is too long"
		              : "control.path is empty: this posternd cannot be asked");
	free(configured);
	return fits;
}

static void list_options(struct option *out, const struct live_option *more)
{
	*out++ = (struct option) { "socket", required_argument, NULL, LONG_SOCKET };
	*out++ = (struct option) { "config", required_argument, NULL, 'c' };
	*out++ = (struct option) { "json", no_argument, NULL, LONG_JSON };
	for (int i = 0; more && more[i].name; i++)
		*out++ = (struct option) { more[i].name, more[i].flag ? no_argument : required_argument, NULL,
			LONG_MORE + i };
	*out = (struct option) { NULL, 0, NULL, 0 };
}

static void list_letters(char *out, const struct live_option *more)
{
	*out++ = 'c';
	*out++ = ':';
	for (int i = 0; more && more[i].name; i++)
		if (more[i].letter) {
			*out++ = more[i].letter;
			*out++ = ':';
		}
	*out = '\0';
}

static bool take_letter(const struct live_option *more, int letter)
{
	for (int i = 0; more && more[i].name; i++)
		if (more[i].letter && more[i].letter == letter) {
			*more[i].value = optarg;
			return true;
		}
	return false;
}

bool live_options(struct live *l, int argc, char **argv, const struct live_option *more, int most)
{
	struct option longs[LIVE_OPTIONS_MAX + 4];
	char letters[2 * LIVE_OPTIONS_MAX + 4];
	const char *socket_path = NULL;
	int opt;

	*l = (struct live) { .name = argv[0] };
	list_options(longs, more);
	list_letters(letters, more);
	while ((opt = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (opt == 'c')
			l->conf = optarg;
		else if (opt == LONG_SOCKET)
			socket_path = optarg;
		else if (opt == LONG_JSON)
			l->json = true;
		else if (opt >= LONG_MORE && more[opt - LONG_MORE].flag)
			*more[opt - LONG_MORE].flag = true;
		else if (opt >= LONG_MORE)
			*more[opt - LONG_MORE].value = optarg;
		else if (!take_letter(more, opt))
			return false;
	}
	l->argc = argc - optind;
	l->argv = argv + optind;
	if (l->argc > most) {
		fprintf(stderr, "%s: \"%s\" is too much\n", l->name, l->argv[most]);
		return false;
	}
	return find_path(l, socket_path);
}

/* ---- asking ------------------------------------------------------------------------------------- */

bool live_is_alone(const struct live *l)
{
	return l->error == ENOENT || l->error == ECONNREFUSED;
}

int live_elsewhere(const struct live *l)
{
	struct conf *conf = NULL;
	int pid = 0;

	if (live_is_alone(l) && conf_load(live_conf(l), NULL, &conf, NULL, NULL, NULL) == 0)
		pid = claim_holder(conf->nft.table);
	conf_free(conf);
	return pid;
}

const char *live_conf(const struct live *l)
{
	return l->conf ? l->conf : CONF_DEFAULT_PATH;
}

bool live_is_stuck(const struct live *l)
{
	return l->error == ETIMEDOUT;
}

unsigned live_waited_s(const struct live *l)
{
	if (!l->is_asked)
		return LIVE_WAIT_S;
	return l->wait_s ? l->wait_s : l->acts ? LIVE_WAIT_ACT_S : LIVE_WAIT_S;
}

char *live_who(const struct live *l, char buf[LIVE_WHO_MAX])
{
	snprintf(buf, LIVE_WHO_MAX, l->pid > 0 ? "posternd (process %d)" : "posternd", l->pid);
	return buf;
}

char *live_remedy(const struct live *l, char buf[LIVE_REMEDY_MAX])
{
	snprintf(buf, LIVE_REMEDY_MAX,
	        l->pid > 0 ? "systemctl restart postern, or kill -KILL %d" : "systemctl restart postern",
	        l->pid);
	return buf;
}

static bool is_forbidden(const struct live *l)
{
	return l->error == EACCES || l->error == EPERM;
}

static const char *tell_fault(const struct live *l)
{
	if (is_forbidden(l))
		return "you may not ask at";
	return l->is_asked ? "no whole answer came from" : "nobody answers at";
}

static const char *advise(const struct live *l)
{
	if (is_forbidden(l))
		return "be root, or a member of the group in control.group";
	if (!live_is_alone(l))
		return "is posternd well? See its log";
	if (l->is_guess)
		return "where posternd listens is not known, because its configuration cannot be read "
		       "(postern check); --socket PATH names it";
	return "posternd does not run (systemctl start postern), or listens elsewhere (--socket PATH, or -c "
	       "FILE, says where)";
}

static void tell_stuck(const struct live *l)
{
	char who[LIVE_WHO_MAX], remedy[LIVE_REMEDY_MAX];

	fprintf(stderr,
	        "%s: %s runs, and does not react: no answer at %s in %u s%s; what waits in its queues "
	        "may wait until it does; to end it: %s\n",
	        l->name, live_who(l, who), l->path, live_waited_s(l),
	        l->acts && l->is_asked ? "; what was asked MAY STILL BE DONE" : "", live_remedy(l, remedy));
}

void live_tell_unreachable(const struct live *l)
{
	int elsewhere = live_elsewhere(l);

	if (live_is_stuck(l))
		tell_stuck(l);
	else if (elsewhere > 0)
		fprintf(stderr,
		        "%s: nobody answers at %s, but posternd (process %d) runs, and does not listen "
		        "there: if "
		        "control.path was changed in %s, it is asked at the old one (--socket OLD) until it "
		        "is restarted\n",
		        l->name, l->path, elsewhere, live_conf(l));
	else
		fprintf(stderr, "%s: %s %s: %s; %s\n", l->name, tell_fault(l), l->path, strerror(l->error),
		        advise(l));
}

static int unreachable(struct live *l, int error)
{
	l->error = error;
	if (!l->silent)
		live_tell_unreachable(l);
	return -1;
}

static int connect_to(struct live *l)
{
	const struct timeval wait = { .tv_sec = LIVE_WAIT_S };
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	memcpy(name.sun_path, l->path, strlen(l->path));
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
	        connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0) {
		l->pid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
		return fd;
	}
	error = errno == EAGAIN ? ETIMEDOUT : errno; /* the places of those who wait are taken */
	if (fd >= 0)
		close(fd);
	return unreachable(l, error);
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool send_parts(const struct live *l, int fd)
{
	bool sent = true;
	json_t *part;
	size_t i, len = 0;

	json_array_foreach (l->parts, i, part) {
		char *line = sent ? protocol_print(json_incref(part), &len) : NULL;

		sent = line && send_all(fd, line, len);
		free(line);
	}
	return sent;
}

struct answer {
	struct live *live;
	live_print *print;
	void *arg;
	int status;
	bool ended; /* the last line was there */
};

static void tell_error(const struct live *l, const json_t *line)
{
	fputs(live_text(line, "words"), stderr); /* lines of their own */
	fprintf(stderr, "%s: %s\n", l->name, live_text(line, "error"));
}

static void take_line(struct answer *a, const char *bytes, size_t len)
{
	char why[PROTOCOL_WHY_MAX];
	json_t *line = protocol_read(bytes, len, why);

	/* A refusal of what could not be read has no command. */
	if (!line)
		line = json_loadb(bytes, len, 0, NULL);
	a->ended = !json_is_true(json_object_get(line, "more"));
	if (json_object_get(line, "error")) {
		if (a->live->print_error)
			a->live->print_error(a->arg, line);
		tell_error(a->live, line);
		a->status = (int)protocol_number(line, "exit", COMMAND_INVALID);
	} else if (!line) {
		fprintf(stderr, "%s: the answer cannot be read: %s\n", a->live->name, why);
		a->status = COMMAND_INVALID;
	} else if (!a->live->json) {
		a->print(a->arg, line);
	}
	if (a->status == COMMAND_FINE && a->live->finds && a->live->finds(line))
		a->status = COMMAND_INVALID;
	if (a->live->json) {
		fwrite(bytes, 1, len, stdout);
		putchar('\n');
	}
	json_decref(line);
}

/* Takes whole lines from the front of the buffer; how many bytes are left. */
static size_t take_lines(struct answer *a, char *bytes, size_t len)
{
	char *at = bytes, *end;

	while (!a->ended && (end = memchr(at, '\n', len - (size_t)(at - bytes)))) {
		take_line(a, at, (size_t)(end - at));
		at = end + 1;
	}
	len -= (size_t)(at - bytes);
	memmove(bytes, at, len);
	return len;
}

static void tell_waiting(const struct live *l, unsigned waited_s)
{
	char who[LIVE_WHO_MAX];

	if (waited_s == LIVE_WAIT_S)
		fprintf(stderr, "%s: no answer of %s yet; waiting up to %u s\n", l->name, live_who(l, who),
		        live_waited_s(l));
}

/* As recv(), or -1 with ETIMEDOUT. */
static ssize_t receive(const struct live *l, int fd, char *to)
{
	for (unsigned waited_s = 0;;) {
		ssize_t n = recv(fd, to, READ_BYTES, 0);

		if (n >= 0 || errno != EAGAIN)
			return n;
		waited_s += LIVE_WAIT_S;
		if (waited_s >= live_waited_s(l)) {
			errno = ETIMEDOUT;
			return -1;
		}
		tell_waiting(l, waited_s);
	}
}

/* 0, or why there is no answer, or not all of it, in errno's terms. */
static int read_answer(struct answer *a, int fd)
{
	char *bytes = NULL, *more;
	size_t len = 0;
	int error = 0;
	ssize_t n;

	while (!a->ended && error == 0) {
		more = len < LINE_MAX_BYTES ? realloc(bytes, len + READ_BYTES) : NULL;
		if (!more) {
			error = len < LINE_MAX_BYTES ? ENOMEM : EMSGSIZE;
			continue;
		}
		bytes = more;
		n = receive(a->live, fd, bytes + len);
		if (n > 0)
			len = take_lines(a, bytes, len + (size_t)n);
		else
			error = n == 0 ? ECONNRESET : errno;
	}
	free(bytes);
	return error;
}

int live_ask(struct live *l, json_t *request, live_print *print, void *arg)
{
	struct answer a = { .live = l, .print = print, .arg = arg, .status = COMMAND_FINE };
	size_t len = 0;
	char *line = request ? protocol_print(request, &len) : NULL;
	int fd, error;

	l->is_asked = false;
	l->pid = 0;
	fd = line ? connect_to(l) : unreachable(l, ENOMEM);
	if (fd < 0) {
		free(line);
		return COMMAND_UNREACHABLE;
	}
	l->is_asked = true;
	if (send_parts(l, fd)) /* who has refused us has said why */
		(void)send_all(fd, line, len);
	error = read_answer(&a, fd);
	free(line);
	close(fd);
	if (error == 0)
		return a.status;
	(void)unreachable(l, error);
	return COMMAND_UNREACHABLE;
}

/* ---- reading answers ------------------------------------------------------------------------------ */

const char *live_text(const json_t *line, const char *key)
{
	const char *text = protocol_text(line, key);

	return text ? text : "";
}

long long live_number(const json_t *line, const char *key)
{
	return protocol_number(line, key, 0);
}

char *live_time(const json_t *line, const char *key, char buf[LIVE_TIME_MAX])
{
	const char *text = live_text(line, key);

	snprintf(buf, LIVE_TIME_MAX, "%s", *text ? text : "-");
	if (strlen(text) >= 19) {
		buf[10] = ' ';
		buf[19] = '\0';
	}
	return buf;
}

char *live_span(long long seconds, char buf[LIVE_SPAN_MAX])
{
	if (seconds >= 86400)
		snprintf(buf, LIVE_SPAN_MAX, "%lldd %lldh", seconds / 86400, seconds % 86400 / 3600);
	else if (seconds >= 3600)
		snprintf(buf, LIVE_SPAN_MAX, "%lldh %lldm", seconds / 3600, seconds % 3600 / 60);
	else if (seconds >= 60)
		snprintf(buf, LIVE_SPAN_MAX, "%lldm %llds", seconds / 60, seconds % 60);
	else
		snprintf(buf, LIVE_SPAN_MAX, "%llds", seconds);
	return buf;
}

long long live_read_span(const char *text)
{
	static const struct {
		const char *suffix;
		long long seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || n < 0 || n > 366LL * 86400 || text[0] < '0' || text[0] > '9')
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].suffix) == 0)
			return n * units[i].seconds;
	return -1;
}

long long live_read_number(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	return end != text && *end == '\0' && n > 0 ? n : -1;
}

void live_set_text(json_t *request, const char *key, const char *text)
{
	if (text)
		field_set_text(request, key, text);
}

bool live_read_prefix(const char *text, struct prefix *out, char why[LIVE_WHY_MAX])
{
	char right[PREFIX_TEXT_MAX];
	int r = prefix_parse(text, out);

	if (r == -EDOM)
		snprintf(why, LIVE_WHY_MAX, "%.100s has bits behind its length: write %s", text,
		        prefix_print(out, right));
	else if (r)
		snprintf(why, LIVE_WHY_MAX,
		        "\"%.100s\" is no address or prefix, like 192.0.2.1, 192.0.2.0/24 or 2001:db8::1",
		        text);
	return r == 0;
}

bool live_has_prefix(const struct live *l, struct prefix *out)
{
	char why[LIVE_WHY_MAX] = "takes one address or prefix, like 192.0.2.1 or 192.0.2.0/24";

	if (l->argc == 1 && live_read_prefix(l->argv[0], out, why))
		return true;
	fprintf(stderr, "%s: %s\n", l->name, why);
	return false;
}
