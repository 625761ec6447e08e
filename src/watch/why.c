/* why.c - see why.h.
 *
 * A source's decisions lie in a ring of WHY_DECISIONS; the youngest takes the place of the oldest. Only a decision
 * that differs from the one before it takes a place: what differs in time or reply alone counts it up.
 */
#include "watch/why.h"

#include <stdlib.h>
#include <string.h>

#include "postern/action.h"
#include "watch/ranks.h"

enum { SOURCE_BITS_V4 = 96 + 32, SOURCE_BITS_V6 = 64 };

struct source {
	uint64_t added; /* so far; the youngest lies at (added - 1) % WHY_DECISIONS */
	struct why_decision decisions[WHY_DECISIONS];
};

struct why {
	struct ranks *sources;
};

struct why *why_new(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct why *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->sources =
	        ranks_new(sources, sources / 4 + 1, sizeof(struct addr), sizeof(struct source), hash_key);
	if (w->sources)
		return w;
	free(w);
	return NULL;
}

void why_free(struct why *w)
{
	if (w)
		ranks_free(w->sources);
	free(w);
}

/* ---- events ------------------------------------------------------------------------------------ */

static void set_sentence(struct why_decision *d, uint8_t sentence)
{
	d->because = BECAUSE_LISTED;
	d->list = (uint8_t)(sentence - 1);
}

static void read_refused(const struct event *e, struct why_decision *d)
{
	d->what = WHY_TRY;
	d->because = e->u.refused.action == ACTION_BLOCK   ? BECAUSE_BLOCKED
	             : e->u.refused.action == ACTION_LIMIT ? BECAUSE_LIMITED
	                                                   : BECAUSE_RULE;
	if (e->u.refused.sentence > 0)
		set_sentence(d, e->u.refused.sentence);
	d->action = e->u.refused.action;
	d->would = e->u.refused.would;
}

static void keep_path(struct why_decision *d, const struct event_path *path)
{
	unsigned len = path->len < sizeof(path->bytes) ? path->len : sizeof(path->bytes);

	d->path_cut = path->cut || len > sizeof(d->path);
	d->path_len = (uint8_t)(len > sizeof(d->path) ? sizeof(d->path) : len);
	memcpy(d->path, path->bytes, d->path_len);
}

/* Paths of those who may send them are nobody's business. */
static bool read_recipient(const struct event_rcpt *r, struct why_decision *d)
{
	if (!r->judged)
		return false;
	d->what = WHY_RECIPIENT;
	d->because = r->client_ours ? BECAUSE_CLIENT : r->ours ? BECAUSE_OURS : BECAUSE_FOREIGN;
	if (r->sentence > 0)
		set_sentence(d, r->sentence);
	d->action = r->action;
	d->would = r->would;
	d->outcome = r->outcome;
	d->code = r->reply.code;
	if (d->because == BECAUSE_FOREIGN) {
		d->form = r->form;
		keep_path(d, &r->path);
	}
	return true;
}

static void read_listed(const struct event_listed *l, struct why_decision *d)
{
	d->what = WHY_SOURCE;
	d->because = BECAUSE_LISTED;
	d->list = l->list;
	d->action = l->action;
	d->would = l->would;
}

static bool read_smuggling(uint8_t what, uint8_t action, uint8_t would, struct why_decision *d)
{
	d->what = what;
	d->because = BECAUSE_SMUGGLING;
	d->action = action;
	d->would = would;
	return action != ACTION_ALERT || would != ACTION_ALERT;
}

