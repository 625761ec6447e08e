/* inspect_again.c - see inspect_again.h. The rules are those of inspect_facts.c, where commands and packets are at hand.
 *
 * What a server would have said to a recipient that was refused then and is not now, nobody knows: it stays refused. One
 * that is refused now, and was accepted then, gets the code that Postern gives.
 *
 * Not followed: what a refusal leads to later in the same connection (`max-refusals`, a client that gives up).
 */
#include "inspect_again.h"

#include <string.h>

#include "smtp/address.h"

enum { CODE_DEFERRED = 450, CODE_REFUSED = 550, CODE_SESSION = 554 };

struct policy_connection inspect_again_connection(const struct policy *policy, struct event_connection *c)
{
	struct policy_connection d =
	        policy_judge_connection(policy, &c->src, &c->dst, (enum policy_self)c->self);

	c->rule = d.rule;
	c->server = d.server;
	c->direction = d.direction;
	c->from_upstream = d.client_upstream;
	c->from_home = d.client_home;
	c->from_server = d.client_server;
	return d;
}

static void set_final_domain(struct event_domain *d, const struct smtp_address *a, unsigned hop)
{
	if (hop >= a->hop_count)
		return;
	d->len = a->hops[hop].len;
	memcpy(d->bytes, a->hops[hop].domain, d->len);
}

/* Only a refusal is held back. */
static void judge_slow(struct event_rcpt *r)
{
	bool waited_for = r->reply.code / 100 == 5;

	if (r->action == ACTION_SLOW && !waited_for)
		r->action = ACTION_ALERT;
	if (r->would == ACTION_SLOW && !waited_for)
		r->would = ACTION_ALERT;
}

static void refuse(struct event_rcpt *r)
{
	bool by_us = r->outcome == OUTCOME_REFUSED_BY_US;

	if (r->reply.code / 100 == 2) {
		r->reply.text.len = 0; /* a yes */
		r->reply.code = r->action == ACTION_DEFER_RECIPIENT    ? CODE_DEFERRED
		                : r->action == ACTION_REFUSE_RECIPIENT ? CODE_REFUSED
		                                                       : CODE_SESSION;
	}
	r->servers_words = !by_us && r->reply.text.len > 0;
	r->outcome = OUTCOME_REFUSED_BY_US;
}

static void judge_recipient(const struct inspect_again *a, struct event_rcpt *r, int server, bool partial)
{
	struct smtp_address address;
	struct policy_recipient p;
	enum action wanted;

	if (r->path.len == 0) /* known by number only */
		return;
	smtp_address_parse(r->path.bytes, r->path.len, &address);
	r->form = (uint8_t)address.form;
	set_final_domain(&r->final_domain, &address, address.hop_count - 1);
	if (server < 0)
		return;
	p = policy_judge_recipient(a->policy, server, &address);
	r->judged = 1;
	r->ours = p.ours;
	r->client_ours = a->decision.client_ours || a->authenticated;
	set_final_domain(&r->final_domain, &address, p.hop);
	wanted = event_rcpt_is_foreign(r) ? policy_action_for(&a->decision, &p) : ACTION_ALERT;
	r->would = (uint8_t)wanted;
	r->action = a->enforce && !partial && !r->uncertain ? (uint8_t)wanted : ACTION_ALERT;
	judge_slow(r);
	if (action_refuses((enum action)r->action))
		refuse(r);
	*a->foreign_accepted += event_rcpt_is_relayed(r);
}

void inspect_again(const struct inspect_again *a, struct event *e)
{
	inspect_claims_of(
	        a->policy, a->decision.client_ours || a->decision.client_server || a->authenticated, e);
	if (e->kind == EVENT_RCPT)
		judge_recipient(a, &e->u.rcpt, e->conn.server, e->conn.midstream);
	else if (e->kind == EVENT_DATA)
		e->u.data.rcpt_foreign_accepted = *a->foreign_accepted;
}
