/* witness.h - what is remembered for those who ask: who delivers to our servers, and why things were decided. */
#ifndef POSTERND_WITNESS_H
#define POSTERND_WITNESS_H

#include <stdint.h>

#include "base/hash.h"
#include "conf/conf.h"
#include "postern/event.h"
#include "watch/seen.h"
#include "watch/why.h"

struct witness;

/* NULL with errno. */
struct witness *witness_new(const uint8_t hash_key[HASH_KEY_BYTES]);
void witness_free(struct witness *w); /* NULL is fine */
/* Grounds are told by this configuration from now on; which lines say so is known if it was loaded with keep_places.
 * Copied. 0, or -ENOMEM: as before. */
int witness_set_conf(struct witness *w, const struct conf *conf);
void witness_event(struct witness *w, const struct event *e);

void witness_forget(struct witness *w, const struct mention *who, struct forgotten *out);

const struct seen *witness_seen(const struct witness *w);
const struct why *witness_why(const struct witness *w);
/* For what remembers it over a restart. */
struct seen *witness_own_seen(struct witness *w);
enum { WITNESS_SEEN_ROWS = 16384 };

#endif
