/* store_file.c - see store_file.h.
 *
 * WAL, so that people may read the file while it is written, and a kill leaves whole transactions. It needs memory that
 * is shared by mapping a file; where the file system has none, or lies on another machine (where that memory is not
 * shared with whoever looks from there), a rollback journal takes its place.
 *
 * Who else could have written the file is asked before it is opened: it says who is blocked after a boot. A lock on a
 * file beside it keeps a second posternd out, for each would end the other's blocks. That lock is flock(): SQLite's own
 * are fcntl() locks, which vanish when any descriptor of the file is closed, so nobody here opens the database itself
 * beside SQLite.
 *
 * A file that never was a store of ours (store_owner.h) is not touched: it is told, and the store does not work.
 *
 * A damaged file is never deleted: people may want to see, or mend it (sqlite3 FILE .recover).
 */
#include "report/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "report/store_owner.h"
#include "report/store_schema.h"

static const struct {
	const char *word, *text;
} troubles[STORE_TROUBLE_COUNT] = {
#define X(name, word, text) { word, text },
	STORE_TROUBLES(X)
#undef X
};

const char *store_trouble_word(enum store_trouble t)
{
	return troubles[t].word;
}

void store_file_init(struct store_file *f, const char *path)
{
	*f = (struct store_file) { .path = path, .lock_fd = -1 };
}

void store_file_print(const struct store_file *f, enum store_trouble t, char *out, unsigned out_bytes)
{
	int len = 0;

#define X(name, word, text)                                                                                  \
	case STORE_TROUBLE_##name:                                                                           \
		len = snprintf(out, out_bytes, text, f->path);                                               \
		break;
	switch (t) {
		STORE_TROUBLES(X)
	case STORE_TROUBLE_COUNT:
		break;
	}
#undef X
	if (*f->detail && len > 0 && (unsigned)len < out_bytes)
		snprintf(out + len, out_bytes - (unsigned)len, " (%s)", f->detail);
}

/* ---- what a failure means --------------------------------------------------------------------- */

static void set_detail(struct store_file *f, const char *text)
{
	snprintf(f->detail, sizeof(f->detail), "%s", text);
}

static enum store_trouble trouble_of_errno(struct store_file *f, int error)
{
	set_detail(f, strerror(error));
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return STORE_TROUBLE_MISSING;
	case ENOSPC:
	case EDQUOT:
		return STORE_TROUBLE_FULL;
	case EROFS:
	case EACCES:
	case EPERM:
		return STORE_TROUBLE_READ_ONLY;
	case ELOOP: /* a symbolic link where the lock should be */
		return STORE_TROUBLE_FOREIGN;
	default:
		return STORE_TROUBLE_BROKEN;
	}
}

/* SQLite tells of a full disk as a failed write of its shared memory, too. */
static bool is_full(struct store_file *f, int result)
{
	int error = f->db ? sqlite3_system_errno(f->db) : 0;

	return result == SQLITE_FULL || result == SQLITE_IOERR_SHMSIZE || error == ENOSPC || error == EDQUOT;
}

enum store_trouble store_file_trouble(struct store_file *f, int result)
{
	set_detail(f, f->db ? sqlite3_errmsg(f->db) : sqlite3_errstr(result));
	if (is_full(f, result))
		return STORE_TROUBLE_FULL;
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		f->detail[0] = '\0';
		return STORE_TROUBLE_NONE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return STORE_TROUBLE_LOCKED;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return STORE_TROUBLE_READ_ONLY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return STORE_TROUBLE_CORRUPT;
	default:
		return STORE_TROUBLE_BROKEN;
	}
}

/* ---- before SQLite sees it -------------------------------------------------------------------- */

static enum store_trouble look(struct store_file *f, struct store_owner *o)
{
	enum store_trouble t = STORE_TROUBLE_NONE;
	int r = store_owner_look(f->path, o, &t);

