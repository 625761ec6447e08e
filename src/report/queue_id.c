/* queue_id.c - see queue_id.h.
 *
 * No standard says where the queue id stands; servers have their own sentences. The table lists the
 * shapes in common use, first match wins. An id is what stands between the mark and the next space or
 * closing bracket. What is in no shape gives no id: a wrong id is worse than none.
 */
#include "report/queue_id.h"

#include <string.h>
#include <strings.h>

enum side { BEHIND, BEFORE };

enum { BEFORE_MIN = 6 }; /* shorter words before a mark are "OK" or "2.0.0" */

static const struct {
	const char *mark; /* matched without case */
	enum side side;   /* where the id stands, seen from the mark */
} shapes[] = {
	{ "queued as ", BEHIND },                     /* Postfix, ZoneMTA, Halon, Haraka's relays */
	{ " id=", BEHIND },                           /* Exim: "OK id=1tDxyz-000000004Rj-1a2b" */
	{ " Message accepted for delivery", BEFORE }, /* Sendmail, OpenSMTPD */
	{ "[InternalId=", BEHIND },                   /* Exchange */
	{ " - gsmtp", BEFORE },                       /* Google */
	{ "message queued (", BEHIND },               /* Haraka */
	{ " qp ", BEHIND },                           /* qmail: "ok 1732214167 qp 4711" */
};

static bool is_end(char c)
{
	return c == ' ' || c == ')' || c == ']' || c == ',' || c == ';' || c == '\t' || c == '>' || c == '<';
}

/* Offset of mark in text, or text_len. */
static size_t find_mark(const char *text, size_t text_len, const char *mark)
{
	size_t at, len = strlen(mark);

	for (at = 0; at + len <= text_len; at++)
		if (strncasecmp(text + at, mark, len) == 0)
			return at;
	return text_len;
}

bool queue_id_find(const char *text, size_t text_len, const char **id, size_t *len)
{
	size_t i, at, first, last;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		at = find_mark(text, text_len, shapes[i].mark);
		if (at == text_len)
			continue;
		if (shapes[i].side == BEHIND) {
			first = last = at + strlen(shapes[i].mark);
			while (last < text_len && !is_end(text[last]))
				last++;
		} else {
			first = last = at;
			while (first > 0 && !is_end(text[first - 1]))
				first--;
		}
		if (last - first < (shapes[i].side == BEFORE ? (size_t)BEFORE_MIN : 1) ||
		        last - first > QUEUE_ID_MAX)
			continue;
		*id = text + first;
		*len = last - first;
		return true;
	}
	return false;
}
