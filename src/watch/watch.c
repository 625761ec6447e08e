/* watch.c - see watch.h. Composes: what is remembered of each connection, the judges, the ledger of sources with the parts that
 * look at their traffic, the incidents.
 */
#include "watch/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "policy/policy.h"
#include "policy/suppress.h"
#include "policy/watching.h"
#include "postern/action.h"
#include "postern/order.h"
#include "watch/act.h"
#include "watch/forget.h"
#include "watch/hush.h"
#include "watch/incident.h"
#include "watch/judge.h"
#include "watch/part.h"
#include "watch/remember.h"
#include "watch/sources.h"
#include "watch/volume.h"

/* In cursors: the place is in the book of habits. No book has so many places. */
static const uint32_t IN_HABITS = UINT32_C(1) << 31;

/* NULL ends it. */
static const struct part *const parts[] = {
	&volume_part,
	&baseline_part,
	&rejects_part,
	&fanout_part,
	&target_part,
	&harvest_part,
	&backscatter_part,
	&auth_part,
	&reputation_part,
	NULL,
};
enum {
	PART_SLOTS = sizeof(parts) / sizeof(parts[0]),
	SOURCE_BITS_V4 = 32,
	SOURCE_BITS_V6 = 64 /* where no volume block says how many */
};

struct watch {
	struct table *connections; /* flow_id -> struct watch_memory */
	struct incident_book *incidents, *habits, *suppressed;
	struct mutes mutes;
	struct confirm *confirm;
	struct tls_book *tls;
	struct sources *sources;
	struct act *act;
	void *parts[PART_SLOTS];
	const struct policy *policy; /* NULL: none yet */
	struct ring *orders;         /* NULL: nobody takes them */
	struct part_view view;       /* of the event at hand, or of none */
	const struct watch_memory *memory;
	uint64_t flow_id; /* likewise */
	struct watch_counts counts;
	struct watch_counts suppressed_counts;
	struct hush hush; /* what was suppressed, by the policy's blocks */
};

static const struct {
	enum event_kind kind;
	watch_judge *judge;
} judges[] = {
	{ EVENT_HELO, sender_judge_helo },
	{ EVENT_HELO, tls_judge_helo },
	{ EVENT_AUTH, tls_judge_auth },
	{ EVENT_MAIL, sender_judge_mail },
	{ EVENT_RCPT, relay_judge_rcpt },
	{ EVENT_RCPT, confirm_judge_rcpt },
	{ EVENT_DATA, relay_judge_data },
	{ EVENT_DATA, confirm_judge_data },
	{ EVENT_TLS, confirm_judge_handshake },
	{ EVENT_TLS, tls_judge_handshake },
	{ EVENT_EOD, smuggle_judge_end },
	{ EVENT_ODD, smuggle_judge_reply },
	{ EVENT_ODD, evasion_judge },
	{ EVENT_CLOSE, tls_judge_close },
	{ EVENT_LEAK, leak_judge },
	{ EVENT_LISTED, listed_judge },
	{ EVENT_REFUSED, gate_judge_try },
	{ EVENT_BLIND, gate_judge_blind },
	{ EVENT_AUDIT, gate_judge_audit },
	{ EVENT_UPSTREAM, gate_judge_upstream },
	{ EVENT_GUARD, gate_judge_guard },
};

void watch_settings_default(struct watch_settings *s)
{
	memset(s, 0, sizeof(*s));
	s->connections = 65536;
	s->incidents = 16384;
	s->relays = 4096;
	s->tls_servers = 65536;
	s->refused_sources = 1000;
	s->severe_sources = 4096;
	s->other_sources = 4096;
	s->muted_sources = 4096;
	s->quiet_s = 600;
	s->habits = 4096;
	s->habit_quiet_s = 86400;
	s->habit_sources = 4096;
	s->suppressed = 1024;
	s->sources = 65536;
}

/* False: no memory. */
static bool make_parts(struct watch *w, const struct watch_settings *s)
{
	w->sources = sources_new(s->sources, s->hash_key);
	w->act = act_new(s->sources < ACT_SOURCES_MAX ? s->sources : ACT_SOURCES_MAX, s->hash_key);
	if (!w->sources || !w->act)
		return false;
	for (unsigned i = 0; parts[i]; i++) {
		w->parts[i] = parts[i]->make(s->sources, s->hash_key);
		if (!w->parts[i])
			return false;
	}
	return true;
}

