/* act.h - what is done about a finding: its rule's action, as far as mode, certainty and the source allow. */
#ifndef WATCH_ACT_H
#define WATCH_ACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "policy/policy.h"
#include "postern/action.h"
#include "postern/finding.h"
#include "postern/forgotten.h"
#include "postern/order.h"

struct act;

/* More need not be remembered: it takes a finding to get there. */
enum { ACT_SOURCES_MAX = 65536 };

/* sources: whose climbing is remembered, 1..2^22. NULL with errno. */
struct act *act_new(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES]);
void act_free(struct act *a); /* NULL is fine */
/* From now on; sealed, borrowed until the next call. NULL, as at the beginning: nothing is done. */
void act_set_policy(struct act *a, const struct policy *policy);

/* Orders are given in monitor mode, too, as enforce mode would: for a forecast. They change no finding. */
void act_set_forecast(struct act *a, bool on);

/* Of a part: the rule asks for f->would. Writes f->would as what is done in enforce mode about this source (one that climbs: the
 * rung it is on), and f->action as what is done. True: an order is to be given. */
bool act_decide(struct act *a, struct finding *f, struct order *order);
/* Of a judge, whose connection was dealt with as f->action says: what has to be done about the source beside. */
bool act_follow(struct act *a, struct finding *f, struct order *order);
/* A finding about the network of the last one's source, if that has made it a crowd. Once. */
bool act_take_crowd(struct act *a, struct finding *about);
/* The daemon before has done this to the source because of `finding`, from since_us to until_us of the wall clock: in
 * enforce mode it goes on climbing from there, if the rule climbs by the policy of now. */
void act_restore(struct act *a, const struct prefix *source, enum action action, uint32_t finding,
        uint64_t since_us, uint64_t until_us);
/* A person has lifted what was done about these addresses: their source begins anew. */
void act_forgive(struct act *a, const struct prefix *lifted);
/* Nothing was found about this source. */
void act_forget(struct act *a, const struct prefix *source, struct forgotten *out);

#endif
