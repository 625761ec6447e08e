/* desk.c - where events end: watch judges them, report writes events and findings.
 *
 * The findings of an event are written right behind it, so the ring between watch and report never
 * holds more than one event or one tick can cause.
 */
#include "posternd/desk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "policy/policy.h"
#include "policy/watching.h"
#include "postern/finding.h"
#include "postern/order.h"
#include "posternd/nat.h"
#include "posternd/privacy_key.h"
#include "posternd/witness.h"
#include "report/store.h"

enum { DESK_WHY_BYTES = 512, FINDING_SLOTS = 2048, ORDER_SLOTS = 64 /* an event leads to a few at most */ };

struct desk {
	struct watch *watch;
	struct ring *findings, *orders;
	desk_order *take_order;
	void *order_arg;
	struct eve *eve;
	struct eve_outputs *next_outputs; /* of a reload on its way; NULL = none */
	struct witness *witness;
	struct store *store;  /* NULL = none */
	struct nat_book *nat; /* NULL: the kernel cannot be asked */
	void (*heard)(void *arg, const struct event *e);
	void *heard_arg;
	struct privacy privacy;
	bool has_key;
	char key_fault[DESK_WHY_BYTES];
	uint64_t blind_before, blind_told;
};

static int take_memory(struct desk *d, const struct conf *conf, const uint8_t hash_key[HASH_KEY_BYTES],
        uint32_t *connections)
{
	struct watch_settings s;

	watch_settings_default(&s);
	s.sources = policy_watching(conf->policy)->sources;
	memcpy(s.hash_key, hash_key, sizeof(s.hash_key));
	*connections = s.connections;
	d->findings = ring_new(FINDING_SLOTS, sizeof(struct finding));
	d->orders = ring_new(ORDER_SLOTS, sizeof(struct order));
	if (d->findings && d->orders)
		d->watch = watch_new(&s, d->findings);
	if (d->watch) {
		watch_set_orders(d->watch, d->orders);
		watch_set_policy(d->watch, conf->policy);
	}
	if (d->watch)
		d->witness = witness_new(hash_key);
	return d->witness ? 0 : -errno;
}

static const char *mode_name(const struct conf *conf)
{
	static const char *const names[MODE_COUNT] = { POLICY_MODE_NAMES };

	return names[policy_settings(conf->policy)->mode];
}

static const struct event_nat *find_nat(const void *nat, uint64_t flow_id)
{
	return nat_find(nat, flow_id);
}

static struct budget_limits budget_of(const struct conf *conf)
{
	return (struct budget_limits) {
		.source_records = (uint32_t)conf->log.per_source.most,
		.source_s = conf->log.per_source.window_s,
		.total_bytes = conf->log.total.most,
		.total_s = conf->log.total.window_s,
		.free_bytes = conf->log.keep_free,
	};
}

/* What is configured beside log.eve. */
static unsigned list_outputs(const struct conf *conf, struct eve_output outputs[EVE_OUTPUTS_MAX - 1])
{
	unsigned count = 0;

	if (conf->log.ecs[0])
		outputs[count++] = (struct eve_output) { .format = EVE_FORMAT_ECS, .path = conf->log.ecs };
	if (conf->log.cef[0])
		outputs[count++] = (struct eve_output) { .format = EVE_FORMAT_CEF, .path = conf->log.cef };
	if (conf->log.syslog.kind != RECEIVER_NONE)
		outputs[count++] = (struct eve_output) {
			.format = conf->log.syslog_format == CONF_SYSLOG_CEF ? EVE_FORMAT_SYSLOG_CEF
			                                                     : EVE_FORMAT_SYSLOG,
			.to = &conf->log.syslog,
		};
	return count;
}

/* The key stays for as long as the daemon runs. Where it is lost, that is no reason not to guard. */
static void set_privacy(struct desk *d, const struct conf *conf)
{
	if (d->has_key) {
		d->privacy.records = conf->privacy.records;
		d->privacy.alerts = conf->privacy.alerts;
		return;
	}
	privacy_key_open(&d->privacy, conf, true, d->key_fault, sizeof(d->key_fault));
	d->has_key = d->privacy.records || d->privacy.alerts;
	if (d->key_fault[0])
		log_error("%s", d->key_fault);
}

static struct eve_settings eve_settings_of(
        const struct conf *conf, struct eve_output more[EVE_OUTPUTS_MAX - 1])
{
	return (struct eve_settings) {
		.path = conf->log.eve,
		.more = more,
		.more_count = list_outputs(conf, more),
		.facility = conf->log.syslog_facility,
		.pid = (unsigned)getpid(),
		.budget = budget_of(conf),
		.alerts_only = conf->log.alerts_only,
		.config_hash = conf->hash,
		.mode = mode_name(conf),
	};
}

