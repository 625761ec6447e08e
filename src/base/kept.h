/* kept.h - files that outlive the process: replaced in one step, and believed only when nobody else could have
 * written them. */
#ifndef BASE_KEPT_H
#define BASE_KEPT_H

#include <stddef.h>

struct kept_part {
	const void *bytes;
	size_t len;
};

/* The parts, one behind the other, become the file; it survives a power cut, and is there whole or as before. Mode
 * 0600. 0 or -errno. */
int kept_write(const char *path, const struct kept_part *parts, unsigned count);
/* Behind the bytes stands a zero that does not count. The caller frees *bytes. 0; -ENOENT; -EPERM: others than root and
 * ourselves could have written it; -EFBIG: more than `most` bytes; -errno. */
int kept_read(const char *path, size_t most, char **bytes, size_t *len);

#endif
