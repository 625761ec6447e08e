/* store_keeper.c - see store_keeper.h.
 *
 * A batch is copied out of the ring first and written in one transaction. If that fails it is kept, and written again as
 * it is: every record replaces what it is about, so doing it twice does no harm. Meanwhile the ring fills behind it.
 *
 * Trouble is said when it begins and when it ends. Between two tries lie RETRY_MIN_MS, then twice as long each time. A
 * damaged file is set aside, at once but not more than once in ASIDE_S: on a dying disk that would fill it.
 *
 * Each batch says when it was written, by the wall clock and by the one that nobody can set. At the next start the two
 * tell whether the wall clock was set meanwhile, as long as it is the same boot. After a reboot only a clock that went
 * back can be seen: then nothing has passed, as far as blocks go. (A machine without a battery boots like that.)
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
#include "report/store_file.h"
#include "report/store_read.h"
#include "report/store_write.h"

enum {
	BATCH_ACTS = 1024,
	BATCH_TALES = 256,
	OPEN_WAIT_MS = 1000, /* for a lock, while the daemon starts */
	WAIT_MS = 2000,      /* likewise, in the thread */
	COLLECT_MS = 50,
	IDLE_MS = 60000,
	PRUNE_AGAIN_MS = 1000,
	RETRY_MIN_MS = 1000,
	RETRY_MAX_MS = 30000,
	ASIDE_S = 3600,
};
static const uint64_t STORE_BYTES_MAX = UINT64_C(1) << 30;
static const int64_t JUMP_US = 2000000; /* less is a clock that is being kept right */

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
	enum store_trouble trouble;
	unsigned retry_ms; /* 0 = no trouble */
	uint64_t again_ms; /* not before; monotonic */
	uint64_t aside_ms; /* when a file was set aside last; monotonic, 0 = never */
	uint64_t lost_before;
	uint64_t calm_since_ms; /* the clock; monotonic */
	uint64_t pruned_ms;     /* last; monotonic */
	bool prune_more;
	struct store_act acts[BATCH_ACTS];
	struct store_tale tales[BATCH_TALES];
	unsigned act_count, tale_count;
	/* for everybody */
	pthread_mutex_t lock;
	struct store_status status;
};

/* ---- clocks ----------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

static void read_clock(struct store_clock *out)
{
	FILE *from = fopen("/proc/sys/kernel/random/boot_id", "re");

	memset(out, 0, sizeof(*out));
	out->wall_us = clock_now_us();
	out->monotonic_us = clock_monotonic_ns() / 1000;
	if (!from)
		return;
	if (!fgets(out->boot, sizeof(out->boot), from))
		out->boot[0] = '\0';
	out->boot[strcspn(out->boot, "\n")] = '\0';
	fclose(from);
}

/* By how much the wall clock was set between the two, as far as that can be known. */
static int64_t jump_between(const struct store_clock *then, const struct store_clock *now)
{
	int64_t wall_us = (int64_t)(now->wall_us - then->wall_us), jump_us;

	if (then->wall_us == 0)
		return 0;
	if (*now->boot && strcmp(then->boot, now->boot) == 0)
		jump_us = wall_us - (int64_t)(now->monotonic_us - then->monotonic_us);
	else
		jump_us = wall_us < 0 ? wall_us : 0;
	return jump_us > JUMP_US || jump_us < -JUMP_US ? jump_us : 0;
}

/* ---- what is said ----------------------------------------------------------------------------- */

static void notice(struct keeper *k, const char *text)
{
	char *slot = ring_reserve(k->rings.notices);

	if (!slot)
		return;
	snprintf(slot, STORE_NOTICE_MAX, "%s", text);
	ring_commit(k->rings.notices);
}

static uint64_t lost(const struct keeper *k)
{
	return ring_lost(k->rings.acts) + ring_lost(k->rings.tales);
}

static void say_trouble(struct keeper *k, const char *words)
{
	char text[STORE_NOTICE_MAX];

	log_error(
	        "the store does not work: %s. It is tried again and again; mail and blocks go on without it",
	        words);
	snprintf(text, sizeof(text), "the store does not work: %s", words);
	notice(k, text);
}

static void say_recovery(struct keeper *k)
{
	char text[STORE_NOTICE_MAX];

	snprintf(text, sizeof(text), "the store works again: %" PRIu64 " records were lost meanwhile",
	        lost(k) - k->lost_before);
	log_info("%s (%s)", text, k->file.path);
	notice(k, text);
}

static unsigned next_retry_ms(unsigned retry_ms)
{
	if (retry_ms == 0)
		return RETRY_MIN_MS;
	return retry_ms * 2 <= RETRY_MAX_MS ? retry_ms * 2 : RETRY_MAX_MS;
}

