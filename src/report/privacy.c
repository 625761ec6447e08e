/* privacy.c - see privacy.h.
 *
 * A text is read word by word. A word (the bytes that a local part may have, or a quoted string) is a local part if an @ follows;
 * without one, if it stands alone in angle brackets, where a path is expected (VRFY, FROM:, TO:), if all of the text is
 * a path, or if it is the local part that this event is about. What follows an @ is a domain and passes as it is. In the address
 * of a page %40 is an @. Answers to VRFY and EXPN keep nothing but their status code.
 *
 * Its hash is SipHash of the local part in lower case, 64 bits: "hash-0123456789abcdef". Who has the key can try names; who
 * has not cannot. The domain is not part of it, since a bare name has none.
 *
 * Limits: a name in a reply's text without @ and brackets, of somebody else than the recipient, is not known for one.
 * Rejected: hashing in the watch alone (evidence and records are made in many places), and whole paths (no domain, no use).
 */
#include "report/privacy.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	HASHED_BYTES = 21 /* "hash-" and 16 digits */,
	NESTED_MAX = 2,
	EXCERPT_BYTES = 64 /* of an EVENT_ODD */
};
static const char mark[] = "hash-";

struct hiding {
	const uint8_t *key;
	char *out;
	size_t room, len;
	bool cut;
	unsigned nested;
};

static void put(struct hiding *h, const char *bytes, size_t len)
{
	size_t left = h->room - h->len;

	if (len > left) {
		h->cut = true;
		len = left;
	}
	memcpy(h->out + h->len, bytes, len);
	h->len += len;
}

static bool is_word_byte(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

static bool is_hashed(const char *bytes, size_t len)
{
	size_t i = sizeof(mark) - 1;

	if (len != HASHED_BYTES || memcmp(bytes, mark, i) != 0)
		return false;
	while (i < len && isxdigit((unsigned char)bytes[i]))
		i++;
	return i == len;
}

static void put_hash(struct hiding *h, const char *bytes, size_t len)
{
	char folded[EVENT_PATH_MAX], text[HASHED_BYTES + 1];
	size_t i;

	if (len == 0 || is_hashed(bytes, len) || (len == 10 && strncasecmp(bytes, "postmaster", len) == 0)) {
		put(h, bytes, len);
		return;
	}
	for (i = 0; i < len && i < sizeof(folded); i++)
		folded[i] = (char)tolower((unsigned char)bytes[i]);
	snprintf(text, sizeof(text), "%s%016" PRIx64, mark, hash_bytes(h->key, folded, i));
	put(h, text, HASHED_BYTES);
}

/* u%foreign.test, host!u: the user alone is somebody. */
static void put_routed(struct hiding *h, const char *bytes, size_t len)
{
	const char *end = bytes + len, *user = bytes, *percent = bytes, *p;

	for (p = bytes; p < end; p++)
		if (*p == '!' && p > bytes)
			user = p + 1;
	put(h, bytes, (size_t)(user - bytes));
	/* behind a percent sign, what has a dot is a host */
	for (percent = user; percent < end; percent++)
		if (*percent == '%' && memchr(percent, '.', (size_t)(end - percent)))
			break;
	put_hash(h, user, (size_t)(percent - user));
	put(h, percent, (size_t)(end - percent));
}

static void hide_all(struct hiding *h, const struct privacy_text *text);

static void put_local_part(struct hiding *h, const char *bytes, size_t len)
{
	const bool quoted = len >= 2 && bytes[0] == '"' && bytes[len - 1] == '"';
	const struct privacy_text inner = { bytes + 1, len - 2, true, NULL, 0, false };
	struct hiding nested = *h;

	if (!quoted) {
		put_routed(h, bytes, len);
		return;
	}
	put(h, "\"", 1);
	if (h->nested < NESTED_MAX && memchr(bytes, '@', len)) {
		nested = *h;
		nested.nested++;
		hide_all(&nested, &inner);
		h->len = nested.len;
		h->cut = nested.cut;
	} else {
		put_routed(h, inner.in, inner.len);
	}
	put(h, "\"", 1);
}

/* Where the quoted string that begins at i ends, if it is the local part of an address; i = it is none. */
static size_t quoted_end(const struct privacy_text *t, size_t i)
{
	size_t end = i + 1;

	while (end < t->len && t->in[end] != '"')
		end += t->in[end] == '\\' ? 2 : 1;
	return end + 1 < t->len && t->in[end + 1] == '@' ? end + 1 : i;
}

/* Where the word that begins at i ends; i = there is none. */
static size_t word_end(const struct privacy_text *t, size_t i)
{
	size_t begin = i;

	if (i < t->len && t->in[i] == '"')
		return quoted_end(t, i);
	while (i < t->len) {
		if (t->in[i] == '\\' && i + 1 < t->len && i > begin)
			i += 2;
		else if (is_word_byte((unsigned char)t->in[i]))
			i++;
		else
			break;
	}
	return i;
}

/* Behind an @: "[...]", or up to what no domain has. */
static size_t domain_end(const struct privacy_text *t, size_t i)
{
	if (i < t->len && t->in[i] == '[') {
		while (i < t->len && !strchr("]>@", t->in[i]))
			i++;
		return i;
	}
	while (i < t->len && (is_word_byte((unsigned char)t->in[i])))
		i++;
	return i;
}

/* The text before i ends with one of these: a path comes. */
static bool path_comes(const struct privacy_text *t, size_t i)
{
	static const char *const words[] = { "VRFY ", "EXPN ", "FROM:", "TO:", "FROM: ", "TO: " };

	if (i > 0 && t->in[i - 1] == '<')
		i--;
	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
		size_t len = strlen(words[w]);

		if (i >= len && strncasecmp(t->in + i - len, words[w], len) == 0)
			return true;
	}
	return false;
}

