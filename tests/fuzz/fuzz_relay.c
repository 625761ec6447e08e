/* fuzz_relay.c - a client that wants to relay, the engine, and a server that would relay for anybody.
 *
 * The client is the fuzzer's; the server is a small model that reads what the engine lets through, as a
 * server does: bytes in order, the first that come count; lines, bodies to CRLF.CRLF, chunks. Its replies
 * go through the engine, too. The engine saw the connection from its start and enforces, so what may never be:
 *   - that the server takes a mail for a recipient at foreign.test. The recipient alone it may take: behind
 *     max-refusals one whose verb has left passes as it is, in a transaction that never comes to its end;
 *   - that the client reads yes to a command of a mail that reached the server as another one; unless a bare LF of it
 *     was no end of a line to this server, since then it has no honest count of its commands; or it has been cut off.
 *
 * First byte of the input: 3 = the action (reset apart, which lets the command through and ends the
 * connection before the end of data), 4 = a bare LF ends a line to the server, 8 = it offers CHUNKING, 16 = it
 * refuses every MAIL, 32 = it answers what it does not know with 250, 64 = its lines come in two pieces, 128 =
 * recipients without brackets are fine. The second: 1 = MAIL within a transaction is refused, 2 = RSET is
 * unknown to it, 4 = DATA needs no recipient. Orders: N, a new segment; b N / j N: the next one begins so far back /
 * further on; f N: its flags; X: its checksum is wrong; H: the server's replies wait until the next H.
 */
#include "engine.h"

enum { STREAM_ROOM = 1 << 16, REPLY_ROOM = 1 << 14, LINE_ROOM = 4096 };

static struct server {
	uint8_t options, more_options;
	uint8_t bytes[STREAM_ROOM]; /* of the client, by stream offset */
	uint8_t sent[STREAM_ROOM];  /* the same as the client sent them */
	bool have[STREAM_ROOM];
	uint32_t next; /* in order */
	char line[LINE_ROOM];
	uint32_t line_len;
	uint32_t line_from; /* stream offset */
	bool line_edited, bare_lf;
	uint8_t tail[5]; /* of a body */
	uint32_t chunk;
	unsigned rcpts, foreign;
	bool in_body, last_chunk, mail, closed;
	char reply[REPLY_ROOM];
	bool no_yes[REPLY_ROOM]; /* what the client must not read there */
	uint32_t reply_len;
} server;

static struct client {
	uint32_t seq, server_seq;
	int32_t shift;
	uint8_t flags;
	bool wrong_sum, server_waits, over;
	bool cut_off; /* what comes next in order passes no more; the reset waits for the end of data that is out */
	bool in_line, no_yes; /* of the reply it reads */
	uint8_t digit;
} client;

enum { CLIENT_ISN = 0xfffffff0, SERVER_ISN = 7000, PAYLOAD_AT = 40 };

static void answer(const char *text)
{
	size_t n = strlen(text);

	if (server.reply_len + n < REPLY_ROOM) {
		memcpy(server.reply + server.reply_len, text, n);
		memset(server.no_yes + server.reply_len, 0, n);
		server.no_yes[server.reply_len] = server.line_edited;
		server.reply_len += (uint32_t)n;
	}
}

/* ---- the server's reading ------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* "TO:<x@foreign.test>": where the mail would go, and that it is well-formed. */
static void on_rcpt(const char *arg)
{
	static const char domain[] = "@foreign.test";
	size_t len, n = sizeof(domain) - 1;
	const char *path;
	char last = ' ';

	arg = skip_blanks(arg);
	path = strncasecmp(arg, "TO", 2) == 0 ? skip_blanks(arg + 2) : "";
	path = *path == ':' ? skip_blanks(path + 1) : "";
	if (*path == '<') {
		path++;
		last = '>';
	} else if (!(server.options & 128)) {
		path = "";
	}
	len = strcspn(path, "<> \t\"\\,;:()[]\r\001");
	if (len == 0 || (path[len] != last && !(last == ' ' && path[len] == '\0'))) {
		answer("501 5.1.3 Bad recipient address syntax\r\n");
	} else if (!server.mail) {
		answer("503 5.5.1 MAIL first\r\n");
	} else {
		server.foreign += len >= n && strncasecmp(path + len - n, domain, n) == 0;
		server.rcpts++;
		answer("250 2.1.5 Ok\r\n");
	}
}

