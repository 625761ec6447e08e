/* fragments.c - a fixed number of slots, one for each datagram in progress.
 *
 *   slot:   header of the first fragment | payload, each fragment at its offset | a bit for each 8 bytes of it
 *
 * A datagram is whole when its last fragment has come and every bit below its length is set. What is sent twice is
 * compared; where it differs, receivers do not agree about what counts (RFC 5722 has IPv6 drop such datagrams), so
 * it is given up and becomes a hole in its stream. The same goes for a fragment that the capture has cut.
 *
 * Limits: the slot used longest ago gives way to a new datagram; 30 seconds (of packet time) as in most hosts.
 *
 * Sources: RFC 791 3.2, RFC 8200 4.5, RFC 5722.
 */
#include "wire/fragments.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum {
	UNIT = 8,            /* offsets count in it */
	PAYLOAD_MAX = 65536, /* of a datagram */
	HEADER_MAX = 256,    /* IPv6 with extension headers before the fragment header */
	KEY_BYTES = 16 + 16 + 4 + 1 + 1,
	LIFE_US = 30000000,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	FRAGMENT_BYTES = 8,
};

/* One fragment, as its headers say. */
struct piece {
	uint8_t key[KEY_BYTES]; /* addresses, identification, protocol, version */
	uint32_t header_bytes;  /* what comes before the fragmentable part, the fragment header left out */
	uint32_t next_at;       /* IPv6: where in the header the protocol of the payload is to be written */
	uint8_t proto;
	uint32_t offset;
	bool more;
	const uint8_t *payload;
	uint32_t len;
	bool cut; /* by the capture */
};

struct slot {
	bool used;
	uint8_t key[KEY_BYTES];
	uint64_t began_us;
	uint32_t header_bytes; /* 0 = the first fragment has not come */
	uint32_t total;        /* payload bytes; 0 = the last has not come */
	uint32_t reach;        /* where the fragment ends that lies furthest */
	uint32_t units;        /* bits set */
	uint8_t seen[PAYLOAD_MAX / UNIT / 8];
	uint8_t bytes[HEADER_MAX + PAYLOAD_MAX]; /* the payload stands at HEADER_MAX, the header ends there */
};

struct fragments {
	struct slot *slots;
	uint32_t count;
	struct fragments_counts counts;
};

struct fragments *fragments_new(uint32_t slots)
{
	struct fragments *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->slots = calloc(slots, sizeof(*f->slots));
	f->count = slots;
	if (f->slots)
		return f;
	free(f);
	errno = ENOMEM;
	return NULL;
}

void fragments_free(struct fragments *f)
{
	if (!f)
		return;
	free(f->slots);
	free(f);
}

struct fragments_counts fragments_counts(const struct fragments *f)
{
	return f->counts;
}

/* ---- reading headers ------------------------------------------------------------------------------ */

/* The payload [at, total) of the packet, as far as it was captured. */
static void set_payload(
        struct piece *p, const struct packet *meta, const uint8_t *bytes, uint32_t at, uint32_t total)
{
	p->payload = bytes + at;
	p->len = total - at;
	p->cut = meta->captured_bytes < total;
}

static bool read_v4(const struct packet *meta, const uint8_t *ip, struct piece *p)
{
	uint32_t header, total;
	uint16_t field;

	if (meta->captured_bytes < IPV4_BYTES)
		return false;
	header = (uint32_t)(ip[0] & 15) * 4;
	total = bytes_get16(ip + 2);
	field = bytes_get16(ip + 6);
	if (!(field & 0x3fff) || header < IPV4_BYTES || total <= header || total > meta->length_bytes ||
	        meta->captured_bytes < header)
		return false;
	memcpy(p->key, ip + 12, 8);
	memcpy(p->key + 32, ip + 4, 2);
	p->key[36] = p->proto = ip[9];
	p->key[37] = 4;
	p->header_bytes = header;
	p->offset = (field & 0x1fffu) * UNIT;
	p->more = field & 0x2000;
	set_payload(p, meta, ip, header, total);
	return true;
}

/* Hop-by-hop, routing and destination headers may stand before the fragment header. */
static bool skip_extensions(const struct packet *meta, const uint8_t *ip, uint32_t *at, uint32_t *next_at)
{
	enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, DESTINATION = 60 };

	*at = IPV6_BYTES;
	*next_at = 6;
	for (;;) {
		uint8_t next = ip[*next_at];

		if (meta->captured_bytes < *at + FRAGMENT_BYTES || *at > HEADER_MAX)
			return false;
		if (next == FRAGMENT)
			return true;
		if (next != HOP_BY_HOP && next != ROUTING && next != DESTINATION)
			return false;
		*next_at = *at;
		*at += ((uint32_t)ip[*at + 1] + 1) * UNIT;
	}
}

