/* line.h - the lines of one side: bytes in pieces of any size, one line at a time.
 *
 * CRLF ends a line, and so does a bare LF (servers take it; it is noted). A bare CR is a byte like
 * any other (noted). The caller owns the buffer; what does not fit is counted and skipped.
 */
#ifndef SMTP_LINE_H
#define SMTP_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* What a line may have that it should not; the first place of each is kept. */
enum line_oddity { LINE_BARE_LF, LINE_BARE_CR, LINE_NUL, LINE_BINARY, LINE_TOO_LONG, LINE_ODDITY_COUNT };

struct line {
	uint64_t offset; /* of the line's first byte in the stream of its side */
	uint64_t length; /* bytes of text so far, those not kept included */
	uint32_t kept;   /* of them in the buffer */
	uint8_t odd;     /* 1 << enum line_oddity */
	bool cr;         /* the last byte was a CR that may yet turn out to be half of a CRLF */
	bool done;       /* the line is complete; the next push starts another */
	uint64_t odd_at[LINE_ODDITY_COUNT]; /* position in the line */
};

/* Nothing read, no line begun. */
void line_init(struct line *l);
/* Reads up to the end of the line (l->done) or, if stop is not 0, up to and with the next such
 * byte, or all of bytes[0, len), len >= 1. `offset` is that of bytes[0]. Returns the bytes read.
 * buffer may be the memory bytes lie in, if it starts no later. */
uint32_t line_push(struct line *l, uint8_t *buffer, uint32_t capacity, const uint8_t *bytes, uint32_t len,
        uint64_t offset, int stop);
/* A line has been begun and is not complete. */
bool line_is_open(const struct line *l);
/* Notes control bytes and bytes that are not UTF-8 (SMTPUTF8 is no oddity) of a complete line. */
void line_judge_bytes(struct line *l, const uint8_t *buffer);

#endif
