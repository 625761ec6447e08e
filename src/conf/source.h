/* source.h - the text of a configuration file before libconfuse sees it. */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

struct source {
	char *path;
	char *bytes; /* as read, less a byte order mark at the start; terminated behind len */
	size_t len;
	bool is_list;            /* named by a value; set by who reads it */
	struct conf_stamp stamp; /* from before the reading */
};

/* Reads a whole file (regular, pipe, ...). 0 (source_free it), -errno, -EFBIG above 64 MiB. */
int source_read(const char *path, struct source *out);
void source_free(struct source *s);

/* path as written in the file `from`: absolute ones as they are, others beside that file. Caller
 * frees. NULL = no memory. */
char *source_resolve(const char *from, const char *path);

/* What keeps a text from being parsed at all. */
/* A string ends in the line in which it begins: no value has more lines, and a quote that is missing
 * would otherwise turn everything up to the next one into a string. */
enum source_flaw { SOURCE_FINE, SOURCE_BINARY, SOURCE_OPEN_STRING, SOURCE_OPEN_COMMENT };
/* What to do about a file that cannot be read. */
const char *source_fix(int error);
/* Overwrites comments with spaces (newlines stay). On a flaw *line is where it begins. */
enum source_flaw source_blank_comments(char *text, size_t len, unsigned *line);
/* Overwrites the statement that begins with the key `name` in this line (value, list or block
 * included) with spaces. False if there is none. Comments must be blank already. title: of a block that has one,
 * without its quotes and cut; else empty. */
enum { SOURCE_TITLE_MAX = 64 };
bool source_blank_statement(
        char *text, size_t len, unsigned line, const char *name, char title[SOURCE_TITLE_MAX]);
/* The line of the innermost { that is open behind the first `lines` lines; 0 if none is. Comments must
 * be blank already. */
unsigned source_open_brace(const char *text, size_t len, unsigned lines);
/* The line of the first statement that begins with this key, 0 if there is none. */
unsigned source_find_statement(char *text, size_t len, const char *name);

#endif
