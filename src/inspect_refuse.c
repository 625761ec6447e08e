/* inspect_refuse.c - refusals as edits, in the same length: of the client's commands, of the server's replies.
 *
 * A recipient is refused in flight by spoiling its command, so that the server itself refuses it and sequence
 * numbers hold: the verb becomes XXXX where it is still in this packet; else the last byte of the path, or
 * where that has left too, the byte that ends it, becomes '<', which no mailbox may hold (RFC 5321 4.1.2); of
 * the bytes that none may, it is the one that Postfix, Exim and OpenSMTPD all refuse, with any path before it.
 *
 * Servers count errors and hang up, so after max-refusals of them the transaction is deferred: DATA becomes
 * RSET (the LAST of BDAT blanks, smtp/defer.c), its reply 451; nothing of it is delivered, and the client tries
 * again later. As it can't be delivered any more, further foreign recipients become what no server counts: bare
 * postmaster, which all accept (RFC 5321 4.5.1), as a whole command or, where the verb has left, as the path; NOOP
 * where that has no room; and where the path has begun to leave, or has no room, it stays what it is, and
 * the server may accept it: it is in a transaction that ends with RSET. In either case the client reads 450.
 *
 * The same deferral follows when a server says 2xx to a spoiled command. Where DATA can't be replaced because it has
 * left, the connection is reset before the end of data.
 *
 * A reply is rewritten to the code and those words of the text that have room; a word that would be cut is
 * left out, since half of an enhanced code (RFC 3463) is none.
 *
 * Rejected: inserting or removing bytes (sequence numbers of both directions would have to be translated for
 * the connection's whole life, also by the daemon that takes over after a crash); an error for every foreign
 * recipient whose verb has left (Exim hangs up at the 4th: the mail of the good ones is cut without a word).
 */
#include <stdio.h>
#include <string.h>

#include "inspect_flow.h"

enum { TEXT_AT = 4, CODE_DIGITS = 3 };

/* What the client reads in place of the server's reply. */
struct refusal {
	uint16_t code;
	const char *text;
};
static const struct refusal refusals[ACTION_RELAY_COUNT] = {
	[ACTION_DEFER_RECIPIENT] = { 450, "4.7.1 Try again later" },
	[ACTION_REFUSE_RECIPIENT] = { 550, "5.7.1 Relaying denied" },
	[ACTION_REFUSE_SESSION] = { 554, "5.7.1 Relaying denied" },
	[ACTION_BLOCK] = { 554, "5.7.1 Relaying denied" },
	[ACTION_RESET] = { 550, "5.7.1 Relaying denied" }, /* where the reset has to wait */
};
static const struct refusal no_session = { 554, "5.7.1 Access denied" };
enum { LISTED_TEXT_BYTES = POLICY_NAME_MAX + 32, CODE_NO_SESSION = 554 };
static const struct refusal deferral = { 451, "4.7.1 Try again later" };

/* The list is named where its name has room. */
static struct refusal listed(const struct inspect *in, unsigned list, char text[LISTED_TEXT_BYTES])
{
	const struct policy_settings *s = policy_settings(in->policy);
	const char *zone = list <= POLICY_LISTS_MAX ? s->lists[list - 1] : "";

	snprintf(text, LISTED_TEXT_BYTES, "5.7.1 Listed%s%s", *zone ? ": " : "", zone);
	return (struct refusal) { CODE_NO_SESSION, text };
}

static struct refusal refusal_of(const struct inspect *in, const struct flow *f, const struct smtp_command *c,
        char text[LISTED_TEXT_BYTES])
{
	uint8_t sentence = c->verb == SMTP_VERB_GREETING ? f->sentence : c->judgement.sentence;

	if (sentence > 1 && (c->verb == SMTP_VERB_GREETING || c->verb == SMTP_VERB_RCPT))
		return listed(in, sentence - 1U, text);
	if (sentence == 1 && c->verb == SMTP_VERB_RCPT)
		return no_session;
	if (c->verb == SMTP_VERB_RCPT)
		return refusals[c->judgement.action];
	return c->verb == SMTP_VERB_GREETING ? no_session : deferral;
}

/* ---- commands ------------------------------------------------------------------------------------ */

static bool edit_client(struct inspect *in, struct flow *f, uint64_t offset, const char *bytes, uint64_t len)
{
	return edit_add(&f->edits[SMTP_CLIENT], in->edits, offset, (const uint8_t *)bytes, (uint32_t)len) ==
	       0;
}

/* Spoils the RCPT in the bytes at hand, [from, ...). False if that can't be done any more. */
static bool spoil_recipient(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t from)
{
	uint64_t at = fact->path_end_offset;

	if (fact->verb_offset >= from)
		return edit_client(in, f, fact->verb_offset, "XXXX", 4);
	if (at < from)
		at++;
	return at >= from && edit_client(in, f, at, "<", 1);
}

/* Lays a text, and blanks up to the end of the path, over the line from offset `at` on, which is at hand. */
static bool lay_over(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t at, const char *text)
{
	uint64_t len = fact->path_end_offset + 1 + fact->path_closed - at;
	const size_t text_len = strlen(text);
	char over[SMTP_LINE_MAX];

	if (len < text_len || len > sizeof(over))
		return false;
	for (size_t i = 0; i < len; i++)
		over[i] = i < text_len ? text[i] : ' ';
	return edit_client(in, f, at, over, len);
}

