/* inspect_life.c - flows of the packet engine: how they begin, and when they are over.
 *
 * A flow begins with a SYN, or in the middle with payload that is no resend of one that has just ended. It
 * ends when both FINs are in order, some time after a reset, when idle too long, or by eviction. Whoever can
 * make us end a flow whose connection goes on has it picked up again in the middle, where nothing is refused.
 * Hence:
 * - A SYN into a living flow is believed once the server agrees to it (its SYN-ACK acknowledges it);
 *   servers answer any other with a challenge ACK and go on (RFC 9293 3.10.7.4, RFC 5961 4.2).
 * - A FIN counts while its place in the stream is the stream's end.
 * - A reset ends nothing at once. One that the other end does not believe (RFC 5961 3.2) is followed by
 *   silence at most for as long as that end waits for a command, 5 minutes by RFC 5321 4.5.3.2.7; when
 *   enforcing, the flow lives on for twice that, else for two seconds. Under TLS nothing would be refused, so there the
 *   kernel's word is enough (inspect_fast.c).
 *
 * Who goes on although the other side was never heard has a path of which one side leads through here: silence
 * is no answer, so nothing of it is refused. (Observing, inspect.c is more patient: captures may be out of order.) A client cannot pretend that: what he sends before the SYN-ACK has
 * passed here, no server takes, so if one comes after all, he is cut off. What else comes is a path that has changed.
 *
 * Rejected: believing resets by their sequence number. Ours is the sender's word; the receiver may have
 * thrown away bytes that we read (old timestamps, few hops to live), so the two need not agree.
 */
#include "inspect_flow.h"

#include <string.h>

#include "wire/flow.h"
#include "wire/packet.h"

/* ---- flows --------------------------------------------------------------------------------- */

enum { OVER_S = 60 }; /* TCP_TIMEWAIT_LEN of Linux, include/net/tcp.h */

static void remember_end(struct inspect *in, const struct flow *f, uint64_t now_us)
{
	struct flow_over *over = table_take(in->over, table_key(in->flows, f), now_us, NULL);

	over->over_us = now_us;
	for (int side = SMTP_CLIENT; side <= SMTP_SERVER; side++) {
		const struct stream *s = &f->stream[side];

		over->end_seq[side == SMTP_CLIENT ? f->first_end : !f->first_end] =
		        s->base_seq +
		        (uint32_t)(f->rst_sure ? s->next + STREAM_AHEAD_BYTES : f->fin_offset[side]);
	}
}

/* Another connection has its ports. */
static void forget_end(struct inspect *in, const struct flow_key *key)
{
	struct flow_over *over = table_find(in->over, key);

	if (over)
		table_drop(in->over, over);
}

/* A segment, or its resend, of a connection that is over: its last bytes may come twice, as their acknowledgement was lost
 * or late; and behind a reset those that were on their way. */
static bool is_over(const struct inspect *in, const struct flow_key *key, uint8_t sender_end,
        const struct segment *seg, uint64_t now_us)
{
	const struct flow_over *over = table_find(in->over, key);

	return over && now_us < over->over_us + OVER_S * UINT64_C(1000000) &&
	       (int32_t)(over->end_seq[sender_end] - (seg->seq + seg->payload_bytes)) >= 0;
}

void inspect_flow_end(struct inspect *in, struct flow *f, enum event_state state, uint64_t now_us)
{
	struct dialogue *d = flow_dialogue(f);
	bool orderly = state == STATE_CLOSED || state == STATE_RESET;
	struct event *e;
	int side;

	if (state == STATE_CLOSED || f->rst_sure)
		remember_end(in, f, now_us);
	if (f->was_reset)
		state = STATE_RESET_BY_US;
	inspect_facts_end(in, f, orderly ? END_CLOSED : END_LOST, now_us);
	e = inspect_event(in, f, EVENT_CLOSE, now_us);
	e->u.close.bytes_toserver = f->bytes[SMTP_CLIENT];
	e->u.close.bytes_toclient = f->bytes[SMTP_SERVER];
	e->u.close.packets_toserver = f->packets[SMTP_CLIENT];
	e->u.close.packets_toclient = f->packets[SMTP_SERVER];
	e->u.close.skipped_bytes = f->skipped_bytes;
	e->u.close.held_ms = f->hold.spent_ms;
	e->u.close.held = f->hold.packets;
	e->u.close.transactions = dialogue_transactions(d);
	e->u.close.tls_version = f->tls_version;
	e->u.close.tls = f->tls;
	e->u.close.greeted = f->greeting_told;
	e->u.close.sni = f->sni;
	e->u.close.state = (uint8_t)state;
	inspect_send(in, e);

	counter_add(&in->counters,
	        f->saw_rcpt ? COUNTER_SESSIONS_READ
	        : f->tls    ? COUNTER_SESSIONS_TLS
	                    : COUNTER_SESSIONS_OTHER,
	        1);
	counter_add(&in->counters, COUNTER_FLOWS_CLOSED, 1);
	for (side = SMTP_CLIENT; side <= SMTP_SERVER; side++) {
		stream_fini(&f->stream[side], in->pages);
		edit_fini(&f->edits[side], in->edits);
	}
	dialogue_fini(d);
	table_drop(in->flows, f);
}

