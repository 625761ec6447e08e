/* unjudged.h - what a configuration asks for, and records cannot answer. */
#ifndef POSTERN_UNJUDGED_H
#define POSTERN_UNJUDGED_H

#include <jansson.h>
#include <stdio.h>

#include "policy/policy.h"

/* A line for each such key that is set, and each upstream known by its names alone; nothing where all can be judged. */
void unjudged_say(const struct policy *policy, FILE *to);
/* The same as fields: unjudged, the keys, and unresolved, the upstreams known by their names alone. */
void unjudged_set_json(const struct policy *policy, json_t *summary);

#endif
