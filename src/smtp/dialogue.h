/* dialogue.h - both sides of an SMTP connection, followed as a server follows them.
 *
 * Bytes of either side are pushed in stream order, in pieces of any size; the result is the same
 * however they are cut. dialogue_push() reads until something worth telling has happened and
 * returns it as a fact; the caller calls again with the rest until SMTP_FACT_NONE (piece used up).
 *
 * A command is a wish, its reply makes it a fact: complete commands wait in a FIFO (`pending`,
 * entries from a pool shared by all dialogues) and are told as SMTP_FACT_REPLY when answered, in
 * order, pipelining included. The greeting is the first pending entry (SMTP_VERB_GREETING).
 *
 * RCPT is special, because it may be refused in flight: SMTP_FACT_RECIPIENT is told as soon as its
 * path is complete (closing '>', or without brackets the CR or LF that ends the line; should text
 * follow the CR, dialogue_is_blind()), before the rest of the line has been read. The caller may
 * then call dialogue_refuse(); the reply to that command is later told as SMTP_FACT_MASK pieces
 * (bytes to be rewritten) beside its SMTP_FACT_REPLY.
 *
 * A transaction that may not come to its end is deferred by dialogue_defer(): its DATA, however it is cut,
 * is to be sent as RSET, and the LAST of a BDAT as blanks, letter by letter (SMTP_FACT_DEFER); either counts
 * as refused. The latter leaves the server within its transaction, so a MAIL behind it is to be sent as RSET and
 * blanks, and counts as refused, too.
 *
 * Limits: lines are kept to SMTP_LINE_MAX bytes (the rest is counted and skipped, an oddity);
 * pending entries are bounded by the pool and by SMTP_PENDING_MAX a connection.
 */
#ifndef SMTP_DIALOGUE_H
#define SMTP_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slab.h"
#include "postern/event.h"

enum smtp_side { SMTP_CLIENT, SMTP_SERVER };

#define SMTP_VERBS(X)                                                                                        \
	X(UNKNOWN, "?")                                                                                      \
	X(HELO, "HELO")                                                                                      \
	X(EHLO, "EHLO")                                                                                      \
	X(LHLO, "LHLO")                                                                                      \
	X(MAIL, "MAIL")                                                                                      \
	X(RCPT, "RCPT")                                                                                      \
	X(DATA, "DATA")                                                                                      \
	X(BDAT, "BDAT")                                                                                      \
	X(RSET, "RSET")                                                                                      \
	X(NOOP, "NOOP")                                                                                      \
	X(QUIT, "QUIT")                                                                                      \
	X(VRFY, "VRFY")                                                                                      \
	X(EXPN, "EXPN")                                                                                      \
	X(HELP, "HELP")                                                                                      \
	X(ETRN, "ETRN")                                                                                      \
	X(STARTTLS, "STARTTLS")                                                                              \
	X(AUTH, "AUTH")                                                                                      \
	X(PROXY, "PROXY")                                                                                    \
	X(GREETING, "greeting") /* pending from the start */                                                 \
	X(BODY, "end of data")  /* pending from the end of a DATA body */

enum smtp_verb {
#define X(name, text) SMTP_VERB_##name,
	SMTP_VERBS(X)
#undef X
	        SMTP_VERB_COUNT
};
const char *smtp_verb_name(enum smtp_verb verb);

enum { SMTP_LINE_MAX = 2048, SMTP_PENDING_MAX = 1024, SMTP_EARLY_MAX = 4096 };

/* What is judged about a recipient; written by the caller at SMTP_FACT_RECIPIENT, kept for it until
 * the reply, never read by the dialogue except `refused` and `decoy`. */
struct smtp_judgement {
	uint8_t judged, ours, client_ours, form;
	uint8_t action, would;
	uint8_t refused;  /* by dialogue_refuse(); DATA, BDAT LAST, MAIL: deferred; greeting: no session */
	uint8_t decoy;    /* the server got a command in its place that it may well accept */
	uint8_t sentence; /* the action is about the source: as in event_rcpt */
	uint8_t uncertain;
	struct event_domain final_domain;
};

