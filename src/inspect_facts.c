/* inspect_facts.c - facts of the dialogue to judgements, edits and events.
 *
 * Every RCPT that reaches a server of ours is judged by the closed-relay axiom at the moment its path
 * is complete. Refusing needs certainty (connection seen from its greeting, no hole, every reply
 * matched) and enforce mode; else the judgement only says what would have been done. But who lost his
 * certainty on the way, seen from his greeting, is cut off at his first foreign recipient: it is in the
 * client's power to confuse us, and no honest one does.
 *
 * A recipient is refused in flight by spoiling its command in the same length, so that the server
 * itself refuses it and sequence numbers hold: the verb becomes XXXX where it is still in this packet;
 * else the last byte of the path, or where that has left too, the byte that ends it, becomes
 * '<', which no mailbox may hold (RFC 5321 4.1.2); of the bytes that none may, it is the one that Postfix,
 * Exim and OpenSMTPD all refuse, with any path before it. The server's reply is rewritten in its length to
 * 550 5.7.1 (RFC 3463: delivery not authorised), or to what `refusals` says for the action.
 *
 * Servers count errors and hang up, so after max-refusals of them the transaction is deferred: DATA
 * becomes RSET (the LAST of BDAT blanks, smtp/defer.c) and its reply 451, so nothing of it is delivered, and the client tries again later. As
 * it can't be delivered any more, further foreign recipients are replaced by a decoy that no server
 * counts: bare postmaster, which all accept (RFC 5321 4.5.1), or NOOP where that has no room. The same
 * deferral follows when a server says 2xx to a spoiled command. Where DATA can't be replaced because it has left, the connection is reset before the end of data.
 *
 * Rejected: inserting or removing bytes (sequence numbers of both directions would have to be
 * translated for the connection's whole life, also by the daemon that takes over after a crash).
 */
#include "inspect_flow.h"

#include <string.h>

#include "smtp/address.h"

/* What the client reads in place of the server's reply to a spoiled RCPT; and of that to RSET. */
struct refusal {
	uint16_t code;
	const char *text;
};
static const struct refusal refusals[ACTION_RELAY_COUNT] = {
	[ACTION_DEFER_RECIPIENT] = { 450, "4.7.1 Try again later" },
	[ACTION_REFUSE_RECIPIENT] = { 550, "5.7.1 Relaying denied" },
	[ACTION_REFUSE_SESSION] = { 554, "5.7.1 Relaying denied" },
	[ACTION_RESET] = { 550, "5.7.1 Relaying denied" }, /* where the reset has to wait */
};
static const struct refusal deferral = { 451, "4.7.1 Try again later" };

static const struct refusal *refusal_of(const struct smtp_command *c)
{
	return c->verb == SMTP_VERB_RCPT ? &refusals[c->judgement.action] : &deferral;
}

struct event *inspect_event(struct inspect *in, const struct flow *f, enum event_kind kind, uint64_t now_us)
{
	struct event *e = ring_reserve(in->ring);

	if (!e) {
		counter_add(&in->counters, COUNTER_EVENTS_LOST, 1);
		e = &in->scratch;
	}
	memset(e, 0, sizeof(*e));
	e->kind = (uint8_t)kind;
	e->worker = in->settings.worker;
	e->time_us = now_us;
	e->conn = f->conn;
	return e;
}

void inspect_send(struct inspect *in, const struct event *e)
{
	if (e == &in->scratch)
		return;
	ring_commit(in->ring);
	counter_add(&in->counters, COUNTER_EVENTS, 1);
}

static void text_set(struct event_text *t, const char *text, size_t len)
{
	t->cut = len > sizeof(t->bytes);
	t->len = (uint16_t)(t->cut ? sizeof(t->bytes) : len);
	memcpy(t->bytes, text, t->len);
}

/* ---- judging and refusing a recipient ------------------------------------------------------ */

static void final_domain_set(struct event_domain *d, const struct smtp_address *a, unsigned hop)
{
	if (hop >= a->hop_count)
		return;
	d->len = a->hops[hop].len;
	memcpy(d->bytes, a->hops[hop].domain, d->len);
}

