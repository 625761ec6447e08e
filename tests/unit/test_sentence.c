/* test_sentence.c - what is done about a source: one writer, readers without a lock. */
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "policy/sentence.h"

static const uint8_t key[HASH_KEY_BYTES] = "sentence";

static struct prefix prefix(const char *text)
{
	struct prefix p = { .bits = 0 };

	CU_ASSERT_FATAL(prefix_parse(text, &p) == 0);
	return p;
}

static int set(struct sentences *s, const char *text, enum action action, uint64_t until_us)
{
	struct prefix p = prefix(text);

	return sentences_set(s, &p, action, until_us);
}

static struct sentence find(const struct sentences *s, const char *text, uint64_t now_us)
{
	struct addr a = { { 0 } };

	CU_ASSERT_FATAL(addr_parse(text, &a) == 0);
	return sentences_find(s, &a, now_us);
}

static bool is_slowed(const struct sentences *s, const char *text, uint64_t now_us)
{
	struct sentence found = find(s, text, now_us);

	return found.until_us && found.action == ACTION_SLOW;
}

static void ends_in_time(void)
{
	struct sentences *s = sentences_new(4, key);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(find(s, "192.0.2.1", 0).until_us, 0);
	CU_ASSERT_EQUAL(set(s, "192.0.2.1", ACTION_SLOW, 100), 0);
	CU_ASSERT_EQUAL(find(s, "192.0.2.1", 99).until_us, 100);
	CU_ASSERT_EQUAL(find(s, "192.0.2.1", 99).action, ACTION_SLOW);
	CU_ASSERT_EQUAL(find(s, "192.0.2.1", 99).bits, 128);
	CU_ASSERT_EQUAL(find(s, "192.0.2.1", 100).until_us, 0);
	CU_ASSERT_EQUAL(find(s, "192.0.2.2", 99).until_us, 0);
	CU_ASSERT_EQUAL(sentences_expire(s, 99), 0);
	CU_ASSERT_EQUAL(sentences_count(s), 1);
	CU_ASSERT_EQUAL(sentences_expire(s, 100), 1);
	CU_ASSERT_EQUAL(sentences_count(s), 0);
	CU_ASSERT_EQUAL(sentences_evicted(s), 0);
	sentences_free(s);
}

static void replaces_and_lifts(void)
{
	struct sentences *s = sentences_new(4, key);
	struct prefix p = prefix("192.0.2.0/24"), other = prefix("192.0.2.0/25");

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(sentences_set(s, &p, ACTION_SLOW, 100), 0);
	CU_ASSERT_EQUAL(sentences_set(s, &p, ACTION_REFUSE_SESSION, 50), 0);
	CU_ASSERT_EQUAL(sentences_count(s), 1);
	CU_ASSERT_EQUAL(find(s, "192.0.2.7", 10).action, ACTION_REFUSE_SESSION);
	CU_ASSERT_EQUAL(find(s, "192.0.2.7", 60).until_us, 0);
	CU_ASSERT_FALSE(sentences_lift(s, &other));
	CU_ASSERT_TRUE(sentences_lift(s, &p));
	CU_ASSERT_FALSE(sentences_lift(s, &p));
	CU_ASSERT_EQUAL(find(s, "192.0.2.7", 10).until_us, 0);
	CU_ASSERT_EQUAL(set(s, "192.0.2.1", ACTION_SLOW, 100), 0);
	CU_ASSERT_EQUAL(set(s, "2001:db8::1", ACTION_SLOW, 100), 0);
	sentences_lift_all(s);
	CU_ASSERT_EQUAL(sentences_count(s), 0);
	CU_ASSERT_FALSE(is_slowed(s, "2001:db8::1", 1));
	sentences_free(s);
}

static void longest_prefix_counts(void)
{
	struct sentences *s = sentences_new(8, key);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(set(s, "2001:db8::/32", ACTION_SLOW, 100), 0);
	CU_ASSERT_EQUAL(set(s, "2001:db8:0:1::/64", ACTION_REFUSE_SESSION, 50), 0);
	CU_ASSERT_EQUAL(find(s, "2001:db8:0:1::7", 10).action, ACTION_REFUSE_SESSION);
	CU_ASSERT_EQUAL(find(s, "2001:db8:0:1::7", 10).bits, 64);
	CU_ASSERT_TRUE(is_slowed(s, "2001:db8:0:1::7", 60)); /* the longer one is over */
	CU_ASSERT_TRUE(is_slowed(s, "2001:db8:0:2::7", 10));
	CU_ASSERT_EQUAL(set(s, "::/1", ACTION_SLOW, 100), 0);
	CU_ASSERT_TRUE(is_slowed(s, "::1", 10));
	CU_ASSERT_FALSE(is_slowed(s, "192.0.2.1", 10)); /* the families stay apart */
	CU_ASSERT_EQUAL(set(s, "192.0.0.0/16", ACTION_SLOW, 100), 0);
	CU_ASSERT_TRUE(is_slowed(s, "192.0.2.1", 10));
	sentences_free(s);
}

