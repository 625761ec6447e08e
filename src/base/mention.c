/* mention.c - see mention.h.
 *
 * Addresses are read as addresses, whatever they are written like, and not compared as text: 2001:DB8:0::1 is 2001:db8::1.
 * A mailbox has a list of spellings, compared without regard to case, and has to begin and end where no other name goes on.
 * In doubt a text names it: to forget a line too many does less harm than to keep one.
 *
 * Limits: a mailbox of more than MENTION_BYTES_MAX bytes is known by its first ones. An address within the name of a host
 * (192-0-2-1.dsl.example) is not seen; nor is a local part that stands alone, since it may be anybody's.
 */
#include "base/mention.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAILBOX_MAX = 254, TOKEN_MAX = 64, SOURCE_BITS_V6 = 64 };

static uint16_t find_rare(const char *bytes, size_t len)
{
	static const char rare[] = "@!%=";

	for (size_t r = 0; rare[r]; r++) {
		const char *found = memrchr(bytes, rare[r], len);

		if (found)
			return (uint16_t)(found - bytes);
	}
	return 0;
}

/* ---- who is meant ------------------------------------------------------------------------------- */

void mention_add(struct mention *m, const char *bytes, size_t len, bool loose)
{
	struct mention_spelling *s = &m->spellings[m->count];

	if (m->count == MENTION_SPELLINGS_MAX || len == 0)
		return;
	s->cut = len > sizeof(s->bytes);
	s->len = (uint16_t)(s->cut ? sizeof(s->bytes) : len);
	s->loose = loose;
	memcpy(s->bytes, bytes, s->len);
	s->rare = find_rare(s->bytes, s->len);
	m->count++;
}

static void join(struct mention *m, const char *first, size_t first_len, const char *sign, const char *second,
        size_t second_len, bool loose)
{
	char text[MAILBOX_MAX + 4];
	int len = snprintf(
	        text, sizeof(text), "%.*s%s%.*s", (int)first_len, first, sign, (int)second_len, second);

	if (len > 0 && (size_t)len < sizeof(text))
		mention_add(m, text, (size_t)len, loose);
}

static bool is_domain_byte(unsigned char c)
{
	return isalnum(c) || c == '-' || c == '.' || c >= 0x80;
}

static bool is_domain(const char *text)
{
	if (*text == '[')
		return text[strlen(text) - 1] == ']';
	for (const char *p = text; *p; p++)
		if (!is_domain_byte((unsigned char)*p))
			return false;
	return *text != '\0';
}

static int parse_mailbox(const char *text, struct mention *out)
{
	const char *at = strrchr(text, '@');
	size_t len = strlen(text), local = (size_t)(at - text);

	if (local == 0 || len > MAILBOX_MAX || !is_domain(at + 1))
		return -EINVAL;
	for (const char *p = text; p < at; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || strchr("<>", *p) || (*p == ' ' && *text != '"'))
			return -EINVAL;
	memset(out, 0, sizeof(*out));
	out->is_mailbox = true;
	mention_add(out, text, len, false);
	join(out, text, local, "%", at + 1, len - local - 1, false);
	join(out, text, local, "%40", at + 1, len - local - 1, false);
	if (len <= MENTION_BYTES_MAX) /* cut, it would be anybody's there */
		join(out, at + 1, len - local - 1, "!", text, local, false);
	join(out, text, local, "=", at + 1, len - local - 1, true);
	return 0;
}

int mention_parse(const char *text, struct mention *out)
{
	struct prefix p;
	bool is_v4;
	int r;

	if (strchr(text, '@'))
		return parse_mailbox(text, out);
	r = prefix_parse(text, &p);
	if (r)
		return r;
	is_v4 = addr_is_v4(&p.addr);
	if (p.bits < (is_v4 ? MENTION_BITS_V4 : MENTION_BITS_V6))
		return -ERANGE;
	memset(out, 0, sizeof(*out));
	out->host = p.addr;
	if (!is_v4 && p.bits > SOURCE_BITS_V6)
		p = (struct prefix) { addr_mask(&p.addr, SOURCE_BITS_V6), SOURCE_BITS_V6 };
	out->prefix = p;
	return 0;
}

/* ---- mailboxes ---------------------------------------------------------------------------------- */

