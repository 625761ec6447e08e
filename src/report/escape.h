/* escape.h - foreign bytes to text that is UTF-8, safe on a terminal, and lossless.
 *
 * The rule: valid UTF-8 stays as it is, except for what steers a terminal or turns a line around; of
 * that, and of all that is not UTF-8, each byte becomes `\xNN` (two lower-case hex digits). A backslash
 * stays a backslash, unless `x` and two hex digits follow: then it becomes `\x5c`. So reading back is one
 * rule too: every `\xNN` is a byte, everything else is itself.
 *
 * Escaped beside invalid bytes: C0 and C1 controls, DEL, U+2028, U+2029 and the bidirectional controls
 * U+202A..U+202E, U+2066..U+2069.
 */
#ifndef REPORT_ESCAPE_H
#define REPORT_ESCAPE_H

#include <stddef.h>

enum { ESCAPE_GROWTH = 4 }; /* text is at most so many times as long as the bytes */

/* Writes the text of bytes[0, len) to out, which has ESCAPE_GROWTH * len bytes of room (not
 * terminated). Returns its length. */
size_t escape_bytes(char *out, const char *bytes, size_t len);
/* The way back: text[0, len) to at most len bytes. Returns their number. */
size_t escape_undo(char *out, const char *text, size_t len);

#endif
