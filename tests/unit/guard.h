/* guard.h - input bytes that end at an unreadable page: a parser that reads too far crashes. */
#ifndef UNIT_GUARD_H
#define UNIT_GUARD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static inline size_t guard_room(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page) / page * page; /* at least one page, also for nothing */
}

/* A writable copy whose last byte lies just before an unreadable page; its start is not aligned.
 * Aborts when there is no memory. Give back with guard_free(). */
static inline uint8_t *guard_copy(const void *bytes, size_t len)
{
	size_t room = guard_room(len), page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) < 0)
		abort();
	if (len > 0)
		memcpy(map + room - len, bytes, len);
	return map + room - len;
}

/* len as given to guard_copy(). */
static inline void guard_free(uint8_t *copy, size_t len)
{
	size_t room = guard_room(len), page = (size_t)sysconf(_SC_PAGESIZE);

	munmap(copy + len - room, room + page);
}

#endif
