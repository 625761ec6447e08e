/* answer_status.c - `status`: what is guarded, since when, by whom, and what is wrong at the moment.
 *
 * What is wrong is asked of everybody who may know, in the order of a table; to add somebody, add a line.
 */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy/policy.h"
#include "policy/suppress.h"
#include "posternd/answers.h"
#include "posternd/blocks.h"
#include "posternd/bridge.h"
#include "posternd/bypass.h"
#include "posternd/control.h"
#include "posternd/daemon.h"
#include "posternd/guard.h"
#include "posternd/dnsbl.h"
#include "posternd/reload.h"
#include "posternd/silence.h"
#include "posternd/upstreams.h"
#include "report/field.h"
#include "report/store.h"
#include "watch/hush.h"
#include "watch/mutes.h"
#include "watch/sources.h"

enum { TEXT_BYTES = 512 };

/* ---- what is wrong ---------------------------------------------------------------------------- */

struct saying {
	const struct daemon *daemon;
	uint64_t now_us;
	json_t *wrong;
	bool enforced;
};

static void say(void *arg, const char *text, bool inspecting)
{
	struct saying *s = arg;

	(void)json_array_append_new(s->wrong, field_text(text));
	s->enforced = s->enforced && !inspecting;
}

static void say_of_health(struct saying *s)
{
	health_each_fault(s->daemon->health, s->now_us, say, s);
}

static void say_of_reload(struct saying *s)
{
	const struct daemon_reload *r = &s->daemon->reload;
	char text[TEXT_BYTES], when[CLOCK_TEXT_MAX];

	if (!r->at_us || r->ok || s->daemon->next)
		return;
	snprintf(text, sizeof(text), "the configuration was changed, and was NOT taken at %s: %.300s",
	        clock_print(r->at_us, when), r->words);
	say(s, text, false);
}

static void say_of_upstreams(struct saying *s)
{
	reload_each_fault(s->daemon, say, s);
	upstreams_each_fault(s->daemon->upstreams, say, s);
}

static void say_of_records(struct saying *s)
{
	char text[TEXT_BYTES];

	if (desk_syslog_fault(s->daemon->desk, text, sizeof(text)))
		say(s, text, false);
	if (desk_disk_fault(s->daemon->desk, text, sizeof(text)))
		say(s, text, false);
}

static void say_of_privacy(struct saying *s)
{
	const char *text = desk_privacy_fault(s->daemon->desk);

	if (text)
		say(s, text, false);
}

static void say_of_lists(struct saying *s)
{
	dnsbl_each_fault(s->daemon->dnsbl, say, s);
}

static void say_of_bypass(struct saying *s)
{
	char text[BYPASS_TEXT_MAX];

	if (bypass_print(s->daemon->bypass, s->now_us, text))
		say(s, text, true);
}

static void say_of_store(struct saying *s)
{
	struct store_status status;
	char text[STORE_WORDS_MAX + 40];

	if (!s->daemon->store)
		return;
	store_read_status(s->daemon->store, &status);
	snprintf(text, sizeof(text), "the store does not work: %s", status.words);
	if (!status.works)
		say(s, text, false);
}

static void say_of_guard(struct saying *s)
{
	guard_each_fault(s->daemon->guard, say, s);
}

static void say_of_bridge(struct saying *s)
{
	bridge_each_fault(s->daemon, say, s);
}

static void say_of_blocks(struct saying *s)
{
	blocks_each_fault(s->daemon->blocks, say, s);
}

static void say_of_mutes(struct saying *s)
{
	silence_each_fault(s->daemon, say, s);
}

static void (*const sayers[])(struct saying *s) = { say_of_bypass, say_of_guard, say_of_bridge, say_of_blocks,
	say_of_mutes, say_of_health, say_of_reload, say_of_upstreams, say_of_lists, say_of_records,
	say_of_store, say_of_privacy };

/* ---- numbers ---------------------------------------------------------------------------------- */

static json_t *worker_row(const struct worker *w)
{
	const struct nfqueue_counts *c = worker_queue_counts(w);
	struct nfqueue_kernel_counts k = { 0 };
	struct counters mine = { { 0 } };
	json_t *row = json_object();

	(void)nfqueue_read_kernel(worker_queue(w), &k);
	worker_add_counters(w, &mine);
	field_set_uint(row, "queue", worker_queue(w));
	field_set_uint(row, "packets", atomic_load_explicit(&c->packets, memory_order_relaxed));
	field_set_uint(row, "waiting", k.waiting);
	field_set_uint(row, "dropped", (uint64_t)k.dropped_full + k.dropped_user);
	field_set_uint(row, "connections", mine.n[COUNTER_FLOWS]);
	field_set_uint(row, "connections_open", mine.n[COUNTER_FLOWS] - mine.n[COUNTER_FLOWS_CLOSED]);
	field_set_uint(row, "recipients", mine.n[COUNTER_RCPT]);
	field_set_uint(row, "refused", mine.n[COUNTER_RCPT_REFUSED_BY_US]);
	field_set_uint(row, "events_lost", mine.n[COUNTER_EVENTS_LOST]);
	return row;
}

