/* block_writer.c - see block_writer.h.
 *
 * A host is an element of its own. Prefixes may overlap, elements may not: what has to be there is worked out anew when
 * one of them comes or goes (blockbook_ranges()), and the difference to what was written is sent. When a block ends by
 * itself, the kernel ends its elements, and nothing has to be sent.
 *
 * What was sent is read back: all of it where it is little, SAMPLES of it, spread over the list, where it is much; a
 * transaction is taken as a whole or not at all. Everything is looked at again, CHECKS a second, for as long as it lives.
 *
 * What goes is taken out of the sets of both kinds, wherever it was.
 *
 * Limits. Of limited prefixes that lie in each other, each part has a bucket of its own, and a new one whenever the parts
 * change.
 *
 * Where the kernel refuses a difference, because somebody else has put elements there, all is written anew.
 */
#include "posternd/block_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/kind.h"

/* What the kernel does. */
static const enum action kinds[] = { ACTION_BLOCK, ACTION_LIMIT };
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };
enum { SAMPLES = 256, CHECKS = 256, HOST_BITS = 128 };
/* What ends so soon may have ended when it is looked for. */
static const uint64_t ENDING_US = 2000000;

struct ranges {
	struct block_range *list;
	size_t count;
};

struct block_writer {
	struct gate *gate;
	const struct blockbook *book;
	uint32_t rate_per_min;
	struct ranges have[KINDS]; /* written */
	uint32_t cursor;           /* of the check: hosts, */
	size_t range_cursors[KINDS];
};

/* A list of elements with their notes. */
struct elements {
	struct gate_block *list;
	char (*notes)[GATE_NOTE_MAX + 1];
	size_t count, room;
};

struct block_writer *block_writer_new(struct gate *gate, const struct blockbook *book)
{
	struct block_writer *w = calloc(1, sizeof(*w));

	if (w) {
		w->gate = gate;
		w->book = book;
		w->rate_per_min = 1;
	}
	return w;
}

void block_writer_set_rate(struct block_writer *w, uint32_t rate_per_min)
{
	w->rate_per_min = rate_per_min;
}

void block_writer_free(struct block_writer *w)
{
	for (unsigned i = 0; w && i < KINDS; i++)
		free(w->have[i].list);
	free(w);
}

/* ---- notes -------------------------------------------------------------------------------------- */

void block_note_print(const struct block *b, char note[GATE_NOTE_MAX + 1])
{
	const char *colon = *b->reason ? ": " : "";

	if (b->uid == BLOCK_BY_RULE)
		snprintf(note, GATE_NOTE_MAX + 1, "%s%s%.60s", finding_rule(b->rule), colon, b->reason);
	else
		snprintf(note, GATE_NOTE_MAX + 1, "uid %" PRId64 "%s%.90s", b->uid, colon, b->reason);
}

void block_note_read(const char *note, struct block *b)
{
	const struct finding_kind *kind;
	const char *reason = strchr(note, ':');
	size_t len = reason ? (size_t)(reason - note) : strlen(note);
	int end = 0;

	b->uid = 0;
	b->rule = 0;
	if (sscanf(note, "uid %" SCNd64 "%n", &b->uid, &end) == 1 && (size_t)end == len && b->uid >= 0 &&
	        b->uid <= UINT32_MAX) {
		snprintf(b->reason, sizeof(b->reason), "%s", reason && reason[1] ? reason + 2 : "");
		return;
	}
	b->uid = 0;
	kind = finding_kind_named(note, len);
	if (kind) {
		b->uid = BLOCK_BY_RULE;
		b->rule = kind->id;
		snprintf(b->reason, sizeof(b->reason), "%s", reason && reason[1] ? reason + 2 : "");
		return;
	}
	snprintf(b->reason, sizeof(b->reason), "%s", *note ? note : "found in the kernel");
}

/* ---- elements ----------------------------------------------------------------------------------- */

static int elements_init(struct elements *e, size_t room)
{
	*e = (struct elements) { .room = room };
	e->list = calloc(room + 1, sizeof(*e->list));
	e->notes = calloc(room + 1, sizeof(*e->notes));
	return e->list && e->notes ? 0 : -ENOMEM;
}

static void elements_fini(struct elements *e)
{
	free(e->list);
	free(e->notes);
}

/* What has changed in the book. */
struct block_change {
	const struct prefix *gone;
	size_t gone_count;
	const struct prefix *more;
	size_t more_count;
	bool nets; /* ranges may differ */
	uint64_t now_us;
};