struct desk *desk_open(
        const struct conf *conf, const uint8_t hash_key[HASH_KEY_BYTES], char *err, unsigned err_bytes)
{
	struct eve_output more[EVE_OUTPUTS_MAX - 1];
	struct eve_settings s = eve_settings_of(conf, more);
	struct desk *d = calloc(1, sizeof(*d));
	int r = d ? take_memory(d, conf, hash_key, &s.connections) : -ENOMEM;

	if (r == 0)
		r = witness_set_conf(d->witness, conf);

	if (r) {
		snprintf(err, err_bytes, "no memory for the tables of watch: %s", strerror(-r));
	} else {
		set_privacy(d, conf);
		memcpy(s.hash_key, hash_key, sizeof(s.hash_key));
		d->nat = nat_new(hash_key);
		if (!d->nat)
			log_info("conntrack cannot be asked (%s): records have no translated addresses",
			        strerror(errno));
		s.nat = d->nat ? find_nat : NULL;
		s.nat_arg = d->nat;
		d->eve = eve_open(&s, conf->policy, err, err_bytes);
		if (d->eve)
			return d;
	}
	desk_close(d);
	return NULL;
}

void desk_close(struct desk *d)
{
	if (!d)
		return;
	desk_close_outputs(d);
	eve_close(d->eve);
	nat_free(d->nat);
	witness_free(d->witness);
	watch_free(d->watch);
	ring_free(d->findings);
	ring_free(d->orders);
	free(d);
}

static void write_findings(struct desk *d)
{
	const struct finding *f;

	while ((f = ring_front(d->findings))) {
		if (f->id == FINDING_GATE_BLIND && !f->alone)
			d->blind_told = d->blind_before + f->value;
		if (!f->silent)
			eve_finding(d->eve, f);
		if (f->alone)
			store_act(d->store, f);
		else if (f->incident.state != INCIDENT_GROWN) /* what grew goes with memory_tick() */
			store_story(d->store, f);
		ring_pop(d->findings);
	}
}

/* First what is asked for, then what is told. */
static void follow_orders(struct desk *d)
{
	const struct order *front;

	while ((front = ring_front(d->orders))) {
		struct order o = *front;

		ring_pop(d->orders); /* who takes it tells of it, which is an event, too */
		if (d->take_order)
			d->take_order(d->order_arg, &o);
	}
}

void desk_set_orders(struct desk *d, desk_order *take, void *arg)
{
	d->take_order = take;
	d->order_arg = arg;
}

void desk_event(struct desk *d, const struct event *e)
{
	const struct event *of_record, *of_alert;
	struct event hidden;

	privacy_split(&d->privacy, e, &hidden, &of_record, &of_alert);
	if (d->nat)
		nat_see(d->nat, e);
	watch_event(d->watch, of_alert);
	follow_orders(d);
	witness_event(d->witness, of_record);
	eve_event(d->eve, of_record);
	write_findings(d);
	if (d->nat)
		nat_forget(d->nat, e);
	if (d->heard)
		d->heard(d->heard_arg, e);
}

void desk_listen(struct desk *d, void (*heard)(void *arg, const struct event *e), void *arg)
{
	d->heard = heard;
	d->heard_arg = arg;
}

void desk_blind(struct desk *d, const struct event_blind *blind, uint64_t now_us)
{
	struct event e = { .kind = EVENT_BLIND, .time_us = now_us };

	e.u.blind = *blind;
	if (blind->bypass == BYPASS_NONE)
		d->blind_before = blind->before;
	desk_event(d, &e);
}

uint64_t desk_blind_told(const struct desk *d)
{
	return d->blind_told;
}

static void set_text(struct event_text *text, const char *words)
{
	size_t len = strlen(words);

	text->cut = len > sizeof(text->bytes);
	text->len = (uint16_t)(text->cut ? sizeof(text->bytes) : len);
	memcpy(text->bytes, words, text->len);
}

void desk_audit(struct desk *d, uint64_t now_us, const char *format, ...)
{
	struct event e = { .kind = EVENT_AUDIT, .time_us = now_us };
	char line[2 * sizeof(e.u.audit.text.bytes)];
	va_list args;

	va_start(args, format);
	if (vsnprintf(line, sizeof(line), format, args) >= 0)
		set_text(&e.u.audit.text, line);
	va_end(args);
	desk_event(d, &e);
}

void desk_upstream(struct desk *d, uint64_t now_us, bool alarm, const char *words)
{
	struct event e = { .kind = EVENT_UPSTREAM, .time_us = now_us };

	e.u.upstream.alarm = alarm;
	set_text(&e.u.upstream.text, words);
	desk_event(d, &e);
}

void desk_guard(struct desk *d, uint64_t now_us, enum event_guard_what state, const char *what,
        const char *who, uint64_t took_us)
{
	struct event e = { .kind = EVENT_GUARD, .time_us = now_us };

	e.u.guard.state = (uint8_t)state;
	e.u.guard.took_us = took_us;
	set_text(&e.u.guard.what, what);
	set_text(&e.u.guard.who, who);
	desk_event(d, &e);
}

