/* address_clean.c - a forward-path to bare text: no brackets, no comments, no blanks that mean nothing.
 *
 * Nearly every path is "<", some bytes without meaning of their own, ">"; one pass over it tells, and one copy is all
 * there is to do. The others are walked unit by unit, a unit being a byte, an escaped byte or a quoted string.
 *
 * What servers forgive is forgiven (docs/FORMS.md), with a note that the path is malformed where no honest client
 * writes so: one bracket without the other or in another, a comment left open, blanks between words, control bytes,
 * separators of a list at its ends.
 *
 * Sources: RFC 5321 4.1.2; RFC 5322 3.2.2 (comments, which no SMTP path has, and servers still take);
 * RFC 2156 4.2 (escapes in X.400 addresses, which look like comments).
 */
#include <string.h>

#include "smtp/address_reading.h"

#define LOOSE (MARK_LOOSE | MARK_NO_NAME)
const uint8_t address_marks[256] = {
	[0x00 ... 0x08] = MARKS_CONTROL,
	['\t'] = LOOSE,
	[0x0a ... 0x1f] = MARKS_CONTROL,
	[' '] = LOOSE,
	['!'] = MARK_BANG | MARK_NO_NAME,
	['"'] = MARK_ESCAPE | MARK_NO_NAME,
	['#' ... '$'] = MARK_NO_NAME,
	['%'] = MARK_PERCENT | MARK_NO_NAME,
	['&' ... '\''] = MARK_NO_NAME,
	['(' ... ')'] = LOOSE,
	['*' ... ','] = MARK_NO_NAME,
	['/'] = MARK_NO_NAME,
	[':'] = MARK_COLON | MARK_NO_NAME,
	[';'] = MARK_NO_NAME,
	['<'] = LOOSE,
	['='] = MARK_NO_NAME,
	['>'] = LOOSE,
	['?'] = MARK_NO_NAME,
	['@'] = MARK_AT | MARK_NO_NAME,
	['['] = MARK_NO_NAME,
	['\\'] = MARK_ESCAPE | MARK_NO_NAME,
	[']' ... '^'] = MARK_NO_NAME,
	['`'] = MARK_NO_NAME,
	['{' ... '~'] = MARK_NO_NAME,
	[0x7f] = MARKS_CONTROL,
};

uint8_t address_marks_of(const uint8_t *bytes, uint32_t len)
{
	uint8_t all = 0;
	uint32_t i;

	for (i = 0; i < len; i++)
		all |= address_marks[bytes[i]];
	return all;
}