/* Who is the client: told by the ports; by the start of the connection if they are alike (a SYN-ACK
 * alone proves nothing, anybody can send one to port 25); else the higher port is. */
static bool sender_is_client(const struct inspect *in, const struct segment *seg)
{
	bool to_port = policy_has_port(in->policy, seg->dport);

	if (to_port != policy_has_port(in->policy, seg->sport))
		return to_port;
	if (seg->flags & TCP_SYN)
		return !(seg->flags & TCP_ACK);
	return seg->dport < seg->sport;
}

/* By the policy in force: groups of an older one mean nothing to it. */
static void decide(struct inspect *in, struct flow *f)
{
	struct event_connection *c = &f->conn;

	f->policy_number = in->policy_number;
	f->decision = policy_judge_connection(in->policy, &c->src, &c->dst, f->self);
	c->rule = f->decision.rule;
	c->server = f->decision.server;
	c->direction = f->decision.direction;
	c->from_upstream = f->decision.client_upstream;
	c->from_home = f->decision.client_home;
	c->from_server = f->decision.client_server;
}

static void connection_set(struct inspect *in, struct flow *f, const struct packet *packet,
        const struct segment *seg, bool from_client)
{
	struct event_connection *c = &f->conn;

	c->open_us = packet->time_us;
	c->src = from_client ? seg->src : seg->dst;
	c->dst = from_client ? seg->dst : seg->src;
	c->sport = from_client ? seg->sport : seg->dport;
	c->dport = from_client ? seg->dport : seg->sport;
	c->in_if = from_client ? packet->in_if : packet->out_if;
	memcpy(c->vlan, packet->vlan, sizeof(c->vlan));
	c->source = in->settings.source;
	c->midstream = !(seg->flags & TCP_SYN);
	f->self = policy_self_of(packet, from_client);
	c->self = (uint8_t)f->self;
	decide(in, f);
}

/* Takes the oldest out of `silent`: the flow if it still is, else NULL. */
static struct flow *silent_pop(struct inspect *in)
{
	struct flow *f = table_get(in->flows, in->silent[in->silent_first]);

	in->silent_first = (in->silent_first + 1) % in->settings.flows;
	in->silent_count--;
	return f && f->bytes[SMTP_CLIENT] == 0 && f->bytes[SMTP_SERVER] == 0 ? f : NULL;
}

/* When the FIFO is full of flows that ended or spoke, its oldest is forgotten. */
static void silent_add(struct inspect *in, const struct flow *f)
{
	if (in->silent_count == in->settings.flows)
		silent_pop(in);
	in->silent[(in->silent_first + in->silent_count++) % in->settings.flows] = table_ref(in->flows, f);
}

static void evict(struct inspect *in, uint64_t now_us)
{
	struct flow *f = NULL;

	while (!f && in->silent_count > 0)
		f = silent_pop(in);
	counter_add(&in->counters, COUNTER_FLOWS_EVICTED, 1);
	inspect_flow_end(in, f ? f : table_oldest(in->flows, NULL), STATE_EVICTED, now_us);
}

static struct flow *flow_add(struct inspect *in, const struct packet *packet, const struct segment *seg,
        const struct flow_key *key, uint8_t sender_end)
{
	bool from_client = sender_is_client(in, seg);
	struct flow *f;

	if (table_count(in->flows) == table_capacity(in->flows))
		evict(in, packet->time_us);
	f = table_add(in->flows, key, packet->time_us);
	connection_set(in, f, packet, seg, from_client);
	f->conn.flow_id = flow_id(in->settings.hash_key, key, packet->time_us);
	f->first_end = from_client ? sender_end : !sender_end;
	stream_init(&f->stream[SMTP_CLIENT]);
	stream_init(&f->stream[SMTP_SERVER]);
	dialogue_init(flow_dialogue(f), in->commands, f->conn.midstream);
	inspect_session_begin(in, f);
	if (!f->conn.midstream)
		silent_add(in, f);
	counter_add(&in->counters, COUNTER_FLOWS, 1);
	counter_add(&in->counters, COUNTER_FLOWS_MIDSTREAM, f->conn.midstream);
	inspect_send(in, inspect_event(in, f, EVENT_OPEN, packet->time_us));
	return f;
}

