/* defer.c - keeps a transaction from its end without an error that the server would count.
 *
 * DATA becomes RSET, of which servers count none or few, and no body follows. A BDAT can't become anything else,
 * because its bytes follow whatever the server says (RFC 3030 section 2) and would be read as commands; so
 * its LAST is blanked: the server takes the chunk and waits for more of a mail that never ends.
 *
 * Letters are told as they come, each before it leaves. A word that begins like one of the two and goes on
 * otherwise is as unknown to the server as it was.
 */
#include "smtp/state.h"

/* The word to be replaced, if the line has one, and what comes in its place. */
struct replacement {
	const char *word, *text;
	uint32_t at; /* in the line */
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

static struct replacement find_word(const struct dialogue *d)
{
	uint32_t at = skip_blanks(d, 0);

	if (match(d, "BDAT", at, 0) < WORD_BYTES)
		return (struct replacement) { "DATA", "RSET", at };
	at = skip_blanks(d, at + WORD_BYTES);
	while (at < d->line.kept && d->store[at] >= '0' && d->store[at] <= '9')
		at++;
	return (struct replacement) { "LAST", "    ", skip_blanks(d, at) };
}

void defer_tell_letters(struct dialogue *d, const struct piece *p)
{
	struct replacement r = find_word(d);
	uint64_t offset = d->line.offset + r.at + d->defer_letters;
	uint32_t to = match(d, r.word, r.at, d->defer_letters);
	struct due *due;

	if (to == d->defer_letters || p->late || offset < p->offset)
		return; /* none, or the first has left long ago: defer_command() says so */
	due = due_add(d, SMTP_FACT_DEFER);
	due->at = p->at + (uint32_t)(offset - p->offset);
	due->len = to - d->defer_letters;
	due->text = r.text + d->defer_letters;
	d->defer_letters = (uint8_t)to;
}

void defer_command(struct dialogue *d, struct smtp_command *c)
{
	if (!d->deferring)
		return;
	if (d->defer_letters == WORD_BYTES)
		c->judgement.refused = 1;
	else
		due_add(d, SMTP_FACT_DEFER);
}
