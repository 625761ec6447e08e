/* status.c - `postern status`: is port 25 guarded, since when, how, and what is wrong; and where nobody answers, what
 * the kernel still does.
 *
 * Without posternd the rules speak: which tables of ours stand is found by their counters, as `postern down` does. So they do
 * where it runs and does not react: then what is to be inspected waits, since the kernel still has its queues.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "gate/gate.h"
#include "postern/live.h"
#include "postern/plural.h"
#include "report/field.h"

enum { ERR_BYTES = 512 };

/* ---- posternd answers ----------------------------------------------------------------------------- */

static void print_state(const json_t *line)
{
	bool enforce = strcmp(live_text(line, "mode"), "enforce") == 0;
	const json_t *guard = json_object_get(line, "guard");
	long long repairs = live_number(guard, "repairs");
	char since[LIVE_TIME_MAX], span[LIVE_SPAN_MAX];

	if (json_is_true(json_object_get(line, "enforced")))
		puts("ENFORCED: port 25 is guarded");
	else if (enforce)
		puts("NOT ENFORCED, although mode = enforce: see what is wrong below");
	else
		puts("monitor mode: nothing is refused, only told");
	printf("mode      %s since %s UTC\n", live_text(line, "mode"), live_time(line, "mode_since", since));
	printf("posternd  %s, process %lld, for %s\n", live_text(line, "version"), live_number(line, "pid"),
	        live_span(live_number(line, "uptime_s"), span));
	printf("table     inet %s: %s, repaired %lld time%s\n", live_text(line, "table"),
	        json_is_true(json_object_get(guard, "owned")) ? "nobody else can change it"
	                                                      : "others can change it",
	        repairs, plural((uint64_t)repairs));
	printf("rules     table inet %s, %lld of the configuration; without posternd inspected packets %s\n",
	        live_text(line, "table"), live_number(line, "rules"),
	        strcmp(live_text(line, "fail"), "open") == 0 ? "pass unseen (queue.fail = open)"
	                                                     : "are dropped (queue.fail = closed)");
	printf("conf      %s (%s)\n", live_text(line, "configuration"), live_text(line, "config"));
}

static void print_reload(const json_t *line)
{
	const json_t *reload = json_object_get(line, "reload");
	char at[LIVE_TIME_MAX];

	if (json_object_get(reload, "at"))
		printf("reload    %s UTC: %s\n", live_time(reload, "at", at),
		        json_is_true(json_object_get(reload, "taken"))
		                ? "taken"
		                : "NOT TAKEN, the one of before is in force");
	else
		puts("reload    none since the start");
}

static void print_sessions(const json_t *line)
{
	const json_t *s = json_object_get(line, "sessions"), *share = json_object_get(s, "read_share");

	printf("sessions  %lld read down to RCPT, %lld under TLS, %lld others",
	        live_number(s, "read_to_rcpt"), live_number(s, "tls"), live_number(s, "other"));
	if (share)
		printf(": %.1f %% were read", 100 * json_number_value(share));
	putchar('\n');
}

static void print_numbers(const json_t *line)
{
	const json_t *n = json_object_get(line, "numbers");

	printf("packets   %lld queued, %lld inspected, %lld PASSED WITHOUT INSPECTION, %lld refused\n",
	        live_number(n, "kernel.rules.queued"), live_number(n, "kernel.rules.inspected"),
	        live_number(n, "kernel.rules.blind"), live_number(n, "kernel.rules.refused"));
	printf("findings  %lld; open incidents: %lld\n", live_number(n, "watch.findings"),
	        live_number(n, "watch.incidents_open"));
}

static void print_store(const json_t *line)
{
	const json_t *s = json_object_get(line, "store");

	if (s)
		printf("store     %s: %s, %lld written, %lld waiting, %lld lost\n", live_text(s, "path"),
		        live_text(s, "state"), live_number(s, "written"), live_number(s, "waiting"),
		        live_number(s, "lost"));
	else
		puts("store     none: nothing outlives posternd (store.path is empty)");
}

static void print_silence(const json_t *line)
{
	char until[LIVE_TIME_MAX];
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(line, "suppressed"), i, row) {
		long long findings = live_number(row, "findings");

		printf("silent    %lld finding%s suppressed by \"%s\"", findings, plural((uint64_t)findings),
		        live_text(row, "name"));
		if (json_object_get(row, "until"))
			printf(" until %s UTC%s", live_time(row, "until", until),
			        json_is_true(json_object_get(row, "over")) ? ", WHICH IS OVER" : "");
		printf(": %s\n", live_text(row, "reason"));
	}
	if (live_number(line, "mutes") > 0)
		printf("muted     %lld; postern mutes shows whom; findings that were not told: %lld\n",
		        live_number(line, "mutes"),
		        live_number(json_object_get(line, "numbers"), "watch.findings_muted"));
}

