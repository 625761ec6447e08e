/* auth.h - who logs in: the user's name out of an AUTH exchange, and nothing else of it.
 *
 * PLAIN, LOGIN and CRAM-MD5, with an initial response or without. What stands behind the name (password, digest) is never
 * decoded, nor kept as it was sent. Of other mechanisms the name is not known.
 */
#ifndef SMTP_AUTH_H
#define SMTP_AUTH_H

#include <stdbool.h>
#include <stdint.h>

enum { AUTH_USER_MAX = 128 }; /* bytes of a name; the rest is cut off */

struct auth {
	uint8_t awaits; /* what the client's next response is, see auth.c */
	bool cut;
	uint16_t len;             /* of the name; 0 = not known (yet) */
	char user[AUTH_USER_MAX]; /* any bytes, not terminated */
};

/* The client has sent this argument of AUTH: mechanism, and perhaps an initial response. Forgets who was before. */
void auth_begin(struct auth *a, const uint8_t *argument, uint32_t len);
/* The client has sent this response to a 334. */
void auth_respond(struct auth *a, const uint8_t *response, uint32_t len);

#endif