static void make_books(struct watch *w, const struct watch_settings *s, struct ring *findings)
{
	struct incident_settings is = {
		.capacity = s->incidents,
		.quiet_s = s->quiet_s,
		.budget = { [BUDGET_TRIES] = s->refused_sources,
		        [BUDGET_SEVERE] = s->severe_sources,
		        [BUDGET_OTHERS] = s->other_sources,
		        [BUDGET_MUTED] = s->muted_sources },
		.mutes = &w->mutes,
	};

	memcpy(is.hash_key, s->hash_key, sizeof(is.hash_key));
	w->incidents = incident_new(&is, findings, &w->counts);
	is.capacity = s->suppressed;
	w->suppressed = incident_new(&is, NULL, &w->suppressed_counts);
	is.capacity = s->habits;
	is.quiet_s = s->habit_quiet_s;
	for (unsigned i = 0; i < BUDGET_COUNT; i++)
		is.budget[i] = s->habit_sources;
	w->habits = incident_new(&is, findings, &w->counts);
}

struct watch *watch_new(const struct watch_settings *s, struct ring *findings)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->connections =
	        table_new(s->connections, sizeof(uint64_t), sizeof(struct watch_memory), s->hash_key);
	make_books(w, s, findings);
	w->confirm = confirm_new(s->relays, s->hash_key);
	w->tls = tls_book_new(s->tls_servers, s->hash_key);
	if (w->connections && w->incidents && w->habits && w->suppressed && w->confirm && w->tls &&
	        make_parts(w, s))
		return w;
	watch_free(w);
	errno = ENOMEM;
	return NULL;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	table_free(w->connections);
	incident_free(w->incidents);
	incident_free(w->habits);
	incident_free(w->suppressed);
	confirm_free(w->confirm);
	tls_book_free(w->tls);
	for (unsigned i = 0; parts[i]; i++)
		parts[i]->end(w->parts[i]);
	sources_free(w->sources);
	act_free(w->act);
	free(w);
}

void watch_set_orders(struct watch *w, struct ring *orders)
{
	w->orders = orders;
}

void watch_set_forecast(struct watch *w, bool on)
{
	act_set_forecast(w->act, on);
}