/* A command in flight. Lives in the pool; pointer-free. */
struct smtp_command {
	uint32_t next;     /* the pool's link */
	uint8_t verb;      /* enum smtp_verb */
	uint8_t pipelined; /* sent before the reply to the one before it */
	uint8_t last;      /* BDAT ... LAST */
	uint8_t answered;  /* some reply has come; LMTP: those still due are counted in `due` */
	uint16_t due;      /* replies this entry still waits for; 1 but for the body of LMTP */
	uint16_t pad;
	uint32_t tx_id;
	uint32_t rcpt_index;
	uint64_t offset;     /* client stream offset of the line's first byte */
	uint64_t sent_us;    /* when it was complete */
	uint64_t size_bytes; /* BODY and BDAT: body bytes so far */
	struct event_path
	        path; /* MAIL, RCPT: path with brackets; HELO: name; AUTH: mechanism; else the argument, cut */
	struct smtp_judgement judgement;
};

/* The pool of commands, one a worker, count as slab_new(); the caller frees it with slab_free(). */
struct slab *smtp_pool_new(uint32_t count);

enum smtp_fact_kind {
	SMTP_FACT_NONE,      /* the piece is used up */
	SMTP_FACT_RECIPIENT, /* a RCPT's path is complete; command, path valid */
	SMTP_FACT_DEFER,  /* client bytes [at, at + len) of this piece are letters of DATA, LAST or MAIL, or
	                        may become them: `text` and blanks behind it are to be sent. len 0: an end of
	                        data can't be kept from the server in this way; the connection has to end */
	SMTP_FACT_MASK,   /* server bytes [at, at + len) of this piece are line bytes (no CR or LF) of the
	                        reply to a refused command; line_at = position of the first in its line.
	                        Only of lines that begin with '2' or '5', only while certain */
	SMTP_FACT_REPLY,  /* a reply is complete; command (NULL = nobody asked), reply */
	SMTP_FACT_TX_END, /* the transaction tx_id is over: `end` */
	SMTP_FACT_TLS,    /* both sides have sent TLS records; tls */
	SMTP_FACT_EOD,    /* readers differ about where a body ends (smtp/eod.h), told in time; eod, tx_id */
	SMTP_FACT_ODD,    /* odd */
};

struct smtp_fact {
	enum smtp_fact_kind kind;
	uint32_t at, len, line_at;
	struct smtp_command *command; /* RECIPIENT, MASK, REPLY; valid until the next call */
	const char *text;             /* DEFER: up to len bytes, static, terminated */
	const char *path;             /* RECIPIENT: whole path, up to SMTP_LINE_MAX, not terminated */
	uint32_t path_len;
	uint64_t verb_offset;     /* RECIPIENT: client stream offset of the 'R' */
	uint64_t path_offset;     /* RECIPIENT: client stream offset of its first byte */
	uint64_t path_end_offset; /* RECIPIENT: client stream offset of the last byte of the path's text: the
	                             one before the closing '>' (or the line's last, before CRLF) */
	bool path_closed;         /* RECIPIENT: by a '>', which comes behind that byte */
	bool late;                /* RECIPIENT, EOD: read only after its bytes were long gone */
	struct event_reply reply; /* REPLY; sent_us from the command */
	uint8_t final_data;       /* REPLY to BODY or BDAT LAST */
	bool header_is_its;       /* REPLY: dialogue_header() is that of the mail it is about */
	uint8_t starttls_offered; /* REPLY to EHLO */
	uint8_t starttls_masked;  /* REPLY to EHLO: the offer was overwritten on the way */
	uint32_t tx_id;           /* REPLY, EOD and TX_END: transaction it belongs to, 0 = none */
	enum event_end end;
	struct event_tls tls;
	struct event_odd_what odd;
	struct event_eod eod;
};

/* Inner state; callers use the functions below only. */
struct dialogue;
struct header;
/* Size in bytes, for callers that keep dialogues in their own pools (16-byte aligned). */
uint32_t dialogue_size(void);
/* midstream: the start was missed; nothing is pending, commands count only after a server reply has
 * been seen (DESIGN 8). */
void dialogue_init(struct dialogue *d, struct slab *pool, bool midstream);
/* Gives pending entries back to the pool. */
void dialogue_fini(struct dialogue *d);

/* Reads from bytes[0, len) of `side` at time now_us; *used tells how much was consumed (the next
 * call continues there, also when *used is len: facts may still be due). */