/* Spoils the RCPT in the bytes at hand, [from, ...). False if that can't be done any more. */
static bool spoil_recipient(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t from)
{
	static const uint8_t no_verb[4] = { 'X', 'X', 'X', 'X' };
	static const uint8_t no_mailbox[1] = { '<' };
	uint64_t at = fact->path_end_offset;

	if (fact->late)
		return false;
	if (fact->verb_offset >= from)
		return edit_add(&f->edits[SMTP_CLIENT], in->edits, fact->verb_offset, no_verb, 4) == 0;
	if (at < from)
		at++;
	return at >= from && edit_add(&f->edits[SMTP_CLIENT], in->edits, at, no_mailbox, 1) == 0;
}

/* Puts a command in place of the RCPT, from its verb to the end of its path, that is no error to the
 * server. False if the verb has left. */
static bool place_decoy(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t from)
{
	static const char postmaster[] = "RCPT TO:<postmaster>", noop[] = "NOOP";
	bool bracket = fact->path_len > 0 && fact->path[fact->path_len - 1] == '>';
	uint64_t len = fact->path_end_offset + 1 + bracket - fact->verb_offset;
	uint8_t decoy[SMTP_LINE_MAX];

	if (fact->late || fact->verb_offset < from)
		return false;
	if (len < sizeof(postmaster) - 1 || len > sizeof(decoy))
		return edit_add(&f->edits[SMTP_CLIENT], in->edits, fact->verb_offset, (const uint8_t *)noop,
		               sizeof(noop) - 1) == 0;
	memset(decoy, ' ', len);
	memcpy(decoy, postmaster, sizeof(postmaster) - 1);
	return edit_add(&f->edits[SMTP_CLIENT], in->edits, fact->verb_offset, decoy, (uint32_t)len) == 0;
}

static void refuse_recipient(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, bool editable, uint64_t from)
{
	struct smtp_judgement *j = &fact->command->judgement;
	bool too_many = f->refusals >= policy_settings(in->policy)->max_refusals;

	if (too_many && j->action != ACTION_REFUSE_SESSION)
		j->action = ACTION_DEFER_RECIPIENT;
	if (too_many || j->action == ACTION_REFUSE_SESSION)
		dialogue_defer(flow_dialogue(f));
	j->decoy = too_many && editable && place_decoy(in, f, fact, from);
	if (!j->decoy && !(editable && spoil_recipient(in, f, fact, from))) {
		f->cut_off = true;
		return;
	}
	f->refusals += !j->decoy;
	dialogue_refuse(flow_dialogue(f), fact->command);
	counter_add(&in->counters, COUNTER_RCPT_REFUSED_BY_US, 1);
}

bool inspect_guards(const struct inspect *in, struct flow *f)
{
	const struct policy_settings *s = policy_settings(in->policy);

	return in->enforce && !f->conn.midstream && f->decision.server >= 0 && !f->decision.client_ours &&
	       !dialogue_is_authenticated(flow_dialogue(f)) &&
	       (s->relay_action != ACTION_ALERT || s->tricks_action != ACTION_ALERT);
}

static void judge_recipient(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, bool editable, uint64_t from)
{
	struct dialogue *d = flow_dialogue(f);
	struct smtp_judgement *j = &fact->command->judgement;
	struct smtp_address address;
	struct policy_recipient r;

	f->saw_rcpt = true;
	counter_add(&in->counters, COUNTER_RCPT, 1);
	smtp_address_parse(fact->path, fact->path_len, &address);
	j->form = (uint8_t)address.form;
	final_domain_set(&j->final_domain, &address, address.hop_count - 1);
	if (f->decision.server < 0)
		return;

	r = policy_judge_recipient(in->policy, f->decision.server, &address);
	j->judged = 1;
	j->ours = r.ours;
	j->client_ours = f->decision.client_ours || dialogue_is_authenticated(d);
	final_domain_set(&j->final_domain, &address, r.hop);
	if (j->ours || j->client_ours)
		return;

	counter_add(&in->counters, COUNTER_RCPT_FOREIGN, 1);
	j->would = (uint8_t)r.action;
	j->action = in->enforce && dialogue_is_certain(d) ? (uint8_t)r.action : ACTION_ALERT;
	if (!dialogue_is_certain(d) && r.action != ACTION_ALERT && inspect_guards(in, f)) {
		j->action = ACTION_RESET;
		f->cut_off = true;
		return;
	}
	if (j->action == ACTION_RESET)
		f->want_reset = true;
	/* A reset has to wait while an end-of-data reply is outstanding; the recipient has not. */
	if (j->action != ACTION_ALERT && (j->action != ACTION_RESET || dialogue_awaits_end_reply(d)))
		refuse_recipient(in, f, fact, editable, from);
}

