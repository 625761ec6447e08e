/* inspect_flow.h - inner types of the inspect engine, shared by inspect.c (packets, verdicts),
 * inspect_life.c (flows begin and end), inspect_facts.c (facts of the dialogue to judgements and events),
 * inspect_claims.c (names in them), inspect_refuse.c (refusals to edits), inspect_session.c (sessions
 * refused at the greeting), inspect_slow.c (refusals that have to be waited for) and inspect_fast.c (bytes that pass
 * unread). Nobody else's. */
#ifndef INSPECT_FLOW_H
#define INSPECT_FLOW_H

#include "base/table.h"
#include "inspect.h"
#include "policy/policy.h"
#include "policy/sentence.h"
#include "smtp/dialogue.h"
#include "wire/edit.h"
#include "wire/stream.h"

enum { MASKED_TEXT_MAX = 32 };

/* What the client reads in place of the reply that is coming in. */
struct masked {
	uint16_t code; /* 0 = the server's own words */
	uint16_t lines;
	uint8_t len; /* of the first line's text */
	char text[MASKED_TEXT_MAX];
};

/* What is held of a connection. */
struct flow_hold {
	bool relays;        /* a foreign recipient was named whose action is slow */
	bool spared;        /* nothing of his is ever held: an upstream, one of ours, authenticated */
	bool on;            /* a packet of the server's is held: `ticket` */
	bool end_told;      /* the packet at hand answers an end of data, or a chunk */
	uint32_t ticket;    /* valid if on */
	uint32_t seq;       /* likewise: of its first byte */
	uint32_t reply_ms;  /* the reply at hand may be held so long, 0 = not at all */
	uint32_t wanted_ms; /* so may the packet at hand */
	uint32_t spent_ms;  /* so far */
	uint32_t packets;   /* likewise */
	uint8_t sentence;   /* the reply at hand is held for what was said of the source: as in event_rcpt */
};

/* One connection. Lives in the flow table, the dialogue right behind it. */
struct flow {
	struct event_connection conn;
	struct policy_connection decision;
	struct stream stream[2]; /* index = enum smtp_side of the sender */
	struct edit_list edits[2];
	/* Payload, what was resent once; without what nobody has seen and the other side says there was. */
	uint64_t bytes[2];
	uint64_t packets[2];
	uint64_t skipped_bytes;
	uint64_t fin_offset[2];    /* stream offset of the FIN, valid if fin[] */
	uint64_t rst_us;           /* when, valid if rst */
	uint32_t syn_seq;          /* valid if syn_waits */
	uint32_t policy_number;    /* inspect.policy_number that `decision` was made with */
	uint32_t unseen_acks[2];   /* packets since the peer acknowledged bytes of this side we never saw */
	uint32_t refusals;         /* recipients spoiled so that the server counts errors */
	uint32_t tx_running;       /* the server has accepted its MAIL; 0 = none, or its start was not seen */
	uint32_t foreign_accepted; /* judged foreign recipients accepted in the running transaction */
	uint16_t tls_version;
	enum policy_self self;
	uint8_t first_end; /* which end of the table key is the client */
	bool fin[2];
	bool rst;      /* a reset was seen; the flow ends soon unless it goes on */
	bool rst_sure; /* under TLS, and the kernel has believed it: nothing is lost if the flow ends at once */
	bool lingers;   /* stands in inspect.linger */
	bool syn_waits; /* a SYN of the client wants to begin anew; the server has not agreed yet */
	bool cut_off;   /* nothing more of the client passes; reset as soon as that is allowed */
	bool tls;
	bool want_reset; /* decided; carried out as soon as no end-of-data reply is outstanding */
	bool was_reset;
	bool urgent;          /* the client has sent urgent data */
	bool session_refused; /* the client has been told so: cut off from the next packet on */
	uint8_t sentence; /* the session is refused because of its source: as in event_rcpt; 0 = it is not */
	bool saw_rcpt;
	bool tx_bdat;        /* the running transaction has seen a BDAT */
	bool tx_gap;         /* or lacks bytes */
	bool greeting_told;  /* by an EVENT_GREETING with a reply */
	bool greeted;        /* the server's first reply is known, or a reply behind a start in the middle */
	bool turned_away;    /* that reply was a refusal, by us or by the server itself */
	bool session_told;   /* EVENT_REFUSED */
	bool hides_commands; /* some body had commands behind an end that is none */
	struct masked masked;
	struct flow_hold hold;
	bool one_sided; /* lone_side speaks to somebody who was never heard: his packets take another way */
	enum smtp_side lone_side;
	struct event_domain sni;
	/* inspect_fast.c */
	uint8_t path;           /* enum verdict_path, as the last verdict has said it */
	uint8_t strays;         /* segments of the client beyond a hole, one behind the other */
	bool skimmed;           /* was on PATH_BODY: bytes of the client may have passed unseen */
	bool distrusted;        /* nothing of it passes unread any more */
	uint32_t kernel_left_s; /* of its time in the kernel, when it was asked last; 0 = never */
	uint64_t asked_us;
};

