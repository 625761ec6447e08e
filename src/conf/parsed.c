/* parsed.c - keeps what a configuration says: the files read, the blocks opened, each value. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/parse.h"

int array_grow(void *array, size_t count, size_t element_bytes)
{
	void **a = array;
	void *more;

	/* full at 0 and at each power of two */
	if (count & (count - 1))
		return 0;
	more = realloc(*a, (count ? 2 * count : 1) * element_bytes);
	if (!more)
		return -ENOMEM;
	*a = more;
	return 0;
}

int parse_add_source(struct parsed *p, const char *path, struct source **out, unsigned *order)
{
	struct source *s;
	int rc;

	if (array_grow(&p->sources, p->source_count, sizeof(struct source *)) < 0)
		return -ENOMEM;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	rc = source_read(path, s);
	if (rc < 0) {
		free(s);
		return rc;
	}
	*order = (unsigned)p->source_count;
	*out = s;
	p->sources[p->source_count++] = s;
	return 0;
}

struct block *parse_block(struct parsed *p, enum block_kind kind)
{
	size_t i;

	for (i = 0; i < p->block_count; i++)
		if (p->blocks[i].kind == kind)
			return &p->blocks[i];
	return NULL;
}

int parse_add_block(struct parsed *p, enum block_kind kind, const char *title, const struct place *at)
{
	char *copy = title ? strdup(title) : NULL;

	if ((title && !copy) || array_grow(&p->blocks, p->block_count, sizeof(struct block)) < 0) {
		free(copy);
		return -ENOMEM;
	}
	p->blocks[p->block_count++] = (struct block) { .kind = kind, .title = copy, .at = *at };
	return 0;
}

int parse_add_entry(
        struct parsed *p, const struct key *key, size_t block, const char *text, const struct place *at)
{
	char *copy = strdup(text);

	if (!copy || array_grow(&p->entries, p->entry_count, sizeof(struct entry)) < 0) {
		free(copy);
		return -ENOMEM;
	}
	p->entries[p->entry_count++] = (struct entry) { .key = key, .block = block, .text = copy, .at = *at };
	return 0;
}

int parse_add_unknown(struct parsed *p, enum block_kind in, const struct place *at, const char *title)
{
	if (array_grow(&p->unknowns, p->unknown_count, sizeof(struct unknown)) < 0)
		return -ENOMEM;
	p->unknowns[p->unknown_count] = (struct unknown) { .in = in, .at = *at };
	snprintf(p->unknowns[p->unknown_count++].title, SOURCE_TITLE_MAX, "%s", title);
	return 0;
}

bool parse_has_unknown_title(const struct parsed *p, const char *title)
{
	for (size_t i = 0; i < p->unknown_count; i++)
		if (p->unknowns[i].title[0] && strcmp(p->unknowns[i].title, title) == 0)
			return true;
	return false;
}

/* The one that begins last before it is the one that it stands in. */
static const struct block *block_around(const struct parsed *p, const struct unknown *u)
{
	const struct block *found = NULL;

	for (size_t i = 0; i < p->block_count; i++)
		if (p->blocks[i].kind == u->in && p->blocks[i].at.order == u->at.order &&
		        p->blocks[i].at.line <= u->at.line)
			found = &p->blocks[i];
	return found;
}

bool parse_has_unknown(const struct parsed *p, const struct block *block)
{
	for (size_t i = 0; i < p->unknown_count; i++)
		if (block_around(p, &p->unknowns[i]) == block)
			return true;
	return false;
}

int parse_add_plain_blocks(struct parsed *p, const struct place *file)
{
	unsigned kind;
	int rc = 0;

	for (kind = 0; kind < BLOCK_KINDS && rc == 0; kind++)
		if (!block_infos[kind].titled)
			rc = parse_add_block(p, kind, NULL, file);
	return rc;
}

void parse_drop_behind(struct parsed *p, const struct parse_mark *m)
{
	while (p->entry_count > m->entries)
		free(p->entries[--p->entry_count].text);
	while (p->block_count > m->blocks)
		free(p->blocks[--p->block_count].title);
	while (p->source_count > m->sources) {
		source_free(p->sources[--p->source_count]);
		free(p->sources[p->source_count]);
	}
}

void parse_free(struct parsed *p)
{
	parse_drop_behind(p, &(struct parse_mark) { 0 });
	free(p->sources);
	free(p->blocks);
	free(p->entries);
	free(p->unknowns);
	*p = (struct parsed) { 0 };
}
