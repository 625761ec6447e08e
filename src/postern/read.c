/* read.c - `postern read`: captures through the same engines as live traffic, records on stdout.
 *
 * Packet time is the only clock. Each capture is its own little world: its connections end with it.
 * Findings, and captures that cannot be read to their end, make the exit status 1. Without -c and without --home or --domain nothing counts as ours, so no recipient is judged.
 */
#include "postern/commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ring.h"
#include "conf/conf.h"
#include "inspect.h"
#include "policy/policy.h"
#include "policy/watching.h"
#include "postern/copies.h"
#include "postern/plural.h"
#include "postern/steps.h"
#include "posternd/privacy_key.h"
#include "report/eve.h"
#include "report/syslog.h"
#include "tap/pcap.h"
#include "watch/watch.h"
#include "wire/fragments.h"

enum { LIST_MAX = 256, ERR_BYTES = 512, DATAGRAMS = 256 };

struct read_options {
	const char *conf;
	const char *home[LIST_MAX];
	const char *domains[LIST_MAX];
	uint16_t ports[POLICY_PORTS_MAX];
	unsigned home_count, domain_count, port_count;
	enum eve_format format;
};

struct reader {
	struct conf *conf;
	struct ring *events, *findings;
	struct inspect *inspect;
	struct fragments *fragments;
	struct copies *copies;
	struct watch *watch;
	struct eve *eve;
	struct privacy privacy;
	struct steps steps;
	uint64_t now_us;
	uint64_t packets, not_ip, captures, bad;
};

static void drain_findings(struct reader *r)
{
	const struct finding *f;

	while ((f = ring_front(r->findings))) {
		eve_finding(r->eve, f);
		ring_pop(r->findings);
	}
}

static void drain(struct reader *r)
{
	const struct event *e, *of_record, *of_alert;
	struct event hidden;

	while ((e = ring_front(r->events))) {
		privacy_split(&r->privacy, e, &hidden, &of_record, &of_alert);
		watch_event(r->watch, of_alert);
		eve_event(r->eve, of_record);
		ring_pop(r->events);
		drain_findings(r);
	}
}

/* As in the daemon: what was over before this packet is over. */
static void pass_time(struct reader *r)
{
	while (steps_next(&r->steps, r->now_us)) {
		inspect_tick(r->inspect, r->steps.now_us);
		drain(r);
		watch_tick(r->watch, r->steps.now_us);
		drain_findings(r);
	}
}

static void on_packet(void *arg, const struct packet *packet, const uint8_t *bytes)
{
	struct reader *r = arg;
	struct verdict verdict;
	struct packet whole, here;
	const uint8_t *whole_bytes;

	if (packet->time_us > r->now_us)
		r->now_us = packet->time_us;
	pass_time(r);
	if (fragments_push(r->fragments, packet, bytes, &whole, &whole_bytes)) {
		if (!whole_bytes)
			return;
		packet = &whole;
		bytes = whole_bytes;
	}
	if (copies_has(r->copies, packet, bytes))
		return;
	here = *packet;
	here.in_if = 0; /* it is another machine's, and has another name here */
	inspect_packet(r->inspect, &here, bytes, &verdict);
	drain(r);
}

static void finish(struct reader *r)
{
	fragments_finish(r->fragments);
	while (inspect_finish(r->inspect, r->now_us) > 0)
		drain(r);
	drain(r);
	while (watch_finish(r->watch, r->now_us) > 0)
		drain_findings(r);
	drain_findings(r);
}

static int read_capture(struct reader *r, const char *path)
{
	char err[ERR_BYTES] = "";
	struct pcap_tap *tap = pcap_tap_open(path, err, sizeof(err));
	int result;

	r->captures++;
	if (!tap) {
		fprintf(stderr, "postern read: %s\n", err);
		return -EINVAL;
	}
	r->now_us = 0;
	r->steps = (struct steps) { 0 };
	copies_reset(r->copies);
	result = pcap_tap_run(tap, on_packet, r, err, sizeof(err));
	if (result != 0)
		fprintf(stderr, "postern read: %s\n", err);
	finish(r);
	r->packets += pcap_tap_packets(tap);
	r->not_ip += pcap_tap_not_ip(tap);
	pcap_tap_close(tap);
	return result;
}

