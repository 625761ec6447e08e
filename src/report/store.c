/* store.c - see store.h. The caller's side: rings, and the clock that somebody may set. */
#include "report/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ring.h"
#include "report/store_acts.h"
#include "report/store_asked.h"
#include "report/store_clock.h"
#include "report/store_keeper.h"

/* As many acts as there may be blocks at once: all of them can be told again in one go. */
enum { ACT_SLOTS = 65536, TALE_SLOTS = 2048, NOTICE_SLOTS = 64 };

struct store {
	struct store_settings settings;
	char *path;
	struct keeper_rings rings;
	struct keeper *keeper;
	struct asked *asked;
	struct store_wish wish;
	int64_t clock_us; /* the wall clock minus the one that nobody can set */
	bool started, wants_blocks, wants_all;
	uint64_t acts_lost;  /* when all blocks were told last */
	uint64_t tales_lost; /* when all the rest was */
};

static int64_t clock_offset_us(void)
{
	return (int64_t)clock_now_us() - (int64_t)(clock_monotonic_ns() / 1000);
}

/* ---- opening and closing ---------------------------------------------------------------------- */

static void free_store(struct store *s)
{
	keeper_close(s->keeper);
	ring_free(s->rings.acts);
	ring_free(s->rings.tales);
	ring_free(s->rings.notices);
	asked_free(s->asked);
	free(s->path);
	free(s);
}

struct store *store_open(const struct store_settings *settings)
{
	struct store *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->settings = *settings;
	s->settings.path = s->path = strdup(settings->path);
	s->rings.acts = ring_new(ACT_SLOTS, sizeof(struct store_act));
	s->rings.tales = ring_new(TALE_SLOTS, sizeof(struct store_tale));
	s->asked = asked_new();
	s->rings.notices = ring_new(NOTICE_SLOTS, STORE_NOTICE_MAX);
	s->clock_us = clock_offset_us();
	if (s->path && s->rings.acts && s->rings.tales && s->rings.notices && s->asked)
		s->keeper = keeper_open(&s->settings, &s->rings, s->asked, &s->wish);
	if (s->keeper)
		return s;
	free_store(s);
	errno = ENOMEM;
	return NULL;
}

int store_start(struct store *s, store_wake *wake, void *arg)
{
	if (!s)
		return 0;
	s->started = true;
	return keeper_start(s->keeper, wake, arg);
}

void store_set_keep(struct store *s, uint32_t keep_s, uint32_t envelope_s)
{
	if (s)
		keeper_set_keep(s->keeper, keep_s, envelope_s);
}

void store_close(struct store *s)
{
	struct store_status status;

	if (!s)
		return;
	if (!keeper_stop(s->keeper)) { /* it may go on using everything: that is not given back */
		log_error("%s does not answer: what was still to be written is lost", s->path);
		return;
	}
	store_read_status(s, &status);
	if (s->started && status.waiting > 0)
		log_error("%u records were not written to %s: %s", status.waiting, s->path, status.words);
	free_store(s);
}

/* ---- telling ---------------------------------------------------------------------------------- */

static void tell(struct store *s, const struct store_act *act)
{
	struct store_act *slot = ring_reserve(s->rings.acts);

	if (slot) {
		*slot = *act;
		ring_commit(s->rings.acts);
	}
	keeper_ring_bell(s->keeper);
}

void store_tick(struct store *s)
{
	struct store_act act = { .kind = ACT_CLOCK };
	int64_t offset_us;

	if (!s)
		return;
	offset_us = clock_offset_us();
	act.u.jump_us = clock_jump(offset_us, s->clock_us, STORE_CLOCK_JUMP_US);
	s->clock_us = offset_us;
	if (act.u.jump_us != 0)
		tell(s, &act);
}

void store_block_set(struct store *s, const struct store_block *b)
{
	struct store_act act = { .kind = ACT_BLOCK_SET };

	if (!s)
		return;
	store_tick(s);
	act.u.block = *b;
	tell(s, &act);
}

void store_block_ended(struct store *s, const struct prefix *prefix, uint64_t now_us, enum store_end why)
{
	struct store_act act = { .kind = ACT_BLOCK_ENDED };

	if (!s)
		return;
	act.u.ended.prefix = *prefix;
	act.u.ended.time_us = now_us;
	act.u.ended.why = why;
	tell(s, &act);
}

static void look_for_new_file(struct store *s)
{
	if (keeper_has_begun_anew(s->keeper))
		s->wants_blocks = s->wants_all = true;
}

bool store_wants_blocks(struct store *s)
{
	struct store_status status;

	if (!s)
		return false;
	look_for_new_file(s);
	if (!s->wants_blocks && ring_lost(s->rings.acts) == s->acts_lost)
		return false;
	store_read_status(s, &status);
	return status.works && status.waiting == 0;
}

void store_blocks_anew(struct store *s)
{
	struct store_act act = { .kind = ACT_BLOCKS_ANEW };

	if (!s)
		return;
	s->wants_blocks = false;
	s->acts_lost = ring_lost(s->rings.acts);
	tell(s, &act);
}

static struct store_tale *reserve(struct store *s, enum store_tale_kind kind)
{
	struct store_tale *slot = s ? ring_reserve(s->rings.tales) : NULL;

	if (slot)
		slot->kind = kind;
	return slot;
}

static void commit(struct store *s)
{
	ring_commit(s->rings.tales);
	keeper_ring_bell(s->keeper);
}

