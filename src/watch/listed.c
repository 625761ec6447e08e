/* listed.c - a stranger at a server of ours who is on a DNS list: source.listed (1025601).
 *
 * One for each connection and list; the incident is the source's. What the list gives as its reason are bytes of
 * somebody else: kept raw, escaped by whoever prints them.
 */
#include "watch/judge.h"

#include "postern/action.h"
#include "watch/evidence.h"
#include "watch/finding.h"

static void print_code(struct event_text *line, uint32_t code)
{
	evidence_print(line, " %u.%u.%u.%u", code >> 24, code >> 16 & 0xff, code >> 8 & 0xff, code & 0xff);
}

bool listed_judge(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_listed *listed = &e->u.listed;
	struct event_text *line;

	finding_init(f, FINDING_SOURCE_LISTED, e);
	f->action = listed->action;
	f->would = listed->would;
	f->blocked = listed->action == ACTION_REFUSE_SESSION;
	f->verified = 1; /* it is asked about once a server has greeted it */
	if (view->memory)
		f->helo = view->memory->helo;
	line = evidence_line(f);
	evidence_print(line, "%.*s:", EVENT_ZONE_MAX, listed->zone);
	for (unsigned i = 0; i < listed->code_count && i < EVENT_CODES_MAX; i++)
		print_code(line, listed->codes[i]);
	if (listed->reason.len > 0) {
		evidence_print(line, ", ");
		evidence_bytes(line, listed->reason.bytes, listed->reason.len);
	}
	return true;
}