bool why_read(const struct event *e, struct why_decision *out)
{
	memset(out, 0, sizeof(*out));
	out->first_us = out->last_us = e->time_us;
	out->count = 1;
	out->source = e->conn.src;
	out->server = e->conn.dst;
	out->port = e->conn.dport;
	out->rule = e->conn.rule;
	switch (e->kind) {
	case EVENT_GREETING:
		out->what = WHY_CONNECTION;
		out->because = BECAUSE_RULE;
		return true;
	case EVENT_REFUSED:
		read_refused(e, out);
		return true;
	case EVENT_RCPT:
		return read_recipient(&e->u.rcpt, out);
	case EVENT_LISTED:
		read_listed(&e->u.listed, out);
		return true;
	case EVENT_EOD:
		return read_smuggling(WHY_BODY, e->u.eod.action, e->u.eod.would, out);
	case EVENT_ODD:
		return read_smuggling(WHY_BYTES, e->u.odd.action, e->u.odd.would, out);
	default:
		return false;
	}
}

/* ---- keeping ------------------------------------------------------------------------------------ */

static bool is_same(const struct why_decision *a, const struct why_decision *b)
{
	return a->what == b->what && a->because == b->because && a->action == b->action &&
	       a->would == b->would && a->outcome == b->outcome && a->rule == b->rule && a->port == b->port &&
	       a->path_len == b->path_len && memcmp(a->path, b->path, a->path_len) == 0 &&
	       memcmp(&a->server, &b->server, sizeof(a->server)) == 0 &&
	       memcmp(&a->source, &b->source, sizeof(a->source)) == 0 && strcmp(a->reason, b->reason) == 0;
}

static struct addr key_of(const struct addr *source)
{
	return addr_mask(source, addr_is_v4(source) ? SOURCE_BITS_V4 : SOURCE_BITS_V6);
}

/* One of the youngest that is the same: connections and recipients of one client take turns. */
static struct why_decision *find_same(struct source *s, const struct why_decision *d)
{
	enum { LOOK_BACK = 3 };

	for (uint64_t i = 1; i <= LOOK_BACK && i <= s->added; i++)
		if (is_same(&s->decisions[(s->added - i) % WHY_DECISIONS], d))
			return &s->decisions[(s->added - i) % WHY_DECISIONS];
	return NULL;
}

void why_add(struct why *w, const struct why_decision *d)
{
	struct addr key = key_of(&d->source);
	struct source *s = ranks_take(w->sources, &key, d->what != WHY_TRY, d->last_us);
	struct why_decision *same = find_same(s, d);

	if (same) {
		same->count++;
		same->last_us = d->last_us;
		same->code = d->code;
		return;
	}
	s->decisions[s->added++ % WHY_DECISIONS] = *d;
}

/* The decision stays, without the path. */
static void forget_path(struct why_decision *d, const struct mention *who, struct forgotten *out)
{
	if (d->path_len == 0 || !mention_is_path(who, d->path, d->path_len))
		return;
	out->n[FORGOTTEN_DECISIONS]++;
	if (out->look)
		return;
	memset(d->path, 0, sizeof(d->path));
	d->path_len = (uint8_t)strlen(FORGOTTEN_MARK);
	memcpy(d->path, FORGOTTEN_MARK, d->path_len);
}

void why_forget(struct why *w, const struct mention *who, struct forgotten *out)
{
	uint64_t cursor = 0, kept;
	struct source *s;
	bool is_proven;

	while ((s = ranks_scan(w->sources, &cursor, &is_proven))) {
		kept = s->added < WHY_DECISIONS ? s->added : WHY_DECISIONS;
		if (kept > 0 && mention_is_addr(who, &s->decisions[0].source)) {
			out->n[FORGOTTEN_DECISIONS] += kept;
			if (!out->look)
				ranks_drop(w->sources, s, is_proven);
			continue;
		}
		for (uint64_t i = 0; who->is_mailbox && i < kept; i++)
			forget_path(&s->decisions[i], who, out);
	}
}

bool why_find(const struct why *w, const struct addr *source, unsigned index, struct why_decision *out)
{
	struct addr key = key_of(source);
	const struct source *s = ranks_find(w->sources, &key);

	if (!s || index >= s->added || index >= WHY_DECISIONS)
		return false;
	*out = s->decisions[(s->added - 1 - index) % WHY_DECISIONS];
	return true;
}
