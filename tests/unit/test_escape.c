/* Bytes to text and back: what stays, what is escaped, and that nothing is ever lost. */
#include "report/escape.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "suite.h"

enum { BYTES_MAX = 64, ROUNDS = 200000 };

static const struct {
	const char *bytes;
	size_t len;
	const char *text;
} cases[] = {
	{ "<user@example.org>", 18, "<user@example.org>" },
	{ "", 0, "" },
	{ "gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f" },
	{ "\xe2\x82\xac \xf0\x9f\x93\xa7", 8, "\xe2\x82\xac \xf0\x9f\x93\xa7" },
	{ "gr\xfc\xdf", 4, "gr\\xfc\\xdf" },               /* ISO 8859-1 */
	{ "\xc0\xaf", 2, "\\xc0\\xaf" },                   /* overlong */
	{ "\xed\xa0\x80", 3, "\\xed\\xa0\\x80" },          /* a surrogate */
	{ "\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80" }, /* above U+10FFFF */
	{ "\xe2\x82", 2, "\\xe2\\x82" },                   /* cut in a character */
	{ "a\0b", 3, "a\\x00b" },
	{ "\x1b[31m\t\x7f", 7, "\\x1b[31m\\x09\\x7f" },
	{ "\xc2\x9b"
	  "1m",
	        4,
	        "\\xc2\\x9b"
	        "1m" }, /* CSI as a C1 control */
	{ "\xe2\x80\xae"
	  "gro",
	        6,
	        "\\xe2\\x80\\xae"
	        "gro" },                       /* right-to-left override */
	{ "\"a\\\"b\"@c", 8, "\"a\\\"b\"@c" }, /* a quoted pair stays as sent */
	{ "DOM\\user", 8, "DOM\\user" },
	{ "\\x41", 4, "\\x5cx41" }, /* would read as an escape */
	{ "\\xFF", 4, "\\x5cxFF" },
	{ "\\x4", 3, "\\x4" },
	{ "\\\\x41", 5, "\\\\x5cx41" },
	{ "\\x4\xff", 4, "\\x4\\xff" },
};

static void escapes_as_documented(void)
{
	char out[BYTES_MAX * ESCAPE_GROWTH], back[BYTES_MAX * ESCAPE_GROWTH];
	size_t i, len;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *bytes = (char *)guard_copy(cases[i].bytes, cases[i].len);

		len = escape_bytes(out, bytes, cases[i].len);
		CU_ASSERT_EQUAL_FATAL(len, strlen(cases[i].text));
		CU_ASSERT_EQUAL(memcmp(out, cases[i].text, len), 0);
		len = escape_undo(back, out, len);
		CU_ASSERT_EQUAL_FATAL(len, cases[i].len);
		CU_ASSERT_EQUAL(memcmp(back, cases[i].bytes, len), 0);
		guard_free((uint8_t *)bytes, cases[i].len);
	}
}

/* Random strings over an alphabet of troublemakers come back unchanged, and differ when escaped. */
static void loses_nothing(void)
{
	static const char alphabet[] = "\\\\\\xxx0459afAFg\xc2\x9b\xe2\x80\xae\xff\xc3\xbc\n";
	char bytes[BYTES_MAX], out[BYTES_MAX * ESCAPE_GROWTH], back[BYTES_MAX * ESCAPE_GROWTH];
	unsigned bad = 0;
	size_t len, i, text_len, back_len;
	int round;

	srand(25);
	for (round = 0; round < ROUNDS; round++) {
		len = (size_t)rand() % BYTES_MAX;
		for (i = 0; i < len; i++)
			bytes[i] = alphabet[(size_t)rand() % sizeof(alphabet)];
		text_len = escape_bytes(out, bytes, len);
		back_len = escape_undo(back, out, text_len);
		bad += text_len > len * ESCAPE_GROWTH || back_len != len || memcmp(back, bytes, len) != 0;
	}
	CU_ASSERT_EQUAL(bad, 0);
}

SUITE("escape", { "escapes as documented", escapes_as_documented }, { "loses nothing", loses_nothing })
