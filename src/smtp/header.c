/* header.c - see header.h. A byte at a time in the fields that are wanted, by memchr through the others.
 *
 * Sources: RFC 5322 2.2 (fields, folding), 3.6.4 (Message-ID), RFC 5321 4.4 (Received).
 */
#include "smtp/header.h"

#include <string.h>

#include "base/addr.h"

/* START: at the start of a line. NAME: in a field's name. VALUE: in the text of a wanted field. SKIP: in
 * that of another. OVER: header read. */
enum header_state { HEADER_START, HEADER_NAME, HEADER_VALUE, HEADER_SKIP, HEADER_OVER };

enum header_field { FIELD_MESSAGE_ID, FIELD_RECEIVED, FIELD_COUNT, FIELD_NONE = FIELD_COUNT };
static const char *const field_names[FIELD_COUNT] = {
	[FIELD_MESSAGE_ID] = "message-id:",
	[FIELD_RECEIVED] = "received:",
};

void header_begin(struct header *h)
{
	h->state = HEADER_START;
	h->field = FIELD_NONE;
	h->received = 0;
	h->leak_count = 0;
	h->message_id_seen = false;
	h->message_id.len = 0;
	h->message_id.cut = 0;
	h->token_len = 0;
}

void header_end(struct header *h)
{
	h->state = HEADER_OVER;
}

bool header_is_over(const struct header *h)
{
	return h->state == HEADER_OVER;
}

/* ---- what Received lines show ------------------------------------------------------------------ */

static bool is_private(const struct addr *a)
{
	const uint8_t *b = a->b;

	if (addr_is_v4(a))
		return b[12] == 10 || (b[12] == 172 && (b[13] & 0xf0) == 16) ||
		       (b[12] == 192 && b[13] == 168) || (b[12] == 169 && b[13] == 254) ||
		       (b[12] == 100 && (b[13] & 0xc0) == 64);
	return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

/* RFC 6762 appendix G, RFC 8375, and what ICANN has reserved since (.internal). */
static bool is_inside_name(const char *name, size_t len)
{
	static const char *const suffixes[] = { ".local", ".lan", ".internal", ".intranet", ".corp", ".home",
		".private", ".home.arpa" };
	size_t i, n;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		n = strlen(suffixes[i]);
		if (len > n && memcmp(name + len - n, suffixes[i], n) == 0)
			return true;
	}
	return false;
}

static void end_token(struct header *h)
{
	char text[HEADER_TOKEN_MAX + 1];
	struct header_leak *leak;
	const char *from = text;
	size_t len = h->token_len;
	struct addr addr;
	bool is_name;

	h->token_len = 0;
	if (len == 0 || len > HEADER_TOKEN_MAX || h->leak_count == HEADER_LEAKS_MAX)
		return;
	memcpy(text, h->token, len);
	text[len] = '\0';
	if (strncmp(text, "ipv6:", 5) == 0) /* RFC 5321 4.1.3 */
		from += 5;
	is_name = h->received == 1 && is_inside_name(text, len);
	if (!is_name && (addr_parse(from, &addr) != 0 || !is_private(&addr)))
		return;
	leak = &h->leaks[h->leak_count++];
	leak->is_name = is_name;
	memcpy(leak->text, from, strlen(from) + 1);
}

static bool is_token_byte(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || byte == '.' || byte == ':' ||
	       byte == '-' || byte == '_';
}

static void read_received(struct header *h, uint8_t small)
{
	if (!is_token_byte(small)) {
		end_token(h);
		return;
	}
	if (h->token_len < HEADER_TOKEN_MAX)
		h->token[h->token_len] = (char)small;
	if (h->token_len <= HEADER_TOKEN_MAX)
		h->token_len++;
}

/* ---- fields ------------------------------------------------------------------------------------ */

static void read_message_id(struct header *h, uint8_t byte)
{
	struct event_path *value = &h->message_id;

	if (h->message_id_seen || ((byte == ' ' || byte == '\t') && value->len == 0))
		return;
	if (value->len < sizeof(value->bytes))
		value->bytes[value->len++] = (char)byte;
	else
		value->cut = 1;
}

static void end_message_id(struct header *h)
{
	struct event_path *value = &h->message_id;

	while (value->len > 0 &&
	        (value->bytes[value->len - 1] == ' ' || value->bytes[value->len - 1] == '\t'))
		value->len--;
	h->message_id_seen = value->len > 0; /* else it may follow on the next line */
}

static void end_line(struct header *h)
{
	if (h->state == HEADER_START) {
		h->state = HEADER_OVER;
		return;
	}
	if (h->state == HEADER_VALUE && h->field == FIELD_MESSAGE_ID)
		end_message_id(h);
	else if (h->state == HEADER_VALUE)
		end_token(h);
	h->state = HEADER_START;
}

static void begin_line(struct header *h, uint8_t byte)
{
	if (byte == ' ' || byte == '\t') {
		h->state = h->field == FIELD_NONE ? HEADER_SKIP : HEADER_VALUE;
		return;
	}
	h->field = FIELD_NONE;
	h->state = HEADER_NAME;
	h->candidates = (1 << FIELD_COUNT) - 1;
	h->matched = 0;
}

static void read_name(struct header *h, uint8_t small)
{
	unsigned i;

	for (i = 0; i < FIELD_COUNT; i++) {
		if (!(h->candidates & 1 << i))
			continue;
		if (field_names[i][h->matched] != (char)small)
			h->candidates &= (uint8_t) ~(1 << i);
		else if (field_names[i][h->matched + 1] == '\0')
			h->field = (uint8_t)i;
	}
	h->matched++;
	if (h->field != FIELD_NONE)
		h->state = HEADER_VALUE;
	else if (h->candidates == 0)
		h->state = HEADER_SKIP;
	if (h->field == FIELD_RECEIVED && h->received < UINT8_MAX)
		h->received++;
}

static void read_byte(struct header *h, uint8_t byte)
{
	uint8_t small = (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);

	if (byte == '\n') {
		end_line(h);
		return;
	}
	if (byte == '\r') /* part of the line's end; alone it means nothing in a field */
		return;
	if (h->state == HEADER_START)
		begin_line(h, byte);
	if (h->state == HEADER_NAME)
		read_name(h, small);
	else if (h->state == HEADER_VALUE && h->field == FIELD_MESSAGE_ID)
		read_message_id(h, byte);
	else if (h->state == HEADER_VALUE)
		read_received(h, small);
}

void header_push(struct header *h, const uint8_t *bytes, uint32_t len)
{
	const uint8_t *end = bytes + len, *lf;

	while (bytes < end && h->state != HEADER_OVER) {
		if (h->state == HEADER_SKIP) {
			lf = memchr(bytes, '\n', (size_t)(end - bytes));
			if (!lf)
				return;
			bytes = lf;
		}
		read_byte(h, *bytes++);
	}
}