/* Letters of DATA or LAST, while the transaction is deferred. */
static void defer_data(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, bool editable, uint64_t offset)
{
	if (fact->len == 0 || !editable ||
	        edit_add(&f->edits[SMTP_CLIENT], in->edits, offset, (const uint8_t *)fact->text, fact->len) !=
	                0)
		f->cut_off = true;
}

/* Rewrites a piece of the server's reply to a spoiled command: `at` = position in its line. The
 * separator behind the code stays, so that multi-line replies remain what they are. */
static void mask_reply(struct inspect *in, struct flow *f, const struct smtp_command *c, const uint8_t *bytes,
        uint32_t at, uint32_t len, uint64_t offset)
{
	const struct refusal *r = refusal_of(c);
	uint32_t text_len = (uint32_t)strlen(r->text), done, i, n;
	const uint8_t code[3] = { (uint8_t)('0' + r->code / 100), (uint8_t)('0' + r->code / 10 % 10),
		(uint8_t)('0' + r->code % 10) };
	uint8_t piece[EDIT_BYTES];

	for (done = 0; done < len; done += n) {
		n = len - done < EDIT_BYTES ? len - done : EDIT_BYTES;
		for (i = 0; i < n; i++) {
			uint32_t pos = at + done + i;

			if (pos < 3)
				piece[i] = code[pos];
			else if (pos == 3)
				piece[i] = bytes[done + i];
			else if (pos - 4 < text_len)
				piece[i] = (uint8_t)r->text[pos - 4];
			else
				piece[i] = ' ';
		}
		if (edit_add(&f->edits[SMTP_SERVER], in->edits, offset + done, piece, n) != 0)
			f->want_reset = true;
	}
}

/* ---- replies to events --------------------------------------------------------------------- */

static uint8_t outcome_of(const struct smtp_command *c, uint16_t code)
{
	if (c->judgement.refused)
		return OUTCOME_REFUSED_BY_US;
	if (code == 0)
		return OUTCOME_UNANSWERED;
	return code < 300 ? OUTCOME_ACCEPTED : OUTCOME_REFUSED_BY_SERVER;
}

/* The reply as the client reads it. */
static struct event_reply reply_told(const struct smtp_fact *fact)
{
	const struct smtp_command *c = fact->command;
	struct event_reply reply = fact->reply;
	unsigned digit = reply.code / 100;

	if (c->judgement.refused && (digit == 2 || digit == 5)) {
		reply.code = refusal_of(c)->code;
		text_set(&reply.text, refusal_of(c)->text, strlen(refusal_of(c)->text));
	}
	return reply;
}

static void tell_helo(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	(void)f;
	e->kind = EVENT_HELO;
	e->u.helo.reply = fact->reply;
	e->u.helo.name = fact->command->path;
	e->u.helo.esmtp = (uint8_t)(fact->command->verb - SMTP_VERB_HELO);
	e->u.helo.offers_starttls = fact->starttls_offered;
	e->u.helo.masks_starttls = fact->starttls_masked;
}

static void tell_auth(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	const struct event_path *mech = &fact->command->path;
	uint16_t n = mech->len < EVENT_NAME_MAX - 1 ? mech->len : EVENT_NAME_MAX - 1, i;

	e->kind = EVENT_AUTH;
	e->u.auth.reply = fact->reply;
	e->u.auth.in_clear = !f->tls;
	for (i = 0; i < n; i++) /* case means nothing in it (RFC 4954 4) */
		e->u.auth.mech[i] =
		        (char)(mech->bytes[i] >= 'a' && mech->bytes[i] <= 'z' ? mech->bytes[i] - 32
		                                                              : mech->bytes[i]);
}