static void on_conf_error(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s\n", message);
}

/* Of an option: no file is named before it. */
static void on_option_error(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "postern read: %s\n", message);
}

static void on_conf_warning(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "%s\n", message);
}

static int load_conf(const struct read_options *o, struct conf **conf)
{
	if (o->conf)
		return conf_load(o->conf, NULL, conf, on_conf_error, on_conf_warning, NULL);
	return conf_offline(o->home, o->home_count, o->domains, o->domain_count, o->ports, o->port_count,
	        conf, on_option_error, NULL);
}

static int reader_open(struct reader *r, const struct read_options *o)
{
	struct inspect_settings inspect;
	struct watch_settings watch;
	struct eve_settings eve = { .path = "-",
		.format = o->format,
		.mode = "offline",
		.connections = 65536,
		.facility = SYSLOG_AUTHPRIV };
	char err[ERR_BYTES];

	if (load_conf(o, &r->conf) != 0)
		return COMMAND_INVALID;
	privacy_key_open(&r->privacy, r->conf, false, err, sizeof(err));
	if (err[0])
		fprintf(stderr, "postern read: %s\n", err);
	inspect_settings_default(&inspect, 1);
	watch_settings_default(&watch);
	watch.sources = policy_watching(r->conf->policy)->sources;
	eve.config_hash = r->conf->hash;
	r->events = ring_new(16384, sizeof(struct event));
	r->findings = ring_new(4096, sizeof(struct finding));
	if (r->events)
		r->inspect = inspect_new(&inspect, r->events, r->conf->policy);
	if (r->findings)
		r->watch = watch_new(&watch, r->findings);
	if (r->watch)
		watch_set_policy(r->watch, r->conf->policy);
	r->fragments = fragments_new(DATAGRAMS);
	r->copies = copies_new();
	if (!r->inspect || !r->watch || !r->fragments || !r->copies) {
		fprintf(stderr, "postern read: not enough memory for the tables: %s\n", strerror(errno));
		return COMMAND_INVALID;
	}
	r->eve = eve_open(&eve, r->conf->policy, err, sizeof(err));
	if (!r->eve) {
		fprintf(stderr, "postern read: %s\n", err);
		return COMMAND_INVALID;
	}
	return COMMAND_FINE;
}

static void reader_close(struct reader *r)
{
	eve_close(r->eve);
	watch_free(r->watch);
	inspect_free(r->inspect);
	fragments_free(r->fragments);
	copies_free(r->copies);
	ring_free(r->findings);
	ring_free(r->events);
	conf_free(r->conf);
}

static void print_count(const char *before, uint64_t count, const char *noun)
{
	fprintf(stderr, "%s%ju %s%s", before, (uintmax_t)count, noun, plural(count));
}

/* In one line; what went wrong only if something did. */
static void summarise(const struct reader *r)
{
	const uint64_t *n = inspect_counters(r->inspect)->n;
	struct watch_counts w = watch_counts(r->watch);
	struct fragments_counts f = fragments_counts(r->fragments);
	uint64_t sessions = n[COUNTER_SESSIONS_READ] + n[COUNTER_SESSIONS_TLS] + n[COUNTER_SESSIONS_OTHER];

	print_count("postern read: ", r->captures, "capture");
	if (r->bad > 0)
		fprintf(stderr, " (%ju unreadable or cut)", (uintmax_t)r->bad);
	print_count(", ", r->packets, "packet");
	if (r->not_ip > 0)
		fprintf(stderr, " (%ju not IP)", (uintmax_t)r->not_ip);
	if (f.fragments > 0) {
		print_count(" (", f.fragments, "fragment");
		print_count(" of ", f.whole, "datagram");
		fprintf(stderr, ", %ju never whole)", (uintmax_t)f.lost);
	}
	print_count(", ", sessions, "connection");
	fprintf(stderr, " (%ju read down to RCPT, %ju under TLS)", (uintmax_t)n[COUNTER_SESSIONS_READ],
	        (uintmax_t)n[COUNTER_SESSIONS_TLS]);
	print_count(", ", n[COUNTER_TRANSACTIONS], "transaction");
	print_count(", ", n[COUNTER_RCPT], "recipient");
	print_count(", ", w.findings, "finding");
	fputc('\n', stderr);
	if (copies_count(r->copies) > 0) {
		print_count("postern read: ", copies_count(r->copies), "packet");
		fputs(" captured a second time at another interface and skipped\n", stderr);
	}
	if (n[COUNTER_EVENTS_LOST] || w.findings_lost || eve_counts(r->eve).lost)
		fprintf(stderr, "postern read: lost: %ju events, %ju findings, %ju records\n",
		        (uintmax_t)n[COUNTER_EVENTS_LOST], (uintmax_t)w.findings_lost,
		        (uintmax_t)eve_counts(r->eve).lost);
}

