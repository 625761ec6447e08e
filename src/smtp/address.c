/* address.c - forward-path to the hops mail would take.
 *
 * The path is first cleaned (brackets, comments, blanks) into a text, then undone step by step: the
 * table `undoers` is asked in order, the first that finds its form takes a hop off the text and
 * leaves the rest, until none finds anything. Each is asked again, so forms may be nested in any way.
 *
 * Where servers differ we follow the one that would send the mail on (docs/FORMS.md): the last '@' splits
 * "u@b@a", a bang path is read before a percent path, and an empty domain ("u@b@", "u@.") means the
 * server itself, so that what is left of it counts.
 *
 * This runs for every RCPT in the packet path: each text is looked over once, for marks of the bytes in it,
 * and an undoer is asked only where what it looks for is there. Of an ordinary address that is '@'.
 *
 * Limits: SMTP_HOPS_MAX hops, ADDRESS_TEXT_MAX bytes; beyond them the path is malformed. Anything that no
 * mailbox may hold (control bytes, a lone quote, blanks in the middle) makes it malformed too, but
 * the hops are still found: malformed text in front of a foreign domain is no way round the rules.
 *
 * Left whole: what senders write to be recognised by themselves (SRS, BATV), though "SRS0=x%b.c@a" is
 * a percent path to some servers: what they send on then is addressed to a mailbox called SRS0=x.
 *
 * Sources: RFC 5321 4.1.2, 4.1.3, appendix C; RFC 1123 5.2.16 (percent), 5.3.6; RFC 976 (bang);
 * RFC 2156 4.2, 4.3 (X.400 attributes and their escapes); RFC 2505 2.1 (what else a server may take for a route);
 * MS-OXOABK 2.2.5.2 (IMCEA encapsulation, "+xx" for bytes).
 */
#include "smtp/address.h"

#include <string.h>
#include <strings.h>

#include "smtp/address_reading.h"

enum { STEPS_MAX = 3 * SMTP_HOPS_MAX }; /* a hop takes two at most; some steps take none off */

/* Forms that only say where a path leads when another one is there too. */
enum { SIDE_FORMS = 1u << SMTP_FORM_LITERAL | 1u << SMTP_FORM_EMPTY };

static const char *const form_names[] = {
#define X(name, text) text,
	SMTP_FORMS(X)
#undef X
};

const char *smtp_form_name(enum smtp_form form)
{
	return form_names[form];
}

static const char imceasmtp[] = "IMCEASMTP-";

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

/* The first or last `wanted` in what is left, outside quotes, or its length. Most text has no quotes, and
 * then no walk is needed. */
static uint32_t find(const struct reading *r, uint8_t wanted, bool last)
{
	const uint8_t *hit;

	if (r->marks & MARK_ESCAPE)
		return address_find(r->text, r->len, wanted, last);
	hit = last ? memrchr(r->text, wanted, r->len) : memchr(r->text, wanted, r->len);
	return hit ? (uint32_t)(hit - r->text) : r->len;
}

/* ---- hops -------------------------------------------------------------------------------------- */

static bool is_literal(const uint8_t *domain, uint32_t len)
{
	return len >= 3 && domain[0] == '[' && domain[len - 1] == ']';
}

/* Could be the name of a host, or a literal. Control bytes are an error elsewhere: here they would hide
 * what stands before them from us, and from a server that drops them or stops at them they would not. */
static bool is_domain(const uint8_t *domain, uint32_t len)
{
	uint32_t i;

	while (len > 0 && domain[len - 1] == '.')
		len--;
	if (is_literal(domain, len))
		return true;
	for (i = 0; i < len && (address_marks[domain[i]] & MARKS_CONTROL) != MARK_NO_NAME; i++)
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
	if (len == 0) {
		r->forms |= 1u << SMTP_FORM_EMPTY;
		return;
	}
	if (r->out->hop_count == SMTP_HOPS_MAX || len >= SMTP_DOMAIN_MAX) {
		r->malformed = true;
		return;
	}
	for (i = 0; i < len; i++)
		hop->domain[i] = (char)lower(domain[i]);
	hop->domain[len] = '\0';
	hop->len = (uint16_t)len;
	hop->literal = false;
	if (is_literal(domain, len))
		read_literal(hop);
	if (!is_domain(domain, len) || domain[0] == '.')
		r->malformed = true;
	r->out->hop_count++;
}

/* ---- the forms: each takes one hop off the text, or says no ------------------------------------ */

static bool starts_with(const struct reading *r, const char *head)
{
	size_t len = strlen(head);

	return r->len >= len && strncasecmp((const char *)r->text, head, len) == 0;
}

/* Ours to leave alone: senders write these to be recognised by themselves (SRS, BATV), or to carry a
 * name of another mail system. */
