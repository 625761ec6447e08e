/* store_forget.c - see store_forget.h.
 *
 * Rows about somebody go. In rows about others his name becomes FORGOTTEN_MARK: a line of evidence goes as a whole, since
 * a server's answer may name him in words that nobody knows for a name; acts keep what was done and by whom. What is in force
 * stays, and is counted.
 *
 * Bytes. A connection that deletes overwrites what it deletes (secure_delete), but when SQLite moves rows between pages it leaves
 * copies behind, in the space between them. So the whole file is written anew (VACUUM), and the write-ahead log is emptied into it.
 * A file of up to STORE_CHECK_AT_ONCE_BYTES is put together in memory, a bigger one in a temporary file.
 *
 * The functions that SQL calls here are the only ones that it has of ours, and only while this runs: who opens the file with a
 * schema of his own could call them otherwise.
 *
 * Limits: what the disk, backups and set-aside files keep is not ours to change.
 */
#include "report/store_forget.h"

#include <stdio.h>
#include <string.h>

#define MARK "CAST('" FORGOTTEN_MARK "' AS BLOB)"

/* Whose target is a mailbox has that in its envelopes alone. */
static const char own_incidents[] =
        "CREATE TEMP TABLE own AS SELECT id FROM incidents WHERE (source <> '' AND is_addr(source))"
        "  OR (target = 2 AND is_addr(server))"
        "  OR (target = 1 AND id IN (SELECT incident FROM envelopes WHERE is_path(rcpt_to)))";

static const struct {
	enum forgotten_kind kind;
	const char *sql;
} steps[] = {
	{ FORGOTTEN_EVIDENCE, "DELETE FROM evidence WHERE incident IN (SELECT id FROM own)" },
	{ FORGOTTEN_ENVELOPES, "DELETE FROM envelopes WHERE incident IN (SELECT id FROM own)" },
	{ FORGOTTEN_INCIDENTS, "DELETE FROM incidents WHERE id IN (SELECT id FROM own)" },
	{ FORGOTTEN_QUOTES, "UPDATE evidence SET bytes = " MARK ", cut = 0 WHERE is_in(bytes)" },
	{ FORGOTTEN_QUOTES, "UPDATE envelopes SET helo = iif(is_path(helo), " MARK ", helo), "
	                    "mail_from = iif(is_path(mail_from), " MARK ", mail_from), "
	                    "rcpt_to = iif(is_path(rcpt_to), " MARK ", rcpt_to), "
	                    "cut = cut & ~(is_path(helo) + 2 * is_path(mail_from) + 4 * is_path(rcpt_to)) "
	                    "WHERE is_path(helo) OR is_path(mail_from) OR is_path(rcpt_to)" },
	{ FORGOTTEN_TEXTS,
	        "UPDATE incidents SET acked_reason = '" FORGOTTEN_MARK "' WHERE is_in(acked_reason)" },
	{ FORGOTTEN_SEEN, "DELETE FROM seen WHERE is_addr(client)" },
	{ FORGOTTEN_SOURCES, "DELETE FROM sources WHERE is_within(prefix)" },
	{ FORGOTTEN_USUAL, "DELETE FROM usual WHERE is_within(source)" },
	{ FORGOTTEN_MUTES, "DELETE FROM mutes WHERE is_within(prefix)" },
	{ FORGOTTEN_TEXTS, "UPDATE mutes SET reason = without(reason) WHERE is_in(reason)" },
	{ FORGOTTEN_BLOCKS, "DELETE FROM blocks WHERE ended_us IS NOT NULL AND is_within(prefix)" },
	{ FORGOTTEN_TEXTS,
	        "UPDATE blocks SET reason = without(reason) WHERE ended_us IS NOT NULL AND is_in(reason)" },
	{ FORGOTTEN_TEXTS, "UPDATE acts SET text = without(text) WHERE is_in(text)" },
};

static const char in_force[] =
        "SELECT count(*) FROM blocks WHERE ended_us IS NULL AND (meets(prefix) OR is_in(reason))";
static const char wider[] = "SELECT count(*) FROM sources WHERE meets(prefix)";
static const char as_server[] = "SELECT (SELECT count(*) FROM incidents WHERE is_addr(server)) + "
                                "(SELECT count(*) FROM seen WHERE is_addr(server))";

/* ---- what SQL asks ------------------------------------------------------------------------------ */

typedef bool question(const struct mention *who, const char *bytes, size_t len);

static bool asks_in(const struct mention *who, const char *bytes, size_t len)
{
	return mention_in(who, bytes, len);
}

static bool asks_path(const struct mention *who, const char *bytes, size_t len)
{
	return mention_is_path(who, bytes, len);
}

/* As it stands in a column of prefixes. */
static bool read_prefix(const char *bytes, size_t len, struct prefix *out)
{
	char text[PREFIX_TEXT_MAX];

	if (len >= sizeof(text))
		return false;
	memcpy(text, bytes, len);
	text[len] = '\0';
	return prefix_parse(text, out) == 0;
}

static bool asks_addr(const struct mention *who, const char *bytes, size_t len)
{
	struct prefix p;

	return read_prefix(bytes, len, &p) && mention_is_addr(who, &p.addr);
}

static bool asks_within(const struct mention *who, const char *bytes, size_t len)
{
	struct prefix p;

	return read_prefix(bytes, len, &p) && mention_holds(who, &p);
}

static bool asks_meets(const struct mention *who, const char *bytes, size_t len)
{
	struct prefix p;

	return !who->is_mailbox && read_prefix(bytes, len, &p) && prefix_overlaps(&p, &who->prefix);
}

