/* nat.h - which connections are translated, and to what: remembered for their records. */
#ifndef POSTERND_NAT_H
#define POSTERND_NAT_H

#include <stdint.h>

#include "base/hash.h"
#include "postern/event.h"

struct nat_book;

/* NULL with errno. */
struct nat_book *nat_new(const uint8_t hash_key[HASH_KEY_BYTES]);
void nat_free(struct nat_book *b); /* NULL is fine */
/* Before the records of an event are made: asks the kernel, once for each connection. */
void nat_see(struct nat_book *b, const struct event *e);
/* Behind them: forgets a connection that has ended. */
void nat_forget(struct nat_book *b, const struct event *e);
/* NULL: not translated, or not known. Valid until the next call of another function. */
const struct event_nat *nat_find(const struct nat_book *b, uint64_t flow_id);

#endif
