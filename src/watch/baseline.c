/* baseline.c - see baseline.h; the mathematics are in usual.c.
 *
 * Two sizes of memory. In its row of the ledger each source has four bytes: what it has sent in the running hour. As long
 * as that stays below what the floor of its block counts as usual anyway, nothing more could be learned from it. The first
 * hour beyond that earns it a history of four weeks; what the ledger has known of it until then goes in as quiet hours. So
 * a machine that was quiet for a week and now sends is found by the same bars as any other.
 *
 * There is one history for each HISTORY_SHARE sources of the ledger, HISTORIES_MIN at least. Who leaves when all are taken:
 * watch/standing.h, with the messages of four weeks as the weight. A flood of new sources has none yet, so they push out
 * each other.
 *
 * What counts: a recipient that the server took, of one message MESSAGE_MOST at most, since a single mail to a club is no
 * burst; a message at its end of data; a connection under TLS as one of each, since at least that is in it.
 */
#include "watch/baseline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "watch/evidence.h"
#include "watch/finding.h"
#include "watch/part.h"
#include "watch/standing.h"

static const uint64_t US_PER_HOUR = UINT64_C(3600000000);
enum { HISTORY_SHARE = 32, HISTORIES_MIN = 1024, MESSAGE_MOST = 20, SMALL_MAX = 255 };
/* In source.part.baseline: no history for sure, or 1 + where it is, if it has not left since. */
enum { NOT_LOOKED, HAS_NONE };

struct history {
	struct usual usual;
	uint32_t kept_hour; /* of usual, when it was last given for keeping */
	struct standing_link standing;
};

struct baseline {
	struct table *histories;  /* struct prefix -> struct history */
	struct standing standing; /* of them, by their places in the table */
	uint64_t evicted;
	struct usual_watch watch;
};

static void baseline_end(void *part)
{
	struct baseline *b = part;

	if (!b)
		return;
	table_free(b->histories);
	free(b);
}

static struct standing_link *link_at(const void *baseline, uint32_t place)
{
	const struct baseline *b = baseline;
	struct history *h = table_at(b->histories, place);

	return &h->standing;
}

static void *baseline_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	uint32_t share = sources / HISTORY_SHARE, count = share > HISTORIES_MIN ? share : HISTORIES_MIN;
	struct baseline *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->histories = table_new(count, sizeof(struct prefix), sizeof(struct history), hash_key);
	standing_init(&b->standing, link_at, b);
	if (b->histories)
		return b;
	baseline_end(b);
	errno = ENOMEM;
	return NULL;
}

/* ---- the histories ---------------------------------------------------------------------------- */

static void touch(struct baseline *b, const struct history *h, uint64_t now_us)
{
	const struct usual *u = &h->usual;
	uint64_t weight = UINT64_C(1) + u->total + u->today[USUAL_MESSAGE] + u->n[USUAL_MESSAGE];

	standing_touch(&b->standing, table_place(b->histories, h), weight, now_us);
}

static void drop_least(struct baseline *b, uint64_t now_us)
{
	uint32_t place = standing_least(&b->standing, now_us);

	standing_drop(&b->standing, place);
	table_drop(b->histories, table_at(b->histories, place));
	b->evicted++;
}

static struct history *add_history(struct baseline *b, const struct prefix *prefix, uint64_t now_us)
{
	struct history *h;

	if (table_count(b->histories) == table_capacity(b->histories))
		drop_least(b, now_us);
	h = table_add(b->histories, prefix, now_us);
	touch(b, h, now_us);
	return h;
}

/* ---- the running hour of a source without one -------------------------------------------------- */

/* source.part.usual: 16 bits of the hour, 8 for each of what is counted. */
static void count_small(uint32_t *small, uint64_t now_us, enum usual_what what, uint32_t n[USUAL_WHAT_COUNT])
{
	uint32_t hour = (uint32_t)(now_us / US_PER_HOUR) & 0xffff;
	bool is_same = *small >> 16 == hour;

	n[USUAL_MESSAGE] = is_same ? *small & 0xff : 0;
	n[USUAL_RECIPIENT] = is_same ? *small >> 8 & 0xff : 0;
	if (n[what] < SMALL_MAX)
		n[what]++;
	*small = hour << 16 | n[USUAL_RECIPIENT] << 8 | n[USUAL_MESSAGE];
}

