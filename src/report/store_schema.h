/* store_schema.h - the tables of the store, and the steps from each older schema to this one. */
#ifndef REPORT_STORE_SCHEMA_H
#define REPORT_STORE_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>

/* PRAGMA application_id of our stores: "Pstn". Those up to STORE_SCHEMA_UNMARKED may be without. */
#define STORE_SCHEMA_APPLICATION 0x5073746e
enum { STORE_SCHEMA_UNMARKED = 7 };

/* What this posternd writes: the number of steps. In the file it is PRAGMA user_version; 0 = an empty file. */
int store_schema_version(void);
/* Of the file; -1 with the error in db. */
int store_schema_read(sqlite3 *db);
/* It has our id; or none, and our tables, or no table at all. SQLite's result. */
int store_schema_is_ours(sqlite3 *db, bool *out);
/* Gives it our id. SQLite's result. */
int store_schema_mark(sqlite3 *db);
/* Takes the steps that are missing, one transaction each: what was interrupted goes on at the next start. SQLITE_OK, or
 * the error of the step that failed, which has changed nothing. */
int store_schema_migrate(sqlite3 *db);

#endif