/* <john>, and what is cut off behind "<john"; not <mail.example.org>, <10.1.2.3>. */
static bool is_bracketed(const struct privacy_text *t, size_t begin, size_t end)
{
	if (begin == 0 || t->in[begin - 1] != '<' || (end < t->len && t->in[end] != '>'))
		return false;
	return !memchr(t->in + begin, '.', end - begin) && !memchr(t->in + begin, '/', end - begin);
}

static bool is_local_part(const struct privacy_text *t, size_t begin, size_t end)
{
	if ((end < t->len && t->in[end] == '@') || t->is_path || path_comes(t, begin) ||
	        (t->is_cut && end == t->len))
		return true;
	if (t->known_len > 0 && end - begin >= t->known_len &&
	        strncasecmp(t->in + begin, t->known, t->known_len) == 0) {
		/* "john... User unknown" */
		size_t i = begin + t->known_len;

		while (i < end && strchr(".,;:!?'", t->in[i]))
			i++;
		if (i == end)
			return true;
	}
	return is_bracketed(t, begin, end);
}

/* "john..." in a text: the dots are not his. */
static size_t without_dots(const struct privacy_text *t, size_t begin, size_t end)
{
	if (end < t->len && t->in[end] == '@')
		return end;
	while (!t->is_path && end > begin + 1 && strchr(".,;:!?'", t->in[end - 1]))
		end--;
	return end;
}

/* "Why?s=mfrom;id=john%40example.org": an address within the address of a page, as replies about SPF have it. */
static void put_word(struct hiding *h, const char *bytes, size_t len)
{
	const char *end = bytes + len, *at, *name;

	while ((at = memmem(bytes, (size_t)(end - bytes), "%40", 3))) {
		for (name = at; name > bytes && !strchr("=?&/", name[-1]); name--)
			;
		put(h, bytes, (size_t)(name - bytes));
		put_hash(h, name, (size_t)(at - name));
		put(h, at, 3);
		bytes = at + 3;
	}
	put(h, bytes, (size_t)(end - bytes));
}

static void hide_all(struct hiding *h, const struct privacy_text *t)
{
	size_t i = 0, end, name;

	while (i < t->len) {
		if (t->in[i] == '@') {
			end = domain_end(t, i + 1);
			/* u@foreign@ours: a word with a dot is a host, also where another @ follows */
			if (end < t->len && t->in[end] == '@' && !memchr(t->in + i, '.', end - i)) {
				put(h, "@", 1);
				put_hash(h, t->in + i + 1, end - i - 1);
			} else {
				put(h, t->in + i, end - i);
			}
			i = end;
			continue;
		}
		end = word_end(t, i);
		if (end == i) {
			put(h, t->in + i++, 1);
			continue;
		}
		if (is_local_part(t, i, end)) {
			name = without_dots(t, i, end);
			put_local_part(h, t->in + i, name - i);
			put(h, t->in + name, end - name);
		} else {
			put_word(h, t->in + i, end - i);
		}
		i = end;
	}
}

size_t privacy_hide_text(
        const uint8_t key[HASH_KEY_BYTES], const struct privacy_text *text, char *out, size_t room, bool *cut)
{
	struct hiding h = { .key = key, .out = out, .room = room };

	hide_all(&h, text);
	*cut = h.cut;
	return h.len;
}

void privacy_mention(const uint8_t key[HASH_KEY_BYTES], struct mention *m)
{
	const unsigned clear = m->count;

	for (unsigned i = 0; i < clear; i++) {
		const struct mention_spelling *s = &m->spellings[i];
		const struct privacy_text text = { s->bytes, s->len, true, NULL, 0, false };
		char hidden[MENTION_BYTES_MAX + HASHED_BYTES];
		bool cut;
		size_t len = privacy_hide_text(key, &text, hidden, sizeof(hidden), &cut);

		if (!s->loose &&
		        !s->cut) /* of a bare "john=example.org" all is a local part, and nothing of it left */
			mention_add(m, hidden, len, false);
	}
}

/* ---- events ------------------------------------------------------------------------------------ */

static void hide_field(const uint8_t key[HASH_KEY_BYTES], const struct privacy_text *text, char *bytes,
        size_t room, uint16_t *len, uint8_t *field_cut)
{
	char out[EVENT_PATH_MAX];
	bool cut;

	*len = (uint16_t)privacy_hide_text(key, text, out, room < sizeof(out) ? room : sizeof(out), &cut);
	memcpy(bytes, out, *len);
	*field_cut |= cut;
}

