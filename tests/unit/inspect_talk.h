/* inspect_talk.h - conversations through the packet engine, for its tests.
 *
 * A `talk` is one connection between a client and the server 192.168.0.10 (or fd00::10), which owns
 * example.org. say() sends one segment of one side and gives back what the receiver would get: the
 * edits applied, or NULL if the packet did not pass.
 */
#ifndef UNIT_INSPECT_TALK_H
#define UNIT_INSPECT_TALK_H

#include <stdio.h>
#include <string.h>

#include "base/ring.h"
#include "inspect.h"
#include "inspect_policy.h"
#include "packets.h"
#include "suite.h"

enum { EVENTS_MAX = 256, SECOND = 1000000 };

struct talk {
	struct inspect *inspect;
	struct policy *policy;
	struct ring *ring;
	const char *client, *server;
	uint16_t sport;
	uint32_t seq[2]; /* next to send; 0 client, 1 server */
	uint64_t now_us;
	uint8_t meta_flags;
	uint32_t ticket;        /* of the packet sent last */
	struct verdict verdict; /* of the packet sent last */
	bool checksum_ok;
	char got[PACKET_ROOM]; /* payload as its receiver gets it */
	struct event events[EVENTS_MAX];
	unsigned event_count;
};

enum side { CLIENT, SERVER };

/* For those that are made next; NULL = none. */
static const struct sentences *talk_sentences, *talk_orders;

static inline void talk_init_sized(struct talk *t, enum policy_mode mode, enum action action, int offline,
        uint32_t flows, uint32_t slots)
{
	struct inspect_settings s;

	memset(t, 0, sizeof(*t));
	t->policy = policy_make(mode, action);
	t->ring = ring_new(slots, sizeof(struct event));
	inspect_settings_default(&s, offline);
	s.sentences = talk_sentences;
	s.orders = talk_orders;
	s.flows = flows;
	s.pages = 256;
	s.commands = 1024;
	s.edits = 1024;
	t->inspect = inspect_new(&s, t->ring, t->policy);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->inspect);
	t->client = "198.51.100.7";
	t->server = POLICY_SERVER;
	t->sport = 40000;
	t->seq[CLIENT] = 0xfffffff0; /* wraps early */
	t->seq[SERVER] = 5000;
	t->now_us = 1700000000ull * SECOND;
	t->meta_flags = offline ? PACKET_OFFLINE : 0;
}

static inline void talk_init(struct talk *t, enum policy_mode mode, enum action action)
{
	talk_init_sized(t, mode, action, 0, 64, 1024);
}

static inline void take_events(struct talk *t)
{
	const struct event *e;

	while ((e = ring_front(t->ring))) {
		if (t->event_count < EVENTS_MAX)
			t->events[t->event_count++] = *e;
		ring_pop(t->ring);
	}
}

static inline void talk_fini(struct talk *t)
{
	while (inspect_finish(t->inspect, t->now_us) > 0)
		take_events(t);
	take_events(t);
	CU_ASSERT_EQUAL(inspect_flow_count(t->inspect), 0);
	inspect_free(t->inspect);
	ring_free(t->ring);
	policy_free(t->policy);
}

/* One packet at an explicit sequence number; nothing of t->seq changes. */
static inline const char *send_at(
        struct talk *t, enum side side, uint32_t seq, uint8_t flags, const char *payload, uint32_t len)
{
	struct packet_spec spec = {
		.src = side == CLIENT ? t->client : t->server,
		.dst = side == CLIENT ? t->server : t->client,
		.sport = side == CLIENT ? t->sport : 25,
		.dport = side == CLIENT ? 25 : t->sport,
		.seq = seq,
		.ack = t->seq[!side],
		.flags = flags,
		.window = 65000,
		.payload = payload,
		.payload_len = len,
		.meta_flags = t->meta_flags,
		.time_us = t->now_us,
	};
	static uint8_t bytes[PACKET_ROOM];
	struct packet meta;
	uint32_t total = packet_build(&spec, bytes, &meta), at;
	struct segment seg;
	unsigned i;

	meta.ticket = ++t->ticket;
	inspect_packet(t->inspect, &meta, bytes, &t->verdict);
	take_events(t);
	if (t->verdict.kind != VERDICT_ACCEPT)
		return NULL;
	for (i = 0; i < t->verdict.edit_count; i++) {
		const struct edit *e = &t->verdict.edits[i];

		CU_ASSERT_FATAL(e->offset + e->len <= total);
		memcpy(bytes + e->offset, t->verdict.bytes + e->at, e->len);
	}
	meta.flags &= (uint8_t)~PACKET_CSUM_PARTIAL;
	t->checksum_ok = wire_parse(&meta, bytes, &seg) == WIRE_TCP;
	at = total - len;
	memcpy(t->got, bytes + at, len);
	t->got[len] = '\0';
	return t->got;
}

static inline const char *say_bytes(struct talk *t, enum side side, const char *payload, uint32_t len)
{
	const char *got = send_at(t, side, t->seq[side], TCP_ACK | TCP_PSH, payload, len);

	t->seq[side] += len;
	return got;
}

static inline const char *say(struct talk *t, enum side side, const char *text)
{
	return say_bytes(t, side, text, (uint32_t)strlen(text));
}

/* Passes unchanged. */
static inline void pass(struct talk *t, enum side side, const char *text)
{
	const char *got = say(t, side, text);

	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_STRING_EQUAL(got, text);
	CU_ASSERT_EQUAL(t->verdict.edit_count, 0);
}

static inline void handshake(struct talk *t)
{
	send_at(t, CLIENT, t->seq[CLIENT]++, TCP_SYN, NULL, 0);
	send_at(t, SERVER, t->seq[SERVER]++, TCP_SYN | TCP_ACK, NULL, 0);
	send_at(t, CLIENT, t->seq[CLIENT], TCP_ACK, NULL, 0);
}

static inline void greet(struct talk *t)
{
	handshake(t);
	pass(t, SERVER, "220 mx.example.org ESMTP\r\n");
	pass(t, CLIENT, "EHLO isp.example\r\n");
	pass(t, SERVER, "250-mx.example.org\r\n250 PIPELINING\r\n");
	pass(t, CLIENT, "MAIL FROM:<a@isp.example>\r\n");
	pass(t, SERVER, "250 2.1.0 Ok\r\n");
}

static inline void close_both(struct talk *t)
{
	send_at(t, CLIENT, t->seq[CLIENT]++, TCP_FIN | TCP_ACK, NULL, 0);
	send_at(t, SERVER, t->seq[SERVER]++, TCP_FIN | TCP_ACK, NULL, 0);
}

static inline const struct event *event_nth(const struct talk *t, enum event_kind kind, unsigned nth)
{
	unsigned i;

	for (i = 0; i < t->event_count; i++)
		if (t->events[i].kind == kind && nth-- == 0)
			return &t->events[i];
	return NULL;
}

static inline uint64_t count(const struct talk *t, enum counter c)
{
	return inspect_counters(t->inspect)->n[c];
}

static const char bad_rcpt[] = "RCPT TO:<x@foreign.test>\r\n";
static const char no_verb[] = "500 5.5.2 Error: command not recognized\r\n";
static const char masked[] = "550 5.7.1 Relaying denied              \r\n";

static struct talk T;

#endif
