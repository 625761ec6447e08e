/* test_upgrade.c - a store as posternd 0.1.0 left it (schema 2) is taken over where it lies: nothing of it is lost, and what is
 * new goes into the same file. The text below is such a file's own, and stays as it is whatever the schema becomes.
 */
#include "report/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "events.h"
#include "report/store_schema.h"
#include "suite.h"

enum { PATH_BYTES = 128, FOR_EVER_S = 3650 * 86400, ROWS_MAX = 8 };
#define INCIDENT UINT64_C(8223516604543446)

static const char schema_2[] =
        "CREATE TABLE clock (  id INTEGER PRIMARY KEY CHECK (id = 1), wall_us INTEGER NOT NULL, "
        "monotonic_us INTEGER NOT NULL,  boot TEXT NOT NULL, made_us INTEGER NOT NULL);"
        "CREATE TABLE blocks (  id INTEGER PRIMARY KEY, prefix TEXT NOT NULL, set_us INTEGER NOT NULL, "
        "until_us INTEGER NOT NULL,  uid INTEGER NOT NULL, rule INTEGER NOT NULL, reason TEXT NOT NULL, "
        "ended_us INTEGER, ended_by TEXT);"
        "CREATE UNIQUE INDEX blocks_in_force ON blocks (prefix) WHERE ended_us IS NULL;"
        "CREATE INDEX blocks_over ON blocks (ended_us) WHERE ended_us IS NOT NULL;"
        "CREATE TABLE incidents (  id INTEGER PRIMARY KEY, rule INTEGER NOT NULL, severity INTEGER NOT NULL, "
        "state TEXT NOT NULL,  count INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, "
        "pooled INTEGER NOT NULL,  source TEXT NOT NULL, source_key BLOB NOT NULL, source_port INTEGER NOT "
        "NULL,  server TEXT NOT NULL, server_port INTEGER NOT NULL, direction TEXT NOT NULL, flow INTEGER "
        "NOT NULL,  self INTEGER NOT NULL, blocked INTEGER NOT NULL, verified INTEGER NOT NULL, action TEXT "
        "NOT NULL,  would TEXT NOT NULL, outcome TEXT NOT NULL, form TEXT NOT NULL, value INTEGER NOT NULL,  "
        "value_limit INTEGER NOT NULL, baseline INTEGER NOT NULL, window_s INTEGER NOT NULL);"
        "CREATE INDEX incidents_last ON incidents (last_us, id);"
        "CREATE INDEX incidents_source ON incidents (source_key, last_us);"
        "CREATE INDEX incidents_open ON incidents (last_us) WHERE state <> 'closed';"
        "CREATE TABLE evidence (  incident INTEGER NOT NULL, n INTEGER NOT NULL, cut INTEGER NOT NULL, bytes "
        "BLOB NOT NULL,  time_us INTEGER NOT NULL, PRIMARY KEY (incident, n)) WITHOUT ROWID;"
        "CREATE INDEX evidence_time ON evidence (time_us);"
        "CREATE TABLE envelopes (  id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, time_us INTEGER NOT "
        "NULL, helo BLOB, mail_from BLOB,  rcpt_to BLOB);"
        "CREATE INDEX envelopes_incident ON envelopes (incident);"
        "CREATE INDEX envelopes_time ON envelopes (time_us);"
        "CREATE TABLE acts (id INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, rule INTEGER NOT NULL, text "
        "TEXT NOT NULL);"
        "CREATE INDEX acts_time ON acts (time_us);"
        "CREATE TABLE seen (  client TEXT NOT NULL, server TEXT NOT NULL, self INTEGER NOT NULL, verified "
        "INTEGER NOT NULL,  first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, connections INTEGER NOT "
        "NULL, mails INTEGER NOT NULL,  recipients INTEGER NOT NULL, tls INTEGER NOT NULL, refused INTEGER "
        "NOT NULL,  PRIMARY KEY (client, server)) WITHOUT ROWID;"
        "CREATE INDEX seen_last ON seen (last_us);";

