/* decide.c - what a policy says about a connection and about a recipient.
 *
 * The closed-relay axiom: the client is ours or the recipient is ours. The client's half is decided
 * with the connection, from addresses alone; the recipient's half from the hops of its path, as
 * smtp/address lists them. Whether mode, certainty or authentication let anything be done about it
 * is not asked here.
 *
 * Unreadable paths. The axiom wants the final domain to be ours; of a path that could not be read to
 * its end nobody knows that, so it is not. The configured action applies to it as to any foreign
 * recipient: refusing needs certainty, but of the connection, and the bytes of this path are certain.
 * Passing what cannot be read would tell every abuser how to write; honest software writes paths that
 * can be read; and the refusal costs one recipient, whose sender is told. Where hops could be read and
 * are ours it counts as a trick, for which operators may choose a milder action.
 *
 * The same goes for "<>", which is nobody's mailbox: behind it Postfix reads "<>u@foreign>" on.
 *
 * A source route is no trick: servers skip it and look at its last address alone (RFC 5321 appendix
 * C), so mail sent by it is relayed like any other, and no honest software writes it.
 */
#include <assert.h>
#include <string.h>

#include "policy/inner.h"
#include "policy/policy.h"
#include "postern/packet.h"
#include "smtp/address.h"

struct policy_groups policy_lookup(const struct policy *p, const struct addr *a)
{
	assert(p->sealed);
	return ranges_find(&p->ranges[addr_is_v4(a)], a);
}

/* What the DNS says of a followed group is in no other for sure. */
static bool followed_are_in(
        const struct policy *p, const struct policy_groups *outer, const struct policy_groups *inner)
{
	for (unsigned id = 0; id < p->group_count; id++)
		if (p->groups[id].followed && policy_groups_have(inner, id) && !policy_groups_have(outer, id))
			return false;
	return true;
}

/* Every address is in `any`, and so is every end that is the gateway. */
bool policy_covers(
        const struct policy *p, const struct policy_groups *outer, const struct policy_groups *inner)
{
	bool all = policy_groups_have(outer, GROUP_ID_ANY);

	assert(p->sealed);
	if (policy_groups_have(inner, GROUP_ID_SELF) && !all && !policy_groups_have(outer, GROUP_ID_SELF))
		return false;
	return all || (followed_are_in(p, outer, inner) && ranges_covered(&p->ranges[false], outer, inner) &&
	                      ranges_covered(&p->ranges[true], outer, inner));
}

bool policy_has_port(const struct policy *p, uint16_t port)
{
	unsigned i;

	for (i = 0; i < p->settings.port_count; i++)
		if (p->settings.ports[i] == port)
			return true;
	return p->settings.port_count == 0;
}

/* ---- connections --------------------------------------------------------------------------------- */

/* The first servers group declared among those of an address, or -1. */
static int16_t first_server(const struct policy *p, const struct policy_groups *groups)
{
	unsigned i;

	for (i = 0; i < POLICY_GROUPS_MAX / 64; i++) {
		uint64_t servers = groups->w[i] & p->server_kind.w[i];

		if (servers)
			return (int16_t)(i * 64 + (unsigned)__builtin_ctzll(servers));
	}
	return -1;
}

static bool is_inside(const struct policy_groups *groups)
{
	return policy_groups_have(groups, GROUP_ID_HOME) || policy_groups_have(groups, GROUP_ID_SERVERS) ||
	       policy_groups_have(groups, GROUP_ID_SELF);
}

static enum event_direction direction_of(const struct policy_groups *src, const struct policy_groups *dst)
{
	/* [client is inside][server is inside] */
	static const enum event_direction directions[2][2] = {
		{ DIRECTION_TRANSIT, DIRECTION_INBOUND },
		{ DIRECTION_OUTBOUND, DIRECTION_INTERNAL },
	};

	return directions[is_inside(src)][is_inside(dst)];
}

static int16_t first_rule(
        const struct policy *p, const struct policy_groups *src, const struct policy_groups *dst)
{
	unsigned i;

	for (i = 0; i < p->rule_count; i++)
		if (policy_groups_meet(&p->rules[i].from, src) && policy_groups_meet(&p->rules[i].to, dst))
			return (int16_t)i;
	return POLICY_OTHERWISE;
}

enum policy_self policy_self_of(const struct packet *packet, bool from_client)
{
	if (packet->flags & PACKET_FROM_SELF)
		return from_client ? SELF_CLIENT : SELF_SERVER;
	if (packet->flags & PACKET_TO_SELF)
		return from_client ? SELF_SERVER : SELF_CLIENT;
	return SELF_NEITHER;
}