int desk_open_outputs(struct desk *d, const struct conf *conf, char *err, unsigned err_bytes)
{
	struct eve_output more[EVE_OUTPUTS_MAX - 1];
	const struct eve_settings s = eve_settings_of(conf, more);

	d->next_outputs = eve_open_outputs(d->eve, &s, err, err_bytes);
	return d->next_outputs ? 0 : -errno;
}

void desk_close_outputs(struct desk *d)
{
	eve_close_outputs(d->next_outputs);
	d->next_outputs = NULL;
}

int desk_set_conf(struct desk *d, const struct conf *conf)
{
	int r = witness_set_conf(d->witness, conf);
	const struct budget_limits budget = budget_of(conf);

	if (d->next_outputs)
		eve_set_outputs(d->eve, d->next_outputs, conf->log.alerts_only);
	d->next_outputs = NULL;
	eve_set_budget(d->eve, &budget);
	set_privacy(d, conf);
	watch_set_policy(d->watch, conf->policy);
	return r ? r : eve_set_policy(d->eve, conf->policy, mode_name(conf), conf->hash);
}

/* The ring whose front is the oldest event; NULL when all are empty. */
static struct ring *oldest(struct ring *const *rings, unsigned count)
{
	const struct event *e, *best = NULL;
	struct ring *ring = NULL;
	unsigned i;

	for (i = 0; i < count; i++) {
		e = ring_front(rings[i]);
		if (e && (!best || e->time_us < best->time_us)) {
			best = e;
			ring = rings[i];
		}
	}
	return ring;
}

bool desk_drain(struct desk *d, struct ring *const *rings, unsigned count, unsigned most)
{
	struct ring *ring;

	while ((ring = oldest(rings, count)) && most-- > 0) {
		desk_event(d, ring_front(ring));
		ring_pop(ring);
	}
	return ring != NULL;
}

void desk_tick(struct desk *d, uint64_t now_us)
{
	watch_tick(d->watch, now_us);
	write_findings(d);
	eve_tick(d->eve, now_us);
}

bool desk_ack(struct desk *d, uint64_t id, const struct incident_ack *ack)
{
	bool is_open = watch_ack(d->watch, id, ack);

	write_findings(d);
	return is_open;
}

void desk_flush(struct desk *d)
{
	(void)eve_flush(d->eve); /* what waits is written later, what is lost is counted */
}

void desk_set_store(struct desk *d, struct store *store)
{
	d->store = store;
}

void desk_leave(struct desk *d, uint64_t now_us)
{
	while (watch_leave(d->watch, now_us) > 0)
		write_findings(d);
	write_findings(d);
}

void desk_spell(const struct desk *d, struct mention *who)
{
	if (who->is_mailbox && d->has_key)
		privacy_mention(d->privacy.key, who);
}

void desk_forget(struct desk *d, const struct mention *who, struct forgotten *out)
{
	watch_forget(d->watch, who, out);
	witness_forget(d->witness, who, out);
	eve_forget(d->eve, who, out);
}

const char *desk_privacy_fault(const struct desk *d)
{
	return d->has_key && *d->key_fault ? d->key_fault : NULL;
}

struct witness *desk_own_witness(struct desk *d)
{
	return d->witness;
}

struct watch *desk_own_watch(struct desk *d)
{
	return d->watch;
}

void desk_finish(struct desk *d, uint64_t now_us)
{
	while (watch_finish(d->watch, now_us) > 0)
		write_findings(d);
	write_findings(d);
}

int desk_reopen(struct desk *d)
{
	return eve_reopen(d->eve);
}

void desk_stats(struct desk *d, uint64_t now_us, uint64_t uptime_s, const struct counters *inspect,
        const struct eve_stats_number *extra)
{
	struct watch_counts w = watch_counts(d->watch);
	struct eve_stats s = {
		.time_us = now_us,
		.uptime_s = uptime_s,
		.inspect = inspect,
		.watch = &w,
		.extra = extra,
	};

	eve_stats(d->eve, &s);
}

const struct witness *desk_witness(const struct desk *d)
{
	return d->witness;
}

const struct watch *desk_watch(const struct desk *d)
{
	return d->watch;
}

struct watch_counts desk_watch_counts(const struct desk *d)
{
	return watch_counts(d->watch);
}

struct eve_counts desk_eve_counts(const struct desk *d)
{
	return eve_counts(d->eve);
}

bool desk_syslog_fault(const struct desk *d, char *text, unsigned text_bytes)
{
	return eve_syslog_fault(d->eve, text, text_bytes);
}

bool desk_disk_fault(const struct desk *d, char *text, unsigned text_bytes)
{
	return eve_disk_fault(d->eve, text, text_bytes);
}