static void tell_finding(struct store *s, enum store_tale_kind kind, const struct finding *f)
{
	struct store_tale *slot = reserve(s, kind);

	if (!slot)
		return;
	slot->u.finding = *f;
	commit(s);
}

void store_story(struct store *s, const struct finding *story)
{
	tell_finding(s, TALE_STORY, story);
}

void store_act(struct store *s, const struct finding *f)
{
	tell_finding(s, TALE_ACT, f);
}

static void tell_mute(struct store *s, enum store_tale_kind kind, const struct store_mute *m)
{
	struct store_tale *slot = reserve(s, kind);

	if (!slot)
		return;
	slot->u.mute = *m;
	commit(s);
}

void store_mute(struct store *s, const struct store_mute *m)
{
	tell_mute(s, TALE_MUTE, m);
}

void store_unmute(struct store *s, const struct prefix *prefix, uint32_t rule)
{
	tell_mute(s, TALE_UNMUTE, &(const struct store_mute) { .prefix = *prefix, .rule = rule });
}

void store_seen(struct store *s, const struct store_seen *row)
{
	struct store_tale *slot = reserve(s, TALE_SEEN);

	if (!slot)
		return;
	slot->u.seen = *row;
	commit(s);
}

void store_source(struct store *s, const struct store_source *row)
{
	struct store_tale *slot = reserve(s, TALE_SOURCE);

	if (!slot)
		return;
	slot->u.source = *row;
	commit(s);
}

void store_usual(struct store *s, const struct store_usual *row)
{
	struct store_tale *slot = reserve(s, TALE_USUAL);

	if (!slot)
		return;
	slot->u.usual = *row;
	commit(s);
}

unsigned store_room(const struct store *s)
{
	return s ? TALE_SLOTS - ring_waiting(s->rings.tales) : 0;
}

bool store_wants_all(struct store *s)
{
	struct store_status status;

	if (!s)
		return false;
	look_for_new_file(s);
	if (!s->wants_all && ring_lost(s->rings.tales) == s->tales_lost)
		return false;
	store_read_status(s, &status);
	if (!status.works || status.waiting > 0)
		return false;
	s->wants_all = false;
	s->tales_lost = ring_lost(s->rings.tales);
	return true;
}

/* ---- reading ---------------------------------------------------------------------------------- */

int store_read_blocks(struct store *s, uint64_t now_us, store_each_block *each, void *arg)
{
	return s ? keeper_read_blocks(s->keeper, now_us, each, arg) : 0;
}

int store_read_expired(struct store *s, uint64_t since_us, store_each_block *each, void *arg)
{
	return s ? keeper_read_expired(s->keeper, since_us, each, arg) : 0;
}

int store_read_stories(struct store *s, store_each_story *each, void *arg)
{
	return s ? keeper_read_stories(s->keeper, each, arg) : 0;
}

int store_read_closed(struct store *s, uint64_t since_us, unsigned most, store_each_story *each, void *arg)
{
	return s ? keeper_read_closed(s->keeper, since_us, most, each, arg) : 0;
}

int store_read_mutes(struct store *s, uint64_t now_us, store_each_mute *each, void *arg)
{
	return s ? keeper_read_mutes(s->keeper, now_us, each, arg) : 0;
}

int store_read_seen(struct store *s, unsigned most, store_each_seen *each, void *arg)
{
	return s ? keeper_read_seen(s->keeper, most, each, arg) : 0;
}

int store_read_sources(struct store *s, unsigned most, store_each_source *each, void *arg)
{
	return s ? keeper_read_sources(s->keeper, most, each, arg) : 0;
}

int store_read_usual(struct store *s, unsigned most, store_each_usual *each, void *arg)
{
	return s ? keeper_read_usual(s->keeper, most, each, arg) : 0;
}

uint64_t store_read_since(struct store *s)
{
	return s ? keeper_read_made(s->keeper) : 0;
}

uint32_t store_ask(struct store *s, const struct store_question *q)
{
	uint32_t number = s ? asked_add(s->asked, q, clock_monotonic_ns() / 1000000) : 0;

	if (number > 0)
		keeper_ring_bell(s->keeper);
	return number;
}

int store_fetch(struct store *s, uint32_t number, struct finding *rows)
{
	return s ? asked_fetch(s->asked, number, rows) : -ESRCH;
}

bool store_forget(struct store *s, const struct mention *who, bool look)
{
	if (!s || !wish_make(&s->wish, who, look))
		return false;
	keeper_ring_bell(s->keeper);
	return true;
}

int store_fetch_forgotten(struct store *s, struct forgotten *out, bool *is_clean)
{
	return s ? wish_fetch(&s->wish, out, is_clean) : -ESRCH;
}

void store_read_status(struct store *s, struct store_status *out)
{
	uint32_t waiting =
	        ring_waiting(s->rings.acts) + ring_waiting(s->rings.tales); /* first: see take_batch() */

	keeper_status(s->keeper, out);
	out->lost = ring_lost(s->rings.acts) + ring_lost(s->rings.tales);
	out->waiting += waiting;
}

bool store_take_notice(struct store *s, char out[STORE_NOTICE_MAX])
{
	const char *text = s ? ring_front(s->rings.notices) : NULL;

	if (!text)
		return false;
	memcpy(out, text, STORE_NOTICE_MAX);
	ring_pop(s->rings.notices);
	return true;
}
