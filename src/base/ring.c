/* ring.c - one writer, one reader, records of fixed size, no lock.
 *
 *   struct ring | slot 0 | slot 1 | ...        each on 64-byte borders
 *
 * head counts records published, tail records taken; both only grow, a slot is the count modulo
 * `slots`. The writer publishes with a release store of head that the reader acquires, and the
 * reader gives slots back with a release store of tail that the writer acquires. Each side keeps
 * its last look at the other's counter and looks again only when that says full or empty, so the
 * two cache lines seldom travel.
 *
 * Waiting (futex, eventfd) is left to the users: the writer must never be held up, and some
 * readers poll.
 */
#include "base/ring.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

enum { LINE_BYTES = 64, SLOTS_MIN = 2, SLOTS_MAX = 1 << 20 };

struct ring {
	/* written once */
	alignas(LINE_BYTES) uint64_t mapped_bytes;
	uint64_t stride;
	uint32_t slots;
	/* the writer's line */
	alignas(LINE_BYTES) _Atomic uint64_t head;
	_Atomic uint64_t lost;
	uint64_t tail_seen;
	bool reserved;
	/* the reader's line */
	alignas(LINE_BYTES) _Atomic uint64_t tail;
	uint64_t head_seen;
};

/* Processes share these counters: a lock hidden in the library would not be shared with them. */
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics without locks");

static void *slot_at(struct ring *r, uint64_t count)
{
	return (uint8_t *)(r + 1) + (count & (r->slots - 1)) * r->stride;
}

struct ring *ring_new(uint32_t slots, uint32_t slot_bytes)
{
	uint64_t stride = ((uint64_t)slot_bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	uint64_t total = sizeof(struct ring) + slots * stride;
	struct ring *r;

	assert(slots >= SLOTS_MIN && slots <= SLOTS_MAX && (slots & (slots - 1)) == 0);
	assert(slot_bytes >= 1);
	if (total > SIZE_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	r = mmap(NULL, (size_t)total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1,
	        0);
	if (r == MAP_FAILED)
		return NULL;
	r->mapped_bytes = total;
	r->stride = stride;
	r->slots = slots;
	return r;
}

void ring_free(struct ring *r)
{
	if (r)
		munmap(r, (size_t)r->mapped_bytes);
}

void *ring_reserve(struct ring *r)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - r->tail_seen == r->slots)
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	if (head - r->tail_seen == r->slots) {
		atomic_fetch_add_explicit(&r->lost, 1, memory_order_relaxed);
		return NULL;
	}
	r->reserved = true;
	return slot_at(r, head);
}

void ring_commit(struct ring *r)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	assert(r->reserved);
	r->reserved = false;
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

const void *ring_front(struct ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail == r->head_seen)
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
	return tail == r->head_seen ? NULL : slot_at(r, tail);
}

void ring_pop(struct ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	assert(tail != r->head_seen);
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

uint64_t ring_lost(const struct ring *r)
{
	return atomic_load_explicit(&r->lost, memory_order_relaxed);
}

uint32_t ring_waiting(const struct ring *r)
{
	/* tail first: head read later is never behind it, but may have run past one ring's length */
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	uint64_t waiting = atomic_load_explicit(&r->head, memory_order_acquire) - tail;

	return waiting > r->slots ? r->slots : (uint32_t)waiting;
}
