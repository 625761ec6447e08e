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
	/* 2: incidents, with what mail was seen (bytes as on the wire, at most 320 of a field); acts; who delivers */
	"CREATE TABLE incidents ("
	"  id INTEGER PRIMARY KEY, rule INTEGER NOT NULL, severity INTEGER NOT NULL, state TEXT NOT NULL,"
	"  count INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, pooled INTEGER NOT "
	"NULL,"
	"  source TEXT NOT NULL, source_key BLOB NOT NULL, source_port INTEGER NOT NULL,"
	"  server TEXT NOT NULL, server_port INTEGER NOT NULL, direction TEXT NOT NULL, flow INTEGER NOT "
	"NULL,"
	"  self INTEGER NOT NULL, blocked INTEGER NOT NULL, verified INTEGER NOT NULL, action TEXT NOT NULL,"
	"  would TEXT NOT NULL, outcome TEXT NOT NULL, form TEXT NOT NULL, value INTEGER NOT NULL,"
	"  value_limit INTEGER NOT NULL, baseline INTEGER NOT NULL, window_s INTEGER NOT NULL);"
	"CREATE INDEX incidents_last ON incidents (last_us, id);"
	"CREATE INDEX incidents_source ON incidents (source_key, last_us);"
	"CREATE INDEX incidents_open ON incidents (last_us) WHERE state <> 'closed';"
	"CREATE TABLE evidence ("
	"  incident INTEGER NOT NULL, n INTEGER NOT NULL, cut INTEGER NOT NULL, bytes BLOB NOT NULL,"
	"  time_us INTEGER NOT NULL, PRIMARY KEY (incident, n)) WITHOUT ROWID;"
	"CREATE INDEX evidence_time ON evidence (time_us);"
	"CREATE TABLE envelopes ("
	"  id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, time_us INTEGER NOT NULL, helo BLOB, mail_from "
	"BLOB,"
	"  rcpt_to BLOB);"
	"CREATE INDEX envelopes_incident ON envelopes (incident);"
	"CREATE INDEX envelopes_time ON envelopes (time_us);"
	"CREATE TABLE acts (id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, rule INTEGER NOT NULL, text "
	"TEXT NOT NULL);"
	"CREATE INDEX acts_time ON acts (time_us);"
	"CREATE TABLE seen ("
	"  client TEXT NOT NULL, server TEXT NOT NULL, self INTEGER NOT NULL, verified INTEGER NOT NULL,"
	"  first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, connections INTEGER NOT NULL, mails INTEGER "
	"NOT NULL,"
	"  recipients INTEGER NOT NULL, tls INTEGER NOT NULL, refused INTEGER NOT NULL,"
	"  PRIMARY KEY (client, server)) WITHOUT ROWID;"
	"CREATE INDEX seen_last ON seen (last_us);",
	/* 3: what each source has done, all told */
	"CREATE TABLE sources ("
	"  prefix TEXT PRIMARY KEY, verified INTEGER NOT NULL, direction TEXT NOT NULL, first_us INTEGER NOT "
	"NULL,"
	"  last_us INTEGER NOT NULL, connections INTEGER NOT NULL, transactions INTEGER NOT NULL,"
	"  messages INTEGER NOT NULL, accepted INTEGER NOT NULL, refused INTEGER NOT NULL,"
	"  null_senders INTEGER NOT NULL, auth_failures INTEGER NOT NULL, tls INTEGER NOT NULL,"
	"  bytes INTEGER NOT NULL, destinations INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX sources_last ON sources (last_us);",
	/* 4: what is usual for a source: bytes as watch/usual_keep.c makes them */
	"CREATE TABLE usual (source TEXT PRIMARY KEY, last_us INTEGER NOT NULL, bytes BLOB NOT NULL) WITHOUT "
	"ROWID;"
	"CREATE INDEX usual_last ON usual (last_us);",
	/* 5: what is done about who is in blocks */
	"ALTER TABLE blocks ADD COLUMN action TEXT NOT NULL DEFAULT 'block';",
	/* 6: an incident has facets; those of before have none, and are one of their own rule. Of envelopes the incident keeps
	 * a few: n counts them, time_us is when they were seen. Who is muted. */
	"ALTER TABLE incidents ADD COLUMN target INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE incidents ADD COLUMN bits INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE incidents ADD COLUMN measure INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE incidents ADD COLUMN block TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE incidents ADD COLUMN acked_us INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE incidents ADD COLUMN acked_by INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE incidents ADD COLUMN acked_reason TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE facets ("
	"  incident INTEGER NOT NULL, rule INTEGER NOT NULL, severity INTEGER NOT NULL, blocked INTEGER NOT "
	"NULL,"
	"  count INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,"
	"  PRIMARY KEY (incident, rule)) WITHOUT ROWID;"
	"CREATE TRIGGER facets_go AFTER DELETE ON incidents BEGIN DELETE FROM facets WHERE incident = "
	"OLD.id; "
	"END;"
	"ALTER TABLE evidence ADD COLUMN rule INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE envelopes_now ("
	"  incident INTEGER NOT NULL, n INTEGER NOT NULL, time_us INTEGER NOT NULL, rule INTEGER NOT NULL,"
	"  cut INTEGER NOT NULL, helo BLOB, mail_from BLOB, rcpt_to BLOB, PRIMARY KEY (incident, n)) WITHOUT "
	"ROWID;"
	"INSERT INTO envelopes_now SELECT incident, n - 1, time_us, 0, 0, helo, mail_from, rcpt_to FROM ("
	"  SELECT *, row_number() OVER (PARTITION BY incident ORDER BY id) AS n FROM envelopes) WHERE n <= 5;"
	"DROP TABLE envelopes;"
	"ALTER TABLE envelopes_now RENAME TO envelopes;"
	"CREATE INDEX envelopes_time ON envelopes (time_us);"
	"CREATE TABLE mutes ("
	"  prefix TEXT NOT NULL, rule INTEGER NOT NULL, set_us INTEGER NOT NULL, until_us INTEGER NOT NULL,"
	"  uid INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (prefix, rule)) WITHOUT ROWID;",
	/* 7: the incident of the same source that ended before it began; 0 = none */
	"ALTER TABLE incidents ADD COLUMN before INTEGER NOT NULL DEFAULT 0;",
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

