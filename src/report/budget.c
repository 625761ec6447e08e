/* budget.c - see budget.h.
 *
 * Windows begin with a source's first record and are told when they are over; a source that is silent then costs nothing
 * more. Rejected: a token bucket (a notice would have no beginning and end), sampling (which mails are told would be chance).
 */
#include "report/budget.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

enum { V4_BITS = 128, V6_BITS = 64, FULL_WINDOW_S = 60 };
static const uint64_t SECOND_US = 1000000;

struct span {
	uint64_t begin_us; /* of the window */
	uint64_t from_us, to_us;
	uint64_t used; /* records or bytes */
	bool over;     /* sums tell something */
	struct budget_sums sums;
};

struct budget {
	struct budget_limits limits;
	struct table *sources; /* struct addr -> struct span */
	uint32_t over;         /* sources among them that have something to tell */
	struct span total;
	bool full, was_full; /* a file system is; it was in this window of the total */
	uint64_t now_us;     /* of the last call */
	uint64_t left_out;
	budget_tell *tell;
	void *arg;
};

struct budget *budget_new(const struct budget_limits *limits, uint32_t sources,
        const uint8_t hash_key[HASH_KEY_BYTES], budget_tell *tell, void *arg)
{
	struct budget *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->sources = table_new(sources, sizeof(struct addr), sizeof(struct span), hash_key);
	if (!b->sources) {
		free(b);
		return NULL;
	}
	b->limits = *limits;
	b->tell = tell;
	b->arg = arg;
	return b;
}

void budget_free(struct budget *b)
{
	if (!b)
		return;
	table_free(b->sources);
	free(b);
}

uint64_t budget_left_out(const struct budget *b)
{
	return b->left_out;
}

/* ---- windows ------------------------------------------------------------------------------------- */

/* Also when the clock was set back by more than a window; by less are events of several workers. */
static bool is_over(const struct span *s, uint32_t window_s, uint64_t now_us)
{
	uint64_t window_us = window_s * SECOND_US;

	return s->begin_us + window_us <= now_us || now_us + window_us < s->begin_us;
}

static void add(struct span *s, const struct budget_sums *record, uint64_t now_us)
{
	if (!s->over)
		s->from_us = now_us;
	s->over = true;
	s->to_us = now_us > s->from_us ? now_us : s->from_us;
	for (unsigned i = 0; i < BUDGET_SUM_COUNT; i++)
		s->sums.n[i] += record->n[i];
}

static bool total_is_spent(const struct budget *b)
{
	return b->full || (b->limits.total_bytes > 0 && b->total.used >= b->limits.total_bytes);
}

/* What a full disk keeps out is told now and then, too. */
static uint32_t total_window_s(const struct budget *b)
{
	return b->limits.total_s > 0 ? b->limits.total_s : FULL_WINDOW_S;
}

static void tell_total(struct budget *b)
{
	struct budget_notice notice = {
		.of = b->was_full ? BUDGET_OF_DISK : BUDGET_OF_TOTAL,
		.from_us = b->total.from_us,
		.to_us = b->total.to_us,
		.limit = b->was_full ? b->limits.free_bytes : b->limits.total_bytes,
		.window_s = total_window_s(b),
		.sums = b->total.sums,
	};

	if (b->total.over)
		(void)b->tell(b->arg, &notice); /* one a window: of no account */
}

static void renew_total(struct budget *b, uint64_t now_us)
{
	if (!is_over(&b->total, total_window_s(b), now_us))
		return;
	tell_total(b);
	memset(&b->total, 0, sizeof(b->total));
	b->total.begin_us = now_us;
	b->was_full = b->full;
}

/* Where even a notice is too much, the total's tells of it. */
static void tell_source(struct budget *b, const struct span *s, const struct addr *source)
{
	struct budget_notice notice = {
		.source = { *source, addr_is_v4(source) ? V4_BITS : V6_BITS },
		.from_us = s->from_us,
		.to_us = s->to_us,
		.limit = b->limits.source_records,
		.window_s = b->limits.source_s,
		.sums = s->sums,
	};

	if (!s->over)
		return;
	b->over--;
	if (total_is_spent(b)) {
		notice.sums.n[BUDGET_NOTICES]++;
		add(&b->total, &notice.sums, b->now_us);
	} else {
		budget_spend(b, b->tell(b->arg, &notice));
	}
}

