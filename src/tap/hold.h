/* hold.h - packets that wait for their verdicts: which, until when, and what will pay them. No socket, no clock.
 *
 * Each entry is a ticket with the verdict message that is already written; whoever takes it out of the book sends
 * the message. Times are of the monotonic clock.
 */
#ifndef TAP_HOLD_H
#define TAP_HOLD_H

#include <stdbool.h>
#include <stdint.h>

struct hold;

enum { HOLD_PACKETS_MAX = 1024, HOLD_MESSAGE_MAX = 4096 };

struct held {
	uint8_t *message; /* HOLD_MESSAGE_MAX of room, 8-byte aligned */
	uint32_t message_bytes;
	uint32_t ticket;
	uint64_t ref; /* the caller's */
	uint64_t since_us, until_us;
};

/* Room for HOLD_PACKETS_MAX, touched as it is used; it takes `most` of them. NULL with errno. */
struct hold *hold_new(uint32_t most);
void hold_free(struct hold *h); /* NULL is fine */
/* From now on; those that are beyond it stay in the book. */
void hold_set_most(struct hold *h, uint32_t most);

uint32_t hold_count(const struct hold *h);
/* As many as it may take, or more. */
bool hold_is_full(const struct hold *h);
/* A new entry, whose message the caller writes; NULL if the book is full. Valid until the next call that adds or
 * drops. */
struct held *hold_add(struct hold *h, uint32_t ticket, uint64_t ref, uint64_t now_us, uint64_t until_us);
/* Whose time ends soonest (of equals, who came first), and the one of this ticket; NULL = none. */
struct held *hold_soonest(struct hold *h);
struct held *hold_find(struct hold *h, uint32_t ticket);
void hold_drop(struct hold *h, const struct held *held);

#endif