static void tell_mail(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	(void)f;
	e->kind = EVENT_MAIL;
	e->u.mail.reply = fact->reply;
	e->u.mail.tx_id = fact->command->tx_id;
	e->u.mail.pipelined = fact->command->pipelined;
	e->u.mail.path = fact->command->path;
}

static void tell_rcpt(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	const struct smtp_command *c = fact->command;
	struct event_rcpt *r = &e->u.rcpt;

	(void)f;
	e->kind = EVENT_RCPT;
	r->reply = reply_told(fact);
	r->tx_id = c->tx_id;
	r->index = c->rcpt_index;
	r->judged = c->judgement.judged;
	r->ours = c->judgement.ours;
	r->client_ours = c->judgement.client_ours;
	r->form = c->judgement.form;
	r->action = c->judgement.action;
	r->would = c->judgement.would;
	r->pipelined = c->pipelined;
	r->path = c->path;
	r->final_domain = c->judgement.final_domain;
	r->outcome = outcome_of(c, fact->reply.code);
}

static void tell_data(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	e->kind = EVENT_DATA;
	e->u.data.reply = reply_told(fact);
	e->u.data.tx_id = fact->tx_id;
	e->u.data.size_bytes = fact->command->size_bytes;
	e->u.data.bdat = fact->command->verb == SMTP_VERB_BDAT;
	e->u.data.final = fact->final_data;
	e->u.data.rcpt_foreign_accepted = f->foreign_accepted;
}

static void tell_command(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	(void)f;
	e->kind = EVENT_COMMAND;
	e->u.command.reply = fact->reply;
	strncpy(e->u.command.verb, smtp_verb_name(fact->command->verb), EVENT_NAME_MAX - 1);
}

static void tell_greeting(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	(void)f;
	e->kind = EVENT_GREETING;
	e->u.reply = fact->reply;
}

/* What each answered command becomes; no entry = nothing to tell. */
static void (*const tellers[SMTP_VERB_COUNT])(
        struct event *, const struct flow *, const struct smtp_fact *) = {
	[SMTP_VERB_GREETING] = tell_greeting,
	[SMTP_VERB_HELO] = tell_helo,
	[SMTP_VERB_EHLO] = tell_helo,
	[SMTP_VERB_LHLO] = tell_helo,
	[SMTP_VERB_AUTH] = tell_auth,
	[SMTP_VERB_MAIL] = tell_mail,
	[SMTP_VERB_RCPT] = tell_rcpt,
	[SMTP_VERB_DATA] = tell_data,
	[SMTP_VERB_BODY] = tell_data,
	[SMTP_VERB_BDAT] = tell_data,
	[SMTP_VERB_VRFY] = tell_command,
	[SMTP_VERB_EXPN] = tell_command,
	[SMTP_VERB_ETRN] = tell_command,
	[SMTP_VERB_STARTTLS] = tell_command,
	[SMTP_VERB_UNKNOWN] = tell_command,
};

/* The server has answered a RCPT: what follows for the transaction and the connection. */
static void on_rcpt_reply(struct flow *f, const struct smtp_command *c, uint16_t code)
{
	const struct smtp_judgement *j = &c->judgement;
	bool accepted = code / 100 == 2;

	if (j->refused && j->action == ACTION_REFUSE_SESSION)
		f->session_refused = true;
	if (accepted && j->judged && !j->ours && !j->client_ours && !j->refused)
		f->foreign_accepted++;
	if (!accepted || !j->refused || j->decoy)
		return;
	if (dialogue_data_is_out(flow_dialogue(f)))
		f->want_reset = true;
	else
		dialogue_defer(flow_dialogue(f));
}

/* A deferred DATA or BDAT is answered. Whatever the server says, no mail came to its end; but the client
 * must not read a 2xx that could not be rewritten, nor begin a body. */
static void on_deferred_data(struct inspect *in, struct flow *f, uint16_t code)
{
	unsigned digit = code / 100;

	counter_add(&in->counters, COUNTER_TX_DEFERRED_BY_US, 1);
	if (digit == 3 || (digit == 2 && !dialogue_is_certain(flow_dialogue(f))))
		f->want_reset = true;
}

