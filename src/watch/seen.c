/* seen.c - see seen.h. Fed by events; whether a row lies within the allow sets is the policy's to say, when somebody
 * asks: so the answer is that of the rules in force, not of those at the time.
 *
 * A greeting makes a connection count: no server greets who has not finished the handshake. In the middle of a
 * connection a taken mail does.
 */
#include "watch/seen.h"

#include <stdlib.h>
#include <string.h>

#include "postern/action.h"
#include "watch/ranks.h"

struct seen_key {
	struct addr client, server;
};

struct seen {
	struct ranks *rows;
};

struct seen *seen_new(uint32_t rows, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct seen *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->rows = ranks_new(rows, rows / 4 + 1, sizeof(struct seen_key), sizeof(struct seen_row), hash_key);
	if (s->rows)
		return s;
	free(s);
	return NULL;
}

void seen_free(struct seen *s)
{
	if (s)
		ranks_free(s->rows);
	free(s);
}

static bool is_taken(const struct event_data *data)
{
	return data->final && data->reply.code / 100 == 2;
}

/* Which number of the row grows; NULL: the event is no matter of ours. */
static uint64_t *number_of(const struct event *e, struct seen_row *row)
{
	switch (e->kind) {
	case EVENT_GREETING:
		return &row->connections;
	case EVENT_DATA:
		return is_taken(&e->u.data) ? &row->mails : NULL;
	case EVENT_RCPT:
		return e->u.rcpt.outcome == OUTCOME_ACCEPTED ? &row->recipients : NULL;
	case EVENT_TLS:
		return &row->tls;
	case EVENT_REFUSED:
		return &row->refused;
	default:
		return NULL;
	}
}

void seen_event(struct seen *s, const struct event *e)
{
	bool is_there = e->kind != EVENT_REFUSED || e->u.refused.would == ACTION_REFUSE_SESSION;
	struct seen_key key;
	struct seen_row *row, none;

	if (e->conn.server < 0 || !number_of(e, &none))
		return;
	memset(&key, 0, sizeof(key));
	key.client = e->conn.src;
	key.server = e->conn.dst;
	row = ranks_take(s->rows, &key, is_there, e->time_us);
	if (row->first_us == 0) {
		row->client = e->conn.src;
		row->server = e->conn.dst;
		row->first_us = e->time_us;
	}
	row->last_us = e->time_us;
	row->changed = true;
	row->self = e->conn.self;
	row->is_there |= is_there;
	++*number_of(e, row);
}

bool seen_next(const struct seen *s, uint64_t *cursor, struct seen_row *out)
{
	bool is_proven;
	const struct seen_row *row = ranks_scan(s->rows, cursor, &is_proven);

	if (row)
		*out = *row;
	return row != NULL;
}

bool seen_next_changed(struct seen *s, uint64_t *cursor, unsigned *most, struct seen_row *out)
{
	struct seen_row *row;
	bool is_proven;

	while (*most > 0) {
		--*most;
		row = ranks_scan(s->rows, cursor, &is_proven);
		if (!row) {
			*cursor = 0;
			return false;
		}
		if (!row->changed)
			continue;
		row->changed = false;
		*out = *row;
		return true;
	}
	return false;
}

void seen_change_all(struct seen *s)
{
	struct seen_row *row;
	uint64_t cursor = 0;
	bool is_proven;

	while ((row = ranks_scan(s->rows, &cursor, &is_proven)))
		row->changed = true;
}

void seen_restore(struct seen *s, const struct seen_row *row)
{
	struct seen_key key;
	struct seen_row *mine;

	memset(&key, 0, sizeof(key));
	key.client = row->client;
	key.server = row->server;
	mine = ranks_take(s->rows, &key, row->is_there, row->last_us);
	if (mine->first_us != 0)
		return;
	*mine = *row;
	mine->changed = false;
}

void seen_forget(struct seen *s, const struct mention *who, struct forgotten *out)
{
	struct seen_row *row;
	uint64_t cursor = 0;
	bool is_proven;

	while ((row = ranks_scan(s->rows, &cursor, &is_proven))) {
		if (!mention_is_addr(who, &row->client)) {
			out->as_server += mention_is_addr(who, &row->server);
			continue;
		}
		out->n[FORGOTTEN_SEEN]++;
		if (!out->look)
			ranks_drop(s->rows, row, is_proven);
	}
}

uint64_t seen_evicted(const struct seen *s)
{
	return ranks_evicted(s->rows);
}
