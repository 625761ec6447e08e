/* test_command.c - verbs, paths and chunks of client lines. */
#include "smtp/command.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "suite.h"

/* Scans the line in steps of one byte, as it arrives; the path as text, or "-" for verbs without. */
static void check(const char *line, enum smtp_verb verb, const char *path, bool early)
{
	uint32_t len = (uint32_t)strlen(line), n;
	struct command_scan s = { 0 };
	uint8_t *copy = guard_copy(line, len);
	bool good;

	for (n = 1; n <= len; n++)
		command_scan(&s, copy, n);
	CU_ASSERT(s.path_done == early);
	command_finish(&s, copy, len);
	good = s.verb == verb && (strcmp(path, "-") == 0) == !command_keyword(verb);
	if (good && command_keyword(verb))
		good = s.path_end - s.path_at == strlen(path) &&
		       memcmp(copy + s.path_at, path, strlen(path)) == 0;
	if (!good)
		printf("\n\"%s\": verb %s, path %u..%u\n", line, smtp_verb_name((enum smtp_verb)s.verb),
		        s.path_at, s.path_end);
	CU_ASSERT(good);
	guard_free(copy, len);
}

static void finds_verbs(void)
{
	check("NOOP", SMTP_VERB_NOOP, "-", false);
	check("  quit  ", SMTP_VERB_QUIT, "-", false);
	check("Data\r", SMTP_VERB_DATA, "-", false);
	check("STARTTLS", SMTP_VERB_STARTTLS, "-", false);
	check("", SMTP_VERB_UNKNOWN, "-", false);
	check("   ", SMTP_VERB_UNKNOWN, "-", false);
	check("DATAX", SMTP_VERB_UNKNOWN, "-", false);
	check("DAT", SMTP_VERB_UNKNOWN, "-", false);
	check("?", SMTP_VERB_UNKNOWN, "-", false);
	check("greeting", SMTP_VERB_UNKNOWN, "-", false);
	check("end of data", SMTP_VERB_UNKNOWN, "-", false);
}

static void finds_paths(void)
{
	check("MAIL FROM:<>", SMTP_VERB_MAIL, "<>", true);
	check("MAIL FROM:<a@b> SIZE=1", SMTP_VERB_MAIL, "<a@b>", true);
	check("mail  from : a@b SIZE=1", SMTP_VERB_MAIL, "a@b", false);
	check("MAIL FROM: SIZE=1", SMTP_VERB_MAIL, "SIZE=1", false);
	check("RCPT:TO:<a@b>", SMTP_VERB_RCPT, "<a@b>", true);
	check("RCPT T", SMTP_VERB_RCPT, "T", false);
	check("RCPT TO", SMTP_VERB_RCPT, "", false);
	check("RCPT TO:  ", SMTP_VERB_RCPT, "", false);
	check("RCPT TO: a b@c", SMTP_VERB_RCPT, "a b@c", false);
	check("RCPT TO:\"a b\"@c NOTIFY=NEVER", SMTP_VERB_RCPT, "\"a b\"@c", false);
	check("RCPT TO:a\\ b@c X-Y", SMTP_VERB_RCPT, "a\\ b@c", false);
	check("RCPT TO:\" <a@b>", SMTP_VERB_RCPT, "\" <a@b>", false);
	check("RCPT TO:a@b>", SMTP_VERB_RCPT, "a@b>", false);
}

static void reads_chunks(void)
{
	static const struct {
		const char *argument;
		bool good, last;
		uint64_t bytes;
	} vectors[] = { { "0", true, false, 0 }, { "1000 LAST", true, true, 1000 },
		{ "1000\tlast ", true, true, 1000 }, { "2147483647", true, false, 2147483647 },
		{ "2147483648", false, false, 0 }, { "99999999999999999", false, false, 0 },
		{ "", false, false, 0 }, { "LAST", false, false, 0 }, { "10LAST", false, false, 0 },
		{ "10 LASTX", false, false, 0 }, { "10 LAST x", false, false, 0 }, { "-1", false, false, 0 },
		{ "1e3", false, false, 0 }, { "99999999999999999999", false, false, 0 } };
	size_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint32_t len = (uint32_t)strlen(vectors[i].argument);
		uint8_t *copy = guard_copy(vectors[i].argument, len);
		uint64_t bytes = 0;
		bool last = false;

		CU_ASSERT(command_parse_chunk(copy, 0, len, &bytes, &last) == vectors[i].good);
		if (vectors[i].good) {
			CU_ASSERT(bytes == vectors[i].bytes);
			CU_ASSERT(last == vectors[i].last);
		}
		guard_free(copy, len);
	}
}

SUITE("command", { "verbs", finds_verbs }, { "paths", finds_paths }, { "chunks", reads_chunks })
