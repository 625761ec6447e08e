/* recorded_event.c - the events of a record, out of its facts: see recorded.h. */
#include <string.h>

#include "report/recorded_inner.h"

uint64_t recorded_time(const struct recorded *r)
{
	return r->next < r->fact_count ? r->facts[r->next].time_us : UINT64_MAX;
}

uint64_t recorded_end(const struct recorded *r)
{
	return r->end_us;
}

struct recorded_notes *recorded_notes(struct recorded *r)
{
	return &r->head.notes;
}

/* Any of the text fields of an event, which the span fits. */
#define PUT(field, r, span) put((field).bytes, &(field).len, &(field).cut, (r), (span))

static void put(char *bytes, uint16_t *len, uint8_t *cut, const struct recorded *r, const struct span *s)
{
	memcpy(bytes, r->texts + s->at, s->len);
	*len = s->len;
	*cut = s->cut;
}

static void put_name(char name[EVENT_NAME_MAX], const struct recorded *r, const struct span *s)
{
	memcpy(name, r->texts + s->at, s->len);
	name[s->len] = '\0';
}

/* When the command was complete is known of the one that the record begins with, and asked of no other. */
static void put_reply(struct event_reply *reply, const struct recorded *r, const struct fact *f)
{
	reply->code = f->code;
	reply->lines = f->code > 0;
	reply->sent_us = r->head.base_us;
	PUT(reply->text, r, &f->text);
}

static void fill_helo(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.helo.reply, r, f);
	e->u.helo.esmtp = f->more;
	e->u.helo.offers_starttls = (f->flags & FACT_OFFERED) != 0;
	e->u.helo.masks_starttls = (f->flags & FACT_MASKED) != 0;
	PUT(e->u.helo.name, r, &f->name);
}

static void fill_auth(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.auth.reply, r, f);
	e->u.auth.in_clear = (f->flags & FACT_IN_CLEAR) != 0;
	put_name(e->u.auth.mech, r, &f->name);
	PUT(e->u.auth.user, r, &f->user);
}

static void fill_mail(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.mail.reply, r, f);
	e->u.mail.tx_id = r->head.tx_id;
	e->u.mail.pipelined = r->head.pipelined;
	PUT(e->u.mail.path, r, &f->name);
}

static void fill_rcpt(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.rcpt.reply, r, f);
	e->u.rcpt.tx_id = r->head.tx_id;
	e->u.rcpt.outcome = f->more;
	e->u.rcpt.uncertain = (f->flags & FACT_UNCERTAIN) != 0;
	e->u.rcpt.pipelined = r->head.pipelined;
	e->u.rcpt.hold_ms = f->number;
	PUT(e->u.rcpt.path, r, &f->name);
}

static void fill_data(struct event *e, const struct recorded *r, const struct fact *f)
{
	put_reply(&e->u.data.reply, r, f);
	e->u.data.tx_id = r->head.tx_id;
	e->u.data.size_bytes = r->head.size_bytes;
	e->u.data.bdat = r->head.bdat;
	e->u.data.final = r->head.final;
	PUT(e->u.data.message_id, r, &r->head.message_id);
}

static void fill(struct event *e, const struct recorded *r, const struct fact *f)
{
	switch ((enum event_kind)f->kind) {
	case EVENT_GREETING:
		put_reply(&e->u.reply, r, f);
		break;
	case EVENT_HELO:
		fill_helo(e, r, f);
		break;
	case EVENT_AUTH:
		fill_auth(e, r, f);
		break;
	case EVENT_MAIL:
		fill_mail(e, r, f);
		break;
	case EVENT_RCPT:
		fill_rcpt(e, r, f);
		break;
	case EVENT_DATA:
		fill_data(e, r, f);
		break;
	case EVENT_TX_END:
		e->u.tx_end = (struct event_tx_end) {
			.tx_id = r->head.tx_id, .end = f->more, .bdat = r->head.bdat, .gap = r->head.gap
		};
		break;
	case EVENT_COMMAND:
		put_reply(&e->u.command.reply, r, f);
		put_name(e->u.command.verb, r, &f->name);
		break;
	case EVENT_TLS:
		e->u.tls.version = (uint16_t)f->number;
		e->u.tls.implicit = (f->flags & FACT_IMPLICIT) != 0;
		PUT(e->u.tls.sni, r, &f->name);
		break;
	case EVENT_CLOSE:
		e->u.close = r->head.close;
		break;
	case EVENT_OPEN:
	case EVENT_ODD: /* these are not recorded as events */
	case EVENT_REFUSED:
	case EVENT_EOD:
	case EVENT_LEAK:
	case EVENT_BLIND:
	case EVENT_AUDIT:
	case EVENT_UPSTREAM:
	case EVENT_GUARD:
	case EVENT_LISTED:
	case EVENT_KIND_COUNT:
		break;
	}
}

bool recorded_next(struct recorded *r, struct event *e)
{
	struct fact *f = &r->facts[r->next];

	if (r->next >= r->fact_count)
		return false;
	memset(e, 0, sizeof(*e));
	e->kind = f->kind;
	e->time_us = f->time_us;
	e->conn = r->head.conn;
	fill(e, r, f);
	if (f->kind == EVENT_RCPT)
		e->u.rcpt.index = r->head.notes.next_rcpt++;
	if (f->repeat > 0)
		f->repeat--;
	else
		r->next++;
	return true;
}
