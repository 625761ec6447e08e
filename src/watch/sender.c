/* sender.c - names that a client has no right to: sender.spoof (1025120), sender.foreign (1025121),
 * helo.forged (1025122).
 *
 * A stranger is a client that is neither ours nor an upstream: an upstream passes on what others wrote,
 * and among that is mail that we or our users sent ourselves (lists, forwarding). So who knows a forwarder that keeps
 * the sender names it in an `upstream` block; nothing on the wire tells it from a forger. A server of ours
 * passes on foreign senders for the same reasons, so only clients of `home` are asked for theirs.
 * The null sender, and root@localhost, belong to everybody; where no domain of ours is listed, none is foreign.
 *
 * What a name is worth is decided by who owns it, not by the server's answer; the answer is evidence.
 */
#include "watch/judge.h"

#include "postern/action.h"
#include "watch/evidence.h"
#include "watch/finding.h"

static bool is_stranger(const struct event_connection *c)
{
	return c->server >= 0 && !c->from_home && !c->from_server && !c->from_upstream;
}

static uint8_t outcome_of(const struct event_reply *reply)
{
	if (reply->code == 0)
		return OUTCOME_UNANSWERED;
	return reply->code < 300 ? OUTCOME_ACCEPTED : OUTCOME_REFUSED_BY_SERVER;
}

static void fill(struct finding *f, const char *command, const struct event_path *name,
        const struct event_reply *reply)
{
	struct event_text *line = evidence_line(f);

	f->action = f->would = ACTION_ALERT;
	f->outcome = outcome_of(reply);
	f->verified = 1;
	evidence_print(line, "%s", command);
	evidence_path(line, name);
	evidence_reply(line, reply);
}

bool sender_judge_mail(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_mail *mail = &e->u.mail;

	if (is_stranger(&e->conn) && !mail->client_ours && mail->sender_ours)
		finding_init(f, FINDING_SENDER_SPOOF, e);
	else if (e->conn.direction == DIRECTION_OUTBOUND && e->conn.from_home && !e->conn.from_server &&
	         mail->sender_foreign)
		finding_init(f, FINDING_SENDER_FOREIGN, e);
	else
		return false;
	if (view->memory)
		f->helo = view->memory->helo;
	f->mail_from = mail->path;
	f->tx_id = mail->tx_id;
	fill(f, "MAIL FROM:", &mail->path, &mail->reply);
	return true;
}

bool sender_judge_helo(const struct watch_view *view, const struct event *e, struct finding *f)
{
	static const char *const verbs[] = { "HELO ", "EHLO ", "LHLO " };
	const struct event_helo *helo = &e->u.helo;

	(void)view;
	if (!is_stranger(&e->conn) || !helo->name_ours)
		return false;
	finding_init(f, FINDING_HELO_FORGED, e);
	f->helo = helo->name;
	fill(f, verbs[helo->esmtp % 3], &helo->name, &helo->reply);
	return true;
}
