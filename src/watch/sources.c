/* sources.c - see sources.h.
 *
 * A row is found by the keyed hash of its prefix. Which servers it has talked to is remembered as keyed hashes of 64 bits: half
 * of the first one in the row itself, since most sources have no second one, the next in chunks of a pool that all rows share.
 * A row that was restored does not know its servers of before: its number goes on only when this daemon has seen more.
 *
 * Who leaves when the rows are taken: watch/standing.h, with all that was counted as the weight; of bytes, each 64 KiB.
 *
 * Of a million rows each one is far from the processor, so all that an event needs of a source lies in its row, with the memory
 * of the parts, and the row is looked for once in a connection.
 */
#include "watch/sources.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"
#include "watch/standing.h"

enum {
	ROWS_MAX = 1 << 22,
	CHUNK_HASHES = 7,
	CHUNK_SHARE = 8,     /* rows to one chunk */
	CHUNKS_MIN = 1024,   /* however few rows there are */
	DESTINATIONS = 1024, /* remembered of one source */
	WEIGHT_BYTES_BITS = 16,
	MAPPED_BITS = 96
};

struct chunk {
	uint64_t hashes[CHUNK_HASHES];
	uint32_t next; /* the one filled before */
};

struct row {
	struct source source;
	uint32_t next; /* in its bucket */
	struct standing_link standing;
};
static_assert(ROWS_MAX / CHUNK_SHARE < 1 << (32 - SOURCE_HOSTS_BITS), "chunks have their numbers");
static_assert(DESTINATIONS < 1 << SOURCE_HOSTS_BITS, "and servers are counted");

struct sources {
	struct slab *rows, *chunks;
	struct standing standing;
	uint32_t *buckets;
	uint32_t bucket_mask, count;
	uint64_t evicted;
	uint64_t before_us; /* of the row given last */
	uint8_t hash_key[HASH_KEY_BYTES];
};

static struct row *row_at(const struct sources *s, uint32_t position)
{
	return slab_at(s->rows, position);
}

static struct standing_link *link_at(const void *sources, uint32_t position)
{
	return &row_at(sources, position)->standing;
}