static void show_trouble(struct keeper *k, enum store_trouble t, const char *words, bool changed)
{
	k->retry_ms = t == STORE_TROUBLE_NONE ? 0 : next_retry_ms(k->retry_ms);
	k->again_ms = now_ms() + k->retry_ms;
	pthread_mutex_lock(&k->lock);
	k->status.works = t == STORE_TROUBLE_NONE;
	k->status.wal = k->file.wal;
	snprintf(k->status.word, sizeof(k->status.word), "%s", store_trouble_word(t));
	snprintf(k->status.words, sizeof(k->status.words), "%s", words);
	if (changed)
		k->status.since_us = clock_now_us();
	pthread_mutex_unlock(&k->lock);
}

static void print_trouble(const struct keeper *k, enum store_trouble t, char words[STORE_WORDS_MAX])
{
	words[0] = '\0';
	if (t != STORE_TROUBLE_NONE)
		store_file_print(&k->file, t, words, STORE_WORDS_MAX);
}

/* Takes note of how it went, and says what has changed. */
static void settle(struct keeper *k, enum store_trouble t)
{
	bool changed = t != k->trouble;
	char words[STORE_WORDS_MAX];

	print_trouble(k, t, words);
	if (changed && t != STORE_TROUBLE_NONE)
		say_trouble(k, words);
	else if (changed)
		say_recovery(k);
	if (changed && k->trouble == STORE_TROUBLE_NONE)
		k->lost_before = lost(k);
	k->trouble = t;
	show_trouble(k, t, words, changed);
}

/* Another posternd may hold more than the file: if we are to end for that, it is said then, and this is not. */
static void settle_first(struct keeper *k, enum store_trouble t)
{
	char words[STORE_WORDS_MAX];

	if (t != STORE_TROUBLE_TAKEN) {
		settle(k, t);
		return;
	}
	print_trouble(k, t, words);
	show_trouble(k, t, words, false);
}

/* ---- the file --------------------------------------------------------------------------------- */

/* SQLite's result; a transaction that failed is rolled back. */
static int finish(struct keeper *k, int r)
{
	if (r == SQLITE_OK)
		r = store_write_plain(&k->writer, STATEMENT_COMMIT);
	if (r != SQLITE_OK)
		(void)store_write_plain(&k->writer, STATEMENT_ROLLBACK);
	return r;
}

