/* blocks.c - see blocks.h. In the loop's thread.
 *
 * The book says what should be (policy/blockbook.h), the writer brings it into the kernel and reads it back
 * (block_writer.h), the store remembers it. In this order, and what the kernel does not take, is not in force and is said
 * so: what a person has asked for is then undone, what a rule has asked for is tried again each second.
 *
 * Who is slowed, or refused his sessions, is none of the kernel's business: that is told to the workers (policy/sentence.h),
 * in a table of its own, beside what DNS lists say. There, too, a place may be missing; it is looked at again like the
 * kernel's sets, a few each second, by which a clock that was set is followed as well.
 *
 * Whom a block must not meet is asked before it is made, and of all blocks again when addresses of ours or of upstreams
 * have changed; so it is with whatever is milder. A rule means the source that its finding is about, a host or the prefix
 * that counts as one, and only one that has completed a handshake: anybody can write any sender on a lone packet. It never
 * touches what a person has blocked, nor what is harder than what it asks for: that has to end first.
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
#include "policy/sentence.h"
#include "policy/watching.h"
#include "postern/finding.h"
#include "postern/order.h"
#include "posternd/blocks_inner.h"
#include "posternd/daemon.h"
#include "report/store.h"
#include "tap/addresses.h"

static_assert((int)BLOCK_REASON_MAX == (int)STORE_REASON_MAX, "a reason fits");

enum {
	AUDITS_MAX = 50,
	STORED_MAX = 20000, /* a second, where all are wanted */
	SAID_MAX = 20000,   /* a second */
	HOST_BITS = 128
};
static const uint64_t SECOND_US = 1000000;

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

/* "the block of 192.0.2.1", "192.0.2.1 is blocked" */
static const struct {
	const char *noun, *participle;
} words[ACTION_COUNT] = {
	[ACTION_SLOW] = { "tar pit", "slowed" },
	[ACTION_LIMIT] = { "limit", "limited" },
	[ACTION_REFUSE_SESSION] = { "refusal", "refused sessions" },
	[ACTION_BLOCK] = { "block", "blocked" },
};

const char *blocks_participle(enum action action)
{
	return words[action].participle;
}

/* "for 3600 s", "for ever" */
static char *print_time(uint32_t seconds, char buf[32])
{
	if (seconds > 0)
		snprintf(buf, 32, "for %" PRIu32 " s", seconds);
	else
		snprintf(buf, 32, "for ever");
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

static void tell_end(struct blocks *b, const struct block *block, const char *why)
{
	char text[PREFIX_TEXT_MAX], by[BLOCKS_BY_MAX];

	blocks_tell(b, "the %s of %s by %s has %s", words[block->action].noun,
	        prefix_print(&block->prefix, text), blocks_by(block, by), why);
}

/* ---- who must not be blocked -------------------------------------------------------------------- */

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

/* "192.0.2.0/24 holds 192.0.2.7 of upstream "isp"". False: nobody minds. */
static bool find_shield(const struct blocks *b, const struct prefix *prefix, char why[BLOCKS_TEXT_MAX])
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

/* ---- kernel and store --------------------------------------------------------------------------- */

/* It is the workers' business. */
static bool is_said(const struct block *block)
{
	return block->action == ACTION_SLOW || block->action == ACTION_REFUSE_SESSION;
}

static const char *unsaid_word(int error)
{
	return error == -EDOM ? "their prefixes are of too many different lengths" : strerror(-error);
}

/* What the book has of this very prefix, to the workers; nothing, if that is not their business. */
static void say_sentence(struct blocks *b, const struct prefix *prefix)
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
		        unsaid_word(r));
	if (r)
		b->unsaid_error = b->round_error = r;
}

static void say_sentences(struct blocks *b, const struct prefix *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		say_sentence(b, &list[i]);
}

/* Again, some of them; when all have been told without an error, nothing is wrong any more. */
static void say_some(struct blocks *b)
{
	const struct block *block = NULL;
	bool any = blockbook_doing(b->book, ACTION_SLOW) || blockbook_doing(b->book, ACTION_REFUSE_SESSION);

	for (unsigned n = 0; any && n < SAID_MAX && (block = blockbook_scan(b->book, &b->said_cursor)); n++)
		if (is_said(block))
			say_sentence(b, &block->prefix);
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
		say_some(b);
	while (b->said_cursor != 0);
}

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

static void forget(struct blocks *b, const struct prefix *prefix, enum store_end why)
{
	(void)blockbook_drop(b->book, prefix);
	say_sentence(b, prefix);
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

/* ---- by hand ------------------------------------------------------------------------------------ */

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

static bool all_may(struct blocks *b, const struct blocks_wish *wish, blocks_fault *fault, void *arg)
{
	char why[BLOCKS_TEXT_MAX];
	bool all = true;

	for (size_t i = 0; i < wish->count; i++)
		if (find_shield(b, &wish->list[i], why)) {
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
			tell_end(b, &a->undo[i].before, "given way: there is no room for more");
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
		say_sentences(b, act.gone, act.gone_count);
		for (size_t i = 0; i < wish->count; i++)
			blocks_store(b, blockbook_find(b->book, &wish->list[i]));
	}
	act_fini(&act);
	return r;
}

/* ---- ends --------------------------------------------------------------------------------------- */

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
	say_sentence(b, prefix);
	watch_forgive(desk_own_watch(b->daemon->desk), prefix);
	snprintf(why, sizeof(why), "been lifted by uid %" PRIu32, uid);
	tell_end(b, &before, why);
	store_block_ended(b->daemon->store, prefix, clock_now_us(), STORE_LIFTED);
	return 0;
}

