/* Whole lines to files that fill up, rotate, or were left with half a line.
 *
 * The full disk is a tmpfs of a few pages in a mount namespace of its own; that needs root. */
#include "report/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "suite.h"

enum { LINE = 1000, DISK_BYTES = 64 * 1024, FILE_MAX = 4 * 1024 * 1024 };

static char dir[64], path[128];
static char content[FILE_MAX];
static size_t content_len;

static void begin(void)
{
	snprintf(dir, sizeof(dir), "/tmp/postern-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/eve.json", dir);
	log_open("test_writer", LOG_LEVEL_ERROR);
}

static void end(void)
{
	char other[160];

	snprintf(other, sizeof(other), "%s.1", path);
	unlink(other);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void load(const char *from)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	CU_ASSERT_FATAL(fd >= 0);
	for (content_len = 0; (n = read(fd, content + content_len, sizeof(content) - content_len)) > 0;)
		content_len += (size_t)n;
	close(fd);
}

static void put(struct writer *w, unsigned number)
{
	char line[LINE + 1];

	snprintf(line, sizeof(line), "%08u%*s", number, LINE - 8, ".");
	writer_line(w, line, LINE);
}

/* content is whole lines of put(), their numbers rising; returns how many. */
static unsigned count_whole(void)
{
	unsigned lines = 0;
	long number, before = -1;
	size_t at;

	CU_ASSERT_EQUAL_FATAL(content_len % (LINE + 1), 0);
	for (at = 0; at < content_len; at += LINE + 1, lines++) {
		number = strtol(content + at, NULL, 10);
		CU_ASSERT(number > before);
		CU_ASSERT_EQUAL_FATAL(content[at + LINE], '\n');
		CU_ASSERT_EQUAL_FATAL(content[at + LINE - 1], '.');
		before = number;
	}
	return lines;
}