/* What ends by the wall clock goes on by it although it was set while nobody ran. */
static int carry_over_clock(struct keeper *k)
{
	struct store_act act = { .kind = ACT_CLOCK };
	struct store_clock then;
	int r = store_read_clock(k->file.db, &then);

	if (r == SQLITE_OK)
		act.u.jump_us = jump_between(&then, &k->start);
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
		r = finish(k, carry_over_clock(k));
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
	notice(k, text);
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

	pthread_mutex_lock(&k->lock); /* whoever asks finds each record in a ring, or here */
	while (k->act_count < BATCH_ACTS && (act = ring_front(k->rings.acts))) {
		k->acts[k->act_count++] = *act;
		ring_pop(k->rings.acts);
	}
	while (k->tale_count < BATCH_TALES && (tale = ring_front(k->rings.tales))) {
		k->tales[k->tale_count++] = *tale;
		ring_pop(k->rings.tales);
	}
	k->status.waiting = k->act_count + k->tale_count;
	pthread_mutex_unlock(&k->lock);
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

static uint64_t ago(uint64_t now_us, uint32_t s)
{
	uint64_t us = s * UINT64_C(1000000);

	return now_us > us ? now_us - us : 0;
}

static int write_tales(struct keeper *k, uint64_t now_us)
{
	uint32_t envelope_s = atomic_load(&k->envelope_s);
	uint64_t envelopes_us = envelope_s > 0 ? ago(now_us, envelope_s) : UINT64_MAX;
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

	read_clock(&now);
	if (r == SQLITE_OK) {
		r = write_acts(k, now.wall_us);
		if (r == SQLITE_OK)
			r = write_tales(k, now.wall_us);
		if (r == SQLITE_OK)
			r = store_write_clock(&k->writer, &now);
		r = finish(k, r);
	}
	if (r != SQLITE_OK)
		return store_file_trouble(&k->file, r);
	pthread_mutex_lock(&k->lock);
	k->status.written += k->act_count + k->tale_count;
	k->status.waiting = 0;
	pthread_mutex_unlock(&k->lock);
	k->act_count = k->tale_count = 0;
	return STORE_TROUBLE_NONE;
}

/* What the file takes up, without what is free in it; 0 = not known. */
static uint64_t used_bytes(const struct keeper *k)
{
	static const char text[] = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
	                           "pragma_freelist_count, pragma_page_size";
	sqlite3_stmt *s = NULL;
	uint64_t bytes = 0;

	if (sqlite3_prepare_v2(k->file.db, text, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		bytes = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return bytes;
}

/* What is too old; and the oldest incidents, whatever their age, where the file has grown too big. */
static struct store_age age_of(const struct keeper *k)
{
	static struct log_limit limit;
	uint64_t now_us = clock_now_us(), over_us = ago(now_us, atomic_load(&k->keep_s));
	uint64_t envelopes_us = ago(now_us, atomic_load(&k->envelope_s));
	struct store_age age = { over_us, envelopes_us > over_us ? envelopes_us : over_us, over_us };

	if (used_bytes(k) > STORE_BYTES_MAX) {
		log_limited(&limit, LOG_LEVEL_WARNING,
		        "%s holds more than %u MiB: the oldest incidents are taken out before their time",
		        k->file.path, (unsigned)(STORE_BYTES_MAX >> 20));
		age.incidents_us = age.envelopes_us = now_us;
	}
	return age;
}

/* A bit of what was over long ago, now and then. */
static enum store_trouble prune(struct keeper *k)
{
	uint64_t ms = now_ms();
	struct store_age age;
	int r;

	if (ms - k->calm_since_ms < k->settings->calm_s * UINT64_C(1000) ||
	        ms - k->pruned_ms < (k->prune_more ? PRUNE_AGAIN_MS : IDLE_MS))
		return STORE_TROUBLE_NONE;
	k->pruned_ms = ms;
	age = age_of(k);
	r = store_write_plain(&k->writer, STATEMENT_BEGIN);
	if (r == SQLITE_OK)
		r = finish(k, store_write_prune(&k->writer, k->file.db, &age, &k->prune_more));
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
	if (t == STORE_TROUBLE_NONE && !atomic_load(&k->leaving))
		t = prune(k);
	settle(k, t);
	if (t != STORE_TROUBLE_NONE && t != STORE_TROUBLE_LOCKED)
		close_file(k); /* so that what is mended is found mended */
}

/* ---- the thread ------------------------------------------------------------------------------- */

/* Until the next try, or the next word of the clock. */
static int patience_ms(const struct keeper *k)
{
	uint64_t ms = now_ms();

	if (k->retry_ms == 0)
		return k->prune_more ? PRUNE_AGAIN_MS : IDLE_MS;
	return k->again_ms > ms ? (int)(k->again_ms - ms) : 0;
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

static void *run(void *arg)
{
	struct keeper *k = arg;
	bool leaving = false;

	while (!leaving) {
		if (!has_records(k) || k->retry_ms > 0)
			wait_for_bell(k);
		leaving = atomic_load(&k->leaving);
		do {
			take_batch(k);
			if (leaving || now_ms() >= k->again_ms)
				work(k);
		} while (leaving && k->retry_ms == 0 && has_records(k));
		if (asked_answer(k->asked, k->file.db) && k->wake)
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

struct keeper *keeper_open(
        const struct store_settings *settings, const struct keeper_rings *rings, struct asked *asked)
{
	struct keeper *k = calloc(1, sizeof(*k));
	enum store_trouble t;

	if (!k)
		return NULL;
	k->settings = settings;
	k->rings = *rings;
	k->asked = asked;
	keeper_set_keep(k, settings->keep_s, settings->envelope_s);
	pthread_mutex_init(&k->lock, NULL);
	k->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	store_file_init(&k->file, settings->path);
	read_clock(&k->start);
	k->calm_since_ms = now_ms();
	t = have_file(k, OPEN_WAIT_MS);
	settle_first(k, t);
	k->again_ms = 0;
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
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* 0 or -errno, of a reading at the start. */
static int read_result(struct keeper *k, int r, const char *what, unsigned strange)
{
	if (strange > 0)
		log_warning("%u %s in %s cannot be read, and are left out", strange, what, k->file.path);
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
	return read_result(k, r, "blocks", strange);
}

int keeper_read_stories(struct keeper *k, store_each_story *each, void *arg)
{
	unsigned strange = 0;

	if (!k->file.db)
		return -EIO;
	return read_result(k, store_read_open_stories(k->file.db, each, arg, &strange), "incidents", strange);
}

int keeper_read_seen(struct keeper *k, unsigned most, store_each_seen *each, void *arg)
{
	unsigned strange = 0;

	if (!k->file.db)
		return -EIO;
	return read_result(k, store_read_last_seen(k->file.db, most, each, arg, &strange),
	        "rows of who delivers", strange);
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
	pthread_mutex_lock(&k->lock);
	*out = k->status;
	pthread_mutex_unlock(&k->lock);
}
