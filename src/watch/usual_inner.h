/* usual_inner.h - inside of usual: what its files share. */
#ifndef WATCH_USUAL_INNER_H
#define WATCH_USUAL_INNER_H

#include "watch/usual.h"

/* At the turn of the hour and of the day: usual_learn.c. */
void usual_judge_hour(struct usual *u);
void usual_judge_day(struct usual *u);

static inline float usual_least(float a, float b)
{
	return a < b ? a : b;
}

static inline float usual_greatest(float a, float b)
{
	return a > b ? a : b;
}

#endif
