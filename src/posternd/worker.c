/* worker.c - one queue, one thread, one inspect engine, one ring of events.
 *
 * The thread's life is nfqueue_serve(). It shares nothing with other workers; the loop's thread reads
 * its ring and, with relaxed loads, its counters. Signals are left to the loop's thread.
 *
 * A new policy is handed over by two pointers: `wanted`, which the loop's thread writes, and `used`,
 * which the worker writes when it has moved on. In between packets it compares them, so no packet is
 * judged by two policies, and none waits. What `used` pointed at before is nobody's then.
 *
 * Limits: EVENT_SLOTS events wait at most; what comes while the ring is full is lost and counted,
 * because a packet is never held up by a slow disk.
 */
#include "posternd/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inspect.h"
#include "policy/policy.h"
#include "postern/event.h"
#include "tap/conntrack.h"

enum { EVENT_SLOTS = 16384, JOIN_S = 5 };
static const uint64_t TICK_US = 1000000;

struct worker {
	struct worker_settings settings;
	struct nfqueue *queue;
	struct ring *events;
	struct inspect *inspect;
	struct conntrack *conntrack; /* NULL: connections off the queue end as idle like others */
	uint64_t ticked_us;
	pthread_t thread;
	bool started;
	int result;
	_Atomic(const struct policy *) wanted, used;
	uint64_t releases; /* of the queue, seen */
	atomic_uint forget_wanted, forget_done;
	atomic_bool let_go;
	atomic_bool ended;
};

/* ---- in the worker's thread ----------------------------------------------------------------- */

/* Asked about connections that were silent for an hour: seldom, so the worker may ask by itself. */
static uint32_t kernel_left_s(void *arg, const struct event_connection *conn)
{
	struct worker *w = arg;
	uint32_t left_s;

	return w->conntrack && conntrack_left_s(w->conntrack, conn, &left_s) == 0 ? left_s : 0;
}

/* Asked at a reset under TLS, which ends the connection if it is believed, and at a FIN before which much has passed by. */
static int kernel_closes(void *arg, const struct event_connection *conn)
{
	struct worker *w = arg;
	int r = w->conntrack ? conntrack_closes(w->conntrack, conn) : -1;

	return r < 0 ? -1 : r;
}

static void take_policy(struct worker *w)
{
	const struct policy *wanted = atomic_load_explicit(&w->wanted, memory_order_acquire);

	if (wanted == atomic_load_explicit(&w->used, memory_order_relaxed))
		return;
	inspect_set_policy(w->inspect, wanted);
	nfqueue_set_hold_most(w->queue, policy_settings(wanted)->slow_packets);
	nfqueue_let_all_go(w->queue); /* it may say otherwise about them */
	atomic_store_explicit(&w->used, wanted, memory_order_release);
	w->settings.wake(w->settings.wake_arg);
}

/* All connections; what is held of them goes, since nobody will know any more why. */
static void forget(struct worker *w, uint64_t now_us)
{
	while (inspect_finish(w->inspect, now_us) > 0)
		;
	nfqueue_let_all_go(w->queue);
}

/* While others had the queue, connections went on unseen. What is known of them would only mislead: they
 * are picked up in their middle, as after a restart. */
static void forget_after_release(struct worker *w, uint64_t now_us)
{
	uint64_t releases = atomic_load_explicit(&nfqueue_counts(w->queue)->releases, memory_order_relaxed);

	if (releases == w->releases)
		return;
	w->releases = releases;
	forget(w, now_us);
}

/* The same, because somebody knows that packets went past us. */
static void forget_when_asked(struct worker *w, uint64_t now_us)
{
	unsigned wanted = atomic_load_explicit(&w->forget_wanted, memory_order_acquire);

	if (wanted == atomic_load_explicit(&w->forget_done, memory_order_relaxed))
		return;
	forget(w, now_us);
	atomic_store_explicit(&w->forget_done, wanted, memory_order_release);
	w->settings.wake(w->settings.wake_arg);
}

static void on_packet(void *arg, const struct packet *packet, const uint8_t *bytes, struct verdict *out)
{
	struct worker *w = arg;

	take_policy(w);
	forget_after_release(w, packet->time_us);
	forget_when_asked(w, packet->time_us);
	inspect_packet(w->inspect, packet, bytes, out);
}

static void on_tick(void *arg, uint64_t now_us)
{
	struct worker *w = arg;

	take_policy(w);
	forget_when_asked(w, now_us);
	if (atomic_exchange_explicit(&w->let_go, false, memory_order_relaxed))
		nfqueue_let_all_go(w->queue);
	if (now_us - w->ticked_us >= TICK_US) { /* also when the clock was set back */
		inspect_tick(w->inspect, now_us);
		w->ticked_us = now_us;
	}
	if (ring_waiting(w->events) > 0)
		w->settings.wake(w->settings.wake_arg);
}

