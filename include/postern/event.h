/* event.h - contract: what inspect (and tap/nflog) tell watch and report.
 *
 * One event is one fact. Commands are reported when their reply is known (or the connection has
 * ended without one: code 0), so a consumer never has to match replies. Records are fixed-size
 * and pointer-free and stand alone: each carries its connection. `src` is always the SMTP client.
 * Text is as sent on the wire, not terminated, cut at the field's size with `cut` set.
 */
#ifndef POSTERN_EVENT_H
#define POSTERN_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

enum event_kind {
	EVENT_OPEN,     /* connection seen for the first time */
	EVENT_GREETING, /* server's first reply; u.reply */
	EVENT_HELO,     /* HELO, EHLO, LHLO answered; u.helo */
	EVENT_AUTH,     /* AUTH exchange ended; u.auth */
	EVENT_MAIL,     /* MAIL FROM answered: a transaction starts; u.mail */
	EVENT_RCPT,     /* RCPT TO answered; u.rcpt */
	EVENT_DATA,     /* the body's final reply, or DATA itself refused; u.data */
	EVENT_TX_END,   /* the transaction is over; u.tx_end */
	EVENT_COMMAND,  /* any other command worth counting (VRFY, EXPN, ...); u.command */
	EVENT_TLS,      /* the connection went under TLS; u.tls */
	EVENT_ODD,      /* something no honest peer does; u.odd */
	EVENT_CLOSE,    /* connection over; u.close */
	EVENT_REFUSED, /* a try outside the rules, refused by the kernel (tap/nflog), or a session that a rule
	                   refuses, once it is greeted (inspect; no sequence number, no flags); u.refused */
	EVENT_EOD,     /* strict and lenient readers differ about where a body ends; u.eod */
	EVENT_LEAK,    /* a Received line of outbound mail shows something inside; u.leak */
	EVENT_BLIND,   /* packets passed without inspection; of no connection; u.blind */
	EVENT_AUDIT,   /* something was done to the gate itself; of no connection; u.audit */
	EVENT_UPSTREAM, /* what the DNS says of an upstream; of no connection; u.upstream */
	EVENT_GUARD,    /* somebody else changed the kernel's rules; of no connection; u.guard */
	EVENT_LISTED,   /* the connection's source is on a DNS list; u.listed */
	EVENT_KIND_COUNT
};

/* Told of a connection that is followed: not of a try outside the rules, nor of the gate itself; nor of one that may be
 * over when it is told. */
static inline bool event_kind_is_followed(enum event_kind kind)
{
	return kind != EVENT_REFUSED && kind != EVENT_BLIND && kind != EVENT_AUDIT &&
	       kind != EVENT_UPSTREAM && kind != EVENT_GUARD && kind != EVENT_LISTED;
}

enum event_direction {
	DIRECTION_INBOUND,
	DIRECTION_OUTBOUND,
	DIRECTION_INTERNAL,
	DIRECTION_TRANSIT,
	DIRECTION_COUNT
};
#define EVENT_DIRECTION_NAMES "inbound", "outbound", "internal", "transit"

enum event_source { SOURCE_WIRE, SOURCE_PCAP, SOURCE_COUNT };
#define EVENT_SOURCE_NAMES "wire", "pcap"

/* How a transaction ended; `smtp.end` of the records. */
enum event_end { END_COMPLETED, END_REFUSED, END_RESET, END_STARTTLS, END_CLOSED, END_LOST, END_COUNT };
#define EVENT_END_NAMES "completed", "refused", "reset", "starttls", "closed", "lost"

/* How a connection ended; `flow.state` of the records. */
enum event_state { STATE_CLOSED, STATE_RESET, STATE_RESET_BY_US, STATE_TIMEOUT, STATE_EVICTED, STATE_COUNT };
#define EVENT_STATE_NAMES "closed", "reset", "reset_by_postern", "timeout", "evicted"

enum event_outcome {
	OUTCOME_NONE,
	OUTCOME_REFUSED_BY_SERVER,
	OUTCOME_REFUSED_BY_US,
	OUTCOME_ACCEPTED,
	OUTCOME_UNANSWERED,
	OUTCOME_TAKEN,     /* accepted at the end of data, too */
	OUTCOME_BOUNCED,   /* taken, and then sent back */
	OUTCOME_CONFIRMED, /* seen leaving */
	OUTCOME_COUNT
};
#define EVENT_OUTCOME_NAMES                                                                                  \
	"none", "refused-by-server", "refused-by-postern", "accepted", "unanswered",                         \
	        "accepted-at-end-of-data", "bounced", "confirmed"

