/* copies.c - each direction of a connection is read at one interface, where a capture names them.
 *
 * `tcpdump -i any` on a gateway records a packet as it comes and as it goes. What was edited in between
 * would be told as a segment sent again with other bytes, and all bytes counted twice. So each direction
 * belongs to the interface that showed it first, and its packets at others are left out.
 *
 * What comes first of the answers is the server's side, of the requests the client's; and between the two
 * lies the gateway, which refuses recipients by changing both. Mixed, they are a conversation that nobody
 * had. Therefore a direction moves, as long as it has carried no payload, to the interface of the other
 * one when it is seen there as well: with the copy of the SYN-ACK, before the greeting.
 *
 * A route may change: when UNSEEN_MAX packets in a row came at other interfaces only, the direction moves
 * there; those packets are a hole then. A SYN with another number is a new connection.
 *
 * Limits: CONNECTIONS at a time, the one seen longest ago is forgotten; the copy of a fragment is known
 * only when the datagram is whole; behind address translation a copy has another five-tuple, and is
 * another connection to us, too.
 *
 * Rejected: leaving out what is byte for byte the same: exactly the edited packets are not.
 */
#include "postern/copies.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/table.h"
#include "wire/flow.h"
#include "wire/packet.h"

enum { CONNECTIONS = 65536, UNSEEN_MAX = 64 };

struct direction {
	uint32_t interface; /* 0 = not seen yet */
	uint32_t unseen;    /* packets at other interfaces since the last one at this */
	bool has_payload;
};

struct connection {
	struct direction of[2]; /* by the end of the key that sends */
	uint32_t syn;           /* its sequence number */
	bool has_syn;
};

struct copies {
	struct table *connections;
	uint64_t count;
};

static struct table *new_table(void)
{
	uint8_t key[HASH_KEY_BYTES];
	int rc = hash_key_random(key);

	if (rc == 0)
		return table_new(CONNECTIONS, sizeof(struct flow_key), sizeof(struct connection), key);
	errno = -rc;
	return NULL;
}

struct copies *copies_new(void)
{
	struct copies *c = calloc(1, sizeof(*c));

	if (c && !(c->connections = new_table())) {
		free(c);
		return NULL;
	}
	return c;
}

void copies_free(struct copies *c)
{
	if (!c)
		return;
	table_free(c->connections);
	free(c);
}

void copies_reset(struct copies *c)
{
	void *connection;

	while ((connection = table_oldest(c->connections, NULL)))
		table_drop(c->connections, connection);
}

static void note_syn(struct connection *connection, const struct segment *s)
{
	if ((s->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return;
	if (!connection->has_syn || connection->syn != s->seq)
		*connection = (struct connection) { .syn = s->seq, .has_syn = true };
}

/* The direction is read at this interface from now on. */
static bool moves(const struct direction *own, const struct direction *other, uint32_t interface)
{
	if (own->interface == 0 || own->unseen >= UNSEEN_MAX)
		return true;
	return !own->has_payload && interface == other->interface;
}

bool copies_has(struct copies *c, const struct packet *packet, const uint8_t *bytes)
{
	struct connection *connection;
	struct direction *own;
	struct flow_key key;
	struct segment s;
	unsigned end;

	if (packet->in_if == 0 || wire_parse(packet, bytes, &s) != WIRE_TCP)
		return false;
	end = flow_key_make(&key, &s);
	connection = table_take(c->connections, &key, packet->time_us, NULL);
	note_syn(connection, &s);
	own = &connection->of[end];
	if (moves(own, &connection->of[1 - end], packet->in_if))
		own->interface = packet->in_if;
	if (own->interface != packet->in_if) {
		own->unseen++;
		c->count++;
		return true;
	}
	own->unseen = 0;
	own->has_payload |= s.payload_bytes > 0;
	return false;
}

uint64_t copies_count(const struct copies *c)
{
	return c->count;
}
