/* header.h - the header of a message, as far as anybody here wants to know it: its Message-ID, and what its
 * Received lines show of the inside of a network. Nothing else of it is kept.
 */
#ifndef SMTP_HEADER_H
#define SMTP_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/event.h"

enum { HEADER_LEAKS_MAX = 4, HEADER_TOKEN_MAX = 63 };

/* A private address in some Received line (RFC 1918, RFC 4193, RFC 6598, link-local), or a name that means
 * nothing outside ("pc7.lan") in the first, which the sending server itself has added. Terminated. */
struct header_leak {
	bool is_name;
	char text[HEADER_TOKEN_MAX + 1];
};

struct header {
	uint8_t state;
	uint8_t field;      /* the line belongs to it */
	uint8_t candidates; /* of a name begun: a bit for each field it may still become */
	uint8_t matched;    /* its letters so far */
	uint8_t received;   /* Received lines so far, 255 = many */
	uint8_t leak_count;
	bool message_id_seen;
	uint8_t token_len; /* of a word in a Received line; more than HEADER_TOKEN_MAX: too long */
	char token[HEADER_TOKEN_MAX];
	struct header_leak leaks[HEADER_LEAKS_MAX];
	struct event_path message_id; /* of the first such field, without blanks around it; len 0 = none */
};

/* A new message. */
void header_begin(struct header *h);
/* Bytes are missing: what follows is not read as header any more. */
void header_end(struct header *h);
/* Content of the message in order, dots undone. The first empty line ends the header; a bare LF counts as a
 * line's end, since a wrong guess costs no more than a missing Message-ID. */
void header_push(struct header *h, const uint8_t *bytes, uint32_t len);
bool header_is_over(const struct header *h);

#endif
