/* line.c - bytes to lines.
 *
 * Byte by byte: the lines of commands and replies are short, and every byte has to be looked at
 * for NUL and bare CR anyway. Bodies never come through here (body.c).
 *
 * A CR is held back until the next byte shows whether it ends the line, so that "\r" | "\n" cut in
 * two reads like "\r\n".
 *
 * Sources: RFC 5321 2.3.8 (lines), 4.5.3.1 (sizes); RFC 3629 (UTF-8).
 */
#include "smtp/line.h"

static void note(struct line *l, enum line_oddity what, uint64_t at)
{
	if (l->odd & 1u << what)
		return;
	l->odd |= (uint8_t)(1u << what);
	l->odd_at[what] = at;
}

void line_init(struct line *l)
{
	*l = (struct line) { .done = true };
}

bool line_is_open(const struct line *l)
{
	return !l->done;
}

static void keep(struct line *l, uint8_t *buffer, uint32_t capacity, uint8_t byte)
{
	if (byte == 0)
		note(l, LINE_NUL, l->length);
	if (l->kept < capacity)
		buffer[l->kept++] = byte;
	else
		note(l, LINE_TOO_LONG, l->length);
	l->length++;
}

uint32_t line_push(struct line *l, uint8_t *buffer, uint32_t capacity, const uint8_t *bytes, uint32_t len,
        uint64_t offset, int stop)
{
	uint32_t i;

	if (l->done)
		*l = (struct line) { .offset = offset };
	for (i = 0; i < len; i++) {
		uint8_t byte = bytes[i];

		if (byte == '\n') {
			if (!l->cr)
				note(l, LINE_BARE_LF, l->length);
			l->cr = false;
			l->done = true;
			return i + 1;
		}
		if (l->cr) {
			note(l, LINE_BARE_CR, l->length);
			keep(l, buffer, capacity, '\r');
		}
		l->cr = byte == '\r';
		if (!l->cr)
			keep(l, buffer, capacity, byte);
		if (stop && byte == stop)
			return i + 1;
	}
	return len;
}

/* Length of the UTF-8 sequence that begins at p, 0 if none does; more than `left` if all that is left
 * may yet be the start of one. */
static uint32_t utf8_length(const uint8_t *p, uint32_t left)
{
	static const struct {
		uint8_t from, to, length, second_from, second_to;
	} heads[] = { /* RFC 3629 section 4: no overlong form, no surrogate, nothing beyond U+10FFFF */
		{ 0x00, 0x7f, 1, 0x00, 0xff }, { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf },
		{ 0xe1, 0xec, 3, 0x80, 0xbf }, { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
		{ 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f }
	};
	uint32_t h, i;

	for (h = 0; h < sizeof(heads) / sizeof(heads[0]); h++)
		if (p[0] >= heads[h].from && p[0] <= heads[h].to)
			break;
	if (h == sizeof(heads) / sizeof(heads[0]))
		return 0;
	for (i = 1; i < heads[h].length && i < left; i++)
		if (i == 1 ? p[1] < heads[h].second_from || p[1] > heads[h].second_to : (p[i] & 0xc0) != 0x80)
			return 0;
	return heads[h].length;
}

void line_judge_bytes(struct line *l, const uint8_t *buffer)
{
	bool cut = l->odd & 1u << LINE_TOO_LONG;
	uint32_t i, n;

	for (i = 0; i < l->kept; i += n) {
		uint8_t byte = buffer[i];
		bool control = byte == 0x7f || (byte < ' ' && byte != '\t' && byte != '\r' && byte != 0);

		n = utf8_length(buffer + i, l->kept - i);
		if (control || n == 0 || (n > l->kept - i && !cut)) {
			note(l, LINE_BINARY, i);
			return;
		}
	}
}
