/* inspect.c - the packet engine: packet in, verdict and events out.
 *
 * A packet is decoded (wire/packet), finds or makes its flow, its payload is put in order
 * (wire/stream) and read (smtp/dialogue); inspect_facts.c acts on what was read. The verdict falls
 * before the call returns, though it may be one for later (inspect_slow.c).
 *
 * Two ways to live:
 * - enforce (live, mode = enforce): nothing passes unread. Outside of bodies a segment beyond a hole is
 *   dropped, its sender sends it again; a resend with other bytes is dropped, and so is one that can no
 *   longer be compared and might be read as commands; what cannot be decoded as its receiver would, or
 *   acknowledges bytes that were never sent, is dropped. A stranger who makes a server of ours read what
 *   we can't is cut off (`cut_off`): nothing more of him passes, and the connection is reset as soon as
 *   no end-of-data reply is outstanding. Connections picked up in the middle are only observed.
 * - observe (monitor mode, captures): every packet passes; what comes out of order is kept for reading.
 *   A hole that will not fill any more (its receiver acknowledged the bytes, or there is no room to
 *   wait) is skipped and told to the dialogue as a gap.
 *
 * Limits: capacities of the flow table and the pools are settings. A full flow table evicts the oldest flow
 * that nobody has said anything in (a flood of SYNs costs the flood), then the flow touched longest ago,
 * counted and told; full pools cost comparison of resends and waiting behind
 * holes, never order.
 *
 * inspect_life.c begins and ends flows.
 */
#include "inspect_flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/eod.h"
#include "wire/flow.h"
#include "wire/packet.h"

enum {
	HISTORY_BYTES = 256 * 1024, /* compared resends reach back this far at most */
	PATIENCE_PACKETS = 8, /* observing: how long unseen bytes, or the server's side, are waited for */
	LINGER_SHARE = 16,    /* one in so many flows may stay after a reset, or is remembered, for a while */
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
	in->over = table_new(
	        s->flows / LINGER_SHARE, sizeof(struct flow_key), sizeof(struct flow_over), s->hash_key);
	in->pages = stream_pages_new(s->pages);
	in->commands = smtp_pool_new(s->commands);
	in->edits = edit_pool_new(s->edits);
	in->linger_capacity = s->flows / LINGER_SHARE;
	in->linger = calloc(in->linger_capacity, sizeof(*in->linger));
	in->silent = calloc(s->flows, sizeof(*in->silent));
	if (!in->flows || !in->over || !in->pages || !in->commands || !in->edits || !in->linger ||
	        !in->silent) {
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
	table_free(in->over);
	stream_pages_free(in->pages);
	slab_free(in->commands);
	slab_free(in->edits);
	free(in->linger);
	free(in->silent);
	free(in);
}

void inspect_set_policy(struct inspect *in, const struct policy *policy)
{
	in->policy = policy;
	in->policy_number++;
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

	while ((bytes = stream_next_kept(s, in->pages, &len))) {
		f->bytes[side] += len;
		inspect_facts(in, f, side, bytes, len, s->next - len, false, now_us);
	}
}

static void tell_gap(
        struct inspect *in, struct flow *f, enum smtp_side side, uint64_t missing, uint64_t now_us)
{
	if (missing == 0)
		return;
	counter_add(&in->counters, COUNTER_GAP, 1);
	f->skipped_bytes += missing;
	f->tx_gap = true;
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

/* Could these bytes, at any place of a DATA body, be the dot that ends it to some server? The bytes that are
 * part of a line break to one are those of smtp/eod.h. */
static bool may_end_body(const uint8_t *bytes, uint32_t len)
{
	const uint8_t *dot = bytes, *end = bytes + len;

	for (; (dot = memchr(dot, '.', (size_t)(end - dot))); dot++)
		if ((dot == bytes || eod_is_break(dot[-1])) && (dot + 1 == end || eod_is_break(dot[1])))
			return true;
	return false;
}

/* Bytes that repeat what can't be compared any more: within a body they pass if they can't be anything
 * but body, since long fat paths resend more than we remember. */
static bool may_pass_unverified(
        struct flow *f, enum smtp_side side, const uint8_t *payload, uint32_t len, uint64_t from)
{
	const struct dialogue *d = flow_dialogue(f);