static void forget_mail(void)
{
	server.mail = false;
	server.rcpts = server.foreign = 0;
}

static void on_mail(const char *arg)
{
	(void)arg;
	if (server.options & 16) {
		answer("451 4.3.0 Not now\r\n");
		return;
	}
	if (server.mail && (server.more_options & 1)) {
		answer("503 5.5.1 Nested MAIL command\r\n");
		return;
	}
	forget_mail();
	server.mail = true;
	answer("250 2.1.0 Ok\r\n");
}

static void on_data(const char *arg)
{
	(void)arg;
	server.in_body = server.mail && (server.rcpts > 0 || (server.more_options & 4));
	memcpy(server.tail, "\0\0\0\r\n", 5);
	answer(server.in_body ? "354 End data with <CR><LF>.<CR><LF>\r\n" : "503 5.5.1 No recipients\r\n");
}

static void on_bdat(const char *arg)
{
	char *end;
	unsigned long n = strtoul(skip_blanks(arg), &end, 10);

	if (!(server.options & 8) || n > STREAM_ROOM || (*end && *end != ' ')) {
		answer("502 5.5.1 Not here\r\n");
		return;
	}
	server.chunk = (uint32_t)n;
	server.last_chunk = strncasecmp(skip_blanks(end), "LAST", 4) == 0;
	server.in_body = true;
}

static void on_hello(const char *arg)
{
	(void)arg;
	forget_mail();
	answer(server.options & 8 ? "250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
	                          : "250-mx\r\n250 PIPELINING\r\n");
}

static void on_reset(const char *arg)
{
	(void)arg;
	if (server.more_options & 2) {
		answer("500 5.5.2 Command not recognized\r\n");
		return;
	}
	forget_mail();
	answer("250 2.0.0 Ok\r\n");
}

static void on_quit(const char *arg)
{
	(void)arg;
	server.closed = true;
	answer("221 2.0.0 Bye\r\n");
}

static void on_line(void)
{
	static const struct {
		const char *verb;
		void (*read)(const char *arg);
	} verbs[] = { { "EHLO", on_hello }, { "HELO", on_hello }, { "MAIL", on_mail }, { "RCPT", on_rcpt },
		{ "DATA", on_data }, { "BDAT", on_bdat }, { "RSET", on_reset }, { "QUIT", on_quit } };
	const char *p = skip_blanks(server.line);
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strncasecmp(p, verbs[i].verb, 4) == 0 && (!p[4] || p[4] == ' ' || p[4] == '\t')) {
			verbs[i].read(p + 4);
			return;
		}
	answer(server.options & 32 ? "250 fine\r\n" : "500 5.5.2 Command not recognized\r\n");
}

/* A mail has come to its end. */
static void on_message(void)
{
	FUZZ_CHECK(server.foreign == 0);
	server.in_body = false;
	answer("250 2.0.0 Ok: queued as 4ABC\r\n");
	forget_mail();
}

static void on_body_byte(uint8_t byte)
{
	memmove(server.tail, server.tail + 1, 4);
	server.tail[4] = byte;
	if (memcmp(server.tail, "\r\n.\r\n", 5) == 0)
		on_message();
}

static void end_chunk(void)
{
	if (server.last_chunk && server.rcpts > 0 && server.mail)
		on_message();
	else
		answer("250 2.0.0 Chunk\r\n");
	server.in_body = false;
}

