/* sentence.h - what is done about a source for a time: prefix to action.
 *
 * What lists, the watch and people decide about sources outside of the packet path (main thread) is told here
 * to those who read packets (workers): one writer, any number of readers, no lock, time as an argument.
 */
#ifndef POLICY_SENTENCE_H
#define POLICY_SENTENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/hash.h"
#include "postern/action.h"

struct sentences;

enum { SENTENCE_LENGTHS_MAX = 8, SENTENCES_MAX = 1 << 20 };

struct sentence {
	enum action action;
	uint8_t bits; /* of the prefix that it was found by, in the mapped space */
	uint8_t list; /* of the DNS list that it is for, counted from 1 as in policy_settings; 0 = none */
	uint64_t until_us; /* it ends then; 0 = there is none */
};

/* ---- the one writer ------------------------------------------------------------------------- */

/* capacity 1..SENTENCES_MAX. All memory is taken here. NULL with errno. */
struct sentences *sentences_new(uint32_t capacity, const uint8_t key[HASH_KEY_BYTES]);
void sentences_free(struct sentences *s); /* not while somebody reads; NULL is fine */
/* From now until until_us (not 0). Replaces what was said of this very prefix. Where there is no room, the one
 * that ends soonest leaves, which may be the new one (-ENOSPC). -EINVAL: no time, or a prefix of no length or
 * with bits behind it; -EDOM: SENTENCE_LENGTHS_MAX other lengths are in use. */
int sentences_set(struct sentences *s, const struct prefix *prefix, enum action action, uint64_t until_us);
/* The same, for being on a DNS list. */
int sentences_set_listed(struct sentences *s, const struct prefix *prefix, enum action action, uint8_t list,
        uint64_t until_us);
/* Takes back what was said of this very prefix. False if nothing was. */
bool sentences_lift(struct sentences *s, const struct prefix *prefix);
void sentences_lift_all(struct sentences *s);
/* Gives back the room of those that are over. Returns how many were. */
uint32_t sentences_expire(struct sentences *s, uint64_t now_us);

/* ---- anybody -------------------------------------------------------------------------------- */

/* What is to be done about a source: what was said of the longest prefix that holds it and is not over. A reader
 * that meets the writer at the very place a few times in a row finds nothing, rather than to wait. */
struct sentence sentences_find(const struct sentences *s, const struct addr *source, uint64_t now_us);
uint32_t sentences_count(const struct sentences *s);   /* those that are over and not given back, too */
uint64_t sentences_evicted(const struct sentences *s); /* that had to leave before their time */

#endif
