/* server.c - server bytes to replies, replies to commands, and what the replies make true.
 *
 * Replies answer the pending commands in order. What an answer changes is in the table `answers`.
 *
 *   334 to AUTH is no end: the client's next line is a response; told is the AUTH's last reply.
 *   421 answers the oldest command if there is one, since RFC 5321 4.2.3 allows it as a reply to any
 *   command, and most servers send it as one; with nothing pending it is the server's goodbye.
 *   Anything else that nobody asked for means that we have lost count. Where a body had an end for lenient
 *   readers only, a yes (2xx but 221, 3xx) that nobody asked for, or a 354 to anything but DATA, is the sign
 *   that the server is one: it is told each time, up to a bound.
 *
 * The end of a transaction: DATA refused leaves it open (RFC 5321 4.1.4: only RSET, HELO, EHLO and the
 * end of data clear the buffers; servers do keep them), so more recipients and another DATA may
 * follow; but however it ends then, short of a completed one or another accepted recipient, it ends
 * as refused. A refused MAIL is a transaction of its own, over when the commands sent with it are
 * answered. LMTP (RFC 2033 4.2) answers the end of data once for every accepted recipient; the
 * transaction is completed if one of them was accepted.
 *
 * Reply lines end at CRLF or a bare LF; the latter is no oddity worth telling of a server.
 */
#include "smtp/state.h"

enum { ODD_BYTES_MAX = 64, END_BYTES = 3 /* ".", CR, LF */ };

static unsigned digit(const struct dialogue *d)
{
	return d->reply.code / 100u;
}

/* ---- what an answer changes ------------------------------------------------------------------------- */

/* Accepted by a server that is in another transaction than the client thought (a refused second MAIL,
 * a start that we missed): it belongs to the server's. */
static void adopt_tx(struct dialogue *d, struct smtp_command *c)
{
	if (c->tx_id == d->open_tx && c->tx_id != 0)
		return;
	if (d->open_tx == 0 && c->verb == SMTP_VERB_RCPT)
		d->open_tx = ++d->tx_count;
	c->tx_id = d->open_tx;
	c->rcpt_index = d->open_rcpts;
}

static void on_mail(struct dialogue *d, struct smtp_command *c, struct due *due)
{
	(void)due;
	d->body_refused = d->body_refused && digit(d) != 2;
	if (digit(d) == 2)
		dialogue_begin_anew(d, c);
	if (digit(d) == 2 && !c->judgement.refused) /* else the server's word is about a RSET */
		d->open_tx = c->tx_id;
	else
		d->refused_tx = c->tx_id;
}

static void on_rcpt(struct dialogue *d, struct smtp_command *c, struct due *due)
{
	(void)due;
	if (digit(d) == 2) {
		adopt_tx(d, c);
		d->open_accepted++;
		d->tx_refused = false;
	}
	if (c->tx_id == d->open_tx)
		d->open_rcpts++;
}

static void on_data(struct dialogue *d, struct smtp_command *c, struct due *due)
{
	(void)due;
	d->body_refused = digit(d) != 3;
	if (c->judgement.refused) { /* the server's word is about a RSET */
		d->tx_refused = true;
		if (digit(d) == 2) {
			dialogue_begin_anew(d, c);
			dialogue_end_tx(d, END_RESET);
		}
		return;
	}
	if (digit(d) == 3) {
		adopt_tx(d, c);
		client_begin_body(d);
		return;
	}
	if (d->mode == CLIENT_HELD)
		d->mode = CLIENT_COMMANDS;
	if (digit(d) == 2)
		dialogue_lose(d); /* no answer to DATA: who knows what the client makes of it */
	else
		d->tx_refused = true;
}

static void on_end_of_data(struct dialogue *d, struct smtp_command *c, struct due *due)
{
	d->end_accepted = d->end_accepted || digit(d) == 2;
	if (c->due > 0)
		return;
	due->final_data = true;
	dialogue_end_tx(d, d->end_accepted ? END_COMPLETED : END_REFUSED);
	d->end_accepted = false;
}

static void on_bdat(struct dialogue *d, struct smtp_command *c, struct due *due)
{
	if (digit(d) == 2)
		adopt_tx(d, c);
	if (c->judgement.refused) {
		d->tx_refused = true;
		dialogue_end_tx(d, END_RESET);
	} else if (c->last)
		on_end_of_data(d, c, due);
	else if (digit(d) > 3)
		d->tx_refused = true;
}

