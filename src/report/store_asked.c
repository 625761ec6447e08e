/* store_asked.c - see store_asked.h.
 *
 * A place goes round: free -> waiting (the caller has put a question there) -> answered (the thread has put rows there) ->
 * free (the caller has fetched them). Who does not come for his answer in FORGET_MS has lost it, when his place is needed.
 */
#include "report/store_asked.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "report/store_read.h"

enum { PLACES = 4, FORGET_MS = 30000 };

enum place_state { PLACE_FREE, PLACE_WAITING, PLACE_ANSWERED };

struct place {
	_Atomic int state; /* enum place_state */
	uint32_t number;   /* the caller's alone */
	uint64_t since_ms; /* likewise */
	struct store_question question;
	int result; /* rows, or -errno */
	struct finding rows[STORE_PAGE];
};

struct asked {
	uint32_t last_number;
	struct place places[PLACES];
};

struct asked *asked_new(void)
{
	return calloc(1, sizeof(struct asked));
}

void asked_free(struct asked *a)
{
	free(a);
}

static struct place *find_free(struct asked *a, uint64_t now_ms)
{
	for (unsigned i = 0; i < PLACES; i++) {
		int state = atomic_load_explicit(&a->places[i].state, memory_order_acquire);

		if (state == PLACE_FREE ||
		        (state == PLACE_ANSWERED && now_ms - a->places[i].since_ms > FORGET_MS))
			return &a->places[i];
	}
	return NULL;
}

uint32_t asked_add(struct asked *a, const struct store_question *q, uint64_t now_ms)
{
	struct place *p = find_free(a, now_ms);

	if (!p)
		return 0;
	if (++a->last_number == 0)
		a->last_number = 1;
	p->number = a->last_number;
	p->since_ms = now_ms;
	p->question = *q;
	atomic_store_explicit(&p->state, PLACE_WAITING, memory_order_release);
	return p->number;
}

int asked_fetch(struct asked *a, uint32_t number, struct finding *rows)
{
	for (unsigned i = 0; i < PLACES; i++) {
		struct place *p = &a->places[i];
		int state = atomic_load_explicit(&p->state, memory_order_acquire);

		if (state == PLACE_FREE || p->number != number)
			continue;
		if (state == PLACE_WAITING)
			return -EAGAIN;
		if (p->result > 0)
			memcpy(rows, p->rows, (size_t)p->result * sizeof(*rows));
		atomic_store_explicit(&p->state, PLACE_FREE, memory_order_release);
		return p->result;
	}
	return -ESRCH;
}

bool asked_answer(struct asked *a, sqlite3 *db)
{
	bool any = false;

	for (unsigned i = 0; i < PLACES; i++) {
		struct place *p = &a->places[i];

		if (atomic_load_explicit(&p->state, memory_order_acquire) != PLACE_WAITING)
			continue;
		if (!db || store_read_page(db, &p->question, p->rows, &p->result) != SQLITE_OK)
			p->result = -EIO;
		atomic_store_explicit(&p->state, PLACE_ANSWERED, memory_order_release);
		any = true;
	}
	return any;
}
