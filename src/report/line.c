/* line.c - see line.h. */
#include "report/line.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { UNIT_MAX = 8 }; /* bytes that one character becomes: a backslash before each of \xNN */

static const char cut_mark[] = "...";

void line_print(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(l->out + l->used, l->room - l->used, format, args);
	va_end(args);
	if (n > 0)
		l->used += (size_t)n < l->room - l->used ? (size_t)n : l->room - l->used - 1;
}

bool line_keep_whole(struct line *l, size_t used_before)
{
	if (l->used < l->room - 1) /* what does not fit leaves no byte */
		return true;
	l->used = used_before;
	l->out[l->used] = '\0';
	return false;
}

static size_t put_marked(const struct line_escape *escape, const char *text, char *unit)
{
	size_t len = 0;

	for (; *text; text++) {
		if (strchr(escape->marked, *text))
			unit[len++] = '\\';
		unit[len++] = *text;
	}
	return len;
}

static size_t char_len(const char *at)
{
	uint8_t lead = (uint8_t)*at;
	size_t len = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4, i;

	for (i = 1; i < len; i++)
		if (at[i] == '\0')
			break;
	return i;
}

/* The character at `at`, as it is written; *taken: its bytes. */
static size_t unit_of(
        const struct line_escape *escape, const char *at, size_t *taken, char unit[UNIT_MAX + 1])
{
	char plain[UNIT_MAX];
	const char *instead = *at == '\n' ? escape->newline : *at == '\r' ? escape->ret : NULL;

	*taken = char_len(at);
	if (instead)
		return (size_t)snprintf(unit, UNIT_MAX + 1, "%s", instead);
	if ((uint8_t)*at < ' ' || *at == 0x7f)
		snprintf(plain, sizeof(plain), "\\x%02x", (uint8_t)*at);
	else
		snprintf(plain, sizeof(plain), "%.*s", (int)*taken, at);
	return put_marked(escape, plain, unit);
}

static size_t escaped_len(const struct line_escape *escape, const char *text)
{
	char unit[UNIT_MAX + 1];
	size_t len = 0, taken;

	for (; *text; text += taken)
		len += unit_of(escape, text, &taken, unit);
	return len;
}

void line_text(struct line *l, const struct line_escape *escape, const char *text, size_t most)
{
	size_t free_bytes = l->room - l->used - 1, end, taken, len;
	char unit[UNIT_MAX + 1];
	bool cut;

	l->out[l->used] = '\0';
	if (most > free_bytes)
		most = free_bytes;
	cut = escaped_len(escape, text) > most;
	if (cut && most < strlen(cut_mark))
		return;
	end = l->used + most - (cut ? strlen(cut_mark) : 0);
	for (; *text; text += taken) {
		len = unit_of(escape, text, &taken, unit);
		if (l->used + len > end)
			break;
		memcpy(l->out + l->used, unit, len);
		l->used += len;
	}
	l->out[l->used] = '\0';
	if (cut)
		line_print(l, "%s", cut_mark);
}
