/* blocks_left.c - what a start finds: the blocks that are in force from before.
 *
 * After a start there are two witnesses, the kernel (a running table, left behind) and the store (a reboot). What one of
 * them knows is in force again; where both do, the kernel's time counts: it was written first.
 *
 * Ranges of the kernel that the store's prefixes explain are theirs; others come back as the prefixes they are made of.
 *
 * Who was slowed, or refused his sessions, only the store knows: without one, that ends with the daemon.
 *
 * The watch is told what rules had done, so that a source that climbs goes on from where it was; by the store also of what
 * has ended a while ago.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/policy.h"
#include "policy/watching.h"
#include "posternd/blocks_inner.h"
#include "posternd/daemon.h"
#include "report/store.h"

enum { HOST_BITS = 128 };
/* Two witnesses of one block need not agree closer. */
static const uint64_t SAME_US = 2000000;

static void keep_left(void *arg, const struct gate_block *found)
{
	struct blocks *b = arg;
	size_t room = b->left_room ? 2 * b->left_room : 1024;
	struct left *l, *bigger;

	if (b->left_count == b->left_room) {
		bigger = reallocarray(b->left, room, sizeof(*b->left));
		if (!bigger) {
			b->left_error = -ENOMEM;
			return;
		}
		b->left = bigger;
		b->left_room = room;
	}
	l = &b->left[b->left_count++];
	l->block = *found;
	snprintf(l->note, sizeof(l->note), "%s", found->note ? found->note : "");
}

void blocks_find_left(struct blocks *b)
{
	int r = gate_read_blocks(b->daemon->gate, b->daemon->conf->nft.table, keep_left, b);

	if (r && r != -ENOENT)
		b->left_error = r;
}

static void restore_one(void *arg, const struct store_block *s)
{
	struct blocks *b = arg;
	uint64_t now_us = blocks_now_us(), wall_us = clock_now_us();
	struct block block = {
		.prefix = s->prefix, .set_us = s->set_us, .uid = s->uid, .rule = s->rule, .action = s->action
	};

	if (s->until_us && s->until_us <= wall_us)
		return;
	block.until_us = s->until_us ? now_us + (s->until_us - wall_us) : BLOCK_FOR_EVER;
	memcpy(block.reason, s->reason, sizeof(block.reason));
	if (blockbook_put(b->book, &block, NULL) < 0)
		log_warning("block.size leaves no room for all the blocks of the store");
}

static bool is_known(const struct block *have, enum action action, uint64_t until_us)
{
	if (!have || have->action != action)
		return false;
	if (until_us == BLOCK_FOR_EVER || have->until_us == BLOCK_FOR_EVER)
		return have->until_us == until_us;
	return have->until_us + SAME_US > until_us && until_us + SAME_US > have->until_us;
}

static enum action action_of(const struct gate_block *found)
{
	return found->rate_per_min > 0 ? ACTION_LIMIT : ACTION_BLOCK;
}

/* Of the kernel, if the book does not know it. */
static void adopt(struct blocks *b, const struct prefix *prefix, const struct left *l, uint64_t now_us)
{
	struct block block = {
		.prefix = *prefix,
		.set_us = clock_now_us(),
		.until_us = l->block.left_ms ? now_us + l->block.left_ms * 1000 : BLOCK_FOR_EVER,
		.action = (uint8_t)action_of(&l->block),
	};

	if (is_known(blockbook_find(b->book, prefix), (enum action)block.action, block.until_us))
		return;
	block_note_read(l->note, &block);
	if (blockbook_put(b->book, &block, NULL) < 0) {
		log_warning("block.size leaves no room for all the blocks of the kernel");
		return;
	}
	blocks_store(b, &block);
}

/* What the store has of one kind. */
struct ranges {
	struct block_range *list;
	size_t count;
};

struct adopting {
	struct blocks *blocks;
	const struct left *left;
	uint64_t now_us;
};

static void adopt_part(void *arg, const struct prefix *prefix)
{
	const struct adopting *a = arg;

	adopt(a->blocks, prefix, a->left, a->now_us);
}