#define EVENT_ODDITIES(X)                                                                                    \
	X(BARE_LF, "bare-lf")                                                                                \
	X(BARE_CR, "bare-cr")                                                                                \
	X(NUL, "nul-in-command")                                                                             \
	X(BINARY, "binary-in-command")                                                                       \
	X(LINE_TOO_LONG, "line-too-long")                                                                    \
	X(EARLY_TALK, "client-talks-first")                                                                  \
	X(EARLY_BODY, "body-before-354")                                                                     \
	X(UNEXPECTED_REPLY, "unexpected-reply")                                                              \
	X(BAD_REPLY, "bad-reply-line")                                                                       \
	X(PENDING_FULL, "too-many-commands-in-flight")                                                       \
	X(STARTTLS_INJECTION, "bytes-behind-starttls")                                                       \
	X(RESEND_DIFFERS, "resend-with-other-bytes")                                                         \
	X(URGENT, "urgent-data")

enum event_odd {
#define X(name, text) ODD_##name,
	EVENT_ODDITIES(X)
#undef X
	        ODD_COUNT
};

enum {
	EVENT_PATH_MAX = 320,   /* RFC 5321 4.5.3.1.3 allows 256 */
	EVENT_DOMAIN_MAX = 256, /* RFC 5321 4.5.3.1.2 allows 255 */
	EVENT_TEXT_MAX = 200,   /* of a reply line's text; the line has 512 at most */
	EVENT_NAME_MAX = 24,    /* verbs, mechanisms */
};

struct event_connection {
	uint64_t flow_id; /* 53 bits, never 0 */
	uint64_t open_us; /* time of its first packet */
	struct addr src, dst;
	uint16_t sport, dport;
	uint32_t in_if;
	uint16_t vlan[2];
	int16_t rule;          /* index of the policy rule, -1 = otherwise */
	int16_t server;        /* index of the servers group of dst, -1 = none of ours */
	uint8_t direction;     /* enum event_direction */
	uint8_t source;        /* enum event_source */
	uint8_t midstream;     /* picked up after its start */
	uint8_t from_upstream; /* client is in an upstream group */
	uint8_t from_home;     /* client is in home */
	uint8_t from_server;   /* client is a server of ours */
	uint8_t self;          /* enum policy_self: which end is the gateway itself */
	uint8_t pad;
};

/* A connection's ends as the outside sees them, where addresses are translated. Not part of an event: the packet path
 * does not know it. */
struct event_nat {
	struct addr src, dst;
	uint16_t sport, dport;
};

struct event_path {
	uint16_t len;
	uint8_t cut;
	uint8_t pad;
	char bytes[EVENT_PATH_MAX];
};
struct event_domain {
	uint16_t len;
	uint8_t cut;
	uint8_t pad;
	char bytes[EVENT_DOMAIN_MAX];
};
struct event_text {
	uint16_t len;
	uint8_t cut;
	uint8_t pad;
	char bytes[EVENT_TEXT_MAX];
};

struct event_reply {
	uint16_t code; /* 200..599, 0 = never answered */
	uint16_t lines;
	uint64_t sent_us;       /* when the command was complete; the event's time is the reply's */
	struct event_text text; /* first line behind the code */
};

