/* store_prune.c - see store_prune.h. Where the file has grown beyond its bound, what is oldest goes before its time, of each
 * kind: whoever can cause many incidents, or knocks with many addresses, must not be able to fill the disk, nor to push out
 * everything else of the store with one kind. What is usual of whom stays: its sources have earned that. */
#include "report/store_prune.h"

#include "base/clock.h"
#include "base/log.h"

uint64_t store_prune_ago(uint64_t now_us, uint32_t s)
{
	uint64_t us = s * UINT64_C(1000000);

	return now_us > us ? now_us - us : 0;
}

/* What the file takes up, without what is free in it; 0 = not known. */
static uint64_t used_bytes(sqlite3 *db)
{
	static const char text[] = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
	                           "pragma_freelist_count, pragma_page_size";
	sqlite3_stmt *s = NULL;
	uint64_t bytes = 0;

	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		bytes = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return bytes;
}

static bool is_too_big(const struct store_file *f, uint64_t bytes_max)
{
	static struct log_limit limit;

	if (used_bytes(f->db) <= bytes_max)
		return false;
	log_limited(&limit, LOG_LEVEL_WARNING,
	        "%s holds more than %u MiB: what is oldest in it is taken out before its time", f->path,
	        (unsigned)(bytes_max >> 20));
	return true;
}

static int take_out(
        struct store_writer *w, sqlite3 *db, enum store_statement which, uint64_t before_us, bool *more)
{
	int r = store_write_numbers(w, which, (int64_t)before_us, STORE_PRUNE_ROWS);

	*more = *more || (r == SQLITE_OK && sqlite3_changes(db) == STORE_PRUNE_ROWS);
	return r;
}

int store_prune(
        struct store_writer *w, const struct store_file *f, const struct store_bounds *bounds, bool *more)
{
	const uint64_t now_us = clock_now_us(), quotes_us = store_prune_ago(now_us, bounds->envelope_s);
	const bool big = is_too_big(f, bounds->bytes_max);
	const uint64_t kept_us = store_prune_ago(now_us, bounds->keep_s), over_us = big ? now_us : kept_us;
	const struct {
		enum store_statement which;
		uint64_t before_us;
	} steps[] = {
		{ STATEMENT_PRUNE_BLOCKS, over_us },
		{ STATEMENT_PRUNE_INCIDENTS, over_us },
		{ STATEMENT_PRUNE_EVIDENCE, quotes_us > over_us ? quotes_us : over_us },
		{ STATEMENT_PRUNE_ENVELOPES, quotes_us > over_us ? quotes_us : over_us },
		{ STATEMENT_PRUNE_ACTS, over_us },
		{ STATEMENT_PRUNE_SEEN, over_us },
		{ STATEMENT_PRUNE_SOURCES, over_us },
		{ STATEMENT_PRUNE_USUAL, kept_us },
	};
	int r = store_write_plain(w, STATEMENT_BEGIN);

	*more = false;
	if (r != SQLITE_OK)
		return r;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r == SQLITE_OK; i++)
		r = take_out(w, f->db, steps[i].which, steps[i].before_us, more);
	if (r == SQLITE_OK)
		r = sqlite3_exec(f->db, "PRAGMA incremental_vacuum(256)", NULL, NULL, NULL);
	return store_write_finish(w, r);
}
