/* test_store_forget.c - whoever is forgotten is in no row of the store, and in no byte of its file and journal; others stay. And
 * what is kept for a time alone goes when it is over. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "postern/action.h"
#include "report/privacy.h"
#include "report/store.h"
#include "suite.h"
#include "wall_clock.h"

enum { PATH_BYTES = 200, CROWD = 500 };
#define HIM "192.0.2.77"
#define HIS_MAIL "john.doe@example.org"

static char folder[PATH_BYTES], file[PATH_BYTES];
static void begin(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_store_forget.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(file, sizeof(file), "%.180s/postern.db", folder);
	clock_ahead_s = 0;
}

static void end(void)
{
	char command[PATH_BYTES + 20];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static struct store *open_store(uint32_t envelope_s)
{
	const struct store_settings s = { .path = file, .keep_s = 86400, .envelope_s = envelope_s };
	struct store *store = store_open(&s);

	CU_ASSERT_PTR_NOT_NULL_FATAL(store);
	CU_ASSERT_EQUAL_FATAL(store_start(store, NULL, NULL), 0);
	return store;
}

static void sleep_ms(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

static int64_t number(const char *text)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	CU_ASSERT_EQUAL(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 5000);
	CU_ASSERT_EQUAL(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
	if (sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

/* In the space between rows, as SQLite leaves copies there now and then, or an older file has them. */
static void leave_copies(void)
{
	sqlite3 *db = NULL;

	CU_ASSERT_EQUAL(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(
	        sqlite3_exec(db,
	                "PRAGMA secure_delete = OFF; INSERT INTO acts (time_us, rule, text) SELECT 1, 1, "
	                "'about " HIM "' FROM sources LIMIT 50; DELETE FROM acts WHERE time_us = 1;"
	                "PRAGMA wal_checkpoint",
	                NULL, NULL, NULL),
	        SQLITE_OK);
	sqlite3_close(db);
}

/* How often it stands in the store's file, or in what lies beside it, which the store may cut while it is read. */
static unsigned in_files(const char *what)
{
	static const char *const ends[] = { "", "-wal", "-journal" };
	char path[PATH_BYTES + 16], *bytes;
	unsigned found = 0;

	for (unsigned i = 0; i < 3; i++) {
		FILE *f;
		long size;
		size_t len;

		snprintf(path, sizeof(path), "%s%s", file, ends[i]);
		f = fopen(path, "rb");
		if (!f)
			continue;
		(void)fseek(f, 0, SEEK_END);
		size = ftell(f);
		CU_ASSERT_FATAL(size >= 0);
		rewind(f);
		bytes = malloc((size_t)size + 1);
		len = fread(bytes, 1, (size_t)size, f);
		CU_ASSERT_FALSE(ferror(f));
		fclose(f);
		for (char *at = bytes; (at = memmem(at, (size_t)(bytes + len - at), what, strlen(what)));
		        at++)
			found++;
		free(bytes);
	}
	return found;
}

/* ---- what is kept ------------------------------------------------------------------------------- */

static struct addr addr_of(const char *text)
{
	struct addr a;

	CU_ASSERT_EQUAL_FATAL(addr_parse(text, &a), 0);
	return a;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p;

	CU_ASSERT_EQUAL_FATAL(prefix_parse(text, &p), 0);
	return p;
}

static void keep_field(struct incident_envelope *e, enum envelope_field which, const char *text)
{
	e->len[which] = (uint8_t)strlen(text);
	memcpy(e->bytes[which], text, e->len[which]);
}

static struct finding story(uint64_t id, const char *source, const char *evidence, const char *rcpt)
{
	struct finding f = { .id = FINDING_HARVEST, .severity = 3, .evidence_count = 1, .verified = 1 };

	f.time_us = clock_now_us();
	f.conn.src = addr_of(source);
	f.conn.dst = addr_of("192.168.0.10");
	f.incident = (struct incident_brief) { .id = id,
		.count = 1,
		.first_us = f.time_us,
		.last_us = f.time_us,
		.facet_count = 1,
		.envelope_count = 1,
		.facets = { { .id = FINDING_HARVEST,
		        .severity = 3,
		        .count = 1,
		        .first_us = f.time_us,
		        .last_us = f.time_us } } };
	f.evidence[0].len = (uint16_t)strlen(evidence);
	memcpy(f.evidence[0].bytes, evidence, f.evidence[0].len);
	f.incident.envelopes[0].time_us = f.time_us;
	keep_field(&f.incident.envelopes[0], ENVELOPE_HELO, "mx.example.net");
	keep_field(&f.incident.envelopes[0], ENVELOPE_MAIL_FROM, "<sender@example.net>");
	keep_field(&f.incident.envelopes[0], ENVELOPE_RCPT_TO, rcpt);
	return f;
}

static void keep_act(struct store *s, const char *text)
{
	struct finding f = {
		.id = FINDING_AUDIT, .alone = 1, .evidence_count = 1, .time_us = clock_now_us()
	};

	f.evidence[0].len = (uint16_t)strlen(text);
	memcpy(f.evidence[0].bytes, text, f.evidence[0].len);
	store_act(s, &f);
}

/* Before the rings are full. */
static void let_it_write(struct store *s)
{
	struct store_status status;

	do {
		sleep_ms(5);
		store_read_status(s, &status);
	} while (status.waiting > 0);
}

static void keep_source(struct store *s, const char *source)
{
	struct store_source row = { .prefix = prefix_of(source), .first_us = 1, .last_us = clock_now_us() };
	struct store_usual usual = { .source = row.prefix, .last_us = row.last_us, .len = 800 };
	struct store_seen seen = { .client = row.prefix.addr,
		.server = addr_of("192.168.0.10"),
		.first_us = 1,
		.last_us = row.last_us };

	store_source(s, &row);
	store_usual(s, &usual);
	store_seen(s, &seen);
}

static void keep_block(struct store *s, const char *prefix, const char *reason, bool is_over)
{
	struct store_block b = { .prefix = prefix_of(prefix), .set_us = 1, .uid = 0, .action = ACTION_BLOCK };

	snprintf(b.reason, sizeof(b.reason), "%s", reason);
	store_block_set(s, &b);
	if (is_over)
		store_block_ended(s, &b.prefix, clock_now_us(), STORE_LIFTED);
}

/* Others between, so that rows move from page to page. */
static void keep_crowd(struct store *s, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		char source[32], text[100];
		struct finding f;

		snprintf(source, sizeof(source), "192.0.%u.%u", i % 2 ? 1 : 3,
		        i / 2 + 1); /* on either side of his */
		snprintf(text, sizeof(text), "RCPT TO:<u%u@example.org> -> 550 5.1.1 unknown", i);
		keep_source(s, source);
		f = story(1000 + i, source, text, "<u@example.org>");
		store_story(s, &f);
		if (i % 100 == 99)
			let_it_write(s);
	}
}

