/* story.h - what an incident is made of: facets, evidence, envelopes; and what one more finding changes in it.
 *
 * A story is a struct finding whose `incident` has its lists. Its face (rule, connection, value, action, ...) is the first
 * finding of the worst severity so far.
 *
 * Each rule is a facet, with a count, a first and a last time of its own; there is room for every rule of the table.
 * Of evidence and envelopes what came first is kept, and what first showed a new facet, or was worse than all before it in its
 * facet: when all places are taken, such a one gets the place of a line whose rule has others, else that of a milder one.
 */
#ifndef WATCH_STORY_H
#define WATCH_STORY_H

#include <stdbool.h>

#include "base/mention.h"
#include "postern/finding.h"
#include "postern/forgotten.h"

/* A story of nothing yet, that f is to be added to. */
void story_begin(struct finding *story, const struct finding *f, uint64_t id);
/* Counts f. Returns its facet's place. */
unsigned story_add(struct finding *story, const struct finding *f);
/* NULL = it has no such facet. */
const struct incident_facet *story_facet(const struct finding *story, uint32_t id);
/* A story that comes from elsewhere without facets is one of its own rule. */
void story_complete(struct finding *story);
/* What it quotes of mails of before: envelopes by their time, lines by when their rule was first found. Its counts stay. True: there
 * was something. */
bool story_expire_quotes(struct finding *story, uint64_t before_us);
/* It is about somebody else, and goes on: what names it in what is quoted, counted as quotes and texts, becomes
 * FORGOTTEN_MARK. True: there was something. */
bool story_forget(struct finding *story, const struct mention *who, struct forgotten *out);

#endif
