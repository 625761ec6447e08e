/* address.c - forward-path to the hops mail would take.
 *
 * The path is first cleaned (brackets, comments, blanks) into a text, then undone step by step: the
 * table `undoers` is asked in order, the first that finds its form takes a hop off the text and
 * leaves the rest, until none finds anything. Each is asked again, so forms may be nested in any way.
 *
 * Where servers differ we follow the one that would send the mail on: the last '@' splits
 * "u@b@a", a bang path is read before a percent path, and an empty domain ("u@b@", "u@.") means the
 * server itself, so that what is left of it counts.
 *
 * Limits: SMTP_HOPS_MAX hops, TEXT_MAX bytes; beyond them the path is malformed. Anything that no
 * mailbox may hold (control bytes, a lone quote, blanks in the middle) makes it malformed too, but
 * the hops are still found: malformed text in front of a foreign domain is no way round the rules.
 *
 * Sources: RFC 5321 4.1.2, 4.1.3, appendix C; RFC 1123 5.2.16 (percent), 5.3.6; RFC 976 (bang);
 * MS-OXOABK 2.2.5.2 (IMCEA encapsulation, "+xx" for bytes).
 */
#include "smtp/address.h"

#include <string.h>
#include <strings.h>

enum {
	TEXT_MAX = 4096,
	STEPS_MAX = 3 * SMTP_HOPS_MAX, /* a hop takes two at most; some steps take none off */
};

struct text {
	uint32_t len;
	uint8_t bytes[TEXT_MAX];
};

struct reading {
	struct smtp_address *out;
	struct text text; /* what is left to be undone */
	uint32_t forms;   /* 1 << enum smtp_form, of those found */
	bool dequoted;    /* text came out of quotes: what is undone next was hidden in them */
	bool malformed;
};

static const char *const form_names[] = {
#define X(name, text) text,
	SMTP_FORMS(X)
#undef X
};

