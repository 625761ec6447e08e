/* defer.c - keeps a transaction from its end without an error that the server would count.
 *
 * DATA becomes RSET, of which servers count none or few, and no body follows. A BDAT can't become anything else,
 * because its bytes follow whatever the server says (RFC 3030 section 2) and would be read as commands; so
 * its LAST is blanked: the server takes the chunk and waits for more of a mail that never ends. The client
 * has been told that this mail failed and need not say RSET (RFC 3030 section 2 asks for none), but to its next
 * MAIL the server would say 503 (RFC 5321 4.1.4). So that MAIL becomes RSET, all behind the word blanks, and is told
 * 451, too: the server is where the client believes it is, and the MAIL after it is a MAIL.
 *
 * Letters are told as they come, each before it leaves. A word that begins like one of these and goes on
 * otherwise is as unknown to the server as it was; but where all of it was replaced, the server may know what we do
 * not: "MAILX" has become RSET and blanks, and "DATA" with a NUL behind it is DATA to servers whose lines end there.
 * So the answer to such a command is told as that of a deferral. A word that has begun to be replaced is replaced
 * to its end, whatever the server answers meanwhile.
 *
 * A deferral ends by the server's word that it has begun anew, so that word has to be about that. Behind lines that
 * some servers count otherwise than we do (bare LF or CR, NUL, too long, empty, or its end spoiled by us) it may be
 * about another command: from then on a deferral holds to the end of the connection.
 *
 * Rejected: NOOP in place of MAIL (a RCPT sent along with it would join the old transaction); to rewrite the
 * 503 only (so would every later one, and that client never mails again on this connection).
 */
#include "smtp/state.h"

/* The word to be replaced, if the line has one, and what comes in its place. */
struct replacement {
	const char *word, *text;
	uint32_t at; /* in the line */
	bool to_end; /* all that follows becomes blank */
};

enum { WORD_BYTES = 4 };

static uint32_t skip_blanks(const struct dialogue *d, uint32_t at)
{
	while (at < d->line.kept && command_is_blank(d->store[at]))
		at++;
	return at;
}

static uint32_t match(const struct dialogue *d, const char *word, uint32_t from, uint32_t matched)
{
	while (matched < WORD_BYTES && from + matched < d->line.kept &&
	        (d->store[from + matched] & ~0x20) == word[matched])
		matched++;
	return matched;
}

/* False: nothing of this line is to be replaced, or it is too early to tell. */
static bool find_word(const struct dialogue *d, struct replacement *r)
{
	uint32_t at = skip_blanks(d, 0);

	if (d->left_open && match(d, "MAIL", at, 0) > 0) {
		*r = (struct replacement) { "MAIL", "RSET", at, true };
		return true;
	}
	if (match(d, "BDAT", at, 0) < WORD_BYTES) {
		*r = (struct replacement) { "DATA", "RSET", at, false };
		return defer_is_on(d);
	}
	at = skip_blanks(d, at + WORD_BYTES);
	while (at < d->line.kept && d->store[at] >= '0' && d->store[at] <= '9')
		at++;
	*r = (struct replacement) { "LAST", "    ", skip_blanks(d, at), false };
	return defer_is_on(d);
}

/* Where the new bytes of the line end, but for what ends it. */
static uint64_t text_end(const struct piece *p, uint32_t used)
{
	while (used > 0 && (p->bytes[used - 1] == '\r' || p->bytes[used - 1] == '\n'))
		used--;
	return p->offset + used;
}

void defer_tell_letters(struct dialogue *d, const struct piece *p, uint32_t used)
{
	struct replacement r;
	uint64_t word, from, to;
	uint32_t letters;
	struct due *due;

	if (p->late || !find_word(d, &r))
		return;
	word = d->line.offset + r.at;
	letters = match(d, r.word, r.at, d->defer_letters);
	from = word + d->defer_letters;
	to = word + letters;
	if (letters > d->defer_letters && from < p->offset)
		return; /* the first has left long ago: defer_command() says so */
	if (r.to_end && letters == WORD_BYTES)
		to = text_end(p, used);
	from = from > p->offset ? from : p->offset;
	if (to > from) {
		due = due_add(d, SMTP_FACT_DEFER);
		due->at = p->at + (uint32_t)(from - p->offset);
		due->len = (uint32_t)(to - from);
		due->text = r.text + d->defer_letters;
	}
	d->defer_letters = (uint8_t)letters;
}

void defer_command(struct dialogue *d, struct smtp_command *c)
{
	if (d->defer_letters == WORD_BYTES)
		c->judgement.refused = 1;
	else
		due_add(d, SMTP_FACT_DEFER);
}

void defer_unknown(struct dialogue *d, struct smtp_command *c)
{
	c->judgement.refused = d->defer_letters == WORD_BYTES;
}
