/* test_store.c - the store: what is told comes back after a restart, whatever befell the file meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "events.h"
#include "postern/action.h"
#include "report/store.h"
#include "report/store_schema.h"
#include "suite.h"
#include "wall_clock.h"

enum { PATH_BYTES = 200, MANY = 50000 };
static const uint64_t HOUR_US = 3600 * UINT64_C(1000000);

/* ---- a folder for each test ------------------------------------------------------------------- */

static char folder[PATH_BYTES], file[PATH_BYTES];

static void begin(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_store.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(file, sizeof(file), "%.180s/postern.db", folder);
}

static void end(void)
{
	char command[PATH_BYTES + 20];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static struct store *open_keeping(uint32_t envelope_s)
{
	const struct store_settings s = {
		.path = file, .keep_s = 3650U * 86400U, .envelope_s = envelope_s, .calm_s = 3600
	};
	struct store *store = store_open(&s);

	CU_ASSERT_PTR_NOT_NULL_FATAL(store);
	return store;
}

static struct store *open_store(void)
{
	return open_keeping(3650U * 86400U);
}

static void sleep_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* Up to ten seconds. */
static bool wait_until(struct store *s, bool works)
{
	struct store_status status;

	for (unsigned i = 0; i < 1000; i++) {
		store_read_status(s, &status);
		if (status.works == works && (!works || status.waiting == 0))
			return true;
		sleep_ms(10);
	}
	return false;
}

/* A notice with this in it, within ten seconds; others are thrown away. */
static bool hears(struct store *s, const char *what)
{
	char text[STORE_NOTICE_MAX];

	for (unsigned i = 0; i < 1000; i++) {
		while (store_take_notice(s, text))
			if (strstr(text, what))
				return true;
		sleep_ms(10);
	}
	return false;
}

static bool is_word(struct store *s, const char *word)
{
	struct store_status status;

	store_read_status(s, &status);
	if (strcmp(status.word, word) == 0)
		return true;
	printf("[%s: %s] ", status.word, status.words);
	return false;
}

/* Another program's access to the file. */
static void sql(const char *text)
{
	sqlite3 *db = NULL;
	char *error = NULL;

	CU_ASSERT_EQUAL(sqlite3_open(file, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	CU_ASSERT_EQUAL(sqlite3_exec(db, text, NULL, NULL, &error), SQLITE_OK);
	if (error)
		printf("[%s] ", error);
	sqlite3_free(error);
	sqlite3_close(db);
}

static int64_t sql_number(const char *text)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	int64_t n = -1;

	CU_ASSERT_EQUAL(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

/* ---- blocks ----------------------------------------------------------------------------------- */

static struct store_block block(const char *prefix, uint64_t set_us, uint64_t until_us)
{
	struct store_block b = { .set_us = set_us,
		.until_us = until_us,
		.uid = 0,
		.action = ACTION_BLOCK,
		.reason = "it's \"spam\"" };

	CU_ASSERT_EQUAL(prefix_parse(prefix, &b.prefix), 0);
	return b;
}

static void set(struct store *s, const char *prefix, uint64_t until_us)
{
	struct store_block b = block(prefix, clock_now_us(), until_us);

	store_block_set(s, &b);
}

static void ended(struct store *s, const char *prefix)
{
	struct prefix p;

	CU_ASSERT_EQUAL(prefix_parse(prefix, &p), 0);
	store_block_ended(s, &p, clock_now_us(), STORE_LIFTED);
}

struct found {
	unsigned count;
	struct store_block last;
	char text[400];
};

static void find(void *arg, const struct store_block *b)
{
	struct found *f = arg;
	char prefix[PREFIX_TEXT_MAX];
	size_t len = strlen(f->text);

	f->count++;
	f->last = *b;
	snprintf(f->text + len, sizeof(f->text) - len, "%s ", prefix_print(&b->prefix, prefix));
}

/* Of the next start. */
static struct found read_blocks(void)
{
	struct store *s = open_store();
	struct found f = { .count = 0 };

	CU_ASSERT_EQUAL(store_read_blocks(s, clock_now_us(), find, &f), 0);
	store_close(s);
	return f;
}

static void blocks_come_back(void)
{
	uint64_t now_us = clock_now_us();
	struct store_block limit = block("2001:db8::/32", now_us, now_us + HOUR_US);
	struct store *s;
	struct found f;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", now_us + HOUR_US);
	set(s, "198.51.100.0/24", 0);
	set(s, "2001:db8::/32", now_us + HOUR_US);
	set(s, "203.0.113.9", now_us + HOUR_US);
	ended(s, "203.0.113.9");
	set(s, "192.0.2.77", now_us - 1);
	limit.action = ACTION_LIMIT;
	store_block_set(s, &limit);
	set(s, "192.0.2.1", now_us + 2 * HOUR_US); /* renewed */
	store_close(s);
	f = read_blocks();
	CU_ASSERT_STRING_EQUAL(f.text, "192.0.2.1 198.51.100.0/24 2001:db8::/32 ");
	CU_ASSERT_STRING_EQUAL(f.last.reason, "it's \"spam\"");
	CU_ASSERT_EQUAL(f.last.action, ACTION_LIMIT);
	CU_ASSERT_EQUAL(f.last.until_us, now_us + HOUR_US);
	CU_ASSERT_EQUAL(sql_number("SELECT until_us FROM blocks WHERE prefix = '192.0.2.1'"),
	        (int64_t)(now_us + 2 * HOUR_US));
	CU_ASSERT_EQUAL(sql_number("SELECT count(*) FROM blocks WHERE ended_by = 'lifted'"), 1);
	CU_ASSERT_EQUAL(sql_number("SELECT count(*) FROM blocks WHERE ended_by = 'expired'"), 1);
	end();
}

/* What rules had done, and what ended by itself. */
static void what_ended_comes_back(void)
{
	uint64_t now_us = clock_now_us();
	struct store_block b = block("192.0.2.1", now_us - 3 * HOUR_US, now_us - 2 * HOUR_US);
	static const char *const sources[] = { "192.0.2.3", "192.0.2.2", "192.0.2.1" };
	struct found f = { .count = 0 };
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	b.uid = 0; /* by hand */
	CU_ASSERT_EQUAL(prefix_parse("192.0.2.9", &b.prefix), 0);
	b.until_us = now_us - 1000;
	store_block_set(s, &b);
	b.uid = -1;
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(prefix_parse(sources[i], &b.prefix), 0);
		b.until_us = now_us - (3 - i) * HOUR_US;
		b.action = i == 2 ? ACTION_SLOW : ACTION_BLOCK;
		store_block_set(s, &b);
	}
	set(s, "192.0.2.4", now_us + HOUR_US); /* lifted */
	ended(s, "192.0.2.4");
	set(s, "192.0.2.5", now_us + HOUR_US); /* in force */
	store_close(s);
	s = open_store();
	CU_ASSERT_EQUAL(store_read_blocks(s, now_us, find, &f), 0);
	f = (struct found) { .count = 0 };
	CU_ASSERT_EQUAL(store_read_expired(s, now_us - 2 * HOUR_US - 1, find, &f), 0);
	store_close(s);
	CU_ASSERT_STRING_EQUAL(f.text, "192.0.2.2 192.0.2.1 ");
	CU_ASSERT_EQUAL(f.last.action, ACTION_SLOW);
	CU_ASSERT_EQUAL(f.last.until_us, now_us - HOUR_US);
	end();
}

static void many_blocks_at_once(void)
{
	struct store_block b = block("10.0.0.0", 1, 0);
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	for (unsigned i = 0; i < MANY; i++) {
		b.prefix.addr.b[13] = (uint8_t)(i >> 16);
		b.prefix.addr.b[14] = (uint8_t)(i >> 8);
		b.prefix.addr.b[15] = (uint8_t)i;
		store_block_set(s, &b);
	}
	CU_ASSERT_TRUE(wait_until(s, true));
	CU_ASSERT_FALSE(store_wants_blocks(s));
	store_close(s);
	CU_ASSERT_EQUAL(read_blocks().count, MANY);
	end();
}

/* ---- clocks ----------------------------------------------------------------------------------- */

static void keep_one_hour_block(void)
{
	struct store *s = open_store();

	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", clock_now_us() + HOUR_US);
	store_close(s);
}

/* Seconds that are left of it, at the next start. */
static int64_t left_s(void)
{
	struct found f = read_blocks();

	CU_ASSERT_EQUAL(f.count, 1);
	return ((int64_t)f.last.until_us - (int64_t)clock_now_us()) / 1000000;
}

static bool is_about(int64_t s, int64_t wanted_s)
{
	return s >= wanted_s - 30 && s <= wanted_s + 1;
}

static void clock_set_in_same_boot(void)
{
	begin();
	keep_one_hour_block();
	/* the wall clock was two hours ahead when this was written, and has been set back since */
	sql("UPDATE clock SET wall_us = wall_us + 7200000000; UPDATE blocks SET until_us = until_us + "
	    "7200000000");
	CU_ASSERT_TRUE(is_about(left_s(), 3600));
	CU_ASSERT_TRUE(is_about(left_s(), 3600)); /* once */
	sql("UPDATE clock SET wall_us = wall_us - 7200000000; UPDATE blocks SET until_us = until_us - "
	    "7200000000");
	CU_ASSERT_TRUE(is_about(left_s(), 3600));
	end();
}

static void clock_set_while_it_runs(void)
{
	uint64_t now_us = clock_now_us();
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", now_us + HOUR_US);
	set(s, "192.0.2.2", 0);
	clock_ahead_s = -7200;
	store_tick(s);
	CU_ASSERT_TRUE(wait_until(s, true));
	CU_ASSERT_TRUE(is_about(
	        (sql_number("SELECT until_us FROM blocks WHERE until_us > 0") - (int64_t)clock_now_us()) /
	                1000000,
	        3600));
	set(s, "192.0.2.3", clock_now_us() + 2 * HOUR_US); /* in the time of now */
	clock_ahead_s = 0;
	set(s, "192.0.2.4",
	        clock_now_us() + 3 * HOUR_US); /* likewise: the others are moved before it comes */
	store_close(s);
	CU_ASSERT_TRUE(is_about((sql_number("SELECT until_us FROM blocks WHERE prefix = '192.0.2.3'") -
	                                (int64_t)clock_now_us()) /
	                                1000000,
	        7200));
	CU_ASSERT_TRUE(is_about((sql_number("SELECT until_us FROM blocks WHERE prefix = '192.0.2.4'") -
	                                (int64_t)clock_now_us()) /
	                                1000000,
	        3 * 3600));
	CU_ASSERT_EQUAL(read_blocks().count, 4);
	end();
}

static void clock_after_a_reboot(void)
{
	begin();
	keep_one_hour_block();
	/* half an hour ago, in another boot */
	sql("UPDATE clock SET boot = 'other', wall_us = wall_us - 1800000000, monotonic_us = 5;"
	    "UPDATE blocks SET until_us = until_us - 1800000000");
	CU_ASSERT_TRUE(is_about(left_s(), 1800));
	/* a clock without a battery: it was later when this was written */
	sql("UPDATE clock SET boot = 'other', wall_us = wall_us + 864000000000;"
	    "UPDATE blocks SET until_us = until_us + 864000000000");
	CU_ASSERT_TRUE(is_about(left_s(), 1800));
	end();
}

/* ---- what befalls the file -------------------------------------------------------------------- */

static unsigned files_like(const char *pattern)
{
	char command[PATH_BYTES + 60], line[16] = "";
	FILE *from;

	snprintf(command, sizeof(command), "ls -d %s/%s 2>/dev/null | wc -l", folder, pattern);
	from = popen(command, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(from);
	CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), from));
	pclose(from);
	return (unsigned)atoi(line);
}

static void scribble(long offset)
{
	static const char noise[4096] = "scribbled";
	FILE *to = fopen(file, "r+");

	CU_ASSERT_PTR_NOT_NULL_FATAL(to);
	CU_ASSERT_EQUAL(fseek(to, offset, SEEK_SET), 0);
	CU_ASSERT_EQUAL(fwrite(noise, 1, sizeof(noise), to), sizeof(noise));
	fclose(to);
}

static void damage_is_set_aside(void)
{
	/* the first of them is a torn write of the first page: its first sector stays */
	static const long places[] = { 512, 4096, 8192 };
	struct store *s;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		begin();
		keep_one_hour_block();
		scribble(places[i]);
		s = open_store();
		CU_ASSERT_TRUE(is_word(s, "working"));
		CU_ASSERT_TRUE(hears(s, ".corrupt-"));
		CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
		CU_ASSERT_TRUE(wait_until(s, true));
		CU_ASSERT_TRUE(store_wants_blocks(s));
		store_blocks_anew(s);
		set(s, "192.0.2.2", 0);
		CU_ASSERT_FALSE(store_wants_blocks(s));
		store_close(s);
		CU_ASSERT_EQUAL(files_like("postern.db.corrupt-*Z"), 1);
		CU_ASSERT_STRING_EQUAL(read_blocks().text, "192.0.2.2 ");
		end();
	}
}