struct event_helo {
	struct event_reply reply;
	uint8_t esmtp; /* 0 = HELO, 1 = EHLO, 2 = LHLO */
	uint8_t offers_starttls;
	uint8_t masks_starttls; /* its keyword was overwritten by X on the way */
	uint8_t name_ours;      /* a stranger's greeting names a host, domain or address of ours */
	uint8_t pad[4];
	struct event_path name;
};
struct event_auth {
	struct event_reply reply;
	uint8_t in_clear; /* no TLS below */
	uint8_t pad[7];
	char mech[EVENT_NAME_MAX]; /* terminated, upper case */
	struct event_path user;    /* as it was sent; len 0 = not known */
};
/* A login that came to nothing, for good or for now: what ledger and records count. */
static inline bool event_auth_is_refused(const struct event_auth *a)
{
	return a->reply.code >= 400;
}
struct event_mail {
	struct event_reply reply;
	uint32_t tx_id; /* counts from 1 in each connection */
	uint8_t pipelined;
	uint8_t client_ours;    /* home, may-relay, a server of ours, or authenticated */
	uint8_t sender_ours;    /* the sender's domain belongs to a server of ours */
	uint8_t sender_foreign; /* to somebody else; neither, where no domain of ours is known */
	struct event_path path; /* with angle brackets, "<>" = null sender */
};
struct event_rcpt {
	struct event_reply reply;
	uint32_t tx_id;
	uint32_t index;      /* 0-based in its transaction */
	uint8_t judged;      /* the closed-relay axiom was applied (server of ours, not midstream) */
	uint8_t ours;        /* recipient is ours; only if judged */
	uint8_t client_ours; /* only if judged */
	uint8_t form;        /* enum smtp_form, form.h */
	uint8_t outcome;     /* enum event_outcome */
	uint8_t action;      /* enum action taken */
	uint8_t would;       /* enum action that enforce mode, or certainty, would have taken */
	uint8_t pipelined;
	uint8_t sentence; /* the action is about the source: 1, or 1 + the number of the DNS list that it is on; 0 = it is not */
	uint8_t uncertain;     /* judged, of a connection that is not known well enough to refuse anything */
	uint8_t servers_words; /* refused by us when judged again: what the reply says was the server's */
	uint8_t pad[1];
	uint32_t hold_ms; /* the reply is held back for so long, or less where there is no room */
	struct event_path path;
	struct event_domain final_domain;
};
/* Neither the client nor the recipient is ours: against the closed-relay axiom. */
static inline bool event_rcpt_is_foreign(const struct event_rcpt *r)
{
	return r->judged && !r->ours && !r->client_ours;
}
/* And the server said yes. */
static inline bool event_rcpt_is_relayed(const struct event_rcpt *r)
{
	return event_rcpt_is_foreign(r) && r->outcome == OUTCOME_ACCEPTED;
}
struct event_data {
	struct event_reply reply;
	uint32_t tx_id;
	uint32_t rcpt_foreign_accepted; /* judged foreign recipients the server said 2xx to */
	uint64_t size_bytes;            /* of the body, transparency dots removed */
	uint8_t bdat;
	uint8_t final; /* reply to the end of data (else DATA or a BDAT chunk was refused) */
	uint8_t pad[6];
	struct event_path message_id;
};
struct event_tx_end {
	uint32_t tx_id;
	uint8_t end;  /* enum event_end */
	uint8_t bdat; /* some of it came with BDAT, whatever became of that */
	uint8_t gap;  /* bytes of it, of either side, were never seen */
	uint8_t pad;
};
struct event_command {
	struct event_reply reply;
	char verb[EVENT_NAME_MAX]; /* terminated, upper case */
};
struct event_tls {
	uint16_t version; /* negotiated, as on the wire (0x0303 = TLS 1.2); 0 = not seen */
	uint8_t implicit; /* from the first byte, without STARTTLS */
	uint8_t pad[5];
	struct event_domain sni;
};
/* Byte sequences that some server somewhere takes for the end of a body, though only CRLF.CRLF is
 * (RFC 5321 4.1.1.4). Named by their escapes. */
#define EVENT_EODS(X)                                                                                        \
	X(LF_DOT_LF, "lf.lf")                                                                                \
	X(LF_DOT_CRLF, "lf.crlf")                                                                            \
	X(CRLF_DOT_LF, "crlf.lf")                                                                            \
	X(CR_DOT_CR, "cr.cr")                                                                                \
	X(CR_DOT_CRLF, "cr.crlf")                                                                            \
	X(CRLF_DOT_CR, "crlf.cr")                                                                            \
	X(CR_DOT_LF, "cr.lf")                                                                                \
	X(LF_DOT_CR, "lf.cr")                                                                                \
	X(NUL, "crlf.nul-crlf")   /* NUL somewhere in CRLF.CRLF */                                           \
	X(CR_RUN, "crlf.cr-crlf") /* more CRs than one in CRLF.CRLF */

