/* replay.c - `postern replay`: recorded `smtp` and `flow` records through policy and watch again.
 *
 * The time of the records is the only clock. Lines become events again (intake.h, report/recorded.h), are put in the order of
 * time (report/recorded_order.h), judged by the configuration (inspect_again.h), and go to the same watch as live events do.
 * What the configuration would do is done to them here: forecast.h. What it asks for and no record can answer is said
 * first (unjudged.h), what the records themselves say they lack last.
 *
 * The findings are the alerts that would have been; exit status as for `postern read`, and COMMAND_INCONCLUSIVE where nothing
 * was found in records that do not hold all, or are none.
 */
#include "postern/commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ring.h"
#include "conf/conf.h"
#include "inspect_again.h"
#include "policy/policy.h"
#include "policy/watching.h"
#include "postern/forecast.h"
#include "postern/intake.h"
#include "postern/replay_summary.h"
#include "postern/steps.h"
#include "postern/unjudged.h"
#include "posternd/privacy_key.h"
#include "report/eve.h"
#include "report/recorded.h"
#include "report/recorded_order.h"
#include "report/syslog.h"
#include "watch/watch.h"

enum {
	ERR_BYTES = 512,
	CONNECTIONS = 65536,
	WAITING = 131072, /* records; about a kilobyte each */
};
static const uint64_t window_us = 900 * UINT64_C(1000000);

struct replay_options {
	const char *conf;
	bool enforce, records, json;
	enum eve_format format;
};

struct replay {
	struct conf *conf;
	bool enforce;
	struct ring *findings, *orders;
	struct watch *watch;
	struct eve *eve;
	struct privacy privacy;
	struct intake *intake;
	struct recorded_order *order;
	struct forecast *forecast;
	struct steps steps;
	uint64_t now_us, first_us, began_ns;
	uint64_t events, other_ports;
};

static void drain(struct replay *r)
{
	const struct finding *f;
	const struct order *o;

	for (; (o = ring_front(r->orders)); ring_pop(r->orders))
		forecast_order(r->forecast, o);
	for (; (f = ring_front(r->findings)); ring_pop(r->findings))
		eve_finding(r->eve, f);
}

static void pass_time(struct replay *r, uint64_t now_us)
{
	if (r->first_us == 0)
		r->first_us = now_us;
	r->now_us = now_us;
	while (steps_next(&r->steps, now_us)) {
		watch_tick(r->watch, r->steps.now_us);
		drain(r);
	}
}

static void put(struct replay *r, const struct event *e)
{
	const struct event *of_record, *of_alert;
	struct event hidden;

	privacy_split(&r->privacy, e, &hidden, &of_record, &of_alert);
	watch_event(r->watch, of_alert);
	eve_event(r->eve, of_record);
	drain(r);
}

/* A connection that no rule lets through, as the kernel would tell of it. */
static void put_refused(struct replay *r, const struct event *open, enum policy_do what)
{
	static const enum action actions[DO_COUNT] = { [DO_REFUSE] = ACTION_REFUSE,
		[DO_DROP] = ACTION_DROP,
		[DO_REFUSE_SESSION] = ACTION_REFUSE_SESSION };
	struct event e = { .kind = EVENT_REFUSED, .time_us = open->time_us, .conn = open->conn };
	enum { SYN = 2, TCP = 6 };

	e.u.refused.tcp_flags = what == DO_REFUSE_SESSION ? 0 : SYN;
	e.u.refused.proto = TCP;
	e.u.refused.would = (uint8_t)actions[what];
	e.u.refused.action = r->enforce ? (uint8_t)actions[what] : ACTION_ALERT;
	put(r, &e);
}

static void judge(struct replay *r, struct event *e, struct recorded_notes *notes)
{
	struct inspect_again again = {
		.policy = r->conf->policy,
		.enforce = r->enforce,
		.authenticated = notes->authenticated,
		.foreign_accepted = &notes->foreign_accepted,
	};
	bool was_accepted = e->kind == EVENT_RCPT && e->u.rcpt.outcome == OUTCOME_ACCEPTED;

	r->events++;
	if (!policy_has_port(r->conf->policy, e->conn.dport)) {
		r->other_ports += e->kind == EVENT_CLOSE;
		return;
	}
	pass_time(r, e->time_us);
	again.decision = inspect_again_connection(r->conf->policy, &e->conn);
	inspect_again(&again, e);
	notes->accepted += was_accepted;
	if (e->kind == EVENT_OPEN && again.decision.what != DO_INSPECT)
		put_refused(r, e, again.decision.what);
	if (forecast_event(
	            r->forecast, e, &again.decision, e->kind == EVENT_RCPT ? was_accepted : notes->accepted))
		put(r, e);
}

static void take_events(struct replay *r, bool all)
{
	struct recorded_notes *notes;
	struct event e;

	while (recorded_order_next(r->order, all, &e, &notes))
		judge(r, &e, notes);
}

static void take_record(void *arg, struct recorded *record)
{
	struct replay *r = arg;

	recorded_order_add(r->order, record);
	take_events(r, false);
}

static void finish(struct replay *r)
{
	take_events(r, true);
	while (watch_finish(r->watch, r->now_us) > 0)
		drain(r);
	drain(r);
}

/* ---- beginning and end ------------------------------------------------------------------------- */

static void on_conf_message(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s\n", message);
}

