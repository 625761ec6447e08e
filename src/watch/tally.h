/* tally.h - how many different things each subject has to do with, within a sliding window: the mail hosts of a source, the
 * sources at a recipient, and whatever else is counted by a limit.
 *
 * Exact up to one above the limit, and fixed in memory. A subject with one thing waits in a room of its own, so a flood of
 * subjects that each have one (random recipients, forged sources) pushes out nothing but others like it. When there is no
 * more room, the subject untouched for longest gives way, those with some things after those with few.
 */
#ifndef WATCH_TALLY_H
#define WATCH_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "policy/watching.h"

struct tally;

struct tally_count {
	uint64_t
	        count; /* in the window, this one included; above the limit: one above it, and what was new since */
	bool fresh; /* this one was not among them */
};

/* things: remembered at once, of all subjects, 64..2^24. NULL with errno. */
struct tally *tally_new(uint32_t things, const uint8_t hash_key[HASH_KEY_BYTES]);
void tally_free(struct tally *t); /* NULL is fine */
/* The name of a subject or a thing: of some kind, by its bytes. */
uint64_t tally_name(const struct tally *t, uint64_t kind, const void *bytes, size_t len);
/* The name of a thing like no other: for what is counted whether or not it differs. Replies to commands that were sent
 * together have the same time. */
uint64_t tally_next(struct tally *t);
/* Subject has to do with thing, now. One subject has one limit; it may change between two calls. */
struct tally_count tally_add(
        struct tally *t, uint64_t subject, uint64_t thing, const struct volume_limit *limit, uint64_t now_us);
/* It has to do with something, or had lately. */
bool tally_knows(const struct tally *t, uint64_t subject);
/* Nothing is known of the subject any more. */
void tally_forget(struct tally *t, uint64_t subject);
/* Of how many subjects the thing is one; unless `look`, it is not any more. Goes through all of them. */
uint64_t tally_forget_thing(struct tally *t, uint64_t thing, bool look);
/* Subjects that had to give way; those that waited with one thing are not among them. */
uint64_t tally_evicted(const struct tally *t);

#endif
