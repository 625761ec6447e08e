/* dialogue.c - both sides of a connection: what is pushed, what is told, in which order.
 *
 * dialogue_push() turns a wheel with four steps until one of them has a fact to tell: facts that are
 * due; commands that will never be answered; client bytes that were held back and may be read now;
 * the piece itself. So nothing is read while something is untold, and the facts are the same however
 * the bytes are cut. client.c and server.c do the reading.
 *
 * Losing track: after a hole, on the client side outside a body or on the server side, nobody can say
 * which command a reply belongs to. What was pending is told as unanswered, its transaction as lost;
 * client lines are skipped until the server replies, then reading begins anew. Inside a body a hole
 * is no reason to give up: the body goes on to its terminator, or, if that was in the hole, to the
 * server's next reply, which can only be the one to the end of data. Nothing is certain afterwards.
 *
 * Sources: RFC 5321 2.1, 4.1, 4.2, 4.3; RFC 2920 (pipelining); RFC 3207 (STARTTLS); RFC 4954 (AUTH).
 */
#include "smtp/dialogue.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "smtp/state.h"

uint32_t dialogue_size(void)
{
	return sizeof(struct dialogue);
}

void dialogue_init(struct dialogue *d, struct slab *pool, bool midstream)
{
	uint32_t id;

	memset(d, 0, offsetof(struct dialogue, server_store));
	d->pool = pool;
	d->midstream = midstream;
	d->certain = d->synced = !midstream;
	line_init(&d->line);
	line_init(&d->server_line);
	body_begin(&d->body);
	if (midstream)
		return;
	id = pool_take(pool);
	if (id == 0) {
		dialogue_lose(d);
		d->synced = false;
		d->blind = true;
		return;
	}
	pool_get(pool, id)->verb = SMTP_VERB_GREETING;
	dialogue_append(d, id);
}

static void give_back(struct dialogue *d, uint32_t *id)
{
	if (*id)
		slab_give(d->pool, *id);
	*id = 0;
}

void dialogue_fini(struct dialogue *d)
{
	unsigned i;

	give_back(d, &d->told);
	give_back(d, &d->reading);
	for (i = d->due_next; i < d->due_count; i++)
		if (d->due[i].give_back)
			give_back(d, &d->due[i].command);
	d->due_count = d->due_next = 0;
	fifo_drop(&d->pending, d->pool);
	fifo_drop(&d->abandoned, d->pool);
}

/* ---- facts that are due -------------------------------------------------------------------------- */

struct due *due_add(struct dialogue *d, enum smtp_fact_kind kind)
{
	struct due *due;

	assert(d->due_count < DUE_MAX);
	due = &d->due[d->due_count++];
	*due = (struct due) { .kind = (uint8_t)kind };
	return due;
}

struct due *due_add_unanswered(struct dialogue *d, uint32_t id)
{
	struct due *due = due_add(d, SMTP_FACT_REPLY);

	due->command = id;
	due->tx_id = pool_get(d->pool, id)->tx_id;
	due->unanswered = true;
	due->give_back = true;
	return due;
}

void due_add_odd(struct dialogue *d, enum event_odd what, enum smtp_side side, uint64_t offset, uint32_t at,
        uint32_t len)
{
	struct due *due = due_add(d, SMTP_FACT_ODD);

	due->what = (uint8_t)what;
	due->side = (uint8_t)side;
	due->offset = offset;
	due->at = at;
	due->len = len;
}

static void tell_odd(const struct dialogue *d, const struct due *due, struct smtp_fact *fact)
{
	const uint8_t *line = due->side == SMTP_CLIENT ? d->store : d->server_store;

	fact->odd.what = due->what;
	fact->odd.side = due->side;
	fact->odd.unexplained = due->extra;
	fact->odd.offset = due->offset;
	fact->odd.bytes.len = (uint16_t)due->len;
	memcpy(fact->odd.bytes.bytes, line + due->at, due->len);
}

void due_add_eod(struct dialogue *d, bool over, bool late)
{
	struct due *due;

	if (!eod_take(&d->body.eod, over))
		return;
	d->eod_seen = true;
	due = due_add(d, SMTP_FACT_EOD);
	due->tx_id = d->client_tx;
	due->late = late;
}

/* Nothing of the body is read before it is told. */
static void tell_eod(const struct dialogue *d, const struct due *due, struct smtp_fact *fact)
{
	const struct eod_found *found = &d->body.eod.found;
	struct event_eod *eod = &fact->eod;

	fact->tx_id = eod->tx_id = due->tx_id;
	fact->late = due->late;
	eod->what = found->what;
	eod->hides = found->hides;
	eod->count = found->count;
	eod->offset = found->offset;
	eod->bytes.len = found->len;
	eod->bytes.cut = found->cut;
	memcpy(eod->bytes.bytes, found->bytes, found->len);
	if (!found->hides)
		return;
	strncpy(eod->verb, found->command, sizeof(eod->verb) - 1);
	eod->verb_offset = found->command_offset;
}

