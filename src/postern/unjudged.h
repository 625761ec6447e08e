/* unjudged.h - what a configuration asks for, and records cannot answer. */
#ifndef POSTERN_UNJUDGED_H
#define POSTERN_UNJUDGED_H

#include <stdio.h>

#include "policy/policy.h"

/* A line for each such key that is set; nothing where all can be judged. */
void unjudged_say(const struct policy *policy, FILE *to);

#endif
