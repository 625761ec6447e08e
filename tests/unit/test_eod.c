/* test_eod.c - strict and lenient ends of a body: every known sequence, what is hidden behind, every cut, and all short
 * bodies against a plain reading of the rules. */
#include "smtp/body.h"

#include <string.h>

#include "guard.h"
#include "suite.h"

/* Reads text in pieces of `cut`. Returns the bytes up to and with the end of data, 0 if none. */
static uint32_t read_body(struct body *b, const uint8_t *text, uint32_t len, uint32_t cut)
{
	uint32_t at = 0, n;
	bool end = false;

	body_begin(b);
	while (at < len && !end) {
		n = len - at < cut ? len - at : cut;
		at += body_push(b, text + at, n, 1000 + at, &end);
	}
	return end ? at : 0;
}

struct expected {
	enum event_eod_what what;
	const char *bytes;
	uint32_t len;
	uint32_t at, count;
	const char *hides; /* NULL: nothing */
};

static void check(const char *text, uint32_t len, const struct expected *x)
{
	const struct eod_found *found;
	uint8_t *copy = guard_copy(text, len);
	struct body b;
	uint32_t cut;

	for (cut = 1; cut <= len; cut++) {
		read_body(&b, copy, len, cut);
		found = eod_take(&b.eod, true);
		CU_ASSERT_PTR_NOT_NULL_FATAL(found);
		CU_ASSERT_EQUAL(found->what, x->what);
		CU_ASSERT_EQUAL(found->len, x->len);
		CU_ASSERT(memcmp(found->bytes, x->bytes, x->len) == 0);
		CU_ASSERT_EQUAL(found->offset, 1000 + x->at);
		CU_ASSERT_EQUAL(found->count, x->count);
		CU_ASSERT_EQUAL(found->hides, x->hides != NULL);
		CU_ASSERT(!x->hides || strcmp(found->command, x->hides) == 0);
		CU_ASSERT_PTR_NULL(eod_take(&b.eod, true));
	}
	guard_free(copy, len);
}

static const struct {
	enum event_eod_what what;
	const char *bytes;
	uint32_t len;
} sequences[] = {
#define SEQUENCE(what, bytes)                                                                                \
	{                                                                                                    \
		EOD_##what, bytes, sizeof(bytes) - 1                                                         \
	}
	SEQUENCE(LF_DOT_LF, "\n.\n"),
	SEQUENCE(LF_DOT_CRLF, "\n.\r\n"),
	SEQUENCE(LF_DOT_CR, "\n.\r"),
	SEQUENCE(CRLF_DOT_LF, "\r\n.\n"),
	SEQUENCE(CRLF_DOT_CR, "\r\n.\r"),
	SEQUENCE(CR_DOT_CR, "\r.\r"),
	SEQUENCE(CR_DOT_LF, "\r.\n"),
	SEQUENCE(CR_DOT_CRLF, "\r.\r\n"),
	SEQUENCE(CR_DOT_CRLF, "\r\r.\r\n"),
	SEQUENCE(NUL, "\r\n\0.\r\n"),
	SEQUENCE(NUL, "\r\n.\0\r\n"),
	SEQUENCE(NUL, "\r\n.\r\0\n"),
	SEQUENCE(NUL, "\r\0\n.\r\n"),
	SEQUENCE(NUL, "\n\0.\0\n"),
	SEQUENCE(NUL, "\r\n.\0\0\r"),
	SEQUENCE(CR_RUN, "\r\n.\r\r\n"),
	SEQUENCE(CR_RUN, "\r\r\n.\r\r\n"),
	SEQUENCE(CR_RUN, "\n.\r\r\n"),
	SEQUENCE(CR_RUN, "\r\n.\r\r\r\r\r\r\n"),
#undef SEQUENCE
};

/* Each sequence, with text, with commands, and with commands further below behind it. */
static void knows_every_sequence(void)
{
	static const char mail[] = "MAIL FROM:<a@b>\r\n", later[] = "any line\r\nmail from: x\r\n",
	                  honest[] = "and so on. Mail from:\r\nme\r\n";
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		uint32_t len = sequences[i].len;
		struct expected x = { sequences[i].what, sequences[i].bytes, len, 4, 1, "MAIL" };

		memcpy(text, "text", 4);
		memcpy(text + 4, sequences[i].bytes, len);
		memcpy(text + 4 + len, mail, sizeof(mail) - 1);
		check(text, 4 + len + sizeof(mail) - 1, &x);
		memcpy(text + 4 + len, later, sizeof(later) - 1);
		check(text, 4 + len + sizeof(later) - 1, &x);
		x.hides = NULL;
		memcpy(text + 4 + len, honest, sizeof(honest) - 1);
		check(text, 4 + len + sizeof(honest) - 1, &x);
	}
}

