/* inspect_fast.c - bytes that pass unread: bodies of trusted clients, and what is under TLS.
 *
 * Each verdict says how the next packets of its connection travel, so the kernel's mark never outlives what it was
 * set for by more than one packet of the server that comes to the queue:
 *
 *   PATH_BODY    set with the server's 354 (or with the client's packet behind which nobody wants to read on), lifted by
 *                whatever the server says next
 *   PATH_SEALED  set when TLS records of both sides were seen; FIN, SYN and RST still come by, and say what was sent
 *
 * What passed is told by the numbers in the packets that still come: the server's reply acknowledges the client's bytes
 * up to where commands resume. Bytes that its next packets acknowledge behind that place have passed as commands: the
 * connection has become one picked up in its middle. So has one whose client sends behind a hole again and again, since
 * those who were to fill it have passed.
 *
 * What a body may hide is found by its answers: a yes to nothing that was asked (221 excepted: QUIT often travels with the
 * end of data) means that commands came with it. It revokes the connection's privilege and resets it, but never in the
 * packet that may hold the reply to the body itself: that has to arrive.
 *
 * Limits. Numbers are 32 bits long, so of bytes between two packets that come by, 4 GiB less BACK_BYTES are counted, more
 * of them modulo 2^32. A server that answers hidden commands so late that the client has meanwhile sent as many visible ones
 * can't be told from an honest one: trust is for those who have no wish to hide anything.
 *
 * Rejected: chunks that are not the last one (clients send the next BDAT right behind it, unseen); to look at the
 * bytes of the last packet of a body only (nobody in the kernel knows which that is); counters of conntrack for the
 * bytes (off by default, and they count headers).
 */
#include "inspect_flow.h"

#include "wire/packet.h"

enum { BACK_BYTES = 1 << 26, STRAYS_MAX = 4 };

static const uint64_t SECOND_US = 1000000;

/* ---- which path ------------------------------------------------------------------------------- */

/* A mail that relays is read, whoever sends it: so it can be recognised when it leaves. */
static bool may_skim(const struct inspect *in, struct flow *f)
{
	const struct policy_settings *s = policy_settings(in->policy);

	return s->watch != WATCH_ALL && f->decision.client_trusted && !f->distrusted && !flow_is_partial(f) &&
	       f->foreign_accepted == 0 && !f->urgent && !f->fin[SMTP_CLIENT] &&
	       !policy_has_port(in->policy, f->conn.sport) &&
	       dialogue_may_skip(flow_dialogue(f), s->watch == WATCH_64K ? POLICY_WATCH_64K_BYTES : 0);
}

static enum verdict_path path_of(const struct inspect *in, struct flow *f)
{
	if (in->settings.source != SOURCE_WIRE || f->was_reset || f->want_reset || f->cut_off || f->one_sided)
		return PATH_QUEUE;
	if (f->tls)
		return PATH_SEALED;
	return may_skim(in, f) ? PATH_BODY : PATH_QUEUE;
}

/* A packet that is held would say later what was true before. */
enum verdict_path inspect_take_path(struct inspect *in, struct flow *f, const struct verdict *v)
{
	enum verdict_path path = v->hold_ms > 0 ? PATH_QUEUE : path_of(in, f);

	counter_add(&in->counters, COUNTER_FAST_BODIES, path == PATH_BODY && f->path != PATH_BODY);
	counter_add(&in->counters, COUNTER_FAST_TLS, path == PATH_SEALED && f->path != PATH_SEALED);
	f->path = (uint8_t)path;
	if (path == PATH_BODY) {
		f->skimmed = true;
		f->strays = 0;
	}
	return path;
}

/* ---- what has passed -------------------------------------------------------------------------- */

/* How far seq lies ahead of what was seen; 0 if it is an old number. */
static uint64_t ahead(const struct stream *s, uint32_t seq)
{
	uint32_t d = seq - stream_seq(s, s->next);

	return d <= UINT32_MAX - BACK_BYTES ? d : 0;
}

/* Of what the server acknowledges; a FIN has a number, too. */
static uint64_t ahead_of_client(const struct flow *f, uint32_t ack)
{
	const struct stream *s = &f->stream[SMTP_CLIENT];
	uint64_t n = s->started ? ahead(s, ack) : 0;

	return n > 0 && f->fin[SMTP_CLIENT] && s->next + n == f->fin_offset[SMTP_CLIENT] + 1 ? n - 1 : n;
}

/* The next n bytes of the client have passed. */
static void pass(struct inspect *in, struct flow *f, uint64_t n)
{
	if (n == 0)
		return;
	f->bytes[SMTP_CLIENT] += n;
	f->skipped_bytes += n;
	f->tx_gap = true;
	counter_add(&in->counters, COUNTER_FAST_BYTES, n);
	if (n > dialogue_skip_room(flow_dialogue(f)))
		f->conn.midstream = true;
	dialogue_skip(flow_dialogue(f), n);
	stream_pass(&f->stream[SMTP_CLIENT], in->pages, n);
}