/* When a flow is looked at again whose connection was reset. */
struct flow_linger {
	struct table_ref ref;
	uint64_t until_us;
};

/* Where a connection ended that both ends have closed; by end of its key. */
struct flow_over {
	uint64_t over_us;
	uint32_t end_seq[2]; /* of the FIN, which takes one more */
};

struct inspect {
	struct inspect_settings settings;
	const struct policy *policy;
	uint32_t policy_number; /* changes with the policy */
	struct ring *ring;
	struct table *flows;
	struct table *over; /* flow key -> struct flow_over */
	struct stream_pages *pages;
	struct slab *commands;
	struct slab *edits;
	struct flow_linger *linger; /* FIFO of flows that saw a reset */
	uint32_t linger_first, linger_count, linger_capacity;
	struct table_ref
	        *silent; /* FIFO of flows that began with a SYN; those that spoke since are passed over */
	uint32_t silent_first, silent_count;
	bool enforce; /* live and mode = enforce: packets may be held back, edited, reset */
	struct counters counters;
	struct event scratch; /* takes the event when the ring is full */
};

static inline struct dialogue *flow_dialogue(struct flow *f)
{
	return (struct dialogue *)(void *)((unsigned char *)f + ((sizeof(*f) + 15) & ~(size_t)15));
}

/* The flow of this segment, and who sent it; NULL if it belongs to none and starts none. */
struct flow *inspect_flow_of(
        struct inspect *in, const struct packet *packet, const struct segment *seg, enum smtp_side *side);
/* Bytes of it have passed unseen and will not come again: nothing is refused or held back there. */
static inline bool flow_is_partial(const struct flow *f)
{
	return f->conn.midstream || f->one_sided;
}

/* The connection is of no more use to the client: its recipient is told so, then both ends are reset. */
static inline bool flow_action_ends_session(uint8_t action)
{
	return action == ACTION_REFUSE_SESSION || action == ACTION_BLOCK;
}

/* After a segment's payload has been read: its FIN and RST. May end the flow. */
void inspect_flow_flags(
        struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg, uint64_t now_us);
/* Tells the end and drops the flow. */
void inspect_flow_end(struct inspect *in, struct flow *f, enum event_state state, uint64_t now_us);
/* A stranger at a server of ours, followed from the start, whose relaying is to be refused. */
bool inspect_guards(const struct inspect *in, struct flow *f);

/* A zeroed event about this flow, to be filled and sent. Never NULL. */
struct event *inspect_event(struct inspect *in, const struct flow *f, enum event_kind kind, uint64_t now_us);
void inspect_send(struct inspect *in, const struct event *e);

/* Marks in an EVENT_HELO or EVENT_MAIL whether the names in it are ours. */
void inspect_claims(const struct inspect *in, struct flow *f, struct event *e);
/* A message that was taken: tells the first thing in its header that shows the inside of our network to others. */
void inspect_leak(struct inspect *in, struct flow *f, uint32_t tx_id, uint64_t now_us);