static bool path_is_closed(const struct dialogue *d)
{
	return d->scan.angle && d->store[d->scan.path_end - 1] == '>';
}

static void tell_recipient(struct dialogue *d, const struct due *due, struct smtp_fact *fact)
{
	const struct command_scan *s = &d->scan;
	uint64_t behind = d->line.offset + s->path_end;
	bool closed = path_is_closed(d);

	fact->command = pool_get(d->pool, due->command);
	fact->path = (const char *)d->store + s->path_at;
	fact->path_len = s->path_end - s->path_at;
	fact->verb_offset = d->line.offset + s->verb_at;
	fact->path_offset = d->line.offset + s->path_at;
	/* Closed by '>': the byte before it. By the end of the line: the line's last byte, wherever
	 * the path ended in it, for that is what may still be changed. */
	fact->path_end_offset = closed ? behind - 2 : d->line.offset + d->line.length - 1;
	fact->path_closed = closed;
	fact->late = due->late;
}

/* No DATA has a header yet, and a BDAT behind this command has had another one read. */
static bool header_is_of(const struct dialogue *d, const struct smtp_command *c)
{
	const struct smtp_command *other;
	uint32_t id;

	if (c->verb != SMTP_VERB_BODY && c->verb != SMTP_VERB_BDAT)
		return false;
	for (id = d->pending.first; id; id = other->next) {
		other = pool_get(d->pool, id);
		if (other->verb == SMTP_VERB_BDAT && other->tx_id != c->tx_id)
			return false;
	}
	return true;
}

static void tell_reply(struct dialogue *d, const struct due *due, struct smtp_fact *fact)
{
	fact->tx_id = due->tx_id;
	fact->final_data = due->final_data;
	if (!due->unanswered) {
		fact->reply.code = d->reply.code;
		fact->reply.lines = d->reply.lines;
		fact->reply.text = d->reply.text;
	}
	if (due->command == 0)
		return;
	fact->command = pool_get(d->pool, due->command);
	fact->reply.sent_us = fact->command->sent_us;
	fact->header_is_its = header_is_of(d, fact->command);
	if (fact->command->verb == SMTP_VERB_EHLO && !due->unanswered) {
		fact->starttls_offered = d->reply.starttls;
		fact->starttls_masked = d->reply.masked;
	}
	if (due->give_back)
		d->told = due->command;
}

static void tell_tls(const struct dialogue *d, struct smtp_fact *fact)
{
	fact->tls.implicit = !d->tls_agreed && !d->midstream;
	tls_read_client(d->store, d->tls_client.kept, &fact->tls);
	tls_read_server(d->store + HELLO_CLIENT_MAX, d->tls_server.kept, &fact->tls);
}

static bool tell_due(struct dialogue *d, struct smtp_fact *fact)
{
	const struct due *due = &d->due[d->due_next];

	if (d->due_next == d->due_count) {
		d->due_next = d->due_count = 0;
		return false;
	}
	d->due_next++;
	memset(fact, 0, sizeof(*fact));
	fact->kind = (enum smtp_fact_kind)due->kind;
	switch (fact->kind) {
	case SMTP_FACT_NONE:
		break;
	case SMTP_FACT_RECIPIENT:
		tell_recipient(d, due, fact);
		break;
	case SMTP_FACT_DEFER:
	case SMTP_FACT_MASK:
		fact->at = due->at;
		fact->len = due->len;
		fact->line_at = due->line_at;
		fact->text = due->text;
		fact->command = due->command ? pool_get(d->pool, due->command) : NULL;
		break;
	case SMTP_FACT_REPLY:
		tell_reply(d, due, fact);
		break;
	case SMTP_FACT_TX_END:
		fact->tx_id = due->tx_id;
		fact->end = (enum event_end)due->what;
		break;
	case SMTP_FACT_TLS:
		tell_tls(d, fact);
		break;
	case SMTP_FACT_ODD:
		tell_odd(d, due, fact);
		break;
	case SMTP_FACT_EOD:
		tell_eod(d, due, fact);
		break;
	}
	return true;
}

/* ---- transactions -------------------------------------------------------------------------------- */

static void tell_tx_end(struct dialogue *d, uint32_t tx_id, enum event_end end)
{
	struct due *due = due_add(d, SMTP_FACT_TX_END);

	due->tx_id = tx_id;
	due->what = (uint8_t)end;
}

