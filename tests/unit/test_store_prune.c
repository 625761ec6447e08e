/* test_store_prune.c - a store stays below its bound, whatever fills it, and what is oldest goes first. */
#include "report/store_prune.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "suite.h"

enum { PATH_BYTES = 200, SQL_BYTES = 1024, ROWS = 20000, BOUND = 1 << 20, ROUNDS = 200 };

static char folder[PATH_BYTES], path[PATH_BYTES];
static struct store_file file;
static struct store_writer writer;

static void begin(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_store_prune.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%.180s/postern.db", folder);
	log_open("test_store_prune", LOG_LEVEL_ERROR);
	store_file_init(&file, path);
	CU_ASSERT_EQUAL_FATAL(store_file_open(&file, 1000), STORE_TROUBLE_NONE);
	CU_ASSERT_EQUAL_FATAL(store_write_prepare(&writer, file.db), SQLITE_OK);
}

static void end(void)
{
	char command[PATH_BYTES + 20];

	store_write_finalize(&writer);
	store_file_close(&file);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* ROWS rows, one a second, the last one a minute ago. Columns: the time is ?1 microseconds. */
static void fill(const char *table, const char *columns, const char *values)
{
	char sql[SQL_BYTES];

	snprintf(sql, sizeof(sql),
	        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO %s "
	        "(%s) SELECT %s FROM (SELECT i, %lld - (%d - i) * 1000000 AS us FROM n)",
	        ROWS, table, columns, values, (long long)(clock_now_us() - 60 * UINT64_C(1000000)), ROWS);
	CU_ASSERT_EQUAL(sqlite3_exec(file.db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void fill_seen(void)
{
	fill("seen",
	        "client, server, self, verified, first_us, last_us, connections, mails, recipients, tls, "
	        "refused",
	        "'203.0.113.' || i, '192.0.2.1', 0, 0, us, us, 0, 0, 0, 0, 1");
}

static void fill_sources(void)
{
	fill("sources",
	        "prefix, verified, direction, first_us, last_us, connections, transactions, messages, "
	        "accepted, refused, null_senders, auth_failures, tls, bytes, destinations",
	        "'2001:db8::' || i, 1, 'inbound', us, us, 1, 1, 1, 1, 0, 0, 0, 0, 100, 1");
}

static void fill_acts(void)
{
	fill("acts", "time_us, rule, text", "us, 1025520, 'a block of ' || i || ' was lifted by somebody'");
}

static void fill_usual(void)
{
	fill("usual", "source, last_us, bytes", "'192.0.2.' || i, us, zeroblob(20)");
}

static int64_t number(const char *text)
{
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(file.db, text, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

/* Rounds until nothing is to be done; how many. */
static unsigned prune(uint32_t keep_s, uint64_t bytes_max)
{
	const struct store_bounds bounds = { keep_s, keep_s, bytes_max };
	unsigned rounds = 0;
	bool more = true;

	for (; more && rounds < ROUNDS; rounds++)
		CU_ASSERT_EQUAL(store_prune(&writer, &file, &bounds, &more), SQLITE_OK);
	CU_ASSERT_FALSE(more);
	return rounds;
}

static int64_t used(void)
{
	return number("SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
	              "pragma_freelist_count, pragma_page_size");
}

/* Whichever table it is. */
static void a_flood_of_one_kind_is_bounded(void)
{
	static void (*const fills[])(void) = { fill_seen, fill_sources, fill_acts };
	static const char *const tables[] = { "seen", "sources", "acts" };
	static const char *const times[] = { "last_us", "last_us", "time_us" };
	char sql[SQL_BYTES];

	for (unsigned i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
		begin();
		fills[i]();
		CU_ASSERT(used() > BOUND);
		(void)prune(86400, BOUND);
		CU_ASSERT(used() <= BOUND);
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", tables[i]);
		CU_ASSERT(number(sql) > STORE_PRUNE_ROWS && number(sql) < ROWS);
		snprintf(sql, sizeof(sql), "SELECT max(%s) - min(%s) FROM %s", times[i], times[i], tables[i]);
		CU_ASSERT(number(sql) > 0 && number(sql) < (ROWS - STORE_PRUNE_ROWS) * INT64_C(1000000));
		end();
	}
}

/* Nobody's flood takes away what was learned of others. */
static void what_is_usual_stays(void)
{
	begin();
	fill_usual();
	fill_seen();
	(void)prune(86400, BOUND);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM usual"), ROWS);
	end();
}

/* Below the bound time alone says what goes. */
static void time_takes_out_the_rest(void)
{
	begin();
	fill_seen();
	fill_usual();
	(void)prune(3660, UINT64_C(1) << 30);
	CU_ASSERT(number("SELECT count(*) FROM seen") >= 3590 && number("SELECT count(*) FROM seen") <= 3601);
	CU_ASSERT(number("SELECT count(*) FROM usual") <= 3601);
	end();
}

SUITE("store_prune", { "a flood of one kind is bounded", a_flood_of_one_kind_is_bounded },
        { "what is usual stays", what_is_usual_stays },
        { "time takes out the rest", time_takes_out_the_rest })