/* Adds an option's argument to a list of LIST_MAX. */
static bool add_text(const char **list, unsigned *count, const char *option, const char *text)
{
	if (*count == LIST_MAX) {
		fprintf(stderr, "postern read: %s is given more than %d times; use a configuration (-c)\n",
		        option, LIST_MAX);
		return false;
	}
	list[(*count)++] = text;
	return true;
}

/* "25,2525" to o->ports. False if that is no list of ports. */
static bool parse_ports(struct read_options *o, const char *text)
{
	char *end;
	unsigned long port;

	do {
		port = strtoul(text, &end, 10);
		if (end == text || port == 0 || port > UINT16_MAX || o->port_count == POLICY_PORTS_MAX)
			return false;
		o->ports[o->port_count++] = (uint16_t)port;
		text = end + 1;
	} while (*end == ',');
	return *end == '\0';
}

static bool parse_format(struct read_options *o, const char *text)
{
	int format = eve_format_find(text);
	char list[EVE_FORMATS_TEXT_MAX];

	if (format < 0)
		fprintf(stderr, "postern read: unknown format '%s'; there are %s\n", text,
		        eve_format_list(list));
	else
		o->format = (enum eve_format)format;
	return format >= 0;
}

static int parse_options(struct read_options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "home", required_argument, NULL, 'H' },
		{ "domain", required_argument, NULL, 'D' },
		{ "ports", required_argument, NULL, 'P' },
		{ "format", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "c:f:", longs, NULL)) != -1) {
		switch (opt) {
		case 'c':
			o->conf = optarg;
			break;
		case 'H':
			if (!add_text(o->home, &o->home_count, "--home", optarg))
				return COMMAND_USAGE;
			break;
		case 'D':
			if (!add_text(o->domains, &o->domain_count, "--domain", optarg))
				return COMMAND_USAGE;
			break;
		case 'P':
			if (!parse_ports(o, optarg)) {
				fprintf(stderr,
				        "postern read: --ports '%s' is no list of at most %d ports such as "
				        "25,2525\n",
				        optarg, POLICY_PORTS_MAX);
				return COMMAND_USAGE;
			}
			break;
		case 'f':
			if (!parse_format(o, optarg))
				return COMMAND_USAGE;
			break;
		default:
			return COMMAND_USAGE;
		}
	}
	if (o->conf && (o->home_count || o->domain_count || o->port_count)) {
		fprintf(stderr, "postern read: -c already says what is ours; leave out --home, --domain and "
		                "--ports\n");
		return COMMAND_USAGE;
	}
	if (optind == argc) {
		fprintf(stderr, "postern read: name at least one capture, or - for standard input\n");
		return COMMAND_USAGE;
	}
	return COMMAND_FINE;
}

int read_run(int argc, char **argv)
{
	struct read_options options = { 0 };
	struct reader r = { 0 };
	int status = parse_options(&options, argc, argv), i;

	if (status != COMMAND_FINE)
		return status;
	status = reader_open(&r, &options);
	if (status == COMMAND_FINE) {
		for (i = optind; i < argc; i++)
			r.bad += read_capture(&r, argv[i]) != 0;
		if (eve_flush(r.eve) != 0 || r.bad > 0 || eve_counts(r.eve).lost > 0 ||
		        watch_counts(r.watch).findings > 0)
			status = COMMAND_INVALID;
		summarise(&r);
	}
	reader_close(&r);
	return status;
}
