/* hints.c - see hints.h.
 *
 * "Nearly" is the edit distance with swaps of neighbours (optimal string alignment: Damerau 1964,
 * Levenshtein 1966), at most a third of the longer name. Before that come words that other programs have for what is
 * ours by another name: they are far from it, or near, or the name of, something else.
 */
#include "conf/hints.h"

#include <stdio.h>
#include <string.h>

#include "postern/kind.h"

enum { NEAREST_TEXT_MAX = 64, ABBREVIATION_MIN = 3, BLOCK_LIST_MAX = 100, BLOCKS_TOLD_MAX = 3 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

static unsigned edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned d[NEAREST_TEXT_MAX + 1][NEAREST_TEXT_MAX + 1];
	size_t i, j;

	for (i = 0; i <= a_len; i++)
		d[i][0] = (unsigned)i;
	for (j = 0; j <= b_len; j++)
		d[0][j] = (unsigned)j;
	for (i = 1; i <= a_len; i++)
		for (j = 1; j <= b_len; j++) {
			d[i][j] = min3(
			        d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			        d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[a_len][b_len];
}

void nearest_try(const char *text, const char *candidate, const char **best, unsigned *distance)
{
	size_t len = strlen(text), candidate_len = strlen(candidate);
	size_t longer = len > candidate_len ? len : candidate_len;
	unsigned found;

	if (len > NEAREST_TEXT_MAX || candidate_len > NEAREST_TEXT_MAX)
		return;
	found = edit_distance(text, len, candidate, candidate_len);
	if (found > (longer + 1) / 3 || (*best && found >= *distance))
		return;
	*best = candidate;
	*distance = found;
}

const char *nearest_rule(const char *text)
{
	const char *best = NULL;
	unsigned distance = 0;

	for (unsigned i = 0; i < FINDING_KIND_COUNT; i++)
		nearest_try(text, finding_kind_at(i)->rule, &best, &distance);
	return best;
}

/* The block whose key this is, if it is one key's name only elsewhere. */
static const struct key *key_elsewhere(const char *name)
{
	size_t i;

	for (i = 0; i < key_count; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* "relay, smuggling or another": the blocks with such a key, of which there is at least one. */
static void list_blocks(const char *name, char *buf, size_t room)
{
	unsigned kind, left = 0, told = 0;
	size_t len = 0;

	for (kind = BLOCK_ROOT + 1; kind < BLOCK_KINDS; kind++)
		left += key_find(kind, name) != NULL;
	buf[0] = '\0';
	for (kind = BLOCK_ROOT + 1; left > 0 && len < room; kind++)
		if (key_find(kind, name)) {
			bool last = --left == 0 || ++told == BLOCKS_TOLD_MAX;
			const char *next = left == 0 ? "" : last ? " or another" : left == 1 ? " or " : ", ";

			len += (size_t)snprintf(buf + len, room - len, "%s%s", block_infos[kind].name, next);
			if (last)
				break;
		}
}

/* The block with a title whose name begins so; NULL = none. */
static const char *begun_block(const char *name)
{
	size_t len = strlen(name);
	unsigned kind;

	for (kind = BLOCK_ROOT + 1; kind < BLOCK_KINDS && len >= ABBREVIATION_MIN; kind++)
		if (block_infos[kind].titled && strncmp(block_infos[kind].name, name, len) == 0)
			return block_infos[kind].name;
	return NULL;
}

/* What other programs call it. */
static const struct {
	enum block_kind block;
	const char *word, *ours;
} words[] = {
	{ BLOCK_ROOT, "server", "servers" },
	{ BLOCK_ROOT, "mailserver", "servers" },
	{ BLOCK_ROOT, "isp", "upstream" },
	{ BLOCK_ROOT, "provider", "upstream" },
	{ BLOCK_ROOT, "smarthost", "upstream" },
	{ BLOCK_ROOT, "group", "network" },
	{ BLOCK_ROOT, "acl", "rule" },
	{ BLOCK_ROOT, "mynetworks", "home" },
	{ BLOCK_ROOT, "lan", "home" },
	{ BLOCK_ROOT, "default", "otherwise" },
	{ BLOCK_ROOT, "whitelist", "never-block" },
	{ BLOCK_ROOT, "allowlist", "never-block" },
	{ BLOCK_UPSTREAM, "ip", "addresses" },
	{ BLOCK_UPSTREAM, "mx", "mx-of" },
	{ BLOCK_UPSTREAM, "spf", "spf-of" },
	{ BLOCK_UPSTREAM, "names", "hosts" },
	{ BLOCK_SERVERS, "ip", "addresses" },
	{ BLOCK_SERVERS, "hosts", "names" },
	{ BLOCK_SERVERS, "hostname", "names" },
	{ BLOCK_SERVERS, "mynetworks", "may-relay" },
	{ BLOCK_NETWORK, "ip", "addresses" },
	{ BLOCK_RULE, "action", "do" },
	{ BLOCK_RULE, "verdict", "do" },
	{ BLOCK_RULE, "src", "from" },
	{ BLOCK_RULE, "source", "from" },
	{ BLOCK_RULE, "client", "from" },
	{ BLOCK_RULE, "dst", "to" },
	{ BLOCK_RULE, "dest", "to" },
	{ BLOCK_RULE, "destination", "to" },
	{ BLOCK_RULE, "server", "to" },
};

/* NULL = there is none. Only a block has a title: a key is not taken for one, if a block elsewhere has such a key. */
static const char *our_word(enum block_kind block, const char *name, bool titled)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].block == block && strcmp(words[i].word, name) == 0)
			return block == BLOCK_ROOT && !titled && key_elsewhere(name) ? NULL : words[i].ours;
	return NULL;
}

bool key_is_outside(enum block_kind block, const char *name)
{
	const struct key *k = key_elsewhere(name);

	return block != BLOCK_ROOT && ((k && k->block == BLOCK_ROOT) || block_find(name) != BLOCK_KINDS);
}

char *key_hint(enum block_kind block, const char *name, bool titled, char buf[KEY_HINT_MAX])
{
	const struct key *k = key_elsewhere(name);
	const char *best = our_word(block, name, titled);
	char blocks[BLOCK_LIST_MAX];
	unsigned distance = 0, kind;

	if (key_is_outside(block, name)) {
		snprintf(buf, KEY_HINT_MAX, "it belongs outside of blocks; close the block before it");
		return buf;
	}
	if (k && !best) {
		list_blocks(name, blocks, sizeof(blocks));
		snprintf(buf, KEY_HINT_MAX, "it belongs into a block: %s { %s ... }", blocks, name);
		return buf;
	}
	if (best || (block == BLOCK_ROOT && (best = begun_block(name)))) {
		snprintf(buf, KEY_HINT_MAX, "did you mean %s?", best);
		return buf;
	}
	for (k = NULL; (k = key_next(block, k));)
		nearest_try(name, k->name, &best, &distance);
	for (kind = BLOCK_ROOT + 1; block == BLOCK_ROOT && kind < BLOCK_KINDS; kind++)
		nearest_try(name, block_infos[kind].name, &best, &distance);
	if (best)
		snprintf(buf, KEY_HINT_MAX, "did you mean %s?", best);
	else
		snprintf(buf, KEY_HINT_MAX, "remove it (postern.conf(5) lists all keys)");
	return buf;
}
