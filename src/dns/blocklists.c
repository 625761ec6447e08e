/* blocklists.c - see blocklists.h.
 *
 *   answers     table: source and list -> what the list has said, and until when that holds
 *   questions   for each list BLOCKLISTS_OPEN_MAX about sources, and one for each test entry
 *
 * A list is tested before it is used, and then now and then (list_test.c). One that is broken or dead is asked for its
 * test entries alone, ever more seldom.
 *
 * Everything fails open: no answer, a wrong one, no room to ask, a list that is not in use. That nobody has answered
 * is remembered for the least time, so that a source which comes often does not keep the places of all others.
 *
 * Limits: a list has places of its own, so one that does not answer costs the others nothing.
 */
#include "dns/blocklists.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "dns/list_test.h"

enum { PER_LIST = BLOCKLISTS_OPEN_MAX + BLOCKLISTS_TESTS, KEY_BYTES = sizeof(struct addr) + 1 };

enum answer_state { ANSWER_ASKED, ANSWER_NOT_LISTED, ANSWER_LISTED, ANSWER_FAILED };

struct answer {
	enum answer_state state;
	uint64_t until_s; /* not of ASKED */
	struct listing listing;
	struct event_connection conn; /* that waits for it */
	uint8_t reason_len;
	char reason[LISTING_TEXT_MAX];
};
static_assert(LISTING_TEXT_MAX <= UINT8_MAX, "a length of a reason has a byte");

enum question_state { QUESTION_FREE, QUESTION_WAITS, QUESTION_ASKED };

struct question {
	enum question_state state;
	enum dns_type type;
	struct table_ref answer; /* not of tests */
};

struct list {
	char zone[LISTING_ZONE_MAX + 1];
	struct codes codes;
	struct list_test test;
	uint64_t counts[BLOCKLIST_COUNT_COUNT];
	struct question questions[PER_LIST];
};

struct blocklists {
	struct table *answers;
	blocklists_told *told;
	void *arg;
	uint32_t ttl_least_s, ttl_most_s, test_s;
	unsigned count;
	struct list lists[BLOCKLISTS_MAX];
};

struct blocklists *blocklists_new(const struct blocklists_settings *s, blocklists_told *told, void *arg)
{
	struct blocklists *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->answers = table_new(s->answers, KEY_BYTES, sizeof(struct answer), s->hash_key);
	if (!b->answers) {
		free(b);
		errno = ENOMEM;
		return NULL;
	}
	b->told = told;
	b->arg = arg;
	b->ttl_least_s = s->ttl_least_s;
	b->ttl_most_s = s->ttl_most_s;
	b->test_s = s->test_s;
	b->count = s->count;
	for (unsigned i = 0; i < s->count; i++) {
		strncpy(b->lists[i].zone, s->lists[i].zone, LISTING_ZONE_MAX);
		b->lists[i].codes = s->lists[i].codes;
	}
	return b;
}

void blocklists_free(struct blocklists *b)
{
	if (b)
		table_free(b->answers);
	free(b);
}

/* ---- answers ----------------------------------------------------------------------------------- */

struct key {
	uint8_t bytes[KEY_BYTES];
};

static struct key key_of(const struct addr *source, unsigned list)
{
	struct key k;

	memcpy(k.bytes, source->b, sizeof(source->b));
	k.bytes[sizeof(source->b)] = (uint8_t)list;
	return k;
}

static unsigned list_of(const struct blocklists *b, const struct answer *a)
{
	const struct key *k = table_key(b->answers, a);

	return k->bytes[sizeof(struct addr)];
}

static void tell(struct blocklists *b, enum blocklists_what what, const struct answer *a,
        const struct event_connection *conn)
{
	const struct key *k = table_key(b->answers, a);
	struct blocklists_news news = {
		.what = what,
		.list = list_of(b, a),
		.conn = conn,
		.listing = &a->listing,
		.reason = a->reason,
		.reason_len = a->reason_len,
		.until_s = a->until_s,
	};

	memcpy(news.source.b, k->bytes, sizeof(news.source.b));
	b->told(b->arg, &news);
}

static void drop(struct blocklists *b, struct answer *a)
{
	if (a->state == ANSWER_LISTED)
		tell(b, BLOCKLISTS_LIFTED, a, NULL);
	table_drop(b->answers, a);
}

static struct answer *add(struct blocklists *b, const struct key *k, uint64_t now_s)
{
	if (table_count(b->answers) == table_capacity(b->answers))
		drop(b, table_oldest(b->answers, NULL));
	return table_add(b->answers, k, now_s);
}

/* What a list has said that is not to be believed. */
static void drop_listed(struct blocklists *b, unsigned list)
{
	uint32_t cursor = 0;
	struct answer *a;

	while ((a = table_scan(b->answers, &cursor)))
		if (a->state == ANSWER_LISTED && list_of(b, a) == list)
			drop(b, a);
}

