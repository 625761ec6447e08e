/* settings.h - the values that are in force, as the file or the key table says them; for people who ask.
 *
 * Of a configuration that was loaded with `keep_places`, as places.h: of others it is the defaults.
 */
#ifndef CONF_SETTINGS_H
#define CONF_SETTINGS_H

#include <stddef.h>
#include <stdio.h>

#include "conf/conf.h"

/* The values of a key as they are written, "a, b", a long list cut with what is left out. Returns how many there are;
 * of none nothing is printed. block and title as in places.h. */
size_t settings_print_values(
        const struct conf *c, const char *block, const char *title, const char *key, FILE *to);
/* "hold 8s; session 1m; packets 256": each key of a block without title that has a value, written or by default; not
 * those of `without` (ends with NULL). No newline. */
void settings_print(const struct conf *c, const char *block, const char *const *without, FILE *to);

#endif
