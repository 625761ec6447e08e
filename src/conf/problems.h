/* problems.h - what is wrong with a configuration: collected, put in the order of the files, told. */
#ifndef CONF_PROBLEMS_H
#define CONF_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

/* Where something stands. order: files in the order of their reading; line 0 = the file as a whole. */
struct place {
	const char *file;
	unsigned order;
	unsigned line;
};

enum problem_kind { PROBLEM_ERROR, PROBLEM_WARNING, PROBLEM_KINDS };

struct problems {
	struct problem *list;
	size_t count;
	size_t of_kind[PROBLEM_KINDS]; /* those left out of the list because there are too many, too */
	bool no_memory;                /* one or more could not be kept */
};

/* Formats "FILE:LINE: message" and keeps it. The same text is kept once. */
void problems_add(struct problems *p, enum problem_kind kind, const struct place *at, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
/* Tells everything, in the order of files and lines, errors to `error` and warnings to `warn` (each
 * may be NULL), and forgets it. */
void problems_tell(struct problems *p, conf_report error, conf_report warn, void *arg);

#endif
