/* command.c - client line to verb and path.
 *
 * A scan walks over the line as it arrives, one state per byte, so that the path of a RCPT is known
 * at its closing '>' and no byte is looked at twice. Outside the angle brackets it follows the most
 * lenient servers: Postfix takes "RCPT TO:a@b", Exim "RCPT TO : name <a@b>", both a verb in lower case.
 *
 * A '>' closes the path unless it is quoted or behind a backslash (RFC 5321 4.1.2; RFC 821 allowed
 * the backslash outside quotes too, and servers still take it). Where a server would close the path
 * earlier than we do, it finds rubbish behind it and refuses; the other way round a recipient could
 * hide behind "\>".
 *
 * Sources: RFC 5321 4.1.1 (commands), 4.1.2 (paths), 2.4 (case); RFC 3030 (BDAT); RFC 2033 (LHLO).
 */
#include "smtp/command.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	const char *keyword;
} verbs[] = {
#define X(id, text) [SMTP_VERB_##id] = { text, NULL },
	SMTP_VERBS(X)
#undef X
};
static_assert(sizeof(verbs) / sizeof(verbs[0]) == SMTP_VERB_COUNT, "a name for each verb");

/* Words that a client can send end here; GREETING and BODY are ours. */
enum { VERBS_SENT = SMTP_VERB_GREETING };

enum scan_state {
	SCAN_LEAD,
	SCAN_VERB,
	SCAN_GAP,
	SCAN_KEYWORD,
	SCAN_COLON,
	SCAN_BEFORE_PATH,
	SCAN_PATH,
	SCAN_DONE
};

const char *smtp_verb_name(enum smtp_verb verb)
{
	return verbs[verb].name;
}

const char *command_keyword(enum smtp_verb verb)
{
	return verb == SMTP_VERB_MAIL ? "FROM" : verb == SMTP_VERB_RCPT ? "TO" : NULL;
}

/* A bare CR too: "DATA\r\r\n" is DATA to servers. */
bool command_is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

static char lower(uint8_t byte)
{
	return (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
}

static enum smtp_verb find_verb(const uint8_t *word, uint32_t len)
{
	unsigned v;

	for (v = SMTP_VERB_UNKNOWN + 1; v < VERBS_SENT; v++)
		if (strlen(verbs[v].name) == len && strncasecmp(verbs[v].name, (const char *)word, len) == 0)
			return (enum smtp_verb)v;
	return SMTP_VERB_UNKNOWN;
}

/* ---- the scan: one function per state, each takes one byte ---------------------------------- */

static void scan_lead(struct command_scan *s, const uint8_t *line, uint8_t byte)
{
	(void)line;
	if (command_is_blank(byte))
		return;
	s->verb_at = s->at;
	s->state = SCAN_VERB;
}

static void end_verb(struct command_scan *s, const uint8_t *line)
{
	s->verb_end = s->at;
	s->verb = (uint8_t)find_verb(line + s->verb_at, s->at - s->verb_at);
	s->state = SCAN_GAP;
}

static void scan_verb(struct command_scan *s, const uint8_t *line, uint8_t byte)
{
	if (command_is_blank(byte) || byte == ':')
		end_verb(s, line);
}

static void scan_path(struct command_scan *s, const uint8_t *line, uint8_t byte)
{
	(void)line;
	if (s->escaped) {
		s->escaped = false;
	} else if (byte == '\\') {
		s->escaped = true;
	} else if (byte == '"') {
		s->quoted = !s->quoted;
	} else if (byte == '<' && !s->quoted) {
		s->angle = true;
	} else if (byte == '>' && s->angle && !s->quoted) {
		s->path_done = true;
		s->path_end = s->at + 1;
		s->state = SCAN_DONE;
	}
}

static void begin_path(struct command_scan *s, const uint8_t *line, uint32_t from, uint8_t byte)
{
	s->path_at = from;
	s->state = SCAN_PATH;
	scan_path(s, line, byte);
}

static void scan_keyword(struct command_scan *s, const uint8_t *line, uint8_t byte)
{
	const char *keyword = command_keyword((enum smtp_verb)s->verb);

	if (keyword[s->matched] && lower(byte) == lower((uint8_t)keyword[s->matched]))
		s->matched++;
	else if (keyword[s->matched] == '\0' && command_is_blank(byte))
		s->state = SCAN_COLON;
	else if (keyword[s->matched] == '\0' && byte == ':')
		s->state = SCAN_BEFORE_PATH;
	else
		begin_path(s, line, s->arg_at, byte); /* a path without its keyword */
}

static void scan_gap(struct command_scan *s, const uint8_t *line, uint8_t byte)
{
	if (command_is_blank(byte))
		return;
	s->arg_at = s->at;
	s->state = command_keyword((enum smtp_verb)s->verb) ? SCAN_KEYWORD : SCAN_DONE;
	if (s->state == SCAN_KEYWORD)
		scan_keyword(s, line, byte);
}

static void scan_colon(struct command_scan *s, const uint8_t *line, uint8_t byte)
{
	if (byte == ':')
		s->state = SCAN_BEFORE_PATH;
	else if (!command_is_blank(byte))
		begin_path(s, line, s->at, byte);
}

static void scan_before_path(struct command_scan *s, const uint8_t *line, uint8_t byte)
{
	if (!command_is_blank(byte))
		begin_path(s, line, s->at, byte);
}

void command_scan(struct command_scan *s, const uint8_t *line, uint32_t len)
{
	static void (*const steps[])(struct command_scan *, const uint8_t *, uint8_t) = {
		[SCAN_LEAD] = scan_lead,
		[SCAN_VERB] = scan_verb,
		[SCAN_GAP] = scan_gap,
		[SCAN_KEYWORD] = scan_keyword,
		[SCAN_COLON] = scan_colon,
		[SCAN_BEFORE_PATH] = scan_before_path,
		[SCAN_PATH] = scan_path,
	};

	for (; s->at < len && s->state != SCAN_DONE; s->at++)
		steps[s->state](s, line, line[s->at]);
}

/* ---- the end of the line --------------------------------------------------------------------- */

uint32_t command_word(const uint8_t *line, uint32_t from, uint32_t len)
{
	uint32_t end = from;

	while (end < len && !command_is_blank(line[end]))
		end++;
	return end - from;
}

/* An ESMTP parameter: keyword, or keyword=value (RFC 5321 4.1.2). */
static bool is_parameter(const uint8_t *word, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len && word[i] != '='; i++)
		if (!(lower(word[i]) >= 'a' && lower(word[i]) <= 'z') &&
		        !(word[i] >= '0' && word[i] <= '9') && word[i] != '-')
			return false;
	return i > 0;
}