static void print_slow(const json_t *line)
{
	const json_t *n = json_object_get(line, "numbers");

	if (live_number(n, "tap.held") > 0)
		printf("slow      replies held back: %lld, now: %lld, let go before their time: %lld\n",
		        live_number(n, "tap.held"), live_number(n, "tap.held_now"),
		        live_number(n, "tap.held_early"));
}

static void print_sources(const json_t *line)
{
	const json_t *s = json_object_get(line, "sources");

	printf("sources   %lld known, room for %lld, %lld forgotten for others\n", live_number(s, "known"),
	        live_number(s, "room"), live_number(s, "forgotten"));
	if (live_number(s, "windows_lost") > 0)
		printf("          windows of volume limits that ended EARLY for want of room: %lld; raise "
		       "watch.sources\n",
		        live_number(s, "windows_lost"));
}

static void print_blocks(const json_t *line)
{
	const json_t *b = json_object_get(line, "blocks");

	printf("blocks    %lld in force, %lld of them by rules; room for %lld\n", live_number(b, "count"),
	        live_number(b, "by_rules"), live_number(b, "places"));
	if (live_number(b, "limited") + live_number(b, "slowed") + live_number(b, "refused_sessions") > 0)
		printf("          %lld of them limited, %lld slowed, %lld refused sessions\n",
		        live_number(b, "limited"), live_number(b, "slowed"),
		        live_number(b, "refused_sessions"));
}

static void print_workers(const json_t *line)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(line, "workers"), i, row)
		printf("worker    queue %lld: packets %lld, waiting %lld, dropped %lld; connections %lld; "
		       "recipients %lld, %lld of them refused by us\n",
		        live_number(row, "queue"), live_number(row, "packets"), live_number(row, "waiting"),
		        live_number(row, "dropped"), live_number(row, "connections"),
		        live_number(row, "recipients"), live_number(row, "refused"));
}

static void print_wrong(const json_t *line)
{
	const json_t *text;
	size_t i;

	json_array_foreach (json_object_get(line, "wrong"), i, text)
		printf("WRONG     %s\n", json_string_value(text));
	if (json_array_size(json_object_get(line, "wrong")) == 0)
		puts("wrong     nothing");
}

static void print_lists(const json_t *line)
{
	const json_t *rows = json_object_get(line, "dnsbl"), *row;
	size_t i;

	json_array_foreach (rows, i, row)
		printf("DNS list  %s: %s, %lld asked, %lld listed, %lld failed, %lld timed out, %lld of the "
		       "cache, %lld not asked\n",
		        live_text(row, "zone"), live_text(row, "state"), live_number(row, "asked"),
		        live_number(row, "listed"), live_number(row, "failed"), live_number(row, "timeouts"),
		        live_number(row, "cache_hits"), live_number(row, "not_asked"));
}

/* What is not enforced although it should be is said as wrong by whoever keeps it from being so; a script need not know. */
static bool finds(const json_t *line)
{
	bool enforce = strcmp(live_text(line, "mode"), "enforce") == 0;

	return json_array_size(json_object_get(line, "wrong")) > 0 ||
	       (enforce && !json_is_true(json_object_get(line, "enforced")));
}

static void print_status(void *arg, const json_t *line)
{
	(void)arg;
	print_state(line);
	print_reload(line);
	print_sessions(line);
	print_numbers(line);
	print_silence(line);
	print_slow(line);
	print_sources(line);
	print_blocks(line);
	print_workers(line);
	print_lists(line);
	print_store(line);
	print_wrong(line);
}

/* ---- nobody answers -------------------------------------------------------------------------------- */

struct stopped {
	struct gate *gate;
	const struct conf *conf; /* NULL = cannot be read */
	unsigned tables;
	bool stuck;    /* it runs, and does not react */
	int elsewhere; /* the process that runs and is asked at another place; 0 = none is known */
	json_t *rows;  /* NULL = text */
};

static const char *what_passes(const struct stopped *s)
{
	const struct conf *conf = s->conf;

	if (s->elsewhere > 0)
		return "what is to be inspected goes to it";
	if (s->stuck)
		return "what is to be inspected waits in its queues for as long as its workers stand still, "
		       "too";
	if (!conf)
		return "what they would have inspected passes unseen or is dropped, as queue.fail says";
	return conf->queue.fail == CONF_FAIL_OPEN ? "what they would have inspected PASSES WITHOUT INSPECTION"
	                                          : "what they would have inspected is DROPPED";
}

static void tell_table(void *arg, const char *table)
{
	struct stopped *s = arg;
	struct gate_counts counts = { 0 };

	s->tables++;
	(void)gate_read_counts(s->gate, table, &counts);
	if (s->rows) {
		(void)json_array_append_new(
		        s->rows, json_pack("{s:s, s:I, s:I}", "table", table, "blind",
		                         (json_int_t)counts.blind, "refused", (json_int_t)counts.refused));
		return;
	}
	printf("rules     table inet %s is still in force: pairs that it refuses are refused, %s\n", table,
	        what_passes(s));
	printf("packets   %" PRIu64 " passed without inspection so far, %" PRIu64 " were refused\n",
	        counts.blind, counts.refused);
}

