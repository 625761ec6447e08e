/* tls.c - first TLS records.
 *
 *   record     type(1) version(2) length(2) fragment        types 20..23, version 3.x
 *   handshake  type(1) length(3) body                       client_hello 1, server_hello 2
 *   hello      version(2) random(32) session(1+) ...        client: ciphers(2+) compressions(1+)
 *                                                           server: cipher(2) compression(1)
 *              extensions(2+), each type(2) length(2) data
 *
 * An alert is no hello: who sends one first has not agreed to TLS, and some servers go on in clear behind it.
 *
 * A hello may be cut over several records; their fragments are put together. A cursor that has run
 * past the end answers zeros and says so, so reading needs no check at every field.
 *
 * Sources: RFC 8446 4.1, 4.2.1, 5.1; RFC 5246 7.4.1; RFC 6066 3 (server_name).
 */
#include "smtp/tls.h"

#include <string.h>

enum {
	TYPE_ALERT = 21,
	TYPE_HANDSHAKE = 22,
	HELLO_CLIENT = 1,
	HELLO_SERVER = 2,
	EXTENSION_SNI = 0,
	EXTENSION_VERSIONS = 43
};

bool tls_is_start(uint8_t byte)
{
	return byte >= 20 && byte <= 23;
}

/* ---- records to a hello ------------------------------------------------------------------------- */

static enum tls_result take_header_byte(struct tls_side *t, uint8_t byte)
{
	t->header[t->header_len++] = byte;
	if (!tls_is_start(t->header[0]) || (t->header_len > 1 && t->header[1] != 3))
		return TLS_NOT;
	if (t->header_len == TLS_RECORD_HEADER) {
		t->left = (uint16_t)(t->header[3] << 8 | t->header[4]);
		if (t->header[0] != TYPE_HANDSHAKE && t->header[0] != TYPE_ALERT)
			return TLS_DONE;
		if (t->left == 0)
			t->header_len = 0;
	}
	return TLS_MORE;
}

static bool is_complete(const struct tls_side *t, const uint8_t *buffer, uint32_t capacity)
{
	return t->kept == capacity ||
	       (t->kept >= 4 &&
	               t->kept >= 4 + ((uint32_t)buffer[1] << 16 | (uint32_t)buffer[2] << 8 | buffer[3]));
}

enum tls_result tls_push(struct tls_side *t, uint8_t *buffer, uint32_t capacity, const uint8_t *bytes,
        uint32_t len, uint32_t *used)
{
	enum tls_result result = t->done ? TLS_DONE : TLS_MORE;
	uint32_t i;

	for (i = 0; i < len && result == TLS_MORE; i++) {
		if (t->header_len < TLS_RECORD_HEADER) {
			result = take_header_byte(t, bytes[i]);
			continue;
		}
		if (t->header[0] == TYPE_HANDSHAKE)
			buffer[t->kept++] = bytes[i];
		if (--t->left == 0)
			t->header_len = 0;
		if (is_complete(t, buffer, capacity))
			result = TLS_DONE;
	}
	t->done = result == TLS_DONE;
	*used = result != TLS_NOT ? len : t->header_len == 1 ? i - 1 : i;
	return result;
}

/* ---- reading a hello ------------------------------------------------------------------------------ */

struct cursor {
	const uint8_t *at, *end;
	bool over; /* something was asked for that is not there */
};

static const uint8_t *take(struct cursor *c, uint32_t len)
{
	const uint8_t *at = c->at;

	if (len > (size_t)(c->end - c->at)) {
		c->over = true;
		c->at = c->end;
		return NULL;
	}
	c->at += len;
	return at;
}

/* A number of 1 or 2 bytes. */
static uint32_t take_number(struct cursor *c, uint32_t size)
{
	const uint8_t *p = take(c, size);

	return !p ? 0 : size == 1 ? p[0] : (uint32_t)p[0] << 8 | p[1];
}

/* A vector with a length of `size` bytes before it; as much of it as is there. */
static struct cursor take_vector(struct cursor *c, uint32_t size)
{
	uint32_t len = take_number(c, size);
	struct cursor v = { c->at, c->end, false };

	if (take(c, len))
		v.end = c->at;
	return v;
}

/* The extension's data, or an empty cursor. */
static struct cursor find_extension(struct cursor extensions, uint32_t wanted)
{
	while (extensions.at < extensions.end && !extensions.over) {
		uint32_t type = take_number(&extensions, 2);
		struct cursor data = take_vector(&extensions, 2);

		if (type == wanted && !extensions.over)
			return data;
	}
	return (struct cursor) { extensions.end, extensions.end, true };
}

/* Opens a hello of this type behind its random and session id; *version is the legacy one. */
static bool open_hello(struct cursor *c, uint32_t type, uint32_t *version)
{
	if (take_number(c, 1) != type)
		return false;
	take(c, 3);
	*version = take_number(c, 2);
	take(c, 32);
	take_vector(c, 1);
	return !c->over;
}

void tls_read_client(const uint8_t *hello, uint32_t len, struct event_tls *out)
{
	struct cursor c = { hello, hello + len, false }, names, name;
	uint32_t version, type;

	if (!open_hello(&c, HELLO_CLIENT, &version))
		return;
	take_vector(&c, 2);
	take_vector(&c, 1);
	names = find_extension(take_vector(&c, 2), EXTENSION_SNI);
	names = take_vector(&names, 2);
	type = take_number(&names, 1);
	name = take_vector(&names, 2);
	if (names.over || type != 0)
		return;
	len = (uint32_t)(name.end - name.at);
	out->sni.cut = len > sizeof(out->sni.bytes);
	out->sni.len = (uint16_t)(out->sni.cut ? sizeof(out->sni.bytes) : len);
	memcpy(out->sni.bytes, name.at, out->sni.len);
}

void tls_read_server(const uint8_t *hello, uint32_t len, struct event_tls *out)
{
	struct cursor c = { hello, hello + len, false }, versions;
	uint32_t version, chosen;

	if (!open_hello(&c, HELLO_SERVER, &version))
		return;
	take(&c, 3);
	versions = find_extension(take_vector(&c, 2), EXTENSION_VERSIONS);
	chosen = take_number(&versions, 2);
	out->version = (uint16_t)(versions.over ? version : chosen);
}