static const char rows_2[] =
        "INSERT INTO clock VALUES (1, 1795341537829143, 49399203238, 'c1881c72-d01e-4d1e-9b1c-4f562c5d85d7', "
        "1795341531686245);"
        "INSERT INTO blocks VALUES (1, '203.0.113.66', 1795341535144572, 0, 0, 0, 'old', NULL, NULL);"
        "INSERT INTO blocks VALUES (2, '2001:db8:66::/48', 1795341535197720, 4102444800000000, -1, 1025100, "
        "'', NULL, NULL);"
        "INSERT INTO blocks VALUES (3, '203.0.113.7', 1795341535197720, 1795341536197720, 0, 0, '', "
        "1795341536197720, 'expired');"
        "INSERT INTO incidents VALUES (8223516604543446, 1025100, 3, 'grown', 14, 1795341532712840, "
        "1795341535020033, 0, '198.51.100.10', X'00000000000000000000FFFFC633640A', 57752, '192.168.10.10', "
        "25, 'inbound', 4090549398650099, 0, 1, 1, 'refuse-recipient', 'refuse-recipient', "
        "'refused-by-postern', 'plain', 0, 0, 0, 0);"
        "INSERT INTO incidents VALUES (4711, 1025500, 4, 'closed', 3, 1795341532000000, 1795341533000000, 0, "
        "'203.0.113.66', X'00000000000000000000FFFFCB007142', 40000, '192.168.10.10', 25, 'inbound', 77, 0, "
        "1, 0, 'refuse-session', 'refuse-session', 'refused-by-postern', 'plain', 3, 0, 0, 0);"
        "INSERT INTO evidence VALUES (8223516604543446, 0, 0, CAST('RCPT TO:<x1@foreign.test> -> 550' AS "
        "BLOB), 1795341532712840);"
        "INSERT INTO evidence VALUES (8223516604543446, 1, 0, CAST('the client is an upstream' AS BLOB), "
        "1795341532712840);"
        "INSERT INTO envelopes VALUES (1, 8223516604543446, 1795341532712840, CAST('h1.example' AS BLOB), "
        "CAST('<sender@client.example>' AS BLOB), CAST('<x1@foreign.test>' AS BLOB));"
        "INSERT INTO envelopes VALUES (2, 8223516604543446, 1795341532715761, CAST('h2.example' AS BLOB), "
        "CAST('<sender@client.example>' AS BLOB), CAST('<y@foreign.test>' AS BLOB));"
        "INSERT INTO acts VALUES (1, 1795341531826142, 1025520, 'posternd 0.1.0 started');"
        "INSERT INTO seen VALUES ('198.51.100.10', '192.168.10.10', 0, 1, 1795341531942931, "
        "1795341537822758, 43, 693, 693, 2, 0);"
        "INSERT INTO seen VALUES ('203.0.113.66', '192.168.10.10', 0, 0, 1795341535423962, "
        "1795341535423962, 0, 0, 0, 0, 1);"
        "PRAGMA user_version = 2";

static char folder[PATH_BYTES], file[PATH_BYTES];

