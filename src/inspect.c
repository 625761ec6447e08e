/* inspect.c - the packet engine: packet in, verdict and events out.
 *
 * A packet is decoded (wire/packet), finds or makes its flow, its payload is put in order
 * (wire/stream) and read (smtp/dialogue); inspect_facts.c acts on what was read. The verdict falls
 * before the call returns; nothing is held.
 *
 * Two ways to live:
 * - enforce (live, mode = enforce): nothing passes unread. Outside of bodies a segment beyond a hole is
 *   dropped, its sender sends it again; a resend with other bytes is dropped; what cannot be decoded as
 *   its receiver would is dropped.
 * - observe (monitor mode, captures): every packet passes; what comes out of order is kept for reading.
 *   A hole that will not fill any more (its receiver acknowledged the bytes, or there is no room to
 *   wait) is skipped and told to the dialogue as a gap.
 *
 * Limits: capacities of the flow table and the pools are settings. A full flow table evicts the flow
 * touched longest ago, counted and told; full pools cost comparison of resends and waiting behind
 * holes, never order.
 *
 * A flow ends when both FINs are in order, LINGER_US after a reset (a forged reset must not blind us:
 * a flow that goes on simply stays), when idle too long, or by eviction.
 */
#include "inspect_flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/flow.h"
#include "wire/packet.h"

enum {
	HISTORY_BYTES = 256 * 1024, /* compared resends reach back this far at most */
	PATIENCE_PACKETS = 8,       /* observing: how long acknowledged but unseen bytes are waited for */
};
#define LINGER_US 2000000u

struct linger {
	struct table_ref ref;
	uint64_t until_us;
};

void inspect_settings_default(struct inspect_settings *s, int offline)
{
	memset(s, 0, sizeof(*s));
	s->flows = 65536;
	s->pages = 32768; /* 128 MiB, touched only as needed */
	s->commands = 32768;
	s->edits = 16384;
	s->idle_s = 3600;
	s->source = offline ? SOURCE_PCAP : SOURCE_WIRE;
}

struct inspect *inspect_new(const struct inspect_settings *s, struct ring *ring, const struct policy *policy)
{
	uint32_t flow_bytes = ((uint32_t)(sizeof(struct flow) + 15) & ~15u) + dialogue_size();
	struct inspect *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->settings = *s;
	in->ring = ring;
	in->flows = table_new(s->flows, sizeof(struct flow_key), flow_bytes, s->hash_key);
	in->pages = stream_pages_new(s->pages);
	in->commands = smtp_pool_new(s->commands);
	in->edits = edit_pool_new(s->edits);
	in->linger = calloc(s->flows, sizeof(*in->linger));
	if (!in->flows || !in->pages || !in->commands || !in->edits || !in->linger) {
		inspect_free(in);
		errno = ENOMEM;
		return NULL;
	}
	inspect_set_policy(in, policy);
	return in;
}

void inspect_free(struct inspect *in)
{
	if (!in)
		return;
	table_free(in->flows);
	stream_pages_free(in->pages);
	smtp_pool_free(in->commands);
	edit_pool_free(in->edits);
	free(in->linger);
	free(in);
}

void inspect_set_policy(struct inspect *in, const struct policy *policy)
{
	in->policy = policy;
	in->enforce = in->settings.source == SOURCE_WIRE && policy_settings(policy)->mode == MODE_ENFORCE;
}

const struct counters *inspect_counters(const struct inspect *in)
{
	return &in->counters;
}

uint32_t inspect_flow_count(const struct inspect *in)
{
	return table_count(in->flows);
}

/* ---- flows --------------------------------------------------------------------------------- */

