/* client.c - client bytes to commands and bodies.
 *
 * One function per mode (state.h), each reads what belongs to it and may change the mode. Lines
 * become entries of `pending`; what a command changes at once, before its reply (DATA holds back what
 * follows it, BDAT announces bytes, MAIL opens a transaction as the client sees it), is in the table
 * `senders`. What needs the reply is server.c's.
 *
 * Secrets never leave: of AUTH and the responses to a 334 only the mechanism and the user's name are kept (auth.c);
 * of an unknown command only its first word, and not even that once AUTH has been sent, because a
 * response sent too early or too late looks like an unknown command, or behind a DATA that was refused, because
 * a body sent nevertheless does. Around a bare CR, which may have ended a line to the server, AUTH
 * is looked for in the line of any verb.
 *
 * Behind AUTH lines are read as commands at once, not held as behind DATA: if the server refuses the
 * AUTH they are commands, and a recipient among them must be judged in time. If the server asks for
 * a response, the oldest of them was it.
 *
 * Sources: RFC 5321 4.1; RFC 3030 (BDAT); RFC 4954 (AUTH); RFC 3207 (STARTTLS); the PROXY protocol,
 * versions 1 and 2 (haproxy.org, proxy-protocol.txt section 2).
 */
#include <string.h>
#include <strings.h>

#include "smtp/state.h"

enum { ODD_BYTES_MAX = 64, PROXY_HEADER = 16, PROXY_SIGNATURE = 12, PROXY_VERB = 4 };

static const uint8_t proxy_signature[PROXY_SIGNATURE + 1] = "\r\n\r\n\0\r\nQUIT\n";

/* ---- taking entries ------------------------------------------------------------------------------- */

/* Too many commands in flight: from here on replies can't be told apart until they run dry. */
static void tell_pending_full(struct dialogue *d)
{
	if (!d->pending_full_told)
		due_add_odd(d, ODD_PENDING_FULL, SMTP_CLIENT, d->line.offset, 0, 0);
	d->pending_full_told = true;
	d->synced = false;
	d->blind = true;
	dialogue_lose(d);
}

static uint32_t take_entry(struct dialogue *d)
{
	uint32_t id = d->pending.count < SMTP_PENDING_MAX ? pool_take(d->pool) : 0;

	if (id == 0)
		tell_pending_full(d);
	return id;
}

static void drop_reading(struct dialogue *d)
{
	if (d->reading)
		slab_give(d->pool, d->reading);
	d->reading = 0;
}

void client_drop_line(struct dialogue *d)
{
	drop_reading(d);
	line_init(&d->line);
	d->skip_line = false;
}

/* ---- what is kept of a line ------------------------------------------------------------------------- */

static void set_path(struct event_path *path, const uint8_t *text, uint32_t len, bool brackets)
{
	uint32_t room = sizeof(path->bytes), at = 0;

	if (brackets)
		path->bytes[at++] = '<';
	path->cut = len > room - at;
	if (path->cut)
		len = room - at;
	memcpy(path->bytes + at, text, len);
	at += len;
	if (brackets && at < room)
		path->bytes[at++] = '>';
	path->len = (uint16_t)at;
}

static bool holds_auth(const struct dialogue *d)
{
	uint32_t i;

	for (i = 0; i + 4 <= d->line.kept; i++)
		if (strncasecmp((const char *)d->store + i, "AUTH", 4) == 0)
			return true;
	return false;
}

/* Whether none of the words may be told: see the top of this file. */
static bool is_secret(const struct dialogue *d, enum smtp_verb verb)
{
	bool unknown = verb == SMTP_VERB_UNKNOWN;

	return verb == SMTP_VERB_AUTH || (unknown && (d->auth_seen || d->body_refused)) ||
	       ((unknown || d->line.odd & 1u << LINE_BARE_CR) && holds_auth(d));
}