enum smtp_fact_kind dialogue_push(struct dialogue *d, enum smtp_side side, const uint8_t *bytes, uint32_t len,
        uint64_t now_us, uint32_t *used, struct smtp_fact *fact);
/* `len` bytes of `side` are missing for ever (capture with a hole). Afterwards nothing is certain, and
 * nothing is read until a server reply resynchronises; the next calls of dialogue_push() (or _end())
 * tell the pending commands as unanswered (code 0) and their transaction as lost. A hole inside a
 * body leaves the transaction open. */
void dialogue_gap(struct dialogue *d, enum smtp_side side, uint64_t len);
/* `len` client bytes, the next ones, pass unread because nobody wants to read them; only when dialogue_may_skip() has said so.
 * Those that belong to the body are taken for the body and its end; replies stay certain. Those behind the end of a
 * chunk are commands that nobody has read: as after dialogue_gap(). */
void dialogue_skip(struct dialogue *d, uint64_t len);
/* The server's side is not to be seen here (a capture of one direction, a route that parts): from now on
 * commands are told as unanswered at once. Not for connections picked up in the middle, where it does nothing. */
void dialogue_unheard(struct dialogue *d);
/* The connection is over: call until it returns SMTP_FACT_NONE; tells unanswered commands
 * (SMTP_FACT_REPLY with code 0) and an open transaction. end: how (END_CLOSED or END_LOST). */
enum smtp_fact_kind dialogue_end(
        struct dialogue *d, enum event_end end, uint64_t now_us, struct smtp_fact *fact);
/* At SMTP_FACT_RECIPIENT, before the next call: marks its command as refused by us. */
void dialogue_refuse(struct dialogue *d, struct smtp_command *command);
/* Whether the greeting counts as refused; without effect once it is told, or after a start in the middle. */
void dialogue_refuse_greeting(struct dialogue *d, bool refuse);
/* The transaction the client is in shall not come to its end: see SMTP_FACT_DEFER. Holds until the server
 * has answered 2xx to a command sent later that begins anew (RSET, HELO, EHLO, MAIL, or the DATA that became
 * a RSET), if its replies are certain to be about the commands that we think (smtp/defer.c). */
void dialogue_defer(struct dialogue *d);

/* Questions. */
bool dialogue_in_body(const struct dialogue *d); /* client bytes now are body */
/* A DATA or BDAT is in flight, or a body: too late to defer the transaction. */
bool dialogue_data_is_out(const struct dialogue *d);
bool dialogue_awaits_end_reply(
        const struct dialogue *d); /* end of data sent (not a deferred one), its reply not yet */
bool dialogue_is_tls(const struct dialogue *d);
bool dialogue_is_certain(const struct dialogue *d); /* seen from the greeting, no gap, every reply matched */
bool dialogue_is_authenticated(const struct dialogue *d); /* 235 seen */
/* Who logs in, or did last: any bytes, not terminated; *len 0 = not known. Valid until the next call. */
const char *dialogue_user(const struct dialogue *d, uint32_t *len, bool *cut);
/* The client has sent bytes that are not read as commands, though its server may take them for some:
 * no honest client does, or has to go on after. Stays so. They are: more commands than can be kept, TLS records that nobody
 * agreed on or that the server answers in clear, chunks that the server did not offer to take or behind a line that ended at a bare LF (to some
 * servers it did not), a BDAT of which servers differ how many bytes it announces, and behind DATA, before its reply, more than SMTP_EARLY_MAX bytes or a RCPT. */
bool dialogue_is_blind(const struct dialogue *d);
/* The client is in a body of which it has sent `read` bytes, or more, and the rest of which may pass unread: the next reply tells
 * its end. Chunks are that only when they are long and the last one, since others are sent one behind the other. */
bool dialogue_may_skip(const struct dialogue *d, uint64_t read);
/* How many client bytes, from the next one on, belong to the body for sure; UINT64_MAX: up to the next reply. */
uint64_t dialogue_skip_room(const struct dialogue *d);
/* While dialogue_in_body(): client stream offset of the first byte of this body, or of this chunk. */
uint64_t dialogue_body_from(const struct dialogue *d);
bool dialogue_in_chunk(const struct dialogue *d); /* the body is counted: nothing in it ends it */
uint32_t dialogue_transactions(const struct dialogue *d);
/* Header of the message read last, as far as it was read. */
const struct header *dialogue_header(const struct dialogue *d);

#endif
