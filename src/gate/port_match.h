/* port_match.h - what a rule of anybody asks of a port: does it hold for this one? Pure. */
#ifndef GATE_PORT_MATCH_H
#define GATE_PORT_MATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { PORT_MATCH_ELEMENTS_MAX = 512, PORT_MATCH_SET_MAX = 256 };

/* One of three: compared with a number, with a range, looked up in a set. Begins as zeros. */
struct port_match {
	uint32_t op;       /* enum nft_cmp_ops */
	uint16_t from, to; /* to: of NFT_RANGE_ only */
	bool range, lookup, inverted;
	char set[PORT_MATCH_SET_MAX];
	struct {
		uint16_t key;
		bool end;
	} elements[PORT_MATCH_ELEMENTS_MAX];
	unsigned element_count;
	bool intervals, unknown;
};

/* An element of the set, or the end of an interval, as the kernel tells them, in any order. */
void port_match_add(struct port_match *c, uint16_t key, bool end);
bool port_match_holds(const struct port_match *c, uint16_t port);

#endif
