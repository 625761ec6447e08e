/* escape.c - see escape.h. UTF-8 as RFC 3629 section 4 (no surrogates, nothing overlong). */
#include "report/escape.h"

#include <stdbool.h>
#include <stdint.h>

static const char hex[] = "0123456789abcdef";

/* The lead bytes of RFC 3629 with the range of the byte behind them; further ones are 80..BF. */
static const struct {
	uint8_t lead_first, lead_last, second_first, second_last, len;
} sequences[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

/* Length of the character at p, 0 if there is no valid one. */
static size_t utf8_len(const uint8_t *p, size_t len)
{
	size_t i, k;

	if (p[0] < 0x80)
		return 1;
	for (i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		if (p[0] < sequences[i].lead_first || p[0] > sequences[i].lead_last)
			continue;
		if (len < sequences[i].len || p[1] < sequences[i].second_first ||
		        p[1] > sequences[i].second_last)
			return 0;
		for (k = 2; k < sequences[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return sequences[i].len;
	}
	return 0;
}

/* The valid character p[0, len) steers a terminal or the direction of a line. */
static bool is_control(const uint8_t *p, size_t len)
{
	if (len == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (len == 3 && p[0] == 0xe2 && p[1] == 0x80)
		return p[2] >= 0xa8 && p[2] <= 0xae;
	return len == 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

/* -1 if c is no hex digit. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* text starts with \xNN (hex digits of either case). */
static bool is_escape(const char *text, size_t len)
{
	return len >= 4 && text[0] == '\\' && text[1] == 'x' && hex_value(text[2]) >= 0 &&
	       hex_value(text[3]) >= 0;
}

size_t escape_bytes(char *out, const char *bytes, size_t len)
{
	const uint8_t *p = (const uint8_t *)bytes;
	size_t at = 0, used = 0, n, i;
	bool plain;

	while (at < len) {
		n = utf8_len(p + at, len - at);
		plain = n > 0 && !is_control(p + at, n) && !is_escape(bytes + at, len - at);
		for (i = n > 0 ? n : 1; i > 0; i--, at++) {
			if (plain) {
				out[used++] = bytes[at];
				continue;
			}
			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = hex[p[at] >> 4];
			out[used++] = hex[p[at] & 15];
		}
	}
	return used;
}

size_t escape_undo(char *out, const char *text, size_t len)
{
	size_t at = 0, used = 0;

	while (at < len) {
		if (is_escape(text + at, len - at)) {
			out[used++] = (char)(hex_value(text[at + 2]) << 4 | hex_value(text[at + 3]));
			at += 4;
		} else {
			out[used++] = text[at++];
		}
	}
	return used;
}
