/* blocks_said.c - who is slowed, or refused his sessions, is none of the kernel's business: that is told to the workers
 * (policy/sentence.h), in a table of its own, beside what DNS lists say. There, too, a place may be missing; so the book is told
 * again from its beginning to its end, a part of it each second, by which a clock that was set is followed as well.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "policy/sentence.h"
#include "posternd/blocks_inner.h"
#include "posternd/daemon.h"

enum { SAID_MAX = 20000 /* a second */ };

static bool is_said(const struct block *block)
{
	return block_ways[block->action].by == BLOCK_BY_WORKERS;
}

const char *blocks_unsaid_word(int error)
{
	return error == -EDOM ? "their prefixes are of too many different lengths" : strerror(-error);
}

void blocks_say_one(struct blocks *b, const struct prefix *prefix)
{
	struct sentences *s = b->daemon->orders;
	const struct block *block = blockbook_find(b->book, prefix);
	int r = 0;

	if (!block || !is_said(block) || block->until_us <= blocks_now_us())
		(void)sentences_lift(s, prefix);
	else
		r = sentences_set(s, prefix, (enum action)block->action,
		        block->until_us == BLOCK_FOR_EVER ? UINT64_MAX : blocks_wall_us(block->until_us));
	if (r && !b->unsaid_error)
		log_error("what rules have ordered about sources is NOT IN FORCE for all of them: %s",
		        blocks_unsaid_word(r));
	if (r)
		b->unsaid_error = b->round_error = r;
}

void blocks_say_each(struct blocks *b, const struct prefix *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		blocks_say_one(b, &list[i]);
}

void blocks_say_some(struct blocks *b)
{
	const struct block *block = NULL;
	bool any = blockbook_doing(b->book, ACTION_SLOW) || blockbook_doing(b->book, ACTION_REFUSE_SESSION);

	for (unsigned n = 0; any && n < SAID_MAX && (block = blockbook_scan(b->book, &b->said_cursor)); n++)
		if (is_said(block))
			blocks_say_one(b, &block->prefix);
	if (block)
		return;
	b->said_cursor = 0;
	b->unsaid_error = b->round_error;
	b->round_error = 0;
}

void blocks_say(struct blocks *b)
{
	b->said_cursor = 0;
	do
		blocks_say_some(b);
	while (b->said_cursor != 0);
}
