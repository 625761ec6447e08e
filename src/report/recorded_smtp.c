/* recorded_smtp.c - an `smtp` record as facts: how its connection began, what was said in it, its transaction.
 *
 * Recipients that the record has cut from its list are known by number only: they come without a path, at the time of the
 * last one. So do VRFY, EXPN and refused logins that `commands` has no room for, at the end of the record.
 *
 * Limits: REST_MAX recipients without a path.
 */
#include <string.h>

#include "base/clock.h"
#include "report/recorded_inner.h"
#include "report/session.h"
#include "report/transaction.h"
#include "report/words.h"

enum { REST_MAX = 10000 };

/* base_us and so many milliseconds, which may be negative. */
static uint64_t time_at(const struct recorded_book *b, const json_t *object, const char *key)
{
	json_int_t most = (json_int_t)(RECORDED_SPAN_US / 1000);
	json_int_t ms = json_integer_value(json_object_get(object, key));

	ms = ms < -most ? -most : ms > most ? most : ms;
	if (ms < 0 && b->head.base_us < (uint64_t)-ms * 1000)
		return 0;
	return ms < 0 ? b->head.base_us - (uint64_t)-ms * 1000 : b->head.base_us + (uint64_t)ms * 1000;
}

static uint64_t last_time(const struct recorded_book *b)
{
	uint64_t last = b->head.base_us;

	for (unsigned i = 0; i < b->fact_count; i++)
		if (b->facts[i].time_us > last)
			last = b->facts[i].time_us;
	return last;
}

static struct span constant(struct recorded_book *b, const char *text)
{
	size_t len = strlen(text);
	struct span s = { .at = (uint32_t)b->text_bytes };

	if (b->text_bytes + len > sizeof(b->texts))
		return s;
	memcpy(b->texts + b->text_bytes, text, len);
	b->text_bytes += len;
	s.len = (uint16_t)len;
	return s;
}

static void add_helo(struct recorded_book *b, const json_t *entry, unsigned verb, uint64_t time_us)
{
	struct fact *f = recorded_add(b, EVENT_HELO, time_us);
	const char *offer = text_of(entry, "starttls");

	f->more = (uint8_t)verb;
	f->name = recorded_span(b, entry, "name", EVENT_PATH_MAX);
	f->flags = strcmp(offer, "offered") == 0  ? FACT_OFFERED
	           : strcmp(offer, "masked") == 0 ? FACT_MASKED
	                                          : 0;
}

static void add_tls(struct recorded_book *b, const json_t *entry, uint64_t time_us)
{
	struct fact *f = recorded_add(b, EVENT_TLS, time_us);

	f->number = session_tls_version(text_of(entry, "version"));
	f->name = recorded_span(b, entry, "sni", EVENT_DOMAIN_MAX);
	f->flags = is_true(entry, "implicit") ? FACT_IMPLICIT : 0;
}

static void add_auth(struct recorded_book *b, const json_t *entry, uint64_t time_us)
{
	struct fact *f = recorded_add(b, EVENT_AUTH, time_us);

	f->name = recorded_span(b, entry, "mech", EVENT_NAME_MAX - 1);
	f->user = recorded_span(b, entry, "user", EVENT_PATH_MAX);
	f->flags = is_true(entry, "in_clear") ? FACT_IN_CLEAR : 0;
}

static void add_command(struct recorded_book *b, const json_t *entry)
{
	static const char *const helos[] = { "HELO", "EHLO", "LHLO" };
	const char *verb = text_of(entry, "verb");
	uint64_t time_us = time_at(b, entry, "ms");
	unsigned before = b->fact_count;

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(verb, helos[i]) == 0)
			add_helo(b, entry, i, time_us);
	if (strcmp(verb, "GREETING") == 0)
		recorded_add(b, EVENT_GREETING, time_us);
	else if (strcmp(verb, "TLS") == 0)
		add_tls(b, entry, time_us);
	else if (strcmp(verb, "AUTH") == 0)
		add_auth(b, entry, time_us);
	else if (b->fact_count == before)
		recorded_add(b, EVENT_COMMAND, time_us)->name =
		        recorded_span(b, entry, "verb", EVENT_NAME_MAX - 1);
	if (b->fact_count == before)
		return;
	b->facts[before].code = recorded_code(entry, "code");
	b->facts[before].text = recorded_span(b, entry, "text", EVENT_TEXT_MAX);
}

