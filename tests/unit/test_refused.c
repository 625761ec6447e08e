/* test_refused.c - copies of refused packets as events. */
#include "gate_policies.h"
#include "guard.h"
#include "packets.h"
#include "posternd/refused.h"
#include "suite.h"

static const uint8_t key[HASH_KEY_BYTES] = { 1, 2, 3 };

static const struct packet_spec syn = { .src = "203.0.113.66",
	.dst = "192.168.10.10",
	.sport = 40000,
	.dport = 25,
	.seq = 4711,
	.flags = TCP_SYN,
	.time_us = 1700000000000000 };

static bool take(
        struct policy *p, const struct packet *meta, const uint8_t *bytes, bool would, struct event *out)
{
	uint8_t *copy = guard_copy(bytes, meta->captured_bytes);
	bool taken;

	memset(out, 0xaa, sizeof(*out));
	taken = refused_read(p, key, meta, copy, would, out);
	guard_free(copy, meta->captured_bytes);
	return taken;
}

/* As nflog hands it on: checksums say nothing. */
static bool refuse(struct policy *p, const struct packet_spec *spec, bool would, struct event *out)
{
	uint8_t bytes[PACKET_ROOM];
	struct packet meta;

	packet_build(spec, bytes, &meta);
	meta.flags = PACKET_CSUM_IGNORE;
	return take(p, &meta, bytes, would, out);
}

static void must_be(const struct addr *a, const char *text)
{
	struct addr wanted;

	CU_ASSERT_EQUAL_FATAL(addr_parse(text, &wanted), 0);
	CU_ASSERT_EQUAL(memcmp(a, &wanted, sizeof(wanted)), 0);
}

static void tells_who_tried(void)
{
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct packet_spec v6 = syn;
	struct event e;

	CU_ASSERT_TRUE(refuse(p, &syn, false, &e));
	CU_ASSERT_EQUAL(e.kind, EVENT_REFUSED);
	CU_ASSERT_EQUAL(e.time_us, syn.time_us);
	CU_ASSERT_EQUAL(e.conn.open_us, syn.time_us);
	must_be(&e.conn.src, "203.0.113.66");
	must_be(&e.conn.dst, "192.168.10.10");
	CU_ASSERT_EQUAL(e.conn.sport, 40000);
	CU_ASSERT_EQUAL(e.conn.dport, 25);
	CU_ASSERT_EQUAL(e.conn.direction, DIRECTION_INBOUND);
	CU_ASSERT_FALSE(e.conn.midstream);
	CU_ASSERT_EQUAL(e.u.refused.tcp_seq, 4711);
	CU_ASSERT_EQUAL(e.u.refused.tcp_flags, TCP_SYN);
	v6.src = "fd00:25:20::20";
	v6.dst = "2001:db8:66::66";
	CU_ASSERT_TRUE(refuse(p, &v6, false, &e));
	must_be(&e.conn.src, "fd00:25:20::20");
	CU_ASSERT_EQUAL(e.conn.direction, DIRECTION_OUTBOUND);
	policy_free(p);
}

/* Monitor mode only logs, and says what enforce mode does. */
static void tells_what_is_done(void)
{
	static const struct {
		enum policy_do otherwise;
		bool logged_only;
		enum action action, would;
	} cases[] = {
		{ DO_REFUSE, false, ACTION_REFUSE, ACTION_REFUSE },
		{ DO_REFUSE, true, ACTION_ALERT, ACTION_REFUSE },
		{ DO_DROP, false, ACTION_DROP, ACTION_DROP },
		{ DO_DROP, true, ACTION_ALERT, ACTION_DROP },
	};
	struct event e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy *p = gate_policy(MODE_ENFORCE, cases[i].otherwise);

		CU_ASSERT_EQUAL_FATAL(policy_seal(p), 0);
		CU_ASSERT_TRUE(refuse(p, &syn, cases[i].logged_only, &e));
		CU_ASSERT_EQUAL(e.u.refused.action, cases[i].action);
		CU_ASSERT_EQUAL(e.u.refused.would, cases[i].would);
		policy_free(p);
	}
}

/* What a server still sends when the rules have changed under it belongs to its client's connection. */
static void takes_answers_for_their_connection(void)
{
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	struct packet_spec answer = syn, again = syn, other = syn;
	struct event first, e;

	answer.src = syn.dst;
	answer.dst = syn.src;
	answer.sport = 25;
	answer.dport = 40000;
	answer.flags = TCP_ACK;
	answer.payload = "220 mx\r\n";
	again.time_us += 1000000;
	other.sport++;
	CU_ASSERT_TRUE(refuse(p, &syn, false, &first));
	CU_ASSERT_TRUE(refuse(p, &answer, false, &e));
	must_be(&e.conn.src, "203.0.113.66");
	CU_ASSERT_EQUAL(e.conn.sport, 40000);
	CU_ASSERT_EQUAL(e.conn.dport, 25);
	CU_ASSERT_TRUE(e.conn.midstream);
	CU_ASSERT_EQUAL(e.conn.flow_id, first.conn.flow_id);
	CU_ASSERT_TRUE(refuse(p, &again, false, &e));
	CU_ASSERT_EQUAL(e.conn.flow_id, first.conn.flow_id);
	CU_ASSERT_TRUE(refuse(p, &other, false, &e));
	CU_ASSERT_NOT_EQUAL(e.conn.flow_id, first.conn.flow_id);
	CU_ASSERT(first.conn.flow_id > 0 && first.conn.flow_id < 1ULL << 53);
	policy_free(p);
}

/* Copies are cut, and anything may be in them. */
static void refuses_what_it_cannot_read(void)
{
	struct policy *p = gate_example_policy(MODE_ENFORCE);
	uint8_t bytes[PACKET_ROOM];
	struct packet meta;
	struct event e;
	uint32_t whole;

	packet_build(&syn, bytes, &meta);
	meta.flags = PACKET_CSUM_IGNORE;
	whole = meta.captured_bytes;
	for (meta.captured_bytes = 0; meta.captured_bytes < whole; meta.captured_bytes++)
		CU_ASSERT_FALSE(take(p, &meta, bytes, false, &e));
	meta.captured_bytes = whole;
	bytes[9] = IPPROTO_UDP;
	CU_ASSERT_FALSE(take(p, &meta, bytes, false, &e));
	policy_free(p);
}

SUITE("refused", { "tells who tried", tells_who_tried }, { "tells what is done", tells_what_is_done },
        { "takes answers for their connection", takes_answers_for_their_connection },
        { "refuses what it cannot read", refuses_what_it_cannot_read })