static void keep_him(struct store *s)
{
	struct store_mute mute = {
		.prefix = prefix_of(HIM), .until_us = UINT64_MAX / 2, .reason = "it is known"
	};
	struct finding f = story(1, HIM, "one of his: " HIM, "<a@example.org>");

	keep_source(s, HIM);
	store_story(s, &f);
	f = story(2, HIM, "another one", "<b@example.org>");
	store_story(s, &f);
	f = story(3, "10.9.9.9", "one more source: " HIM, "<c@example.org>"); /* at a target */
	f.at_target = 1;
	f.incident.ack = (struct incident_ack) { .time_us = 1 };
	snprintf(f.incident.ack.reason, sizeof(f.incident.ack.reason), "told " HIM);
	store_story(s, &f);
	f = story(4, "10.9.9.10", "nothing of his", "<d@example.org>");
	keep_field(&f.incident.envelopes[0], ENVELOPE_HELO, "[" HIM "]");
	store_story(s, &f);
	keep_act(s, "blocked by uid 0 for 3600 s: " HIM ": he sends too much, says " HIM);
	keep_act(s, "192.0.2.7 is somebody else");
	store_mute(s, &mute);
	keep_block(s, HIM, "his", true);
	keep_block(s, "198.51.100.1", "as bad as " HIM, true);
}

