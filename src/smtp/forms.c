/* forms.c - the table of address forms, and how its placeholders are filled.
 *
 * Every entry aims at one foreign recipient through a server of ours. Where its text makes sense only to
 * some servers (docs/FORMS.md: which one does what), the reading of the one that would send it on counts.
 *
 * Text: "$x" is a placeholder (forms.h), "$0" a NUL; all other bytes stand for themselves. Texts begin
 * behind the colon of the command, so that brackets and blanks are part of the form.
 *
 * Rejected: making the combinations from lists of senders, wrappings and domains. It makes hundreds, of which
 * servers tell apart few, and none can be looked up by name.
 *
 * Sources: RFC 5321 4.1.2, 4.1.3, appendix C; RFC 821 3.6 (routes); RFC 1123 5.2.16; RFC 976; RFC 2156 4.3 (X.400
 * addresses as text); RFC 2505 2.1 (what a server has to look for); MS-OXOABK 2.2.5.2 (IMCEA); Microsoft KB304897
 * and abuse.net's relay test (senders and the first hacks); nmap's smtp-open-relay (16 combinations of these).
 */
#include "smtp/forms.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define FROM_FOREIGN "<$v@$f>"
#define TO_FOREIGN "<$v@$f>"

/* An entry with a sender of no interest. */
#define TO(name, form, rcpt)                                                                                 \
	{                                                                                                    \
		name, FROM_FOREIGN, rcpt, "$f", SMTP_FORM_##form                                             \
	}
#define TO_OTHER(name, form, rcpt, other)                                                                    \
	{                                                                                                    \
		name, FROM_FOREIGN, rcpt, other, SMTP_FORM_##form                                            \
	}
#define FROM(name, mail)                                                                                     \
	{                                                                                                    \
		name, mail, TO_FOREIGN, "$f", SMTP_FORM_PLAIN                                                \
	}

