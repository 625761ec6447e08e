/* worker.h - one queue, one thread, one inspect engine, one ring of events. */
#ifndef POSTERND_WORKER_H
#define POSTERND_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/ring.h"
#include "postern/counter.h"
#include "tap/nfqueue.h"

struct worker;
struct policy;
struct sentences;

struct worker_settings {
	uint8_t number; /* of the worker, from 0 */
	struct nfqueue_settings queue;
	uint8_t hash_key[HASH_KEY_BYTES];
	const struct policy *policy;                /* borrowed */
	const struct sentences *sentences, *orders; /* likewise; as inspect_settings have them */
	/* Called in the worker's thread when events wait, and when the worker has ended. */
	void (*wake)(void *arg);
	void *wake_arg;
};

/* Claims the queue and takes all memory. NULL with a message in err. */
struct worker *worker_open(const struct worker_settings *s, char *err, unsigned err_bytes);
/* 0 or -errno. */
int worker_start(struct worker *w);
/* Asks; worker_join() waits and returns what nfqueue_serve() has returned. */
void worker_stop(struct worker *w);
/* -ETIMEDOUT: the thread hangs; then there is no way but to end the process. */
int worker_join(struct worker *w);
/* Gives the queue of a worker that hangs back to the kernel (nfqueue_release()). 0 or -errno. */
int worker_release(struct worker *w);
/* The policy is to be replaced: the worker takes it over between two packets, within a second, and
 * calls wake(). Until worker_has_policy() says so, the caller keeps both alive. */
void worker_set_policy(struct worker *w, const struct policy *policy);
bool worker_has_policy(const struct worker *w, const struct policy *policy);
/* All open connections are to be forgotten, as behind a gap: what comes of them is picked up in its middle. Within a
 * second; wake() is called then. */
void worker_forget(struct worker *w);
bool worker_has_forgotten(const struct worker *w);
/* What it holds back is to go, soon. */
void worker_let_go(struct worker *w);
/* The thread has ended by itself. */
bool worker_has_ended(const struct worker *w);
/* inspect_finish() of its engine, after worker_join(). */
uint32_t worker_finish(struct worker *w, uint64_t now_us);
void worker_close(struct worker *w); /* after worker_join(); NULL is fine */

uint16_t worker_queue(const struct worker *w);
struct ring *worker_events(struct worker *w);
const struct nfqueue_counts *worker_queue_counts(const struct worker *w);
/* Adds this engine's counters. */
void worker_add_counters(const struct worker *w, struct counters *sum);

#endif
