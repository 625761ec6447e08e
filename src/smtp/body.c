/* body.c - the body of a message, at the speed of memory.
 *
 * Where it ends, and where others may think that it ends, is eod.c's; here the dots of transparency (RFC 5321
 * 4.5.2) are undone, so that size and header are those of the message. They are undone as a strict reader does
 * it: a bare LF or CR never ends a line.
 *
 * Sources: RFC 5321 4.1.1.4, 4.5.2; RFC 3030.
 */
#include "smtp/body.h"

void body_begin(struct body *b)
{
	b->size_bytes = 0;
	b->left_bytes = 0;
	eod_begin(&b->eod);
	header_begin(&b->header);
}

void body_begin_chunk(struct body *b, uint64_t bytes)
{
	b->left_bytes = bytes;
}

void body_gap(struct body *b)
{
	eod_gap(&b->eod);
	header_end(&b->header);
}

/* Content of the message, in order; dots undone. */
static void take_content(struct body *b, const uint8_t *bytes, uint32_t len)
{
	b->size_bytes += len;
	if (!header_is_over(&b->header))
		header_push(&b->header, bytes, len);
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