/* Those that `should` says, in one transaction. They end in any case: what the kernel does not let go of now, the next
 * second's try takes out. */
static void lift_where(
        struct blocks *b, bool (*should)(struct blocks *b, const struct block *block, char *why))
{
	struct prefix *list = calloc(blockbook_count(b->book) + 1, sizeof(*list));
	char why[BLOCKS_TEXT_MAX] = "", end[BLOCKS_TEXT_MAX + 32];
	const struct block *block;
	uint32_t cursor = 0;
	size_t count = 0;
	int r = 0;

	if (!list)
		log_error("no memory to look who must not be blocked any more");
	while (list && (block = blockbook_scan(b->book, &cursor)))
		if (should(b, block, why)) {
			snprintf(end, sizeof(end), "been lifted: %s", why);
			tell_end(b, block, end);
			list[count++] = block->prefix;
		}
	for (size_t i = 0; i < count; i++)
		forget(b, &list[i], STORE_LIFTED);
	if (count > 0) {
		log_warning("%zu of the blocks had to be lifted, the last one because %s", count, why);
		r = block_writer_change(
		        b->writer, b->daemon->conf->nft.table, list, count, NULL, 0, blocks_now_us());
	}
	if (r) {
		log_error("what had to be lifted is STILL BLOCKED: %s", strerror(-r));
		blocks_set_behind(b, r);
	}
	free(list);
}

static bool is_in_the_way(struct blocks *b, const struct block *block, char *why)
{
	return find_shield(b, &block->prefix, why);
}

static bool is_of_a_rule(struct blocks *b, const struct block *block, char *why)
{
	(void)b;
	snprintf(why, BLOCKS_TEXT_MAX, "the mode is monitor now");
	return block->uid == BLOCK_BY_RULE;
}

static bool is_of_many(struct blocks *b, const struct block *block, char *why)
{
	const struct policy *policy = b->daemon->conf->policy;

	snprintf(why, BLOCKS_TEXT_MAX, "the address is shared now");
	return block->uid == BLOCK_BY_RULE && block->action == ACTION_BLOCK &&
	       policy_overlaps(policy, &policy_watching(policy)->shared, &block->prefix);
}

void blocks_recheck(struct blocks *b)
{
	lift_where(b, is_in_the_way);
}

void blocks_set_conf(struct blocks *b)
{
	bool differs = take_rate(b);

	blocks_recheck(b);
	lift_where(b, is_of_many);
	if (policy_settings(b->daemon->conf->policy)->mode == MODE_MONITOR)
		lift_where(b, is_of_a_rule);
	if (differs && blockbook_doing(b->book, ACTION_LIMIT) > 0)
		blocks_refill(b);
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

/* The kernel has ended them itself. */
static void expire(struct blocks *b, uint64_t now_us)
{
	const struct block *block;
	struct prefix prefix;

	while ((block = blockbook_ended(b->book, now_us))) {
		prefix = block->prefix;
		tell_end(b, block, "expired");
		forget(b, &prefix, STORE_EXPIRED);
	}
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
		        prefix_print(&block->prefix, text), words[block->action].participle,
		        blocks_by(block, by), blockbook_places(b->book));
		return;
	}
	r = block_writer_change(b->writer, b->daemon->conf->nft.table, act.gone, act.gone_count,
	        &block->prefix, 1, blocks_now_us());
	say_sentences(b, act.gone, act.gone_count);
	say_sentence(b, &block->prefix);
	if (r)
		blocks_set_behind(b, r); /* tried again by blocks_tick() */
	else
		measure(b, o);
	if (!renewed || r)
		blocks_tell(b, "%s is %s%s for %" PRIu64 " s by %s", prefix_print(&block->prefix, text),
		        r ? "NOT YET " : "", words[block->action].participle,
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

	if (!words[o->action].noun)
		return;
	block.prefix = (struct prefix) { addr_mask(&o->source, bits), (uint8_t)bits };
	if (bits < HOST_BITS && find_shield(b, &block.prefix, why)) /* the gateway's own address, often */
		block.prefix = (struct prefix) { o->source, HOST_BITS };
	before = blockbook_find(b->book, &block.prefix);
	if (!o->verified || (before && before->uid != BLOCK_BY_RULE))
		return;
	if (before && block_is_harder((enum action)before->action, (enum action)o->action))
		return;
	renewed = before && before->action == o->action;
	if (renewed && before->until_us > now_us + seconds * SECOND_US / 10 * 9)
		return; /* of a moment ago */
	if (find_shield(b, &block.prefix, why))
		tell_denied(b, why, now_us);
	else
		block_by_rule(b, o, &block, renewed);
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
	say_some(b);
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
		        unsaid_word(b->unsaid_error));
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
