/* address_reading.h - a forward-path while it is being read; for address.c and address_clean.c only. */
#ifndef SMTP_ADDRESS_READING_H
#define SMTP_ADDRESS_READING_H

#include <stdbool.h>
#include <stdint.h>

struct smtp_address;

enum { ADDRESS_TEXT_MAX = 4096 };

/* What bytes mean, address_marks says of which. MARK_NO_NAME: no domain name holds it. */
enum {
	MARK_AT = 1 << 0,
	MARK_ESCAPE = 1 << 1, /* quotes, backslash */
	MARK_BANG = 1 << 2,
	MARK_PERCENT = 1 << 3,
	MARK_COLON = 1 << 4,
	MARK_LOOSE = 1 << 5, /* blanks, comments, brackets: gone after cleaning */
	MARK_CONTROL = 1 << 6,
	MARK_NO_NAME = 1 << 7,
};

#define MARKS_CONTROL (MARK_CONTROL | MARK_NO_NAME)
extern const uint8_t address_marks[256];

struct reading {
	struct smtp_address *out;
	uint32_t forms; /* 1 << enum smtp_form, of those found */
	bool dequoted;  /* text came out of quotes: what is undone next was hidden in them */
	bool malformed;
	uint8_t marks; /* of all bytes of the text */
	uint32_t len;
	uint8_t *text; /* what is left to be undone, somewhere in buffer */
	uint8_t buffer[ADDRESS_TEXT_MAX];
};

/* Puts the path, len <= ADDRESS_TEXT_MAX, into the text: without brackets, comments, and blanks that mean nothing. What is
 * wrong with it sets malformed. The rest of *r is the caller's to have set. */
void address_clean(struct reading *r, const uint8_t *path, uint32_t len);

/* The marks of all these bytes. */
uint8_t address_marks_of(const uint8_t *bytes, uint32_t len);
/* Narrows the text to [from, to) of it. */
void address_keep(struct reading *r, uint32_t from, uint32_t to);
/* The first or last `wanted` outside quotes and not behind a backslash, or len. */
uint32_t address_find(const uint8_t *bytes, uint32_t len, uint8_t wanted, bool last);

#endif
