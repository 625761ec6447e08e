/* inspect_claims.c - whose names a client claims: that of its greeting, that of its sender.
 *
 * Whether a domain is ours is policy's to say, and policy is at hand here and not in watch, which only
 * reads what is marked. A greeting is read like the domain of an address: "mx.example.org" and
 * "[192.0.2.1]" (RFC 5321 4.1.1.1) then mean to it what they mean in a recipient.
 */
#include "inspect_flow.h"

#include <string.h>

#include "smtp/address.h"

static bool owns_name(const struct policy *policy, const struct event_path *name)
{
	char path[EVENT_PATH_MAX + 2] = "x@";
	struct smtp_address address;

	memcpy(path + 2, name->bytes, name->len);
	smtp_address_parse(path, name->len + 2U, &address);
	return (address.form == SMTP_FORM_PLAIN || address.form == SMTP_FORM_LITERAL) &&
	       policy_owns(policy, &address);
}

static bool owns_sender(const struct policy *policy, const struct event_path *path)
{
	struct smtp_address address;

	smtp_address_parse(path->bytes, path->len, &address);
	return policy_owns(policy, &address);
}

void inspect_claims(const struct inspect *in, struct flow *f, struct event *e)
{
	bool ours = f->decision.client_ours || f->decision.client_server ||
	            dialogue_is_authenticated(flow_dialogue(f));

	if (e->kind == EVENT_HELO) {
		e->u.helo.name_ours = !ours && owns_name(in->policy, &e->u.helo.name);
	} else if (e->kind == EVENT_MAIL) {
		e->u.mail.client_ours = ours;
		e->u.mail.sender_ours = owns_sender(in->policy, &e->u.mail.path);
	}
}
