/* unheard.c - a dialogue of which only the client is seen: captures of one direction, routes that part.
 *
 * There is no reply to wait for, so each command is told as unanswered the moment it is complete, and what the
 * client says next shows what the server has said: behind DATA a body, unless a command follows that no header
 * of a mail begins with. A transaction ends where the client begins another one, or leaves; how it ended nobody
 * can say, so its end is `lost`. Nothing is certain, and silence is no refusal.
 *
 * Limits: behind STARTTLS only the client's hello tells; responses to AUTH read as unknown commands, of which
 * nothing is told (client.c).
 *
 * Rejected: guessing replies from the client's acknowledgement numbers. They tell how many bytes the server
 * has sent, not which.
 */
#include <string.h>
#include <strings.h>

#include "smtp/state.h"

/* What the client does to its transaction, seen from what it says alone. */
static const struct ending {
	bool before, after; /* the command is told */
	enum event_end end;
} endings[SMTP_VERB_COUNT] = {
	[SMTP_VERB_HELO] = { true, false, END_RESET },
	[SMTP_VERB_EHLO] = { true, false, END_RESET },
	[SMTP_VERB_LHLO] = { true, false, END_RESET },
	[SMTP_VERB_RSET] = { true, false, END_RESET },
	[SMTP_VERB_MAIL] = { true, false, END_LOST },
	[SMTP_VERB_BODY] = { false, true, END_LOST },
	[SMTP_VERB_QUIT] = { false, true, END_CLOSED },
};

void dialogue_unheard(struct dialogue *d)
{
	if (d->unheard || d->midstream || d->is_tls)
		return;
	d->unheard = true;
	d->server_talks_tls = d->tls_server.done = true;
	dialogue_lose(d);
}

/* Held behind DATA: a command, a body, or too little to tell (-1). */
static int held_is_command(const struct dialogue *d)
{
	static const char *const commands[] = { "MAIL FROM:", "RCPT TO:", "RSET\r\n", "QUIT\r\n",
		"DATA\r\n" };
	uint32_t held = d->held_to - d->held_from, n, i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		n = (uint32_t)strlen(commands[i]);
		if (strncasecmp((const char *)d->store + d->held_from, commands[i], held < n ? held : n) != 0)
			continue;
		return held < n ? -1 : 1;
	}
	return held == 0 ? -1 : 0;
}

/* True if what is held is read now as what it is. */
static bool leave_held(struct dialogue *d)
{
	int is_command = held_is_command(d);

	if (is_command < 0)
		return false;
	if (is_command)
		d->mode = CLIENT_COMMANDS;
	else
		client_begin_body(d);
	return true;
}

bool unheard_tell(struct dialogue *d)
{
	struct smtp_command *c;
	struct due *due;
	uint32_t id;

	if (!d->unheard)
		return false;
	if (d->mode == CLIENT_STARTTLS)
		d->mode = CLIENT_TLS_NEXT;
	id = fifo_pop(&d->pending, d->pool);
	if (id == 0)
		return d->mode == CLIENT_HELD && leave_held(d);
	c = pool_get(d->pool, id);
	c->pipelined = 0; /* who knows */
	if (endings[c->verb].before)
		dialogue_end_tx(d, endings[c->verb].end);
	if (c->verb == SMTP_VERB_MAIL)
		d->open_tx = c->tx_id;
	due = due_add_unanswered(d, id);
	due->final_data = ends_data(c);
	if (endings[c->verb].after || (c->verb == SMTP_VERB_BDAT && c->last))
		dialogue_end_tx(d, endings[c->verb].after ? endings[c->verb].end : END_LOST);
	if (due->final_data)
		d->ends_pending--;
	return true;
}
