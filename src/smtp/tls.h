/* tls.h - the first TLS records of both sides: that it is TLS, its version, the name asked for. */
#ifndef SMTP_TLS_H
#define SMTP_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/event.h"

enum { TLS_RECORD_HEADER = 5 };

/* One side's records until its hello is there. Zero-initialised. */
struct tls_side {
	uint8_t header[TLS_RECORD_HEADER];
	uint8_t header_len;
	bool done;
	uint16_t left; /* bytes of the record still to come */
	uint32_t kept; /* bytes of the hello in the caller's buffer */
};

enum tls_result { TLS_MORE, TLS_DONE, TLS_NOT };

/* Could a TLS record begin with this byte? No line of SMTP does. */
bool tls_is_start(uint8_t byte);
/* Reads bytes[0, len), keeping up to `capacity` bytes of the hello in buffer. TLS_DONE: the hello is
 * complete, as much as fits, or the record is none of a handshake; alerts before it are passed over. TLS_NOT: this is not
 * TLS: text begins behind *used bytes where a record was to begin, else the last of them shows it. TLS_DONE stays so and
 * uses everything. buffer may be the memory bytes lie in, if it starts no later. */
enum tls_result tls_push(struct tls_side *t, uint8_t *buffer, uint32_t capacity, const uint8_t *bytes,
        uint32_t len, uint32_t *used);
/* From what was kept of each side's hello: version, or 0 if it cannot be read; server name. */
void tls_read_client(const uint8_t *hello, uint32_t len, struct event_tls *out);
void tls_read_server(const uint8_t *hello, uint32_t len, struct event_tls *out);

#endif