static bool read_v6(const struct packet *meta, const uint8_t *ip, struct piece *p)
{
	uint32_t at, total;
	uint16_t field;

	if (meta->captured_bytes < IPV6_BYTES || !skip_extensions(meta, ip, &at, &p->next_at))
		return false;
	total = IPV6_BYTES + bytes_get16(ip + 4);
	field = bytes_get16(ip + at + 2);
	if (!(field & 0xfff9) || total <= at + FRAGMENT_BYTES || total > meta->length_bytes)
		return false;
	memcpy(p->key, ip + 8, 32);
	memcpy(p->key + 32, ip + at + 4, 4);
	p->key[37] = 6;
	p->proto = ip[at];
	p->header_bytes = at;
	p->offset = field & 0xfff8u;
	p->more = field & 1;
	set_payload(p, meta, ip, at + FRAGMENT_BYTES, total);
	return true;
}

/* ---- slots ---------------------------------------------------------------------------------------- */

static void give_up(struct fragments *f, struct slot *s)
{
	f->counts.lost += s->used;
	s->used = false;
}

/* The datagram's slot, made if need be from one that is free, too old, or the oldest. */
static struct slot *slot_of(struct fragments *f, const struct piece *p, uint64_t now_us)
{
	struct slot *s, *best = f->slots;

	for (s = f->slots; s < f->slots + f->count; s++) {
		if (s->used && now_us > s->began_us + LIFE_US)
			give_up(f, s);
		if (s->used && memcmp(s->key, p->key, KEY_BYTES) == 0)
			return s;
		if (best->used && (!s->used || s->began_us < best->began_us))
			best = s;
	}
	give_up(f, best);
	memset(best, 0, offsetof(struct slot, bytes));
	best->used = true;
	best->began_us = now_us;
	memcpy(best->key, p->key, KEY_BYTES);
	return best;
}

static bool is_seen(const struct slot *s, uint32_t unit)
{
	return s->seen[unit / 8] >> unit % 8 & 1;
}

/* Lays the fragment into the slot. False: it contradicts what is there. */
static bool lay(struct slot *s, const struct piece *p)
{
	uint32_t end = p->offset + p->len, at, n, unit;

	if (p->cut || end > PAYLOAD_MAX - HEADER_MAX || (p->more && p->len % UNIT) ||
	        (s->total && end > s->total))
		return false;
	if (!p->more && (s->total ? s->total != end : s->reach > end))
		return false;
	for (at = 0; at < p->len; at += n) {
		uint8_t *to = s->bytes + HEADER_MAX + p->offset + at;

		n = p->len - at < UNIT ? p->len - at : UNIT;
		unit = (p->offset + at) / UNIT;
		if (is_seen(s, unit)) {
			if (memcmp(to, p->payload + at, n) != 0)
				return false;
			continue;
		}
		memcpy(to, p->payload + at, n);
		s->seen[unit / 8] |= (uint8_t)(1u << unit % 8);
		s->units++;
	}
	s->reach = end > s->reach ? end : s->reach;
	if (!p->more)
		s->total = end;
	return true;
}

static void keep_header(struct slot *s, const uint8_t *packet, const struct piece *p)
{
	uint8_t *header = s->bytes + HEADER_MAX - p->header_bytes;

	memcpy(header, packet, p->header_bytes);
	s->header_bytes = p->header_bytes;
	if (p->next_at)
		header[p->next_at] = p->proto;
}

static const uint8_t *finish(struct slot *s, const struct packet *meta, struct packet *whole)
{
	uint8_t *ip = s->bytes + HEADER_MAX - s->header_bytes;

	*whole = *meta;
	whole->length_bytes = whole->captured_bytes = s->header_bytes + s->total;
	if (s->key[37] == 4) {
		bytes_put16(ip + 2, (uint16_t)whole->length_bytes);
		bytes_put16(ip + 6, 0);
	} else {
		bytes_put16(ip + 4, (uint16_t)(whole->length_bytes - IPV6_BYTES));
	}
	s->used = false;
	return ip;
}

bool fragments_push(struct fragments *f, const struct packet *meta, const uint8_t *bytes,
        struct packet *whole, const uint8_t **whole_bytes)
{
	struct piece p = { .offset = 0 };
	struct slot *s;

	*whole_bytes = NULL;
	if (meta->captured_bytes == 0 ||
	        !(bytes[0] >> 4 == 4 ? read_v4(meta, bytes, &p)
	                             : bytes[0] >> 4 == 6 && read_v6(meta, bytes, &p)))
		return false;
	f->counts.fragments++;
	s = slot_of(f, &p, meta->time_us);
	if (!lay(s, &p)) {
		give_up(f, s);
		return true;
	}
	if (p.offset == 0 && s->header_bytes == 0)
		keep_header(s, bytes, &p);
	if (s->header_bytes == 0 || s->total == 0 || s->units < (s->total + UNIT - 1) / UNIT)
		return true;
	f->counts.whole++;
	*whole_bytes = finish(s, meta, whole);
	return true;
}

void fragments_finish(struct fragments *f)
{
	struct slot *s;

	for (s = f->slots; s < f->slots + f->count; s++)
		give_up(f, s);
}
