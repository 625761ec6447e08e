/* leak.c - outbound mail whose Received lines show the inside of our network: header.leak (1025430).
 *
 * inspect has looked at the header and tells the first address or name, nothing else of the mail.
 */
#include "watch/judge.h"

#include "postern/action.h"
#include "watch/evidence.h"
#include "watch/finding.h"

bool leak_judge(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_text *bytes = &e->u.leak.bytes;
	struct event_text *line;

	finding_init(f, FINDING_HEADER_LEAK, e);
	f->action = f->would = ACTION_ALERT;
	f->verified = 1;
	f->tx_id = e->u.leak.tx_id;
	finding_take_memory(f, view->memory);
	line = evidence_line(f);
	evidence_print(line, "Received: shows ");
	evidence_bytes(line, bytes->bytes, bytes->len);
	return true;
}
