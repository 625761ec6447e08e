/* test_reply.c - reply lines to replies. */
#include "smtp/reply.h"

#include <string.h>

#include "guard.h"
#include "suite.h"

static enum reply_result push(struct reply *r, const char *line)
{
	uint32_t len = (uint32_t)strlen(line);
	uint8_t *copy = guard_copy(line, len);
	enum reply_result result = reply_push(r, copy, len, false);

	guard_free(copy, len);
	return result;
}

static void reads_one_line(void)
{
	static const char *const good[] = { "250 ok", "250", "250 ", "250\tok", "599 x", "200 x" };
	static const char *const bad[] = { "", "2", "25", "25x", "150 ok", "600 no", "250_ok", "2500 ok",
		" 250 ok", "abc" };
	struct reply r = { 0 };
	unsigned i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CU_ASSERT(push(&r, good[i]) == REPLY_DONE);
		CU_ASSERT(r.lines == 1);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(push(&r, bad[i]) == REPLY_BAD);
	push(&r, "550 5.1.1 no");
	CU_ASSERT(r.code == 550);
	CU_ASSERT(r.text.len == 8 && memcmp(r.text.bytes, "5.1.1 no", 8) == 0);
}

static void reads_many_lines(void)
{
	struct reply r = { 0 };
	unsigned i;

	CU_ASSERT(push(&r, "250-first") == REPLY_MORE);
	CU_ASSERT(push(&r, "rubbish") == REPLY_BAD);
	for (i = 0; i < 100000; i++)
		reply_push(&r, (const uint8_t *)"250-x", 5, false);
	CU_ASSERT(push(&r, "250-STARTTLS") == REPLY_MORE);
	CU_ASSERT(push(&r, "550 last") == REPLY_DONE);
	CU_ASSERT(r.code == 550);
	CU_ASSERT(r.lines == 65535);
	CU_ASSERT(r.starttls);
	CU_ASSERT(r.text.len == 5 && memcmp(r.text.bytes, "first", 5) == 0);
	CU_ASSERT(push(&r, "250 next") == REPLY_DONE);
	CU_ASSERT(!r.starttls);
	CU_ASSERT(push(&r, "250 STARTTLSX") == REPLY_DONE);
	CU_ASSERT(!r.starttls);
	CU_ASSERT(push(&r, "250 starttls required") == REPLY_DONE);
	CU_ASSERT(r.starttls);
}

static void cuts_text(void)
{
	char line[REPLY_LINE_MAX + 1];
	struct reply r = { 0 };

	memset(line, 'x', sizeof(line));
	memcpy(line, "250 ", 4);
	CU_ASSERT(reply_push(&r, (uint8_t *)line, REPLY_LINE_MAX, false) == REPLY_DONE);
	CU_ASSERT(r.text.len == EVENT_TEXT_MAX && !r.text.cut);
	CU_ASSERT(reply_push(&r, (uint8_t *)line, REPLY_LINE_MAX, true) == REPLY_DONE);
	CU_ASSERT(r.text.len == EVENT_TEXT_MAX && r.text.cut);
}

static void sees_a_masked_offer(void)
{
	static const char *const masked[] = { "250-XXXXXXXA", "250 XXXXXXXX" };
	static const char *const honest[] = { "250-STARTTLS", "250-XXXXXX", "250-XXXXXXXA B",
		"250-XCLIENT8" };
	struct reply r = { 0 };
	unsigned i;

	for (i = 0; i < 2; i++) {
		r = (struct reply) { 0 };
		push(&r, masked[i]);
		CU_ASSERT(r.masked);
	}
	for (i = 0; i < 4; i++) {
		r = (struct reply) { 0 };
		push(&r, honest[i]);
		CU_ASSERT(!r.masked);
	}
}

SUITE("reply", { "masked offer", sees_a_masked_offer }, { "one line", reads_one_line },
        { "many lines", reads_many_lines }, { "long text", cuts_text })
