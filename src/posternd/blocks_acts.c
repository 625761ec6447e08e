/* blocks_acts.c - what is done about sources and undone again, on a person's word or a rule's: into the book, then the kernel
 * and the workers, then the store.
 *
 * What a person has asked for is done in one transaction or not at all: when the kernel refuses it, the book is made again what it
 * was. What a rule has asked for stays in the book, and is tried again each second.
 *
 * A rule means the source that its finding is about, a host or the prefix that counts as one, and only one that has completed a
 * handshake: anybody can write any sender on a lone packet. It never touches what a person has blocked, nor what is harder than
 * what it asks for: that has to end first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/policy.h"
#include "postern/finding.h"
#include "postern/order.h"
#include "posternd/blocks_inner.h"
#include "posternd/daemon.h"
#include "report/store.h"

enum { HOST_BITS = 128 };
static const uint64_t SECOND_US = 1000000;

/* "for 3600 s", "for ever" */
static char *print_time(uint32_t seconds, char buf[32])
{
	if (seconds > 0)
		snprintf(buf, 32, "for %" PRIu32 " s", seconds);
	else
		snprintf(buf, 32, "for ever");
	return buf;
}

/* ---- changes of the book that can be undone --------------------------------------------------------- */

/* What has to be done to be where we were. */
struct undo {
	struct block before;
	bool had; /* else there was none */
};

struct act {
	struct undo *undo; /* in the order in which it was done */
	size_t count;
	struct prefix *gone; /* of them, those that the kernel had */
	size_t gone_count;
};

static bool act_init(struct act *a, size_t most)
{
	*a = (struct act) { .undo = calloc(most, sizeof(*a->undo)), .gone = calloc(most, sizeof(*a->gone)) };
	return a->undo && a->gone;
}

static void act_fini(struct act *a)
{
	free(a->undo);
	free(a->gone);
}

static void remember(struct act *a, const struct block *before, const struct prefix *prefix)
{
	struct undo *u = &a->undo[a->count++];

	u->had = before;
	if (before) {
		u->before = *before;
		a->gone[a->gone_count++] = *prefix;
	} else {
		u->before.prefix = *prefix;
	}
}

static void undo(struct blocks *b, struct act *a)
{
	while (a->count > 0) {
		const struct undo *u = &a->undo[--a->count];

		if (u->had)
			(void)blockbook_put(b->book, &u->before, NULL);
		else
			(void)blockbook_drop(b->book, &u->before.prefix);
	}
}

/* Into the book. 0 or -ENOSPC. */
static int put(struct blocks *b, struct act *a, const struct block *block)
{
	const struct block *before = blockbook_find(b->book, &block->prefix);
	struct undo *u = &a->undo[a->count];
	struct block out;
	int r;

	remember(a, before, &block->prefix);
	r = blockbook_put(b->book, block, &out);
	if (r < 0) {
		a->count--;
		return r;
	}
	if (r > 0) { /* undone behind this one, so that there is room */
		struct undo mine = *u;

		a->count--;
		remember(a, &out, &out.prefix);
		a->undo[a->count++] = mine;
	}
	return 0;
}

/* ---- by hand ------------------------------------------------------------------------------------ */

static bool all_may(struct blocks *b, const struct blocks_wish *wish, blocks_fault *fault, void *arg)
{
	char why[BLOCKS_TEXT_MAX];
	bool all = true;

	for (size_t i = 0; i < wish->count; i++)
		if (blocks_find_shield(b, &wish->list[i], why)) {
			fault(arg, i, why);
			all = false;
		}
	return all;
}

/* Who had to give way for others. */
static void tell_evicted(struct blocks *b, const struct act *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->undo[i].had && !blockbook_find(b->book, &a->undo[i].before.prefix)) {
			blocks_tell_end(b, &a->undo[i].before, "given way: there is no room for more");
			store_block_ended(
			        b->daemon->store, &a->undo[i].before.prefix, clock_now_us(), STORE_LIFTED);
		}
}

static void tell_wish(struct blocks *b, const struct blocks_wish *wish)
{
	char first[PREFIX_TEXT_MAX], last[PREFIX_TEXT_MAX], time[32];
	const char *reason = *wish->reason ? wish->reason : "no reason given";

	prefix_print(&wish->list[0], first);
	print_time(wish->seconds, time);
	if (wish->count == 1)
		blocks_tell(b, "%s is blocked %s by uid %" PRIu32 ": %.150s", first, time, wish->uid, reason);
	else
		blocks_tell(b, "%zu are blocked %s by uid %" PRIu32 ", %s first, %s last: %.150s",
		        wish->count, time, wish->uid, first, prefix_print(&wish->list[wish->count - 1], last),
		        reason);
}

/* It is shown on terminals, by nft, too. */
static void copy_reason(char out[BLOCK_REASON_MAX], const char *reason)
{
	snprintf(out, BLOCK_REASON_MAX, "%s", reason);
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '"')
			*c = '?';
}

static struct block make(
        uint32_t seconds, int64_t uid, enum action action, uint32_t rule, const char *reason, uint64_t now_us)
{
	struct block out = {
		.set_us = clock_now_us(),
		.until_us = seconds > 0 ? now_us + seconds * SECOND_US : BLOCK_FOR_EVER,
		.uid = uid,
		.rule = rule,
		.action = (uint8_t)action,
	};

	copy_reason(out.reason, reason);
	return out;
}

