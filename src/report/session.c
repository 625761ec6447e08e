/* session.c - see session.h.
 *
 * A record tells what a later judgement of the same traffic needs (recorded.c reads it): when the server greeted and how it
 * calls itself, whether STARTTLS was offered, which logins were tried and when. Times are told relative to the record's
 * own, so commands before the transaction have negative ones.
 */
#include "report/session.h"

#include <string.h>

#include "report/field.h"

static const struct {
	uint16_t version;
	const char *name;
} versions[] = { { 0x0300, "SSLv3" }, { 0x0301, "TLS 1.0" }, { 0x0302, "TLS 1.1" }, { 0x0303, "TLS 1.2" },
	{ 0x0304, "TLS 1.3" } };

const char *session_tls_name(uint16_t version)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (versions[i].version == version)
			return versions[i].name;
	return "unknown";
}

uint16_t session_tls_version(const char *name)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (strcmp(versions[i].name, name) == 0)
			return versions[i].version;
	return 0;
}

static void set_reply(json_t *entry, const struct event_reply *reply, uint64_t *cuts)
{
	field_set_nonzero(entry, "code", reply->code);
	if (reply->code > 0 && reply->text.len > 0)
		field_set_cut(entry, "text", FIELD_OF(reply->text), reply->text.cut, cuts);
}

static void set_name(json_t *entry, const char *key, const char *name)
{
	field_set(entry, key, field_bytes(name, (unsigned)strnlen(name, EVENT_NAME_MAX)));
}

static void set_helo(json_t *entry, const struct event_helo *helo, uint64_t *cuts)
{
	static const char *const verbs[] = { "HELO", "EHLO", "LHLO" };

	uint64_t told_by_helo = 0; /* the record's `helo` counts it */

	field_set_text(entry, "verb", verbs[helo->esmtp % 3]);
	field_set_cut(entry, "name", FIELD_OF(helo->name), helo->name.cut, &told_by_helo);
	if (helo->offers_starttls || helo->masks_starttls)
		field_set_text(entry, "starttls", helo->masks_starttls ? "masked" : "offered");
	set_reply(entry, &helo->reply, cuts);
}

static void set_auth(json_t *entry, const struct event_auth *auth, uint64_t *cuts)
{
	field_set_text(entry, "verb", "AUTH");
	set_name(entry, "mech", auth->mech);
	if (auth->user.len > 0)
		field_set_cut(entry, "user", FIELD_OF(auth->user), auth->user.cut, cuts);
	field_set_true(entry, "in_clear", auth->in_clear);
	set_reply(entry, &auth->reply, cuts);
}

static void set_tls(json_t *entry, const struct event_tls *tls, uint64_t *cuts)
{
	field_set_text(entry, "verb", "TLS");
	field_set_text(entry, "version", session_tls_name(tls->version));
	field_set_true(entry, "implicit", tls->implicit);
	if (tls->sni.len > 0)
		field_set_cut(entry, "sni", FIELD_OF(tls->sni), tls->sni.cut, cuts);
}

static json_t *entry_of(const struct event *e, uint64_t *cuts)
{
	json_t *entry = json_object();

	if (e->kind == EVENT_GREETING) {
		field_set_text(entry, "verb", "GREETING");
		set_reply(entry, &e->u.reply, cuts);
	} else if (e->kind == EVENT_HELO) {
		set_helo(entry, &e->u.helo, cuts);
	} else if (e->kind == EVENT_AUTH) {
		set_auth(entry, &e->u.auth, cuts);
	} else if (e->kind == EVENT_TLS) {
		set_tls(entry, &e->u.tls, cuts);
	} else {
		set_name(entry, "verb", e->u.command.verb);
		set_reply(entry, &e->u.command.reply, cuts);
	}
	field_set_uint(entry, "ms", e->time_us);
	return entry;
}

void session_add(struct session *s, struct transaction_memory *m, const struct event *e)
{
	json_t *entry;
	uint32_t bytes;

	if (e->kind != EVENT_GREETING && e->kind != EVENT_HELO && e->kind != EVENT_AUTH &&
	        e->kind != EVENT_COMMAND && e->kind != EVENT_TLS)
		return;
	if (!s->commands)
		s->commands = json_array();
	if (s->cut > 0 || json_array_size(s->commands) >= SESSION_COMMANDS_MAX) {
		s->cut++; /* the list stays a beginning: once cut, nothing is added */
		m->cut++;
		return;
	}
	entry = entry_of(e, &m->cut);
	bytes = (uint32_t)json_dumpb(entry, NULL, 0, JSON_COMPACT) + 1;
	if (s->list_bytes + bytes > SESSION_BYTES ||
	        m->held_bytes + bytes + TRANSACTION_ENTRY_BYTES > TRANSACTION_HELD_BYTES ||
	        json_array_append(s->commands, entry) < 0) {
		s->cut++;
		m->cut++;
	} else {
		s->list_bytes += bytes;
		s->held_bytes += bytes + TRANSACTION_ENTRY_BYTES;
		m->held_bytes += bytes + TRANSACTION_ENTRY_BYTES;
	}
	json_decref(entry);
}

static int64_t since_ms(uint64_t start_us, uint64_t then_us)
{
	return (int64_t)(then_us - start_us) / 1000;
}

void session_write(struct session *s, struct transaction_memory *m, json_t *smtp, uint64_t start_us)
{
	json_t *entry;
	size_t i;

	json_array_foreach (s->commands, i, entry) {
		json_t *ms = json_object_get(entry, "ms");

		(void)json_integer_set(ms, since_ms(start_us, (uint64_t)json_integer_value(ms)));
	}
	if (s->commands)
		(void)json_object_set(smtp, "commands", s->commands);
	field_set_nonzero(smtp, "commands_cut", s->cut);
	session_fini(s, m);
}

void session_fini(struct session *s, struct transaction_memory *m)
{
	json_decref(s->commands);
	m->held_bytes -= s->held_bytes;
	memset(s, 0, sizeof(*s));
}
