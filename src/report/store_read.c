/* store_read.c - see store_read.h; incidents: store_read_story.c. The file may be anybody's work, as far as its rows go: each
 * value is checked.
 */
#include "report/store_read.h"

#include <string.h>

#include "postern/kind.h"
#include "report/store_row.h"

int store_read_clock(sqlite3 *db, struct store_clock *out)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(
	        db, "SELECT wall_us, monotonic_us, boot FROM clock WHERE id = 1", -1, &s, NULL);

	memset(out, 0, sizeof(*out));
	if (r == SQLITE_OK)
		r = sqlite3_step(s);
	if (r == SQLITE_ROW) {
		out->wall_us = row_number(s, 0);
		out->monotonic_us = row_number(s, 1);
		row_text(s, 2, out->boot, sizeof(out->boot));
	}
	sqlite3_finalize(s);
	return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

static bool read_block(sqlite3_stmt *s, struct store_block *b)
{
	char prefix[PREFIX_TEXT_MAX];
	int action = row_word(s, 6, WORDS_ACTION);
	int64_t until_us = sqlite3_column_int64(s, 2);

	memset(b, 0, sizeof(*b));
	row_text(s, 0, prefix, sizeof(prefix));
	b->set_us = row_number(s, 1);
	b->until_us = (uint64_t)until_us;
	b->uid = sqlite3_column_int64(s, 3);
	b->rule = (uint32_t)sqlite3_column_int64(s, 4);
	row_text(s, 5, b->reason, sizeof(b->reason));
	b->action = row_or_none(action);
	return action >= 0 && prefix_parse(prefix, &b->prefix) == 0 && until_us >= 0;
}

/* Of a statement that gives what read_block() reads, finalized. r: of preparing it. */
static int read_all_blocks(sqlite3_stmt *s, int r, store_each_block *each, void *arg, unsigned *strange)
{
	struct store_block b;

	while (row_next(s, &r))
		if (read_block(s, &b))
			each(arg, &b);
		else
			++*strange;
	return row_end(s, r);
}

int store_read_in_force(sqlite3 *db, store_each_block *each, void *arg, unsigned *strange)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT prefix, set_us, until_us, uid, rule, reason, action FROM blocks WHERE ended_us IS "
	        "NULL "
	        "ORDER BY id",
	        -1, &s, NULL);

	return read_all_blocks(s, r, each, arg, strange);
}

int store_read_over(sqlite3 *db, uint64_t since_us, store_each_block *each, void *arg, unsigned *strange)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT prefix, set_us, ended_us, uid, rule, reason, action FROM blocks WHERE ended_us >= ?1 "
	        "AND ended_by = 'expired' AND uid < 0 ORDER BY ended_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, (int64_t)since_us);
	return read_all_blocks(s, r, each, arg, strange);
}

uint64_t store_read_made(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	uint64_t made_us = 0;

	if (sqlite3_prepare_v2(db, "SELECT made_us FROM clock", -1, &s, NULL) == SQLITE_OK &&
	        sqlite3_step(s) == SQLITE_ROW)
		made_us = row_number(s, 0);
	sqlite3_finalize(s);
	return made_us;
}

/* ---- mutes -------------------------------------------------------------------------------------- */

int store_read_muted(sqlite3 *db, uint64_t now_us, store_each_mute *each, void *arg, unsigned *strange)
{
	char prefix[PREFIX_TEXT_MAX];
	struct store_mute m;
	uint64_t rule;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT prefix, rule, set_us, until_us, uid, reason FROM mutes WHERE until_us > ?1 "
	        "ORDER BY set_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, (int64_t)now_us);
	while (row_next(s, &r)) {
		memset(&m, 0, sizeof(m));
		row_text(s, 0, prefix, sizeof(prefix));
		rule = row_number(s, 1);
		m.rule = (uint32_t)rule;
		m.set_us = row_number(s, 2);
		m.until_us = row_number(s, 3);
		m.uid = sqlite3_column_int64(s, 4);
		row_text(s, 5, m.reason, sizeof(m.reason));
		if (prefix_parse(prefix, &m.prefix) == 0 && m.until_us > now_us &&
		        (rule == 0 || (rule == m.rule && finding_kind(m.rule))))
			each(arg, &m);
		else
			++*strange;
	}
	return row_end(s, r);
}

