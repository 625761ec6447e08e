/* tunnel.c - the answers of an HTTP or SOCKS proxy, byte by byte.
 *
 *   HTTP      "HTTP/1.x 200 ..." CRLF, header lines, an empty line
 *   SOCKS 4   00 5a, port (2), address (4)
 *   SOCKS 5   05 method; with method 2: version, status; then 05 status 00 type, address (by type), port (2)
 *
 * No SMTP server begins with a NUL, a 05 or an 'H'. Only the server's side is believed: whatever a client says
 * first, a server that is none of these answers with three digits.
 *
 * Limits: TUNNEL_BYTES_MAX; SOCKS methods but none and password (GSSAPI wraps all that follows).
 *
 * Sources: RFC 9110 9.3.6 (CONNECT), RFC 1928 sections 3 to 6, RFC 1929, the SOCKS 4 memo by Y.-D. Lee.
 */
#include "smtp/tunnel.h"

#include <string.h>

enum { TUNNEL_BYTES_MAX = 8192, SOCKS4_REST = 7, SOCKS_NONE = 0, SOCKS_PASSWORD = 2 };

enum state {
	START,
	HTTP_NAME,
	HTTP_LINES,
	SOCKS4,
	SOCKS5_METHOD,
	SOCKS5_PASSWORD,
	SOCKS5_REPLY,
	SOCKS5_NAME,
	SOCKS5_REST,
	OVER
};

static const char http[] = "HTTP/";

static enum state stay(struct tunnel *t, enum state state, uint8_t bytes)
{
	t->left = bytes;
	return state;
}

static enum state finish(struct tunnel *t)
{
	t->established = true;
	return OVER;
}

/* One of `left` bytes; behind the last comes `next`. */
static enum state count(struct tunnel *t, enum state next, uint8_t next_bytes)
{
	return --t->left > 0 ? (enum state)t->state : stay(t, next, next_bytes);
}

static enum state start(struct tunnel *t, uint8_t byte)
{
	if (byte == (uint8_t)http[0])
		return stay(t, HTTP_NAME, 1);
	if (byte == 5)
		return SOCKS5_METHOD;
	return byte == 0 ? stay(t, SOCKS4, SOCKS4_REST) : OVER;
}

static enum state http_name(struct tunnel *t, uint8_t byte)
{
	if (byte != (uint8_t)http[t->left])
		return OVER;
	return http[++t->left] ? HTTP_NAME : HTTP_LINES;
}

static enum state http_lines(struct tunnel *t, uint8_t byte)
{
	if (byte == '\n' && t->line == 0 && t->used > sizeof(http))
		return finish(t);
	t->line = byte == '\n' ? 0 : (uint16_t)(t->line + (byte != '\r'));
	return HTTP_LINES;
}

static enum state socks5_method(struct tunnel *t, uint8_t byte)
{
	if (byte == SOCKS_PASSWORD)
		return stay(t, SOCKS5_PASSWORD, 2);
	return byte == SOCKS_NONE ? stay(t, SOCKS5_REPLY, 4) : OVER;
}

/* version, status, 00, type */
static enum state socks5_reply(struct tunnel *t, uint8_t byte)
{
	enum { IPV4 = 1, NAME = 3, IPV6 = 4, PORT = 2 };

	if (--t->left > 0)
		return t->left == 3 && byte != 5 ? OVER : SOCKS5_REPLY;
	if (byte == NAME)
		return SOCKS5_NAME;
	return byte == IPV4   ? stay(t, SOCKS5_REST, 4 + PORT)
	       : byte == IPV6 ? stay(t, SOCKS5_REST, 16 + PORT)
	                      : OVER;
}

static enum state step(struct tunnel *t, uint8_t byte)
{
	switch ((enum state)t->state) {
	case START:
		return start(t, byte);
	case HTTP_NAME:
		return http_name(t, byte);
	case HTTP_LINES:
		return http_lines(t, byte);
	case SOCKS4:
		return t->left == SOCKS4_REST && byte != 0x5a ? OVER
		       : t->left == 1                         ? finish(t)
		                                              : count(t, OVER, 0);
	case SOCKS5_METHOD:
		return socks5_method(t, byte);
	case SOCKS5_PASSWORD:
		return count(t, SOCKS5_REPLY, 4);
	case SOCKS5_REPLY:
		return socks5_reply(t, byte);
	case SOCKS5_NAME:
		return stay(t, SOCKS5_REST, byte < UINT8_MAX - 2 ? (uint8_t)(byte + 2) : UINT8_MAX);
	case SOCKS5_REST:
		return t->left == 1 ? finish(t) : count(t, OVER, 0);
	case OVER:
		break;
	}
	return OVER;
}

uint32_t tunnel_read(struct tunnel *t, const uint8_t *bytes, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++) {
		bool first = t->state == START;

		t->used++;
		t->state = (uint8_t)(t->used < TUNNEL_BYTES_MAX ? step(t, bytes[i]) : OVER);
		if (t->state == OVER)
			return first ? 0 : i + 1;
	}
	return len;
}

bool tunnel_is_open(const struct tunnel *t)
{
	return t->state != OVER;
}
