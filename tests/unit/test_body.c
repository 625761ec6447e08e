/* test_body.c - end of data, size and Message-ID, cut in every way. */
#include "smtp/body.h"

#include <string.h>

#include "guard.h"
#include "suite.h"

/* Reads text in pieces of `cut`; returns the bytes up to and with the end of data, 0 if none. */
static uint32_t read_body(struct body *b, const char *text, uint32_t len, uint32_t cut)
{
	uint8_t *copy = guard_copy(text, len);
	uint32_t at = 0, n;
	bool end = false;

	body_begin(b);
	while (at < len && !end) {
		n = len - at < cut ? len - at : cut;
		at += body_push(b, copy + at, n, at, &end);
	}
	guard_free(copy, len);
	return end ? at : 0;
}

static void check(const char *text, uint32_t len, uint32_t end, uint64_t size, const char *id)
{
	struct body b;
	uint32_t cut;

	for (cut = 1; cut <= len; cut++) {
		CU_ASSERT(read_body(&b, text, len, cut) == end);
		CU_ASSERT(b.size_bytes == size);
		CU_ASSERT(b.header.message_id.len == strlen(id) &&
		          memcmp(b.header.message_id.bytes, id, strlen(id)) == 0);
	}
}
#define CHECK(text, end, size, id) check(text, sizeof(text) - 1, end, size, id)

static void finds_the_end(void)
{
	CHECK(".\r\nQUIT\r\n", 3, 0, "");
	CHECK("a\r\n.\r\nQUIT\r\n", 6, 3, "");
	CHECK("\r\n.\r\n", 5, 2, "");
	CHECK("..\r\n...a\r\n.\r\n", 13, 1 + 2 + 3 + 2, "");
	CHECK(".\r.\r\n.\r\n", 8, 4, ""); /* a transparency dot, CR "." CRLF */
	CHECK(".\r\r\n.\r\n", 7, 3, "");
}

static void takes_nothing_else_for_it(void)
{
	CHECK("x\n.\r\n", 0, 5, "");
	CHECK("x\r.\r\n", 0, 5, "");
	CHECK("x\n.\n", 0, 4, "");
	CHECK("x\r.\r", 0, 4, "");
	CHECK("x\r\n.\n", 0, 4, "");
	CHECK("x\r\n.\r", 0, 3, "");
	CHECK("x\r\n\0.\r\n", 0, 7, "");
	CHECK("x\r\n.\r\r\n", 0, 6, "");
	CHECK("x\r\r\n.\r\r\n", 0, 7, "");
}

static void reads_the_message_id(void)
{
	CHECK("Message-ID: <1@x>\r\n\r\n.\r\n", 24, 21, "<1@x>");
	CHECK("A: b\r\n c: d\r\nmessage-id:<1@x> \t\r\n.\r\n", 36, 33, "<1@x>");
	CHECK("Message-ID:\r\n <1@x>\r\n.\r\n", 24, 21, "<1@x>");
	CHECK("Message-Id: <1@x>\r\nMessage-ID: <2@x>\r\n.\r\n", 41, 38, "<1@x>");
	CHECK("Message-ID: \r\nX: y\r\n.\r\n", 23, 20, "");
	CHECK("Message-ID:\r\nMessage-ID: <2@x>\r\n.\r\n", 35, 32, "<2@x>");
	CHECK("\r\nMessage-ID: <1@x>\r\n.\r\n", 24, 21, "");
	CHECK("A: b\n\nMessage-ID: <1@x>\r\n.\r\n", 28, 25, "");
	CHECK("A: b\nMessage-ID: <1@x>\n\r\n.\r\n", 28, 25, "<1@x>");
	CHECK("XMessage-ID: <1@x>\r\n.\r\n", 23, 20, "");
	CHECK("Message-IDs: <1@x>\r\n.\r\n", 23, 20, "");
	CHECK("Message-ID:\r\n\r\n <1@x>\r\n.\r\n", 26, 23, "");
}

static void counts_chunks(void)
{
	static const char text[] = "Message-ID: <1@x>\r\n\r\n..\r\n.\r\nrest";
	struct body b;
	uint32_t cut, at, n;
	bool end;

	for (cut = 1; cut < sizeof(text); cut++) {
		body_begin(&b);
		body_begin_chunk(&b, 15);
		for (at = 0, end = false; !end; at += n) {
			n = cut < sizeof(text) - at ? cut : (uint32_t)sizeof(text) - at;
			n = body_push_chunk(&b, (const uint8_t *)text + at, n, &end);
		}
		CU_ASSERT(at == 15);
		body_begin_chunk(&b, 13);
		body_push_chunk(&b, (const uint8_t *)text + at, (uint32_t)sizeof(text) - at, &end);
		CU_ASSERT(end);
		CU_ASSERT(b.size_bytes == 28);
		CU_ASSERT(b.header.message_id.len == 5);
	}
}

static void goes_on_behind_a_hole(void)
{
	struct body b;
	bool end;

	body_begin(&b);
	body_gap(&b);
	CU_ASSERT(body_push(&b, (const uint8_t *)".\r\nMessage-ID: x\r\n.\r\n", 21, 0, &end) == 21);
	CU_ASSERT(end);
	CU_ASSERT(b.header.message_id.len == 0);

	/* The CR before it was not pushed: this LF ends no line. */
	body_begin(&b);
	body_gap(&b);
	CU_ASSERT(body_push(&b, (const uint8_t *)"\r\n.\r\n" + 1, 4, 0, &end) == 4);
	CU_ASSERT(!end);
}

SUITE("body", { "end of data", finds_the_end }, { "what is no end of data", takes_nothing_else_for_it },
        { "Message-ID", reads_the_message_id }, { "chunks", counts_chunks },
        { "holes", goes_on_behind_a_hole })