static void appends_lines(void)
{
	struct writer *w;
	struct stat st;
	mode_t mask = umask(0);

	begin();
	w = writer_open(path);
	umask(mask);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	writer_line(w, "one", 3);
	writer_line(w, "two", 3);
	CU_ASSERT_EQUAL(writer_counts(w).lines, 0); /* nothing before the flush */
	CU_ASSERT_EQUAL(writer_flush(w), 0);
	CU_ASSERT_EQUAL(writer_counts(w).lines, 2);
	CU_ASSERT_EQUAL(writer_counts(w).bytes, 8);
	writer_close(w);
	w = writer_open(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	writer_line(w, "three", 5);
	writer_close(w); /* flushes by itself */
	load(path);
	CU_ASSERT_EQUAL(content_len, 14);
	CU_ASSERT_EQUAL(memcmp(content, "one\ntwo\nthree\n", 14), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0640);
	end();
}

static void ends_a_half_line_found(void)
{
	struct writer *w;
	FILE *f;

	begin();
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("{\"half", f);
	fclose(f);
	w = writer_open(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	writer_line(w, "{}", 2);
	writer_close(w);
	load(path);
	CU_ASSERT_EQUAL(content_len, 10);
	CU_ASSERT_EQUAL(memcmp(content, "{\"half\n{}\n", 10), 0);
	end();
}

static void says_why_it_cannot_open(void)
{
	CU_ASSERT_PTR_NULL(writer_open("/nonexistent/eve.json"));
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_PTR_NULL(writer_open("/"));
	CU_ASSERT_EQUAL(errno, EISDIR);
}

static void nowhere_counts(void)
{
	struct writer *w = writer_open("");

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	writer_line(w, "one", 3);
	CU_ASSERT_EQUAL(writer_flush(w), 0);
	CU_ASSERT_EQUAL(writer_reopen(w), 0);
	CU_ASSERT_EQUAL(writer_counts(w).lines, 1);
	writer_close(w);
}

static void reopens_for_rotation(void)
{
	struct writer *w;
	char other[160];

	begin();
	snprintf(other, sizeof(other), "%s.1", path);
	w = writer_open(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	writer_line(w, "old", 3);
	CU_ASSERT_EQUAL(rename(path, other), 0);
	CU_ASSERT_EQUAL(writer_reopen(w), 0);
	writer_line(w, "new", 3);
	CU_ASSERT_EQUAL(writer_flush(w), 0);
	load(other);
	CU_ASSERT_EQUAL(memcmp(content, "old\n", 4), 0);
	load(path);
	CU_ASSERT_EQUAL(content_len, 4);
	CU_ASSERT_EQUAL(memcmp(content, "new\n", 4), 0);

	CU_ASSERT_EQUAL(unlink(path), 0); /* cannot be opened again: the old file goes on */
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL(writer_reopen(w), -EISDIR);
	writer_line(w, "x", 1);
	CU_ASSERT_EQUAL(writer_flush(w), 0);
	writer_close(w);
	CU_ASSERT_EQUAL(rmdir(path), 0);
	end();
}

static void full_device_loses_with_a_count(void)
{
	struct writer *w = writer_open("/dev/full");
	unsigned i;
	const unsigned room = WRITER_BUFFER_BYTES / (LINE + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	log_open("test_writer", LOG_LEVEL_ERROR);
	for (i = 0; i < room; i++)
		put(w, i);
	CU_ASSERT_EQUAL(writer_flush(w), -ENOSPC);
	CU_ASSERT_EQUAL(writer_counts(w).lost, 0); /* they wait */
	for (i = 0; i < 10; i++)
		put(w, i);
	CU_ASSERT_EQUAL(writer_counts(w).lost, 10);
	CU_ASSERT_EQUAL(writer_counts(w).lines, 0);
	writer_close(w);
}

/* Fills the disk, frees it, and looks whether the file is whole lines all the time. */
static void fill_and_free(void)
{
	char ballast[160];
	struct writer *w;
	struct stat st;
	unsigned i, put_lines = 0, in_file;
	int fd;

	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(posix_fallocate(fd, 0, DISK_BYTES / 2), 0);
	close(fd);
	w = writer_open(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	for (i = 0; i < 3000; i++) {
		put(w, put_lines++);
		if (i % 10 == 0)
			(void)writer_flush(w);
		if (i % 100 != 0)
			continue;
		CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
		CU_ASSERT_EQUAL(st.st_size % (LINE + 1), 0);
	}
	CU_ASSERT_EQUAL(writer_flush(w), -ENOSPC);
	CU_ASSERT(writer_counts(w).lost > 0);
	CU_ASSERT(writer_counts(w).lines > 0);
	CU_ASSERT_EQUAL(unlink(ballast), 0); /* room for some more */
	CU_ASSERT_EQUAL(writer_flush(w), -ENOSPC);
	load(path);
	in_file = count_whole();
	CU_ASSERT(in_file > DISK_BYTES / 2 / (LINE + 1));
	CU_ASSERT_EQUAL(writer_counts(w).lines, in_file);
	CU_ASSERT_EQUAL(truncate(path, 0), 0); /* rotation by copy and truncate */
	put(w, put_lines++);
	(void)writer_flush(w);
	load(path);
	CU_ASSERT(count_whole() > 0);
	writer_close(w);
	unlink(ballast);
}

static void full_disk_leaves_whole_lines(void)
{
	char options[32];

	if (geteuid() != 0) {
		printf("SKIPPED (a small tmpfs needs root) ");
		return;
	}
	CU_ASSERT_EQUAL_FATAL(unshare(CLONE_NEWNS), 0);
	CU_ASSERT_EQUAL_FATAL(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	begin();
	snprintf(options, sizeof(options), "size=%d", DISK_BYTES);
	CU_ASSERT_EQUAL_FATAL(mount("tmpfs", dir, "tmpfs", 0, options), 0);
	fill_and_free();
	CU_ASSERT_EQUAL(umount(dir), 0);
	end();
}

/* A pipe cannot be cut back: the rest of a half line comes before anything else. */
static void pipe_gets_the_rest_of_a_line(void)
{
	struct writer *w;
	unsigned i, lines;
	ssize_t n;
	int reader;

	begin();
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	CU_ASSERT_PTR_NULL(writer_open(path)); /* no reader: an error, not a wait */
	CU_ASSERT_EQUAL(errno, ENXIO);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CU_ASSERT_FATAL(reader >= 0);
	w = writer_open(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	for (i = 0; i < 300; i++)
		put(w, i);
	CU_ASSERT_EQUAL(writer_flush(w), -EAGAIN); /* 300 kB into a pipe of 64 KiB */
	content_len = 0;
	for (i = 0; i < 1000 && writer_flush(w) != 0; i++) {
		n = read(reader, content + content_len, 7777);
		content_len += n > 0 ? (size_t)n : 0;
	}
	while ((n = read(reader, content + content_len, 7777)) > 0)
		content_len += (size_t)n;
	lines = count_whole();
	CU_ASSERT_EQUAL(lines, 300);
	CU_ASSERT_EQUAL(writer_counts(w).lines, 300);
	CU_ASSERT_EQUAL(writer_counts(w).lost, 0);
	writer_close(w);
	close(reader);
	end();
}

/* The rest of a half line belongs to the old file: it is lost, and the new file starts with a whole one. */
static void reopening_drops_the_rest_of_a_line(void)
{
	struct writer *w;
	unsigned i, lines;
	int reader;

	begin();
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CU_ASSERT_FATAL(reader >= 0);
	w = writer_open(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	for (i = 0; i < 300; i++)
		put(w, i);
	CU_ASSERT_EQUAL(writer_flush(w), -EAGAIN);
	lines = (unsigned)writer_counts(w).lines;
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(writer_reopen(w), 0); /* a plain file now */
	CU_ASSERT_EQUAL(writer_counts(w).lost, 1);
	CU_ASSERT_EQUAL(writer_flush(w), 0);
	load(path);
	CU_ASSERT_EQUAL(count_whole(), 299 - lines);
	writer_close(w);
	close(reader);
	end();
}

SUITE("writer", { "appends lines", appends_lines }, { "ends a half line found", ends_a_half_line_found },
        { "says why it cannot open", says_why_it_cannot_open }, { "nowhere counts", nowhere_counts },
        { "reopens for rotation", reopens_for_rotation },
        { "a full device loses with a count", full_device_loses_with_a_count },
        { "a pipe gets the rest of a line", pipe_gets_the_rest_of_a_line },
        { "reopening drops the rest of a line", reopening_drops_the_rest_of_a_line },
        { "a full disk leaves whole lines", full_disk_leaves_whole_lines })
