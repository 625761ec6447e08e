/* fuzz_command.c - a client's line, looked at byte by byte and at once: the same verb, argument and path. And as what follows
 * AUTH: a name within its bounds, that is part of what was sent. */
#include "fuzz.h"
#include "smtp/auth.h"
#include "smtp/command.h"

static void check(const struct command_scan *s, const uint8_t *line, uint32_t len)
{
	uint64_t bytes;
	bool last;

	FUZZ_CHECK(s->verb < SMTP_VERB_COUNT && s->at <= len);
	FUZZ_CHECK(s->verb_at <= s->verb_end && s->verb_end <= len && s->arg_at <= len);
	FUZZ_CHECK(s->path_at <= s->path_end && s->path_end <= len);
	FUZZ_CHECK(command_word(line, s->arg_at, len) <= len - s->arg_at);
	command_parse_chunk(line, s->arg_at, len, &bytes, &last);
}

static void check_auth(const uint8_t *line, uint32_t len)
{
	struct auth a = { .len = AUTH_USER_MAX };

	auth_begin(&a, line, len);
	FUZZ_CHECK(a.len <= AUTH_USER_MAX && a.len <= len / 4 * 3 + 3 && (!a.cut || a.len == AUTH_USER_MAX));
	auth_begin(&a, (const uint8_t *)"CRAM-MD5", 8);
	auth_respond(&a, line, len);
	FUZZ_CHECK(a.len <= AUTH_USER_MAX && a.len <= len / 4 * 3 + 3 && !memchr(a.user, ' ', a.len));
	auth_begin(&a, (const uint8_t *)"PLAIN", 5);
	auth_respond(&a, line, len);
	FUZZ_CHECK(a.len <= AUTH_USER_MAX && !memchr(a.user, '\0', a.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = (uint32_t)(size < SMTP_LINE_MAX ? size : SMTP_LINE_MAX), at;
	uint8_t *line = input_copy(data, len);
	struct command_scan whole = { 0 }, bytes = { 0 };

	if (memchr(data, '\n', len))
		len = (uint32_t)((const uint8_t *)memchr(data, '\n', len) - data);
	command_scan(&whole, line, len);
	command_finish(&whole, line, len);
	for (at = 1; at <= len; at++) {
		uint8_t *start = input_copy(line, at); /* the line so far, and nothing behind it */

		command_scan(&bytes, start, at);
		free(start);
	}
	command_finish(&bytes, line, len);
	FUZZ_CHECK(memcmp(&whole, &bytes, sizeof(whole)) == 0);
	check(&whole, line, len);
	check_auth(line, len);
	free(line);
	return 0;
}
