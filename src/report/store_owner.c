/* store_owner.c - see store_owner.h.
 *
 * A damaged store is set aside, and so it must be known to have been one: a path that was mistyped may be somebody's
 * configuration, his records, or the database of another program. A file that does not begin as SQLite's do was never
 * ours, or nobody can say so any more. Of those that do, the application id tells, at byte 68 of the first page
 * (https://www.sqlite.org/fileformat2.html, 1.3); it stands in the first sector, so a torn write keeps it. Without an
 * id it may be an old store of ours: then the tables are asked (store_schema_is_ours()).
 *
 * Rejected: SQLite alone. It writes into what has no tables, and says of a text and of a torn page the same.
 */
#include "report/store_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/store_schema.h"

enum { HEADER_BYTES = 100, MAGIC_BYTES = 16, ID_AT = 68 };

static const struct {
	mode_t kind;
	enum store_trouble trouble;
} others[] = { { S_IFDIR, STORE_TROUBLE_FOLDER }, { S_IFLNK, STORE_TROUBLE_LINK } };

static enum store_trouble trouble_of(const struct stat *s)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if ((s->st_mode & S_IFMT) == others[i].kind)
			return others[i].trouble;
	if (!S_ISREG(s->st_mode))
		return STORE_TROUBLE_NO_FILE;
	if ((s->st_uid != 0 && s->st_uid != geteuid()) || (s->st_mode & (S_IWGRP | S_IWOTH)))
		return STORE_TROUBLE_FOREIGN;
	return STORE_TROUBLE_NONE;
}

static ssize_t read_header(const char *path, uint8_t header[HEADER_BYTES])
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t got;
	int error;

	if (fd < 0)
		return -errno;
	got = pread(fd, header, HEADER_BYTES, 0);
	error = errno;
	close(fd);
	return got < 0 ? -error : got;
}

static enum store_trouble judge(const uint8_t *header, size_t len, struct store_owner *out)
{
	static const char magic[MAGIC_BYTES] = "SQLite format 3";
	uint32_t id = 0;

	if (len < MAGIC_BYTES || memcmp(header, magic, MAGIC_BYTES) != 0) {
		out->why = "it does not begin as a database does";
		return STORE_TROUBLE_STRANGE;
	}
	for (size_t i = 0; i < sizeof(id); i++) /* 0 of a header that is cut */
		id = id << 8 | header[ID_AT + i];
	out->marked = id == STORE_SCHEMA_APPLICATION;
	if (id == 0 || out->marked)
		return STORE_TROUBLE_NONE;
	out->why = "it is another program's database: its application id is not posternd's";
	return STORE_TROUBLE_STRANGE;
}

int store_owner_look(const char *path, struct store_owner *out, enum store_trouble *trouble)
{
	uint8_t header[HEADER_BYTES] = { 0 };
	struct stat s;
	ssize_t len;

	out->why = "";
	out->exists = out->marked = false;
	out->size_bytes = 0;
	*trouble = STORE_TROUBLE_NONE;
	if (lstat(path, &s) < 0)
		return errno == ENOENT ? 0 : -errno;
	out->exists = true;
	out->size_bytes = (uint64_t)s.st_size;
	*trouble = trouble_of(&s);
	if (*trouble != STORE_TROUBLE_NONE || s.st_size == 0)
		return 0;
	len = read_header(path, header);
	if (len < 0)
		return (int)len;
	*trouble = judge(header, (size_t)len, out);
	return 0;
}