static void flow_end(struct inspect *in, struct flow *f, enum event_state state, uint64_t now_us)
{
	struct dialogue *d = flow_dialogue(f);
	bool orderly = state == STATE_CLOSED || state == STATE_RESET;
	struct event *e;
	int side;

	if (f->was_reset)
		state = STATE_RESET_BY_US;
	inspect_facts_end(in, f, orderly ? END_CLOSED : END_LOST, now_us);
	e = inspect_event(in, f, EVENT_CLOSE, now_us);
	e->u.close.bytes_toserver = f->bytes[SMTP_CLIENT];
	e->u.close.bytes_toclient = f->bytes[SMTP_SERVER];
	e->u.close.packets_toserver = f->packets[SMTP_CLIENT];
	e->u.close.packets_toclient = f->packets[SMTP_SERVER];
	e->u.close.skipped_bytes = f->skipped_bytes;
	e->u.close.transactions = dialogue_transactions(d);
	e->u.close.tls_version = f->tls_version;
	e->u.close.tls = f->tls;
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

/* Who is the client of a connection whose start tells it or, in the middle, its ports do. */
static bool sender_is_client(const struct inspect *in, const struct segment *seg)
{
	if (seg->flags & TCP_SYN)
		return !(seg->flags & TCP_ACK);
	if (policy_settings(in->policy)->port_count == 0)
		return seg->dport < seg->sport;
	return policy_has_port(in->policy, seg->dport);
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
	f->decision = policy_judge_connection(in->policy, &c->src, &c->dst);
	c->rule = f->decision.rule;
	c->server = f->decision.server;
	c->direction = f->decision.direction;
	c->from_upstream = f->decision.client_upstream;
	c->source = in->settings.source;
	c->midstream = !(seg->flags & TCP_SYN);
}

static struct flow *flow_add(struct inspect *in, const struct packet *packet, const struct segment *seg,
        const struct flow_key *key, uint8_t sender_end)
{
	bool from_client = sender_is_client(in, seg);
	struct flow *f, *oldest;

	if (table_count(in->flows) == table_capacity(in->flows)) {
		oldest = table_oldest(in->flows, NULL);
		counter_add(&in->counters, COUNTER_FLOWS_EVICTED, 1);
		flow_end(in, oldest, STATE_EVICTED, packet->time_us);
	}
	f = table_add(in->flows, key, packet->time_us);
	connection_set(in, f, packet, seg, from_client);
	f->conn.flow_id = flow_id(in->settings.hash_key, key, packet->time_us);
	f->first_end = from_client ? sender_end : !sender_end;
	stream_init(&f->stream[SMTP_CLIENT]);
	stream_init(&f->stream[SMTP_SERVER]);
	dialogue_init(flow_dialogue(f), in->commands, f->conn.midstream);
	counter_add(&in->counters, COUNTER_FLOWS, 1);
	counter_add(&in->counters, COUNTER_FLOWS_MIDSTREAM, f->conn.midstream);
	inspect_send(in, inspect_event(in, f, EVENT_OPEN, packet->time_us));
	return f;
}

/* The flow of this segment, or NULL if it belongs to none and starts none. A SYN with another number
 * than the flow began with is a new connection on the same ports. */
static struct flow *flow_of(
        struct inspect *in, const struct packet *packet, const struct segment *seg, enum smtp_side *side)
{
	struct flow_key key;
	uint8_t sender_end = flow_key_make(&key, seg);
	struct flow *f = table_find(in->flows, &key);

	if (f) {
		*side = sender_end == f->first_end ? SMTP_CLIENT : SMTP_SERVER;
		if ((seg->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
		        (*side == SMTP_SERVER ||
		                (f->stream[*side].started && f->stream[*side].base_seq != seg->seq + 1))) {
			flow_end(in, f, f->rst ? STATE_RESET : STATE_TIMEOUT, packet->time_us);
			f = NULL;
		}
	}
	if (!f) {
		if (!(seg->flags & TCP_SYN) && seg->payload_bytes == 0)
			return NULL;
		if (!policy_has_port(in->policy, seg->dport) && !policy_has_port(in->policy, seg->sport))
			return NULL;
		f = flow_add(in, packet, seg, &key, sender_end);
		*side = sender_end == f->first_end ? SMTP_CLIENT : SMTP_SERVER;
	}
	table_touch(in->flows, f, packet->time_us);
	return f;
}

/* ---- payload ------------------------------------------------------------------------------- */

static void tell_odd(struct inspect *in, struct flow *f, enum smtp_side side, enum event_odd what,
        uint64_t offset, uint64_t now_us)
{
	struct event *e = inspect_event(in, f, EVENT_ODD, now_us);

	e->u.odd.what = (uint8_t)what;
	e->u.odd.side = (uint8_t)side;
	e->u.odd.offset = offset;
	inspect_send(in, e);
	counter_add(&in->counters, COUNTER_ODDITIES, 1);
}

/* Bytes that waited behind a hole and are in order now. They left long ago: not editable. */
static void read_kept(struct inspect *in, struct flow *f, enum smtp_side side, uint64_t now_us)
{
	struct stream *s = &f->stream[side];
	const uint8_t *bytes;
	uint32_t len;

	while ((bytes = stream_next_kept(s, in->pages, &len)))
		inspect_facts(in, f, side, bytes, len, s->next - len, false, now_us);
}

static void tell_gap(
        struct inspect *in, struct flow *f, enum smtp_side side, uint64_t missing, uint64_t now_us)
{
	if (missing == 0)
		return;
	counter_add(&in->counters, COUNTER_GAP, 1);
	f->skipped_bytes += missing;
	dialogue_gap(flow_dialogue(f), side, missing);
	read_kept(in, f, side, now_us);
}

/* Bytes of `side` before sequence number seq exist, but those not seen so far never will be: reads what
 * was kept of them and tells the rest as gaps. */
static void skip_until(struct inspect *in, struct flow *f, enum smtp_side side, uint32_t seq, uint64_t now_us)
{
	struct stream *s = &f->stream[side];
	uint64_t until = stream_offset(s, seq), missing;

	while (s->next < until) {
		missing = s->range_count > 0 && s->ranges[0].from <= until
		                  ? stream_skip_hole(s)
		                  : stream_skip_to(s, in->pages, seq);
		if (missing == 0)
			return;
		tell_gap(in, f, side, missing, now_us);
	}
}

static enum verdict_kind read_payload(struct inspect *in, struct flow *f, enum smtp_side side,
        const uint8_t *payload, const struct segment *seg, uint32_t seq, uint64_t now_us)
{
	struct stream *s = &f->stream[side];
	bool in_body = side == SMTP_CLIENT && dialogue_in_body(flow_dialogue(f));
	bool keep = !in->enforce || in_body;
	struct stream_out out;

	if (!s->started)
		stream_start(s, seq);
	out = stream_push(s, in->pages, seq, payload, seg->payload_captured, keep, HISTORY_BYTES);
	counter_add(&in->counters, COUNTER_STREAM_MEMORY, out.unverified);
	switch (out.result) {
	case STREAM_NEW:
		inspect_facts(in, f, side, payload + out.fresh_at, out.fresh_bytes, out.fresh_offset,
		        in->enforce, now_us);
		if (out.more)
			read_kept(in, f, side, now_us);
		break;
	case STREAM_RESEND:
		counter_add(&in->counters, COUNTER_RESEND, 1);
		break;
	case STREAM_HOLE:
		counter_add(&in->counters, COUNTER_HOLE, 1);
		if (!keep)
			return VERDICT_DROP;
		break;
	case STREAM_FULL:
		counter_add(&in->counters, COUNTER_STREAM_MEMORY, 1);
		if (in->enforce)
			return VERDICT_DROP;
		skip_until(in, f, side, seq, now_us);
		return read_payload(in, f, side, payload, seg, seq, now_us);
	case STREAM_DIFFERS:
		counter_add(&in->counters, COUNTER_RESEND_DIFFERS, 1);
		if (!out.probe) /* some keep-alives carry one byte of anything */
			tell_odd(in, f, side, ODD_RESEND_DIFFERS, stream_offset(s, seq), now_us);
		if (in->enforce)
			return VERDICT_DROP;
		break;
	case STREAM_OUTSIDE:
		counter_add(&in->counters, COUNTER_OUT_OF_WINDOW, 1);
		if (in->enforce)
			return VERDICT_DROP;
		break;
	}
	if (seg->payload_captured < seg->payload_bytes)
		skip_until(in, f, side, seq + seg->payload_bytes, now_us);
	return VERDICT_ACCEPT;
}

/* The sender acknowledges bytes of its peer: history and edits below may go. Acknowledged bytes that
 * were never seen are lost to us: at once if we hold what came behind them and the sender goes on to
 * answer it, else when they do not turn up for a while (captures may hold packets out of order). */
static void read_ack(
        struct inspect *in, struct flow *f, enum smtp_side sender, const struct segment *seg, uint64_t now_us)
{
	uint32_t ack = seg->ack;
	enum smtp_side side = sender == SMTP_CLIENT ? SMTP_SERVER : SMTP_CLIENT;
	struct stream *s = &f->stream[side];
	uint64_t offset;

	if (!s->started)
		return;
	offset = stream_offset(s, ack);
	if (offset > s->next + (f->fin[side] ? 1 : 0)) {
		if (f->tls || offset - s->next > UINT32_MAX / 4)
			return;
		if (!(s->range_count > 0 && seg->payload_bytes > 0) &&
		        ++f->unseen_acks[side] < PATIENCE_PACKETS)
			return;
		skip_until(in, f, side, ack, now_us);
	}
	f->unseen_acks[side] = 0;
	edit_ack(&f->edits[side], in->edits, offset);
	stream_ack(s, in->pages, ack);
}

/* ---- start and end of a connection --------------------------------------------------------- */

static void linger_add(struct inspect *in, struct flow *f, uint64_t now_us)
{
	struct linger *l;

	if (in->linger_count == in->settings.flows) {
		flow_end(in, f, STATE_RESET, now_us);
		return;
	}
	l = &in->linger[(in->linger_first + in->linger_count++) % in->settings.flows];
	l->ref = table_ref(in->flows, f);
	l->until_us = now_us + LINGER_US;
}

/* After the payload has been read. May end the flow. */
static void read_flags(
        struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg, uint64_t now_us)
{
	enum smtp_side peer = side == SMTP_CLIENT ? SMTP_SERVER : SMTP_CLIENT;

	if ((seg->flags & TCP_FIN) && f->stream[side].started && !f->fin[side]) {
		f->fin[side] = true;
		f->fin_offset[side] = stream_offset(&f->stream[side], seg->seq + seg->payload_bytes);
	}
	if (seg->flags & TCP_RST) {
		if (f->rst)
			return;
		f->rst = true;
		linger_add(in, f, now_us);
		return;
	}
	if (seg->payload_bytes > 0)
		f->rst = false;
	if (f->fin[side] && f->fin[peer] &&
	        (f->tls || (f->stream[side].next >= f->fin_offset[side] &&
	                           f->stream[peer].next >= f->fin_offset[peer])))
		flow_end(in, f, STATE_CLOSED, now_us);
}

/* ---- the walk ------------------------------------------------------------------------------ */

static enum verdict_kind inspect_segment(struct inspect *in, const struct packet *packet,
        const uint8_t *bytes, const struct segment *seg, struct verdict *out)
{
	enum verdict_kind kind = VERDICT_ACCEPT;
	uint64_t now_us = packet->time_us;
	uint32_t seq = seg->seq + !!(seg->flags & TCP_SYN);
	enum smtp_side side;
	struct flow *f = flow_of(in, packet, seg, &side);
	bool may_reset;

	if (!f)
		return VERDICT_ACCEPT;
	/* The packet that brings the end-of-data reply has to arrive: the one after it is reset. */
	may_reset = in->enforce && !dialogue_awaits_end_reply(flow_dialogue(f));
	f->packets[side]++;
	f->bytes[side] += seg->payload_bytes;
	if ((seg->flags & TCP_SYN) && !f->stream[side].started)
		stream_start(&f->stream[side], seq);
	if (seg->flags & TCP_ACK)
		read_ack(in, f, side, seg, now_us);
	if ((seg->flags & TCP_URG) && seg->payload_bytes > 0 && !f->tls)
		tell_odd(in, f, side, ODD_URGENT, stream_offset(&f->stream[side], seq), now_us);
	if (seg->payload_bytes > 0 && !f->tls)
		kind = read_payload(in, f, side, bytes + seg->payload_offset, seg, seq, now_us);

	if (f->was_reset || (f->want_reset && may_reset && !dialogue_awaits_end_reply(flow_dialogue(f)))) {
		f->was_reset = true;
		kind = VERDICT_RESET;
	} else if (kind == VERDICT_ACCEPT && seg->payload_bytes > 0 && !edit_is_empty(&f->edits[side])) {
		if (edit_apply(&f->edits[side], in->edits, packet, bytes, seg,
		            stream_offset(&f->stream[side], seq), out) != 0) {
			f->was_reset = true;
			kind = VERDICT_RESET;
		}
	}
	if (kind != VERDICT_DROP)
		read_flags(in, f, side, seg, now_us);
	return kind;
}

void inspect_packet(
        struct inspect *in, const struct packet *packet, const uint8_t *bytes, struct verdict *out)
{
	static const struct {
		enum counter counter;
		bool drop; /* in enforce mode: its receiver drops it too, or could read it otherwise than we do */
	} unread[] = {
		[WIRE_NOT_TCP] = { COUNTER_NOT_TCP, false },
		[WIRE_FRAGMENT] = { COUNTER_FRAGMENT, true },
		[WIRE_TRUNCATED] = { COUNTER_TRUNCATED, true },
		[WIRE_MALFORMED] = { COUNTER_MALFORMED, true },
		[WIRE_BAD_CHECKSUM] = { COUNTER_BAD_CHECKSUM, true },
	};
	static const enum counter verdicts[] = {
		[VERDICT_ACCEPT] = COUNTER_ACCEPTED,
		[VERDICT_DROP] = COUNTER_DROPPED,
		[VERDICT_RESET] = COUNTER_RESET,
	};
	enum wire_result result;
	struct segment seg;

	out->kind = VERDICT_ACCEPT;
	out->edit_count = 0;
	out->bytes_used = 0;
	counter_add(&in->counters, COUNTER_PACKETS, 1);
	counter_add(&in->counters, COUNTER_BYTES, packet->length_bytes);
	result = wire_parse(packet, bytes, &seg);
	if (result == WIRE_TCP) {
		out->kind = (uint8_t)inspect_segment(in, packet, bytes, &seg, out);
	} else {
		counter_add(&in->counters, unread[result].counter, 1);
		if (unread[result].drop && in->enforce)
			out->kind = VERDICT_DROP;
	}
	if (out->kind != VERDICT_ACCEPT)
		out->edit_count = 0;
	counter_add(&in->counters, COUNTER_EDITED, out->edit_count > 0);
	counter_add(&in->counters, verdicts[out->kind], 1);
}

void inspect_tick(struct inspect *in, uint64_t now_us)
{
	uint64_t touched_us;
	struct flow *f;

	while (in->linger_count > 0 && in->linger[in->linger_first].until_us <= now_us) {
		f = table_get(in->flows, in->linger[in->linger_first].ref);
		in->linger_first = (in->linger_first + 1) % in->settings.flows;
		in->linger_count--;
		if (f && f->rst)
			flow_end(in, f, STATE_RESET, now_us);
	}
	while ((f = table_oldest(in->flows, &touched_us)) &&
	        touched_us + in->settings.idle_s * UINT64_C(1000000) <= now_us) {
		counter_add(&in->counters, COUNTER_FLOWS_EXPIRED, 1);
		flow_end(in, f, STATE_TIMEOUT, now_us);
	}
}

uint32_t inspect_finish(struct inspect *in, uint64_t now_us)
{
	enum { BATCH = 64 };
	struct flow *f;
	int i;

	for (i = 0; i < BATCH && (f = table_oldest(in->flows, NULL)); i++) {
		if (!in->enforce) {
			tell_gap(in, f, SMTP_SERVER, stream_skip_hole(&f->stream[SMTP_SERVER]), now_us);
			tell_gap(in, f, SMTP_CLIENT, stream_skip_hole(&f->stream[SMTP_CLIENT]), now_us);
		}
		flow_end(in, f, f->rst ? STATE_RESET : STATE_TIMEOUT, now_us);
	}
	return table_count(in->flows);
}
