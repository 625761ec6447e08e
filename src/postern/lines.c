/* lines.c - see lines.h. zlib reads both kinds and tells them apart by their first bytes (RFC 1952 2.3.1); files of several
 * members one behind another, as rotation by appending leaves them, are one to it. */
#include "postern/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

enum { ROOM = LINES_LONGEST + 1, WINDOW_BYTES = 256 * 1024, PERCENT = 100 };

struct lines {
	gzFile file;
	const char *name;
	char *path;
	off_t bytes; /* of the file, 0 = nobody knows */
	uint64_t number;
	size_t begin, end;   /* what of the buffer is not given yet */
	bool is_over, skips; /* skips: the rest of a line that is too long */
	char buffer[ROOM];
};

struct lines *lines_open(const char *path, char *err, unsigned err_bytes)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
	                  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct lines *l = fd < 0 ? NULL : malloc(sizeof(*l));
	struct stat st;

	if (l) {
		memset(l, 0, offsetof(struct lines, buffer));
		l->path = strdup(path);
		l->file = gzdopen(fd, "rb");
	}
	if (!l || !l->path || !l->file) {
		(void)snprintf(err, err_bytes, "%s: %s", is_stdin ? "standard input" : path, strerror(errno));
		if (fd >= 0 && !(l && l->file))
			close(fd);
		lines_close(l);
		return NULL;
	}
	l->name = is_stdin ? "standard input" : l->path;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		(void)snprintf(err, err_bytes, "%s: is a folder; name the files in it", l->name);
		lines_close(l);
		return NULL;
	}
	if (S_ISREG(st.st_mode))
		l->bytes = st.st_size;
	(void)gzbuffer(l->file, WINDOW_BYTES);
	return l;
}

void lines_close(struct lines *l)
{
	if (!l)
		return;
	if (l->file)
		(void)gzclose(l->file);
	free(l->path);
	free(l);
}

/* More bytes behind those that are there. 0, or -1 with a message. */
static int fill(struct lines *l, char *err, unsigned err_bytes)
{
	const char *words;
	int n, code = Z_OK;

	memmove(l->buffer, l->buffer + l->begin, l->end - l->begin);
	l->end -= l->begin;
	l->begin = 0;
	n = gzread(l->file, l->buffer + l->end, (unsigned)(ROOM - l->end));
	words = gzerror(l->file, &code);
	if (n > 0)
		l->end += (size_t)n;
	else
		l->is_over = true;
	if (n >= 0 && code != Z_BUF_ERROR) /* that one: it ends in the middle */
		return 0;
	(void)snprintf(err, err_bytes, "%s: damaged behind line %ju: %s", l->name, (uintmax_t)l->number,
	        code == Z_ERRNO       ? strerror(errno)
	        : code == Z_BUF_ERROR ? "it ends too early"
	                              : words);
	return -1;
}

static void give(struct lines *l, struct line *out, size_t len, bool has_newline)
{
	*out = (struct line) {
		.bytes = l->buffer + l->begin, .len = len, .number = ++l->number, .is_whole = has_newline
	};
	l->begin += len + has_newline;
	if (!l->skips)
		return;
	l->skips = false;
	out->len = 0;
	out->too_long = true;
}

int lines_next(struct lines *l, struct line *out, char *err, unsigned err_bytes)
{
	for (;;) {
		size_t have = l->end - l->begin;
		const char *newline = memchr(l->buffer + l->begin, '\n', have);

		if (newline) {
			give(l, out, (size_t)(newline - l->buffer) - l->begin, true);
			return 1;
		}
		if (l->is_over) {
			if (have == 0 && !l->skips)
				return 0;
			give(l, out, have, false);
			return 1;
		}
		if (have == ROOM) {
			l->skips = true;
			l->begin = l->end;
		}
		if (fill(l, err, err_bytes) != 0)
			return -1;
	}
}

int lines_progress(struct lines *l)
{
	z_off_t at = gzoffset(l->file);

	return l->bytes > 0 && at >= 0 ? (int)(at < l->bytes ? at * PERCENT / l->bytes : PERCENT) : -1;
}
