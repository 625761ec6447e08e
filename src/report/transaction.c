/* transaction.c - see transaction.h. */
#include "report/transaction.h"

#include <string.h>

#include "report/field.h"
#include "report/words.h"
#include "report/queue_id.h"

void transaction_open(struct transaction *t, uint32_t tx_id, uint64_t start_us)
{
	memset(t, 0, sizeof(*t));
	t->open = true;
	t->tx_id = tx_id;
	t->start_us = start_us;
}

void transaction_add_mail(struct transaction *t, const struct event *e)
{
	const struct event_mail *mail = &e->u.mail;

	t->mail_from = mail->path;
	t->mail_us = e->time_us;
	t->mail_text = mail->reply.text;
	t->has_mail_from = true;
	t->pipelined |= mail->pipelined;
	t->mail_code = mail->reply.code;
	t->mail_refused = mail->reply.code >= 400;
	if (t->mail_refused)
		t->reply = mail->reply;
}

/* Times of a record are told as milliseconds since its own. */
static uint64_t since_ms(const struct transaction *t, uint64_t time_us)
{
	return time_us > t->start_us ? (time_us - t->start_us) / 1000 : 0;
}

static json_t *rcpt_entry(const struct transaction *t, struct transaction_memory *m, const struct event *e)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;
	json_t *entry = json_object();

	field_set_cut(entry, "path", FIELD_OF(rcpt->path), rcpt->path.cut, &m->cut);
	field_set_nonzero(entry, "code", rcpt->reply.code);
	if (rcpt->reply.code)
		field_set_cut(entry, "text", FIELD_OF(rcpt->reply.text), rcpt->reply.text.cut, &m->cut);
	field_set_nonzero(entry, "hold_ms", rcpt->hold_ms);
	if (rcpt->judged)
		field_set(entry, "ours", json_boolean(rcpt->ours));
	if (rcpt->judged || rcpt->form != 0 || rcpt->final_domain.len > 0)
		field_set_text(entry, "form", words_get(WORDS_FORM, rcpt->form));
	if (rcpt->final_domain.len > 0)
		field_set_cut(
		        entry, "final_domain", FIELD_OF(rcpt->final_domain), rcpt->final_domain.cut, &m->cut);
	if (rcpt->outcome != OUTCOME_NONE)
		field_set_text(entry, "outcome", words_get(WORDS_OUTCOME, rcpt->outcome));
	field_set_true(entry, "uncertain", rcpt->uncertain);
	field_set_uint(entry, "ms", since_ms(t, e->time_us));
	return entry;
}

/* Bytes that entry and its path in `rcpt_to` will take in the line, commas included. */
static uint32_t entry_bytes(const json_t *entry)
{
	return (uint32_t)(json_dumpb(entry, NULL, 0, JSON_COMPACT) +
	                  json_dumpb(
	                          json_object_get(entry, "path"), NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) +
	                  2);
}

static void list_rcpt(struct transaction *t, struct transaction_memory *m, const struct event *e)
{
	uint32_t bytes;
	json_t *entry;

	if (!t->rcpt)
		t->rcpt = json_array();
	if (t->rcpt_cut > 0 || json_array_size(t->rcpt) >= TRANSACTION_RCPT_MAX) {
		t->rcpt_cut++; /* the list stays a beginning: once cut, nothing is added */
		m->cut++;
		return;
	}
	entry = rcpt_entry(t, m, e);
	bytes = entry_bytes(entry);
	if (t->list_bytes + bytes > TRANSACTION_LIST_BYTES ||
	        m->held_bytes + bytes + TRANSACTION_ENTRY_BYTES > TRANSACTION_HELD_BYTES ||
	        json_array_append(t->rcpt, entry) < 0) {
		t->rcpt_cut++;
		m->cut++;
	} else {
		t->list_bytes += bytes;
		t->held_bytes += bytes + TRANSACTION_ENTRY_BYTES;
		m->held_bytes += bytes + TRANSACTION_ENTRY_BYTES;
	}
	json_decref(entry);
}

