/* kept.c - see kept.h. A new file is written beside the old one, and takes its place when it is on the disk. */
#include "base/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- writing --------------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int r = fd >= 0 && fsync(fd) == 0 ? 0 : -errno;

	if (fd >= 0)
		close(fd);
	free(folder);
	return r;
}

static int write_fresh(int fd, const struct kept_part *parts, unsigned count)
{
	int r = 0;

	for (unsigned i = 0; i < count && r == 0; i++)
		r = write_all(fd, parts[i].bytes, parts[i].len);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

int kept_write(const char *path, const struct kept_part *parts, unsigned count)
{
	char *fresh;
	int fd, r;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return -ENOMEM;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_fresh(fd, parts, count);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (r == 0)
		r = sync_folder(path);
	else if (fd >= 0)
		(void)unlink(fresh);
	free(fresh);
	return r;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Whoever can write the file says what we do. */
static int check_owner(int fd, size_t most, size_t *len)
{
	struct stat s;

	if (fstat(fd, &s) < 0)
		return -errno;
	if (!S_ISREG(s.st_mode) || (s.st_uid != 0 && s.st_uid != geteuid()) ||
	        (s.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	*len = (size_t)s.st_size;
	return *len <= most ? 0 : -EFBIG;
}

static int read_all(int fd, char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, bytes, len);

		if (n == 0)
			return -EBADMSG;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int kept_read(const char *path, size_t most, char **bytes, size_t *len)
{
	int fd = open(
	        path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* a FIFO would hold up the boot */
	int r = fd < 0 ? -errno : check_owner(fd, most, len);
	char *all = r == 0 ? malloc(*len + 1) : NULL;

	if (r == 0)
		r = all ? read_all(fd, all, *len) : -ENOMEM;
	if (fd >= 0)
		close(fd);
	if (r) {
		free(all);
		return r;
	}
	all[*len] = '\0';
	*bytes = all;
	return 0;
}
