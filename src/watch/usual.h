/* usual.h - what is usual for one source, learned from four weeks of its hours, and when it is far beyond that. Mathematics
 * alone: no pool, no event.
 *
 * The history is one byte for each of the last 672 hours. From it follow, by order statistics and not by averages, how
 * many messages the source has in this hour of such a day, and how far it has strayed from that on its worst days. An
 * attack is one value among many there, whatever its size: it takes days to become usual, and a single one never does.
 *
 * The hour and the day are those of UTC: what counts is that they come again.
 */
#ifndef WATCH_USUAL_H
#define WATCH_USUAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	USUAL_DAYS = 28, /* whole weeks, so that a place in the history is always the same weekday */
	USUAL_HOURS = USUAL_DAYS * 24,
	USUAL_UNKNOWN = 255,         /* nobody has watched this hour, or day */
	USUAL_WARM_UP_HOURS = 3 * 24 /* watched, before anything is a spike */
};

enum usual_what { USUAL_MESSAGE, USUAL_RECIPIENT, USUAL_WHAT_COUNT };

/* All are cumulative sums (Page 1954) of what goes beyond the usual. */
enum usual_test {
	USUAL_HOURLY, /* messages; all that is usual in an hour at once: backups and newsletters come in one go */
	USUAL_STEADY, /* messages; evenly, and only few of a burst: what is slowly too many */
	USUAL_BURST,  /* recipients; evenly: what is fast */
	USUAL_TEST_COUNT
};

/* Of the volume block that the source is in. */
struct usual_rule {
	uint32_t spike_tenths;   /* tenths: so many times the learned spread; above 0 */
	uint32_t floor_per_hour; /* below, nothing is a spike */
};

/* Which hours were watched at all: filled by usual_awake(). */
struct usual_watch {
	uint32_t hours[USUAL_HOURS]; /* since 1970, each in its place; 0 = none yet */
};

struct usual_sum {
	float sum;
	uint32_t seen; /* since it was 0 */
	uint64_t since_us;
};

struct usual {
	uint32_t hour;                     /* since 1970: the running one */
	uint32_t n[USUAL_WHAT_COUNT];      /* in it */
	uint32_t n_last[USUAL_WHAT_COUNT]; /* in the one before */
	uint32_t today[USUAL_WHAT_COUNT];  /* before it, in the running day */
	uint32_t watched;                  /* hours of the history that are known */
	uint32_t total;                    /* messages in all of it, about */
	uint64_t last_us;
	struct usual_sum sums[USUAL_TEST_COUNT]; /* the hourly one: when this hour began */
	float size;                              /* recipients of a message, learned slowly */
	float room;                              /* messages that the steady test would take at once */
	/* worked out at the turn of the hour, in messages */
	float level; /* usual in this hour */
	float habit; /* not 0: a burst that comes at this hour of the week */
	/* at the turn of the day */
	float overall, busiest;             /* usual in any hour, and in the busiest one */
	float spread[USUAL_TEST_COUNT];     /* own, in what the test counts; 0 = not learned yet */
	float today_peak[USUAL_TEST_COUNT]; /* the sums' maxima of this day */
	uint8_t days_off;                   /* bit for each weekday, as they lie in the history */
	uint8_t peak_days;                  /* that spread is from */
	uint8_t young_days; /* that are still to end before anything is learned from a day's maxima */
	uint8_t peaks[USUAL_TEST_COUNT][USUAL_DAYS];
	uint8_t hours[USUAL_HOURS]; /* messages, usual_encode() */
};

/* What was seen, when it is a spike. */
struct usual_spike {
	enum usual_what what;
	uint32_t seen, window_s; /* so many within so long */
	uint32_t limit;          /* more than these would have been one */
	uint32_t per_hour;       /* usual at this hour */
	uint32_t most_per_hour;  /* what is not beyond it yet */
};

void usual_awake(struct usual_watch *w, uint64_t now_us);
/* Nothing is known, but that the last quiet_hours had next to nothing, and what the running hour has already. */
void usual_begin(
        struct usual *u, uint64_t now_us, uint32_t quiet_hours, const uint32_t already[USUAL_WHAT_COUNT]);
/* One more. True: a spike, and *out says what; the sums begin anew. A clock that was set moves the source to
 * another place of its history, and spoils nothing there. */
bool usual_add(struct usual *u, const struct usual_watch *w, enum usual_what what, uint64_t now_us,
        const struct usual_rule *rule, struct usual_spike *out);
/* Recipients an hour that are usual for every source, by the floor alone. */
uint32_t usual_at_floor(const struct usual_rule *rule);
/* Long enough watched to say what is usual. */
bool usual_is_ready(const struct usual *u);

/* Counts as a byte and back: exact below 32, then with four bits behind the first one (never more than the count). */
uint8_t usual_encode(uint32_t n);
uint32_t usual_decode(uint8_t code);

/* For keeping: USUAL_KEPT_BYTES, the same on every machine. */
enum { USUAL_KEPT_BYTES = 106 + USUAL_TEST_COUNT * USUAL_DAYS + USUAL_HOURS };
void usual_pack(const struct usual *u, uint8_t out[USUAL_KEPT_BYTES]);
/* False: these are no such bytes. */
bool usual_unpack(struct usual *u, const uint8_t *bytes, uint32_t len);

#endif
