/* watching.h - the watch engine under its tests: events in, findings out of the ring. */
#ifndef UNIT_WATCHING_H
#define UNIT_WATCHING_H

#include "events.h"
#include "suite.h"
#include "watch/watch.h"

enum { WATCHING_SLOTS = 4096 };

#define ASSERT_TEXT(field, want)                                                                             \
	do {                                                                                                 \
		CU_ASSERT_EQUAL((field).len, strlen(want));                                                  \
		CU_ASSERT_EQUAL(memcmp((field).bytes, want, strlen(want)), 0);                               \
	} while (0)

static struct ring *ring; /* of findings */
static struct watch *watch;

static inline struct watch_settings watching_settings(void)
{
	struct watch_settings s;

	watch_settings_default(&s);
	return s;
}

static inline void begin_with(struct watch_settings s)
{
	ring = ring_new(WATCHING_SLOTS, sizeof(struct finding));
	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	watch = watch_new(&s, ring);
	CU_ASSERT_PTR_NOT_NULL_FATAL(watch);
}

static inline void begin(void)
{
	begin_with(watching_settings());
}

static inline void end(void)
{
	CU_ASSERT_PTR_NULL(ring_front(ring));
	watch_free(watch);
	ring_free(ring);
}

static inline void push(struct event e)
{
	watch_event(watch, &e);
}

/* The oldest finding in the ring, which has one. */
static inline struct finding take(void)
{
	const struct finding *front = ring_front(ring);
	struct finding f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(front);
	f = *front;
	ring_pop(ring);
	return f;
}

/* Some line of the evidence holds these words. */
static inline bool says(const struct finding *f, const char *words)
{
	unsigned i;

	for (i = 0; i < f->evidence_count; i++)
		if (memmem(f->evidence[i].bytes, f->evidence[i].len, words, strlen(words)))
			return true;
	return false;
}

#endif