static void on_let_go(void *arg, uint64_t hold_ref, uint32_t held_ms, bool early)
{
	struct worker *w = arg;

	(void)early;
	inspect_let_go(w->inspect, hold_ref, held_ms);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	const struct nfqueue_calls calls = {
		.inspect = on_packet,
		.tick = on_tick,
		.let_go = on_let_go,
		.arg = w,
	};

	w->result = nfqueue_serve(w->queue, &calls);
	atomic_store(&w->ended, true);
	w->settings.wake(w->settings.wake_arg);
	return NULL;
}

/* ---- in the loop's thread ------------------------------------------------------------------- */

static int take_memory(struct worker *w)
{
	struct inspect_settings s;

	inspect_settings_default(&s, 0);
	s.worker = w->settings.number;
	s.kernel_left_s = kernel_left_s;
	s.kernel_closes = kernel_closes;
	s.kernel_arg = w;
	s.sentences = w->settings.sentences;
	s.orders = w->settings.orders;
	memcpy(s.hash_key, w->settings.hash_key, sizeof(s.hash_key));
	w->events = ring_new(EVENT_SLOTS, sizeof(struct event));
	if (w->events)
		w->inspect = inspect_new(&s, w->events, w->settings.policy);
	return w->inspect ? 0 : -errno;
}

struct worker *worker_open(const struct worker_settings *s, char *err, unsigned err_bytes)
{
	struct worker *w = calloc(1, sizeof(*w));
	int r = -ENOMEM;

	if (w) {
		w->settings = *s;
		atomic_init(&w->wanted, s->policy);
		atomic_init(&w->used, s->policy);
		w->conntrack = conntrack_open();
		r = take_memory(w);
	}
	if (r) {
		snprintf(err, err_bytes, "no memory for the tables of queue %u: %s", s->queue.number,
		        strerror(-r));
		worker_close(w);
		return NULL;
	}
	w->queue = nfqueue_open(&s->queue, err, err_bytes);
	if (w->queue)
		return w;
	worker_close(w);
	return NULL;
}

int worker_start(struct worker *w)
{
	sigset_t all, before;
	char name[16];
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return -r;
	w->started = true;
	snprintf(name, sizeof(name), "queue %u", w->settings.queue.number);
	pthread_setname_np(w->thread, name);
	return 0;
}

void worker_stop(struct worker *w)
{
	nfqueue_stop(w->queue);
}

int worker_join(struct worker *w)
{
	struct timespec until;

	if (!w->started)
		return 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += JOIN_S;
	if (pthread_timedjoin_np(w->thread, NULL, &until))
		return -ETIMEDOUT;
	w->started = false;
	return w->result;
}

int worker_release(struct worker *w)
{
	return nfqueue_release(w->queue);
}

void worker_set_policy(struct worker *w, const struct policy *policy)
{
	atomic_store_explicit(&w->wanted, policy, memory_order_release);
	nfqueue_wake(w->queue);
}

void worker_forget(struct worker *w)
{
	atomic_fetch_add_explicit(&w->forget_wanted, 1, memory_order_release);
	nfqueue_wake(w->queue);
}

void worker_let_go(struct worker *w)
{
	atomic_store_explicit(&w->let_go, true, memory_order_relaxed);
	nfqueue_wake(w->queue);
}

bool worker_has_forgotten(const struct worker *w)
{
	return atomic_load_explicit(&w->forget_done, memory_order_acquire) ==
	       atomic_load_explicit(&w->forget_wanted, memory_order_relaxed);
}

bool worker_has_policy(const struct worker *w, const struct policy *policy)
{
	return atomic_load_explicit(&w->used, memory_order_acquire) == policy;
}

bool worker_has_ended(const struct worker *w)
{
	return atomic_load(&w->ended);
}

uint32_t worker_finish(struct worker *w, uint64_t now_us)
{
	return inspect_finish(w->inspect, now_us);
}

void worker_close(struct worker *w)
{
	if (!w)
		return;
	nfqueue_close(w->queue);
	inspect_free(w->inspect);
	conntrack_close(w->conntrack);
	ring_free(w->events);
	free(w);
}

uint16_t worker_queue(const struct worker *w)
{
	return w->settings.queue.number;
}

struct ring *worker_events(struct worker *w)
{
	return w->events;
}

const struct nfqueue_counts *worker_queue_counts(const struct worker *w)
{
	return nfqueue_counts(w->queue);
}

void worker_add_counters(const struct worker *w, struct counters *sum)
{
	const struct counters *c = inspect_counters(w->inspect);
	unsigned i;

	for (i = 0; i < COUNTER_COUNT; i++)
		sum->n[i] += counter_load(c, i);
}