static bool is_kept_whole(const struct reading *r)
{
	static const char *const heads[] = { "SRS0=", "SRS0+", "SRS0-", "SRS1=", "SRS1+", "SRS1-",
		"prvs=", "IMCEA" };
	uint8_t first = lower(r->text[0]);
	unsigned i;

	if (first != 's' && first != 'p' && first != 'i')
		return false;
	if (starts_with(r, imceasmtp))
		return false;
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (starts_with(r, heads[i]))
			return true;
	return false;
}

/* "@a,@b:u@c": a, then b, then whatever u@c means. Without a colon, what the last comma ends. */
static bool undo_route(struct reading *r)
{
	uint32_t end, comma, from;

	if (r->text[0] != '@')
		return false;
	/* A colon inside "[IPv6:...]" does not end the route. */
	for (end = 0; end < r->len && r->text[end] != ':'; end++)
		if (r->text[end] == '[')
			end += address_find(r->text + end, r->len - end, ']', false);
	if (end >= r->len) {
		r->malformed = true;
		end = find(r, ',', true);
	}
	for (from = 0; from < end; from = comma + 1) {
		comma = from + address_find(r->text + from, end - from, ',', false);
		if (comma > from)
			add_hop(r, r->text + from + (r->text[from] == '@'),
			        comma - from - (r->text[from] == '@'));
	}
	found(r, SMTP_FORM_ROUTE);
	address_keep(r, end < r->len ? end + 1 : end, r->len);
	return true;
}

/* "u@a": a. What stands before the first such '@' can only be undone by more than a plain form. In quotes an '@' is
 * as good as any byte (RFC 5321 4.1.2), unless what follows could be a domain. */
static bool undo_domain(struct reading *r)
{
	uint32_t at = find(r, '@', true);
	unsigned before = r->out->hop_count;

	if (at == r->len || (r->dequoted && at + 1 < r->len && !is_domain(r->text + at + 1, r->len - at - 1)))
		return false;
	add_hop(r, r->text + at + 1, r->len - at - 1);
	if (before > 0 &&
	        !(r->forms & ~SIDE_FORMS)) /* "u@b@a": the quotes are missing, the trick is the same */
		found(r, SMTP_FORM_QUOTED);
	else if (r->out->hop_count > before && r->out->hops[before].domain[0] == '[')
		r->forms |= 1u << SMTP_FORM_LITERAL;
	if (r->dequoted)
		found(r, SMTP_FORM_QUOTED);
	address_keep(r, 0, at);
	return true;
}

/* Quotes and backslashes: "u@b", "a"."b", \u. No hop by itself. */
static bool undo_quotes(struct reading *r)
{
	uint32_t from, to = 0;
	bool open = false, any = false;

	for (from = 0; from < r->len; from++) {
		uint8_t byte = r->text[from];

		if (byte == '"') {
			open = !open;
			any = true;
			continue;
		}
		if (byte == '\\' && from + 1 < r->len) {
			byte = r->text[++from];
			any = true;
		}
		r->text[to++] = byte;
	}
	if (open && !r->dequoted)
		r->malformed = true; /* a lone quote; one that was escaped in a string is text */
	r->dequoted = r->dequoted || any;
	address_keep(r, 0, to);
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
	uint32_t from, to = 0;

	if (!starts_with(r, imceasmtp))
		return false;
	for (from = sizeof(imceasmtp) - 1; from < r->len; from++) {
		uint8_t byte = r->text[from];

		if (byte == '+' && from + 2 < r->len && hex(r->text[from + 1]) < 16 &&
		        hex(r->text[from + 2]) < 16) {
			byte = (uint8_t)(hex(r->text[from + 1]) << 4 | hex(r->text[from + 2]));
			from += 2;
		}
		r->text[to++] = byte;
	}
	found(r, SMTP_FORM_IMCEASMTP);
	address_keep(r, 0, to);
	if (r->marks & MARK_CONTROL)
		r->malformed = true;
	return true;
}

/* "/C=de/DD.RFC-822=user(a)domain/": the attribute that holds an address of ours, if there is one. Others say where
 * the mail goes in a network without domains; there is nothing then that policy could compare. */