static void keep_text(struct dialogue *d, struct smtp_command *c)
{
	const struct command_scan *s = &d->scan;
	enum smtp_verb verb = (enum smtp_verb)s->verb;
	const uint8_t *line = d->store, *cr;
	uint32_t from = s->arg_at, to = d->line.kept;

	if (command_keyword(verb)) {
		set_path(&c->path, line + s->path_at, s->path_end - s->path_at, !s->angle);
		return;
	}
	if (verb == SMTP_VERB_UNKNOWN) {
		from = s->verb_at;
		to = is_secret(d, verb) ? from : from + command_word(line, from, to);
		to = to - from < EVENT_NAME_MAX ? to : from + EVENT_NAME_MAX - 1;
	} else if (verb == SMTP_VERB_AUTH) {
		to = from + command_word(line, from, to);
	}
	cr = memchr(line + from, '\r', to - from);
	to = cr ? (uint32_t)(cr - line) : to;
	while (to > from && (line[to - 1] == ' ' || line[to - 1] == '\t'))
		to--;
	set_path(&c->path, line + from, to - from, false);
}

/* ---- oddities --------------------------------------------------------------------------------------- */

static void tell_odd_at(struct dialogue *d, enum event_odd what, uint64_t at)
{
	uint32_t from = at > ODD_BYTES_MAX / 2 ? (uint32_t)at - ODD_BYTES_MAX / 2 : 0, len = 0;

	if (!is_secret(d, (enum smtp_verb)d->scan.verb) && at <= d->line.kept)
		len = d->line.kept - from < ODD_BYTES_MAX ? d->line.kept - from : ODD_BYTES_MAX;
	due_add_odd(d, what, SMTP_CLIENT, d->line.offset + at, from, len);
}

void client_tell_injection(struct dialogue *d)
{
	if (d->injection)
		tell_odd_at(d, ODD_STARTTLS_INJECTION, 0);
	d->injection = false;
}

static void tell_oddities(struct dialogue *d)
{
	static const uint8_t odd[LINE_ODDITY_COUNT] = { ODD_BARE_LF, ODD_BARE_CR, ODD_NUL, ODD_BINARY,
		ODD_LINE_TOO_LONG };
	unsigned i;

	line_judge_bytes(&d->line, d->store);
	for (i = 0; i < LINE_ODDITY_COUNT; i++)
		if (d->line.odd & 1u << i)
			tell_odd_at(d, (enum event_odd)odd[i], d->line.odd_at[i]);
	d->bare_lf = d->bare_lf || (d->line.odd & 1u << LINE_BARE_LF);
	d->miscounted = d->miscounted || (d->line.odd & ~(1u << LINE_BINARY)) || d->scan.verb_end == 0;
	if (d->pending.first && pool_get(d->pool, d->pending.first)->verb == SMTP_VERB_GREETING &&
	        !d->early_talk_told) {
		d->early_talk_told = true;
		d->early_talk =
		        true; /* told with the greeting: without one, there is nothing to be early for */
		d->early_talk_at = d->line.offset;
	}
	client_tell_injection(d);
}

/* ---- commands ----------------------------------------------------------------------------------------- */

static void send_leave(struct dialogue *d, struct smtp_command *c)
{
	(void)c;
	d->client_tx = d->client_rcpts = 0;
	d->chunking = d->left_open = false;
}

static void send_mail(struct dialogue *d, struct smtp_command *c)
{
	if (d->left_open)
		defer_command(d, c);
	send_leave(d, c);
	d->client_tx = c->tx_id = ++d->tx_count;
}

static void send_rcpt(struct dialogue *d, struct smtp_command *c)
{
	c->tx_id = d->client_tx;
	c->rcpt_index = d->client_rcpts++;
}

static void send_data(struct dialogue *d, struct smtp_command *c)
{
	c->tx_id = d->client_tx;
	if (defer_is_on(d))
		defer_command(d, c);
	if (c->judgement.refused) {
		send_leave(d, c); /* the server reads RSET */
		return;
	}
	d->mode = CLIENT_HELD;
	d->early_body = false;
}

/* The bytes follow whatever the server says (RFC 3030 section 2). A line that is no BDAT to us may
 * be one to the server (command_parse_chunk()): then nobody knows where the next command begins. */
