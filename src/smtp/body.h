/* body.h - the body of a message: where it ends (eod.h), how long it is, its header (header.h).
 *
 * A DATA body ends at CRLF "." CRLF and nowhere else (RFC 5321 4.1.1.4); a BDAT chunk after its
 * count of bytes (RFC 3030). Nothing of it is kept but what header.h names.
 */
#ifndef SMTP_BODY_H
#define SMTP_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "smtp/eod.h"
#include "smtp/header.h"

struct body {
	uint64_t size_bytes; /* so far; transparency dots and the end not counted */
	uint64_t left_bytes; /* of the chunk, BDAT */
	struct eod eod;
	struct header header;
};

/* A new message. */
void body_begin(struct body *b);
/* BDAT: another chunk of the same message. */
void body_begin_chunk(struct body *b, uint64_t bytes);
/* Some bytes are missing for ever: the next ones may lie anywhere in a line. */
void body_gap(struct body *b);

/* Reads bytes[0, len) of a DATA body, the first at `offset` of the stream; returns how many belong to it. *end: the last
 * of them ended it. */
uint32_t body_push(struct body *b, const uint8_t *bytes, uint32_t len, uint64_t offset, bool *end);
/* The same for a chunk. */
uint32_t body_push_chunk(struct body *b, const uint8_t *bytes, uint32_t len, bool *end);

#endif
