/* store_keeper.c - see store_keeper.h.
 *
 * A batch is copied out of the ring first and written in one transaction. If that fails it is kept, and written again as
 * it is: every record replaces what it is about, so doing it twice does no harm. Meanwhile the ring fills behind it.
 *
 * A damaged file is set aside at once, but not more than once in ASIDE_S: on a dying disk that would fill it.
 *
 * Each batch says when it was written, by both clocks (store_clock.h): so the next start knows what is left of a block.
 *
 * It is long, and stays whole, since finding the file, writing into it and reading it at the start all change one struct
 * keeper, which nobody else sees.
 */
#include "report/store_keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "report/store_asked.h"
#include "report/store_clock.h"
#include "report/store_file.h"
#include "report/store_prune.h"
#include "report/store_read.h"
#include "report/store_state.h"
#include "report/store_wish.h"
#include "report/store_write.h"

enum {
	BATCH_ACTS = 1024,
	BATCH_TALES = 256,
	OPEN_WAIT_MS = 1000, /* for a lock, while the daemon starts */
	WAIT_MS = 2000,      /* likewise, in the thread */
	COLLECT_MS = 50,
	IDLE_MS = 60000,
	PRUNE_AGAIN_MS = 1000,
	ASIDE_S = 3600,
};

struct keeper {
	const struct store_settings *settings;
	struct keeper_rings rings;
	struct asked *asked;
	store_wake *wake;
	void *wake_arg;
	/* the thread */
	pthread_t thread;
	bool runs;
	int bell; /* eventfd */
	_Atomic bool rung, leaving, anew;
	_Atomic uint32_t keep_s, envelope_s;
	/* its own */
	struct store_file file;
	struct store_writer writer;
	bool begun;               /* a file was opened */
	struct store_clock start; /* when the daemon began */
	struct {
		uint64_t device, inode;
	} is;
	uint64_t aside_ms;      /* when a file was set aside last; monotonic, 0 = never */
	uint64_t calm_since_ms; /* the clock; monotonic */
	uint64_t pruned_ms;     /* last; monotonic */
	bool prune_more;
	struct wish_keeper wish;
	uint64_t written; /* records */
	struct store_act acts[BATCH_ACTS];
	struct store_tale tales[BATCH_TALES];
	unsigned act_count, tale_count;
	struct store_state state;
};

static uint64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

static void settle(struct keeper *k, enum store_trouble t)
{
	store_state_settle(&k->state, &k->file, t, ring_lost(k->rings.acts) + ring_lost(k->rings.tales));
}

/* ---- the file --------------------------------------------------------------------------------- */

/* What ends by the wall clock goes on by it although it was set while nobody ran. */
static int carry_over_clock(struct keeper *k)
{
	struct store_act act = { .kind = ACT_CLOCK };
	struct store_clock then;
	int r = store_read_clock(k->file.db, &then);

	if (r == SQLITE_OK)
		act.u.jump_us = store_clock_jump(&then, &k->start);
	if (r == SQLITE_OK && act.u.jump_us != 0) {
		log_info("the clock was set by %" PRId64
		         " s since the store was written last: blocks keep what "
		         "was left of them",
		        act.u.jump_us / 1000000);
		r = store_write_act(&k->writer, &act, k->start.wall_us);
	}
	return r == SQLITE_OK ? store_write_clock(&k->writer, &k->start) : r;
}

static int begin(struct keeper *k)
{
	int r = store_write_prepare(&k->writer, k->file.db);

	if (r != SQLITE_OK || k->begun)
		return r;
	r = store_write_plain(&k->writer, STATEMENT_BEGIN);
	if (r == SQLITE_OK)
		r = store_write_finish(&k->writer, carry_over_clock(k));
	return r;
}

static void remember_file(struct keeper *k)
{
	struct stat s;

	if (lstat(k->file.path, &s) < 0)
		return;
	k->is.device = s.st_dev;
	k->is.inode = s.st_ino;
}

static void close_file(struct keeper *k)
{
	store_write_finalize(&k->writer);
	store_file_close(&k->file);
}

