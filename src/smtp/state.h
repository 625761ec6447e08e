/* state.h - what a dialogue remembers; shared by dialogue.c, client.c and server.c, no one else.
 *
 * client.c reads client bytes and puts commands into `pending`; server.c reads replies and takes
 * them out; both leave what is to be told in `due`, and dialogue.c tells it. Nothing more is read
 * from either side before `due` is empty: facts may point into the line buffers.
 *
 * A transaction is known twice: as the client believes it to be when it sends a command
 * (`client_tx`), and as the server's replies have made it (`open_tx`). When nothing is in flight the
 * client knows what the server knows, and the first becomes the second.
 */
#ifndef SMTP_STATE_H
#define SMTP_STATE_H

#include "smtp/auth.h"
#include "smtp/body.h"
#include "smtp/command.h"
#include "smtp/line.h"
#include "smtp/pool.h"
#include "smtp/reply.h"
#include "smtp/tls.h"
#include "smtp/tunnel.h"

/* How client bytes are read now. */
enum client_mode {
	CLIENT_START,    /* nothing read yet: PROXY v2 header, TLS, or commands */
	CLIENT_SKIP,     /* rest of a PROXY v2 header, `skip` bytes */
	CLIENT_COMMANDS, /* lines */
	CLIENT_HELD,     /* behind DATA, whose reply is not known: kept in `store` */
	CLIENT_BODY,     /* up to CRLF.CRLF */
	CLIENT_CHUNK,    /* BDAT: counted */
	CLIENT_STARTTLS, /* behind STARTTLS, the 220 is not there yet */
	CLIENT_TLS_NEXT, /* behind the 220 */
	CLIENT_TLS,      /* TLS records */
	CLIENT_MODE_COUNT
};

enum { DUE_MAX = 16, HELLO_CLIENT_MAX = 2560, HELLO_SERVER_MAX = SMTP_EARLY_MAX - HELLO_CLIENT_MAX };
enum { UNEXPLAINED_MAX = 8 }; /* are counted */

/* A fact to be told, before it is written out. */
struct due {
	uint8_t kind;     /* enum smtp_fact_kind */
	uint8_t what;     /* ODD: enum event_odd; TX_END: enum event_end */
	uint8_t side;     /* ODD */
	bool late;        /* RECIPIENT, EOD */
	uint8_t extra;    /* ODD: event_odd_what.unexplained */
	bool unanswered;  /* REPLY: code 0 */
	bool give_back;   /* REPLY: the command goes back to the pool after it */
	bool final_data;  /* REPLY */
	uint32_t command; /* RECIPIENT, REPLY; 0 = none */
	uint32_t tx_id;   /* REPLY, EOD, TX_END */
	uint32_t at, len; /* MASK, DEFER: in the caller's piece; ODD: bytes of that side's line */
	uint32_t line_at; /* MASK */
	const char *text; /* DEFER */
	uint64_t offset;  /* ODD */
};

/* Bytes of one side as they are being read. */
struct piece {
	const uint8_t *bytes;
	uint32_t len;    /* >= 1 */
	uint32_t at;     /* of bytes[0] in what the caller pushed */
	uint64_t offset; /* of bytes[0] in the stream of its side */
	uint64_t now_us;
	bool late; /* held back since it was pushed */
};

struct dialogue {
	struct slab *pool;
	struct fifo pending;   /* waiting for their replies */
	struct fifo abandoned; /* will never be answered; being told as such */
	uint32_t told;         /* told by the last call, goes back to the pool at the next */
	uint32_t reading;      /* RCPT whose path has been told while its line goes on */
	uint64_t offset[2];    /* bytes of each side read so far */
	uint8_t mode;          /* enum client_mode */
	uint8_t abandon_end;   /* enum event_end for transactions of `abandoned` */
	bool abandoning;       /* `abandoned` has to be told */
	bool certain;          /* dialogue_is_certain() */
	bool synced;           /* commands count; false: not before the next reply */
	bool midstream;
	bool is_tls, authenticated, lmtp;
	bool server_talks_tls; /* the server's bytes are TLS records */
	bool tls_agreed;       /* STARTTLS got its 220 */
	bool challenged;       /* 334: the next client line is a response */
	bool auth_seen;        /* some AUTH was sent: unknown words may be secrets */
	bool body_refused;     /* DATA was refused: unknown lines may be the body of a client that went on */
	bool early_talk_told, pending_full_told;
	bool early_talk, early_body; /* oddities that are told once the server answers */
	bool injection;              /* bytes behind STARTTLS, not told yet */
	bool skip_line;              /* the rest of the client's line is not to be read */
	bool server_skip_line;
	bool chunking;         /* BDAT sent, its LAST not yet */
	bool end_accepted;     /* LMTP: one of the replies to the end of data was 2xx */
	bool body_gapped;      /* the body read now has a hole: its end may have been in it */
	bool held_full;        /* `store` was too small, bytes behind it are lost */
	bool ending;           /* dialogue_end() has begun */
	bool blind;            /* dialogue_is_blind() */
	bool eod_seen;         /* SMTP_FACT_EOD was told */
	bool skimmed;          /* dialogue_skip(): commands may have passed with a body */
	bool body_skipped;     /* some of the body read now, its end with it as far as we know */
	uint8_t unexplained;   /* replies since then that say yes to nothing we know of */
	bool chunking_offered; /* by the last EHLO's reply */
	bool unheard;          /* dialogue_unheard() */
	bool no_tunnel;        /* the server's side has begun with its own words */
	bool bare_lf;          /* some command line ended at a bare LF */
	bool miscounted;       /* some command line may have been none or several to the server */
	bool deferring;        /* dialogue_defer() */
	bool left_open;        /* a BDAT has lost its LAST: the server is still in that transaction */
	uint8_t defer_letters; /* of the client's line: letters of the word told as SMTP_FACT_DEFER */
	uint32_t bare_end;     /* of the client's line: where a path ended that a CR ended; 0 = none */

