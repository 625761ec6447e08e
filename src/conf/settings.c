/* settings.c - what is in force in a block, key by key, from the key table and what was written.
 *
 * So a key that is added to the table shows in `postern check` without a line there. Values are shown as they were
 * written, not as they were understood: that is what the reader can find again in his file.
 */
#include "conf/settings.h"

#include <string.h>

#include "conf/keys.h"
#include "conf/places.h"

enum { VALUES_MAX = 8 }; /* of a list that are shown */

size_t settings_print_values(
        const struct conf *c, const char *block, const char *title, const char *key, FILE *to)
{
	size_t count = places_count(c, block, title, key), n;
	struct conf_place p;

	for (n = 0; n < count && n < VALUES_MAX; n++)
		if (places_find(c, block, title, key, n, &p))
			fprintf(to, "%s%s", n == 0 ? "" : ", ", p.text[0] ? p.text : "\"\"");
	if (count > VALUES_MAX)
		fprintf(to, " and %zu more", count - VALUES_MAX);
	return count;
}

static bool is_among(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

/* "packets 256" says it all. */
static bool wants_unit(const struct key *key)
{
	return (key->type == KEY_NUMBER || key->type == KEY_DECIMAL) && key->unit[0] &&
	       strcmp(key->unit, key->name) != 0;
}

void settings_print(const struct conf *c, const char *block, const char *const *without, FILE *to)
{
	enum block_kind kind = block_find(block);
	const struct key *key = NULL;
	const char *before = "";

	while ((key = key_next(kind, key))) {
		if (is_among(key->name, without) ||
		        (!key->fallback && places_count(c, block, NULL, key->name) == 0))
			continue;
		fprintf(to, "%s%s ", before, key->name);
		if (settings_print_values(c, block, NULL, key->name, to) == 0)
			fputs(key->fallback, to);
		if (wants_unit(key))
			fprintf(to, " %s", key->unit);
		before = "; ";
	}
}