static struct forgotten forget(struct store *s, const char *whom, bool look, bool *is_clean)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 9 };
	struct forgotten out = { .look = false };
	struct mention who;
	int r;

	CU_ASSERT_EQUAL_FATAL(mention_parse(whom, &who), 0);
	if (who.is_mailbox)
		privacy_mention(key, &who);
	CU_ASSERT_TRUE_FATAL(store_forget(s, &who, look));
	CU_ASSERT_FALSE(store_forget(s, &who, look)); /* one at a time */
	while ((r = store_fetch_forgotten(s, &out, is_clean)) == -EAGAIN)
		sleep_ms(5);
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(store_fetch_forgotten(s, &out, is_clean), -ESRCH);
	return out;
}

/* ---- tests -------------------------------------------------------------------------------------- */

static void expect_his_rows(const struct forgotten *f)
{
	static const uint64_t wanted[FORGOTTEN_KIND_COUNT] = {
		[FORGOTTEN_SOURCES] = 1,
		[FORGOTTEN_USUAL] = 1,
		[FORGOTTEN_SEEN] = 1,
		[FORGOTTEN_INCIDENTS] = 2,
		[FORGOTTEN_EVIDENCE] = 2,
		[FORGOTTEN_ENVELOPES] = 2,
		[FORGOTTEN_QUOTES] = 2,
		[FORGOTTEN_MUTES] = 1,
		[FORGOTTEN_BLOCKS] = 1,
		[FORGOTTEN_TEXTS] = 3,
	};

	for (unsigned i = 0; i < FORGOTTEN_KIND_COUNT; i++)
		CU_ASSERT_EQUAL(f->n[i], wanted[i]);
}

static void an_address_leaves_no_byte(void)
{
	struct forgotten seen, done, again;
	struct store *s;
	bool is_clean;

	begin();
	s = open_store(86400);
	keep_crowd(s, 0, CROWD / 10);
	keep_him(s);
	keep_crowd(s, CROWD / 10, CROWD);
	keep_block(s, "192.0.2.64/26", "a network of his", false);
	keep_source(s, "192.0.2.0/24");
	let_it_write(s);
	leave_copies();
	CU_ASSERT(in_files(HIM) > 10);
	seen = forget(s, HIM, true, &is_clean);
	expect_his_rows(&seen);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM incidents WHERE source = '" HIM "'"), 2);
	done = forget(s, HIM, false, &is_clean);
	expect_his_rows(&done);
	CU_ASSERT_EQUAL(done.in_force, 1);
	CU_ASSERT_EQUAL(done.wider, 1);
	CU_ASSERT_EQUAL(done.as_server, 0);
	CU_ASSERT(is_clean);
	CU_ASSERT_EQUAL(in_files(HIM), 0);
	again = forget(s, HIM, false, &is_clean);
	for (unsigned i = 0; i < FORGOTTEN_KIND_COUNT; i++)
		CU_ASSERT_EQUAL(again.n[i], 0);
	again = forget(s, "192.168.0.10", true, &is_clean); /* everybody's server: what they did stays */
	CU_ASSERT_EQUAL(again.n[FORGOTTEN_INCIDENTS], 1);   /* but that of it as a target */
	CU_ASSERT_EQUAL(again.n[FORGOTTEN_SEEN], 0);
	CU_ASSERT_EQUAL(again.as_server, 2 * CROWD + 2);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM incidents"), CROWD + 2);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM facets"), CROWD + 2);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM sources"), CROWD + 1);
	CU_ASSERT_EQUAL(
	        number("SELECT count(*) FROM acts WHERE text = 'blocked by uid 0 for 3600 s: (forgotten): "
	               "he sends too much, says (forgotten)'"),
	        1);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM acts WHERE text = '192.0.2.7 is somebody else'"), 1);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence WHERE bytes = CAST('(forgotten)' AS BLOB)"), 1);
	store_close(s);
	CU_ASSERT_EQUAL(in_files(HIM), 0);
	end();
}

