/* eod.h - where a DATA body ends: a strict and a lenient reader side by side.
 *
 * The strict one is RFC 5321's: CRLF "." CRLF. The lenient one takes every dot between two line breaks of
 * whatever kind, which is what some server somewhere does. Where they differ, what follows is body to us
 * and may be commands to that server (SMTP smuggling). The lenient reader therefore goes on to look whether
 * it reads like commands. Pieces of any size; the results are the same however the body is cut.
 */
#ifndef SMTP_EOD_H
#define SMTP_EOD_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/event.h"

enum { EOD_BYTES_MAX = 24, EOD_LINE_MAX = 40 };

/* What a byte is. HELD is the CR behind a strictly read dot, which may be half of the end; LATE: that CR
 * was content after all, and so is this byte. */
enum eod_step { EOD_CONTENT, EOD_TRANSPARENCY, EOD_HELD, EOD_LATE, EOD_END };

/* A line break; no line break is kind EOD_NO_BREAK. */
struct eod_break {
	uint8_t kind;
	uint8_t crs; /* CRs in a row, at most 2 are counted */
	bool nul;    /* a NUL in it or behind it */
};

/* An end of the body to the lenient reader alone. */
struct eod_found {
	uint8_t what; /* enum event_eod_what */
	bool hides;   /* commands follow */
	uint8_t len;  /* of bytes */
	bool cut;     /* runs of CR or NUL in it are longer than that, or it has text behind a NUL */
	uint8_t bytes[EOD_BYTES_MAX];
	uint32_t count;          /* of such ends in this body */
	uint64_t offset;         /* of its first byte */
	uint64_t command_offset; /* hides: of the first letter */
	const char *command;     /* hides: its verb, static */
};

struct eod {
	uint8_t phase;
	struct eod_break before, after; /* the dot */
	bool nul_behind;                /* a NUL behind the dot */
	bool settled;                   /* counted already */
	bool cut;
	uint8_t told;
	uint8_t len, dot_at; /* of the sequence being read, and the dot in it */
	uint8_t bytes[EOD_BYTES_MAX];
	uint64_t offset; /* of its first byte */
	uint64_t dot_offset;

	struct eod_found found;
	bool first_line; /* no line has been read since */
	bool blank;      /* the last byte of the line was one */
	bool dull;       /* the line is no command, whatever follows in it */
	uint8_t line_len;
	char line[EOD_LINE_MAX]; /* in capitals, runs of blanks as one */
	uint64_t line_offset;
};

/* Part of a line break, to some server. */
static inline bool eod_is_break(uint8_t byte)
{
	return byte == '\n' || byte == '\r' || byte == 0;
}

/* A body begins, right behind a CRLF. */
void eod_begin(struct eod *e);
/* The next byte may lie anywhere in a line. What was found stays. */
void eod_gap(struct eod *e);
/* How many of bytes[0, len) are content and nothing else, at the speed of memory; those need no eod_step(). */
uint32_t eod_skip(const struct eod *e, const uint8_t *bytes, uint32_t len);
/* Reads a byte. offset: its own, in the stream. Not after EOD_END. */
enum eod_step eod_step(struct eod *e, uint8_t byte, uint64_t offset);
/* The server has answered now: what has been read is all that it has read. */
void eod_settle(struct eod *e);
/* The readers differ about this body: to be told now, once when nothing follows any more (`over`: the body has ended, or the
 * server has answered it), and once as soon as commands follow. It is the sequence right before them, else
 * the last. NULL = nothing is to be told. */
const struct eod_found *eod_take(struct eod *e, bool over);

#endif