	if (flow_is_partial(f))
		return true;
	if (side == SMTP_SERVER || !dialogue_in_body(d) || (int64_t)(from - dialogue_body_from(d)) < 0)
		return false;
	return dialogue_in_chunk(d) || !may_end_body(payload, len);
}

static enum verdict_kind read_payload(struct inspect *in, struct flow *f, enum smtp_side side,
        const uint8_t *payload, const struct segment *seg, uint32_t seq, uint64_t now_us)
{
	struct stream *s = &f->stream[side];
	bool in_body = side == SMTP_CLIENT && dialogue_in_body(flow_dialogue(f));
	/* What is missing before a start in the middle may have passed unseen: nobody sends it again. */
	bool keep = !in->enforce || in_body || flow_is_partial(f);
	enum verdict_kind kind = VERDICT_ACCEPT;
	struct stream_out out;
	uint64_t from;

	if (seg->payload_captured < seg->payload_bytes && in->enforce)
		return VERDICT_DROP; /* its sender sends it again in smaller pieces */
	if (!s->started)
		stream_start(s, seq);
	from = stream_offset(s, seq);
	out = stream_push(s, in->pages, seq, payload, seg->payload_captured, keep, HISTORY_BYTES);
	counter_add(&in->counters, COUNTER_STREAM_MEMORY, out.unverified);
	if (out.unverified && in->enforce && !may_pass_unverified(f, side, payload, seg->payload_bytes, from))
		kind = VERDICT_DROP;
	switch (out.result) {
	case STREAM_NEW:
		f->strays = 0;
		f->bytes[side] += out.fresh_bytes;
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
		if (!keep && f->skimmed && side == SMTP_CLIENT && inspect_fast_stray(in, f, seg, seq))
			return read_payload(in, f, side, payload, seg, seq, now_us);
		if (!keep)
			return VERDICT_DROP;
		break;
	case STREAM_FULL:
		counter_add(&in->counters, COUNTER_STREAM_MEMORY, 1);
		if (in->enforce && !flow_is_partial(f))
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
	if (seg->payload_captured < seg->payload_bytes) {
		if (out.result == STREAM_NEW)
			f->bytes[side] += seg->payload_bytes - seg->payload_captured;
		skip_until(in, f, side, seq + seg->payload_bytes, now_us);
	}
	return kind;
}

/* The sender acknowledges bytes of its peer: history and edits below may go. Acknowledged bytes that
 * were never seen are lost to us: at once if we hold what came behind them and the sender goes on to
 * answer it, else when they do not turn up for a while (captures may hold packets out of order). False:
 * they were never sent, so the receiver drops the segment (RFC 9293 3.10.7.4). When enforcing, everything
 * was seen, but for what came before a start in the middle. */
static bool read_ack(
        struct inspect *in, struct flow *f, enum smtp_side sender, const struct segment *seg, uint64_t now_us)
{
	uint32_t ack = seg->ack;
	enum smtp_side side = sender == SMTP_CLIENT ? SMTP_SERVER : SMTP_CLIENT;
	struct stream *s = &f->stream[side];
	uint64_t offset;

	if (!s->started)
		return true;
	offset = stream_offset(s, ack);
	if (offset > s->next + (f->fin[side] ? 1 : 0)) {
		if (offset - s->next > UINT32_MAX / 4 || (side == SMTP_CLIENT && f->skimmed))
			return true;
		if (in->enforce && !flow_is_partial(f))
			return offset == s->next + 1; /* a FIN that took another way */
		if (!(s->range_count > 0 && seg->payload_bytes > 0) &&
		        ++f->unseen_acks[side] < PATIENCE_PACKETS)
			return true;
		skip_until(in, f, side, ack, now_us);
	}
	f->unseen_acks[side] = 0;
	edit_ack(&f->edits[side], in->edits, offset);
	stream_ack(s, in->pages, ack);
	return true;
}

/* ---- the walk ------------------------------------------------------------------------------ */

/* Receivers take the byte before the urgent pointer out of the stream (RFC 6093 3.1), now or when it comes:
 * what they read is not what we read. No mail client uses it. */
static void read_urgent(
        struct inspect *in, struct flow *f, enum smtp_side side, uint32_t seq, uint64_t now_us)
{
	if (side == SMTP_CLIENT && f->urgent)
		return;
	tell_odd(in, f, side, ODD_URGENT, stream_offset(&f->stream[side], seq), now_us);
	if (side == SMTP_SERVER)
		return;
	f->urgent = true;
	f->cut_off = f->cut_off || inspect_guards(in, f);
}

/* A segment of a flow, but for its flags: whether it may pass by what it says. */
static enum verdict_kind read_segment(struct inspect *in, struct flow *f, enum smtp_side side,
        const uint8_t *bytes, const struct segment *seg, uint32_t seq, uint64_t now_us)
{
	bool in_order = seq == stream_seq(&f->stream[side], f->stream[side].next);
	enum verdict_kind kind;

	f->packets[side]++;
	if (f->tls) {
		inspect_fast_sealed(in, f, side, seg, seq);
		return VERDICT_ACCEPT;
	}
	if (f->skimmed)
		inspect_fast_before(in, f, side, seg, seq, in_order);
	if (!in->enforce && f->packets[SMTP_SERVER] == 0 && f->packets[SMTP_CLIENT] > PATIENCE_PACKETS)
		dialogue_unheard(flow_dialogue(f));
	if ((seg->flags & TCP_SYN) && !f->stream[side].started)
		stream_start(&f->stream[side], seq);
	if ((seg->flags & TCP_ACK) && !read_ack(in, f, side, seg, now_us) && !(seg->flags & TCP_RST)) {
		counter_add(&in->counters, COUNTER_OUT_OF_WINDOW, 1);
		return VERDICT_DROP;
	}
	if (seg->flags & TCP_URG)
		read_urgent(in, f, side, seq, now_us);
	if (seg->payload_bytes == 0)
		return VERDICT_ACCEPT;
	if (side == SMTP_SERVER)
		inspect_session_greets(in, f, now_us);
	kind = read_payload(in, f, side, bytes + seg->payload_offset, seg, seq, now_us);
	if (f->skimmed)
		inspect_fast_behind(in, f, side, seg, in_order);
	return kind;
}

static enum verdict_kind inspect_segment(struct inspect *in, const struct packet *packet,
        const uint8_t *bytes, const struct segment *seg, struct verdict *out)
{
	uint32_t seq = seg->seq + !!(seg->flags & TCP_SYN);
	enum verdict_kind kind;
	enum smtp_side side;
	struct flow *f = inspect_flow_of(in, packet, seg, &side);
	bool may_reset;

	if (!f)
		return VERDICT_ACCEPT;
	f->cut_off = f->cut_off || f->session_refused;
	if (inspect_session_ends(in, f, side, bytes + seg->payload_offset, seg->payload_captured,
	            stream_offset(&f->stream[side], seq))) {
		f->was_reset = true;
		inspect_flow_flags(in, f, side, seg, packet->time_us);
		return VERDICT_RESET; /* its bytes reach nobody */
	}
	if (inspect_slow_waits(f, side, seg, out))
		return VERDICT_DROP;
	inspect_slow_begin(f);
	/* The packet that brings the end-of-data reply has to arrive: the one after it is reset. */
	may_reset = in->enforce && !dialogue_awaits_end_reply(flow_dialogue(f)) && f->path != PATH_BODY;
	kind = read_segment(in, f, side, bytes, seg, seq, packet->time_us);
	if (side == SMTP_CLIENT && dialogue_is_blind(flow_dialogue(f)) && inspect_guards(in, f))
		f->cut_off = true;
	if (kind == VERDICT_ACCEPT && seg->payload_bytes > 0 && !edit_is_empty(&f->edits[side]) &&
	        edit_apply(&f->edits[side], in->edits, packet, bytes, seg,
	                stream_offset(&f->stream[side], seq), out) != 0) {
		f->cut_off = true;
		kind = VERDICT_DROP;
	}
	/* Who is cut off loses this packet, too, so an end of data in it never arrives. */
	if (f->was_reset || (may_reset && (f->cut_off || (f->want_reset && !dialogue_awaits_end_reply(
	                                                                           flow_dialogue(f)))))) {
		f->was_reset = true;
		inspect_slow_reset(f, out);
		kind = VERDICT_RESET;
	} else if (in->enforce && f->cut_off && side == SMTP_CLIENT && seg->payload_bytes > 0) {
		kind = VERDICT_DROP;
	}
	if (kind == VERDICT_ACCEPT && side == SMTP_SERVER)
		inspect_slow_hold(in, f, packet, seg, out);
	if (kind == VERDICT_ACCEPT)
		out->path = (uint8_t)inspect_take_path(in, f, out);
	if (kind != VERDICT_DROP)
		inspect_flow_flags(in, f, side, seg, packet->time_us);
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
	out->let_go = 0;
	out->hold_ms = 0;
	out->path = PATH_QUEUE;
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
		inspect_flow_end(in, f, f->rst ? STATE_RESET : STATE_TIMEOUT, now_us);
	}
	return table_count(in->flows);
}
