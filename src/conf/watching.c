/* watching.c - the values of volume blocks and behaviours, and the rules of the watch that they make.
 *
 * Lists and groups go into the rules as they come; scalars wait in blocks and draft, as everywhere, for watching_make().
 * What is wrong with a value is told here, what has no effect in idle_watching.c.
 *
 * Sizes are written in k, M and G of 1024, as data.watch = 64k is.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/build.h"
#include "postern/action.h"

void volume_open(struct build *b, struct block *block)
{
	struct watching *w = &b->watching;
	struct volume_block *v = &w->volumes[w->volume_count];

	if (w->volume_count == VOLUME_BLOCKS_MAX) {
		build_error(b, &block->at,
		        "more than %d volume blocks; put clients with the same limits into one",
		        VOLUME_BLOCKS_MAX);
		return;
	}
	snprintf(v->name, sizeof(v->name), "%s", block->title);
	block->volume = (int)w->volume_count++;
}

/* NULL: nobody will look at it, there is an error in its title. */
static struct volume_block *volume_of(struct build *b, const struct block *block)
{
	return block->volume < 0 ? NULL : &b->watching.volumes[block->volume];
}

static struct behaviour_rule *behaviour_of(struct build *b, const struct block *block)
{
	return &b->watching.behaviours[block->kind - BLOCK_REJECTS];
}

/* ---- who --------------------------------------------------------------------------------------- */

void watching_match(struct build *b, struct block *block, const struct entry *e)
{
	struct volume_block *v = volume_of(b, block);

	block->volume_matches = true;
	if (block->kind != BLOCK_VOLUME)
		group_add_member(b, e, &behaviour_of(b, block)->match);
	else if (v)
		group_add_member(b, e, &v->match);
}

void watching_shared(struct build *b, struct block *block, const struct entry *e)
{
	(void)block;
	group_add_member(b, e, &b->watching.shared);
}

void watching_except(struct build *b, struct block *block, const struct entry *e)
{
	struct volume_block *v = volume_of(b, block);

	if (block->kind != BLOCK_VOLUME)
		group_add_member(b, e, &behaviour_of(b, block)->except);
	else if (v)
		group_add_member(b, e, &v->except);
}

void volume_per(struct build *b, struct block *block, const struct entry *e)
{
	struct volume_block *v = volume_of(b, block);
	unsigned long v4, v6 = 0;
	char *end;

	v4 = strtoul(e->text, &end, 10);
	if (isdigit((unsigned char)e->text[0]) && end[0] == '/' && isdigit((unsigned char)end[1]))
		v6 = strtoul(end + 1, &end, 10);
	if (*end || v4 < 8 || v4 > 32 || v6 < 16 || v6 > 128)
		build_error(b, &e->at,
		        "volume.per = \"%s\" is no pair of prefix lengths; write IPv4/IPv6, from 8 to 32 and "
		        "from 16 to 128, like 32/64",
		        e->text);
	else if (v)
		v->bits_v4 = (uint8_t)v4, v->bits_v6 = (uint8_t)v6;
}

/* ---- how much ------------------------------------------------------------------------------------ */

/* "500M", the unit only where bytes are counted. Behind it *end. */
static bool read_most(const struct key *k, const char *text, uint64_t *out, const char **end)
{
	static const char units[] = "kMG";
	const char *unit;
	char *behind;
	unsigned long long value;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoull(text, &behind, 10);
	unit = k->type == KEY_BYTE_LIMITS && *behind ? strchr(units, *behind) : NULL;
	for (long i = unit ? unit - units : -1; i >= 0; i--, value *= 1024)
		if (value > (unsigned long long)k->max)
			return false;
	*end = behind + (unit ? 1 : 0);
	*out = value;
	return errno == 0 && value >= (unsigned long long)k->min && value <= (unsigned long long)k->max;
}

/* "100/1m". */
static bool read_limit(struct build *b, const struct entry *e, struct volume_limit *out)
{
	const struct key *k = e->key;
	const bool bytes = k->type == KEY_BYTE_LIMITS;
	char label[KEY_LABEL_MAX];
	const char *slash = NULL;
	int64_t seconds = 0;

	*out = (struct volume_limit) { 0 };
	if (k->min == 0 && strcmp(e->text, "0") == 0)
		return true;
	if (read_most(k, e->text, &out->most, &slash) && *slash == '/' &&
	        value_read_duration(slash + 1, VOLUME_WINDOW_MAX_S, &seconds) && seconds > 0 &&
	        out->most > 0) {
		out->window_s = (uint32_t)seconds;
		return true;
	}
	build_error(b, &e->at,
	        "%s: \"%s\" is no limit; write a number from 1 to %lld%s, a slash, and a time from 1s to "
	        "%dd, like %s",
	        key_label(k, label), e->text, (long long)k->max, bytes ? " (also with k, M or G)" : "",
	        VOLUME_WINDOW_MAX_S / 86400, bytes ? "500M/1h" : "100/1m");
	return false;
}