int store_schema_is_ours(sqlite3 *db, bool *out)
{
	static const char question[] =
	        "SELECT application_id = ?1 OR (application_id = 0 AND ("
	        "  (user_version = 0 AND NOT EXISTS (SELECT 1 FROM sqlite_schema)) OR"
	        "  (user_version BETWEEN 1 AND ?2 AND (SELECT count(*) FROM pragma_table_info('clock')"
	        "    WHERE name IN ('wall_us', 'monotonic_us', 'boot', 'made_us')) = 4)))"
	        " FROM pragma_application_id, pragma_user_version";
	sqlite3_stmt *get = NULL;
	int r = sqlite3_prepare_v2(db, question, -1, &get, NULL);

	*out = false;
	if (r == SQLITE_OK)
		r = sqlite3_bind_int(get, 1, STORE_SCHEMA_APPLICATION);
	if (r == SQLITE_OK)
		r = sqlite3_bind_int(get, 2, STORE_SCHEMA_UNMARKED);
	if (r == SQLITE_OK)
		r = sqlite3_step(get);
	if (r == SQLITE_ROW) {
		*out = sqlite3_column_int(get, 0) != 0;
		r = SQLITE_OK;
	}
	sqlite3_finalize(get);
	return r;
}

int store_schema_mark(sqlite3 *db)
{
	char mark[64];

	snprintf(mark, sizeof(mark), "PRAGMA application_id = %d", STORE_SCHEMA_APPLICATION);
	return sqlite3_exec(db, mark, NULL, NULL, NULL);
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
	int version = store_schema_read(db), r = SQLITE_OK;

	if (version < 0)
		return sqlite3_extended_errcode(db) != SQLITE_OK ? sqlite3_extended_errcode(db)
		                                                 : SQLITE_ERROR;
	for (; r == SQLITE_OK && version < store_schema_version(); version++)
		r = take_step(db, version);
	return r;
}