const char *smtp_form_name(enum smtp_form form)
{
	return form_names[form];
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static uint8_t lower(uint8_t byte)
{
	return (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
}

static void found(struct reading *r, enum smtp_form form)
{
	r->forms |= 1u << form;
	if (r->dequoted)
		r->forms |= 1u << SMTP_FORM_QUOTED;
}

/* ---- walking over text, minding quotes -------------------------------------------------------- */

/* Steps over one unit at `at`: a quoted string, an escaped byte, or a byte. Returns where it ends. */
static uint32_t next_unit(const uint8_t *bytes, uint32_t at, uint32_t len)
{
	bool in_string = bytes[at] == '"';

	if (bytes[at] == '\\' && at + 1 < len)
		return at + 2;
	if (!in_string)
		return at + 1;
	for (at++; at < len && bytes[at] != '"'; at++)
		if (bytes[at] == '\\')
			at++;
	return at < len ? at + 1 : len;
}

/* The first or last `wanted` outside quotes, or len. */
static uint32_t find_plain(const uint8_t *bytes, uint32_t len, uint8_t wanted, bool last)
{
	uint32_t at, hit = len;

	for (at = 0; at < len; at = next_unit(bytes, at, len)) {
		if (bytes[at] != wanted)
			continue;
		hit = at;
		if (!last)
			break;
	}
	return hit;
}

static void keep_range(struct text *t, uint32_t from, uint32_t to)
{
	memmove(t->bytes, t->bytes + from, to - from);
	t->len = to - from;
}

/* ---- cleaning ---------------------------------------------------------------------------------- */

/* Narrows [*from, *to) to what is inside the angle brackets, whatever stands around them. */
static void strip_brackets(struct reading *r, const uint8_t *path, uint32_t *from, uint32_t *to)
{
	uint32_t open = find_plain(path, *to, '<', true), end;

	if (open != find_plain(path, *to, '<', false))
		r->malformed = true; /* one inside another */
	if (open < *to)
		*from = open + 1;
	end = *from + find_plain(path + *from, *to - *from, '>', false);
	if ((open < *to) != (end < *to))
		r->malformed = true; /* only one of the two */
	*to = end;
}

/* Steps over a comment, which may hold others. Returns where it ends. */
static uint32_t skip_comment(struct reading *r, const uint8_t *path, uint32_t at, uint32_t to)
{
	unsigned depth = 0;

	for (; at < to; at++) {
		if (path[at] == '\\' && at + 1 < to)
			at++;
		else if (path[at] == '(')
			depth++;
		else if (path[at] == ')' && --depth == 0)
			return at + 1;
	}
	r->malformed = true;
	return to;
}

static bool is_special(uint8_t byte)
{
	return byte != 0 && strchr("@,:.%!<>", byte) != NULL;
}

/* Blanks beside a special character mean nothing; between words they are an error. */
static void take_blank(struct reading *r, uint8_t before, uint8_t behind)
{
	if (before != 0 && !is_special(before) && behind != 0 && !is_special(behind))
		r->malformed = true;
}

static void clean(struct reading *r, const uint8_t *path, uint32_t len)
{
	uint32_t from = 0, to = len, at, end;
	struct text *t = &r->text;

	while (from < to && is_blank(path[from]))
		from++;
	strip_brackets(r, path, &from, &to);
	for (at = from; at < to; at = end) {
		if (path[at] == '(') {
			end = skip_comment(r, path, at, to);
			continue;
		}
		end = next_unit(path, at, to);
		if (is_blank(path[at])) {
			take_blank(r, t->len > 0 ? t->bytes[t->len - 1] : 0, end < to ? path[end] : 0);
			continue;
		}
		if (path[at] < ' ' || path[at] == 0x7f || path[at] == ')' || path[at] == '<' ||
		        path[at] == '>')
			r->malformed = true;
		memcpy(t->bytes + t->len, path + at, end - at);
		t->len += end - at;
	}
}

/* ---- hops -------------------------------------------------------------------------------------- */

static bool is_domain_byte(uint8_t byte)
{
	byte = lower(byte);
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
	       byte == '.' || byte >= 0x80;
}

static bool is_literal(const uint8_t *domain, uint32_t len)
{
	return len >= 3 && domain[0] == '[' && domain[len - 1] == ']';
}

/* Could be the name of a host, or a literal. */
static bool is_domain(const uint8_t *domain, uint32_t len)
{
	uint32_t i;

	if (is_literal(domain, len))
		return true;
	for (i = 0; i < len && is_domain_byte(domain[i]); i++)
		;
	return len > 0 && i == len;
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]"; other literals (RFC 5321 4.1.3 general) stay text. */
static void read_literal(struct smtp_hop *hop)
{
	const char *inside = hop->domain + 1;
	char text[ADDR_TEXT_MAX];
	size_t len;

	if (strncmp(inside, "ipv6:", 5) == 0)
		inside += 5;
	len = strlen(inside) - 1; /* without the ']' */
	if (len >= sizeof(text))
		return;
	memcpy(text, inside, len);
	text[len] = '\0';
	hop->literal = addr_parse(text, &hop->addr) == 0;
}

/* Text of a domain as a hop. An empty one ("u@", "u@.") is the server itself and adds none. */
static void add_hop(struct reading *r, const uint8_t *domain, uint32_t len)
{
	struct smtp_hop *hop = &r->out->hops[r->out->hop_count];
	uint32_t i;

	while (len > 0 && domain[len - 1] == '.')
		len--;
	if (len == 0)
		return;
	if (r->out->hop_count == SMTP_HOPS_MAX || len >= SMTP_DOMAIN_MAX) {
		r->malformed = true;
		return;
	}
	memset(hop, 0, sizeof(*hop));
	for (i = 0; i < len; i++)
		hop->domain[i] = (char)lower(domain[i]);
	hop->len = (uint16_t)len;
	if (is_literal(domain, len))
		read_literal(hop);
	if (!is_domain(domain, len) || domain[0] == '.')
		r->malformed = true;
	r->out->hop_count++;
}

/* ---- the forms: each takes one hop off the text, or says no ------------------------------------ */

static const char imceasmtp[] = "IMCEASMTP-";

static bool starts_with(const struct text *t, const char *head)
{
	size_t len = strlen(head);

	return t->len >= len && strncasecmp((const char *)t->bytes, head, len) == 0;
}

/* Ours to leave alone: senders write these to be recognised by themselves (SRS, BATV), or to carry a
 * name of another mail system. */
static bool is_kept_whole(const struct text *t)
{
	static const char *const heads[] = { "SRS0=", "SRS0+", "SRS0-", "SRS1=", "SRS1+", "SRS1-",
		"prvs=", "IMCEA" };
	unsigned i;

	if (starts_with(t, imceasmtp))
		return false;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (starts_with(t, heads[i]))
			return true;
	return false;
}

/* "@a,@b:u@c": a, then b, then whatever u@c means. */
static bool undo_route(struct reading *r)
{
	struct text *t = &r->text;
	uint32_t end, comma, from;

	if (t->len == 0 || t->bytes[0] != '@')
		return false;
	/* A colon inside "[IPv6:...]" does not end the route. */
	for (end = 0; end < t->len && t->bytes[end] != ':'; end++)
		if (t->bytes[end] == '[')
			end += find_plain(t->bytes + end, t->len - end, ']', false);
	if (end > t->len)
		end = t->len;
	for (from = 0; from < end; from = comma + 1) {
		comma = from + find_plain(t->bytes + from, end - from, ',', false);
		if (comma > from)
			add_hop(r, t->bytes + from + (t->bytes[from] == '@'),
			        comma - from - (t->bytes[from] == '@'));
	}
	if (end == t->len)
		r->malformed = true;
	found(r, SMTP_FORM_ROUTE);
	keep_range(t, end < t->len ? end + 1 : end, t->len);
	return true;
}

/* "u@a": a. What stands before the first such '@' can only be undone by more than a plain form. */
static bool undo_domain(struct reading *r)
{
	struct text *t = &r->text;
	uint32_t at = find_plain(t->bytes, t->len, '@', true);
	unsigned before = r->out->hop_count;
	bool first = before == 0;

	if (at == t->len)
		return false;
	add_hop(r, t->bytes + at + 1, t->len - at - 1);
	if (!first && r->forms == 0) /* "u@b@a": the quotes are missing, the trick is the same */
		found(r, SMTP_FORM_QUOTED);
	else if (r->out->hop_count > before && r->out->hops[before].domain[0] == '[')
		r->forms |= 1u << SMTP_FORM_LITERAL;
	if (r->dequoted)
		found(r, SMTP_FORM_QUOTED);
	keep_range(t, 0, at);
	return true;
}

/* Quotes and backslashes: "u@b", "a"."b", \u. No hop by itself. */
static bool undo_quotes(struct reading *r)
{
	struct text *t = &r->text;
	uint32_t from, to = 0;
	bool open = false, any = false;

	for (from = 0; from < t->len; from++) {
		uint8_t byte = t->bytes[from];

		if (byte == '"') {
			open = !open;
			any = true;
			continue;
		}
		if (byte == '\\' && from + 1 < t->len) {
			byte = t->bytes[++from];
			any = true;
		}
		if (byte < ' ' || byte == 0x7f)
			r->malformed = true;
		t->bytes[to++] = byte;
	}
	if (open && !r->dequoted)
		r->malformed = true; /* a lone quote; one that was escaped in a string is text */
	t->len = to;
	r->dequoted = r->dequoted || any;
	return any;
}

static uint32_t hex(uint8_t byte)
{
	const char *digits = "0123456789abcdef", *at = byte ? strchr(digits, lower(byte)) : NULL;

	return at ? (uint32_t)(at - digits) : 16;
}

/* "IMCEASMTP-user+40domain": an address of another system, bytes as "+xx". */
static bool undo_imceasmtp(struct reading *r)
{
	struct text *t = &r->text;
	uint32_t from, to = 0;

	if (!starts_with(t, imceasmtp))
		return false;
	for (from = sizeof(imceasmtp) - 1; from < t->len; from++) {
		uint8_t byte = t->bytes[from];

		if (byte == '+' && from + 2 < t->len && hex(t->bytes[from + 1]) < 16 &&
		        hex(t->bytes[from + 2]) < 16) {
			byte = (uint8_t)(hex(t->bytes[from + 1]) << 4 | hex(t->bytes[from + 2]));
			from += 2;
		}
		t->bytes[to++] = byte;
	}
	t->len = to;
	found(r, SMTP_FORM_IMCEASMTP);
	return true;
}

/* "b!u": b. A leading '!' names no host: "!def!x" is a mailbox. */
static bool undo_bang(struct reading *r)
{
	struct text *t = &r->text;
	uint32_t at = find_plain(t->bytes, t->len, '!', false);

	if (at == 0 || at == t->len || !is_domain(t->bytes, at))
		return false;
	add_hop(r, t->bytes, at);
	found(r, SMTP_FORM_BANG);
	keep_range(t, at + 1, t->len);
	return true;
}

/* "u%b.c": b.c. Without a dot it is a mailbox name; but localhost is a host, and servers that hold
 * it for themselves go on with what is left of it. */
static bool undo_percent(struct reading *r)
{
	static const char self[] = "localhost";
	struct text *t = &r->text;
	uint32_t at = find_plain(t->bytes, t->len, '%', true), len;
	const uint8_t *domain;

	if (at == t->len)
		return false;
	domain = t->bytes + at + 1;
	len = t->len - at - 1;
	if (!is_domain(domain, len))
		return false;
	if (!memchr(domain, '.', len) && domain[0] != '[' &&
	        !(len == sizeof(self) - 1 && strncasecmp((const char *)domain, self, len) == 0))
		return false;
	add_hop(r, domain, len);
	found(r, SMTP_FORM_PERCENT);
	keep_range(t, 0, at);
	return true;
}

/* In the order in which servers look. */
static bool (*const undoers[])(struct reading *) = {
	undo_route,
	undo_domain,
	undo_imceasmtp,
	undo_quotes,
	undo_bang,
	undo_percent,
};

static bool undo_one(struct reading *r)
{
	unsigned i;

	const struct text *t = &r->text;

	if (t->len == 0 || (is_kept_whole(t) && find_plain(t->bytes, t->len, '@', false) == t->len))
		return false;
	for (i = 0; i < sizeof(undoers) / sizeof(undoers[0]); i++)
		if (undoers[i](r))
			return true;
	return false;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static enum smtp_form judge_form(const struct reading *r)
{
	uint32_t forms = r->forms;
	unsigned form;

	if (r->malformed)
		return SMTP_FORM_MALFORMED;
	if (forms & ~(1u << SMTP_FORM_LITERAL))
		forms &= ~(1u << SMTP_FORM_LITERAL); /* a literal beside a trick is only where it leads */
	if (forms == 0)
		return r->out->hop_count > 0 ? SMTP_FORM_PLAIN : SMTP_FORM_BARE;
	for (form = 0; !(forms & 1u << form); form++)
		;
	return forms == 1u << form ? (enum smtp_form)form : SMTP_FORM_MIXED;
}

void smtp_address_parse(const char *path, size_t len, struct smtp_address *out)
{
	struct reading r = { .out = out };
	unsigned steps = 0;

	out->hop_count = 0;
	if (len > TEXT_MAX) {
		r.malformed = true;
		len = TEXT_MAX;
	}
	clean(&r, (const uint8_t *)path, (uint32_t)len);
	if (r.text.len == 0 && !r.malformed) {
		out->form = SMTP_FORM_NULL;
		return;
	}
	while (undo_one(&r))
		if (++steps == STEPS_MAX) {
			r.malformed = true;
			break;
		}
	out->form = judge_form(&r);
}