struct sources *sources_new(uint32_t rows, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct sources *s;
	uint32_t buckets = 1, chunks = rows / CHUNK_SHARE;

	if (rows < 1 || rows > ROWS_MAX) {
		errno = EINVAL;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	while (buckets < rows)
		buckets <<= 1;
	s->bucket_mask = buckets - 1;
	memcpy(s->hash_key, hash_key, HASH_KEY_BYTES);
	s->rows = slab_new(rows, sizeof(struct row));
	s->chunks = slab_new(chunks > CHUNKS_MIN ? chunks : CHUNKS_MIN, sizeof(struct chunk));
	standing_init(&s->standing, link_at, s);
	s->buckets = calloc(buckets, sizeof(*s->buckets));
	if (s->rows && s->chunks && s->buckets)
		return s;
	sources_free(s);
	errno = ENOMEM;
	return NULL;
}

void sources_free(struct sources *s)
{
	if (!s)
		return;
	slab_free(s->rows);
	slab_free(s->chunks);
	free(s->buckets);
	free(s);
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct prefix sources_prefix(const struct addr *a, uint8_t bits_v4, uint8_t bits_v6)
{
	struct prefix p;

	memset(&p, 0, sizeof(p));
	p.bits = (uint8_t)(addr_is_v4(a) ? MAPPED_BITS + bits_v4 : bits_v6);
	p.addr = addr_mask(a, p.bits);
	return p;
}

static uint32_t *bucket_of(const struct sources *s, const struct prefix *p)
{
	uint8_t key[sizeof(p->addr) + 1];

	memcpy(key, &p->addr, sizeof(p->addr));
	key[sizeof(p->addr)] = p->bits;
	return &s->buckets[hash_bytes(s->hash_key, key, sizeof(key)) & s->bucket_mask];
}

/* 0 = not there. */
static uint32_t find_row(const struct sources *s, const struct prefix *p)
{
	uint32_t position = *bucket_of(s, p);

	while (position) {
		const struct row *r = row_at(s, position);

		if (prefix_is_same(&r->source.prefix, p))
			break;
		position = r->next;
	}
	return position;
}

static void set_chunk(struct source *source, uint32_t position)
{
	source->more_hosts = position & ((1U << (32 - SOURCE_HOSTS_BITS)) - 1);
}

static void drop_servers(struct sources *s, struct source *source)
{
	while (source->more_hosts) {
		const struct chunk *c = slab_at(s->chunks, source->more_hosts);
		uint32_t next = c->next;

		slab_give(s->chunks, source->more_hosts);
		set_chunk(source, next);
	}
}

static void drop_row(struct sources *s, uint32_t position)
{
	struct row *r = row_at(s, position);
	uint32_t *link = bucket_of(s, &r->source.prefix);

	while (*link != position)
		link = &row_at(s, *link)->next;
	*link = r->next;
	standing_drop(&s->standing, position);
	drop_servers(s, &r->source);
	memset(r, 0, sizeof(*r)); /* the next one begins with it, and a scan passes it over */
	slab_give(s->rows, position);
	s->count--;
}

/* Another one leaves for it, if need be. */
static uint32_t add_row(struct sources *s, const struct prefix *p, uint64_t now_us)
{
	uint32_t position = slab_take(s->rows), *bucket;
	struct row *r;

	if (!position) {
		drop_row(s, standing_least(&s->standing, now_us));
		s->evicted++;
		position = slab_take(s->rows);
	}
	r = row_at(s, position);
	bucket = bucket_of(s, p);
	r->source.prefix = *p;
	r->source.first_us = now_us;
	r->next = *bucket;
	*bucket = position;
	s->count++;
	return position;
}

/* ---- servers --------------------------------------------------------------------------------- */

uint32_t sources_name_host(const uint8_t hash_key[HASH_KEY_BYTES], const struct addr *host)
{
	return (uint32_t)hash_bytes(hash_key, host, sizeof(*host));
}

/* Of the chunk filled last. */
static unsigned hashes_in_last(const struct source *source)
{
	return source->more_hosts ? (source->hosts - 2U) % CHUNK_HASHES + 1 : 0;
}

static bool knows_server(const struct sources *s, const struct source *source, uint64_t hash)
{
	unsigned filled = hashes_in_last(source), i;
	uint32_t position = source->more_hosts;

	if (source->hosts > 0 && source->host == (uint32_t)hash)
		return true;
	while (position) {
		const struct chunk *c = slab_at(s->chunks, position);

		for (i = 0; i < filled; i++)
			if (c->hashes[i] == hash)
				return true;
		filled = CHUNK_HASHES;
		position = c->next;
	}
	return false;
}

/* Where the next one goes. NULL: there is no room for it. */
static uint64_t *next_hash(struct sources *s, struct source *source)
{
	unsigned filled = hashes_in_last(source);
	struct chunk *c;

	if (filled == 0 || filled == CHUNK_HASHES) {
		uint32_t position = slab_take(s->chunks);

		if (!position)
			return NULL;
		c = slab_at(s->chunks, position);
		c->next = source->more_hosts;
		set_chunk(source, position);
		filled = 0;
	}
	c = slab_at(s->chunks, source->more_hosts);
	return &c->hashes[filled];
}

/* False: there is no room for it. */
static bool remember_server(struct sources *s, struct source *source, uint64_t hash)
{
	uint64_t *place;

	if (source->hosts == 0) {
		source->host = (uint32_t)hash;
	} else {
		place = source->hosts < DESTINATIONS ? next_hash(s, source) : NULL;
		if (!place)
			return false;
		*place = hash;
	}
	source->hosts = (source->hosts + 1U) & ((1U << SOURCE_HOSTS_BITS) - 1);
	return true;
}

static void see_server(struct sources *s, struct source *source, const struct addr *dst)
{
	uint64_t hash = hash_bytes(s->hash_key, dst, sizeof(*dst));
	uint64_t *n = &source->n[SOURCE_DESTINATIONS];

	if (knows_server(s, source, hash) || !remember_server(s, source, hash))
		return;
	source->new_host = 1;
	if (source->hosts > *n)
		*n = source->hosts;
}

/* ---- counting -------------------------------------------------------------------------------- */

static bool is_yes(const struct event_reply *reply)
{
	return reply->code / 100 == 2;
}

static bool is_null(const struct event_path *path)
{
	return path->len == 2 && memcmp(path->bytes, "<>", 2) == 0;
}

bool sources_connects(const struct event *e)
{
	return (e->kind == EVENT_GREETING && e->u.reply.code > 0) ||
	       (e->kind == EVENT_CLOSE && !e->u.close.greeted && e->u.close.bytes_toclient > 0);
}

/* What e adds to its source; destinations are the row's own. False: nothing. */
static bool count(const struct event *e, uint64_t add[SOURCE_COUNT_COUNT])
{
	bool any = false;

	memset(add, 0, SOURCE_COUNT_COUNT * sizeof(*add));
	add[SOURCE_CONNECTIONS] = sources_connects(e);
	if (e->kind == EVENT_CLOSE && (e->u.close.greeted || e->u.close.bytes_toclient > 0)) {
		add[SOURCE_BYTES] = e->u.close.bytes_toserver;
	} else if (e->kind == EVENT_MAIL && is_yes(&e->u.mail.reply)) {
		add[SOURCE_TRANSACTIONS] = 1;
		add[SOURCE_NULL_SENDERS] = is_null(&e->u.mail.path);
	} else if (e->kind == EVENT_RCPT) {
		add[SOURCE_ACCEPTED] = e->u.rcpt.outcome == OUTCOME_ACCEPTED;
		add[SOURCE_REFUSED] = e->u.rcpt.outcome == OUTCOME_REFUSED_BY_SERVER ||
		                      e->u.rcpt.outcome == OUTCOME_REFUSED_BY_US;
	} else if (e->kind == EVENT_DATA) {
		add[SOURCE_MESSAGES] = e->u.data.final && is_yes(&e->u.data.reply);
	} else if (e->kind == EVENT_AUTH) {
		add[SOURCE_AUTH_FAILURES] = event_auth_is_refused(&e->u.auth);
	} else if (e->kind == EVENT_TLS) {
		add[SOURCE_TLS] = 1;
	}
	for (unsigned i = 0; i < SOURCE_COUNT_COUNT; i++)
		any = any || add[i] > 0;
	return any;
}

static uint64_t weight_of(const struct source *source)
{
	uint64_t weight = source->n[SOURCE_BYTES] >> WEIGHT_BYTES_BITS;

	for (unsigned i = 0; i < SOURCE_COUNT_COUNT; i++)
		weight += i == SOURCE_BYTES ? 0 : source->n[i];
	return weight;
}

/* Of this prefix, with *place as a guess; likewise. */
static uint32_t find_row_at(const struct sources *s, const struct prefix *p, uint32_t place)
{
	bool right = place > 0 && place <= slab_touched(s->rows) &&
	             prefix_is_same(&row_at(s, place)->source.prefix, p);

	return right ? place : find_row(s, p);
}

static void count_in(
        struct sources *s, uint32_t position, const struct event *e, const uint64_t add[SOURCE_COUNT_COUNT])
{
	struct source *source = &row_at(s, position)->source;

	for (unsigned i = 0; i < SOURCE_COUNT_COUNT; i++)
		source->n[i] += add[i];
	source->new_host = 0;
	if (sources_connects(e))
		see_server(s, source, &e->conn.dst);
	if (e->time_us > source->last_us)
		source->last_us = e->time_us;
	if (e->time_us < source->first_us) /* workers tell out of order */
		source->first_us = e->time_us;
	source->direction = e->conn.direction;
	source->verified = 1;
	source->changed = 1;
	standing_touch(&s->standing, position, weight_of(source), e->time_us);
}

struct source *sources_event(
        struct sources *s, const struct event *e, uint8_t bits_v4, uint8_t bits_v6, uint32_t *place)
{
	uint64_t add[SOURCE_COUNT_COUNT];
	struct prefix prefix;
	bool counts;

	if (!event_kind_is_followed((enum event_kind)e->kind))
		return NULL;
	counts = count(e, add);
	prefix = sources_prefix(&e->conn.src, bits_v4, bits_v6);
	*place = find_row_at(s, &prefix, *place);
	if (!*place && counts)
		*place = add_row(s, &prefix, e->time_us);
	if (!*place)
		return NULL;
	s->before_us = row_at(s, *place)->source.last_us;
	if (counts)
		count_in(s, *place, e, add);
	return &row_at(s, *place)->source;
}

uint64_t sources_before_us(const struct sources *s)
{
	return s->before_us;
}

/* ---- reading --------------------------------------------------------------------------------- */

const struct source *sources_find(const struct sources *s, const struct prefix *prefix)
{
	uint32_t position = find_row(s, prefix);

	return position ? &row_at(s, position)->source : NULL;
}

void sources_drop(struct sources *s, const struct prefix *prefix)
{
	uint32_t position = find_row(s, prefix);

	assert(position);
	drop_row(s, position);
}

struct source *sources_scan(struct sources *s, uint32_t *cursor)
{
	while (*cursor < slab_touched(s->rows)) {
		struct row *r = row_at(s, ++*cursor);

		if (r->source.prefix.bits > 0)
			return &r->source;
	}
	return NULL;
}

void sources_restore(struct sources *s, const struct source *row)
{
	uint32_t position;
	struct row *r;

	if (row->prefix.bits == 0 || find_row(s, &row->prefix) || s->count == slab_count(s->rows))
		return;
	position = add_row(s, &row->prefix, row->last_us);
	r = row_at(s, position);
	r->source = *row;
	r->source.hosts = 0; /* those that are remembered are */
	set_chunk(&r->source, 0);
	standing_touch(&s->standing, position, weight_of(row), row->last_us);
}

const struct source *sources_next_changed(struct sources *s, uint32_t *cursor, unsigned *most)
{
	for (; *most > 0; --*most) {
		struct source *row = sources_scan(s, cursor);

		if (!row) {
			*cursor = 0;
			return NULL;
		}
		if (row->changed) {
			row->changed = 0;
			--*most;
			return row;
		}
	}
	return NULL;
}

void sources_change_all(struct sources *s)
{
	struct source *row;
	uint32_t cursor = 0;

	while ((row = sources_scan(s, &cursor)))
		row->changed = 1;
}

uint64_t sources_evicted(const struct sources *s)
{
	return s->evicted;
}

uint32_t sources_room(const struct sources *s)
{
	return slab_count(s->rows);
}

uint32_t sources_count(const struct sources *s)
{
	return s->count;
}