static bool undo_x400(struct reading *r)
{
	static const char attribute[] = "RFC-822=", escapes[] = "apbqulr", plain[] = "@%!\"_()";
	const uint8_t *value;
	uint32_t from, end, to = 0;

	if (r->text[0] != '/' || (r->text[r->len - 1] != '/' && find(r, '@', true) < r->len))
		return false;
	for (from = 0; from + sizeof(attribute) - 1 <= r->len; from++)
		if (strncasecmp((const char *)r->text + from, attribute, sizeof(attribute) - 1) == 0)
			break;
	from += sizeof(attribute) - 1;
	if (from > r->len)
		return false;
	value = memchr(r->text + from, '/', r->len - from);
	end = value ? (uint32_t)(value - r->text) : r->len;
	for (; from < end; from++) {
		const char *escape = NULL;

		if (r->text[from] == '(' && from + 2 < end && r->text[from + 1] && r->text[from + 2] == ')')
			escape = strchr(escapes, lower(r->text[from + 1]));
		r->text[to++] = escape ? (uint8_t)plain[escape - escapes] : r->text[from];
		from += escape ? 2 : 0;
	}
	found(r, SMTP_FORM_X400);
	address_keep(r, 0, to);
	return true;
}

/* "b::u": b. No mailbox may hold a colon, so a node without a dot is one, too. */
static bool undo_decnet(struct reading *r)
{
	uint32_t at = find(r, ':', false);

	if (at + 1 >= r->len || r->text[at + 1] != ':' || !is_domain(r->text, at))
		return false;
	add_hop(r, r->text, at);
	found(r, SMTP_FORM_DECNET);
	address_keep(r, at + 2, r->len);
	return true;
}

/* Names a host for certain: it has a dot, or is a literal or the server itself. Others may be part of a
 * mailbox's name. */
static bool is_host(const uint8_t *name, uint32_t len)
{
	static const char self[] = "localhost";

	return is_domain(name, len) &&
	       (memchr(name, '.', len) || name[0] == '[' ||
	               (len == sizeof(self) - 1 && strncasecmp((const char *)name, self, len) == 0));
}

/* "b!u": b. Behind leading '!', which some skip, only a host counts: "!def!x" is a mailbox. */
static bool undo_bang(struct reading *r)
{
	uint32_t from = 0, at;

	while (from < r->len && r->text[from] == '!')
		from++;
	at = from + address_find(r->text + from, r->len - from, '!', false);
	if (at == r->len || !(from ? is_host : is_domain)(r->text + from, at - from))
		return false;
	add_hop(r, r->text + from, at - from);
	found(r, SMTP_FORM_BANG);
	address_keep(r, at + 1, r->len);
	return true;
}

/* "u%b.c": b.c. Parts without a dot are mailbox names; but behind one with a dot they are steps of its way,
 * the server's own short name most often. */
static bool undo_percent(struct reading *r)
{
	uint32_t end = r->len, at;

	for (at = r->len; at-- > 0;) {
		if (r->text[at] != '%')
			continue;
		if (is_host(r->text + at + 1, end - at - 1))
			break;
		end = at;
	}
	if (at >= r->len)
		return false;
	add_hop(r, r->text + at + 1, end - at - 1);
	found(r, SMTP_FORM_PERCENT);
	address_keep(r, 0, at);
	return true;
}

/* In the order in which servers look; only where one of these marks is among the text's. */
static const struct {
	uint8_t marks; /* 0: anywhere */
	bool (*undo)(struct reading *);
} undoers[] = {
	{ 0, undo_x400 },
	{ MARK_AT, undo_route },
	{ MARK_AT, undo_domain },
	{ 0, undo_imceasmtp },
	{ MARK_ESCAPE, undo_quotes },
	{ MARK_COLON, undo_decnet },
	{ MARK_BANG, undo_bang },
	{ MARK_PERCENT, undo_percent },
};

static bool undo_one(struct reading *r)
{
	unsigned i;

	if (r->len == 0 || (is_kept_whole(r) && find(r, '@', false) == r->len))
		return false;
	for (i = 0; i < sizeof(undoers) / sizeof(undoers[0]); i++)
		if ((undoers[i].marks == 0 || undoers[i].marks & r->marks) && undoers[i].undo(r))
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
	if (forms & ~SIDE_FORMS)
		forms &= ~SIDE_FORMS;
	if (forms == 0)
		return r->out->hop_count > 0 ? SMTP_FORM_PLAIN : SMTP_FORM_BARE;
	for (form = 0; !(forms & 1u << form); form++)
		;
	return forms == 1u << form ? (enum smtp_form)form : SMTP_FORM_MIXED;
}

void smtp_address_parse(const char *path, size_t len, struct smtp_address *out)
{
	struct reading r; /* its buffer stays as it is until something is copied there */
	unsigned steps = 0;

	out->hop_count = 0;
	r.out = out;
	r.forms = 0;
	r.dequoted = false;
	r.malformed = len > ADDRESS_TEXT_MAX;
	r.len = 0;
	r.text = r.buffer;
	address_clean(&r, (const uint8_t *)path, (uint32_t)(len > ADDRESS_TEXT_MAX ? ADDRESS_TEXT_MAX : len));
	if (r.len == 0 && !r.malformed) {
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
