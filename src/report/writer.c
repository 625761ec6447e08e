/* writer.c - see writer.h.
 *
 * The buffer holds lines with their newlines. `owed` counts the bytes at its start that end a line whose
 * beginning is in the file already and could not be cut off again.
 *
 * The file is opened with O_APPEND, so that rotation by copy and truncate works, and O_NONBLOCK, so that
 * a FIFO without reader or with a slow one costs records and not the daemon. stdout keeps its own mode: a
 * reader of `postern read` is waited for.
 *
 * Rejected: fsync (a log is no ledger, and a slow disk would hold up the loop); stdio (after a failed
 * fflush nobody knows how much of the buffer is in the file).
 */
#include "report/writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

struct writer {
	int fd; /* -1 = nowhere */
	char *path;
	bool failing;
	size_t used; /* bytes in the buffer */
	size_t owed; /* of them, at its start: the rest of a line begun in the file */
	struct writer_counts counts;
	char buffer[WRITER_BUFFER_BYTES];
};

/* A crash may have left the file without a newline at its end: give it one. */
static void end_last_line(int fd, const char *path)
{
	struct stat st;
	char last = '\n';
	int reader;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return;
	reader = open(path, O_RDONLY | O_CLOEXEC);
	if (reader < 0)
		return;
	if (pread(reader, &last, 1, st.st_size - 1) == 1 && last != '\n' && write(fd, "\n", 1) != 1)
		log_warning("%s ends in half a line and cannot be written: %s", path, strerror(errno));
	close(reader);
}

/* A descriptor or -errno. */
static int open_path(const char *path)
{
	int fd;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	if (fd < 0)
		return -errno;
	if (strcmp(path, "-") != 0)
		end_last_line(fd, path);
	return fd;
}

struct writer *writer_open(const char *path)
{
	struct writer *w = malloc(sizeof(*w));

	if (!w)
		return NULL;
	memset(w, 0, offsetof(struct writer, buffer));
	w->fd = *path ? open_path(path) : -1;
	w->path = strdup(path);
	if (w->path && (w->fd >= 0 || !*path))
		return w;
	errno = w->path ? -w->fd : ENOMEM;
	if (w->fd >= 0)
		close(w->fd);
	free(w->path);
	free(w);
	return NULL;
}

static size_t count_lines(const char *bytes, size_t len)
{
	const char *end = bytes + len;
	size_t lines = 0;

	while (bytes < end && (bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
		lines++;
		bytes++;
	}
	return lines;
}

/* Cuts `bytes`, written last, off the end of the file. */
static bool cut_back(int fd, size_t bytes)
{
	struct stat st;
	off_t end;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	end = lseek(fd, 0, SEEK_CUR);
	/* only if the file still ends where we wrote: somebody else may have truncated or appended */
	if (end != st.st_size || end < (off_t)bytes || ftruncate(fd, end - (off_t)bytes) < 0)
		return false;
	return lseek(fd, end - (off_t)bytes, SEEK_SET) >= 0; /* matters where O_APPEND is not set: stdout */
}

static void drop_front(struct writer *w, size_t bytes)
{
	assert(bytes <= w->used);
	if (bytes == 0)
		return;
	w->used -= bytes;
	memmove(w->buffer, w->buffer + bytes, w->used);
}

/* Bytes up to and with the next newline behind `from`. */
static size_t rest_of_line(const struct writer *w, size_t from)
{
	const char *newline = memchr(w->buffer + from, '\n', w->used - from);

	assert(newline);
	return (size_t)(newline - w->buffer) + 1 - from;
}

/* The first `written` bytes of the buffer are in the file and the rest could not be written: takes them
 * out, and sees to the half line at their end. */
static void settle(struct writer *w, size_t written)
{
	const char *newline = written > 0 ? memrchr(w->buffer, '\n', written) : NULL;
	size_t whole = newline ? (size_t)(newline - w->buffer) + 1 : 0;
	size_t half = written - whole;

	if (half > 0 && written > w->owed && cut_back(w->fd, half)) {
		written = whole;
		half = 0;
	}
	if (half > 0)
		w->owed = rest_of_line(w, written);
	else if (written > 0)
		w->owed = 0;
	w->counts.lines += count_lines(w->buffer, whole);
	w->counts.bytes += written;
	drop_front(w, written);
}

static void say_failing(struct writer *w, int error)
{
	static struct log_limit limit;

	log_limited(&limit, LOG_LEVEL_ERROR,
	        "records cannot be written to %s: %s; %zu KiB wait in memory, %llu records lost so far",
	        w->path, strerror(error), w->used / 1024, (unsigned long long)w->counts.lost);
	w->failing = true;
}

static void say_working(struct writer *w)
{
	log_info("records are written to %s again; %llu were lost so far", w->path,
	        (unsigned long long)w->counts.lost);
	w->failing = false;
}

int writer_flush(struct writer *w)
{
	size_t written = 0;
	ssize_t n;
	int error = 0;

	while (written < w->used && error == 0) {
		n = write(w->fd, w->buffer + written, w->used - written);
		if (n > 0)
			written += (size_t)n;
		else if (n == 0 || errno != EINTR)
			error = n == 0 ? EIO : errno;
	}
	settle(w, written);
	if (error)
		say_failing(w, error);
	else if (written > 0 && w->failing)
		say_working(w);
	return -error;
}

void writer_line(struct writer *w, const char *line, size_t len)
{
	assert(len <= WRITER_LINE_MAX);
	if (w->fd < 0) {
		w->counts.lines++;
		w->counts.bytes += len + 1;
		return;
	}
	if (w->used + len + 1 > sizeof(w->buffer))
		(void)writer_flush(w);
	if (w->used + len + 1 > sizeof(w->buffer)) {
		w->counts.lost++;
		return;
	}
	memcpy(w->buffer + w->used, line, len);
	w->buffer[w->used + len] = '\n';
	w->used += len + 1;
}

int writer_reopen(struct writer *w)
{
	int fd;

	if (w->fd < 0)
		return 0;
	(void)writer_flush(w);
	fd = open_path(w->path);
	if (fd < 0) {
		log_error("%s cannot be opened again, the old file stays in use: %s", w->path, strerror(-fd));
		return fd;
	}
	if (w->owed > 0) { /* its beginning is in the old file: the new one shall not start with the rest */
		drop_front(w, w->owed);
		w->owed = 0;
		w->counts.lost++;
	}
	close(w->fd);
	w->fd = fd;
	log_info("%s opened again", w->path);
	return 0;
}

void writer_close(struct writer *w)
{
	if (!w)
		return;
	if (writer_flush(w) < 0)
		log_error("%zu records were not written to %s", count_lines(w->buffer, w->used), w->path);
	if (w->fd >= 0)
		close(w->fd);
	free(w->path);
	free(w);
}

uint64_t writer_free_bytes(const struct writer *w)
{
	struct statvfs fs;
	struct stat st;

	if (w->fd < 0 || fstat(w->fd, &st) < 0 || !S_ISREG(st.st_mode) || fstatvfs(w->fd, &fs) < 0)
		return UINT64_MAX;
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

struct writer_counts writer_counts(const struct writer *w)
{
	return w->counts;
}
