/* inspect_facts.c - facts of the dialogue to judgements, edits and events.
 *
 * Every RCPT that reaches a server of ours is judged by the closed-relay axiom at the moment its path
 * is complete. Refusing needs certainty (connection seen from its greeting, no hole, every reply
 * matched) and enforce mode; else the judgement only says what would have been done. But who lost his
 * certainty on the way, seen from his greeting, is cut off at his first foreign recipient: it is in the
 * client's power to confuse us, and no honest one does.
 *
 * How a recipient is refused, and a reply rewritten: inspect_refuse.c. Sessions that are refused before they
 * have begun: inspect_session.c.
 */
#include "inspect_flow.h"

#include <string.h>

#include "smtp/address.h"
#include "smtp/header.h"

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

/* ---- judging a recipient -------------------------------------------------------------------- */

static void final_domain_set(struct event_domain *d, const struct smtp_address *a, unsigned hop)
{
	if (hop >= a->hop_count)
		return;
	d->len = a->hops[hop].len;
	memcpy(d->bytes, a->hops[hop].domain, d->len);
}

bool inspect_guards(const struct inspect *in, struct flow *f)
{
	const struct policy_settings *s = policy_settings(in->policy);

	return in->enforce && !flow_is_partial(f) && f->decision.server >= 0 && !f->decision.client_ours &&
	       !dialogue_is_authenticated(flow_dialogue(f)) &&
	       (action_refuses(s->relay_action) || action_refuses(s->tricks_action));
}

/* What is wanted for a recipient: what its address calls for, unless its sender is to be sent away. */
static enum action wanted_action(
        struct inspect *in, struct flow *f, struct smtp_judgement *j, enum action relay, uint64_t now_us)
{
	bool fine = j->ours || j->client_ours;

	if (!fine && (relay == ACTION_RESET || relay == ACTION_BLOCK))
		return relay;
	j->sentence = inspect_session_sentence(in, f, now_us);
	if (j->sentence > 0)
		return ACTION_REFUSE_SESSION;
	return fine ? ACTION_ALERT : relay;
}