/* Feeds bytes of `side`, which begin at stream offset `offset`, to the flow's dialogue and acts on its
 * facts. editable: the bytes are in the packet at hand and have not left yet. */
void inspect_facts(struct inspect *in, struct flow *f, enum smtp_side side, const uint8_t *bytes,
        uint32_t len, uint64_t offset, bool editable, uint64_t now_us);
/* inspect_refuse.c. The RCPT at hand, of which [from, ...) has not left yet. */
void inspect_refuse_recipient(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, bool editable, uint64_t from);
/* SMTP_FACT_DEFER, whose bytes begin at this stream offset. */
void inspect_defer(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, bool editable, uint64_t offset);
/* SMTP_FACT_MASK: its bytes, and their stream offset. */
void inspect_mask(struct inspect *in, struct flow *f, const struct smtp_fact *fact, const uint8_t *bytes,
        uint64_t offset);
/* The reply as the client reads it. */
struct event_reply inspect_reply_told(const struct flow *f, const struct smtp_fact *fact);

/* inspect_session.c. The rule for this connection is known, or has changed. */
void inspect_session_begin(struct inspect *in, struct flow *f);
/* What is to be done about the client because of its address; until_us 0: nothing. */
struct sentence inspect_sentence(const struct inspect *in, const struct flow *f, uint64_t now_us);
/* A segment of the server's with payload is about to be read: the last moment to refuse the session at its greeting. */
void inspect_session_greets(struct inspect *in, struct flow *f, uint64_t now_us);
/* Beyond the greeting: whether a recipient ends the session because of its source. As in event_rcpt. */
uint8_t inspect_session_sentence(const struct inspect *in, struct flow *f, uint64_t now_us);
/* A reply is complete. */
void inspect_session_replied(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us);
/* The connection of this segment is to be reset now, the segment with it, because its rule refuses the
 * session; asked before the segment is read. payload begins at stream offset `offset`. */
bool inspect_session_ends(const struct inspect *in, struct flow *f, enum smtp_side side,
        const uint8_t *payload, uint32_t len, uint64_t offset);

/* inspect_slow.c. Before a segment is read. */
void inspect_slow_begin(struct flow *f);
/* A reply is complete, its `masked` known; sets hold.spared and hold.reply_ms. */
void inspect_slow_replied(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us);
/* The server's segment was read, and may pass: holds it, if something in it is to be waited for. */
void inspect_slow_hold(struct inspect *in, struct flow *f, const struct packet *packet,
        const struct segment *seg, struct verdict *out);
/* Asked before a segment is read: it is to be dropped, because something of the server's is held before it. */
bool inspect_slow_waits(struct flow *f, enum smtp_side side, const struct segment *seg, struct verdict *out);
/* The connection is reset now. */
void inspect_slow_reset(const struct flow *f, struct verdict *out);
/* inspect_fast.c. How the next packets of the connection travel, from the verdict at hand on. */
enum verdict_path inspect_take_path(struct inspect *in, struct flow *f, const struct verdict *v);
/* Before a segment is read, and behind it: what it says of bytes that have passed unseen. in_order: it is the next one
 * of its side. */
void inspect_fast_before(struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg,
        uint32_t seq, bool in_order);
void inspect_fast_behind(
        struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg, bool in_order);
/* A segment of the client beyond a hole, behind a body that passed unseen: true if the hole has passed, too. */
bool inspect_fast_stray(struct inspect *in, struct flow *f, const struct segment *seg, uint32_t seq);
/* A segment of a connection under TLS, of which nothing is read. */
void inspect_fast_sealed(
        struct inspect *in, struct flow *f, enum smtp_side side, const struct segment *seg, uint32_t seq);
/* Nothing of it was seen for a long time; the kernel says whether there was anything. */
bool inspect_fast_is_alive(const struct inspect *in, struct flow *f, uint64_t now_us);

/* Tells what is left when the connection is over. */
void inspect_facts_end(struct inspect *in, struct flow *f, enum event_end end, uint64_t now_us);

#endif