static uint64_t left_ms(uint64_t until_us, uint64_t now_us)
{
	if (until_us == BLOCK_FOR_EVER)
		return 0;
	return until_us > now_us ? (until_us - now_us) / 1000 + 1 : 1;
}

/* rate_per_min: 0 = it is blocked. */
static void add_element(struct elements *e, const struct addr *first, const struct addr *last, bool net,
        uint32_t rate_per_min, const struct block *b, uint64_t now_us)
{
	struct gate_block *out;

	if (e->count == e->room)
		return;
	out = &e->list[e->count];
	*out = (struct gate_block) {
		.first = *first, .last = *last, .net = net, .rate_per_min = rate_per_min
	};
	if (b) {
		block_note_print(b, e->notes[e->count]);
		out->note = e->notes[e->count];
		out->left_ms = left_ms(b->until_us, now_us);
	}
	e->count++;
}

static uint32_t rate_of(const struct block_writer *w, enum action action)
{
	return action == ACTION_LIMIT ? w->rate_per_min : 0;
}

static void add_host(const struct block_writer *w, struct elements *e, const struct block *b, uint64_t now_us)
{
	if (block_ways[b->action].by == BLOCK_BY_KERNEL && b->prefix.bits == HOST_BITS &&
	        b->until_us > now_us)
		add_element(e, &b->prefix.addr, &b->prefix.addr, false, rate_of(w, (enum action)b->action), b,
		        now_us);
}

static void add_host_gone(struct elements *e, const struct prefix *host)
{
	for (unsigned i = 0; host->bits == HOST_BITS && i < KINDS; i++)
		add_element(e, &host->addr, &host->addr, false, kinds[i] == ACTION_LIMIT, NULL, 0);
}

static void add_range(const struct block_writer *w, struct elements *e, enum action action,
        const struct block_range *r, bool goes, uint64_t now_us)
{
	add_element(e, &r->first, &r->last, true, rate_of(w, action),
	        goes ? NULL : blockbook_find(w->book, &r->by), now_us);
}

static bool has_net(const struct prefix *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].bits < HOST_BITS)
			return true;
	return false;
}

/* What only one of them has. */
static void add_difference(const struct block_writer *w, unsigned kind, const struct ranges *want,
        struct elements *gone, struct elements *more, uint64_t now_us)
{
	const struct ranges *have = &w->have[kind];
	size_t h = 0, n = 0;

	while (h < have->count || n < want->count) {
		int order = h == have->count   ? 1
		            : n == want->count ? -1
		                               : block_range_compare(&have->list[h], &want->list[n]);

		if (order == 0 && block_range_same(&have->list[h], &want->list[n])) {
			h++;
			n++;
			continue;
		}
		if (order <= 0)
			add_range(w, gone, kinds[kind], &have->list[h++], true, now_us);
		if (order >= 0)
			add_range(w, more, kinds[kind], &want->list[n++], false, now_us);
	}
}

/* ---- writing ------------------------------------------------------------------------------------ */

static int read_back(const struct block_writer *w, const char *table, const struct elements *more)
{
	struct gate_block samples[SAMPLES];
	size_t count = 0, step = (more->count + SAMPLES - 1) / SAMPLES;

	for (size_t i = 0; i < more->count; i += step)
		if (more->list[i].left_ms == 0 || more->list[i].left_ms > ENDING_US / 1000)
			samples[count++] = more->list[i];
	return gate_has_blocks(w->gate, table, samples, count);
}

static int send(struct block_writer *w, const char *table, const struct elements *gone,
        const struct elements *more, bool anew)
{
	int r = gate_block(w->gate, table,
	        &(const struct gate_blocks_change) {
	                gone ? gone->list : NULL, gone ? gone->count : 0, more->list, more->count, anew });

	if (r)
		return r;
	return read_back(w, table, more) ? -ESTALE : 0; /* not seen is not there */
}

/* What the book wants of each kind. 0 or -ENOMEM; then *count is 0. */
static int want_ranges(
        const struct block_writer *w, uint64_t now_us, struct ranges want[KINDS], size_t *count)
{
	int r = 0;

	*count = 0;
	for (unsigned i = 0; i < KINDS; i++) {
		if (!r)
			r = blockbook_ranges(w->book, kinds[i], now_us, &want[i].list, &want[i].count);
		*count += want[i].count;
	}
	return r;
}

static void forget_ranges(struct ranges list[KINDS])
{
	for (unsigned i = 0; i < KINDS; i++) {
		free(list[i].list);
		list[i] = (struct ranges) { NULL };
	}
}