enum event_eod_what {
#define X(name, text) EOD_##name,
	EVENT_EODS(X)
#undef X
	        EOD_COUNT
};
struct event_eod {
	uint32_t tx_id;
	uint8_t what;   /* enum event_eod_what */
	uint8_t hides;  /* the bytes right behind it read as SMTP commands */
	uint8_t action; /* enum action taken, and what enforce mode would do */
	uint8_t would;
	uint32_t count; /* of such sequences in this body so far; this is the last one */
	uint32_t pad;
	uint64_t offset;           /* of its first byte, in the client's byte stream */
	uint64_t verb_offset;      /* hides: of the first command */
	char verb[EVENT_NAME_MAX]; /* hides: its verb, terminated */
	struct event_text bytes;   /* the sequence itself */
};
struct event_leak {
	uint32_t tx_id;
	uint32_t pad;
	struct event_text bytes; /* the inside address or name, nothing else of the line */
};
struct event_odd_what {
	uint8_t what; /* enum event_odd */
	uint8_t side; /* 0 client, 1 server */
	/* UNEXPECTED_REPLY: a yes to no command of ours, in a connection that had an EVENT_EOD; how many so
	 * far, not counted beyond a bound; 0 = nothing of that kind */
	uint8_t unexplained;
	uint8_t action; /* enum action taken about it, and what enforce mode would do */
	uint8_t would;
	uint8_t unread; /* unexplained, in a connection of which a body passed unread, as configured */
	uint8_t pad[2];
	uint64_t offset;         /* in the byte stream of that side */
	struct event_text bytes; /* up to 64 bytes around it; never body bytes */
};
struct event_close {
	uint64_t bytes_toserver; /* TCP payload, what was resent once */
	uint64_t bytes_toclient;
	uint64_t packets_toserver;
	uint64_t packets_toclient;
	uint64_t skipped_bytes; /* payload that was never read (holes offline, TLS not counted) */
	uint32_t transactions;
	uint32_t held; /* packets of the server's that were held back, and all their time */
	uint32_t held_ms;
	uint16_t tls_version;
	uint8_t state; /* enum event_state */
	uint8_t tls;
	uint8_t greeted; /* an EVENT_GREETING has told what the server said */
	struct event_domain sni;
};
struct event_refused {
	uint32_t tcp_seq;
	uint8_t tcp_flags; /* as in the header: SYN = 2 */
	uint8_t proto;
	uint8_t action; /* enum action taken: alert (monitor mode: only logged), refuse, drop, refuse-session */
	uint8_t would;    /* what enforce mode does about it */
	uint8_t sentence; /* about the source: as in event_rcpt; 0 = a rule says so */
	uint8_t pad[7];
};

/* Packets that passed because somebody wanted it so, are told by a bypass's beginning, course and end. */
enum event_bypass { BYPASS_NONE, BYPASS_BEGUN, BYPASS_GOES_ON, BYPASS_ENDED, BYPASS_COUNT };

struct event_blind {
	uint64_t packets; /* since the last such event; of a bypass: so far */
	uint64_t total;   /* of the kernel's counter */
	uint64_t before;  /* of these, told by a daemon that ran before */
	uint32_t left_s;  /* of a bypass */
	uint8_t bypass;   /* enum event_bypass */
	uint8_t pad[3];
};

struct event_audit {
	struct event_text text; /* what was done */
};

struct event_upstream {
	struct event_text text; /* what became of it */
	uint8_t alarm;          /* fewer addresses, or held */
	uint8_t pad[7];
};

/* REPAIRED: our table is again as it should be. PUT_OFF, REPAIR_FAILED: it is not. OFFLOAD: another table lets
 * connections pass by it; OFFLOAD_ENDED: no more. */
enum event_guard_what {
	GUARD_REPAIRED,
	GUARD_PUT_OFF,
	GUARD_REPAIR_FAILED,
	GUARD_OFFLOAD,
	GUARD_OFFLOAD_ENDED
};

struct event_guard {
	struct event_text what; /* was changed */
	struct event_text who;  /* did it, where that is known; and what became of it */
	uint64_t took_us;       /* from the kernel's word to the repair; 0 = not repaired */
	uint8_t state;          /* enum event_guard_what */
	uint8_t pad[7];
};

enum { EVENT_CODES_MAX = 4, EVENT_ZONE_MAX = 190 };

struct event_listed {
	uint8_t list;   /* counted from 1 */
	uint8_t action; /* enum action taken about the source from now on, and what enforce mode would do */
	uint8_t would;
	uint8_t code_count;
	uint32_t left_s;                 /* the answer is remembered so long */
	uint32_t codes[EVENT_CODES_MAX]; /* the list's return codes that count, in host order */
	char zone[EVENT_ZONE_MAX];       /* terminated */
	uint8_t pad[2];
	struct event_text reason; /* as the list gives it, len 0 = it gives none */
};

struct event {
	uint8_t kind; /* enum event_kind */
	uint8_t worker;
	uint16_t pad;
	uint32_t pad2;
	uint64_t time_us;
	struct event_connection conn;
	union {
		struct event_reply reply;
		struct event_helo helo;
		struct event_auth auth;
		struct event_mail mail;
		struct event_rcpt rcpt;
		struct event_data data;
		struct event_tx_end tx_end;
		struct event_command command;
		struct event_tls tls;
		struct event_odd_what odd;
		struct event_close close;
		struct event_refused refused;
		struct event_blind blind;
		struct event_audit audit;
		struct event_upstream upstream;
		struct event_guard guard;
		struct event_eod eod;
		struct event_leak leak;
		struct event_listed listed;
	} u;
};

#endif
