/* bypass.h - everything passes without inspection, for a time, because somebody wants it so; and that it is never
 * forgotten. */
#ifndef POSTERND_BYPASS_H
#define POSTERND_BYPASS_H

#include <stdbool.h>
#include <stdint.h>

struct bypass;
struct daemon;

enum { BYPASS_SECONDS_MAX = 86400, BYPASS_REASON_MAX = 96, BYPASS_TEXT_MAX = 256 };

/* d is borrowed, and need not be complete before another function is called. NULL without memory. */
struct bypass *bypass_new(struct daemon *d);
void bypass_free(struct bypass *b); /* NULL is fine */

/* From now on, 1..BYPASS_SECONDS_MAX seconds; one that goes on is replaced. 0, or -errno: it is not in force. */
int bypass_begin(struct bypass *b, uint32_t seconds, uint32_t uid, const char *why);
/* Inspection begins again within a second. 0; -ENOENT: there was none. */
int bypass_end(struct bypass *b, uint32_t uid);
bool bypass_is_ending(const struct bypass *b);

/* Once the rules are installed: one that a daemon of before has begun goes on. */
void bypass_take_over(struct bypass *b);
/* About once a second, after health_tick(). */
void bypass_tick(struct bypass *b, uint64_t now_us);
/* Somebody else may have changed it in the kernel: what he ended has ended, what he began ends at once. */
void bypass_notice(struct bypass *b);
/* The table was made anew, or other ports may be guarded: one that goes on is put back. */
void bypass_refill(struct bypass *b);
/* Whenever a worker has called. */
void bypass_settle(struct bypass *b);
/* We leave: says whether one goes on. */
void bypass_say_goodbye(const struct bypass *b);

/* 0 = there is none. */
uint32_t bypass_left_s(const struct bypass *b, uint64_t now_us);
const char *bypass_reason(const struct bypass *b);
/* Says it in one line; false if there is none. */
bool bypass_print(const struct bypass *b, uint64_t now_us, char text[BYPASS_TEXT_MAX]);

#endif