/* More than the floor alone takes for usual. */
static bool has_earned(const uint32_t n[USUAL_WHAT_COUNT], const struct usual_rule *rule)
{
	uint32_t usual = usual_at_floor(rule);

	return n[USUAL_RECIPIENT] > usual || n[USUAL_RECIPIENT] == SMALL_MAX || n[USUAL_MESSAGE] > usual ||
	       n[USUAL_MESSAGE] == SMALL_MAX;
}

static uint32_t quiet_hours(const struct source *s, uint64_t now_us)
{
	uint64_t hours = now_us > s->first_us ? (now_us - s->first_us) / US_PER_HOUR : 0;

	return hours < USUAL_HOURS ? (uint32_t)hours : USUAL_HOURS;
}

/* A source that had a history and lost it was not quiet. NULL: it has earned none yet; it is counted. */
static struct history *earn_history(struct baseline *b, struct source *s, uint64_t now_us,
        enum usual_what what, const struct usual_rule *rule)
{
	bool was_quiet = s->part.baseline <= HAS_NONE;
	uint32_t n[USUAL_WHAT_COUNT];
	struct history *h;

	count_small(&s->part.usual, now_us, what, n);
	if (!has_earned(n, rule)) {
		if (was_quiet)
			s->part.baseline = HAS_NONE;
		return NULL;
	}
	n[what]--; /* it is counted with the history */
	h = add_history(b, &s->prefix, now_us);
	usual_begin(&h->usual, now_us, was_quiet ? quiet_hours(s, now_us) : 0, n);
	s->part.baseline = 1 + table_place(b->histories, h);
	return h;
}

static struct history *find_history(struct baseline *b, struct source *s)
{
	uint32_t place = s->part.baseline > HAS_NONE ? s->part.baseline - 1 : 0;
	struct history *h;

	if (s->part.baseline == HAS_NONE)
		return NULL;
	h = table_find_at(b->histories, &s->prefix, &place);
	if (h)
		s->part.baseline = 1 + place;
	return h;
}

/* ---- events ----------------------------------------------------------------------------------- */

/* As people say it. */
static const char *time_of(uint32_t seconds, uint32_t *n)
{
	*n = seconds < 120 ? seconds : seconds < 7200 ? seconds / 60 : seconds / 3600;
	return seconds < 120 ? "s" : seconds < 7200 ? "min" : "h";
}

static void raise_spike(const struct part_view *view, const struct event *e, const struct volume_block *block,
        const struct usual_spike *spike)
{
	static const char *const names[] = { VOLUME_MEASURE_NAMES };
	enum volume_measure measure = spike->what == USUAL_MESSAGE ? VOLUME_MESSAGES : VOLUME_RECIPIENTS;
	struct finding f;
	const char *unit;
	uint32_t time;

	finding_init(&f, FINDING_VOLUME_SPIKE, e);
	f.would = block->action;
	f.value = spike->seen;
	f.limit = spike->limit;
	f.baseline = spike->per_hour;
	f.window_s = spike->window_s;
	f.measure = (uint8_t)(1 + measure);
	memcpy(f.block, block->name, strnlen(block->name, sizeof(f.block) - 1));
	unit = time_of(spike->window_s, &time);
	evidence_print(evidence_line(&f), "%u %s in %u %s; usual at this hour: %u an hour, at most %u%s",
	        spike->seen, names[measure], time, unit, spike->per_hour, spike->most_per_hour,
	        view->source->n[SOURCE_TLS] > 0 ? "; a connection under TLS counts as one" : "");
	view->raise(view->watch, &f);
}