static void set_workers(json_t *line, const struct daemon *d)
{
	struct counters sum = { { 0 } };
	json_t *rows = json_array(), *sessions = json_object();
	uint64_t all;

	for (unsigned i = 0; i < d->worker_count; i++) {
		(void)json_array_append_new(rows, worker_row(d->workers[i]));
		worker_add_counters(d->workers[i], &sum);
	}
	field_set(line, "workers", rows);
	all = sum.n[COUNTER_SESSIONS_READ] + sum.n[COUNTER_SESSIONS_TLS] + sum.n[COUNTER_SESSIONS_OTHER];
	field_set_uint(sessions, "read_to_rcpt", sum.n[COUNTER_SESSIONS_READ]);
	field_set_uint(sessions, "tls", sum.n[COUNTER_SESSIONS_TLS]);
	field_set_uint(sessions, "other", sum.n[COUNTER_SESSIONS_OTHER]);
	if (all > 0)
		field_set(sessions, "read_share",
		        json_real(round(1000.0 * (double)sum.n[COUNTER_SESSIONS_READ] / (double)all) / 1000));
	field_set(line, "sessions", sessions);
}

static void set_numbers(json_t *line, const struct daemon *d)
{
	struct eve_stats_number numbers[HEALTH_NUMBERS_MAX];
	unsigned count = health_numbers(d->health, numbers);
	struct watch_counts w = desk_watch_counts(d->desk);
	json_t *all = json_object();

	for (unsigned i = 0; i < count; i++)
		field_set_uint(all, numbers[i].name, numbers[i].value);
	field_set_uint(all, "watch.findings", w.findings);
	field_set_uint(all, "watch.findings_suppressed", w.findings_suppressed);
	field_set_uint(all, "watch.findings_muted", w.findings_muted);
	field_set_uint(all, "watch.incidents_open", w.incidents_open);
	field_set(line, "numbers", all);
}

/* What is kept from being told: by the configuration, and by people for a time. */
static void set_silence(json_t *line, const struct daemon *d)
{
	const struct suppressions *s = policy_suppressions(d->conf->policy);
	const struct hush *hush = watch_hush(desk_watch(d->desk));
	json_t *rows = json_array();

	for (unsigned i = 0; i < s->count && i < hush->count; i++) {
		json_t *row = json_object();

		field_set_text(row, "name", s->list[i].name);
		field_set_uint(row, "findings", hush->of[i].findings);
		if (hush->of[i].last_us)
			field_set_time(row, "last_seen", hush->of[i].last_us);
		if (s->list[i].until_us != UINT64_MAX)
			field_set_time(row, "until", s->list[i].until_us);
		field_set_true(row, "over", s->list[i].until_us <= clock_now_us());
		field_set(row, "reason", field_bytes(s->list[i].reason, (unsigned)strlen(s->list[i].reason)));
		(void)json_array_append_new(rows, row);
	}
	field_set(line, "suppressed", rows);
	field_set_uint(line, "mutes", watch_mutes(desk_own_watch(d->desk))->count);
}

static void set_control(json_t *line, const struct control *c)
{
	static const char *const names[CONTROL_COUNT] = {
#define X(name, text) text,
		CONTROL_COUNTS(X)
#undef X
	};
	json_t *counts = json_object();

	for (unsigned i = 0; i < CONTROL_COUNT; i++)
		field_set_uint(counts, names[i], control_counted(c, i));
	field_set(line, "control", counts);
}

static json_t *list_row(const struct blocklist_view *v)
{
	static const char *const states[BLOCKLIST_STATES] = { BLOCKLIST_STATE_NAMES };
	static const char *const names[BLOCKLIST_COUNT_COUNT] = {
#define X(name, text) text,
		BLOCKLIST_COUNTS(X)
#undef X
	};
	json_t *row = json_object();

	field_set_text(row, "zone", v->zone);
	field_set_text(row, "state", states[v->state]);
	field_set(row, "ipv4", json_boolean(v->families[0]));
	field_set(row, "ipv6", json_boolean(v->families[1]));
	if (v->why[0])
		field_set_text(row, "words", v->why);
	for (unsigned i = 0; i < BLOCKLIST_COUNT_COUNT; i++)
		field_set_uint(row, names[i], v->counts[i]);
	field_set_uint(row, "open", v->open);
	return row;
}

static void set_lists(json_t *line, const struct dnsbl *d)
{
	json_t *rows;

	if (dnsbl_count(d) == 0)
		return;
	rows = json_array();
	for (unsigned i = 0; i < dnsbl_count(d); i++) {
		struct blocklist_view v = dnsbl_view(d, i);

		(void)json_array_append_new(rows, list_row(&v));
	}
	field_set(line, "dnsbl", rows);
}

