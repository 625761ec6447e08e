/* source.c - reads configuration files and prepares their text for libconfuse.
 *
 * Three things of libconfuse 3.3's lexer are worked around by blanking comments here, before it
 * reads the text: a comment inside a list is a syntax error to it, its line numbers are off by one
 * after each C comment, and a string or comment that is never closed is reported at the end of the
 * file instead of where it was opened (a list or block, too: source_open_brace). Its own include() is not used either: it looks for files
 * beside the working directory and keeps its include stack after an error, so that a daemon that
 * reloads a bad file ten times can include nothing any more.
 *
 * Blanking a statement is how parsing goes on behind an unknown key: libconfuse stops there, or, told
 * to ignore unknown keys, says nothing about them.
 */
#include "conf/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_BYTES_MAX = 64 * 1024 * 1024, DEPTH_MAX = 8 }; /* blocks and their lists: 2 */

static int read_all(FILE *f, struct source *out)
{
	size_t room = 0, got;
	char *more;

	do {
		if (out->len == room) {
			room = room ? 2 * room : 4096;
			more = realloc(out->bytes, room + 1);
			if (!more)
				return -ENOMEM;
			out->bytes = more;
		}
		errno = 0;
		got = fread(out->bytes + out->len, 1, room - out->len, f);
		out->len += got;
		if (out->len > FILE_BYTES_MAX)
			return -EFBIG;
	} while (got > 0);
	if (ferror(f))
		return errno ? -errno : -EIO;
	out->bytes[out->len] = '\0';
	return 0;
}

/* Windows editors put one at the start of UTF-8 files; to every reader behind us it is part of a name. */
static void drop_byte_order_mark(struct source *s)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t mark_len = sizeof(mark) - 1;

	if (s->len < mark_len || memcmp(s->bytes, mark, mark_len) != 0)
		return;
	s->len -= mark_len;
	memmove(s->bytes, s->bytes + mark_len, s->len + 1);
}

/* All zero if there is no file. memset: stamps are compared as bytes. */
static void stamp_fill(const struct stat *st, struct conf_stamp *out)
{
	memset(out, 0, sizeof(*out));
	if (!st)
		return;
	out->device = st->st_dev;
	out->inode = st->st_ino;
	out->size_bytes = (uint64_t)st->st_size;
	out->changed_s = (uint64_t)st->st_mtim.tv_sec;
	out->changed_ns = (uint64_t)st->st_mtim.tv_nsec;
}

static void stamp_of(int fd, struct conf_stamp *out)
{
	struct stat st;

	stamp_fill(fstat(fd, &st) == 0 ? &st : NULL, out);
}

void conf_stamp_read(const char *path, struct conf_stamp *out)
{
	struct stat st;

	stamp_fill(stat(path, &st) == 0 ? &st : NULL, out);
}

int source_read(const char *path, struct source *out)
{
	FILE *f = fopen(path, "re");
	int rc;

	if (!f)
		return -errno;
	*out = (struct source) { .path = strdup(path) };
	stamp_of(fileno(f), &out->stamp);
	rc = out->path ? read_all(f, out) : -ENOMEM;
	fclose(f);
	if (rc < 0)
		source_free(out);
	else
		drop_byte_order_mark(out);
	return rc;
}

const char *source_fix(int error)
{
	return error == -EISDIR ? "name a file in it" : "correct the path or its rights";
}

void source_free(struct source *s)
{
	free(s->path);
	free(s->bytes);
	*s = (struct source) { 0 };
}

char *source_resolve(const char *from, const char *path)
{
	const char *slash = strrchr(from, '/');
	char *full;

	if (path[0] == '/' || !slash)
		return strdup(path);
	if (asprintf(&full, "%.*s/%s", (int)(slash - from), from, path) < 0)
		return NULL;
	return full;
}

static void blank(char *from, const char *to)
{
	for (; from < to; from++)
		if (*from != '\n')
			*from = ' ';
}

/* Characters that end an unquoted word (lexer.l of libconfuse). */
static bool ends_word(char c)
{
	return c == '\0' || strchr(" \t\r\n#\"'={}()+,", c) != NULL;
}

/* Behind the closing quote of the string that begins at p; NULL if there is none. */
static char *skip_string(char *p, const char *end)
{
	char quote = *p++;

	while (p < end && *p != quote)
		p += *p == '\\' ? 2 : 1;
	return p < end ? p + 1 : NULL;
}

static char *skip_word(char *p, const char *end)
{
	while (p < end && !ends_word(*p))
		p++;
	return p;
}

/* Behind the comment that begins at p, p if none does, NULL if it is never closed. */
static char *skip_comment(char *p, const char *end, bool word_starts)
{
	char *close;

	if (*p == '#' || (word_starts && p + 1 < end && p[0] == '/' && p[1] == '/')) {
		close = memchr(p, '\n', (size_t)(end - p));
		return close ? close : p + (end - p);
	}
	if (!word_starts || p + 1 >= end || p[0] != '/' || p[1] != '*')
		return p;
	close = memmem(p + 2, (size_t)(end - p) - 2, "*/", 2);
	return close ? close + 2 : NULL;
}

