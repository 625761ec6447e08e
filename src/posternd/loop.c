/* loop.c - the daemon's event loop.
 *
 * One thread does everything but inspection: it takes events out of the workers' rings, feeds watch,
 * writes records, reads refused tries, looks at the counters once a second. DRAIN_MAX events of each
 * ring are taken in one turn, so that signals, the timer and who asks keep their place under load, also
 * when each event raises a finding (2,000 sources at once: a second and a half with eight times as many). Between two
 * turns it rests for COLLECT_S: a busy worker's events then wake it five hundred times a second and not
 * once a packet, which took a tenth of the daemon's processor time. The rings hold far more than
 * comes meanwhile; what an event leads to (a block) waits no longer than that.
 *
 * SIGTERM and SIGINT end it. SIGHUP opens the files of records again (log rotation) and reads the
 * configuration again (reload.c).
 */
#include "posternd/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/sentence.h"
#include "posternd/blocks.h"
#include "posternd/bridge.h"
#include "posternd/bypass.h"
#include "posternd/control.h"
#include "posternd/daemon.h"
#include "posternd/guard.h"
#include "posternd/dnsbl.h"
#include "posternd/lists.h"
#include "posternd/memory.h"
#include "posternd/notify.h"
#include "posternd/refused.h"
#include "posternd/reload.h"
#include "posternd/silence.h"
#include "posternd/upstreams.h"

static const double COLLECT_S = 0.002;
enum { DRAIN_MAX = 256 };

struct loop {
	struct daemon *daemon;
	struct ev_loop *ev;
	ev_async events;
	ev_io refused, upstreams, guard, dnsbl, addresses;
	ev_timer second, watch;
	ev_signal term, interrupt, hangup;
	struct lists *lists;
	unsigned seconds; /* since the last stats record */
	bool has_watchdog;
	bool failed;
};

/* ---- what happens --------------------------------------------------------------------------- */

static void on_events(struct ev_loop *ev, ev_async *watcher, int revents)
{
	struct loop *l = watcher->data;
	struct daemon *d = l->daemon;
	bool more = daemon_drain(d, DRAIN_MAX * d->worker_count);
	unsigned i;

	(void)revents;
	for (i = 0; i < d->worker_count; i++)
		l->failed |= worker_has_ended(d->workers[i]);
	reload_settle(d);
	bypass_settle(d->bypass);
	forget_tick(d);
	if (d->control)
		control_wake(d->control);
	desk_flush(d->desk);
	if (l->failed)
		ev_break(ev, EVBREAK_ALL);
	else if (more)
		ev_async_send(ev, watcher);
}

static void on_try(void *arg, const struct packet *packet, const uint8_t *bytes, enum nflog_fate fate)
{
	struct daemon *d = ((struct loop *)arg)->daemon;
	struct event e;

	if (refused_read(d->conf->policy, d->hash_key, packet, bytes, fate, &e))
		desk_event(d->desk, &e);
	else
		health_count_log(d->health, HEALTH_LOG_UNREADABLE, 1);
}

/* How many there were. */
static int take_refused(struct loop *l)
{
	struct daemon *d = l->daemon;
	uint64_t lost = 0;
	int n = nflog_tap_read(d->refused, on_try, l, clock_now_us(), &lost);

	health_count_log(d->health, HEALTH_LOG_READ, (uint64_t)n);
	health_count_log(d->health, HEALTH_LOG_LOST, lost);
	desk_flush(d->desk);
	return n;
}

static void on_refused(struct ev_loop *ev, ev_io *watcher, int revents)
{
	(void)ev;
	(void)revents;
	(void)take_refused(watcher->data);
}

static void on_upstreams(struct ev_loop *ev, ev_io *watcher, int revents)
{
	struct daemon *d = ((struct loop *)watcher->data)->daemon;

	(void)ev;
	(void)revents;
	upstreams_process(d->upstreams);
}

