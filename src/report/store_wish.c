/* store_wish.c - see store_wish.h. There is one at a time: its place goes round like those of store_asked.c. */
#include "report/store_wish.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "report/store_forget.h"

bool wish_make(struct store_wish *w, const struct mention *who, bool look)
{
	if (atomic_load_explicit(&w->state, memory_order_acquire) != WISH_NONE)
		return false;
	w->who = *who;
	w->forgotten = (struct forgotten) { .look = look };
	atomic_store_explicit(&w->state, WISH_WAITS, memory_order_release);
	return true;
}

int wish_fetch(struct store_wish *w, struct forgotten *out, bool *is_clean)
{
	int state = atomic_load_explicit(&w->state, memory_order_acquire), r;

	if (state != WISH_DONE)
		return state == WISH_WAITS ? -EAGAIN : -ESRCH;
	r = w->result;
	*out = w->forgotten;
	*is_clean = w->is_clean;
	memset(&w->who, 0, sizeof(w->who));
	atomic_store_explicit(&w->state, WISH_NONE, memory_order_release);
	return r;
}

/* What is told before a wish is written before it, or it would come back. */
void wish_see(struct wish_keeper *k, uint64_t told)
{
	if (k->has_wish || atomic_load_explicit(&k->wish->state, memory_order_acquire) != WISH_WAITS)
		return;
	k->has_wish = true;
	k->after = told;
}

static int clean(struct wish_keeper *k, const struct store_file *f)
{
	int r = k->is_old ? store_forget_bytes(f, k->is_leaving, k->arg) : SQLITE_OK;

	k->is_old = r != SQLITE_OK;
	return r == SQLITE_OK ? store_forget_journal(f) : r;
}

void wish_clean(struct wish_keeper *k, const struct store_file *f)
{
	uint64_t ms = clock_monotonic_ns() / 1000000;

	if (!k->is_unclean || ms - k->clean_ms < WISH_CLEAN_AGAIN_MS)
		return;
	k->clean_ms = ms;
	(void)sqlite3_busy_timeout(f->db, 0); /* there are others to be written */
	k->is_unclean = clean(k, f) != SQLITE_OK;
	(void)sqlite3_busy_timeout(f->db, f->wait_ms);
}

bool wish_grant(struct wish_keeper *k, struct store_file *f, uint64_t written)
{
	struct store_wish *w = k->wish;
	int r = SQLITE_IOERR, cleaned = SQLITE_OK;

	if (!k->has_wish || (f && written < k->after))
		return false;
	if (f)
		r = store_forget_rows(f->db, &w->who, &w->forgotten);
	if (r == SQLITE_OK && !w->forgotten.look) {
		k->is_old = true;
		cleaned = clean(k, f);
		k->is_unclean = cleaned != SQLITE_OK;
		k->clean_ms = clock_monotonic_ns() / 1000000;
	}
	if (cleaned != SQLITE_OK)
		log_warning("what was forgotten is out of the tables of %s, but its free space or its "
		            "journal may "
		            "still hold it: %s; tried again until it is done",
		        f->path, sqlite3_errstr(cleaned));
	if (r != SQLITE_OK && f)
		log_error("nothing was forgotten in %s: %s", f->path, sqlite3_errmsg(f->db));
	w->result = r == SQLITE_OK ? 0 : -EIO;
	w->is_clean = !k->is_unclean;
	k->has_wish = false;
	atomic_store_explicit(&w->state, WISH_DONE, memory_order_release);
	return true;
}