static void drop_source(struct budget *b, struct span *s)
{
	tell_source(b, s, table_key(b->sources, s));
	table_drop(b->sources, s);
}

static struct span *span_of(struct budget *b, const struct addr *client, uint64_t now_us)
{
	struct addr source = addr_mask(client, addr_is_v4(client) ? V4_BITS : V6_BITS);
	struct span *s = table_find(b->sources, &source);

	if (s && is_over(s, b->limits.source_s, now_us)) {
		drop_source(b, s);
		s = NULL;
	}
	if (s) {
		table_touch(b->sources, s, now_us);
		return s;
	}
	if (table_count(b->sources) == table_capacity(b->sources))
		drop_source(b, table_oldest(b->sources, NULL));
	s = table_add(b->sources, &source, now_us);
	assert(s);
	s->begin_us = now_us;
	return s;
}

/* ---- asking -------------------------------------------------------------------------------------- */

static bool source_may(struct budget *b, const struct event_connection *conn, uint64_t now_us,
        const struct budget_sums *record)
{
	struct span *s;

	if (b->limits.source_records == 0 || conn->from_upstream || conn->from_server)
		return true;
	s = span_of(b, &conn->src, now_us);
	if (s->used < b->limits.source_records) {
		s->used++;
		return true;
	}
	b->over += !s->over;
	add(s, record, now_us);
	return false;
}

bool budget_may(struct budget *b, const struct event_connection *conn, uint64_t now_us,
        const struct budget_sums *record)
{
	b->now_us = now_us;
	renew_total(b, now_us);
	if (!source_may(b, conn, now_us, record)) {
		b->left_out++;
		return false;
	}
	if (!total_is_spent(b))
		return true;
	add(&b->total, record, now_us);
	b->left_out++;
	return false;
}

bool budget_is_full(const struct budget *b)
{
	return b->full;
}

bool budget_set_free(struct budget *b, uint64_t free_bytes)
{
	const uint64_t wanted = b->limits.free_bytes + (b->full ? b->limits.free_bytes / 8 : 0);
	const bool before = b->full;

	b->full = free_bytes < wanted;
	b->was_full = b->was_full || b->full;
	return b->full != before;
}

void budget_spend(struct budget *b, uint64_t bytes)
{
	b->total.used += bytes;
}

static void tell_sources(struct budget *b, bool all)
{
	uint32_t cursor = 0;
	struct span *s;

	while (b->over > 0 && (s = table_scan(b->sources, &cursor)) != NULL)
		if (s->over && (all || is_over(s, b->limits.source_s, b->now_us)))
			drop_source(b, s);
}

void budget_tick(struct budget *b, uint64_t now_us)
{
	b->now_us = now_us;
	tell_sources(b, false);
	renew_total(b, now_us);
}

void budget_finish(struct budget *b)
{
	tell_sources(b, true);
	tell_total(b);
	memset(&b->total, 0, sizeof(b->total));
}

static bool is_same(const struct budget_limits *a, const struct budget_limits *b)
{
	return a->source_records == b->source_records && a->source_s == b->source_s &&
	       a->total_s == b->total_s && a->total_bytes == b->total_bytes && a->free_bytes == b->free_bytes;
}

void budget_set(struct budget *b, const struct budget_limits *limits)
{
	struct span *s;

	if (is_same(limits, &b->limits))
		return;
	budget_finish(b);
	while ((s = table_oldest(b->sources, NULL)) != NULL)
		table_drop(b->sources, s);
	b->limits = *limits;
}

void budget_forget(struct budget *b, const struct mention *who, struct forgotten *out)
{
	uint32_t cursor = 0;
	struct span *s;

	while ((s = table_scan(b->sources, &cursor)) != NULL) {
		if (!mention_is_addr(who, table_key(b->sources, s)))
			continue;
		out->n[FORGOTTEN_BUDGETS]++;
		if (out->look)
			continue;
		if (s->over) {
			b->over--;
			add(&b->total, &s->sums, b->now_us);
		}
		table_drop(b->sources, s);
	}
}
