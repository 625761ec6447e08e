/* mention.h - does a text name somebody: a source by its address, or a mailbox? For those who have to forget him. */
#ifndef BASE_MENTION_H
#define BASE_MENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum { MENTION_SPELLINGS_MAX = 10, MENTION_BYTES_MAX = 100 };

/* One way to write a mailbox. */
struct mention_spelling {
	uint16_t len;
	uint16_t rare; /* place of a byte that few texts have: looked for first */
	uint8_t loose; /* it may stand behind bytes of a local part: VERP, "list-john=example.org" */
	uint8_t cut;   /* there is more of it */
	char bytes[MENTION_BYTES_MAX];
};

struct mention {
	bool is_mailbox;
	struct addr host;     /* a source: as it was asked for, */
	struct prefix prefix; /* and as one is counted: of IPv6 a /64 at least */
	unsigned count;       /* a mailbox: john@example.org, john%example.org, ... */
	struct mention_spelling spellings[MENTION_SPELLINGS_MAX];
};

/* "192.0.2.1", "2001:db8::1", "198.51.100.0/24", "john@example.org". 0; -EINVAL: it is none of these; -EDOM: bits are set
 * behind the prefix; -ERANGE: the prefix is wider than MENTION_BITS_V4 or _V6, which is more than somebody. */
enum { MENTION_BITS_V4 = 96 + 24, MENTION_BITS_V6 = 56 };
int mention_parse(const char *text, struct mention *out);
/* One spelling more, without brackets. One that has no room is left out. */
void mention_add(struct mention *m, const char *bytes, size_t len, bool loose);

/* The text of a person or server names it; where first, if that is wanted. */
struct mention_place {
	size_t at, len;
};
bool mention_find(const struct mention *m, const char *bytes, size_t len, struct mention_place *out);
bool mention_in(const struct mention *m, const char *bytes, size_t len);
/* A path as on the wire, or a user, is the mailbox, or leads to it. */
bool mention_is_path(const struct mention *m, const char *bytes, size_t len);
bool mention_is_addr(const struct mention *m, const struct addr *a);
/* All of this prefix is meant. */
bool mention_holds(const struct mention *m, const struct prefix *p);

#endif
