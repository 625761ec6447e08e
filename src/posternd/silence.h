/* silence.h - what people know of and want to hear no more: mutes, and incidents that are acknowledged.
 *
 * Each is an act that is told, and goes on over a restart. Mutes lie in watch; here they are kept and ended.
 */
#ifndef POSTERND_SILENCE_H
#define POSTERND_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "watch/mutes.h"

struct daemon;

enum { SILENCE_SECONDS_DEFAULT = 3600, SILENCE_SECONDS_MAX = 30 * 86400 };

/* What the daemon before has left; before the store is started. */
void silence_restore(struct daemon *d);
/* About once a second: ends those whose time is over; tells of `suppress` blocks whose time is over, too. */
void silence_tick(struct daemon *d);
/* All of them are told to the store again. */
void silence_keep_all(struct daemon *d);

/* For so many seconds, 1..SILENCE_SECONDS_MAX; rule 0 = every one. False: there is no room for more. */
struct silence_wish {
	struct prefix prefix;
	uint32_t rule, seconds;
	uint32_t uid;
	const char *reason;
};
bool silence_mute(struct daemon *d, const struct silence_wish *wish);
/* How many mutes of this prefix were ended: of a rule, or (0) all of them. */
unsigned silence_unmute(struct daemon *d, const struct prefix *prefix, uint32_t rule, uint32_t uid);
/* Nearly everybody: a /0 up to a /7 of IPv4, up to a /15 of IPv6. */
bool silence_is_wide(const struct prefix *prefix);
/* What is wrong at the moment: wide mutes, a sentence each. */
typedef void silence_wrong(void *arg, const char *text, bool inspecting);
void silence_each_fault(const struct daemon *d, silence_wrong *each, void *arg);
/* False: no such incident is open. */
bool silence_ack(struct daemon *d, uint64_t id, uint32_t uid, const char *reason);

#endif
