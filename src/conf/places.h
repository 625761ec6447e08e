/* places.h - which line of the configuration says something; for people who ask.
 *
 * Only a configuration that was loaded with `keep_places` knows; of others nothing is found. The texts
 * and paths live as long as the configuration.
 */
#ifndef CONF_PLACES_H
#define CONF_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "conf/conf.h"

struct conf_place {
	const char *file;
	unsigned line;    /* 0 = the file as a whole */
	const char *text; /* as written there */
};

/* Each finds the value of `key` that answers, in the block of this kind ("" = outside of blocks) and
 * title (NULL = it has none), lists in files included. False if none does: then it is the default, or
 * nothing. */

/* The value itself; of a list its number `index`. */
bool places_find(const struct conf *c, const char *block, const char *title, const char *key, size_t index,
        struct conf_place *out);
size_t places_count(const struct conf *c, const char *block, const char *title, const char *key);
/* The narrowest prefix that holds the address. */
bool places_find_address(const struct conf *c, const char *block, const char *title, const char *key,
        const struct addr *a, struct conf_place *out);
/* The longest name that covers this one, ASCII in lower case: itself, or ".d" above it. */
bool places_find_name(const struct conf *c, const char *block, const char *title, const char *key,
        const char *name, struct conf_place *out);
/* Where the block begins. */
bool places_find_block(const struct conf *c, const char *block, const char *title, struct conf_place *out);

#endif