void blocklists_forget(struct blocklists *b)
{
	while (table_count(b->answers) > 0)
		drop(b, table_oldest(b->answers, NULL));
}

void blocklists_forget_source(
        struct blocklists *b, const struct mention *who, uint64_t now_s, struct forgotten *out)
{
	uint32_t cursor = 0;
	struct addr source;
	struct answer *a;

	while ((a = table_scan(b->answers, &cursor))) {
		memcpy(source.b, table_key(b->answers, a), sizeof(source.b));
		if (!mention_is_addr(who, &source))
			continue;
		if (a->state == ANSWER_LISTED && a->until_s > now_s) {
			out->in_force++;
			continue;
		}
		out->n[FORGOTTEN_ANSWERS]++;
		if (!out->look)
			drop(b, a);
	}
}

static uint64_t remember_until(const struct blocklists *b, uint32_t ttl_s, uint64_t now_s)
{
	if (ttl_s < b->ttl_least_s)
		ttl_s = b->ttl_least_s;
	return now_s + (ttl_s > b->ttl_most_s ? b->ttl_most_s : ttl_s);
}

/* ---- asking ------------------------------------------------------------------------------------ */

/* False: this list has no place. */
static bool ask(struct blocklists *b, struct list *l, const struct answer *about, enum dns_type type)
{
	for (unsigned i = 0; i < BLOCKLISTS_OPEN_MAX; i++) {
		struct question *q = &l->questions[i];

		if (q->state != QUESTION_FREE)
			continue;
		*q = (struct question) { QUESTION_WAITS, type, table_ref(b->answers, about) };
		return true;
	}
	return false;
}

static bool has_room(const struct list *l)
{
	for (unsigned i = 0; i < BLOCKLISTS_OPEN_MAX; i++)
		if (l->questions[i].state == QUESTION_FREE)
			return true;
	return false;
}

static void see_list(struct blocklists *b, unsigned list, const struct event_connection *conn, uint64_t now_s)
{
	struct list *l = &b->lists[list];
	struct key k = key_of(&conn->src, list);
	struct answer *a = table_find(b->answers, &k);

	if (a && (a->state == ANSWER_ASKED || a->until_s > now_s)) {
		l->counts[BLOCKLIST_COUNT_HITS]++;
		table_touch(b->answers, a, now_s);
		if (a->state == ANSWER_LISTED) {
			tell(b, BLOCKLISTS_LISTED, a, conn);
			tell(b, BLOCKLISTS_KNOWN, a, conn);
		}
		return;
	}
	if (a)
		drop(b, a); /* its time is over, and what was done by another clock is over now */
	if (!l->test.families[!addr_is_v4(&conn->src)] || !has_room(l)) {
		l->counts[BLOCKLIST_COUNT_NOT_ASKED]++;
		return;
	}
	a = add(b, &k, now_s);
	a->state = ANSWER_ASKED;
	a->conn = *conn;
	l->counts[BLOCKLIST_COUNT_ASKED]++;
	(void)ask(b, l, a, DNS_A);
}

void blocklists_see(struct blocklists *b, const struct event_connection *conn, uint64_t now_s)
{
	for (unsigned i = 0; i < b->count; i++)
		see_list(b, i, conn, now_s);
}

/* False: what it was about is forgotten. */
static bool print_question(
        const struct blocklists *b, const struct list *l, unsigned place, struct walk_question *out)
{
	const struct question *q = &l->questions[place];
	const struct answer *a;
	struct addr source;

	out->type = q->type;
	if (place >= BLOCKLISTS_OPEN_MAX) {
		list_test_name(place - BLOCKLISTS_OPEN_MAX, l->zone, out->name);
		return true;
	}
	a = table_get(b->answers, q->answer);
	if (!a)
		return false;
	memcpy(source.b, table_key(b->answers, a), sizeof(source.b));
	listing_name(&source, !addr_is_v4(&source), l->zone, out->name);
	return true;
}

bool blocklists_next(struct blocklists *b, struct walk_question *out, unsigned *id)
{
	for (*id = 0; *id < b->count * PER_LIST; ++*id) {
		struct list *l = &b->lists[*id / PER_LIST];
		struct question *q = &l->questions[*id % PER_LIST];

		if (q->state != QUESTION_WAITS)
			continue;
		q->state = print_question(b, l, *id % PER_LIST, out) ? QUESTION_ASKED : QUESTION_FREE;
		if (q->state == QUESTION_ASKED)
			return true;
	}
	return false;
}

void blocklists_ask_again(struct blocklists *b)
{
	for (unsigned i = 0; i < b->count * PER_LIST; i++) {
		struct question *q = &b->lists[i / PER_LIST].questions[i % PER_LIST];

		if (q->state == QUESTION_ASKED)
			q->state = QUESTION_WAITS;
	}
}

