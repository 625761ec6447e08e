/* restart.c - see restart.h. One table, for the reload that refuses them and for the manual page that says so.
 *
 * Queue and table belong to sockets of the kernel, sizes to memory that is taken at the start, socket and store to others who
 * have them open.
 */
#include "conf/restart.h"

#include <stddef.h>
#include <string.h>

#include "conf/conf.h"
#include "policy/watching.h"

#define QUEUE                                                                                                \
	"restart it; until it listens again, what is inspected passes unseen or is dropped, as queue.fail "  \
	"says"
#define CHAINS                                                                                               \
	"restart it; it moves the chains then, at which the kernel drops what waits in queues, and TCP "     \
	"sends it again"
#define TABLE                                                                                                \
	"stop it, remove the old table (nft delete table inet OLD), start it; in between port 25 is not "    \
	"guarded"
#define OWNER "restart it; a table that was made without an owner gets one after postern down"
#define PLAIN "restart it"

enum { TEXT = 0 }; /* as a size: a char * */

#define VALUE(field) offsetof(struct conf, field), sizeof(((struct conf *)NULL)->field)
#define STRING(field) offsetof(struct conf, field), TEXT

static const struct {
	const char *key;
	const char *remedy;
	size_t offset, size; /* in struct conf */
	bool in_watching;    /* in struct watching instead */
} table[] = {
	{ "queue.number", QUEUE, VALUE(queue.number) },
	{ "queue.workers", QUEUE, VALUE(queue.workers) },
	{ "queue.length", QUEUE, VALUE(queue.length) },
	{ "nft.table", TABLE, STRING(nft.table) },
	{ "nft.priority", CHAINS, VALUE(nft.priority) },
	{ "nft.mark-mask", QUEUE, VALUE(nft.mark_mask) },
	{ "nft.own", OWNER, VALUE(nft.own) },
	{ "store.path", PLAIN, STRING(store.path) },
	{ "block.size", PLAIN, VALUE(block_size) },
	{ "watch.sources", PLAIN, offsetof(struct watching, sources),
	        sizeof(((struct watching *)NULL)->sources), .in_watching = true },
	{ "control.path", PLAIN, STRING(control.path) },
	{ "control.group", PLAIN, STRING(control.group) },
};
enum { COUNT = sizeof(table) / sizeof(table[0]) };

bool restart_needs(const char *key)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(table[i].key, key) == 0)
			return true;
	return false;
}

static const void *value_of(const struct conf *c, size_t i)
{
	const char *base = table[i].in_watching ? (const char *)policy_watching(c->policy) : (const char *)c;

	return base + table[i].offset;
}

static bool is_same(const void *a, const void *b, size_t size)
{
	const char *text_a, *text_b;

	if (size != TEXT)
		return memcmp(a, b, size) == 0;
	memcpy(&text_a, a, sizeof(text_a));
	memcpy(&text_b, b, sizeof(text_b));
	return strcmp(text_a, text_b) == 0;
}

void restart_each(const struct conf *from, const struct conf *to, restart_key *each, void *arg)
{
	for (size_t i = 0; i < COUNT; i++)
		if (!is_same(value_of(from, i), value_of(to, i), table[i].size))
			each(arg, table[i].key, table[i].remedy);
}