static void sql(const char *text)
{
	sqlite3 *db = NULL;

	CU_ASSERT_EQUAL(sqlite3_open(file, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int64_t number(const char *text)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	int64_t n = -1;

	CU_ASSERT_EQUAL(sqlite3_open(file, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static struct store *begin(void)
{
	const struct store_settings s = {
		.path = file, .keep_s = FOR_EVER_S, .envelope_s = FOR_EVER_S, .calm_s = 3600
	};
	struct store *store;

	snprintf(folder, sizeof(folder), "/tmp/test_upgrade.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(file, sizeof(file), "%.100s/postern.db", folder);
	sql(schema_2);
	sql(rows_2);
	CU_ASSERT_EQUAL(chmod(file, 0600), 0);
	store = store_open(&s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(store);
	return store;
}

static void end(void)
{
	char command[PATH_BYTES + 20];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static bool works(struct store *s)
{
	struct store_status status;

	store_read_status(s, &status);
	if (!status.works)
		printf("[%s: %s] ", status.word, status.words);
	return status.works;
}

/* What is read, of each kind. */
static struct {
	unsigned blocks, stories, rows;
	struct store_block block[ROWS_MAX];
	struct finding story;
	struct store_seen row[ROWS_MAX];
} got;

static void on_block(void *arg, const struct store_block *b)
{
	(void)arg;
	if (got.blocks < ROWS_MAX)
		got.block[got.blocks++] = *b;
}

static void on_story(void *arg, const struct finding *story)
{
	(void)arg;
	got.stories++;
	got.story = *story;
}

static void on_row(void *arg, const struct store_seen *row)
{
	(void)arg;
	if (got.rows < ROWS_MAX)
		got.row[got.rows++] = *row;
}

static void read_all(struct store *s)
{
	memset(&got, 0, sizeof(got));
	CU_ASSERT_EQUAL(store_read_blocks(s, clock_now_us(), on_block, NULL), 0);
	CU_ASSERT_EQUAL(store_read_stories(s, on_story, NULL), 0);
	CU_ASSERT_EQUAL(store_read_seen(s, ROWS_MAX, on_row, NULL), 0);
}

static void what_is_in_force_goes_on(void)
{
	char text[PREFIX_TEXT_MAX];
	struct store *s = begin();

	CU_ASSERT_TRUE(works(s));
	read_all(s);
	CU_ASSERT_EQUAL_FATAL(got.blocks, 2);
	for (unsigned i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(got.block[i].action, ACTION_BLOCK);
	CU_ASSERT_STRING_EQUAL(prefix_print(&got.block[0].prefix, text), "203.0.113.66");
	CU_ASSERT_STRING_EQUAL(got.block[0].reason, "old");
	CU_ASSERT_EQUAL(got.block[0].until_us, 0);
	CU_ASSERT_STRING_EQUAL(prefix_print(&got.block[1].prefix, text), "2001:db8:66::/48");
	CU_ASSERT_EQUAL(got.block[1].uid, -1);
	CU_ASSERT_EQUAL(got.block[1].rule, FINDING_RELAY_ATTEMPT);
	CU_ASSERT_EQUAL(got.rows, 2);
	CU_ASSERT_EQUAL(got.row[1].mails, 693);
	CU_ASSERT_EQUAL(got.row[1].tls, 2);
	CU_ASSERT_EQUAL(store_read_since(s), UINT64_C(1795341531686245));
	store_close(s);
	CU_ASSERT_EQUAL(number("PRAGMA user_version"), store_schema_version());
	end();
}

static void an_open_incident_goes_on(void)
{
	struct store *s = begin();

	read_all(s);
	CU_ASSERT_EQUAL_FATAL(got.stories, 1);
	CU_ASSERT_EQUAL(got.story.incident.id, INCIDENT);
	CU_ASSERT_EQUAL(got.story.incident.count, 14);
	CU_ASSERT_EQUAL(got.story.incident.state, INCIDENT_GROWN);
	CU_ASSERT_EQUAL(got.story.incident.facet_count, 0);
	CU_ASSERT_EQUAL(got.story.incident.envelope_count, 2);
	CU_ASSERT_EQUAL(got.story.evidence_count, 2);
	CU_ASSERT_EQUAL(got.story.at_target, 0);
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	got.story.incident.count++;
	store_story(s, &got.story);
	store_close(s);
	CU_ASSERT_EQUAL(number("SELECT count FROM incidents WHERE id = 8223516604543446"), 15);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM incidents"), 2);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM acts"), 1);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM blocks WHERE ended_us IS NOT NULL"), 1);
	end();
}

/* Rows of an answer; -1 = none within ten seconds. */
static int ask(struct store *s, uint32_t rule, struct finding rows[STORE_PAGE])
{
	static const struct timespec pause = { .tv_nsec = 10000000 };
	const struct store_question q = { .rule = rule };
	uint32_t asked = store_ask(s, &q);
	int r = -EAGAIN;

	for (unsigned i = 0; i < 1000 && r == -EAGAIN; i++) {
		r = store_fetch(s, asked, rows);
		if (r == -EAGAIN)
			nanosleep(&pause, NULL);
	}
	return r;
}

/* They have no facets: their own rule is the one to ask by. */
static void closed_incidents_are_found_by_rule(void)
{
	struct finding *rows = calloc(STORE_PAGE, sizeof(*rows));
	struct store *s = begin();

	CU_ASSERT_PTR_NOT_NULL_FATAL(rows);
	CU_ASSERT_EQUAL(store_start(s, NULL, NULL), 0);
	CU_ASSERT_EQUAL(ask(s, 0, rows), 2);
	CU_ASSERT_EQUAL(ask(s, FINDING_GATE_REFUSED, rows), 1);
	CU_ASSERT_EQUAL(rows[0].incident.id, 4711);
	CU_ASSERT_EQUAL(ask(s, FINDING_RELAY_ATTEMPT, rows), 1);
	CU_ASSERT_EQUAL(rows[0].incident.id, INCIDENT);
	CU_ASSERT_EQUAL(ask(s, FINDING_HARVEST, rows), 0);
	store_close(s);
	free(rows);
	end();
}

SUITE("upgrade", { "what is in force goes on", what_is_in_force_goes_on },
        { "an open incident goes on", an_open_incident_goes_on },
        { "closed incidents are found by rule", closed_incidents_are_found_by_rule })