void address_keep(struct reading *r, uint32_t from, uint32_t to)
{
	r->text += from;
	r->len = to - from;
	r->marks = address_marks_of(r->text, r->len);
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

/* ---- walking over text, minding quotes -------------------------------------------------------- */

/* Steps over one unit at `at`: a quoted string, an escaped byte, or a byte. Returns where it ends. */
static uint32_t next_unit(const uint8_t *bytes, uint32_t at, uint32_t len)
{
	bool in_string = bytes[at] == '"';

	if (bytes[at] == '\\' && at + 1 < len)
		return at + 2;
	if (!in_string)
		return at + 1;
	for (at++; at < len && bytes[at] != '"'; at++)
		if (bytes[at] == '\\')
			at++;
	return at < len ? at + 1 : len;
}

uint32_t address_find(const uint8_t *bytes, uint32_t len, uint8_t wanted, bool last)
{
	uint32_t at, hit = len;

	for (at = 0; at < len; at = next_unit(bytes, at, len)) {
		if (bytes[at] != wanted)
			continue;
		hit = at;
		if (!last)
			break;
	}
	return hit;
}

/* ---- cleaning ---------------------------------------------------------------------------------- */

/* Narrows [*from, *to) to what is inside the angle brackets, whatever stands around them. */
static void strip_brackets(struct reading *r, const uint8_t *path, uint32_t *from, uint32_t *to)
{
	uint32_t open = address_find(path, *to, '<', true), end;

	if (open != address_find(path, *to, '<', false))
		r->malformed = true; /* one inside another */
	if (open < *to)
		*from = open + 1;
	end = *from + address_find(path + *from, *to - *from, '>', false);
	if ((open < *to) != (end < *to))
		r->malformed = true; /* only one of the two */
	*to = end;
}

/* "(a)": an escape in the text of an X.400 address, which begins with '/'. */
static bool is_x400_escape(const struct reading *r, const uint8_t *path, uint32_t at, uint32_t to)
{
	return r->len > 0 && r->text[0] == '/' && to - at >= 3 && path[at + 2] == ')';
}

/* Steps over a comment, which may hold others. Returns where it ends. */
static uint32_t skip_comment(struct reading *r, const uint8_t *path, uint32_t at, uint32_t to)
{
	unsigned depth = 0;

	for (; at < to; at++) {
		if (path[at] == '\\' && at + 1 < to)
			at++;
		else if (path[at] == '(')
			depth++;
		else if (path[at] == ')' && --depth == 0)
			return at + 1;
	}
	r->malformed = true;
	return to;
}

static bool is_special(uint8_t byte)
{
	return byte != 0 && strchr("@,:.%!<>", byte) != NULL;
}

/* Blanks beside a special character mean nothing; between words they are an error. */
static void take_blank(struct reading *r, uint8_t before, uint8_t behind)
{
	if (before != 0 && !is_special(before) && behind != 0 && !is_special(behind))
		r->malformed = true;
}

static void append(struct reading *r, const uint8_t *bytes, uint32_t len)
{
	memcpy(r->text + r->len, bytes, len);
	r->len += len;
}

/* Copies path[from, to) without blanks and comments. */
static void clean_loose(struct reading *r, const uint8_t *path, uint32_t from, uint32_t to)
{
	uint32_t at, end;

	for (at = from; at < to; at = end) {
		if (path[at] == '(' && is_x400_escape(r, path, at, to)) {
			end = at + 3;
		} else if (path[at] == '(') {
			end = skip_comment(r, path, at, to);
			continue;
		} else {
			end = next_unit(path, at, to);
		}
		if (is_blank(path[at])) {
			take_blank(r, r->len > 0 ? r->text[r->len - 1] : 0, end < to ? path[end] : 0);
			continue;
		}
		if (path[at] == ')' || path[at] == '<' || path[at] == '>')
			r->malformed = true;
		append(r, path + at, end - at);
	}
}

static bool is_separator(uint8_t byte)
{
	return byte == ',' || byte == ';' || byte == ':';
}

/* At its ends a path may have what separates the names of a list or a group: Postfix steps over it. */
static void trim_separators(struct reading *r)
{
	uint32_t from = 0, to = r->len;

	while (from < to && is_separator(r->text[from]))
		from++;
	while (to > from && is_separator(r->text[to - 1]))
		to--;
	if (to - from == r->len)
		return;
	r->malformed = true;
	address_keep(r, from, to);
}

void address_clean(struct reading *r, const uint8_t *path, uint32_t len)
{
	uint32_t from = 0, to = len;

	while (from < to && is_blank(path[from]))
		from++;
	if (to - from >= 2 && path[from] == '<' && path[to - 1] == '>' &&
	        !(address_marks_of(path + from + 1, to - from - 2) & MARK_LOOSE)) {
		from++; /* as nearly all are: nothing to look for */
		to--;
	} else {
		strip_brackets(r, path, &from, &to);
	}
	r->marks = address_marks_of(path + from, to - from);
	if (r->marks & MARK_LOOSE)
		clean_loose(r, path, from, to);
	else
		append(r, path + from, to - from);
	if (r->marks & MARK_CONTROL)
		r->malformed = true;
	trim_separators(r);
}
