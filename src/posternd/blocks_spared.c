/* blocks_spared.c - whom nothing may be done to: upstreams, servers, never-block and the gateway itself, and what is lifted
 * when somebody becomes one of these.
 *
 * It is asked before a block is made, and of all blocks again when addresses of ours or of upstreams have changed; so it is with
 * whatever is milder. Another configuration may spare more: sources that rules have named in monitor mode, and blocks by rules of
 * addresses that are shared now.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "policy/policy.h"
#include "policy/watching.h"
#include "posternd/blocks_inner.h"
#include "posternd/daemon.h"
#include "report/store.h"
#include "tap/addresses.h"

enum { HOST_BITS = 128 };

static void print_group(const struct policy_shield *s, char *buf, size_t room)
{
	switch (s->kind) {
	case GROUP_UPSTREAM:
		snprintf(buf, room, "upstream \"%s\"", s->name);
		break;
	case GROUP_SERVER:
		snprintf(buf, room, "servers \"%s\"", s->name);
		break;
	case GROUP_SELF:
		snprintf(buf, room, "%s", s->name);
		break;
	case GROUP_LITERAL:
		snprintf(buf, room, "never-block");
		break;
	case GROUP_ANY:
	case GROUP_HOME:
	case GROUP_SERVERS:
	case GROUP_NETWORK:
	case GROUP_KIND_COUNT:
		snprintf(buf, room, "\"%s\" of never-block", s->name);
		break;
	}
}

bool blocks_find_shield(const struct blocks *b, const struct prefix *prefix, char why[BLOCKS_TEXT_MAX])
{
	const struct addr *own = b->own ? addresses_find(b->own, prefix) : NULL;
	char text[PREFIX_TEXT_MAX], other[PREFIX_TEXT_MAX], whose[POLICY_NAME_MAX + 32];
	struct policy_shield s;

	prefix_print(prefix, text);
	if (own) {
		snprintf(why, BLOCKS_TEXT_MAX, "%s %s%s%san address of this gateway", text,
		        prefix->bits == HOST_BITS ? "is " : "holds ",
		        prefix->bits == HOST_BITS ? "" : addr_print(own, other),
		        prefix->bits == HOST_BITS ? "" : ", ");
		return true;
	}
	if (!policy_find_shield(b->daemon->conf->policy, prefix, &s))
		return false;
	print_group(&s, whose, sizeof(whose));
	prefix_print(&s.prefix, other);
	if (s.prefix.bits == prefix->bits)
		snprintf(why, BLOCKS_TEXT_MAX, "%s is of %s", text, whose);
	else
		snprintf(why, BLOCKS_TEXT_MAX, "%s %s %s of %s", text,
		        s.prefix.bits > prefix->bits ? "holds" : "lies in", other, whose);
	return true;
}

/* ---- what is lifted then --------------------------------------------------------------------------- */

/* Why a block has to go that could be made once. */
static bool find_end(const struct blocks *b, const struct block *block, char why[BLOCKS_TEXT_MAX])
{
	const struct policy *policy = b->daemon->conf->policy;

	if (blocks_find_shield(b, &block->prefix, why))
		return true;
	if (block->uid != BLOCK_BY_RULE)
		return false;
	if (policy_settings(policy)->mode == MODE_MONITOR) {
		snprintf(why, BLOCKS_TEXT_MAX, "the mode is monitor now");
		return true;
	}
	snprintf(why, BLOCKS_TEXT_MAX, "the address is shared now");
	return block->action == ACTION_BLOCK &&
	       policy_overlaps(policy, &policy_watching(policy)->shared, &block->prefix);
}

/* In one transaction. They end in any case: what the kernel does not let go of now, the next second's try takes out. */
void blocks_recheck(struct blocks *b)
{
	struct prefix *list = calloc(blockbook_count(b->book) + 1, sizeof(*list));
	char why[BLOCKS_TEXT_MAX], last[BLOCKS_TEXT_MAX] = "", end[BLOCKS_TEXT_MAX + 32];
	const struct block *block;
	uint32_t cursor = 0;
	size_t count = 0;
	int r = 0;

	if (!list)
		log_error("no memory to look who must not be blocked any more");
	while (list && (block = blockbook_scan(b->book, &cursor)))
		if (find_end(b, block, why)) {
			snprintf(end, sizeof(end), "been lifted: %s", why);
			blocks_tell_end(b, block, end);
			snprintf(last, sizeof(last), "%s", why);
			list[count++] = block->prefix;
		}
	for (size_t i = 0; i < count; i++)
		blocks_forget(b, &list[i], STORE_LIFTED);
	if (count > 0) {
		log_warning("%zu of the blocks had to be lifted, the last one because %s", count, last);
		r = block_writer_change(
		        b->writer, b->daemon->conf->nft.table, list, count, NULL, 0, blocks_now_us());
	}
	if (r) {
		log_error("what had to be lifted is STILL BLOCKED: %s", strerror(-r));
		blocks_set_behind(b, r);
	}
	free(list);
}

int blocks_fd(const struct blocks *b)
{
	return b->own ? addresses_fd(b->own) : -1;
}

void blocks_follow(struct blocks *b)
{
	int r = b->own ? addresses_update(b->own) : 0;

	if (r < 0 && !b->own_error)
		log_error("the addresses of this gateway have changed and cannot be read: %s; tried again "
		          "every second",
		        strerror(-r));
	b->own_error = r < 0 ? r : 0;
	if (r > 0)
		blocks_recheck(b);
}