/* Those that the list has no room for are known by number. */
static void add_rest_of_commands(struct recorded_book *b, const json_t *smtp)
{
	static const struct {
		const char *key, *verb;
		enum event_kind kind;
		uint16_t code;
	} counts[] = { { "vrfy", "VRFY", EVENT_COMMAND, 0 }, { "expn", "EXPN", EVENT_COMMAND, 0 },
		{ "auth_failures", "", EVENT_AUTH, 535 } };
	uint64_t end_us = last_time(b);

	for (unsigned k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
		uint64_t left = number_of(smtp, counts[k].key, REST_MAX);
		struct fact *f;

		for (unsigned i = 0; i < b->fact_count && left > 0; i++) {
			const struct fact *have = &b->facts[i];

			if (have->kind == counts[k].kind &&
			        (counts[k].code ? have->code >= 400
			                        : have->name.len == 4 && memcmp(b->texts + have->name.at,
			                                                         counts[k].verb, 4) == 0))
				left--;
		}
		if (left == 0)
			continue;
		b->cuts.commands += left;
		f = recorded_add(b, counts[k].kind, end_us);
		f->name = constant(b, counts[k].verb);
		f->code = counts[k].code;
		f->repeat = (uint32_t)left - 1;
	}
}

/* How the connection began: by this record, by one before it, or before the first of them. */
static void add_beginning(struct recorded_book *b, const json_t *smtp)
{
	struct event_connection *c = &b->head.conn;
	struct known *known = table_find(b->connections, &c->flow_id);
	const json_t *opened = json_object_get(smtp, "opened");
	bool is_first = json_is_string(opened) || !known;

	c->midstream = is_true(smtp, "midstream");
	c->open_us = known ? known->open_us : b->head.base_us;
	if (json_is_string(opened) && clock_parse(json_string_value(opened), &c->open_us) != 0)
		c->open_us = b->head.base_us;
	if (c->open_us > b->head.base_us || b->head.base_us - c->open_us > RECORDED_SPAN_US)
		c->open_us = b->head.base_us;
	known = table_take(b->connections, &c->flow_id, b->head.base_us, NULL);
	*known = (struct known) { .open_us = c->open_us, .source = c->source };
	if (!is_first)
		return;
	recorded_add(b, EVENT_OPEN, c->open_us);
	if (json_object_get(smtp, "opened") || json_object_get(smtp, "commands") || c->midstream)
		return;
	recorded_add(b, EVENT_GREETING, c->open_us)->code = 220;
	if (!json_is_string(json_object_get(smtp, "helo")))
		return;
	add_helo(b, smtp, 1, c->open_us);
	b->facts[b->fact_count - 1].name = recorded_span(b, smtp, "helo", EVENT_PATH_MAX);
	b->facts[b->fact_count - 1].code = 250;
}

static uint8_t outcome_of(const json_t *entry, uint16_t code)
{
	int outcome = words_find(WORDS_OUTCOME, text_of(entry, "outcome"));

	if (outcome == OUTCOME_REFUSED_BY_US)
		return OUTCOME_REFUSED_BY_US;
	if (code == 0)
		return OUTCOME_UNANSWERED;
	return code < 300 ? OUTCOME_ACCEPTED : OUTCOME_REFUSED_BY_SERVER;
}

static void add_rest_of_recipients(
        struct recorded_book *b, const json_t *smtp, uint64_t accepted, uint64_t refused)
{
	const struct {
		uint64_t left;
		uint16_t code;
		uint8_t outcome;
	} rest[] = {
		{ number_of(smtp, "rcpt_accepted", REST_MAX) - accepted, 250, OUTCOME_ACCEPTED },
		{ number_of(smtp, "rcpt_refused", REST_MAX) - refused, 550, OUTCOME_REFUSED_BY_SERVER },
	};
	uint64_t time_us = json_object_get(smtp, "rcpt_ms") ? time_at(b, smtp, "rcpt_ms") : last_time(b);

