/* behave.h - what the parts that look at behaviour have in common: whom a rule means, how a finding of theirs begins, and
 * what an answer to a recipient says of the recipient. */
#ifndef WATCH_BEHAVE_H
#define WATCH_BEHAVE_H

#include "watch/part.h"
#include "watch/tally.h"

/* The rule, or NULL: it is off. For what is told of somebody other than e's client: behave_means() says of whom. */
const struct behaviour_rule *behave_rule(const struct part_view *view, enum behaviour b);
/* Clients of these groups are named by `match`, or nobody is, and not by `except`. */
bool behave_means(const struct behaviour_rule *rule, const struct policy_groups *groups);
/* For what is told of a target. NULL also where e's client, upstream or not, is not meant to count. */
const struct behaviour_rule *behave_rule_against(const struct part_view *view, enum behaviour b);
/* For what is told of e's client: NULL also where it is not meant. An upstream never is (it passes on what others wrote),
 * a server of ours only if `match` names it, or servers as such. */
const struct behaviour_rule *behave_rule_for(
        const struct part_view *view, const struct event *e, enum behaviour b);
/* A finding about e, with action and limit of its rule. limit may be NULL. */
void behave_begin(struct finding *f, enum finding_id id, const struct part_view *view, const struct event *e,
        const struct behaviour_rule *rule, const struct volume_limit *limit, uint64_t value);

/* e's client as one source: the ledger's prefix, else a /32 or /64. */
struct prefix behave_source(const struct part_view *view, const struct event *e);
/* The network around it: a /24 or /48, or the source itself where that is wider. */
struct prefix behave_network(const struct prefix *source);
/* The names of a source, and of a path without regard to case, as subject or thing. */
uint64_t behave_name_prefix(const struct tally *t, uint64_t kind, const struct prefix *p);
uint64_t behave_name_path(const struct tally *t, uint64_t kind, const struct event_path *path);
/* Nothing is known of this subject any more; counted. */
void behave_forget(struct tally *t, uint64_t subject, struct forgotten *out);
/* Room for a tally, where so many sources are tracked: most of them have little to do with it, and those of which nothing
 * is known but one thing wait apart. */
uint32_t behave_things(uint32_t sources);

enum behave_answer { ANSWER_NOTHING, ANSWER_TAKEN, ANSWER_IN_VAIN };
/* What the answer to an EVENT_RCPT says of the recipient, see behave.c. */
enum behave_answer behave_answer(const struct part_view *view, const struct event *e);
/* The reverse-path is known, and is null. */
bool behave_is_null_sender(const struct part_view *view);

#endif