static void send_bdat(struct dialogue *d, struct smtp_command *c)
{
	uint64_t bytes;
	bool last;

	c->tx_id = d->client_tx;
	if (!command_parse_chunk(d->store, d->scan.arg_at, d->line.kept, &bytes, &last)) {
		if (defer_is_on(d))
			defer_command(d, c);
		dialogue_lose(d);
		d->blind = true;
		return;
	}
	if (last && defer_is_on(d))
		defer_command(d, c);
	d->left_open = d->left_open || c->judgement.refused;
	if (!d->chunking)
		body_begin(&d->body);
	d->body_skipped = false;
	body_begin_chunk(&d->body, bytes);
	c->size_bytes = d->body.size_bytes + bytes;
	c->last = last;
	d->chunking = !last;
	if (last) {
		d->ends_pending += ends_data(c);
		d->client_tx = d->client_rcpts = 0;
	}
	if (bytes == 0)
		return;
	d->mode = CLIENT_CHUNK;
	d->body_from = UINT64_MAX; /* its first byte is read next */
	/* A server whose lines end at CRLF alone may have read the BDAT as the rest of another line. */
	d->blind = d->blind || d->bare_lf || !(d->chunking_offered || d->midstream);
}

static void send_starttls(struct dialogue *d, struct smtp_command *c)
{
	(void)c;
	d->mode = CLIENT_STARTTLS;
}

static void send_auth(struct dialogue *d, struct smtp_command *c)
{
	(void)c;
	d->auth_seen = true;
	auth_begin(&d->auth, d->store + d->scan.arg_at, d->line.kept - d->scan.arg_at);
}

static void (*const senders[SMTP_VERB_COUNT])(struct dialogue *, struct smtp_command *) = {
	[SMTP_VERB_HELO] = send_leave,
	[SMTP_VERB_EHLO] = send_leave,
	[SMTP_VERB_LHLO] = send_leave,
	[SMTP_VERB_RSET] = send_leave,
	[SMTP_VERB_MAIL] = send_mail,
	[SMTP_VERB_RCPT] = send_rcpt,
	[SMTP_VERB_DATA] = send_data,
	[SMTP_VERB_BDAT] = send_bdat,
	[SMTP_VERB_STARTTLS] = send_starttls,
	[SMTP_VERB_AUTH] = send_auth,
	[SMTP_VERB_UNKNOWN] = defer_unknown,
};

/* The path of a RCPT is complete: tells it, before the rest of the line is read. */
static void begin_recipient(struct dialogue *d, const struct piece *p)
{
	struct smtp_command *c;
	struct due *due;

	d->reading = take_entry(d);
	if (d->reading == 0)
		return;
	c = pool_get(d->pool, d->reading);
	c->verb = SMTP_VERB_RCPT;
	c->tx_id = d->client_tx;
	c->rcpt_index = d->client_rcpts;
	c->offset = d->line.offset;
	keep_text(d, c);
	due = due_add(d, SMTP_FACT_RECIPIENT);
	due->command = d->reading;
	due->late = p->late;
}

static void take_command(struct dialogue *d, const struct piece *p)
{
	struct smtp_command *c;
	uint32_t id;

	if (d->scan.verb == SMTP_VERB_RCPT && !d->reading)
		begin_recipient(d, p);
	else if (!d->reading)
		d->reading = take_entry(d);
	id = d->reading;
	d->reading = 0;
	if (id == 0)
		return;
	c = pool_get(d->pool, id);
	c->verb = d->scan.verb;
	c->offset = d->line.offset;
	c->sent_us = p->now_us;
	keep_text(d, c);
	dialogue_append(d, id);
	if (senders[c->verb])
		senders[c->verb](d, c);
}

static void end_line(struct dialogue *d, const struct piece *p)
{
	if (d->skip_line || !d->synced) {
		d->skip_line = false;
		drop_reading(d);
		return;
	}
	if (d->challenged) {
		d->challenged = false;
		auth_respond(&d->auth, d->store, d->line.kept);
		drop_reading(d);
		return;
	}
	command_finish(&d->scan, d->store, d->line.kept);
	if (d->scan.verb == SMTP_VERB_PROXY && d->line.offset == 0) {
		d->mode = CLIENT_START; /* PROXY v1: no command, and TLS may follow */
		return;
	}
	tell_oddities(d);
	take_command(d, p);
}

/* ---- one function per mode -------------------------------------------------------------------------- */

/* The path of a RCPT was told at a CR that was not the end of its line: what follows may be more of it. */
static void judge_behind_cr(struct dialogue *d)
{
	uint32_t at;

	for (at = d->bare_end; at < d->line.kept; at++)
		if (!command_is_blank(d->store[at]))
			d->blind = true;
}