static void damage_while_it_is_used(void)
{
	struct store *s;

	begin();
	sql("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; CREATE TABLE t (x); DROP TABLE t");
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", 0);
	CU_ASSERT_TRUE(wait_until(s, true));
	sql("PRAGMA wal_checkpoint(TRUNCATE)");
	sql("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 9999 WHERE name LIKE "
	    "'blocks%'; PRAGMA schema_version = 4711");
	set(s, "192.0.2.3", 0);
	CU_ASSERT_TRUE(hears(s, ".corrupt-"));
	CU_ASSERT_TRUE(wait_until(s, true));
	CU_ASSERT_TRUE(store_wants_blocks(s));
	store_close(s);
	CU_ASSERT_EQUAL(files_like("postern.db.corrupt-*Z"), 1);
	CU_ASSERT_STRING_EQUAL(read_blocks().text, "192.0.2.3 ");
	end();
}

static void newer_is_left_alone(void)
{
	struct found f = { .count = 0 };
	struct store *s;

	begin();
	sql("PRAGMA application_id = 0x5073746e; PRAGMA user_version = 4711; CREATE TABLE blocks "
	    "(of_the_future)");
	CU_ASSERT_EQUAL(chmod(file, 0600), 0);
	s = open_store();
	CU_ASSERT_TRUE(is_word(s, "newer"));
	CU_ASSERT_TRUE(store_read_blocks(s, 0, find, &f) < 0);
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", 0);
	store_close(s);
	CU_ASSERT_EQUAL(sql_number("PRAGMA user_version"), 4711);
	CU_ASSERT_EQUAL(sql_number("SELECT count(of_the_future) FROM blocks"), 0);
	CU_ASSERT_EQUAL(files_like("postern.db*"), 2); /* and the lock */
	end();
}