	if (r < 0)
		return trouble_of_errno(f, -r);
	set_detail(f, o->why);
	return t;
}

/* Beside a file that cannot be ours none is made. */
static enum store_trouble take_lock(struct store_file *f, struct store_owner *o)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	char path[STORE_PATH_MAX];
	enum store_trouble t;

	if ((unsigned)snprintf(path, sizeof(path), "%s.lock", f->path) >= sizeof(path))
		return trouble_of_errno(f, ENAMETOOLONG);
	f->lock_fd = open(path, flags);
	if (f->lock_fd < 0 && errno == ENOENT) {
		t = look(f, o);
		if (t != STORE_TROUBLE_NONE)
			return t;
		f->lock_fd = open(path, flags | O_CREAT, 0600);
	}
	if (f->lock_fd < 0)
		return trouble_of_errno(f, errno);
	if (flock(f->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return STORE_TROUBLE_NONE;
	t = errno == EWOULDBLOCK ? STORE_TROUBLE_TAKEN : trouble_of_errno(f, errno);
	f->detail[0] = '\0';
	return t;
}

/* The file is there afterwards, and may be ours. */
static enum store_trouble find_or_make(struct store_file *f, struct store_owner *o)
{
	enum store_trouble t = look(f, o);
	int fd;

	if (t != STORE_TROUBLE_NONE || o->exists)
		return t;
	fd = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return trouble_of_errno(f, errno);
	close(fd);
	return STORE_TROUBLE_NONE;
}

static bool is_far_away(const char *path)
{
	/* the last four have no name in linux/magic.h of every system */
	static const uint32_t kinds[] = { NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, AFS_SUPER_MAGIC, CODA_SUPER_MAGIC,
		V9FS_MAGIC, 0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */, 0x00c36400 /* Ceph */,
		0x0bd00bd0 /* Lustre */ };
	struct statfs s;

	if (statfs(path, &s) < 0)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((uint32_t)s.f_type == kinds[i])
			return true;
	return false;
}

/* ---- opening ---------------------------------------------------------------------------------- */

/* The first column of the first row as text; SQLite's result. */
static int ask(sqlite3 *db, const char *sql, char *out, unsigned out_bytes)
{
	sqlite3_stmt *get = NULL;
	int r = sqlite3_prepare_v2(db, sql, -1, &get, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_step(get);
	if (r == SQLITE_ROW) {
		const unsigned char *text = sqlite3_column_text(get, 0);

		snprintf(out, out_bytes, "%s", text ? (const char *)text : "");
		r = SQLITE_OK;
	}
	sqlite3_finalize(get);
	return r;
}

enum store_trouble store_file_check(struct store_file *f)
{
	char answer[STORE_DETAIL_MAX] = "";
	int r = ask(f->db, "PRAGMA quick_check(1)", answer, sizeof(answer));

	f->checked = true;
	if (r != SQLITE_OK)
		return store_file_trouble(f, r);
	if (strcmp(answer, "ok") == 0)
		return STORE_TROUBLE_NONE;
	set_detail(f, answer);
	return STORE_TROUBLE_CORRUPT;
}

static int connect(struct store_file *f)
{
	int r = sqlite3_open_v2(f->path, &f->db,
	        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE,
	        NULL);

	if (r != SQLITE_OK)
		return r;
	(void)sqlite3_extended_result_codes(f->db, 1);
	(void)sqlite3_busy_timeout(f->db, f->wait_ms);
	(void)sqlite3_db_config(f->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return sqlite3_exec(f->db,
	        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON", NULL,
	        NULL, NULL);
}

/* Without shared memory the file can be read by one connection alone, and so it leaves WAL: by one that never tried to
 * share any. */
static int leave_wal(struct store_file *f)
{
	char answer[16] = "";
	int r;

	(void)sqlite3_close(f->db);
	f->db = NULL;
	r = connect(f);
	if (r == SQLITE_OK)
		r = ask(f->db, "PRAGMA locking_mode = EXCLUSIVE", answer, sizeof(answer));

	if (r == SQLITE_OK)
		r = ask(f->db, "PRAGMA journal_mode = TRUNCATE", answer, sizeof(answer));
	if (r == SQLITE_OK && strcmp(answer, "truncate") != 0)
		r = SQLITE_CANTOPEN;
	if (r == SQLITE_OK)
		r = sqlite3_exec(f->db, "PRAGMA locking_mode = NORMAL; SELECT count(*) FROM sqlite_schema",
		        NULL, NULL, NULL);
	return r;
}

/* What a file system without shared memory makes of WAL; a file with another trouble has it without WAL, too. */
static bool may_be_wal(int result)
{
	return (result & 0xff) == SQLITE_CANTOPEN || (result & 0xff) == SQLITE_IOERR ||
	       (result & 0xff) == SQLITE_READONLY;
}

/* Which journal. */
static int choose_journal(struct store_file *f)
{
	char answer[16] = "";
	int r;

	f->wal = false;
	if (is_far_away(f->path))
		return leave_wal(f);
	r = ask(f->db, "PRAGMA journal_mode = WAL", answer, sizeof(answer));
	f->wal = r == SQLITE_OK && strcmp(answer, "wal") == 0;
	if (f->wal) /* said; the first reading shows it */
		r = sqlite3_exec(f->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	f->wal = f->wal && r == SQLITE_OK;
	if (f->wal || (r != SQLITE_OK && (!may_be_wal(r) || is_full(f, r))))
		return r;
	return leave_wal(f);
}

/* PRAGMA user_version, of a file that may have been left in WAL where nobody can read that; -1 with the error in db. */
static int read_version(struct store_file *f)
{
	int version = store_schema_read(f->db), r = sqlite3_extended_errcode(f->db);

	if (version >= 0 || !may_be_wal(r) || is_full(f, r))
		return version;
	(void)sqlite3_close(f->db);
	f->db = NULL;
	r = connect(f);
	if (r == SQLITE_OK)
		r = sqlite3_exec(f->db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
	return r == SQLITE_OK ? store_schema_read(f->db) : -1;
}

static enum store_trouble recognize(struct store_file *f)
{
	bool is_ours;
	int r = store_schema_is_ours(f->db, &is_ours);

	if (r != SQLITE_OK)
		return store_file_trouble(f, r);
	f->ours = is_ours;
	if (is_ours)
		return STORE_TROUBLE_NONE;
	set_detail(f, "it is another program's database: it has tables that are not posternd's");
	return STORE_TROUBLE_STRANGE;
}

static enum store_trouble set_up(struct store_file *f, const struct store_owner *o)
{
	enum store_trouble t;
	int version = read_version(f), r;

	if (version < 0)
		return store_file_trouble(f, sqlite3_extended_errcode(f->db));
	t = recognize(f);
	if (t != STORE_TROUBLE_NONE)
		return t;
	if (version > store_schema_version()) {
		snprintf(f->detail, sizeof(f->detail), "schema %d, this posternd knows those up to %d",
		        version, store_schema_version());
		return STORE_TROUBLE_NEWER;
	}
	f->checked = false;
	if (o->size_bytes <= STORE_CHECK_AT_ONCE_BYTES)
		t = store_file_check(f);
	if (t != STORE_TROUBLE_NONE)
		return t;
	r = sqlite3_exec(f->db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL);
	if (r == SQLITE_OK && !o->marked) /* of a new one in the file itself, before there is a log */
		r = store_schema_mark(f->db);
	if (r == SQLITE_OK)
		r = choose_journal(f);
	if (r == SQLITE_OK)
		r = sqlite3_exec(f->db,
		        "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = "
		        "4194304",
		        NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = store_schema_migrate(f->db);
	return store_file_trouble(f, r);
}

enum store_trouble store_file_open(struct store_file *f, int wait_ms)
{
	struct store_owner o = { 0 };
	enum store_trouble t;
	int r;

	f->wait_ms = wait_ms;
	f->detail[0] = '\0';
	t = take_lock(f, &o);
	if (t == STORE_TROUBLE_NONE)
		t = find_or_make(f, &o);
	f->ours = o.marked;
	if (t == STORE_TROUBLE_NONE) {
		r = connect(f);
		t = r == SQLITE_OK ? set_up(f, &o) : store_file_trouble(f, r);
	}
	if (t == STORE_TROUBLE_CORRUPT && !f->ours) {
		set_detail(f, "it is damaged, and nothing in it says that it was one");
		t = STORE_TROUBLE_STRANGE;
	}
	if (t != STORE_TROUBLE_NONE && t != STORE_TROUBLE_CORRUPT)
		store_file_close(f);
	return t;
}

enum store_trouble store_file_look(struct store_file *f)
{
	struct store_owner o = { 0 };
	enum store_trouble t = look(f, &o);

	if (t != STORE_TROUBLE_NONE || o.size_bytes == 0 || o.marked)
		return t;
	if (sqlite3_open_v2(f->path, &f->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, NULL) == SQLITE_OK)
		t = recognize(f);
	store_file_close(f);
	return t;
}

void store_file_close(struct store_file *f)
{
	(void)sqlite3_close(f->db);
	f->db = NULL;
	if (f->lock_fd >= 0)
		close(f->lock_fd);
	f->lock_fd = -1;
}

/* ---- setting aside ---------------------------------------------------------------------------- */

/* "20261122T031500Z" */
static void print_time(uint64_t now_us, char out[CLOCK_TEXT_MAX])
{
	char full[CLOCK_TEXT_MAX];
	unsigned len = 0;

	clock_print(now_us, full);
	for (const char *p = full; *p && *p != '.'; p++)
		if (*p != '-' && *p != ':')
			out[len++] = *p;
	out[len++] = 'Z';
	out[len] = '\0';
}

/* 0, -errno; an end that is not there is none to move. */
static int move(const char *path, const char *name, const char *end)
{
	char from[STORE_PATH_MAX], to[STORE_PATH_MAX];

	if ((unsigned)snprintf(from, sizeof(from), "%s%s", path, end) >= sizeof(from) ||
	        (unsigned)snprintf(to, sizeof(to), "%s%s", name, end) >= sizeof(to))
		return -ENAMETOOLONG;
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 || (*end && errno == ENOENT))
		return 0;
	if (errno != EINVAL) /* which a file system says that cannot promise it; no two of us are here */
		return -errno;
	return access(to, F_OK) == 0 ? -EEXIST : rename(from, to) == 0 ? 0 : -errno;
}

int store_file_set_aside(struct store_file *f, uint64_t now_us, char name[STORE_PATH_MAX])
{
	static const char *const ends[] = { "-wal", "-shm", "-journal" };
	char time[CLOCK_TEXT_MAX];
	int r = -EEXIST;

	print_time(now_us, time);
	(void)sqlite3_db_config(f->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL); /* as it was found */
	(void)sqlite3_close(f->db);
	f->db = NULL;
	for (unsigned n = 0; n < 100 && r == -EEXIST; n++) {
		char more[8] = "";

		if (n > 0)
			snprintf(more, sizeof(more), ".%u", n);
		if ((unsigned)snprintf(name, STORE_PATH_MAX, "%s.corrupt-%s%s", f->path, time, more) >=
		        STORE_PATH_MAX)
			r = -ENAMETOOLONG;
		else
			r = move(f->path, name, "");
	}
	for (unsigned i = 0; r == 0 && i < sizeof(ends) / sizeof(ends[0]); i++)
		r = move(f->path, name, ends[i]);
	store_file_close(f);
	return r;
}
