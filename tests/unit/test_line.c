/* test_line.c - lines of one side, cut in every way. */
#include "smtp/line.h"

#include <string.h>

#include "guard.h"
#include "suite.h"

enum { ROOM = 16 };

static uint8_t store[ROOM];

/* Reads text in pieces of `cut` bytes up to the end of its first line. Returns the bytes used. */
static uint32_t read_line(struct line *l, const char *text, uint32_t len, uint32_t cut)
{
	uint8_t *copy = guard_copy(text, len);
	uint32_t at = 0;

	line_init(l);
	while (at < len) {
		uint32_t n = len - at < cut ? len - at : cut;

		at += line_push(l, store, ROOM, copy + at, n, 100 + at, 0);
		if (l->done)
			break;
	}
	guard_free(copy, len);
	return at;
}

static void check(const char *text, uint32_t len, const char *kept, uint8_t odd)
{
	struct line l;
	uint32_t cut;

	for (cut = 1; cut <= len; cut++) {
		CU_ASSERT(read_line(&l, text, len, cut) == len);
		CU_ASSERT(l.done);
		CU_ASSERT(l.offset == 100);
		CU_ASSERT(l.kept == strlen(kept) || l.odd & 1u << LINE_NUL);
		CU_ASSERT(memcmp(store, kept, strlen(kept)) == 0);
		line_judge_bytes(&l, store);
		CU_ASSERT(l.odd == odd);
	}
}
#define CHECK(text, kept, odd) check(text, sizeof(text) - 1, kept, odd)

static void ends_lines(void)
{
	CHECK("NOOP\r\n", "NOOP", 0);
	CHECK("\r\n", "", 0);
	CHECK("NOOP\n", "NOOP", 1 << LINE_BARE_LF);
	CHECK("NO\rOP\r\n", "NO\rOP", 1 << LINE_BARE_CR);
	CHECK("NOOP\r\r\n", "NOOP\r", 1 << LINE_BARE_CR);
	CHECK("\r\r\r\n", "\r\r", 1 << LINE_BARE_CR);
}

static void notes_bytes(void)
{
	CHECK("a\0b\r\n", "a", 1 << LINE_NUL);
	CHECK("a\x01\r\n", "a\x01", 1 << LINE_BINARY);
	CHECK("a\x7f\r\n", "a\x7f", 1 << LINE_BINARY);
	CHECK("\xc3\xb6\xe2\x82\xac\r\n", "\xc3\xb6\xe2\x82\xac", 0);
	CHECK("\xf0\x9f\x93\xa7\t\r\n", "\xf0\x9f\x93\xa7\t", 0);
	CHECK("\xf6\r\n", "\xf6", 1 << LINE_BINARY);
	CHECK("\xc3\r\n", "\xc3", 1 << LINE_BINARY);
	CHECK("\xc0\xaf\r\n", "\xc0\xaf", 1 << LINE_BINARY);
	CHECK("\xed\xa0\x80\r\n", "\xed\xa0\x80", 1 << LINE_BINARY);
	CHECK("\xf4\x90\x80\x80\r\n", "\xf4\x90\x80\x80", 1 << LINE_BINARY);
}

static void cuts_long_lines(void)
{
	struct line l;

	CHECK("0123456789abcdef\r\n", "0123456789abcdef", 0);
	CHECK("0123456789abcdefg\r\n", "0123456789abcdef", 1 << LINE_TOO_LONG);
	CHECK("0123456789abcde\xc3\xb6\r\n", "0123456789abcde\xc3", 1 << LINE_TOO_LONG);
	read_line(&l, "0123456789abcdefg\r\n", 19, 3);
	CU_ASSERT(l.length == 17);
	CU_ASSERT(l.odd_at[LINE_TOO_LONG] == 16);
}

static void stops_where_told(void)
{
	const uint8_t *text = (const uint8_t *)"a>b\r\nc";
	struct line l;

	line_init(&l);
	CU_ASSERT(!line_is_open(&l));
	CU_ASSERT(line_push(&l, store, ROOM, text, 6, 0, '>') == 2);
	CU_ASSERT(line_is_open(&l));
	CU_ASSERT(line_push(&l, store, ROOM, text + 2, 4, 2, '>') == 3);
	CU_ASSERT(l.done);
	CU_ASSERT(line_push(&l, store, ROOM, text + 5, 1, 5, '>') == 1);
	CU_ASSERT(l.offset == 5);
	CU_ASSERT(l.kept == 1);
}

SUITE("line", { "ends of lines", ends_lines }, { "bytes that don't belong", notes_bytes },
        { "too long", cuts_long_lines }, { "stops", stops_where_told })