static void on_guard(struct ev_loop *ev, ev_io *watcher, int revents)
{
	struct daemon *d = ((struct loop *)watcher->data)->daemon;

	(void)ev;
	(void)revents;
	guard_process(d->guard);
}

static void on_dnsbl(struct ev_loop *ev, ev_io *watcher, int revents)
{
	struct daemon *d = ((struct loop *)watcher->data)->daemon;

	(void)ev;
	(void)revents;
	dnsbl_process(d->dnsbl);
	desk_flush(d->desk);
}

static void on_addresses(struct ev_loop *ev, ev_io *watcher, int revents)
{
	struct daemon *d = ((struct loop *)watcher->data)->daemon;

	(void)ev;
	(void)revents;
	blocks_follow(d->blocks);
	desk_flush(d->desk);
}

static void on_order(void *arg, const struct order *order)
{
	blocks_order(((struct loop *)arg)->daemon->blocks, order);
}

/* Changes of a second come into force together. */
static void follow_upstreams(struct daemon *d)
{
	d->follow.wanted |= upstreams_tick(d->upstreams);
	if (d->follow.wait_s > 0)
		d->follow.wait_s--;
	if (d->follow.wanted && d->follow.wait_s == 0 && !reload_runs(d))
		reload_upstreams(d);
}

static void count_lists(const struct daemon *d)
{
	uint64_t counts[HEALTH_LIST_COUNTS];

	static_assert((int)HEALTH_LIST_COUNTS == (int)BLOCKLIST_COUNT_COUNT, "all of them");
	for (unsigned i = 0; i < HEALTH_LIST_COUNTS; i++)
		counts[i] = dnsbl_counted(d->dnsbl, i);
	health_set_lists(d->health, counts);
}

static void on_second(struct ev_loop *ev, ev_timer *watcher, int revents)
{
	struct loop *l = watcher->data;
	struct daemon *d = l->daemon;
	uint64_t now_us = clock_now_us();

	(void)revents;
	claim_tick(d->claim, d->claim_guests);
	desk_tick(d->desk, now_us);
	count_lists(d);
	health_tick(d->health, now_us);
	daemon_tell_blind(d, now_us);
	if (health_queue_is_gone(d->health)) { /* a new start can claim it again */
		l->failed = true;
		ev_break(ev, EVBREAK_ALL);
	}
	if (d->conf->log.stats_s && ++l->seconds >= d->conf->log.stats_s) {
		health_write_stats(d->health, d->desk, now_us);
		l->seconds = 0;
	}
	guard_tick(d->guard);
	bridge_tick(d);
	bypass_tick(d->bypass, now_us);
	blocks_tick(d->blocks);
	silence_tick(d);
	memory_tick(d);
	forget_tick(d);
	(void)sentences_expire(d->sentences, now_us);
	(void)sentences_expire(d->orders, now_us);
	desk_flush(d->desk);
	reload_settle(d);
	follow_upstreams(d);
	dnsbl_tick(d->dnsbl);
	if (!reload_runs(d) && lists_look(l->lists, d->conf))
		reload_lists(d);
	if (d->control)
		control_tick(d->control, clock_monotonic_ns() / 1000);
	if (l->has_watchdog && health_workers_alive(d->health))
		notify_send("WATCHDOG=1");
}

static void on_watch(struct ev_loop *ev, ev_timer *watcher, int revents)
{
	struct loop *l = watcher->data;

	(void)ev;
	(void)revents;
	health_watch(l->daemon->health, clock_monotonic_ns() / 1000);
}

static void on_end(struct ev_loop *ev, ev_signal *watcher, int revents)
{
	(void)revents;
	log_info("%s: leaving", strsignal(watcher->signum));
	ev_break(ev, EVBREAK_ALL);
}

