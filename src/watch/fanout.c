/* fanout.c - one source talks to unusually many mail hosts: volume.fanout (1025203).
 *
 * Counted are different addresses of servers that greeted a client of ours within a window, the first one again
 * as long as it is talked to; two windows, one for the quick and one for the patient. People's machines hand their mail
 * to one server, or to two. One that delivers by itself, as a worm or a zombie does, meets a new host with nearly every
 * recipient. Connections that no server has answered do not count: a finding tells of whom the source has reached.
 *
 * Most sources know one host all their lives, and the ledger knows which (`host` of their rows): nothing is counted of them
 * until they meet a second one. Then the first one is counted, too, as of the last time that the source did anything.
 *
 * An MX with many addresses counts as many hosts. A mail server that is not in `servers` looks the same, and has to be
 * named there or in `except`.
 */
#include "watch/part.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch/behave.h"
#include "watch/evidence.h"

enum subject { QUICK, PATIENT };

struct fanout {
	struct tally *hosts;
	uint8_t hash_key[HASH_KEY_BYTES];
};

static void fanout_end(void *part)
{
	struct fanout *f = part;

	if (!f)
		return;
	tally_free(f->hosts);
	free(f);
}

static void *fanout_make(uint32_t sources, const uint8_t hash_key[HASH_KEY_BYTES])
{
	struct fanout *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	memcpy(f->hash_key, hash_key, HASH_KEY_BYTES);
	f->hosts = tally_new(behave_things(sources), hash_key);
	if (f->hosts)
		return f;
	fanout_end(f);
	errno = ENOMEM;
	return NULL;
}

static bool has_answered(const struct event *e)
{
	if (e->kind == EVENT_GREETING)
		return e->u.reply.code > 0;
	return e->conn.midstream && (e->kind == EVENT_HELO || e->kind == EVENT_MAIL || e->kind == EVENT_TLS);
}

/* True when it passes that limit. */
static bool count_host(struct tally *hosts, const struct prefix *source, uint32_t host, uint64_t time_us,
        enum subject kind, const struct volume_limit *limit, uint64_t *count)
{
	struct tally_count c;

	if (limit->most == 0)
		return false;
	c = tally_add(hosts, behave_name_prefix(hosts, kind, source),
	        tally_name(hosts, 0, &host, sizeof(host)), limit, time_us);
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

/* It is the only one that this source has ever talked to. */
static bool is_only_host(const struct source *s, uint32_t host)
{
	return s && s->hosts == 1 && s->host == host;
}

static void fanout_event(void *part, const struct part_view *view, const struct event *e)
{
	const struct source *s = view->source;
	struct fanout *f = part;
	const struct behaviour_rule *rule;
	uint64_t quick_count, patient_count;
	struct prefix source;
	bool quick, patient;
	uint32_t host;

	if (!has_answered(e) ||
	        (e->conn.direction != DIRECTION_OUTBOUND && e->conn.direction != DIRECTION_INTERNAL))
		return;
	host = sources_name_host(f->hash_key, &e->conn.dst);
	if (is_only_host(s, host))
		return;
	rule = behave_rule_for(view, e, BEHAVIOUR_FANOUT);
	if (!rule)
		return;
	source = behave_source(view, e);
	if (s && s->new_host && s->hosts == 2) {
		count_host(f->hosts, &source, s->host, view->before_us, QUICK, &rule->limit, &quick_count);
		count_host(
		        f->hosts, &source, s->host, view->before_us, PATIENT, &rule->other, &patient_count);
	}
	quick = count_host(f->hosts, &source, host, e->time_us, QUICK, &rule->limit, &quick_count);
	patient = count_host(f->hosts, &source, host, e->time_us, PATIENT, &rule->other, &patient_count);
	if (quick)
		tell(view, e, rule, &rule->limit, quick_count);
	else if (patient)
		tell(view, e, rule, &rule->other, patient_count);
}

static void fanout_forget(void *part, const struct part_who *who, struct forgotten *out)
{
	struct fanout *f = part;

	if (!who->source)
		return;
	behave_forget(f->hosts, behave_name_prefix(f->hosts, QUICK, who->source), out);
	behave_forget(f->hosts, behave_name_prefix(f->hosts, PATIENT, who->source), out);
}

const struct part fanout_part = {
	.name = "fanout",
	.make = fanout_make,
	.end = fanout_end,
	.event = fanout_event,
	.forget = fanout_forget,
};
