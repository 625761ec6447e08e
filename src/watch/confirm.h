/* confirm.h - relayed mail is followed out of the house; see confirm.c. */
#ifndef WATCH_CONFIRM_H
#define WATCH_CONFIRM_H

#include <stdint.h>

#include "base/hash.h"
#include "base/mention.h"
#include "postern/forgotten.h"

struct confirm;

/* A relayed transaction in the book; serial 0 = none. */
struct confirm_ref {
	uint32_t slot;
	uint32_t serial;
};

/* relays: followed at once, 16..2^20; the oldest gives way to a new one. NULL with errno. */
struct confirm *confirm_new(uint32_t relays, const uint8_t hash_key[HASH_KEY_BYTES]);
void confirm_free(struct confirm *c); /* NULL is fine */
/* Mails of a source, from or to a mailbox, that is named. */
void confirm_forget(struct confirm *c, const struct mention *who, struct forgotten *out);

#endif