/* The line at bytes[from, to) is part of a mail as the client sent it, and is not as the client sent it. A NUL ends
 * the verb, too, as it does where this server reads. */
static bool was_edited(uint32_t from, uint32_t to)
{
	static const char *const verbs[] = { "MAIL", "RCPT", "DATA", "BDAT" };
	bool ours = false;
	uint32_t i, verb;

	for (verb = from; server.sent[verb] == ' ' || server.sent[verb] == '\t'; verb++)
		;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		ours |= strncasecmp((const char *)server.sent + verb, verbs[i], 4) == 0 &&
		        memchr(" \t\r\n", server.sent[verb + 4], 5) != NULL;
	return ours && memcmp(server.bytes + from, server.sent + from, to - from) != 0;
}

static void on_byte(uint8_t byte, uint32_t at)
{
	if (server.in_body && server.chunk > 0) {
		if (--server.chunk == 0)
			end_chunk();
		return;
	}
	if (server.in_body) {
		on_body_byte(byte);
		return;
	}
	server.line_edited = false;
	if (server.line_len == 0)
		server.line_from = at;
	if (server.line_len < LINE_ROOM - 1)
		server.line[server.line_len++] = (char)byte;
	if (byte != '\n' ||
	        !((server.options & 4) || (server.line_len > 1 && server.line[server.line_len - 2] == '\r')))
		return;
	server.line_len--;
	server.line_len -= server.line_len > 0 && server.line[server.line_len - 1] == '\r';
	server.line[server.line_len] = '\0';
	server.bare_lf |= memchr(server.sent + server.line_from, '\n', at - server.line_from) != NULL;
	server.line_len = 0;
	server.line_edited = !server.bare_lf && was_edited(server.line_from, at + 1);
	on_line();
	if (server.in_body && server.chunk == 0 && strncasecmp(skip_blanks(server.line), "BDAT", 4) == 0)
		end_chunk();
	if (!server.in_body)
		server.line_edited = false;
}

/* ---- packets ---------------------------------------------------------------------------------------------- */

static enum verdict_kind send_packet(
        bool from_client, uint32_t seq, uint8_t flags, const uint8_t *text, uint32_t len)
{
	static uint8_t bytes[PACKET_ROOM];
	struct packet_spec spec = { .src = from_client ? ENGINE_CLIENT : ENGINE_SERVER,
		.dst = from_client ? ENGINE_SERVER : ENGINE_CLIENT,
		.sport = from_client ? 40000 : 25,
		.dport = from_client ? 25 : 40000,
		.seq = seq,
		.ack = from_client ? client.server_seq : CLIENT_ISN + 1 + server.next,
		.flags = flags,
		.window = 65000,
		.payload = (const char *)text,
		.payload_len = len,
		.tcp_check_xor = from_client && client.wrong_sum ? 1 : 0,
		.time_us = engine.now_us };
	struct packet meta;
	enum verdict_kind kind;

	packet_build(&spec, bytes, &meta);
	engine.now_us += 1000;
	kind = engine_packet(&meta, bytes);
	client.over |= kind == VERDICT_RESET;
	return kind;
}

/* The server's TCP: the first bytes at a place count; nothing behind a FIN. sent: the payload before the engine
 * had it. */
static void deliver(uint32_t seq, uint8_t flags, const uint8_t *payload, const uint8_t *sent, uint32_t len)
{
	uint32_t at = seq - CLIENT_ISN - 1, i;

	if ((flags & TCP_RST) && at == server.next)
		server.closed = true;
	if ((flags & (TCP_RST | TCP_SYN | TCP_URG)) || !(flags & TCP_ACK))
		return;
	for (i = 0; i < len; i++)
		if (at + i < STREAM_ROOM && at + i >= server.next && !server.have[at + i]) {
			server.bytes[at + i] = payload[i];
			server.sent[at + i] = sent[i];
			server.have[at + i] = true;
		}
	while (server.next < STREAM_ROOM && server.have[server.next] && !server.closed) {
		on_byte(server.bytes[server.next], server.next);
		server.next++;
	}
	server.closed |= (flags & TCP_FIN) && at + len == server.next;
}