static int load_conf(struct replay *r, const struct replay_options *o)
{
	struct policy_settings s;
	char why[512];

	if (conf_load(o->conf, NULL, &r->conf, on_conf_message, on_conf_message, NULL) != 0)
		return COMMAND_INVALID;
	s = *policy_settings(r->conf->policy);
	if (o->enforce) {
		s.mode = MODE_ENFORCE;
		policy_set(r->conf->policy, &s);
	}
	r->enforce = s.mode == MODE_ENFORCE;
	privacy_key_open(&r->privacy, r->conf, false, why, sizeof(why));
	if (why[0])
		fprintf(stderr, "postern replay: %s\n", why);
	return COMMAND_FINE;
}

static int open_all(struct replay *r, const struct replay_options *o)
{
	struct watch_settings watch;
	struct eve_settings eve = { .path = "-",
		.format = o->format,
		.alerts_only = !o->records,
		.mode = "replay",
		.facility = SYSLOG_AUTHPRIV,
		.connections = CONNECTIONS };
	char err[ERR_BYTES];

	watch_settings_default(&watch);
	watch.sources = policy_watching(r->conf->policy)->sources;
	eve.config_hash = r->conf->hash;
	r->findings = ring_new(4096, sizeof(struct finding));
	r->orders = ring_new(64, sizeof(struct order));
	if (r->findings && r->orders)
		r->watch = watch_new(&watch, r->findings);
	r->intake = intake_new(CONNECTIONS, take_record, r);
	r->order = recorded_order_new(WAITING, window_us);
	r->forecast = forecast_new(r->conf->policy);
	if (!r->watch || !r->intake || !r->order || !r->forecast) {
		fprintf(stderr, "postern replay: not enough memory for the tables: %s\n", strerror(errno));
		return COMMAND_INVALID;
	}
	watch_set_orders(r->watch, r->orders);
	watch_set_forecast(r->watch, true);
	watch_set_policy(r->watch, r->conf->policy);
	r->eve = eve_open(&eve, r->conf->policy, err, sizeof(err));
	if (r->eve)
		return COMMAND_FINE;
	fprintf(stderr, "postern replay: %s\n", err);
	return COMMAND_INVALID;
}

static void close_all(struct replay *r)
{
	eve_close(r->eve);
	forecast_free(r->forecast);
	recorded_order_free(r->order);
	intake_free(r->intake);
	watch_free(r->watch);
	ring_free(r->orders);
	ring_free(r->findings);
	conf_free(r->conf);
}

/* 0, or a negative number if it could not be written. */
static int summarise(const struct replay *r, bool json)
{
	struct replay_summary s = {
		.conf = r->conf,
		.intake = r->intake,
		.forecast = r->forecast,
		.watch = watch_counts(r->watch),
		.events = r->events,
		.other_ports = r->other_ports,
		.records_lost = eve_counts(r->eve).lost,
		.took_ms = (clock_monotonic_ns() - r->began_ns) / 1000000,
		.first_us = r->first_us,
		.last_us = r->now_us,
		.order_records = WAITING,
		.order_us = window_us,
	};

	s.late = recorded_order_late(r->order, &s.late_most_us);
	if (json)
		return replay_summary_print_json(&s, stdout);
	replay_summary_print(&s, stderr);
	return 0;
}

static int parse_options(struct replay_options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "enforce", no_argument, NULL, 'E' },
		{ "records", no_argument, NULL, 'R' },
		{ "format", required_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'J' },
		{ NULL, 0, NULL, 0 },
	};
	char list[EVE_FORMATS_TEXT_MAX];
	int opt;

	while ((opt = getopt_long(argc, argv, "c:f:", longs, NULL)) != -1) {
		if (opt == 'c') {
			o->conf = optarg;
		} else if (opt == 'E') {
			o->enforce = true;
		} else if (opt == 'R') {
			o->records = true;
		} else if (opt == 'J') {
			o->json = true;
		} else if (opt == 'f' && eve_format_find(optarg) >= 0) {
			o->format = (enum eve_format)eve_format_find(optarg);
		} else {
			if (opt == 'f')
				fprintf(stderr, "postern replay: unknown format '%s'; there are %s\n", optarg,
				        eve_format_list(list));
			return COMMAND_USAGE;
		}
	}
	if (optind < argc)
		return COMMAND_FINE;
	fprintf(stderr, "postern replay: name at least one file of records, or - for standard input\n");
	return COMMAND_USAGE;
}

static int status_of(const struct replay *r, bool is_written)
{
	struct intake_counts in = intake_counts(r->intake);

	if (!is_written || in.unread > 0 || in.bad > 0 || eve_counts(r->eve).lost > 0 ||
	        watch_counts(r->watch).findings > 0)
		return COMMAND_INVALID;
	return in.records == 0 || intake_is_incomplete(r->intake) ? COMMAND_INCONCLUSIVE : COMMAND_FINE;
}

int replay_run(int argc, char **argv)
{
	struct replay_options options = { .conf = CONF_DEFAULT_PATH };
	struct replay r = { .began_ns = clock_monotonic_ns() };
	int status = parse_options(&options, argc, argv);

	if (status != COMMAND_FINE)
		return status;
	status = load_conf(&r, &options);
	if (status == COMMAND_FINE)
		status = open_all(&r, &options);
	if (status == COMMAND_FINE) {
		if (!options.json) /* else it is in the summary */
			unjudged_say(r.conf->policy, stderr);
		for (int i = optind; i < argc; i++)
			intake_file(r.intake, argv[i], &r.now_us);
		finish(&r);
		status = status_of(&r, eve_flush(r.eve) == 0);
		if (summarise(&r, options.json) < 0)
			status = COMMAND_INVALID;
	}
	close_all(&r);
	return status;
}