struct policy_connection policy_judge_connection(
        const struct policy *p, const struct addr *src, const struct addr *dst, enum policy_self self)
{
	struct policy_groups from = policy_lookup(p, src), to = policy_lookup(p, dst);
	struct policy_connection c = { .rule = POLICY_OTHERWISE };

	if (self != SELF_NEITHER)
		policy_groups_add(self == SELF_CLIENT ? &from : &to, GROUP_ID_SELF);
	c = (struct policy_connection) {
		.rule = first_rule(p, &from, &to),
		.server = first_server(p, &to),
		.direction = (uint8_t)direction_of(&from, &to),
		.client_upstream = policy_groups_meet(&from, &p->upstreams),
		.client_home = policy_groups_have(&from, GROUP_ID_HOME),
		.client_server = policy_groups_have(&from, GROUP_ID_SERVERS) || self == SELF_CLIENT,
		.client_trusted = policy_groups_meet(&from, &p->settings.trusted),
	};

	c.client_shielded =
	        c.client_upstream || c.client_server || policy_groups_meet(&from, &p->settings.never_block);
	c.what = c.rule == POLICY_OTHERWISE ? p->settings.otherwise : p->rules[c.rule].what;
	c.client_ours = c.client_home;
	if (c.server >= 0 && !c.client_ours)
		c.client_ours = prefixes_have(&p->groups[c.server].server->may_relay, src);
	return c;
}

bool policy_is_stranger(const struct policy_connection *c)
{
	return c->what == DO_INSPECT && c->server >= 0 && !c->client_ours && !c->client_upstream &&
	       !c->client_server;
}

bool policy_is_answerable(const struct policy_connection *c)
{
	return c->what == DO_INSPECT && !c->client_shielded;
}

/* ---- recipients ---------------------------------------------------------------------------------- */

/* 127.0.0.0/8 and ::1: whatever server reads this literal means itself. */
static bool is_loopback(const struct addr *a)
{
	static const struct addr v6_loopback = { { [15] = 1 } };

	return addr_is_v4(a) ? a->b[12] == 127 : addr_compare(a, &v6_loopback) == 0;
}

/* Mail for this hop stays at the server: one of its domains, one of its names (in brackets, too), one
 * of its addresses, or no domain at all. */
enum policy_hop policy_judge_hop(const struct policy *p, int server, const struct smtp_hop *hop)
{
	const struct policy_server *s = p->groups[server].server;
	bool bracketed = hop->len >= 2 && hop->domain[0] == '[' && hop->domain[hop->len - 1] == ']';

	if (hop->literal && prefixes_have(&p->members[server], &hop->addr))
		return POLICY_HOP_ADDRESS;
	if (hop->literal && prefixes_have(&s->public_side, &hop->addr))
		return POLICY_HOP_PUBLIC;
	if (hop->literal)
		return is_loopback(&hop->addr) ? POLICY_HOP_LOOPBACK : POLICY_HOP_FOREIGN;
	if (hop->len == 0)
		return POLICY_HOP_LOCAL;
	if (names_have(&s->hosts, hop->domain + bracketed, hop->len - 2U * bracketed))
		return POLICY_HOP_NAME;
	if (!bracketed && names_cover(&s->domains, hop->domain, hop->len))
		return POLICY_HOP_DOMAIN;
	return POLICY_HOP_FOREIGN;
}

static bool hop_is_ours(const struct policy *p, int server, const struct smtp_hop *hop)
{
	return policy_judge_hop(p, server, hop) != POLICY_HOP_FOREIGN;
}

struct policy_recipient policy_judge_recipient(
        const struct policy *p, int server, const struct smtp_address *a)
{
	bool readable = a->form != SMTP_FORM_MALFORMED && a->form != SMTP_FORM_NULL;
	struct policy_recipient r = { .ours = false };
	unsigned ours = 0; /* hops at the start that are ours */

	assert(p->sealed);
	assert(server >= 0 && (unsigned)server < p->group_count && p->groups[server].server);
	while (ours < a->hop_count && hop_is_ours(p, server, &a->hops[ours]))
		ours++;
	r.ours = ours == a->hop_count && readable;
	r.trick = !r.ours && ours > 0 && a->form != SMTP_FORM_ROUTE;
	r.hop = ours < a->hop_count || ours == 0 ? ours : ours - 1;
	if (r.ours)
		r.action = ACTION_ALERT;
	else
		r.action = r.trick ? p->settings.tricks_action : p->settings.relay_action;
	return r;
}

enum action policy_action_for(const struct policy_connection *c, const struct policy_recipient *r)
{
	return r->action == ACTION_BLOCK && c->client_shielded ? ACTION_REFUSE_RECIPIENT : r->action;
}

/* Names somebody: not every host is called so. */
static bool names_owner(const struct smtp_address *a)
{
	const struct smtp_hop *hop = &a->hops[0];

	if (a->hop_count == 0 || hop->len == 0)
		return false;
	return hop->literal ? !is_loopback(&hop->addr) : strcmp(hop->domain, "localhost") != 0;
}

bool policy_owns(const struct policy *p, const struct smtp_address *a)
{
	unsigned i;

	if (!names_owner(a))
		return false;
	for (i = 0; i < p->group_count; i++)
		if (p->groups[i].server && hop_is_ours(p, (int)i, &a->hops[0]))
			return true;
	return false;
}

bool policy_disowns(const struct policy *p, const struct smtp_address *a)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < p->group_count; i++)
		any = any || (p->groups[i].server && p->groups[i].server->domains.count > 0);
	return any && names_owner(a) && !policy_owns(p, a);
}