static unsigned count_lines(const char *from, const char *to)
{
	unsigned lines = 0;

	for (; from < to; from++)
		lines += *from == '\n';
	return lines;
}

enum source_flaw source_blank_comments(char *text, size_t len, unsigned *line)
{
	char *p = text, *end = text + len, *next;
	bool word_starts = true;

	*line = 1;
	for (; p < end; p = next) {
		if (*p == '\0')
			return SOURCE_BINARY;
		if (*p == '"' || *p == '\'') {
			next = skip_string(p, end);
			if (!next || memchr(p, '\n', (size_t)(next - p)))
				return SOURCE_OPEN_STRING;
			word_starts = true;
		} else {
			next = skip_comment(p, end, word_starts);
			if (!next)
				return SOURCE_OPEN_COMMENT;
			blank(p, next);
			if (next == p)
				word_starts = ends_word(*next++);
		}
		*line += count_lines(p, next);
	}
	return SOURCE_FINE;
}

static char *skip_space(char *p, const char *end)
{
	while (p < end && strchr(" \t\r\n", *p))
		p++;
	return p;
}

/* Behind the string or word at p (strings are closed: source_blank_comments has seen to that). */
static char *skip_term(char *p, const char *end)
{
	char *behind;

	if (p >= end || (*p != '"' && *p != '\''))
		return skip_word(p, end);
	behind = skip_string(p, end);
	return behind ? behind : p + 1;
}

/* Behind the bracket that closes the one at p; end if none does. */
static char *skip_brackets(char *p, const char *end, char opens, char closes)
{
	unsigned depth = 0;

	while (p < end) {
		if (*p == '"' || *p == '\'') {
			p = skip_term(p, end);
			continue;
		}
		if (*p == opens)
			depth++;
		else if (*p == closes && --depth == 0)
			return p + 1;
		p++;
	}
	return p;
}

/* Behind the statement whose key ends at p; NULL if no statement goes on like that. */
static char *skip_statement(char *p, const char *end)
{
	p = skip_space(p, end);
	if (p < end && *p == '+')
		p = skip_space(p + 1, end);
	if (p < end && *p == '=') {
		p = skip_space(p + 1, end);
		return p < end && *p == '{' ? skip_brackets(p, end, '{', '}') : skip_term(p, end);
	}
	if (p < end && *p == '(')
		return skip_brackets(p, end, '(', ')');
	p = skip_space(skip_term(p, end), end);
	return p < end && *p == '{' ? skip_brackets(p, end, '{', '}') : NULL;
}

/* The first statement of this key that begins between p and stop; *behind is set. NULL if none does. */
static char *find_statement(char *p, char *stop, char *end, const char *name, char **behind)
{
	size_t name_len = strlen(name);
	char *next;

	for (; p<stop; p = next> p ? next : p + 1) {
		next = skip_term(p, end);
		if ((size_t)(next - p) != name_len || memcmp(p, name, name_len) != 0)
			continue;
		*behind = skip_statement(next, end);
		if (*behind)
			return p;
	}
	return NULL;
}

/* What stands between the name of a block, which ends at p, and its brace. */
static void copy_title(char *p, char *end, char title[SOURCE_TITLE_MAX])
{
	char *begin = skip_space(p, end), *behind = skip_term(begin, end), *brace = skip_space(behind, end);
	bool is_quoted = begin < end && (*begin == '"' || *begin == '\'');

	title[0] = '\0';
	if (behind > begin && brace < end && *brace == '{' && *begin != '=')
		snprintf(title, SOURCE_TITLE_MAX, "%.*s", (int)(behind - begin) - 2 * is_quoted,
		        begin + is_quoted);
}

bool source_blank_statement(
        char *text, size_t len, unsigned line, const char *name, char title[SOURCE_TITLE_MAX])
{
	char *begin = text, *end = text + len, *stop, *behind;

	for (; line > 1 && begin; line--) {
		begin = memchr(begin, '\n', (size_t)(end - begin));
		begin = begin ? begin + 1 : NULL;
	}
	if (!begin)
		return false;
	stop = memchr(begin, '\n', (size_t)(end - begin));
	begin = find_statement(begin, stop ? stop : end, end, name, &behind);
	if (!begin)
		return false;
	copy_title(begin + strlen(name), end, title);
	blank(begin, behind);
	return true;
}

unsigned source_open_brace(const char *text, size_t len, unsigned lines)
{
	unsigned open[DEPTH_MAX], depth = 0, line = 1; /* deeper is no configuration */
	char quote = '\0';

	for (const char *p = text; p < text + len && line <= lines; p++) {
		if (*p == '\n')
			line++;
		else if (quote && *p == '\\')
			p++;
		else if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '{' && depth < DEPTH_MAX)
			open[depth++] = line;
		else if (*p == '}' && depth > 0)
			depth--;
	}
	return depth > 0 ? open[depth - 1] : 0;
}

unsigned source_find_statement(char *text, size_t len, const char *name)
{
	char *behind, *begin = find_statement(text, text + len, text + len, name, &behind);

	return begin ? count_lines(text, begin) + 1 : 0;
}