/* Nothing is under attack: it is how this host talks, today and tomorrow. */
static bool is_habit(const struct finding *f)
{
	static const struct {
		enum finding_id id;
		uint8_t severity; /* or weaker */
	} habits[] = {
		{ FINDING_SENDER_FOREIGN, 3 },
		{ FINDING_AUTH_CLEAR, 3 },
		{ FINDING_TLS_OLD, 4 },
		{ FINDING_STARTTLS_UNUSED, 4 },
		{ FINDING_EVASION, 3 },
		{ FINDING_HEADER_LEAK, 4 },
	};
	size_t i;

	for (i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (f->id == habits[i].id && f->severity >= habits[i].severity)
			return true;
	return false;
}

/* One that finds no room is given again with the next finding of that source. */
static void give_order(struct watch *w, const struct order *order)
{
	struct order *o = w->orders ? ring_reserve(w->orders) : NULL;

	if (!o)
		return;
	*o = *order;
	ring_commit(w->orders);
}

/* Of the client. */
static struct policy_groups groups_of(const struct policy *policy, const struct event_connection *conn)
{
	struct policy_groups groups = policy_lookup(policy, &conn->src);

	if (conn->self == SELF_CLIENT)
		policy_groups_add(&groups, GROUP_ID_SELF);
	return groups;
}

/* How much of its client's address is one source: as the volume block that counts it says. 0 = as usual. */
static uint8_t source_bits(const struct watch *w, const struct finding *f)
{
	const struct volume_block *block;
	struct policy_groups groups;
	int index;

	if (!w->policy || !finding_has_connection(f->id))
		return 0;
	groups = groups_of(w->policy, &f->conn);
	index = watching_find_volume(policy_watching(w->policy), &groups, VOLUME_BY_SOURCE);
	if (index < 0)
		return 0;
	block = &policy_watching(w->policy)->volumes[index];
	return sources_prefix(&f->conn.src, block->bits_v4, block->bits_v6).bits;
}

/* False: it is suppressed, so nobody is told of it, and nothing is done about its source. */
static bool is_heard(struct watch *w, struct finding *f)
{
	int suppression = w->policy ? suppress_find(w->policy, f) : -1;

	if (f->source_bits == 0)
		f->source_bits = source_bits(w, f);
	if (suppression < 0)
		return true;
	hush_count(&w->hush, (unsigned)suppression, f->time_us);
	incident_add(w->suppressed, f);
	return false;
}

static void tell(struct watch *w, struct finding *f)
{
	incident_add(is_habit(f) ? w->habits : w->incidents, f);
}

/* Of a judge. */
static void tell_judged(struct watch *w, struct finding *f)
{
	struct order order;

	if (!is_heard(w, f))
		return;
	if (act_follow(w->act, f, &order))
		give_order(w, &order);
	tell(w, f);
}

/* part_view's raise. */
static void raise_finding(void *watch, struct finding *f)
{
	struct watch *w = watch;
	const struct watch_memory *m = f->conn.flow_id == w->flow_id ? w->memory : NULL;
	struct finding about;
	struct order order;

	if (m && f->helo.len == 0)
		f->helo = m->helo;
	if (m && f->mail_from.len == 0)
		f->mail_from = m->mail_from;
	f->verified = f->verified || (m && m->answered) || (w->view.source && w->view.source->verified);
	if (!is_heard(w, f))
		return;
	if (act_decide(w->act, f, &order))
		give_order(w, &order);
	tell(w, f);
	if (act_take_crowd(w->act, &about) && is_heard(w, &about))
		tell(w, &about);
}

static void view_nobody(struct watch *w)
{
	static const struct event_path unknown;

	w->memory = NULL;
	w->view = (struct part_view) {
		.rules = policy_watching(w->policy),
		.policy = w->policy,
		.mail_from = &unknown,
		.auth_user = &unknown,
		.raise = raise_finding,
		.watch = w,
	};
}

/* The client's groups, its row with e counted, and what is known of the connection. */
static void view_client(struct watch *w, const struct event *e, struct watch_memory *memory)
{
	uint8_t bits_v4 = SOURCE_BITS_V4, bits_v6 = SOURCE_BITS_V6;
	uint32_t place = memory ? memory->source : 0;
	int block;

	view_nobody(w);
	w->memory = memory;
	w->flow_id = e->conn.flow_id;
	if (memory) {
		w->view.mail_from = &memory->mail_from;
		w->view.auth_user = &memory->auth_user;
		w->view.accepted = memory->accepted;
	}
	if (e->conn.flow_id == 0)
		return;
	w->view.groups = groups_of(w->policy, &e->conn);
	block = watching_find_volume(w->view.rules, &w->view.groups, VOLUME_BY_SOURCE);
	if (block >= 0) {
		bits_v4 = w->view.rules->volumes[block].bits_v4;
		bits_v6 = w->view.rules->volumes[block].bits_v6;
	}
	w->view.source = sources_event(w->sources, e, bits_v4, bits_v6, &place);
	w->view.before_us = sources_before_us(w->sources);
	if (memory)
		memory->source = place;
}

void watch_set_policy(struct watch *w, const struct policy *policy)
{
	w->policy = policy;
	act_set_policy(w->act, policy);
	if (!policy)
		return;
	hush_follow(&w->hush, policy_suppressions(policy));
	incident_set_quiet(w->incidents, policy_watching(policy)->quiet_s);
	incident_set_quiet(w->suppressed, policy_watching(policy)->quiet_s);
	view_nobody(w);
	for (unsigned i = 0; parts[i]; i++)
		if (parts[i]->change)
			parts[i]->change(w->parts[i], &w->view);
}

void watch_event(struct watch *w, const struct event *e)
{
	struct watch_memory *memory;
	struct watch_view view;
	struct finding f;
	size_t i;

	w->counts.events++;
	w->counts.connections_evicted += remember_event(w->connections, e);
	memory = table_find(w->connections, &e->conn.flow_id);
	view = (struct watch_view) { .memory = memory, .confirm = w->confirm, .tls = w->tls };
	for (i = 0; i < sizeof(judges) / sizeof(judges[0]); i++)
		if (judges[i].kind == e->kind && judges[i].judge(&view, e, &f))
			tell_judged(w, &f);
	if (w->policy)
		view_client(w, e, memory);
	for (i = 0; w->policy && parts[i]; i++)
		parts[i]->event(w->parts[i], &w->view, e);
	remember_end(w->connections, e);
}

void watch_forgive(struct watch *w, const struct prefix *source)
{
	act_forgive(w->act, source);
}

void watch_expire_quotes(struct watch *w, uint64_t before_us)
{
	incident_expire_quotes(w->incidents, before_us);
	incident_expire_quotes(w->habits, before_us);
	incident_expire_quotes(w->suppressed, before_us);
}

void watch_forget(struct watch *w, const struct mention *who, struct forgotten *out)
{
	struct incident_book *const books[] = { w->incidents, w->habits, w->suppressed };

	for (unsigned i = 0; i < sizeof(books) / sizeof(books[0]); i++)
		incident_forget(books[i], who, out);
	confirm_forget(w->confirm, who, out);
	forget_sessions(w->connections, who, out);
	forget_counts(&(const struct forget_counts) { w->sources, w->act, parts, w->parts }, who, out);
}

void watch_restore_rung(struct watch *w, const struct prefix *source, enum action action, uint32_t finding,
        uint64_t since_us, uint64_t until_us)
{
	act_restore(w->act, source, action, finding, since_us, until_us);
}

struct sources *watch_sources(struct watch *w)
{
	return w->sources;
}

static void *find_part(const struct watch *w, const struct part *part)
{
	for (unsigned i = 0; parts[i]; i++)
		if (parts[i] == part)
			return w->parts[i];
	return NULL;
}

void *watch_part(struct watch *w, const struct part *part)
{
	return find_part(w, part);
}

void watch_tick(struct watch *w, uint64_t now_us)
{
	if (w->policy)
		view_nobody(w);
	for (unsigned i = 0; w->policy && parts[i]; i++)
		if (parts[i]->tick)
			parts[i]->tick(w->parts[i], &w->view, now_us);
	incident_tick(w->incidents, now_us);
	incident_tick(w->habits, now_us);
	incident_tick(w->suppressed, now_us);
}

uint32_t watch_finish(struct watch *w, uint64_t now_us)
{
	return incident_finish(w->incidents, now_us) + incident_finish(w->habits, now_us);
}

uint32_t watch_leave(struct watch *w, uint64_t now_us)
{
	return incident_leave(w->incidents, now_us) + incident_leave(w->habits, now_us);
}

void watch_change_all(struct watch *w)
{
	incident_change_all(w->incidents);
	incident_change_all(w->habits);
}

bool watch_restore(struct watch *w, const struct finding *story, uint64_t now_us)
{
	return incident_restore(is_habit(story) ? w->habits : w->incidents, story, now_us);
}

void watch_remember(struct watch *w, const struct finding *story)
{
	incident_remember(is_habit(story) ? w->habits : w->incidents, story);
}

const struct finding *watch_next_changed(struct watch *w, uint32_t *cursor)
{
	const struct finding *f = NULL;
	uint32_t place = *cursor & ~IN_HABITS;

	if (!(*cursor & IN_HABITS)) {
		f = incident_next_changed(w->incidents, &place);
		*cursor = f ? place : IN_HABITS;
		place = 0;
	}
	if (!f) {
		f = incident_next_changed(w->habits, &place);
		*cursor = f ? IN_HABITS | place : 0;
	}
	return f;
}

const struct finding *watch_scan_incidents(const struct watch *w, uint32_t *cursor)
{
	const struct finding *f = NULL;
	uint32_t place = *cursor & ~IN_HABITS;

	if (!(*cursor & IN_HABITS)) {
		f = incident_scan(w->incidents, &place);
		*cursor = f ? place : IN_HABITS;
		place = 0;
	}
	if (!f) {
		f = incident_scan(w->habits, &place);
		*cursor = IN_HABITS | place;
	}
	return f;
}

const struct finding *watch_scan_suppressed(const struct watch *w, uint32_t *cursor)
{
	return incident_scan(w->suppressed, cursor);
}

const struct finding *watch_find_incident(const struct watch *w, uint64_t id)
{
	const struct finding *f = incident_find(w->incidents, id);

	return f ? f : incident_find(w->habits, id);
}

const struct finding *watch_find_suppressed(const struct watch *w, uint64_t id)
{
	return incident_find(w->suppressed, id);
}

bool watch_ack(struct watch *w, uint64_t id, const struct incident_ack *ack)
{
	return incident_ack(w->incidents, id, ack) || incident_ack(w->habits, id, ack);
}

const struct hush *watch_hush(const struct watch *w)
{
	return &w->hush;
}

struct mutes *watch_mutes(struct watch *w)
{
	return &w->mutes;
}

struct watch_counts watch_counts(const struct watch *w)
{
	struct watch_counts c = w->counts;

	c.findings += w->suppressed_counts.findings;
	c.findings_suppressed = w->suppressed_counts.findings;
	c.windows_lost = volume_windows_lost(find_part(w, &volume_part));
	c.windows_thinned = volume_windows_thinned(find_part(w, &volume_part));
	return c;
}