/* ---- who delivers ----------------------------------------------------------------------------- */

static bool read_seen(sqlite3_stmt *s, struct store_seen *row)
{
	uint64_t *const numbers[] = { &row->first_us, &row->last_us, &row->connections, &row->mails,
		&row->recipients, &row->tls, &row->refused };
	char client[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];

	memset(row, 0, sizeof(*row));
	row_text(s, 0, client, sizeof(client));
	row_text(s, 1, server, sizeof(server));
	row->self = (uint8_t)row_number(s, 2);
	row->verified = row_number(s, 3) != 0;
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = row_number(s, 4 + (int)i);
	return row->first_us > 0 && addr_parse(client, &row->client) == 0 &&
	       addr_parse(server, &row->server) == 0;
}

int store_read_last_seen(sqlite3 *db, unsigned most, store_each_seen *each, void *arg, unsigned *strange)
{
	struct store_seen row;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT * FROM (SELECT client, server, self, verified, first_us, last_us, connections, "
	        "mails, "
	        "recipients, tls, refused FROM seen ORDER BY last_us DESC LIMIT ?1) ORDER BY last_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, most);
	while (row_next(s, &r))
		if (read_seen(s, &row))
			each(arg, &row);
		else
			++*strange;
	return row_end(s, r);
}

/* ---- what sources have done ------------------------------------------------------------------- */

static bool read_source(sqlite3_stmt *s, struct store_source *row)
{
	int direction = row_word(s, 2, WORDS_DIRECTION);
	char prefix[PREFIX_TEXT_MAX];

	memset(row, 0, sizeof(*row));
	row_text(s, 0, prefix, sizeof(prefix));
	row->verified = row_number(s, 1) != 0;
	row->direction = row_or_none(direction);
	row->first_us = row_number(s, 3);
	row->last_us = row_number(s, 4);
	for (unsigned i = 0; i < STORE_SOURCE_COUNTS; i++)
		row->n[i] = row_number(s, 5 + (int)i);
	return row->first_us > 0 && direction >= 0 && prefix_parse(prefix, &row->prefix) == 0 &&
	       row->prefix.bits > 0;
}

int store_read_last_sources(sqlite3 *db, unsigned most, store_each_source *each, void *arg, unsigned *strange)
{
	struct store_source row;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT * FROM (SELECT prefix, verified, direction, first_us, last_us, connections, "
	        "transactions, messages, accepted, refused, null_senders, auth_failures, tls, bytes, "
	        "destinations FROM sources ORDER BY last_us DESC LIMIT ?1) ORDER BY last_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, most);
	while (row_next(s, &r))
		if (read_source(s, &row))
			each(arg, &row);
		else
			++*strange;
	return row_end(s, r);
}

/* ---- what is usual for sources ---------------------------------------------------------------- */

static bool read_usual(sqlite3_stmt *s, struct store_usual *row)
{
	char source[PREFIX_TEXT_MAX];

	memset(row, 0, sizeof(*row));
	row_text(s, 0, source, sizeof(source));
	row->last_us = row_number(s, 1);
	row->len = row_bytes(s, 2, (char *)row->bytes, sizeof(row->bytes));
	return row->len > 0 && prefix_parse(source, &row->source) == 0;
}

int store_read_last_usual(sqlite3 *db, unsigned most, store_each_usual *each, void *arg, unsigned *strange)
{
	struct store_usual row;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT * FROM (SELECT source, last_us, bytes FROM usual ORDER BY last_us DESC LIMIT ?1) "
	        "ORDER BY last_us",
	        -1, &s, NULL);

	if (r == SQLITE_OK)
		(void)sqlite3_bind_int64(s, 1, most);
	while (row_next(s, &r))
		if (read_usual(s, &row))
			each(arg, &row);
		else
			++*strange;
	return row_end(s, r);
}
