/* engine.h - an inspect engine under its fuzz drivers: packets in; each verdict checked and applied.
 *
 * The server 192.168.0.10 owns example.org; the client is a stranger. What must hold of every verdict, whatever
 * the packet: one kind, edits within the payload and the TCP checksum, none where the packet does not pass, and
 * a packet that was right before is right after them; who is held can be held, and who is to be let go is held; what
 * does not pass at once says nothing of the connection's path.
 */
#ifndef FUZZ_ENGINE_H
#define FUZZ_ENGINE_H

#include "../unit/inspect_policy.h"
#include "../unit/packets.h"
#include "base/ring.h"
#include "fuzz.h"
#include "inspect.h"
#include "inspect_flow.h"
#include "policy/sentence.h"

#define ENGINE_CLIENT "198.51.100.7"
#define ENGINE_SERVER POLICY_SERVER
#define ENGINE_CLIENT6 "2001:db8::7"
#define ENGINE_SERVER6 POLICY_SERVER6

enum { ENGINE_HELD_MAX = 8 };

static struct engine {
	struct inspect *inspect;
	struct ring *ring; /* made once */
	uint64_t now_us;
	uint8_t packet[PACKET_ROOM]; /* as its receiver gets it */
	void (*on_event)(const struct event *e);
	bool slow; /* both clients are to be slowed in what is begun next */
	struct sentences *sentences;
	uint32_t ticket; /* of the last packet */
	struct {
		uint32_t ticket;
		uint64_t ref;
	} held[ENGINE_HELD_MAX];
	unsigned held_count;
} engine;

static inline const struct sentences *engine_sentences(void)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 0 };
	struct prefix client = { .bits = 128 };

	if (!engine.sentences) {
		engine.sentences = sentences_new(2, key);
		FUZZ_CHECK(engine.sentences);
		addr_parse(ENGINE_CLIENT, &client.addr);
		FUZZ_CHECK(sentences_set(engine.sentences, &client, ACTION_SLOW, UINT64_MAX) == 0);
		addr_parse(ENGINE_CLIENT6, &client.addr);
		FUZZ_CHECK(sentences_set(engine.sentences, &client, ACTION_SLOW, UINT64_MAX) == 0);
	}
	return engine.sentences;
}

static inline void engine_begin(const struct policy *policy, bool offline)
{
	struct inspect_settings s;

	if (!engine.ring)
		engine.ring = ring_new(256, sizeof(struct event));
	inspect_settings_default(&s, offline);
	s.flows = 16;
	s.pages = 24;
	s.commands = 64;
	s.edits = 64;
	s.sentences = engine.slow ? engine_sentences() : NULL;
	engine.inspect = inspect_new(&s, engine.ring, policy);
	engine.now_us = UINT64_C(1700000000000000);
	engine.held_count = 0;
	FUZZ_CHECK(engine.inspect && engine.ring);
}

static inline void engine_take_events(void)
{
	const struct event *e;

	for (; (e = ring_front(engine.ring)); ring_pop(engine.ring)) {
		FUZZ_CHECK(e->kind < EVENT_KIND_COUNT && e->conn.flow_id != 0);
		if (engine.on_event)
			engine.on_event(e);
	}
}

/* All that was lent must be back when the last connection has ended. */
static inline void engine_end(void)
{
	while (inspect_finish(engine.inspect, engine.now_us) > 0)
		engine_take_events();
	engine_take_events();
	FUZZ_CHECK(inspect_flow_count(engine.inspect) == 0);
	FUZZ_CHECK(slab_used(engine.inspect->commands) == 0 && slab_used(engine.inspect->edits) == 0);
	FUZZ_CHECK(stream_pages_used(engine.inspect->pages) == 0);
	inspect_free(engine.inspect);
}

static inline void engine_check_edits(const struct packet *meta, const struct verdict *v, bool was_right)
{
	static struct packet after;
	struct segment seg = { 0 };
	unsigned i;

	FUZZ_CHECK(v->edit_count <= VERDICT_EDITS_MAX && v->bytes_used <= VERDICT_BYTES_MAX);
	if (v->edit_count == 0)
		return;
	FUZZ_CHECK(v->kind == VERDICT_ACCEPT && wire_parse(meta, engine.packet, &seg) == WIRE_TCP);
	for (i = 0; i < v->edit_count; i++) {
		const struct edit *e = &v->edits[i];

		FUZZ_CHECK(e->at + e->len <= v->bytes_used && e->offset + e->len <= meta->captured_bytes);
		FUZZ_CHECK(
		        e->offset >= seg.payload_offset || (e->offset == seg.tcp_offset + 16 && e->len == 2));
		memcpy(engine.packet + e->offset, v->bytes + e->at, e->len);
	}
	after = *meta;
	after.flags &= (uint8_t)~PACKET_CSUM_PARTIAL;
	FUZZ_CHECK(!was_right || wire_parse(&after, engine.packet, &seg) == WIRE_TCP);
}

static inline void engine_let_go(unsigned i)
{
	uint64_t ref = engine.held[i].ref;

	engine.held[i] = engine.held[--engine.held_count];
	inspect_let_go(engine.inspect, ref, VERDICT_HOLD_MAX_MS);
}

/* As tap does it: the oldest goes when there is no room. */
static inline void engine_hold(const struct verdict *v)
{
	unsigned i;

	FUZZ_CHECK(v->let_go <= 1);
	if (v->let_go) {
		for (i = 0; i < engine.held_count && engine.held[i].ticket != v->let_go_ticket; i++)
			;
		FUZZ_CHECK(i < engine.held_count);
		engine_let_go(i);
	}
	if (v->hold_ms == 0)
		return;
	FUZZ_CHECK(v->kind == VERDICT_ACCEPT && v->hold_ms <= VERDICT_HOLD_MAX_MS);
	if (engine.held_count == ENGINE_HELD_MAX)
		engine_let_go(0);
	engine.held[engine.held_count].ticket = engine.ticket;
	engine.held[engine.held_count++].ref = v->hold_ref;
}

/* One packet through the engine; engine.packet is then what the receiver gets, if it is accepted. */
static inline enum verdict_kind engine_packet(const struct packet *meta, const uint8_t *bytes)
{
	static struct verdict v;
	uint8_t *copy = input_copy(bytes, meta->captured_bytes);
	struct packet numbered = *meta;
	struct segment seg;

	numbered.ticket = ++engine.ticket;
	memset(&v, 0xa5, 64); /* what it leaves out is noticed */
	memcpy(engine.packet, bytes, meta->captured_bytes);
	inspect_packet(engine.inspect, &numbered, copy, &v);
	FUZZ_CHECK(v.kind <= VERDICT_RESET && v.path < PATH_COUNT);
	FUZZ_CHECK(v.path == PATH_QUEUE || (v.kind == VERDICT_ACCEPT && v.hold_ms == 0));
	FUZZ_CHECK(memcmp(copy, bytes, meta->captured_bytes) == 0);
	engine_check_edits(meta, &v, wire_parse(meta, bytes, &seg) == WIRE_TCP);
	engine_hold(&v);
	engine_take_events();
	free(copy);
	return (enum verdict_kind)v.kind;
}

#endif