static bool is_local_byte(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

static bool is_word_byte(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || c == '_' || c == '.';
}

/* At the end of a sentence there is a dot, which is no domain's. */
static bool goes_on(const char *at, const char *end)
{
	if (at < end && *at == '.')
		at++;
	return at < end && (isalnum((unsigned char)*at) || *at == '-' || (unsigned char)*at >= 0x80);
}

static bool stands_alone(
        const struct mention_spelling *s, const char *begin, const char *at, const char *end, bool is_path)
{
	unsigned char before = at > begin ? (unsigned char)at[-1] : ' ';

	if (s->loose ? isalnum(before) : is_path ? is_local_byte(before) : is_word_byte(before))
		return false;
	return s->cut || !goes_on(at + s->len, end);
}

static bool find_spelling(const struct mention_spelling *s, const char *bytes, size_t len, bool is_path,
        struct mention_place *out)
{
	const char *end = bytes + len, *from = bytes + s->rare, *at;

	while (end > from && (from = memchr(from, s->bytes[s->rare], (size_t)(end - from)))) {
		at = from++ - s->rare;
		if ((size_t)(end - at) < s->len || strncasecmp(at, s->bytes, s->len) != 0 ||
		        !stands_alone(s, bytes, at, end, is_path))
			continue;
		*out = (struct mention_place) { (size_t)(at - bytes), s->len };
		return true;
	}
	return false;
}

static bool find_mailbox(
        const struct mention *m, const char *bytes, size_t len, bool is_path, struct mention_place *out)
{
	for (unsigned i = 0; i < m->count; i++)
		if (find_spelling(&m->spellings[i], bytes, len, is_path, out))
			return true;
	return false;
}

/* ---- addresses ---------------------------------------------------------------------------------- */

static bool is_one(const struct mention *m, const char *bytes, size_t len)
{
	char text[TOKEN_MAX];
	struct addr a;

	if (len == 0 || len >= sizeof(text))
		return false;
	memcpy(text, bytes, len);
	text[len] = '\0';
	return addr_parse(text, &a) == 0 && mention_is_addr(m, &a);
}

/* Also "2001:db8::1:" before something else, and what ends a sentence; *len: without that. */
static bool is_named(const struct mention *m, const char *bytes, size_t *len)
{
	while (*len > 0 && bytes[*len - 1] == '.')
		--*len;
	if (is_one(m, bytes, *len))
		return true;
	return *len > 0 && bytes[*len - 1] == ':' && is_one(m, bytes, --*len);
}

/* What is made of these bytes alone, from i on. */
static size_t run_of(const char *bytes, size_t len, size_t i, bool is_v4)
{
	size_t end = i;

	while (end < len &&
	        (is_v4 ? isdigit((unsigned char)bytes[end]) || bytes[end] == '.'
	               : isxdigit((unsigned char)bytes[end]) || bytes[end] == ':' || bytes[end] == '.'))
		end++;
	return end - i;
}

/* "192.0.2.1:25" is no address, "192.0.2.1" within it is. */
static bool find_dotted(
        const struct mention *m, const char *bytes, size_t begin, size_t end, struct mention_place *out)
{
	for (size_t i = begin, run; i < end; i += run ? run : 1) {
		run = run_of(bytes, end, i, true);
		*out = (struct mention_place) { i, run };
		if (run > 0 && is_named(m, bytes + i, &out->len))
			return true;
	}
	return false;
}

/* An address literal: "[IPv6:2001:db8::1]". */
static size_t skip_tag(const char *bytes, size_t len, size_t i)
{
	static const char tag[] = "IPv6:";

	return len - i > sizeof(tag) - 1 && strncasecmp(bytes + i, tag, sizeof(tag) - 1) == 0
	               ? sizeof(tag) - 1
	               : 0;
}

/* A word: what is hexadecimal in it is no address. */
static size_t skip_word(const char *bytes, size_t len, size_t i)
{
	if (!isalnum((unsigned char)bytes[i]))
		return i + 1;
	while (i < len && isalnum((unsigned char)bytes[i]) && skip_tag(bytes, len, i) == 0)
		i++;
	return i;
}

static bool find_addr(const struct mention *m, const char *bytes, size_t len, struct mention_place *out)
{
	size_t i = 0, run;

	while (i < len) {
		i += skip_tag(bytes, len, i);
		run = run_of(bytes, len, i, false);
		*out = (struct mention_place) { i, run };
		if (run > 0 && (is_named(m, bytes + i, &out->len) || find_dotted(m, bytes, i, i + run, out)))
			return true;
		i = run > 0 ? i + run : skip_word(bytes, len, i);
	}
	return false;
}

/* ---- asking ------------------------------------------------------------------------------------- */

bool mention_find(const struct mention *m, const char *bytes, size_t len, struct mention_place *out)
{
	return m->is_mailbox ? find_mailbox(m, bytes, len, false, out) : find_addr(m, bytes, len, out);
}

bool mention_in(const struct mention *m, const char *bytes, size_t len)
{
	struct mention_place place;

	return mention_find(m, bytes, len, &place);
}

bool mention_is_path(const struct mention *m, const char *bytes, size_t len)
{
	struct mention_place place;

	return m->is_mailbox ? find_mailbox(m, bytes, len, true, &place) : find_addr(m, bytes, len, &place);
}

bool mention_is_addr(const struct mention *m, const struct addr *a)
{
	return !m->is_mailbox && prefix_contains(&m->prefix, a);
}

bool mention_holds(const struct mention *m, const struct prefix *p)
{
	return !m->is_mailbox && p->bits >= m->prefix.bits && prefix_contains(&m->prefix, &p->addr);
}
