/* answer_block.c - `block`, `unblock` and `blocks`.
 *
 * `block`: `addresses` of all lines of the request, `seconds` (0 = for ever) and `reason` of the last one; all or
 * nothing. What must not be blocked comes back in `faults`, by its place in the list.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "posternd/answer_block.h"
#include "posternd/answers.h"
#include "posternd/blocks.h"
#include "posternd/daemon.h"
#include "posternd/protocol.h"
#include "report/field.h"
#include "report/words.h"

enum { EXIT_INVALID = 1, EXIT_USAGE = 2, FAULTS_MAX = 20 };

/* ---- the list ----------------------------------------------------------------------------------- */

struct list {
	struct prefix *items;
	size_t count, room;
};

static void list_free(void *own)
{
	struct list *l = own;

	free(l->items);
	free(l);
}

static bool list_add(struct list *l, const struct prefix *p)
{
	size_t room = l->room ? 2 * l->room : 256;
	void *bigger;

	if (l->count == l->room) {
		bigger = reallocarray(l->items, room, sizeof(*l->items));
		if (!bigger)
			return false;
		l->items = bigger;
		l->room = room;
	}
	l->items[l->count++] = *p;
	return true;
}

static struct list *list_of(struct ask *ask)
{
	if (!ask->own) {
		ask->own = calloc(1, sizeof(struct list));
		ask->free_own = ask->own ? list_free : NULL;
	}
	return ask->own;
}

bool answer_take_blocks(struct ask *ask, const json_t *line, char why[ANSWER_WHY_MAX])
{
	const json_t *addresses = json_object_get(line, "addresses"), *item;
	uint32_t most = blockbook_places(blocks_book(ask->daemon->blocks));
	struct list *l = list_of(ask);
	size_t i;

	snprintf(why, ANSWER_WHY_MAX, "not enough memory");
	if (!l)
		return false;
	if (json_array_size(addresses) == 0) {
		snprintf(why, ANSWER_WHY_MAX, "there is no address in it");
		return false;
	}
	json_array_foreach (addresses, i, item) {
		const char *text = json_string_value(item);
		struct prefix p;

		if (!text || prefix_parse(text, &p)) {
			snprintf(why, ANSWER_WHY_MAX, "number %zu, \"%.64s\", is no address or prefix",
			        l->count + 1, text ? text : "");
			return false;
		}
		if (l->count == most) {
			snprintf(why, ANSWER_WHY_MAX,
			        "there is room for %u blocks at once (block.size); nothing was blocked",
			        most);
			return false;
		}
		if (!list_add(l, &p))
			return false;
	}
	return true;
}

/* ---- block -------------------------------------------------------------------------------------- */

struct faults {
	json_t *rows;
	size_t count;
};

static void keep_fault(void *arg, size_t index, const char *text)
{
	struct faults *f = arg;

	if (f->count++ < FAULTS_MAX)
		(void)json_array_append_new(
		        f->rows, json_pack("{s:I, s:s}", "index", (json_int_t)index, "text", text));
}

static void set_outcome(json_t *line, int r, const struct faults *f)
{
	if (r == -EPERM) {
		protocol_set_error(
		        line, EXIT_INVALID, "%zu must not be blocked; nothing was blocked", f->count);
		field_set(line, "faults", json_incref(f->rows));
	} else if (r == -ENOSPC) {
		protocol_set_error(line, EXIT_INVALID,
		        "there is no room for so many beside the blocks of people that are in force "
		        "(block.size); "
		        "nothing was blocked");
	} else if (r == -ESTALE) {
		protocol_set_error(line, EXIT_INVALID,
		        "NOT IN FORCE: the kernel has taken it, and does not have it; tried again every "
		        "second");
	} else if (r) {
		protocol_set_error(
		        line, EXIT_INVALID, "the kernel refuses: %s; nothing was blocked", strerror(-r));
	}
}

enum answer_state answer_block(struct ask *ask, json_t *line)
{
	long long seconds = protocol_number(ask->request, "seconds", -1);
	const char *reason = protocol_text(ask->request, "reason");
	struct faults faults = { .rows = json_array() };
	char why[ANSWER_WHY_MAX];
	const struct list *l;
	int r;

	if (seconds < 0 || seconds > BLOCKS_SECONDS_MAX) {
		protocol_set_error(line, EXIT_USAGE, "a block takes up to 3650 d, or 0 seconds: for ever");
	} else if (!answer_take_blocks(ask, ask->request, why)) {
		protocol_set_error(line, EXIT_INVALID, "%s", why);
	} else {
		l = ask->own;
		r = blocks_set(ask->daemon->blocks,
		        &(const struct blocks_wish) {
		                l->items, l->count, (uint32_t)seconds, ask->uid, reason ? reason : "" },
		        keep_fault, &faults);
		set_outcome(line, r, &faults);
		field_set_uint(line, "count", l->count);
		field_set_uint(line, "seconds", (uint64_t)seconds);
		field_set_text(line, "mode", daemon_mode_name(ask->daemon->conf));
	}
	json_decref(faults.rows);
	return ANSWER_DONE;
}

