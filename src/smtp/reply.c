/* reply.c - lines of the server to replies.
 *
 * Only what is told is kept, so a reply may have any number of lines. Separators other than blank
 * and '-' are no reply; a code alone is (RFC 5321 4.2: clients take it).
 */
#include "smtp/reply.h"

#include <string.h>
#include <strings.h>

/* The code, or 0: three digits, 200 to 599. */
static uint16_t parse_code(const uint8_t *line, uint32_t len)
{
	uint32_t i, code = 0;

	if (len < 3 || line[0] < '2' || line[0] > '5')
		return 0;
	for (i = 0; i < 3; i++) {
		if (line[i] < '0' || line[i] > '9')
			return 0;
		code = code * 10 + (uint32_t)(line[i] - '0');
	}
	return (uint16_t)code;
}

static bool is_keyword(const char *keyword, const uint8_t *text, uint32_t len)
{
	uint32_t n = (uint32_t)strlen(keyword);

	return len >= n && strncasecmp((const char *)text, keyword, n) == 0 && (len == n || text[n] == ' ');
}

/* Cisco's ESMTP inspection overwrites keywords it does not know: all X, the last letter at will. */
static bool is_masked_starttls(const uint8_t *text, uint32_t len)
{
	static const char mask[] = "XXXXXXX";

	return len == sizeof("STARTTLS") - 1 && memcmp(text, mask, sizeof(mask) - 1) == 0;
}

enum reply_result reply_push(struct reply *r, const uint8_t *line, uint32_t len, bool cut)
{
	uint16_t code = parse_code(line, len);
	uint8_t separator = len > 3 ? line[3] : ' ';

	if (code == 0 || (separator != ' ' && separator != '-' && separator != '\t'))
		return REPLY_BAD;
	line += len > 3 ? 4 : 3;
	len -= len > 3 ? 4 : 3;
	if (!r->open) {
		*r = (struct reply) { 0 };
		r->text.cut = cut || len > EVENT_TEXT_MAX;
		r->text.len = (uint16_t)(len > EVENT_TEXT_MAX ? EVENT_TEXT_MAX : len);
		memcpy(r->text.bytes, line, r->text.len);
	}
	r->code = code;
	if (r->lines < UINT16_MAX)
		r->lines++;
	r->starttls = r->starttls || is_keyword("STARTTLS", line, len);
	r->masked = r->masked || is_masked_starttls(line, len);
	r->chunking = r->chunking || is_keyword("CHUNKING", line, len);
	r->open = separator == '-';
	return r->open ? REPLY_MORE : REPLY_DONE;
}