static void on_reset(struct dialogue *d, struct smtp_command *c, struct due *due)
{
	(void)due;
	if (digit(d) != 2)
		return;
	d->body_refused = false;
	dialogue_end_tx(d, END_RESET);
	dialogue_begin_anew(d, c);
	if (c->verb == SMTP_VERB_RSET)
		return;
	d->lmtp = c->verb == SMTP_VERB_LHLO;
	d->chunking_offered = d->reply.chunking;
}

static void on_quit(struct dialogue *d, struct smtp_command *c, struct due *due)
{
	(void)c;
	(void)due;
	if (digit(d) == 2)
		dialogue_end_tx(d, END_CLOSED);
}

static void on_auth(struct dialogue *d, struct smtp_command *c, struct due *due)
{
	(void)c;
	(void)due;
	d->challenged = false;
	if (d->reply.code == 235)
		d->authenticated = true;
}

static void on_starttls(struct dialogue *d, struct smtp_command *c, struct due *due)
{
	(void)c;
	(void)due;
	if (d->reply.code != 220) {
		if (d->mode == CLIENT_TLS)
			dialogue_leave_tls(d);
		else if (d->mode == CLIENT_STARTTLS)
			d->mode = CLIENT_COMMANDS;
		return;
	}
	client_tell_injection(d);
	dialogue_abandon(d, END_STARTTLS);
	d->tls_agreed = true;
	if (d->mode == CLIENT_TLS)
		return;
	client_drop_line(d);
	d->mode = CLIENT_TLS_NEXT;
}

static void (*const answers[SMTP_VERB_COUNT])(struct dialogue *, struct smtp_command *, struct due *) = {
	[SMTP_VERB_HELO] = on_reset,
	[SMTP_VERB_EHLO] = on_reset,
	[SMTP_VERB_LHLO] = on_reset,
	[SMTP_VERB_RSET] = on_reset,
	[SMTP_VERB_MAIL] = on_mail,
	[SMTP_VERB_RCPT] = on_rcpt,
	[SMTP_VERB_DATA] = on_data,
	[SMTP_VERB_BODY] = on_end_of_data,
	[SMTP_VERB_BDAT] = on_bdat,
	[SMTP_VERB_QUIT] = on_quit,
	[SMTP_VERB_AUTH] = on_auth,
	[SMTP_VERB_STARTTLS] = on_starttls,
};

/* ---- replies to commands -------------------------------------------------------------------------- */

/* Counts this reply off; true if it was the last that the command waits for. */
static bool count_off(struct dialogue *d, struct smtp_command *c)
{
	if (!c->answered && d->lmtp && ends_data(c) && d->open_accepted > 1)
		c->due = (uint16_t)(d->open_accepted < UINT16_MAX ? d->open_accepted : UINT16_MAX);
	c->answered = 1;
	if (d->reply.code == 421)
		c->due = 1; /* no more will come */
	return --c->due == 0;
}

/* What came before its time is told when its time comes: where the server's side is not seen, or a proxy made
 * the connection, nobody was early. */
static void tell_early(struct dialogue *d, const struct smtp_command *c)
{
	if (c->verb == SMTP_VERB_GREETING && d->early_talk) {
		due_add_odd(d, ODD_EARLY_TALK, SMTP_CLIENT, d->early_talk_at, 0, 0);
		d->early_talk = false;
	} else if (c->verb == SMTP_VERB_DATA && d->early_body) {
		due_add_odd(d, ODD_EARLY_BODY, SMTP_CLIENT, d->early_body_at, 0, 0);
		d->early_body = false;
	}
}

/* A yes to what nobody asked, where the server may have read commands that we did not (eod.h, dialogue_skip()); unless
 * there were other reasons to lose count before the first. */
static bool is_unexplained(struct dialogue *d)
{
	bool hidden;

	if (d->mode == CLIENT_BODY) {
		eod_settle(&d->body.eod);
		due_add_eod(d, true, true);
	}
	hidden = d->skimmed || (d->eod_seen && (d->certain || d->unexplained));
	if (!hidden || digit(d) > 3 || d->reply.code == 221 || d->unexplained == UNEXPLAINED_MAX)
		return false;
	d->unexplained++;
	return true;
}

