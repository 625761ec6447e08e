/* nat.c - which connections are translated, and to what: remembered for their records.
 *
 * The kernel is asked in the loop's thread, at the first event behind a connection's opening: then its first packet has
 * had its verdict, so the kernel tracks it. Never in the packet path.
 *
 * Limits: CONNECTIONS are remembered, the one seen least recently is forgotten first; PER_SECOND are asked about, the
 * others at their next event. What is not known is left out of the records.
 */
#include "posternd/nat.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "tap/conntrack.h"

enum { CONNECTIONS = 65536, PER_SECOND = 2000 };
static const uint64_t SECOND_US = 1000000;

struct known {
	bool translated;
	struct event_nat nat;
};

struct nat_book {
	struct conntrack *conntrack;
	struct table *connections; /* flow_id -> struct known */
	uint64_t second;
	unsigned asked; /* in it */
};

struct nat_book *nat_new(const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct nat_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->connections = table_new(CONNECTIONS, sizeof(uint64_t), sizeof(struct known), hash_key);
	if (b->connections)
		b->conntrack = conntrack_open();
	if (b->conntrack)
		return b;
	nat_free(b);
	return NULL;
}

void nat_free(struct nat_book *b)
{
	if (!b)
		return;
	conntrack_close(b->conntrack);
	table_free(b->connections);
	free(b);
}

static bool may_ask(struct nat_book *b, uint64_t now_us)
{
	if (now_us / SECOND_US != b->second) {
		b->second = now_us / SECOND_US;
		b->asked = 0;
	}
	return b->asked++ < PER_SECOND;
}

static bool differs(const struct event_connection *c, const struct event_nat *n)
{
	return addr_compare(&c->src, &n->src) != 0 || addr_compare(&c->dst, &n->dst) != 0 ||
	       c->sport != n->sport || c->dport != n->dport;
}

static void ask(struct nat_book *b, const struct event *e)
{
	struct known k = { .translated = false };

	if (!may_ask(b, e->time_us))
		return;
	k.translated = conntrack_find(b->conntrack, &e->conn, &k.nat) == 0 && differs(&e->conn, &k.nat);
	*(struct known *)table_take(b->connections, &e->conn.flow_id, e->time_us, NULL) = k;
}

void nat_see(struct nat_book *b, const struct event *e)
{
	struct known *k;

	if (e->kind == EVENT_OPEN || !event_kind_is_followed((enum event_kind)e->kind))
		return;
	k = table_find(b->connections, &e->conn.flow_id);
	if (k)
		table_touch(b->connections, k, e->time_us);
	else
		ask(b, e);
}

void nat_forget(struct nat_book *b, const struct event *e)
{
	struct known *k = e->kind == EVENT_CLOSE ? table_find(b->connections, &e->conn.flow_id) : NULL;

	if (k)
		table_drop(b->connections, k);
}

const struct event_nat *nat_find(const struct nat_book *b, uint64_t flow_id)
{
	const struct known *k = table_find(b->connections, &flow_id);

	return k && k->translated ? &k->nat : NULL;
}
