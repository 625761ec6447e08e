/* forecast.h - what a configuration would do to the mail of recorded connections, and what of it was delivered then.
 *
 * In enforce mode what is refused does not happen: the watch does not see it, as it would not have live. In monitor mode all
 * happens, and what enforce mode would have done is counted beside it.
 */
#ifndef POSTERN_FORECAST_H
#define POSTERN_FORECAST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "policy/policy.h"
#include "postern/event.h"
#include "postern/order.h"

struct forecast;

/* policy is borrowed. NULL with errno. */
struct forecast *forecast_new(const struct policy *policy);
void forecast_free(struct forecast *f); /* NULL is fine */
/* Told of each event in the order of time, judged; rcpt_accepted: of its transaction, as it was recorded. False: it does not
 * happen. */
bool forecast_event(struct forecast *f, const struct event *e, const struct policy_connection *decision,
        uint32_t rcpt_accepted);
/* A rule of the watch asks for something, or would in enforce mode (watch_set_forecast()). */
void forecast_order(struct forecast *f, const struct order *o);
/* For people: who, what, since when, what that would have cost. */
void forecast_print(struct forecast *f, FILE *to);
/* The same as fields: delivered, cost, tls, measures (all of them, those that cost most first). */
void forecast_set_json(struct forecast *f, json_t *summary);

#endif
