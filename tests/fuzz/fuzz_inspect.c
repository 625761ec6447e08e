/* fuzz_inspect.c - the packet engine under packets of both sides, all of them the fuzzer's.
 *
 * What must hold stands in engine.h. In a monitor's eyes every packet passes as it is. First byte of the
 * input: 7 = action, 8 = monitor mode, 16 = a capture, 32 = checksums unfinished, 64 = IPv6, 128 = the client is
 * slowed. Text is sent as segments, behind what that side has sent. Orders: C, S (whose text follows, in a new
 * segment); b N / j N: the next segment begins so far back / further on; f N: TCP flags of the next one; a N:
 * acknowledges so far off; k N: an ACK without text, N bytes off; c N: so many bytes of the next one are cut off;
 * t N: so many seconds pass, and what is held goes; p N: another connection; R: another policy, observing where
 * the one before enforced; y N: one that trusts everybody, and reads nothing of bodies, or (odd) 64 KiB; u N: so many
 * kilobytes of the client pass unseen.
 */
#include "engine.h"

static const struct policy *policies[2][ACTION_RELAY_COUNT], *trusting[2][2];

static struct talk {
	uint32_t seq[2]; /* next to send; 0 client, 1 server */
	unsigned side;
	int32_t shift, ack_shift;
	uint8_t flags, cut, meta_flags;
	uint16_t port;
	bool v6;
	enum policy_mode mode;
	bool enforced; /* at any time: what was reset then stays so */
} t;

static void send_segment(const uint8_t *text, size_t len)
{
	static uint8_t bytes[PACKET_ROOM];
	const char *ends[2] = { t.v6 ? ENGINE_CLIENT6 : ENGINE_CLIENT,
		t.v6 ? ENGINE_SERVER6 : ENGINE_SERVER };
	struct packet_spec spec = { .src = ends[t.side],
		.dst = ends[!t.side],
		.sport = t.side ? 25 : t.port,
		.dport = t.side ? t.port : 25,
		.seq = t.seq[t.side] + (uint32_t)t.shift,
		.ack = t.seq[!t.side] + (uint32_t)t.ack_shift,
		.flags = t.flags,
		.window = 65000,
		.payload = (const char *)text,
		.payload_len = (uint32_t)len,
		.meta_flags = t.meta_flags,
		.time_us = engine.now_us };
	enum verdict_kind kind;
	struct packet meta;

	packet_build(&spec, bytes, &meta);
	meta.captured_bytes -= t.cut < len ? t.cut : 0;
	engine.now_us += 1000;
	if (t.shift >= 0)
		t.seq[t.side] = spec.seq + spec.payload_len + !!(spec.flags & (TCP_SYN | TCP_FIN));
	t.flags = TCP_ACK | TCP_PSH;
	t.shift = t.ack_shift = 0;
	t.cut = 0;
	kind = engine_packet(&meta, bytes);
	FUZZ_CHECK(t.enforced ||
	           (kind == VERDICT_ACCEPT && memcmp(engine.packet, bytes, meta.captured_bytes) == 0));
}

static void obey(const struct step *s)
{
	switch (s->order) {
	case 'C':
	case 'S':
		t.side = s->order == 'S';
		break;
	case 'b':
		t.shift -= s->number;
		break;
	case 'j':
		t.shift += s->number;
		break;
	case 'f':
		t.flags = s->number;
		break;
	case 'a':
		t.ack_shift = (int8_t)s->number;
		break;
	case 'c':
		t.cut = s->number;
		break;
	case 'k':
		t.ack_shift = (int8_t)s->number;
		send_segment(NULL, 0);
		break;
	case 't':
		engine.now_us += s->number * UINT64_C(1000000);
		while (engine.held_count > 0)
			engine_let_go(0);
		inspect_tick(engine.inspect, engine.now_us);
		engine_take_events();
		break;
	case 'p':
		t.port = (uint16_t)(40000 + s->number);
		break;
	case 'y':
		inspect_set_policy(engine.inspect, trusting[t.mode][s->number & 1]);
		break;
	case 'u':
		t.seq[0] += s->number * 1000u;
		break;
	case 'R':
		t.mode = t.mode == MODE_MONITOR ? MODE_ENFORCE : MODE_MONITOR;
		t.enforced |= !(t.meta_flags & PACKET_OFFLINE); /* captures never are */
		inspect_set_policy(engine.inspect, policies[t.mode][ACTION_REFUSE_RECIPIENT]);
		break;
	}
}

static void handshake(void)
{
	t.flags = TCP_SYN;
	send_segment(NULL, 0);
	t.side = 1;
	t.flags = TCP_SYN | TCP_ACK;
	send_segment(NULL, 0);
	t.flags = TCP_ACK | TCP_PSH;
}

static const struct policy *policy_trusting(enum policy_mode mode, enum policy_watch watch)
{
	struct policy *p = policy_make(mode, ACTION_REFUSE_RECIPIENT);
	struct policy_settings s = *policy_settings(p);

	s.watch = watch;
	policy_groups_add(&s.trusted, GROUP_ID_ANY);
	policy_set(p, &s);
	return p;
}

static void make_policies(void)
{
	unsigned a;

	for (a = 0; a < 4; a++)
		trusting[a & 1][a >> 1] = policy_trusting(a & 1, a >> 1 ? WATCH_64K : WATCH_NONE);

	for (a = 0; a < ACTION_RELAY_COUNT; a++) {
		policies[MODE_MONITOR][a] = policy_make(MODE_MONITOR, (enum action)a);
		policies[MODE_ENFORCE][a] = policy_make(MODE_ENFORCE, (enum action)a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t options = input_byte(&in);
	struct step s;

	if (!policies[0][0])
		make_policies();
	t = (struct talk) { .seq = { 0xffffff00, 5000 }, .port = 40000, .v6 = options & 64 };
	t.mode = options & 8 ? MODE_MONITOR : MODE_ENFORCE;
	t.enforced = t.mode == MODE_ENFORCE && !(options & 16);
	engine.slow = options & 128;
	engine_begin(policies[t.mode][(options & 7) % ACTION_RELAY_COUNT], options & 16);
	t.meta_flags = (options & 16 ? PACKET_OFFLINE : 0) | (options & 32 ? PACKET_CSUM_PARTIAL : 0);
	handshake();
	while (input_step(&in, "CSRbjfackctpuy", &s)) {
		if (s.order)
			obey(&s);
		for (; s.len > 0; s.len -= s.len < 9000 ? s.len : 9000) {
			send_segment(s.text, s.len < 9000 ? s.len : 9000);
			s.text += s.len < 9000 ? s.len : 9000;
		}
	}
	engine_end();
	return 0;
}