static enum store_trouble open_file(struct keeper *k, int wait_ms)
{
	enum store_trouble t = store_file_open(&k->file, wait_ms);

	if (t == STORE_TROUBLE_NONE)
		t = store_file_trouble(&k->file, begin(k));
	if (t != STORE_TROUBLE_NONE) {
		store_write_finalize(&k->writer);
		if (t != STORE_TROUBLE_CORRUPT)
			store_file_close(&k->file);
		return t;
	}
	remember_file(k);
	k->begun = true;
	if (!k->file.wal)
		log_warning(
		        "%s lies on a file system on which SQLite cannot share memory: it is written with a "
		        "rollback journal, and whoever reads it holds up the writer",
		        k->file.path);
	(void)sqlite3_busy_timeout(k->file.db, WAIT_MS);
	return t;
}

/* A damaged file gives way to a new one. */
static enum store_trouble replace_file(struct keeper *k, int wait_ms)
{
	char name[STORE_PATH_MAX], text[STORE_NOTICE_MAX], what[STORE_DETAIL_MAX];
	uint64_t ms = now_ms();
	int r;

	store_write_finalize(&k->writer);
	if (k->aside_ms != 0 && ms - k->aside_ms < ASIDE_S * UINT64_C(1000)) {
		store_file_close(&k->file);
		return STORE_TROUBLE_CORRUPT;
	}
	snprintf(what, sizeof(what), "%s", k->file.detail);
	r = store_file_set_aside(&k->file, clock_now_us(), name);
	if (r) {
		snprintf(k->file.detail, sizeof(k->file.detail), "%.80s; it cannot be set aside: %s", what,
		        strerror(-r));
		return STORE_TROUBLE_CORRUPT;
	}
	k->aside_ms = ms > 0 ? ms : 1;
	log_error("THE STORE WAS DAMAGED (%s): it is set aside as %s, and a new one is begun; what the old "
	          "one knew "
	          "is gone from status and history. sqlite3 %s .recover may save some of it",
	        what, name, name);
	snprintf(text, sizeof(text), "the store was damaged, and is begun anew; the old one is %.130s", name);
	store_state_notice(&k->state, text);
	atomic_store(&k->anew, true);
	return open_file(k, wait_ms);
}

static enum store_trouble have_file(struct keeper *k, int wait_ms)
{
	enum store_trouble t = STORE_TROUBLE_NONE;

	if (!k->file.db)
		t = open_file(k, wait_ms);
	if (t == STORE_TROUBLE_CORRUPT)
		t = replace_file(k, wait_ms);
	return t;
}

