/* inspect_slow.c - the tar pit: refusals of the server's that a client has to wait for.
 *
 * A packet that ends a 5xx reply to a client who is to be slowed is accepted for later (verdict.h); tap keeps it, and says
 * when it has gone. Whom: those about whom a sentence says so (policy/sentence.h), and with `relay { action = slow }` who
 * has named a foreign recipient, from then on. Clients of ours only where the watch has ordered it; never upstreams, servers
 * of ours, the gateway, who is never blocked, who is authenticated; and only where both sides are certain, as with everything
 * that is done and not only told.
 *
 * What is held is a whole packet: with the refusal wait replies that came with it. Never held are the reply to an end of
 * data, nor what comes before it while it is awaited: a client who does not get it sends the mail again.
 *
 * While a packet is held, nothing else of the server's passes: it is dropped unread and sent again, as a segment beyond a
 * hole is, and so are the copies that the server sends of the held one for want of an acknowledgement. So what
 * the client reads is in order, and each connection has one packet in the book at most. Acknowledgements without bytes
 * pass; the client's bytes do, too. The packet is let go, ahead of its time, when the client ends the connection, the
 * server resets it or is to answer an end of data, and when we reset it.
 *
 * Limits: slow.hold for each, slow.session for all those of a connection.
 *
 * Rejected: to drop the reply until its time has come, and hold nothing (the server's timer would decide, which doubles
 * each time); to close the client's window (its stack shows a slow link, and the server's replies would have to be
 * delayed all the same); to keep later packets, too (one for each resend).
 */
#include "inspect_flow.h"

/* Replies to these are worth waiting for. */
static const bool holdable[SMTP_VERB_COUNT] = {
	[SMTP_VERB_MAIL] = true,
	[SMTP_VERB_RCPT] = true,
	[SMTP_VERB_DATA] = true,
	[SMTP_VERB_AUTH] = true,
	[SMTP_VERB_VRFY] = true,
	[SMTP_VERB_EXPN] = true,
	[SMTP_VERB_UNKNOWN] = true,
};

/* Of the source, as in event_rcpt. */
static uint8_t slow_sentence(const struct inspect *in, const struct flow *f, uint64_t now_us)
{
	struct sentence s = inspect_sentence(in, f, now_us);

	return s.until_us && s.action == ACTION_SLOW ? (uint8_t)(1 + s.list) : 0;
}

/* How long a refusal that has just been read may be held; 0 = not at all. */
static uint32_t time_for(const struct inspect *in, struct flow *f, uint64_t now_us)
{
	const struct policy_settings *s = policy_settings(in->policy);
	const struct dialogue *d = flow_dialogue(f);
	uint32_t left_ms = s->slow_session_ms > f->hold.spent_ms ? s->slow_session_ms - f->hold.spent_ms : 0;

	if (!in->enforce || flow_is_partial(f) || f->tls || f->cut_off || f->want_reset || f->session_refused)
		return 0;
	if (f->hold.end_told || dialogue_awaits_end_reply(d) || !dialogue_is_certain(d) || f->hold.spared)
		return 0;
	f->hold.sentence = f->hold.relays ? 0 : slow_sentence(in, f, now_us);
	if (!f->hold.relays && !f->hold.sentence)
		return 0;
	return left_ms < s->slow_hold_ms ? left_ms : s->slow_hold_ms;
}

void inspect_slow_begin(struct flow *f)
{
	f->hold.wanted_ms = f->hold.reply_ms = 0;
	f->hold.end_told = false;
}

void inspect_slow_replied(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	const struct smtp_command *c = fact->command;
	uint16_t code = fact->reply.code && f->masked.code ? f->masked.code : fact->reply.code;

	f->hold.spared = (!policy_is_stranger(&f->decision) && !policy_is_answerable(&f->decision)) ||
	                 dialogue_is_authenticated(flow_dialogue(f));
	f->hold.reply_ms = 0;
	f->hold.sentence = 0;
	if (!c || code == 0)
		return;
	if (c->verb == SMTP_VERB_BODY || c->verb == SMTP_VERB_BDAT)
		f->hold.end_told = true;
	if (holdable[c->verb] && code / 100 == 5)
		f->hold.reply_ms = time_for(in, f, now_us);
	if (f->hold.wanted_ms < f->hold.reply_ms)
		f->hold.wanted_ms = f->hold.reply_ms;
}

void inspect_slow_hold(struct inspect *in, struct flow *f, const struct packet *packet,
        const struct segment *seg, struct verdict *out)
{
	struct table_ref ref = table_ref(in->flows, f);

	if (f->hold.wanted_ms == 0 || f->hold.end_told || (seg->flags & (TCP_FIN | TCP_RST)) || f->cut_off ||
	        f->want_reset || dialogue_awaits_end_reply(flow_dialogue(f)))
		return;
	out->hold_ms = (uint16_t)f->hold.wanted_ms;
	out->hold_ref = (uint64_t)ref.generation << 32 | ref.index;
	f->hold.on = true;
	f->hold.ticket = packet->ticket;
	f->hold.seq = seg->seq;
}

static void ask_for(const struct flow *f, struct verdict *out)
{
	out->let_go = 1;
	out->let_go_ticket = f->hold.ticket;
}

bool inspect_slow_waits(struct flow *f, enum smtp_side side, const struct segment *seg, struct verdict *out)
{
	bool over = seg->flags & (side == SMTP_CLIENT ? TCP_FIN | TCP_RST : TCP_RST);

	if (!f->hold.on)
		return false;
	if (over || (side == SMTP_SERVER && dialogue_awaits_end_reply(flow_dialogue(f)))) {
		ask_for(f, out);
		return false;
	}
	/* What the server sends again of what is before the held packet has been lost on the way to the client. */
	return side == SMTP_SERVER && (seg->payload_bytes > 0 || (seg->flags & TCP_FIN)) &&
	       (int32_t)(seg->seq + seg->payload_bytes - f->hold.seq) > 0;
}

void inspect_slow_reset(const struct flow *f, struct verdict *out)
{
	if (f->hold.on)
		ask_for(f, out);
}

void inspect_let_go(struct inspect *in, uint64_t hold_ref, uint32_t held_ms)
{
	struct flow *f = table_get(
	        in->flows, (struct table_ref) { .index = (uint32_t)hold_ref, .generation = hold_ref >> 32 });

	if (!f)
		return;
	f->hold.on = false;
	f->hold.spent_ms += held_ms;
	f->hold.packets += held_ms > 0;
}