#define CHECK(text, what, bytes, at, count, hides)                                                           \
	check(text, sizeof(text) - 1,                                                                        \
	        &(struct expected) { EOD_##what, bytes, sizeof(bytes) - 1, at, count, hides })

static void reads_what_follows(void)
{
	CHECK("\n.\nEHLO x\n", LF_DOT_LF, "\n.\n", 0, 1, "EHLO");
	CHECK("\n.\n\r\n \t rSeT \r\n", LF_DOT_LF, "\n.\n", 0, 1, "RSET");
	CHECK("\n.\nRCPT  TO :<a>", LF_DOT_LF, "\n.\n", 0, 1, "RCPT");
	CHECK("\n.\nMA\0IL\t FROM \t:", LF_DOT_LF, "\n.\n", 0, 1, "MAIL");
	CHECK("\n.\nBDAT 20 LAST\r", LF_DOT_LF, "\n.\n", 0, 1, "BDAT");
	CHECK("\n.\nXCLIENT ADDR=1 NAME=2 PROTO=3\n", LF_DOT_LF, "\n.\n", 0, 1, "XCLIENT");
	CHECK("\n.\nFOO\rBAR\rBAZ\nmail from: <", LF_DOT_LF, "\n.\n", 0, 1, "MAIL");
	CHECK("\n.\nFOO\nmail from: a@b\n", LF_DOT_LF, "\n.\n", 0, 1, "MAIL");
	CHECK("\n.\nFOO\nmail from:a@b size=20 ret=hdrs\n", LF_DOT_LF, "\n.\n", 0, 1, "MAIL");
	CHECK("\n.\nFOO\nmail from:postmaster body=8BITMIME size=123456789\n", LF_DOT_LF, "\n.\n", 0, 1,
	        "MAIL");
	/* Text. */
	CHECK("\n.\nHelo there, John\n", LF_DOT_LF, "\n.\n", 0, 1, NULL);
	CHECK("\n.\nQuit smoking\n", LF_DOT_LF, "\n.\n", 0, 1, NULL);
	CHECK("\n.\nDatabase\nnoopy\nEHLO\nrset\nRCPT TO:<a>\n", LF_DOT_LF, "\n.\n", 0, 1, NULL);
	CHECK("\n.\nMAIL FROM\nMAIL TO: x\nI send MAIL FROM: x\n", LF_DOT_LF, "\n.\n", 0, 1, NULL);
	CHECK("\n.\nx\nMail from: John Smith\nMAIL FROM: \nMail from:the fathers of the fathers of our\n",
	        LF_DOT_LF, "\n.\n", 0, 1, NULL);
	CHECK("MAIL FROM:\n.\n", LF_DOT_LF, "\n.\n", 10, 1, NULL);
	/* Behind a strict end there is no body. */
	CHECK("\n.\n\r\n.\r\nMAIL FROM:<a>\r\n", LF_DOT_LF, "\n.\n", 0, 1, NULL);
}

static void tells_the_nearest(void)
{
	CHECK("\n.\nxx\r.\rMAIL FROM:\r\n.\nRSET\n", CR_DOT_CR, "\r.\r", 5, 2, "MAIL");
	CHECK("\n.\n.\n.\r\n", LF_DOT_CRLF, "\n.\r\n", 4, 3, NULL);
	CHECK("\r.\r.\rMAIL FROM:", CR_DOT_CR, "\r.\r", 2, 2, "MAIL");
}

static void begins_behind_a_line(void)
{
	CHECK(".\nMAIL FROM:", CRLF_DOT_LF, ".\n", 0, 1, "MAIL");
	CHECK(".\rx", CRLF_DOT_CR, ".\r", 0, 1, NULL);
	CHECK(".\0any text.\r\nMAIL FROM:", NUL, ".\0\r\n", 0, 1, "MAIL");
	CHECK("\0.\r\n", NUL, "\0.\r\n", 0, 1, NULL);
}

/* Commands are told before the first is complete, without waiting for the end. */
static void tells_commands_in_time(void)
{
	static const char text[] = "x\n.\nMAIL FROM:";
	struct body b;
	bool end;

	body_begin(&b);
	body_push(&b, (const uint8_t *)text, sizeof(text) - 2, 0, &end);
	CU_ASSERT_PTR_NULL(eod_take(&b.eod, false));
	body_push(&b, (const uint8_t *)":", 1, sizeof(text) - 2, &end);
	CU_ASSERT_PTR_NOT_NULL(eod_take(&b.eod, false));
	CU_ASSERT_PTR_NULL(eod_take(&b.eod, true));
}

/* A lone one that was told when the server answered it, is told again when commands follow after all. */
static void tells_commands_behind_an_answer(void)
{
	const struct eod_found *found;
	struct body b;
	bool end;

	body_begin(&b);
	body_push(&b, (const uint8_t *)"x\r\n.\r", 5, 0, &end);
	CU_ASSERT_PTR_NULL(eod_take(&b.eod, true));
	eod_settle(&b.eod);
	eod_settle(&b.eod);
	found = eod_take(&b.eod, true);
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	CU_ASSERT_EQUAL(found->count, 1);
	CU_ASSERT_EQUAL(found->what, EOD_CRLF_DOT_CR);
	body_push(&b, (const uint8_t *)"MAIL FROM:", 10, 5, &end);
	found = eod_take(&b.eod, false);
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	CU_ASSERT(found->hides);
	CU_ASSERT_EQUAL(found->count, 1);
}

static void is_kept_over_holes(void)
{
	struct body b;
	bool end;

	body_begin(&b);
	body_push(&b, (const uint8_t *)"x\n.\n", 4, 0, &end);
	body_gap(&b);
	body_push(&b, (const uint8_t *)"MAIL FROM:", 10, 100, &end); /* perhaps in the middle of a line */
	CU_ASSERT_PTR_NULL(eod_take(&b.eod, false));
	body_push(&b, (const uint8_t *)"\nMAIL FROM:<", 12, 110, &end);
	CU_ASSERT_PTR_NOT_NULL(eod_take(&b.eod, false));
}

/* ---- all short bodies ------------------------------------------------------------------------------ */

static bool is_break(char c)
{
	return c == '\r' || c == '\n' || c == 0;
}

/* Lenient ends before the strict one, as the rules say it: a dot between breaks that are more than NULs,
 * where behind a dot and a NUL there may be text. */
static uint32_t count_lenient(const char *text, uint32_t len, uint32_t *end)
{
	uint32_t dot, at, count = 0;

	*end = 0;
	for (dot = 2; dot < len; dot++) {
		bool before = false, behind = false, nul = false;

		if (text[dot] != '.')
			continue;
		if (dot + 2 < len && memcmp(text + dot - 2, "\r\n.\r\n", 5) == 0) {
			*end = dot + 3;
			return count;
		}
		for (at = dot; at > 0 && is_break(text[at - 1]); at--)
			before = before || text[at - 1] != 0;
		for (at = dot + 1; at < len && text[at] != '\n' && (is_break(text[at]) || (nul && !behind));
		        at++) {
			behind = behind || text[at] == '\r';
			nul = nul || text[at] == 0;
		}
		if (at == len)
			continue; /* not complete */
		count += before && (behind || text[at] == '\n');
	}
	return count;
}

static void agrees_with_the_rules(void)
{
	enum { LEN = 7, LETTERS = 5 };
	static const char letters[LETTERS] = { '\r', '\n', '.', 0, 'x' };
	char text[LEN + 2] = "\r\n"; /* DATA's own line break, then the body */
	uint32_t n, i, rest, all = 1, count, end, cut, wrong = 0;
	struct body b;

	for (i = 0; i < LEN; i++)
		all *= LETTERS;
	for (n = 0; n < all; n++) {
		for (i = 0, rest = n; i < LEN; i++, rest /= LETTERS)
			text[2 + i] = letters[rest % LETTERS];
		count = count_lenient(text, sizeof(text), &end);
		for (cut = 1; cut <= LEN; cut += 3) {
			uint32_t got = read_body(&b, (const uint8_t *)text + 2, LEN, cut);

			wrong += got + (got > 0 ? 2 : 0) != end || b.eod.found.count != count;
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* At every place of a long body, past blocks that are skipped. */
static void finds_it_anywhere(void)
{
	enum { LEN = 300 };
	uint8_t text[LEN];
	struct body b;
	uint32_t at, cut;

	for (at = 0; at + 14 <= LEN; at++) {
		memset(text, '\t', LEN);
		memset(text + at / 2, '.', 1);
		memcpy(text + at, "\r.\rMAIL FROM:x", 14);
		for (cut = 37; cut <= LEN; cut += 263) {
			read_body(&b, text, LEN, cut);
			CU_ASSERT(b.eod.found.hides);
			CU_ASSERT_EQUAL(b.eod.found.offset, 1000 + at);
		}
	}
}

SUITE("end of data", { "every sequence", knows_every_sequence }, { "what follows", reads_what_follows },
        { "several", tells_the_nearest }, { "at the start", begins_behind_a_line },
        { "in time", tells_commands_in_time }, { "after an answer", tells_commands_behind_an_answer },
        { "holes", is_kept_over_holes }, { "all short bodies", agrees_with_the_rules },
        { "anywhere", finds_it_anywhere })