static enum volume_measure measure_of(const struct key *k)
{
	static const char *const names[VOLUME_MEASURE_COUNT] = { VOLUME_MEASURE_NAMES };
	unsigned m = 0;

	while (strcmp(names[m], k->name) != 0)
		m++;
	return (enum volume_measure)m;
}

void volume_limits(struct build *b, struct block *block, const struct entry *e)
{
	enum volume_measure m = measure_of(e->key);
	struct volume_block *v = volume_of(b, block);
	struct volume_limit limit;
	char label[KEY_LABEL_MAX];

	if (!read_limit(b, e, &limit) || !v)
		return;
	if (v->limit_count[m] == VOLUME_LIMITS_MAX) {
		build_error(b, &e->at, "%s has more than %d limits; leave some out", key_label(e->key, label),
		        VOLUME_LIMITS_MAX);
		return;
	}
	v->limits[m][v->limit_count[m]++] = limit;
}

void watching_limit(struct build *b, struct block *block, const struct entry *e)
{
	struct volume_limit limit;

	if (read_limit(b, e, &limit))
		memcpy((char *)behaviour_of(b, block) + e->key->offset, &limit, sizeof(limit));
}

/* ---- all together -------------------------------------------------------------------------------- */

static void make_volume(struct build *b, const struct block *block)
{
	struct volume_block *v = volume_of(b, block);

	if (!block->volume_matches && !parse_has_unknown(b->parsed, block))
		build_error(b, &block->at,
		        "volume \"%s\" has no match; add match = { home }, or whose mail it is to count",
		        block->title);
	v->key = (uint8_t)block->volume_key;
	v->action = (uint8_t)block->volume_action;
	v->max_rcpt = (uint32_t)block->volume_max_rcpt;
	v->spike_tenths = v->key == VOLUME_BY_SOURCE ? (uint32_t)block->volume_spike : 0;
	v->spike_floor = (uint32_t)block->volume_spike_floor;
	v->block_for_s = (uint32_t)block->volume_block_for;
}

static void make_rejects(struct build *b)
{
	const struct draft *d = &b->draft;
	const struct block *block = parse_block(b->parsed, BLOCK_REJECTS);
	const struct entry *bad = check_find_entry(b, block, "bad");
	const struct entry *honest = check_find_entry(b, block, "honest");
	char shares[2][VALUE_DECIMAL_MAX];

	/* 0: its value was no number, which is told already */
	if (d->rejects_bad > 0 && d->rejects_honest >= d->rejects_bad)
		build_error(b,
		        bad      ? &bad->at
		        : honest ? &honest->at
		                 : &block->at,
		        "rejects.bad = %s is not above rejects.honest = %s: nothing would tell machines from "
		        "people; write a higher one, or a lower honest",
		        value_print_decimal(d->rejects_bad, 1, shares[0]),
		        value_print_decimal(d->rejects_honest, 1, shares[1]));
	b->watching.rejects = (struct reject_test) {
		.honest_permille = (uint32_t)d->rejects_honest,
		.bad_permille = (uint32_t)d->rejects_bad,
		.false_alarm_ppm = (uint32_t)d->rejects_false_alarm,
		.miss_ppm = (uint32_t)d->rejects_miss,
	};
}

void watching_make(struct build *b)
{
	const struct draft *d = &b->draft;
	struct watching *w = &b->watching;

	for (size_t i = 0; i < b->parsed->block_count; i++)
		if (b->parsed->blocks[i].kind == BLOCK_VOLUME && b->parsed->blocks[i].volume >= 0)
			make_volume(b, &b->parsed->blocks[i]);
	for (unsigned i = 0; i < BEHAVIOUR_COUNT; i++) {
		w->behaviours[i].on = d->behaviour_on[i] != 0;
		w->behaviours[i].action = (uint8_t)d->behaviour_action[i];
		w->behaviours[i].block_for_s = (uint32_t)d->behaviour_block_for[i];
	}
	make_rejects(b);
	w->behaviours[BEHAVIOUR_HARVEST].share_permille = (uint32_t)d->harvest_share;
	w->behaviours[BEHAVIOUR_BACKSCATTER].share_permille = (uint32_t)d->backscatter_share;
	w->sources = (uint32_t)d->watch_sources;
	w->quiet_s = (uint32_t)d->watch_quiet;
	w->ladder = (struct ladder_rule) {
		.slow_for_s = (uint32_t)d->ladder_slow_for,
		.limit_for_s = (uint32_t)d->ladder_limit_for,
		.block_for_s = (uint32_t)d->ladder_block_for,
		.rate_per_min = (uint32_t)d->ladder_rate,
		.calm_s = (uint32_t)d->ladder_calm,
	};
	policy_set_watching(b->policy, w);
}