/* ---- the lists --------------------------------------------------------------------------------- */

static void tell_state(struct blocklists *b, unsigned list)
{
	const struct blocklists_news news = { .what = BLOCKLISTS_STATE, .list = list };

	if (b->lists[list].test.state == BLOCKLIST_BROKEN)
		drop_listed(b, list);
	b->told(b->arg, &news);
}

void blocklists_tick(struct blocklists *b, uint64_t now_s)
{
	for (unsigned i = 0; i < b->count; i++) {
		struct list *l = &b->lists[i];

		if (!list_test_begin(&l->test, now_s))
			continue;
		for (unsigned k = BLOCKLISTS_OPEN_MAX; k < PER_LIST; k++)
			l->questions[k] = (struct question) { .state = QUESTION_WAITS, .type = DNS_A };
	}
}

/* ---- what comes back --------------------------------------------------------------------------- */

static void take_listing(
        struct blocklists *b, struct list *l, struct answer *a, const struct listing *listing)
{
	l->counts[BLOCKLIST_COUNT_LISTED]++;
	a->state = ANSWER_LISTED;
	a->listing = *listing;
	tell(b, BLOCKLISTS_LISTED, a, &a->conn);
	if (!ask(b, l, a, DNS_TXT))
		tell(b, BLOCKLISTS_KNOWN, a, &a->conn);
}

static void count_failure(struct list *l, const struct dns_answer *a)
{
	l->counts[a->status == DNS_TIMEOUT ? BLOCKLIST_COUNT_TIMEOUTS : BLOCKLIST_COUNT_FAILED]++;
}

/* a: NULL, if it was forgotten meanwhile. */
static void take_source(
        struct blocklists *b, unsigned list, struct answer *a, const struct dns_answer *dns, uint64_t now_s)
{
	struct list *l = &b->lists[list];
	struct listing listing;

	listing_read(dns, &l->codes, &listing);
	if (listing.verdict >= LISTING_REFUSED)
		count_failure(l, dns);
	if (list_test_note(&l->test, &listing, dns, now_s))
		tell_state(b, list);
	if (!a)
		return;
	a->state = listing.verdict >= LISTING_REFUSED ? ANSWER_FAILED : ANSWER_NOT_LISTED;
	a->until_s =
	        a->state == ANSWER_FAILED ? now_s + b->ttl_least_s : remember_until(b, dns->ttl_s, now_s);
	if (listing.verdict == LISTING_YES)
		take_listing(b, l, a, &listing);
}

void blocklists_answer(struct blocklists *b, unsigned id, const struct dns_answer *dns, uint64_t now_s)
{
	unsigned list = id / PER_LIST, place = id % PER_LIST;
	struct list *l = &b->lists[list];
	struct question *q = &l->questions[place];
	struct answer *a;

	assert(id < b->count * PER_LIST && q->state == QUESTION_ASKED);
	q->state = QUESTION_FREE;
	if (place >= BLOCKLISTS_OPEN_MAX) {
		if (list_test_answer(&l->test, place - BLOCKLISTS_OPEN_MAX, dns, b->test_s, now_s))
			tell_state(b, list);
		return;
	}
	a = table_get(b->answers, q->answer);
	if (q->type == DNS_A) {
		take_source(b, list, a, dns, now_s);
	} else if (a) {
		a->reason_len = (uint8_t)listing_read_text(dns, a->reason);
		tell(b, BLOCKLISTS_KNOWN, a, &a->conn);
	}
}

/* ---- looking ----------------------------------------------------------------------------------- */

unsigned blocklists_count(const struct blocklists *b)
{
	return b->count;
}

static unsigned count_open(const struct list *l)
{
	unsigned open = 0;

	for (unsigned i = 0; i < BLOCKLISTS_OPEN_MAX; i++)
		open += l->questions[i].state != QUESTION_FREE;
	return open;
}

struct blocklist_view blocklists_view(const struct blocklists *b, unsigned list)
{
	const struct list *l = &b->lists[list];

	return (struct blocklist_view) {
		.zone = l->zone,
		.state = l->test.state,
		.families = { l->test.families[0], l->test.families[1] },
		.tested_s = l->test.tested_s,
		.open = count_open(l),
		.why = l->test.why,
		.counts = l->counts,
	};
}

uint64_t blocklists_find(const struct blocklists *b, unsigned list, const struct addr *source, uint64_t now_s,
        struct listing *out)
{
	struct key k = key_of(source, list);
	const struct answer *a = table_find(b->answers, &k);

	if (!a || a->state != ANSWER_LISTED || a->until_s <= now_s)
		return 0;
	if (out)
		*out = a->listing;
	return a->until_s;
}

uint32_t blocklists_remembered(const struct blocklists *b)
{
	return table_count(b->answers);
}