static void a_mailbox_leaves_no_byte(void)
{
	static const uint8_t key[HASH_KEY_BYTES] = { 9 };
	const struct privacy_text text = { "<" HIS_MAIL ">", strlen(HIS_MAIL) + 2, true, NULL, 0, false };
	char hidden[64] = "", evidence[200];
	struct forgotten done;
	struct finding f;
	struct store *s;
	bool is_clean, cut;

	begin();
	s = open_store(86400);
	(void)privacy_hide_text(key, &text, hidden, sizeof(hidden) - 1, &cut);
	f = story(1, "10.0.0.1", "RCPT TO:<John.Doe@EXAMPLE.org> -> 550 John unknown", "<" HIS_MAIL ">");
	store_story(s, &f);
	snprintf(evidence, sizeof(evidence), "RCPT TO:%s -> 450 later", hidden);
	f = story(2, "10.0.0.2", evidence, hidden);
	store_story(s, &f);
	f = story(3, "10.0.0.3", "many of them", hidden); /* he is the target */
	f.at_target = 1;
	f.rcpt_to.len = (uint16_t)strlen(hidden);
	memcpy(f.rcpt_to.bytes, hidden, f.rcpt_to.len);
	store_story(s, &f);
	f = story(4, "10.0.0.4", "RCPT TO:<mary." HIS_MAIL "> -> 250", "<mary." HIS_MAIL ">");
	store_story(s, &f);
	keep_act(s, "incident 4 acknowledged by uid 0: " HIS_MAIL " complains");
	keep_block(s, "198.51.100.1", "for " HIS_MAIL, false);
	done = forget(s, HIS_MAIL, false, &is_clean);
	CU_ASSERT_EQUAL(done.n[FORGOTTEN_INCIDENTS], 1);
	CU_ASSERT_EQUAL(done.n[FORGOTTEN_QUOTES], 4);
	CU_ASSERT_EQUAL(done.n[FORGOTTEN_TEXTS], 1);
	CU_ASSERT_EQUAL(done.in_force, 1); /* named in the reason of what is in force */
	CU_ASSERT(is_clean);
	CU_ASSERT_EQUAL(in_files("<" HIS_MAIL), 0);
	CU_ASSERT_EQUAL(in_files("John"), 0);
	CU_ASSERT_EQUAL(in_files(hidden), 0);
	CU_ASSERT_EQUAL(in_files("mary." HIS_MAIL), 2); /* somebody else's */
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM incidents"), 3);
	CU_ASSERT_EQUAL(
	        number("SELECT count(*) FROM envelopes WHERE rcpt_to = CAST('(forgotten)' AS BLOB) AND "
	               "mail_from = CAST('<sender@example.net>' AS BLOB)"),
	        2);
	store_close(s);
	end();
}