/* As far as it is body for sure: what lies behind it is judged when the reply to the body was read. */
static void pass_body(struct inspect *in, struct flow *f, uint64_t n)
{
	uint64_t room = dialogue_skip_room(flow_dialogue(f));

	pass(in, f, n < room ? n : room);
}

/* The client knows what the server has said last: nobody else would make us believe in bytes that were never sent. */
static bool is_current(const struct flow *f, const struct segment *seg)
{
	const struct stream *s = &f->stream[SMTP_SERVER];

	return s->started && (seg->flags & (TCP_ACK | TCP_RST | TCP_SYN)) == TCP_ACK &&
	       seg->ack == stream_seq(s, s->next);
}

void inspect_fast_before(struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg,
        uint32_t seq, bool in_order)
{
	if (side == SMTP_CLIENT && f->path == PATH_BODY && is_current(f, seg))
		pass(in, f, ahead(&f->stream[SMTP_CLIENT], seq));
	else if (side == SMTP_SERVER && in_order && seg->flags & TCP_ACK)
		pass_body(in, f, ahead_of_client(f, seg->ack));
}

void inspect_fast_behind(
        struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg, bool in_order)
{
	if (side == SMTP_SERVER && in_order && seg->flags & TCP_ACK && !f->tls)
		pass(in, f, ahead_of_client(f, seg->ack));
}

bool inspect_fast_stray(struct inspect *in, struct flow *f, const struct segment *seg, uint32_t seq)
{
	if (!is_current(f, seg) || ++f->strays < STRAYS_MAX)
		return false;
	f->strays = 0;
	pass(in, f, ahead(&f->stream[SMTP_CLIENT], seq));
	return true;
}

/* Anybody can write a number of a sender that is far ahead, and have bytes counted that were never sent. The kernel knows both
 * windows, and takes no end of a connection that lies outside (nf_conntrack_proto_tcp.c); so a great step is one if that
 * says so, and if it ends the connection, since all others pass by. A kernel that does not know leaves the FINs. */
static bool is_believed(const struct inspect *in, struct flow *f, const struct segment *seg, uint64_t n)
{
	const bool reset = seg->flags & TCP_RST, great = n > STREAM_AHEAD_BYTES;
	int word = -1;

	if (in->settings.source != SOURCE_WIRE || (!reset && !great))
		return true;
	if (!(seg->flags & (TCP_FIN | TCP_RST)))
		return false;
	if (in->settings.kernel_closes)
		word = in->settings.kernel_closes(in->settings.kernel_arg, &f->conn);
	f->rst_sure = reset && word > 0;
	if (!great)
		return true;
	return word < 0 ? !reset : word > 0;
}

void inspect_fast_sealed(
        struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg, uint32_t seq)
{
	const bool ends = seg->flags & (TCP_FIN | TCP_RST);
	const struct {
		enum smtp_side side;
		uint32_t to; /* up to here bytes of that side exist */
		bool told;
	} words[] = {
		{ side, seq + seg->payload_bytes, seg->payload_bytes > 0 || ends },
		{ (enum smtp_side) !side, seg->ack, seg->flags & TCP_ACK },
	};
	uint64_t n[] = { 0, 0 };

	if (seg->flags & TCP_SYN)
		return;
	for (unsigned i = 0; i < 2; i++) {
		const struct stream *s = &f->stream[words[i].side];

		n[i] = words[i].told && s->started ? ahead(s, words[i].to) : 0;
		if (n[i] > 0 && f->fin[words[i].side] && s->next + n[i] == f->fin_offset[words[i].side] + 1)
			n[i]--;
	}
	if (!is_believed(in, f, seg, n[0] > n[1] ? n[0] : n[1]))
		return;
	for (unsigned i = 0; i < 2; i++) {
		f->bytes[words[i].side] += n[i];
		stream_pass(&f->stream[words[i].side], in->pages, n[i]);
	}
}

/* ---- how long nothing was seen ------------------------------------------------------------------ */

/* Each packet winds up the time that the kernel gives a connection: if more is left than there should be, there were
 * some. The first time nobody knows. */
bool inspect_fast_is_alive(const struct inspect *in, struct flow *f, uint64_t now_us)
{
	uint32_t before_s = f->kernel_left_s;
	uint64_t gone_s = (now_us - f->asked_us) / SECOND_US;

	if (!in->settings.kernel_left_s)
		return false;
	f->kernel_left_s = in->settings.kernel_left_s(in->settings.kernel_arg, &f->conn);
	f->asked_us = now_us;
	return f->kernel_left_s > 0 && (before_s == 0 || f->kernel_left_s + gone_s > before_s + 1);
}