static uint32_t read_commands(struct dialogue *d, const struct piece *p)
{
	const uint8_t *cr = memchr(p->bytes, '\r', p->len);
	uint32_t len = cr ? (uint32_t)(cr - p->bytes) + 1 : p->len, used;

	if (!line_is_open(&d->line)) {
		d->scan = (struct command_scan) { 0 };
		d->defer_letters = 0;
		d->bare_end = 0;
	}
	used = line_push(&d->line, d->store, SMTP_LINE_MAX, p->bytes, len, p->offset, '>');
	if (d->bare_end > 0)
		judge_behind_cr(d);
	if ((defer_is_on(d) || d->left_open) && d->synced && !d->skip_line && !d->challenged)
		defer_tell_letters(d, p, used);
	if (d->line.done) {
		end_line(d, p);
		return used;
	}
	if (!d->synced || d->skip_line || d->challenged)
		return used;
	command_scan(&d->scan, d->store, d->line.kept);
	if (d->line.cr && d->scan.verb == SMTP_VERB_RCPT && command_in_bare_path(&d->scan)) {
		command_finish(&d->scan, d->store, d->line.kept);
		d->bare_end = d->line.kept;
	}
	if (d->scan.verb == SMTP_VERB_RCPT && d->scan.path_done && !d->reading)
		begin_recipient(d, p);
	return used;
}

/* Holds back a PROXY v2 header until it is known to be one; if it is none, what was held is read. */
static uint32_t read_start(struct dialogue *d, const struct piece *p)
{
	uint32_t i;

	for (i = 0; i < p->len; i++) {
		uint8_t byte = p->bytes[i];
		uint32_t at = d->held_to;

		if (at == 0 && tls_is_start(byte)) {
			d->mode = CLIENT_TLS;
			d->blind = true;
			return i;
		}
		if (at == 0 && (byte != proxy_signature[0] || d->midstream)) {
			d->mode = CLIENT_COMMANDS;
			return i;
		}
		if (at == 0)
			d->held_offset = p->offset + i;
		d->store[at] = byte;
		d->held_to = at + 1;
		if (at < PROXY_SIGNATURE && byte != proxy_signature[at]) {
			d->mode = CLIENT_COMMANDS;
			return i + 1;
		}
		if (d->held_to == PROXY_HEADER) {
			d->skip = (uint64_t)d->store[14] << 8 | d->store[15];
			d->proxy_until = p->offset + i + 1 + d->skip + PROXY_VERB - 1;
			d->held_to = 0;
			d->mode = d->skip > 0 ? CLIENT_SKIP : CLIENT_START;
			return i + 1;
		}
	}
	return p->len;
}

static uint32_t read_skip(struct dialogue *d, const struct piece *p)
{
	uint32_t used = p->len < d->skip ? p->len : (uint32_t)d->skip;

	d->skip -= used;
	if (d->skip == 0)
		d->mode = CLIENT_START;
	return used;
}

/* Some RCPT ends at store[from, to): as commands, what is held would name a recipient. */
static bool holds_recipient(const struct dialogue *d, uint32_t from, uint32_t to)
{
	uint32_t at;

	for (at = from > d->held_from + 3 ? from - 3 : d->held_from; at + 4 <= to; at++)
		if (strncasecmp((const char *)d->store + at, "RCPT", 4) == 0)
			return true;
	return false;
}

static uint32_t read_held_back(struct dialogue *d, const struct piece *p)
{
	uint32_t room, take;

	if (!d->early_body) {
		d->early_body = true; /* told with the reply to DATA */
		d->early_body_at = p->offset;
	}
	if (d->held_from == d->held_to)
		d->held_offset = p->offset;
	memmove(d->store, d->store + d->held_from, d->held_to - d->held_from);
	d->held_to -= d->held_from;
	d->held_from = 0;
	room = d->held_full ? 0 : SMTP_EARLY_MAX - d->held_to;
	take = p->len < room ? p->len : room;
	memcpy(d->store + d->held_to, p->bytes, take);
	d->blind = d->blind || holds_recipient(d, d->held_to, d->held_to + take);
	d->held_to += take;
	if (take < p->len) {
		d->held_full = true;
		d->blind = true;
		dialogue_lose(d);
	}
	return p->len;
}

