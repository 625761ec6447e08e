/* session.h - what was said in a connection beside its envelopes, for the `commands` of its next `smtp` record.
 *
 * The list ends at SESSION_COMMANDS_MAX entries, at SESSION_BYTES of JSON, or when all records in progress together hold
 * TRANSACTION_HELD_BYTES; what is behind is counted in `commands_cut`.
 */
#ifndef REPORT_SESSION_H
#define REPORT_SESSION_H

#include <jansson.h>
#include <stdint.h>

#include "postern/event.h"
#include "report/transaction.h"

enum { SESSION_COMMANDS_MAX = 64, SESSION_BYTES = 10 * 1024 };

struct session {
	json_t *commands; /* array, owned; NULL until the first. `ms` holds the time in microseconds until it is written */
	uint32_t cut;
	uint32_t list_bytes;
	uint64_t held_bytes; /* counted in struct transaction_memory */
};

/* Any event; those that are no greeting, HELO, AUTH, other command or beginning of TLS add nothing. */
void session_add(struct session *s, struct transaction_memory *m, const struct event *e);
/* Writes `commands` with the times since start_us, and begins anew. */
void session_write(struct session *s, struct transaction_memory *m, json_t *smtp, uint64_t start_us);
void session_fini(struct session *s, struct transaction_memory *m);

/* The name of a version on the wire, and back; 0 for a name that is none. */
const char *session_tls_name(uint16_t version);
uint16_t session_tls_version(const char *name);

#endif