static void tell_unexpected(struct dialogue *d)
{
	bool unexplained = is_unexplained(d);

	if ((!d->certain && !unexplained) || d->offset[SMTP_CLIENT] == 0) /* or the client is not seen here */
		return;
	due_add_odd(d, ODD_UNEXPECTED_REPLY, SMTP_SERVER, d->server_line.offset, 0,
	        d->server_line.kept < ODD_BYTES_MAX ? d->server_line.kept : ODD_BYTES_MAX);
	d->due[d->due_count - 1].extra = unexplained ? d->unexplained : 0;
}

static void answer(struct dialogue *d, uint32_t id)
{
	struct smtp_command *c = pool_get(d->pool, id);
	struct due *due;

	if (c->verb == SMTP_VERB_MAIL && digit(d) == 2)
		dialogue_end_tx(d, END_RESET); /* the server forgot the one before */
	tell_early(d, c);
	due = due_add(d, SMTP_FACT_REPLY);
	due->command = id;
	due->give_back = count_off(d, c);
	if (due->give_back) {
		fifo_pop(&d->pending, d->pool);
		d->ends_pending -= ends_data(c);
	}
	if (answers[c->verb])
		answers[c->verb](d, c, due);
	if (d->reply.code == 354 && d->mode == CLIENT_COMMANDS) {
		if (d->eod_seen || d->skimmed)
			tell_unexpected(d);
		dialogue_lose(d); /* what the server took for DATA we did not */
		client_begin_body(d);
	}
	due->tx_id = c->tx_id;
	dialogue_end_refused_tx(d);
	if (d->pending.first == 0) {
		d->client_tx = d->open_tx;
		d->client_rcpts = d->open_rcpts;
	}
}

/* 334: the client's next line is a response. If it did not wait, the oldest line behind AUTH was. */
static void challenge(struct dialogue *d)
{
	uint32_t id = fifo_pop_second(&d->pending, d->pool);
	enum smtp_verb verb;

	if (id == 0) {
		d->challenged = true;
		return;
	}
	verb = (enum smtp_verb)pool_get(d->pool, id)->verb;
	if ((verb == SMTP_VERB_DATA && d->mode == CLIENT_HELD) ||
	        (verb == SMTP_VERB_STARTTLS && d->mode == CLIENT_STARTTLS))
		d->mode = CLIENT_COMMANDS;
	slab_give(d->pool, id);
	dialogue_lose(d);
}

/* Nothing is pending. After a loss this is what reading begins anew with; the code says how. */
static void unasked(struct dialogue *d)
{
	uint16_t code = d->reply.code;
	bool lost = !d->certain, quit = code == 221 && d->skimmed; /* sent with the body, which nobody read */

	if (code != 421 && !quit) {
		tell_unexpected(d);
		dialogue_lose(d);
	}
	due_add(d, SMTP_FACT_REPLY);
	if (!d->synced)
		d->skip_line = line_is_open(&d->line);
	d->synced = true;
	if (lost && code == 354 && (d->mode == CLIENT_COMMANDS || d->mode == CLIENT_START))
		client_begin_body(d);
	else if (lost && code == 334)
		d->challenged = true;
}

/* A greeting is 220, or says why there is none (RFC 5321 3.1, 4.3.2): any other success answers the first
 * command, and the server did not greet. Only the server's word counts here, so no client can confuse us. */
static uint32_t skip_greeting(struct dialogue *d, uint32_t id)
{
	if (id == 0 || pool_get(d->pool, id)->verb != SMTP_VERB_GREETING || d->pending.count == 1 ||
	        digit(d) > 3 || d->reply.code == 220)
		return id;
	slab_give(d->pool, fifo_pop(&d->pending, d->pool));
	dialogue_lose(d);
	return d->pending.first;
}

static void end_reply(struct dialogue *d, uint64_t now_us)
{
	uint32_t id = skip_greeting(d, d->pending.first);

	if (id == 0 && d->mode == CLIENT_BODY && d->body_gapped && d->reply.code != 421) {
		if (d->body_skipped)
			d->body.size_bytes -= d->body.size_bytes < END_BYTES ? d->body.size_bytes : END_BYTES;
		d->body_refused = d->body_skipped && digit(d) > 3; /* what comes now may be more of it */
		due_add_eod(d, true, true);
		client_body_done(d, d->offset[SMTP_CLIENT], now_us);
		id = d->pending.first;
	}
	if (id == 0)
		unasked(d);
	else if (d->reply.code == 334 && pool_get(d->pool, id)->verb == SMTP_VERB_AUTH)
		challenge(d);
	else
		answer(d, id);
}

/* ---- lines ------------------------------------------------------------------------------------------ */

