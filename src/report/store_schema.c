/* store_schema.c - see store_schema.h.
 *
 * A step is never changed once it is published: a file in the field has taken it. A new table or column is a new step
 * behind the last one.
 *
 * Addresses are text, so that a person with sqlite3(1) can read them; where ranges of them are looked for, their 16 bytes
 * stand beside. Times are microseconds since 1970, by the wall clock.
 */
#include "report/store_schema.h"

#include <stdio.h>

static const char *const steps[] = {
	/* 1: blocks. One that is in force has no ended_us. clock: one row, when the file was written last. */
	"CREATE TABLE clock ("
	"  id INTEGER PRIMARY KEY CHECK (id = 1), wall_us INTEGER NOT NULL, monotonic_us INTEGER NOT NULL,"
	"  boot TEXT NOT NULL, made_us INTEGER NOT NULL);"
	"CREATE TABLE blocks ("
	"  id INTEGER PRIMARY KEY, prefix TEXT NOT NULL, set_us INTEGER NOT NULL, until_us INTEGER NOT NULL,"
	"  uid INTEGER NOT NULL, rule INTEGER NOT NULL, reason TEXT NOT NULL, ended_us INTEGER, ended_by "
	"TEXT);"
	"CREATE UNIQUE INDEX blocks_in_force ON blocks (prefix) WHERE ended_us IS NULL;"
	"CREATE INDEX blocks_over ON blocks (ended_us) WHERE ended_us IS NOT NULL;",
};

int store_schema_version(void)
{
	return (int)(sizeof(steps) / sizeof(steps[0]));
}

int store_schema_read(sqlite3 *db)
{
	sqlite3_stmt *get = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &get, NULL) == SQLITE_OK &&
	        sqlite3_step(get) == SQLITE_ROW)
		version = sqlite3_column_int(get, 0);
	sqlite3_finalize(get);
	return version;
}

static int take_step(sqlite3 *db, int from)
{
	char mark[64];
	int r = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (r != SQLITE_OK)
		return r;
	snprintf(mark, sizeof(mark), "PRAGMA user_version = %d; COMMIT", from + 1);
	r = sqlite3_exec(db, steps[from], NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(db, mark, NULL, NULL, NULL);
	if (r != SQLITE_OK)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int store_schema_migrate(sqlite3 *db)
{
	int version = store_schema_read(db), r = version < 0 ? sqlite3_extended_errcode(db) : SQLITE_OK;

	for (; r == SQLITE_OK && version < store_schema_version(); version++)
		r = take_step(db, version);
	return r;
}