/* Somebody has moved or removed it under us. */
static void look_for_file(struct keeper *k)
{
	struct stat s;

	if (!k->file.db ||
	        (lstat(k->file.path, &s) == 0 && s.st_dev == k->is.device && s.st_ino == k->is.inode))
		return;
	log_warning("%s was removed or replaced while it was in use: it is opened again, or made anew",
	        k->file.path);
	close_file(k);
	atomic_store(&k->anew, true);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void take_batch(struct keeper *k)
{
	const struct store_tale *tale;
	const struct store_act *act;

	pthread_mutex_lock(&k->state.lock); /* whoever asks finds each record in a ring, or here */
	while (k->act_count < BATCH_ACTS && (act = ring_front(k->rings.acts))) {
		k->acts[k->act_count++] = *act;
		ring_pop(k->rings.acts);
	}
	while (k->tale_count < BATCH_TALES && (tale = ring_front(k->rings.tales))) {
		k->tales[k->tale_count++] = *tale;
		ring_pop(k->rings.tales);
	}
	k->state.status.waiting = k->act_count + k->tale_count;
	pthread_mutex_unlock(&k->state.lock);
}

/* A value that no column takes is a mistake of ours: it is said, and must not hold up the others. */
static int forgive(struct keeper *k, int r, const char *what, int kind)
{
	if ((r & 0xff) != SQLITE_CONSTRAINT && (r & 0xff) != SQLITE_MISMATCH)
		return r;
	log_error("the store does not take %s %d: %s", what, kind, sqlite3_errmsg(k->file.db));
	return SQLITE_OK;
}

static int write_acts(struct keeper *k, uint64_t now_us)
{
	int r = SQLITE_OK;

	for (unsigned i = 0; i < k->act_count && r == SQLITE_OK; i++) {
		r = forgive(k, store_write_act(&k->writer, &k->acts[i], now_us), "act", (int)k->acts[i].kind);
		if (k->acts[i].kind == ACT_CLOCK)
			k->calm_since_ms = now_ms();
	}
	return r;
}

static int write_tales(struct keeper *k, uint64_t now_us)
{
	uint32_t envelope_s = atomic_load(&k->envelope_s);
	uint64_t envelopes_us = envelope_s > 0 ? store_prune_ago(now_us, envelope_s) : UINT64_MAX;
	int r = SQLITE_OK;

	for (unsigned i = 0; i < k->tale_count && r == SQLITE_OK; i++)
		r = forgive(k, store_write_tale(&k->writer, &k->tales[i], envelopes_us), "tale",
		        (int)k->tales[i].kind);
	return r;
}

static enum store_trouble write_batch(struct keeper *k)
{
	struct store_clock now;
	int r = store_write_plain(&k->writer, STATEMENT_BEGIN);

	store_clock_read(&now);
	if (r == SQLITE_OK) {
		r = write_acts(k, now.wall_us);
		if (r == SQLITE_OK)
			r = write_tales(k, now.wall_us);
		if (r == SQLITE_OK)
			r = store_write_clock(&k->writer, &now);
		r = store_write_finish(&k->writer, r);
	}
	if (r != SQLITE_OK)
		return store_file_trouble(&k->file, r);
	pthread_mutex_lock(&k->state.lock);
	k->state.status.written += k->act_count + k->tale_count;
	k->state.status.waiting = 0;
	pthread_mutex_unlock(&k->state.lock);
	k->written += k->act_count + k->tale_count;
	k->act_count = k->tale_count = 0;
	return STORE_TROUBLE_NONE;
}

/* A bit of what was over long ago, now and then. */
static enum store_trouble prune(struct keeper *k)
{
	uint64_t ms = now_ms();
	struct store_bounds bounds;
	int r;

	if (ms - k->calm_since_ms < k->settings->calm_s * UINT64_C(1000) ||
	        ms - k->pruned_ms < (k->prune_more ? PRUNE_AGAIN_MS : IDLE_MS))
		return STORE_TROUBLE_NONE;
	k->pruned_ms = ms;
	bounds = (struct store_bounds) { atomic_load(&k->keep_s), atomic_load(&k->envelope_s),
		STORE_BYTES_MAX };
	r = store_prune(&k->writer, &k->file, &bounds, &k->prune_more);
	return r == SQLITE_OK ? STORE_TROUBLE_NONE : store_file_trouble(&k->file, r);
}

/* A big file is looked through here, where nobody waits for it. */
static enum store_trouble check_late(struct keeper *k)
{
	return k->file.checked ? STORE_TROUBLE_NONE : store_file_check(&k->file);
}

static void work(struct keeper *k)
{
	enum store_trouble t;

	look_for_file(k);
	t = have_file(k, WAIT_MS);
	if (t == STORE_TROUBLE_NONE)
		t = check_late(k);
	if (t == STORE_TROUBLE_NONE)
		t = write_batch(k);
	if (t == STORE_TROUBLE_CORRUPT && k->file.db) {
		t = replace_file(k, WAIT_MS);
		if (t == STORE_TROUBLE_NONE)
			t = write_batch(k);
	}
	if (t == STORE_TROUBLE_NONE && !atomic_load(&k->leaving)) {
		wish_clean(&k->wish, &k->file);
		t = prune(k);
	}
	settle(k, t);
	if (t != STORE_TROUBLE_NONE && t != STORE_TROUBLE_LOCKED)
		close_file(k); /* so that what is mended is found mended */
}

/* ---- the thread ------------------------------------------------------------------------------- */

/* Until the next try, or the next word of the clock. */
static int patience_ms(const struct keeper *k)
{
	uint64_t ms = now_ms();

	if (k->state.retry_ms == 0)
		return k->prune_more ? PRUNE_AGAIN_MS : k->wish.is_unclean ? WISH_CLEAN_AGAIN_MS : IDLE_MS;
	return k->state.again_ms > ms ? (int)(k->state.again_ms - ms) : 0;
}

static void wait_for_bell(struct keeper *k)
{
	struct pollfd p = { .fd = k->bell, .events = POLLIN };
	static const struct timespec collect = { .tv_nsec = COLLECT_MS * 1000000 };
	uint64_t count;

	if (poll(&p, 1, patience_ms(k)) > 0)
		(void)!read(k->bell, &count, sizeof(count));
	if (!atomic_load(&k->leaving))
		nanosleep(&collect, NULL);
	atomic_store(&k->rung, false);
}

static bool has_records(const struct keeper *k)
{
	return ring_waiting(k->rings.acts) > 0 || ring_waiting(k->rings.tales) > 0;
}

static uint64_t waiting(const struct keeper *k)
{
	return (uint64_t)ring_waiting(k->rings.acts) + ring_waiting(k->rings.tales) + k->act_count +
	       k->tale_count;
}

static bool works(const struct keeper *k)
{
	return k->file.db && k->state.retry_ms == 0;
}

static int is_leaving(void *keeper)
{
	return atomic_load(&((struct keeper *)keeper)->leaving);
}

static void *run(void *arg)
{
	struct keeper *k = arg;
	bool leaving = false, has_answer;

	while (!leaving) {
		if (!has_records(k) || k->state.retry_ms > 0)
			wait_for_bell(k);
		leaving = atomic_load(&k->leaving);
		wish_see(&k->wish, k->written + waiting(k));
		do {
			take_batch(k);
			if (leaving || now_ms() >= k->state.again_ms)
				work(k);
		} while (leaving && k->state.retry_ms == 0 && has_records(k));
		has_answer = wish_grant(&k->wish, works(k) ? &k->file : NULL, k->written);
		has_answer = asked_answer(k->asked, k->file.db) || has_answer;
		if (has_answer && k->wake)
			k->wake(k->wake_arg);
	}
	return NULL;
}

void keeper_ring_bell(struct keeper *k)
{
	static const uint64_t one = 1;

	if (!atomic_exchange(&k->rung, true))
		(void)!write(k->bell, &one, sizeof(one));
}

int keeper_start(struct keeper *k, store_wake *wake, void *arg)
{
	sigset_t all, before;
	int r;

	k->wake = wake;
	k->wake_arg = arg;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&k->thread, NULL, run, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	k->runs = r == 0;
	if (k->runs)
		pthread_setname_np(k->thread, "store");
	return -r;
}

bool keeper_stop(struct keeper *k)
{
	static const uint64_t one = 1;
	struct timespec until;

	if (!k->runs)
		return true;
	atomic_store(&k->leaving, true);
	(void)!write(k->bell, &one, sizeof(one));
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STORE_LEAVE_S;
	if (pthread_timedjoin_np(k->thread, NULL, &until))
		return false;
	k->runs = false;
	return true;
}

/* ---- for the others --------------------------------------------------------------------------- */

struct keeper *keeper_open(const struct store_settings *settings, const struct keeper_rings *rings,
        struct asked *asked, struct store_wish *wish)
{
	struct keeper *k = calloc(1, sizeof(*k));
	enum store_trouble t;

	if (!k)
		return NULL;
	k->settings = settings;
	k->rings = *rings;
	k->asked = asked;
	k->wish = (struct wish_keeper) { .wish = wish, .is_leaving = is_leaving, .arg = k };
	keeper_set_keep(k, settings->keep_s, settings->envelope_s);
	store_state_init(&k->state, rings->notices);
	k->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	store_file_init(&k->file, settings->path);
	store_clock_read(&k->start);
	k->calm_since_ms = now_ms();
	t = have_file(k, OPEN_WAIT_MS);
	store_state_settle_first(&k->state, &k->file, t);
	if (k->bell >= 0)
		return k;
	keeper_close(k);
	return NULL;
}

void keeper_close(struct keeper *k)
{
	if (!k)
		return;
	close_file(k);
	if (k->bell >= 0)
		close(k->bell);
	store_state_fini(&k->state);
	free(k);
}

/* 0 or -errno, of a reading at the start. */
static int read_result(struct keeper *k, int r, const char *what, const unsigned *strange)
{
	if (*strange > 0)
		log_warning("%u %s in %s cannot be read, and are left out", *strange, what, k->file.path);
	if (r == SQLITE_OK)
		return 0;
	settle(k, store_file_trouble(&k->file, r));
	return -EIO;
}

int keeper_read_blocks(struct keeper *k, uint64_t now_us, store_each_block *each, void *arg)
{
	unsigned strange = 0;
	int r;

	if (!k->file.db)
		return -EIO;
	r = store_write_expired(&k->writer, now_us);
	if (r == SQLITE_OK)
		r = store_read_in_force(k->file.db, each, arg, &strange);
	return read_result(k, r, "blocks", &strange);
}

int keeper_read_expired(struct keeper *k, uint64_t since_us, store_each_block *each, void *arg)
{
	unsigned strange = 0;

	if (!k->file.db)
		return -EIO;
	return read_result(
	        k, store_read_over(k->file.db, since_us, each, arg, &strange), "blocks that ended", &strange);
}

int keeper_read_stories(struct keeper *k, store_each_story *each, void *arg)
{
	unsigned strange = 0;

	if (!k->file.db)
		return -EIO;
	return read_result(
	        k, store_read_open_stories(k->file.db, each, arg, &strange), "incidents", &strange);
}

int keeper_read_closed(struct keeper *k, uint64_t since_us, unsigned most, store_each_story *each, void *arg)
{
	unsigned strange = 0;

	if (!k->file.db)
		return -EIO;
	return read_result(k, store_read_closed_stories(k->file.db, since_us, most, each, arg, &strange),
	        "incidents", &strange);
}

int keeper_read_mutes(struct keeper *k, uint64_t now_us, store_each_mute *each, void *arg)
{
	unsigned strange = 0;

	if (!k->file.db)
		return -EIO;
	return read_result(k, store_read_muted(k->file.db, now_us, each, arg, &strange), "mutes", &strange);
}

int keeper_read_seen(struct keeper *k, unsigned most, store_each_seen *each, void *arg)
{
	unsigned strange = 0;

	if (!k->file.db)
		return -EIO;
	return read_result(k, store_read_last_seen(k->file.db, most, each, arg, &strange),
	        "rows of who delivers", &strange);
}

int keeper_read_sources(struct keeper *k, unsigned most, store_each_source *each, void *arg)
{
	unsigned strange = 0;

	if (!k->file.db)
		return -EIO;
	return read_result(k, store_read_last_sources(k->file.db, most, each, arg, &strange),
	        "rows of sources", &strange);
}

int keeper_read_usual(struct keeper *k, unsigned most, store_each_usual *each, void *arg)
{
	unsigned strange = 0;

	if (!k->file.db)
		return -EIO;
	return read_result(k, store_read_last_usual(k->file.db, most, each, arg, &strange),
	        "rows of what is usual", &strange);
}

uint64_t keeper_read_made(struct keeper *k)
{
	return k->file.db ? store_read_made(k->file.db) : 0;
}

void keeper_set_keep(struct keeper *k, uint32_t keep_s, uint32_t envelope_s)
{
	atomic_store(&k->keep_s, keep_s);
	atomic_store(&k->envelope_s, envelope_s);
}

bool keeper_has_begun_anew(struct keeper *k)
{
	return atomic_exchange(&k->anew, false);
}

void keeper_status(struct keeper *k, struct store_status *out)
{
	store_state_read(&k->state, out);
}