/* A SYN, and the flow has begun with another one. */
static bool is_other_syn(const struct flow *f, enum smtp_side side, const struct segment *seg)
{
	return (seg->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
	       (side == SMTP_SERVER || (f->stream[side].started && f->stream[side].base_seq != seg->seq + 1));
}

/* The server agrees to the SYN that came last. */
static bool agrees_to_syn(const struct flow *f, enum smtp_side side, const struct segment *seg)
{
	return (seg->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) && side == SMTP_SERVER &&
	       f->syn_waits && seg->ack == f->syn_seq + 1;
}

/* Both ends were heard: a SYN of one of them proves nothing. */
static bool is_live(const struct inspect *in, const struct flow *f)
{
	return in->enforce && f->stream[SMTP_CLIENT].started && f->stream[SMTP_SERVER].started;
}

/* The server begins with another number than it first said, and nothing of its stream was read: a SYN
 * cookie made anew (RFC 4987 3.6). */
static void restart_server(struct inspect *in, struct flow *f, const struct segment *seg)
{
	struct stream *s = &f->stream[SMTP_SERVER];

	if (!s->started || s->next > 0 || s->base_seq == seg->seq + 1 || !f->stream[SMTP_CLIENT].started ||
	        seg->ack != f->stream[SMTP_CLIENT].base_seq)
		return;
	stream_fini(s, in->pages);
	stream_start(s, seg->seq + 1);
}

static struct flow *flow_begin(struct inspect *in, const struct packet *packet, const struct segment *seg,
        const struct flow_key *key, uint8_t sender_end)
{
	if (!(seg->flags & TCP_SYN) && seg->payload_bytes == 0)
		return NULL;
	if (!policy_has_port(in->policy, seg->dport) && !policy_has_port(in->policy, seg->sport))
		return NULL;
	if (!(seg->flags & TCP_SYN) && is_over(in, key, sender_end, seg, packet->time_us))
		return NULL;
	forget_end(in, key);
	return flow_add(in, packet, seg, key, sender_end);
}

/* Goes on where the other side should have been heard before. */
static bool speaks_alone(
        const struct inspect *in, const struct flow *f, enum smtp_side side, const struct segment *seg)
{
	if (side == SMTP_CLIENT)
		return in->enforce && !f->stream[SMTP_SERVER].started && (seg->flags & TCP_ACK);
	return !f->stream[SMTP_CLIENT].started && f->stream[SMTP_SERVER].next > 0;
}

/* Whether both sides of the path lead through here: see the top of this file. */
static void read_sides(struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg)
{
	bool begins = seg->flags & TCP_SYN;

	if (!flow_is_partial(f) && !begins && seg->payload_bytes > 0 && speaks_alone(in, f, side, seg)) {
		f->one_sided = true;
		f->lone_side = side;
		if (side == SMTP_CLIENT)
			dialogue_unheard(flow_dialogue(f));
		else
			dialogue_gap(flow_dialogue(f), SMTP_SERVER, 0);
	} else if (f->one_sided && side != f->lone_side && (begins || seg->payload_bytes > 0)) {
		f->one_sided = false;
		if (begins && inspect_guards(in, f)) {
			f->cut_off = true;
			return;
		}
		f->conn.midstream = true;
		dialogue_gap(flow_dialogue(f), SMTP_SERVER, 0);
	}
}

struct flow *inspect_flow_of(
        struct inspect *in, const struct packet *packet, const struct segment *seg, enum smtp_side *side)
{
	struct flow_key key;
	uint8_t sender_end = flow_key_make(&key, seg);
	struct flow *f = table_find(in->flows, &key);
	bool agreed;

	if (!f) {
		f = flow_begin(in, packet, seg, &key, sender_end);
		if (!f)
			return NULL;
	}
	*side = sender_end == f->first_end ? SMTP_CLIENT : SMTP_SERVER;
	agreed = agrees_to_syn(f, *side, seg);
	if (agreed || is_other_syn(f, *side, seg)) {
		if (!agreed && is_live(in, f)) {
			f->syn_waits = *side == SMTP_CLIENT;
			f->syn_seq = seg->seq;
			return NULL;
		}
		inspect_flow_end(in, f, f->rst ? STATE_RESET : STATE_TIMEOUT, packet->time_us);
		f = flow_add(in, packet, seg, &key, sender_end);
		*side = sender_end == f->first_end ? SMTP_CLIENT : SMTP_SERVER;
		if (agreed)
			stream_start(&f->stream[SMTP_CLIENT], seg->ack);
	}
	if (f->policy_number != in->policy_number) {
		decide(in, f);
		inspect_session_begin(in, f);
	}
	if ((seg->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) && *side == SMTP_SERVER)
		restart_server(in, f, seg);
	read_sides(in, f, *side, seg);
	table_touch(in->flows, f, packet->time_us);
	return f;
}

/* ---- ends ---------------------------------------------------------------------------------- */

enum { LINGER_S = 2, LINGER_ENFORCING_S = 600 };

/* When a flow that was reset, and said nothing since, is over. */
static uint64_t linger_until_us(const struct inspect *in, const struct flow *f)
{
	return f->rst_us + (in->enforce ? LINGER_ENFORCING_S : LINGER_S) * UINT64_C(1000000);
}

static bool linger_pop(struct inspect *in, struct flow_linger *l)
{
	if (in->linger_count == 0)
		return false;
	*l = in->linger[in->linger_first];
	in->linger_first = (in->linger_first + 1) % in->linger_capacity;
	in->linger_count--;
	return true;
}

/* Where no more may linger, the one that did so longest ends early: those who reset many connections
 * must not push out the flows that live. */
static void linger_add(struct inspect *in, struct flow *f, uint64_t now_us)
{
	struct flow_linger l;
	struct flow *longest;

	if (in->linger_count == in->linger_capacity && linger_pop(in, &l) &&
	        (longest = table_get(in->flows, l.ref))) {
		longest->lingers = false;
		if (longest->rst)
			inspect_flow_end(in, longest, STATE_RESET, now_us);
	}
	in->linger[(in->linger_first + in->linger_count++) % in->linger_capacity] =
	        (struct flow_linger) { .ref = table_ref(in->flows, f), .until_us = linger_until_us(in, f) };
	f->lingers = true;
}

static void read_fin(struct flow *f, enum smtp_side side, const struct segment *seg)
{
	const struct stream *s = &f->stream[side];
	uint64_t end = stream_offset(s, seg->seq + seg->payload_bytes);

	if (!s->started || (!f->tls && (end < s->next || end - s->next > STREAM_AHEAD_BYTES)))
		return;
	f->fin[side] = true;
	f->fin_offset[side] = end;
}

static bool is_at_end(const struct flow *f, enum smtp_side side)
{
	return f->fin[side] && (f->tls || f->stream[side].next == f->fin_offset[side]);
}

void inspect_flow_flags(
        struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg, uint64_t now_us)
{
	if (seg->flags & TCP_FIN)
		read_fin(f, side, seg);
	if (seg->flags & TCP_RST && f->rst_sure) {
		inspect_flow_end(in, f, STATE_RESET, now_us);
		return;
	}
	if (seg->flags & TCP_RST) {
		f->rst = true;
		f->rst_us = now_us;
		if (!f->lingers)
			linger_add(in, f, now_us);
		return;
	}
	if (seg->payload_bytes > 0)
		f->rst = false;
	if (is_at_end(f, SMTP_CLIENT) && is_at_end(f, SMTP_SERVER))
		inspect_flow_end(in, f, STATE_CLOSED, now_us);
}

/* A reset came, and later none of it: the flow ends; else it is looked at again when it is time. */
static void linger_over(struct inspect *in, const struct flow_linger *l, uint64_t now_us)
{
	struct flow *f = table_get(in->flows, l->ref);

	if (!f)
		return;
	f->lingers = false;
	if (!f->rst)
		return;
	if (linger_until_us(in, f) > now_us)
		linger_add(in, f, now_us);
	else
		inspect_flow_end(in, f, STATE_RESET, now_us);
}

void inspect_tick(struct inspect *in, uint64_t now_us)
{
	uint64_t touched_us;
	struct flow_linger l;
	struct flow *f;

	while (in->linger_count > 0 && in->linger[in->linger_first].until_us <= now_us && linger_pop(in, &l))
		linger_over(in, &l, now_us);
	while ((f = table_oldest(in->flows, &touched_us)) &&
	        touched_us + in->settings.idle_s * UINT64_C(1000000) <= now_us) {
		if (f->path != PATH_QUEUE && inspect_fast_is_alive(in, f, now_us)) {
			table_touch(in->flows, f, now_us);
			continue;
		}
		counter_add(&in->counters, COUNTER_FLOWS_EXPIRED, 1);
		inspect_flow_end(in, f, STATE_TIMEOUT, now_us);
	}
}
