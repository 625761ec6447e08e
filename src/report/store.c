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
#include "report/store_keeper.h"

/* As many acts as there may be blocks at once: all of them can be told again in one go. */
enum { ACT_SLOTS = 65536, NOTICE_SLOTS = 64 };
static const int64_t JUMP_US = 2000000;

struct store {
	struct store_settings settings;
	char *path;
	struct keeper_rings rings;
	struct keeper *keeper;
	int64_t clock_us; /* the wall clock minus the one that nobody can set */
	bool wants_blocks;
	uint64_t acts_lost; /* when all blocks were told last */
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
	ring_free(s->rings.notices);
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
	s->rings.notices = ring_new(NOTICE_SLOTS, STORE_NOTICE_MAX);
	s->clock_us = clock_offset_us();
	if (s->path && s->rings.acts && s->rings.notices)
		s->keeper = keeper_open(&s->settings, &s->rings);
	if (s->keeper)
		return s;
	free_store(s);
	errno = ENOMEM;
	return NULL;
}

int store_start(struct store *s)
{
	return s ? keeper_start(s->keeper) : 0;
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
	if (status.waiting > 0)
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
	act.u.jump_us = offset_us - s->clock_us;
	s->clock_us = offset_us;
	if (act.u.jump_us > JUMP_US || act.u.jump_us < -JUMP_US)
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

bool store_wants_blocks(struct store *s)
{
	struct store_status status;

	if (!s)
		return false;
	if (keeper_has_begun_anew(s->keeper))
		s->wants_blocks = true;
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

/* ---- reading ---------------------------------------------------------------------------------- */

int store_read_blocks(struct store *s, uint64_t now_us, store_each_block *each, void *arg)
{
	return s ? keeper_read_blocks(s->keeper, now_us, each, arg) : 0;
}

void store_read_status(struct store *s, struct store_status *out)
{
	keeper_status(s->keeper, out);
	out->lost = ring_lost(s->rings.acts);
	out->waiting += ring_waiting(s->rings.acts);
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
