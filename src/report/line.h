/* line.h - a line of text, put together in a buffer of fixed size, in which foreign words are escaped as its format asks.
 *
 * What has no room is cut at the end of a whole character or escape, and ends in "..." where a word was cut.
 */
#ifndef REPORT_LINE_H
#define REPORT_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct line {
	char *out; /* terminated by line_print() and line_text(); owned by the caller */
	size_t used, room;
};

/* What words must not contain as they are. Whatever controls a terminal or ends a line becomes \xNN (escape.h), unless
 * `newline` and `ret` say otherwise. */
struct line_escape {
	const char *marked;        /* each of these bytes gets a backslash in front */
	const char *newline, *ret; /* in place of LF and CR; NULL: as other control bytes */
};

void line_print(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* text: UTF-8. most: bytes it may take, escapes included. */
void line_text(struct line *l, const struct line_escape *escape, const char *text, size_t most);
/* What was printed since then had no room, and is taken back: a part is there whole or not at all. True: it was. */
bool line_keep_whole(struct line *l, size_t used_before);

#endif