static void take_ranges(struct block_writer *w, const struct ranges want[KINDS])
{
	forget_ranges(w->have);
	memcpy(w->have, want, sizeof(w->have));
	memset(w->range_cursors, 0, sizeof(w->range_cursors));
}

int block_writer_refill(struct block_writer *w, const char *table, uint64_t now_us)
{
	struct ranges want[KINDS] = { { NULL } };
	struct elements more = { NULL };
	const struct block *b;
	uint32_t cursor = 0;
	size_t count = 0;
	int r = want_ranges(w, now_us, want, &count);

	if (!r)
		r = elements_init(&more, blockbook_count(w->book) + count);
	while (!r && (b = blockbook_scan(w->book, &cursor)))
		add_host(w, &more, b, now_us);
	for (unsigned i = 0; i < KINDS; i++)
		for (size_t n = 0; !r && n < want[i].count; n++)
			add_range(w, &more, kinds[i], &want[i].list[n], false, now_us);
	if (!r)
		r = send(w, table, NULL, &more, true);
	elements_fini(&more);
	if (r && r != -ESTALE)
		forget_ranges(want);
	else
		take_ranges(w, want);
	return r;
}

/* The messages of a change: what goes, what comes. 0 or -ENOMEM. */
static int list_change(const struct block_writer *w, const struct block_change *c,
        const struct ranges want[KINDS], size_t want_count, struct elements *going, struct elements *coming)
{
	size_t have_count = 0;
	int r;

	for (unsigned i = 0; i < KINDS; i++)
		have_count += w->have[i].count;
	r = elements_init(going, KINDS * c->gone_count + have_count);
	if (!r)
		r = elements_init(coming, c->more_count + want_count);
	for (size_t i = 0; !r && i < c->gone_count; i++)
		add_host_gone(going, &c->gone[i]);
	for (size_t i = 0; !r && i < c->more_count; i++)
		add_host(w, coming, blockbook_find(w->book, &c->more[i]), c->now_us);
	for (unsigned i = 0; !r && c->nets && i < KINDS; i++)
		add_difference(w, i, &want[i], going, coming, c->now_us);
	return r;
}

int block_writer_change(struct block_writer *w, const char *table, const struct prefix *gone,
        size_t gone_count, const struct prefix *more, size_t more_count, uint64_t now_us)
{
	const struct block_change change = { gone, gone_count, more, more_count,
		has_net(gone, gone_count) || has_net(more, more_count), now_us };
	struct elements going = { NULL }, coming = { NULL };
	struct ranges want[KINDS] = { { NULL } };
	size_t want_count = 0;
	int r = change.nets ? want_ranges(w, now_us, want, &want_count) : 0;

	if (!r)
		r = list_change(w, &change, want, want_count, &going, &coming);
	if (!r)
		r = send(w, table, &going, &coming, false);
	elements_fini(&going);
	elements_fini(&coming);
	if (r) {
		int again = r == -ENOMEM ? r : block_writer_refill(w, table, now_us);

		forget_ranges(want);
		return again && r == -ESTALE ? r : again;
	}
	if (change.nets)
		take_ranges(w, want);
	return 0;
}

/* ---- looking ------------------------------------------------------------------------------------ */

static void next_hosts(struct block_writer *w, struct elements *e, uint64_t now_us)
{
	const struct block *b;
	bool again = w->cursor > 0;

	while (e->count < CHECKS) {
		b = blockbook_scan(w->book, &w->cursor);
		if (!b && !again)
			break;
		if (b && b->until_us > now_us + ENDING_US)
			add_host(w, e, b, now_us);
		if (!b) { /* once around */
			w->cursor = 0;
			again = false;
		}
	}
}

static void next_ranges(struct block_writer *w, unsigned kind, struct elements *e, uint64_t now_us)
{
	const struct ranges *have = &w->have[kind];

	for (size_t n = 0; n < CHECKS && n < have->count; n++) {
		const struct block_range *r = &have->list[w->range_cursors[kind]++ % have->count];

		if (r->until_us > now_us + ENDING_US && blockbook_find(w->book, &r->by))
			add_range(w, e, kinds[kind], r, false, now_us);
	}
}

int block_writer_check(struct block_writer *w, const char *table, uint64_t now_us)
{
	struct elements e;
	int r = elements_init(&e, (size_t)CHECKS * (1 + KINDS));

	if (!r) {
		next_hosts(w, &e, now_us);
		for (unsigned i = 0; i < KINDS; i++)
			next_ranges(w, i, &e, now_us);
		r = e.count > 0 ? gate_has_blocks(w->gate, table, e.list, e.count) : 0;
	}
	elements_fini(&e);
	return r;
}