static void judge_recipient(struct inspect *in, struct flow *f, const struct smtp_fact *fact, bool editable,
        uint64_t from, uint64_t now_us)
{
	struct dialogue *d = flow_dialogue(f);
	struct smtp_judgement *j = &fact->command->judgement;
	struct smtp_address address;
	struct policy_recipient r;
	enum action wanted;
	bool foreign;

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
	foreign = !j->ours && !j->client_ours;
	r.action = policy_action_for(&f->decision, &r);
	wanted = wanted_action(in, f, j, r.action, now_us);
	counter_add(&in->counters, COUNTER_RCPT_FOREIGN, foreign);
	j->would = (uint8_t)wanted;
	j->uncertain = flow_is_partial(f) || !dialogue_is_certain(d);
	j->action = in->enforce && !j->uncertain ? (uint8_t)wanted : ACTION_ALERT;
	if (foreign && !dialogue_is_certain(d) && action_refuses(r.action) && inspect_guards(in, f)) {
		j->action = ACTION_RESET;
		f->cut_off = true;
		return;
	}
	if (j->action == ACTION_SLOW)
		f->hold.relays = true;
	if (j->action == ACTION_RESET)
		f->want_reset = true;
	/* A reset has to wait while an end-of-data reply is outstanding; the recipient has not. */
	if (action_refuses(j->action) && (j->action != ACTION_RESET || dialogue_awaits_end_reply(d)))
		inspect_refuse_recipient(in, f, fact, editable, from);
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

static void tell_user(struct event_path *user, struct flow *f)
{
	uint32_t len;
	bool cut;
	const char *name = dialogue_user(flow_dialogue(f), &len, &cut);

	user->len = (uint16_t)(len < sizeof(user->bytes) ? len : sizeof(user->bytes));
	user->cut = cut;
	memcpy(user->bytes, name, user->len);
}

static void tell_mail(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	e->kind = EVENT_MAIL;
	e->u.mail.reply = inspect_reply_told(f, fact);
	e->u.mail.tx_id = fact->command->tx_id;
	e->u.mail.pipelined = fact->command->pipelined;
	e->u.mail.path = fact->command->path;
}

/* Slow is something that was done only where a refusal came that the client has to wait for; where one would have been
 * waited for, had mode and certainty been others, it would have been done. */
static void tell_slow(struct event_rcpt *r, const struct flow *f)
{
	bool waited_for = r->reply.code / 100 == 5 && !f->hold.spared;

	r->hold_ms = f->hold.reply_ms;
	if (r->action == ACTION_SLOW)
		r->action = ACTION_ALERT;
	if (r->would == ACTION_SLOW && !waited_for)
		r->would = ACTION_ALERT;
	if (r->hold_ms == 0)
		return;
	if (r->action == ACTION_ALERT) {
		r->action = ACTION_SLOW;
		r->sentence = f->hold.sentence;
	}
	if (r->would == ACTION_ALERT)
		r->would = ACTION_SLOW;
}

static void tell_rcpt(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	const struct smtp_command *c = fact->command;
	struct event_rcpt *r = &e->u.rcpt;

	e->kind = EVENT_RCPT;
	r->reply = inspect_reply_told(f, fact);
	r->tx_id = c->tx_id;
	r->index = c->rcpt_index;
	r->judged = c->judgement.judged;
	r->ours = c->judgement.ours;
	r->client_ours = c->judgement.client_ours;
	r->form = c->judgement.form;
	r->action = c->judgement.action;
	r->would = c->judgement.would;
	r->pipelined = c->pipelined;
	r->sentence = c->judgement.sentence;
	r->uncertain = c->judgement.uncertain;
	r->path = c->path;
	r->final_domain = c->judgement.final_domain;
	r->outcome = outcome_of(c, fact->reply.code);
	tell_slow(r, f);
}

static void tell_data(struct event *e, const struct flow *f, const struct smtp_fact *fact)
{
	e->kind = EVENT_DATA;
	e->u.data.reply = inspect_reply_told(f, fact);
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
	e->kind = EVENT_GREETING;
	e->u.reply = inspect_reply_told(f, fact);
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

/* The server has answered a RCPT: what follows for the transaction and the connection. Where replies are not rewritten
 * any more, a yes to a refused one must not reach the client: it would count its mail as on the way. */
static void on_rcpt_reply(struct flow *f, const struct smtp_command *c, uint16_t code)
{
	const struct smtp_judgement *j = &c->judgement;
	bool accepted = code / 100 == 2;

	if (j->refused && flow_action_ends_session(j->action))
		f->session_refused = true;
	if (accepted && j->judged && !j->ours && !j->client_ours && !j->refused)
		f->foreign_accepted++;
	if (!accepted || !j->refused)
		return;
	if (!dialogue_is_certain(flow_dialogue(f)))
		f->want_reset = true;
	if (j->decoy)
		return;
	if (dialogue_data_is_out(flow_dialogue(f)))
		f->want_reset = true;
	else
		dialogue_defer(flow_dialogue(f));
}

/* A deferred command is answered: DATA, BDAT, or the MAIL behind that. Whatever the server says, no mail came
 * to its end; but the client must not read a 2xx that could not be rewritten, nor begin a body. */
static void on_deferred(struct inspect *in, struct flow *f, uint16_t code)
{
	unsigned digit = code / 100;

	counter_add(&in->counters, COUNTER_TX_DEFERRED_BY_US, 1);
	if (digit == 3 || (digit == 2 && !dialogue_is_certain(flow_dialogue(f))))
		f->want_reset = true;
}

static void tell_reply(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	const struct smtp_command *c = fact->command;
	uint16_t code = fact->reply.code;
	struct event *e;

	if (!c || !tellers[c->verb])
		return;
	f->tx_bdat = f->tx_bdat || c->verb == SMTP_VERB_BDAT;
	f->tx_gap =
	        f->tx_gap && !(c->verb == SMTP_VERB_MAIL && code > 0); /* what was missing was before it */
	/* The 354 and accepted chunks in between tell nothing that the end does not. */
	if (!c->judgement.refused && ((c->verb == SMTP_VERB_DATA && code < 400) ||
	                                     (c->verb == SMTP_VERB_BDAT && code < 300 && !fact->final_data)))
		return;
	f->greeting_told = f->greeting_told || (c->verb == SMTP_VERB_GREETING && code > 0);
	if (c->verb == SMTP_VERB_MAIL && code / 100 == 2 && !c->judgement.refused)
		f->tx_running = c->tx_id;
	if (c->verb == SMTP_VERB_RCPT)
		on_rcpt_reply(f, c, code);
	else if (c->judgement.refused && c->verb != SMTP_VERB_GREETING)
		on_deferred(in, f, code);
	e = inspect_event(in, f, EVENT_COMMAND, now_us);
	tellers[c->verb](e, f, fact);
	inspect_claims(in, f, e);
	if (e->kind == EVENT_AUTH)
		tell_user(&e->u.auth.user, f);
	if (e->kind == EVENT_DATA && fact->header_is_its)
		e->u.data.message_id = dialogue_header(flow_dialogue(f))->message_id;
	inspect_send(in, e);
	if (fact->final_data && fact->header_is_its && code / 100 == 2)
		inspect_leak(in, f, fact->tx_id, now_us);
}

static void on_reply(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	inspect_slow_replied(in, f, fact, now_us);
	tell_reply(in, f, fact, now_us);
	inspect_session_replied(in, f, fact, now_us);
	f->masked = (struct masked) { 0 };
}

static void on_tx_end(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	struct event *e = inspect_event(in, f, EVENT_TX_END, now_us);

	e->u.tx_end.tx_id = fact->tx_id;
	e->u.tx_end.end = (uint8_t)fact->end;
	e->u.tx_end.bdat = f->tx_bdat;
	e->u.tx_end.gap = f->tx_gap;
	inspect_send(in, e);
	counter_add(&in->counters, COUNTER_TRANSACTIONS, 1);
	if (f->tx_running && f->tx_running != fact->tx_id)
		return; /* a MAIL that was refused within it */
	f->tx_running = 0;
	f->tx_bdat = f->tx_gap = false;
	f->foreign_accepted = 0;
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

/* What is done about smuggling, by mode: resets a connection of which both sides were seen from its start, whether or not
 * replies can still be told apart, since that is in the smuggler's power. */
static void judge_smuggling(struct inspect *in, const struct flow *f, uint8_t *action, uint8_t *would)
{
	*would = (uint8_t)policy_settings(in->policy)->smuggling_action;
	*action = in->enforce && !flow_is_partial(f) ? *would : ACTION_ALERT;
}

/* Hidden commands are told before the first of them is complete: the segment at hand never arrives. What
 * was held back has left long ago. A lone sequence hides nothing, and passes. */
static void on_eod(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	struct event *e = inspect_event(in, f, EVENT_EOD, now_us);
	struct event_eod *eod = &e->u.eod;

	*eod = fact->eod;
	if (eod->hides)
		judge_smuggling(in, f, &eod->action, &eod->would);
	if (eod->action == ACTION_RESET && fact->late)
		f->want_reset = true;
	else if (eod->action == ACTION_RESET)
		f->cut_off = true;
	f->hides_commands = f->hides_commands || eod->hides;
	f->distrusted = true;
	inspect_send(in, e);
	counter_add(&in->counters, COUNTER_EOD, 1);
}

/* A server that says yes once ends bodies where it should not; with commands behind, or a second yes, it took
 * them. */
static void on_odd(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	struct event *e = inspect_event(in, f, EVENT_ODD, now_us);
	struct event_odd_what *odd = &e->u.odd;

	*odd = fact->odd;
	if (odd->unexplained > 0 && f->skimmed) {
		odd->unread = 1;
		odd->would = ACTION_RESET;
		odd->action = in->enforce ? ACTION_RESET : ACTION_ALERT;
		counter_add(&in->counters, COUNTER_FAST_REVOKED, !f->distrusted);
		f->distrusted = true;
		f->cut_off = f->cut_off || in->enforce; /* also an end of data that comes next */
	} else if (odd->unexplained > 1 || (odd->unexplained == 1 && f->hides_commands)) {
		judge_smuggling(in, f, &odd->action, &odd->would);
	}
	f->want_reset = f->want_reset || odd->action == ACTION_RESET;
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
			judge_recipient(in, f, &fact, editable, offset, now_us);
			break;
		case SMTP_FACT_DEFER:
			inspect_defer(in, f, &fact, editable, offset + at + fact.at);
			break;
		case SMTP_FACT_MASK:
			if (editable)
				inspect_mask(in, f, &fact, bytes + at + fact.at, offset + at + fact.at);
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
		case SMTP_FACT_EOD:
			on_eod(in, f, &fact, now_us);
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
		else if (kind == SMTP_FACT_EOD)
			on_eod(in, f, &fact, now_us);
	}
}
