/* spf.c - an SPF record to its terms, one after the other.
 *
 * We ask a record another question than a receiver does: not "may this address send?" but "which
 * addresses may?". So only what passes counts (no qualifier, or +), and the order of terms says nothing: an
 * address that an earlier -ip4 takes out of a later ip4 stays in. What depends on the mail (macros,
 * exists, ptr) has no list of addresses; such terms are left out and told. `+all` is every address, and told.
 * Terms behind `all` do not count, nor does a redirect beside one (RFC 7208, 5.1 and 6.1).
 *
 * Limits: SPF_TEXT_MAX bytes a record; RFC 7208 section 3.4 hopes for 450.
 */
#include "dns/spf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/rdata.h"

static const char version[] = "v=spf1";

bool spf_is(const char *text)
{
	size_t n = sizeof(version) - 1;

	return strncasecmp(text, version, n) == 0 && (text[n] == ' ' || text[n] == '\0');
}

void spf_begin(struct spf *s, const char *text)
{
	*s = (struct spf) { .next = text + sizeof(version) - 1 };
}

static void ignore(struct spf_term *t, const char *why)
{
	t->kind = SPF_IGNORED;
	t->why = why;
}

static void spoil(struct spf *s, struct spf_term *t, const char *why)
{
	s->bad = true;
	t->kind = SPF_BAD;
	t->why = why;
}

/* ---- parts of terms -------------------------------------------------------------------------- */

/* The length behind a slash. False if it is none up to `most`. */
static bool read_bits(const char *text, unsigned most, unsigned *out)
{
	char *end;

	if (*text < '0' || *text > '9' || (text[0] == '0' && text[1]))
		return false;
	*out = (unsigned)strtoul(text, &end, 10);
	return *end == '\0' && end - text <= 3 && *out <= most;
}

/* Cuts "/24", "//64" or "/24//64" off. */
static bool cut_bits(char *value, uint8_t bits[2])
{
	char *four = strchr(value, '/'), *six = four ? strstr(four, "//") : NULL;
	unsigned n = 128;

	bits[0] = bits[1] = 128;
	if (six) {
		if (!read_bits(six + 2, 128, &n))
			return false;
		bits[1] = (uint8_t)n;
		*six = '\0';
	}
	if (four && four != six) {
		if (!read_bits(four + 1, 32, &n))
			return false;
		bits[0] = (uint8_t)(96 + n);
		*four = '\0';
	}
	return true;
}

/* The domain of a term into its place. */
static void set_domain(struct spf *s, struct spf_term *t, const char *value)
{
	if (strchr(value, '%')) {
		ignore(t, "its macros depend on the mail");
		return;
	}
	snprintf(t->domain, sizeof(t->domain), "%s", value);
	dns_name_fold(t->domain);
	if (strlen(value) >= sizeof(t->domain) || !dns_name_is_fine(t->domain))
		spoil(s, t, "has no valid domain");
}

/* ---- mechanisms ------------------------------------------------------------------------------ */

struct mechanism;
typedef void read_fn(struct spf *s, struct spf_term *t, const struct mechanism *m, char *value);

struct mechanism {
	const char *name;
	enum spf_kind kind;
	read_fn *read; /* value: behind the name, with its ':' or '/', or "" */
	const char *why;
};

static void read_prefix(struct spf *s, struct spf_term *t, const struct mechanism *m, char *value)
{
	bool four = strcmp(m->name, "ip4") == 0;
	int r = value[0] == ':' ? prefix_parse(value + 1, &t->prefix) : -1;

	/* bits behind the prefix are masked: receivers do so, too */
	if ((r != 0 && r != -EDOM) || prefix_is_v4(&t->prefix) != four)
		spoil(s, t, "has no valid address");
}

static void read_hosts(struct spf *s, struct spf_term *t, const struct mechanism *m, char *value)
{
	(void)m;
	if (!cut_bits(value, t->bits))
		spoil(s, t, "has no valid prefix length");
	else if (value[0] == ':')
		set_domain(s, t, value + 1);
}

