/* refused.h - the copy of a refused try (tap/nflog) to an event. */
#ifndef POSTERND_REFUSED_H
#define POSTERND_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "policy/policy.h"
#include "postern/event.h"
#include "postern/packet.h"
#include "tap/nflog.h"

/* Fills in all of out. False if the packet is no TCP that can be read. */
bool refused_read(const struct policy *policy, const uint8_t hash_key[HASH_KEY_BYTES],
        const struct packet *packet, const uint8_t *bytes, enum nflog_fate fate, struct event *out);

#endif