/* ---- what never was ours ----------------------------------------------------------------------- */

static size_t read_file(char *out, size_t room)
{
	FILE *from = fopen(file, "r");
	size_t len;

	CU_ASSERT_PTR_NOT_NULL_FATAL(from);
	len = fread(out, 1, room, from);
	fclose(from);
	return len;
}

/* The file is what it was, and nothing lies beside it. */
static void is_left_alone(const char *word, const char *words)
{
	enum { ROOM = 65536 };
	static char before[ROOM], after[ROOM];
	size_t len = read_file(before, sizeof(before));
	struct store_status status;
	struct store *s;

	CU_ASSERT_EQUAL(chmod(file, 0600), 0);
	s = open_store();
	CU_ASSERT_TRUE(is_word(s, word));
	store_read_status(s, &status);
	CU_ASSERT_PTR_NOT_NULL(strstr(status.words, words));
	CU_ASSERT_TRUE(hears(s, "the store does not work"));
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", 0);
	store_close(s);
	CU_ASSERT_EQUAL(read_file(after, sizeof(after)), len);
	CU_ASSERT_EQUAL(memcmp(before, after, len), 0);
}

static void write_text(const char *text)
{
	FILE *to = fopen(file, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(to);
	CU_ASSERT_EQUAL(fwrite(text, 1, strlen(text), to), strlen(text));
	fclose(to);
}

static void other_files_are_left_alone(void)
{
	static const char *const texts[] = { "x", "mode = monitor\n", "SQLite format 4",
		"{\"timestamp\":\"2026-11-21T18:36:07.148588+0000\",\"event_type\":\"stats\"}\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		begin();
		write_text(texts[i]);
		is_left_alone("not-ours", "move it away");
		CU_ASSERT_EQUAL(files_like("*"), 1);
		end();
	}
	begin(); /* it was ours, and nobody can say so any more */
	keep_one_hour_block();
	scribble(0);
	is_left_alone("not-ours", "does not begin as a database");
	CU_ASSERT_EQUAL(files_like("*"), 2); /* and the lock */
	end();
}

static void other_databases_are_left_alone(void)
{
	static const char *const made[] = { "CREATE TABLE notes (text)",
		"CREATE TABLE clock (id, hands); CREATE TABLE blocks (id); PRAGMA user_version = 7",
		"PRAGMA user_version = 3; CREATE TABLE blocks (prefix TEXT)",
		"PRAGMA application_id = 252006673; CREATE TABLE t (x)", "PRAGMA application_id = 7",
		"PRAGMA user_version = 99; CREATE TABLE blocks (of_the_future)" };

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		begin();
		sql(made[i]);
		is_left_alone("not-ours", "another program's database");
		CU_ASSERT_EQUAL(files_like("*.corrupt-*"), 0);
		end();
	}
	begin(); /* damaged, too */
	sql("PRAGMA page_size = 4096; CREATE TABLE t (x); INSERT INTO t VALUES (hex(zeroblob(9000)))");
	scribble(512);
	is_left_alone("not-ours", "move it away");
	CU_ASSERT_EQUAL(files_like("*.corrupt-*"), 0);
	end();
}

static void stores_bear_an_id(void)
{
	begin();
	keep_one_hour_block();
	CU_ASSERT_EQUAL(sql_number("PRAGMA application_id"), 0x5073746e);
	sql("PRAGMA application_id = 0"); /* as stores of before: they get one */
	CU_ASSERT_EQUAL(read_blocks().count, 1);
	CU_ASSERT_EQUAL(sql_number("PRAGMA application_id"), 0x5073746e);
	sql("PRAGMA application_id = 0"); /* one of before whose tables are there is ours, whatever else is damaged */
	scribble(8192);
	CU_ASSERT_EQUAL(read_blocks().count, 0);
	CU_ASSERT_EQUAL(files_like("postern.db.corrupt-*Z"), 1);
	end();
}

static void no_file_is_no_store(void)
{
	char other[PATH_BYTES + 8];
	struct store_status status;
	struct store *s;

	begin();
	CU_ASSERT_EQUAL(mkdir(file, 0700), 0);
	s = open_store();
	CU_ASSERT_TRUE(is_word(s, "folder"));
	store_read_status(s, &status);
	CU_ASSERT_PTR_NOT_NULL(strstr(status.words, "is a folder: name a file in it"));
	store_close(s);
	CU_ASSERT_EQUAL(rmdir(file), 0);
	snprintf(other, sizeof(other), "%s.other", file);
	CU_ASSERT_EQUAL(symlink(other, file), 0);
	s = open_store();
	CU_ASSERT_TRUE(is_word(s, "link"));
	store_close(s);
	CU_ASSERT_EQUAL(unlink(file), 0);
	CU_ASSERT_EQUAL(mkfifo(file, 0600), 0);
	s = open_store();
	CU_ASSERT_TRUE(is_word(s, "no-file"));
	store_close(s);
	CU_ASSERT_EQUAL(files_like("*"), 1);
	end();
}