	for (unsigned i = 0; i < 2; i++) {
		struct fact *f;

		if (rest[i].left == 0 || rest[i].left > REST_MAX) /* below 0: more are listed than counted */
			continue;
		b->cuts.recipients += rest[i].left;
		f = recorded_add(b, EVENT_RCPT, time_us);
		f->code = rest[i].code;
		f->more = rest[i].outcome;
		f->repeat = (uint32_t)rest[i].left - 1;
	}
}

static void add_recipients(struct recorded_book *b, const json_t *smtp)
{
	const json_t *entry;
	uint64_t accepted = 0, refused = 0;
	size_t i;

	json_array_foreach (json_object_get(smtp, "rcpt"), i, entry) {
		struct fact *f;

		if (i >= TRANSACTION_RCPT_MAX)
			break;
		f = recorded_add(b, EVENT_RCPT, time_at(b, entry, "ms"));
		f->name = recorded_span(b, entry, "path", EVENT_PATH_MAX);
		f->code = recorded_code(entry, "code");
		f->text = recorded_span(b, entry, "text", EVENT_TEXT_MAX);
		f->number = (uint32_t)number_of(entry, "hold_ms", UINT32_MAX);
		f->more = outcome_of(entry, f->code);
		f->flags = is_true(entry, "uncertain") ? FACT_UNCERTAIN : 0;
		accepted += f->code / 100 == 2;
		refused += f->code >= 400;
	}
	add_rest_of_recipients(b, smtp, accepted, refused);
}

static void add_data(struct recorded_book *b, const json_t *smtp)
{
	bool completed = strcmp(text_of(smtp, "end"), "completed") == 0;
	bool timed = json_object_get(smtp, "data_ms") != NULL;
	struct fact *f;

	if (!timed && !completed)
		return;
	b->head.final = timed ? is_true(smtp, "final") : completed;
	f = recorded_add(b, EVENT_DATA, timed ? time_at(b, smtp, "data_ms") : last_time(b));
	f->code = recorded_code(smtp, "reply");
	f->text = recorded_span(b, smtp, "reply_text", EVENT_TEXT_MAX);
	b->head.message_id = recorded_span(b, smtp, "message_id", EVENT_PATH_MAX);
	b->head.size_bytes = number_of(smtp, "size", INT64_MAX);
}

static void add_transaction(struct recorded_book *b, const json_t *smtp)
{
	int end = words_find(WORDS_END, text_of(smtp, "end"));
	struct fact *f;

	if (json_is_string(json_object_get(smtp, "mail_from"))) {
		f = recorded_add(b, EVENT_MAIL, time_at(b, smtp, "mail_ms"));
		f->name = recorded_span(b, smtp, "mail_from", EVENT_PATH_MAX);
		f->code = json_object_get(smtp, "mail_ms") ? recorded_code(smtp, "mail_code") : 250;
		f->text = recorded_span(b, smtp, "mail_text", EVENT_TEXT_MAX);
	}
	add_recipients(b, smtp);
	add_data(b, smtp);
	add_rest_of_commands(b, smtp);
	if (b->head.tx_id == 0)
		return;
	f = recorded_add(
	        b, EVENT_TX_END, json_object_get(smtp, "end_ms") ? time_at(b, smtp, "end_ms") : last_time(b));
	f->more = end < 0 ? END_LOST : (uint8_t)end;
}

void recorded_read_smtp(struct recorded_book *b, const json_t *record, const json_t *smtp)
{
	const json_t *entry;
	size_t i;

	b->head.tx_id = (uint32_t)number_of(record, "tx_id", UINT32_MAX);
	b->head.pipelined = is_true(smtp, "pipelined");
	b->head.bdat = is_true(smtp, "bdat");
	b->head.gap = is_true(smtp, "gap");
	b->head.notes.authenticated =
	        strcmp(text_of(json_object_get(smtp, "auth"), "result"), "accepted") == 0;
	add_beginning(b, smtp);
	json_array_foreach (json_object_get(smtp, "commands"), i, entry)
		if (i < SESSION_COMMANDS_MAX)
			add_command(b, entry);
	add_transaction(b, smtp);
}