void dialogue_end_tx(struct dialogue *d, enum event_end end)
{
	if (d->open_tx)
		tell_tx_end(d, d->open_tx, d->tx_refused && end != END_COMPLETED ? END_REFUSED : end);
	d->open_tx = d->open_rcpts = d->open_accepted = 0;
	d->tx_refused = false;
}

void dialogue_end_refused_tx(struct dialogue *d)
{
	if (d->refused_tx == 0)
		return;
	if (d->pending.first && pool_get(d->pool, d->pending.first)->tx_id == d->refused_tx)
		return;
	tell_tx_end(d, d->refused_tx, END_REFUSED);
	d->refused_tx = 0;
}

void dialogue_append(struct dialogue *d, uint32_t id)
{
	struct smtp_command *c = pool_get(d->pool, id);

	c->pipelined = d->pending.count > 0;
	c->due = 1;
	fifo_append(&d->pending, d->pool, id);
}

/* ---- losing track ---------------------------------------------------------------------------------- */

void dialogue_lose(struct dialogue *d)
{
	d->certain = false;
}

void dialogue_abandon(struct dialogue *d, enum event_end end)
{
	give_back(d, &d->reading);
	fifo_move(&d->abandoned, &d->pending, d->pool);
	d->ends_pending = 0;
	d->abandoning = true;
	d->abandon_end = (uint8_t)end;
	d->client_tx = d->client_rcpts = 0;
	d->challenged = false;
}

/* Puts the next of what was abandoned into `due`: commands, oldest first, then the transaction. A
 * MAIL that was never answered is a transaction all the same, since its record has to end. */
static bool tell_abandoned(struct dialogue *d)
{
	struct smtp_command *c;
	uint32_t id;

	if (!d->abandoning)
		return false;
	id = fifo_pop(&d->abandoned, d->pool);
	if (id == 0) {
		dialogue_end_refused_tx(d);
		dialogue_end_tx(d, (enum event_end)d->abandon_end);
		d->abandoning = false;
		return true;
	}
	c = pool_get(d->pool, id);
	if (c->verb == SMTP_VERB_MAIL) {
		dialogue_end_refused_tx(d);
		dialogue_end_tx(d, (enum event_end)d->abandon_end);
		d->open_tx = c->tx_id;
	}
	due_add_unanswered(d, id);
	return true;
}

/* Commands begin anew after the server's next reply. */
static void lose_sync(struct dialogue *d)
{
	dialogue_abandon(d, END_LOST);
	d->held_from = d->held_to = 0;
	d->held_full = false;
	d->synced = false;
	d->blind = true;
	d->mode = CLIENT_COMMANDS;
}

static void gap_client(struct dialogue *d, uint64_t len)
{
	if (d->mode == CLIENT_CHUNK && len <= d->body.left_bytes) {
		d->body.left_bytes -= len;
		body_gap(&d->body);
		if (d->body.left_bytes == 0)
			d->mode = CLIENT_COMMANDS;
	} else if (d->mode == CLIENT_BODY) {
		body_gap(&d->body);
		d->body_gapped = true;
	} else if (d->mode == CLIENT_HELD) {
		d->held_full = true;
	} else if (d->mode == CLIENT_TLS || d->mode == CLIENT_TLS_NEXT) {
		d->mode = CLIENT_TLS;
		d->tls_client.done = true; /* as much as we have */
	} else {
		lose_sync(d);
		line_init(&d->line);
		d->skip_line = true; /* the hole may have ended anywhere in a line */
	}
}

static void gap_server(struct dialogue *d)
{
	if (d->mode == CLIENT_TLS || d->mode == CLIENT_TLS_NEXT) {
		d->server_talks_tls = d->tls_server.done = true;
		return;
	}
	line_init(&d->server_line);
	d->server_skip_line = true;
	d->reply.open = false;
	if (d->mode != CLIENT_BODY)
		lose_sync(d);
}

void dialogue_gap(struct dialogue *d, enum smtp_side side, uint64_t len)
{
	d->offset[side] += len;
	if (d->is_tls)
		return;
	d->skimmed = false; /* from now on there are other reasons to lose count */
	dialogue_lose(d);
	if (side == SMTP_CLIENT)
		gap_client(d, len);
	else
		gap_server(d);
}

void dialogue_skip(struct dialogue *d, uint64_t len)
{
	uint64_t room = dialogue_skip_room(d), in_body = len < room ? len : room;

	d->offset[SMTP_CLIENT] += len;
	d->skimmed = d->body_skipped = true;
	d->body.size_bytes += in_body;
	if (in_body > 0)
		gap_client(d, in_body);
	if (in_body == len)
		return;
	dialogue_lose(d);
	gap_client(d, len - in_body);
}

/* ---- TLS ------------------------------------------------------------------------------------------- */