static const struct form_entry entries[] = {
	/* who sends: a server may trust its own name */
	FROM("plain", FROM_FOREIGN),
	FROM("sender-null", "<>"),
	FROM("sender-bare", "<$u>"),
	FROM("sender-domain", "<$u@$d>"),
	FROM("sender-host", "<$u@$h>"),
	FROM("sender-literal", "<$u@[$4]>"),
	FROM("sender-literal6", "<$u@[IPv6:$6]>"),
	FROM("sender-localhost", "<$u@localhost>"),
	FROM("sender-postmaster", "<postmaster>"),
	FROM("sender-percent", "<$v%$f@$d>"),
	FROM("sender-route", "<@$d:$v@$f>"),

	/* how it is spelled */
	TO("capitals", PLAIN, "<$V@$F>"),
	TO("dot", PLAIN, "<$v@$f.>"),
	TO("bare-path", PLAIN, "$v@$f"),
	TO("blank-before", PLAIN, " <$v@$f>"),
	TO("blanks", PLAIN, "< $v @ $f >"),
	TO("tabs", PLAIN, "\t<\t$v@$f\t>"),
	TO("phrase", PLAIN, "Postmaster <$v@$f>"),
	TO("quoted-phrase", PLAIN, "\"$u@$d\" <$v@$f>"),
	TO("no-close", MALFORMED, "<$v@$f"),
	TO("no-open", MALFORMED, "$v@$f>"),
	TO("two-brackets", MALFORMED, "<<$v@$f>>"),
	TO("scheme", PLAIN, "<SMTP:$v@$f>"),
	TO("list", MALFORMED, "<$u@$d,$v@$f>"),
	TO("quoted-local", PLAIN, "<\"$v\"@$f>"),
	TO("escaped-local", PLAIN, "<\\$v@$f>"),

	/* comments */
	TO("comment-local", PLAIN, "<$v(x)@$f>"),
	TO("comment-domain", PLAIN, "<$v@(x)$f>"),
	TO("comment-ours", PLAIN, "<$v@$f(@$d)>"),
	TO("comment-nested", PLAIN, "<$v@$f(a(b\\)c)@$d)>"),
	TO("comment-open", MALFORMED, "<$v@$f(@$d>"),
	TO("comment-percent", PERCENT, "<$v(x)%$f@$d>"),

	/* an at-sign with nothing behind it: the server itself, so what is left counts */
	TO("at-end", EMPTY, "<$v@$f@>"),
	TO("at-end-dot", EMPTY, "<$v@$f@.>"),
	TO("percent-at-end", PERCENT, "<$v%$f@>"),
	TO("percent-at-dot", PERCENT, "<$v%$f@.>"),
	TO("bang-at-end", BANG, "<$f!$v@>"),
	TO("quoted-at-end", QUOTED, "<\"$v@$f\"@>"),

	/* percent */
	TO("percent-domain", PERCENT, "<$v%$f@$d>"),
	TO("percent-host", PERCENT, "<$v%$f@$h>"),
	TO("percent-literal", PERCENT, "<$v%$f@[$4]>"),
	TO("percent-literal6", PERCENT, "<$v%$f@[IPv6:$6]>"),
	TO("percent-localhost", PERCENT, "<$v%$f@localhost>"),
	TO("percent-loopback", PERCENT, "<$v%$f@[127.0.0.1]>"),
	TO("percent-bare", PERCENT, "<$v%$f>"),
	TO("percent-twice", PERCENT, "<$v%$f%$h@$d>"),
	TO("percent-over-localhost", PERCENT, "<$v%$f%localhost@$d>"),
	TO("percent-dot", PERCENT, "<$v%$f.@$d>"),
	TO("percent-capitals", PERCENT, "<$V%$F@$d>"),
	TO("percent-quoted", MIXED, "<\"$v%$f\">"),
	TO("percent-quoted-domain", MIXED, "<\"$v%$f\"@$d>"),
	TO_OTHER("percent-to-literal", PERCENT, "<$v%[$s]@$d>", "[$s]"),

	/* one at-sign too many, quoted or not */
	TO("double-at-domain", QUOTED, "<$v@$f@$d>"),
	TO("double-at-host", QUOTED, "<$v@$f@$h>"),
	TO("double-at-literal", QUOTED, "<$v@$f@[$4]>"),
	TO("double-at-localhost", QUOTED, "<$v@$f@localhost>"),
	TO("quoted", QUOTED, "<\"$v@$f\">"),
	TO("quoted-domain", QUOTED, "<\"$v@$f\"@$d>"),
	TO("quoted-host", QUOTED, "<\"$v@$f\"@$h>"),
	TO("quoted-literal", QUOTED, "<\"$v@$f\"@[$4]>"),
	TO("quoted-literal6", QUOTED, "<\"$v@$f\"@[IPv6:$6]>"),
	TO("quoted-escaped", QUOTED, "<\"$v\\@$f\"@$d>"),
	TO_OTHER("quoted-words", MALFORMED, "<\"$v\"@\"$f\"@$d>", "\"$f\""),
	TO("quoted-nested", QUOTED, "<\"\\\"$v@$f\\\"@$h\"@$d>"),
	TO("escaped-at", QUOTED, "<$v\\@$f@$d>"),

	/* source routes */
	TO("route-domain", ROUTE, "<@$d:$v@$f>"),
	TO("route-host", ROUTE, "<@$h:$v@$f>"),
	TO("route-literal", ROUTE, "<@[$4]:$v@$f>"),
	TO("route-literal6", ROUTE, "<@[IPv6:$6]:$v@$f>"),
	TO("route-two", ROUTE, "<@$d,@$h:$v@$f>"),
	TO("route-empty", ROUTE, "<@:$v@$f>"),
	TO("route-foreign", ROUTE, "<@$f:$u@$d>"),
	TO("route-percent", MIXED, "<@$d:$v%$f@$h>"),
	TO("route-bang", MIXED, "<@$d:$f!$v@$h>"),
	TO("route-quoted", MIXED, "<@$d:\"$v@$f\"@$h>"),
	TO("route-no-colon", MALFORMED, "<@$d,$v@$f>"),

	/* bang paths */
	TO("bang-bare", BANG, "<$f!$v>"),
	TO("bang-domain", BANG, "<$f!$v@$d>"),
	TO("bang-host", BANG, "<$f!$v@$h>"),
	TO("bang-literal", BANG, "<$f!$v@[$4]>"),
	TO("bang-localhost", BANG, "<$f!$v@localhost>"),
	TO("bang-over-host", BANG, "<$h!$f!$v>"),
	TO("bang-over-host-domain", BANG, "<$h!$f!$v@$d>"),
	TO("bang-foreign-first", BANG, "<$d!$v@$f>"),
	TO("bang-quoted", MIXED, "<\"$f!$v\"@$d>"),
	TO("bang-percent", MIXED, "<$h!$v%$f@$d>"),
	TO("bang-percent-ours", MIXED, "<$f!$v%$h@$d>"),
	TO("bang-double-at", MIXED, "<$h!$v@$f@$d>"),

	/* where brackets hold something else than an address of ours */
	TO_OTHER("to-literal", LITERAL, "<$v@[$s]>", "[$s]"),
	TO_OTHER("to-literal-dot", LITERAL, "<$v@[$s].>", "[$s]"),
	TO_OTHER("to-name-literal", LITERAL, "<$v@[$f]>", "[$f]"),
	TO_OTHER("to-general-literal", LITERAL, "<$v@[dns:$f]>", "[dns:$f]"),
	TO_OTHER("to-number", PLAIN, "<$v@$s>", "$s"),

	/* gateways to other mail systems */
	TO("imceasmtp", IMCEASMTP, "<IMCEASMTP-$v+40$f@$d>"),
	TO("imceasmtp-host", IMCEASMTP, "<imceasmtp-$v+40$f@$h>"),
	TO("imceasmtp-percent", MIXED, "<IMCEASMTP-$v+25$f@$d>"),
	TO("decnet", DECNET, "<$f::$v@$d>"),
	TO("decnet-bare", DECNET, "<$f::$v>"),
	TO("decnet-quoted", MIXED, "<\"$f::$v\"@$d>"),
	TO("decnet-mailer", QUOTED, "<IN%\"$v@$f\"@$d>"),
	TO("x400", X400, "</C=de/ADMD=x/O=y/DD.RFC-822=$v(a)$f/@$d>"),
	TO("x400-bare", X400, "</RFC-822=$v(a)$f/>"),
	TO("x400-quoted", MIXED, "<\"/C=de/ADMD=x/DD.RFC-822=$v(a)$f/\"@$d>"),
	TO("x400-at", MIXED, "<\"/DD.RFC-822=$v@$f/\"@$d>"),

	/* bytes at which servers stop, or which they drop */
	TO_OTHER("nul-end", MALFORMED, "<$v@$f$0@$d>", "$f$0"),
	TO_OTHER("nul-ours", MALFORMED, "<$u@$d$0.$f>", "$d$0.$f"),
	TO_OTHER("nul-percent", MALFORMED, "<$v%$f$0@$d>", "$f$0"),
	TO("control", MALFORMED, "<$v\x01@$f>"),
	TO_OTHER("delete", MALFORMED, "<$v%$f\x7f@$d>", "$f\x7f"),
	TO("blank-end", QUOTED, "<$v@$f @$d>"),
	TO("utf8-local", PERCENT, "<$v\xc3\xbc%$f@$d>"),
	TO_OTHER("utf8-domain", PLAIN, "<$v@\xc3\xbc.$f>", "\xc3\xbc.$f"),
	TO_OTHER("latin1-domain", PLAIN, "<$v@\xfc.$f>", "\xfc.$f"),
};