static void on_hangup(struct ev_loop *ev, ev_signal *watcher, int revents)
{
	struct daemon *d = ((struct loop *)watcher->data)->daemon;

	(void)ev;
	(void)revents;
	(void)desk_reopen(d->desk); /* said there */
	reload_start(d);
}

/* ---- setting up ----------------------------------------------------------------------------- */

struct loop *loop_new(struct daemon *d)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->daemon = d;
	l->lists = lists_new();
	if (!l->lists) {
		free(l);
		return NULL;
	}
	l->ev = ev_default_loop(EVFLAG_AUTO);
	if (!l->ev) {
		lists_free(l->lists);
		free(l);
		errno = ENOSYS;
		return NULL;
	}
	ev_async_init(&l->events, on_events);
	l->events.data = l;
	ev_async_start(l->ev, &l->events);
	ev_timer_init(&l->second, on_second, 1., 1.);
	l->second.data = l;
	ev_timer_init(&l->watch, on_watch, HEALTH_WATCH_MS / 1000., HEALTH_WATCH_MS / 1000.);
	l->watch.data = l;
	ev_signal_init(&l->term, on_end, SIGTERM);
	ev_signal_init(&l->interrupt, on_end, SIGINT);
	ev_signal_init(&l->hangup, on_hangup, SIGHUP);
	l->hangup.data = l;
	ev_signal_start(l->ev, &l->term); /* one that comes during the start is handled after it */
	ev_signal_start(l->ev, &l->interrupt);
	ev_signal_start(l->ev, &l->hangup);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	ev_loop_destroy(l->ev);
	lists_free(l->lists);
	free(l);
}

bool loop_run(struct loop *l)
{
	l->has_watchdog = notify_has_watchdog();
	ev_set_io_collect_interval(l->ev, COLLECT_S);
	ev_io_init(&l->refused, on_refused, nflog_tap_fd(l->daemon->refused), EV_READ);
	l->refused.data = l;
	ev_io_start(l->ev, &l->refused);
	loop_follow(l, upstreams_fd(l->daemon->upstreams));
	if (guard_fd(l->daemon->guard) >= 0) {
		ev_io_init(&l->guard, on_guard, guard_fd(l->daemon->guard), EV_READ);
		l->guard.data = l;
		ev_io_start(l->ev, &l->guard);
	}
	loop_ask(l, dnsbl_fd(l->daemon->dnsbl));
	if (blocks_fd(l->daemon->blocks) >= 0) {
		ev_io_init(&l->addresses, on_addresses, blocks_fd(l->daemon->blocks), EV_READ);
		l->addresses.data = l;
		ev_io_start(l->ev, &l->addresses);
	}
	desk_set_orders(l->daemon->desk, on_order, l);
	ev_timer_start(l->ev, &l->second);
	ev_timer_start(l->ev, &l->watch);
	l->daemon->control = control_new(l->daemon, l->ev);
	if (!l->daemon->control)
		log_error("no memory for the control socket: nobody can ask this posternd");
	ev_run(l->ev, 0);
	control_free(l->daemon->control);
	l->daemon->control = NULL;
	nflog_tap_leave(l->daemon->refused);
	while (take_refused(l) > 0)
		; /* what the kernel had collected */
	return !l->failed;
}

static void look_at(
        struct loop *l, ev_io *io, void (*then)(struct ev_loop *ev, ev_io *watcher, int revents), int fd)
{
	if (ev_is_active(io))
		ev_io_stop(l->ev, io);
	if (fd < 0)
		return;
	ev_io_init(io, then, fd, EV_READ);
	io->data = l;
	ev_io_start(l->ev, io);
}

void loop_follow(struct loop *l, int fd)
{
	look_at(l, &l->upstreams, on_upstreams, fd);
}

void loop_ask(struct loop *l, int fd)
{
	look_at(l, &l->dnsbl, on_dnsbl, fd);
}

void loop_wake(void *loop)
{
	struct loop *l = loop;

	ev_async_send(l->ev, &l->events);
}
