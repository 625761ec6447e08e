/* blocks.c - see blocks.h. In the loop's thread.
 *
 * The book says what should be (policy/blockbook.h), the writer brings it into the kernel and reads it back
 * (block_writer.h), the workers are told what is theirs (blocks_said.c), the store remembers it. In this order, and what the kernel
 * does not take, is not in force and is said so, and tried again each second. How something gets into the book is in blocks_acts.c,
 * whom it must not meet in blocks_spared.c, what a start finds in blocks_left.c.
 *
 * Time is monotonic inside: a clock that is set neither extends a block nor ends it, as it does not in the kernel. The
 * store knows the wall clock's.
 *
 * Told are (1025520) each act of a person, each new block, limit and so on of a rule, and each end; AUDITS_MAX a second, then
 * their number.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/policy.h"
#include "policy/watching.h"
#include "posternd/blocks_inner.h"
#include "posternd/daemon.h"
#include "report/store.h"
#include "tap/addresses.h"

static_assert((int)BLOCK_REASON_MAX == (int)STORE_REASON_MAX, "a reason fits");

enum { AUDITS_MAX = 50, STORED_MAX = 20000 /* a second, where all are wanted */ };

/* True if it is another one. */
static bool take_rate(struct blocks *b)
{
	uint32_t rate = policy_watching(b->daemon->conf->policy)->ladder.rate_per_min;
	bool differs = rate != b->rate_per_min;

	b->rate_per_min = rate;
	block_writer_set_rate(b->writer, rate);
	return differs;
}

struct blocks *blocks_new(struct daemon *d)
{
	struct blocks *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->daemon = d;
	b->book = blockbook_new(d->conf->block_size, d->hash_key);
	b->writer = b->book ? block_writer_new(d->gate, b->book) : NULL;
	if (b->writer)
		take_rate(b);
	b->own = addresses_open();
	if (!b->own)
		log_warning("the addresses of this gateway cannot be read (%s): nothing keeps them from "
		            "being blocked",
		        strerror(errno));
	if (b->writer)
		return b;
	blocks_free(b);
	errno = ENOMEM;
	return NULL;
}

void blocks_free(struct blocks *b)
{
	if (!b)
		return;
	addresses_close(b->own);
	block_writer_free(b->writer);
	blockbook_free(b->book);
	free(b->left);
	free(b);
}

/* ---- words -------------------------------------------------------------------------------------- */

uint64_t blocks_now_us(void)
{
	return clock_monotonic_ns() / 1000;
}

uint64_t blocks_wall_us(uint64_t until_us)
{
	return until_us == BLOCK_FOR_EVER ? 0 : clock_now_us() + until_us - blocks_now_us();
}

char *blocks_by(const struct block *block, char buf[BLOCKS_BY_MAX])
{
	struct block plain = *block;
	char note[GATE_NOTE_MAX + 1];

	plain.reason[0] = '\0';
	block_note_print(&plain, note);
	snprintf(buf, BLOCKS_BY_MAX, "%.47s", note);
	return buf;
}

void blocks_tell(struct blocks *b, const char *format, ...)
{
	char text[BLOCKS_TEXT_MAX];
	va_list args;

	if (b->told == AUDITS_MAX) {
		b->untold++;
		return;
	}
	b->told++;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	desk_audit(b->daemon->desk, clock_now_us(), "%s", text);
}

void blocks_tell_end(struct blocks *b, const struct block *block, const char *why)
{
	char text[PREFIX_TEXT_MAX], by[BLOCKS_BY_MAX];

	blocks_tell(b, "the %s of %s by %s has %s", block_ways[block->action].noun,
	        prefix_print(&block->prefix, text), blocks_by(block, by), why);
}

/* ---- kernel and store --------------------------------------------------------------------------- */

void blocks_set_behind(struct blocks *b, int error)
{
	if (error && (!b->behind || b->behind_error != error)) {
		log_error("blocks are NOT IN FORCE: %s; tried again every second",
		        error == -ESTALE ? "the kernel has taken them, and does not have them"
		                         : strerror(-error));
		desk_audit(b->daemon->desk, clock_now_us(), "blocks are NOT IN FORCE: %s",
		        error == -ESTALE ? "the kernel does not have them" : strerror(-error));
	} else if (!error && b->behind) {
		log_info("the blocks are in force again");
		desk_audit(b->daemon->desk, clock_now_us(), "the blocks are in force again");
	}
	b->behind = error != 0;
	b->behind_error = error;
}

void blocks_store(struct blocks *b, const struct block *block)
{
	struct store_block s = {
		.prefix = block->prefix,
		.set_us = block->set_us,
		.until_us = blocks_wall_us(block->until_us),
		.uid = block->uid,
		.rule = block->rule,
		.action = block->action,
	};

	memcpy(s.reason, block->reason, sizeof(s.reason));
	store_block_set(b->daemon->store, &s);
}

