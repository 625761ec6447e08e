/* privacy.h - who an address belongs to, out of an event: the local parts in it are replaced by keyed hashes.
 *
 * The same local part gives the same hash, for as long as the key is the same: so sources, targets and senders are counted and found
 * as ever. Domains stay, and with them what relaying is judged by; so do the null sender, postmaster, and routes within a local
 * part (u%foreign.test@ours).
 */
#ifndef REPORT_PRIVACY_H
#define REPORT_PRIVACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/mention.h"
#include "postern/event.h"

/* In every field of e that may hold an address: paths, Message-ID, users, and the texts of replies and sequences. */
void privacy_hide(const uint8_t key[HASH_KEY_BYTES], struct event *e);

/* What the configuration wants, and by which key. */
struct privacy {
	bool records, alerts;
	uint8_t key[HASH_KEY_BYTES];
};
/* The event as records and as alerts may know it: e itself, or *hidden, which is filled in if one of them needs it. */
void privacy_split(const struct privacy *p, const struct event *e, struct event *hidden,
        const struct event **of_record, const struct event **of_alert);

/* What a mailbox is called where local parts are hashed: its hidden spellings beside the clear ones. */
void privacy_mention(const uint8_t key[HASH_KEY_BYTES], struct mention *m);

/* Text of people or servers, in which addresses may stand. known: a local part (len bytes) that is one wherever it stands as a word;
 * NULL = none. is_path: all of it is a path or a user, also without a domain. Returns the length of out, which never
 * has more than room bytes; *cut: it would have. */
struct privacy_text {
	const char *in;
	size_t len;
	bool is_path;
	const char *known;
	size_t known_len;
	bool is_cut; /* there was more of it: its last word may be half a path */
};
size_t privacy_hide_text(const uint8_t key[HASH_KEY_BYTES], const struct privacy_text *text, char *out,
        size_t room, bool *cut);

#endif
