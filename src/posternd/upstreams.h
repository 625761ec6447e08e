/* upstreams.h - what the DNS says of the configuration's upstreams, for the policy, the log and those who ask. */
#ifndef POSTERND_UPSTREAMS_H
#define POSTERND_UPSTREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "dns/upstream.h"

struct upstreams;
struct desk;

/* Begins with what `old` knows, or, where that is NULL, with the last good addresses that posternd has kept in a file,
 * and puts them into conf->policy. Asks nobody. NULL without memory. */
struct upstreams *upstreams_new(struct conf *conf, const struct upstreams *old);
/* Does that alone, for programs that only look. 0 or -ENOMEM. */
int upstreams_fill(struct conf *conf);
void upstreams_free(struct upstreams *u); /* NULL is fine */
/* Begins to follow. Changes are told to the log and the desk (borrowed, as conf is). Failures are said; then what is known stays. */
void upstreams_open(struct upstreams *u, const struct conf *conf, struct desk *desk);
/* Readable when upstreams_process() has something to do; -1 = never. */
int upstreams_fd(const struct upstreams *u);
void upstreams_process(struct upstreams *u);
/* About once a second. True if who is let through has changed since it was last told (upstreams_policy()). */
bool upstreams_tick(struct upstreams *u);
/* `of` with the addresses of now; NULL without memory. */
struct policy *upstreams_policy(struct upstreams *u, const struct policy *of);
/* Keeps for the next life what is known. */
void upstreams_save(struct upstreams *u);

/* Each upstream that is followed, and the time that its times are compared with. */
unsigned upstreams_count(const struct upstreams *u);
const struct upstream *upstreams_get(const struct upstreams *u, unsigned index);
/* Calls `each` with what is wrong; inspecting: because of it, connections are inspected that would be refused. */
void upstreams_each_fault(
        const struct upstreams *u, void (*each)(void *arg, const char *text, bool inspecting), void *arg);

#endif