bool dialogue_push_tls(struct dialogue *d, enum smtp_side side, const struct piece *p, uint32_t *used)
{
	enum tls_result result = side == SMTP_CLIENT ? tls_push(&d->tls_client, d->store, HELLO_CLIENT_MAX,
	                                                       p->bytes, p->len, used)
	                                             : tls_push(&d->tls_server, d->store + HELLO_CLIENT_MAX,
	                                                       HELLO_SERVER_MAX, p->bytes, p->len, used);

	if (result == TLS_NOT)
		return false;
	if (d->tls_client.done && d->tls_server.done) {
		d->is_tls = true;
		due_add(d, SMTP_FACT_TLS);
		fifo_drop(&d->pending, d->pool); /* a greeting that never came in clear */
	}
	return true;
}

/* What the client said under what was to be TLS, its server may have read as commands. */
void dialogue_leave_tls(struct dialogue *d)
{
	d->blind = d->blind || d->mode == CLIENT_TLS;
	d->tls_client = d->tls_server = (struct tls_side) { 0 };
	d->server_talks_tls = d->tls_agreed = false;
	if (d->mode == CLIENT_TLS || d->mode == CLIENT_TLS_NEXT)
		d->mode = CLIENT_COMMANDS;
	dialogue_lose(d);
}

/* ---- the wheel ------------------------------------------------------------------------------------- */

/* Reads bytes that were held back, if their turn has come. */
static bool read_held(struct dialogue *d, uint64_t now_us)
{
	struct piece p = { d->store + d->held_from, d->held_to - d->held_from, 0, d->held_offset, now_us,
		true };
	uint32_t used;
	bool full;

	if (p.len == 0 || d->mode == CLIENT_HELD || d->mode == CLIENT_START)
		return false;
	used = client_read(d, &p);
	d->held_from += used;
	d->held_offset += used;
	if (d->held_from >= d->held_to) {
		d->held_from = d->held_to = 0;
		full = d->held_full;
		d->held_full = false;
		if (full)
			gap_client(d, UINT64_MAX);
	}
	return true;
}

static uint32_t read_piece(struct dialogue *d, enum smtp_side side, struct piece *p)
{
	uint32_t used;

	if (d->is_tls) {
		d->offset[side] += p->len;
		return p->len;
	}
	p->offset = d->offset[side];
	used = side == SMTP_CLIENT ? client_read(d, p) : server_read(d, p);
	d->offset[side] += used;
	return used;
}

enum smtp_fact_kind dialogue_push(struct dialogue *d, enum smtp_side side, const uint8_t *bytes, uint32_t len,
        uint64_t now_us, uint32_t *used, struct smtp_fact *fact)
{
	give_back(d, &d->told);
	*used = 0;
	for (;;) {
		if (tell_due(d, fact))
			return fact->kind;
		if (tell_abandoned(d) || unheard_tell(d) || read_held(d, now_us))
			continue;
		if (*used == len)
			break;
		*used += read_piece(d, side,
		        &(struct piece) {
		                .bytes = bytes + *used, .len = len - *used, .at = *used, .now_us = now_us });
	}
	fact->kind = SMTP_FACT_NONE;
	return SMTP_FACT_NONE;
}

enum smtp_fact_kind dialogue_end(
        struct dialogue *d, enum event_end end, uint64_t now_us, struct smtp_fact *fact)
{
	(void)now_us;
	give_back(d, &d->told);
	for (;;) {
		if (tell_due(d, fact))
			return fact->kind;
		if (tell_abandoned(d))
			continue;
		if (d->ending)
			break;
		if (d->mode == CLIENT_BODY)
			due_add_eod(d, true, true);
		dialogue_abandon(d, end);
		d->ending = true;
	}
	fact->kind = SMTP_FACT_NONE;
	return SMTP_FACT_NONE;
}

void dialogue_refuse(struct dialogue *d, struct smtp_command *command)
{
	command->judgement.refused = 1;
	if (!command->judgement.decoy && !path_is_closed(d))
		d->miscounted = true; /* its line's end may be what is spoiled */
}

void dialogue_refuse_greeting(struct dialogue *d, bool refuse)
{
	struct smtp_command *c = d->pending.first ? pool_get(d->pool, d->pending.first) : NULL;

	if (c && c->verb == SMTP_VERB_GREETING)
		c->judgement.refused = refuse;
}

void dialogue_defer(struct dialogue *d)
{
	d->deferring = true;
	d->defer_from = d->offset[SMTP_CLIENT];
}

void dialogue_begin_anew(struct dialogue *d, const struct smtp_command *c)
{
	if (c->offset >= d->defer_from && d->certain && !d->miscounted)
		d->deferring = false;
}
