/* store_write.c - see store_write.h. A value that cannot be bound (no memory) is NULL, and its column refuses that. */
#include "report/store_write.h"

#include <assert.h>
#include <string.h>

static const char *const sql[STATEMENT_COUNT] = {
#define X(name, text) text,
	STORE_STATEMENTS(X)
#undef X
};

static const char *const end_names[STORE_END_COUNT] = { STORE_END_NAMES };

int store_write_prepare(struct store_writer *w, sqlite3 *db)
{
	int r = SQLITE_OK;

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < STATEMENT_COUNT && r == SQLITE_OK; i++)
		r = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &w->of[i], NULL);
	if (r != SQLITE_OK)
		store_write_finalize(w);
	return r;
}

void store_write_finalize(struct store_writer *w)
{
	for (unsigned i = 0; i < STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(w->of[i]);
	memset(w, 0, sizeof(*w));
}

/* ---- one statement ---------------------------------------------------------------------------- */

static void bind_number(sqlite3_stmt *s, int place, int64_t value)
{
	(void)sqlite3_bind_int64(s, place, value);
}

/* The text lives until the statement is run. */
static void bind_text(sqlite3_stmt *s, int place, const char *text)
{
	(void)sqlite3_bind_text(s, place, text, -1, SQLITE_STATIC);
}

static int run(sqlite3_stmt *s)
{
	int r = sqlite3_step(s);

	assert(r != SQLITE_ROW);
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

int store_write_plain(struct store_writer *w, enum store_statement which)
{
	return run(w->of[which]);
}

/* ---- what is written -------------------------------------------------------------------------- */

static int write_block(sqlite3_stmt *s, const struct store_block *b)
{
	char prefix[PREFIX_TEXT_MAX];

	bind_text(s, 1, prefix_print(&b->prefix, prefix));
	bind_number(s, 2, (int64_t)b->set_us);
	bind_number(s, 3, (int64_t)b->until_us);
	bind_number(s, 4, b->uid);
	bind_number(s, 5, b->rule);
	bind_text(s, 6, b->reason);
	return run(s);
}

static int write_end(sqlite3_stmt *s, const struct store_act *act)
{
	char prefix[PREFIX_TEXT_MAX];

	bind_text(s, 1, prefix_print(&act->u.ended.prefix, prefix));
	bind_number(s, 2, (int64_t)act->u.ended.time_us);
	bind_text(s, 3, end_names[act->u.ended.why]);
	return run(s);
}

static int write_number(sqlite3_stmt *s, int64_t value)
{
	bind_number(s, 1, value);
	return run(s);
}

int store_write_act(struct store_writer *w, const struct store_act *act, uint64_t now_us)
{
	switch (act->kind) {
	case ACT_BLOCK_SET:
		return write_block(w->of[STATEMENT_BLOCK_SET], &act->u.block);
	case ACT_BLOCK_ENDED:
		return write_end(w->of[STATEMENT_BLOCK_ENDED], act);
	case ACT_BLOCKS_ANEW:
		return write_number(w->of[STATEMENT_BLOCKS_ANEW], (int64_t)now_us);
	case ACT_CLOCK:
		return write_number(w->of[STATEMENT_CLOCK_SET], act->u.jump_us);
	}
	return SQLITE_MISUSE;
}

int store_write_clock(struct store_writer *w, const struct store_clock *now)
{
	sqlite3_stmt *s = w->of[STATEMENT_CLOCK];

	bind_number(s, 1, (int64_t)now->wall_us);
	bind_number(s, 2, (int64_t)now->monotonic_us);
	bind_text(s, 3, now->boot);
	return run(s);
}

int store_write_expired(struct store_writer *w, uint64_t now_us)
{
	return write_number(w->of[STATEMENT_BLOCKS_EXPIRED], (int64_t)now_us);
}

/* ---- what is taken out ------------------------------------------------------------------------ */

int store_write_prune(struct store_writer *w, sqlite3 *db, const struct store_age *age, bool *more)
{
	const struct {
		enum store_statement which;
		uint64_t before_us;
	} steps[] = {
		{ STATEMENT_PRUNE_BLOCKS, age->over_us },
	};
	int r = SQLITE_OK;

	*more = false;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && r == SQLITE_OK; i++) {
		sqlite3_stmt *s = w->of[steps[i].which];

		bind_number(s, 1, (int64_t)steps[i].before_us);
		bind_number(s, 2, STORE_PRUNE_ROWS);
		r = run(s);
		*more = *more || sqlite3_changes(db) == STORE_PRUNE_ROWS;
	}
	return r == SQLITE_OK ? sqlite3_exec(db, "PRAGMA incremental_vacuum(256)", NULL, NULL, NULL) : r;
}
