/* gate.c - port-25 tries outside the rules: gate.refused (1025500); packets that nobody inspected:
 * gate.blind (1025512); what the DNS says of upstreams: gate.upstream (1025511); what was done to the gate: by others,
 * gate.tampered (1025510), by the operator, audit (1025520).
 *
 * The kernel refused the try (in monitor mode: would have refused it) and logged a copy of its packet.
 * Outward tries weigh 2, because one of our own machines is the sender: a bot, or a server somebody
 * forgot to allow. Inward ones weigh 4: the internet knocks all day.
 *
 * A try is one packet: its source address may be forged, so the finding is not `verified`. A session that a rule
 * refuses at its greeting (inspect) is one, too, but has its handshake behind it.
 *
 * Blind packets are counted by the kernel, not seen: the finding is of no connection, its value is their
 * number, without those that a daemon which ran before has told.
 */
#include "watch/judge.h"

#include <inttypes.h>

#include "postern/action.h"
#include "watch/evidence.h"
#include "watch/finding.h"

enum { SEVERITY_OUTWARD = 2, SEVERITY_INWARD = 4, SEVERITY_ALARM = 2, SEVERITY_OPEN = 1 };

static const struct {
	uint8_t bit;
	const char *name;
} tcp_flags[] = { { 0x02, "SYN" }, { 0x10, "ACK" }, { 0x01, "FIN" }, { 0x04, "RST" } };

static void print_try(struct event_text *line, const struct event *e)
{
	char text[ADDR_TEXT_MAX];
	const char *separator = "";
	size_t i;

	if (e->u.refused.would == ACTION_REFUSE_SESSION)
		evidence_print(line, "session");
	for (i = 0; i < sizeof(tcp_flags) / sizeof(tcp_flags[0]); i++)
		if (e->u.refused.tcp_flags & tcp_flags[i].bit) {
			evidence_print(line, "%s%s", separator, tcp_flags[i].name);
			separator = "+";
		}
	evidence_print(line, " to %s port %u", addr_print(&e->conn.dst, text), e->conn.dport);
}

bool gate_judge_try(const struct watch_view *view, const struct event *e, struct finding *f)
{
	(void)view;
	if (e->u.refused.sentence > 0 || e->u.refused.action == ACTION_BLOCK ||
	        e->u.refused.action == ACTION_LIMIT) /* within the rules; what was said of it was told */
		return false;
	finding_init(f, FINDING_GATE_REFUSED, e);
	f->severity = e->conn.direction == DIRECTION_OUTBOUND || e->conn.direction == DIRECTION_INTERNAL
	                      ? SEVERITY_OUTWARD
	                      : SEVERITY_INWARD;
	f->action = e->u.refused.action;
	f->would = e->u.refused.would;
	f->blocked = f->action != ACTION_ALERT;
	f->outcome = f->blocked ? OUTCOME_REFUSED_BY_US : OUTCOME_NONE;
	f->verified = f->would == ACTION_REFUSE_SESSION;
	print_try(evidence_line(f), e);
	return true;
}

static bool judge_bypass(const struct event_blind *b, struct finding *f)
{
	static const char *const words[BYPASS_COUNT] = {
		[BYPASS_NONE] = "",
		[BYPASS_BEGUN] = "bypass begun",
		[BYPASS_GOES_ON] = "bypass goes on",
		[BYPASS_ENDED] = "bypass ended",
	};

	f->alone = 1;
	f->value = b->packets;
	f->window_s = b->left_s;
	evidence_print(evidence_line(f), "%s, %" PRIu64 " packets so far, %" PRIu32 " s left",
	        b->bypass < BYPASS_COUNT ? words[b->bypass] : "", b->packets, b->left_s);
	return true;
}

bool gate_judge_blind(const struct watch_view *view, const struct event *e, struct finding *f)
{
	(void)view;
	finding_init(f, FINDING_GATE_BLIND, e);
	f->action = f->would = ACTION_ALERT;
	if (e->u.blind.bypass != BYPASS_NONE)
		return judge_bypass(&e->u.blind, f);
	f->value = e->u.blind.total - e->u.blind.before;
	evidence_print(evidence_line(f), "%" PRIu64 " packets, %" PRIu64 " in all by the kernel's counter",
	        e->u.blind.packets, e->u.blind.total);
	return true;
}

bool gate_judge_upstream(const struct watch_view *view, const struct event *e, struct finding *f)
{
	(void)view;
	finding_init(f, FINDING_GATE_UPSTREAM, e);
	f->alone = 1;
	if (e->u.upstream.alarm)
		f->severity = SEVERITY_ALARM;
	f->action = f->would = ACTION_ALERT;
	*evidence_line(f) = e->u.upstream.text;
	return true;
}

/* A flow table of others carries connections past us: that is blindness, and no change of what is ours. */
bool gate_judge_guard(const struct watch_view *view, const struct event *e, struct finding *f)
{
	const struct event_guard *g = &e->u.guard;
	bool offload = g->state == GUARD_OFFLOAD || g->state == GUARD_OFFLOAD_ENDED;

	(void)view;
	finding_init(f, offload ? FINDING_GATE_BLIND : FINDING_GATE_TAMPERED, e);
	f->alone = 1;
	f->action = f->would = ACTION_ALERT;
	if (g->state == GUARD_PUT_OFF || g->state == GUARD_REPAIR_FAILED)
		f->severity = SEVERITY_OPEN;
	f->value = g->took_us;
	*evidence_line(f) = g->what;
	if (g->who.len > 0)
		*evidence_line(f) = g->who;
	return true;
}

bool gate_judge_audit(const struct watch_view *view, const struct event *e, struct finding *f)
{
	(void)view;
	finding_init(f, FINDING_AUDIT, e);
	f->action = f->would = ACTION_ALERT;
	f->alone = 1;
	*evidence_line(f) = e->u.audit.text;
	return true;
}