static void read_include(struct spf *s, struct spf_term *t, const struct mechanism *m, char *value)
{
	(void)m;
	set_domain(s, t, value[0] == ':' ? value + 1 : "");
}

static void read_all(struct spf *s, struct spf_term *t, const struct mechanism *m, char *value)
{
	(void)value;
	s->ended = true;
	s->redirect[0] = '\0';
	ignore(t, m->why);
}

static void read_ignored(struct spf *s, struct spf_term *t, const struct mechanism *m, char *value)
{
	(void)s;
	(void)value;
	ignore(t, m->why);
}

static const struct mechanism mechanisms[] = {
	{ "ip4", SPF_PREFIX, read_prefix, NULL },
	{ "ip6", SPF_PREFIX, read_prefix, NULL },
	{ "a", SPF_A, read_hosts, NULL },
	{ "mx", SPF_MX, read_hosts, NULL },
	{ "include", SPF_INCLUDE, read_include, NULL },
	{ "all", SPF_IGNORED, read_all, "every address of the world is no list" },
	{ "ptr", SPF_IGNORED, read_ignored, "names found backwards are no list" },
	{ "exists", SPF_IGNORED, read_ignored, "it depends on the mail" },
};

static void read_mechanism(struct spf *s, struct spf_term *t, char *word)
{
	bool passes = *word == '+' || !strchr("-~?", *word);
	size_t len, i;

	if (strchr("+-~?", *word))
		word++;
	len = strcspn(word, ":/");
	for (i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		const struct mechanism *m = &mechanisms[i];

		if (strlen(m->name) != len || strncasecmp(m->name, word, len) != 0)
			continue;
		t->kind = m->kind;
		m->read(s, t, m, word + len);
		if (!passes && t->kind != SPF_BAD)
			ignore(t, NULL);
		return;
	}
	spoil(s, t, "is no mechanism that SPF has");
}

/* name=value; all but redirect say nothing about addresses. */
static void read_modifier(struct spf *s, struct spf_term *t, char *word, const char *value)
{
	ignore(t, NULL);
	if (strncasecmp(word, "redirect=", 9) != 0)
		return;
	if (s->redirect[0]) {
		spoil(s, t, "stands there twice");
		return;
	}
	set_domain(s, t, value);
	if (t->kind != SPF_IGNORED || t->why)
		return;
	memcpy(s->redirect, t->domain, sizeof(s->redirect));
	memcpy(s->redirect_text, t->text, sizeof(s->redirect_text));
}

/* ---- the record ------------------------------------------------------------------------------ */

static void read_term(struct spf *s, struct spf_term *t, char *word)
{
	size_t name = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	if (name > 0 && word[name] == '=')
		read_modifier(s, t, word, word + name + 1);
	else
		read_mechanism(s, t, word);
}

static void finish(struct spf *s, struct spf_term *t)
{
	t->kind = s->bad ? SPF_BAD : SPF_END;
	if (s->bad || !s->redirect[0])
		return;
	t->kind = SPF_REDIRECT;
	memcpy(t->domain, s->redirect, sizeof(t->domain));
	memcpy(t->text, s->redirect_text, sizeof(t->text));
	s->redirect[0] = '\0';
}

static bool is_printable(const char *word)
{
	while (*word > ' ' && *word < 0x7f)
		word++;
	return *word == '\0';
}

void spf_next(struct spf *s, struct spf_term *out)
{
	char word[SPF_TEXT_MAX];
	size_t len;

	do {
		*out = (struct spf_term) { .kind = SPF_END };
		s->next += strspn(s->next, " ");
		len = strcspn(s->next, " ");
		if (s->bad || s->ended || len == 0) {
			finish(s, out);
			return;
		}
		if (len >= sizeof(word)) {
			spoil(s, out, "is too long");
			return;
		}
		memcpy(word, s->next, len);
		word[len] = '\0';
		s->next += len;
		if (!is_printable(word)) {
			spoil(s, out, "it has bytes that are no text");
			return;
		}
		snprintf(out->text, sizeof(out->text), "%.*s", DNS_NAME_MAX - 1, word);
		read_term(s, out, word);
	} while (out->kind == SPF_IGNORED && !out->why); /* nothing worth a word */
}
