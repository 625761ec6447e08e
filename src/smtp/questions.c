/* questions.c - what callers may ask of a dialogue; see dialogue.h. */
#include "smtp/dialogue.h"
#include "smtp/state.h"

enum { SKIP_CHUNK_MIN = 64 * 1024 };

bool dialogue_in_body(const struct dialogue *d)
{
	return d->mode == CLIENT_BODY || d->mode == CLIENT_CHUNK;
}

bool dialogue_data_is_out(const struct dialogue *d)
{
	const struct smtp_command *c;
	uint32_t id;

	for (id = d->pending.first; id; id = c->next) {
		c = pool_get(d->pool, id);
		if (c->verb == SMTP_VERB_BDAT || (c->verb == SMTP_VERB_DATA && !c->judgement.refused))
			return true;
	}
	return dialogue_in_body(d) || d->mode == CLIENT_HELD;
}

bool dialogue_awaits_end_reply(const struct dialogue *d)
{
	return d->ends_pending > 0;
}

bool dialogue_is_tls(const struct dialogue *d)
{
	return d->is_tls;
}

bool dialogue_is_certain(const struct dialogue *d)
{
	return d->certain;
}

bool dialogue_is_authenticated(const struct dialogue *d)
{
	return d->authenticated;
}

const char *dialogue_user(const struct dialogue *d, uint32_t *len, bool *cut)
{
	*len = d->auth.len;
	*cut = d->auth.cut;
	return d->auth.user;
}

bool dialogue_is_blind(const struct dialogue *d)
{
	return d->blind;
}

uint64_t dialogue_body_from(const struct dialogue *d)
{
	return d->body_from;
}

bool dialogue_may_skip(const struct dialogue *d, uint64_t read)
{
	const struct smtp_command *c = d->pending.last ? pool_get(d->pool, d->pending.last) : NULL;

	if (!d->certain || d->blind || d->body.size_bytes < read || d->held_from < d->held_to)
		return false;
	if (d->mode == CLIENT_CHUNK)
		return c && c->verb == SMTP_VERB_BDAT && c->last &&
		       d->body.left_bytes > (d->body_skipped ? 0 : SKIP_CHUNK_MIN);
	return d->mode == CLIENT_BODY && !c && !d->eod_seen;
}

uint64_t dialogue_skip_room(const struct dialogue *d)
{
	return d->mode == CLIENT_BODY ? UINT64_MAX : d->mode == CLIENT_CHUNK ? d->body.left_bytes : 0;
}

bool dialogue_in_chunk(const struct dialogue *d)
{
	return d->mode == CLIENT_CHUNK;
}

uint32_t dialogue_transactions(const struct dialogue *d)
{
	return d->tx_count;
}

const struct header *dialogue_header(const struct dialogue *d)
{
	return &d->body.header;
}
