/* writer.h - whole lines to a file that may be full.
 *
 * Lines are gathered in memory and written at writer_flush(). When a write fails or falls short, the
 * half line it may have left is cut off again (ftruncate), or, where that cannot be done (pipe, terminal),
 * its rest is written before anything else. So no line ever follows half of another. What could not be
 * written waits in memory for the next flush; once WRITER_BUFFER_BYTES wait, further lines are lost whole
 * and counted.
 */
#ifndef REPORT_WRITER_H
#define REPORT_WRITER_H

#include <stddef.h>
#include <stdint.h>

enum { WRITER_LINE_MAX = 60 * 1024, WRITER_BUFFER_BYTES = 1024 * 1024 };

struct writer;

struct writer_counts {
	uint64_t lines, bytes; /* written */
	uint64_t lost;         /* lines that never were */
};

/* path: appended to, created with mode 0640; "-" = stdout; "" = lines are counted and thrown away. NULL with errno. */
struct writer *writer_open(const char *path);
/* Flushes once more and closes; what still waits is lost (said in the log). NULL is fine. */
void writer_close(struct writer *w);
/* Flushes, then opens the path anew, which the log says. 0 or -errno; on failure the old file stays. */
int writer_reopen(struct writer *w);
/* line: without its newline, at most WRITER_LINE_MAX bytes (assert). */
void writer_line(struct writer *w, const char *line, size_t len);
/* 0, or -errno when something still waits. */
int writer_flush(struct writer *w);
/* Bytes that its file system has free for us; UINT64_MAX: it writes into no file. */
uint64_t writer_free_bytes(const struct writer *w);
struct writer_counts writer_counts(const struct writer *w);

#endif
