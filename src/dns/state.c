/* state.c - see state.h.
 *
 *   postern upstreams 1
 *   name UPSTREAM SOURCE NAME RESOLVED GOOD HELD
 *   address PREFIX SINCE LEFT TTL-END VALIDATION HOST     of the name before it
 *   end SUM
 *
 * Times are seconds since 1970. SUM is over all lines before it: a disk's fault must not become an address that
 * may deliver. A name counts as the same when upstream, source and name are; what the configuration does not
 * name any more is left out when it is read.
 */
#include "dns/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define HEAD "postern upstreams 1\n"

static const char *const sources[DNS_SOURCE_COUNT] = { DNS_SOURCE_NAMES };
static const char *const validations[DNS_VALIDATION_COUNT] = { DNS_VALIDATION_NAMES };

static uint64_t sum_of(const char *text, size_t len)
{
	static const uint8_t key[HASH_KEY_BYTES];

	return hash_bytes(key, text, len);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void print_root(const struct upstream *u, unsigned root, FILE *to)
{
	const struct upstream_root *r = &u->roots[root];
	char text[PREFIX_TEXT_MAX];

	fprintf(to, "name %s %s %s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", u->title, sources[r->source],
	        r->name, r->resolved_s, r->good_s, r->held_s);
	for (size_t i = 0; i < u->entry_count; i++) {
		const struct upstream_entry *e = &u->entries[i];

		if (e->root == root)
			fprintf(to, "address %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %s\n",
			        prefix_print(&e->prefix, text), e->since_s, e->left_s, e->ttl_end_s,
			        validations[e->validation], e->host);
	}
}

int state_print(const struct upstream *list, size_t count, FILE *to)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return -EIO;
	fputs(HEAD, memory);
	for (size_t i = 0; i < count; i++)
		for (unsigned root = 0; root < list[i].root_count; root++)
			print_root(&list[i], root, memory);
	if (fclose(memory) != 0) {
		free(text);
		return -EIO;
	}
	fprintf(to, "%send %016" PRIx64 "\n", text, sum_of(text, len));
	free(text);
	return ferror(to) ? -EIO : 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int find_word(const char *const *words, int count, const char *word)
{
	for (int i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

struct reader {
	struct upstream *list;
	size_t count;
	struct upstream *upstream; /* of the last name; NULL = not for us */
	unsigned root;
};

/* Whose name this is, if it has nothing yet. */
static void find_root(struct reader *r, const char *title, int source, const char *name)
{
	r->upstream = NULL;
	for (size_t i = 0; i < r->count; i++)
		for (unsigned k = 0; k < r->list[i].root_count; k++) {
			const struct upstream_root *root = &r->list[i].roots[k];

			if (strcmp(r->list[i].title, title) == 0 && (int)root->source == source &&
			        strcmp(root->name, name) == 0 && root->resolved_s == 0) {
				r->upstream = &r->list[i];
				r->root = k;
			}
		}
}

static int read_name(struct reader *r, const char *line)
{
	char title[UPSTREAM_TITLE_MAX], source[16], name[DNS_NAME_MAX];
	uint64_t resolved_s, good_s, held_s;

	if (sscanf(line, "name %63s %15s %255s %" SCNu64 " %" SCNu64 " %" SCNu64, title, source, name,
	            &resolved_s, &good_s, &held_s) != 6)
		return -EBADMSG;
	find_root(r, title, find_word(sources, DNS_SOURCE_COUNT, source), name);
	if (!r->upstream)
		return 0;
	r->upstream->roots[r->root].resolved_s = resolved_s;
	r->upstream->roots[r->root].good_s = good_s;
	r->upstream->roots[r->root].held_s = held_s;
	return 0;
}

static int read_address(struct reader *r, const char *line)
{
	char prefix[PREFIX_TEXT_MAX], validation[16];
	struct upstream_entry e = { .root = (uint16_t)r->root };
	int v;

	if (sscanf(line, "address %49s %" SCNu64 " %" SCNu64 " %" SCNu64 " %15s %255s", prefix, &e.since_s,
	            &e.left_s, &e.ttl_end_s, validation, e.host) != 6)
		return -EBADMSG;
	v = find_word(validations, DNS_VALIDATION_COUNT, validation);
	if (v < 0 || prefix_parse(prefix, &e.prefix) < 0)
		return -EBADMSG;
	e.validation = (uint8_t)v;
	return r->upstream ? upstream_put(r->upstream, &e) : 0;
}

int state_read(struct upstream *list, size_t count, char *text)
{
	char *end = strstr(text, "\nend "), *line, *next;
	struct reader r = { .list = list, .count = count };
	int rc = 0;

	if (strncmp(text, HEAD, strlen(HEAD)) != 0 || !end ||
	        strtoull(end + 5, NULL, 16) != sum_of(text, (size_t)(end + 1 - text)))
		return -EBADMSG;
	*end = '\0';
	next = text + strlen(HEAD) - 1;
	(void)strsep(&next, "\n");
	while (rc == 0 && (line = strsep(&next, "\n")))
		if (*line)
			rc = strncmp(line, "name ", 5) == 0 ? read_name(&r, line) : read_address(&r, line);
	return rc;
}