/* What the client reads, from a place in the server's replies on. It acts on a line when it has all of it. */
static void read_replies(uint32_t at, uint32_t len)
{
	const uint8_t *bytes = engine.packet + PAYLOAD_AT;
	uint32_t i;

	for (i = 0; i < len && !client.over && !client.cut_off; i++) {
		if (!client.in_line) {
			client.no_yes = server.no_yes[at + i];
			client.digit = bytes[i];
		}
		client.in_line = bytes[i] != '\n';
		FUZZ_CHECK(client.in_line || !client.no_yes || (client.digit != '2' && client.digit != '3'));
	}
}

static void send_replies(void)
{
	uint32_t n = server.options & 64 ? (server.reply_len + 1) / 2 : server.reply_len, at;

	for (at = 0; at < server.reply_len && !client.over; at += n) {
		n = n < server.reply_len - at ? n : server.reply_len - at;
		if (send_packet(false, client.server_seq, TCP_ACK | TCP_PSH,
		            (const uint8_t *)server.reply + at, n) != VERDICT_ACCEPT)
			client.over = true;
		client.server_seq += n;
		read_replies(at, n);
	}
	server.reply_len = 0;
}

static void send_text(const uint8_t *text, uint32_t len)
{
	uint32_t seq = client.seq + (uint32_t)client.shift;
	uint8_t flags = client.flags;
	bool wrong = client.wrong_sum;
	enum verdict_kind kind;

	if (client.shift >= 0)
		client.seq = seq + len;
	kind = send_packet(true, seq, flags, text, len);
	if (kind == VERDICT_ACCEPT && !wrong && !server.closed)
		deliver(seq, flags, engine.packet + PAYLOAD_AT, text, len);
	client.cut_off |= kind == VERDICT_DROP && !wrong && seq - CLIENT_ISN - 1 == server.next;
	client.shift = 0;
	client.flags = TCP_ACK | TCP_PSH;
	client.wrong_sum = false;
	if (!client.server_waits)
		send_replies();
}

static void obey(const struct step *s)
{
	switch (s->order) {
	case 'b':
		client.shift -= s->number;
		break;
	case 'j':
		client.shift += s->number;
		break;
	case 'f':
		client.flags = s->number;
		break;
	case 'X':
		client.wrong_sum = true;
		break;
	case 'H':
		client.server_waits = !client.server_waits;
		break;
	}
}

static void begin(uint8_t options, uint8_t more_options)
{
	static const struct policy *policies[3];
	const enum action actions[] = { ACTION_REFUSE_RECIPIENT, ACTION_DEFER_RECIPIENT,
		ACTION_REFUSE_SESSION };
	unsigned i;

	for (i = 0; i < 3 && !policies[i]; i++)
		policies[i] = policy_make(MODE_ENFORCE, actions[i]);
	engine_begin(policies[(options & 3) % 3], false);
	server = (struct server) { .options = options, .more_options = more_options };
	client = (struct client) { .seq = CLIENT_ISN, .server_seq = SERVER_ISN, .flags = TCP_ACK | TCP_PSH };
	send_packet(true, client.seq++, TCP_SYN, NULL, 0);
	send_packet(false, client.server_seq++, TCP_SYN | TCP_ACK, NULL, 0);
	send_packet(true, client.seq, TCP_ACK, NULL, 0);
	answer("220 mx.example.org ESMTP\r\n");
	send_replies();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct step s;

	uint8_t options = input_byte(&in);

	begin(options, input_byte(&in));
	while (!client.over && input_step(&in, "NXHbjf", &s)) {
		obey(&s);
		if (s.len > 0)
			send_text(s.text, s.len < 9000 ? (uint32_t)s.len : 9000);
	}
	send_replies();
	engine_end();
	return 0;
}