static void refuses_what_is_none(void)
{
	struct sentences *s = sentences_new(16, key);
	struct prefix p = prefix("192.0.2.0/24");
	unsigned i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(sentences_set(s, &p, ACTION_SLOW, 0), -EINVAL);
	p.addr.b[15] = 1;
	CU_ASSERT_EQUAL(sentences_set(s, &p, ACTION_SLOW, 9), -EINVAL);
	p = (struct prefix) { .bits = 0 };
	CU_ASSERT_EQUAL(sentences_set(s, &p, ACTION_SLOW, 9), -EINVAL);
	for (i = 0; i < SENTENCE_LENGTHS_MAX; i++) {
		p = prefix("2001:db8::/64");
		p.bits = (uint8_t)(40 + i);
		CU_ASSERT_EQUAL(sentences_set(s, &p, ACTION_SLOW, 9), 0);
	}
	CU_ASSERT_EQUAL(set(s, "192.0.2.1", ACTION_SLOW, 9), -EDOM);
	CU_ASSERT_TRUE(sentences_lift(s, &p));
	CU_ASSERT_EQUAL(set(s, "192.0.2.1", ACTION_SLOW, 9), 0); /* a length that nobody uses is free again */
	CU_ASSERT_TRUE(is_slowed(s, "2001:db8::1", 1));
	CU_ASSERT_TRUE(is_slowed(s, "192.0.2.1", 1));
	sentences_free(s);
}

static struct prefix host(uint32_t number)
{
	struct prefix p = { .bits = 128, .addr.b = { [10] = 0xff, [11] = 0xff, [12] = 10 } };

	p.addr.b[13] = (uint8_t)(number >> 16);
	p.addr.b[14] = (uint8_t)(number >> 8);
	p.addr.b[15] = (uint8_t)number;
	return p;
}

static void soonest_leaves_first(void)
{
	enum { CAPACITY = 500, MORE = 2000 };
	struct sentences *s = sentences_new(CAPACITY, key);
	struct prefix p;
	unsigned i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	/* ends in the order of a permutation: 1..MORE, each once */
	for (i = 0; i < MORE; i++) {
		p = host(i);
		(void)sentences_set(s, &p, ACTION_SLOW, 1 + (i * 7919u) % MORE);
		CU_ASSERT_EQUAL(sentences_count(s), i < CAPACITY ? i + 1 : CAPACITY);
	}
	CU_ASSERT_EQUAL(sentences_evicted(s), MORE - CAPACITY);
	for (i = 0; i < MORE; i++) {
		p = host(i);
		CU_ASSERT_EQUAL(sentences_find(s, &p.addr, 0).until_us != 0,
		        1 + (i * 7919u) % MORE > MORE - CAPACITY);
	}
	p = host(MORE);
	CU_ASSERT_EQUAL(sentences_set(s, &p, ACTION_SLOW, 1), -ENOSPC);
	for (i = MORE - CAPACITY; i <= MORE; i++) {
		(void)sentences_expire(s, i);
		CU_ASSERT_EQUAL(sentences_count(s), MORE - i);
	}
	sentences_free(s);
}

/* ---- two threads ------------------------------------------------------------------------------ */

enum { HOSTS = 8, ALWAYS = 2, FINDS = 4000000 };

struct hammer {
	struct sentences *s;
	atomic_bool over;
	_Atomic uint64_t finds;
	uint64_t wrong, missed, found;
};

/* What is said of a host is always that of its number. */
static enum action action_of(uint32_t number)
{
	return number % 2 ? ACTION_SLOW : ACTION_REFUSE_SESSION;
}

static void *read_on(void *arg)
{
	struct hammer *h = arg;
	uint32_t i = 0;

	while (!atomic_load_explicit(&h->over, memory_order_relaxed)) {
		struct prefix p = host(i % HOSTS);
		struct sentence found = sentences_find(h->s, &p.addr, 0);

		atomic_store_explicit(&h->finds, h->finds + 1, memory_order_relaxed);
		if (found.until_us) {
			h->found++;
			h->wrong +=
			        found.action != action_of(i % HOSTS) || found.until_us % HOSTS != i % HOSTS;
		} else if (i % HOSTS < ALWAYS) {
			h->missed++;
		}
		i++;
	}
	return NULL;
}

/* The first hosts are always there, rewritten; the others come and go by eviction and by hand, so that nodes
 * change their buckets under the reader's feet. */
static void reader_never_sees_a_mixture(void)
{
	struct hammer h = { .s = sentences_new(ALWAYS + 2, key) };
	pthread_t thread;
	uint64_t far = UINT64_C(1) << 40;
	struct prefix p;
	uint32_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(h.s);
	for (i = 0; i < ALWAYS; i++) {
		p = host(i);
		CU_ASSERT_EQUAL(sentences_set(h.s, &p, action_of(i), far + i), 0);
	}
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, read_on, &h), 0);
	for (i = 0; atomic_load_explicit(&h.finds, memory_order_relaxed) < FINDS; i++) {
		uint32_t number = i % 3 ? ALWAYS + i * 7 % (HOSTS - ALWAYS) : i % ALWAYS;
		uint64_t until = number < ALWAYS ? far : HOSTS * (1 + (uint64_t)i);

		p = host(number);
		(void)sentences_set(h.s, &p, action_of(number), until + number);
		if (i % 11 == 0) {
			p = host(ALWAYS + i % (HOSTS - ALWAYS));
			(void)sentences_lift(h.s, &p);
		}
	}
	atomic_store(&h.over, true);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(h.wrong, 0);
	CU_ASSERT(h.found > 0);
	/* Nothing is found by who meets the writer READ_TRIES times in a row; that is not how it mostly goes. */
	CU_ASSERT(h.missed <= h.finds / HOSTS * ALWAYS / 2);
	sentences_free(h.s);
}

SUITE("sentence", { "ends in time", ends_in_time }, { "replaces and lifts", replaces_and_lifts },
        { "the longest prefix counts", longest_prefix_counts },
        { "refuses what is none", refuses_what_is_none },
        { "the soonest leaves first", soonest_leaves_first },
        { "a reader never sees a mixture", reader_never_sees_a_mixture })
