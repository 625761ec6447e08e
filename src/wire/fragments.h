/* fragments.h - IP fragments to whole packets, for captures.
 *
 * Live traffic never needs it: conntrack puts fragments together before our hooks see them. All memory is taken
 * at fragments_new(); nothing of a datagram is given out before all of it is there.
 */
#ifndef WIRE_FRAGMENTS_H
#define WIRE_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/packet.h"

struct fragments;

struct fragments_counts {
	uint64_t fragments; /* seen */
	uint64_t whole;     /* datagrams put together */
	uint64_t
	        lost; /* datagrams given up: never whole, cut by the capture, or overlapping with other bytes */
};

/* slots: datagrams in progress at most, 1..4096, 64 KiB each; NULL with errno. */
struct fragments *fragments_new(uint32_t slots);
void fragments_free(struct fragments *f); /* NULL is fine */

/* False: the packet is no fragment. True: it is; *whole_bytes is the datagram it completes, with *whole
 * describing it, valid until the next call; or NULL if it completes none. */
bool fragments_push(struct fragments *f, const struct packet *meta, const uint8_t *bytes,
        struct packet *whole, const uint8_t **whole_bytes);
/* Gives up what is not whole. */
void fragments_finish(struct fragments *f);
struct fragments_counts fragments_counts(const struct fragments *f);

#endif