static void count(
        struct baseline *b, const struct part_view *view, const struct event *e, enum usual_what what)
{
	int number = watching_find_volume(view->rules, &view->groups, VOLUME_BY_SOURCE);
	const struct volume_block *block = number < 0 ? NULL : &view->rules->volumes[number];
	struct usual_rule rule;
	struct usual_spike spike;
	struct history *h;

	if (!block || block->spike_tenths == 0)
		return;
	rule = (struct usual_rule) { .spike_tenths = block->spike_tenths,
		.floor_per_hour = block->spike_floor };
	h = find_history(b, view->source);
	if (!h)
		h = earn_history(b, view->source, e->time_us, what, &rule);
	if (!h)
		return;
	if (usual_add(&h->usual, &b->watch, what, e->time_us, &rule, &spike))
		raise_spike(view, e, block, &spike);
	touch(b, h, e->time_us);
}

static void baseline_event(void *part, const struct part_view *view, const struct event *e)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;
	struct baseline *b = part;
	bool is_message, is_recipient;

	usual_awake(&b->watch, e->time_us);
	if (!view->source || e->conn.from_upstream)
		return;
	is_recipient = e->kind == EVENT_TLS || (e->kind == EVENT_RCPT && rcpt->outcome == OUTCOME_ACCEPTED &&
	                                               rcpt->index < MESSAGE_MOST);
	is_message = e->kind == EVENT_TLS ||
	             (e->kind == EVENT_DATA && e->u.data.final && e->u.data.reply.code / 100 == 2);
	if (is_recipient)
		count(b, view, e, USUAL_RECIPIENT);
	if (is_message)
		count(b, view, e, USUAL_MESSAGE);
}

static void baseline_tick(void *part, const struct part_view *view, uint64_t now_us)
{
	struct baseline *b = part;

	(void)view;
	usual_awake(&b->watch, now_us);
}

static void baseline_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	struct baseline *b = part;
	struct history *h = who->source ? table_find(b->histories, who->source) : NULL;

	out->n[FORGOTTEN_USUAL] += h != NULL;
	if (!h || out->look)
		return;
	standing_drop(&b->standing, table_place(b->histories, h));
	table_drop(b->histories, h);
}

const struct part baseline_part = {
	.name = "baseline",
	.make = baseline_make,
	.end = baseline_end,
	.event = baseline_event,
	.tick = baseline_tick,
	.forget = baseline_forget,
};

/* ---- for keeping ------------------------------------------------------------------------------ */

bool baseline_next_changed(void *part, uint32_t *cursor, unsigned *most, struct baseline_row *out)
{
	struct baseline *b = part;

	while (*most > 0) {
		struct history *h = table_scan(b->histories, cursor);

		--*most;
		if (!h) {
			*cursor = 0;
			return false;
		}
		if (h->kept_hour == h->usual.hour)
			continue;
		h->kept_hour = h->usual.hour;
		memcpy(&out->prefix, table_key(b->histories, h), sizeof(out->prefix));
		out->last_us = h->usual.last_us;
		usual_pack(&h->usual, out->bytes);
		return true;
	}
	return false;
}

void baseline_change_all(void *part)
{
	struct baseline *b = part;
	struct history *h;
	uint32_t cursor = 0;

	while ((h = table_scan(b->histories, &cursor)))
		h->kept_hour = 0;
}

bool baseline_restore(void *part, const struct baseline_row *row)
{
	struct baseline *b = part;
	struct history *h;
	struct usual usual;

	if (table_find(b->histories, &row->prefix) ||
	        table_count(b->histories) == table_capacity(b->histories) ||
	        !usual_unpack(&usual, row->bytes, sizeof(row->bytes)))
		return false;
	h = add_history(b, &row->prefix, row->last_us);
	h->usual = usual;
	touch(b, h, row->last_us);
	h->kept_hour = usual.hour;
	return true;
}

uint32_t baseline_count(const void *part)
{
	const struct baseline *b = part;

	return table_count(b->histories);
}

uint32_t baseline_capacity(const void *part)
{
	const struct baseline *b = part;

	return table_capacity(b->histories);
}

uint64_t baseline_evicted(const void *part)
{
	const struct baseline *b = part;

	return b->evicted;
}