static void hide_path(const uint8_t key[HASH_KEY_BYTES], struct event_path *p)
{
	hide_field(key, &(struct privacy_text) { p->bytes, p->len, true, NULL, 0, false }, p->bytes,
	        sizeof(p->bytes), &p->len, &p->cut);
}

/* A host's, which may be anything that somebody types. */
static void hide_name(const uint8_t key[HASH_KEY_BYTES], struct event_path *p)
{
	hide_field(key, &(struct privacy_text) { p->bytes, p->len, false, NULL, 0, false }, p->bytes,
	        sizeof(p->bytes), &p->len, &p->cut);
}

/* about: the path that the text is about, as it was sent; NULL = none. */
static void hide_text(const uint8_t key[HASH_KEY_BYTES], struct event_text *t, const struct event_path *about)
{
	struct privacy_text text = { .in = t->bytes, .len = t->len, .is_cut = t->cut };
	const char *at;

	if (about && about->len > 0) {
		text.known = about->bytes + (about->bytes[0] == '<');
		text.known_len = about->len - (size_t)(about->bytes[0] == '<');
		at = memchr(text.known, '@', text.known_len);
		if (!at)
			at = memchr(text.known, '>', text.known_len);
		if (at)
			text.known_len = (size_t)(at - text.known);
	}
	hide_field(key, &text, t->bytes, sizeof(t->bytes), &t->len, &t->cut);
}

/* Of a line; one that is full ends anywhere. */
static void hide_excerpt(const uint8_t key[HASH_KEY_BYTES], struct event_text *t)
{
	const struct privacy_text text = { .in = t->bytes, .len = t->len, .is_cut = t->len >= EXCERPT_BYTES };

	hide_field(key, &text, t->bytes, sizeof(t->bytes), &t->len, &t->cut);
}

/* "2.1.5 John Doe <john@example.org>", "2.0.0 john": who is asked for by a bare name is answered by all that is known of
 * him; and what is no command is repeated by some servers, were it a user, or a password. What is left is the status code. */
static void hide_answer(struct event_command *c)
{
	struct event_text *t = &c->reply.text;
	unsigned len = 0, dots = 0;

	if (strcmp(c->verb, "VRFY") != 0 && strcmp(c->verb, "EXPN") != 0 && strcmp(c->verb, "?") != 0)
		return;
	while (len < t->len && len < sizeof(t->bytes) &&
	        (isdigit((unsigned char)t->bytes[len]) || t->bytes[len] == '.'))
		dots += t->bytes[len++] == '.';
	if (dots != 2)
		len = 0;
	t->cut |= len < t->len;
	t->len = (uint16_t)len;
	memset(t->bytes + len, 0, sizeof(t->bytes) - len);
}

void privacy_hide(const uint8_t key[HASH_KEY_BYTES], struct event *e)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_GREETING:
		hide_text(key, &e->u.reply.text, NULL);
		break;
	case EVENT_HELO:
		hide_text(key, &e->u.helo.reply.text, NULL);
		hide_name(key, &e->u.helo.name);
		break;
	case EVENT_AUTH:
		hide_text(key, &e->u.auth.reply.text, &e->u.auth.user);
		hide_path(key, &e->u.auth.user);
		break;
	case EVENT_MAIL:
		hide_text(key, &e->u.mail.reply.text, &e->u.mail.path);
		hide_path(key, &e->u.mail.path);
		break;
	case EVENT_RCPT:
		hide_text(key, &e->u.rcpt.reply.text, &e->u.rcpt.path);
		hide_path(key, &e->u.rcpt.path);
		break;
	case EVENT_DATA:
		hide_text(key, &e->u.data.reply.text, NULL);
		hide_path(key, &e->u.data.message_id);
		break;
	case EVENT_COMMAND:
		hide_text(key, &e->u.command.reply.text, NULL);
		hide_answer(&e->u.command);
		break;
	case EVENT_ODD:
		hide_excerpt(key, &e->u.odd.bytes);
		break;
	case EVENT_EOD:
		hide_text(key, &e->u.eod.bytes, NULL);
		break;
	case EVENT_LEAK:
		hide_text(key, &e->u.leak.bytes, NULL);
		break;
	case EVENT_LISTED:
		hide_text(key, &e->u.listed.reason, NULL);
		break;
	case EVENT_OPEN:
	case EVENT_TX_END:
	case EVENT_TLS:
	case EVENT_CLOSE:
	case EVENT_REFUSED:
	case EVENT_BLIND:
	case EVENT_AUDIT:
	case EVENT_UPSTREAM:
	case EVENT_GUARD:
	case EVENT_KIND_COUNT:
		break;
	}
}

void privacy_split(const struct privacy *p, const struct event *e, struct event *hidden,
        const struct event **of_record, const struct event **of_alert)
{
	*of_record = *of_alert = e;
	if (!p->records && !p->alerts)
		return;
	*hidden = *e;
	privacy_hide(p->key, hidden);
	if (p->records)
		*of_record = hidden;
	if (p->alerts)
		*of_alert = hidden;
}
