/* fuzz_store.c - any values in the store's rows: what is read fits its fields and its enums, and can be written again.
 *
 * The input is rows: a byte says which table, then each column is a byte (its type) and what belongs to it. SQLite's own
 * reading of a damaged file is not what is tried here. */
#include "fuzz.h"
#include "postern/action.h"
#include "postern/form.h"
#include "postern/kind.h"
#include "report/store_read.h"
#include "report/store_schema.h"
#include "report/store_write.h"

static const struct {
	const char *sql;
	int columns;
} tables[] = {
	{ "INSERT OR REPLACE INTO blocks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, NULL, ?8)", 8 },
	{ "INSERT OR REPLACE INTO incidents VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
	  "?14, "
	  "?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, "
	  "?34)",
	        34 },
	{ "INSERT OR REPLACE INTO evidence VALUES (?1, ?2, ?3, ?4, ?5, ?6)", 6 },
	{ "INSERT OR REPLACE INTO envelopes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", 8 },
	{ "INSERT OR REPLACE INTO facets VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", 7 },
	{ "INSERT OR REPLACE INTO mutes VALUES (?1, ?2, ?3, ?4, ?5, ?6)", 6 },
	{ "INSERT OR REPLACE INTO seen VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)", 11 },
	{ "INSERT OR REPLACE INTO sources VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
	  "?14, ?15)",
	        15 },
	{ "INSERT OR REPLACE INTO usual VALUES (?1, ?2, ?3)", 3 },
	{ "INSERT OR REPLACE INTO clock VALUES (1, ?1, ?2, ?3, ?4)", 4 },
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]), LEN_MAX = 400 };

/* Words that the columns hold, so that the fuzzer need not find them. */
static const char *const words[] = { "open", "closed", "inbound", "outbound", "refuse-recipient", "alert",
	"refused-by-postern", "plain", "percent", "192.0.2.1", "2001:db8::/32", "203.0.113.0/24", "none",
	"" };
enum { WORDS = sizeof(words) / sizeof(words[0]) };

static void bind(sqlite3_stmt *s, int column, struct input *in)
{
	uint8_t type = input_byte(in);
	size_t len = 0;
	double real;

	switch (type % 6) {
	case 0: /* stays NULL */
		break;
	case 1:
		(void)sqlite3_bind_int64(s, column, input_u16(in));
		break;
	case 2:
		for (int64_t n = 0, i = 0; i < 8; i++) {
			n = (int64_t)((uint64_t)n << 8 | input_byte(in));
			(void)sqlite3_bind_int64(s, column, n);
		}
		break;
	case 3:
		(void)sqlite3_bind_text(s, column, words[input_byte(in) % WORDS], -1, SQLITE_STATIC);
		break;
	case 4:
		len = input_u16(in) % LEN_MAX;
		len = len < in->left ? len : in->left;
		(void)(type & 0x80 ? sqlite3_bind_text(
		                             s, column, (const char *)in->at, (int)len, SQLITE_TRANSIENT)
		                   : sqlite3_bind_blob(s, column, in->at, (int)len, SQLITE_TRANSIENT));
		break;
	default:
		real = input_u16(in) / 7.;
		(void)sqlite3_bind_double(s, column, real);
	}
	in->at += len;
	in->left -= len;
}

static void fill(sqlite3 *db, struct input *in)
{
	while (in->left > 0) {
		unsigned t = input_byte(in) % TABLES;
		sqlite3_stmt *s = NULL;

		FUZZ_CHECK(sqlite3_prepare_v2(db, tables[t].sql, -1, &s, NULL) == SQLITE_OK);
		for (int i = 1; i <= tables[t].columns; i++)
			bind(s, i, in);
		(void)sqlite3_step(s); /* what a column refuses is not in the file */
		sqlite3_finalize(s);
	}
}

/* ---- what must hold --------------------------------------------------------------------------- */

static struct store_writer writer;

static void check_block(void *arg, const struct store_block *b)
{
	struct store_act act = { .kind = ACT_BLOCK_SET };

	(void)arg;
	FUZZ_CHECK(b->prefix.bits <= 128 && memchr(b->reason, '\0', sizeof(b->reason)));
	act.u.block = *b;
	FUZZ_CHECK(store_write_act(&writer, &act, 1) == SQLITE_OK);
}

static void check_incident(const struct incident_brief *in)
{
	FUZZ_CHECK(in->facet_count <= FINDING_KIND_COUNT && in->envelope_count <= INCIDENT_ENVELOPES_MAX);
	for (unsigned i = 0; i < in->facet_count; i++)
		FUZZ_CHECK(finding_kind(in->facets[i].id) && in->facets[i].count > 0);
	for (unsigned i = 0; i < in->envelope_count; i++) {
		FUZZ_CHECK(in->envelopes[i].facet < FINDING_KIND_COUNT);
		for (unsigned n = 0; n < ENVELOPE_FIELD_COUNT; n++)
			FUZZ_CHECK(in->envelopes[i].len[n] <= INCIDENT_FIELD_MAX);
	}
	for (unsigned i = 0; i < FINDING_EVIDENCE_MAX; i++)
		FUZZ_CHECK(in->evidence_facet[i] < FINDING_KIND_COUNT);
	FUZZ_CHECK(memchr(in->ack.reason, '\0', sizeof(in->ack.reason)));
}