static void on_reply(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	const struct smtp_command *c = fact->command;
	uint16_t code = fact->reply.code;
	struct event *e;

	if (!c || !tellers[c->verb])
		return;
	f->tx_bdat = f->tx_bdat || c->verb == SMTP_VERB_BDAT;
	/* The 354 and accepted chunks in between tell nothing that the end does not. */
	if (!c->judgement.refused && ((c->verb == SMTP_VERB_DATA && code < 400) ||
	                                     (c->verb == SMTP_VERB_BDAT && code < 300 && !fact->final_data)))
		return;
	if (c->verb == SMTP_VERB_RCPT)
		on_rcpt_reply(f, c, code);
	else if (c->judgement.refused)
		on_deferred_data(in, f, code);
	e = inspect_event(in, f, EVENT_COMMAND, now_us);
	tellers[c->verb](e, f, fact);
	inspect_claims(in, f, e);
	if (e->kind == EVENT_DATA)
		e->u.data.message_id = *dialogue_message_id(flow_dialogue(f));
	inspect_send(in, e);
}

static void on_tx_end(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	struct event *e = inspect_event(in, f, EVENT_TX_END, now_us);

	e->u.tx_end.tx_id = fact->tx_id;
	e->u.tx_end.end = (uint8_t)fact->end;
	e->u.tx_end.bdat = f->tx_bdat;
	inspect_send(in, e);
	f->tx_bdat = false;
	f->foreign_accepted = 0;
	counter_add(&in->counters, COUNTER_TRANSACTIONS, 1);
}

static void on_tls(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	struct event *e = inspect_event(in, f, EVENT_TLS, now_us);

	e->u.tls = fact->tls;
	inspect_send(in, e);
	f->tls = true;
	f->tls_version = fact->tls.version;
	f->sni = fact->tls.sni;
}

static void on_odd(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	struct event *e = inspect_event(in, f, EVENT_ODD, now_us);

	e->u.odd = fact->odd;
	inspect_send(in, e);
	counter_add(&in->counters, COUNTER_ODDITIES, 1);
}

void inspect_facts(struct inspect *in, struct flow *f, enum smtp_side side, const uint8_t *bytes,
        uint32_t len, uint64_t offset, bool editable, uint64_t now_us)
{
	struct dialogue *d = flow_dialogue(f);
	enum smtp_fact_kind kind;
	struct smtp_fact fact;
	uint32_t at = 0, used;

	do {
		kind = dialogue_push(d, side, bytes + at, len - at, now_us, &used, &fact);
		switch (kind) {
		case SMTP_FACT_NONE:
			break;
		case SMTP_FACT_RECIPIENT:
			judge_recipient(in, f, &fact, editable, offset);
			break;
		case SMTP_FACT_DEFER:
			defer_data(in, f, &fact, editable, offset + at + fact.at);
			break;
		case SMTP_FACT_MASK:
			if (editable)
				mask_reply(in, f, fact.command, bytes + at + fact.at, fact.line_at, fact.len,
				        offset + at + fact.at);
			break;
		case SMTP_FACT_REPLY:
			on_reply(in, f, &fact, now_us);
			break;
		case SMTP_FACT_TX_END:
			on_tx_end(in, f, &fact, now_us);
			break;
		case SMTP_FACT_TLS:
			on_tls(in, f, &fact, now_us);
			break;
		case SMTP_FACT_ODD:
			on_odd(in, f, &fact, now_us);
			break;
		}
		at += used;
	} while (kind != SMTP_FACT_NONE);
}

void inspect_facts_end(struct inspect *in, struct flow *f, enum event_end end, uint64_t now_us)
{
	enum smtp_fact_kind kind;
	struct smtp_fact fact;

	while ((kind = dialogue_end(flow_dialogue(f), end, now_us, &fact)) != SMTP_FACT_NONE) {
		if (kind == SMTP_FACT_REPLY)
			on_reply(in, f, &fact, now_us);
		else if (kind == SMTP_FACT_TX_END)
			on_tx_end(in, f, &fact, now_us);
	}
}
