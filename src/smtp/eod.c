/* eod.c - see eod.h.
 *
 *            break          "."          break
 *   TEXT ----------> BREAK -----> DOT ----------> BEHIND ---> found, and BREAK again
 *
 * A break is CR, LF or CRLF, the last one before the dot counting, the shortest that can be behind it: any CRs, up
 * to and with one LF. NULs in between belong to it, since there are servers that never see them. With a plain CRLF on
 * both sides it is the end to everybody. Behind a dot and a NUL any text may stand before the break: to servers that hold
 * lines in C strings the line is the dot alone (OpenSMTPD does).
 *
 * What follows a sequence that only the lenient reader takes for the end: the line right behind it is held against
 * all commands in the tables, every later line of the body against MAIL with a path alone. Unknown words before it are
 * no way out: servers answer many of them (500) before they hang up, and without MAIL nothing is smuggled. So an
 * honest body with a lone dot written by a broken program says at most that servers differ about it; to hide
 * commands, lines have to look like them. Blanks and NULs are read as lenient servers do.
 *
 * Speed: all that matters is next to a dot that has CR, LF or NUL in front, so eod_skip() looks for a dot
 * behind a byte up to CR in blocks, with the compiler's vector types, and everything else goes byte by byte from the
 * break's first byte on. Behind a found sequence only the rest of lines that are no command is skipped.
 *
 * Rejected: memchr() for each of LF, CR and NUL (three passes in lines of 76 bytes); waiting for a full line before
 * anything is said (the command would have arrived).
 *
 * Sources: RFC 5321 2.3.8, 4.1.1.4, 4.5.2; the sequences are those of SEC Consult's "SMTP Smuggling" (2023), of
 * the tests published after it, and what follows from putting NULs and CRs anywhere.
 */
#include "smtp/eod.h"

#include <string.h>

enum eod_phase { EOD_TEXT, EOD_BREAK, EOD_DOT, EOD_BEHIND };
enum eod_break_kind { EOD_NO_BREAK, EOD_CR, EOD_LF, EOD_CRLF, EOD_BREAK_KINDS };
enum {
	VERB_MIN = 4,                 /* letters of the shortest verb */
	BREAK_MAX = EOD_BYTES_MAX / 2 /* of the bytes that are kept are for the break before the dot */
};
enum eod_told { TOLD_NOTHING, TOLD_LONE, TOLD_HIDES };

