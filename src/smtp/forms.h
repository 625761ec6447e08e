/* forms.h - the ways to write an address so that a server may send mail on, as one table.
 *
 * smtp/address reads such paths and names their form; this table writes them. Each entry is a MAIL FROM
 * and a RCPT TO with placeholders, and the form that address must see in the result: so what is looked for
 * and what is tried at a server of one's own cannot drift apart.
 */
#ifndef SMTP_FORMS_H
#define SMTP_FORMS_H

#include <stddef.h>

#include "postern/form.h"

/* What the placeholders stand for. Texts without brackets; NULL = not known, entries that need it are
 * left out. A byte that would end a line or a path is the caller's to keep out. */
struct form_parts {
	const char *victim;  /* $v, in capitals $V: local part of a foreign recipient */
	const char *foreign; /* $f, $F: his domain, not ours */
	const char *user;    /* $u: a local part of ours */
	const char *domain;  /* $d: our domain */
	const char *host;    /* $h: our server's name */
	const char *ip4;     /* $4: its addresses as the client reaches it, "192.0.2.1" */
	const char *ip6;     /* $6: "2001:db8::1" */
	const char *sink;    /* $s: an IPv4 address of a foreign host */
};

struct form_entry {
	const char *name;    /* unique, lower case */
	const char *mail;    /* what stands behind "MAIL FROM:" */
	const char *rcpt;    /* what stands behind "RCPT TO:" */
	const char *foreign; /* the foreign domain that the mail would be sent on to, as address reads it */
	enum smtp_form form; /* of rcpt */
};

/* The entry of this number, counted from 0; NULL behind the last one. */
const struct form_entry *forms_get(unsigned index);

/* Writes one of an entry's three texts, filled, into out[0, room). It may hold any byte but CR and LF, NUL
 * too; a NUL is put behind it. Returns its length; -ENOENT if a part that it needs is NULL, -ENOSPC if it
 * needs more room. */
int forms_print(const char *text, const struct form_parts *parts, char *out, size_t room);

#endif
