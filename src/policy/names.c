/* names.c - sets of names as a sorted array of folded strings.
 *
 * "every subdomain of example.org" is kept as ".example.org", leading dot and all, so the question
 * for mail.lists.example.org is asked for the name itself and then for what begins at each of its
 * dots. At most 128 binary searches for a name of 255 bytes, usually two or three.
 *
 * Only ASCII is folded. Internationalised names are compared byte by byte: whoever fills the set
 * adds both spellings. A hash set was rejected: it would save a few comparisons a recipient and cost
 * a second structure.
 */
#include "policy/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 8 };

void names_fini(struct names *set)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		free(set->at[i]);
	free(set->at);
	*set = (struct names) { 0 };
}

/* Lower case, without one trailing dot, terminated. False if nothing is left, too much is, or a NUL
 * hides in it. */
static bool fold(const char *name, size_t len, char out[NAMES_TEXT_MAX + 1])
{
	size_t i;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > NAMES_TEXT_MAX || memchr(name, '\0', len))
		return false;
	for (i = 0; i < len; i++)
		out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + ('a' - 'A')) : name[i];
	out[len] = '\0';
	return true;
}

int names_add(struct names *set, const char *name)
{
	char folded[NAMES_TEXT_MAX + 1];

	if (!fold(name, strlen(name), folded))
		return -EINVAL;
	if (set->count == set->room) {
		size_t room = set->room ? 2 * set->room : ROOM_FIRST;
		char **grown = reallocarray(set->at, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		set->at = grown;
		set->room = room;
	}
	set->at[set->count] = strdup(folded);
	if (!set->at[set->count])
		return -ENOMEM;
	set->count++;
	return 0;
}

static int compare_names(const void *left, const void *right)
{
	const char *const *a = left, *const *b = right;

	return strcmp(*a, *b);
}

void names_seal(struct names *set)
{
	size_t i, kept = 0;

	if (set->count == 0)
		return;
	qsort(set->at, set->count, sizeof(set->at[0]), compare_names);
	for (i = 0; i < set->count; i++) {
		if (kept > 0 && strcmp(set->at[kept - 1], set->at[i]) == 0)
			free(set->at[i]);
		else
			set->at[kept++] = set->at[i];
	}
	set->count = kept;
}

static bool have_folded(const struct names *set, const char *folded)
{
	return set->count > 0 &&
	       bsearch(&folded, set->at, set->count, sizeof(set->at[0]), compare_names) != NULL;
}

bool names_have(const struct names *set, const char *name, size_t len)
{
	char folded[NAMES_TEXT_MAX + 1];

	return fold(name, len, folded) && have_folded(set, folded);
}

bool names_cover(const struct names *set, const char *name, size_t len)
{
	char folded[NAMES_TEXT_MAX + 1];
	const char *dot;

	/* no host name begins with a dot; taken as it is, it would match the entry for subdomains */
	if (!fold(name, len, folded) || folded[0] == '.')
		return false;
	if (have_folded(set, folded))
		return true;
	for (dot = strchr(folded, '.'); dot; dot = strchr(dot + 1, '.'))
		if (have_folded(set, dot))
			return true;
	return false;
}
