/* store_read.c - see store_read.h. The file may be anybody's work, as far as its rows go: each value is checked. */
#include "report/store_read.h"

#include <stdio.h>
#include <string.h>

static void get_text(sqlite3_stmt *s, int column, char *out, unsigned out_bytes)
{
	const unsigned char *text = sqlite3_column_text(s, column);

	snprintf(out, out_bytes, "%s", text ? (const char *)text : "");
}

int store_read_clock(sqlite3 *db, struct store_clock *out)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(
	        db, "SELECT wall_us, monotonic_us, boot FROM clock WHERE id = 1", -1, &s, NULL);

	memset(out, 0, sizeof(*out));
	if (r == SQLITE_OK)
		r = sqlite3_step(s);
	if (r == SQLITE_ROW) {
		out->wall_us = (uint64_t)sqlite3_column_int64(s, 0);
		out->monotonic_us = (uint64_t)sqlite3_column_int64(s, 1);
		get_text(s, 2, out->boot, sizeof(out->boot));
	}
	sqlite3_finalize(s);
	return r == SQLITE_ROW || r == SQLITE_DONE ? SQLITE_OK : r;
}

static bool read_block(sqlite3_stmt *s, struct store_block *b)
{
	char prefix[PREFIX_TEXT_MAX];
	int64_t until_us = sqlite3_column_int64(s, 2);

	memset(b, 0, sizeof(*b));
	get_text(s, 0, prefix, sizeof(prefix));
	b->set_us = (uint64_t)sqlite3_column_int64(s, 1);
	b->until_us = (uint64_t)until_us;
	b->uid = sqlite3_column_int64(s, 3);
	b->rule = (uint32_t)sqlite3_column_int64(s, 4);
	get_text(s, 5, b->reason, sizeof(b->reason));
	return prefix_parse(prefix, &b->prefix) == 0 && until_us >= 0;
}

int store_read_in_force(sqlite3 *db, store_each_block *each, void *arg, unsigned *strange)
{
	struct store_block b;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db,
	        "SELECT prefix, set_us, until_us, uid, rule, reason FROM blocks WHERE ended_us IS NULL "
	        "ORDER BY id",
	        -1, &s, NULL);

	while (r == SQLITE_OK && (r = sqlite3_step(s)) == SQLITE_ROW) {
		r = SQLITE_OK;
		if (read_block(s, &b))
			each(arg, &b);
		else
			++*strange;
	}
	sqlite3_finalize(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}
