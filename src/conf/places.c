/* places.c - keeps what was parsed beside the policy that was made of it, and finds lines in it.
 *
 * A policy merges prefixes and folds names, because decisions want few of them; which line a decision
 * comes from is asked by people alone, and seldom. So the policy stays without lines, and here the
 * written values are gone through one by one. A policy decides; this only says where it has that from.
 *
 * Limits: an answer takes time in proportion to the length of the lists (a million domains: a second).
 */
#include "conf/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/build.h"

int places_add_line(struct conf_places *p, const struct entry *e)
{
	struct entry copy = *e;

	copy.text = strdup(e->text);
	if (!copy.text || array_grow(&p->lines, p->line_count, sizeof(struct entry)) < 0) {
		free(copy.text);
		return -ENOMEM;
	}
	p->lines[p->line_count++] = copy;
	return 0;
}

void places_free(struct conf_places *p)
{
	if (!p)
		return;
	while (p->line_count > 0)
		free(p->lines[--p->line_count].text);
	free(p->lines);
	parse_free(&p->parsed);
	free(p);
}

static bool is_block(const struct block *b, const char *block, const char *title)
{
	if (strcmp(block_infos[b->kind].name, block) != 0)
		return false;
	return !title || (b->title && strcmp(b->title, title) == 0);
}

/* Entry number i, those of the configuration first. NULL behind the last one. */
static const struct entry *entry_at(const struct conf_places *p, size_t i)
{
	if (i < p->parsed.entry_count)
		return &p->parsed.entries[i];
	i -= p->parsed.entry_count;
	return i < p->line_count ? &p->lines[i] : NULL;
}

/* The next value of that key from *i on, which is moved behind it. Lines of a list file count as
 * values of `key`, which names the list that they add to. */
static const struct entry *next_value(
        const struct conf *c, const char *block, const char *title, const char *key, size_t *i)
{
	static const struct {
		const char *file_key, *adds_to;
	} lists[] = { { "domains-file", "domains" }, { "file", "addresses" } };
	const struct entry *e;
	const char *name;

	if (!c->places)
		return NULL;
	while ((e = entry_at(c->places, (*i)++))) {
		bool is_line = *i > c->places->parsed.entry_count;

		name = e->key->name;
		for (size_t l = 0; is_line && l < sizeof(lists) / sizeof(lists[0]); l++)
			if (strcmp(name, lists[l].file_key) == 0)
				name = lists[l].adds_to;
		if (strcmp(name, key) == 0 && is_block(&c->places->parsed.blocks[e->block], block, title))
			return e;
	}
	return NULL;
}

static struct conf_place place_of(const struct entry *e)
{
	return (struct conf_place) { e->at.file, e->at.line, e->text };
}

bool places_find(const struct conf *c, const char *block, const char *title, const char *key, size_t index,
        struct conf_place *out)
{
	const struct entry *e;
	size_t i = 0;

	while ((e = next_value(c, block, title, key, &i)))
		if (index-- == 0) {
			*out = place_of(e);
			return true;
		}
	return false;
}

size_t places_count(const struct conf *c, const char *block, const char *title, const char *key)
{
	size_t i = 0, count = 0;

	while (next_value(c, block, title, key, &i))
		count++;
	return count;
}

bool places_find_address(const struct conf *c, const char *block, const char *title, const char *key,
        const struct addr *a, struct conf_place *out)
{
	const struct entry *e;
	struct prefix prefix;
	int bits = -1;
	size_t i = 0;

	while ((e = next_value(c, block, title, key, &i)))
		if (prefix_parse(e->text, &prefix) == 0 && prefix_contains(&prefix, a) &&
		        (int)prefix.bits > bits) {
			*out = place_of(e);
			bits = prefix.bits;
		}
	return bits >= 0;
}

/* How many bytes of the name this form of an entry covers; 0 = none. */
static size_t covered(const char *form, const char *name)
{
	size_t len = strlen(form), name_len = strlen(name);

	if (len == 0 || len > name_len || strcmp(name + name_len - len, form) != 0)
		return 0;
	return len == name_len || form[0] == '.' ? len : 0;
}

bool places_find_name(const struct conf *c, const char *block, const char *title, const char *key,
        const char *name, struct conf_place *out)
{
	char why[DOMAIN_WHY_MAX];
	struct domain_forms forms;
	const struct entry *e;
	size_t best = 0, i = 0, len;

	while ((e = next_value(c, block, title, key, &i))) {
		if (domain_read(e->text, true, &forms, why) < 0)
			continue;
		len = covered(forms.ascii, name);
		len = len ? len : covered(forms.unicode, name);
		if (len <= best)
			continue;
		*out = place_of(e);
		best = len;
	}
	return best > 0;
}

bool places_find_block(const struct conf *c, const char *block, const char *title, struct conf_place *out)
{
	const struct parsed *p = c->places ? &c->places->parsed : NULL;

	for (size_t i = 0; p && i < p->block_count; i++)
		if (is_block(&p->blocks[i], block, title)) {
			*out = (struct conf_place) { p->blocks[i].at.file, p->blocks[i].at.line,
				p->blocks[i].title };
			return true;
		}
	return false;
}
