/* batch.h - one nf_tables transaction: messages in one buffer, sent at once, all or nothing.
 *
 *   batch_init, batch_begin, (batch_message, put attributes, batch_add)..., batch_end, batch_send,
 *   batch_fini. The first error sticks; the other calls then do nothing.
 */
#ifndef GATE_BATCH_H
#define GATE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mnl_socket;
struct model_rule;
struct nlmsghdr;

/* One message may have so many bytes; whoever builds it sees to that. */
enum { BATCH_MESSAGE_MAX = 65536 };

/* What a message is about, to name it when the kernel refuses it. Borrowed until batch_fini(). */
struct batch_note {
	const char *what; /* "set", "rule", ... */
	const char *name; /* its name, or its chain's */
	const struct model_rule *rule;
	size_t offset; /* of the message in the buffer; batch_message() fills it in */
};

struct batch {
	uint8_t *bytes;
	size_t len, room;
	struct batch_note *notes; /* one per message, `begin` and `end` included */
	size_t note_count, note_room;
	uint32_t seq; /* of the first message; the others count on */
	int error;
};

/* What the kernel said. */
struct batch_refusal {
	int error;                     /* -errno; 0 = done */
	const struct batch_note *note; /* the message it refused; NULL = the whole batch */
	const char *expression;        /* in that rule, where the kernel says so; NULL = unknown */
};

void batch_init(struct batch *b, uint32_t seq);
void batch_fini(struct batch *b);
/* generation: of the ruleset the batch was made for; if another program has changed it since, the
 * kernel refuses the batch with ERESTART. 0 = whatever it is. */
void batch_begin(struct batch *b, uint32_t generation);
/* Header of a new message with room for BATCH_MESSAGE_MAX bytes, or NULL. type: NFT_MSG_ value. Valid
 * until the next call. */
struct nlmsghdr *batch_message(struct batch *b, uint16_t type, uint16_t flags, const struct batch_note *note);
/* Takes the message in, as long as its header says it is. */
void batch_add(struct batch *b, const struct nlmsghdr *message);
void batch_end(struct batch *b);
/* Sends and reads the answers. Refusals point into the batch. */
struct batch_refusal batch_send(struct batch *b, struct mnl_socket *nl);

#endif
