/* body.c - the body of a message, at the speed of memory.
 *
 * Where it ends, and where others may think that it ends, is eod.c's; here the dots of transparency (RFC 5321
 * 4.5.2) are undone, so that size and header are those of the message. They are undone as a strict reader does
 * it: a bare LF or CR never ends a line.
 *
 * The header is read for Message-ID only, up to its empty line; there a bare LF counts as a line's
 * end, since a wrong guess costs no more than a missing Message-ID.
 *
 * Sources: RFC 5321 4.1.1.4, 4.5.2; RFC 3030; RFC 5322 2.2, 3.6.4.
 */
#include "smtp/body.h"

#include <string.h>

/* NAME: comparing the field's name. VALUE: keeping its value. FOLDED: the value was empty, it may
 * follow on the next line. SKIP: another field, or another line of it. OVER: header read. */
enum header_state { HEADER_NAME, HEADER_VALUE, HEADER_FOLDED, HEADER_SKIP, HEADER_OVER };

static const char field[] = "message-id:";

void body_begin(struct body *b)
{
	b->size_bytes = 0;
	b->left_bytes = 0;
	eod_begin(&b->eod);
	b->header_state = HEADER_NAME;
	b->matched = 0;
	b->message_id.len = 0;
	b->message_id.cut = 0;
}

void body_begin_chunk(struct body *b, uint64_t bytes)
{
	b->left_bytes = bytes;
}

void body_gap(struct body *b)
{
	eod_gap(&b->eod);
	b->header_state = HEADER_OVER;
}

/* ---- header ------------------------------------------------------------------------------------ */

static void keep_value(struct event_path *value, uint8_t byte)
{
	if ((byte == ' ' || byte == '\t') && value->len == 0)
		return;
	if (value->len < sizeof(value->bytes))
		value->bytes[value->len++] = (char)byte;
	else
		value->cut = 1;
}

static void end_header_line(struct body *b)
{
	struct event_path *value = &b->message_id;

	if (b->header_state == HEADER_FOLDED || (b->header_state == HEADER_NAME && b->matched == 0)) {
		b->header_state = HEADER_OVER; /* the empty line */
		return;
	}
	if (b->header_state == HEADER_VALUE) {
		while (value->len > 0 &&
		        (value->bytes[value->len - 1] == ' ' || value->bytes[value->len - 1] == '\t'))
			value->len--;
		b->header_state = value->len > 0 ? HEADER_OVER : HEADER_FOLDED;
		return;
	}
	b->header_state = HEADER_NAME;
	b->matched = 0;
}

static void read_header_byte(struct body *b, uint8_t byte)
{
	uint8_t small = (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);

	if (byte == '\n') {
		end_header_line(b);
	} else if (byte == '\r') {
		; /* part of the line's end; alone it means nothing in a field */
	} else if (b->header_state == HEADER_VALUE) {
		keep_value(&b->message_id, byte);
	} else if (b->header_state == HEADER_FOLDED && (byte == ' ' || byte == '\t')) {
		b->header_state = HEADER_VALUE;
	} else if (small == (uint8_t)field[b->header_state == HEADER_FOLDED ? 0 : b->matched]) {
		b->matched = (uint8_t)(b->header_state == HEADER_FOLDED ? 1 : b->matched + 1);
		b->header_state = field[b->matched] ? HEADER_NAME : HEADER_VALUE;
	} else {
		b->header_state = HEADER_SKIP;
	}
}

/* Content of the message, in order; dots undone. */
static void take_content(struct body *b, const uint8_t *bytes, uint32_t len)
{
	uint32_t i;

	b->size_bytes += len;
	for (i = 0; i < len && b->header_state != HEADER_OVER; i++) {
		if (b->header_state == HEADER_SKIP) {
			const uint8_t *lf = memchr(bytes + i, '\n', len - i);

			if (!lf)
				return;
			i = (uint32_t)(lf - bytes);
		}
		read_header_byte(b, bytes[i]);
	}
}

/* ---- end of data --------------------------------------------------------------------------------- */

uint32_t body_push(struct body *b, const uint8_t *bytes, uint32_t len, uint64_t offset, bool *end)
{
	uint32_t at = 0, taken = 0; /* content up to here is in the books */
	enum eod_step step;

	*end = false;
	while (at < len && !*end) {
		at += eod_skip(&b->eod, bytes + at, len - at);
		if (at == len)
			break;
		step = eod_step(&b->eod, bytes[at], offset + at);
		at++;
		if (step == EOD_CONTENT)
			continue;
		take_content(b, bytes + taken, at - 1 - taken);
		if (step == EOD_LATE)
			take_content(b, (const uint8_t *)"\r", 1);
		taken = step == EOD_LATE ? at - 1 : at;
		*end = step == EOD_END;
	}
	take_content(b, bytes + taken, at - taken);
	return at;
}

uint32_t body_push_chunk(struct body *b, const uint8_t *bytes, uint32_t len, bool *end)
{
	uint32_t n = len < b->left_bytes ? len : (uint32_t)b->left_bytes;

	take_content(b, bytes, n);
	b->left_bytes -= n;
	*end = b->left_bytes == 0;
	return n;
}