/* In a deferred transaction: puts something in place of the RCPT that is no error to the server, or leaves
 * it what it is. */
static void place_decoy(struct inspect *in, struct flow *f, const struct smtp_fact *fact, uint64_t from)
{
	if (fact->verb_offset >= from) {
		if (!lay_over(in, f, fact, fact->verb_offset, "RCPT TO:<postmaster>"))
			(void)edit_client(in, f, fact->verb_offset, "NOOP", 4);
	} else if (fact->path_offset >= from) {
		(void)lay_over(in, f, fact, fact->path_offset, "<postmaster>");
	}
}

void inspect_refuse_recipient(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, bool editable, uint64_t from)
{
	struct smtp_judgement *j = &fact->command->judgement;
	bool too_many = f->refusals >= policy_settings(in->policy)->max_refusals;

	if (too_many && !flow_action_ends_session(j->action))
		j->action = ACTION_DEFER_RECIPIENT;
	if (too_many || flow_action_ends_session(j->action))
		dialogue_defer(flow_dialogue(f));
	editable = editable && !fact->late;
	j->decoy = too_many && editable;
	if (j->decoy) {
		place_decoy(in, f, fact, from);
	} else if (!(editable && spoil_recipient(in, f, fact, from))) {
		f->cut_off = true;
		return;
	}
	f->refusals += !j->decoy;
	dialogue_refuse(flow_dialogue(f), fact->command);
	counter_add(&in->counters, COUNTER_RCPT_REFUSED_BY_US, 1);
}

void inspect_defer(
        struct inspect *in, struct flow *f, const struct smtp_fact *fact, bool editable, uint64_t offset)
{
	bool fine = fact->len > 0 && editable;
	uint32_t done, n, text_len;
	char bytes[EDIT_BYTES];

	for (done = 0; fine && done < fact->len; done += n) {
		n = fact->len - done < EDIT_BYTES ? fact->len - done : EDIT_BYTES;
		text_len = done == 0 ? (uint32_t)strlen(fact->text) : 0;
		memset(bytes, ' ', n);
		memcpy(bytes, fact->text, text_len < n ? text_len : n);
		fine = edit_client(in, f, offset + done, bytes, n);
	}
	if (!fine)
		f->cut_off = true;
}

/* ---- replies ------------------------------------------------------------------------------------- */

/* Writes those words of the text that lie in [at, at + len) of the line; bytes are those from `at` on. */
static void write_words(uint8_t *bytes, const char *text, uint32_t at, uint32_t len)
{
	const char *word, *behind;

	for (word = text; *word; word = *behind ? behind + 1 : behind) {
		uint32_t begins = TEXT_AT + (uint32_t)(word - text);

		behind = word + strcspn(word, " ");
		if (begins >= at && begins + (uint32_t)(behind - word) <= at + len)
			memcpy(bytes + (begins - at), word, (size_t)(behind - word));
	}
}

/* Remembers what is written into the first line, [at, at + len) of it, for the records. */
static void remember(
        struct masked *m, const struct refusal *r, const uint8_t *bytes, uint32_t at, uint32_t len)
{
	uint32_t i;

	m->code = r->code;
	m->lines += at == 0;
	for (i = at < TEXT_AT ? TEXT_AT - at : 0;
	        m->lines == 1 && i < len && at + i - TEXT_AT < MASKED_TEXT_MAX; i++) {
		m->text[at + i - TEXT_AT] = (char)bytes[i];
		if (bytes[i] != ' ')
			m->len = (uint8_t)(at + i - TEXT_AT + 1);
	}
}

/* The separator behind the code stays, so that multi-line replies remain what they are. Where the line comes in
 * pieces its length is not known: a word that lies across two of them is left out. */
void inspect_mask(struct inspect *in, struct flow *f, const struct smtp_fact *fact, const uint8_t *bytes,
        uint64_t offset)
{
	char text[LISTED_TEXT_BYTES];
	const struct refusal r = refusal_of(in, f, fact->command, text);
	const uint8_t code[CODE_DIGITS] = { (uint8_t)('0' + r.code / 100), (uint8_t)('0' + r.code / 10 % 10),
		(uint8_t)('0' + r.code % 10) };
	uint8_t piece[EDIT_BYTES];
	uint32_t done, i, n;

	for (done = 0; done < fact->len; done += n) {
		uint32_t at = fact->line_at + done;

		n = fact->len - done < EDIT_BYTES ? fact->len - done : EDIT_BYTES;
		memset(piece, ' ', n);
		for (i = 0; i < n && at + i < TEXT_AT; i++)
			piece[i] = at + i < CODE_DIGITS ? code[at + i] : bytes[done + i];
		write_words(piece, r.text, at, n);
		remember(&f->masked, &r, piece, at, n);
		if (edit_add(&f->edits[SMTP_SERVER], in->edits, offset + done, piece, n) != 0)
			f->want_reset = true;
	}
}

struct event_reply inspect_reply_told(const struct flow *f, const struct smtp_fact *fact)
{
	struct event_reply reply = fact->reply;

	if (f->masked.code == 0 || reply.code == 0)
		return reply;
	reply.code = f->masked.code;
	reply.text.cut = 0;
	reply.text.len = f->masked.len;
	memcpy(reply.text.bytes, f->masked.text, f->masked.len);
	return reply;
}