/* Ranges of the kernel that the store's prefixes explain are theirs. */
static bool is_explained(const struct gate_block *found, const struct ranges *ranges, uint64_t now_us)
{
	uint64_t until_us = found->left_ms ? now_us + found->left_ms * 1000 : BLOCK_FOR_EVER;
	enum action action = action_of(found);

	for (size_t i = 0; i < ranges->count; i++) {
		const struct block_range *r = &ranges->list[i];

		if (addr_compare(&r->first, &found->first) == 0 && addr_compare(&r->last, &found->last) == 0)
			return is_known(
			        &(const struct block) { .until_us = r->until_us, .action = (uint8_t)action },
			        action, until_us);
	}
	return false;
}

static void adopt_one(struct blocks *b, const struct left *l, const struct ranges *ranges, uint64_t now_us)
{
	const struct gate_block *found = &l->block;
	struct adopting a = { b, l, now_us };

	if (!found->net)
		adopt(b, &(const struct prefix) { found->first, HOST_BITS }, l, now_us);
	else if (!is_explained(found, ranges, now_us))
		blockbook_split(&found->first, &found->last, adopt_part, &a);
}

static void adopt_all(struct blocks *b, uint64_t now_us)
{
	struct ranges blocked = { NULL }, limited = { NULL };
	int r = blockbook_ranges(b->book, ACTION_BLOCK, now_us, &blocked.list, &blocked.count);

	if (!r)
		r = blockbook_ranges(b->book, ACTION_LIMIT, now_us, &limited.list, &limited.count);
	for (size_t i = 0; !r && i < b->left_count; i++)
		adopt_one(b, &b->left[i], action_of(&b->left[i].block) == ACTION_LIMIT ? &limited : &blocked,
		        now_us);
	free(blocked.list);
	free(limited.list);
}

static void restore_rung(void *arg, const struct store_block *s)
{
	const struct blocks *b = arg;

	watch_restore_rung(desk_own_watch(b->daemon->desk), &s->prefix, (enum action)s->action, s->rule,
	        s->set_us, s->until_us);
}

/* Those that have ended first: what is in force counts. */
static void restore_rungs(struct blocks *b)
{
	const struct ladder_rule *rule = &policy_watching(b->daemon->conf->policy)->ladder;
	uint64_t back_us = (uint64_t)LADDER_RUNGS * rule->calm_s * UINT64_C(1000000), now_us = clock_now_us();
	const struct block *block;
	uint32_t cursor = 0;

	(void)store_read_expired(b->daemon->store, now_us > back_us ? now_us - back_us : 0, restore_rung, b);
	while ((block = blockbook_scan(b->book, &cursor)))
		if (block->uid == BLOCK_BY_RULE)
			watch_restore_rung(desk_own_watch(b->daemon->desk), &block->prefix,
			        (enum action)block->action, block->rule, block->set_us,
			        blocks_wall_us(block->until_us));
}

void blocks_restore(struct blocks *b)
{
	uint64_t now_us = blocks_now_us();
	uint32_t stored, all;

	if (b->left_error) {
		log_error("what is blocked in the kernel cannot be read (%s): what the store does not know "
		          "ENDS",
		        strerror(-b->left_error));
		blocks_tell(b, "blocks that only the kernel knew have ended: they cannot be read: %s",
		        strerror(-b->left_error));
	}
	(void)store_read_blocks(b->daemon->store, clock_now_us(), restore_one, b);
	stored = blockbook_count(b->book);
	adopt_all(b, now_us);
	all = blockbook_count(b->book);
	restore_rungs(b);
	if (all > 0 || b->left_count > 0 || b->left_error) {
		blocks_set_conf(b); /* before the kernel cuts the connections of whom it must not */
		blocks_say(b);
		blocks_set_behind(b, block_writer_refill(b->writer, b->daemon->conf->nft.table, now_us));
		log_info("%" PRIu32 " blocks are in force: %" PRIu32 " of the store, %" PRIu32
		         " that only the kernel knew",
		        blockbook_count(b->book), stored, all - stored);
		blocks_tell(b,
		        "%" PRIu32 " blocks are in force from before: %" PRIu32 " of the store, %" PRIu32
		        " that only the kernel knew",
		        blockbook_count(b->book), stored, all - stored);
	}
	free(b->left);
	b->left = NULL;
	b->left_count = b->left_room = 0;
}
