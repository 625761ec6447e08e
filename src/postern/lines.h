/* lines.h - the lines of a file, plain or gzip, or of standard input. */
#ifndef POSTERN_LINES_H
#define POSTERN_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines;

enum { LINES_LONGEST = 1 << 20 }; /* what is longer is no record: given with length 0 and `too_long` */

struct line {
	const char *bytes; /* without the newline; until the next call */
	size_t len;
	uint64_t number; /* from 1 */
	bool too_long;
	bool is_whole; /* a newline ends it */
};

/* path: "-" = standard input. NULL with a message in err. */
struct lines *lines_open(const char *path, char *err, unsigned err_bytes);
void lines_close(struct lines *l); /* NULL is fine */
/* 1: *out is the next line, the last of which may have no newline; 0: there is none; -1: it cannot be read further, err. */
int lines_next(struct lines *l, struct line *out, char *err, unsigned err_bytes);
/* In percent of the file as it lies there, -1 where nobody knows. */
int lines_progress(struct lines *l);

#endif