/* ---- unblock ------------------------------------------------------------------------------------ */

struct near {
	uint32_t within; /* blocks */
	const struct block *one, *around;
};

/* What lies within it, one of those, and one that it lies in itself. */
static struct near find_near(const struct blockbook *book, const struct prefix *p)
{
	struct near n = { .within = 0 };
	uint32_t cursor = 0;

	for (const struct block *b; (b = blockbook_scan(book, &cursor));) {
		if (prefix_contains(&b->prefix, &p->addr) && b->prefix.bits < p->bits) {
			n.around = b;
		} else if (prefix_contains(p, &b->prefix.addr)) {
			n.within++;
			n.one = b;
		}
	}
	return n;
}

/* Somebody asks for what he sees: an address in a prefix that is blocked, or a prefix of which addresses are. */
static void explain_missing(const struct daemon *d, json_t *line, const struct prefix *p, const char *text)
{
	const struct blockbook *book = blocks_book(d->blocks);
	const struct block *b = blockbook_holding(book, &p->addr, blocks_now_us());
	struct near n = find_near(book, p);
	char other[PREFIX_TEXT_MAX];

	if (b && b->prefix.bits > p->bits)
		b = n.around;
	if (b)
		protocol_set_error(line, EXIT_INVALID, "%.64s is %s with %s: unblock that", text,
		        block_ways[b->action].participle, prefix_print(&b->prefix, other));
	else if (n.within > 0)
		protocol_set_error(line, EXIT_INVALID,
		        "%.64s is not blocked as such: within it %u address%s, as %s (%s); unblock what "
		        "postern blocks shows",
		        text, n.within, n.within == 1 ? " or network is" : "es or networks are",
		        prefix_print(&n.one->prefix, other), block_ways[n.one->action].participle);
	else
		protocol_set_error(
		        line, EXIT_INVALID, "%.64s is not blocked; postern blocks shows who is", text);
}

enum answer_state answer_unblock(struct ask *ask, json_t *line)
{
	const char *text = protocol_text(ask->request, "address");
	const struct block *still, *found;
	char other[PREFIX_TEXT_MAX];
	struct prefix p;
	int r;

	if (!text || prefix_parse(text, &p)) {
		protocol_set_error(line, EXIT_USAGE, "\"%.64s\" is no address or prefix", text ? text : "");
		return ANSWER_DONE;
	}
	found = blockbook_find(blocks_book(ask->daemon->blocks), &p);
	if (found)
		field_set_text(line, "was", block_ways[found->action].participle);
	r = blocks_lift(ask->daemon->blocks, &p, ask->uid);
	if (r == -ENOENT)
		explain_missing(ask->daemon, line, &p, text);
	else if (r)
		protocol_set_error(
		        line, EXIT_INVALID, "the kernel refuses: %s; it stays as it is", strerror(-r));
	field_set_text(line, "address", text);
	still = r ? NULL : blockbook_holding(blocks_book(ask->daemon->blocks), &p.addr, blocks_now_us());
	if (still) {
		field_set_text(line, "still", prefix_print(&still->prefix, other));
		field_set_text(line, "still_is", block_ways[still->action].participle);
	}
	return ANSWER_DONE;
}

/* ---- blocks ------------------------------------------------------------------------------------- */

json_t *answer_block_row(const struct block *b, uint32_t rate_per_min)
{
	uint64_t now_us = blocks_now_us();
	char text[PREFIX_TEXT_MAX], by[BLOCKS_BY_MAX];
	json_t *row = json_object();

	field_set_text(row, "address", prefix_print(&b->prefix, text));
	field_set_text(row, "by", blocks_by(b, by));
	field_set_text(row, "action", words_get(WORDS_ACTION, b->action));
	field_set_text(row, "is", block_ways[b->action].participle);
	if (b->action == ACTION_LIMIT)
		field_set_uint(row, "rate_per_min", rate_per_min);
	if (b->set_us)
		field_set_time(row, "since", b->set_us);
	if (b->until_us != BLOCK_FOR_EVER) {
		field_set_time(row, "until", blocks_wall_us(b->until_us));
		field_set_uint(
		        row, "left_s", b->until_us > now_us ? (b->until_us - now_us + 999999) / 1000000 : 0);
	}
	field_set_text(row, "reason", b->reason);
	return row;
}

enum answer_state answer_blocks(struct ask *ask, json_t *line)
{
	const struct blockbook *book = blocks_book(ask->daemon->blocks);
	uint32_t cursor = (uint32_t)ask->cursor;
	const struct block *b = NULL;
	json_t *rows = json_array();

	for (unsigned n = 0; n < ANSWER_ROWS && (b = blockbook_scan(book, &cursor)); n++)
		(void)json_array_append_new(rows, answer_block_row(b, blocks_rate(ask->daemon->blocks)));
	ask->cursor = cursor;
	field_set(line, "rows", rows);
	if (b)
		return ANSWER_MORE;
	field_set_uint(line, "count", blockbook_count(book));
	field_set_uint(line, "places", blockbook_places(book));
	return ANSWER_DONE;
}
