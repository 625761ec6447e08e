/* hints.h - what somebody may have meant who has written a name that is not there. */
#ifndef CONF_HINTS_H
#define CONF_HINTS_H

#include <stdbool.h>

#include "conf/keys.h"

/* What may have been meant by `text`: call for each candidate, *best starts as NULL and *distance as
 * 0. A candidate too far away is never the best. */
void nearest_try(const char *text, const char *candidate, const char **best, unsigned *distance);
/* The rule of findings that may have been meant, or NULL. */
const char *nearest_rule(const char *text);
/* The name of a key or block that stands outside of blocks, asked for in one. */
bool key_is_outside(enum block_kind block, const char *name);
/* What to do about an unknown key or block `name` in a block of this kind. titled: it is a block with a title. Returns
 * buf. */
enum { KEY_HINT_MAX = 160 };
char *key_hint(enum block_kind block, const char *name, bool titled, char buf[KEY_HINT_MAX]);

#endif
