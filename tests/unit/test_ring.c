/* The ring: order, full and empty, loss counted; between two threads and two processes. */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ring.h"
#include "suite.h"

static void keeps_order_and_counts_loss(void)
{
	struct ring *r = ring_new(4, sizeof(uint32_t));
	uint32_t written = 0, taken = 0, round;

	CU_ASSERT_PTR_NULL(ring_front(r));
	for (round = 0; round < 100; round++) {
		uint32_t *slot;

		while ((slot = ring_reserve(r))) {
			CU_ASSERT_EQUAL((uintptr_t)slot % 64, 0);
			*slot = written++;
			ring_commit(r);
		}
		CU_ASSERT_EQUAL(ring_waiting(r), 4);
		CU_ASSERT_EQUAL(ring_lost(r), round + 1);
		do {
			const uint32_t *front = ring_front(r);

			CU_ASSERT_PTR_NOT_NULL_FATAL(front);
			CU_ASSERT_EQUAL(*front, taken++);
			ring_pop(r);
		} while (taken % 3); /* leave one behind, so that the borders move */
	}
	CU_ASSERT_EQUAL(written - taken, ring_waiting(r));
	ring_free(r);
	ring_free(NULL);
}

static void nothing_shows_before_commit(void)
{
	struct ring *r = ring_new(2, 100);
	void *slot = ring_reserve(r);

	CU_ASSERT_PTR_NOT_NULL(slot);
	CU_ASSERT_PTR_NULL(ring_front(r));
	CU_ASSERT_EQUAL(ring_waiting(r), 0);
	CU_ASSERT_PTR_EQUAL(ring_reserve(r), slot); /* given up and reserved again */
	memset(slot, 'x', 100);
	ring_commit(r);
	CU_ASSERT_EQUAL(ring_waiting(r), 1);
	CU_ASSERT_EQUAL(memcmp(ring_front(r), slot, 100), 0);
	CU_ASSERT_PTR_EQUAL(ring_front(r), slot); /* stays until popped */
	ring_pop(r);
	CU_ASSERT_PTR_NULL(ring_front(r));
	ring_free(r);
}

enum { RECORDS = 500000, WORDS = 30 };
struct record {
	uint64_t number;
	uint64_t words[WORDS]; /* each number + its index: a torn record shows */
};

static void *write_records(void *arg)
{
	struct ring *r = arg;
	uint64_t number;

	for (number = 1; number <= RECORDS; number++) {
		struct record *record = ring_reserve(r);
		uint64_t i;

		if (!record) {
			sched_yield();
			continue;
		}
		record->number = number;
		for (i = 0; i < WORDS; i++)
			record->words[i] = number + i;
		ring_commit(r);
	}
	return NULL;
}

static bool is_whole(const struct record *record)
{
	uint64_t i;

	for (i = 0; i < WORDS; i++)
		if (record->words[i] != record->number + i)
			return false;
	return true;
}

static void threads_lose_nothing_uncounted(void)
{
	struct ring *r = ring_new(16, sizeof(struct record));
	uint64_t last = 0, taken = 0, torn = 0, disorder = 0;
	pthread_t writer;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&writer, NULL, write_records, r), 0);
	while (taken + ring_lost(r) < RECORDS) {
		const struct record *record = ring_front(r);

		if (!record) {
			sched_yield();
			continue;
		}
		torn += !is_whole(record);
		disorder += record->number <= last;
		last = record->number;
		taken++;
		CU_ASSERT(ring_waiting(r) <= 16);
		ring_pop(r);
	}
	pthread_join(writer, NULL);
	CU_ASSERT_EQUAL(torn, 0);
	CU_ASSERT_EQUAL(disorder, 0);
	CU_ASSERT_EQUAL(taken + ring_lost(r), RECORDS);
	CU_ASSERT(taken > 0);
	CU_ASSERT_PTR_NULL(ring_front(r));
	ring_free(r);
}

static void processes_share_it(void)
{
	struct ring *r = ring_new(2, 6);
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		memcpy(ring_reserve(r), "child", 6);
		ring_commit(r);
		_exit(0);
	}
	CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ring_front(r));
	CU_ASSERT_STRING_EQUAL((const char *)ring_front(r), "child");
	ring_free(r);
}

SUITE("ring", { "keeps order and counts loss", keeps_order_and_counts_loss },
        { "nothing shows before commit", nothing_shows_before_commit },
        { "threads lose nothing uncounted", threads_lose_nothing_uncounted },
        { "processes share it", processes_share_it })