int blocks_set(struct blocks *b, const struct blocks_wish *wish, blocks_fault *fault, void *arg)
{
	uint64_t now_us = blocks_now_us();
	struct block block = make(wish->seconds, wish->uid, ACTION_BLOCK, 0, wish->reason, now_us);
	struct blocks_wish clean = *wish;
	struct act act = { NULL };
	int r = 0;

	if (!all_may(b, wish, fault, arg))
		return -EPERM;
	if (!act_init(&act, 2 * wish->count))
		r = -ENOMEM;
	for (size_t i = 0; !r && i < wish->count; i++) {
		block.prefix = wish->list[i];
		r = put(b, &act, &block);
	}
	if (!r)
		r = block_writer_change(b->writer, b->daemon->conf->nft.table, act.gone, act.gone_count,
		        wish->list, wish->count, now_us);
	if (r && r != -ESTALE) {
		undo(b, &act);
	} else {
		if (r)
			blocks_set_behind(b, r);
		clean.reason = block.reason;
		tell_wish(b, &clean);
		tell_evicted(b, &act);
		blocks_say_each(b, act.gone, act.gone_count);
		for (size_t i = 0; i < wish->count; i++)
			blocks_store(b, blockbook_find(b->book, &wish->list[i]));
	}
	act_fini(&act);
	return r;
}

int blocks_lift(struct blocks *b, const struct prefix *prefix, uint32_t uid)
{
	const struct block *found = blockbook_find(b->book, prefix);
	struct block before;
	char why[48];
	int r;

	if (!found)
		return -ENOENT;
	before = *found;
	(void)blockbook_drop(b->book, prefix);
	r = block_writer_change(b->writer, b->daemon->conf->nft.table, prefix, 1, NULL, 0, blocks_now_us());
	if (r && r != -ESTALE) {
		(void)blockbook_put(b->book, &before, NULL);
		return r;
	}
	if (r) /* this one is gone, others may be, too */
		blocks_set_behind(b, r);
	blocks_say_one(b, prefix);
	watch_forgive(desk_own_watch(b->daemon->desk), prefix);
	snprintf(why, sizeof(why), "been lifted by uid %" PRIu32, uid);
	blocks_tell_end(b, &before, why);
	store_block_ended(b->daemon->store, prefix, clock_now_us(), STORE_LIFTED);
	return 0;
}

/* ---- by rule ------------------------------------------------------------------------------------ */

/* One for each address that a rule wants to block again and again is too much. */
static void tell_denied(struct blocks *b, const char *why, uint64_t now_us)
{
	static const uint64_t QUIET_US = 60 * 1000000ULL;

	if (b->denied_us && now_us - b->denied_us < QUIET_US)
		return;
	b->denied_us = now_us;
	log_warning("a rule wants to block whom nobody can: %s", why);
}

static void measure(struct blocks *b, const struct order *o)
{
	uint64_t now_us = clock_now_us();

	b->delay.last_us = now_us > o->time_us ? now_us - o->time_us : 1;
	if (b->delay.last_us > b->delay.longest_us)
		b->delay.longest_us = b->delay.last_us;
}

static void block_by_rule(struct blocks *b, const struct order *o, const struct block *block, bool renewed)
{
	struct undo undos[2];
	struct prefix gone[2];
	struct act act = { .undo = undos, .gone = gone };
	char text[PREFIX_TEXT_MAX], by[BLOCKS_BY_MAX];
	int r = put(b, &act, block);

	if (r) {
		blocks_tell(b,
		        "%s is NOT %s by %s: all %" PRIu32
		        " places are taken by people's blocks, see block.size",
		        prefix_print(&block->prefix, text), block_ways[block->action].participle,
		        blocks_by(block, by), blockbook_places(b->book));
		return;
	}
	r = block_writer_change(b->writer, b->daemon->conf->nft.table, act.gone, act.gone_count,
	        &block->prefix, 1, blocks_now_us());
	blocks_say_each(b, act.gone, act.gone_count);
	blocks_say_one(b, &block->prefix);
	if (r)
		blocks_set_behind(b, r); /* tried again by blocks_tick() */
	else
		measure(b, o);
	if (!renewed || r)
		blocks_tell(b, "%s is %s%s for %" PRIu64 " s by %s", prefix_print(&block->prefix, text),
		        r ? "NOT YET " : "", block_ways[block->action].participle,
		        (block->until_us - blocks_now_us() + SECOND_US / 2) / SECOND_US,
		        blocks_by(block, by));
	tell_evicted(b, &act);
	blocks_store(b, block);
}

/* How long, where the order does not say. */
static uint32_t time_of(const struct blocks *b, const struct order *o)
{
	return o->for_s ? o->for_s : policy_settings(b->daemon->conf->policy)->block_for_s;
}

void blocks_order(struct blocks *b, const struct order *o)
{
	uint32_t seconds = time_of(b, o);
	uint64_t now_us = blocks_now_us();
	struct block block = make(seconds, BLOCK_BY_RULE, (enum action)o->action, o->finding, "", now_us);
	unsigned bits = o->bits ? o->bits : HOST_BITS;
	const struct block *before;
	char why[BLOCKS_TEXT_MAX];
	bool renewed;

	if (block_ways[o->action].by == BLOCK_BY_NOBODY)
		return;
	block.prefix = (struct prefix) { addr_mask(&o->source, bits), (uint8_t)bits };
	if (bits < HOST_BITS &&
	        blocks_find_shield(b, &block.prefix, why)) /* the gateway's own address, often */
		block.prefix = (struct prefix) { o->source, HOST_BITS };
	before = blockbook_find(b->book, &block.prefix);
	if (!o->verified || (before && before->uid != BLOCK_BY_RULE))
		return;
	if (before && block_is_harder((enum action)before->action, (enum action)o->action))
		return;
	renewed = before && before->action == o->action;
	if (renewed && before->until_us > now_us + seconds * SECOND_US / 10 * 9)
		return; /* of a moment ago */
	if (blocks_find_shield(b, &block.prefix, why))
		tell_denied(b, why, now_us);
	else
		block_by_rule(b, o, &block, renewed);
}