struct context {
	const struct mention *who;
	question *ask;
};

static void answer(sqlite3_context *c, int count, sqlite3_value **values)
{
	const struct context *context = sqlite3_user_data(c);
	const char *bytes = sqlite3_value_blob(values[0]);
	int len = sqlite3_value_bytes(values[0]);

	(void)count;
	sqlite3_result_int(c, bytes && len > 0 && context->ask(context->who, bytes, (size_t)len));
}

/* The text, with the mark in place of each name. What has no room for it ends there. */
static void cut_out(sqlite3_context *c, int count, sqlite3_value **values)
{
	enum { ROOM = 2048 };
	const struct context *context = sqlite3_user_data(c);
	const char *bytes = (const char *)sqlite3_value_text(values[0]);
	size_t left = bytes ? (size_t)sqlite3_value_bytes(values[0]) : 0;
	struct mention_place place;
	char out[ROOM] = "";
	int len = 0;

	(void)count;
	while (len < ROOM && left > 0 && mention_find(context->who, bytes, left, &place)) {
		len += snprintf(out + len, (size_t)(ROOM - len), "%.*s" FORGOTTEN_MARK, (int)place.at, bytes);
		bytes += place.at + place.len;
		left -= place.at + place.len;
	}
	if (len < ROOM)
		(void)snprintf(out + len, (size_t)(ROOM - len), "%.*s", (int)left, left > 0 ? bytes : "");
	sqlite3_result_text(c, out, -1, SQLITE_TRANSIENT);
}

typedef void sql_function(sqlite3_context *c, int count, sqlite3_value **values);

enum { FUNCTIONS = 6 };
static const struct {
	const char *name;
	question *ask;
	sql_function *run;
} functions[FUNCTIONS] = {
	{ "is_in", asks_in, answer },
	{ "is_path", asks_path, answer },
	{ "is_addr", asks_addr, answer },
	{ "is_within", asks_within, answer },
	{ "meets", asks_meets, answer },
	{ "without", NULL, cut_out },
};

static int give_functions(sqlite3 *db, const struct mention *who, struct context contexts[FUNCTIONS])
{
	int r = SQLITE_OK;

	for (unsigned i = 0; i < FUNCTIONS && r == SQLITE_OK; i++) {
		contexts[i] = (struct context) { who, functions[i].ask };
		r = sqlite3_create_function(db, functions[i].name, 1,
		        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, &contexts[i],
		        functions[i].run, NULL, NULL);
	}
	return r;
}

static void take_functions(sqlite3 *db)
{
	for (unsigned i = 0; i < FUNCTIONS; i++)
		(void)sqlite3_create_function(db, functions[i].name, 1, SQLITE_UTF8, NULL, NULL, NULL, NULL);
}

/* ---- rows --------------------------------------------------------------------------------------- */

static int count_rows(sqlite3 *db, const char *sql, uint64_t *count)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_step(s);
	if (r == SQLITE_ROW)
		*count = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return r == SQLITE_ROW ? SQLITE_OK : r;
}

static int run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int run_steps(sqlite3 *db, struct forgotten *out)
{
	int r = run(db, own_incidents);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r == SQLITE_OK; i++) {
		r = run(db, steps[i].sql);
		if (r == SQLITE_OK)
			out->n[steps[i].kind] += (uint64_t)sqlite3_changes(db);
	}
	if (r == SQLITE_OK)
		r = run(db, "DROP TABLE temp.own");
	if (r == SQLITE_OK)
		r = count_rows(db, in_force, &out->in_force);
	if (r == SQLITE_OK)
		r = count_rows(db, wider, &out->wider);
	return r == SQLITE_OK ? count_rows(db, as_server, &out->as_server) : r;
}

int store_forget_rows(sqlite3 *db, const struct mention *who, struct forgotten *out)
{
	struct context contexts[FUNCTIONS];
	int r = give_functions(db, who, contexts);

	if (r == SQLITE_OK)
		r = run(db, "BEGIN IMMEDIATE");
	if (r == SQLITE_OK) {
		r = run_steps(db, out);
		if (r == SQLITE_OK && !out->look)
			r = run(db, "COMMIT");
		if (r != SQLITE_OK || out->look)
			(void)run(db, "ROLLBACK");
	}
	take_functions(db);
	return r;
}

/* ---- bytes -------------------------------------------------------------------------------------- */

int store_forget_bytes(const struct store_file *f, int (*stop)(void *arg), void *arg)
{
	enum { STEPS = 10000 };
	uint64_t bytes = 0;
	int r = count_rows(
	        f->db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", &bytes);

	if (r == SQLITE_OK && bytes > STORE_CHECK_AT_ONCE_BYTES)
		r = run(f->db, "PRAGMA temp_store = FILE");
	sqlite3_progress_handler(f->db, STEPS, stop, arg);
	if (r == SQLITE_OK)
		r = run(f->db, "VACUUM");
	sqlite3_progress_handler(f->db, 0, NULL, NULL);
	(void)run(f->db, "PRAGMA temp_store = MEMORY");
	return r;
}

/* A rollback journal is empty behind each transaction. */
int store_forget_journal(const struct store_file *f)
{
	uint64_t is_busy = 0;
	int r = f->wal ? count_rows(f->db, "PRAGMA wal_checkpoint(TRUNCATE)", &is_busy) : SQLITE_OK;

	return r == SQLITE_OK && is_busy ? SQLITE_BUSY : r;
}