/* Servers read these after an end of data. */
static const struct {
	const char *verb;
	uint8_t least, most; /* words behind the verb */
} commands[] = {
	{ "EHLO", 1, 1 },
	{ "HELO", 1, 1 },
	{ "LHLO", 1, 1 },
	{ "RSET", 0, 0 },
	{ "NOOP", 0, 0 },
	{ "QUIT", 0, 0 },
	{ "DATA", 0, 0 },
	{ "HELP", 0, 0 },
	{ "STARTTLS", 0, 0 },
	{ "BDAT", 1, 2 },
	{ "AUTH", 1, 2 },
	{ "VRFY", 1, 1 },
	{ "EXPN", 1, 1 },
	{ "ETRN", 1, 1 },
	{ "XCLIENT", 1, 9 },
	{ "XFORWARD", 1, 9 },
};
/* Right behind the sequence known by the colon, before the line has ended; further behind by the path. */
static const struct {
	const char *text, *verb;
	bool later;
} paths[] = {
	{ "MAIL FROM:", "MAIL", true },
	{ "RCPT TO:", "RCPT", false },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void eod_begin(struct eod *e)
{
	memset(e, 0, sizeof(*e));
	e->phase = EOD_BREAK;
	e->before = (struct eod_break) { .kind = EOD_CRLF, .crs = 1 };
}

void eod_gap(struct eod *e)
{
	e->phase = EOD_TEXT;
	e->before = (struct eod_break) { 0 };
	e->line_len = 0;
	e->dull = true; /* up to the next break */
	e->first_line = e->settled = false;
}

/* ---- breaks -------------------------------------------------------------------------------------- */

/* True: the break begins anew with this byte. */
static bool break_grow(struct eod_break *b, uint8_t byte)
{
	bool goes_on = b->kind == EOD_CR && (byte == '\n' || !b->nul);

	if (byte == 0) {
		b->nul = b->kind != EOD_NO_BREAK;
		return false;
	}
	if (!goes_on)
		*b = (struct eod_break) { 0 };
	if (byte == '\r')
		b->crs = b->crs < 2 ? b->crs + 1 : 2;
	b->kind = byte == '\r' ? EOD_CR : b->kind == EOD_CR ? EOD_CRLF : EOD_LF;
	return !goes_on;
}

static bool is_strict(const struct eod_break *b)
{
	return b->kind == EOD_CRLF && !b->nul;
}

/* Runs of CR and NUL may be of any length. */
static void keep(struct eod *e, uint8_t byte, uint8_t room)
{
	if (e->len < room)
		e->bytes[e->len++] = byte;
	else
		e->cut = true;
}

/* ---- commands behind a found sequence ---------------------------------------------------------------- */

static void hides(struct eod *e, const char *verb)
{
	e->found.hides = true;
	e->found.command = verb;
	e->found.command_offset = e->line_offset;
}

static bool begins_with(const struct eod *e, const char *text)
{
	size_t n = strlen(text);

	return e->line_len >= n && memcmp(e->line, text, n) == 0;
}

/* A path and no prose: a bracket, or at the line's end one word and parameters, which have an equals sign. */
static bool is_path(const char *text, unsigned len, bool cut, bool over)
{
	unsigned at = len > 0 && text[0] == ' ', word;

	if (at < len && text[at] == '<')
		return true;
	if (!over || at == len)
		return false;
	for (word = 0; at < len; word++) {
		bool equals = false;

		for (; at < len && text[at] != ' '; at++)
			equals = equals || text[at] == '=';
		if (word > 0 && !equals && !(at == len && cut))
			return false;
		at++;
	}
	return true;
}

static void judge_path(struct eod *e, bool over)
{
	size_t i, n;

	for (i = 0; i < COUNT(paths); i++) {
		n = strlen(paths[i].text);
		if (begins_with(e, paths[i].text) &&
		        (e->first_line || (paths[i].later && is_path(e->line + n, (unsigned)(e->line_len - n),
		                                                     e->line_len == EOD_LINE_MAX, over))))
			hides(e, paths[i].verb);
	}
}

static void judge_line(struct eod *e)
{
	unsigned words = 0, i;

	if (!e->first_line)
		return;
	for (i = 1; i < e->line_len; i++)
		words += e->line[i - 1] == ' ';
	for (i = 0; i < COUNT(commands); i++) {
		size_t n = strlen(commands[i].verb);

		if (begins_with(e, commands[i].verb) && (e->line_len == n || e->line[n] == ' ') &&
		        words >= commands[i].least && words <= commands[i].most)
			hides(e, commands[i].verb);
	}
}

static bool is_verb_begun(const struct eod *e)
{
	size_t i;

	for (i = 0; i < COUNT(paths); i++)
		if ((e->first_line || paths[i].later) && memcmp(e->line, paths[i].text, VERB_MIN) == 0)
			return true;
	for (i = 0; e->first_line && i < COUNT(commands); i++)
		if (memcmp(e->line, commands[i].verb, VERB_MIN) == 0)
			return true;
	return false;
}

static void begin_line(struct eod *e)
{
	e->line_len = 0;
	e->blank = e->dull = false;
}

static void watch_byte(struct eod *e, uint8_t byte, uint64_t offset)
{
	uint8_t before = e->line_len;

	if (byte == '\r' || byte == '\n') {
		judge_path(e, true);
		judge_line(e);
		e->first_line = e->first_line && e->line_len == 0;
		begin_line(e);
		return;
	}
	if (byte == ' ' || byte == '\t' || byte == 0) {
		e->blank = e->blank || byte != 0;
		return;
	}
	if (e->line_len == 0)
		e->line_offset = offset;
	else if (e->blank && byte != ':' && e->line_len < EOD_LINE_MAX)
		e->line[e->line_len++] = ' ';
	e->blank = false;
	if (e->line_len < EOD_LINE_MAX)
		e->line[e->line_len++] = (char)(byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
	if (before < VERB_MIN && e->line_len >= VERB_MIN)
		e->dull = !is_verb_begun(e);
	if (byte == ':' || byte == '<')
		judge_path(e, false);
}

/* ---- the dot ------------------------------------------------------------------------------------------ */

static enum event_eod_what what_is(const struct eod *e)
{
	static const uint8_t by_breaks[EOD_BREAK_KINDS][EOD_BREAK_KINDS] = {
		[EOD_CR] = { [EOD_CR] = EOD_CR_DOT_CR,
		        [EOD_LF] = EOD_CR_DOT_LF,
		        [EOD_CRLF] = EOD_CR_DOT_CRLF },
		[EOD_LF] = { [EOD_CR] = EOD_LF_DOT_CR,
		        [EOD_LF] = EOD_LF_DOT_LF,
		        [EOD_CRLF] = EOD_LF_DOT_CRLF },
		[EOD_CRLF] = { [EOD_CR] = EOD_CRLF_DOT_CR, [EOD_LF] = EOD_CRLF_DOT_LF },
	};

	if (e->before.nul || e->nul_behind)
		return EOD_NUL;
	if (e->after.crs > 1)
		return EOD_CR_RUN;
	return (enum event_eod_what)by_breaks[e->before.kind][e->after.kind];
}

/* The body has ended for the lenient reader. */
static void find(struct eod *e)
{
	if (e->found.hides)
		return; /* what is told about it may not depend on how much has been read since */
	e->found.what = (uint8_t)what_is(e);
	e->found.len = e->len;
	e->found.cut = e->cut;
	memcpy(e->found.bytes, e->bytes, e->len);
	e->found.offset = e->offset;
	e->found.count += !e->settled && e->found.count < UINT32_MAX;
	e->settled = false;
	e->first_line = true;
	begin_line(e);
}

static bool is_watching(const struct eod *e)
{
	return e->found.count > 0 && !e->found.hides;
}

/* The break behind the dot is the one before the next dot, should that follow. */
static void turn_over(struct eod *e)
{
	uint8_t len = (uint8_t)(e->len - e->dot_at - 1);

	find(e);
	memmove(e->bytes, e->bytes + e->dot_at + 1, len);
	e->len = len;
	e->offset = e->dot_offset + 1;
	e->before = e->after;
	e->phase = EOD_BREAK;
}

static enum eod_step step_before(struct eod *e, uint8_t byte, uint64_t offset)
{
	if (eod_is_break(byte)) {
		if (break_grow(&e->before, byte) || e->len == 0) {
			e->len = 0;
			e->cut = false;
			e->offset = offset;
		}
		keep(e, byte, BREAK_MAX);
		e->phase = e->before.kind == EOD_NO_BREAK ? EOD_TEXT : EOD_BREAK;
		return EOD_CONTENT;
	}
	if (byte != '.' || e->phase == EOD_TEXT) {
		e->phase = EOD_TEXT;
		e->before = (struct eod_break) { 0 };
		return EOD_CONTENT;
	}
	if (e->len == 0)
		e->offset = offset; /* the break is DATA's own, at the start of a body */
	e->dot_at = e->len;
	e->dot_offset = offset;
	keep(e, byte, EOD_BYTES_MAX);
	e->phase = EOD_DOT;
	e->after = (struct eod_break) { 0 };
	e->nul_behind = e->settled = false;
	return is_strict(&e->before) ? EOD_TRANSPARENCY : EOD_CONTENT;
}

static enum eod_step step_behind(struct eod *e, uint8_t byte, uint64_t offset)
{
	bool strict = is_strict(&e->before) && !e->nul_behind && e->after.crs < 2;
	bool held = strict && e->after.kind == EOD_CR;

	if (held && byte == '\n')
		return EOD_END;
	if (eod_is_break(byte)) {
		break_grow(&e->after, byte);
		e->nul_behind = e->nul_behind || byte == 0;
		keep(e, byte, EOD_BYTES_MAX);
		e->phase = EOD_BEHIND;
		if (byte == '\n')
			turn_over(e);
		if (held)
			return EOD_LATE;
		return strict && byte == '\r' ? EOD_HELD : EOD_CONTENT;
	}
	if (e->after.kind == EOD_NO_BREAK && e->nul_behind) {
		e->cut = true; /* text: not kept */
		return EOD_CONTENT;
	}
	if (e->after.kind != EOD_NO_BREAK) {
		turn_over(e);
	} else {
		e->before = (struct eod_break) { 0 };
		e->phase = EOD_TEXT;
	}
	step_before(e, byte, offset); /* behind CR or in a line: content in any case */
	return held ? EOD_LATE : EOD_CONTENT;
}

enum eod_step eod_step(struct eod *e, uint8_t byte, uint64_t offset)
{
	enum eod_step step = e->phase < EOD_DOT ? step_before(e, byte, offset) : step_behind(e, byte, offset);

	if (is_watching(e))
		watch_byte(e, byte, offset);
	return step;
}

void eod_settle(struct eod *e)
{
	if (e->phase != EOD_BEHIND || e->after.kind == EOD_NO_BREAK || e->settled)
		return;
	find(e);
	e->settled = true;
}

const struct eod_found *eod_take(struct eod *e, bool over)
{
	enum eod_told now = e->found.hides               ? TOLD_HIDES
	                    : over && e->found.count > 0 ? TOLD_LONE
	                                                 : TOLD_NOTHING;

	if (now <= e->told)
		return NULL;
	e->told = (uint8_t)now;
	return &e->found;
}

/* ---- skipping ------------------------------------------------------------------------------------------ */

enum { BLOCK = 64, LANES = 16 };
typedef uint8_t lanes __attribute__((vector_size(LANES)));

/* p[-1] may be read, too. */
static bool has_dot_behind_break(const uint8_t *p)
{
	uint64_t any[LANES / 8];
	lanes here, before, hit = { 0 };
	unsigned i;

	for (i = 0; i < BLOCK; i += LANES) {
		memcpy(&here, p + i, LANES);
		memcpy(&before, p + i - 1, LANES);
		hit |= (lanes)(here == '.') & (lanes)(before <= '\r');
	}
	memcpy(any, &hit, LANES);
	return (any[0] | any[1]) != 0;
}

/* From `at` on: the first dot behind a break, or len. */
static uint32_t find_dot(const uint8_t *bytes, uint32_t at, uint32_t len)
{
	uint32_t end;

	while (at < len) {
		if (len - at >= BLOCK && !has_dot_behind_break(bytes + at)) {
			at += BLOCK;
			continue;
		}
		end = len - at > BLOCK ? at + BLOCK : len;
		for (; at < end; at++)
			if (bytes[at] == '.' && eod_is_break(bytes[at - 1]))
				return at;
	}
	return len;
}

uint32_t eod_skip(const struct eod *e, const uint8_t *bytes, uint32_t len)
{
	uint32_t at = 0;

	if (e->phase != EOD_TEXT)
		return 0;
	if (is_watching(e)) {
		while (e->dull && at < len && !eod_is_break(bytes[at]))
			at++;
		return at;
	}
	at = find_dot(bytes, 1, len);
	while (at > 0 && eod_is_break(bytes[at - 1]))
		at--;
	return at;
}