static void skip_table(void *arg, const char *table)
{
	(void)arg, (void)table;
}

/* Whether the kernel says what it has; if not, why: that is no sign of anything else. */
static bool open_rules(struct stopped *s, char *why, unsigned why_bytes)
{
	snprintf(why, why_bytes, "the kernel does not tell");
	s->gate = gate_open(why, why_bytes);
	return s->gate && gate_find_tables(s->gate, skip_table, NULL) >= 0;
}

static void tell_state(const struct live *l, bool rules_known)
{
	static const char start[] =
	        "          to start it: systemctl start postern; --socket PATH or -c FILE "
	        "says where one listens that runs";

	if (l->is_guess) {
		printf("NOT KNOWN: nobody answers at %s, and where posternd listens is not known: its "
		       "configuration cannot be read (postern check); --socket PATH names it\n",
		        l->path);
		return;
	}
	printf("%s: nobody answers at %s, posternd DOES NOT RUN (or has another control.path)%s\n",
	        rules_known ? "NOT ENFORCED" : "NOT KNOWN", l->path,
	        rules_known ? "" : "; what its rules still do could not be read");
	puts(start);
}

static void tell_stuck(const struct live *l)
{
	char who[LIVE_WHO_MAX], remedy[LIVE_REMEDY_MAX];

	printf("NOT KNOWN: %s runs, and does not react: no answer at %s in %u s\n"
	       "          to end it: %s\n",
	        live_who(l, who), l->path, live_waited_s(l), live_remedy(l, remedy));
}

static void tell_elsewhere(const struct live *l, int pid)
{
	printf("NOT KNOWN: nobody answers at %s, but posternd (process %d) runs, and does not listen there\n"
	       "          if control.path was changed in %s, it is asked at the old one (--socket OLD) until "
	       "it is "
	       "restarted\n",
	        l->path, pid, live_conf(l));
}

static void tell_rules(struct stopped *s)
{
	(void)gate_find_tables(s->gate, tell_table, s);
	if (s->rows)
		return;
	if (s->tables == 0)
		puts("rules     none of ours are in the kernel: port 25 is NOT GUARDED");
	else
		puts("          to remove the rules: postern down");
}

static void set_state(json_t *line, const struct live *l, const struct stopped *s, const char *why)
{
	bool runs = s->stuck || s->elsewhere > 0, unknown = l->is_guess || runs;

	(void)json_object_set_new(line, "running",
	        runs          ? json_true()
	        : l->is_guess ? json_null()
	                      : json_false());
	if (runs)
		field_set_uint(line, "pid", (uint64_t)(s->stuck ? l->pid : s->elsewhere));
	if (s->stuck)
		field_set(line, "reacts", json_false());
	(void)json_object_set_new(line, "enforced", unknown || why ? json_null() : json_false());
	(void)json_object_set(line, "tables", why ? json_null() : s->rows);
	if (why)
		field_set_text(line, "rules_unknown", why);
}

static int tell_stopped(const struct live *l)
{
	struct stopped s = { .stuck = live_is_stuck(l),
		.elsewhere = live_elsewhere(l),
		.rows = l->json ? json_array() : NULL };
	struct conf *conf = NULL;
	json_t *line = l->json ? protocol_new("status") : NULL;
	char why[ERR_BYTES], *text;
	bool known = open_rules(&s, why, sizeof(why));
	size_t len = 0;

	(void)conf_load(live_conf(l), NULL, &conf, NULL, NULL, NULL);
	s.conf = conf;
	if (!line && s.stuck)
		tell_stuck(l);
	else if (!line && s.elsewhere > 0)
		tell_elsewhere(l, s.elsewhere);
	else if (!line)
		tell_state(l, known);
	if (known)
		tell_rules(&s);
	else if (!line)
		printf("rules     could not be read: %s\n", why);
	if (line) {
		set_state(line, l, &s, known ? NULL : why);
		text = protocol_print(line, &len);
		if (text)
			fwrite(text, 1, len, stdout);
		free(text);
	}
	json_decref(s.rows);
	gate_close(s.gate);
	conf_free(conf);
	return COMMAND_UNREACHABLE;
}

int status_run(int argc, char **argv)
{
	struct live live;
	int status;

	if (!live_options(&live, argc, argv, NULL, 0))
		return COMMAND_USAGE;
	live.silent = true;
	live.finds = finds;
	status = live_ask(&live, protocol_new("status"), print_status, NULL);
	if (status != COMMAND_UNREACHABLE)
		return status;
	if (live_is_alone(&live) || live_is_stuck(&live))
		return tell_stopped(&live);
	live_tell_unreachable(&live);
	return status;
}
