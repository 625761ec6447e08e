/* events.h - events and findings made by hand, for the tests of watch and report. */
#ifndef UNIT_EVENTS_H
#define UNIT_EVENTS_H

#include <stdint.h>
#include <string.h>

#include "postern/action.h"
#include "postern/event.h"
#include "postern/finding.h"
#include "postern/form.h"

#define EVENTS_START_US UINT64_C(1795286167148588) /* 2026-11-21T18:36:07.148588+0000 */

/* Sets .bytes, .len and .cut of any text field. */
#define EVENTS_TEXT(field, text)                                                                             \
	events_text((field).bytes, sizeof((field).bytes), &(field).len, &(field).cut, text, strlen(text))

static inline void events_text(
        char *bytes, size_t room, uint16_t *len, uint8_t *cut, const char *text, size_t text_len)
{
	*cut = text_len > room;
	*len = (uint16_t)(*cut ? room : text_len);
	memcpy(bytes, text, *len);
}

/* An event of connection 4711, 203.0.113.9:40000 to 192.168.0.10:25, inbound, by rule 0. */
static inline struct event events_make(enum event_kind kind, uint64_t after_us)
{
	struct event e;

	memset(&e, 0, sizeof(e));
	e.kind = kind;
	e.time_us = EVENTS_START_US + after_us;
	e.conn.flow_id = 4711;
	e.conn.open_us = EVENTS_START_US;
	e.conn.src = addr_from_v4((const uint8_t[]) { 203, 0, 113, 9 });
	e.conn.dst = addr_from_v4((const uint8_t[]) { 192, 168, 0, 10 });
	e.conn.sport = 40000;
	e.conn.dport = 25;
	e.conn.direction = DIRECTION_INBOUND;
	return e;
}

static inline struct event events_helo(uint64_t after_us, const char *name)
{
	struct event e = events_make(EVENT_HELO, after_us);

	e.u.helo.reply.code = 250;
	e.u.helo.esmtp = 1;
	EVENTS_TEXT(e.u.helo.name, name);
	return e;
}

static inline struct event events_mail(uint64_t after_us, uint32_t tx_id, const char *path)
{
	struct event e = events_make(EVENT_MAIL, after_us);

	e.u.mail.reply.code = 250;
	e.u.mail.reply.sent_us = e.time_us - 1000;
	e.u.mail.tx_id = tx_id;
	EVENTS_TEXT(e.u.mail.path, path);
	return e;
}

/* A judged recipient of a client that is not ours; its outcome by the code. */
static inline struct event events_rcpt(
        uint64_t after_us, uint32_t tx_id, const char *path, int ours, uint16_t code, const char *text)
{
	struct event e = events_make(EVENT_RCPT, after_us);

	e.u.rcpt.reply.code = code;
	EVENTS_TEXT(e.u.rcpt.reply.text, text);
	e.u.rcpt.tx_id = tx_id;
	e.u.rcpt.judged = 1;
	e.u.rcpt.ours = ours != 0;
	EVENTS_TEXT(e.u.rcpt.path, path);
	e.u.rcpt.outcome = code == 0         ? OUTCOME_UNANSWERED
	                   : code / 100 == 2 ? OUTCOME_ACCEPTED
	                                     : OUTCOME_REFUSED_BY_SERVER;
	return e;
}

static inline struct event events_data(uint64_t after_us, uint32_t tx_id, uint16_t code, const char *text)
{
	struct event e = events_make(EVENT_DATA, after_us);

	e.u.data.reply.code = code;
	EVENTS_TEXT(e.u.data.reply.text, text);
	e.u.data.tx_id = tx_id;
	e.u.data.final = 1;
	e.u.data.size_bytes = 1234;
	return e;
}

static inline struct event events_tx_end(uint64_t after_us, uint32_t tx_id, enum event_end end)
{
	struct event e = events_make(EVENT_TX_END, after_us);

	e.u.tx_end.tx_id = tx_id;
	e.u.tx_end.end = end;
	return e;
}

static inline struct event events_close(uint64_t after_us, uint32_t transactions)
{
	struct event e = events_make(EVENT_CLOSE, after_us);

	e.u.close.bytes_toserver = 500;
	e.u.close.bytes_toclient = 300;
	e.u.close.packets_toserver = 9;
	e.u.close.packets_toclient = 8;
	e.u.close.transactions = transactions;
	return e;
}

#endif
