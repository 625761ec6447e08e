/* inspect.h - packet in, verdict and events out.
 *
 * One engine per worker, pure: no system call, no clock, no file, no thread. All memory is taken at
 * inspect_new(). Composes wire (packet, flow, stream, edits), smtp (dialogue) and policy.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/ring.h"
#include "postern/counter.h"
#include "postern/event.h"
#include "postern/packet.h"
#include "postern/verdict.h"

struct inspect;
struct policy;
struct sentences;

struct inspect_settings {
	uint32_t flows;    /* capacity of the flow table, 16..2^22 */
	uint32_t pages;    /* of 4096 bytes for stream windows, shared */
	uint32_t commands; /* in flight, shared */
	uint32_t edits;    /* remembered, shared */
	uint32_t
	        idle_s; /* a flow without packets ends after this long (also RFC 5321 4.5.3.2.7: 5 minutes is the least a server waits) */
	/* How long the kernel will remember a connection if no packet comes, in seconds; 0: it has forgotten it. Asked about
	 * connections that do not come to the queue, before they end as idle. NULL: they end as all others. */
	uint32_t (*kernel_left_s)(void *arg, const struct event_connection *conn);
	/* Whether the kernel has believed an end of the connection (FIN or RST) that came by: 1, 0; -1: it does not know. NULL:
	 * likewise. */
	int (*kernel_closes)(void *arg, const struct event_connection *conn);
	void *kernel_arg;
	uint8_t worker; /* number of this engine, copied into events */
	uint8_t source; /* enum event_source */
	uint8_t hash_key[HASH_KEY_BYTES];
	const struct sentences *sentences; /* about strangers, read only, borrowed; NULL = none */
	/* Likewise, about anybody but upstreams, servers, and who is never blocked; these come first. */
	const struct sentences *orders;
};
/* Defaults for the daemon (offline = false) or for reading captures. The key is left zero. */
void inspect_settings_default(struct inspect_settings *s, int offline);

/* ring: of struct event slots, written by this engine only; not owned. NULL with errno. */
struct inspect *inspect_new(const struct inspect_settings *s, struct ring *ring, const struct policy *policy);
void inspect_free(struct inspect *in);
/* From the next packet on, which also judges its connection anew. The caller keeps the policy alive
 * until it is replaced. */
void inspect_set_policy(struct inspect *in, const struct policy *policy);

/* bytes: packet->captured_bytes of them, from the network header on. out is written always. */
void inspect_packet(
        struct inspect *in, const struct packet *packet, const uint8_t *bytes, struct verdict *out);
/* The packet that was accepted for later under this hold_ref has gone; it was held so long. Once for each such verdict,
 * behind the call that gave it. */
void inspect_let_go(struct inspect *in, uint64_t hold_ref, uint32_t held_ms);
/* Ends flows that were idle too long. Call about once a second (or when packet time has moved on). */
void inspect_tick(struct inspect *in, uint64_t now_us);
/* Ends every flow (end of a capture, clean exit). Events of all of them may exceed the ring: call
 * until it returns 0, draining the ring between calls. Returns the flows left. */
uint32_t inspect_finish(struct inspect *in, uint64_t now_us);

/* Counters of this engine; a live view, added to by the engine's own thread only. */
const struct counters *inspect_counters(const struct inspect *in);
uint32_t inspect_flow_count(const struct inspect *in);

#endif
