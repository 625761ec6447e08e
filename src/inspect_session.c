/* inspect_session.c - sessions that are refused: by a rule (`do = refuse-session`), because the source is on a DNS list, or
 * because the watch has ordered it.
 *
 * The kernel could only break the connection, which tells a client nothing and has it try again for days. So
 * the server's greeting is rewritten to 554 (RFC 5321 3.1: no mail here, the client may only QUIT), all of its lines, and
 * of what the client says only QUIT reaches the server. Anything else resets both ends, the server's with the
 * next packet that it sends, at the latest when it loses its patience; it has not reached the server, so nothing
 * was begun there. Where the server greets with 4xx, that stands.
 *
 * A session that was greeted before (a changed configuration) is reset as soon as no mail can be on its way: not from
 * DATA to its last reply, and after a start in the middle not before the server has replied. Hence the one
 * gap: somebody who was told 554 and waits for the daemon to start again can say something once, up to the
 * server's reply; if all of a mail is in it, that mail. Sessions under TLS go on to their end.
 *
 * What is said of a source (policy/sentence.h) may come when its session has long begun. That goes on up to its next recipient,
 * which is told 554 as relay.action = refuse-session does it (inspect_refuse.c): nothing of a mail whose recipients were all
 * taken is touched, and the client knows what became of the other. Somebody who has logged in is not at his
 * address's fault.
 *
 * In monitor mode, and of captures, it is told what would have been done.
 */
#include "inspect_flow.h"

static bool is_refused(const struct flow *f)
{
	return f->decision.what == DO_REFUSE_SESSION || f->sentence > 0;
}

struct sentence inspect_sentence(const struct inspect *in, const struct flow *f, uint64_t now_us)
{
	struct sentence s = { .until_us = 0 };

	if (in->settings.orders && policy_is_answerable(&f->decision))
		s = sentences_find(in->settings.orders, &f->conn.src, now_us);
	if (s.until_us == 0 && in->settings.sentences && policy_is_stranger(&f->decision))
		s = sentences_find(in->settings.sentences, &f->conn.src, now_us);
	return s;
}

void inspect_session_greets(struct inspect *in, struct flow *f, uint64_t now_us)
{
	struct sentence s;

	if (f->greeted || f->sentence > 0 || flow_is_partial(f) || f->stream[SMTP_SERVER].next > 0)
		return;
	s = inspect_sentence(in, f, now_us);
	if (s.until_us == 0 || s.action != ACTION_REFUSE_SESSION)
		return;
	f->sentence = (uint8_t)(1 + s.list);
	inspect_session_begin(in, f);
}

uint8_t inspect_session_sentence(const struct inspect *in, struct flow *f, uint64_t now_us)
{
	struct sentence s = inspect_sentence(in, f, now_us);

	if (s.until_us == 0 || s.action != ACTION_REFUSE_SESSION ||
	        dialogue_is_authenticated(flow_dialogue(f)))
		return 0;
	return (uint8_t)(1 + s.list);
}

void inspect_session_begin(struct inspect *in, struct flow *f)
{
	dialogue_refuse_greeting(flow_dialogue(f), in->enforce && is_refused(f));
}

void inspect_session_replied(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t now_us)
{
	const struct smtp_command *c = fact->command;
	struct event *e;

	if (fact->reply.code == 0)
		return;
	if (!f->greeted && c && c->verb == SMTP_VERB_GREETING)
		f->turned_away = c->judgement.refused || fact->reply.code >= 400;
	f->greeted = true;
	if (!is_refused(f) || f->session_told)
		return;
	f->session_told = true;
	e = inspect_event(in, f, EVENT_REFUSED, now_us);
	e->u.refused.would = ACTION_REFUSE_SESSION;
	e->u.refused.sentence = f->sentence;
	e->u.refused.action = in->enforce ? ACTION_REFUSE_SESSION : ACTION_ALERT;
	inspect_send(in, e);
}

/* These bytes of the client's are a part of QUIT, and there is nothing else. */
static bool is_quit(const uint8_t *payload, uint32_t len, uint64_t offset)
{
	static const char quit[] = "QUIT\r\n";
	uint32_t i;

	if (offset > sizeof(quit) - 1 || len > sizeof(quit) - 1 - offset)
		return false;
	for (i = 0; i < len; i++) {
		uint8_t byte = payload[i] >= 'a' && payload[i] <= 'z' ? payload[i] & ~0x20 : payload[i];

		if (byte != (uint8_t)quit[offset + i])
			return false;
	}
	return true;
}

bool inspect_session_ends(const struct inspect *in, struct flow *f, enum smtp_side side,
        const uint8_t *payload, uint32_t len, uint64_t offset)
{
	const struct dialogue *d = flow_dialogue(f);

	if (!in->enforce || !is_refused(f) || f->tls)
		return false;
	if (f->conn.midstream || (f->greeted && !f->turned_away))
		return f->greeted && !dialogue_data_is_out(d) && !dialogue_awaits_end_reply(d);
	return side == SMTP_CLIENT && len > 0 && !is_quit(payload, len, offset);
}