void client_begin_body(struct dialogue *d)
{
	drop_reading(d);
	line_init(&d->line);
	d->skip_line = false;
	body_begin(&d->body);
	d->body_gapped = d->body_skipped = false;
	d->chunking = false;
	d->mode = CLIENT_BODY;
	d->body_from = d->held_from < d->held_to ? d->held_offset : d->offset[SMTP_CLIENT];
}

void client_body_done(struct dialogue *d, uint64_t offset, uint64_t now_us)
{
	struct smtp_command *c;
	uint32_t id = take_entry(d);

	d->mode = CLIENT_COMMANDS;
	d->body_gapped = false;
	if (id == 0)
		return;
	c = pool_get(d->pool, id);
	c->verb = SMTP_VERB_BODY;
	c->tx_id = d->client_tx;
	c->offset = offset;
	c->sent_us = now_us;
	c->size_bytes = d->body.size_bytes;
	dialogue_append(d, id);
	d->ends_pending++;
	d->client_tx = d->client_rcpts = 0;
}

static uint32_t read_body(struct dialogue *d, const struct piece *p)
{
	bool end;
	uint32_t used = body_push(&d->body, p->bytes, p->len, p->offset, &end);

	due_add_eod(d, end, p->late);
	if (end)
		client_body_done(d, p->offset + used - 3, p->now_us); /* the dot of ".\r\n" */
	return used;
}

static uint32_t read_chunk(struct dialogue *d, const struct piece *p)
{
	bool end;
	uint32_t used = body_push_chunk(&d->body, p->bytes, p->len, &end);

	if (d->body_from == UINT64_MAX)
		d->body_from = p->offset;
	if (end)
		d->mode = CLIENT_COMMANDS;
	return used;
}

/* A client may not speak behind STARTTLS before its reply, but for TLS that overtakes it here. What
 * it says is read as commands: a server that does not forget them will run them. */
static uint32_t read_starttls(struct dialogue *d, const struct piece *p)
{
	if (tls_is_start(p->bytes[0])) {
		d->mode = CLIENT_TLS;
		d->blind = true;
		return 0;
	}
	d->injection = true;
	dialogue_lose(d);
	d->mode = CLIENT_COMMANDS;
	return 0;
}

static uint32_t read_tls_next(struct dialogue *d, const struct piece *p)
{
	d->mode = tls_is_start(p->bytes[0]) ? CLIENT_TLS : CLIENT_COMMANDS;
	d->tls_agreed = d->mode == CLIENT_TLS;
	return 0;
}

static uint32_t read_tls(struct dialogue *d, const struct piece *p)
{
	uint32_t used;

	if (dialogue_push_tls(d, SMTP_CLIENT, p, &used))
		return used;
	dialogue_leave_tls(d);
	return used;
}

/* To a server that does not speak PROXY and whose lines end at CRLF alone the header is no QUIT but a part of
 * some line, and what it covers is read on. The verb of a recipient that begins there is no address. */
static void watch_proxy_header(struct dialogue *d, const struct piece *p, uint32_t used, uint64_t until)
{
	static const uint8_t verb[PROXY_VERB] = { 'r', 'c', 'p', 't' };
	uint32_t i;

	for (i = 0; i < used && p->offset + i < until; i++) {
		uint8_t letter = p->bytes[i] | 32;

		d->proxy_matched = letter == verb[d->proxy_matched] ? (uint8_t)(d->proxy_matched + 1)
		                                                    : letter == verb[0];
		if (d->proxy_matched < PROXY_VERB)
			continue;
		d->blind = true;
		d->proxy_matched = 0;
	}
}

uint32_t client_read(struct dialogue *d, const struct piece *p)
{
	static uint32_t (*const readers[CLIENT_MODE_COUNT])(struct dialogue *, const struct piece *) = {
		[CLIENT_START] = read_start,
		[CLIENT_SKIP] = read_skip,
		[CLIENT_COMMANDS] = read_commands,
		[CLIENT_HELD] = read_held_back,
		[CLIENT_BODY] = read_body,
		[CLIENT_CHUNK] = read_chunk,
		[CLIENT_STARTTLS] = read_starttls,
		[CLIENT_TLS_NEXT] = read_tls_next,
		[CLIENT_TLS] = read_tls,
	};

	uint64_t until = d->proxy_until; /* of a header read before: its fixed part is not watched */
	uint32_t used = readers[d->mode](d, p);

	watch_proxy_header(d, p, used, until);
	return used;
}
