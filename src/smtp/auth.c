/* auth.c - see auth.h.
 *
 *   PLAIN     base64( [authorize-as] NUL name NUL password )      RFC 4616
 *   LOGIN     base64( name ), then base64( password )             draft-murchison-sasl-login
 *   CRAM-MD5  base64( name SP digest )                            RFC 2195
 *
 * Each is fields with a separator, of which one is the name. Decoding stops where that field ends, at the first letter that
 * is not base64, and at the end of the line, so it is bounded by what was kept of the line. "=" is an empty response,
 * "*" gives up (RFC 4954 section 4).
 */
#include "smtp/auth.h"

#include <string.h>
#include <strings.h>

enum { AWAITS_NOTHING, LETTER_BITS = 6, BYTE_BITS = 8, NEVER = -1 };

static const struct mechanism {
	const char *name;
	int separator;  /* NEVER = the name is all there is */
	unsigned field; /* which one is the name */
} mechanisms[] = {
	{ "PLAIN", '\0', 1 },
	{ "LOGIN", NEVER, 0 },
	{ "CRAM-MD5", ' ', 0 },
};
enum { MECHANISMS = sizeof(mechanisms) / sizeof(mechanisms[0]) };

/* 0..63, or -1. */
static int value_of(uint8_t letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return letter - 'A';
	if (letter >= 'a' && letter <= 'z')
		return letter - 'a' + 26;
	if (letter >= '0' && letter <= '9')
		return letter - '0' + 52;
	return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

static void keep_byte(struct auth *a, uint8_t byte)
{
	if (a->len < AUTH_USER_MAX)
		a->user[a->len++] = (char)byte;
	else
		a->cut = true;
}

static void read_name(struct auth *a, const struct mechanism *m, const uint8_t *text, uint32_t len)
{
	unsigned field = 0, bits = 0, held = 0;
	uint8_t byte;
	uint32_t i;
	int value;

	for (i = 0; i < len && (value = value_of(text[i])) >= 0; i++) {
		held = held << LETTER_BITS | (unsigned)value;
		bits += LETTER_BITS;
		if (bits < BYTE_BITS)
			continue;
		bits -= BYTE_BITS;
		byte = (uint8_t)(held >> bits);
		held &= (1u << bits) - 1;
		field += byte == m->separator;
		if (field > m->field)
			return;
		if (field == m->field && byte != m->separator)
			keep_byte(a, byte);
	}
}

/* The next word of text[*at, len), behind blanks; its length. */
static uint32_t next_word(const uint8_t *text, uint32_t len, uint32_t *at)
{
	uint32_t end;

	while (*at < len && (text[*at] == ' ' || text[*at] == '\t'))
		++*at;
	for (end = *at; end < len && text[end] != ' ' && text[end] != '\t' && text[end] != '\r';)
		end++;
	return end - *at;
}

void auth_begin(struct auth *a, const uint8_t *argument, uint32_t len)
{
	uint32_t at = 0, word = next_word(argument, len, &at);

	a->awaits = AWAITS_NOTHING;
	a->len = 0;
	a->cut = false;
	for (unsigned i = 0; i < MECHANISMS; i++)
		if (word == strlen(mechanisms[i].name) &&
		        strncasecmp((const char *)argument + at, mechanisms[i].name, word) == 0)
			a->awaits = (uint8_t)(1 + i);
	at += word;
	word = next_word(argument, len, &at);
	if (word > 0)
		auth_respond(a, argument + at, word);
}

void auth_respond(struct auth *a, const uint8_t *response, uint32_t len)
{
	if (a->awaits == AWAITS_NOTHING)
		return;
	read_name(a, &mechanisms[a->awaits - 1], response, len);
	a->awaits = AWAITS_NOTHING;
}
