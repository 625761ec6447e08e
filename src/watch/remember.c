/* remember.c - see remember.h.
 *
 * HELO name and MAIL path come in events of their own, long before the recipient that breaks a rule;
 * they are remembered per connection so that a finding can carry them. Connections that were seen least
 * recently are forgotten first: their findings then lack these fields and nothing else.
 */
#include "watch/remember.h"

#include "base/table.h"
#include "watch/judge.h"

/* RFC 5321 4.2: the host's name is the first word of its greeting. */
static void remember_greeting(struct watch_memory *m, const struct event *e)
{
	const struct event_text *greeting = &e->u.reply.text;

	m->host.len = 0;
	while (m->host.len < greeting->len && greeting->bytes[m->host.len] != ' ') {
		m->host.bytes[m->host.len] = greeting->bytes[m->host.len];
		m->host.len++;
	}
}

static void remember_helo(struct watch_memory *m, const struct event *e)
{
	m->helo = e->u.helo.name;
	m->starttls_offered = m->starttls_offered || e->u.helo.offers_starttls;
	m->answered = m->answered || e->u.helo.reply.code > 0;
}

static void remember_auth(struct watch_memory *m, const struct event *e)
{
	m->auth_user = e->u.auth.user;
}

/* One that is refused leaves the transaction that runs as it is (RFC 5321 4.1.4). */
static void remember_mail(struct watch_memory *m, const struct event *e)
{
	const struct event_mail *mail = &e->u.mail;
	bool begins = mail->reply.code / 100 == 2;

	m->answered = m->answered || mail->reply.code > 0;
	if (m->tx_id > 0 && !begins)
		return;
	m->tx_id = begins ? mail->tx_id : 0;
	m->mail_from = mail->path;
	m->foreign.len = 0;
	m->accepted = 0;
}

static void remember_rcpt(struct watch_memory *m, const struct event *e)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;

	m->accepted++;
	if (event_rcpt_is_relayed(rcpt) && m->foreign.len == 0) {
		m->foreign = rcpt->path;
		m->foreign_form = rcpt->form;
	}
}

static void remember_eod(struct watch_memory *m, const struct event *e)
{
	m->eod = e->u.eod;
}

static bool is_ours_to_know(const struct event *e)
{
	return e->kind == EVENT_GREETING ? e->conn.from_server
	       : e->kind == EVENT_AUTH   ? e->u.auth.reply.code / 100 == 2
	       : e->kind == EVENT_RCPT   ? e->u.rcpt.outcome == OUTCOME_ACCEPTED
	                                 : true;
}

bool remember_event(struct table *connections, const struct event *e)
{
	static void (*const remember[EVENT_KIND_COUNT])(struct watch_memory * m, const struct event *e) = {
		[EVENT_GREETING] = remember_greeting,
		[EVENT_HELO] = remember_helo,
		[EVENT_AUTH] = remember_auth,
		[EVENT_MAIL] = remember_mail,
		[EVENT_RCPT] = remember_rcpt,
		[EVENT_EOD] = remember_eod,
	};
	bool evicted = false;

	if (e->kind < EVENT_KIND_COUNT && remember[e->kind] && is_ours_to_know(e))
		remember[e->kind](table_take(connections, &e->conn.flow_id, e->time_us, &evicted), e);
	return evicted;
}

void remember_end(struct table *connections, const struct event *e)
{
	struct watch_memory *m;

	if (e->kind != EVENT_TX_END && e->kind != EVENT_CLOSE)
		return;
	m = table_find(connections, &e->conn.flow_id);
	if (!m)
		return;
	if (e->kind == EVENT_CLOSE) {
		table_drop(connections, m);
		return;
	}
	if (m->tx_id > 0 && m->tx_id != e->u.tx_end.tx_id)
		return; /* of a MAIL that was refused */
	m->tx_id = 0;
	m->mail_from.len = 0;
	m->foreign.len = 0;
	m->accepted = 0;
	m->relay.serial = 0;
	m->leaves.serial = 0;
}