/* Where a path without brackets ends: at the first blank outside quotes if only parameters follow;
 * else it is all of the line, for whoever judges it to find unreadable. */
static uint32_t bare_path_end(const uint8_t *line, uint32_t from, uint32_t len)
{
	uint32_t end, at, n;
	bool quoted = false;

	for (end = from; end < len && (quoted || !command_is_blank(line[end])); end++) {
		if (line[end] == '\\' && end + 1 < len)
			end++;
		else if (line[end] == '"')
			quoted = !quoted;
	}
	for (at = end; at < len; at += n) {
		n = command_is_blank(line[at]) ? 1 : command_word(line, at, len);
		if (!command_is_blank(line[at]) && !is_parameter(line + at, n))
			return len;
	}
	return end;
}

bool command_in_bare_path(const struct command_scan *s)
{
	return s->state == SCAN_PATH && !s->angle;
}

void command_finish(struct command_scan *s, const uint8_t *line, uint32_t len)
{
	command_scan(s, line, len);
	if (s->state == SCAN_VERB)
		end_verb(s, line);
	if (s->state <= SCAN_GAP)
		s->arg_at = len;
	if (s->path_done || !command_keyword((enum smtp_verb)s->verb))
		return;
	while (len > 0 && command_is_blank(line[len - 1]))
		len--;
	if (s->state == SCAN_KEYWORD && command_keyword((enum smtp_verb)s->verb)[s->matched])
		s->path_at = s->arg_at; /* "RCPT t": the beginning of a keyword is a name */
	else if (s->state != SCAN_PATH)
		s->path_at = len;
	s->path_end = s->angle ? len : bare_path_end(line, s->path_at, len);
	s->path_done = true;
	s->state = SCAN_DONE;
}

bool command_parse_chunk(const uint8_t *line, uint32_t from, uint32_t len, uint64_t *bytes, bool *last)
{
	enum { DIGITS_MAX = 18 }; /* cannot overflow 64 bits */
	uint64_t n = 0;
	uint32_t at = from, word;

	for (; at < len && line[at] >= '0' && line[at] <= '9' && at - from < DIGITS_MAX; at++)
		n = n * 10 + (uint64_t)(line[at] - '0');
	if (at == from || n > INT32_MAX || (at < len && !command_is_blank(line[at])))
		return false;
	while (at < len && command_is_blank(line[at]))
		at++;
	word = command_word(line, at, len);
	*bytes = n;
	*last = word == 4 && strncasecmp((const char *)line + at, "LAST", 4) == 0;
	if (word > 0 && !*last)
		return false;
	for (at += word; at < len && command_is_blank(line[at]); at++)
		;
	return at == len;
}