/* It is told, and tried again until nobody reads. */
static void a_reader_holds_the_log(void)
{
	sqlite3 *db = NULL;
	struct store *s;
	bool is_clean;

	begin();
	s = open_store(86400);
	keep_him(s);
	let_it_write(s);
	CU_ASSERT_EQUAL(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM acts", NULL, NULL, NULL), SQLITE_OK);
	(void)forget(s, HIM, false, &is_clean);
	CU_ASSERT_FALSE(is_clean);
	CU_ASSERT(in_files(HIM) > 0);
	sqlite3_close(db);
	for (unsigned i = 0; i < 3000 && in_files(HIM) > 0; i++)
		sleep_ms(10);
	CU_ASSERT_EQUAL(in_files(HIM), 0);
	store_close(s);
	end();
}

static void no_store(void)
{
	struct forgotten out;
	struct mention who;
	struct store *s;
	bool is_clean;
	int r;

	CU_ASSERT_EQUAL(mention_parse(HIM, &who), 0);
	begin();
	snprintf(file, sizeof(file), "%.150s/nowhere/postern.db",
	        folder); /* and one that does not work says so */
	s = open_store(0);
	CU_ASSERT(store_forget(s, &who, false));
	while ((r = store_fetch_forgotten(s, &out, &is_clean)) == -EAGAIN)
		sleep_ms(5);
	CU_ASSERT_EQUAL(r, -EIO);
	store_close(s);
	end();
	CU_ASSERT_FALSE(store_forget(NULL, &who, false));
	CU_ASSERT_EQUAL(store_fetch_forgotten(NULL, &out, &is_clean), -ESRCH);
}

/* keep-envelopes: names of mailboxes go before the incidents do, whose numbers stay. */
static void envelopes_go_first(void)
{
	struct finding f;
	struct store *s;

	begin();
	s = open_store(600);
	f = story(1, "10.0.0.1", "RCPT TO:<" HIS_MAIL "> -> 550", "<" HIS_MAIL ">");
	store_story(s, &f);
	store_close(s);
	CU_ASSERT_EQUAL(
	        number("SELECT (SELECT count(*) FROM evidence) + (SELECT count(*) FROM envelopes)"), 2);
	clock_ahead_s = 590;
	s = open_store(600); /* the first look of this daemon */
	keep_act(s, "something");
	let_it_write(s);
	store_close(s);
	CU_ASSERT_EQUAL(
	        number("SELECT (SELECT count(*) FROM evidence) + (SELECT count(*) FROM envelopes)"), 2);
	clock_ahead_s = 610;
	s = open_store(600);
	keep_act(s, "something");
	for (unsigned i = 0; i < 500 && number("SELECT count(*) FROM envelopes") > 0; i++)
		sleep_ms(10);
	CU_ASSERT_EQUAL(
	        number("SELECT (SELECT count(*) FROM evidence) + (SELECT count(*) FROM envelopes)"), 0);
	store_story(s, &f); /* as long as it is open it is told again, but without them */
	let_it_write(s);
	CU_ASSERT_EQUAL(
	        number("SELECT (SELECT count(*) FROM evidence) + (SELECT count(*) FROM envelopes)"), 0);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM incidents"), 1);
	store_close(s);
	CU_ASSERT_EQUAL(in_files(HIS_MAIL), 0);
	end();
}

/* An incident that has lost some of what it quotes has no more in the file than in memory. */
static void what_is_quoted_less_is_kept_less(void)
{
	struct finding f = story(1, "10.0.0.1", "RCPT TO:<" HIS_MAIL "> -> 550", "<" HIS_MAIL ">");
	struct store *s;

	begin();
	s = open_store(86400);
	f.incident.envelopes[1] = f.incident.envelopes[0];
	keep_field(&f.incident.envelopes[1], ENVELOPE_RCPT_TO, "<jane@example.org>");
	f.incident.envelopes[1].time_us++;
	f.incident.envelope_count = 2;
	store_story(s, &f);
	let_it_write(s);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM envelopes"), 2);
	f.incident.envelopes[0] = f.incident.envelopes[1];
	f.incident.envelope_count = 1;
	f.evidence_count = 0;
	store_story(s, &f);
	let_it_write(s);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM envelopes"), 1);
	CU_ASSERT_EQUAL(
	        number("SELECT count(*) FROM envelopes WHERE rcpt_to = CAST('<jane@example.org>' AS BLOB)"),
	        1);
	CU_ASSERT_EQUAL(number("SELECT count(*) FROM evidence"), 0);
	store_close(s);
	end();
}

SUITE("store_forget", { "an address leaves no byte", an_address_leaves_no_byte },
        { "a mailbox leaves no byte", a_mailbox_leaves_no_byte },
        { "a reader holds the log", a_reader_holds_the_log }, { "no store", no_store },
        { "envelopes go first", envelopes_go_first },
        { "what is quoted less is kept less", what_is_quoted_less_is_kept_less })
