/* evasion.c - bytes that no honest peer sends: evasion (1025420), starttls.injection (1025410).
 *
 * inspect tells each oddity once it has happened; the table says what it weighs. Those that honest but
 * sloppy software shows as well (typed lines that end in LF, lines that are too long, a client that does
 * not wait for the greeting) and those of a server weigh less.
 */
#include "watch/judge.h"

#include <inttypes.h>

#include "postern/action.h"
#include "watch/evidence.h"
#include "watch/finding.h"

enum { SEVERITY_SLOPPY = 3 };

static const struct {
	enum finding_id id; /* severity 0: that of the finding */
	uint8_t severity;
	const char *what;
} weights[ODD_COUNT] = {
	[ODD_BARE_LF] = { FINDING_EVASION, SEVERITY_SLOPPY, "command line ended by LF alone" },
	[ODD_BARE_CR] = { FINDING_EVASION, 0, "CR inside a command line" },
	[ODD_NUL] = { FINDING_EVASION, 0, "NUL in a command" },
	[ODD_BINARY] = { FINDING_EVASION, 0, "control or 8-bit bytes in a command" },
	[ODD_LINE_TOO_LONG] = { FINDING_EVASION, SEVERITY_SLOPPY, "command line beyond the limit" },
	[ODD_EARLY_TALK] = { FINDING_EVASION, SEVERITY_SLOPPY, "client talks before the greeting" },
	[ODD_EARLY_BODY] = { FINDING_EVASION, 0, "body sent before the server agreed to DATA" },
	[ODD_UNEXPECTED_REPLY] = { FINDING_EVASION, SEVERITY_SLOPPY, "reply that no command asked for" },
	[ODD_BAD_REPLY] = { FINDING_EVASION, SEVERITY_SLOPPY, "line of the server that is no reply" },
	[ODD_PENDING_FULL] = { FINDING_EVASION, 0, "more commands in flight than can be followed" },
	[ODD_STARTTLS_INJECTION] = { FINDING_STARTTLS_INJECTION, 0, "bytes in clear behind STARTTLS" },
	[ODD_RESEND_DIFFERS] = { FINDING_EVASION, 0, "segment sent again with other bytes" },
	[ODD_URGENT] = { FINDING_EVASION, 0, "urgent data" },
};

bool evasion_judge(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_odd_what *odd = &e->u.odd;
	struct event_text *line;

	if (odd->what >= ODD_COUNT || odd->unexplained) /* smuggle.c's */
		return false;
	finding_init(f, weights[odd->what].id, e);
	if (weights[odd->what].severity)
		f->severity = weights[odd->what].severity;
	f->action = f->would = ACTION_ALERT;
	f->verified = 1;
	finding_take_memory(f, view->memory);
	line = evidence_line(f);
	evidence_print(line, "%s, at byte %" PRIu64 " of the %s", weights[odd->what].what, odd->offset,
	        odd->side ? "server's" : "client's");
	if (odd->bytes.len > 0) {
		evidence_print(line, ": ");
		evidence_bytes(line, odd->bytes.bytes, odd->bytes.len);
	}
	return true;
}
