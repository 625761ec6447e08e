/* smuggle.c - bodies that end earlier for some servers than for others: smuggling.attempt (1025400),
 * smuggling.effective (1025401).
 *
 * inspect tells a body whose lenient and strict ends differ, with the bytes. When commands follow them, somebody
 * tries to have a second mail read out of the first one (inbound: with a sender that the first server
 * would not have let pass; outbound: in the name of a server of ours). When none do, it is a lone dot that
 * a badly written program has left, and weighs little: it harms nobody but that mail.
 *
 * A server that says yes more often than it was asked, in a connection with such a body, has taken the
 * sequence for the end. That is told each time with all that is known, since the story is in the number: one
 * yes more and its body was cut short, two and it has read commands that nobody else saw. Where bodies are not
 * read at all (data.watch), such a yes is all that shows a mail hidden behind one: there the first is enough.
 */
#include "watch/judge.h"

#include <inttypes.h>

#include "postern/action.h"
#include "watch/evidence.h"
#include "watch/finding.h"

enum { SEVERITY_LONE = 4 };

static const char *const names[EOD_COUNT] = {
#define X(name, text) text,
	EVENT_EODS(X)
#undef X
};

static void print_sequence(struct event_text *line, const struct event_eod *eod)
{
	unsigned i;

	evidence_print(line, "end of data \"");
	for (i = 0; i < eod->bytes.len; i++) {
		switch (eod->bytes.bytes[i]) {
		case '\r':
			evidence_print(line, "\\r");
			break;
		case '\n':
			evidence_print(line, "\\n");
			break;
		case '\0':
			evidence_print(line, "\\0");
			break;
		default:
			evidence_bytes(line, eod->bytes.bytes + i, 1);
		}
	}
	evidence_print(line, "%s\" (%s) at byte %" PRIu64 " of the client's", eod->bytes.cut ? "..." : "",
	        names[eod->what], eod->offset);
}

static void begin(struct finding *f, enum finding_id id, const struct watch_view *view, const struct event *e)
{
	finding_init(f, id, e);
	f->verified = 1;
	finding_take_memory(f, view->memory);
}

bool smuggle_judge_end(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_eod *eod = &e->u.eod;

	if (eod->what >= EOD_COUNT)
		return false;
	begin(f, FINDING_SMUGGLING_ATTEMPT, view, e);
	f->action = eod->action;
	f->would = eod->would;
	f->blocked = eod->action != ACTION_ALERT;
	f->tx_id = eod->tx_id;
	f->value = eod->count;
	print_sequence(evidence_line(f), eod);
	if (eod->count > 1)
		evidence_print(evidence_line(f), "the last of %" PRIu32 " in this body", eod->count);
	if (!eod->hides) {
		f->severity = SEVERITY_LONE;
		evidence_print(evidence_line(f), "nothing behind it reads as a command");
		return true;
	}
	evidence_print(evidence_line(f), "%s behind it, at byte %" PRIu64, eod->verb, eod->verb_offset);
	if (e->conn.direction == DIRECTION_OUTBOUND)
		evidence_print(
		        evidence_line(f), "the client is ours: who can send through it can send in its name");
	return true;
}

bool smuggle_judge_reply(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_odd_what *odd = &e->u.odd;
	struct event_text *line;

	if (odd->what != ODD_UNEXPECTED_REPLY || odd->unexplained == 0)
		return false;
	begin(f, FINDING_SMUGGLING_EFFECTIVE, view, e);
	f->action = odd->action;
	f->would = odd->would;
	f->outcome = OUTCOME_ACCEPTED;
	f->value = odd->unexplained;
	if (view->memory && view->memory->eod.count > 0) {
		f->tx_id = view->memory->eod.tx_id;
		print_sequence(evidence_line(f), &view->memory->eod);
	}
	if (odd->unread)
		evidence_print(evidence_line(f),
		        "behind a body that was not read (data.watch, data.trusted): commands came with it");
	line = evidence_line(f);
	evidence_print(line, "answer %u to nothing that was asked: ", odd->unexplained);
	evidence_bytes(line, odd->bytes.bytes, odd->bytes.len);
	return true;
}
