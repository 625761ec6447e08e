/* tunnel.h - a proxy between client and server that speaks before the server does.
 *
 * HTTP CONNECT, SOCKS 4 and 5: the proxy's own answers come down the server's side ahead of the greeting.
 */
#ifndef SMTP_TUNNEL_H
#define SMTP_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialised: nothing read yet. */
struct tunnel {
	uint8_t state;
	uint8_t left;     /* bytes of the state */
	uint16_t used;    /* bytes of the whole */
	uint16_t line;    /* HTTP: bytes of the line so far */
	bool established; /* all of it has been read: what follows is the server's */
};

/* The first bytes of the server's side, len >= 1. Returns how many of them are a proxy's; fewer than len: the
 * rest is SMTP. Once that was so, or established, it must not be called again. */
uint32_t tunnel_read(struct tunnel *t, const uint8_t *bytes, uint32_t len);
/* The bytes so far are a proxy's, and more may follow. */
bool tunnel_is_open(const struct tunnel *t);

#endif
