/* refused.c - the copy of a refused try (tap/nflog) to an event.
 *
 * The source of the event is the sender of the packet, who is the client of a SYN. Tries that end in
 * the middle of a connection (rules that came later) may be answers; the port tells which side is the
 * server then. The flow id is a hash of the connection's addresses and ports, so resent SYNs share it.
 */
#include "posternd/refused.h"

#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "wire/packet.h"

static const uint64_t FLOW_ID_MASK = (1ULL << 53) - 1;

struct tuple {
	struct addr src, dst;
	uint8_t ports[4];
};

static void fill_connection(
        struct event_connection *c, const struct packet *packet, const struct segment *seg, bool from_server)
{
	c->src = from_server ? seg->dst : seg->src;
	c->dst = from_server ? seg->src : seg->dst;
	c->sport = from_server ? seg->dport : seg->sport;
	c->dport = from_server ? seg->sport : seg->dport;
	c->open_us = packet->time_us;
	c->in_if = packet->in_if;
	c->vlan[0] = packet->vlan[0];
	c->vlan[1] = packet->vlan[1];
	c->source = SOURCE_WIRE;
	c->midstream = !(seg->flags & TCP_SYN);
}

/* Fills in what the policy says of it; returns what the rule does about it in enforce mode. */
static enum action judge(struct event_connection *c, const struct policy *policy, enum policy_self self)
{
	struct policy_connection p = policy_judge_connection(policy, &c->src, &c->dst, self);

	c->self = (uint8_t)self;
	c->rule = p.rule;
	c->server = p.server;
	c->direction = p.direction;
	c->from_upstream = p.client_upstream;
	c->from_home = p.client_home;
	c->from_server = p.client_server;
	return p.what == DO_DROP ? ACTION_DROP : ACTION_REFUSE;
}

static uint64_t flow_id(const struct event_connection *c, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct tuple t = { .src = c->src, .dst = c->dst };
	uint64_t id;

	bytes_put16(t.ports, c->sport);
	bytes_put16(t.ports + 2, c->dport);
	id = hash_bytes(hash_key, &t, sizeof(t)) & FLOW_ID_MASK;
	return id ? id : 1;
}

bool refused_read(const struct policy *policy, const uint8_t hash_key[HASH_KEY_BYTES],
        const struct packet *packet, const uint8_t *bytes, enum nflog_fate fate, struct event *out)
{
	struct segment seg;
	bool from_server;

	if (wire_parse(packet, bytes, &seg) != WIRE_TCP)
		return false;
	from_server = !policy_has_port(policy, seg.dport) && policy_has_port(policy, seg.sport);
	memset(out, 0, sizeof(*out));
	out->kind = EVENT_REFUSED;
	out->time_us = packet->time_us;
	fill_connection(&out->conn, packet, &seg, from_server);
	out->u.refused.would = judge(&out->conn, policy, policy_self_of(packet, !from_server));
	if (fate == NFLOG_BLOCKED)
		out->u.refused.would = ACTION_BLOCK;
	if (fate == NFLOG_LIMITED)
		out->u.refused.would = ACTION_LIMIT;
	out->u.refused.action = fate == NFLOG_WOULD ? ACTION_ALERT : out->u.refused.would;
	out->conn.flow_id = flow_id(&out->conn, hash_key);
	out->u.refused.tcp_seq = seg.seq;
	out->u.refused.tcp_flags = seg.flags;
	out->u.refused.proto = IPPROTO_TCP;
	return true;
}
