/* command.h - one client line: its verb and its path or argument, found while the line arrives.
 *
 * Lenient as servers are: verbs in any case, after leading blanks, any blanks around "FROM" and
 * "TO" and their colon, no brackets, a phrase before the bracket.
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "smtp/dialogue.h"

/* What a scan knows so far; positions count in the line. Zero-initialised for each line. */
struct command_scan {
	uint8_t state;
	uint8_t verb;      /* enum smtp_verb, once the word has ended */
	uint8_t matched;   /* letters of the keyword matched so far */
	bool quoted;       /* inside a quoted string of the path */
	bool escaped;      /* behind a backslash */
	bool angle;        /* a '<' has been seen */
	bool path_done;    /* the closing '>' has been seen, or the line has ended */
	uint32_t at;       /* bytes looked at */
	uint32_t verb_at;  /* the verb's first letter */
	uint32_t verb_end; /* behind its last */
	uint32_t arg_at;   /* first byte of the argument */
	uint32_t path_at;  /* MAIL, RCPT: the path [path_at, path_end), with its brackets if any */
	uint32_t path_end;
};

/* Looks at line[s->at, len): all of the line that is there. Stops at the path's closing '>'. */
void command_scan(struct command_scan *s, const uint8_t *line, uint32_t len);
/* The line is complete. Afterwards verb, arg_at and for MAIL and RCPT the path are final; a path
 * without brackets ends before ESMTP parameters, if parameters is all that follows. */
void command_finish(struct command_scan *s, const uint8_t *line, uint32_t len);
/* The word at line[from, len), at most: up to a blank. Returns its length. */
uint32_t command_word(const uint8_t *line, uint32_t from, uint32_t len);
/* "BDAT 1000 LAST": false if the argument at line[from, len) is not that, or announces more than 2^31 - 1 bytes:
 * servers that count in 32 bits (Exim) read another number then. */
bool command_parse_chunk(const uint8_t *line, uint32_t from, uint32_t len, uint64_t *bytes, bool *last);

/* In a path that no bracket has opened (yet): the end of the line ends it. */
bool command_in_bare_path(const struct command_scan *s);
/* What servers skip between words, CR among it: they strip one at the end. */
bool command_is_blank(uint8_t byte);
/* The verb's path is behind this keyword ("FROM", "TO"), NULL if it takes no path. */
const char *command_keyword(enum smtp_verb verb);

#endif
