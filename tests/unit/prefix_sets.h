/* prefix_sets.h - random sets of disjoint prefixes that touch each other and both ends of the address space. */
#ifndef UNIT_PREFIX_SETS_H
#define UNIT_PREFIX_SETS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/addr.h"

/* The address space in cells of this many bits' choice; a set of prefixes is a set of cells. */
enum { PREFIX_SET_BITS = 6, PREFIX_SET_CELLS = 1 << PREFIX_SET_BITS };

struct prefix_set {
	struct prefix items[PREFIX_SET_CELLS]; /* disjoint, ascending */
	unsigned count;
	bool cells[PREFIX_SET_CELLS];
};

/* First address of a cell. */
static inline struct addr prefix_set_cell(bool v6, unsigned cell)
{
	const uint8_t byte = (uint8_t)(cell << (8 - PREFIX_SET_BITS)), bytes[16] = { byte };

	return v6 ? addr_from_v6(bytes) : addr_from_v4(bytes);
}

static inline void prefix_set_split(struct prefix_set *s, bool v6, unsigned first, unsigned bits)
{
	const unsigned cells = (unsigned)PREFIX_SET_CELLS >> bits;
	const int choice = rand() % 8;

	if (choice == 0 || (bits == PREFIX_SET_BITS && choice < 5)) {
		s->items[s->count++] =
		        (struct prefix) { prefix_set_cell(v6, first), (uint8_t)(bits + (v6 ? 0 : 96)) };
		for (unsigned i = 0; i < cells; i++)
			s->cells[first + i] = true;
	} else if (choice > 1 && bits < PREFIX_SET_BITS) {
		prefix_set_split(s, v6, first, bits + 1);
		prefix_set_split(s, v6, first + cells / 2, bits + 1);
	}
}

/* By rand(). Now and then empty, and now and then everything. */
static inline void prefix_set_make(struct prefix_set *s, bool v6)
{
	*s = (struct prefix_set) { .count = 0 };
	prefix_set_split(s, v6, 0, 0);
}

#endif