	/* transactions */
	uint32_t tx_count;
	uint32_t client_tx, client_rcpts;
	uint32_t open_tx, open_rcpts, open_accepted;
	bool tx_refused;       /* DATA or a chunk was refused and nothing has mended it since */
	uint32_t refused_tx;   /* MAIL refused: ends when no command of it is in flight */
	uint32_t ends_pending; /* those of `pending` that end a mail: ends_data() */

	/* what is being read */
	struct line line, server_line;
	struct command_scan scan;
	struct reply reply;
	struct body body;
	struct tls_side tls_client, tls_server;
	struct tunnel tunnel;
	uint64_t early_talk_at, early_body_at; /* client stream offsets */
	uint64_t skip;
	uint64_t proxy_until;        /* client stream offset up to which a PROXY v2 header is watched */
	uint8_t proxy_matched;       /* letters of "RCPT" just read in it */
	uint32_t held_from, held_to; /* in `store` */
	uint64_t held_offset;        /* stream offset of held_from */
	uint64_t body_from;          /* dialogue_body_from() */
	uint64_t defer_from;         /* deferring: what begins anew has to be sent at or behind this offset */

	unsigned due_count, due_next;
	struct due due[DUE_MAX];

	struct auth auth; /* of the last AUTH */

	/* Not zeroed at the start: untouched memory costs nothing. The client's line, or bytes held
	 * back (a line read from them is written in front of where they are read), or both hellos. */
	uint8_t server_store[REPLY_LINE_MAX];
	uint8_t store[SMTP_EARLY_MAX];
};

/* Reads from a piece, at least one byte unless the mode has changed. Returns the bytes used. */
uint32_t client_read(struct dialogue *d, const struct piece *p);
uint32_t server_read(struct dialogue *d, const struct piece *p);

/* Things client.c does that replies call for. */
void client_begin_body(struct dialogue *d);
void client_body_done(struct dialogue *d, uint64_t offset, uint64_t now_us);
void client_drop_line(struct dialogue *d); /* forgets the line begun */
void client_tell_injection(struct dialogue *d);

/* Things dialogue.c does for both. */
/* An end of data that reaches the server: a BDAT whose LAST is taken away is a chunk in the middle of a mail to it. */
static inline bool ends_data(const struct smtp_command *c)
{
	return c->verb == SMTP_VERB_BODY || (c->verb == SMTP_VERB_BDAT && c->last && !c->judgement.refused);
}

struct due *due_add(struct dialogue *d, enum smtp_fact_kind kind);
/* The reply to this command that will never come; it goes back to the pool behind it. */
struct due *due_add_unanswered(struct dialogue *d, uint32_t id);
void due_add_odd(struct dialogue *d, enum event_odd what, enum smtp_side side, uint64_t offset, uint32_t at,
        uint32_t len);
/* Tells what the body's two readers differ about, if it is to be told now (eod_take()). */
void due_add_eod(struct dialogue *d, bool over, bool late);
/* Everything pending will never be answered; the open transaction ends with `end`. */
void dialogue_abandon(struct dialogue *d, enum event_end end);
/* Ends the open transaction, if there is one. */
void dialogue_end_tx(struct dialogue *d, enum event_end end);
/* Ends a transaction whose MAIL was refused, once no command of it is in flight. */
void dialogue_end_refused_tx(struct dialogue *d);
void dialogue_append(struct dialogue *d, uint32_t id);
/* Nothing can be said with certainty any more, in this connection. */
void dialogue_lose(struct dialogue *d);
/* TLS records of one side. False: they are none, after *used bytes. */
bool dialogue_push_tls(struct dialogue *d, enum smtp_side side, const struct piece *p, uint32_t *used);
/* defer.c: tells letters of the client's line that are to be replaced, as they come. The first `used` bytes of
 * the piece belong to it and are new. */
void defer_tell_letters(struct dialogue *d, const struct piece *p, uint32_t used);
/* In the client's line words are to be replaced, or have begun to be. */
static inline bool defer_is_on(const struct dialogue *d)
{
	return d->deferring || d->defer_letters > 0;
}
/* A command is complete that must not reach the server as it is: a word of it was replaced, or it is too late. */
void defer_command(struct dialogue *d, struct smtp_command *c);
/* So is one of no known verb, of which all of a word may have been replaced. */
void defer_unknown(struct dialogue *d, struct smtp_command *c);
/* unheard.c: of a dialogue whose server is not seen: true if there is something new, told or to be read. */
bool unheard_tell(struct dialogue *d);
/* The server has begun anew at the request of this command. */
void dialogue_begin_anew(struct dialogue *d, const struct smtp_command *c);
/* It was not TLS after all: back to clear text. */
void dialogue_leave_tls(struct dialogue *d);

#endif
