/* inspect_claims.c - whose names a client claims: that of its greeting, that of its sender; and what its
 * mail shows of the inside.
 *
 * Whether a domain is ours is policy's to say, and policy is at hand here and not in watch, which only
 * reads what is marked. A greeting is read like the domain of an address: "mx.example.org" and
 * "[192.0.2.1]" (RFC 5321 4.1.1.1) then mean to it what they mean in a recipient.
 */
#include "inspect_again.h"
#include "inspect_flow.h"

#include <string.h>

#include "smtp/address.h"
#include "smtp/header.h"

static bool owns_name(const struct policy *policy, const struct event_path *name)
{
	char path[EVENT_PATH_MAX + 2] = "x@";
	struct smtp_address address;

	memcpy(path + 2, name->bytes, name->len);
	smtp_address_parse(path, name->len + 2U, &address);
	return (address.form == SMTP_FORM_PLAIN || address.form == SMTP_FORM_LITERAL) &&
	       policy_owns(policy, &address);
}

static void claim_sender(const struct policy *policy, struct event_mail *mail)
{
	struct smtp_address address;

	smtp_address_parse(mail->path.bytes, mail->path.len, &address);
	mail->sender_ours = policy_owns(policy, &address);
	mail->sender_foreign = policy_disowns(policy, &address);
}

void inspect_claims_of(const struct policy *policy, bool client_ours, struct event *e)
{
	if (e->kind == EVENT_HELO) {
		e->u.helo.name_ours = !client_ours && owns_name(policy, &e->u.helo.name);
	} else if (e->kind == EVENT_MAIL) {
		e->u.mail.client_ours = client_ours;
		claim_sender(policy, &e->u.mail);
	}
}

void inspect_claims(const struct inspect *in, struct flow *f, struct event *e)
{
	inspect_claims_of(in->policy,
	        f->decision.client_ours || f->decision.client_server ||
	                dialogue_is_authenticated(flow_dialogue(f)),
	        e);
}

/* An address of home or of our servers; those of others, further down in mail that is passed on, are not ours to
 * hide. A name is the sending server's own word. */
static bool is_ours(const struct policy *policy, const struct header_leak *leak)
{
	struct policy_groups groups;
	struct addr addr;

	if (leak->is_name)
		return true;
	if (addr_parse(leak->text, &addr) != 0)
		return false;
	groups = policy_lookup(policy, &addr);
	return policy_groups_have(&groups, GROUP_ID_HOME) || policy_groups_have(&groups, GROUP_ID_SERVERS);
}

void inspect_leak(struct inspect *in, struct flow *f, uint32_t tx_id, uint64_t now_us)
{
	const struct header *h = dialogue_header(flow_dialogue(f));
	struct event *e;
	unsigned i;

	if (f->conn.direction != DIRECTION_OUTBOUND)
		return;
	for (i = 0; i < h->leak_count && !is_ours(in->policy, &h->leaks[i]); i++)
		;
	if (i == h->leak_count)
		return;
	e = inspect_event(in, f, EVENT_LEAK, now_us);
	e->u.leak.tx_id = tx_id;
	e->u.leak.bytes.len = (uint16_t)strlen(h->leaks[i].text);
	memcpy(e->u.leak.bytes.bytes, h->leaks[i].text, e->u.leak.bytes.len);
	inspect_send(in, e);
}
