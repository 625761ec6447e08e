/* fanout.c - one source talks to unusually many mail hosts: volume.fanout (1025203).
 *
 * Counted are different addresses of servers that greeted a client of ours within a window, the first one again
 * as long as it is talked to; two windows, one for the quick and one for the patient. People's machines hand their mail
 * to one server, or to two. One that delivers by itself, as a worm or a zombie does, meets a new host with nearly every
 * recipient. Connections that no server has answered do not count: a finding tells of whom the source has reached.
 *
 * An MX with many addresses counts as many hosts. A mail server that is not in `servers` looks the same, and has to be
 * named there or in `except`.
 */
#include "watch/part.h"

#include "watch/behave.h"
#include "watch/evidence.h"

enum subject { QUICK, PATIENT };

static void *fanout_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	return tally_new(behave_things(sources), hash_key);
}

static void fanout_end(void *part)
{
	tally_free(part);
}

static bool has_answered(const struct event *e)
{
	if (e->kind == EVENT_GREETING)
		return e->u.reply.code > 0;
	return e->conn.midstream && (e->kind == EVENT_HELO || e->kind == EVENT_MAIL || e->kind == EVENT_TLS);
}

/* True when it passes that limit. */
static bool count_host(struct tally *hosts, const struct prefix *source, const struct event *e,
        enum subject kind, const struct volume_limit *limit, uint64_t *count)
{
	struct tally_count c;

	if (limit->most == 0)
		return false;
	c = tally_add(hosts, behave_name_prefix(hosts, kind, source),
	        tally_name(hosts, 0, &e->conn.dst, sizeof(e->conn.dst)), limit, e->time_us);
	*count = c.count;
	return c.fresh && c.count > limit->most;
}

static void tell(const struct part_view *view, const struct event *e, const struct behaviour_rule *rule,
        const struct volume_limit *limit, uint64_t count)
{
	char text[ADDR_TEXT_MAX];
	struct finding f;

	behave_begin(&f, FINDING_VOLUME_FANOUT, view, e, rule, limit, count);
	evidence_print(evidence_line(&f), "one more mail host: %s port %u", addr_print(&e->conn.dst, text),
	        e->conn.dport);
	view->raise(view->watch, &f);
}

static void fanout_event(void *part, const struct part_view *view, const struct event *e)
{
	const struct behaviour_rule *rule;
	uint64_t quick_count, patient_count;
	struct prefix source;
	bool quick, patient;

	if (!has_answered(e) ||
	        (e->conn.direction != DIRECTION_OUTBOUND && e->conn.direction != DIRECTION_INTERNAL))
		return;
	rule = behave_rule_for(view, e, BEHAVIOUR_FANOUT);
	if (!rule)
		return;
	source = behave_source(view, e);
	quick = count_host(part, &source, e, QUICK, &rule->limit, &quick_count);
	patient = count_host(part, &source, e, PATIENT, &rule->other, &patient_count);
	if (quick)
		tell(view, e, rule, &rule->limit, quick_count);
	else if (patient)
		tell(view, e, rule, &rule->other, patient_count);
}

static void fanout_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	if (!who->source)
		return;
	behave_forget(part, behave_name_prefix(part, QUICK, who->source), out);
	behave_forget(part, behave_name_prefix(part, PATIENT, who->source), out);
}

const struct part fanout_part = {
	.name = "fanout",
	.make = fanout_make,
	.end = fanout_end,
	.event = fanout_event,
	.forget = fanout_forget,
};