static void locked_by_another(void)
{
	sqlite3 *db = NULL;
	struct store *s;

	begin();
	keep_one_hour_block();
	CU_ASSERT_EQUAL(sqlite3_open(file, &db), SQLITE_OK);
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	set(s, "192.0.2.2", 0);
	CU_ASSERT_TRUE(wait_until(s, false));
	CU_ASSERT_TRUE(is_word(s, "locked"));
	CU_ASSERT_EQUAL(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	CU_ASSERT_TRUE(wait_until(s, true));
	store_close(s);
	CU_ASSERT_STRING_EQUAL(read_blocks().text, "192.0.2.1 192.0.2.2 ");
	end();
}

static void one_posternd_at_a_time(void)
{
	struct store *s, *other;

	begin();
	s = open_store();
	other = open_store();
	CU_ASSERT_TRUE(is_word(s, "working"));
	CU_ASSERT_TRUE(is_word(other, "taken"));
	store_close(other);
	store_close(s);
	end();
}

static void others_could_have_written(void)
{
	struct store *s;

	begin();
	keep_one_hour_block();
	CU_ASSERT_EQUAL(chmod(file, 0620), 0);
	s = open_store();
	CU_ASSERT_TRUE(is_word(s, "foreign"));
	store_close(s);
	CU_ASSERT_EQUAL(chmod(file, 0600), 0);
	CU_ASSERT_EQUAL(read_blocks().count, 1);
	end();
}

static void folder_comes_later(void)
{
	char gone[PATH_BYTES + 8];
	struct store *s;

	begin();
	snprintf(gone, sizeof(gone), "%s.gone", folder);
	CU_ASSERT_EQUAL(rename(folder, gone), 0);
	s = open_store();
	CU_ASSERT_TRUE(is_word(s, "missing"));
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", 0);
	CU_ASSERT_TRUE(wait_until(s, false));
	CU_ASSERT_EQUAL(rename(gone, folder), 0);
	CU_ASSERT_TRUE(wait_until(s, true));
	store_close(s);
	CU_ASSERT_EQUAL(read_blocks().count, 1);
	end();
}

static void file_is_taken_away(void)
{
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", 0);
	CU_ASSERT_TRUE(wait_until(s, true));
	CU_ASSERT_EQUAL(unlink(file), 0);
	set(s, "192.0.2.2", 0);
	CU_ASSERT_TRUE(wait_until(s, true));
	CU_ASSERT_TRUE(store_wants_blocks(s));
	store_blocks_anew(s);
	set(s, "192.0.2.1", 0);
	set(s, "192.0.2.2", 0);
	store_close(s);
	CU_ASSERT_EQUAL(read_blocks().count, 2);
	end();
}

/* Where memory cannot be shared; here, because the file for it cannot be made. */
static void without_shared_memory(void)
{
	char shm[PATH_BYTES + 8];
	struct store_status status;
	struct store *s;

	begin();
	snprintf(shm, sizeof(shm), "%s-shm", file);
	CU_ASSERT_EQUAL(symlink("/nowhere", shm), 0);
	s = open_store();
	store_read_status(s, &status);
	CU_ASSERT_TRUE(status.works);
	CU_ASSERT_FALSE(status.wal);
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", 0);
	store_close(s);
	CU_ASSERT_EQUAL(read_blocks().count, 1);
	end();
}

/* A kill between any two instructions leaves whole transactions: those that were told before the others are there. */
static void killed_in_the_middle(void)
{
	unsigned most = 0;

	for (unsigned round = 0; round < 10; round++) {
		struct found f;
		pid_t pid;
		int status;

		begin();
		pid = fork();
		if (pid == 0) {
			struct store *s = open_store();
			char prefix[32];

			(void)store_start(s, NULL, NULL);
			for (unsigned i = 0;; i++) {
				snprintf(prefix, sizeof(prefix), "10.0.%u.%u", i / 256 % 256, i % 256);
				set(s, prefix, 0);
				if (i % 16 == 0)
					sleep_ms(1);
			}
		}
		sleep_ms(60 + 37 * (long)round);
		kill(pid, SIGKILL);
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		f = read_blocks();
		if (f.count > 0) {
			CU_ASSERT_EQUAL(f.last.prefix.addr.b[14], (f.count - 1) / 256 % 256);
			CU_ASSERT_EQUAL(f.last.prefix.addr.b[15], (f.count - 1) % 256);
		}
		if (f.count > most)
			most = f.count;
		end();
	}
	CU_ASSERT_TRUE(most > 100);
}

static void old_ones_go(void)
{
	const struct store_settings a_day = { .path = file, .keep_s = 86400 };
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", 0);
	for (unsigned i = 0; i < 1200; i++) {
		char prefix[32];

		snprintf(prefix, sizeof(prefix), "10.0.%u.%u", i / 256, i % 256);
		set(s, prefix, 0);
		ended(s, prefix);
	}
	CU_ASSERT_TRUE(wait_until(s, true));
	store_close(s);
	sql("UPDATE blocks SET ended_us = ended_us - 86401000000 WHERE ended_us > 0 AND id % 2 = 0");
	s = store_open(
	        &a_day); /* what ended a day ago goes, in steps; what ended now stays, and what is in force */
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	set(s, "192.0.2.1", 0);
	for (unsigned i = 0; i < 500 && sql_number("SELECT count(*) FROM blocks") > 601; i++)
		sleep_ms(10);
	CU_ASSERT_EQUAL(sql_number("SELECT count(*) FROM blocks"), 601);
	store_close(s);
	CU_ASSERT_EQUAL(read_blocks().count, 1);
	end();
}

/* ---- incidents and who delivers --------------------------------------------------------------- */

static const char odd_bytes[] = "RCPT TO:<a\0b\xff'\"> -> 550";

static void keep_field(struct incident_envelope *e, enum envelope_field which, const struct event_path *path)
{
	e->len[which] = (uint8_t)path->len;
	memcpy(e->bytes[which], path->bytes, path->len);
}

static struct finding story(uint64_t id, uint64_t after_us, enum incident_state state)
{
	struct event e = events_make(EVENT_RCPT, after_us);
	struct finding f;

	memset(&f, 0, sizeof(f));
	f.id = FINDING_RELAY_ATTEMPT;
	f.severity = 2;
	f.time_us = e.time_us;
	f.conn = e.conn;
	f.action = ACTION_REFUSE_RECIPIENT;
	f.would = ACTION_REFUSE_RECIPIENT;
	f.outcome = OUTCOME_REFUSED_BY_US;
	f.form = SMTP_FORM_PERCENT;
	f.value = 3;
	f.verified = 1;
	f.incident = (struct incident_brief) {
		.id = id, .count = 7, .first_us = EVENTS_START_US, .last_us = e.time_us, .state = state
	};
	f.evidence_count = 1;
	events_text(f.evidence[0].bytes, sizeof(f.evidence[0].bytes), &f.evidence[0].len, &f.evidence[0].cut,
	        odd_bytes, sizeof(odd_bytes) - 1);
	EVENTS_TEXT(f.mail_from, "<s@evil.test>");
	EVENTS_TEXT(f.rcpt_to, "<a%foreign.test@example.org>");
	memset(&f.incident.facets, 0, sizeof(f.incident.facets));
	f.incident.facet_count = 2;
	f.incident.facets[0] = (struct incident_facet) { .id = FINDING_RELAY_ATTEMPT,
		.severity = 2,
		.count = 4,
		.first_us = EVENTS_START_US,
		.last_us = EVENTS_START_US + 1 };
	f.incident.facets[1] = (struct incident_facet) { .id = FINDING_SENDER_SPOOF,
		.severity = 3,
		.blocked = 1,
		.count = 3,
		.first_us = EVENTS_START_US + 1,
		.last_us = e.time_us };
	f.incident.evidence_facet[0] = 1;
	f.incident.envelope_count = 1;
	f.incident.envelopes[0].time_us = EVENTS_START_US;
	keep_field(&f.incident.envelopes[0], ENVELOPE_MAIL_FROM, &f.mail_from);
	keep_field(&f.incident.envelopes[0], ENVELOPE_RCPT_TO, &f.rcpt_to);
	return f;
}

struct stories {
	unsigned count;
	struct finding last;
};

static void find_story(void *arg, const struct finding *f)
{
	struct stories *found = arg;

	found->count++;
	found->last = *f;
}

static struct stories read_stories(void)
{
	struct stories found = { .count = 0 };
	struct store *s = open_store();

	CU_ASSERT_EQUAL(store_read_stories(s, find_story, &found), 0);
	store_close(s);
	return found;
}

static void open_incidents_come_back(void)
{
	struct finding f, last;
	struct stories found;
	struct store *s;

	begin();
	s = open_keeping(3650U * 86400U);
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	f = story(11, 5000, INCIDENT_ACKED);
	f.incident.ack.time_us = 17;
	f.incident.ack.uid = 1000;
	strcpy(f.incident.ack.reason, "it's known");
	f.source_bits = 120;
	f.measure = 2;
	f.incident.before = 10;
	strcpy(f.block, "hosts");
	last = f;
	store_story(s, &f);
	f = story(12, 4000, INCIDENT_OPEN);
	store_story(s, &f);
	f = story(13, 9000, INCIDENT_OPEN);
	store_story(s, &f);
	f.incident.state = INCIDENT_CLOSED;
	store_story(s, &f);
	store_close(s);
	found = read_stories();
	CU_ASSERT_EQUAL(found.count, 2);
	f = last; /* the one with the oldest last finding came first */
	f.conn.rule = f.conn.server = -1;
	f.conn.open_us = 0;
	f.time_us = f.incident.first_us;
	CU_ASSERT_EQUAL(memcmp(&found.last, &f, sizeof(f)), 0);
	CU_ASSERT_EQUAL(sql_number("SELECT count(*) FROM incidents WHERE state = 'closed'"), 1);
	CU_ASSERT_EQUAL(
	        sql_number("SELECT count(*) FROM envelopes"), 3); /* one of each, however often told */
	CU_ASSERT_EQUAL(sql_number("SELECT count(*) FROM facets"), 6);
	end();
}

static void no_envelopes_where_none_are_wanted(void)
{
	struct finding f = story(11, 5000, INCIDENT_OPEN);
	struct stories found;
	struct store *s;

	begin();
	s = open_keeping(0);
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	store_story(s, &f);
	f.alone = 1;
	store_act(s, &f);
	store_close(s);
	found = read_stories();
	CU_ASSERT_EQUAL(found.count, 1);
	CU_ASSERT_EQUAL(found.last.evidence_count, 0);
	CU_ASSERT_EQUAL(sql_number("SELECT count(*) FROM envelopes"), 0);
	CU_ASSERT_EQUAL(sql_number("SELECT count(*) FROM acts"), 1);
	end();
}

/* What is said of rows that cannot be read. */
static char left_out[512];

static void hear(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	if (strstr(text, "left out"))
		(void)snprintf(left_out, sizeof(left_out), "%s", text);
}

static void strange_rows_are_left_out(void)
{
	struct finding f = story(11, 5000, INCIDENT_OPEN);
	struct stories found;
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	for (unsigned i = 0; i < 5; i++) {
		f.incident.id = 11 + i;
		store_story(s, &f);
	}
	set(s, "192.0.2.1", 0);
	set(s, "192.0.2.2", 0);
	store_close(s);
	sql("UPDATE incidents SET source = 'nowhere' WHERE id = 11; UPDATE incidents SET state = 'odd' WHERE "
	    "id = 12;"
	    "UPDATE incidents SET count = 0 WHERE id = 13; UPDATE incidents SET action = 'unheard-of' WHERE "
	    "id = 14;"
	    "UPDATE blocks SET prefix = 'everything' WHERE prefix = '192.0.2.1'");
	log_listen(hear, NULL);
	found = read_stories();
	log_listen(NULL, NULL);
	CU_ASSERT_PTR_EQUAL(strstr(left_out, "3 incidents in "), left_out);
	CU_ASSERT_EQUAL(found.count, 2); /* of an action that another posternd knew, the rest is good */
	CU_ASSERT_STRING_EQUAL(read_blocks().text, "192.0.2.2 ");
	end();
}

static int ask(struct store *s, const struct store_question *q, struct finding *rows)
{
	uint32_t number = store_ask(s, q);
	int n = -EAGAIN;

	CU_ASSERT_NOT_EQUAL(number, 0);
	for (unsigned i = 0; i < 1000 && (n = store_fetch(s, number, rows)) == -EAGAIN; i++)
		sleep_ms(10);
	CU_ASSERT_EQUAL(store_fetch(s, number, rows), -ESRCH); /* it is used up */
	return n;
}

static void the_past_in_pages(void)
{
	static struct finding rows[STORE_PAGE];
	struct store_question q = { .since_us = 0 };
	unsigned seen = 0;
	struct store *s;
	int n;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	for (unsigned i = 1; i <= 150; i++) {
		struct finding f = story(i, i / 10 * 1000, i % 2 ? INCIDENT_CLOSED : INCIDENT_OPEN);

		f.conn.src.b[15] = (uint8_t)i;
		if (i == 150)
			f.conn.src.b[0] = 0x20; /* IPv6 */
		store_story(s, &f);
	}
	CU_ASSERT_TRUE(wait_until(s, true));
	while ((n = ask(s, &q, rows)) > 0) {
		for (int i = 0; i < n; i++)
			CU_ASSERT_EQUAL(rows[i].incident.id, 150 - seen++);
		q.before_us = rows[n - 1].incident.last_us;
		q.before_id = rows[n - 1].incident.id;
	}
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(seen, 150);
	q = (struct store_question) { .since_us = EVENTS_START_US + 14000 };
	CU_ASSERT_EQUAL(ask(s, &q, rows), 11);
	q = (struct store_question) { .open = true, .since_us = EVENTS_START_US + 14000 };
	CU_ASSERT_EQUAL(ask(s, &q, rows), 6);
	q = (struct store_question) { .rule = FINDING_EVASION };
	CU_ASSERT_EQUAL(ask(s, &q, rows), 0);
	q = (struct store_question) { .rule = FINDING_SENDER_SPOOF }; /* a facet */
	CU_ASSERT_EQUAL(ask(s, &q, rows), STORE_PAGE);
	q = (struct store_question) { .id = 77 };
	CU_ASSERT_EQUAL(ask(s, &q, rows), 1);
	CU_ASSERT_EQUAL(rows[0].incident.id, 77);
	q = (struct store_question) { .has_source = true, .rule = FINDING_RELAY_ATTEMPT };
	CU_ASSERT_EQUAL(prefix_parse("203.0.113.8/29", &q.source), 0);
	CU_ASSERT_EQUAL(ask(s, &q, rows), 8);
	CU_ASSERT_EQUAL(prefix_parse("::/0", &q.source), 0);
	CU_ASSERT_EQUAL(ask(s, &q, rows), 1);
	store_close(s);
	end();
}

/* The youngest ones, for those that come back. */
static void the_closed_ones_come_back(void)
{
	struct stories found = { .count = 0 };
	struct store *s;

	begin();
	s = open_keeping(3650U * 86400U);
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	for (unsigned i = 1; i <= 20; i++) {
		struct finding f = story(i, i * 1000, i == 20 ? INCIDENT_OPEN : INCIDENT_CLOSED);

		store_story(s, &f);
	}
	store_close(s);
	s = open_keeping(3650U * 86400U);
	CU_ASSERT_EQUAL(store_read_closed(s, EVENTS_START_US + 15000, 100, find_story, &found), 0);
	CU_ASSERT_EQUAL(found.count, 5);
	CU_ASSERT_EQUAL(found.last.incident.id, 19);
	found.count = 0;
	CU_ASSERT_EQUAL(store_read_closed(s, 0, 3, find_story, &found), 0);
	CU_ASSERT_EQUAL(found.count, 3);
	CU_ASSERT_EQUAL(found.last.incident.id, 19);
	store_close(s);
	end();
}

/* An incident of a network is found by each of its addresses, not by others. */
static void a_source_is_more_than_an_address(void)
{
	static const struct {
		const char *source;
		uint8_t bits;
	} stories[] = { { "203.0.113.0", 120 }, { "203.0.113.9", 0 }, { "203.0.112.7", 120 },
		{ "2001:db8::1", 0 }, { "2001:db8::1", 128 }, { "2001:db8::", 48 }, { "198.51.100.1", 104 } };
	static const struct {
		const char *asked;
		int found;
	} questions[] = { { "203.0.113.9", 2 }, { "203.0.113.10", 1 }, { "203.0.113.0/25", 2 },
		{ "203.0.112.0/23", 3 }, { "203.0.112.99", 1 }, { "2001:db8::2", 2 }, { "2001:db8::1", 3 },
		{ "2001:db8:0:5::1", 1 }, { "2001:db8:1::", 0 }, { "198.7.7.7", 1 }, { "192.0.2.9", 0 },
		{ "0.0.0.0/0", 4 }, { "::/0", 3 } };
	static struct finding rows[STORE_PAGE];
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	for (unsigned i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct finding f = story(i + 1, 1000 * i, INCIDENT_OPEN);

		CU_ASSERT_EQUAL(addr_parse(stories[i].source, &f.conn.src), 0);
		f.source_bits = stories[i].bits;
		store_story(s, &f);
	}
	for (unsigned i = 0; i < 2; i++) { /* of many sources, this one stands for none of them */
		struct finding f = story(100 + i, 1000, INCIDENT_OPEN);

		CU_ASSERT_EQUAL(addr_parse("192.0.2.9", &f.conn.src), 0);
		f.at_target = i == 0;
		f.pooled = i == 1;
		store_story(s, &f);
	}
	CU_ASSERT_TRUE(wait_until(s, true));
	for (unsigned i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct store_question q = { .has_source = true };

		CU_ASSERT_EQUAL(prefix_parse(questions[i].asked, &q.source), 0);
		CU_ASSERT_EQUAL(ask(s, &q, rows), questions[i].found);
	}
	store_close(s);
	end();
}

static void too_many_ask(void)
{
	struct store_question q = { .since_us = 0 };
	struct store *s;

	begin();
	s = open_store(); /* and nobody answers */
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_NOT_EQUAL(store_ask(s, &q), 0);
	CU_ASSERT_EQUAL(store_ask(s, &q), 0);
	store_close(s);
	end();
}

static void find_seen(void *arg, const struct store_seen *row)
{
	struct store_seen *rows = arg;

	while (rows->first_us != 0)
		rows++;
	*rows = *row;
}

static bool is_same_row(const struct store_seen *a, const struct store_seen *b)
{
	return addr_compare(&a->client, &b->client) == 0 && addr_compare(&a->server, &b->server) == 0 &&
	       a->self == b->self && a->verified == b->verified && a->first_us == b->first_us &&
	       a->last_us == b->last_us && a->connections == b->connections && a->mails == b->mails &&
	       a->recipients == b->recipients && a->tls == b->tls && a->refused == b->refused;
}

static void who_delivers_comes_back(void)
{
	struct event e = events_make(EVENT_GREETING, 0);
	struct store_seen row = { .client = e.conn.src,
		.server = e.conn.dst,
		.self = 1,
		.verified = 1,
		.first_us = 1000,
		.last_us = 2000,
		.connections = 1,
		.mails = 2,
		.recipients = 3,
		.tls = 4,
		.refused = 5 };
	struct store_seen rows[4] = { { .first_us = 0 } };
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	store_seen(s, &row);
	for (unsigned i = 0; i < 3; i++) {
		row.client.b[15] = (uint8_t)i;
		row.last_us = 5000 - i;
		row.connections = 10 + i;
		store_seen(s, &row);
	}
	row.connections = 99;
	store_seen(s, &row);
	store_close(s);
	s = open_store();
	CU_ASSERT_EQUAL(store_read_seen(s, 3, find_seen, rows), 0); /* the three youngest, the oldest first */
	CU_ASSERT_EQUAL(rows[0].last_us, 4998);
	CU_ASSERT_TRUE(is_same_row(&rows[0], &row));
	CU_ASSERT_EQUAL(rows[2].last_us, 5000);
	CU_ASSERT_TRUE(store_read_since(s) > EVENTS_START_US / 2);
	store_close(s);
	end();
}

static void find_source(void *arg, const struct store_source *row)
{
	struct store_source **next = arg;

	*(*next)++ = *row;
}

static void what_sources_did_comes_back(void)
{
	struct store_source row = { .verified = 1, .direction = DIRECTION_OUTBOUND, .first_us = 7 };
	struct store_source rows[4] = { { .first_us = 0 } }, *next = rows;
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	for (unsigned i = 0; i < STORE_SOURCE_COUNTS; i++)
		row.n[i] = UINT64_C(1000000000000) + i;
	CU_ASSERT_EQUAL(prefix_parse("10.1.0.0/16", &row.prefix), 0);
	row.last_us = 30;
	store_source(s, &row);
	row.last_us = 20;
	CU_ASSERT_EQUAL(prefix_parse("2001:db8::/64", &row.prefix), 0);
	store_source(s, &row);
	row.last_us = 10;
	CU_ASSERT_EQUAL(prefix_parse("10.2.0.1", &row.prefix), 0);
	store_source(s, &row);
	row.n[0] = 5;
	row.last_us = 25;
	store_source(s, &row); /* in place of the one before */
	store_close(s);
	s = open_store();
	CU_ASSERT_EQUAL(store_read_sources(s, 2, find_source, &next), 0);
	CU_ASSERT_EQUAL_FATAL(next - rows, 2);
	CU_ASSERT_EQUAL(rows[0].last_us, 25);
	CU_ASSERT_EQUAL(rows[0].prefix.bits, 128);
	CU_ASSERT_EQUAL(rows[0].n[0], 5);
	CU_ASSERT_EQUAL(rows[1].last_us, 30);
	CU_ASSERT_EQUAL(rows[1].first_us, 7);
	CU_ASSERT_EQUAL(rows[1].prefix.bits, 96 + 16);
	CU_ASSERT_EQUAL(rows[1].direction, DIRECTION_OUTBOUND);
	CU_ASSERT_EQUAL(rows[1].verified, 1);
	for (unsigned i = 0; i < STORE_SOURCE_COUNTS; i++)
		CU_ASSERT_EQUAL(rows[1].n[i], UINT64_C(1000000000000) + i);
	store_close(s);
	end();
}

static void find_usual(void *arg, const struct store_usual *row)
{
	struct store_usual *rows = arg;

	while (rows->len != 0)
		rows++;
	*rows = *row;
}

static void what_is_usual_comes_back(void)
{
	struct store_usual row = { .last_us = 1000, .len = 900 }, rows[4] = { { .len = 0 } };
	struct store *s;

	memset(row.bytes, 0xe7, row.len);
	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	CU_ASSERT_EQUAL(prefix_parse("2001:db8:1::/64", &row.source), 0);
	store_usual(s, &row);
	CU_ASSERT_EQUAL(prefix_parse("192.0.2.7", &row.source), 0);
	store_usual(s, &row);
	row.last_us = 2000; /* again, in its place */
	row.bytes[899] = 1;
	store_usual(s, &row);
	store_close(s);
	s = open_store();
	CU_ASSERT_EQUAL(store_read_usual(s, 4, find_usual, rows), 0);
	CU_ASSERT_EQUAL(rows[0].last_us, 1000);
	CU_ASSERT_EQUAL(rows[0].source.bits, 64);
	CU_ASSERT_EQUAL(memcmp(&rows[1].source, &row.source, sizeof(row.source)), 0);
	CU_ASSERT_EQUAL(rows[1].last_us, 2000);
	CU_ASSERT_EQUAL(rows[1].len, 900);
	CU_ASSERT_EQUAL(memcmp(rows[1].bytes, row.bytes, 900), 0);
	CU_ASSERT_EQUAL(rows[2].len, 0);
	store_close(s);
	end();
}

static void what_was_lost_is_wanted_again(void)
{
	struct finding f = story(11, 5000, INCIDENT_OPEN);
	struct store_status status;
	struct store *s;

	begin();
	s = open_store();
	for (unsigned i = 0; i < 3000; i++) /* more than there is room for, and nobody writes yet */
		store_story(s, &f);
	store_read_status(s, &status);
	CU_ASSERT_EQUAL(status.lost, 3000 - 2048);
	CU_ASSERT_EQUAL(store_room(s), 0);
	CU_ASSERT_FALSE(store_wants_all(s)); /* there is no use in it yet */
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	CU_ASSERT_TRUE(wait_until(s, true));
	CU_ASSERT_FALSE(store_wants_blocks(s));
	CU_ASSERT_TRUE(store_wants_all(s));
	CU_ASSERT_FALSE(store_wants_all(s));
	store_close(s);
	end();
}

/* A file as the first posternd with a store made it. */
static void older_schema_is_migrated(void)
{
	struct finding f = story(11, 5000, INCIDENT_OPEN);
	struct store *s;

	begin();
	sql("CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), wall_us INTEGER NOT NULL, "
	    "monotonic_us INTEGER NOT NULL, boot TEXT NOT NULL, made_us INTEGER NOT NULL);"
	    "CREATE TABLE blocks (id INTEGER PRIMARY KEY, prefix TEXT NOT NULL, set_us INTEGER NOT NULL, "
	    "until_us INTEGER NOT NULL, uid INTEGER NOT NULL, rule INTEGER NOT NULL, reason TEXT NOT NULL, "
	    "ended_us INTEGER, ended_by TEXT);"
	    "CREATE UNIQUE INDEX blocks_in_force ON blocks (prefix) WHERE ended_us IS NULL;"
	    "CREATE INDEX blocks_over ON blocks (ended_us) WHERE ended_us IS NOT NULL;"
	    "INSERT INTO blocks VALUES (1, '192.0.2.9', 1, 0, 0, 0, 'of old', NULL, NULL);"
	    "PRAGMA user_version = 1");
	CU_ASSERT_EQUAL(chmod(file, 0600), 0);
	s = open_store();
	CU_ASSERT_TRUE(is_word(s, "working"));
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	store_story(s, &f);
	store_close(s);
	CU_ASSERT_EQUAL(sql_number("PRAGMA user_version"), store_schema_version());
	CU_ASSERT_EQUAL(sql_number("SELECT count(*) FROM sources"), 0);
	CU_ASSERT_STRING_EQUAL(read_blocks().text, "192.0.2.9 ");
	CU_ASSERT_EQUAL(read_blocks().last.action, ACTION_BLOCK);
	CU_ASSERT_EQUAL(read_stories().count, 1);
	end();
}

/* One that knew no facets: its incidents go on, and of its envelopes the first five. */
static void incidents_of_before_are_read(void)
{
	struct finding f = story(11, 5000, INCIDENT_OPEN);
	struct stories found;
	struct store *s;
	unsigned i;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	store_story(s, &f);
	store_close(s);
	sql("DROP TRIGGER facets_go; DROP TABLE facets; DROP TABLE mutes; DROP TABLE envelopes;"
	    "ALTER TABLE incidents DROP COLUMN target; ALTER TABLE incidents DROP COLUMN bits;"
	    "ALTER TABLE incidents DROP COLUMN measure; ALTER TABLE incidents DROP COLUMN block;"
	    "ALTER TABLE incidents DROP COLUMN acked_us; ALTER TABLE incidents DROP COLUMN acked_by;"
	    "ALTER TABLE incidents DROP COLUMN acked_reason; ALTER TABLE incidents DROP COLUMN before;"
	    "ALTER TABLE evidence DROP COLUMN rule;"
	    "CREATE TABLE envelopes ("
	    "  id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, time_us INTEGER NOT NULL, helo BLOB, "
	    "mail_from BLOB, rcpt_to BLOB);"
	    "CREATE INDEX envelopes_incident ON envelopes (incident);"
	    "CREATE INDEX envelopes_time ON envelopes (time_us); PRAGMA user_version = 5");
	for (i = 0; i < 7; i++)
		sql("INSERT INTO envelopes (incident, time_us, helo) SELECT 11, 5, 'h' || count(*) FROM "
		    "envelopes");
	found = read_stories();
	CU_ASSERT_EQUAL_FATAL(found.count, 1);
	CU_ASSERT_EQUAL(found.last.incident.count, 7);
	CU_ASSERT_EQUAL(found.last.incident.facet_count, 0);
	CU_ASSERT_EQUAL(found.last.evidence_count, 1);
	CU_ASSERT_EQUAL_FATAL(found.last.incident.envelope_count, 5);
	CU_ASSERT_EQUAL(memcmp(found.last.incident.envelopes[4].bytes[ENVELOPE_HELO], "h4", 2), 0);
	CU_ASSERT_EQUAL(sql_number("PRAGMA user_version"), store_schema_version());
	end();
}

/* Its facets go with an incident, and a story's key comes back with what it is about. */
static void targets_and_facets(void)
{
	struct finding f = story(11, 5000, INCIDENT_OPEN);
	struct stories found;
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	f.at_target = 1;
	store_story(s, &f);
	store_close(s);
	found = read_stories();
	CU_ASSERT_EQUAL(found.last.at_target, 1);
	CU_ASSERT_EQUAL(sql_number("SELECT source = '' FROM incidents"), 1);
	sql("DELETE FROM envelopes"); /* as keep-envelopes does it */
	found = read_stories();
	CU_ASSERT_EQUAL(found.last.at_target, 2);
	sql("DELETE FROM incidents");
	CU_ASSERT_EQUAL(sql_number("SELECT count(*) FROM facets"), 0);
	end();
}

struct mutes_found {
	unsigned count;
	struct store_mute last;
};

static void find_mute(void *arg, const struct store_mute *m)
{
	struct mutes_found *found = arg;

	found->count++;
	found->last = *m;
}

static void mutes_come_back(void)
{
	uint64_t now_us = clock_now_us();
	struct store_mute m = { .set_us = now_us, .until_us = now_us + HOUR_US, .uid = 6, .reason = "noise" };
	struct mutes_found found = { 0 };
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	CU_ASSERT_EQUAL(prefix_parse("192.0.2.0/24", &m.prefix), 0);
	store_mute(s, &m);
	m.rule = FINDING_HARVEST;
	store_mute(s, &m);
	store_unmute(s, &m.prefix, 0);
	m.rule = FINDING_AUTH_GUESS;
	m.until_us = now_us - 1;
	store_mute(s, &m);
	store_close(s);
	s = open_store();
	CU_ASSERT_EQUAL(store_read_mutes(s, now_us, find_mute, &found), 0);
	CU_ASSERT_EQUAL(found.count, 1);
	CU_ASSERT_EQUAL(found.last.uid, 6);
	CU_ASSERT_EQUAL(found.last.rule, FINDING_HARVEST);
	CU_ASSERT_EQUAL(found.last.until_us, now_us + HOUR_US);
	CU_ASSERT_STRING_EQUAL(found.last.reason, "noise");
	store_close(s);
	end();
}

/* A rule that would be none, and so every one, when it is cut to its size; an end that is no time. */
static void strange_mutes_are_left_out(void)
{
	uint64_t now_us = clock_now_us();
	struct store_mute m = { .set_us = now_us, .until_us = now_us + HOUR_US };
	struct mutes_found found = { 0 };
	struct store *s;

	begin();
	s = open_store();
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	for (uint8_t i = 1; i <= 3; i++) {
		m.prefix = (struct prefix) { addr_from_v4((const uint8_t[]) { 192, 0, 2, i }), 128 };
		m.rule = FINDING_HARVEST;
		store_mute(s, &m);
	}
	store_close(s);
	sql("UPDATE mutes SET rule = 4294967296 WHERE prefix = '192.0.2.1';"
	    "UPDATE mutes SET until_us = 'always' WHERE prefix = '192.0.2.2'");
	s = open_store();
	log_listen(hear, NULL);
	CU_ASSERT_EQUAL(store_read_mutes(s, now_us, find_mute, &found), 0);
	log_listen(NULL, NULL);
	CU_ASSERT_PTR_EQUAL(strstr(left_out, "2 mutes in "), left_out);
	CU_ASSERT_EQUAL(found.count, 1);
	CU_ASSERT_EQUAL(found.last.prefix.addr.b[15], 3);
	store_close(s);
	end();
}

static void no_store(void)
{
	struct found f = { .count = 0 };
	struct prefix p = { .bits = 128 };
	char text[STORE_NOTICE_MAX];
	struct store_block b = { .until_us = 1 };

	store_block_set(NULL, &b);
	store_block_ended(NULL, &p, 1, STORE_EXPIRED);
	store_blocks_anew(NULL);
	store_tick(NULL);
	CU_ASSERT_EQUAL(store_start(NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(store_read_blocks(NULL, 1, find, &f), 0);
	CU_ASSERT_FALSE(store_wants_blocks(NULL));
	CU_ASSERT_FALSE(store_take_notice(NULL, text));
	store_close(NULL);
}

SUITE("store", { "blocks come back after a restart", blocks_come_back },
        { "50,000 of them", many_blocks_at_once }, { "what ended comes back", what_ended_comes_back },
        { "the clock is set, in the same boot", clock_set_in_same_boot },
        { "the clock is set while it runs", clock_set_while_it_runs },
        { "the clock after a reboot", clock_after_a_reboot },
        { "a damaged file is set aside", damage_is_set_aside },
        { "damaged while it is used", damage_while_it_is_used },
        { "a newer one is left alone", newer_is_left_alone },
        { "other files are left alone", other_files_are_left_alone },
        { "other databases are left alone", other_databases_are_left_alone },
        { "stores bear an id", stores_bear_an_id }, { "what is no file", no_file_is_no_store },
        { "locked", locked_by_another }, { "one posternd at a time", one_posternd_at_a_time },
        { "a file that others could have written", others_could_have_written },
        { "a folder that comes later", folder_comes_later },
        { "a file that is taken away", file_is_taken_away },
        { "without shared memory", without_shared_memory },
        { "killed in the middle of writing", killed_in_the_middle },
        { "what was over long ago goes", old_ones_go }, { "no store", no_store },
        { "open incidents come back", open_incidents_come_back },
        { "no envelopes where none are wanted", no_envelopes_where_none_are_wanted },
        { "strange rows are left out", strange_rows_are_left_out },
        { "the past in pages", the_past_in_pages },
        { "a source is more than an address", a_source_is_more_than_an_address },
        { "the closed ones come back", the_closed_ones_come_back }, { "too many ask", too_many_ask },
        { "what is usual comes back", what_is_usual_comes_back },
        { "who delivers comes back", who_delivers_comes_back },
        { "what sources did comes back", what_sources_did_comes_back },
        { "what was lost is wanted again", what_was_lost_is_wanted_again },
        { "an older schema is migrated", older_schema_is_migrated },
        { "incidents of before are read", incidents_of_before_are_read },
        { "targets and facets", targets_and_facets }, { "mutes come back", mutes_come_back },
        { "strange mutes are left out", strange_mutes_are_left_out })