/* ---- all --------------------------------------------------------------------------------------- */

static void set_reload(json_t *line, const struct daemon *d)
{
	json_t *reload = json_object();

	if (d->reload.at_us) {
		field_set_time(reload, "at", d->reload.at_us);
		field_set(reload, "taken", json_boolean(d->reload.ok));
	}
	field_set_uint(reload, "count", d->reload.count);
	field_set(line, "reload", reload);
}

static void set_bypass(json_t *line, const struct bypass *b, uint64_t now_us)
{
	json_t *bypass;

	if (bypass_left_s(b, now_us) == 0)
		return;
	bypass = json_object();
	field_set_uint(bypass, "left_s", bypass_left_s(b, now_us));
	field_set_text(bypass, "reason", bypass_reason(b));
	field_set(line, "bypass", bypass);
}

static void set_store(json_t *line, const struct daemon *d)
{
	struct store_status status;
	json_t *store;

	if (!d->store)
		return;
	store = json_object();
	store_read_status(d->store, &status);
	field_set_text(store, "path", d->conf->store.path);
	field_set_text(store, "state", status.word);
	field_set_text(store, "journal", status.wal ? "wal" : "rollback");
	if (status.since_us)
		field_set_time(store, "since", status.since_us);
	field_set_uint(store, "written", status.written);
	field_set_uint(store, "waiting", status.waiting);
	field_set_uint(store, "lost", status.lost);
	field_set(line, "store", store);
}

static void set_sources(json_t *line, const struct daemon *d)
{
	const struct sources *s = watch_sources(desk_own_watch(d->desk));
	json_t *sources = json_object();

	field_set_uint(sources, "known", sources_count(s));
	field_set_uint(sources, "room", sources_room(s));
	field_set_uint(sources, "forgotten", sources_evicted(s));
	field_set_uint(sources, "windows_lost", desk_watch_counts(d->desk).windows_lost);
	field_set(line, "sources", sources);
}

static void set_guard(json_t *line, const struct daemon *d)
{
	json_t *guard = json_object();

	field_set(guard, "owned", json_boolean(gate_owns(d->gate)));
	field_set_uint(guard, "repairs", guard_repairs(d->guard));
	field_set(line, "guard", guard);
}

static void set_blocks(json_t *line, const struct blocks *b)
{
	const struct blockbook *book = blocks_book(b);
	struct blocks_delay delay = blocks_delay(b);
	json_t *blocks = json_object();

	field_set_uint(blocks, "count", blockbook_count(book));
	field_set_uint(blocks, "places", blockbook_places(book));
	field_set_uint(blocks, "by_rules", blockbook_rules(book));
	field_set_nonzero(blocks, "limited", blockbook_doing(book, ACTION_LIMIT));
	field_set_nonzero(blocks, "slowed", blockbook_doing(book, ACTION_SLOW));
	field_set_nonzero(blocks, "refused_sessions", blockbook_doing(book, ACTION_REFUSE_SESSION));
	if (delay.last_us) {
		field_set_uint(blocks, "last_delay_us", delay.last_us);
		field_set_uint(blocks, "longest_delay_us", delay.longest_us);
	}
	field_set(line, "blocks", blocks);
}

enum answer_state answer_status(struct ask *ask, json_t *line)
{
	const struct daemon *d = ask->daemon;
	struct saying s = {
		.daemon = d,
		.now_us = clock_now_us(),
		.wrong = json_array(),
		.enforced = policy_settings(d->conf->policy)->mode == MODE_ENFORCE,
	};

	field_set_text(line, "version", POSTERN_VERSION);
	field_set_uint(line, "pid", (uint64_t)getpid());
	field_set_time(line, "started", d->started_us);
	field_set_uint(line, "uptime_s", (s.now_us - d->started_us) / 1000000);
	field_set_text(line, "mode", daemon_mode_name(d->conf));
	field_set_time(line, "mode_since", d->mode_since_us);
	field_set_text(line, "configuration", d->conf->path);
	field_set_text(line, "config", d->conf->hash);
	field_set_text(line, "table", d->conf->nft.table);
	field_set_text(line, "fail", d->conf->queue.fail == CONF_FAIL_OPEN ? "open" : "closed");
	field_set_uint(line, "rules", policy_rule_count(d->conf->policy));
	set_reload(line, d);
	set_bypass(line, d->bypass, s.now_us);
	set_guard(line, d);
	set_blocks(line, d->blocks);
	set_workers(line, d);
	set_numbers(line, d);
	set_silence(line, d);
	set_lists(line, d->dnsbl);
	set_control(line, d->control);
	set_store(line, d);
	set_sources(line, d);
	for (size_t i = 0; i < sizeof(sayers) / sizeof(sayers[0]); i++)
		sayers[i](&s);
	field_set(line, "enforced", json_boolean(s.enforced));
	field_set(line, "wrong", s.wrong);
	return ANSWER_DONE;
}
