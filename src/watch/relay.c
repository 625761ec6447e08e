/* relay.c - recipients that break the closed-relay axiom: relay.attempt (1025100), relay.accepted (1025101).
 *
 * inspect has judged each RCPT (client ours or recipient ours) and the server, or Postern, has answered
 * it. A refused or unanswered one is an attempt, an accepted one is a hole in the server; it is said
 * again when the end of data was accepted, because only then the mail is really taken.
 *
 * A plain foreign recipient from an upstream is most often a domain that somebody forgot to list, so an
 * attempt of that kind weighs less and the evidence gives the advice. Forms like percent or bang do not
 * happen by accident and keep their weight.
 */
#include "watch/judge.h"

#include "postern/action.h"
#include "postern/form.h"
#include "watch/evidence.h"
#include "watch/finding.h"

enum { SEVERITY_FORGOTTEN_DOMAIN = 3 };

static void print_rcpt(struct finding *f, const struct event_rcpt *rcpt)
{
	struct event_text *line = evidence_line(f);

	evidence_print(line, "RCPT TO:");
	evidence_path(line, &rcpt->path);
	evidence_reply(line, &rcpt->reply);
	if (rcpt->outcome == OUTCOME_REFUSED_BY_US) /* its words may have had no room in the server's reply */
		evidence_print(line,
		        rcpt->servers_words ? " (the server's words; refused by postern)" : " (by postern)");
}

/* Where a tricky form would really send the mail. */
static void print_way(struct finding *f, const struct event_rcpt *rcpt)
{
	struct event_text *line;
	unsigned len = rcpt->final_domain.len;

	if (rcpt->form == SMTP_FORM_PLAIN || len == 0)
		return;
	line = evidence_line(f);
	evidence_print(line, "would go on to ");
	evidence_bytes(line, rcpt->final_domain.bytes, len > EVENT_DOMAIN_MAX ? EVENT_DOMAIN_MAX : len);
}

static bool is_forgotten_domain(const struct event *e)
{
	return e->conn.from_upstream && e->u.rcpt.form == SMTP_FORM_PLAIN;
}

bool relay_judge_rcpt(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;
	bool accepted = rcpt->outcome == OUTCOME_ACCEPTED;

	if (!event_rcpt_is_foreign(rcpt))
		return false;
	finding_init(f, accepted ? FINDING_RELAY_ACCEPTED : FINDING_RELAY_ATTEMPT, e);
	finding_take_memory(f, view->memory);
	f->action = rcpt->action;
	f->would = rcpt->would;
	f->outcome = rcpt->outcome;
	f->blocked = (uint8_t)action_refuses((enum action)rcpt->action);
	f->verified = rcpt->reply.code > 0 || (view->memory && view->memory->answered);
	f->tx_id = rcpt->tx_id;
	f->form = rcpt->form;
	f->rcpt_to = rcpt->path;
	print_rcpt(f, rcpt);
	print_way(f, rcpt);
	if (rcpt->hold_ms)
		evidence_print(evidence_line(f), "slow: this reply is held back for %u ms", rcpt->hold_ms);
	if (is_forgotten_domain(e)) {
		if (!accepted)
			f->severity = SEVERITY_FORGOTTEN_DOMAIN;
		evidence_print(evidence_line(f),
		        "the client is an upstream: most often this domain is missing in `domains` of the "
		        "server");
	}
	return true;
}

bool relay_judge_data(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_data *data = &e->u.data;
	struct event_text *line;

	if (!data->final || data->reply.code / 100 != 2 || data->rcpt_foreign_accepted == 0)
		return false;
	finding_init(f, FINDING_RELAY_ACCEPTED, e);
	finding_take_memory(f, view->memory);
	if (view->memory) {
		f->rcpt_to = view->memory->foreign;
		f->form = view->memory->foreign_form;
	}
	f->action = ACTION_ALERT;
	f->would = ACTION_ALERT;
	f->outcome = OUTCOME_TAKEN;
	f->verified = 1;
	f->tx_id = data->tx_id;
	f->value = data->rcpt_foreign_accepted;
	line = evidence_line(f);
	evidence_print(line, "end of data, foreign recipients %u", data->rcpt_foreign_accepted);
	evidence_reply(line, &data->reply);
	return true;
}
