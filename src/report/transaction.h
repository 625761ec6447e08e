/* transaction.h - one mail transaction as it is put together, and its `smtp` object.
 *
 * The list of recipients is a jansson array that grows as they are answered; everything else is a bounded
 * copy. The list ends at TRANSACTION_RCPT_MAX entries, at TRANSACTION_LIST_BYTES of JSON (so that the line
 * stays below 60 KiB), or when all transactions in progress together hold TRANSACTION_HELD_BYTES; what is
 * behind is counted in `rcpt_cut`.
 */
#ifndef REPORT_TRANSACTION_H
#define REPORT_TRANSACTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "postern/event.h"

enum {
	TRANSACTION_RCPT_MAX = 100,
	TRANSACTION_LIST_BYTES = 40 * 1024,
	TRANSACTION_HELD_BYTES = 64 * 1024 * 1024,
	TRANSACTION_ENTRY_BYTES = 2048, /* memory of jansson for one entry, beside its text */
};

struct transaction {
	bool open;
	uint32_t tx_id;                      /* 0 = recipients outside of a transaction */
	uint64_t start_us, mail_us, data_us; /* data_us: of the last reply to its body, 0 = none was due */
	bool pipelined, bdat, client_ours, client_judged, has_size, final;
	uint32_t rcpt_count, rcpt_accepted, rcpt_refused, rcpt_foreign, rcpt_cut;
	uint64_t rcpt_us; /* of the last recipient */
	uint32_t list_bytes;
	uint64_t held_bytes; /* counted in struct transaction_memory */
	uint64_t size_bytes;
	json_t *rcpt; /* array, owned; NULL until the first */
	struct event_path mail_from, message_id;
	struct event_text mail_text;
	bool has_mail_from, mail_refused;
	bool gap;                 /* bytes of it were never seen: the size is of those that were */
	uint16_t mail_code;       /* the answer to MAIL, 0 = none */
	struct event_reply reply; /* the last one that decided about the transaction; code 0 = none */
};

/* Shared by all transactions in progress. */
struct transaction_memory {
	uint64_t held_bytes;
	uint64_t cut; /* entries and fields cut since the start */
};

void transaction_open(struct transaction *t, uint32_t tx_id, uint64_t start_us);
void transaction_add_mail(struct transaction *t, const struct event *e);
void transaction_add_rcpt(struct transaction *t, struct transaction_memory *m, const struct event *e);
void transaction_add_data(struct transaction *t, const struct event *e);
/* Writes the fields of the envelope into smtp: what goes before reply, reply and what follows it. */
void transaction_write(const struct transaction *t, struct transaction_memory *m, json_t *smtp);
/* How it ended if nobody said so: refused if nothing more could come of it, else `otherwise`. */
enum event_end transaction_end(const struct transaction *t, enum event_end otherwise);
/* Frees the list; the transaction is no longer open. */
void transaction_fini(struct transaction *t, struct transaction_memory *m);

#endif