void blocks_forget(struct blocks *b, const struct prefix *prefix, enum store_end why)
{
	(void)blockbook_drop(b->book, prefix);
	blocks_say_one(b, prefix);
	store_block_ended(b->daemon->store, prefix, clock_now_us(), why);
}

/* The store has lost some, or is a new one. */
static void store_some(struct blocks *b)
{
	const struct block *block;

	if (!b->storing && store_wants_blocks(b->daemon->store)) {
		store_blocks_anew(b->daemon->store);
		b->storing = true;
		b->store_cursor = 0;
	}
	for (unsigned n = 0; b->storing && n < STORED_MAX; n++) {
		block = blockbook_scan(b->book, &b->store_cursor);
		if (block)
			blocks_store(b, block);
		else
			b->storing = false;
	}
}

/* The kernel has ended them itself. */
static void expire(struct blocks *b, uint64_t now_us)
{
	const struct block *block;
	struct prefix prefix;

	while ((block = blockbook_ended(b->book, now_us))) {
		prefix = block->prefix;
		blocks_tell_end(b, block, "expired");
		blocks_forget(b, &prefix, STORE_EXPIRED);
	}
}

/* ---- each second -------------------------------------------------------------------------------- */

static void watch_room(struct blocks *b)
{
	uint64_t count = blockbook_count(b->book), places = blockbook_places(b->book);

	if (!b->nearly_full && count * 10 >= places * 9) {
		b->nearly_full = true;
		log_warning("%" PRIu64 " of %" PRIu64 " places for blocks are taken: raise block.size", count,
		        places);
		desk_audit(b->daemon->desk, clock_now_us(),
		        "%" PRIu64 " of %" PRIu64
		        " places for blocks are taken (block.size); when none is left, of the blocks "
		        "by rules the one that ends soonest gives way",
		        count, places);
	} else if (b->nearly_full && count * 10 < places * 8) {
		b->nearly_full = false;
	}
}

static void look(struct blocks *b, uint64_t now_us)
{
	int r = b->behind ? 0 : block_writer_check(b->writer, b->daemon->conf->nft.table, now_us);

	if (r == -ESTALE) {
		log_error("blocks were taken out of the kernel by somebody else; all of them are put back");
		desk_audit(b->daemon->desk, clock_now_us(),
		        "blocks were taken out of the kernel by somebody else; they are put back");
	}
	if (r == -ESTALE || b->behind)
		blocks_refill(b);
}

void blocks_set_conf(struct blocks *b)
{
	bool differs = take_rate(b);

	blocks_recheck(b);
	if (differs && blockbook_doing(b->book, ACTION_LIMIT) > 0)
		blocks_refill(b);
}

void blocks_refill(struct blocks *b)
{
	blocks_set_behind(b, block_writer_refill(b->writer, b->daemon->conf->nft.table, blocks_now_us()));
}

void blocks_tick(struct blocks *b)
{
	uint64_t now_us = blocks_now_us();

	if (b->untold > 0)
		desk_audit(b->daemon->desk, clock_now_us(),
		        "%u more blocks began or ended, too many to tell each", b->untold);
	b->told = b->untold = 0;
	if (b->own_error)
		blocks_follow(b);
	expire(b, now_us);
	look(b, now_us);
	blocks_say_some(b);
	watch_room(b);
	store_some(b);
}

/* ---- for those who ask -------------------------------------------------------------------------- */

uint32_t blocks_rate(const struct blocks *b)
{
	return b->rate_per_min;
}

const struct blockbook *blocks_book(const struct blocks *b)
{
	return b->book;
}

void blocks_each_fault(const struct blocks *b, blocks_wrong *each, void *arg)
{
	char text[BLOCKS_TEXT_MAX];

	if (b->behind) {
		snprintf(text, sizeof(text), "blocks are NOT IN FORCE: %s",
		        b->behind_error == -ESTALE ? "the kernel does not have them"
		                                   : strerror(-b->behind_error));
		each(arg, text, false);
	}
	if (!b->own || b->own_error)
		each(arg,
		        "the addresses of this gateway cannot be read: nothing keeps them from being blocked",
		        false);
	if (b->unsaid_error) {
		snprintf(text, sizeof(text),
		        "what rules have ordered about sources is NOT IN FORCE for all: %s",
		        blocks_unsaid_word(b->unsaid_error));
		each(arg, text, false);
	}
	if (b->nearly_full) {
		snprintf(text, sizeof(text),
		        "%" PRIu32 " of %" PRIu32
		        " places for blocks are taken: raise block.size and restart",
		        blockbook_count(b->book), blockbook_places(b->book));
		each(arg, text, false);
	}
}

struct blocks_delay blocks_delay(const struct blocks *b)
{
	return b->delay;
}
