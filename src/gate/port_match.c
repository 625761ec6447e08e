/* port_match.c - what a rule of anybody asks of a port: does it hold for this one?
 *
 * What is not known (a set with too many elements, another operation) is taken as fulfilled.
 */
#include "gate/port_match.h"

#include <linux/netfilter/nf_tables.h>

void port_match_add(struct port_match *c, uint16_t key, bool end)
{
	if (c->element_count == PORT_MATCH_ELEMENTS_MAX) {
		c->unknown = true;
		return;
	}
	c->intervals |= end;
	c->elements[c->element_count].key = key;
	c->elements[c->element_count++].end = end;
}

static bool holds_in_set(const struct port_match *c, uint16_t port)
{
	int best = -1;
	bool in = false;

	for (unsigned i = 0; i < c->element_count; i++) {
		int key = c->elements[i].key;

		if (!c->intervals && key == port)
			return true;
		if (c->intervals && key <= port && key > best) {
			best = key;
			in = !c->elements[i].end;
		} else if (c->intervals && key == best && !c->elements[i].end) {
			in = true; /* one interval ends where the next begins */
		}
	}
	return in;
}

bool port_match_holds(const struct port_match *c, uint16_t port)
{
	if (c->unknown)
		return true;
	if (c->lookup)
		return holds_in_set(c, port) != c->inverted;
	if (c->range)
		return (port >= c->from && port <= c->to) != c->inverted;
	switch (c->op) {
	case NFT_CMP_EQ:
		return port == c->from;
	case NFT_CMP_NEQ:
		return port != c->from;
	case NFT_CMP_LT:
		return port < c->from;
	case NFT_CMP_LTE:
		return port <= c->from;
	case NFT_CMP_GT:
		return port > c->from;
	case NFT_CMP_GTE:
		return port >= c->from;
	default:
		return true;
	}
}
