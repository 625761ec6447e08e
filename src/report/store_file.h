/* store_file.h - the database file: found, checked, made, set aside; and what can be wrong with it, in words. */
#ifndef REPORT_STORE_FILE_H
#define REPORT_STORE_FILE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* X(NAME, word in status, what to say: the path goes to %s) */
#define STORE_TROUBLES(X)                                                                                    \
	X(NONE, "working", "%s is written")                                                                  \
	X(LOCKED, "locked", "%s is locked by another program: end it")                                       \
	X(FULL, "full", "the disk of %s is full: make room on it")                                           \
	X(READ_ONLY, "read-only",                                                                            \
	        "%s cannot be written: mount its file system read-write, or give posternd the right to "     \
	        "write there")                                                                               \
	X(MISSING, "missing",                                                                                \
	        "the folder of %s does not exist: make it (mkdir -m 700), or change store.path")             \
	X(FOREIGN, "foreign",                                                                                \
	        "%s could have been written by others than root and posternd, and is not believed: give it " \
	        "to root and take the others' right to write, or move it away")                              \
	X(STRANGE, "not-ours",                                                                               \
	        "%s is no store of posternd's and is left untouched: move it away, or name another path in " \
	        "store.path")                                                                                \
	X(FOLDER, "folder", "%s is a folder: name a file in it in store.path")                               \
	X(LINK, "link", "%s is a symbolic link, which is not followed: name the file itself in store.path")  \
	X(NO_FILE, "no-file", "%s is a device, a pipe or a socket: name a file in store.path")               \
	X(NEWER, "newer",                                                                                    \
	        "%s was written by a newer posternd and is left untouched: start that one, or move the "     \
	        "file away, and a new one is made")                                                          \
	X(TAKEN, "taken", "%s is in use by another posternd: give each a store.path of its own")             \
	X(CORRUPT, "corrupt", "%s is damaged")                                                               \
	X(BROKEN, "failing", "%s cannot be used")

enum store_trouble {
#define X(name, word, text) STORE_TROUBLE_##name,
	STORE_TROUBLES(X)
#undef X
	        STORE_TROUBLE_COUNT
};
const char *store_trouble_word(enum store_trouble t);

enum { STORE_PATH_MAX = 4096, STORE_DETAIL_MAX = 200 };

struct store_file {
	const char *path; /* borrowed */
	sqlite3 *db;      /* NULL = not open */
	int lock_fd;      /* -1 = none */
	int wait_ms;      /* for somebody else's lock */
	bool wal;
	bool checked;                  /* as far as quick_check sees */
	bool ours;                     /* by its id or its tables */
	char detail[STORE_DETAIL_MAX]; /* of the last trouble, or "" */
};

void store_file_init(struct store_file *f, const char *path);
/* Opens, and makes what is not there. A file of up to STORE_CHECK_AT_ONCE_BYTES is checked, too. wait_ms: for a lock.
 * One of another schema is migrated, or, if it is newer, left alone, as is what never was a store of ours. On trouble
 * it is closed again. */
enum store_trouble store_file_open(struct store_file *f, int wait_ms);
enum { STORE_CHECK_AT_ONCE_BYTES = 64 << 20 };
/* For whoever is not posternd: what posternd would find, as far as that can be read. NONE = nothing is known to be wrong. */
enum store_trouble store_file_look(struct store_file *f);
/* Takes its time with a big file. */
enum store_trouble store_file_check(struct store_file *f);
void store_file_close(struct store_file *f);
/* What sqlite's result code (extended) means. f->detail tells more. */
enum store_trouble store_file_trouble(struct store_file *f, int result);
/* Closes it and gives it, with its log, a name with the time, which is written to name. 0 or -errno. */
int store_file_set_aside(struct store_file *f, uint64_t now_us, char name[STORE_PATH_MAX]);
/* A sentence about the trouble and what to do. */
void store_file_print(const struct store_file *f, enum store_trouble t, char *out, unsigned out_bytes);

#endif