static void end_server_line(struct dialogue *d, uint64_t now_us)
{
	const struct line *l = &d->server_line;

	if (d->server_skip_line) {
		d->server_skip_line = false;
		return;
	}
	switch (reply_push(&d->reply, d->server_store, l->kept, l->odd & 1u << LINE_TOO_LONG)) {
	case REPLY_MORE:
		break;
	case REPLY_BAD:
		if (d->synced)
			due_add_odd(d, ODD_BAD_REPLY, SMTP_SERVER, l->offset, 0,
			        l->kept < ODD_BYTES_MAX ? l->kept : ODD_BYTES_MAX);
		break;
	case REPLY_DONE:
		end_reply(d, now_us);
		break;
	}
}

/* The line being read answers a command that we refused, and its first digit says that it matters:
 * 4xx stands as it is. When replies can't be told apart, rewriting one is worse than not. */
static bool is_masked(const struct dialogue *d, uint8_t first)
{
	return d->certain && d->pending.first && pool_get(d->pool, d->pending.first)->judgement.refused &&
	       (first == '2' || first == '5');
}

/* One run of text, or the CR or LF behind it. A CR is never masked, so that a piece that ends with
 * one reads the same as a piece that does not. */
static uint32_t read_text(struct dialogue *d, const struct piece *p)
{
	uint64_t line_at = line_is_open(&d->server_line) ? d->server_line.length + d->server_line.cr : 0;
	uint8_t first = line_at == 0 ? p->bytes[0] : d->server_line.kept > 0 ? d->server_store[0] : '\r';
	uint32_t run = 0;

	while (run < p->len && p->bytes[run] != '\r' && p->bytes[run] != '\n')
		run++;
	if (run > 0 && is_masked(d, first)) {
		struct due *due = due_add(d, SMTP_FACT_MASK);

		due->command = d->pending.first;
		due->at = p->at;
		due->len = run;
		due->line_at = (uint32_t)line_at;
	}
	run += run == 0;
	line_push(&d->server_line, d->server_store, REPLY_LINE_MAX, p->bytes, run, p->offset, 0);
	if (d->server_line.done)
		end_server_line(d, p->now_us);
	return run;
}

/* ---- TLS or text --------------------------------------------------------------------------------------- */

static bool may_talk_tls(const struct dialogue *d)
{
	return d->mode == CLIENT_TLS || d->mode == CLIENT_TLS_NEXT ||
	       (d->mode == CLIENT_START && d->midstream);
}

static bool awaits_starttls(const struct dialogue *d)
{
	return d->pending.last && pool_get(d->pool, d->pending.last)->verb == SMTP_VERB_STARTTLS;
}

/* A proxy has made the connection: what the client said so far was for it. */
static void leave_tunnel(struct dialogue *d)
{
	uint32_t id;

	while ((id = fifo_pop_second(&d->pending, d->pool)) != 0)
		slab_give(d->pool, id);
	client_drop_line(d);
	d->early_talk = d->early_talk_told = d->early_body = false;
	d->mode = CLIENT_COMMANDS;
	d->held_from = d->held_to = 0;
	d->held_full = false;
	d->client_tx = d->client_rcpts = d->ends_pending = 0;
	dialogue_lose(d);
}

/* True while the bytes are a proxy's; *used of them. */
static bool read_tunnel(struct dialogue *d, const struct piece *p, uint32_t *used)
{
	*used = 0;
	if (d->no_tunnel || d->midstream)
		return false;
	*used = tunnel_read(&d->tunnel, p->bytes, p->len);
	d->no_tunnel = !tunnel_is_open(&d->tunnel);
	if (d->tunnel.established)
		leave_tunnel(d);
	return *used > 0;
}

uint32_t server_read(struct dialogue *d, const struct piece *p)
{
	uint32_t used;

	if (read_tunnel(d, p, &used))
		return used;
	d->unheard = false;
	if (!d->server_talks_tls && !line_is_open(&d->server_line)) {
		d->server_talks_tls = may_talk_tls(d) && tls_is_start(p->bytes[0]);
		if (!d->server_talks_tls && d->mode == CLIENT_TLS && !awaits_starttls(d))
			dialogue_leave_tls(d); /* the client tried, the server does not know it */
	}
	if (!d->server_talks_tls)
		return read_text(d, p);
	if (!dialogue_push_tls(d, SMTP_SERVER, p, &used))
		dialogue_leave_tls(d);
	return used;
}
