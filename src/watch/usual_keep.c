/* usual_keep.c - a history as bytes, and back. What follows from it is worked out again. */
#include <assert.h>
#include <string.h>

#include "watch/usual_inner.h"

enum { KEPT_VERSION = 2, KEPT_HEAD_BYTES = USUAL_KEPT_BYTES - USUAL_TEST_COUNT * USUAL_DAYS - USUAL_HOURS };

static const float FLOAT_MOST = 1e9F;

/* One walk for both ways: what is written and what is read cannot differ. */
struct keeping {
	uint8_t *out;      /* NULL: read */
	const uint8_t *in; /* NULL: write */
};

static void keep_number(struct keeping *k, uint64_t *n, unsigned bytes)
{
	if (k->in)
		*n = 0;
	for (unsigned i = 0; i < bytes; i++)
		if (k->in)
			*n |= (uint64_t)*k->in++ << 8 * i;
		else
			*k->out++ = (uint8_t)(*n >> 8 * i);
}

static void keep_u32(struct keeping *k, uint32_t *n)
{
	uint64_t wide = *n;

	keep_number(k, &wide, 4);
	*n = (uint32_t)wide;
}

/* Its bits (IEEE 754); what no sum can be is 0. */
static void keep_float(struct keeping *k, float *number)
{
	uint32_t bits;

	memcpy(&bits, number, sizeof(bits));
	keep_u32(k, &bits);
	memcpy(number, &bits, sizeof(bits));
	if (!(*number > -FLOAT_MOST && *number < FLOAT_MOST))
		*number = 0;
}

static void keep_head(struct keeping *k, struct usual *u)
{
	uint64_t young_days = u->young_days;

	keep_u32(k, &u->hour);
	for (unsigned i = 0; i < USUAL_WHAT_COUNT; i++) {
		keep_u32(k, &u->n[i]);
		keep_u32(k, &u->n_last[i]);
		keep_u32(k, &u->today[i]);
	}
	keep_float(k, &u->size);
	keep_number(k, &u->last_us, 8);
	keep_float(k, &u->room);
	u->room = usual_greatest(0, u->room);
	for (unsigned i = 0; i < USUAL_TEST_COUNT; i++) {
		keep_float(k, &u->sums[i].sum);
		keep_u32(k, &u->sums[i].seen);
		keep_number(k, &u->sums[i].since_us, 8);
		keep_float(k, &u->today_peak[i]);
		u->today_peak[i] = usual_greatest(0, u->today_peak[i]);
	}
	keep_number(k, &young_days, 1);
	u->young_days = (uint8_t)young_days;
}

void usual_pack(const struct usual *u, uint8_t out[USUAL_KEPT_BYTES])
{
	struct usual copy = *u;
	struct keeping k = { .out = out };
	uint64_t version = KEPT_VERSION;

	keep_number(&k, &version, 1);
	keep_head(&k, &copy);
	assert(k.out == out + KEPT_HEAD_BYTES);
	memcpy(k.out, u->peaks, sizeof(u->peaks));
	memcpy(k.out + sizeof(u->peaks), u->hours, sizeof(u->hours));
}

bool usual_unpack(struct usual *u, const uint8_t *bytes, uint32_t len)
{
	struct keeping k = { .in = bytes + 1 };

	if (len != USUAL_KEPT_BYTES || bytes[0] != KEPT_VERSION)
		return false;
	memset(u, 0, sizeof(*u));
	keep_head(&k, u);
	if (u->size < 1)
		return false;
	memcpy(u->peaks, k.in, sizeof(u->peaks));
	memcpy(u->hours, k.in + sizeof(u->peaks), sizeof(u->hours));
	usual_judge_day(u);
	usual_judge_hour(u);
	return true;
}
