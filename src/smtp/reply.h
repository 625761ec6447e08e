/* reply.h - lines of the server to replies, multi-line ones too (RFC 5321 4.2.1). */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/event.h"

/* Bytes of a reply line that are looked at: code, separator and the text that is kept. */
enum { REPLY_LINE_MAX = 4 + EVENT_TEXT_MAX };

enum reply_result { REPLY_MORE, REPLY_DONE, REPLY_BAD };

struct reply {
	uint16_t code;          /* of the line read last: clients go by the final line's */
	uint16_t lines;         /* stops counting at 65535 */
	bool open;              /* begun, its last line is missing */
	bool starttls;          /* some line offered STARTTLS */
	bool masked;            /* some line has STARTTLS overwritten by X, as routers do it (XXXXXXXA) */
	bool chunking;          /* some line offered CHUNKING */
	struct event_text text; /* first line, behind code and separator */
};

/* Takes a line (its first REPLY_LINE_MAX bytes; `cut`: it had more). REPLY_BAD: no reply line; it is
 * skipped, a reply that was open stays so. */
enum reply_result reply_push(struct reply *r, const uint8_t *line, uint32_t len, bool cut);

#endif