const struct form_entry *forms_get(unsigned index)
{
	return index < sizeof(entries) / sizeof(entries[0]) ? &entries[index] : NULL;
}

/* The part that a placeholder stands for; NULL if there is none. */
static const char *find_part(const struct form_parts *parts, char letter)
{
	switch (letter) {
	case 'v':
	case 'V':
		return parts->victim;
	case 'f':
	case 'F':
		return parts->foreign;
	case 'u':
		return parts->user;
	case 'd':
		return parts->domain;
	case 'h':
		return parts->host;
	case '4':
		return parts->ip4;
	case '6':
		return parts->ip6;
	case 's':
		return parts->sink;
	default:
		return NULL;
	}
}

static char upper(char byte)
{
	return (char)(byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
}

int forms_print(const char *text, const struct form_parts *parts, char *out, size_t room)
{
	size_t used = 0, len, i;

	for (; *text; text++) {
		const char *part = text;
		bool capitals = false;

		len = 1;
		if (*text == '$') {
			text++;
			capitals = *text == 'V' || *text == 'F';
			part = *text == '0' ? "" : find_part(parts, *text);
			if (!part)
				return -ENOENT;
			len = *text == '0' ? 1 : strlen(part);
		}
		if (len >= room - used)
			return -ENOSPC;
		for (i = 0; i < len; i++)
			out[used++] = capitals ? upper(part[i]) : part[i];
	}
	if (used >= room)
		return -ENOSPC;
	out[used] = '\0';
	return (int)used;
}