static void check_fields(const struct finding *f)
{
	check_incident(&f->incident);
	FUZZ_CHECK(f->evidence_count <= FINDING_EVIDENCE_MAX);
	for (unsigned i = 0; i < f->evidence_count; i++)
		FUZZ_CHECK(f->evidence[i].len <= sizeof(f->evidence[i].bytes));
	FUZZ_CHECK(f->helo.len <= sizeof(f->helo.bytes) && f->mail_from.len <= sizeof(f->mail_from.bytes) &&
	           f->rcpt_to.len <= sizeof(f->rcpt_to.bytes));
	FUZZ_CHECK(f->action < ACTION_COUNT && f->would < ACTION_COUNT && f->outcome < OUTCOME_COUNT);
	FUZZ_CHECK(f->form < SMTP_FORM_COUNT && f->conn.direction < DIRECTION_COUNT);
	FUZZ_CHECK(f->incident.state < INCIDENT_STATE_COUNT && !f->alone);
}

static void check_story(void *arg, const struct finding *f)
{
	struct store_tale tale = { .kind = TALE_STORY };

	(void)arg;
	check_fields(f);
	FUZZ_CHECK(f->incident.id > 0 && f->incident.id < UINT64_C(1) << 53 && f->incident.count > 0);
	FUZZ_CHECK(f->severity >= 1 && f->severity <= 4 && f->incident.state != INCIDENT_CLOSED);
	tale.u.finding = *f;
	FUZZ_CHECK(store_write_tale(&writer, &tale, 0) == SQLITE_OK);
}

static void check_mute(void *arg, const struct store_mute *m)
{
	struct store_tale tale = { .kind = TALE_MUTE };

	(void)arg;
	FUZZ_CHECK(memchr(m->reason, '\0', sizeof(m->reason)) && m->until_us > 1);
	tale.u.mute = *m;
	FUZZ_CHECK(store_write_tale(&writer, &tale, 0) == SQLITE_OK);
}

static void check_seen(void *arg, const struct store_seen *row)
{
	struct store_tale tale = { .kind = TALE_SEEN };

	(void)arg;
	FUZZ_CHECK(row->first_us > 0 && row->verified <= 1);
	tale.u.seen = *row;
	FUZZ_CHECK(store_write_tale(&writer, &tale, 0) == SQLITE_OK);
}

static void check_source(void *arg, const struct store_source *row)
{
	struct store_tale tale = { .kind = TALE_SOURCE };

	(void)arg;
	FUZZ_CHECK(row->first_us > 0 && row->verified <= 1 && row->direction < DIRECTION_COUNT);
	FUZZ_CHECK(row->prefix.bits >= 1 && row->prefix.bits <= 128);
	tale.u.source = *row;
	FUZZ_CHECK(store_write_tale(&writer, &tale, 0) == SQLITE_OK);
}

static void check_usual(void *arg, const struct store_usual *row)
{
	struct store_tale tale = { .kind = TALE_USUAL };

	(void)arg;
	FUZZ_CHECK(row->len > 0 && row->len <= sizeof(row->bytes) && row->source.bits <= 128);
	tale.u.usual = *row;
	FUZZ_CHECK(store_write_tale(&writer, &tale, 0) == SQLITE_OK);
}

static void read_all(sqlite3 *db)
{
	static struct finding rows[STORE_PAGE];
	struct store_question q = { .has_source = true };
	struct store_clock clock;
	unsigned strange = 0;
	int count;

	FUZZ_CHECK(store_read_clock(db, &clock) == SQLITE_OK && memchr(clock.boot, '\0', sizeof(clock.boot)));
	(void)store_clock_jump(&clock, &(struct store_clock) { .wall_us = 1, .boot = "b" });
	FUZZ_CHECK(store_read_in_force(db, check_block, NULL, &strange) == SQLITE_OK);
	FUZZ_CHECK(store_read_open_stories(db, check_story, NULL, &strange) == SQLITE_OK);
	FUZZ_CHECK(store_read_last_sources(db, 8, check_source, NULL, &strange) == SQLITE_OK);
	FUZZ_CHECK(store_read_muted(db, 1, check_mute, NULL, &strange) == SQLITE_OK);
	FUZZ_CHECK(store_read_last_seen(db, 8, check_seen, NULL, &strange) == SQLITE_OK);
	FUZZ_CHECK(store_read_last_usual(db, 8, check_usual, NULL, &strange) == SQLITE_OK);
	for (unsigned pass = 0; pass < 2; pass++, q.has_source = false) {
		FUZZ_CHECK(store_read_page(db, &q, rows, &count) == SQLITE_OK && count <= STORE_PAGE);
		for (int i = 0; i < count; i++)
			check_fields(&rows[i]);
	}
}

/* One database for all runs; each is taken back. */
static sqlite3 *database(void)
{
	static sqlite3 *db;

	if (db)
		return db;
	FUZZ_CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
	FUZZ_CHECK(store_schema_migrate(db) == SQLITE_OK);
	FUZZ_CHECK(store_write_prepare(&writer, db) == SQLITE_OK);
	return db;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	sqlite3 *db = database();

	FUZZ_CHECK(store_write_plain(&writer, STATEMENT_BEGIN) == SQLITE_OK);
	fill(db, &in);
	read_all(db);
	FUZZ_CHECK(store_write_plain(&writer, STATEMENT_ROLLBACK) == SQLITE_OK);
	return 0;
}