void transaction_add_rcpt(struct transaction *t, struct transaction_memory *m, const struct event *e)
{
	const struct event_rcpt *rcpt = &e->u.rcpt;

	t->rcpt_us = e->time_us;
	t->rcpt_count++;
	t->rcpt_accepted += rcpt->reply.code / 100 == 2;
	t->rcpt_refused += rcpt->reply.code >= 400;
	t->rcpt_foreign += rcpt->judged && !rcpt->ours;
	t->pipelined |= rcpt->pipelined;
	if (rcpt->judged) {
		t->client_judged = true;
		t->client_ours = rcpt->client_ours;
	}
	list_rcpt(t, m, e);
}

void transaction_add_data(struct transaction *t, const struct event *e)
{
	const struct event_data *data = &e->u.data;

	t->reply = data->reply;
	t->data_us = e->time_us;
	t->final = data->final;
	t->bdat |= data->bdat;
	if (data->final || data->size_bytes > 0) {
		t->size_bytes = data->size_bytes;
		t->has_size = true;
	}
	if (data->message_id.len > 0)
		t->message_id = data->message_id;
}

static void write_rcpt(const struct transaction *t, json_t *smtp)
{
	json_t *paths = json_array();
	json_t *entry;
	size_t i;

	json_array_foreach (t->rcpt, i, entry)
		(void)json_array_append(paths, json_object_get(entry, "path"));
	field_set(smtp, "rcpt_to", paths);
	(void)json_object_set(smtp, "rcpt", t->rcpt);
}

static void write_reply(const struct transaction *t, struct transaction_memory *m, json_t *smtp)
{
	const struct event_text *text = &t->reply.text;
	const char *id;
	size_t len;

	if (t->reply.code == 0)
		return;
	field_set_uint(smtp, "reply", t->reply.code);
	field_set_cut(smtp, "reply_text", FIELD_OF(*text), text->cut, &m->cut);
	if (t->reply.code / 100 == 2 && text->len <= EVENT_TEXT_MAX &&
	        queue_id_find(text->bytes, text->len, &id, &len))
		field_set(smtp, "queue_id", field_bytes(id, (unsigned)len));
}

void transaction_write(const struct transaction *t, struct transaction_memory *m, json_t *smtp)
{
	if (t->has_mail_from)
		field_set_cut(smtp, "mail_from", FIELD_OF(t->mail_from), t->mail_from.cut, &m->cut);
	field_set_nonzero(smtp, "mail_code", t->mail_code);
	if (t->mail_code > 0 && t->mail_text.len > 0)
		field_set_cut(smtp, "mail_text", FIELD_OF(t->mail_text), t->mail_text.cut, &m->cut);
	if (t->has_mail_from)
		field_set_uint(smtp, "mail_ms", since_ms(t, t->mail_us));
	if (t->rcpt)
		write_rcpt(t, smtp);
	field_set_nonzero(smtp, "rcpt_cut", t->rcpt_cut);
	if (t->rcpt_cut > 0)
		field_set_uint(smtp, "rcpt_ms", since_ms(t, t->rcpt_us));
	field_set_uint(smtp, "rcpt_count", t->rcpt_count);
	field_set_uint(smtp, "rcpt_accepted", t->rcpt_accepted);
	field_set_uint(smtp, "rcpt_refused", t->rcpt_refused);
	field_set_uint(smtp, "rcpt_foreign", t->rcpt_foreign);
	if (t->client_judged)
		field_set(smtp, "client_ours", json_boolean(t->client_ours));
	write_reply(t, m, smtp);
	if (t->message_id.len > 0)
		field_set_cut(smtp, "message_id", FIELD_OF(t->message_id), t->message_id.cut, &m->cut);
	if (t->has_size)
		field_set_uint(smtp, "size", t->size_bytes);
	if (t->data_us == 0)
		return;
	field_set_uint(smtp, "data_ms", since_ms(t, t->data_us));
	field_set(smtp, "final", json_boolean(t->final));
}

enum event_end transaction_end(const struct transaction *t, enum event_end otherwise)
{
	bool unsaid =
	        t->tx_id == 0 && t->rcpt_refused == 0 && t->reply.code < 400; /* its MAIL was not seen */

	return !unsaid && (t->tx_id == 0 || t->mail_refused) ? END_REFUSED : otherwise;
}

void transaction_fini(struct transaction *t, struct transaction_memory *m)
{
	json_decref(t->rcpt);
	m->held_bytes -= t->held_bytes;
	memset(t, 0, sizeof(*t));
}
